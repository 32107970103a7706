"""Plays the cases: finds out the run, lets the anchor in, and keeps the lanes apart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ...errors import LocalError, Reason, SettingsError
from ...messages import Error
from ...parameters import Ids, RunParameters, Seal, Spreading
from ...runtime.command import Process
from ...runtime.raw import Raw, Stream, local_address
from ...wire.hello import endpoint_key
from .anchor import Anchor
from .case import Case, Lane, Need
from .log import Entry, Log
from .player import Player
from .session import Session
from .stage import Stage
from .verdict import Broken, Finding, NotJudged, Verdict

__all__ = ["Outcome", "Probe", "probe"]

Told = Callable[["Outcome"], None]

_SIDE_BY_SIDE = 4  # cases of the lane FREE
_LISTENS = 15.0  # s that a program that was started may take to listen
_ASKED = 3  # HELLOs of another run before giving up: a peer sends one ERROR a second
_LONGEST = 20.0  # s of one case, but for those of SLOW; all but a few take less than two
_SLOWEST = 45.0
_ENOUGH = 75.0  # s after which no more cases begin: a sound peer needs fifty


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case."""

    case: Case
    finding: Finding
    seconds: float
    entries: Sequence[Entry] = ()  # what was sent and seen

    @property
    def verdict(self) -> Verdict:
        """The finding's."""
        return self.finding.verdict


@dataclass(slots=True)
class Probe:
    """What came of all of them, and of whom."""

    endpoint: str
    run: RunParameters
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    agent: str = ""
    author: str = ""
    identity: str = ""
    unfinished: str = ""  # why cases that belong to it were not played

    def count(self, verdict: Verdict) -> int:
        """Cases with this verdict."""
        return sum(outcome.verdict is verdict for outcome in self.outcomes)

    @property
    def failed(self) -> bool:
        """Whether a MUST was broken, or nobody can know: a slow peer proves nothing."""
        return bool(self.unfinished) or self.count(Verdict.FAILED) > 0


