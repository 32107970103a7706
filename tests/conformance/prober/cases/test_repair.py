"""Peers that are broken in what cases/repair.py looks at are found out."""

from __future__ import annotations

import pytest

from tests.conformance.prober.broken import Broken
from tests.conformance.prober.finding import broken_in, is_found


@pytest.mark.parametrize("broken", broken_in("repair"))
async def test_what_is_broken_is_found(broken: Broken) -> None:
    await is_found(broken)
