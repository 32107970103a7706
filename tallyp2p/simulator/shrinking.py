"""From a world that breaks an invariant to a small one that breaks the same.

Greedy, as in Zeller's delta debugging: of all worlds that are a little simpler the first one
that still fails takes the place of the world, and so on until none does.  A simpler world has
other chance, so each is tried with a few seeds; the one that failed is kept.  Where all hold,
those that have fewer peers or fewer kinds of faults are tried with more seeds: what it takes to
fail is then often rarer, but no other.

Churn is many crashes in one setting, of which mostly one matters.  It is replaced by the
crashes that it drew, which can go one by one.

A world that asks for what no peer can do would fail as well, and explain nothing: none is
tried in which a peer is left alone, or in which the run is over before somebody is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from ..errors import SettingsError
from .hunting import Broken, live
from .mix import faults_of
from .spec import Churn, Crash, Step, WorldSpec

__all__ = ["shrink", "simpler"]

_FEW = range(3)  # seeds that are tried for each simpler world, besides that of the world
_MORE = (range(3, 15), range(15, 63))  # where none breaks it, for those that are much simpler
_TABLES = (
    "partitions",
    "crashes",
    "freezes",
    "slow",
    "joins",
    "leaves",
    "hostile",
    "clocks",
    "routes",
)
_WITH_PEERS = ("crashes", "freezes", "slow", "joins", "leaves", "hostile", "clocks")

Progress = Callable[[int, WorldSpec], None]


def shrink(
    spec: WorldSpec, broken: Broken, enough: Callable[[], bool], progress: Progress | None = None
) -> tuple[WorldSpec, Broken, int]:
    """(the smallest world found, how it breaks, worlds tried), when none is simpler or `enough`.

    `spec` must break `broken.invariant`; so does what is returned.  `progress` is told how many
    worlds were tried, and the smallest so far.
    """
    tries, found = 0, True
    churned = live(spec).churned if spec.churn.every else ()
    while found:
        found = False
        for attempt in _attempts(spec, broken.invariant, churned):
            if enough():
                return spec, broken, tries
            tries += 1
            lived = live(attempt)
            if lived.broken is not None and lived.broken.invariant == broken.invariant:
                spec, broken, churned, found = attempt, lived.broken, lived.churned, True
            if progress is not None:
                progress(tries, spec)
            if found:
                break
    return spec, broken, tries


def _attempts(spec: WorldSpec, invariant: str, churned: tuple[Crash, ...]) -> Iterator[WorldSpec]:
    """Simpler worlds in the order in which they are tried, each with several seeds."""
    for candidate in simpler(spec, invariant, churned):
        yield candidate
        yield from _seeded(candidate, spec, _FEW)
    for seeds in _MORE:
        for candidate in simpler(spec, invariant, churned):
            if _much_simpler(candidate, spec):
                yield from _seeded(candidate, spec, seeds)


def _seeded(candidate: WorldSpec, spec: WorldSpec, seeds: range) -> Iterator[WorldSpec]:
    yield from (replace(candidate, seed=seed) for seed in seeds if seed != spec.seed)


def _much_simpler(candidate: WorldSpec, spec: WorldSpec) -> bool:
    """Whether it has fewer peers, or fewer kinds of faults."""
    return candidate.peers < spec.peers or _kinds(candidate) < _kinds(spec)


def _kinds(spec: WorldSpec) -> int:
    return len(set(faults_of(spec)) - {"nothing"})


def simpler(
    spec: WorldSpec, invariant: str = "", churned: tuple[Crash, ...] = ()
) -> Iterator[WorldSpec]:
    """Worlds that are a little simpler, those that are much simpler first.

    `churned`: the crashes that churn drew in this one, which can be taken away one by one.
    """
    for changed in _changes(spec, invariant, churned):
        if changed is not None and changed != spec and _fair(changed):
            yield changed


def _changes(
    spec: WorldSpec, invariant: str, churned: tuple[Crash, ...]
) -> Iterator[WorldSpec | None]:
    yield from _fewer_faults(spec)
    yield from _plainer_crashes(spec)
    if spec.churn.every and churned:
        yield _with(spec, churn=Churn(), crashes=spec.crashes + churned)
    yield from _fewer_peers(spec)
    if invariant != "complete" or not (spec.joins or spec.crashes or spec.churn.every):
        yield from _shorter(spec)
    yield from _smaller_faults(spec)
    yield from _plainer(spec)


def _fewer_faults(spec: WorldSpec) -> Iterator[WorldSpec | None]:
    for table in _TABLES:
        parts = getattr(spec, table)
        if parts:
            yield _with(spec, **{table: ()})
        half = len(parts) // 2
        if half > 1:
            yield _with(spec, **{table: parts[:half]})
            yield _with(spec, **{table: parts[half:]})
        if half:
            for at in range(len(parts)):
                yield _with(spec, **{table: parts[:at] + parts[at + 1 :]})
    if spec.churn.every:
        yield _with(spec, churn=Churn())
    used = {name for part in spec.partitions for name in part.groups}
    used |= {name for route in spec.routes for name in (route.source, route.target)}
    yield _with(spec, groups=tuple(group for group in spec.groups if group.name in used))


def _plainer_crashes(spec: WorldSpec) -> Iterator[WorldSpec | None]:
    """A crash at any moment, of a process whose disk and host live on."""
    for at, part in enumerate(spec.crashes):
        plain = replace(part, step=Step.ANY, disk=True, noticed=True, same_endpoint=False)
        for one in (plain, replace(part, step=Step.ANY), replace(part, disk=True)):
            yield _with(spec, crashes=(*spec.crashes[:at], one, *spec.crashes[at + 1 :]))


def _fewer_peers(spec: WorldSpec) -> Iterator[WorldSpec | None]:
    everybody = range(spec.peers)
    half = spec.peers // 2
    if half > 1:
        yield _only(spec, everybody[:half])
        yield _only(spec, everybody[half:])
    for peer in reversed(everybody):
        yield _only(spec, [other for other in everybody if other != peer])


def _shorter(spec: WorldSpec) -> Iterator[WorldSpec | None]:
    span = spec.run.rounds_per_ballot
    ballots = -(-spec.timing.rounds // span)
    for fewer in (ballots // 2, ballots * 3 // 4, ballots - 1):
        yield _with(spec, "timing", rounds=max(1, fewer) * span)


def _smaller_faults(spec: WorldSpec) -> Iterator[WorldSpec | None]:
    """Each part of a table befalls fewer peers."""
    for table in _WITH_PEERS:
        parts = getattr(spec, table)
        for at, part in enumerate(parts):
            for peer in part.peers if len(part.peers) > 1 else ():
                one = replace(part, peers=tuple(p for p in part.peers if p != peer))
                yield _with(spec, **{table: (*parts[:at], one, *parts[at + 1 :])})


def _plainer(spec: WorldSpec) -> Iterator[WorldSpec | None]:
    """Settings as they are by default, table by table and then one by one.

    `promises` stay: a world must not come to fail by asking for more.
    """
    plain = WorldSpec()
    yield _with(spec, together=True)
    for table in ("links", "voting", "timing", "run"):
        inner, default = getattr(spec, table), getattr(plain, table)
        kept = {"rounds": spec.timing.rounds} if table == "timing" else {}
        yield _with(spec, table, **_values(default) | kept)
        for name, value in _values(default).items():
            if name not in ("rounds", "seal") and getattr(inner, name) != value:
                yield _with(spec, table, **{name: value})
    yield _with(spec, run=replace(spec.run, seal=plain.run.seal), exact=False)


def _values(settings: Any) -> dict[str, Any]:
    return {item.name: getattr(settings, item.name) for item in fields(settings)}


def _with(spec: WorldSpec, table: str = "", /, **changes: Any) -> WorldSpec | None:
    """The world with other values, in one of its tables if one is named; None if there is none."""
    try:
        if table:
            changes = {table: replace(getattr(spec, table), **changes)}
        return replace(spec, **changes)
    except SettingsError:
        return None


def _only(spec: WorldSpec, keep: Sequence[int]) -> WorldSpec | None:
    """The world of some of its peers, counted anew."""
    new = {peer: at for at, peer in enumerate(keep)}

    def those(peers: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(new[peer] for peer in peers if peer in new)

    changes: dict[str, Any] = {"peers": len(keep)}
    for table in (*_WITH_PEERS, "groups"):
        parts = [replace(p, peers=those(p.peers)) for p in getattr(spec, table) if those(p.peers)]
        changes[table] = tuple(parts)
    names = {group.name for group in changes["groups"]}
    try:
        changes["joins"] = tuple(replace(p, seeds=those(p.seeds)) for p in changes["joins"])
        cuts = [(part, tuple(n for n in part.groups if n in names)) for part in spec.partitions]
        changes["partitions"] = tuple(
            replace(part, groups=left) for part, left in cuts if len(left) > 1
        )
        changes["routes"] = tuple(r for r in spec.routes if {r.source, r.target} <= names)
        return replace(spec, **changes)
    except SettingsError:
        return None


def _fair(spec: WorldSpec) -> bool:
    """Whether at least two peers neither leave nor end for good: who is alone gives up."""
    ended = {peer for part in spec.leaves for peer in part.peers}
    ended |= {peer for part in spec.crashes if not part.restart_after for peer in part.peers}
    ended |= {peer for part in spec.freezes if part.end > spec.limit for peer in part.peers}
    return spec.peers - len(ended) >= 2
