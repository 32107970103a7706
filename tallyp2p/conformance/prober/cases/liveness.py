"""Who is there: PING, the roster, BYE."""

from __future__ import annotations

import asyncio

from ....messages import FINISHED, Bye, Hello, Peers, Ping, Pong
from ..case import Lane, case
from ..stage import Stage
from .handshake import is_no_member

__all__: list[str] = []

_MANY = 100  # PINGs at once; queues hold "some hundreds of messages" (2.1)


@case(
    "liveness/ping",
    "PING is answered by PONG",
    description="A member sends PING.",
    expectation="PONG comes with the same nonce.",
    clauses=("MEMBER-3",),
)
async def ping(stage: Stage) -> None:
    player = await stage.player()
    await player.ping()


@case(
    "liveness/ping-zero",
    "PING with nonce 0 is answered like any other",
    description="A member sends PING with the nonce 0, which no sender should use.",
    expectation="PONG comes with nonce 0.",
    clauses=("MEMBER-3", "PING-2"),
)
async def ping_zero(stage: Stage) -> None:
    player = await stage.player()
    player.say(Ping(0, stage.session.roster))
    await player.expect(Pong, lambda m: m.nonce == 0, what="PONG to PING with nonce 0")


@case(
    "liveness/many-pings",
    "Every PING is answered, in order",
    description="A member sends 100 PINGs at once.",
    expectation="100 PONGs come, in the order of the PINGs.",
    clauses=("MEMBER-3",),
)
async def many_pings(stage: Stage) -> None:
    player = await stage.player()
    for nonce in range(1, _MANY + 1):
        player.say(Ping(nonce, stage.session.roster))
    await player.expect(Pong, lambda m: m.nonce == _MANY, within=5.0, what="PONG to the last PING")
    nonces = [s.message.nonce for s in player.heard(Pong) if isinstance(s.message, Pong)]
    stage.must(nonces == list(range(1, _MANY + 1)), f"{len(nonces)} PONGs came, or not in order")


@case(
    "liveness/pong-unasked",
    "A PONG that nobody asked for does no harm",
    description="A member sends PONGs with nonces that the peer never used.",
    expectation="Nothing comes back.",
    clauses=("LIMIT-2", "VERDICT-1"),
)
async def pong_unasked(stage: Stage) -> None:
    player = await stage.player()
    roster = stage.session.roster
    sent = [player.codec.encode(Pong(nonce, roster, None)) for nonce in (0x0BAD0BAD, 0)]
    await stage.in_silence(player, *sent, what="a PONG that nobody asked for")


@case(
    "liveness/roster",
    "The roster is summed up as the text says",
    description="Besides the anchor two members are there, one that will vote and one undecided.",
    expectation="`roster` in PONG is the value of MEMBER-7 for the peer and these three.",
    clauses=("MEMBER-7",),
    lane=Lane.ALONE,
)
async def roster(stage: Stage) -> None:
    session, subject = stage.session, stage.subject
    player = await stage.player("undecided")
    # So far ahead that nobody waits for this one.
    await stage.player("decided", start=2**31 // session.span * session.span)

    def expected() -> int:
        value = 0
        starts = {**session.members, subject.author: subject.start}
        for author, start in starts.items():
            spread = 0 if start is None else (start + 1) * 2654435761 % 2**32
            value ^= int.from_bytes(author[:4], "big") ^ spread
        return value

    for _ in range(30):  # those who left may still be on their way out
        pong = await player.ping()
        if pong.roster == expected():
            return
        await asyncio.sleep(0.1)
    text = f"PONG says {pong.roster:08x}, but MEMBER-7 gives {expected():08x}"
    stage.must(False, text)


@case(
    "liveness/roster-differs",
    "Whose roster differs is told who is there",
    description="A member sends five PINGs at once with another roster than the peer's.",
    expectation="HELLO and PEERS come, once: to one member at most every second (patience).",
    clauses=("MEMBER-7",),
)
async def roster_differs(stage: Stage) -> None:
    await stage.player("other")
    player = await stage.player()
    await asyncio.sleep(1.1)  # the peer may have told it just now, for the HELLO
    player.mark()
    for nonce in range(1, 6):
        player.say(Ping(nonce, stage.session.roster ^ 0x5A5A5A5A))
    hello = await player.hear(Hello, within=1.0)
    stage.should(hello is not None, "a roster that differs is not answered by HELLO")
    peers = await player.hear(Peers, within=0.3)
    stage.should(peers is not None, "a roster that differs is not answered by PEERS")
    often = len(player.heard(Hello))
    stage.should(often <= 2, f"HELLO came {often} times within a second")


@case(
    "liveness/bye",
    "Who said BYE is gone until it says HELLO",
    description="A member says BYE with code 0, sends PING, and then says HELLO again.",
    expectation="The PING is not answered; the HELLO is, and then PING too.",
    clauses=("MEMBER-1", "MEMBER-5"),
)
async def bye(stage: Stage) -> None:
    player = await stage.player()
    player.say(Bye(None, 0))
    await is_no_member(stage, player, "somebody who said BYE")
    await player.join()
    await player.ping()


@case(
    "liveness/bye-finished",
    "Who has finished is still answered",
    description="A member says BYE with code FINISHED, then PING.",
    expectation="PONG comes.",
    clauses=("MEMBER-5", "MEMBER-3"),
)
async def bye_finished(stage: Stage) -> None:
    player = await stage.player()
    player.say(Bye(None, FINISHED))
    await stage.still_answers(player, "BYE with code FINISHED")


@case(
    "liveness/bye-unknown-code",
    "A code of BYE that nobody knows means 0",
    description="A member says BYE with code 7, sends PING, and then says HELLO again.",
    expectation="As for BYE with code 0.",
    clauses=("BYE-2",),
)
async def bye_unknown_code(stage: Stage) -> None:
    player = await stage.player()
    player.say(Bye(None, 7, "for a reason of a later revision"))
    await is_no_member(stage, player, "somebody who said BYE with an unknown code")
    await player.join()
    await player.ping()
