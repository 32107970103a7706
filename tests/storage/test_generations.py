"""The newest whole state is found, whatever became of those after it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tallyp2p.storage.disk import Disk
from tallyp2p.storage.generations import Generations
from tests.storage.faults import Crash, FaultyDisk, LazyDisk
from tests.storage.full import small_disk


def state(round: int) -> bytes:
    return Random(round).randbytes(500)


def saved(directory: Path, *rounds: int) -> Generations:
    made = Generations(directory)
    for round in rounds:
        made.save(round, state(round))
    return made


def newest(directory: Path) -> tuple[int, bytes] | None:
    found = Generations(directory).verified()
    if not found:
        return None
    data = Generations(directory).read(found[0])
    assert data is not None
    return found[0].round, data


def test_three_are_kept_the_newest_first(tmp_path: Path) -> None:
    made = saved(tmp_path, 8, 16, 24, 32)
    assert [g.round for g in made.found()] == [32, 24, 16]
    assert [made.read(g) for g in made.found()] == [state(32), state(24), state(16)]
    made.save(24, b"once more, another way")
    assert [g.round for g in made.found()] == [32, 24, 16]
    assert made.read(made.found()[1]) == b"once more, another way"
    assert Generations(tmp_path / "nowhere").found() == []


def test_a_damaged_newest_is_passed_over(tmp_path: Path) -> None:
    made = saved(tmp_path, 8, 16, 24)
    first = made.found()[0].path
    first.write_bytes(first.read_bytes()[:-1])
    assert newest(tmp_path) == (16, state(16))


def test_a_thousand_damages_give_a_whole_state_or_none(tmp_path: Path) -> None:
    saved(tmp_path, 8, 16, 24)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    chance, whole = Random(3), 0
    for number in range(1000):
        for path, data in files.items():
            changed = bytearray(data)
            if chance.random() < 0.6:
                if number % 2:
                    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                else:
                    del changed[chance.randrange(len(data)) :]
            path.write_bytes(changed)
        found = newest(tmp_path)
        intact = [p for p in sorted(files, reverse=True) if p.read_bytes() == files[p]]
        if found is None:
            assert not intact, number
        else:
            whole += 1
            assert found == (found[0], state(found[0])) and found[1] == files[intact[0]], number
    assert 600 < whole < 950


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [None, errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_save_that_ends_at_any_call_leaves_the_old_or_the_new(
    tmp_path: Path, error: int | None, after: bool
) -> None:
    at, ended = 0, True
    while ended:
        directory = tmp_path / str(at)
        saved(directory, 8, 16, 24)
        disk = FaultyDisk(at, error, after)
        try:
            Generations(directory, disk).save(32, state(32))
            ended = at < len(disk.calls)  # an error on clearing up is no news
        except (Crash, OSError):
            pass
        found = newest(directory)
        assert found in ((24, state(24)), (32, state(32))), at
        assert len(Generations(directory).verified()) >= 3, at
        saved(directory, 40)
        assert newest(directory) == (40, state(40))
        assert not list(directory.glob("*.part"))
        at += 1
    assert at > 7


def test_a_power_cut_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    for seed in range(150):
        chance = Random(seed)
        directory = tmp_path / str(seed)
        saved(directory, 8, 16, 24)
        disk = LazyDisk(chance.randrange(30), chance)
        done = False
        with suppress(Crash):
            Generations(directory, disk).save(32, state(32))
            done = True
        disk.cut_power()
        found = newest(directory)
        assert found in ((24, state(24)), (32, state(32))), seed
        assert found is not None and (not done or found[0] == 32), seed


def test_a_disk_that_is_really_full_keeps_the_old_and_heals(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "64k") as directory:
        made = saved(directory / "states", 8, 16, 24)
        with pytest.raises(OSError, match="No space left"):
            made.save(32, bytes(100_000))
        assert newest(directory / "states") == (24, state(24))
        assert not list((directory / "states").glob("*.part"))
        made.save(32, state(32))
        assert newest(directory / "states") == (32, state(32))


def test_strange_files_are_no_generations(tmp_path: Path) -> None:
    made = saved(tmp_path, 8)
    digest = made.found()[0].digest
    for name in ("round-8.txt", f"round-16.{digest}.safetensors", "round-00000016.safetensors"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / f"round-00000016.{digest}.safetensors").mkdir()
    assert [g.round for g in made.verified()] == [8]


SCRIPT = """
import sys; from pathlib import Path
from tallyp2p.storage.generations import Generations
Generations(Path(sys.argv[1])).save(32, b"new" * 100)
"""


def strace() -> str:
    """strace, where processes may be traced; else the test skips and says why."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    if subprocess.run([found, "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("this host lets nobody trace processes")
    return found


@pytest.mark.slow
def test_a_process_killed_at_each_system_call_of_a_save(tmp_path: Path) -> None:
    """The same as above by the system itself: SIGKILL as it enters the call."""
    tracer, killed = strace(), 0
    for call in ("pwrite64", "fsync", "rename", "unlink", "mkdir"):
        for when in (1, 2, 3):
            directory = tmp_path / f"{call} {when}"
            saved(directory, 8, 16, 24)
            inject = f"inject={call}:signal=KILL:when={when}"
            python = [os.path.realpath(sys.executable), "-c", SCRIPT, str(directory)]
            done = subprocess.run(
                [tracer, "-f", "-qqq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject]
                + python,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
            )
            killed += done.returncode != 0
            assert newest(directory) in ((24, state(24)), (32, b"new" * 100)), (call, when)
            if done.returncode == 0:
                assert newest(directory) == (32, b"new" * 100), done.stderr
                break
    assert killed >= 4, "at pwrite64, both of fsync, and rename"


def test_a_directory_that_refuses_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Generations(tmp_path / "file" / "below", Disk()).save(8, b"")
