"""For whom an open round waits, and for whom not."""

from __future__ import annotations

import asyncio

from ....messages import Bye, Pong, Want
from ..case import Lane, case
from ..stage import Stage
from .votes import expected_voter, goes_on, spread

__all__: list[str] = []

_SOON = 5.0  # s in which a round closes once nothing holds it open, with training
_AHEAD = 12  # ballots that others claim to be ahead, more than ROUND-8 needs


@case(
    "votes/asks",
    "The missing ballot is asked for, more and more rarely while its author answers",
    description="The anchor keeps its ballot for 3.8 s and answers each WANT that it is not so "
    "far yet.",
    expectation="WANT comes after about 1 s (patience), and again after a longer pause.",
    clauses=("ROUND-4",),
    lane=Lane.ROUNDS,
)
async def asks(stage: Stage) -> None:
    anchor = stage.anchor
    async with anchor.still():
        anchor.mark()
        round = await anchor.advance()
        opened = stage.session.clock()
        await asyncio.sleep(3.8)
        wants = anchor.heard(Want, lambda m: (anchor.author, round) in m.entries)
        await anchor.advance()
    times = [seen.at - opened for seen in wants]
    stage.should(bool(times), "no WANT comes for a ballot that is missing for 3.8 s")
    if times:
        first = times[0]
        stage.should(
            0.4 <= first <= 2.0, f"the first WANT comes after {first:.1f} s, not after 1 s"
        )
    if len(times) > 1:
        pause = times[1] - times[0]
        text = f"the second WANT comes {pause:.1f} s after the first, not later than patience"
        stage.should(pause > 1.2, text)


@case(
    "votes/declined",
    "Who says that it is further is not waited for",
    description="Asked for its ballot, the anchor answers PONG with nonce 0 and a later round.",
    expectation="The round closes without the anchor's ballot.",
    clauses=("ROUND-6",),
    lane=Lane.ROUNDS,
)
async def declined(stage: Stage) -> None:
    anchor = stage.anchor
    async with anchor.still() as round:
        anchor.mark()
        anchor.at = round + stage.session.span
        asked = await anchor.hear(Want, within=3.0)
        if asked is None:
            stage.should(False, "no WANT comes for a ballot that is missing for 3 s")
        took = await goes_on(stage, round, _SOON)
        anchor.at = stage.session.round
    if asked is not None:
        stage.must(took is not None, "the round waits for an author that has left it")


@case(
    "votes/line-broken",
    "Nobody waits for a member whose connection broke",
    description="A member whose ballot the open round expects vanishes without BYE.",
    expectation="The round closes with the anchor's ballot alone.",
    clauses=("MEMBER-4", "ROUND-3"),
    lane=Lane.ROUNDS,
)
async def line_broken(stage: Stage) -> None:
    async with stage.anchor.still():
        voter, round = await expected_voter(stage)
        voter.vanish()
        stage.anchor.cast(round)
        took = await goes_on(stage, round, 12.0)
        # A suspect stays in the roster: it comes back, so that it can leave by BYE.
        await stage.newcomer("voter again", secret=voter.secret).join()
    stage.must(took is not None, "the round waits for a member whose connection broke")
    assert took is not None
    stage.should(took < _SOON, f"the round waited {took:.1f} s for one whose connection broke")


@case(
    "votes/left",
    "Nobody waits for a member that said BYE",
    description="A member whose ballot the open round expects says BYE.",
    expectation="The round closes with the anchor's ballot alone.",
    clauses=("MEMBER-5", "ROUND-3"),
    lane=Lane.ROUNDS,
)
async def left(stage: Stage) -> None:
    async with stage.anchor.still():
        voter, round = await expected_voter(stage)
        voter.say(Bye(voter.last, 0, "left"))
        stage.session.members.pop(voter.author, None)
        stage.anchor.cast(round)
        took = await goes_on(stage, round, _SOON)
    stage.must(took is not None, "the round waits for a member that said BYE")


@case(
    "votes/silent",
    "A silent member is asked every second, and then not waited for",
    description="A member whose ballot the open round expects keeps silent, with its connection "
    "open. When the round has closed it sends PING, and keeps its ballot in the next.",
    expectation="WANT comes every second (patience); after 5 s (suspect_after) without an answer "
    "the round closes. After the PING the member is alive again, and the next round waits for it.",
    clauses=("ROUND-3", "ROUND-4", "MEMBER-1", "MEMBER-4"),
    lane=Lane.ROUNDS,
)
async def silent(stage: Stage) -> None:
    anchor = stage.anchor
    async with anchor.still():
        voter, round = await expected_voter(stage)
        voter.silent = True
        voter.mark()
        anchor.cast(round)
        took = await goes_on(stage, round, 14.0)
        wants = [seen.at for seen in voter.heard(Want)]
        stage.must(took is not None, "the round waits more than 14 s for a silent member")
        assert took is not None
        stage.must(took > 3.0, f"the round waited only {took:.1f} s for an alive member")
        gaps = [b - a for a, b in zip(wants, wants[1:], strict=False)]
        stage.should(len(wants) >= 3, f"WANT came {len(wants)} times, not every second")
        stage.should(all(gap < 2.0 for gap in gaps), "WANT came more and more rarely")
        voter.silent = False
        await voter.ping()
        round = await anchor.advance(by=voter)
        while not spread(stage, voter, round):
            round = await anchor.advance(by=voter)
        waits = await _waits_for(stage, round)
        stage.must(waits, "a member that has come back is not waited for")
        voter.at = round
        voter.cast(round)
        took = await goes_on(stage, round, _SOON)
        stage.must(took is not None, "a round stays open though all ballots are there")


async def _waits_for(stage: Stage, round: int) -> bool:
    """Whether `round` stays open on the anchor's ballot alone."""
    stage.anchor.at = round
    stage.anchor.cast(round)
    return await goes_on(stage, round, 0.8) is None


@case(
    "votes/left-behind",
    "Who finds the others far ahead joins them there",
    description="Three members say by PONG that they are twelve ballots ahead. Then the open round "
    "closes.",
    expectation="The peer opens the others' round next, and never votes in those between.",
    clauses=("ROUND-8", "MEMBER-8"),
    lane=Lane.ROUNDS,
)
async def left_behind(stage: Stage) -> None:
    session, author = stage.session, stage.subject.author
    others = [await stage.player(f"ahead {index + 1}") for index in range(3)]
    async with stage.anchor.still() as round:
        far = round + _AHEAD * session.span
        for other in others:
            other.say(Pong(1, session.roster, far))
            await other.ping()
        reached = await stage.anchor.advance()
        stage.should(reached >= far, f"the peer opened round {reached}, and half are in {far}")
        if reached >= far:
            between = await stage.holds(others[0], author, round + session.span)
            stage.must(not between, "the peer voted in a round that it left out")
