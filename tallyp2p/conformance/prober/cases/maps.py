"""HELLO in another form than the one that the text allows."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import Reason
from ....messages import Hello
from ....parameters import LIMITS
from .. import frames
from ..case import Lane, case
from ..player import Player
from ..stage import Stage
from .handshake import fields_of

__all__: list[str] = []

Bad = tuple[bytes, str]


def swapped(player: Player, **changes: frames.Value) -> dict[str, frames.Value]:
    """A map that names another life of the player, so that it would not pass unnoticed."""
    return fields_of(player, **{"instance": b"another.", "met": False, **changes})


def by_hand(items: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A map of packed keys and values, in this order."""
    assert len(items) < 16
    return bytes((0x80 + len(items),)) + b"".join(key + value for key, value in items)


def forms(player: Player) -> list[Bad]:
    """Right in content, wrong in form."""
    fields = swapped(player)
    items = [(frames.pack(key), frames.pack(fields[key])) for key in sorted(fields)]
    longer = dict(items) | {frames.pack("known"): b"\xcd\x00\x07"}
    wide = b"\xde" + len(items).to_bytes(2, "big") + b"".join(k + v for k, v in items)
    long_key = [(b"\xd9\x05agent" if k == frames.pack("agent") else k, v) for k, v in items]
    return [
        (by_hand(items[::-1]), "a map whose keys descend"),
        (by_hand([*items, items[-1]]), "a map with a key twice"),
        (by_hand(list(longer.items())), "a map with the number 7 in three bytes"),
        (wide, "a map of 8 keys with the header for many"),
        (by_hand(long_key), "a map with a longer key than needed"),
        (by_hand(items) + b"\xc0", "a map with a byte behind it"),
        (by_hand(items)[:-1], "a map that ends early"),
        (b"\x93\x01\x02\x03", "an array where the map should be"),
        (b"", "no map at all"),
    ]


def values(player: Player) -> list[Bad]:
    """Values that MAP-2 does not allow, under a key that nobody knows."""

    def with_extra(value: frames.Value) -> bytes:
        return frames.pack(swapped(player, zz=value))

    deep: frames.Value = 1
    for _ in range(4):
        deep = [deep]
    many: list[frames.Value] = [0] * 65
    return [
        (with_extra(frames.Verbatim(b"\xca\x3f\x80\x00\x00")), "a map with a float"),
        (with_extra(frames.Verbatim(b"\xcb" + bytes(8))), "a map with a float of 8 bytes"),
        (with_extra(frames.Verbatim(b"\xd4\x01\x00")), "a map with an extension"),
        (with_extra(frames.Verbatim(b"\xa2\xff\xfe")), "a map with a string that is not UTF-8"),
        (with_extra(deep), "a map that nests five deep"),
        (with_extra(many), "a map with an array of 65"),
        (with_extra({"b": frames.Verbatim(b"\xcc\x01")}), "a map in a map, in another form"),
        (with_extra(frames.Verbatim(b"\xdd\xff\xff\xff\xff")), "a map that claims 2^32 items"),
        (with_extra(frames.Verbatim(b"\xc6\xff\xff\xff\xff")), "a map that claims 4 GiB"),
    ]


def contents(player: Player) -> list[Bad]:
    """Keys that are missing, or whose value is not as the table says."""
    whole = swapped(player)
    lacking = [key for key in whole if key not in ("versions",)]
    made: list[Bad] = [
        (frames.pack({k: v for k, v in whole.items() if k != key}), f"a map without {key}")
        for key in lacking
    ]
    wrong: dict[str, frames.Value] = {
        "agent": "x" * (LIMITS.text + 1),
        "identity": bytes(31),
        "instance": bytes(9),
        "run": player.session.run.digest.hex(),
        "known": -1,
        "met": 1,
        "start": 2**32 - 1,
        "round": "5",
        "held": None,
        "versions": [2, 1],
    }
    made += [
        (frames.pack(swapped(player, **{k: v})), f"a map with {k} wrong") for k, v in wrong.items()
    ]
    return made


