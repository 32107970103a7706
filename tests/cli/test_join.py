"""`tallyp2p join`: real people's keys, real processes, and who is kept out."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tallyp2p.admission.keyfile import held_key, make_key
from tallyp2p.cli.join import join
from tallyp2p.profiles import Profile
from tallyp2p.wire.keys import identity_text
from tests.cli.test_peer import endpoint

PROGRAM = [sys.executable, "-u", "-m", "tallyp2p.cli"]
QUICK = ["--set", "rounds=16", "--set", "learning.warmup=8", "--set", "timing.quorum=3"]


def run(*args: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args], cwd=cwd, input=given, capture_output=True, text=True, timeout=60
    )


def start(*args: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *args],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def tokens(folder: str, *args: str, cwd: Path) -> list[str]:
    done = run("invite", folder, *args, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_three_people_with_tokens_make_a_run_and_nobody_else_does(tmp_path: Path) -> None:
    public = identity_text(make_key(tmp_path / "my.key"))
    options = ["--key", public, "--seats", "1", "--no-encrypt", *QUICK]
    own, given = tokens("run", *options, cwd=tmp_path)
    (elsewhere,) = tokens("other", "--seats", "1", "--no-encrypt", *QUICK, cwd=tmp_path)
    with start("peer", "--run", "run", cwd=tmp_path) as first:
        seed = ["--seed", endpoint(first)]
        give_up = ["--set", "timing.join_deadline=1.5"]
        another = run("join", "-", *seed, *give_up, cwd=tmp_path, given=elsewhere)
        with (
            start("join", own, "--key", "my.key", "--out", "mine", *seed, cwd=tmp_path) as second,
            start("join", "-", "--out", "third", *seed, cwd=tmp_path) as third,
        ):
            assert third.stdin is not None
            third.stdin.write(given + "\n")
            third.stdin.close()
            third.stdin = None
            said = [peer.communicate(timeout=100)[0] for peer in (first, second, third)]
    for peer, text in zip((first, second, third), said, strict=True):
        assert peer.returncode == 0 and "round 16/16  3 alive" in text, text
    assert another.returncode == 1
    assert "they are of run " in another.stdout and "another list of members" in another.stdout
    assert "refused: tcp://127.0.0.1" in said[0] and "it is of run " in said[0]
    assert {file.name for file in (tmp_path / "third").iterdir()} >= {"key", "peer-02"}
    assert not (tmp_path / "mine" / "key").exists()


@pytest.mark.slow
def test_nothing_of_the_current_directory_is_run(tmp_path: Path) -> None:
    """A token is pasted anywhere, also where others can write.  By -P it is as for a script."""
    (token,) = tokens("run", "--seats", "1", cwd=tmp_path)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "click.py").write_text("raise SystemExit(9)\n")
    script = [sys.executable, "-P", "-m", "tallyp2p.cli"]
    options = ["--out", "../seat", "--no-such-option"]
    done = subprocess.run(
        [*script, "join", token, *options],
        cwd=downloads,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "no-such-option" in done.stderr, done


@pytest.mark.slow
def test_killed_and_started_again_the_same_directory_is_the_same_peer(tmp_path: Path) -> None:
    """Encrypted, as an invitation has it unless told otherwise."""
    (token,) = tokens("run", "--set", "learning.warmup=8", "--set", "rounds=80", cwd=tmp_path)
    (tmp_path / "token").write_text(token)
    with start("peer", "--run", "run", cwd=tmp_path) as first:
        seed = endpoint(first)
        assert "#" in seed
        seat = ["join", "--token-file", "token", "--out", "seat", "--seed", seed]
        with start(*seat, "--listen", "tcp://127.0.0.2:*", cwd=tmp_path) as second:
            own = endpoint(second)
            assert second.stdout is not None
            assert any("round 8/80" in line for line in second.stdout)
            first.send_signal(signal.SIGSTOP)  # it does not go on alone meanwhile
            second.kill()
        with start("peer", "--run", "seat", "--seed", seed, cwd=tmp_path) as third:
            again = endpoint(third)  # as the same peer, at the same address
            assert again.startswith("tcp://127.0.0.2:") and again[-44:] == own[-44:]
            first.send_signal(signal.SIGCONT)
            text, _ = third.communicate(timeout=100)
        whole, _ = first.communicate(timeout=100)
    assert (first.returncode, third.returncode) == (0, 0), whole + text
    assert "was started again" in whole and "round 80/80  2 alive" in text
    for words in (["peer", "--run", "seat"], ["peer", "--resume", "seat"], seat):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 2 and "seat is finished" in done.stderr, done


def test_one_string_is_enough_for_a_host_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback no inviter on another host could answer."""
    heard: list[str] = []

    class Told:
        def __init__(self, profile: Profile, **more: object) -> None:
            heard.append(profile.network.listen)

        def run(self) -> int:
            return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tallyp2p.cli.foreground.Foreground", Told)
    address = "tcp://192.0.2.77:7000"  # nobody's
    (far,) = tokens("far", "--listen", address, cwd=tmp_path)
    (near,) = tokens("near", "--listen", "tcp://127.0.0.1:7000", cwd=tmp_path)
    for token, more in ((far, []), (near, []), (far, ["--listen", "tcp://127.0.0.3:*"])):
        assert CliRunner().invoke(join, ["-", "--out", token[-4:], *more], token).exit_code == 0
    assert heard == ["tcp://0.0.0.0:*", "tcp://127.0.0.1:*", "tcp://127.0.0.3:*"]


