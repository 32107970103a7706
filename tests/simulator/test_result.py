"""The figures of a world are those of its frames."""

from __future__ import annotations

import pytest

from tallyp2p.simulator.spec import Hostile, Hostility, Link, Voting
from tallyp2p.simulator.world import World
from tallyp2p.wire.accounting import weigh
from tests.simulator.worlds import BROADCAST, world


def test_bytes_by_channel_are_the_frames_that_were_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    made = World(world())
    frames: list[bytes] = []
    send = made.post.send

    def kept(*arguments: object) -> None:
        frames.append(arguments[3])  # type: ignore[arg-type]
        send(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(made.post, "send", kept)
    started = made.post.weight  # HELLOs that left before this test could listen
    result = made.run()
    peer_rounds = 5 * 12 * BROADCAST.rounds_per_ballot
    total = result.bytes["total"]["message"] * peer_rounds
    assert total == pytest.approx(started + sum(map(len, frames)), abs=1)
    votes = sum(weigh(frame).votes for frame in frames)
    assert result.bytes["votes"]["payload"] * peer_rounds == pytest.approx(votes, abs=1)
    sent = result.bytes["votes"]["messages"] * peer_rounds
    assert 5 * 12 * 4 <= sent < 5 * 12 * 4 * 1.1  # some are mended before they arrive


def test_messages_that_did_not_arrive_are_counted() -> None:
    messages = World(world(links=Link(loss=0.2, double=0.1))).run().messages
    assert messages["lost"] == pytest.approx(0.2 * messages["sent"], rel=0.3)
    assert messages["doubled"] == pytest.approx(0.08 * messages["sent"], rel=0.4)


def test_refusals_are_counted_by_reason() -> None:
    result = World(world(hostile=(Hostile((0,), Hostility.GARBAGE),))).run()
    assert result.refused["11"] > 100  # MALFORMED
    assert list(result.refused) == sorted(result.refused, key=int)


def test_a_tally_is_better_than_its_voters_unless_many_collude() -> None:
    voting = Voting(accuracy=0.7, correlation=0.0, training=2.0)
    honest = World(world(voting=voting)).run().accuracy
    assert honest["voter"] == 0.7 and (honest["tally"] or 0) > 0.8
    most = (Hostile((0, 1, 2), Hostility.WRONG),)
    assert (World(world(voting=voting, hostile=most)).run().accuracy["tally"] or 0) < 0.2
