"""Cases for VOTE: who, which round, which probes (IDS clauses), and the labels (BITS clauses)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.conformance import reference
from tests.conformance.cases import BASE, EXPLICIT, OTHER, SENDER, VOTES, Case, accept, refuse
from tests.conformance.frames import NONE, Voice, gaps, leb128, span

__all__ = ["ids_cases", "large_cases", "vote_cases", "vote_message"]


def vote_message(round: int, votes: bytes, author: Voice = SENDER, ids: Any = None) -> Case:
    shown = {"round": round, "votes": votes.hex(), "ids": ids}
    return {"kind": "VOTE", "author": author.author.hex(), **shown}


def vote_cases() -> Iterator[Case]:
    for round in (0, 2, 65_536, 2**31, 2**32 - 4):
        message = vote_message(round, VOTES)
        yield accept(
            f"VOTE for round {round}", "VOTE-3 BALLOT-1", SENDER.vote(round, VOTES), message
        )
    three = {**BASE, "rounds_per_ballot": 3, "probes": 1}
    votes = b"\x12\x30"
    for round in (0, 3, 2**32 - 4):
        frame, message = SENDER.vote(round, votes), vote_message(round, votes)
        yield accept(f"VOTE for round {round}, three a ballot", "VOTE-3", frame, message, three)
    for round in (1, 2, 4, 2**32 - 2, NONE):
        name = f"VOTE for round {round}, three a ballot"
        yield refuse("ROUND", name, "VOTE-3", SENDER.vote(round, votes), three)
    one = {**BASE, "rounds_per_ballot": 1, "probes": 3}
    last = SENDER.vote(2**32 - 2, votes)
    yield accept("VOTE, every round", "VOTE-3", last, vote_message(2**32 - 2, votes), one)
    yield refuse("ROUND", "VOTE for ffffffff, every round", "VOTE-3", SENDER.vote(NONE, votes), one)
    relayed = OTHER.vote(6, VOTES, relayed=True)
    message = vote_message(6, VOTES, OTHER)
    yield accept("VOTE of another", "VOTE-1", relayed, message)
    first = relayed[:6] + bytes(8) + relayed[14:]
    nobody = {**message, "author": "00" * 8}
    yield accept("VOTE of the author of zeros", "VOTE-1", first, nobody)
    own = SENDER.vote(6, VOTES, relayed=True)
    yield refuse("AUTHOR", "VOTE of one's own that names its author", "VOTE-1", own)
    for cut in (2, 3, 5):
        yield refuse("LENGTH", f"VOTE of {cut} bytes", "FRAME-12", relayed[:cut])
    yield refuse("LENGTH", "VOTE that ends within its author", "FRAME-12", relayed[:13])
    yield refuse("LENGTH", "VOTE that ends after its author", "VOTE-4", relayed[:14])
    yield refuse("LENGTH", "VOTE of another, a byte less", "VOTE-4", relayed[:-1])
    yield refuse("LENGTH", "VOTE of another, a byte more", "VOTE-4", relayed + b"\x00")
    yield refuse("LENGTH", "VOTE without votes", "VOTE-4", SENDER.vote(6, b""))
    yield refuse("LENGTH", "VOTE and a ballot more", "VOTE-4", SENDER.vote(6, VOTES * 2))
    named = SENDER.vote(6, VOTES, span(100, 8))
    yield refuse("IDS", "VOTE with ids that are derived", "VOTE-2", named)
    yield from _widths()
    yield from _many_votes()


def _run_with(bits: int, probes: int) -> tuple[Case, int]:
    """A run whose labels have `bits` bits with room above the highest, and that label."""
    highest = 2 ** (bits - 1) if bits > 1 else 1
    abstain = bits > 1
    run = {**BASE, "classes": highest + (not abstain), "abstain": abstain}
    return {**run, "probes": probes, "rounds_per_ballot": 1}, highest


def _widths() -> Iterator[Case]:
    """Every width: the highest label, one above it, and padding that is not zero."""
    for bits in range(1, 25):
        run, highest = _run_with(bits, 3)
        votes = reference.pack([highest, 0, highest], bits)
        name, message = f"VOTE of {bits} bits", vote_message(1, votes)
        yield accept(name, "RUN-5 BITS-1", SENDER.vote(1, votes), message, run)
        if bits > 1:
            for at in range(3):
                labels = [0, 0, 0]
                labels[at] = highest + 1
                above = SENDER.vote(1, reference.pack(labels, bits))
                yield refuse("LABEL", f"{name}, label {at} too high", "BITS-3", above, run)
            full = {**run, "classes": 2**bits - 1}
            top = reference.pack([2**bits - 1, 0, 2**bits - 1], bits)
            name = f"VOTE of {bits} bits, all in use"
            frame = SENDER.vote(1, top)
            yield accept(name, "RUN-5 BITS-3", frame, vote_message(1, top), full)
        spare = len(votes) * 8 - 3 * bits
        for bit in sorted({0, spare - 1} if spare else ()):
            padded = SENDER.vote(1, votes[:-1] + bytes((votes[-1] | 1 << bit,)))
            name = f"VOTE of {bits} bits, padding bit {bit}"
            yield refuse("PADDING", name, "BITS-2", padded, run)


def _many_votes() -> Iterator[Case]:
    for bits, count in ((4, 5_001), (8, 300), (3, 5_001), (1, 65_535), (5, 64), (5, 65)):
        run, highest = _run_with(bits, count)
        run["pool"] = 65_535
        labels = [highest] * count
        votes = reference.pack(labels, bits)
        name = f"VOTE of {count} labels of {bits} bits"
        message = vote_message(9, votes)
        yield accept(name, "BITS-1 LIMIT-2", SENDER.vote(9, votes), message, run)
        if bits > 1:
            labels[-1] += 1
            above = SENDER.vote(9, reference.pack(labels, bits))
            yield refuse("LABEL", f"{name}, the last too high", "BITS-3", above, run)


# --- VOTE with ids ---------------------------------------------------------------------------

WIDE = {**EXPLICIT, "pool": 2**32 - 1}


def ids_cases() -> Iterator[Case]:
    for name, ids, run in (
        ("id 0", [0], EXPLICIT),
        ("as many ids as votes, from 0", list(range(8)), EXPLICIT),
        ("as many ids as votes, to the pool's end", list(range(292, 300)), EXPLICIT),
        ("the last two ids of the largest pool", [2**32 - 3, 2**32 - 2], WIDE),
        ("gaps of 127 and 128", [0, 128, 257], EXPLICIT),
        ("gaps to the pool's end", [0, 299], EXPLICIT),
        ("as many ids as votes, apart", list(range(0, 16, 2)), EXPLICIT),
        ("gaps of 2 and 3 bytes", [16_383, 32_767, 32_767 + 16_385, 3_000_000], WIDE),
        ("gaps of 4 and 5 bytes", [2_097_151, 2**28 + 2**22, 2**32 - 2], WIDE),
        ("the first id in 5 bytes", [2**28, 2**28 + 2], WIDE),
    ):
        votes = reference.pack([1] * len(ids), 4)
        frame, message = SENDER.vote(6, votes, ids), vote_message(6, votes, ids=ids)
        yield accept(f"VOTE, {name}", "IDS-1 IDS-2 IDS-3", frame, message, run)
        relayed = OTHER.vote(6, votes, ids, relayed=True)
        message = vote_message(6, votes, OTHER, ids)
        yield accept(f"VOTE of another, {name}", "VOTE-1 IDS-1", relayed, message, run)
    for name, clause, ids_raw, count, run in _wrong_ids():
        frame = SENDER.vote(6, reference.pack([1] * count, 4), ids_raw)
        yield refuse("IDS", f"VOTE, {name}", clause, frame, run)
    for name, raw in (
        ("VOTE that ends within a range", span(100, 3)[:6]),
        ("VOTE that ends within a count of gaps", gaps([5, 9])[:2]),
        ("VOTE that ends within its gaps", gaps([5, 9])[:4]),
        ("VOTE that ends within a gap", gaps([5, 300])[:5]),
        ("VOTE with ids and no votes", span(100, 3)),
    ):
        frame = SENDER.vote(6, b"", raw)
        yield refuse("LENGTH", name, "FRAME-12", frame, EXPLICIT)
    nothing = SENDER.vote(6, b"", b"")
    yield refuse("IDS", "VOTE that ends before its ids", "FRAME-12 IDS-2", nothing, EXPLICIT)
    for name, count in (("a vote too few", 2), ("votes for two ids more", 5)):
        frame = SENDER.vote(6, reference.pack([1] * count, 4), [5, 7, 9])
        yield refuse("LENGTH", f"VOTE with ids, {name}", "VOTE-4", frame, EXPLICIT)
    padded = SENDER.vote(6, b"\x11\x11"[:1] + b"\x11", [5, 7, 9])
    yield refuse("PADDING", "VOTE with ids, padding", "BITS-2", padded, EXPLICIT)
    high = SENDER.vote(6, b"\x11\xb0", [5, 7, 9])
    yield refuse("LABEL", "VOTE with ids, a label too high", "BITS-3", high, EXPLICIT)
    own = SENDER.vote(6, b"\x11\x10", [5, 7, 9], relayed=True)
    yield refuse("AUTHOR", "VOTE with ids that names its own author", "VOTE-1", own, EXPLICIT)
    plain = SENDER.vote(6, VOTES)
    yield refuse("IDS", "VOTE that names no ids", "VOTE-2", plain, EXPLICIT)
    unsaid = SENDER.vote(6, b"\x11\x10", [5, 7, 9], flags=0)
    yield refuse("IDS", "VOTE with ids and without their flag", "VOTE-2", unsaid, EXPLICIT)
    said = SENDER.vote(6, VOTES, flags=2)
    yield refuse("IDS", "VOTE with the flag of ids and no ids", "VOTE-2", said)


def _wrong_ids() -> Iterator[tuple[str, str, bytes, int, Case]]:
    def raw(count: int, *parts: bytes) -> bytes:
        return b"\x02" + count.to_bytes(2, "big") + b"".join(parts)

    five = leb128(5)
    yield "a range of none", "IDS-1", span(100, 0), 0, EXPLICIT
    yield "gaps of none", "IDS-1", gaps([]), 0, EXPLICIT
    yield "a range of nine", "IDS-1", span(100, 9), 9, EXPLICIT
    yield "nine ids apart", "IDS-1", gaps(list(range(0, 18, 2))), 9, EXPLICIT
    yield "a range beyond the pool", "IDS-1", span(293, 8), 8, EXPLICIT
    yield "a single id beyond the pool", "IDS-1", span(300, 1), 1, EXPLICIT
    yield "gaps beyond the pool", "IDS-1", gaps([0, 300]), 2, EXPLICIT
    yield "a first id beyond the pool", "IDS-1", raw(2, leb128(300), leb128(1)), 2, EXPLICIT
    yield "a range beyond 32 bits", "IDS-1", span(2**32 - 3, 8), 8, WIDE
    yield "a range to 2^32 - 1", "IDS-1", span(2**32 - 2, 2), 2, WIDE
    yield "gaps beyond 32 bits", "IDS-1", raw(2, five, leb128(2**32 - 2)), 2, WIDE
    yield "consecutive ids as gaps", "IDS-2 FRAME-11", gaps(list(range(100, 108))), 8, EXPLICIT
    yield "one id as a gap", "IDS-2", gaps([0]), 1, EXPLICIT
    for form in (0, 3, 0x82, 255):
        yield f"form {form}", "IDS-2", bytes((form,)) + gaps([5, 9])[1:], 2, EXPLICIT
    for name, gap in (
        ("0 in two bytes", b"\x80\x00"),
        ("5 in two bytes", b"\x85\x00"),
        ("127 in two bytes", b"\xff\x00"),
        ("5 in three bytes", b"\x85\x80\x00"),
        ("5 in five bytes", b"\x85\x80\x80\x80\x00"),
    ):
        yield f"a gap of {name}", "IDS-3", raw(3, five, leb128(3), gap), 3, EXPLICIT
        yield f"a first id of {name}", "IDS-3", raw(2, gap, leb128(3)), 2, EXPLICIT
    for name, gap in (
        ("33 bits", b"\x85\x80\x80\x80\x10"),
        ("35 bits", b"\x85\x80\x80\x80\x40"),
        ("six bytes", b"\x85\x80\x80\x80\x80\x01"),
        ("six bytes, the last 0", b"\x85\x80\x80\x80\x80\x00"),
        ("ten bytes", b"\x80" * 9 + b"\x01"),
    ):
        yield f"a gap of {name}", "IDS-3", raw(2, five, gap), 2, WIDE


# --- the limit on frames ---------------------------------------------------------------------


def large_cases() -> Iterable[Case]:
    """Ballots about as long as a frame may be: 8 bits a vote, and ids far apart."""
    long = bytes(262_145 - 2)
    name = "an unknown kind of 262,145 bytes"
    yield refuse("LIMIT", name, "FRAME-8 FRAME-15", b"\x80\x00" + long)
    name = "PING of 262,145 bytes, before HELLO"
    yield refuse("LIMIT", name, "FRAME-8 FRAME-15", b"\x04\x00" + long, sender=None)
    run = {**WIDE, "classes": 255, "probes": 65_535, "rounds_per_ballot": 1}
    for size, relayed in ((262_144, True), (262_145, True), (262_136, False), (262_137, False)):
        speaker = OTHER if relayed else SENDER
        # All but the last gaps have three bytes, and those as few as make up the size.
        lacking = 6 + 8 * relayed + 3 + 65_535 * 4 - size
        steps = [16_384 + 1] * (65_535 - lacking) + [129] * lacking
        ids = [sum(steps[:1]) - 1]
        for step in steps[1:]:
            ids.append(ids[-1] + step)
        frame = speaker.vote(6, bytes(65_535), ids, relayed=relayed)
        assert len(frame) == size
        name = f"VOTE of {size} bytes{', of another' if relayed else ''}"
        if size in (262_144, 262_136):
            message = {"kind": "VOTE", "author": speaker.author.hex(), "round": 6}
            yield accept(name, "LIMIT-2", frame, message, run)
        else:
            yield refuse("LIMIT", name, "FRAME-8 LIMIT-2", frame, run)
