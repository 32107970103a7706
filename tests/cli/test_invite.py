"""`tallyp2p invite` as a person types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.admission.invitation import Invitation
from tallyp2p.admission.keyfile import make_key
from tallyp2p.wire.keys import identity_text


def invite(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tallyp2p.cli", "invite", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_tokens_are_all_that_is_on_standard_output(tmp_path: Path) -> None:
    public = identity_text(make_key(tmp_path / "my.key"))
    done = invite("run", "--seats", "2", "--key", public, "--spare", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    invited = [Invitation.of(line) for line in done.stdout.splitlines()]
    assert [one.secret is None for one in invited] == [True, False, False]
    assert invited[0].profile.peers == 5 and invited[0].profile.network.encrypt
    assert "tallyp2p peer --run run" in done.stderr
    later = invite("run", cwd=tmp_path)
    assert Invitation.of(later.stdout.strip()).shard == 4, later.stderr
    assert "seats to give later (tallyp2p invite run): 0\n" in later.stderr
    again = invite("run", "--key", public, cwd=tmp_path)
    assert again.stdout == done.stdout.splitlines(keepends=True)[0], again.stderr
    none = invite("run", cwd=tmp_path)
    assert (none.returncode, none.stdout) == (2, "")
    assert (
        none.stderr.startswith("Error: no seats are left in run") and none.stderr.count("\n") == 1
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", "--seats", "0"], "somebody to invite"),
        (["run", "--key", "abc"], "'abc' is not a public key"),
        (["run", "--seed", "somewhere"], "tcp://HOST:PORT"),
        (["run", "--seats", "1000"], "too few for 1001 peers"),
        (["run", "--set", "run.ids=loud"], "run.ids"),
        (["run", "--listen", "tcp://0.0.0.0:7000"], "name the one address"),
        (["taken"], "taken is not empty: name another\n"),
    ],
)
def test_nonsense_is_refused_in_a_sentence_and_nothing_made(
    args: list[str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "diary").write_text("dear diary")
    done = invite(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_is_fixed_when_a_run_is_founded_is_not_changed_later(tmp_path: Path) -> None:
    assert invite("run", "--spare", "2", cwd=tmp_path).returncode == 0
    for option in (["--set", "rounds=8"], ["--spare", "1"], ["--listen", "tcp://127.0.0.1:1"]):
        done = invite("run", *option, cwd=tmp_path)
        assert done.returncode == 2 and f"{option[0]} is fixed when" in done.stderr
