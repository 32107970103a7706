"""No check can be taken out of the code without a vector that notices."""

from __future__ import annotations

from collections import Counter

import pytest

from tallyp2p.wire import keys, seal
from tests.conformance.mutations import EQUIVALENT, killer, mutants, noticing


def test_every_refusal_and_every_limit_has_its_mutants() -> None:
    names = [mutant.name for mutant in mutants()]
    assert sum("does not refuse" in name for name in names) > 40
    assert {name for name in names if name.startswith("LIMITS.")} >= {"LIMITS.frame +1"}
    assert set(EQUIVALENT) <= set(names)  # none that is not there any more


@pytest.mark.slow
def test_no_mutant_survives() -> None:
    """Those that do change nothing that can be seen, each for a reason that is written down."""
    cases = noticing()
    try:
        survivors = Counter(
            mutant.name
            for mutant in mutants()
            if killer(mutant, cases, reasons=True) is None  # reasons are compared besides the rest
        )
    finally:  # what mutants have answered must not be remembered as an answer
        for remembers in (keys.curve_public, keys._on_curve, seal._public):
            remembers.cache_clear()
    assert survivors == Counter(EQUIVALENT.keys())
