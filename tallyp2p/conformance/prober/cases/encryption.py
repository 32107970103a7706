"""Encryption: who listens under a key speaks nothing else, and a key speaks for itself alone."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from ....messages import Hello
from ....runtime.raw import Stream
from ..case import Lane, Need, case
from ..stage import Stage

__all__: list[str] = []

_NOTHING = 0.6  # s in which what must not come would have come


@case(
    "hostile/in-clear",
    "Nobody is heard in clear where connections are encrypted",
    description="Plain connections bring a good HELLO: after ZMTP's greeting with the NULL "
    "mechanism, and as the first version of ZMTP wrote frames.",
    expectation="The HELLO is not answered.",
    clauses=("CURVE-1", "CURVE-3", "FRAME-1"),
    lane=Lane.LAST,
    needs=(Need.ENCRYPTED,),
)
async def in_clear(stage: Stage) -> None:
    player = stage.newcomer("stranger")
    await player.listen()
    frame = player.codec.encode(player.hello(met=False))
    long = b"\x02" + len(frame).to_bytes(8, "big") + frame
    old = b"\xff" + (len(frame) + 1).to_bytes(8, "big") + b"\x00" + frame
    for what, data in (("ZMTP 3.0 and NULL", b""), ("ZMTP 1.0", b"\x01\x00" + old)):
        stream = await Stream.open(stage.session.endpoint)
        stage.must(stream is not None, f"the peer does not listen any more, before {what}")
        assert stream is not None
        if not data:
            await stream.handshake(b"\x01" + os.urandom(8), within=1.0)
        stage.log.sent("stranger", frame, f"HELLO, in clear, by {what}")
        await stream.send(data or long)
        await asyncio.sleep(_NOTHING)
        await stream.close()
        stage.must(not player.heard(Hello), f"HELLO is taken in clear, by {what}")


@case(
    "seals/own-key",
    "A connection says HELLO for the key that it has proved, and for no other",
    description="On the encrypted connection of one member the good HELLO of another is said, as "
    "whoever recorded it could; then its own, with the other's endpoint.",
    expectation="They are refused: nobody says HELLO to the other, and the first goes on.",
    clauses=("CURVE-2", "CURVE-5"),
    needs=(Need.PROVED,),
)
async def own_key(stage: Stage) -> None:
    one, two = await stage.player("one"), stage.newcomer("two")
    await two.listen()
    one.throw(two.codec.encode(two.hello(met=False)), what="HELLO of another")
    hello = replace(one.hello(met=False), endpoint=two.endpoint)
    one.throw(one.codec.encode(hello), what="HELLO from another's endpoint")
    await asyncio.sleep(_NOTHING)
    stage.must(not two.heard(Hello), "a HELLO is taken that is another's, or names another's key")
    await stage.still_answers(one, "the HELLO of another on its connection")
