"""protocol_spec 05 read aloud in plain Python: slow, obvious, and without our package.

The vectors are made with this, so that they test the package instead of agreeing with it.
Numbers are ints, labels and counts are lists and dicts, bytes are bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "derive",
    "descriptor",
    "hear",
    "label_bits",
    "pack",
    "range_hash",
    "ring",
    "run_digest",
    "run_id",
    "send",
    "tag",
    "tally",
    "tally_digest",
    "unpack",
]

Votes = Sequence[tuple[int, int]]  # (probe id, label) of one ballot, in ballot order


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def run_id(run: Mapping[str, Any]) -> bytes:
    """First 8 bytes of the run digest (RUN-2)."""
    return run_digest(run)[:8]


def descriptor(run: Mapping[str, Any]) -> str:
    """RUN-1; `run` is in the descriptor's order; `view` is there only where it is not 0."""
    lines = ["tally/1"]
    for key, value in run.items():
        if (key, value) != ("seal", "none"):
            lines.append(f"{key}={int(value) if isinstance(value, bool) else value}")
    return "\n".join(lines) + "\n"


def run_digest(run: Mapping[str, Any]) -> bytes:
    """RUN-2."""
    return hashlib.sha256(descriptor(run).encode("ascii")).digest()


def label_bits(run: Mapping[str, Any]) -> int:
    """The least number of bits that hold every label of the run."""
    labels = run["classes"] + run["abstain"]
    bits = 1
    while 2**bits < labels:
        bits += 1
    return bits


def pack(labels: Sequence[int], bits: int) -> bytes:
    """Labels one after the other, most significant bit first, zeros to the last byte's end."""
    text = "".join(format(label, f"0{bits}b") for label in labels)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


def unpack(data: bytes, count: int, bits: int) -> list[int]:
    text = "".join(format(byte, "08b") for byte in data)
    return [int(text[at * bits : (at + 1) * bits], 2) for at in range(count)]


def derive(run: bytes, round: int, pool: int, count: int) -> list[int]:
    """PROBE-2 to PROBE-5."""
    ids: list[int] = []
    k = 0
    while True:
        block = hashlib.sha256(b"TALLY1-PROBES" + run + u32(round) + u32(k)).digest()
        for at in range(0, 32, 4):
            word = int.from_bytes(block[at : at + 4], "big")
            if word >= 2**32 - 2**32 % pool or word % pool in ids:
                continue
            ids.append(word % pool)
            if len(ids) == count:
                return ids
        k += 1


def ring(run: bytes, round: int, members: Sequence[bytes]) -> list[bytes]:
    """DIGRAPH-2."""

    def place(author: bytes) -> tuple[bytes, bytes]:
        return hashlib.sha256(b"TALLY1-DIGRAPH" + run + u32(round) + author).digest(), author

    return sorted(members, key=place)


def send(around: Sequence[bytes], me: bytes, degree: int) -> list[bytes]:
    """DIGRAPH-3."""
    at = list(around).index(me)
    return [around[(at + k) % len(around)] for k in range(1, min(degree, len(around) - 1) + 1)]


def hear(around: Sequence[bytes], me: bytes, degree: int) -> list[bytes]:
    """DIGRAPH-3, seen from the other end: whoever sends to `me`, nearest first."""
    return send(list(reversed(around)), me, degree)


def tag(run: bytes, author: bytes, round: int, ids: Sequence[int], votes: bytes) -> bytes:
    """TAG-1 and TAG-2."""
    text = b"TALLY1-BALLOT" + run + author + u32(round) + b"".join(map(u32, ids)) + votes
    first = hashlib.sha256(text).digest()[:16]
    return first[:15] + b"\xfe" if first == b"\xff" * 16 else first


def range_hash(listings: Mapping[int, Sequence[tuple[bytes, bytes]]]) -> bytes:
    """LEDGER-6 over the given rounds' (author, tag) pairs."""
    text = b""
    for round in sorted(listings):
        for author, mark in sorted(listings[round]):
            text += u32(round) + author + mark
    return hashlib.sha256(text).digest()[:16]


def tally(ballots: Sequence[Votes], classes: int, round: int) -> dict[int, dict[str, Any]]:
    """TALLY-3 and TIE-1: by probe id, the counts, the plurality and the margin."""
    decided: dict[int, dict[str, Any]] = {}
    for probe in sorted({probe for ballot in ballots for probe, _ in ballot}):
        counts = Counter(
            label for ballot in ballots for p, label in ballot if p == probe and label < classes
        )
        winner, margin = -1, 0
        if counts:
            start = (probe + round) % classes
            order = [(start + k) % classes for k in range(classes)]
            winner = max(order, key=lambda label: counts[label])  # max keeps the first of equals
            margin = counts[winner] - max(counts[label] for label in order if label != winner)
        decided[probe] = {"counts": dict(counts), "plurality": winner, "margin": margin}
    return decided


def tally_digest(run: bytes, round: int, decided: Mapping[int, Mapping[str, Any]]) -> bytes:
    """TALLY-6."""
    text = b"TALLY1-TALLY" + run + u32(round)
    for probe in sorted(decided):
        for label, votes in sorted(decided[probe]["counts"].items()):
            text += u32(probe) + u32(label) + u32(votes)
    return hashlib.sha256(text).digest()
