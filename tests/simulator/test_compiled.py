"""Compiled modules do what their sources say: the same worlds, and the whole specification."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import compile as script
from scripts.compile import STAMP, CannotCompile, compiled
from tallyp2p.simulator.mix import standard
from tallyp2p.simulator.world import World

ROOT = Path(__file__).parent.parent.parent
SEEDS = range(48)
LIVE = """
import json, sys
from tallyp2p.gossip import machine
from tallyp2p.simulator import host
from tests.simulator.test_compiled import hashes
print(json.dumps([machine.__file__, host.__file__, hashes()]))
"""


def hashes() -> list[str]:
    """Of every message of some worlds of the standard adversity mix, with every check on."""
    return [World(standard(seed), seed).run().trace_hash for seed in SEEDS]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled copy of the package."""
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        pytest.skip("no C compiler is installed")
    return compiled(tmp_path_factory.mktemp("compiled"))


def run(copy: Path, *words: str) -> str:
    """What Python prints, with the copy before everything else on its path."""
    path = {"PYTHONSAFEPATH": "1", "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *words], env=os.environ | path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)  # for the compiler, on a busy host
def test_the_same_worlds(copy: Path) -> None:
    machine, host, found = json.loads(run(copy, "-c", LIVE))
    assert Path(machine).parent == copy / "tallyp2p" / "gossip" and machine.endswith(".so")
    assert host.endswith(".so")
    assert found == hashes()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_specification(copy: Path) -> None:
    main = "from tallyp2p.cli.main import main; main()"
    said = run(copy, "-c", main, "conform", "--vectors", "--", sys.executable, "-c", main, "shim")
    [(cases, good, rest)] = re.findall(r"^ all +(\d+) +(\d+)((?: +\d+)+) *$", said, re.M)
    assert cases == good and int(cases) > 1_000 and not int(rest.replace(" ", "")), said


def test_nothing_of_others_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(CannotCompile, match="holds something else"):
        compiled(tmp_path)
    with pytest.raises(CannotCompile, match="mine is a file"):
        compiled(tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"


def test_who_interrupts_it_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "compiled", interrupted)
    monkeypatch.setattr(sys, "argv", ["compile", str(tmp_path / "new")])
    assert script.main() == 130
    assert capsys.readouterr().err.endswith("interrupted; the same command begins again\n")


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCompile, match="no C compiler"):
        compiled(tmp_path / "new")
    assert not (tmp_path / "new" / STAMP).exists()
