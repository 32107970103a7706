"""protocol_spec/traffic.abnf admits what swarms say, and nothing that breaks its rules."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from abnf import Rule
from abnf.parser import ParseError

from tallyp2p.gossip import events
from tallyp2p.messages import FINISHED, GREASE_KINDS, Bye, Grease, Message
from tallyp2p.parameters import RunParameters, Seal, Spreading, Timing
from tallyp2p.payloads import Ballot
from tests.world import SMALL_RUN, Peer, Wire, World

GRAMMAR = Path(__file__).resolve().parents[2] / "protocol_spec" / "traffic.abnf"
BROADCAST = replace(SMALL_RUN, spreading=Spreading.BROADCAST)


class Traffic(Rule):  # type: ignore[misc,unused-ignore]  # the library's base may be untyped
    """The grammar's rules."""


Traffic.load_grammar(GRAMMAR.read_text().replace("\n", "\r\n"))


def admits(rule: str, text: str) -> bool:
    try:
        Traffic(rule).parse_all(text)
    except ParseError:
        return False
    return True


def line_of(message: Message) -> str:
    match message:
        case Ballot():
            return "VOTE\n"
        case Bye(code=code):
            return f"BYE {int(code == FINISHED)}\n"
        case Grease(kind=kind):
            return f"{kind:02x}\n"
    return type(message).__name__.upper() + "\n"


class Overheard(World):
    """A world that writes down who said what to whom."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.connections: dict[bytes, str] = defaultdict(str)
        self.talks: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        super().__init__(*arguments, **named)

    def _send(self, peer: Peer, endpoint: str, message: Message) -> None:
        line = line_of(message)
        self.connections[peer.lines[endpoint]] += line
        first, second = sorted((peer.endpoint, endpoint))
        self.talks[first, second].append((peer.endpoint, line))
        super()._send(peer, endpoint, message)

    def judge(self) -> None:
        """Every connection and every talk is in the grammar."""
        assert len(self.connections) > 1
        for text in self.connections.values():
            assert admits("connection", text), text
        for (first, _), said in self.talks.items():
            talk = "".join(("A " if who == first else "B ") + line for who, line in said)
            assert admits("talk", talk), talk


@pytest.mark.parametrize(
    "run",
    [SMALL_RUN, BROADCAST, replace(SMALL_RUN, seal=Seal.ED25519)],
    ids=["sampled", "broadcast", "sealed"],
)
def test_a_swarm_speaks_the_grammar(run: RunParameters) -> None:
    """CONTACT-2, ROUND-9, ROUND-10; EXT-2: what is in no table is grease."""
    world = Overheard(4, run)
    world.finish()
    world.judge()
    said = "".join(world.connections.values())
    others = {line for line in said.splitlines() if len(line) == 2}
    assert {int(kind, 16) for kind in others} <= set(GREASE_KINDS)
    assert said.count("BYE 1") == said.count("BYE 0") == 12


def test_repair_is_heard_in_broadcast_runs_only() -> None:
    """REPAIR-1."""
    for run in (SMALL_RUN, BROADCAST):
        timing = Timing(rounds=12, quorum=4, gossip_interval=0.2)
        world = Overheard(4, run, timing, Wire(loss=0.2))
        world.finish()
        world.judge()
        assert ("DIGEST" in "".join(world.connections.values())) is (run is BROADCAST)


@pytest.mark.parametrize("seed", range(3))
def test_so_does_one_on_a_bad_wire_with_deaths_and_returns(seed: int) -> None:
    wire = Wire(delay=0.05, jitter=0.2, loss=0.1, double=0.1)
    timing = Timing(rounds=12, quorum=4, deadline=5.0, suspect_after=1.0, gone_after=4.0)
    world = Overheard(4, BROADCAST, timing, wire, seed=seed)
    world.run_for(2.0)
    world.kill(3, noticed=bool(seed % 2))
    world.run_for(1.0)
    world.restart(3, [0, 1])
    world.finish()
    world.judge()


def test_so_do_strangers() -> None:
    """CONTACT-3, RUN-3, ERROR-2."""
    world = Overheard(1, timing=Timing(rounds=4, quorum=2, join_deadline=8.0))
    world.run = replace(SMALL_RUN, seed=1)
    stranger = world.add(1)
    world.feed(stranger, events.Started(stranger.endpoint, (world.peers[0].endpoint,)))
    world.run_for(5.0)
    assert "ERROR\n" in "".join(world.connections.values())
    world.judge()


HELLO = "A HELLO\nB HELLO\n"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("connection", ""),
        ("connection", "VOTE\n"),
        ("connection", "PING\nHELLO\n"),
        ("connection", "ERROR\nERROR\n"),
        ("connection", "HELLO\nBYE 0\nVOTE\n"),
        ("connection", "HELLO\nTALK\n"),
        ("connection", "HELLO"),
        ("talk", "A HELLO\nA VOTE\nB HELLO\n"),
        ("talk", "A HELLO\nB PONG\n"),
        ("talk", HELLO + "A BYE 0\nB VOTE\nA PONG\n"),
        ("talk", HELLO + "A BYE 0\nB BYE 0\nB VOTE\n"),
        ("talk", "A HELLO\nB ERROR\nA ERROR\n"),
        ("talk", "B ERROR\n"),
    ],
)
def test_what_breaks_a_rule_is_outside(rule: str, text: str) -> None:
    assert not admits(rule, text)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("connection", "ERROR\n"),
        ("connection", "HELLO\n"),
        ("connection", "HELLO\n8a\nBYE 1\nVOTE\nPONG\nBYE 0\n"),
        ("talk", "A HELLO\nA HELLO\nA HELLO\n"),
        ("talk", "A HELLO\nB ERROR\nA HELLO\nB ERROR\n"),
        ("talk", HELLO + "A BYE 0\nB VOTE\nB BYE 0\n"),
    ],
)
def test_the_edges_are_inside(rule: str, text: str) -> None:
    assert admits(rule, text)
