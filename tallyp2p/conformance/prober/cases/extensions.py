"""What nobody knows yet: kinds, codes and keys of later revisions, and grease."""

from __future__ import annotations

from ....errors import Reason
from ....messages import GREASE_KINDS, Error, Hello
from .. import frames
from ..case import Lane, case
from ..stage import Stage
from ..words import reason_name
from .handshake import fields_of

__all__: list[str] = []


@case(
    "extensions/grease",
    "Grease is passed over in silence",
    description="A member sends a frame of each of the eight grease kinds, with 0 to 16 bytes.",
    expectation="Nothing comes back, and PING is answered.",
    clauses=("GREASE-1", "FRAME-10"),
)
async def grease(stage: Stage) -> None:
    player = await stage.player()
    sent = [bytes((kind, 0)) + bytes(range(2 * at)) for at, kind in enumerate(GREASE_KINDS)]
    await stage.in_silence(player, *sent, what="grease")


@case(
    "extensions/private",
    "Kinds from 80 on are passed over in silence",
    description="A member sends frames of kinds from 80 to ff, private ones among them, with "
    "flags that mean something to others, and one of 100,000 bytes.",
    expectation="Nothing comes back, and PING is answered.",
    clauses=("FRAME-10", "EXT-1"),
)
async def private(stage: Stage) -> None:
    player = await stage.player()
    kinds = (0x80, 0x81, 0xBF, 0xC0, 0xC1, 0xFE, 0xFF)
    sent = [bytes((kind, flags)) + b"body" for kind in kinds for flags in (0, 0xFF)]
    await stage.in_silence(player, *sent, what="a kind from 80 to ff")
    await stage.in_silence(player, b"\x80\x00" + bytes(100_000), what="100,000 bytes of kind 80")


@case(
    "extensions/unknown-kinds",
    "Unknown kinds below 80 are answered by ERROR TYPE",
    description="A member sends frames of the kinds 00, 07, 0f, 14 and 7f.",
    expectation="ERROR TYPE comes, once a second at most; PING is answered.",
    clauses=("FRAME-10", "VERDICT-2"),
    lane=Lane.ERRORS,
)
async def unknown_kinds(stage: Stage) -> None:
    player = await stage.player()
    async with stage.error_slot():
        player.mark()
        for kind in (0x00, 0x07, 0x0F, 0x14, 0x7F):
            player.throw(bytes((kind, 0)) + b"body", what=f"a frame of kind {kind:02x}")
            await stage.still_answers(player, f"kind {kind:02x}")
        error = await player.hear(Error, within=0.8)
    stage.should(error is not None, "an unknown kind below 80 is not answered by ERROR")
    if error is not None:
        named = reason_name(error.code)
        stage.should(error.code == Reason.TYPE, f"it is answered by ERROR {named}, not TYPE")


@case(
    "extensions/hello-keys",
    "Keys that nobody knows may come later too",
    description="A member says HELLO again with grease and private keys, sorted among the others.",
    expectation="It is accepted, and answered by HELLO.",
    clauses=("HELLO-4", "GREASE-1", "EXT-1"),
)
async def hello_keys(stage: Stage) -> None:
    player = await stage.player()
    extra: dict[str, frames.Value] = {
        "grease-0a0a": {"": None},
        "grease-fa1e": list(range(64)),
        "x-" + "k" * 60: -(2**31) - 1,
        "é": b"",
    }
    player.mark()
    frame = player.signed(frames.hello(fields_of(player) | extra))
    player.throw(frame, what="HELLO with keys that nobody knows")
    await player.expect(Hello, what="HELLO in answer to one with unknown keys")
    await player.ping()


@case(
    "extensions/error-codes",
    "Codes of ERROR that nobody knows do no harm",
    description="A member sends ERRORs with the codes 0, 99, 199 and 255.",
    expectation="Nothing comes back, and PING is answered.",
    clauses=("VERDICT-6", "ERROR-2", "ERROR-3"),
)
async def error_codes(stage: Stage) -> None:
    player = await stage.player()
    sent = [player.codec.encode(Error(code, "a later reason")) for code in (0, 99, 199, 255)]
    await stage.in_silence(player, *sent, what="an ERROR with an unknown code")
