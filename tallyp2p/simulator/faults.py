"""What goes wrong, put on the clock before the world begins."""

from __future__ import annotations

from random import Random
from typing import Protocol

from ..gossip.events import Effect, Learn, Send, VoteOn
from ..messages import Ballot, Digest, Hello, Want
from .clock import Clock
from .host import Host
from .invariants import Watch
from .links import Network
from .spec import Churn, Crash, Freeze, Slow, Step, WorldSpec

__all__ = ["Stage", "drawn", "forgetful", "schedule"]

_FOR_GOOD = 1e9  # seconds: an end beyond it never comes
_SAYS = {Step.HELLO: Hello, Step.DIGEST: Digest, Step.WANT: Want}
_DOES = {Step.VOTE: VoteOn, Step.LEARN: Learn}


class Stage(Protocol):
    """A world, as far as faults can touch it."""

    spec: WorldSpec
    clock: Clock
    network: Network
    watch: Watch
    peers: dict[int, Host]
    running: int
    pending: int
    churned: list[tuple[float, int]]

    def chance(self, *words: object) -> Random: ...

    def crash(self, peer: int, *, noticed: bool, disk: bool) -> bool: ...

    def restart(self, peer: int, *, same_endpoint: bool = False) -> None: ...

    def join(self, peer: int, seeds: tuple[int, ...]) -> None: ...


def forgetful(spec: WorldSpec) -> frozenset[int]:
    """Peers that may come back without their ballots, and then vote otherwise."""
    if spec.churn.every and not spec.churn.disk:
        return frozenset(range(spec.peers))
    return frozenset(peer for part in spec.crashes if not part.disk for peer in part.peers)


def drawn(stage: Stage) -> tuple[Crash, ...]:
    """The crashes that churn has drawn so far, as if somebody had described each of them."""
    churn = stage.spec.churn
    return tuple(
        Crash((peer,), at, churn.down, disk=churn.disk, noticed=churn.noticed)
        for at, peer in stage.churned
    )


def schedule(stage: Stage) -> None:
    """Put all faults of the world on its clock."""
    spec, at = stage.spec, stage.clock.at
    for index, cut in enumerate(spec.partitions):
        at(cut.begin, stage.network.sever, index, cut.groups, cut.one_way)
        at(cut.end, stage.network.heal, index)
        stage.watch.disturb(cut.end)
    for crash in spec.crashes:
        stage.watch.disturb(crash.at + crash.restart_after)
        for peer in crash.peers:
            at(crash.at, _crash, stage, peer, crash)
    for freeze in spec.freezes:
        stage.watch.disturb(freeze.end if freeze.end < _FOR_GOOD else freeze.begin)
        for peer in freeze.peers:
            at(freeze.begin, _freeze, stage, peer, freeze)
    for slow in spec.slow:
        stage.watch.disturb(slow.end if slow.end < _FOR_GOOD else 0.0)
        for peer in slow.peers:
            at(slow.begin, _slow, stage, peer, slow)
    for join in spec.joins:
        stage.watch.disturb(join.at)
        for peer in join.peers:
            stage.pending += 1
            at(join.at, _join, stage, peer, join.seeds)
    for leave in spec.leaves:
        stage.watch.disturb(leave.at)
        for peer in leave.peers:
            at(leave.at, _leave, stage, peer)
    if spec.churn.every:
        chance = stage.chance("churn")
        stage.watch.disturb(spec.churn.end + spec.churn.down)
        at(spec.churn.begin, _churn, stage, spec.churn, chance)


def _crash(stage: Stage, peer: int, crash: Crash) -> None:
    host = stage.peers.get(peer)
    if crash.step is Step.ANY:
        _kill(stage, peer, crash)
    elif host is not None and host.running:
        own = host.machine.author
        host.doom = lambda effect: _is(crash.step, effect, own) and _kill(stage, peer, crash)


def _is(step: Step, effect: Effect, own: bytes) -> bool:
    """Whether an effect, once obeyed, is what the process does last."""
    if not isinstance(effect, Send):
        return type(effect) is _DOES.get(step)
    message = effect.message
    if type(message) is Ballot:
        return step is Step.BALLOT and message.author == own
    return type(message) is _SAYS.get(step)


def _kill(stage: Stage, peer: int, crash: Crash) -> bool:
    """The process ends now; whether there was one."""
    if not stage.crash(peer, noticed=crash.noticed, disk=crash.disk):
        return False
    stage.watch.disturb(stage.clock.now + crash.restart_after)
    if crash.restart_after:
        stage.pending += 1
        stage.clock.after(crash.restart_after, _restart, stage, peer, crash.same_endpoint)
    return True


def _restart(stage: Stage, peer: int, same_endpoint: bool) -> None:
    stage.pending -= 1
    stage.restart(peer, same_endpoint=same_endpoint)


def _churn(stage: Stage, churn: Churn, chance: Random) -> None:
    """One crash, and the next one on the clock; at least half of all peers stay."""
    if stage.clock.now > churn.end:
        return
    there = sorted(peer for peer, host in stage.peers.items() if host.running)
    if len(there) > max(2, stage.spec.peers // 2):
        peer = chance.choice(there)
        if stage.crash(peer, noticed=churn.noticed, disk=churn.disk):
            stage.churned.append((stage.clock.now, peer))
            stage.pending += 1
            stage.clock.after(churn.down, _restart, stage, peer, False)
    stage.clock.after(churn.every * (0.5 + chance.random()), _churn, stage, churn, chance)


def _freeze(stage: Stage, peer: int, freeze: Freeze) -> None:
    host = stage.peers.get(peer)
    if host is None or not host.running or host.frozen:
        return
    for_good = freeze.end >= _FOR_GOOD
    host.freeze(for_good=for_good)
    if for_good:
        stage.running -= 1
    else:
        stage.clock.at(freeze.end, _thaw, host)


def _thaw(host: Host) -> None:
    if host.running:
        host.thaw()


def _slow(stage: Stage, peer: int, slow: Slow) -> None:
    host = stage.peers.get(peer)
    if host is not None and host.running:
        host.slow_down(slow.work, slow.training)
        if slow.end < _FOR_GOOD:
            stage.clock.at(slow.end, host.slow_down, 0.0, 1.0)


def _join(stage: Stage, peer: int, seeds: tuple[int, ...]) -> None:
    stage.pending -= 1
    stage.join(peer, seeds)


def _leave(stage: Stage, peer: int) -> None:
    host = stage.peers.get(peer)
    if host is not None and host.running:
        host.leave()
