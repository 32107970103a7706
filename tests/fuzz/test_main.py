"""The fuzzer's command, for two seconds."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import main


@pytest.mark.slow
def test_it_fuzzes(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("atheris", reason="needs pip install '.[fuzz]'")
    assert main(["decoder", "--seconds", "2"]) == 0
    assert "stat::number_of_executed_units" in capsys.readouterr().out
