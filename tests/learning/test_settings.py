"""Settings refuse what no learner could do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.learning.settings import DataSettings, LearningSettings, Loss


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: LearningSettings(model="resnet"), "model must be one of: mlp"),
        (lambda: LearningSettings(local_steps=0), "local_steps"),
        (lambda: LearningSettings(batch=0), "batch"),
        (lambda: LearningSettings(lr=0.0), "lr"),
        (lambda: LearningSettings(kl_weight=-1.0), "kl_weight"),
        (lambda: LearningSettings(loss=Loss.MIXED, kl_weight=1.5), "kl_weight"),
        (lambda: LearningSettings(kl_steps=6), "kl_steps"),
        (lambda: LearningSettings(decay_floor=1.1), "decay_floor"),
        (lambda: LearningSettings(assume_byzantine=-1), "assume_byzantine"),
        (lambda: LearningSettings(abstain_below=1.1), "abstain_below"),
        (lambda: LearningSettings(evaluate_every=0), "evaluate_every"),
        (lambda: DataSettings(task="mnist"), "task must be one of: digits"),
        (lambda: DataSettings(alpha=0.0), "alpha"),
        (lambda: DataSettings(probes=0), "probes"),
    ],
)
def test_value_out_of_range_is_refused(make: Callable[[], object], key: str) -> None:
    with pytest.raises(SettingsError, match=key):
        make()
