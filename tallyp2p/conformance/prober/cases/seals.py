"""Signatures: in sealed runs nobody is believed without, in others nobody sends one."""

from __future__ import annotations

import os
from collections.abc import Callable

from ....errors import Reason
from ....messages import Hello, Ping, Pong
from .. import frames
from ..case import Lane, Need, case
from ..player import Player
from ..stage import Stage
from .handshake import fields_of

__all__: list[str] = []

_ORDER = 2**252 + 27742317777372353535851937790883648493  # L, of Ed25519's group
_NEUTRAL = b"\x01" + bytes(31)  # a point of order 1: its signature over any text is easy to make


def turned(frame: bytes) -> bytes:
    """The signature with one bit turned."""
    return frame[:-1] + bytes((frame[-1] ^ 0x01,))


def grown(frame: bytes) -> bytes:
    """S + L in place of S: the same equation holds, and S is no longer below L."""
    s = int.from_bytes(frame[-32:], "little") + _ORDER
    return frame[:-32] + s.to_bytes(32, "little")


@case(
    "seals/hello",
    "Nobody is met without a good signature",
    description="A newcomer says HELLO unsigned, with a signature that is wrong by one bit, with "
    "one that grew by the group's order, with another's, and with an identity of small order.",
    expectation="None is answered by HELLO; a good one is.",
    clauses=("SEAL-1", "SEAL-2", "SEAL-3", "SEAL-5", "SEAL-6", "SEAL-7"),
    needs=(Need.SEALED,),
)
async def hello(stage: Stage) -> None:
    player, other = stage.newcomer(), stage.newcomer("other")
    await player.listen()
    bare = frames.hello(fields_of(player))
    good = player.signed(bare)
    small = frames.hello(fields_of(player, identity=_NEUTRAL))
    tried = {
        "HELLO without a signature": bare,
        "HELLO with 64 zeros": bare[:1] + b"\x04" + bare[2:] + bytes(64),
        "HELLO with a bit turned": turned(good),
        "HELLO with S + L": grown(good),
        "HELLO signed by another": other.signed(bare),
        "HELLO of small order": small[:1] + b"\x04" + small[2:] + _NEUTRAL + bytes(32),
    }
    for what, frame in tried.items():
        player.dial()
        player.mark()
        player.throw(frame, what=what)
        greeted = await player.hear(Hello, within=0.3)
        stage.must(greeted is None, f"{what} is answered by HELLO")
    player.dial()
    await player.join()


Forge = Callable[[Player, int], bytes]


def _unsigned(player: Player, round: int) -> bytes:
    frame = player.codec.encode(player.ballot(round))
    return frame[:1] + bytes((frame[1] & ~0x04,)) + frame[2:-64]


def _turned(player: Player, round: int) -> bytes:
    return turned(player.codec.encode(player.ballot(round)))


def _grown(player: Player, round: int) -> bytes:
    return grown(player.codec.encode(player.ballot(round)))


def _replayed(player: Player, round: int) -> bytes:
    before = player.codec.encode(player.ballot(round - player.session.span))
    return before[:2] + round.to_bytes(4, "big") + before[6:]


def _changed(player: Player, round: int) -> bytes:
    one = player.codec.encode(player.ballot(round))
    two = player.codec.encode(player.ballot(round, "other"))
    return one[:-64] + two[-64:]


def _another(player: Player, round: int) -> bytes:
    other = Player(player.session, "other", player.log)
    frame = player.codec.encode(player.ballot(round))
    return other.signed(frame[:-64])


_FORGED: dict[str, Forge] = {
    "a ballot without a signature": _unsigned,
    "a ballot with a bit turned": _turned,
    "a ballot with S + L": _grown,
    "the ballot of another round again": _replayed,
    "other votes under a good signature": _changed,
    "a ballot signed by another": _another,
}


@case(
    "seals/vote",
    "No ballot counts without its author's signature",
    description="A member sends ballots unsigned, with a signature that is wrong by one bit, that "
    "grew by the group's order, is that of another round, of other votes, or another's.",
    expectation="None is held; ERROR SEAL comes, and PING is answered.",
    clauses=("SEAL-2", "SEAL-3", "SEAL-5", "SEAL-7", "VERDICT-3"),
    lane=Lane.ERRORS,
    needs=(Need.SEALED,),
)
async def vote(stage: Stage) -> None:
    player = await stage.player()
    round = stage.ahead(5)
    async with stage.error_slot():
        for what, forge in _FORGED.items():
            player.throw(forge(player, round), what=what)
            await stage.still_answers(player, what)
            held = await stage.holds(player, player.author, round)
            stage.must(not held, f"{what} is held")
        await stage.error_for(player, "a ballot without a good signature", Reason.SEAL)


