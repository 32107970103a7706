"""Peers in other languages as processes: how they are started, and what they say.

All share one command line (peers/README.md) and write JSON lines.  A peer whose toolchain is
missing is skipped with the reason, never passed.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import LONG

__all__ = ["NAMES", "ROOT", "Running", "command", "left_out", "start"]

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("python", "minimal", "javascript", "c")
Event = dict[str, Any]


def left_out() -> Counter[str]:
    """How many vectors of each kind foreign peers leave out: those of younger run parameters."""
    found = Counter[str]()
    for path in sorted((ROOT / "protocol_spec" / "vectors").glob("*/*.json")):
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
        found[path.parent.name] += sum(
            path.parent.name == "keys"
            or bool({"view", "electorate", "model"} & {*case["input"].get("run", {})})
            for case in cases
        )
    return +found


def command(name: str) -> list[str]:
    """How a peer is started; skips the test when its toolchain is missing."""
    if name == "python":
        return [sys.executable, "-m", "tests.peers.python_voter"]
    if name == "minimal":
        return [sys.executable, str(ROOT / "peers/minimal/peer.py")]
    if name == "javascript":
        return [_node(), str(_javascript())]
    if name == "c":
        return [str(_c())]
    raise ValueError(name)


@functools.cache
def _node() -> str:
    """The program itself: `node` on the path may be a wrapper, which dies of a signal alone."""
    if shutil.which("node") is None:
        pytest.skip("node is missing: install Node.js 20 or newer")
    asked = ["node", "-p", "process.versions.node + ' ' + process.execPath"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    version, path = said.strip().split(" ", 1)
    if int(version.split(".")[0]) < 20:
        pytest.skip(f"node is {version}: install Node.js 20 or newer")
    return path


def _javascript() -> Path:
    folder = ROOT / "peers/javascript"
    if not (folder / "node_modules").is_dir():
        pytest.skip("its modules are missing: npm ci --prefix peers/javascript")
    return folder / "peer.mjs"


def _c() -> Path:
    folder = ROOT / "peers/c"
    for tool in ("make", "cc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: install a C compiler and make")
    built = subprocess.run(["make", "-s", "-C", str(folder)], capture_output=True, text=True)
    if built.returncode:
        for missing in ("zmq.h", "openssl/", "cJSON.h"):
            if missing in built.stderr and "No such file" in built.stderr:
                pytest.skip(f"{missing} is missing: see peers/c/README.md for the packages")
        pytest.fail(f"peers/c does not build:\n{built.stderr}")
    return folder / "build" / "tally-peer"


class Running:
    """A peer at work; `events` is what it said so far."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._errors = tempfile.TemporaryFile("w+")  # a pipe that nobody reads would block it
        self.process = subprocess.Popen(
            list(arguments),
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith("\n"):
                break  # killed in the midst of a word
            with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def told(self, event: str) -> list[Event]:
        """What it said under this name."""
        return [told for told in self.events if told["event"] == event]

    def wait(self, done: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Until `done()` is true of what it said; fails with its words when it is not."""
        end = time.monotonic() + seconds
        with self._changed:
            while not (found := done()):
                left = end - time.monotonic()
                gone = not self._reader.is_alive()
                if gone or left <= 0 or not self._changed.wait(min(left, 1.0)):
                    if gone or time.monotonic() >= end:
                        pytest.fail(
                            f"{self.process.args!r} said {self.events[-9:]}\n{self.words()}"
                        )
        return found

    def endpoint(self) -> str:
        """Where it listens."""
        self.wait(lambda: self.told("listening"))
        return str(self.told("listening")[0]["endpoint"])

    def tallies(self) -> dict[int, str]:
        """Digest of the tally of each round that it closed."""
        return {told["round"]: told["digest"] for told in self.told("tally")}

    def words(self) -> str:
        """What it wrote for people."""
        self._errors.flush()
        self._errors.seek(0)
        return self._errors.read()

    def finish(self, seconds: float = 60.0) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(timeout=seconds)
        self._reader.join(timeout=LONG)
        return code

    def stop(self) -> int:
        """Ask it to leave, and wait."""
        self.process.send_signal(signal.SIGTERM)
        return self.finish()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(timeout=LONG)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


def start(name: str, *arguments: str) -> Running:
    """A peer by its name, with the arguments of `run`."""
    return Running([*command(name), "run", *arguments])
