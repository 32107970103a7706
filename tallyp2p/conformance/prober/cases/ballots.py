"""Ballots that break a rule: each is refused, and none is held."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from ....bits import pack, packed_size
from ....errors import Reason
from ....messages import Error
from ....parameters import Ids, Seal
from .. import frames
from ..case import Lane, Need, case
from ..player import Player
from ..stage import Stage

__all__: list[str] = []

Bad = tuple[bytes, str]
Made = Callable[[Player, int], Sequence[Bad]]

_IDS = 0x02


class Parts:
    """A sound ballot in pieces, so that one can be changed."""

    def __init__(self, player: Player, round: int) -> None:
        run = player.session.run
        self.player, self.round = player, round
        self.flags = _IDS if run.ids is Ids.EXPLICIT else 0
        self.author = b""
        size = 64 if run.seal is Seal.ED25519 else 0
        body = player.codec.encode(player.ballot(round))[6:]
        body = body[:-size] if size else body
        count = packed_size(run.votes, run.bits)
        self.ids, self.votes = body[:-count], body[-count:]

    def frame(self) -> bytes:
        """All together, signed where runs are."""
        body = self.author + self.ids + self.votes
        return self.player.signed(frames.vote(self.round, body, self.flags))


def refusal(
    id: str,
    title: str,
    made: Made,
    reason: Reason,
    clauses: tuple[str, ...],
    needs: tuple[Need, ...] = (),
    *others: Reason,
) -> None:
    """Enter a case: a member sends the ballots that `made` gives for a round.

    `others`: reasons that fit as well, in some runs (FRAME-15).
    """

    @case(
        f"malformed/{id}",
        title,
        description=f"A member sends a ballot that is wrong in one way only: "
        f"{title[0].lower()}{title[1:]}. Then it asks for it.",
        expectation=f"It is dropped, and not held; PING is answered, and ERROR "
        f"{reason.name} comes.",
        clauses=(*clauses, "VERDICT-1", "VERDICT-3"),
        lane=Lane.ERRORS,
        needs=needs,
    )
    async def play(stage: Stage) -> None:
        player = await stage.player()
        round = stage.ahead(5)
        async with stage.error_slot():
            for frame, what in made(player, round):
                player.throw(frame, what=what)
                await stage.still_answers(player, what)
                held = await stage.holds(player, player.author, round)
                stage.must(not held, f"{what} is held, though it must be refused")
            await stage.error_for(player, title, reason, *others)


# --- lengths, padding, labels --------------------------------------------------------------------


def _short(player: Player, round: int) -> Sequence[Bad]:
    return [
        (
            player.signed(b"\x10\x00" + round.to_bytes(4, "big")[:3]),
            "a VOTE that ends in its round",
        ),
        (b"\x10\x00", "a VOTE of its header"),
    ]


def _length(player: Player, round: int) -> Sequence[Bad]:
    less, more, none = (Parts(player, round) for _ in range(3))
    less.votes, more.votes, none.votes = less.votes[:-1], more.votes + b"\0", b""
    return [
        (less.frame(), "a ballot with a byte of votes too few"),
        (more.frame(), "a ballot with a byte of votes too many"),
        (none.frame(), "a ballot without votes"),
    ]


def _padding(player: Player, round: int) -> Sequence[Bad]:
    parts = Parts(player, round)
    parts.votes = parts.votes[:-1] + bytes((parts.votes[-1] | 1,))
    return [(parts.frame(), "a ballot whose last bit of padding is 1")]


def _label(player: Player, round: int) -> Sequence[Bad]:
    run = player.session.run
    made = []
    for at, label in ((0, run.highest_label + 1), (run.votes - 1, 2**run.bits - 1)):
        parts = Parts(player, round)
        labels = [0] * run.votes
        labels[at] = label
        parts.votes = pack(labels, run.bits)
        made.append((parts.frame(), f"a ballot with the label {label}, above {run.highest_label}"))
    return made


_CUT = (Reason.IDS, Reason.SEAL, Reason.MALFORMED)
refusal("vote-short", "A VOTE that is too short", _short, Reason.LENGTH, ("FRAME-12",), (), *_CUT)
refusal("vote-length", "Votes of another length", _length, Reason.LENGTH, ("VOTE-4", "BITS-2"))
refusal(
    "padding", "Padding that is not zero", _padding, Reason.PADDING, ("BITS-2",), (Need.PADDING,)
)
refusal("label", "A label that is too high", _label, Reason.LABEL, ("BITS-3",), (Need.SPARE_LABEL,))


# --- authors and flags ---------------------------------------------------------------------------


def _own_author(player: Player, round: int) -> Sequence[Bad]:
    parts = Parts(player, round)
    parts.author = player.identity if player.sealer else player.author
    parts.flags |= 0x01
    return [(parts.frame(), "an own ballot with its author written out")]


def _cut_author(player: Player, round: int) -> Sequence[Bad]:
    frame = frames.vote(round, b"1234567", 0x01 | Parts(player, round).flags)
    return [(frame if player.sealer is None else player.signed(frame), "a VOTE cut in its author")]


def _flags(player: Player, round: int) -> Sequence[Bad]:
    made = []
    for flag in (0x08, 0x80):
        parts = Parts(player, round)
        parts.flags |= flag
        made.append((parts.frame(), f"a ballot with flag {flag:02x}"))
    return made


refusal("vote-own-author", "The own author written out", _own_author, Reason.AUTHOR, ("VOTE-1",))
refusal(
    "vote-author", "A VOTE cut in its author", _cut_author, Reason.LENGTH, ("FRAME-12",), (), *_CUT
)
refusal("vote-flags", "A ballot with unknown flags", _flags, Reason.MALFORMED, ("FRAME-9",))


# --- ids -----------------------------------------------------------------------------------------


def _ids_flag(player: Player, round: int) -> Sequence[Bad]:
    run, parts = player.session.run, Parts(player, round)
    parts.flags ^= _IDS
    parts.ids = b"" if run.ids is Ids.EXPLICIT else struct.pack(">BIH", 1, 0, run.votes)
    return [(parts.frame(), "a ballot whose flag 02 is not as the run says")]


def _gaps(ids: Sequence[int]) -> bytes:
    """Form 2."""
    out, before = bytearray(struct.pack(">BH", 2, len(ids))), -1
    for id in ids:
        gap, before = id - before - 1, id
        while gap > 0x7F:
            out.append(gap & 0x7F | 0x80)
            gap >>= 7
        out.append(gap)
    return bytes(out)


def _with(player: Player, round: int, ids: bytes, count: int) -> bytes:
    run, parts = player.session.run, Parts(player, round)
    parts.ids, parts.votes = ids, pack([0] * count, run.bits) if count else b""
    return parts.frame()


def _ids_form(player: Player, round: int) -> Sequence[Bad]:
    return [
        (_with(player, round, _gaps([0]), 1), "a single id as gaps"),
        (_with(player, round, b"\x03\x00\x01\x00", 1), "ids in form 3"),
        (_with(player, round, b"\x02\x00\x01\x80\x00", 1), "a gap in two bytes that needs one"),
        (
            _with(player, round, b"\x02\x00\x01\xff\xff\xff\xff\xff\x0f", 1),
            "a gap of too many bits",
        ),
        (_with(player, round, struct.pack(">BIH", 1, 0, 0), 0), "a range of no ids"),
        (_with(player, round, b"\x02\x00\x00", 0), "gaps of no ids"),
    ]


def _ids_range(player: Player, round: int) -> Sequence[Bad]:
    run = player.session.run
    count = run.votes + 1
    many = struct.pack(">BIH", 1, 0, count) if count < 2**16 else struct.pack(">BIH", 1, 0, 1)
    beyond = struct.pack(">BIH", 1, run.pool, 1)
    made = [(_with(player, round, beyond, 1), f"the id {run.pool} in a pool of {run.pool}")]
    if count <= run.pool and count < 2**16:
        made.append(
            (_with(player, round, many, count), f"{count} ids where {run.votes} are allowed")
        )
    return made


refusal("ids-flag", "Ids where the run says otherwise", _ids_flag, Reason.IDS, ("VOTE-2",))
refusal(
    "ids-form",
    "Ids in another form",
    _ids_form,
    Reason.IDS,
    ("IDS-2", "IDS-3"),
    (Need.EXPLICIT,),
)
refusal(
    "ids-range", "Ids that are not allowed", _ids_range, Reason.IDS, ("IDS-1",), (Need.EXPLICIT,)
)


@case(
    "malformed/vote-round",
    "A ballot for what is no round",
    description="A member sends ballots for the round ffffffff and, where ballots cover several "
    "rounds, for one in the middle of a ballot.",
    expectation="They are ignored, without ERROR, and not held.",
    clauses=("VOTE-3", "VERDICT-2", "FRAME-13"),
    lane=Lane.ERRORS,
)
async def vote_round(stage: Stage) -> None:
    player = await stage.player()
    rounds = [2**32 - 1]
    if stage.session.span > 1:
        rounds.append(stage.ahead(5) + 1)
    async with stage.error_slot():
        for round in rounds:
            parts = Parts(player, stage.ahead(5))
            parts.round = round
            player.mark()
            player.throw(parts.frame(), what=f"a ballot for round {round}")
            await stage.still_answers(player, f"a ballot for round {round}")
            error = await player.hear(Error, within=0.2)
            stage.should(error is None, f"a ballot for round {round} is answered by ERROR")
            held = await stage.holds(player, player.author, round)
            stage.must(not held, f"a ballot for round {round} is held")
