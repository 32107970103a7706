"""Peers in a Python program: your model, your data, one callback per round.

::

    async with Peer(model, train, probes, classes=10, test=test) as peer:
        print("join me at", peer.endpoint)
        result = await peer.run()

A peer trains in a thread of its own; the event loop stays free.  What is given is used as
it is: `model` is trained in place.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .assemble import (
    Member,
    Seat,
    assemble,
    build_own,
    check_endpoint,
    check_open,
    check_swarm,
    key_seat,
    named_seat,
    new_seat,
    shard_seat,
    swarm_listen,
    swarm_profile,
    will_encrypt,
)
from .birth import check_listed
from .errors import LocalError, SettingsError
from .gossip.events import Notice, Started
from .profiles import Profile, Transport, load
from .runtime.node import Progress, Trouble
from .runtime.reaching import wider

if TYPE_CHECKING:
    from .wire.electorate import Electorate

__all__ = ["OnRound", "Peer", "Result", "Round", "Swarm"]


@dataclass(frozen=True, slots=True)
class Round:
    """What a peer reports after each ballot that it has learnt from."""

    peer: int  # index in its swarm; 0 for a single peer
    rounds: int  # rounds trained through
    figures: Mapping[str, float]  # loss, kl, agreement, ...; accuracy when it was measured
    bytes: Mapping[str, Mapping[str, Mapping[str, int]]]  # sent/received, channel, layer
    alive: int  # members alive, this peer included
    suspect: int


@dataclass(frozen=True, slots=True)
class Result:
    """How a peer's run ended."""

    completed: bool  # whether all rounds were made
    text: str  # why not, when they were not
    rounds: int  # rounds trained through
    accuracy: float | None  # on the test set at the last evaluation, 0 .. 1
    bytes: Mapping[str, Mapping[str, Mapping[str, int]]]  # sent/received, channel, layer


OnRound = Callable[[Round], Awaitable[None] | None]


