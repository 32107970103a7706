"""One's own ballots, each on disk before it is sent.

Two different ballots of one author for one round annul each other, so a peer that is killed
must not vote anew in a round in which it may have voted already.  The journal is why it does
not: a ballot is written and synced here, once, before anybody is sent it, and after a restart
the same bytes are sent again.

A file of records, each::

    marker 4 | length u32 | SHA-256 of the payload, first 8 bytes | payload

The first payload says whose journal of which run this is; the others are ballots.  Since each
is synced before the next is written, a crash can tear only the last record, which was never
sent: it is cut off.  A damaged record with a whole one behind it is another matter: a ballot
that was sent is lost, and the file is refused.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
from contextlib import suppress
from pathlib import Path

from ..errors import FailureError, SettingsError
from ..payloads import Ballot
from .ballots import ballot_bytes, read_ballot
from .disk import Disk

__all__ = ["Journal"]

_MARKER = b"\xb7TLY"
_HEAD = struct.Struct(">4sI8s")
_LONGEST = 1 << 20  # bytes of a payload: a ballot of 65,535 votes with ids has half of that
_REMEMBERED = 16_384  # ballots in memory, the newest: no ledger may retain more (Timing.retain)
_FORMAT = b"tallyp2p.journal/1\n"


class Journal:
    """The journal at `path` of the peer `author` in the run of digest `run`, made unless there.

    It belongs to one process at a time.  Raises :class:`SettingsError` where another process has
    it, where it is another peer's or another run's, and where it is damaged;
    :class:`FailureError` where it cannot be read or made.
    """

    def __init__(self, path: Path, run: bytes, author: bytes, disk: Disk | None = None) -> None:
        self.path = path
        self.cut = 0  # bytes of a torn record that were cut off
        self._disk = disk or Disk()
        self._ballots: dict[int, Ballot] = {}  # by round, the newest of them
        self._forgotten = -1  # the newest round that is in the file only
        self._size = 0  # bytes that are known to lie on the disk
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = self._disk.open(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise _failure(path, error) from None
        try:
            self._lock()
            self._load(_FORMAT + run + author)
        except OSError as error:
            self.close()
            raise _failure(path, error) from None
        except BaseException:
            self.close()
            raise

    @property
    def newest(self) -> int:
        """The newest round with a ballot; -1 for none."""
        return max(self._ballots, default=-1)

    def get(self, round: int) -> Ballot | None:
        """The ballot that was cast for `round`, if one was."""
        return self._ballots.get(round)

    def before(self, round: int) -> list[Ballot]:
        """Ballots of rounds before `round`, oldest first."""
        return [ballot for at, ballot in sorted(self._ballots.items()) if at < round]

    def add(self, ballot: Ballot) -> None:
        """Keep `ballot` for good; when this returns it lies on the disk.

        Raises :class:`OSError` when it does not, and then it must not be sent: the next one is
        written in its place.
        """
        if ballot.round <= self._forgotten:
            raise OSError(errno.EINVAL, f"round {ballot.round} was long ago")
        if self._ballots.get(ballot.round) == ballot:
            return
        if ballot.round in self._ballots:
            raise SettingsError(f"round {ballot.round} has another ballot in {self.path}")
        self._append(ballot_bytes(ballot))
        self._remember(ballot)

    @staticmethod
    def held(path: Path) -> bool:
        """Whether a process has the journal at `path` now."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)  # and with it the lock
        return False

    def close(self) -> None:
        """Let another process have it."""
        if self._descriptor >= 0:
            with suppress(OSError):
                self._disk.close(self._descriptor)
            self._descriptor = -1

    def _remember(self, ballot: Ballot) -> None:
        self._ballots[ballot.round] = ballot
        if len(self._ballots) > _REMEMBERED:
            oldest = min(self._ballots)
            self._forgotten = max(self._forgotten, oldest)
            del self._ballots[oldest]

    def _append(self, payload: bytes) -> None:
        record = _record(payload)
        # Always at the end of what is known to be there: what a full disk took of a record, or
        # what may not have been synced, is written over.
        self._disk.write_all(self._descriptor, record, self._size)
        self._disk.sync(self._descriptor)
        self._size += len(record)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"another process is this peer: it holds {self.path}; end it first"
            ) from None

    def _load(self, owner: bytes) -> None:
        with open(self._descriptor, "rb", closefd=False) as file:
            data = file.read()
        payload, at = _payload(data, 0)
        if payload is None:
            self._refuse_if_damaged(data, 0)
            if len(data) > len(_record(owner)):
                raise SettingsError(f"{self.path} is no journal: choose another directory")
            self._cut(data, 0)
            self._append(owner)
            self._disk.sync_directory(self.path.parent)
            return
        if payload != owner:
            raise SettingsError(
                f"{self.path} is the journal of another peer or another run: choose another "
                "directory"
            )
        while at < len(data):
            payload, after = _payload(data, at)
            if payload is None:
                self._refuse_if_damaged(data, at)
                break
            try:
                ballot = read_ballot(payload)
            except ValueError as error:
                raise SettingsError(f"{self.path} is no journal of ours: {error}") from None
            self._remember(ballot)
            at = after
        self._cut(data, at)

    def _cut(self, data: bytes, at: int) -> None:
        self._size, self.cut = at, len(data) - at
        if self.cut:
            self._disk.truncate(self._descriptor, at)
            self._disk.sync(self._descriptor)

    def _refuse_if_damaged(self, data: bytes, at: int) -> None:
        """What follows a torn record is nothing.  Where a whole one follows, it is no torn one."""
        later = data.find(_MARKER, at + 1)
        while later >= 0:
            if _payload(data, later)[0] is not None:
                raise SettingsError(
                    f"{self.path} is damaged at byte {at}: a ballot that may have been sent is "
                    "lost, so this peer cannot go on as itself; start a new one, or lay a whole "
                    "copy of the file there"
                )
            later = data.find(_MARKER, later + 1)


def _record(payload: bytes) -> bytes:
    return _HEAD.pack(_MARKER, len(payload), hashlib.sha256(payload).digest()[:8]) + payload


def _payload(data: bytes, at: int) -> tuple[bytes | None, int]:
    """The payload of the record at `at`, None unless it is whole, and where the next one is."""
    if len(data) - at < _HEAD.size:
        return None, at
    marker, length, digest = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    if marker != _MARKER or length > _LONGEST or end > len(data):
        return None, at
    payload = data[at + _HEAD.size : end]
    return (payload, end) if hashlib.sha256(payload).digest()[:8] == digest else (None, at)


def _failure(path: Path, error: OSError) -> FailureError:
    return FailureError(
        f"the journal {path} cannot be used: {error.strerror}; choose another directory"
    )
