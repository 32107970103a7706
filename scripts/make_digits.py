"""Rebuild tallyp2p/learning/digits/digits.csv.gz, byte for byte, from a public copy.

    python scripts/make_digits.py                   # from scikit-learn's copy (pip install it)
    python scripts/make_digits.py optdigits.tes     # from the file of the UCI repository
    python scripts/make_digits.py --check ...       # compare with the shipped file instead

Both sources hold the same 1,797 rows in the same order: 64 counts 0 .. 16, then the label.
The compressed bytes are those of zlib; --check compares what is inside, which is the same
with every compressor.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
import zlib
from importlib import import_module
from pathlib import Path

TARGET = Path(__file__).parent.parent / "tallyp2p" / "learning" / "digits" / "digits.csv.gz"
ROWS = 1797

# A gzip header without time, name or system, so that the bytes depend on the rows alone.
_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])


def from_scikit_learn() -> list[list[int]]:
    """The rows of sklearn.datasets.load_digits."""
    bunch = import_module("sklearn.datasets").load_digits()
    return [
        [int(value) for value in image] + [int(label)]
        for image, label in zip(bunch.data, bunch.target, strict=True)
    ]


def from_uci(path: Path) -> list[list[int]]:
    """The rows of optdigits.tes."""
    return [[int(cell) for cell in line.split(",")] for line in path.read_text().split()]


def compressed(rows: list[list[int]]) -> bytes:
    """The shipped file.  Raises ValueError when these are not the rows that we ship."""
    if len(rows) != ROWS or any(len(row) != 65 for row in rows):
        raise ValueError(f"expected {ROWS} rows of 64 pixels and a label")
    if any(not 0 <= pixel <= 16 for row in rows for pixel in row[:64]):
        raise ValueError("a pixel is not 0 .. 16")
    text = "".join(",".join(map(str, row)) + "\n" for row in rows).encode("ascii")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(text) + deflate.flush()
    tail = zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return _HEADER + body + tail


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("source", nargs="?", type=Path, help="optdigits.tes; else scikit-learn")
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    options = parser.parse_args()
    rows = from_scikit_learn() if options.source is None else from_uci(options.source)
    data = compressed(rows)
    print(f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    if options.check:
        same = gzip.decompress(TARGET.read_bytes()) == gzip.decompress(data)
        print("the shipped file holds the same rows" if same else "the shipped file is another")
        return 0 if same else 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
