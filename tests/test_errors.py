from __future__ import annotations

import pytest

from tallyp2p.errors import LocalError, Reason, RemoteError, TallyError, Verdict


def test_the_base_is_never_raised_itself() -> None:
    with pytest.raises(TypeError):
        TallyError("whose fault?")


def test_blame_can_be_told_apart() -> None:
    error = RemoteError(Reason.PADDING, "bits")
    assert isinstance(error, TallyError) and not isinstance(error, LocalError)
    assert error.reason == 32 and str(error) == "bits" and not error.optional


def test_what_an_honest_peer_can_cause_is_ignored_not_rejected() -> None:
    """VERDICT-2, VERDICT-3."""
    harmless = {r for r in Reason if r.verdict is Verdict.IGNORE}
    assert harmless == {
        Reason.VERSION,
        Reason.TYPE,
        Reason.RUN,
        Reason.EARLY,
        Reason.ROUND,
        Reason.RATE,
        Reason.INTERNAL,
    }
