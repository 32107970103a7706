"""`tallyp2p simulate --hunt`: worlds of the standard mix until the time is up or one fails."""

from __future__ import annotations

import json
import secrets
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import DONE, FAILED, INTERRUPTED
from .worlds import make_dir, told_progress, write

if TYPE_CHECKING:
    from ..simulator.hunting import Broken, Lived, Sum
    from ..simulator.spec import WorldSpec

__all__ = ["Hunt", "hunted", "replaying"]

_TTY_EVERY, _LOG_EVERY = 0.2, 10.0  # seconds between two lines of progress
_SHRINK = 60.0  # seconds in which a failure is shrunk
_HUNT = 60.0  # seconds of a hunt for which nothing is said


def hunted(
    seconds: float,
    worlds: int | None,
    seed: int | None,
    jobs: int,
    keep_going: bool,
    as_json: bool,
    out: Path | None,
    settings: tuple[str, ...],
) -> int:
    """Hunt as the options of the command say (`seconds` 0: nothing said); the exit code."""
    first = secrets.randbelow(2**48) if seed is None else seed
    limit = seconds or (None if worlds else _HUNT)
    where = Path() if out is None else out
    make_dir(where)
    return Hunt(first, limit, worlds, jobs, keep_going, as_json, where, settings).run()


@dataclass(frozen=True, slots=True)
class Hunt:
    """What a person asked for.  `run` does it."""

    first: int  # seed of the first world; the others follow
    seconds: float | None  # None: until `worlds` have been
    worlds: int | None  # None: until the time is up
    jobs: int
    keep_going: bool  # also after a failure
    as_json: bool
    out: Path  # where shrunk worlds are written
    settings: tuple[str, ...]  # `--set` of all worlds

    def run(self) -> int:
        """Hunt; then shrink the first failure of each invariant.  The exit code."""
        from ..runtime.parallel import spread
        from ..simulator.hunting import Sum

        said = _Said(self.as_json)
        began = time.monotonic()
        found, spent, interrupted = Sum(), 0.0, False
        work = partial(_timed, settings=self.settings)
        results = spread(work, self._seeds(began), self.jobs)
        try:
            for lived, seconds in results:
                found.add(lived)
                spent += seconds
                said.progress(_pace(found, lived.seed, time.monotonic() - began))
                if lived.broken is not None:
                    said.line(_sentence(lived.broken))
                    if not self.keep_going:
                        break
        except KeyboardInterrupt:  # who ends a hunt wants to know what it has seen
            interrupted = True
        finally:
            results.close()
            said.clear()
        elapsed = time.monotonic() - began
        first = [] if interrupted else _first_of_each(found)
        small = [self._shrunk(broken, said) for broken in first]
        if self.as_json:
            click.echo(json.dumps(self._report(found, elapsed, spent, small)))
        else:
            for name, value in _rows(self.first, found, elapsed, spent):
                click.echo(f"{name:<13} {value}")
            for shrunk in small:
                click.echo(shrunk.sentence())
        if interrupted:
            return INTERRUPTED
        return FAILED if found.broken else DONE

    def _seeds(self, began: float) -> Iterator[int]:
        """One seed after another until it is enough."""
        for at in count():
            if self.worlds is not None and at >= self.worlds:
                return
            if self.seconds is not None and time.monotonic() >= began + self.seconds:
                return
            yield (self.first + at) % 2**63

    def _shrunk(self, broken: Broken, said: _Said) -> _Shrunk:
        """Make the failing world small, and keep it as a file."""
        from ..simulator.reading import to_toml
        from ..simulator.shrinking import shrink

        until = time.monotonic() + _SHRINK

        def tell(tries: int, smallest: WorldSpec) -> None:
            said.progress(f"shrinking: {tries} worlds tried, {smallest.peers} peers left")

        spec = _world(broken.seed, self.settings)
        small, how, tries = shrink(spec, broken, lambda: time.monotonic() > until, tell)
        said.clear()
        slug = broken.invariant.replace(" ", "-")
        path = self.out / f"{slug}-{broken.seed}.toml"
        line = f"tallyp2p simulate {shlex.quote(str(path))}"
        comment = (
            f"# Invariant '{how.invariant}' is broken at {how.moment:.6f} s: {how.text}.\n"
            f"# Found by `{broken.replay}`,\n"
            f"# made small in {tries} tries.  Replay it with `{line}`.\n"
        )
        write(path, comment + to_toml(small, brief=True))
        return _Shrunk(broken, small, how, path, line)

    def _report(
        self, found: Sum, elapsed: float, spent: float, small: list[_Shrunk]
    ) -> dict[str, Any]:
        shrunk = {one.broken.seed: one for one in small}
        violated = []
        for broken in found.broken:
            entry = asdict(broken)
            if broken.seed in shrunk:
                entry["shrunk"] = shrunk[broken.seed].as_json()
            violated.append(entry)
        return {
            "first_seed": self.first,
            "worlds": found.worlds,
            "settings": list(self.settings),
            "seconds": round(elapsed, 3),
            "cpu_seconds": round(spent, 3),
            "virtual_seconds": round(found.seconds, 3),
            "events": found.events,
            "compared": found.compared,
            "faults": dict(sorted(found.faults.items())),
            "violated": violated,
        }


