"""Peers of other revisions and versions: the next minor one works, the next major is told."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import msgpack
import pytest

from tallyp2p.errors import Reason
from tallyp2p.gossip import events
from tallyp2p.messages import GREASE_KINDS, Error, Hello, Message
from tallyp2p.parameters import Spreading, Timing
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer
from tests.world import SMALL_RUN, Peer, World

FUTURE = (
    ("future", msgpack.packb({"nested": [1, None, b"x"]})),
    ("grease-1a2b", b"\x07"),
    ("x-mine", b"\xc3"),
    ("zz", b"\xa0"),
)


class NextMinor(Codec):
    """Says in HELLO what version 1 will learn to say, and that it speaks version 2 as well."""

    def encode(self, message: Message) -> bytes:
        if isinstance(message, Hello):
            message = replace(message, extra=FUTURE, versions=(1, 2))
        return super().encode(message)


class Mixed(World):
    """Peer 0 is of the next revision: it sends new kinds between its messages."""

    strange = 0

    def make_codec(self, index: int, author: bytes, sealer: Sealer | None) -> Codec:
        return (NextMinor if index == 0 else Codec)(self.run, author, sealer)

    def _send(self, peer: Peer, endpoint: str, message: Message) -> None:
        super()._send(peer, endpoint, message)
        target, random = self.at.get(endpoint), Random(f"strange {self.strange}")
        if peer.index == 0 and target is not None:
            kind = random.choice([*range(0x80, 0x100), *GREASE_KINDS])
            body = random.randbytes(random.randrange(40))
            self.strange += 1
            frame = bytes((kind, random.getrandbits(8))) + body
            link = peer.lines[endpoint]
            self.later(self.wire.delay + 0.001, lambda: self.deliver(endpoint, link, frame))


@pytest.mark.parametrize("spreading", list(Spreading))
def test_a_peer_of_the_next_minor_version_takes_part(spreading: Spreading) -> None:
    """HELLO-4, VERSION-1."""
    run = replace(SMALL_RUN, spreading=spreading)
    world = Mixed(4, run, Timing(rounds=8, quorum=4, gossip_interval=0.5))
    world.finish()
    assert world.strange > 10
    for index, peer in world.peers.items():
        assert peer.finish is not None and peer.finish.completed
        assert {len(e.ballots) for e in peer.elections.values()} == {
            4 if spreading is Spreading.BROADCAST else 3
        }
        if index:  # each was passed over: counted, and no word said about it
            assert peer.machine.refused[Reason.TYPE] > 0
            assert not [n for n in peer.notices if isinstance(n, events.Refused)]
    assert world.peers[0].machine.refused == {}  # nobody answered by ERROR


def hello_of(versions: tuple[int, int], endpoint: str) -> bytes:
    """A HELLO of another version: of its map only what never changes (FIXED-1)."""
    fields = {"endpoint": endpoint, "novelty": 1, "versions": list(versions)}
    packed: bytes = msgpack.packb(fields)
    return bytes.fromhex("0100") + b"TALLY" + packed


def test_the_next_major_version_is_told_both() -> None:
    """VERSION-2."""
    world = World(2, timing=Timing(rounds=4, quorum=3))
    world.run_for(0.5)
    peer, newer = world.peers[0], "tcp://10.0.0.9:7000"
    before = peer.machine.members()
    frame = hello_of((2, 3), newer)
    event = _trespass(peer, frame)
    effects = peer.machine.handle(event, world.now)
    text = "no common version: 1 to 1 here, 2 to 3 there"
    assert effects == [
        events.Tell(events.Refused(Reason.VERSION, f"{newer}: {text}")),
        events.Dial(newer),
        events.Send(newer, Error(Reason.VERSION, text)),
        events.Hangup(newer),
    ]
    assert peer.machine.members() == before
    again = peer.machine.handle(event, world.now + 0.5)  # at most one ERROR a second
    assert again == []


def _trespass(peer: Peer, frame: bytes) -> events.Trespassed:
    from tallyp2p.errors import RemoteError

    with pytest.raises(RemoteError) as caught:
        peer.codec.decode(frame, None)
    error = caught.value
    return events.Trespassed(b"\x01link", error.reason, str(error), error.optional, error.endpoint)


def test_grease_is_sent_now_and_then_and_changes_nothing() -> None:
    """GREASE-1, GREASE-2."""
    timing = Timing(rounds=4, quorum=6, probe_interval=0.5)
    world = World(6, timing=timing, train=lambda index, round: 20.0)
    world.finish()
    greased = [p.machine.refused.get(Reason.TYPE, 0) for p in world.peers.values()]
    assert sum(greased) > 5  # one ping in eight
    assert all(p.finish and p.finish.completed for p in world.peers.values())
    assert not [n for p in world.peers.values() for n in p.notices if isinstance(n, events.Refused)]
