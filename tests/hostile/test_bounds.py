"""Nothing that strangers can fill grows without bound: every large container has its limit here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import (
    Ballot,
    Digest,
    DigestEntry,
    Have,
    Hello,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from tallyp2p.parameters import LIMITS, RunParameters, Spreading, Timing
from tests.world import SMALL_RUN, ballot_of, identity_of

RETAIN = AHEAD = 8
# Ballots, by author, of the rounds in the window: a quarter of `retain` more than is compared.
ROUNDS = RETAIN + RETAIN // 4 + AHEAD + 2
FEW = 64  # what holds fewer needs no line below

# Everything in a machine that strangers can make larger than that, and how large.
BOUNDS: dict[str, int] = {
    ".ledger.newest": ROUNDS * LIMITS.members,  # the newest round of each author
    ".ledger.pages[].entries": LIMITS.members,
    ".membership.members": LIMITS.members,
    ".membership.at": LIMITS.members,  # members by endpoint
    ".membership.bindings.links": LIMITS.links,
    ".membership.present[]": LIMITS.members,
    ".contacts.lines": LIMITS.members,  # connections dialled
    ".contacts.knocks": LIMITS.members,  # endpoints that have not answered yet
    ".circle.asked": LIMITS.members,  # nonces that prove where a member listens
    ".circle.named": 128,  # endpoints that were dialled by the word of others
    ".serving.owing.owed[]": LIMITS.members,  # who is promised a ballot, by round
}


def containers(root: object) -> Iterator[tuple[str, int]]:
    """(path, length) of every container that can be reached from `root`, each once."""
    seen: set[int] = set()
    todo: deque[tuple[str, Any]] = deque([("", root)])
    while todo:
        path, value = todo.popleft()
        if id(value) in seen or isinstance(value, str | bytes | int | float | type):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            yield path, len(value)
            todo += ((f"{path}[]", inner) for pair in value.items() for inner in pair)
        elif isinstance(value, list | tuple | set | frozenset | deque):
            yield path, len(value)
            todo += ((f"{path}[]", inner) for inner in value)
        elif type(value).__module__.startswith("tallyp2p"):
            names = [*getattr(value, "__dict__", {}), *getattr(type(value), "__slots__", ())]
            todo += ((f"{path}.{name}", getattr(value, name, None)) for name in names)


RUNS = {
    "sampled": SMALL_RUN,
    "broadcast": replace(SMALL_RUN, spreading=Spreading.BROADCAST),
    "view": replace(SMALL_RUN, view=4),
}


def flooded(run: RunParameters) -> PeerMachine:
    """A machine that has heard more of everything than it may keep."""
    timing = Timing(rounds=400, quorum=1, retain=RETAIN, ahead=AHEAD, join_deadline=10_000)
    made = PeerMachine(run, timing, identity_of(0), bytes(8), Random(0))
    made.handle(events.Started("tcp://10.0.0.1:1"), 0.0)
    random, now = Random(1), 0.0

    def hear(link: bytes, message: Message) -> None:
        nonlocal now
        now += 0.0005
        made.handle(events.Received(link, message), now)

    for at in range(LIMITS.members + 500):
        link = b"%d" % (at % (2 * LIMITS.links))
        endpoint = f"tcp://10.{at >> 16}.{at >> 8 & 255}.{at & 255}:9"
        start = (None, 0)[at % 2]
        hear(link, Hello(identity_of(at), b"instance", endpoint, run.digest, start=start))
        ends = tuple(f"tcp://11.{at & 255}.{at >> 8}.{n}:9" for n in range(LIMITS.peers))
        hear(link, Peers(ends))
        hear(link, Ping(at + 1, at))
        hear(link, Pong(at + 1, at, random.randrange(40)))
        rounds = range(0, 4 * ROUNDS, 2)
        hear(link, Want(tuple((made.author, r) for r in rounds)))
        hear(link, Digest(tuple(DigestEntry(r, 1, bytes(16)) for r in rounds)))
        hear(link, Have(random.randrange(20) * 2, ((at.to_bytes(8, "big"), bytes(16)),)))
        for salt in ("a", "b"):
            author = random.randbytes(8)
            ballot: Ballot = ballot_of(run, author, random.randrange(2 * ROUNDS) * 2, salt)
            hear(link, ballot)
    for at in range(LIMITS.members + 50):  # many authors of one round
        hear(b"1", ballot_of(run, at.to_bytes(8, "big"), made._at()))
    for at in range(2 * LIMITS.links):  # one identity on many connections
        hello = Hello(identity_of(1), b"instance", "tcp://10.0.0.2:9", run.digest)
        hear(b"more %d" % at, hello)
    made.check()
    return made


@pytest.mark.parametrize("name", RUNS)
def test_every_container_of_a_machine_keeps_to_its_bound(name: str) -> None:
    """LIMIT-1, LIMIT-3."""
    large: dict[str, int] = {}
    for path, length in containers(flooded(RUNS[name])):
        place = path.removeprefix("._body").replace("._", ".")
        if length > FEW:
            large[place] = max(length, large.get(place, 0))
    assert not large.keys() - BOUNDS.keys(), f"no bound is named for {large}"
    for path, length in large.items():
        assert length <= BOUNDS[path], path
    if name != "view":  # whose peers know a few dozen, whoever comes
        assert large[".membership.members"] == LIMITS.members, "the flood was a trickle"
