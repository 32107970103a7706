"""What a peer would have reached alone."""

from __future__ import annotations

from tests.learning.playing import built, go


def test_alone_never_depends_on_the_swarm() -> None:
    swarm = [built(index) for index in range(3)]
    together = go([one.contributor for one in swarm], swarm[0].run, 0, 22)
    hermit = built(0)
    alone = go([hermit.contributor], hermit.run, 0, 22)
    assert [told[0].get("alone") for told in together] == [told[0].get("alone") for told in alone]
    assert together[-1][0]["accuracy"] != together[-1][0]["alone"]


def test_learner_is_the_same_without_its_baseline() -> None:
    with_baseline, without = [[built(index) for index in range(2)] for _ in range(2)]
    one = go([made.contributor for made in with_baseline], with_baseline[0].run, 0, 12)
    learners = [made.contributor.learner for made in without]  # type: ignore[attr-defined]
    other = go(learners, without[0].run, 0, 12)
    for told in one:
        for figures in told:
            figures.pop("alone", None)
    assert one == other
