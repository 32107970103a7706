"""How fast the simulator is, what an event costs, and what a peer takes of memory.

Worlds a minute: whole worlds of 32 peers and 30 rounds, from the making to the result.  Times
real time: a world in which a round of training takes one second and 30 % of all messages are
lost, from its first moment on, so the start counts.  Checks are off.  Each case runs in a
process of its own, one after the other; time is CPU time, memory is what the process has more
at the end than before the world was made.  With `--compiled` each is measured twice: as Python,
and with the modules that `scripts/compile.py` compiles.

    python -m tests.benchmarks.simulator
    python -m tests.benchmarks.simulator --compiled build/compiled
    python -m tests.benchmarks.simulator --quick
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.compile import compiled
from tallyp2p.gossip.events import Event, Received
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.spec import Link, Promises, Voting, WorldSpec
from tallyp2p.simulator.world import World

from .record import parser, report

ROOT = Path(__file__).parent.parent.parent
SAMPLED, BROADCAST = Spreading.SAMPLED, Spreading.BROADCAST
VIEW = 8  # neighbours that a peer chooses where there are thousands
LOSS = 0.3
WATCHED = 30.0  # virtual seconds in which each event is timed


@dataclass(frozen=True)
class Case:
    """One world and what it shall reach."""

    name: str
    spreading: Spreading
    peers: int
    rounds_per_ballot: int
    goal: str = ""
    seconds: float = 0.0  # virtual ones that are run; 0: whole worlds of 30 rounds, no loss
    view: int = 0
    loss: float = LOSS

    def spec(self) -> WorldSpec:
        span = self.rounds_per_ballot
        run = RunParameters(spreading=self.spreading, rounds_per_ballot=span, view=self.view)
        return WorldSpec(
            name="benchmark",
            peers=self.peers,
            limit=self.seconds or 3600.0,
            check=False,
            run=run,
            timing=Timing(rounds=100_000 if self.seconds else 30),
            links=Link(loss=self.loss if self.seconds else 0.0),
            voting=Voting(training=1.0 * span),
            promises=Promises(complete=False),
        )


CASES = (
    Case("worlds a minute, sampled", SAMPLED, 32, 8, "1000"),
    Case("worlds a minute, sampled, ballots of one round", SAMPLED, 32, 1, "(1000)"),
    Case("worlds a minute, broadcast", BROADCAST, 32, 8, "100"),
    Case("worlds a minute, broadcast, ballots of one round", BROADCAST, 32, 1, "(100)"),
    Case("times real time, broadcast of 64", BROADCAST, 64, 8, "20", 120.0),
    Case("broadcast of 64, ballots of one round", BROADCAST, 64, 1, "", 30.0),
    Case("times real time, sampled, 1,000, with a view", SAMPLED, 1_000, 8, "20", 600.0, VIEW),
    Case("sampled, 1,000, ballots of one round", SAMPLED, 1_000, 1, "", 20.0, VIEW),
    Case("times real time, sampled, 10,000, with a view", SAMPLED, 10_000, 8, "1", 120.0, VIEW),
    Case("broadcast of 1,000, nothing lost", BROADCAST, 1_000, 8, "possible", 3.0, loss=0.0),
)
QUICK = (
    Case("worlds a minute, sampled", SAMPLED, 8, 8),
    Case("times real time, broadcast of 8", BROADCAST, 8, 8, "", 20.0),
    Case("times real time, sampled, 20 with a view", SAMPLED, 20, 8, "", 20.0, 6),
)


# --- one case, in a process of its own ------------------------------------------------------


def resident() -> int:
    """Bytes of memory that this process has in use (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


class Watch:
    """Where the time of a world goes, by the kind of event that a machine handled in a step."""

    def __init__(self) -> None:
        self.kind = ""
        self.inside = 0.0  # seconds in machines' handle() and wake_at()
        self.spent: dict[str, list[float]] = {}

    def machine(self, made: PeerMachine) -> PeerMachine:
        """The machine, watched."""
        handle, wake_at, clock = made.handle, made.wake_at, time.perf_counter

        def watched(event: Event, now: float) -> Any:
            of = event.message if isinstance(event, Received) else event
            self.kind = type(of).__name__
            began = clock()
            try:
                return handle(event, now)
            finally:
                self.inside += clock() - began

        def asked() -> float | None:
            began = clock()
            try:
                return wake_at()
            finally:
                self.inside += clock() - began

        made.handle, made.wake_at = watched, asked  # type: ignore[method-assign]
        return made

    def step(self, step: Callable[[float], bool], limit: float) -> bool:
        """One step of the clock."""
        self.kind = "nothing handled"
        began = time.perf_counter()
        more = step(limit)
        self.spent.setdefault(self.kind, []).append(time.perf_counter() - began)
        return more


def whole_worlds(case: Case, count: int) -> dict[str, Any]:
    """CPU seconds of a world, the median of `count` seeds after one that warms up."""
    spent, events = [], 0
    for seed in range(count + 1):
        began = time.process_time()
        events = World(case.spec(), seed).run().events
        spent.append(time.process_time() - began)
    cpu, best = statistics.median(spent[1:]), min(spent[1:])
    return {
        "value": 60 / cpu,
        "best": 60 / best,
        "cpu_s": cpu,
        "events": events,
        "us_per_event": cpu / events * 1e6,
    }


def stretch(case: Case) -> dict[str, Any]:
    """Virtual seconds for one of CPU, over the first so many of a world."""
    World(WorldSpec(peers=3, check=False, timing=Timing(rounds=8))).run()  # warms up
    before, began = resident(), time.process_time()
    world = World(case.spec(), 0)
    world.run()
    cpu = time.process_time() - began
    rounds = sum(world.watch.closed.values()) * case.rounds_per_ballot
    return {
        "value": case.seconds / cpu,
        "cpu_s": cpu,
        "events": world.events,
        "us_per_event": cpu / world.events * 1e6,
        "rounds_per_peer": rounds / case.peers,
        "kb_per_peer": (resident() - before) / case.peers / 1000,
    }


def kinds(case: Case) -> dict[str, Any]:
    """What an event costs, by kind, the world's work for it included."""
    watch = Watch()
    world = World(case.spec(), 0, machines=lambda birth, *_: watch.machine(birth.machine()))
    clock, limit = world.clock, min(case.seconds, WATCHED)
    while world.running and watch.step(clock.step, limit):
        pass
    total = sum(map(sum, watch.spent.values()))
    table = {
        kind: {
            "events": len(spent),
            "us": statistics.fmean(spent) * 1e6,
            "share": sum(spent) / total,
        }
        for kind, spent in sorted(watch.spent.items(), key=lambda item: -sum(item[1]))
    }
    return {"machines_share": watch.inside / total, "kinds": table}


# --- all of them ----------------------------------------------------------------------------


def measured(
    quick: bool, index: int, *, by_kind: bool = False, package: Path | None = None
) -> dict[str, Any]:
    """A case, measured in a fresh process; `package`: where the tallyp2p stands that it runs."""
    words = [sys.executable, "-m", "tests.benchmarks.simulator", "--one", str(index)]
    words += ["--quick"] * quick + ["--kinds"] * by_kind
    where = [str(ROOT)] if package is None else [str(package.resolve()), str(ROOT)]
    path = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(where)}
    done = subprocess.run(words, env=os.environ | path, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def rows_of(case: Case, found: dict[str, Any], how: str) -> list[tuple[str, float, str, str]]:
    """Lines of the table."""
    rows = [
        (case.name + how, found["value"], "", case.goal),
        ("  an event", found["us_per_event"], "us", ""),
    ]
    if "best" in found:
        rows.append(("  the quickest", found["best"], "", ""))
    if "kb_per_peer" in found:
        rows.append(("  memory of a peer", found["kb_per_peer"], "kB", ""))
    return rows


def print_kinds(case: Case, found: dict[str, Any]) -> None:
    print(f"\nWhere the time goes: {case.name}")
    print(f"{'event':16}  {'count':>8}  {'us':>7}  share")
    for kind, figures in found["kinds"].items():
        print(f"{kind:16}  {figures['events']:8}  {figures['us']:7.1f}  {figures['share']:5.0%}")
    print(f"in machines {found['machines_share']:.0%}, in clock, network, codec and watch the rest")


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="tiny worlds: does it work at all")
    options.add_argument(
        "--compiled", type=Path, help="measure with compiled modules, too; made there if missing"
    )
    options.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options.add_argument("--kinds", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--repeat", type=int, default=9, help="whole worlds; the median counts")
    chosen = options.parse_args(words)
    cases = QUICK if chosen.quick else CASES
    if chosen.one is not None:
        case = cases[chosen.one]
        if chosen.kinds:
            print(json.dumps(kinds(case)))
        else:
            repeat = 1 if chosen.quick else chosen.repeat
            print(json.dumps(stretch(case) if case.seconds else whole_worlds(case, repeat)))
        return
    ways: dict[str, Path | None] = {"": None}
    if chosen.compiled is not None:
        print("compiling, unless that is done ...", file=sys.stderr, flush=True)
        ways[", compiled"] = compiled(chosen.compiled)
    rows, details = [], {}
    for index, case in enumerate(cases):
        for how, package in ways.items():
            print(f"{index + 1}/{len(cases)} {case.name}{how} ...", file=sys.stderr, flush=True)
            found = measured(chosen.quick, index, package=package)
            print(f"      {found['value']:.2f}", file=sys.stderr, flush=True)
            rows += rows_of(case, found, how)
            details[case.name + how] = found
    watched = next(i for i, case in enumerate(cases) if case.view)
    found = measured(chosen.quick, watched, by_kind=True)
    details["by kind"] = {"case": cases[watched].name, **found}
    report("simulator", rows, chosen.out, details=details)
    print_kinds(cases[watched], found)


if __name__ == "__main__":
    main()
