"""One nursery for all tests of faults, and a reason where there can be none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.air import unavailable
from tests.faults.field import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    if reason := unavailable():
        pytest.skip(reason)
    program = Nursery()
    yield program
    program.end()
