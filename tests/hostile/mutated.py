"""Signed ballots, changed on their way: none may be taken for a ballot of its author.

    python -m tests.hostile.mutated                          # 10^6, in minutes
    python -m tests.hostile.mutated --count 20000 --seed 7

Ballots of a sealed run, with derived and with explicit ids, from their authors and passed on by
others, are mutated: single bits, several bits, bytes, cuts, additions, exchanged pieces, and
pieces of one frame in another, among them whole signatures and ballots of another run.  Each
mutant goes through the decoder of a peer that knows all authors.  *Accepted* is a ballot that
nobody signed, or a signed one in other bytes.  *Crashed* is anything raised but RemoteError.
Counted apart are mutants that are read as a message of another kind, which are not signed, and
those that happen to be what any member may send, the true ballot of another, passed on.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from tallyp2p.errors import RemoteError
from tallyp2p.messages import Ballot
from tallyp2p.parameters import Ids, RunParameters, Seal
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, identity_of
from tests.benchmarks.record import parser, report
from tests.world import ballot_of

__all__ = ["Outcome", "main", "mutants", "put"]

RUN = RunParameters(pool=300, probes=8, rounds_per_ballot=2, seal=Seal.ED25519)
RUNS = (RUN, replace(RUN, ids=Ids.EXPLICIT))
_AUTHORS, _ROUNDS = 4, (0, 2, 4)
_INSTANCE = b"instance"


@dataclass(frozen=True)
class Sent:
    """A frame that an honest peer sends, and who says it on whose connection."""

    run: RunParameters
    sender: bytes
    frame: bytes


@dataclass
class Outcome:
    """What became of the mutants."""

    refused: Counter[str] = field(default_factory=Counter)  # by reason
    other: Counter[str] = field(default_factory=Counter)  # read as another kind, by its name
    accepted: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        counted = sum(self.refused.values()) + sum(self.other.values())
        return counted + len(self.accepted) + len(self.crashed)


class Peers:
    """Codecs of a few peers, and one that judges."""

    def __init__(self) -> None:
        self.secrets = [hashlib.sha256(b"author %d" % at).digest() for at in range(_AUTHORS)]
        identities = [identity_of(secret) for secret in self.secrets]
        authors = [hashlib.sha256(identity).digest()[:8] for identity in identities]
        known = {a: (i, _INSTANCE) for a, i in zip(authors, identities, strict=True)}
        self.codecs = {
            (run.digest, author): Codec(
                run, author, Sealer(run.digest, secret, _INSTANCE, known.get)
            )
            for run in RUNS
            for author, secret in zip(authors, self.secrets, strict=True)
        }
        judge = hashlib.sha256(b"judge").digest()
        self.judges = {
            run.digest: Codec(run, b"judge---", Sealer(run.digest, judge, b"", known.get))
            for run in RUNS
        }
        self.sent = list(self._frames(authors))

    def _frames(self, authors: list[bytes]) -> Iterator[Sent]:
        for run in RUNS:
            for author in authors:
                own = self.codecs[run.digest, author]
                for round in _ROUNDS:
                    ballot = own.seal(ballot_of(run, author, round))
                    yield Sent(run, author, own.encode(ballot))
                    other = authors[(authors.index(author) + 1) % len(authors)]
                    yield Sent(run, other, self.codecs[run.digest, other].encode(ballot))


def _bit(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    at = chance.randrange(8 * len(frame))
    return _flipped(frame, at)


def _flipped(frame: bytes, *places: int) -> bytes:
    changed = bytearray(frame)
    for at in places:
        changed[at // 8] ^= 0x80 >> at % 8
    return bytes(changed)


def _bits(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    return _flipped(frame, *(chance.randrange(8 * len(frame)) for _ in range(chance.randint(2, 9))))


def _bytes(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    at, size = chance.randrange(len(frame)), chance.randint(1, 8)
    return frame[:at] + chance.randbytes(len(frame[at : at + size])) + frame[at + size :]


def _cut(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    at = chance.randrange(len(frame))
    return frame[:at] + frame[at + chance.randint(1, len(frame)) :]


def _added(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    at = chance.randint(0, len(frame))
    return frame[:at] + chance.randbytes(chance.randint(1, 40)) + frame[at:]


def _exchanged(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    a, b, c = sorted(chance.randint(0, len(frame)) for _ in range(3))
    return frame[:a] + frame[b:c] + frame[a:b] + frame[c:]


def _spliced(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    other = chance.choice(others).frame
    return frame[: chance.randint(0, len(frame))] + other[chance.randint(0, len(other)) :]


def _signature(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    return frame[:-64] + chance.choice(others).frame[-64:]


def _whole(chance: Random, frame: bytes, others: list[Sent]) -> bytes:
    """Another's frame, on this sender's connection and in this run."""
    return chance.choice(others).frame


KINDS: tuple[Callable[[Random, bytes, list[Sent]], bytes], ...] = (
    _bit,
    _bits,
    _bytes,
    _cut,
    _added,
    _exchanged,
    _spliced,
    _signature,
    _whole,
)


def mutants(peers: Peers, count: int, seed: int) -> Iterator[tuple[Sent, bytes]]:
    """`count` mutants, with what each was made of: first every single bit of four frames, one
    of each kind, then by chance."""
    made = 0
    for sent in (*peers.sent[:2], *peers.sent[len(peers.sent) // 2 :][:2]):
        for at in range(8 * len(sent.frame)):
            if made == count:
                return
            made += 1
            yield sent, _flipped(sent.frame, at)
    chance = Random(f"mutants {seed}")
    # Said by the same sender in the same run, these are no mutants.
    said = {(sent.run.digest, sent.sender, sent.frame) for sent in peers.sent}
    while made < count:
        sent = chance.choice(peers.sent)
        frame = chance.choice(KINDS)(chance, sent.frame, peers.sent)
        if (sent.run.digest, sent.sender, frame) not in said:
            made += 1
            yield sent, frame


def put(count: int, seed: int, told: Callable[[Outcome], None] = lambda outcome: None) -> Outcome:
    """Make `count` mutants and put them to the decoder; `told` hears of every 50,000th."""
    peers, outcome = Peers(), Outcome()
    true = _signed(peers)
    began = time.perf_counter()
    for number, (sent, frame) in enumerate(mutants(peers, count, seed), 1):
        try:
            message = peers.judges[sent.run.digest].decode(frame, sent.sender)
        except RemoteError as error:
            outcome.refused[error.reason.name] += 1
        except Exception as error:
            outcome.crashed.append(f"{error!r} for {frame.hex()} by {sent.sender.hex()}")
        else:
            if type(message) is not Ballot:
                outcome.other[type(message).__name__] += 1
            elif _passed_on(sent, message, true) == frame:
                outcome.other["Ballot of another, passed on"] += 1
            else:
                outcome.accepted.append(f"{frame.hex()} by {sent.sender.hex()}")
        if number % 50_000 == 0:
            outcome.seconds = time.perf_counter() - began
            told(outcome)
    outcome.seconds = time.perf_counter() - began
    return outcome


_Signed = dict[tuple[bytes, bytes, int], bytes]


def _signed(peers: Peers) -> _Signed:
    """The one frame in which each ballot is passed on, by (run, author, round)."""
    found = {}
    for sent in peers.sent:
        ballot = peers.judges[sent.run.digest].decode(sent.frame, sent.sender)
        assert isinstance(ballot, Ballot)
        if ballot.author != sent.sender:
            found[sent.run.digest, ballot.author, ballot.round] = sent.frame
    return found


def _passed_on(sent: Sent, ballot: Ballot, true: _Signed) -> bytes | None:
    """What any member may send of a true ballot: exactly these bytes, as its author made it."""
    if ballot.author == sent.sender:
        return None
    return true.get((sent.run.digest, ballot.author, ballot.round))


def main(arguments: list[str] | None = None) -> int:
    """Put a million mutants; exit code 1 when any was accepted, or crashed the decoder."""
    options = parser(__doc__ or "")
    options.description = (__doc__ or "").split("\n\n")[0]
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args(arguments)

    def told(outcome: Outcome) -> None:
        print(f"{outcome.total:>9,} in {outcome.seconds:.0f} s", flush=True)

    outcome = put(chosen.count, chosen.seed, told)
    rows = [
        ("mutants", float(outcome.total), "", ""),
        ("accepted", float(len(outcome.accepted)), "", "0"),
        ("crashed", float(len(outcome.crashed)), "", "0"),
        ("neither", float(sum(outcome.other.values())), "", ""),
        *((f"refused {name}", float(n), "", "") for name, n in outcome.refused.most_common()),
        ("a second", outcome.total / max(outcome.seconds, 1e-9), "", ""),
    ]
    settings = {"seed": chosen.seed, "count": chosen.count, "other": dict(outcome.other)}
    report("mutated", rows, chosen.out, settings=settings)
    for line in (*outcome.accepted[:5], *outcome.crashed[:5]):
        print(line)
    return int(bool(outcome.accepted or outcome.crashed))


if __name__ == "__main__":
    raise SystemExit(main())