def endpoints(player: Player) -> list[Bad]:
    """Endpoints that are none."""
    wrong = (
        "tcp://0.0.0.0:5555",
        "tcp://[::]:5555",
        "tcp://*:5555",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:05555",
        "tcp://127.0.0.1",
        "udp://127.0.0.1:5555",
        "ipc://",
        "ipc://" + "x" * 250,
        "",
    )
    return [(frames.pack(swapped(player, endpoint=e)), f"a HELLO from {e[:40]!r}") for e in wrong]


def _hello(
    id: str, title: str, made: list[str], clauses: tuple[str, ...], reason: Reason = Reason.MAP
) -> None:
    @case(
        f"malformed/{id}",
        title,
        description=f"A member says HELLO again, with another instance and in a wrong way: "
        f"{', '.join(made)}.",
        expectation=f"Each is dropped: no HELLO answers it, and the member is who it was. One is "
        f"answered by ERROR {reason.name}.",
        clauses=(*clauses, "VERDICT-1", "VERDICT-3", "VERDICT-5"),
        lane=Lane.ERRORS,
    )
    async def play(stage: Stage) -> None:
        player = await stage.player()
        async with stage.error_slot():
            for body, what in _MADE[id](player):
                player.mark()
                player.throw(player.signed(frames.hello(body)), what=what)
                await _still_who_it_was(stage, player, what)
            player.mark(0)
            await stage.error_for(player, title, reason)

    del play


async def _still_who_it_was(stage: Stage, player: Player, what: str) -> None:
    """PONG comes on the line to the first instance: a new instance would mean a new line."""
    links = {seen.link for seen in player.seen}
    await stage.still_answers(player, what)
    new = [seen for seen in player.seen if seen.link not in links]
    stage.must(not new, f"{what} has made the peer open a new line")


_MADE = {"map-form": forms, "map-values": values, "map-fields": contents, "map-endpoint": endpoints}
_hello(
    "map-form",
    "HELLO whose map has another form",
    ["keys that descend, or come twice", "longer encodings than needed", "bytes after the map"],
    ("MAP-1", "MAP-3", "MAP-4", "FRAME-11"),
)
_hello(
    "map-values",
    "HELLO with values that no map may have",
    ["floats", "extensions", "strings that are not UTF-8", "five levels", "65 items"],
    ("MAP-2", "MAP-4", "LIMIT-1"),
)
_hello(
    "map-fields",
    "HELLO with keys that are missing or wrong",
    ["each key left out", "each key of another type or size"],
    ("HELLO-2", "HELLO-3", "FRAME-13"),
)
_hello(
    "map-endpoint",
    "HELLO from an endpoint that is none",
    ["wildcards", "ports that are none", "other schemes", "255 bytes exceeded"],
    ("ENDPOINT-1", "ENDPOINT-2", "ENDPOINT-4"),
)


@case(
    "malformed/hello-magic",
    "HELLO without the magic bytes",
    description="A newcomer says HELLO with other five bytes in place of TALLY, and then PING.",
    expectation="It is dropped: no HELLO comes, and no PONG.",
    clauses=("HELLO-1", "VERDICT-2"),
)
async def hello_magic(stage: Stage) -> None:
    player = stage.newcomer()
    await player.listen()
    player.dial()
    frame = frames.hello(fields_of(player), magic=b"TALLI")
    player.throw(player.signed(frame), what="HELLO with TALLI")
    greeted = await player.hear(Hello, within=0.5)
    stage.must(greeted is None, "a HELLO without the magic bytes is answered")
    await player.join()


@case(
    "malformed/hello-long",
    "HELLO of more than 4,096 bytes",
    description="A newcomer says HELLO with so many unknown keys that it is too long.",
    expectation="It is dropped: no HELLO comes.",
    clauses=("FRAME-8", "LIMIT-1", "LIMIT-2"),
)
async def hello_long(stage: Stage) -> None:
    player = stage.newcomer()
    await player.listen()
    player.dial()
    extra: dict[str, frames.Value] = {f"x-{index:02d}": b"x" * 120 for index in range(40)}
    frame = player.signed(frames.hello(fields_of(player) | extra))
    player.throw(frame, what=f"HELLO of {len(frame)} bytes")
    greeted = await player.hear(Hello, within=0.5)
    stage.must(greeted is None, f"a HELLO of {len(frame)} bytes is answered")
    await player.join()
