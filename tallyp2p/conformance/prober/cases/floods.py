"""Strangers that mean harm, many at a time.  Played last, one after another.

The last of them leaves the peer with as many members as it may have: whoever comes after that
is turned away.
"""

from __future__ import annotations

import asyncio
import os
import struct
from dataclasses import replace

from ....messages import Ballot, Digest, DigestEntry, Hello, Ping, Pong, Want
from ....parameters import LIMITS
from ....runtime.raw import Stream, greeting
from .. import frames
from ..case import Lane, Need, case
from ..stage import Stage

__all__: list[str] = []

_SLOW = 2.0  # s that an honest member may have to wait for its PONG meanwhile


async def honest(stage: Stage, what: str) -> None:
    """The anchor is served all the while, and its ballots count."""
    began = stage.session.clock()
    try:
        await stage.anchor.ping(within=10.0)
    finally:
        took = stage.session.clock() - began
        stage.note(f"an honest member's PONG took {took * 1000:.0f} ms during {what}")
    stage.should(took < _SLOW, f"{what} kept an honest member waiting for {took:.1f} s")


@case(
    "hostile/half-open",
    "Connections that never shake hands keep nobody out",
    description="60 plain connections are opened; half of them send ten bytes of a greeting. Then "
    "a newcomer says HELLO.",
    expectation="The newcomer is met at once.",
    clauses=("FRAME-1", "LIMIT-1"),
    lane=Lane.LAST,
)
async def half_open(stage: Stage) -> None:
    streams = [await Stream.open(stage.session.endpoint) for _ in range(60)]
    opened = [stream for stream in streams if stream is not None]
    for stream in opened[::2]:
        await stream.send(greeting()[:10])
    stage.log.note("strangers", f"{len(opened)} connections are open and say nothing")
    await stage.player("newcomer")
    await honest(stage, "60 half-open connections")
    for stream in opened:
        await stream.close()


@case(
    "hostile/pings",
    "A flood of PING keeps nobody out",
    description="A member sends 3,000 PINGs at once.",
    expectation="Another member's PING is answered within two seconds.",
    clauses=("MEMBER-3", "FRAME-5"),
    lane=Lane.LAST,
)
async def pings(stage: Stage) -> None:
    player = await stage.player("flooder")
    frame = player.codec.encode(Ping(1, stage.session.roster))
    for _ in range(3000):
        player.throw(frame, what="PING")
    await honest(stage, "3,000 PINGs")


@case(
    "hostile/want-bomb",
    "WANT does not make the peer say much",
    description="A member asks 256 times in one message for the peer's newest ballot.",
    expectation="The peer goes on; how often the ballot comes is told (WANT-1 allows repetition).",
    clauses=("WANT-1", "ROUND-5"),
    lane=Lane.LAST,
)
async def want_bomb(stage: Stage) -> None:
    player = await stage.player("greedy")
    entry = (stage.subject.author, (stage.anchor.at or 0))
    player.mark()
    player.throw(frames.want(*[entry] * LIMITS.want), what="WANT of 256 times the same")
    await player.ping(within=10.0)
    often = len(player.heard(Ballot))
    if often == 1:
        stage.note("the ballot came once")
    else:
        stage.tell(f"the ballot came {often} times")


@case(
    "hostile/digest-bomb",
    "DIGESTs of everything do not stop the peer",
    description="A member sends 50 DIGESTs of 128 entries that cover 65,535 rounds each.",
    expectation="Another member's PING is answered within two seconds.",
    clauses=("DIGEST-1", "DIGEST-2", "REPAIR-3"),
    lane=Lane.LAST,
    needs=(Need.BROADCAST,),
)
async def digest_bomb(stage: Stage) -> None:
    player = await stage.player("flooder")
    span = stage.session.span
    entries = [DigestEntry(at * span, 65_535, os.urandom(16)) for at in range(LIMITS.digest)]
    for _ in range(50):
        player.say(Digest(tuple(entries)))
    await honest(stage, "50 DIGESTs of everything")


