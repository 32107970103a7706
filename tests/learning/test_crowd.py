"""Training put off and done at once says what training at once would have said."""

from __future__ import annotations

import pytest
import torch

from tallyp2p.consensus.contributor import Election
from tallyp2p.errors import SettingsError
from tallyp2p.learning.crowd import Crowd, device_of
from tests.learning.playing import ballot, built, derived, go, learner, same, weights


def play(crowd: Crowd, last: int = 22) -> None:
    go([crowd.of(peer) for peer in range(3)], crowd.of(0).built.run, 0, last)


def test_one_after_the_other_it_is_the_learners_themselves() -> None:
    plain = [built(index) for index in range(3)]
    told = go([one.contributor for one in plain], plain[0].run, 0, 22)
    crowd = Crowd(built, stacked=False)
    play(crowd)
    for peer, one in enumerate(plain):
        assert crowd.digests(peer) == one.digests()
        figures = [round[peer] for round in told if "alone" in round[peer]]
        curve = [at for at in crowd.curve if at.peer == peer]
        assert [(at.alone, at.swarm) for at in curve] == [
            (seen["alone"], seen["accuracy"]) for seen in figures
        ]
        assert crowd.accuracy(peer) == (figures[-1]["alone"], figures[-1]["accuracy"])
    assert curve[-1].rounds == 22


def test_stacked_it_says_nearly_always_the_same() -> None:
    loop, stack = Crowd(built, stacked=False), Crowd(built)
    play(loop)
    play(stack)
    for peer in range(3):
        one, other = loop.digests(peer), stack.digests(peer)
        assert one["ballots"] == other["ballots"] and one["tallies"] == other["tallies"]
        pairs = zip(
            weights(learner(loop.of(peer).built)),
            weights(learner(stack.of(peer).built)),
            strict=True,
        )
        off = torch.cat([(a - b).abs().flatten() for a, b in pairs])
        assert 0 < off.mean() < 1e-5


def test_what_was_noted_is_done_when_somebody_is_asked() -> None:
    crowd = Crowd(built)
    members = [crowd.of(peer) for peer in range(3)]
    run = members[0].built.run
    fresh = [weights(learner(one.built)) for one in members]

    def moved() -> list[bool]:
        now = [weights(learner(one.built)) for one in members]
        return [not same(one, old) for one, old in zip(now, fresh, strict=True)]

    ids = derived(run, 0)
    ballots = tuple(
        ballot(run, bytes([peer]) * 8, 0, one.vote(0, ids)) for peer, one in enumerate(members)
    )
    for one in members[:2]:
        one.learn(0, [Election(0, ballots)])
    assert moved() == [False, False, False]
    members[2].vote(0, ids)  # has nothing to do with what the others have noted
    assert moved() == [False, False, False]
    members[1].vote(4, derived(run, 4))
    assert moved() == [True, True, False]
    members[2].learn(0, [Election(0, ballots)])
    members[2].learn(4, [])  # the first lesson comes first
    assert crowd.accuracy(2) is not None and learner(members[2].built).trainer.steps == 24


def test_who_has_forgotten_begins_anew() -> None:
    crowd = Crowd(built)
    play(crowd, 8)
    before = weights(learner(crowd.of(1).built))
    crowd.of(1).learn(8, [])
    crowd.renew(1)
    assert crowd.accuracy(1) is None
    again = learner(crowd.of(1).built)
    assert again.trainer.steps == 0 and not same(weights(again), before)
    assert same(weights(again), weights(learner(built(1))))


@pytest.mark.parametrize("name", ["cuda:77", "abacus", "meta"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"learners.device = {name} cannot be used"):
        device_of(name)
    assert device_of("cpu").type == "cpu"
