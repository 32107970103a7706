"""Strangers that mean harm, one at a time."""

from __future__ import annotations

import asyncio
import os

from ....errors import Reason
from ....messages import Bye, Error, Hello, Ping, Pong
from ....runtime.raw import Stream, greeting, header
from ....wire.hello import endpoint_key
from .. import frames
from ..case import Lane, case
from ..stage import Stage
from .handshake import fields_of

__all__: list[str] = []

_HTTP = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
_TLS = bytes.fromhex("16030100c8010000c40303") + bytes(189)
_MUCH = 8 * 2**20  # bytes of one frame that a bounded receiver never takes; the limit is 262,144


@case(
    "hostile/multipart",
    "A message of several frames is refused",
    description="A member sends messages of 2 and of 200 frames, whose first is a sound ballot.",
    expectation="None of the frames is kept; ERROR MALFORMED comes, and PING is answered.",
    clauses=("FRAME-4", "VERDICT-1", "VERDICT-3"),
    lane=Lane.ERRORS,
)
async def multipart(stage: Stage) -> None:
    player = await stage.player()
    round = stage.ahead(5)
    sound = player.codec.encode(player.ballot(round))
    async with stage.error_slot():
        player.mark()
        player.throw(sound, b"", what="a message of two frames")
        await stage.still_answers(player, "a message of two frames")
        player.throw(*[sound] * 200, what="a message of 200 frames")
        await stage.still_answers(player, "a message of 200 frames")
        await stage.error_for(player, "a message of several frames", Reason.MALFORMED)
    held = await stage.holds(player, player.author, round)
    stage.must(not held, "the first frame of a message of several is kept")


@case(
    "hostile/multipart-hello",
    "HELLO in several frames is no HELLO",
    description="A newcomer says HELLO in the first of two frames.",
    expectation="Nobody is met.",
    clauses=("FRAME-4",),
)
async def multipart_hello(stage: Stage) -> None:
    player = stage.newcomer()
    await player.listen()
    player.dial()
    player.throw(player.codec.encode(player.hello(met=False)), b"and more", what="HELLO and more")
    greeted = await player.hear(Hello, within=0.5)
    stage.must(greeted is None, "a HELLO with a second frame is answered")
    await player.join()


@case(
    "hostile/garbage",
    "What is no ZMTP harms nobody",
    description="Plain connections bring 64 KiB of random bytes, an HTTP request, a TLS greeting, "
    "half a ZMTP greeting, and nothing at all.",
    expectation="PING of a member is answered after each.",
    clauses=("FRAME-1", "LIMIT-1"),
    lane=Lane.LAST,
)
async def garbage(stage: Stage) -> None:
    player = await stage.player("honest")
    brought = {
        "random bytes": os.urandom(65_536),
        "an HTTP request": _HTTP,
        "a TLS greeting": _TLS,
        "half a ZMTP greeting": greeting()[:31],
        "a ZMTP greeting and garbage": greeting() + os.urandom(500),
        "nothing": b"",
    }
    open_streams: list[Stream] = []
    for what, data in brought.items():
        stream = await Stream.open(stage.session.endpoint)
        stage.must(stream is not None, f"the peer does not listen any more, before {what}")
        assert stream is not None
        open_streams.append(stream)
        stage.log.sent("stranger", data[:64], f"{what}, {len(data)} bytes on a plain connection")
        await stream.send(data)
        await stage.still_answers(player, what)
    for stream in open_streams:
        await stream.close()