def test_a_token_does_not_stay_among_the_arguments(tmp_path: Path) -> None:
    """Others on the host may read them: the process goes on under other ones."""
    token = tokens("run", cwd=tmp_path)[0]
    with start("join", token, "--out", "seat", "--set", "timing.quorum=9", cwd=tmp_path) as peer:
        try:
            assert peer.stdout is not None
            assert peer.stdout.readline().startswith("this seat is seat;")
            assert "reading shard 1 of 2" in peer.stdout.readline()
            assert token.encode() not in Path(f"/proc/{peer.pid}/cmdline").read_bytes()
        finally:
            peer.kill()


def test_who_is_not_on_the_list_is_told_to_ask_for_an_invitation(tmp_path: Path) -> None:
    tokens("run", cwd=tmp_path)
    make_key(tmp_path / "strange.key")
    seat = ["--electorate", "run/electorate.txt", "--config", "run/config.toml"]
    done = run("peer", "--key", "strange.key", *seat, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "not on the list of members of this run: ask for an invitation" in done.stderr
    done = run("peer", "--shard", "0/2", "--config", "run/config.toml", cwd=tmp_path)
    assert done.returncode == 2 and "--electorate FILE" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "give the token once"),
        (["-", "--token-file", "token"], "give the token once"),
        (["tally1-xyz"], "is cut off"),
        (["{token}x"], "one character is wrong"),
        (["{token}", "--key", "strange.key"], "strange.key is another key"),
        (["{token}", "--out", "run"], "run is another seat's directory"),
        (["{token}", "--out", "taken"], "taken is not empty"),
        (["{own}", "--out", "seat"], "name its file with --key"),
    ],
)
def test_a_token_that_cannot_be_used_is_refused_in_a_sentence(
    args: list[str], words: str, tmp_path: Path
) -> None:
    public = identity_text(make_key(tmp_path / "my.key"))
    make_key(tmp_path / "strange.key")
    own, token = tokens("run", "--key", public, "--seats", "1", cwd=tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "diary").write_text("dear diary")
    (tmp_path / "token").write_text(token)
    done = run("join", *(arg.format(token=token, own=own) for arg in args), cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "seat").exists()


def test_two_processes_of_one_seat_are_refused(tmp_path: Path) -> None:
    (token,) = tokens("run", cwd=tmp_path)
    assert run("join", token, "--out", "seat", "--only-write", cwd=tmp_path).returncode == 0
    with held_key(tmp_path / "seat" / "key"):
        done = run("join", token, "--out", "seat", cwd=tmp_path)
    assert done.returncode == 1 and "in use by another process" in done.stderr
