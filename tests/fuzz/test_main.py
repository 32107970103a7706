"""The fuzzer's command, for two seconds."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import adding, main
from tests.fuzz.targets import seeds


@pytest.mark.slow
def test_it_fuzzes(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("atheris", reason="needs pip install '.[fuzz]'")
    assert main(["decoder", "--seconds", "2"]) == 0
    assert "stat::number_of_executed_units" in capsys.readouterr().out


def test_only_what_leads_somewhere_new_is_kept() -> None:
    peers_of_two = seeds("decoder")[6]
    new = peers_of_two[:3] + b"\xff" + peers_of_two[4:]  # more endpoints than there can be
    assert adding("decoder", [*seeds("decoder"), b"", new, new]) == [new]