async def probe(
    endpoint: str,
    cases: Sequence[Case],
    *,
    told: Told = lambda outcome: None,
    run: RunParameters | None = None,
    process: Process | None = None,
) -> Probe:
    """Play `cases` against the peer that listens at `endpoint`.

    `run`: for a peer that does not say it; `process`: the peer's, to be told to leave.
    Raises :class:`SettingsError` when nobody listens or no run is to be had.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    raw = Raw()
    try:
        await _somebody(endpoint, process)
        listen = f"tcp://{await local_address(endpoint)}:*"
        session = Session(
            raw, endpoint, listen, run or RunParameters(), lambda: loop.time() - began, process
        )
        session.run = run or await ask_run(session)
        runner = _Runner(session, cases, told)
        try:
            await runner.play()
        finally:
            await runner.end()
        result = Probe(endpoint, session.run, runner.outcomes, session.clock())
        result.unfinished = runner.unfinished
        if session.subject is not None:
            result.agent = session.subject.agent
            result.author = session.subject.author.hex()
            result.identity = session.subject.identity.hex()
        order = {case.id: index for index, case in enumerate(cases)}
        result.outcomes.sort(key=lambda outcome: order[outcome.case.id])
        return result
    finally:
        raw.close()


async def _somebody(endpoint: str, process: Process | None) -> None:
    """Wait for a program that was started; find nobody there at once otherwise."""
    loop = asyncio.get_running_loop()
    end = loop.time() + (_LISTENS if process is not None else 0.0)
    while (stream := await Stream.open(endpoint)) is None:
        if process is not None and process.gone():
            said = f": {words}" if (words := process.words()) else ""
            raise SettingsError(
                f"the program ended (exit code {process.code}) and never listened{said}"
            )
        if loop.time() >= end:
            raise SettingsError(f"nobody listens at {endpoint}: start the peer first, alone")
        await asyncio.sleep(0.05)
    await stream.close()


async def ask_run(session: Session) -> RunParameters:
    """The run of the peer, from its answer to a HELLO for another (CONTACT-3).

    Raises :class:`SettingsError` when it does not answer, or names no run.
    """
    player = Player(session, "stranger", Log(session.clock))
    await player.listen()
    player.dial()
    try:
        for _ in range(_ASKED):
            player.say(replace(player.hello(met=False), run=bytes(32)))
            error = await player.hear(Error, lambda m: m.code == Reason.RUN, within=1.3)
            if error is not None:
                return RunParameters.parse(error.text)
    except SettingsError as error:
        raise SettingsError(f"{session.endpoint} names no run that there can be: {error}") from None
    finally:
        player.vanish()
        session.seen.clear()
    raise SettingsError(
        f"{session.endpoint} listens, but does not answer a HELLO of another run: is it a peer of "
        "TALLY/1? If it is, give its run descriptor with --run FILE"
    )


class _Runner:
    """The lanes."""

    def __init__(self, session: Session, cases: Sequence[Case], told: Told) -> None:
        self.session, self._told = session, told
        self.outcomes: list[Outcome] = []
        self._anchor: Anchor | None = None
        self._lanes = {lane: [case for case in cases if case.lane is lane] for lane in Lane}
        self.unfinished = ""
        self._killer = ""  # the case after which nobody listened any more
        self._anchored = Broken("the anchor did not take part")

    async def play(self) -> None:
        """All lanes."""
        member = not self.session.run.electorate  # else nobody here is on the list
        if member:
            await self._greet()
        await self._one_by_one(Lane.FIRST)
        if member:
            await self._let_in()
        await self._one_by_one(Lane.ALONE)
        await asyncio.gather(
            self._one_by_one(Lane.ROUNDS),
            self._one_by_one(Lane.ERRORS),
            self._at_once(Lane.FREE, asyncio.Semaphore(_SIDE_BY_SIDE)),
            self._at_once(Lane.SLOW, asyncio.Semaphore(1000)),
        )
        await self._one_by_one(Lane.LAST)
        await self._one_by_one(Lane.END)
        await self._one_by_one(Lane.AFTER)

    async def end(self) -> None:
        """Let the anchor leave."""
        if self._anchor is not None:
            await self._anchor.end()
            self._anchor.leave()

    async def _greet(self) -> None:
        """Somebody has to have met the peer before the first case: who is it?"""
        player = Player(self.session, "first", Log(self.session.clock))
        with suppress(Broken):  # the cases say so
            await player.join()
        player.leave()

    async def _let_in(self) -> None:
        anchor = Anchor(self.session)
        try:
            await anchor.begin()
        except Broken as broken:
            anchor.leave()
            self._anchored = broken
        else:
            self._anchor = anchor

    # --- lanes ------------------------------------------------------------------------------

    async def _one_by_one(self, lane: Lane) -> None:
        for case in self._lanes[lane]:
            await self._play(case)

    async def _at_once(self, lane: Lane, room: asyncio.Semaphore) -> None:
        async def one(case: Case) -> None:
            async with room:
                await self._play(case)

        await asyncio.gather(*map(one, self._lanes[lane]))

    async def _play(self, case: Case) -> None:
        stage = Stage(self.session, self._anchor)
        began = self.session.clock()
        if reason := self._not_here(case):
            stage.finding.add(Verdict.NOT_JUDGED, reason)
        else:
            longest = _SLOWEST if case.lane is Lane.SLOW else _LONGEST
            await self._judge(case.play(stage), stage.finding, longest)
            if stage.finding.verdict is Verdict.FAILED and case.lane not in (Lane.END, Lane.AFTER):
                await self._find_out(case)
        stage.dismiss()
        took = self.session.clock() - began
        outcome = Outcome(case, stage.finding, took, self._entries(stage, case, began))
        self.outcomes.append(outcome)
        self._told(outcome)

    async def _judge(self, play: Awaitable[None], finding: Finding, longest: float) -> None:
        try:
            async with asyncio.timeout(longest):
                await play
        except Broken as broken:
            finding.add(Verdict.FAILED, str(broken))
        except NotJudged as why:
            if finding.verdict is Verdict.OK:
                finding.add(Verdict.NOT_JUDGED, str(why))
        except LocalError as error:  # the peer led its players where no message can be made
            finding.add(Verdict.FAILED, f"the case could not go on: {error}")
        except TimeoutError:
            finding.add(Verdict.FAILED, f"the case did not end within {longest:g} s")

    def _entries(self, stage: Stage, case: Case, began: float) -> tuple[Entry, ...]:
        """What was sent and seen, by the anchor too where it has a part in the case."""
        entries = list(stage.log.entries)
        if self._anchor is not None and case.lane in (Lane.ROUNDS, Lane.ALONE, Lane.LAST, Lane.END):
            entries += [entry for entry in self._anchor.log.entries if entry.at >= began]
        return tuple(sorted(entries, key=lambda entry: entry.at))

    async def _find_out(self, case: Case) -> None:
        stream = await Stream.open(self.session.endpoint)
        if stream is not None:
            await stream.close()
        elif not self._killer:
            self._killer = case.id

    def _not_here(self, case: Case) -> str:
        """Why `case` cannot be judged; empty when it can."""
        if self._killer and case.lane is not Lane.AFTER:
            return f"nobody listens at {self.session.endpoint} any more, since {self._killer}"
        if self.session.clock() > _ENOUGH and case.lane not in (Lane.END, Lane.AFTER):
            self.unfinished = f"the {_ENOUGH:g} s that a probe may take were over"
            return self.unfinished
        if self.session.run.electorate and Need.LISTED not in case.needs:
            return "the run has an electorate, and the prober is nobody on its list"
        if self._anchor is None and case.lane in (Lane.ROUNDS, Lane.LAST, Lane.END):
            self.unfinished = f"the anchor cannot take part: {self._anchored}"
            return self.unfinished
        lacking = [need for need in case.needs if not self._has(need)]
        return lacking[0].value if lacking else ""

    def _has(self, need: Need) -> bool:
        run, encrypted = self.session.run, bool(endpoint_key(self.session.endpoint))
        proved = encrypted and run.seal is Seal.ED25519
        has: dict[Need, bool] = {
            Need.SAMPLED: run.spreading is Spreading.SAMPLED,
            Need.BROADCAST: run.spreading is Spreading.BROADCAST,
            Need.DERIVED: run.ids is Ids.DERIVED,
            Need.EXPLICIT: run.ids is Ids.EXPLICIT,
            Need.SEALED: run.seal is Seal.ED25519,
            Need.UNSEALED: run.seal is Seal.NONE,
            Need.LISTED: bool(run.electorate),
            Need.ENCRYPTED: encrypted,
            Need.PROVED: proved,
            Need.UNPROVED: not proved,
            Need.PROCESS: self.session.process is not None,
            Need.PADDING: run.votes * run.bits % 8 != 0,
            Need.SPARE_LABEL: 2**run.bits - 1 > run.highest_label,
        }
        return has[need]
