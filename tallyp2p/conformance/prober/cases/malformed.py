"""Frames that break a rule of chapters 2 and 3: each is refused, and harms nothing."""

from __future__ import annotations

import os
import struct
from collections.abc import Awaitable, Callable, Sequence

from ....errors import Reason
from ....messages import Error, Hello, Kind, Ping, Pong
from ....parameters import LIMITS
from .. import frames
from ..case import Lane, Need, case
from ..player import Player
from ..stage import Stage

__all__ = ["Bad", "Made", "refusal"]

Bad = tuple[bytes, str]
"""(a frame, what is wrong with it)."""

Made = Callable[[Stage, Player], Sequence[Bad]]
Check = Callable[[Stage, Player], Awaitable[None]]
_EXPECTATION = (
    "Each is dropped whole: PING is answered, and nothing else comes of it. One of them at least "
    "is answered by ERROR {reason}, and no more than one a second."
)


async def nothing(stage: Stage, player: Player) -> None:
    """What `still_answers` shows is enough."""


def refusal(
    id: str,
    title: str,
    made: Made,
    reason: Reason,
    clauses: tuple[str, ...],
    *,
    check: Check = nothing,
    needs: tuple[Need, ...] = (),
    optional: bool = False,
) -> None:
    """Enter a case: a member sends the frames that `made` gives.

    `optional`: the kind is one that the peer need not know, and then it says TYPE.
    """

    @case(
        f"malformed/{id}",
        title,
        description=f"A member sends what is wrong in one way: {title[0].lower()}{title[1:]}.",
        expectation=_EXPECTATION.format(reason=reason.name),
        clauses=(*clauses, "VERDICT-1", "VERDICT-3", "VERDICT-5"),
        lane=Lane.ERRORS,
        needs=needs,
    )
    async def play(stage: Stage) -> None:
        player = await stage.player()
        bad = made(stage, player)
        async with stage.error_slot():
            player.mark()
            for frame, what in bad:
                player.throw(frame, what=what)
                await stage.still_answers(player, what)
            error = await player.hear(Error, within=0.8)
            if optional and error is not None and error.code == Reason.TYPE:
                stage.lacks(f"{title} is answered by ERROR TYPE: a kind that the peer leaves out")
            else:
                await stage.error_for(player, f"{title} ({bad[0][1]})", reason)
        await check(stage, player)


# --- what every frame has ---------------------------------------------------------------------


def _short(stage: Stage, player: Player) -> Sequence[Bad]:
    return [(b"", "an empty frame"), (bytes((Kind.PING,)), "a frame of one byte")]


def _flags(stage: Stage, player: Player) -> Sequence[Bad]:
    ping = player.codec.encode(Ping(0x0BAD0BAD, 0))
    wanted = frames.want((stage.subject.author, 0))
    return [
        (bytes((ping[0], 0x01)) + ping[2:], "PING with flag 01"),
        (bytes((wanted[0], 0x80)) + wanted[2:], "WANT with flag 80"),
    ]


async def _no_pong(stage: Stage, player: Player) -> None:
    answered = player.heard(Pong, lambda m: m.nonce == 0x0BAD0BAD)
    stage.must(not answered, "a PING that is refused is answered")


refusal("short", "Less than a header", _short, Reason.MALFORMED, ("FRAME-7",))
refusal(
    "flags",
    "Flags that a kind does not have",
    _flags,
    Reason.MALFORMED,
    ("FRAME-9",),
    check=_no_pong,
)


# --- lengths ----------------------------------------------------------------------------------


def _fixed(stage: Stage, player: Player) -> Sequence[Bad]:
    ping, pong = b"\x04\x00\x0b\xad\x0b\xad", b"\x05\x00\x00\x00\x00\x01" + bytes(4)
    return [
        (ping + bytes(3), "PING of 9 bytes"),
        (ping + bytes(5), "PING of 11 bytes"),
        (pong + bytes(3), "PONG of 13 bytes"),
        (pong + bytes(5), "PONG of 15 bytes"),
    ]


def _entries(stage: Stage, player: Player) -> Sequence[Bad]:
    me = stage.subject.author
    return [
        (frames.want((me, 0)) + b"\0", "WANT with one byte too many"),
        (frames.want((me, 0))[:-1], "WANT with one byte too few"),
    ]


def _many_wanted(stage: Stage, player: Player) -> Sequence[Bad]:
    entry = (player.author, stage.ahead(0))
    count = LIMITS.want + 1
    return [(frames.want(*[entry] * count), f"WANT of {count} entries")]


def _parts(stage: Stage, player: Player) -> Sequence[Bad]:
    head = struct.pack(">I", stage.ahead(0))
    return [
        (b"\x11\x00" + bytes(21), "DIGEST with 21 bytes of 22"),
        (b"\x12\x00" + head + bytes(23), "HAVE with 23 bytes of 24"),
        (b"\x12\x00" + head[:3], "HAVE that ends within its round"),
    ]


def _many_listed(stage: Stage, player: Player) -> Sequence[Bad]:
    authors = sorted({os.urandom(8) for _ in range(LIMITS.have + 1)})
    listed = b"".join(author + bytes(16) for author in authors)
    head = struct.pack(">I", stage.ahead(0))
    return [
        (b"\x12\x00" + head + listed, f"HAVE of {len(authors)} entries"),
        (b"\x11\x00" + bytes(22 * (LIMITS.digest + 1)), f"DIGEST of {LIMITS.digest + 1} entries"),
    ]


def _unordered(stage: Stage, player: Player) -> Sequence[Bad]:
    head = b"\x12\x00" + struct.pack(">I", stage.ahead(0))
    one, two = sorted((os.urandom(8), os.urandom(8)))
    return [
        (head + two + bytes(16) + one + bytes(16), "HAVE with authors that descend"),
        (head + one + bytes(16) + one + bytes(16), "HAVE with one author twice"),
    ]


