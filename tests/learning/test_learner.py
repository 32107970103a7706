"""A learner votes, hears votes and learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tallyp2p.consensus.contributor import Election, Vote
from tallyp2p.errors import LocalError
from tallyp2p.learning.learner import due
from tallyp2p.parameters import Ids
from tests.learning.playing import (
    ME,
    OTHER,
    THIRD,
    ballot,
    built,
    constant,
    derived,
    go,
    learner,
    same,
    weights,
)


def test_vote_says_what_the_model_says_of_the_given_probes() -> None:
    made = built(abstain_below=0.0)
    one, run = learner(made), made.run
    ids = derived(run, 0)
    assert ids is not None
    forward = one.vote(0, ids)
    assert forward.ids is None and forward.labels.shape == (run.votes,)
    assert one.vote(0, ids[::-1].copy()).labels.tolist() == forward.labels[::-1].tolist()
    assert len(set(forward.labels.tolist())) > 1 and forward.labels.max() < 10


def test_votes_below_the_threshold_are_withheld() -> None:
    everything = built(abstain_below=1.0)
    vote = learner(everything).vote(0, derived(everything.run, 0))
    assert set(vote.labels.tolist()) == {10}
    heard = Election(0, (ballot(everything.run, ME, 0, vote),))
    assert learner(everything).learn(0, [heard])["abstained"] == 1.0


def test_rounds_add_up_to_the_planned_ones() -> None:
    # 22 rounds in ballots of 4 are five whole ballots and one of 2 rounds.
    made = built(rounds=22)
    go([made.contributor], made.run, 0, 22)
    state = learner(made).trainer.snapshot()["optimiser"]["state"]
    assert {int(entry["step"]) for entry in state.values()} == {22 * 3}


def test_weight_zero_is_the_local_run_bit_for_bit() -> None:
    swarm = [built(index, kl_weight=0.0) for index in range(3)]
    told = go([one.contributor for one in swarm], swarm[0].run, 0, 22)
    for index, made in enumerate(swarm):
        alone = made.contributor.alone  # type: ignore[attr-defined]
        trained = [weight.detach() for weight in alone.model.parameters()]
        assert same(weights(learner(made)), trained)
        assert told[-1][index]["accuracy"] == told[-1][index]["alone"]


def test_nobody_else_heard_is_the_local_run_bit_for_bit() -> None:
    made = built(kl_weight=3.0)
    go([made.contributor], made.run, 0, 22)
    alone = made.contributor.alone  # type: ignore[attr-defined]
    trained = [weight.detach() for weight in alone.model.parameters()]
    assert same(weights(learner(made)), trained)


def test_warm_up_hears_and_does_not_follow() -> None:
    swarm = [built(index, warmup=8) for index in range(2)]
    go([one.contributor for one in swarm], swarm[0].run, 0, 8)
    alone = [weight.detach() for weight in swarm[0].contributor.alone.model.parameters()]  # type: ignore[attr-defined]
    assert same(weights(learner(swarm[0])), alone)
    told = go([one.contributor for one in swarm], swarm[0].run, 8, 12)
    assert not same(weights(learner(swarm[0])), alone) and told[0][0]["kl"] > 0


def test_unanimous_others_are_followed() -> None:
    made = built(rounds=80, warmup=0, own_vote=False)
    one, run = learner(made), made.run
    for round in range(0, 80, run.rounds_per_ballot):
        one.vote(round, derived(run, round))
        others = [ballot(run, author, round, constant(run, 7)) for author in (OTHER, THIRD)]
        figures = one.learn(round, [Election(round, tuple(others))])
    assert figures["agreement"] > 0.6  # two steps in three are for the private examples
    assert figures["kl_weight"] < 3.0  # it has decayed


@pytest.mark.parametrize("ids", list(Ids))
def test_own_ballot_is_known_by_what_it_says(ids: Ids) -> None:
    # With the own vote left out, an election of two is the other's ballot alone.
    two, one = built(own_vote=False, ids=ids), built(own_vote=True, ids=ids)
    run = two.run
    for made, alone in ((two, False), (one, True)):
        mine = ballot(run, ME, 4, learner(made).vote(4, derived(run, 4)))
        theirs = constant(run, 3, None if mine.ids is None else np.array(mine.ids))
        other = ballot(run, OTHER, 4, theirs)
        learner(made).learn(4, [Election(4, (other,) if alone else (mine, other))])
    assert same(weights(learner(two)), weights(learner(one)))


def test_late_elections_still_teach() -> None:
    made, idle = built(), built()
    run = made.run
    for of in (made, idle):
        for round in (0, 4, 8):
            learner(of).vote(round, derived(run, round))
    late = Election(4, (ballot(run, OTHER, 4, constant(run, 3)),))
    told = learner(made).learn(8, [late])
    assert "kl" in told and "agreement" not in told
    assert "kl" not in learner(idle).learn(8, [])
    assert not same(weights(learner(made)), weights(learner(idle)))


def test_abstentions_alone_pull_nowhere() -> None:
    made, idle = built(), built()
    run = made.run
    for of in (made, idle):
        learner(of).vote(4, derived(run, 4))
    silent = Election(4, (ballot(run, OTHER, 4, constant(run, 10)),))
    assert "kl" not in learner(made).learn(4, [silent])
    learner(idle).learn(4, [])
    assert same(weights(learner(made)), weights(learner(idle)))


@pytest.mark.parametrize("ids", list(Ids))
def test_snapshot_resumes_bit_for_bit(ids: Ids) -> None:
    swarm = [built(index, ids=ids) for index in range(3)]
    contributors = [one.contributor for one in swarm]
    run = swarm[0].run
    go(contributors, run, 0, 8)
    states = [one.snapshot() for one in contributors]  # type: ignore[attr-defined]
    expected = go(contributors, run, 8, 22)
    fresh = [built(index, ids=ids) for index in range(3)]
    for made, state in zip(fresh, states, strict=True):
        made.contributor.restore(state)  # type: ignore[attr-defined]
    assert go([one.contributor for one in fresh], run, 8, 22) == expected
    for one, other in zip(swarm, fresh, strict=True):
        assert same(weights(learner(one)), weights(learner(other)))


def test_snapshot_is_tensors_and_plain_values_that_torch_loads_without_code(
    tmp_path: Any,
) -> None:
    made = built(ids=Ids.EXPLICIT)
    go([made.contributor], made.run, 0, 4)
    state = made.contributor.snapshot()  # type: ignore[attr-defined]
    torch.save(state, tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    other = built(ids=Ids.EXPLICIT)
    other.contributor.restore(loaded)  # type: ignore[attr-defined]
    expected = go([made.contributor], made.run, 4, 12)
    assert go([other.contributor], made.run, 4, 12) == expected


def test_figures_are_shares_and_means() -> None:
    swarm = [built(index, rounds=24, evaluate_every=8) for index in range(3)]
    told = go([one.contributor for one in swarm], swarm[0].run, 0, 24)
    assert ["accuracy" in figures[0] for figures in told] == [False, True] * 3
    last = told[-1][0]
    always = {"loss", "ce", "kl_weight", "kl", "abstained", "agreement", "accuracy", "alone"}
    assert set(last) == always
    assert all(0 <= last[key] <= 1 for key in ("abstained", "agreement", "accuracy", "alone"))
    assert all(type(value) is float for value in last.values())
    assert last["loss"] > last["ce"] > 0


@pytest.mark.parametrize("ids", list(Ids))
def test_wrong_kind_of_ids_is_the_callers_fault(ids: Ids) -> None:
    made = built(ids=ids)
    wrong = None if ids is Ids.DERIVED else np.arange(made.run.votes, dtype=np.uint32)
    with pytest.raises(LocalError, match=f"{ids.value} probe ids"):
        learner(made).vote(0, wrong)


def test_learner_chooses_distinct_ascending_probes_where_it_may() -> None:
    made = built(ids=Ids.EXPLICIT)
    vote: Vote = learner(made).vote(0, None)
    assert vote.ids is not None and len(vote.ids) == made.run.votes
    assert np.all(np.diff(vote.ids.astype(int)) > 0)


@pytest.mark.parametrize(
    ("round", "rounds", "expected"),
    [(0, 4, False), (4, 4, True), (8, 4, False), (5, 2, False), (0, 16, True), (96, 2, True)],
)
def test_when_an_evaluation_is_due(round: int, rounds: int, expected: bool) -> None:
    assert due(round, rounds, every=8, planned=98) is expected


def test_digests_are_equal_for_equal_runs_and_differ_where_a_ballot_does() -> None:
    first, second, other = (learner(built(rounds=8)) for _ in range(3))
    run = built(rounds=8).run
    vote = first.vote(0, derived(run, 0))
    assert second.vote(0, derived(run, 0)).labels.tolist() == vote.labels.tolist()
    heard = ballot(run, OTHER, 0, constant(run, 3))
    changed = ballot(run, OTHER, 0, constant(run, 4))
    other.vote(0, derived(run, 0))
    for one, theirs in ((first, heard), (second, heard), (other, changed)):
        one.learn(0, [Election(0, (ballot(run, ME, 0, vote), theirs))])
    assert first.digests() == second.digests()
    assert first.digests()["ballots"] == other.digests()["ballots"]
    assert first.digests()["tallies"] != other.digests()["tallies"]
    assert first.digests()["weights"] != learner(built(rounds=8)).digests()["weights"]
