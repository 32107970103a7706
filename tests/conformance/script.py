"""Scripts of chapter 9.3, put together: who says what when, and what must come of it.

One peer, `me`, is played by the implementation under test; `a`, `b` and `c` are voices.  What
a method says of the last step: `sends` in order, `never`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.conformance import reference
from tests.conformance.cases import BASE, VERDICTS, Case
from tests.conformance.frames import Voice

__all__ = ["BROADCAST", "PATIENT", "Script"]

BROADCAST = {**BASE, "spreading": "broadcast"}
PATIENT: dict[str, Any] = {"patience": 100, "suspect_after": 1_000}  # nobody is asked


class Script:
    """One case in the making."""

    def __init__(
        self,
        name: str,
        clauses: str,
        run: Case = BASE,
        should: bool = False,
        **timing: Any,
    ) -> None:
        self.name, self.clauses, self.run, self.should = name, clauses, run, should
        self.timing = timing
        self.me = Voice(run, "me", "tcp://10.0.0.1:5000")
        self.a, self.b, self.c, self.d = (
            Voice(run, who, f"tcp://10.0.0.{at}:5000") for at, who in enumerate("abcd", start=2)
        )
        self.labels = [(7 * probe + 3) % 11 for probe in range(run["pool"])]
        self._steps: list[Case] = []
        self._shown: list[Case] = []
        self._tallies: Case = {}
        self._members: Case = {}

    # --- what happens -------------------------------------------------------------------

    def _step(self, at: int, do: str, **with_: Any) -> Script:
        self._steps.append({"at": at, "do": do, **with_})
        self._shown.append({})
        return self

    def start(self, *seeds: Voice, fresh: bool = True) -> Script:
        return self._step(0, "start", seeds=[seed.endpoint for seed in seeds], fresh=fresh)

    def receive(self, at: int, frame: bytes, link: str = "a", refused: str = "") -> Script:
        """A frame comes, and is accepted unless `refused` names a reason."""
        self._step(at, "receive", link=link, frame=frame.hex())
        return self._judged(refused)

    def receive_parts(self, at: int, *frames: bytes, link: str = "a") -> Script:
        self._step(at, "receive", link=link, frames=[frame.hex() for frame in frames])
        return self._judged("MALFORMED")

    def _judged(self, refused: str) -> Script:
        shown = self._shown[-1]
        shown["verdict"] = VERDICTS.get(refused, "reject") if refused else "accept"
        if refused:
            shown["reason"] = refused
        return self

    def open(self) -> Script:
        """What the verdict on the last message is, the text leaves open."""
        self._shown[-1].pop("verdict", None)
        self._shown[-1].pop("reason", None)
        return self

    def lost(self, at: int, to: Voice) -> Script:
        return self._step(at, "lost", endpoint=to.endpoint)

    def wait(self, at: int) -> Script:
        return self._step(at, "wait")

    def stop(self, at: int) -> Script:
        return self._step(at, "stop")

    def meet(self, at: int, *others: Voice, **changes: Any) -> Script:
        """Others say HELLO, each on its own link, as members from round 0 on."""
        for number, other in enumerate(others):
            fields = {"start": 0, "known": 1 + len(others) + 1, **changes}
            self.receive(at + number, other.hello(**fields), other.name)
        return self

    # --- what comes of it ---------------------------------------------------------------

    def sends(self, to: Voice | str, kind: str, **fields: Any) -> Script:
        self._shown[-1].setdefault("send", []).append(_pattern(to, kind, fields))
        return self

    def never(self, kind: str, to: Voice | str = "*", **fields: Any) -> Script:
        self._shown[-1].setdefault("not", []).append(_pattern(to, kind, fields))
        return self

    def silent(self, *kinds: str) -> Script:
        """Nothing of these kinds is sent in this step; by default nothing but HELLO and grease."""
        for kind in kinds or ("BYE", "ERROR", "PONG", "PEERS", "VOTE", "DIGEST", "HAVE", "WANT"):
            self.never(kind)
        return self

    def tally(self, round: int, ballots: Mapping[Voice, bytes] | None) -> Script:
        """The tally of a round in which these ballots and the own one count; None: none taken."""
        if ballots is None:
            self._tallies[str(round)] = None
            return self
        ids = self.ids(round)
        read = []
        for votes in (self.own(round), *ballots.values()):
            labels = reference.unpack(votes, len(ids), reference.label_bits(self.run))
            read.append(list(zip(ids, labels, strict=True)))
        run = reference.run_id(self.run)
        decided = reference.tally(read, self.run["classes"], round)
        self._tallies[str(round)] = reference.tally_digest(run, round, decided).hex()
        return self

    def member(self, who: Voice, state: str | None) -> Script:
        self._members[who.author.hex()] = state
        return self

    def case(self) -> Case:
        me: Case = {**self.me.sender, "endpoint": self.me.endpoint}
        if self.me.sealed:
            me["secret"] = self.me.secret.hex()
        given: Case = {"run": self.run, "self": me, "labels": self.labels, "steps": self._steps}
        if self.timing:
            given["timing"] = self.timing
        expect: Case = {"steps": self._shown}
        if self._tallies:
            expect["tallies"] = self._tallies
        if self._members:
            expect["members"] = self._members
        found: Case = {"name": self.name, "clauses": self.clauses.split()}
        if self.should:
            found["should"] = True
        return {**found, "input": given, "expect": expect}

    # --- ballots ------------------------------------------------------------------------

    def ids(self, round: int) -> list[int]:
        """The probes of a round; with explicit ids those that the peer under test names."""
        votes = self.run["probes"] * self.run["rounds_per_ballot"]
        if self.run["ids"] == "explicit":
            return sorted((round + i) % self.run["pool"] for i in range(votes))
        return reference.derive(reference.run_id(self.run), round, self.run["pool"], votes)

    def own(self, round: int) -> bytes:
        """The votes of the peer under test."""
        labels = [self.labels[probe] for probe in self.ids(round)]
        return reference.pack(labels, reference.label_bits(self.run))

    def votes(self, who: Voice, round: int, salt: str = "") -> bytes:
        """Votes that follow from their author and round."""
        highest = self.run["classes"] - (not self.run["abstain"])
        drawn = hashlib.sha256(f"{who.name} {round} {salt}".encode()).digest()
        labels = [drawn[n] % (highest + 1) for n in range(len(self.ids(round)))]
        return reference.pack(labels, reference.label_bits(self.run))

    def vote(self, who: Voice, round: int, salt: str = "", relayed: bool = False) -> bytes:
        """The frame of such a ballot."""
        ids: Sequence[int] | None = None
        if self.run["ids"] == "explicit":
            ids = self.ids(round)
        return who.vote(round, self.votes(who, round, salt), ids, relayed)

    def roster(self, *members: tuple[Voice, int | None]) -> int:
        """MEMBER-7."""
        value = 0
        for who, start in members:
            spread = 0 if start is None else (start + 1) * 2654435761 % 2**32
            value ^= int.from_bytes(who.author[:4], "big") ^ spread
        return value

    def tag(self, who: Voice, round: int, salt: str = "") -> bytes:
        run = reference.run_id(self.run)
        return reference.tag(run, who.author, round, (), self.votes(who, round, salt))


def _pattern(to: Voice | str, kind: str, fields: Case) -> Case:
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()}
    found: Case = {"message": {"kind": kind, **shown}}
    where = to if isinstance(to, str) else to.endpoint
    return found if where == "*" else {"to": where, **found}
