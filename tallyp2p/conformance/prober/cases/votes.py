"""Ballots: when they are cast, what they are, and to whom they go."""

from __future__ import annotations

import asyncio
from functools import partial

from ....consensus.digraph import receivers, senders
from ....messages import Ballot, Ping, Pong
from ....parameters import Spreading
from .. import frames
from ..case import Lane, Need, case
from ..player import Player
from ..stage import Stage
from ..verdict import NotJudged

__all__: list[str] = []

_BALLOT = 15.0  # s that the peer may take to train and to vote
_MOST_DEGREE = 6


async def ballot_of(stage: Stage, player: Player, round: int) -> Ballot:
    """The peer's ballot of `round`, as it comes to `player` unasked."""
    author = stage.subject.author
    return await player.expect(
        Ballot,
        lambda m: m.author == author and m.round == round,
        within=_BALLOT,
        what=f"ballot of the peer for round {round}",
    )


def _is_of(author: bytes, round: int, ballot: Ballot) -> bool:
    return (ballot.author, ballot.round) == (author, round)


def roster(stage: Stage) -> list[bytes]:
    """Authors that vote in the open round."""
    at = stage.session.round or 0
    starts = {**stage.session.members, stage.subject.author: stage.subject.start}
    return [author for author, start in starts.items() if start is not None and start <= at]


@case(
    "votes/quorum",
    "Nobody votes before there is a quorum",
    description="Before the anchor comes, a member without a first round asks for the round and "
    "for the peer's ballot of round 0.",
    expectation="The round is none, no ballot comes, and the WANT is answered by PONG with nonce "
    "0 and the round in which the peer will vote first.",
    clauses=("JOIN-1", "JOIN-4", "PING-2", "ROUND-5"),
    lane=Lane.FIRST,
)
async def quorum(stage: Stage) -> None:
    if stage.session.begun:
        raise NotJudged("the peer had begun before the prober came")
    player = await stage.player("undecided")
    pong = await player.ping()
    stage.must(pong.round is None, f"the peer has round {pong.round} open without a quorum")
    player.throw(frames.want((stage.subject.author, 0)), what="WANT for the peer's round 0")
    pong = await player.expect(Pong, lambda m: m.nonce == 0, what="PONG with nonce 0 to WANT")
    first = stage.subject.start
    stage.must(pong.round == first, f"PONG names round {pong.round}, and HELLO {first}")
    stage.must(not player.heard(Ballot), "a ballot came before there was a quorum")


@case(
    "votes/one-each",
    "One ballot a round",
    description="The anchor votes in three rounds, one after another.",
    expectation="In each the peer sends its ballot, once, and goes on to the next.",
    clauses=("ROUND-1", "ROUND-2", "ROUND-3", "VOTE-3", "BALLOT-1", "BALLOT-2", "BALLOT-3"),
    lane=Lane.ROUNDS,
)
async def one_each(stage: Stage) -> None:
    anchor = stage.anchor
    async with anchor.still() as round:
        for _ in range(3):
            anchor.mark()
            after = await anchor.advance()
            step = after - round
            stage.must(step == stage.session.span, f"round {after} follows on round {round}")
            await ballot_of(stage, anchor, after)
            round = after
            await asyncio.sleep(0.05)
            own = anchor.heard(Ballot, partial(_is_of, stage.subject.author, after))
            stage.should(len(own) == 1, f"the ballot came {len(own)} times unasked")


@case(
    "votes/waits",
    "An open round waits for the ballot that is expected",
    description="The anchor, which answers that it is not so far yet, keeps its ballot for 1.7 s.",
    expectation="The round stays open until the ballot comes, and closes then.",
    clauses=("ROUND-3",),
    lane=Lane.ROUNDS,
)
async def waits(stage: Stage) -> None:
    anchor = stage.anchor
    async with anchor.still() as round:
        await asyncio.sleep(1.7)
        pong = await anchor.ping()
        stage.must(pong.round == round, f"the peer went on to {pong.round} without the ballot")
        await anchor.advance()


@case(
    "votes/own-again",
    "Asked again, the same bytes",
    description="The anchor and another member ask for the peer's ballot of the open round.",
    expectation="Both get the very frame that came unasked.",
    clauses=("ROUND-1", "ROUND-5", "SEAL-9"),
    lane=Lane.ROUNDS,
)
async def own_again(stage: Stage) -> None:
    anchor, author = stage.anchor, stage.subject.author
    player = await stage.player()
    async with anchor.still():
        anchor.mark()
        round = await anchor.advance()
        await ballot_of(stage, anchor, round)
        sent = next(
            s.frame for s in anchor.heard(Ballot) if s.frame[2:6] == round.to_bytes(4, "big")
        )
        for asker in (player, anchor):
            came = await stage.holds(asker, author, round)
            stage.must(came == [sent], f"WANT for round {round} brings {len(came)} other frames")