@case(
    "hostile/huge-frame",
    "A frame that claims 4 GiB is not taken",
    description="On a connection by hand, a frame's header says 4 GiB, and 8 MiB follow.",
    expectation="The peer does not take them all: it ends the connection. PING is answered.",
    clauses=("FRAME-5", "LIMIT-1"),
    lane=Lane.LAST,
)
async def huge_frame(stage: Stage) -> None:
    player = await stage.player("honest")
    stream = await Stream.open(stage.session.endpoint)
    stage.must(stream is not None, "the peer does not listen any more")
    assert stream is not None
    shaken = await stream.handshake(b"\x01" + os.urandom(8))
    clear = not endpoint_key(stage.session.endpoint)  # else it must not, and takes less still
    stage.must(shaken or not clear, "the peer does not shake hands as ZMTP 3.0")
    stage.log.sent("stranger", header(2**32), "the header of a frame of 4 GiB")
    taken = await stream.send(header(2**32))
    for _ in range(_MUCH // 2**18):
        taken = taken and await stream.send(bytes(2**18))
    ended = not taken or await stream.ended(0.5)
    await stream.close()
    stage.must(ended, "8 MiB of a frame that claims 4 GiB are taken")
    await stage.still_answers(player, "a frame that claims 4 GiB")


@case(
    "hostile/long-frame",
    "A frame above the limit is not taken",
    description="A member sends a frame of 300,000 bytes (the limit is 262,144).",
    expectation="It is refused, or breaks the connection; once that is there again, PING is "
    "answered.",
    clauses=("FRAME-5", "FRAME-8", "LIMIT-1", "LIMIT-2"),
    lane=Lane.ERRORS,
)
async def long_frame(stage: Stage) -> None:
    player = await stage.player()
    async with stage.error_slot():
        player.throw(b"\x04\x00" + bytes(300_000), what="a frame of 300,000 bytes")
        await asyncio.sleep(0.2)
        for _ in range(6):  # the connection may have to be made again
            player.mark()
            player.say(Ping(7, stage.session.roster))
            if await player.hear(Pong, lambda m: m.nonce == 7, within=1.0):
                return
    stage.must(False, "after a frame of 300,000 bytes PING is not answered any more")


@case(
    "hostile/routing-id",
    "A routing id cannot be taken over",
    description="A stranger connects under a member's routing id, and sends BYE and PING.",
    expectation="Neither is taken for the member's: its own PING is answered, the stranger's not.",
    clauses=("FRAME-3",),
)
async def routing_id(stage: Stage) -> None:
    name = b"\x01" + os.urandom(8)
    victim = stage.newcomer("victim")
    await victim.listen()
    victim.dial(name)
    await victim.join()
    thief = stage.session.raw.line(stage.session.endpoint, name, victim.encryption)
    try:
        for frame in (Ping(0x0BAD0BAD, 0), Bye(None, 0)):
            stage.log.sent("thief", victim.codec.encode(frame), type(frame).__name__.upper())
            thief.send(victim.codec.encode(frame))
        await asyncio.sleep(0.4)
        await stage.still_answers(victim, "somebody took over its routing id")
        stolen = victim.heard(Pong, lambda m: m.nonce == 0x0BAD0BAD)
        stage.must(not stolen, "a PING under another's routing id is taken for that one's")
    finally:
        thief.close(0)


@case(
    "hostile/errors",
    "ERROR is never answered by ERROR",
    description="A member sends 300 ERRORs of all reasons.",
    expectation="Nothing comes back, and PING is answered.",
    clauses=("ERROR-2", "ERROR-3", "VERDICT-4"),
    lane=Lane.ERRORS,
)
async def errors(stage: Stage) -> None:
    player = await stage.player()
    codes = [reason.value for reason in Reason]
    sent = [player.codec.encode(Error(codes[at % len(codes)], "x")) for at in range(300)]
    await stage.in_silence(player, *sent, what="a flood of ERRORs")


@case(
    "hostile/error-rate",
    "No more than one ERROR a second",
    description="Two members send 120 frames that must be refused, and a stranger HELLOs of "
    "another run, for two seconds.",
    expectation="Three ERRORs come at most, to all of them together.",
    clauses=("VERDICT-4", "CONTACT-3"),
    lane=Lane.ERRORS,
)
async def error_rate(stage: Stage) -> None:
    players = [await stage.player("first"), await stage.player("second")]
    stranger = stage.newcomer("stranger")
    await stranger.listen()
    stranger.dial()
    async with stage.error_slot():
        for player in players:
            player.mark()
        for _ in range(20):
            for player in players:
                for _ in range(3):
                    player.throw(b"\x04\x00\x00", what="PING that is too short")
            fields = fields_of(stranger, run=os.urandom(32))
            stranger.throw(frames.hello(fields), what="HELLO of another run")
            await asyncio.sleep(0.1)
        await stage.still_answers(players[0], "a flood of frames that must be refused")
        times = sorted(s.at for p in (*players, stranger) for s in p.heard(Error))
    stage.should(bool(times), "none of the frames that must be refused is answered by ERROR")
    stage.must(len(times) <= 3, f"{len(times)} ERRORs came within two seconds")
