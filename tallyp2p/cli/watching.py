"""Starts the processes of a swarm, watches their files until they are done, sums up.

It decides nothing about the run: peers find each other through the run directory, and go on
when this process is killed.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType

import click

from ..assemble import check_swarm, most_talked_to, swarm_listen
from ..errors import FailureError, SettingsError
from ..profiles import Profile
from ..reporting.reader import RunReader
from ..reporting.rundir import peer_dir
from ..reporting.summary import Summary, summarise, write_summary
from ..reporting.table import printable
from ..runtime.files import allow_files
from ..runtime.launcher import Job, Launcher
from .errors import DONE, INTERRUPTED
from .member import serve
from .options import neighbours_line
from .resuming import Plan, plan
from .rundirs import new_run_dir, run_path, write_config
from .view import Mode, View

__all__ = ["Watch", "blame", "doubt", "keep", "last_words", "mode_of"]

_log = logging.getLogger(__name__)

_GRACE = 3.0  # s that peers get to say goodbye; all must be over within 5
_TAIL = 65_536  # bytes of a log in which its last words are looked for
_PRELOAD = "tallyp2p.cli.preload"


def mode_of(*, as_json: bool, quiet: bool) -> Mode:
    """How much to show; a live view only where somebody can see it."""
    if as_json:
        return Mode.JSON
    if quiet:
        return Mode.QUIET
    return Mode.LIVE if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else Mode.LINES


@dataclass(slots=True)
class Watch:
    """`tallyp2p swarm`, once its options are understood."""

    profile: Profile
    out: Path | None
    mode: Mode
    spawn: bool
    command: Sequence[str]
    trace: bool = False
    resume: Path | None = None  # the directory of the run to go on with

    def run(self) -> int:
        """Until all peers are done; the exit code."""
        began = time.monotonic()
        if self.profile.peers < 2:
            raise SettingsError("a swarm needs at least 2 peers: give --peers N")
        allow_files(most_talked_to(self.profile))
        if warning := doubt(self.profile):
            click.echo(f"Warning: {warning}", err=True)
        run_dir = self.resume or run_path(self.out, self.profile.name, datetime.now())
        check_swarm(self.profile)
        swarm_listen(self.profile, run_dir, self.profile.peers - 1)  # refuses what cannot be
        former = None if self.resume is None else plan(run_dir, self.profile)
        if former is None:
            new_run_dir(run_dir)
            config = write_config(run_dir, self.profile)
            _log.info("settings are in %s", config)
        reader = RunReader(run_dir, self.profile.peers)
        view = View(self.mode, reader)
        if self.mode in (Mode.LIVE, Mode.LINES):  # for some seconds there is nothing to see
            click.echo(f"starting {self.profile.peers} peers, whose files are in {run_dir}")
            click.echo(neighbours_line(self.profile), nl=False)
            if former is not None:
                click.echo(former.said)
        with Launcher(self._jobs(run_dir, former), preload=_PRELOAD, spawn=self.spawn) as launcher:
            try:
                launcher.start()
            except KeyboardInterrupt:
                click.echo("Interrupted before all peers were started: nothing to sum up", err=True)
                raise
            _log.info("peers run as processes %s", ", ".join(map(str, launcher.ids)))
            with _interrupts(launcher) as interrupts:
                view.run_until(lambda: bool(interrupts) or None not in launcher.poll())
                if interrupts:
                    launcher.terminate(_GRACE)
            codes = launcher.poll()
        # Once more from the beginning: who went on from its disk has cut off what it made anew.
        reader = RunReader(run_dir, self.profile.peers).drain()
        summary = summarise(reader, command=self.command, seconds=time.monotonic() - began)
        view.finish(summary)
        unwritten = keep(run_dir, reader, summary)
        if self.mode is Mode.JSON:
            click.echo(json.dumps(summary, allow_nan=False))
        elif self.mode is not Mode.QUIET:
            click.echo(f"\nEverything is in {run_dir}")
        if interrupts:
            return INTERRUPTED
        blame(run_dir, codes)
        if unwritten is not None:
            raise unwritten
        if not summary["completed"]:
            raise FailureError(
                f"all peers ended well, but what they wrote into {run_dir} is not whole: see "
                "whether the disk is full"
            )
        return DONE

    def _jobs(self, run_dir: Path, former: Plan | None) -> list[Job]:
        at = None if former is None else former.at
        jobs = []
        for index in range(self.profile.peers):
            directory = peer_dir(run_dir, index)
            try:
                directory.mkdir(exist_ok=former is not None)
            except OSError as error:
                raise FailureError(f"cannot make {directory}: {error.strerror}") from None
            jobs.append(
                Job(serve, (self.profile, run_dir, index, self.trace, at), directory / "log.txt")
            )
        return jobs


def doubt(profile: Profile) -> str:
    """A sentence about settings that are allowed but hardly meant; empty when there are none."""
    warmup, rounds = profile.learning.warmup, profile.timing.rounds
    if rounds > warmup or profile.learning.kl_weight == 0:
        return ""
    return (
        f"peers learn from votes only after learning.warmup = {warmup} rounds, but there are "
        f"{rounds}: give more --rounds, or lower the other with --set"
    )


def keep(run_dir: Path, reader: RunReader, summary: Summary) -> FailureError | None:
    """Write the summary and the pictures; what hindered the summary, if anything did.

    Pictures are a gift: what hinders them is told and does not fail the run.
    """
    from ..reporting.figures import draw

    try:
        write_summary(run_dir, summary)
    except FailureError as error:
        return error  # a full disk, of which the pictures need not tell again
    try:
        draw(run_dir, reader, summary)
    except OSError as error:
        click.echo(f"Warning: the pictures were not written: {error}", err=True)
    return None


def blame(run_dir: Path, codes: Sequence[int | None]) -> None:
    """Raise the sentence about peers whose processes failed, if any did."""
    failed = [index for index, code in enumerate(codes) if code]
    if not failed:
        return
    first, code = failed[0], codes[failed[0]] or 0
    who = ", ".join(map(str, failed[:8])) + (" ..." if len(failed) > 8 else "")
    if len(failed) == 1:
        what = f"peer {who} " + (f"was ended by signal {-code}" if code < 0 else "failed")
    else:
        what = f"peers {who} failed" + (f", peer {first} by signal {-code}" if code < 0 else "")
    log = peer_dir(run_dir, first) / "log.txt"
    words = last_words(log)
    if not words:
        raise FailureError(f"{what}: see {log}")
    said = words if len(failed) == 1 else f"peer {first} said: {words}"
    raise FailureError(f"{what}: {said}  (more in {log})")


def last_words(log: Path) -> str:
    """Why a peer's process failed, as its log says; empty when that does not say.

    The newest error that it logged, or when that one is about an exception, the exception.
    """
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    errors = [number for number, line in enumerate(lines) if " ERROR " in line]
    if not errors:
        return ""
    newest = lines[errors[-1]].partition(" ERROR ")[2].partition(": ")[2]
    after = [line for line in lines[errors[-1] + 1 :] if line.strip()]
    return printable(after[-1] if after else newest).strip()


@contextmanager
def _interrupts(launcher: Launcher) -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM instead of raising; the second one ends everything at once."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            for pid, code in zip(launcher.ids, launcher.poll(), strict=True):
                if code is None:
                    os.kill(pid, signal.SIGKILL)
            os._exit(INTERRUPTED)

    former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