@case(
    "seals/relayed",
    "A ballot that is passed on carries its author's identity and signature",
    description="A member passes on the ballot of an author who is not there: first with the "
    "author id of 8 bytes, then with a wrong signature, then rightly.",
    expectation="Only the last is held, and comes back as it was sent.",
    clauses=("SEAL-3", "SEAL-4", "SEAL-8", "VERDICT-1"),
    lane=Lane.ERRORS,
    needs=(Need.SEALED,),
)
async def relayed(stage: Stage) -> None:
    relayer, absent = await stage.player("relayer"), stage.newcomer("absent")
    round = stage.ahead(6)
    good = relayer.codec.encode(absent.ballot(round))
    short = good[:6] + absent.author + good[38:]
    async with stage.error_slot():
        for what, frame in {"8 bytes of author": short, "a bit turned": turned(good)}.items():
            relayer.throw(frame, what=f"a relayed ballot with {what}")
            await stage.still_answers(relayer, what)
            held = await stage.holds(relayer, absent.author, round)
            stage.must(not held, f"a relayed ballot with {what} is held")
        relayer.throw(good, what="the relayed ballot as it should be")
        held = await stage.holds(relayer, absent.author, round)
        stage.must(held == [good], "a relayed ballot with a good signature is not held as it came")


@case(
    "seals/bye",
    "Nobody can say BYE for another",
    description="On a member's connection BYE comes unsigned, signed by another, and signed for "
    "another instance.",
    expectation="The member is still there: its PING is answered. ERROR SEAL comes.",
    clauses=("SEAL-2", "SEAL-3", "SEAL-7", "VERDICT-3"),
    lane=Lane.ERRORS,
    needs=(Need.SEALED,),
)
async def bye(stage: Stage) -> None:
    player, other = await stage.player(), stage.newcomer("other")
    bare = b"\x02\x00\x00\xff\xff\xff\xff"
    tried = {
        "BYE without a signature": bare,
        "BYE signed by another": other.signed(bare, player.instance),
        "BYE of another instance": player.signed(bare, os.urandom(8)),
    }
    async with stage.error_slot():
        for what, frame in tried.items():
            player.throw(frame, what=what)
            await stage.still_answers(player, what)
        await stage.error_for(player, "BYE without a good signature", Reason.SEAL)


@case(
    "seals/unwanted",
    "Where nothing is signed, a signature is refused",
    description="A member sends a ballot and BYE with flag 04 and 64 bytes more; a newcomer says "
    "HELLO so.",
    expectation="The ballot is not held, the member is still there, the newcomer is not met. "
    "ERROR SEAL comes.",
    clauses=("SEAL-2", "VERDICT-3"),
    lane=Lane.ERRORS,
    needs=(Need.UNSEALED,),
)
async def unwanted(stage: Stage) -> None:
    player, newcomer = await stage.player(), stage.newcomer("newcomer")
    await newcomer.listen()
    newcomer.dial()
    round = stage.ahead(5)

    def with_seal(frame: bytes) -> bytes:
        return frame[:1] + bytes((frame[1] | 0x04,)) + frame[2:] + bytes(range(64))

    async with stage.error_slot():
        newcomer.throw(with_seal(frames.hello(fields_of(newcomer))), what="HELLO with a signature")
        ballot = with_seal(player.codec.encode(player.ballot(round)))
        player.throw(ballot, what="a ballot with a signature")
        held = await stage.holds(player, player.author, round)
        stage.must(not held, "a ballot with a signature is held in a run without")
        player.throw(with_seal(b"\x02\x00\x00\xff\xff\xff\xff"), what="BYE with a signature")
        await stage.still_answers(player, "BYE with a signature")
        await stage.error_for(player, "a ballot with a signature", Reason.SEAL)
    greeted = newcomer.heard(Hello)
    stage.must(not greeted, "HELLO with a signature is answered in a run without")


@case(
    "seals/outsider",
    "Who is not on the list is turned away",
    description="A newcomer with a key that is on no list says HELLO for the run, signed well, "
    "and then PING.",
    expectation="ERROR AUTHOR answers the HELLO, and nothing the PING.",
    clauses=("ELECT-3",),
    lane=Lane.ERRORS,
    needs=(Need.LISTED, Need.UNPROVED),
)
async def outsider(stage: Stage) -> None:
    player = stage.newcomer()
    await player.listen()
    player.dial()
    async with stage.error_slot():
        player.mark()
        player.say(player.hello(met=False))
        await stage.error_for(player, "HELLO from off the list", Reason.AUTHOR)
    stage.must(not player.heard(Hello), "HELLO from off the list is answered by HELLO")
    player.say(Ping(1, 0))
    answered = await player.hear(Pong, within=0.5)
    stage.must(answered is None, "PING from off the list is answered")
