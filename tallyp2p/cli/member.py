"""A peer's process: from the moment it has a seat until it has said goodbye.

`tallyp2p swarm` starts many of these, `tallyp2p peer` is one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..assemble import (
    Member,
    Seat,
    assemble,
    author,
    build,
    shard_seat,
    swarm_listen,
    swarm_profile,
)
from ..errors import FailureError
from ..gossip.events import Finish, Notice, Started
from ..keeping import Recalled, recall
from ..profiles import Profile
from ..reporting.rewind import rewind
from ..reporting.rundir import PeerWriter, peer_dir
from ..runtime.discovery import Lan
from ..runtime.node import Observer, Progress, Trouble
from ..runtime.rendezvous import Rendezvous
from ..runtime.signals import stop_on
from ..tracing.recording import TraceFile

if TYPE_CHECKING:
    from ..learning.builder import Built
    from ..wire.electorate import Electorate

__all__ = ["Outcome", "RENDEZVOUS", "live", "serve"]

_log = logging.getLogger(__name__)

RENDEZVOUS = "rendezvous"  # directory of the run directory


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a peer's life ended."""

    finish: Finish
    signals: tuple[signal.Signals, ...]  # that asked it to leave
    abandoned: bool  # a training step is still running: end the process by os._exit


def serve(
    profile: Profile, run_dir: Path, index: int, trace: bool = False, at: int | None = None
) -> int:
    """The process of one peer of a swarm; its exit code, 0 also when it was told to leave.

    `trace`: whether to record what it lives through in its directory; `at`: see `live`.
    Raises :class:`FailureError` when it could not make its rounds; the launcher logs it.
    """
    together = swarm_profile(profile)
    outcome = asyncio.run(
        live(
            together,
            shard_seat(together, index),
            build(together, index),
            listen=swarm_listen(together, run_dir, index),
            run_dir=run_dir,
            meet=True,
            fresh=True,
            trace=TraceFile(peer_dir(run_dir, index) / "trace.jsonl") if trace else None,
            at=at,
            leave_on=(signal.SIGTERM,),  # Ctrl-C is for the launcher, which then tells us
        )
    )
    if not outcome.finish.completed and not outcome.signals:
        raise FailureError(f"this peer stopped: {outcome.finish.text}")
    return 0


async def live(
    profile: Profile,
    seat: Seat,
    built: Built,
    *,
    listen: str | None = None,
    seeds: Sequence[str] = (),
    run_dir: Path | None = None,
    meet: bool = False,
    lan: bool = False,
    fresh: bool = False,
    insecure: bool = False,
    encrypt: bool | None = None,
    electorate: Electorate | None = None,
    trace: TraceFile | None = None,
    at: int | None = None,
    leave_on: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
    greet: Callable[[Member], None] = lambda member: None,
    observers: Sequence[Observer] = (),
) -> Outcome:
    """Be the peer of `seat` until all rounds are made or a signal asks it to leave.

    `leave_on`: those signals; `run_dir`: where it writes, and goes on from what an earlier life
    kept there; `at`: from which round, see `keeping.recall`; `meet`: find the others through that
    directory; `lan`: find them by multicast DNS; `fresh`: all peers of the swarm start now;
    `insecure`, `encrypt`, `electorate`, `trace`: see `assemble`; `greet` is called once it listens.
    """
    with ExitStack() as files:
        writer = recalled = None
        if run_dir is not None:
            whose, mine = author(seat, built.run), peer_dir(run_dir, seat.index)
            recalled = recall(mine, profile, built.run, whose, built, at)
            files.callback(recalled.keeper.close)
            writer = files.enter_context(closing(_writer(run_dir, seat.index, recalled)))
        watchers = [*observers, *([] if writer is None else [_recorder(writer)])]
        for text in () if recalled is None else recalled.said:
            _log.warning("%s", text)
            for watcher in watchers:
                watcher(Trouble(text))
        member = assemble(
            profile,
            seat,
            built,
            listen=listen,
            seeds=seeds,
            observers=watchers,
            insecure=insecure,
            encrypt=encrypt,
            electorate=electorate,
            trace=trace,
            recalled=recalled,
        )
        if writer is not None:
            writer.started(
                author=member.author,
                endpoint=member.endpoint,
                run=member.run,
                rounds=member.rounds,
                weights=built.weights,
            )
        place = None
        if run_dir is not None and meet:
            place = Rendezvous(run_dir / RENDEZVOUS, seat.index, profile.peers)
        beacon = None
        if lan:
            listed = None if electorate is None else set(electorate.texts)
            beacon = Lan(member.endpoint, member.run.digest, os.urandom(8), listed)
        former = () if recalled is None or fresh else recalled.endpoints
        started = Started(member.endpoint, (*seeds, *former), fresh)
        try:
            with stop_on(member.node.stop, *leave_on) as seen:
                greet(member)
                if place is not None:
                    place.announce(member.endpoint)
                    if fresh and member.run.view:  # its quorum is a few, and does not wait for all
                        within = profile.timing.join_deadline + profile.peers  # s; one for each
                        await place.assembled(within, lambda: bool(seen))
                finish = await _run(member, started, place, beacon)
        except BaseException as error:
            if writer is not None:
                writer.finished(completed=False, text=str(error), bytes=member.meter.snapshot())
            raise
        if writer is not None:
            writer.finished(
                completed=finish.completed,
                text=finish.text,
                bytes=member.meter.snapshot(),
                # A learner still in a training step has no weights to speak of.
                digests=None if member.node.abandoned else built.digests(),
            )
        return Outcome(finish, tuple(seen), member.node.abandoned)


class _Source(Protocol):
    """Where endpoints of other peers come from."""

    def others(self) -> AsyncIterator[str]: ...


async def _run(
    member: Member, started: Started, place: Rendezvous | None, beacon: Lan | None
) -> Finish:
    """Run the node, and meanwhile tell it whom it can meet at `place`, and on the link."""
    sources: list[_Source] = []
    if place is not None:
        sources.append(place)
    async with AsyncExitStack() as stack:
        if beacon is not None:
            sources.append(await stack.enter_async_context(beacon))
        meetings = [asyncio.ensure_future(_meet(source, member)) for source in sources]
        try:
            return await member.node.run(started)
        finally:
            for meeting in meetings:
                meeting.cancel()
                with suppress(asyncio.CancelledError):
                    await meeting


async def _meet(source: _Source, member: Member) -> None:
    async for endpoint in source.others():
        member.node.discover(endpoint)


def _writer(run_dir: Path, index: int, recalled: Recalled) -> PeerWriter:
    """The writer of the peer's lines, which go on where the peer does."""
    if recalled.resumed is None:
        return PeerWriter(run_dir, index)
    former = rewind(run_dir, index, recalled.resumed.round)
    writer = PeerWriter(run_dir, index)
    writer.goes_on(former.rounds, former.swarm, former.alone)
    return writer


def _recorder(writer: PeerWriter) -> Observer:
    def record(told: Notice | Progress | Trouble) -> None:
        if isinstance(told, Progress):
            writer.progress(told)
        elif isinstance(told, Trouble):
            writer.trouble(told.text)
        else:
            writer.notice(told)

    return record
