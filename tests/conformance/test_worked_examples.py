"""Every number that the chapters work out in their text is right.

Worked out again from the text with `hashlib`, `cryptography` and the plain reading in
`reference`, so that neither the text nor the package is asked about itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scripts.spec import _bytes
from tests.conformance import reference

SPEC = Path(__file__).resolve().parents[2] / "protocol_spec"
RUN = bytes.fromhex("b4c0c6bd49c26fc9")
AUTHORS = [n.to_bytes(8, "big") for n in range(1, 6)]
ONE, TWO = AUTHORS[:2]


@cache
def text(chapter: str) -> str:
    [path] = SPEC.glob(f"{chapter}-*.md")
    return re.sub(r"\s+", " ", path.read_text())


def author_of(identity: bytes) -> bytes:
    return hashlib.sha256(identity).digest()[:8]


def test_author_ids() -> None:
    """NAME-2."""
    assert f"has the author id `{author_of(bytes(range(32))).hex()}`" in text("01")


def descriptor(**changes: Any) -> str:
    """RUN-1, from the data."""
    lines = ["tally/1"]
    for entry in json.loads((SPEC / "constants.json").read_text())["run_parameters"]:
        value = changes.get(entry["name"], entry["default"])
        if not (entry.get("omitted_at_default") and value == entry["default"]):
            lines.append(f"{entry['name']}={int(value) if isinstance(value, bool) else value}")
    return "\n".join(lines) + "\n"


def digest_of(**changes: Any) -> bytes:
    return hashlib.sha256(descriptor(**changes).encode("ascii")).digest()


def test_the_run_of_the_defaults() -> None:
    """RUN-1, RUN-2."""
    whole = descriptor()
    assert f"```\n{whole}```" in (SPEC / "01-concepts.md").read_text()
    assert f"The defaults give {len(whole)} bytes" in text("01")
    digest = digest_of().hex()
    assert f"the digest `{digest}` and thus the run id `{digest[:16]}`" in text("01")


def test_the_runs_of_the_messages() -> None:
    small = {"probes": 4, "rounds_per_ballot": 2}
    assert f"its run id is `{digest_of(**small)[:8].hex()}`" in text("03")
    sealed = digest_of(**small, seal="ed25519")
    assert f"whose digest is `{sealed[:4].hex()}…`" in text("03")


@pytest.mark.parametrize(
    ("labels", "bits", "shown"),
    [
        ([3, 1, 4, 1, 5, 9, 2, 6], 4, "31 41 59 26"),
        ([99, 0, 100], 7, "c6 03 20"),
        ([1000, 1], 11, "7d 00 04"),
    ],
)
def test_packed_labels(labels: list[int], bits: int, shown: str) -> None:
    """BITS-1, BITS-2."""
    assert reference.pack(labels, bits) == bytes.fromhex(shown)
    assert f"`{shown}`" in text("02")


def test_derived_probes() -> None:
    """PROBE-2, PROBE-3, PROBE-4."""
    asked = b"TALLY1-PROBES" + RUN + bytes.fromhex("00000007 00000000")
    block = hashlib.sha256(asked).digest()
    assert f"`{asked.hex()}`, that is `{block.hex()}`" in text("05")
    first = int.from_bytes(block[:4], "big")
    assert f"{first:,}, less than {2**32 - 2**32 % 10_000:,}" in text("05")
    ids = reference.derive(RUN, 7, 10_000, 8)
    assert f"gives {', '.join(map(str, ids))}." in text("05")


def test_the_ring() -> None:
    """DIGRAPH-2, DIGRAPH-3."""
    heads = [
        hashlib.sha256(b"TALLY1-DIGRAPH" + RUN + bytes.fromhex("00000007") + a).hexdigest()[:16]
        for a in AUTHORS
    ]
    assert ", ".join(f"`{head}`" for head in heads) in text("05")
    for round, shown in ((7, "The ring is 4"), (8, "In round 8 the ring is 1")):
        ring = [int.from_bytes(author, "big") for author in reference.ring(RUN, round, AUTHORS)]
        turned = ring[ring.index(int(shown[-1])) :] + ring[: ring.index(int(shown[-1]))]
        whole = " → ".join(map(str, [*turned, turned[0]]))
        assert f"{shown[:-1]}{whole}." in text("05")


def test_the_tag_and_the_range() -> None:
    """TAG-1, LEDGER-6."""
    hashed = b"TALLY1-BALLOT" + RUN + ONE + bytes.fromhex("00000007 3a70")
    tag = hashlib.sha256(hashed).digest()[:16]
    assert f"`{hashed.hex()}` begins with the tag `{tag.hex()}`" in text("05")
    entries = b"".join(
        bytes.fromhex("00000007") + a + t for a, t in ((ONE, tag), (TWO, b"\xff" * 16))
    )
    whole = hashlib.sha256(entries).hexdigest()[:32]
    assert f"`{entries.hex()}`, cut to `{whole}`" in text("05")
    assert f"no entries is `{hashlib.sha256(b'').hexdigest()[:32]}`" in text("05")
    assert whole in text("03") and tag.hex() in text("03")


def test_the_tally_digest() -> None:
    """TALLY-6, for the counts in the table."""
    counts = [(0, 0, 3), (1, 1, 2), (1, 2, 1), (2, 2, 2)]
    cells = b"".join(n.to_bytes(4, "big") for cell in counts for n in cell)
    digest = hashlib.sha256(b"TALLY1-TALLY" + RUN + bytes(4) + cells).hexdigest()
    assert f"its digest is `{digest}`" in text("05")


def test_ties() -> None:
    """TIE-1: of 0 and 1, in each order that the text shows."""
    shown = {0: [0, 1, 0, 0], 1: [1, 0, 0, 1]}
    for round, expected in shown.items():
        found = [min((0, 1), key=lambda c: (c - (id + round)) % 3) for id in range(4)]
        assert found == expected
    assert "the plurality is 0, 1, 0 (from 2 the order goes on to 0), 0." in text("05")
    assert "the plurality is 1, 0, 0, 1." in text("05")


def test_weights() -> None:
    """COST-1."""
    for votes in (32, 256):
        payload = votes * 4 // 8
        shown = f"{payload}, {payload + 6}, {payload + 8}"
        assert shown in text("02").replace("payload ", "").replace("message ", "").replace(
            "wire ", ""
        )
    assert f"is {16 + 6 + 64} bytes, and {16 + 6 + 64 + 32} relayed" in text("07")
    assert f"one of 256 votes {128 + 6 + 64}." in text("07")


SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
IDENTITY = SECRET.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def test_the_key_of_the_sealed_examples() -> None:
    """SEAL-1."""
    for shown in (IDENTITY.hex(), author_of(IDENTITY).hex()):
        assert f"`{shown}`" in text("07")
    assert f"begins with `{IDENTITY[:4].hex()}`" in text("03")
    assert f"its author id is `{author_of(IDENTITY).hex()}`" in text("03")


def sealed_examples() -> list[bytes]:
    blocks = re.findall(r"```hex\n(.*?)```", (SPEC / "03-messages.md").read_text(), re.S)
    frames = [bytes.fromhex(_bytes(block)) for block in blocks]
    return [frame for frame in frames if frame[0] in (0x01, 0x02, 0x10) and frame[1] & 4]


@pytest.mark.parametrize("frame", sealed_examples(), ids=lambda f: f"{f[0]:02x} {f[1]:02x}")
def test_sealed_examples_are_signed(frame: bytes) -> None:
    """SEAL-3, SEAL-4; RFC 8032 leaves one signature for a key and a text."""
    run = digest_of(probes=4, rounds_per_ballot=2, seal="ed25519")
    body, signature = frame[:-64], frame[-64:]
    if frame[0] == 0x01:
        signed = b"TALLY1-SEAL-HELLO" + body
        assert run in body and IDENTITY in body
    elif frame[0] == 0x02:
        signed = b"TALLY1-SEAL-BYE" + run + bytes.fromhex("f1f2f3f4f5f6f7f8") + body
    else:
        votes = body[6:]
        if frame[1] & 1:
            assert votes[:32] == IDENTITY
            votes = votes[32:]
        signed = b"TALLY1-SEAL-VOTE" + run + body[2:6] + votes
    Ed25519PublicKey.from_public_bytes(IDENTITY).verify(signature, signed)
    assert SECRET.sign(signed) == signature


def test_there_are_sealed_examples_of_each_kind() -> None:
    assert [(f[0], f[1]) for f in sealed_examples()] == [(1, 4), (2, 4), (16, 4), (16, 5)]


def test_small_order_points_are_of_their_orders() -> None:
    """SEAL-6: the points of the registry, by the curve's own arithmetic."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        t = d * a[0] * b[0] * a[1] * b[1] % p
        x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, p) % p
        return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, p) % p

    found = json.loads((SPEC / "registries/small-order.json").read_text())
    for shown, order in zip(found["y"], found["orders"], strict=True):
        y = int.from_bytes(bytes.fromhex(shown), "little")
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        if x * x % p != square:
            x = x * pow(2, (p - 1) // 4, p) % p
        assert x * x % p == square, shown
        point, times = (x, y), 1
        while point != (0, 1):
            point, times = add(point, (x, y)), times + 1
        assert times == order, shown


def test_the_roster_and_the_window() -> None:
    """MEMBER-7, REPAIR-2, ROUND-7."""
    spread = 2654435761
    alone = 0x630DCD29 ^ spread
    second = 7 * spread % 2**32
    assert f"XOR {spread:08x} = `{alone:08x}`" in text("04")
    assert f"= {second:08x}: `{alone ^ 0xA1A2A3A4 ^ second:08x}`;" in text("04")
    assert f"{alone:08x} XOR a1a2a3a4 = `{alone ^ 0xA1A2A3A4:08x}`" in text("04")
    index, q = 800 // 8, 64 // 4
    floor = (index - 64) // q * q * 8
    assert f"= {floor}. The window of ROUND-7 is {floor - q * 8} to {800 + 64 * 8}." in text("04")
