"""A machine with a witness at its door, and the file that the witness writes.

Nobody else needs to know: shells drive a recorded machine like any other.  Where nothing is
recorded there is no witness, and so no cost.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path

from ..birth import Birth
from ..consensus.ledger import Ledger
from ..errors import FailureError, SettingsError
from ..gossip.events import Effect, Event
from ..gossip.machine import PeerMachine
from .header import shown_header
from .plain import Object, Plain

__all__ = ["Recorded", "TraceFile", "Traces"]

_log = logging.getLogger(__name__)

_MOST = 1 << 16  # characters that wait to be written
_LONGEST = 1.0  # seconds that they wait, by the machine's clock


class TraceFile:
    """Lines of a new or empty file at `path`, written some at a time.

    A disk that refuses is told about once, by `warn`, and then nothing more is written: the
    peer goes on.  The file is open only while it is written, so thousands may be kept.
    Raises :class:`SettingsError` for a file that holds something, :class:`FailureError` for one
    that cannot be made.
    """

    def __init__(self, path: Path, warn: Callable[[str], None] = _log.warning) -> None:
        self.path = path
        self._warn = warn
        self._waiting: list[str] = []
        self._size = 0
        self._broken = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                used = file.tell() > 0
        except OSError as error:
            raise FailureError(
                f"cannot write {path}: {error.strerror}; choose another file"
            ) from None
        if used:
            raise SettingsError(f"{path} holds something already: name another file")

    def write(self, line: Object) -> None:
        """Add one line; it may wait for the next `flush`."""
        text = json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n"
        self._waiting.append(text)
        self._size += len(text)
        if self._size >= _MOST:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        text, self._waiting, self._size = "".join(self._waiting), [], 0
        if self._broken or not text:
            return
        try:
            with self.path.open("ab") as file:
                file.write(text.encode("ascii"))
        except OSError as error:
            self._broken = True
            self._warn(f"the trace {self.path} ends here: {error.strerror}")


class Recorded(PeerMachine):
    """A machine of `birth`; whatever passes through its door is written to `file`."""

    def __init__(self, birth: Birth, file: TraceFile) -> None:
        super().__init__(*birth.parts())
        self._witness = _Witness(birth, file)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """As that of the machine; what it raises is recorded, too."""
        if self.finished:
            return []
        self._witness.begin(self.ledger)
        try:
            effects = super().handle(event, now)
        except Exception as error:
            self._witness.see(now, event, f"{type(error).__name__}: {error}", last=True)
            raise
        self._witness.see(now, event, effects, last=self.finished)
        return effects


class _Witness:
    """Says what it sees."""

    def __init__(self, birth: Birth, file: TraceFile) -> None:
        self._birth, self._file = birth, file
        self._plain = Plain(birth.run, birth.identity, birth.instance)
        self._begun = False
        self._flushed = -math.inf  # the moment of the last flush

    def begin(self, ledger: Ledger) -> None:
        """Write the header before the first event: by now the ledger has what a disk kept."""
        if not self._begun:
            self._begun = True
            held = tuple(ledger.everything())
            self._file.write(shown_header(self._birth, held, self._plain))

    def see(self, now: float, event: Event, answer: list[Effect] | str, *, last: bool) -> None:
        """Write an event and the effects that answered it, or what was raised."""
        line: Object = {"at": float(now)} | self._plain.event(event)
        if isinstance(answer, str):
            line["raised"] = answer
        else:
            line["effects"] = [self._plain.effect(effect) for effect in answer]
        self._file.write(line)
        if last or now - self._flushed >= _LONGEST:
            self._flushed = now
            self._file.flush()


class Traces:
    """A new file in `directory` for each life of a world, `peer-NN-life-NN.jsonl`."""

    def __init__(self, directory: Path, warn: Callable[[str], None] = _log.warning) -> None:
        self.files: list[TraceFile] = []
        self._directory, self._warn = directory, warn

    def machine(self, birth: Birth, peer: int, life: int) -> Recorded:
        """The machine of one life; fit for the `machines` of a simulated world."""
        path = self._directory / f"peer-{peer:02d}-life-{life:02d}.jsonl"
        self.files.append(TraceFile(path, self._warn))
        return Recorded(birth, self.files[-1])

    def close(self) -> None:
        """Write what waits."""
        for file in self.files:
            file.flush()