refusal(
    "ping-length",
    "PING and PONG of another length",
    _fixed,
    Reason.LENGTH,
    ("FRAME-12",),
    check=_no_pong,
)
refusal("want-length", "WANT with a part of an entry", _entries, Reason.LENGTH, ("WANT-1",))
refusal(
    "want-many", "WANT with too many entries", _many_wanted, Reason.LIMIT, ("WANT-1", "LIMIT-2")
)
refusal(
    "parts",
    "DIGEST and HAVE with a part of an entry",
    _parts,
    Reason.LENGTH,
    ("DIGEST-1", "HAVE-1"),
    optional=True,
)
refusal(
    "many-listed",
    "DIGEST and HAVE with too many entries",
    _many_listed,
    Reason.LIMIT,
    ("DIGEST-1", "HAVE-1", "LIMIT-2"),
    optional=True,
)
refusal(
    "have-order",
    "HAVE with authors that do not ascend",
    _unordered,
    Reason.MALFORMED,
    ("HAVE-2",),
    optional=True,
)


# --- texts and endpoints ------------------------------------------------------------------------


def _bye(stage: Stage, player: Player) -> Sequence[Bad]:
    return [
        (player.signed(b"\x02\x00\x00\xff\xff"), "BYE that ends within its last round"),
        (player.signed(b"\x02\x00"), "BYE without a code"),
    ]


def _bye_text(stage: Stage, player: Player) -> Sequence[Bad]:
    head = b"\x02\x00\x00\xff\xff\xff\xff"
    return [(player.signed(head + b"x" * (LIMITS.text + 1)), "BYE with 513 bytes of text")]


def _bye_bytes(stage: Stage, player: Player) -> Sequence[Bad]:
    head = b"\x02\x00\x00\xff\xff\xff\xff"
    return [
        (player.signed(head + b"\xff\xfe"), "BYE with a text of ff fe"),
        (player.signed(head + b"\xed\xa0\x80"), "BYE with half a surrogate"),
    ]


def _peers(*endpoints: bytes, count: int | None = None) -> bytes:
    listed = b"".join(bytes((len(e),)) + e for e in endpoints)
    return bytes((Kind.PEERS, 0, len(endpoints) if count is None else count)) + listed


def _many_peers(stage: Stage, player: Player) -> Sequence[Bad]:
    return [(_peers(*[b"ipc://x"] * (LIMITS.peers + 1)), "PEERS with 65 endpoints")]


def _cut_peers(stage: Stage, player: Player) -> Sequence[Bad]:
    return [
        (_peers(b"ipc://x", count=2), "PEERS with one endpoint of two"),
        (_peers(b"ipc://x") + b"\0", "PEERS with a byte too many"),
        (b"\x06\x00", "PEERS without a count"),
        (_peers(b"ipc://x")[:-1], "PEERS that ends within an endpoint"),
    ]


refusal("bye-short", "BYE that is too short", _bye, Reason.LENGTH, ("FRAME-12",))
refusal("bye-long", "BYE with a text that is too long", _bye_text, Reason.LIMIT, ("BYE-1",))
refusal("bye-bytes", "BYE with a text that is not UTF-8", _bye_bytes, Reason.MALFORMED, ("BYE-1",))
refusal("peers-many", "PEERS with too many endpoints", _many_peers, Reason.LIMIT, ("PEERS-1",))
refusal("peers-length", "PEERS of another length", _cut_peers, Reason.LENGTH, ("FRAME-12",))


@case(
    "malformed/peers-endpoint",
    "PEERS with something that is no endpoint",
    description="A member sends PEERS with a sound endpoint and one that is none: a wildcard, a "
    "port of 0, another scheme, a space.",
    expectation="The whole message is dropped: the sound endpoint is not dialled.",
    clauses=("PEERS-2", "ENDPOINT-2", "ENDPOINT-4", "VERDICT-1", "VERDICT-3"),
    lane=Lane.ERRORS,
)
async def peers_endpoint(stage: Stage) -> None:
    hidden = stage.newcomer("hidden")
    await hidden.listen()
    player = await stage.player()
    sound = hidden.endpoint.encode()
    wrong = (b"tcp://0.0.0.0:5555", b"tcp://127.0.0.1:0", b"http://127.0.0.1:80", b"ipc://a b", b"")
    async with stage.error_slot():
        player.mark()
        for endpoint in wrong:
            what = f"PEERS with {endpoint.decode()!r}"
            player.throw(_peers(sound, endpoint), what=what)
            await stage.still_answers(player, what)
        await stage.error_for(player, "PEERS with something that is no endpoint", Reason.MALFORMED)
    dialled = await hidden.hear(Hello, within=0.3)
    stage.must(dialled is None, "an endpoint is dialled of a PEERS that must be refused")


@case(
    "malformed/error",
    "ERROR that is malformed is not answered either",
    description="A member sends ERRORs without a code, with a text that is too long, with one that "
    "is not UTF-8, and with flag 04.",
    expectation="They are dropped. No ERROR comes, and PING is answered.",
    clauses=("ERROR-1", "ERROR-2", "VERDICT-1"),
    lane=Lane.ERRORS,
)
async def error(stage: Stage) -> None:
    player = await stage.player()
    bodies = (b"", b"\x0b" + b"x" * (LIMITS.text + 1), b"\x0b\xff")
    sent = [bytes((Kind.ERROR, 0)) + body for body in bodies]
    signed = bytes((Kind.ERROR, 0x04, Reason.RUN)) + bytes(64)
    await stage.in_silence(player, *sent, signed, what="a malformed ERROR")