@case(
    "votes/owed",
    "A ballot that was asked for early comes when it is cast",
    description="A member that is nobody's receiver asks for the peer's ballot of the next round.",
    expectation="PONG with nonce 0 and the open round; then, when it is cast, the ballot.",
    clauses=("ROUND-5", "PING-2"),
    lane=Lane.ROUNDS,
)
async def owed(stage: Stage) -> None:
    player = await stage.player()
    async with stage.anchor.still() as round:
        player.mark()
        following = round + stage.session.span
        player.throw(frames.want((stage.subject.author, following)), what="WANT, a round early")
        pong = await player.expect(Pong, lambda m: m.nonce == 0, what="PONG with nonce 0 to WANT")
        stage.must(pong.round == round, f"PONG names round {pong.round}, not {round}")
        stage.must(not player.heard(Ballot), "a ballot came before its round")
        await stage.anchor.advance()
        ballot = await player.hear(Ballot, lambda m: m.round == following, within=_BALLOT)
        stage.should(ballot is not None, "the ballot did not come when it was cast")


@case(
    "votes/relay",
    "Another's ballot is passed on byte for byte",
    description="A member asks for the anchor's ballot of a closed round.",
    expectation="One ballot comes, with the author written out, and otherwise as it was sent.",
    clauses=("VOTE-1", "VOTE-5", "ROUND-5", "SEAL-8"),
    lane=Lane.ROUNDS,
)
async def relay(stage: Stage) -> None:
    anchor = stage.anchor
    player = await stage.player()
    async with anchor.still() as round:
        await anchor.advance()
        came = await stage.holds(player, anchor.author, round)
    stage.must(len(came) == 1, f"WANT for the anchor's ballot brings {len(came)} ballots")
    right = player.codec.encode(anchor.ballots[round])
    stage.must(came == [right], "the ballot is not passed on as it came")


@case(
    "votes/digraph",
    "Ballots go to the receivers of the digraph, and are expected of its senders",
    description="So many members vote that nobody hears all others. In three rounds only those "
    "vote whom the peer hears in the digraph.",
    expectation="The peer sends its ballot to its receivers and nobody else, and closes each "
    "round without the ballots of those whom it does not hear.",
    clauses=("ROUND-2", "ROUND-3", "DIGRAPH-1", "DIGRAPH-2", "DIGRAPH-3", "MEMBER-6"),
    lane=Lane.ROUNDS,
    needs=(Need.SAMPLED,),
)
async def digraph(stage: Stage) -> None:
    session, me, run = stage.session, stage.subject.author, stage.session.run
    if run.degree > _MOST_DEGREE:
        raise NotJudged(f"the degree {run.degree} would need {run.degree + 3} members")
    async with stage.anchor.still() as round:
        start = round + session.span
        voters: list[Player] = [stage.anchor]
        for index in range(run.degree + 1):
            voters.append(await stage.player(f"voter {index + 1}", start=start))
        await stage.anchor.advance()
        for _ in range(3):
            round = session.round or 0
            members = roster(stage)
            to = receivers(run.run, round, members, me, run.degree)
            heard = senders(run.run, round, members, me, run.degree)
            for voter in voters:
                if voter.author in to:
                    await ballot_of(stage, voter, round)
            for voter in voters:
                voter.at = round
                if voter.author in heard:
                    voter.cast(round)
            await stage.anchor.opened(round + 1)
            for voter in voters:
                unasked = voter.heard(Ballot, partial(_is_of, me, round))
                if voter.author not in to:
                    stage.must(not unasked, f"{voter.name} got the ballot, and is no receiver")
                if voter.author not in heard:
                    voter.cast(round)


@case(
    "votes/to-all",
    "Ballots go to everybody",
    description="Three members vote besides the peer, in three rounds.",
    expectation="Each gets the peer's ballot of each round, unasked.",
    clauses=("ROUND-2", "MEMBER-6"),
    lane=Lane.ROUNDS,
    needs=(Need.BROADCAST,),
)
async def to_all(stage: Stage) -> None:
    async with stage.anchor.still() as round:
        voters: list[Player] = [stage.anchor]
        for index in range(2):
            voter = await stage.player(f"voter {index + 1}", start=round + stage.session.span)
            voters.append(voter)
            stage.anchor.voters.append(voter)
        for _ in range(3):
            round = await stage.anchor.advance()
            for voter in voters:
                await ballot_of(stage, voter, round)


