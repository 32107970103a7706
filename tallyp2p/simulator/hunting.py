"""The hunt: many worlds of the standard mix, one after another, until one breaks an invariant.

Here is one world of a hunt, and the sum of many.  How long to go on, and in how many
processes, is for others to say: there is no clock here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .faults import drawn
from .invariants import Violation
from .mix import FLAG, faults_of, standard
from .reading import parse, to_toml
from .spec import Crash, WorldSpec
from .world import World

__all__ = ["Broken", "Lived", "Sum", "live", "mixed"]

_MOST = 3_000_000  # steps of a world before it counts as a storm: ten times the longest seen


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that did not hold."""

    invariant: str  # its name; "no storm" and "simulator" are those of the hunt itself
    seed: int
    moment: float  # virtual seconds
    text: str  # what was seen
    replay: str  # the command that shows it again


@dataclass(frozen=True, slots=True)
class Lived:
    """One world that has ended, or was ended."""

    seed: int
    faults: tuple[str, ...]
    seconds: float  # virtual
    events: int
    compared: bool  # whether survivors' ledgers were held against one another at the end
    broken: Broken | None
    churned: tuple[Crash, ...] = ()  # what churn has drawn


@dataclass(slots=True)
class Sum:
    """What a hunt has seen so far."""

    worlds: int = 0
    seconds: float = 0.0  # virtual
    events: int = 0
    compared: int = 0
    faults: Counter[str] = field(default_factory=Counter)  # worlds by kind of fault
    broken: list[Broken] = field(default_factory=list)

    def add(self, lived: Lived) -> None:
        """Count one more world."""
        self.worlds += 1
        self.seconds += lived.seconds
        self.events += lived.events
        self.compared += lived.compared
        self.faults.update(lived.faults)
        if lived.broken is not None:
            self.broken.append(lived.broken)

    def by_invariant(self) -> dict[str, list[int]]:
        """Seeds of the worlds that broke each invariant, by its name."""
        found: dict[str, list[int]] = {}
        for broken in sorted(self.broken, key=lambda one: (one.invariant, one.seed)):
            found.setdefault(broken.invariant, []).append(broken.seed)
        return found


def mixed(seed: int, overrides: Mapping[str, Any] | None = None) -> WorldSpec:
    """The standard world of a seed, with `overrides` (`table.key` -> value) laid over it."""
    spec = standard(seed)
    return parse(to_toml(spec), FLAG, overrides) if overrides else spec


def live(spec: WorldSpec, options: str = "") -> Lived:
    """Let a world happen, whatever comes of it; `options`: what else replays it.

    Never raises: an exception of the simulator itself is something to be found, too.
    """
    world: World | None = None
    broken: Broken | None = None
    compared = False
    try:
        world = World(spec, options=options)
        compared = world.run(_calm).settled["rounds"] > 0
    except Violation as violation:
        what = str(violation).partition("\n")[0].partition(" s: ")[2]
        broken = Broken(violation.name, spec.seed, violation.moment, what, violation.line)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        line = "" if world is None else world.line
        broken = Broken("simulator", spec.seed, 0.0, what, line)
    seconds, events = (0.0, 0) if world is None else (world.clock.now, world.events)
    churned = () if world is None else drawn(world)
    return Lived(spec.seed, faults_of(spec), seconds, events, compared, broken, churned)


def _calm(world: World) -> None:
    """A world that has no end is stopped; called now and then while it goes on."""
    if world.clock.steps > _MOST:
        raise world.watch.violated("no storm", f"there were more than {_MOST:,} steps")
