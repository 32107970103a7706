"""Hostile peers harm as they were told to."""

from __future__ import annotations

from random import Random

from tallyp2p.errors import RemoteError
from tallyp2p.messages import Ballot, Ping
from tallyp2p.parameters import RunParameters
from tallyp2p.simulator.hostile import equivocator, garbage
from tallyp2p.wire.codec import Codec


def test_garbage_is_refused_for_many_reasons_and_never_raises_otherwise() -> None:
    random, codec = Random(5), Codec(RunParameters(), b"receiver")
    reasons, frames = set(), [garbage(random) for _ in range(4000)]
    for frame in frames:
        try:
            codec.decode(frame, b"a sender")
        except RemoteError as error:
            reasons.add(error.reason)
    assert len(reasons) >= 6
    assert frames[:50] == [garbage(again) for again in [Random(5)] for _ in range(50)]


def test_an_equivocator_tells_every_second_peer_something_else() -> None:
    def rival(round: int) -> Ballot:
        return Ballot(b"author 1", round, b"\xff")

    twist = equivocator(b"author 1", rival)
    own = Ballot(b"author 1", 0, b"\x00")
    told = [twist(endpoint, own) for endpoint in "abcabc"]
    assert told == [own, rival(0), own, own, rival(0), own]  # each always hears the same
    assert twist("b", Ping(1, 2)) == Ping(1, 2)
    other = Ballot(b"author 2", 0, b"\x00")
    assert twist("b", other) is other
