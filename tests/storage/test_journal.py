"""What was cast is there again, and what could not be kept is not taken for kept."""

from __future__ import annotations

import errno
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.storage import journal as journal_module
from tallyp2p.storage.disk import Disk
from tallyp2p.storage.journal import Journal
from tests.storage.faults import Crash, FaultyDisk, FullDisk, LazyDisk
from tests.storage.full import small_disk
from tests.world import SMALL_RUN, ballot_of

AUTHOR = b"12345678"


class Hasty(Disk):
    """Waits for nothing; for tests of what is read."""

    def sync(self, descriptor: int) -> None:
        pass


BALLOTS = [ballot_of(SMALL_RUN, AUTHOR, round) for round in range(0, 20, 2)]


def journal(directory: Path, disk: Disk | None = None) -> Journal:
    return Journal(directory / "journal", SMALL_RUN.digest, AUTHOR, disk)


def written(directory: Path, count: int = len(BALLOTS)) -> Path:
    made = journal(directory)
    for ballot in BALLOTS[:count]:
        made.add(ballot)
    made.close()
    return made.path


def kept(directory: Path, disk: Disk | None = None) -> list[object]:
    made = journal(directory, disk)
    found = made.before(1000)
    made.close()
    return list(found)


def test_what_was_cast_is_there_again(tmp_path: Path) -> None:
    written(tmp_path)
    again = journal(tmp_path)
    assert (again.newest, again.cut) == (18, 0)
    assert again.get(4) == BALLOTS[2] and again.get(5) is None
    assert again.before(6) == BALLOTS[:3]
    again.add(BALLOTS[2])  # once more the same: nothing is written
    with pytest.raises(SettingsError, match="round 4 has another ballot"):
        again.add(ballot_of(SMALL_RUN, AUTHOR, 4, "another"))
    again.close()
    assert kept(tmp_path) == BALLOTS


def test_one_write_and_one_sync_for_each_ballot(tmp_path: Path) -> None:
    disk = FaultyDisk(-1)
    made = journal(tmp_path, disk)
    disk.calls.clear()
    made.add(BALLOTS[0])
    made.close()
    assert disk.calls == ["write", "sync", "close"]


def test_a_torn_tail_is_cut_off_at_every_byte(tmp_path: Path) -> None:
    whole = written(tmp_path, 3).read_bytes()
    two = len(written(tmp_path / "two", 2).read_bytes())
    for size in range(two, len(whole)):
        (tmp_path / "journal").write_bytes(whole[:size] + b"\0" * (size % 3))
        made = journal(tmp_path)
        assert made.before(100) == BALLOTS[:2], size
        made.add(BALLOTS[2])
        made.close()
        assert (tmp_path / "journal").read_bytes() == whole


def test_a_ballot_lost_in_the_midst_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(written(tmp_path / "four", 4).read_bytes()) + 40] ^= 4
    path.write_bytes(data)
    with pytest.raises(SettingsError, match="damaged at byte .* cannot go on as itself"):
        journal(tmp_path)


def test_a_thousand_damages_lose_nothing_silently_but_the_end(tmp_path: Path) -> None:
    whole = written(tmp_path).read_bytes()
    path, chance = tmp_path / "journal", Random(5)
    refused = 0
    for number in range(1000):
        data = bytearray(whole[: chance.randrange(len(whole) + 1)] if number % 2 else whole)
        if number % 2 == 0 or (data and number % 3 == 0):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            found = kept(tmp_path, Hasty())
        except SettingsError:
            refused += 1
            continue
        assert found == BALLOTS[: len(found)], number
        if number % 2 == 0:
            assert len(found) >= len(BALLOTS) - 1, "only the last record can be taken for torn"
    assert 300 < refused < 900


def test_a_crash_at_each_call_leaves_what_was_promised(tmp_path: Path) -> None:
    """A ballot that `add` returned for is there; the one that it was adding may be."""
    for at in range(5 + 2 * len(BALLOTS)):
        for after in (False, True):
            directory, promised, made = tmp_path / f"{at} {after}", 0, None
            with suppress(Crash):
                made = journal(directory, FaultyDisk(at, after=after))
                for ballot in BALLOTS:
                    made.add(ballot)
                    promised += 1
            if made is not None:
                made.close()
            found = kept(directory)
            assert found == BALLOTS[: len(found)] and len(found) in (promised, promised + 1)


