"""No mutant of a signed ballot is one; and the experiment would notice if it were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallyp2p.wire import seal
from tests.hostile.mutated import main, put


def test_no_mutant_of_a_signed_ballot_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mutated.json"
    assert main(["--count", "20000", "--seed", "5", "--out", str(out)]) == 0, capsys.readouterr()
    figures = {row["what"]: row["value"] for row in json.loads(out.read_text())["figures"]}
    assert figures["mutants"] == 20_000
    assert figures["accepted"] == figures["crashed"] == 0
    assert sum(v for what, v in figures.items() if what.startswith("refused")) > 19_000
    assert figures["refused SEAL"] > 10_000  # most get as far as the signature


def test_the_same_seed_makes_the_same_mutants() -> None:
    assert put(5000, 3).refused == put(5000, 3).refused


def test_a_decoder_that_believes_everybody_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "verify", lambda *_: True)
    outcome = put(3000, 0)
    assert len(outcome.accepted) > 1000 and not outcome.crashed
