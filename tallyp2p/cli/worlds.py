"""One simulated world, watched from outside: progress, what is kept, what is printed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from ..errors import FailureError
from .errors import DONE

if TYPE_CHECKING:
    from ..birth import Birth
    from ..gossip.machine import PeerMachine
    from ..simulator.result import Result
    from ..simulator.spec import WorldSpec
    from ..simulator.world import World

__all__ = ["Simulation", "make_dir", "told_progress", "troubles", "write"]

_TTY_EVERY, _LOG_EVERY = 0.2, 10.0  # seconds between two lines of progress


class Simulation:
    """One world, watched from outside."""

    def __init__(
        self,
        spec: WorldSpec,
        seed: int | None,
        options: str,
        as_json: bool,
        out: Path | None,
        traces: Path | None = None,
    ) -> None:
        self._spec = spec if seed is None else replace(spec, seed=seed)
        self._options = options
        self._as_json, self._out, self._traces = as_json, out, traces
        self._terminal = sys.stderr.isatty()
        self._shown = 0.0

    def run(self) -> int:
        """Until the world ends; the exit code."""
        from ..simulator.invariants import Violation
        from ..staging import stage

        if self._out is not None:
            self._prepare(self._out)
        self._began = self._shown = time.monotonic()
        try:
            with self._recording() as machines:
                world = stage(self._spec, None, self._options, machines=machines)
                result = world.run(self._progress)
        except Violation as violation:
            self._clear()
            if self._as_json:
                broken = {"invariant": violation.name, "seconds": violation.moment}
                report = {"violated": broken | {"text": str(violation), "replay": violation.line}}
                click.echo(json.dumps(report))
            raise
        spent = time.monotonic() - self._began
        self._clear()
        if self._out is not None:
            self._keep(self._out, world, result)
        if self._as_json:
            click.echo(json.dumps(result.as_json(), allow_nan=False))
        else:
            _print(result, spent)
        return DONE

    @contextmanager
    def _recording(self) -> Iterator[Callable[[Birth, int, int], PeerMachine] | None]:
        """How machines are made so that their lives are recorded; None where none is."""
        if self._traces is None:
            yield None
            return
        from ..tracing.recording import Traces
        from .rundirs import new_run_dir

        with closing(Traces(new_run_dir(self._traces, "--trace"))) as traces:
            yield traces.machine

    def _progress(self, world: World) -> None:
        now = time.monotonic()
        if self._as_json or now < self._shown + (_TTY_EVERY if self._terminal else _LOG_EVERY):
            return
        self._shown = now
        rate = world.events / (now - self._began)
        text = (
            f"{world.clock.now:,.1f} virtual seconds, {world.events:,} events, {rate:,.0f} a second"
        )
        point = world.learners.newest()
        if point is not None:
            alone, swarm = fmean(point.alone), fmean(point.swarm)
            text += f"; after {point.rounds} rounds {swarm:.1%} right (alone {alone:.1%})"
        told_progress(text, self._terminal)

    def _clear(self) -> None:
        if self._terminal and not self._as_json:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _prepare(self, out: Path) -> None:
        from ..simulator.reading import to_toml
        from ..staging import elsewhere
        from .rundirs import new_run_dir

        new_run_dir(out)
        write(out / "world.toml", to_toml(elsewhere(self._spec)))

    def _keep(self, out: Path, world: World, result: Result) -> None:
        from ..reporting.worlds import draw_learnt, draw_world

        write(out / "result.json", json.dumps(result.as_json(), indent=1) + "\n")
        made = result.rounds["closed_most"] or 0
        rounds = int(made) * world.spec.run.rounds_per_ballot
        title = (
            f"{result.peers} peers made {rounds} rounds in {result.seconds:,.0f} virtual seconds"
        )
        try:
            draw_world(out / "rounds.png", title, world.watch.timeline, troubles(self._spec))
            if result.learnt is not None:
                draw_learnt(out / "accuracy.png", result.learnt)
        except OSError as error:
            raise FailureError(f"cannot write a picture into {out}: {error.strerror}") from None


def told_progress(text: str, terminal: bool) -> None:
    """A line of progress; on a terminal in place of the last one, and no wider than it is."""
    if not terminal:
        click.echo(text, err=True)
        return
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    click.echo(f"\r\x1b[K{text[: (columns or 80) - 1]}", err=True, nl=False)


def make_dir(path: Path) -> None:
    """Have a directory.  Raises :class:`FailureError` where the system refuses."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FailureError(f"cannot make {path}: {error.strerror}") from None


