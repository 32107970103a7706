"""Training models at once is training them one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tallyp2p.learning.models import make
from tallyp2p.learning.settings import LearningSettings, Loss
from tallyp2p.learning.sources import Batches, source_of
from tallyp2p.learning.stacking import Drill, drill
from tallyp2p.learning.training import Pull, Trainer

ALONE = 1 << 30  # no stack has so many models
# One ballot is 40 steps.  AdamW divides by the size of the gradient, so where one is all but
# nothing a weight may move by up to lr, 3e-3, in another direction; nearly none does.
LARGEST, MEAN = 3e-3, 1e-6


def trainer(
    seed: int, examples: int = 40, model: nn.Module | None = None, **more: object
) -> Trainer:
    chance = torch.Generator().manual_seed(seed)
    inputs = torch.rand(examples, 12, generator=chance)
    labels = torch.randint(0, 4, (examples,), generator=chance)
    model = model or make("mlp", (12,), 4, torch.Generator().manual_seed(7))
    batches = Batches(source_of(TensorDataset(inputs, labels), "private"), 32, chance)
    return Trainer(model, batches, LearningSettings(**more))  # type: ignore[arg-type]


def pulls(seed: int, probes: int = 9, weight: float = 3.0) -> list[Pull | None]:
    """Eight rounds of five steps, the first of each towards somebody; some probes without votes."""
    chance = torch.Generator().manual_seed(1000 + seed)
    found: list[Pull | None] = []
    for _ in range(8):
        targets = torch.rand(probes, 4, generator=chance)
        targets /= targets.sum(dim=1, keepdim=True)
        targets[::3] = 0
        found += [Pull(torch.rand(probes, 12, generator=chance), targets, weight), *[None] * 4]
    return found


def differences(one: list[Trainer], other: list[Trainer]) -> torch.Tensor:
    """All weights and moments of both, taken from one another."""
    return torch.cat(
        [
            (getattr(a, part) - getattr(b, part)).detach().abs().flatten()
            for left, right in zip(one, other, strict=True)
            for a, b in zip(left.moments(), right.moments(), strict=True)
            for part in ("weight", "first", "second")
        ]
    )


def both(
    drills: Callable[[], list[Drill]], rows: int = 32
) -> tuple[list[Trainer], list[Trainer], int]:
    """The same drills done twice: one after the other, and at once."""
    loop, stack = drills(), drills()
    assert drill(loop, fewest=ALONE) == 0
    stacked = drill(stack, rows=rows)
    return [one.trainer for one in loop], [one.trainer for one in stack], stacked


@pytest.mark.parametrize("loss", list(Loss))
def test_a_stack_trains_as_a_loop_does(loss: Loss) -> None:
    weight = 0.5 if loss is Loss.MIXED else 3.0

    def drills() -> list[Drill]:
        made = [trainer(seed, loss=loss, kl_weight=weight) for seed in range(12)]
        return [Drill(one, pulls(seed, weight=weight)) for seed, one in enumerate(made)]

    loop, stack, stacked = both(drills, rows=6)
    assert stacked == 12
    off = differences(loop, stack)
    assert off.max() < LARGEST and off.mean() < MEAN
    assert all(a.steps == b.steps == 40 for a, b in zip(loop, stack, strict=True))
    # The next batches are the same ones: nobody's order was touched by the others.
    for a, b in zip(loop, stack, strict=True):
        assert torch.equal(a.batches.next()[0], b.batches.next()[0])


def test_smaller_shards_and_fewer_probes_are_padded_with_nothing() -> None:
    def drills() -> list[Drill]:
        made = [trainer(seed, examples=11 + 5 * seed) for seed in range(6)]
        return [Drill(one, pulls(seed, probes=4 + seed)) for seed, one in enumerate(made)]

    loop, stack, stacked = both(drills)
    off = differences(loop, stack)
    assert stacked == 6 and off.max() < LARGEST and off.mean() < MEAN


def test_models_of_another_age_shape_or_kind_are_not_mixed_up() -> None:
    def drills() -> list[Drill]:
        old = [trainer(seed) for seed in range(5)]
        for one in old:
            one.step()
        deep = [trainer(9, model=nn.Sequential(nn.Linear(12, 4), nn.Dropout(0.0)))]
        small = [trainer(8, model=nn.Linear(12, 4))]
        young = [trainer(seed) for seed in range(20, 25)]
        made = [*old, *deep, *small, *young]
        return [
            Drill(one, pulls(seed) if seed % 2 else [None] * 40) for seed, one in enumerate(made)
        ]

    # The same drills with and without pulls, old and young: four stacks, and two left alone.
    torch.manual_seed(3)  # layers above are drawn from the global generator
    state = torch.get_rng_state()
    loop = drills()
    torch.set_rng_state(state)
    stack = drills()
    drill(loop, fewest=ALONE)
    assert drill(stack, fewest=2) == 10
    off = differences([one.trainer for one in loop], [one.trainer for one in stack])
    assert off.max() < LARGEST and off.mean() < MEAN


def test_few_models_are_trained_one_after_the_other_bit_for_bit() -> None:
    loop, stack, stacked = both(lambda: [Drill(trainer(seed), pulls(seed)) for seed in range(2)])
    assert stacked == 0 and differences(loop, stack).max() == 0


def test_a_drill_without_steps_changes_nothing() -> None:
    one = trainer(0)
    assert drill([Drill(one, ())] * 9) == 0 and one.steps == 0


def test_a_stack_goes_on_where_a_loop_stopped_and_the_other_way_round() -> None:
    one, other = ([trainer(seed) for seed in range(4)] for _ in range(2))
    for few in (2, ALONE, 2):
        drill([Drill(made, pulls(seed)[:8]) for seed, made in enumerate(one)], fewest=few)
        drill([Drill(made, pulls(seed)[:8]) for seed, made in enumerate(other)], fewest=ALONE)
    off = differences(one, other)
    assert off.max() < LARGEST and off.mean() < MEAN
