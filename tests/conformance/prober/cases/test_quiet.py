"""Peers that are broken in what cases/quiet.py looks at are found out."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.cases import quiet
from tests.conformance.prober.broken import Broken
from tests.conformance.prober.finding import broken_in, is_found


@pytest.mark.parametrize("broken", broken_in("quiet"))
async def test_what_is_broken_is_found(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    if broken.case == "liveness/pings-quiet":  # who never pings need not be waited for so long
        monkeypatch.setattr(quiet, "_PINGED", 8.0)
    await is_found(broken)
