"""How fast votes are packed and unpacked, beside a copy of as many bytes in the same run.

python -m tests.benchmarks.bits
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from time import thread_time

import numpy as np

from tallyp2p.bits import pack, unpack, well_formed

from .record import parser, report

Row = tuple[str, float, str, str]  # what, value, unit, goal

# GB/s of packed bytes, half of the best figures known for numpy: (pack, unpack).
GOALS = {4: ("0.50", "0.73"), 7: ("0.40", "0.48"), 11: ("0.46", "0.55"), 17: ("", "")}


def seconds(work: Callable[[], object], number: int) -> float:
    """CPU time, best of nine runs of `number` calls, per call: others' load counts less."""
    return min(timeit.repeat(work, timer=thread_time, repeat=9, number=number)) / number


def many(bits: int, votes: int) -> list[Row]:
    """Throughput of one large list, in packed bytes."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 1 << bits, votes, dtype=np.uint8 if bits <= 8 else np.uint32)
    packed = pack(labels, bits)
    source, target = bytearray(packed), bytearray(len(packed))

    def copy() -> None:
        target[:] = source

    def rate(work: Callable[[], object]) -> float:
        return len(packed) / seconds(work, 3) / 1e9

    packing, unpacking = GOALS[bits]
    return [
        (f"{bits} bits, pack", rate(lambda: pack(labels, bits)), "GB/s", packing),
        (f"{bits} bits, unpack", rate(lambda: unpack(packed, votes, bits)), "GB/s", unpacking),
        (f"{bits} bits, copy", rate(copy), "GB/s", ""),
    ]


def few(count: int, bits: int, highest: int) -> list[Row]:
    """One ballot at a time."""
    labels = np.random.default_rng(1).integers(0, highest + 1, count).tolist()
    data = pack(labels, bits)
    works: dict[str, Callable[[], object]] = {
        "pack": lambda: pack(labels, bits),
        "unpack": lambda: unpack(data, count, bits),
        "check": lambda: well_formed(data, count, bits, highest),
    }
    return [
        (f"{count} votes, {bits} bits, {what}", seconds(work, 5_000) * 1e6, "us", "")
        for what, work in works.items()
    ]


def main() -> None:
    options = parser((__doc__ or "").splitlines()[0])
    options.add_argument("--votes", type=int, default=1_000_000)
    chosen = options.parse_args()
    rows = [row for bits in GOALS for row in many(bits, chosen.votes)]
    for count in (32, 256):
        for bits, highest in ((4, 10), (7, 100), (8, 200), (11, 1_000)):
            rows += few(count, bits, highest)
    report("bits", rows, chosen.out, votes=chosen.votes)


if __name__ == "__main__":
    main()
