"""Derived probe ids: byte-exact, distinct, inside the pool, in draw order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.consensus.probes import derive, draw
from tallyp2p.errors import LocalError
from tallyp2p.parameters import RunParameters
from tests.conformance import reference

RUN = bytes.fromhex("b4c0c6bd49c26fc9")


def test_the_worked_example_of_the_specification() -> None:
    ids = draw(RUN, 7, pool=10_000, count=32)
    assert ids.dtype == np.uint32
    assert ids.shape == (32,)
    assert ids[:8].tolist() == [3120, 1659, 4324, 1680, 9181, 3369, 5227, 906]


@given(
    run=st.binary(min_size=8, max_size=8),
    round=st.integers(0, 2**32 - 1),
    pool=st.integers(1, 200) | st.integers(2**31, 2**32 - 1),
    share=st.floats(0, 1),
)
def test_any_draw_equals_the_plain_reading(run: bytes, round: int, pool: int, share: float) -> None:
    """PROBE-1, PROBE-5."""
    count = max(1, int(min(pool, 60) * share))
    assert draw(run, round, pool, count).tolist() == reference.derive(run, round, pool, count)


def test_a_whole_pool_is_a_permutation_of_it() -> None:
    assert sorted(draw(RUN, 0, pool=300, count=300).tolist()) == list(range(300))


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    assert draw(RUN, 3, 500, 200)[:17].tolist() == draw(RUN, 3, 500, 17).tolist()


def test_derive_draws_a_whole_ballot_of_the_run() -> None:
    run = RunParameters(pool=100, probes=5, rounds_per_ballot=4)
    assert derive(run, 8).tolist() == draw(run.run, 8, 100, 20).tolist()
    assert derive(run, 8).tolist() != derive(run, 12).tolist()


@pytest.mark.parametrize(
    ("round", "pool", "count"), [(-1, 9, 1), (2**32, 9, 1), (0, 9, 10), (0, 9, -1), (0, 2**32, 1)]
)
def test_what_cannot_be_drawn_is_refused(round: int, pool: int, count: int) -> None:
    with pytest.raises(LocalError):
        draw(RUN, round, pool, count)