@dataclass(frozen=True, slots=True)
class _Shrunk:
    """A failure made small."""

    broken: Broken
    spec: WorldSpec
    how: Broken
    path: Path
    line: str

    def sentence(self) -> str:
        from ..simulator.mix import faults_of

        faults = ", ".join(faults_of(self.spec))
        return (
            f"'{self.broken.invariant}' still breaks with {self.spec.peers} peers and {faults}; "
            f"replay that with: {self.line}"
        )

    def as_json(self) -> dict[str, Any]:
        from ..simulator.mix import faults_of

        return {
            "path": str(self.path),
            "replay": self.line,
            "peers": self.spec.peers,
            "faults": list(faults_of(self.spec)),
            "text": self.how.text,
        }


class _Said:
    """Lines to people while it runs: one that is written over, or one now and then."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        self._shown = time.monotonic()

    def progress(self, text: str) -> None:
        now = time.monotonic()
        if self._quiet or now < self._shown + (_TTY_EVERY if self._terminal else _LOG_EVERY):
            return
        self._shown = now
        told_progress(text, self._terminal)

    def line(self, text: str) -> None:
        self.clear()
        click.echo(text, err=True)

    def clear(self) -> None:
        if self._terminal and not self._quiet:
            click.echo("\r\x1b[K", err=True, nl=False)


def _world(seed: int, settings: tuple[str, ...]) -> WorldSpec:
    from ..profiles import setting
    from ..simulator.hunting import mixed

    return mixed(seed, dict(map(setting, settings)))


def _timed(seed: int, settings: tuple[str, ...]) -> tuple[Lived, float]:
    """One world and the CPU seconds that it took; done in any process."""
    from ..simulator.hunting import live

    began = time.process_time()
    lived = live(_world(seed, settings), replaying(settings))
    return lived, time.process_time() - began


def replaying(settings: tuple[str, ...]) -> str:
    """What a replay needs besides the world and its seed."""
    return "".join(f" --set {shlex.quote(text)}" for text in settings)


def _first_of_each(found: Sum) -> list[Broken]:
    """The first failure of each invariant, in the order in which they came."""
    first: Mapping[str, Broken] = {broken.invariant: broken for broken in reversed(found.broken)}
    return [broken for broken in found.broken if first[broken.invariant] is broken]


def _sentence(broken: Broken) -> str:
    return (
        f"invariant '{broken.invariant}' broken at {broken.moment:.6f} s: {broken.text}\n"
        f"replay it with: {broken.replay}"
    )


def _pace(found: Sum, seed: int, elapsed: float) -> str:
    failed = f", {len(found.broken)} failed" if found.broken else ""
    rate = found.worlds / max(elapsed, 1e-9)
    return f"{found.worlds:,} worlds, {rate:.1f} a second, last seed {seed}{failed}"


def _rows(first: int, found: Sum, elapsed: float, spent: float) -> list[tuple[str, str]]:
    worlds = max(1, found.worlds)
    faults = ", ".join(f"{kind} {times:,}" for kind, times in found.faults.most_common())
    violated = "; ".join(
        f"'{name}' by {len(seeds):,} (seeds {', '.join(map(str, seeds[:8]))}"
        f"{', ...' if len(seeds) > 8 else ''})"
        for name, seeds in found.by_invariant().items()
    )
    return [
        ("worlds", f"{found.worlds:,} in {elapsed:,.1f} s, {spent / worlds:.3f} CPU s each"),
        ("first seed", f"{first} (--seed {first} --worlds {found.worlds} repeats them)"),
        ("virtual time", f"{found.seconds / 3600:,.1f} h, {found.events:,} events"),
        ("with", faults or "nothing"),
        ("held equal", f"ledgers of all survivors in {found.compared:,} worlds"),
        ("violated", violated or "nothing"),
    ]
