"""How long silence is borne."""

from __future__ import annotations

from tallyp2p.gossip.doubt import Doubt
from tallyp2p.parameters import Timing


def test_who_is_mistaken_waits_longer_and_who_gets_answers_less_again() -> None:
    """MEMBER-4."""
    doubt = Doubt(Timing(suspect_after=5.0, deadline=30.0))
    assert doubt.bears == 5.0
    doubt.mistaken()
    assert doubt.bears == 10.0
    for _ in range(9):
        doubt.mistaken()
    assert doubt.bears == 15.0, "half a deadline at most, or rounds would wait for the dead"
    for _ in range(32):
        doubt.answered()
    assert doubt.bears == 10.0
    for _ in range(64):
        doubt.answered()
    assert doubt.bears == 5.0


def test_where_a_deadline_is_short_there_is_nothing_to_doubt() -> None:
    doubt = Doubt(Timing(suspect_after=5.0, deadline=8.0))
    doubt.mistaken()
    assert doubt.bears == 5.0