@case(
    "votes/early",
    "A ballot that comes early is kept",
    description="A member sends its ballot for a round that is three ballots ahead.",
    expectation="The peer holds it.",
    clauses=("ROUND-7", "LEDGER-2", "LIMIT-2"),
)
async def early(stage: Stage) -> None:
    player = await stage.player()
    round = stage.ahead(3)
    player.cast(round)
    held = await stage.holds(player, player.author, round)
    stage.must(len(held) == 1, "a ballot three ballots ahead is not held")
    own = player.codec.encode(player.ballots[round])
    stage.must(held[0][1] & 1 == 1, "a ballot goes back to its author without the author in it")
    stage.must(held[0].endswith(own[6:]), "the ballot is not passed on as it came")


@case(
    "votes/late",
    "A ballot that comes late is kept",
    description="A member sends its ballot for a round that has closed.",
    expectation="The peer holds it.",
    clauses=("ROUND-7", "LEDGER-2", "TALLY-1"),
    lane=Lane.ROUNDS,
)
async def late(stage: Stage) -> None:
    player = await stage.player()
    async with stage.anchor.still() as round:
        await stage.anchor.advance()
        player.cast(round)
        held = await stage.holds(player, player.author, round)
        stage.must(len(held) == 1, "a ballot for the round before is not held")


@case(
    "votes/window",
    "A ballot outside the window is ignored",
    description="A member sends ballots for rounds 80 ballots and two thousand million rounds "
    "ahead.",
    expectation="Neither is held (ahead is 64), and no ERROR comes.",
    clauses=("ROUND-7", "VERDICT-2"),
)
async def window(stage: Stage) -> None:
    player = await stage.player()
    far = 2_000_000_000 // stage.session.span * stage.session.span
    for round in (stage.ahead(80), far):
        frame = player.codec.encode(player.ballot(round))
        await stage.in_silence(player, frame, what=f"a ballot for the far round {round}")
        held = await stage.holds(player, player.author, round)
        stage.must(not held, f"a ballot for the far round {round} is held")


@case(
    "votes/while-training",
    "PING is answered while the peer trains",
    description="From the anchor's ballot on a member sends PING after PING until the next round "
    "is open.",
    expectation="Each is answered at once.",
    clauses=("MEMBER-3",),
    lane=Lane.ROUNDS,
)
async def while_training(stage: Stage) -> None:
    player = await stage.player()
    session = stage.session
    slowest = 0.0
    async with stage.anchor.still() as round:
        began = session.clock()
        stage.anchor.cast(round)
        while (session.round or 0) <= round:
            stage.must(session.clock() < began + _BALLOT, f"round {round} stays open")
            asked = session.clock()
            player.mark()
            await player.ping(within=5.0)
            slowest = max(slowest, session.clock() - asked)
        took = session.clock() - began
        await stage.anchor.advance()
    stage.note(f"the slowest PONG took {slowest * 1000:.0f} ms; training took {took:.1f} s")
    stage.must(
        slowest < 2.0, f"a PONG took {slowest:.1f} s while the peer trained for {took:.1f} s"
    )
    stage.should(slowest < 1.0, f"a PONG took {slowest:.1f} s: that is patience (1 s)")


def spread(stage: Stage, voter: Player, round: int) -> bool:
    """Whether the peer expects a ballot of `voter` in `round`."""
    run = stage.session.run
    if run.spreading is Spreading.BROADCAST:
        return True
    me = stage.subject.author
    return voter.author in senders(run.run, round, roster(stage), me, run.degree)


async def expected_voter(stage: Stage) -> tuple[Player, int]:
    """A member whose ballot the open round waits for.  Call it inside `still`."""
    session = stage.session
    voter = await stage.player("voter", start=(session.round or 0) + session.span)
    stage.anchor.voters.append(voter)
    round = await stage.anchor.advance()
    while not spread(stage, voter, round):
        round = await stage.anchor.advance()
    stage.anchor.voters.remove(voter)
    voter.at = round
    return voter, round


async def goes_on(stage: Stage, round: int, within: float) -> float | None:
    """Seconds until the peer leaves `round`; None when it does not in time."""
    began = stage.session.clock()
    while stage.session.clock() < began + within:
        stage.anchor.say(Ping(1, stage.session.roster))
        await asyncio.sleep(0.1)
        if (stage.session.round or 0) > round:
            return stage.session.clock() - began
    return None
