"""WANT, and what comes of the ballots that a peer holds."""

from __future__ import annotations

import asyncio
import os

from ....errors import Reason
from ....messages import Ballot, Digest, DigestEntry, Error, Have, Pong
from .. import frames
from ..case import Lane, Need, case
from ..stage import Stage

__all__: list[str] = []


@case(
    "repair/want-unknown",
    "What is not there is passed over",
    description="A member asks for a ballot of an author that nobody knows.",
    expectation="Nothing comes.",
    clauses=("WANT-2", "ROUND-5"),
)
async def want_unknown(stage: Stage) -> None:
    player = await stage.player()
    frame = frames.want((os.urandom(8), stage.ahead(0)))
    await stage.in_silence(player, frame, what="WANT for an unknown author")
    stage.must(not player.heard(Ballot), "a ballot came that nobody asked for")
    zero = player.heard(Pong, lambda m: m.nonce == 0)
    stage.must(not zero, "PONG with nonce 0 came, though no ballot of the peer's was asked for")


@case(
    "repair/want-future",
    "An own ballot that is not cast is answered by PONG",
    description="A member asks for the peer's ballot two ballots ahead.",
    expectation="PONG comes with nonce 0 and the round that the peer has open.",
    clauses=("ROUND-5", "PING-2"),
)
async def want_future(stage: Stage) -> None:
    player = await stage.player()
    player.mark()
    before = stage.session.round
    player.throw(frames.want((stage.subject.author, stage.ahead(2))), what="WANT, two ahead")
    pong = await player.expect(Pong, lambda m: m.nonce == 0, what="PONG with nonce 0 to WANT")
    good = pong.round is not None and before is not None and pong.round >= before
    stage.must(good, f"PONG names round {pong.round}, not the one that is open ({before})")


@case(
    "repair/want-several",
    "Each entry of WANT is answered for itself",
    description="A member asks in one message for its own ballots of two rounds, for one of an "
    "unknown author, and for one that is not cast.",
    expectation="The two ballots come, and PONG with nonce 0.",
    clauses=("WANT-1", "WANT-2", "ROUND-5"),
)
async def want_several(stage: Stage) -> None:
    player = await stage.player()
    first, second = stage.ahead(4), stage.ahead(5)
    player.cast(first)
    player.cast(second)
    player.mark()
    subject = stage.subject.author
    asked = [(player.author, first), (os.urandom(8), first), (subject, stage.ahead(3))]
    player.throw(frames.want(*asked, (player.author, second)), what="WANT of four")
    await player.expect(Pong, lambda m: m.nonce == 0, what="PONG with nonce 0 to WANT")
    await player.ping()
    rounds = [s.message.round for s in player.heard(Ballot) if isinstance(s.message, Ballot)]
    stage.must(sorted(rounds) == [first, second], f"the ballots that came are of rounds {rounds}")


@case(
    "repair/same-again",
    "The same ballot again changes nothing",
    description="A member sends its ballot three times, and another asks for it.",
    expectation="One ballot comes, and no ERROR.",
    clauses=("LEDGER-1", "LEDGER-3"),
)
async def same_again(stage: Stage) -> None:
    player = await stage.player()
    other = await stage.player("other")
    round = stage.ahead(6)
    ballot = player.cast(round)
    again = player.codec.encode(ballot)
    await stage.in_silence(player, again, again, what="the same ballot again")
    held = await stage.holds(other, player.author, round)
    stage.must(len(held) == 1, f"{len(held)} ballots are held where one came thrice")


@case(
    "repair/two-ballots",
    "Two ballots of one author annul each other, and both are kept",
    description="A member casts two different ballots for one round, and another asks for them.",
    expectation="No ERROR comes, and both ballots do.",
    clauses=("LEDGER-4", "LEDGER-5", "VERDICT-3"),
)
async def two_ballots(stage: Stage) -> None:
    player = await stage.player("equivocator")
    other = await stage.player("other")
    round = stage.ahead(7)
    frame = player.codec.encode(player.ballot(round))
    second = player.codec.encode(player.ballot(round, "other"))
    await stage.in_silence(player, frame, second, what="two ballots for one round")
    held = await stage.holds(other, player.author, round)
    both = {frame[6:] for frame in (frame, second)}
    came = {h[-len(frame) + 6 :] for h in held}
    stage.must(came == both, f"WANT brings {len(held)} of two ballots that annul each other")


@case(
    "repair/two-ballots-relayed",
    "Who passes on two ballots is not blamed",
    description="A member passes on two different ballots of an author who is not there.",
    expectation="No ERROR comes, both ballots are kept, and the member goes on as before.",
    clauses=("LEDGER-4", "VERDICT-3", "VERDICT-5", "SEAL-4"),
)
async def two_ballots_relayed(stage: Stage) -> None:
    relayer = await stage.player("relayer")
    absent = stage.newcomer("absent")
    round = stage.ahead(8)
    pair = [relayer.codec.encode(absent.ballot(round, salt)) for salt in ("", "other")]
    await stage.in_silence(relayer, *pair, what="two ballots of one author")
    held = await stage.holds(relayer, absent.author, round)
    stage.must(sorted(held) == sorted(pair), f"WANT brings {len(held)} of the two ballots")


@case(
    "repair/own-name",
    "A ballot in the peer's own name does not harm it",
    description="A member passes on a forged ballot of the peer's own, for a round far ahead.",
    expectation="The peer goes on; what it does with the ballot is told.",
    clauses=("VOTE-1", "LEDGER-4"),
    needs=(Need.UNSEALED,),
)
async def own_name(stage: Stage) -> None:
    player = await stage.player("forger")
    round = stage.ahead(60)
    stage.session.unsound.add(round)
    run = stage.session.run
    forged = player.ballot(round)
    ballot = Ballot(stage.subject.author, round, forged.votes, forged.ids)
    player.throw(player.codec.encode(ballot), what=f"a forged ballot of the peer's, round {round}")
    await stage.still_answers(player, "a forged ballot in its own name")
    held = await stage.holds(player, stage.subject.author, round)
    stage.tell(f"the ballot is {'held' if held else 'dropped'}; run {run.run.hex()} has no seals")


@case(
    "repair/sampled",
    "DIGEST and HAVE in a sampled run do no harm",
    description="A member sends a DIGEST and a HAVE that name what the peer does not hold.",
    expectation="They are read and dropped, or refused as a kind that the peer does not know.",
    clauses=("CONF-2", "FRAME-10"),
    lane=Lane.ERRORS,
    needs=(Need.SAMPLED,),
)
async def sampled(stage: Stage) -> None:
    player = await stage.player()
    round = stage.ahead(0)
    messages: list[Digest | Have] = [
        Digest((DigestEntry(round, 1, os.urandom(16)),)),
        Have(round, ((os.urandom(8), os.urandom(16)),)),
    ]
    for message in messages:
        name = type(message).__name__.upper()
        async with stage.error_slot():
            player.mark()
            player.say(message)
            await stage.still_answers(player, name)
            error = await player.hear(Error, within=0.2)
        if error is not None:
            unknown = error.code == Reason.TYPE
            stage.must(unknown, f"a {name} that breaks no rule is answered by ERROR {error.code}")
            stage.lacks(f"{name} is a kind that the peer does not know")
    await asyncio.sleep(0.1)
