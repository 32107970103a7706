"""How the processes of one host find each other: each leaves its endpoint in a directory.

Nobody hands out addresses, so nobody has to be alive for the others to start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from ..errors import FailureError
from ..parameters import LIMITS

__all__ = ["Rendezvous"]

_POLL = 0.05  # s


class Rendezvous:
    """The directory `path`, in which peer `index` of `peers` (from 0) meets the others.

    A peer that is started again replaces its endpoint there.
    """

    def __init__(self, path: Path, index: int, peers: int) -> None:
        self._path = path
        self._index = index
        self._peers = peers

    def announce(self, endpoint: str) -> None:
        """Leave the own endpoint, whole or not at all.

        Raises :class:`FailureError` when the directory cannot be written to.
        """
        target = self._file(self._index)
        beside = target.with_name(f"{target.name}.{os.getpid()}")
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            beside.write_text(endpoint + "\n", encoding="ascii")
            os.replace(beside, target)
        except OSError as error:
            raise FailureError(
                f"cannot write {target}: {error.strerror}; choose a directory that you may write to"
            ) from error

    async def others(self) -> AsyncIterator[str]:
        """Endpoints of the other peers, each once, as they appear; ends when all have."""
        waiting = [index for index in range(self._peers) if index != self._index]
        while waiting:
            for index in list(waiting):
                endpoint = self._read(index)
                if endpoint:
                    waiting.remove(index)
                    yield endpoint
            if waiting:
                await asyncio.sleep(_POLL)

    async def assembled(self, within: float, enough: Callable[[], bool]) -> None:
        """Wait until all peers have left their endpoints, or for `within` seconds, or until
        `enough()` of waiting."""
        missing = set(range(self._peers))
        end = asyncio.get_running_loop().time() + within
        while not enough() and asyncio.get_running_loop().time() < end:
            missing = {index for index in missing if not self._read(index)}
            if not missing:
                return
            await asyncio.sleep(_POLL)

    def _read(self, index: int) -> str:
        try:
            with open(self._file(index), encoding="ascii", errors="replace") as file:
                return file.read(LIMITS.endpoint + 1).strip()
        except OSError:
            return ""

    def _file(self, index: int) -> Path:
        return self._path / f"{index:02d}.endpoint"