@case(
    "hostile/have-bomb",
    "A long HAVE makes the peer ask for 256 ballots at most",
    description="A member sends HAVE with 2,048 authors that nobody knows.",
    expectation="WANT comes with 256 entries at most, all of them of the list.",
    clauses=("REPAIR-4", "HAVE-1", "LIMIT-2"),
    lane=Lane.LAST,
    needs=(Need.BROADCAST,),
)
async def have_bomb(stage: Stage) -> None:
    player = await stage.player("flooder")
    player.silent = True
    round = stage.session.own_ground()
    authors = sorted({os.urandom(8) for _ in range(LIMITS.have)})
    listed = b"".join(author + os.urandom(16) for author in authors)
    player.mark()
    player.throw(b"\x12\x00" + struct.pack(">I", round) + listed, what="HAVE of 2,048")
    await player.expect(Want, lambda m: m.entries[0][1] == round, what="WANT of what HAVE lists")
    await player.ping()
    wants = [s.message for s in player.heard(Want) if isinstance(s.message, Want)]
    asked = [entry for want in wants for entry in want.entries if entry[1] == round]
    stage.must(len(asked) <= LIMITS.want, f"{len(asked)} ballots are asked for")
    stage.must({a for a, _ in asked} <= set(authors), "ballots are asked for that nobody named")


@case(
    "hostile/dead-peers",
    "Endpoints at which nobody listens keep nobody out",
    description="A member sends PEERS with 256 endpoints at which nobody listens. Then a newcomer "
    "says HELLO.",
    expectation="The newcomer is met at once, and PING is answered.",
    clauses=("CONTACT-9", "ENDPOINT-3", "LIMIT-2"),
    lane=Lane.LAST,
)
async def dead_peers(stage: Stage) -> None:
    player = await stage.player("liar")
    for block in range(4):
        dead = [f"tcp://127.0.{block + 1}.{at + 1}:1" for at in range(LIMITS.peers)]
        raw = b"".join(bytes((len(e),)) + e.encode() for e in dead)
        player.throw(bytes((0x06, 0, len(dead))) + raw, what="PEERS of 64 dead endpoints")
    await stage.still_answers(player, "PEERS of dead endpoints")
    await stage.player("newcomer")
    await honest(stage, "256 dead endpoints")


@case(
    "hostile/reconnects",
    "Coming and going does no harm",
    description="150 connections are made and closed again, each after one HELLO of a member. On "
    "the last one it says HELLO and PING again.",
    expectation="It is answered, and so are others.",
    clauses=("CONTACT-4", "LIMIT-3"),
    lane=Lane.LAST,
)
async def reconnects(stage: Stage) -> None:
    player = await stage.player("restless")
    hello = player.codec.encode(player.hello())
    for at in range(150):
        player.dial()
        player.throw(hello, what="HELLO on another connection")
        if at % 10 == 9:
            await asyncio.sleep(0.02)
    for _ in range(3):  # HELLOs of earlier connections may still come in, and unbind this one
        await player.join()
        player.mark()
        player.say(Ping(1, stage.session.roster))
        if answered := await player.hear(Pong, lambda m: m.nonce == 1, within=1.0):
            break
    stage.must(answered is not None, "after 150 connections PING is not answered any more")
    await honest(stage, "150 connections")


@case(
    "hostile/pong-flood",
    "PONGs of far rounds move nobody",
    description="A member sends 500 PONGs that name the last round there is.",
    expectation="The peer stays in step with the anchor.",
    clauses=("MEMBER-8", "ROUND-8", "FRAME-13"),
    lane=Lane.LAST,
)
async def pong_flood(stage: Stage) -> None:
    player = await stage.player("liar")
    last = (2**32 - 2) // stage.session.span * stage.session.span
    for nonce in range(1, 501):
        player.say(Pong(nonce, stage.session.roster, last))
    await stage.still_answers(player, "PONGs of far rounds")
    async with stage.anchor.still() as round:
        after = await stage.anchor.advance()
    step = after - round
    stage.must(step == stage.session.span, f"round {after} follows on round {round}")


@case(
    "hostile/strangers",
    "A thousand newcomers do not push out a member",
    description="1,100 new identities say HELLO on one connection, one after another; the peer "
    "knows 1,024 members at most.",
    expectation="The anchor stays a member: it is answered, and its next ballot closes the round.",
    clauses=("LIMIT-3", "CONTACT-4", "VERDICT-5"),
    lane=Lane.LAST,
)
async def newcomers(stage: Stage) -> None:
    crowd = stage.newcomer("crowd")
    await crowd.listen()
    crowd.dial()
    crowd.silent = True
    async with stage.error_slot():
        for at in range(1100):
            if crowd.sealer is None:
                hello = replace(crowd.hello(), identity=os.urandom(32), instance=os.urandom(8))
                crowd.throw(crowd.codec.encode(hello), what="HELLO of a new identity")
            else:
                crowd.secret = os.urandom(32)
                crowd.reborn()
                crowd.say(crowd.hello())
            if at % 50 == 49:
                await asyncio.sleep(0.02)
        await crowd.hear(Hello, within=5.0)
        await honest(stage, "1,100 new identities")
        async with stage.anchor.still():
            await stage.anchor.advance()
