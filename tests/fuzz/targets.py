"""What is fuzzed: any bytes to a decoder, and any conversation to a machine.

Both take plain bytes, so that a coverage-guided fuzzer (`python -m tests.fuzz`), hypothesis and a
kept corpus can all feed them.  The invariant: nothing is raised but RemoteError, what is read
once is written and read again the same, and a machine holds no more than its limits say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

from tallyp2p.errors import RemoteError
from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import (
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from tallyp2p.parameters import LIMITS, Ids, RunParameters, Seal, Spreading, Timing
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import Sealer, identity_of
from tests.world import ballot_of

__all__ = ["RUNS", "TARGETS", "decoder", "frames", "machine", "seeds"]

_PLAIN = RunParameters(classes=10, pool=40, probes=4, rounds_per_ballot=2)
_SECRETS = [hashlib.sha256(b"fuzz %d" % at).digest() for at in range(3)]
_LIST = Electorate.of(map(identity_of, _SECRETS))
_INSTANCE = b"instance"

RUNS: tuple[RunParameters, ...] = (
    _PLAIN,
    replace(_PLAIN, spreading=Spreading.BROADCAST, ids=Ids.EXPLICIT),
    replace(_PLAIN, seal=Seal.ED25519, spreading=Spreading.BROADCAST),
    replace(_PLAIN, seal=Seal.ED25519, electorate=_LIST.digest),
    replace(_PLAIN, view=4),
    replace(_PLAIN, view=4, seal=Seal.ED25519, ids=Ids.EXPLICIT),
)
"""One of each kind; the first byte of an input chooses."""


def _author(identity: bytes) -> bytes:
    return hashlib.sha256(identity).digest()[:8]


@cache
def _identities(run: RunParameters) -> tuple[bytes, ...]:
    return tuple(identity_of(s) if run.seal is Seal.ED25519 else s for s in _SECRETS)


def _codec(
    run: RunParameters, at: int, known: Callable[[bytes], tuple[bytes, bytes] | None]
) -> Codec:
    """The codec of peer `at` of `run`."""
    author = _author(_identities(run)[at])
    if run.seal is Seal.NONE:
        return Codec(run, author)
    listed = _LIST if run.electorate else None
    return Codec(run, author, Sealer(run.digest, _SECRETS[at], _INSTANCE, known, listed))


@cache
def _reader(run: RunParameters, at: int) -> Codec:
    known = {_author(identity): (identity, _INSTANCE) for identity in _identities(run)}
    return _codec(run, at, known.get)


def decoder(data: bytes) -> None:
    """First byte: which run, and whether HELLO was said; the rest is a frame."""
    if not data:
        return
    run = RUNS[(data[0] & 0x7F) % len(RUNS)]
    sender = None if data[0] & 0x80 else _author(_identities(run)[1])
    reader = _reader(run, 0)
    try:
        message = reader.decode(data[1:], sender)
    except RemoteError as error:
        assert len(str(error)) < 2000, "a refusal that is longer than what it refuses"
        return
    if type(message) is Ballot or (type(message) is Hello and message.extra):
        return  # a ballot's frame depends on who sends it; unknown fields are not sent again
    if run.seal is Seal.ED25519 and data[1] in (Kind.HELLO, Kind.BYE):
        return  # only its author can sign it again
    assert reader.decode(reader.frame(message), sender) == message, "it is written differently"


_LINKS = tuple(b"\x01link %d" % at for at in range(4))
_MOST = 200  # steps of one conversation


def machine(data: bytes) -> None:
    """First byte: the run; then steps of (what, how long after the last, size, frame)."""
    if not data:
        return
    run = RUNS[data[0] % len(RUNS)]
    made, codec = _born(run)
    now, at = 0.0, 1
    asked: list[events.Effect] = []
    for _ in range(_MOST):
        if at + 4 > len(data):
            break
        what, pause, size = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        frame = data[at + 4 : at + 4 + size]
        at += 4 + size
        now += pause / 16.0
        asked = _step(made, codec, what, frame, now, asked)
        if made.finished:
            return
    assert len(made.members()) <= LIMITS.members


def _born(run: RunParameters) -> tuple[PeerMachine, Codec]:
    identity = _identities(run)[0]
    timing = Timing(rounds=40, quorum=1, retain=4, ahead=4, join_deadline=600)
    made = PeerMachine(run, timing, identity, _INSTANCE, Random(0), "fuzz/1")
    codec = _codec(run, 0, made.credentials)
    _obeyed(made.handle(events.Started("tcp://10.0.0.1:1"), 0.0), codec)
    return made, codec


def _step(
    made: PeerMachine,
    codec: Codec,
    what: int,
    frame: bytes,
    now: float,
    asked: list[events.Effect],
) -> list[events.Effect]:
    """One event, chosen by `what`; what the machine has asked its learner for since."""
    event: events.Event
    link = _LINKS[what & 3]
    if what >= 0xF0:
        event = events.Ticked()
    elif what >= 0xE8:
        event = events.Lost("tcp://10.0.0.9:9")
    elif what >= 0xE0 and asked:
        wanted = asked.pop(0)
        if isinstance(wanted, events.VoteOn):
            event = events.Cast(codec.seal(ballot_of(made.run, made.author, wanted.round)))
        else:
            assert isinstance(wanted, events.Learn)
            event = events.Learned(wanted.round)
    else:
        event = _read(made, codec, link, frame)
    effects = made.handle(event, now)
    made.check()
    return asked + _obeyed(effects, codec)


def _read(made: PeerMachine, codec: Codec, link: bytes, frame: bytes) -> events.Event:
    try:
        return events.Received(link, codec.decode(frame, made.sender(link)))
    except RemoteError as error:
        about = (error.reason, str(error), error.optional, error.endpoint)
        return events.Trespassed(link, *about)


def _obeyed(effects: list[events.Effect], codec: Codec) -> list[events.Effect]:
    """What is left for the learner; every message that is to be sent can be."""
    assert len(effects) < 4 * LIMITS.want, f"{len(effects)} effects of one event"
    for effect in effects:
        if isinstance(effect, events.Send):
            codec.encode(effect.message)
    return [e for e in effects if isinstance(e, events.VoteOn | events.Learn)]


TARGETS: dict[str, Callable[[bytes], None]] = {"decoder": decoder, "machine": machine}


def frames(run: RunParameters) -> list[bytes]:
    """Sound frames of peer 1 of a run, one of each kind: seeds, and material for mutation."""
    writer, identity = _reader(run, 1), _identities(run)[1]
    hello = Hello(
        identity=identity,
        instance=_INSTANCE,
        endpoint="tcp://10.0.0.9:9",
        run=run.digest,
        round=2,
        start=0,
        agent="fuzz/1",
    )
    said: list[Message] = [
        hello,
        writer.seal(ballot_of(run, _author(identity), 0)),
        _reader(run, 2).seal(ballot_of(run, _author(_identities(run)[2]), 2)),
        Ping(7, 1),
        Pong(7, 2, 4),
        Pong(0, 2),
        Peers(("tcp://10.0.0.8:8", "ipc:///tmp/x")),
        Digest((DigestEntry(0, 2, bytes(16)), DigestEntry(4, 1, bytes(16)))),
        Have(0, ((b"a" * 8, bytes(16)), (b"b" * 8, b"\xff" * 16))),
        Want(((_author(identity), 0), (b"a" * 8, 2))),
        Error(14, "early"),
        Bye(2, 0, "gone"),
        Bye(2, 1),
    ]
    return [writer.encode(message) for message in said]


def seeds(target: str) -> list[bytes]:
    """Inputs from which a fuzzer soon comes to everything that is sound."""
    if target == "decoder":
        known = [bytes((at,)) + frame for at, run in enumerate(RUNS) for frame in frames(run)]
        return known + [bytes((0x80 | at,)) + frames(run)[0] for at, run in enumerate(RUNS)]
    talks = []
    for at, run in enumerate(RUNS):
        steps = b"".join(bytes((0, 2)) + len(f).to_bytes(2, "big") + f for f in frames(run))
        learner = bytes((0xE0, 1, 0, 0)) * 2
        ticks = bytes((0xF0, 255, 0, 0)) * 3
        talks.append(bytes((at,)) + learner + steps + learner + ticks + steps)
    return talks