class Peer:
    """One peer with your own model and data.  Use it as an async context manager.

    `model`: a torch.nn.Module from a batch of inputs to logits, shape (batch, classes).
    `train`, `test`: torch Datasets of (input, label).  `probes`: a Dataset of inputs, or of
    pairs whose second part is not read; every peer must have the same, in the same order.
    `seeds`: endpoints of peers to join at; where they name keys, this peer encrypts, as it does
    wherever other hosts can reach it.  `name`: the same name is the same peer at every
    start; without one it is a new peer.  `on_round` may be a coroutine function.
    `seat`: the directory that ``tallyp2p invite DIR`` or ``tallyp2p join --out DIR`` wrote: it says
    which run this is, which peer, who else may take part, and where they are.  Or `key`: the file
    of a secret key (``tallyp2p keygen``), for a run whose ballots are signed, and `electorate`:
    that of its list of members.  Nothing is kept on disk: ``tallyp2p peer`` does that.
    `open_run`: listen where other hosts can reach it, though anybody there may then vote under
    as many names as they like; `insecure_listen`: and in clear.
    `overrides` are settings of `profile`, by key: ``rounds=100``, ``**{"run.probes": 16}``.

    Raises :class:`SettingsError` for settings that cannot be used, and on entering
    :class:`FailureError` for an address that cannot be had.
    """

    def __init__(
        self,
        model: Any,
        train: Any,
        probes: Any,
        *,
        classes: int,
        test: Any = None,
        listen: str | None = None,
        seeds: Sequence[str] = (),
        profile: str | Path | Profile = "default",
        name: str | None = None,
        on_round: OnRound | None = None,
        insecure_listen: bool = False,
        open_run: bool = False,
        seat: str | Path | None = None,
        key: str | Path | None = None,
        electorate: str | Path | None = None,
        **overrides: Any,
    ) -> None:
        self._seeds = (seeds,) if isinstance(seeds, str) else tuple(seeds)
        self._key = None if key is None else Path(key)  # whose file is locked while it takes part
        self._listed: Electorate | None = None  # who may take part, where the run has a list
        shard = None
        if seat is not None:
            if (name, key, electorate, profile) != (None, None, None, "default"):
                raise SettingsError(
                    "seat says which run and peer: leave out name, key, electorate and profile"
                )
            from .admission.place import read_place  # brings OpenSSL, as keys do

            place = read_place(Path(seat))
            profile, shard, self._key = place.config, place.shard, place.key
            self._listed = place.electorate
            self._seeds += place.seeds
            listen = listen or place.listen
        elif electorate is not None:
            from .admission.place import read_electorate

            self._listed = read_electorate(Path(electorate))
        self._profile = _profile(profile, overrides, len(probes), self._listed)
        listen = listen or wider(self._profile.network.listen, self._seeds) if seat else listen
        self._seat = self._which(name, shard)
        self._own = (model, train, probes, test, classes)
        self._listen = listen
        for seed in self._seeds:
            check_endpoint(seed)
        self._on_round = on_round
        self._insecure = insecure_listen
        address = listen or self._profile.network.listen
        check_open(self._profile, address, open_run or insecure_listen)
        self._encrypt = will_encrypt(
            self._profile, self._seeds, listen=listen, insecure=insecure_listen
        )
        self._fresh = False  # whether a whole swarm starts with this peer
        self._member: Member | None = None
        self._files = ExitStack()  # what is held as long as it takes part
        self._began = False
        self._ended = asyncio.Event()
        self._last: Round | None = None
        self._accuracy: float | None = None
        self._callbacks: set[asyncio.Future[None]] = set()
        self._error: BaseException | None = None  # what a callback raised first

    def _which(self, name: str | None, shard: int | None) -> Seat:
        if self._key is None:
            if self._listed is not None:
                raise SettingsError("electorate goes with key: a list names its members' keys")
            check_listed(self._profile.run.electorate, None, b"")
            return new_seat(self._profile) if name is None else named_seat(self._profile, name)
        if name is not None:
            raise SettingsError("key and name both say which peer this is: give one of them")
        from .admission.keyfile import read_key

        return key_seat(self._profile, read_key(self._key), shard, self._listed)

    @property
    def endpoint(self) -> str:
        """Where this peer listens; others give it as a seed."""
        return self._entered().endpoint

    @property
    def author(self) -> bytes:
        """This peer's author id, 8 bytes."""
        return self._entered().author

    async def __aenter__(self) -> Self:
        # Imports torch, which takes seconds, but in the loop's own thread: nothing else of
        # this peer runs yet, and a half-imported torch in a second thread helps nobody.
        built = build_own(self._profile, self._seat.index, *self._own)
        with ExitStack() as files:
            if self._key is not None:
                from .admission.keyfile import held_key

                files.enter_context(held_key(self._key))
            self._member = assemble(
                self._profile,
                self._seat,
                built,
                listen=self._listen,
                seeds=self._seeds,
                observers=[self._observe],
                insecure=self._insecure,
                encrypt=self._encrypt,
                electorate=self._listed,
            )
            self._files = files.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._files:
            self.stop()
            if self._began:
                await self._ended.wait()
            else:
                await self.run()  # it says goodbye and closes its sockets

    async def run(self) -> Result:
        """Take part until all rounds are made or `stop` is called.  Once for each peer.

        Raises :class:`FailureError` when the learner failed, and whatever `on_round` raised.
        """
        member = self._entered()
        if self._began:
            raise LocalError("a peer runs once; make another one")
        self._began = True
        try:
            finish = await member.node.run(Started(member.endpoint, self._seeds, self._fresh))
        finally:
            self._ended.set()
        if self._callbacks:
            await asyncio.wait(self._callbacks)
        if self._error is not None:
            raise self._error
        return Result(
            completed=finish.completed,
            text=finish.text,
            rounds=0 if self._last is None else self._last.rounds,
            accuracy=self._accuracy,
            bytes=member.meter.snapshot(),
        )

    def stop(self) -> None:
        """Leave soon: say goodbye and let `run` return."""
        self._entered().node.stop()

    def _entered(self) -> Member:
        if self._member is None:
            raise LocalError("use the peer inside `async with`")
        return self._member

    def _observe(self, told: Notice | Progress | Trouble) -> None:
        if not isinstance(told, Progress):
            return
        self._accuracy = told.figures.get("accuracy", self._accuracy)
        per_ballot, planned = self._profile.run.rounds_per_ballot, self._profile.timing.rounds
        self._last = Round(
            peer=self._seat.index,
            rounds=min(told.round + per_ballot, planned),
            figures=told.figures,
            bytes=told.bytes,
            alive=told.alive,
            suspect=told.suspect,
        )
        if self._on_round is not None and self._error is None:
            try:
                answer = self._on_round(self._last)
            except Exception as error:
                self._fail(error)
            else:
                if inspect.isawaitable(answer):
                    callback = asyncio.ensure_future(answer)
                    self._callbacks.add(callback)
                    callback.add_done_callback(self._called)

    def _called(self, callback: asyncio.Future[None]) -> None:
        self._callbacks.discard(callback)
        error = None if callback.cancelled() else callback.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            self.stop()


