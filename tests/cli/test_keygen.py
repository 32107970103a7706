"""`tallyp2p keygen` as a person types it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from tallyp2p.wire.keys import identity_from_text


def keygen(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tallyp2p.cli", "keygen", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_it_prints_the_public_key_and_nothing_else(tmp_path: Path) -> None:
    made = keygen(cwd=tmp_path)
    assert (made.returncode, made.stdout.count("\n")) == (0, 1), made.stderr
    assert len(identity_from_text(made.stdout.strip())) == 32
    assert stat.S_IMODE((tmp_path / "tallyp2p.key").stat().st_mode) == 0o600
    shown = keygen("tallyp2p.key", "--show", cwd=tmp_path)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, made.stdout, "")


def test_refusals_are_one_sentence(tmp_path: Path) -> None:
    assert keygen("a.key", cwd=tmp_path).returncode == 0
    again = keygen("a.key", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "Error: a.key exists, and is never overwritten: name another file\n"
    (tmp_path / "a.key").chmod(0o644)
    shown = keygen("a.key", "--show", cwd=tmp_path)
    assert (shown.returncode, shown.stdout) == (2, "") and "read by others" in shown.stderr
