"""What is tied together depends on the run, and impossible waiting is refused."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.gossip.body import Body
from tallyp2p.gossip.card import Card
from tallyp2p.gossip.everybody import Everybody
from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.parameters import Timing
from tests.world import SMALL_RUN

CARD = Card(bytes(32), bytes(8), "test/1")


def test_the_run_says_who_is_known() -> None:
    some = Body(replace(SMALL_RUN, view=6), Timing(), CARD, Random(0))
    everybody = Body(SMALL_RUN, Timing(), CARD, Random(0))
    assert isinstance(some.circle, Neighbourhood) and isinstance(everybody.circle, Everybody)
    for body in (some, everybody):
        body.check()


def test_more_than_can_be_chosen_are_not_waited_for() -> None:
    Body(replace(SMALL_RUN, view=6), Timing(quorum=7), CARD, Random(0))
    with pytest.raises(SettingsError, match="quorum must be at most view [+] 1, here 7, and not 8"):
        Body(replace(SMALL_RUN, view=6), Timing(quorum=8), CARD, Random(0))