def test_a_power_cut_leaves_what_was_promised(tmp_path: Path) -> None:
    for seed in range(150):
        chance = Random(seed)
        directory, promised = tmp_path / str(seed), 0
        disk = LazyDisk(chance.randrange(60), chance)
        made = None
        with suppress(Crash):
            made = journal(directory, disk)
            for ballot in BALLOTS:
                made.add(ballot)
                promised += 1
        if made is not None:
            made.close()
        disk.cut_power()
        found = kept(directory)
        assert found == BALLOTS[: len(found)] and len(found) >= promised, seed


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("call", [0, 1])
def test_an_error_is_told_and_the_next_ballot_can_be_kept(
    tmp_path: Path, error: int, call: int
) -> None:
    disk = FaultyDisk(-1, error)
    made = journal(tmp_path, disk)
    made.add(BALLOTS[0])
    disk.at = len(disk.calls) + call
    with pytest.raises(OSError):
        made.add(BALLOTS[1])
    assert made.get(2) is None
    made.add(BALLOTS[2])
    made.close()
    assert kept(tmp_path) == [BALLOTS[0], BALLOTS[2]]


def test_a_full_disk_leaves_no_half_record_behind(tmp_path: Path) -> None:
    written(tmp_path, 1)
    disk = FullDisk(30)
    made = journal(tmp_path, disk)
    with pytest.raises(OSError, match="No space left"):
        made.add(BALLOTS[1])
    disk.room = 1000
    made.add(BALLOTS[2])
    made.close()
    assert kept(tmp_path) == [BALLOTS[0], BALLOTS[2]]


def test_a_disk_that_is_really_full_takes_the_next_ballot_once_there_is_room(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "small", "64k") as directory:
        made = journal(directory)
        made.add(BALLOTS[0])
        filler = directory / "filler"
        with suppress(OSError):
            filler.write_bytes(bytes(100_000))
        full = [ballot_of(SMALL_RUN, AUTHOR, 2 * round) for round in range(100, 300)]
        refused = None
        for ballot in full:  # what is left of the last page takes some
            try:
                made.add(ballot)
            except OSError as error:
                refused = error
                break
        assert refused is not None and refused.errno == errno.ENOSPC
        before = made.before(1000)
        filler.unlink()
        made.add(BALLOTS[1])
        made.close()
        assert kept(directory) == sorted([*before, BALLOTS[1]], key=lambda b: b.round)


def test_memory_is_bounded_and_what_left_it_is_not_voted_on_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_REMEMBERED", 3)
    written(tmp_path)
    again = journal(tmp_path)
    assert again.before(1000) == BALLOTS[-3:] and again.newest == 18
    with pytest.raises(OSError, match="long ago"):
        again.add(ballot_of(SMALL_RUN, AUTHOR, 4, "another"))
    again.close()


def test_a_journal_is_of_one_peer_one_run_and_one_process(tmp_path: Path) -> None:
    made = journal(tmp_path)
    with pytest.raises(SettingsError, match="another process is this peer"):
        journal(tmp_path)
    made.close()
    with pytest.raises(SettingsError, match="another peer or another run"):
        Journal(made.path, SMALL_RUN.digest, b"another.")
    with pytest.raises(SettingsError, match="another peer or another run"):
        Journal(made.path, bytes(32), AUTHOR)


def test_what_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailureError, match="cannot be used: .*; choose another"):
        journal(tmp_path / "file")
    (tmp_path / "journal").write_bytes(b"something else" * 20)
    with pytest.raises(SettingsError, match="is no journal"):
        journal(tmp_path)
    assert (tmp_path / "journal").read_bytes() == b"something else" * 20


def test_another_process_has_the_lock_until_it_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tallyp2p.storage.journal import Journal\n"
        "made = Journal(Path(sys.argv[1]), bytes(32), b'12345678')\n"
        "print('here', flush=True); time.sleep(60)"
    )
    path = tmp_path / "journal"
    other = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None and other.stdout.readline()
        with pytest.raises(SettingsError, match="another process"):
            Journal(path, bytes(32), AUTHOR)
    finally:
        other.kill()
        other.communicate()
    Journal(path, bytes(32), AUTHOR).close()