class Swarm:
    """Several peers in this process and this event loop, each with its own sockets and thread.

    For trying out a model and data, and for notebooks; `tallyp2p swarm` gives each peer a
    process.  `model` is called once for each peer; `train` has one Dataset for each.  The
    rest is as for :class:`Peer`; `on_round` is told which peer by `Round.peer`.
    """

    def __init__(
        self,
        model: Callable[[], Any],
        train: Sequence[Any],
        probes: Any,
        *,
        classes: int,
        peers: int | None = None,
        test: Any = None,
        profile: str | Path | Profile = "default",
        on_round: OnRound | None = None,
        **overrides: Any,
    ) -> None:
        count = len(train) if peers is None else peers
        if count < 2 or count != len(train):
            raise SettingsError(
                f"a swarm needs a train set for each of its peers, at least 2: there are "
                f"{len(train)} for {count}"
            )
        settled = _profile(profile, overrides, len(probes))
        settled = swarm_profile(replace(settled, peers=count))
        check_swarm(settled)
        if settled.network.transport is Transport.TCP:
            swarm_listen(settled, Path(), 0)  # refuses one port for all
        self.peers: tuple[Peer, ...] = tuple(
            Peer(
                model(),
                own,
                probes,
                classes=classes,
                test=test,
                profile=settled,
                on_round=on_round,
            )
            for own in train
        )
        for index, peer in enumerate(self.peers):
            peer._seat = shard_seat(settled, index)
            peer._fresh = True

    async def __aenter__(self) -> Self:
        try:
            for peer in self.peers:
                await peer.__aenter__()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        for peer in self.peers:
            peer._seeds = tuple(other.endpoint for other in self.peers if other is not peer)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered = [peer for peer in self.peers if peer._member is not None]
        await asyncio.gather(*(peer.__aexit__(kind, error, traceback) for peer in entered))

    async def run(self) -> list[Result]:
        """Let all peers take part; their results, by index.

        When one raises, the others are told to leave, and the first error is raised.
        """
        running = [asyncio.ensure_future(peer.run()) for peer in self.peers]
        await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        for peer, task in zip(self.peers, running, strict=True):
            if not task.done():
                peer.stop()
        ended = await asyncio.gather(*running, return_exceptions=True)
        for result in ended:
            if isinstance(result, BaseException):
                raise result
        return [result for result in ended if isinstance(result, Result)]

    def stop(self) -> None:
        """Let all peers leave soon."""
        for peer in self.peers:
            peer.stop()


def _profile(
    source: str | Path | Profile,
    overrides: Mapping[str, Any],
    probes: int,
    listed: Electorate | None = None,
) -> Profile:
    """The profile with its overrides; its number of probes is that of the given ones, and its
    list of members, unless it names one, the one that is given."""
    if isinstance(source, Profile):
        if overrides:
            raise SettingsError("a Profile that is given whole takes no overrides: load() does")
        made = replace(source, data=replace(source.data, probes=probes))
    else:
        made = load(source, {**overrides, "data.probes": probes}, "the call")
    if listed is not None and not made.run.electorate:
        made = replace(made, run=replace(made.run, electorate=listed.digest))
    return made