def write(path: Path, text: str) -> None:
    """Write a file.  Raises :class:`FailureError` where the system refuses."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise FailureError(f"cannot write {path}: {error.strerror}") from None


def troubles(spec: WorldSpec) -> list[tuple[float, float, str]]:
    """(begin, end, name) of everything that goes wrong at stated times, in order."""
    found = [(cut.begin, cut.end, f"cut {' | '.join(cut.groups)}") for cut in spec.partitions]
    for crash in spec.crashes:
        found.append((crash.at, crash.at + crash.restart_after, f"crash {_named(crash.peers)}"))
    for freeze in spec.freezes:
        found.append((freeze.begin, freeze.end, f"frozen {_named(freeze.peers)}"))
    for slow in spec.slow:
        found.append((slow.begin, slow.end, f"slow {_named(slow.peers)}"))
    found += [(join.at, join.at, f"join {_named(join.peers)}") for join in spec.joins]
    found += [(leave.at, leave.at, f"leave {_named(leave.peers)}") for leave in spec.leaves]
    if spec.churn.every:
        found.append((spec.churn.begin, spec.churn.end, "churn"))
    return sorted(found)


def _named(peers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, peers[:4]))
    return f"{shown}, ..." if len(peers) > 4 else shown


def _print(result: Result, spent: float) -> None:
    for name, value in _rows(result, spent):
        click.echo(f"{name:<15} {value}")
    if result.learnt is not None:
        from ..reporting.worlds import learnt_table

        click.echo(f"\n{learnt_table(result.learnt).text()}")


def _rows(result: Result, spent: float) -> list[tuple[str, str]]:
    rounds, spread, messages = result.rounds, result.spread, result.messages
    wire = {channel: layers["wire"] for channel, layers in result.bytes.items()}
    pace = result.seconds / spent if spent else 0.0
    rows = [
        ("world", f"{result.world}, seed {result.seed}, {result.peers} peers"),
        (
            "time",
            f"{result.seconds:,.1f} virtual s in {spent:.1f} s ({pace:,.0f} x), "
            f"{result.events:,} events, {result.events / max(spent, 1e-9):,.0f} a second",
        ),
        ("finish", _counts(result.finish)),
        (
            "ballots closed",
            f"{_range(rounds['closed_least'], rounds['closed_most'])}; "
            f"{rounds['heard']:,} heard, {rounds['missing']:,} missing at the close",
        ),
        (
            "wait to close",
            f"median {_s(rounds['wait_median'])}, 99 % {_s(rounds['wait_p99'])}, "
            f"longest {_s(rounds['wait_longest'])}",
        ),
        (
            "spread",
            f"median {_s(spread['median'])}, 99 % {_s(spread['p99'])}, "
            f"longest {_s(spread['longest'])}",
        ),
        (
            "bytes sent",
            f"{wire['total']:,.1f} a peer and round on the wire: votes {wire['votes']:,.1f}, "
            f"ids {wire['ids']:,.1f}, control {wire['control']:,.1f}",
        ),
        ("messages", _counts(messages)),
        ("refused", _counts({_reason(k): v for k, v in result.refused.items()}) or "nothing"),
    ]
    if result.annulled:
        rows.append(("annulled", f"{result.annulled} entries of equivocators"))
    if result.accuracy["tally"] is not None:
        voter, tally = result.accuracy["voter"], result.accuracy["tally"]
        rows.append(("accuracy", f"voters {voter:.1%}, their newest tallies {tally:.1%}"))
    if result.learnt is not None:
        alone, swarm = result.learnt["alone"]["mean"], result.learnt["swarm"]["mean"]
        if swarm is not None:
            rows.append(("accuracy", f"alone {alone:.1%}, swarm {swarm:.1%} of the test set"))
    if result.same_tallies is not None:
        rows.append(("same tallies", f"in {result.same_tallies:.1%} of rounds when they closed"))
    if result.settled["rounds"]:
        held = f"equal ledgers of {result.settled['survivors']} survivors"
        rows.append(("held at the end", f"{held} in {result.settled['rounds']} ballots' rounds"))
    elif result.same_tallies is not None:
        why = "too soon after faults, or too few survivors"
        rows.append(("held at the end", f"nothing compared: {why}"))
    rows.append(("trace", result.trace_hash))
    return rows


def _reason(number: str) -> str:
    """A reason code of the protocol by its name; those of later revisions have none here."""
    from ..errors import Reason

    known = int(number) in set(Reason)
    return Reason(int(number)).name if known else f"reason {number}"


def _counts(counts: Any) -> str:
    return ", ".join(
        f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items() if value
    )


def _range(least: float | None, most: float | None) -> str:
    return "by nobody who is honest and there" if least is None else f"{least} to {most} a peer"


def _s(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"
