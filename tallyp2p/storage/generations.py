"""The newest few states of a peer, each a file that is whole or not there.

    round-00000040.<SHA-256 of the file, hexadecimal>.safetensors

A file's name says what its bytes must be, so a generation can be verified without trusting
anything in it, and one that was cut short or changed is passed over for the one before.  The
bytes are opaque here; a learner writes safetensors, so that other tools can read them.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import FailureError
from .disk import Disk, write_whole

__all__ = ["KEPT", "Generation", "Generations"]

KEPT = 3  # generations; the newest may be damaged, and of a swarm's peers one may be behind

_NAME = re.compile(r"round-([0-9]{8,10})\.([0-9a-f]{64})\.safetensors")


@dataclass(frozen=True, slots=True)
class Generation:
    """A file that may be a generation; `Generations.read` says whether it is."""

    round: int  # the first round that is not learnt
    digest: str
    path: Path


class Generations:
    """The generations in the directory `path`, which is made when the first is saved."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self.path = path
        self._disk = disk or Disk()

    def save(self, round: int, data: bytes) -> None:
        """Add a generation, and then drop the oldest beyond `KEPT`.

        Raises :class:`OSError` when it is not there for good; those before are there then.
        """
        digest = hashlib.sha256(data).hexdigest()
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / f"round-{round:08d}.{digest}.safetensors"
        write_whole(self._disk, path, data)
        self._prune(Generation(round, digest, path))

    def found(self) -> list[Generation]:
        """What is there by its name, the newest round first; nothing is verified."""
        try:
            names = sorted(self.path.iterdir(), reverse=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FailureError(f"{self.path} cannot be read: {error.strerror}") from None
        matches = ((path, _NAME.fullmatch(path.name)) for path in names)
        found = [Generation(int(match[1]), match[2], path) for path, match in matches if match]
        return sorted(found, key=lambda generation: generation.round, reverse=True)

    def read(self, generation: Generation) -> bytes | None:
        """The bytes of a generation; None unless they are exactly those that were saved."""
        try:
            with open(generation.path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != generation.digest:
                    return None  # before any of it is in memory
                file.seek(0)
                return file.read()
        except OSError:
            return None

    def verified(self) -> list[Generation]:
        """Those that can be read, the newest round first."""
        return [generation for generation in self.found() if self.read(generation) is not None]

    def _prune(self, newest: Generation) -> None:
        """Drop what is too old, and other files of the same round: a round has one state."""
        others = [g for g in self.found() if g.round != newest.round]
        former = [g for g in self.found() if g.round == newest.round and g.path != newest.path]
        for generation in (*others[KEPT - 1 :], *former):
            with suppress(OSError):  # one too many does no harm
                self._disk.remove(generation.path)
        for part in self.path.glob("round-*.part"):  # of a save that a crash cut short
            with suppress(OSError):
                self._disk.remove(part)
