#!/usr/bin/env python3
"""A whole peer of the tally protocol, version 1, in one file, to be read beside `protocol_spec/`.

It is a voter with a fixed opinion: it votes, hears, counts and repairs, and learns nothing.
Chapters of the text and parts of this file, in the same order:

    2, 6   constants, refusals         5  probes, digraph, tags, ledger, tally
    1      names, runs, timing         4  the peer: handle(event, now) -> effects
    2, 3   packing, codec, messages    -  ZeroMQ, and the commands `conform` and `run`

Names such as VOTE-3 are clauses of the text. Needs pyzmq and msgpack; for sealed runs cryptography.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

# --- Constants (chapters 2 and 6) -----------------------------------------------------------------

HELLO, BYE, ERROR, PING, PONG, PEERS = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
VOTE, DIGEST, HAVE, WANT = 0x10, 0x11, 0x12, 0x13
HAS_AUTHOR, HAS_IDS, HAS_SEAL = 0x01, 0x02, 0x04
FLAGS = dict.fromkeys((ERROR, PING, PONG, PEERS, DIGEST, HAVE, WANT), 0)
FLAGS |= {HELLO: HAS_SEAL, BYE: HAS_SEAL, VOTE: HAS_AUTHOR | HAS_IDS | HAS_SEAL}
BEFORE_HELLO = (HELLO, BYE, ERROR)  # FRAME-14
GREASE_KINDS = (0x8A, 0x9A, 0xAA, 0xBA, 0xCA, 0xDA, 0xEA, 0xFA)  # GREASE-1

AGENT = "tally-minimal/1"
NO_ROUND = 2**32 - 1  # FRAME-13
FINISHED, LEAVING = 1, 0  # codes of BYE
ANNULLED = b"\xff" * 16  # TAG-2

MAX_FRAME, MAX_EARLY, MAX_TEXT, MAX_ENDPOINT = 262_144, 4_096, 512, 255
MAX_MEMBERS, MAX_LINKS = 1_024, 4_096
MAX_PEERS, MAX_DIGEST, MAX_HAVE, MAX_WANT = 64, 128, 2_048, 256

REASONS = {
    "VERSION": 10, "MALFORMED": 11, "TYPE": 12, "RUN": 13, "EARLY": 14, "AUTHOR": 20, "SEAL": 21,
    "LENGTH": 30, "MAP": 31, "PADDING": 32, "LABEL": 33, "IDS": 34, "ROUND": 35,
    "EQUIVOCATION": 36, "LIMIT": 40, "INTERNAL": 50,
}  # fmt: skip
IGNORED = ("VERSION", "TYPE", "RUN", "EARLY", "ROUND", "INTERNAL")  # VERDICT-2; the others: reject


class Refused(Exception):
    """A message was not accepted; `answer_to` is the endpoint of a sender that is no member."""

    def __init__(self, reason: str, text: str, answer_to: str | None = None) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason, self.text, self.answer_to = reason, text, answer_to

    @property
    def verdict(self) -> str:
        return "ignore" if self.reason in IGNORED else "reject"


def u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def u32(number: int) -> bytes:  # FRAME-6
    return number.to_bytes(4, "big")


# --- Names, runs, timing (chapter 1 and README) ---------------------------------------------------


def author_of(identity: bytes) -> bytes:  # NAME-2
    return sha256(identity).digest()[:8]


@dataclass(frozen=True)
class Run:
    """What all peers of a run agree on, in the order of the run descriptor."""

    seed: int = 0
    classes: int = 10
    abstain: bool = True
    pool: int = 300
    pool_digest: str = "0" * 64
    probes: int = 32
    rounds_per_ballot: int = 8
    spreading: str = "sampled"
    degree: int = 2
    ids: str = "derived"
    seal: str = "none"

    def __post_init__(self) -> None:
        words = {
            "spreading": ("sampled", "broadcast"),
            "ids": ("derived", "explicit"),
            "seal": ("none", "ed25519"),
        }
        ranges = {"seed": (0, 2**63 - 1), "classes": (2, 16_777_215), "pool": (1, 2**32 - 1)}
        ranges |= dict.fromkeys(("probes", "rounds_per_ballot"), (1, 65_535))
        ranges["degree"] = (1, 2**32 - 1)
        for name, allowed in words.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}")
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is from {low} to {high}")
        if not re.fullmatch("[0-9a-f]{64}", self.pool_digest):
            raise ValueError("pool_digest is 64 hexadecimal digits in lower case")
        if self.votes > min(self.pool, 65_535):
            raise ValueError("probes times rounds_per_ballot is at most pool and 65535")
        text = "tally/1\n"  # RUN-1
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name != "seal" or value != entry.default:
                text += f"{entry.name}={int(value) if isinstance(value, bool) else value}\n"
        object.__setattr__(self, "descriptor", text)
        object.__setattr__(self, "digest", sha256(text.encode()).digest())  # RUN-2

    descriptor: ClassVar[str]
    digest: ClassVar[bytes]

    @staticmethod
    def parse(text: str) -> Run:
        """The run of a descriptor. Raises ValueError if it is not one, or of a later revision."""
        lines = text.split("\n")
        if lines[0] != "tally/1" or lines[-1] != "":
            raise ValueError("this is no run descriptor")
        values: dict[str, Any] = dict(line.partition("=")[::2] for line in lines[1:-1])
        if unknown := set(values) - {entry.name for entry in fields(Run)}:
            raise ValueError(f"the run has parameters that this peer does not know: {unknown}")
        for name in values.keys() - {"pool_digest", "spreading", "ids", "seal"}:
            values[name] = int(values[name])
        run = Run(**values | {"abstain": bool(values.get("abstain"))})
        if run.descriptor != text:
            raise ValueError("this run descriptor is not in its one form")
        return run

    @property
    def id(self) -> bytes:
        return self.digest[:8]

    @property
    def votes(self) -> int:
        return self.probes * self.rounds_per_ballot

    @property
    def highest(self) -> int:
        return self.classes if self.abstain else self.classes - 1

    @property
    def bits(self) -> int:  # RUN-5
        return self.highest.bit_length()

    @property
    def sealed(self) -> bool:
        return self.seal != "none"

    @property
    def explicit(self) -> bool:
        return self.ids == "explicit"

    def is_first(self, round: int) -> bool:
        """Whether a ballot can begin at `round` (BALLOT-1)."""
        return 0 <= round < NO_ROUND and round % self.rounds_per_ballot == 0


@dataclass(frozen=True)
class Timing:
    """This peer's own settings, in the order of README. Durations are seconds."""

    rounds: int = 560
    pace: str = "lockstep"
    staleness: int = 1
    quorum: int = 2
    deadline: float = 30
    patience: float = 1
    suspect_after: float = 5
    gone_after: float = 60
    probe_interval: float = 5
    gossip_interval: float = 2
    join_deadline: float = 60
    retain: int = 64
    ahead: int = 64


# --- Packing (chapter 2) --------------------------------------------------------------------------


def packed_size(count: int, bits: int) -> int:  # BITS-2
    return (count * bits + 7) // 8


def pack(labels: Iterable[int], bits: int) -> bytes:  # BITS-1
    digits = "".join(f"{label:0{bits}b}" for label in labels)
    digits += "0" * (-len(digits) % 8)
    return int(digits or "0", 2).to_bytes(len(digits) // 8, "big")


def unpack(packed: bytes, count: int, bits: int, highest: int) -> list[int]:
    if len(packed) != packed_size(count, bits):
        raise Refused("LENGTH", f"{count} votes of {bits} bits are not {len(packed)} bytes")
    digits = f"{int.from_bytes(packed, 'big'):0{8 * len(packed)}b}"
    if "1" in digits[count * bits :]:
        raise Refused("PADDING", "padding is not zero")
    labels = [int(digits[i : i + bits], 2) for i in range(0, count * bits, bits)]
    if labels and max(labels) > highest:  # BITS-3
        raise Refused("LABEL", f"label {max(labels)} is above {highest}")
    return labels


class Reader:
    """Takes fields off a body, and refuses what is too short or too long (FRAME-12)."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, size: int) -> bytes:
        if size > len(self.body) - self.at:
            raise Refused("LENGTH", "the body breaks off")
        self.at += size
        return self.body[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        return self.take(len(self.body) - self.at)

    def end(self) -> None:
        if self.at != len(self.body):
            raise Refused("LENGTH", "the body is too long")

    def entries(self, size: int, most: int) -> Iterator[Reader]:
        """The rest as entries of `size` bytes, at most `most`."""
        left = len(self.body) - self.at
        if left > most * size:
            raise Refused("LIMIT", f"more than {most} entries")
        if left % size:
            raise Refused("LENGTH", "part of an entry")
        return (Reader(self.take(size)) for _ in range(left // size))

    def leb128(self) -> int:  # IDS-3
        value = 0
        for shift in range(0, 35, 7):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if (byte == 0 and shift) or value >= 2**32:
                    break
                return value
        raise Refused("IDS", "a gap is not in its shortest form, or above 32 bits")


def leb128(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def write_ids(ids: tuple[int, ...]) -> bytes:
    if ids[-1] - ids[0] == len(ids) - 1:  # IDS-2: no gap
        return b"\x01" + u32(ids[0]) + u16(len(ids))
    gaps = (b - a - 1 for a, b in zip(ids, ids[1:], strict=False))
    return b"\x02" + u16(len(ids)) + leb128(ids[0]) + b"".join(map(leb128, gaps))


def read_ids(body: Reader, run: Run) -> tuple[int, ...]:
    form = body.number(1)
    if form not in (1, 2):
        raise Refused("IDS", "an unknown form of ids")
    start = body.number(4) if form == 1 else 0
    count = body.number(2)
    if not 1 <= count <= run.votes:  # IDS-1, before anything is stored (LIMIT-1)
        raise Refused("IDS", f"{count} ids")
    if form == 1:
        ids = list(range(start, start + count))
    else:
        ids = [body.leb128()]
        while len(ids) < count:
            ids.append(ids[-1] + 1 + body.leb128())  # so they ascend
        if ids[-1] - ids[0] == count - 1:  # IDS-2
            raise Refused("IDS", "ids without gaps in the form with gaps")
    if ids[-1] >= run.pool:
        raise Refused("IDS", "an id outside the pool")
    return tuple(ids)


KEY = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"


def is_endpoint(text: str) -> bool:  # ENDPOINT-1, 2, 4 and 5
    if len(text) > MAX_ENDPOINT:
        return False
    if re.fullmatch(r"ipc://[!-)+-~]+", text):
        return True
    host = r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]"
    tcp = re.fullmatch(rf"tcp://({host}):([1-9][0-9]{{0,4}})(?:#{KEY})?", text)
    if tcp is None or int(tcp[2]) > 65_535:
        return False
    return bool(re.search("[^0.:]", tcp[1].strip("[]")))


def is_encrypted(endpoint: str) -> bool:  # ENDPOINT-6: whoever listens there speaks CURVE alone
    return endpoint.startswith("tcp://") and "#" in endpoint


# --- Seals (chapter 7) ----------------------------------------------------------------------------

SMALL_ORDER = {bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"} | {
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}


def is_good_point(encoded: bytes) -> bool:  # SEAL-6
    y = encoded[:31] + bytes([encoded[31] & 0x7F])
    return int.from_bytes(y, "little") < 2**255 - 19 and y not in SMALL_ORDER


def public_key(secret: bytes) -> bytes:  # SEAL-1
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(secret: bytes, text: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(secret).sign(text)


def check_seal(identity: bytes, signature: bytes, text: bytes) -> None:  # SEAL-5: as OpenSSL does
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not (is_good_point(identity) and is_good_point(signature[:32])):
        raise Refused("SEAL", "a key or a signature of small order, or out of range")
    try:
        Ed25519PublicKey.from_public_bytes(identity).verify(signature, text)
    except (InvalidSignature, ValueError) as error:
        raise Refused("SEAL", "a wrong signature") from error


# --- Messages (chapter 3) -------------------------------------------------------------------------


@dataclass(frozen=True)
class Speaker:
    """Whose word a connection carries (CONTACT-4); `secret` is known of oneself only."""

    identity: bytes
    instance: bytes
    secret: bytes | None = None

    @property
    def author(self) -> bytes:
        return author_of(self.identity)


@dataclass(frozen=True)
class Hello:
    agent: str
    endpoint: str
    identity: bytes
    instance: bytes
    known: int
    met: bool
    run: bytes
    versions: tuple[int, int] = (1, 1)
    held: int | None = None
    round: int | None = None
    start: int | None = None


@dataclass(frozen=True)
class Bye:
    code: int
    last: int | None
    text: str = ""


@dataclass(frozen=True)
class Error:
    code: int
    text: str = ""


@dataclass(frozen=True)
class Ping:
    nonce: int
    roster: int


@dataclass(frozen=True)
class Pong:
    nonce: int
    roster: int
    round: int | None


@dataclass(frozen=True)
class Peers:
    endpoints: tuple[str, ...]


@dataclass(frozen=True)
class Vote:
    """One ballot. `seal` is (identity, signature) in a sealed run, and no part of it (SEAL-8)."""

    author: bytes
    round: int
    votes: bytes
    ids: tuple[int, ...] | None = None
    seal: tuple[bytes, bytes] | None = field(default=None, compare=False)

    def tag(self, run_id: bytes) -> bytes:  # TAG-1
        ids = b"".join(map(u32, self.ids or ()))
        text = b"TALLY1-BALLOT" + run_id + self.author + u32(self.round) + ids + self.votes
        tag = sha256(text).digest()[:16]
        return tag if tag != ANNULLED else tag[:15] + b"\xfe"  # TAG-2

    def core(self) -> bytes:
        """`round`, `ids` and `votes` as they stand in the frame, without the author (SEAL-3)."""
        return u32(self.round) + (write_ids(self.ids) if self.ids else b"") + self.votes


@dataclass(frozen=True)
class Digest:
    entries: tuple[tuple[int, int, bytes], ...]  # round, count, hash


@dataclass(frozen=True)
class Have:
    round: int
    entries: tuple[tuple[bytes, bytes], ...]  # author, tag


@dataclass(frozen=True)
class Want:
    entries: tuple[tuple[bytes, int], ...]  # author, round


Message = Hello | Bye | Error | Ping | Pong | Peers | Vote | Digest | Have | Want


def write_map(value: dict[str, Any]) -> bytes:  # MAP-1 and MAP-3
    import msgpack

    def ordered(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: ordered(item[key]) for key in sorted(item)}
        return [ordered(one) for one in item] if isinstance(item, list | tuple) else item

    return msgpack.packb(ordered(value))  # type: ignore[no-any-return]


def read_map(data: bytes) -> dict[str, Any]:
    """The map, if it is in its one form. Writing it again shows whether it was (MAP-4)."""
    import msgpack

    def check(item: Any, depth: int) -> None:  # MAP-2
        if isinstance(item, dict | list):
            if depth > 4:
                raise ValueError("nested too deep")
            for one in item if isinstance(item, list) else item.values():
                check(one, depth + 1)
        elif not (item is None or isinstance(item, bool | int | str | bytes)):
            raise ValueError("a value of another type")
        if isinstance(item, dict) and not all(isinstance(key, str) for key in item):
            raise ValueError("a key that is no string")

    try:
        value = msgpack.unpackb(data, max_map_len=64, max_array_len=64)
        check(value, 1)
        if not isinstance(value, dict) or write_map(value) != data:
            raise ValueError("not in its one form")
    except Exception as error:  # msgpack has many ways to say no
        raise Refused("MAP", "the map is not in its one form") from error
    return value


def read_hello(frame: bytes, run: Run) -> Hello:
    signature = frame[-64:] if frame[1] & HAS_SEAL else None
    body = Reader(frame[2 : len(frame) - 64 if signature else None])
    if body.rest()[:5] != b"TALLY":  # HELLO-1
        raise Refused("VERSION", "no magic bytes")
    value = read_map(body.body[5:])
    endpoint, versions = value.get("endpoint"), value.get("versions")
    reachable = type(endpoint) is str and is_endpoint(endpoint)
    if not (type(versions) is list and len(versions) == 2 and all(type(v) is int for v in versions)
            and 1 <= versions[0] <= versions[1] <= 65_535):  # fmt: skip
        raise Refused("MAP", "versions is not two numbers, the lowest first")
    if versions[0] > 1:  # HELLO-3, before keys that other versions may change (FIXED-1)
        text = f"no common version: 1 to 1 here, {versions[0]} to {versions[1]} there"
        raise Refused("VERSION", text, endpoint if reachable else None)
    if frame[1] & ~FLAGS[HELLO]:  # FRAME-9
        raise Refused("MALFORMED", f"unknown flags {frame[1]:02x}")

    def need(name: str, good: bool) -> None:
        if not good:  # HELLO-2
            raise Refused("MAP", f"{name} is missing or wrong")

    def is_bytes(name: str, size: int) -> bool:
        return type(value.get(name)) is bytes and len(value[name]) == size

    agent, known = value.get("agent"), value.get("known")
    need("endpoint", reachable)
    need("agent", type(agent) is str and len(agent.encode()) <= MAX_TEXT)
    need("known", type(known) is int and 0 <= known < 2**32)
    need("met", type(value.get("met")) is bool)
    for name, size in (("identity", 32), ("instance", 8), ("run", 32)):
        need(name, is_bytes(name, size))
    for name in ("held", "round", "start"):
        optional = value.get(name, 0)
        need(name, type(optional) is int and 0 <= optional < NO_ROUND)
    if value["run"] != run.digest:  # CONTACT-3; SEAL-7: its seal is not looked at
        raise Refused("RUN", run.descriptor, endpoint)
    if bool(signature) != run.sealed:  # SEAL-2
        raise Refused("SEAL", "a seal is missing, or not wanted in this run")
    if signature:
        check_seal(value["identity"], signature, b"TALLY1-SEAL-HELLO" + frame[:-64])
    names = {entry.name for entry in fields(Hello)}  # HELLO-4: others are passed over
    taken = {name: item for name, item in value.items() if name in names}
    return Hello(**taken | {"versions": tuple(versions)})


def read_text(data: bytes) -> str:  # BYE-1 and ERROR-1
    if len(data) > MAX_TEXT:
        raise Refused("LIMIT", f"more than {MAX_TEXT} bytes of text")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused("MALFORMED", "text is not UTF-8") from error


def max_size(kind: int, flags: int, run: Run) -> int:
    if kind in BEFORE_HELLO:
        return MAX_EARLY
    author = 32 if run.sealed else 8  # SEAL-4
    return MAX_FRAME - (author if kind == VOTE and not flags & HAS_AUTHOR else 0)


def none_if_none(round: int) -> int | None:
    return None if round == NO_ROUND else round


def decode(frame: bytes, run: Run, sender: Speaker | None) -> Message:
    """The message of `frame` on a connection bound to `sender`. Raises Refused."""
    if len(frame) < 2:  # FRAME-7
        raise Refused("MALFORMED", "shorter than its header")
    kind, flags = frame[0], frame[1]
    if len(frame) > max_size(kind, flags, run):  # FRAME-8
        raise Refused("LIMIT", f"{len(frame)} bytes")
    if sender is None and kind not in BEFORE_HELLO:  # FRAME-14
        raise Refused("EARLY", "before HELLO")
    if kind not in FLAGS:  # FRAME-10
        raise Refused("TYPE", f"unknown kind {kind:02x}")
    if kind != HELLO and flags & ~FLAGS[kind]:  # FRAME-9
        raise Refused("MALFORMED", f"unknown flags {flags:02x}")
    if kind in (BYE, VOTE) and bool(flags & HAS_SEAL) != run.sealed:  # SEAL-2
        raise Refused("SEAL", "a seal is missing, or not wanted in this run")
    if flags & HAS_SEAL and len(frame) < 66:
        raise Refused("LENGTH", "too short for a signature")
    if kind == HELLO:
        return read_hello(frame, run)
    signature = frame[-64:] if flags & HAS_SEAL else None
    body = Reader(frame[2 : len(frame) - 64 if signature else None])
    if kind == BYE:
        bye = Bye(body.number(1), none_if_none(body.number(4)), read_text(body.rest()))
        if signature and sender:  # SEAL-3; SEAL-7: not checked before HELLO
            text = b"TALLY1-SEAL-BYE" + run.digest + sender.instance + frame[:-64]
            check_seal(sender.identity, signature, text)
        return bye
    if kind == ERROR:
        return Error(body.number(1), read_text(body.rest()))
    assert sender is not None
    message: Message
    if kind == PING:
        message = Ping(body.number(4), body.number(4))
    elif kind == PONG:
        message = Pong(body.number(4), body.number(4), none_if_none(body.number(4)))
    elif kind == PEERS:
        message = read_peers(body)
    elif kind == VOTE:
        message = read_vote(body, flags, run, sender, signature)
    elif kind == DIGEST:
        entries = body.entries(22, MAX_DIGEST)
        message = Digest(tuple((e.number(4), e.number(2), e.take(16)) for e in entries))
    elif kind == HAVE:
        round = body.number(4)
        message = Have(round, tuple((e.take(8), e.take(16)) for e in body.entries(24, MAX_HAVE)))
        authors = [author for author, _ in message.entries]
        if any(a >= b for a, b in zip(authors, authors[1:], strict=False)):  # HAVE-2
            raise Refused("MALFORMED", "authors do not ascend")
    else:
        message = Want(tuple((e.take(8), e.number(4)) for e in body.entries(12, MAX_WANT)))
    body.end()
    return message


def read_peers(body: Reader) -> Peers:
    count = body.number(1)
    if count > MAX_PEERS:  # PEERS-1
        raise Refused("LIMIT", f"{count} endpoints")
    endpoints = [body.take(body.number(1)).decode("latin-1") for _ in range(count)]
    if not all(map(is_endpoint, endpoints)):  # PEERS-2
        raise Refused("MALFORMED", "this is no endpoint")
    return Peers(tuple(endpoints))


def read_vote(body: Reader, flags: int, run: Run, sender: Speaker, signature: bytes | None) -> Vote:
    round = body.number(4)
    if not run.is_first(round):  # VOTE-3
        raise Refused("ROUND", f"no ballot begins at round {round}")
    identity = sender.identity
    author = sender.author
    if flags & HAS_AUTHOR:
        identity = body.take(32 if run.sealed else 8)  # SEAL-4
        author = author_of(identity) if run.sealed else identity
        if author == sender.author:  # VOTE-1
            raise Refused("AUTHOR", "the own author written out")
    if bool(flags & HAS_IDS) != run.explicit:  # VOTE-2
        raise Refused("IDS", "ids are missing, or not wanted in this run")
    sealed = u32(round) + body.body[body.at :]  # the bytes that came (SEAL-7)
    ids = read_ids(body, run) if run.explicit else None
    votes = body.rest()
    unpack(votes, len(ids) if ids else run.votes, run.bits, run.highest)  # VOTE-4, BITS-2, BITS-3
    vote = Vote(author, round, votes, ids, (identity, signature) if signature else None)
    if signature:
        check_seal(identity, signature, b"TALLY1-SEAL-VOTE" + run.digest + sealed)
    return vote


def encode(message: Message, run: Run, me: Speaker, extra: dict[str, Any] | None = None) -> bytes:
    """The frame of `message` when `me` sends it; `extra` keys go into HELLO."""
    seal = HAS_SEAL if run.sealed else 0
    if isinstance(message, Hello):
        taken = {entry.name: getattr(message, entry.name) for entry in fields(message)}
        taken = {name: value for name, value in taken.items() if value is not None} | (extra or {})
        frame = bytes([HELLO, seal]) + b"TALLY" + write_map(taken)
        return frame + sign(me.secret or b"", b"TALLY1-SEAL-HELLO" + frame) if seal else frame
    if isinstance(message, Bye):
        last = u32(NO_ROUND if message.last is None else message.last)
        frame = bytes([BYE, seal, message.code]) + last + message.text.encode()
        text = b"TALLY1-SEAL-BYE" + run.digest + me.instance + frame
        return frame + sign(me.secret or b"", text) if seal else frame
    if isinstance(message, Error):
        return bytes([ERROR, 0, message.code]) + message.text.encode()[:MAX_TEXT]
    if isinstance(message, Ping):
        return bytes([PING, 0]) + u32(message.nonce) + u32(message.roster)
    if isinstance(message, Pong):
        round = u32(NO_ROUND if message.round is None else message.round)
        return bytes([PONG, 0]) + u32(message.nonce) + u32(message.roster) + round
    if isinstance(message, Peers):
        listed = b"".join(bytes([len(e)]) + e.encode() for e in message.endpoints)
        return bytes([PEERS, 0, len(message.endpoints)]) + listed
    if isinstance(message, Vote):
        identity, signature = message.seal or (message.author, b"")
        relayed = message.author != me.author  # VOTE-1
        flags = HAS_AUTHOR * relayed | HAS_IDS * (message.ids is not None) | seal
        core = message.core()
        return bytes([VOTE, flags]) + core[:4] + identity * relayed + core[4:] + signature
    if isinstance(message, Digest):
        return bytes([DIGEST, 0]) + b"".join(u32(r) + u16(n) + h for r, n, h in message.entries)
    if isinstance(message, Have):
        return bytes([HAVE, 0]) + u32(message.round) + b"".join(a + t for a, t in message.entries)
    return bytes([WANT, 0]) + b"".join(author + u32(round) for author, round in message.entries)


# --- Probes, digraph, ledger, tally (chapter 5) ---------------------------------------------------


def probe_ids(run_id: bytes, round: int, pool: int, count: int) -> list[int]:
    """The ids of a ballot, in draw order."""
    ids: dict[int, None] = {}
    block = 0
    while True:
        text = b"TALLY1-PROBES" + run_id + u32(round) + u32(block)  # PROBE-2
        digest = sha256(text).digest()
        for i in range(0, 32, 4):
            word = int.from_bytes(digest[i : i + 4], "big")
            if word < 2**32 - 2**32 % pool:  # PROBE-3
                ids[word % pool] = None  # PROBE-4: the second time changes nothing
            if len(ids) == count:  # PROBE-5
                return list(ids)
        block += 1


def ring_of(run_id: bytes, round: int, roster: Iterable[bytes]) -> list[bytes]:  # DIGRAPH-2
    def place(author: bytes) -> tuple[bytes, bytes]:
        return sha256(b"TALLY1-DIGRAPH" + run_id + u32(round) + author).digest(), author

    return sorted(roster, key=place)


def routes(ring: list[bytes], author: bytes, degree: int) -> tuple[list[bytes], list[bytes]]:
    """Receivers and senders of `author`, nearest first (DIGRAPH-3)."""
    at, n = ring.index(author), len(ring)
    steps = range(1, min(degree, n - 1) + 1)
    return [ring[(at + k) % n] for k in steps], [ring[at - k] for k in steps]


class Ledger:
    """The ballots held: by round and author one, or two that annul each other (LEDGER-1)."""

    def __init__(self, run: Run, own: bytes = b"") -> None:
        self.run, self.own = run, own
        self.rounds: dict[int, dict[bytes, list[Vote]]] = {}

    def add(self, vote: Vote) -> str:
        """new, known, annulled, or full (LEDGER-7)."""
        entries = self.rounds.get(vote.round, {})
        held = entries.get(vote.author, [])
        if not held:
            reserved = bool(self.own) and vote.author != self.own  # room for the own ballot
            if len(entries) >= MAX_MEMBERS - reserved:
                return "full"
            self.rounds.setdefault(vote.round, {})[vote.author] = [vote]  # LEDGER-2
            return "new"
        if len(held) == 1 and held[0] == vote:  # LEDGER-3
            return "known"
        if len(held) == 1:  # LEDGER-4 and 5: a third is not kept
            held.append(vote)
        return "annulled"

    def get(self, author: bytes, round: int) -> list[Vote]:
        return self.rounds.get(round, {}).get(author, [])

    def counting(self, round: int) -> list[Vote]:
        entries = self.rounds.get(round, {})
        return [held[0] for _, held in sorted(entries.items()) if len(held) == 1]

    def listing(self, round: int) -> list[tuple[bytes, bytes]]:
        """Authors with tags, ascending."""
        entries = sorted(self.rounds.get(round, {}).items())
        return [(a, ANNULLED if len(h) > 1 else h[0].tag(self.run.id)) for a, h in entries]

    def hash(self, round: int, count: int) -> bytes:  # LEDGER-6
        step, hasher = self.run.rounds_per_ballot, sha256()
        for r in sorted(self.rounds):
            if round <= r < round + count * step and (r - round) % step == 0:
                for author, tag in self.listing(r):
                    hasher.update(u32(r) + author + tag)
        return hasher.digest()[:16]

    def newest(self, author: bytes) -> int | None:
        return max((r for r, entries in self.rounds.items() if author in entries), default=None)

    def forget_before(self, round: int) -> None:
        self.rounds = {r: entries for r, entries in self.rounds.items() if r >= round}


class Tally:
    """What the ballots of one round say, and nothing else (TALLY-1)."""

    def __init__(self, run: Run, round: int, votes: list[Vote], ids: list[int] | None = None):
        self.run, self.round = run, round
        named = (set(vote.ids or ()) for vote in votes)
        if ids is None:  # TALLY-2
            ids = sorted(set().union(*named)) if run.explicit else self.derived()
        self.counts: dict[int, Counter[int]] = {probe: Counter() for probe in ids}
        for vote in votes:
            mine = vote.ids or ids
            labels = unpack(vote.votes, len(mine), run.bits, run.highest)
            for probe, label in zip(mine, labels, strict=True):
                if label < run.classes:  # TALLY-3: "no vote" counts nowhere
                    self.counts[probe][label] += 1

    def derived(self) -> list[int]:
        return probe_ids(self.run.id, self.round, self.run.pool, self.run.votes)

    def plurality(self, probe: int) -> int:
        """The class, or -1 without voters."""
        classes, first = self.run.classes, probe + self.round  # TIE-1
        ranked = [(n, -((c - first) % classes), c) for c, n in self.counts[probe].items()]
        return max(ranked)[2] if ranked else -1

    def margin(self, probe: int) -> int:  # TALLY-5
        first, second = sorted([0, 0, *self.counts[probe].values()])[:-3:-1]
        return first - second

    def cells(self) -> list[tuple[int, int, int]]:
        return sorted((p, c, n) for p, counts in self.counts.items() for c, n in counts.items())

    def digest(self) -> bytes:  # TALLY-6
        text = b"TALLY1-TALLY" + self.run.id + u32(self.round)
        return sha256(text + b"".join(u32(x) for cell in self.cells() for x in cell)).digest()


# --- Events and effects of the peer ---------------------------------------------------------------


class Start(NamedTuple):
    seeds: tuple[str, ...] = ()
    fresh: bool = False


class Receive(NamedTuple):
    link: bytes  # which inbound connection
    frames: tuple[bytes, ...]


class Lost(NamedTuple):
    endpoint: str


class Tick(NamedTuple):
    pass


class Stop(NamedTuple):
    pass


class Open(NamedTuple):
    endpoint: str


class Close(NamedTuple):
    endpoint: str


class Send(NamedTuple):
    """`frame` to `endpoint`: on the open line there, or, `once`, on a line for it alone."""

    endpoint: str
    frame: bytes
    once: bool = False


class Refusal(NamedTuple):
    reason: int
    text: str
    by_them: bool


class Closed(NamedTuple):
    round: int
    ballots: int
    digest: bytes


class Finished(NamedTuple):
    completed: bool
    rounds: int
    text: str


Event = Start | Receive | Lost | Tick | Stop
Effect = Open | Close | Send | Refusal | Closed | Finished


# --- The peer (chapter 4) -------------------------------------------------------------------------


@dataclass
class Line:
    """An outbound connection (CONTACT-1)."""

    opened: float
    delay: float
    whole: bool = False  # HELLO was said on it, and it has not broken since
    answered: bool = False


@dataclass
class Member:
    author: bytes
    identity: bytes
    instance: bytes
    endpoint: str
    heard: float
    state: str = "alive"
    start: int | None = None
    newest: int | None = None
    bye: int | None = None  # its code
    last: int | None = None  # MEMBER-6; -1: it never voted
    former: tuple[bytes, ...] = ()  # its earlier instances, the last eight (CONTACT-6)
    synced: float = float("-inf")  # when HELLO and PEERS were last sent for MEMBER-7

    @property
    def live(self) -> bool:
        return self.state != "gone"


@dataclass
class Wait:
    """An author whose ballot is expected (ROUND-4)."""

    delay: float
    asked: float | None = None


class Peer:
    """A peer without sockets or clock: `handle(event, now)` says what is to be done.

    A voter needs no time to train or learn, so of the phases VOTING and LEARNING are over as soon
    as they begin. What is to happen later stands in `timers`: a method and its arguments, and when.
    """

    def __init__(
        self, run: Run, timing: Timing, me: Speaker, endpoint: str, labels: list[int],
        rng: random.Random, grease: bool = True,
    ) -> None:  # fmt: skip
        self.run, self.timing, self.me, self.endpoint = run, timing, me, endpoint
        self.labels, self.rng, self.grease = labels, rng, grease
        self.author, self.step = me.author, run.rounds_per_ballot
        self.phase = "JOINING"
        self.start: int | None = None
        self.round: int | None = None
        self.voted: int | None = None
        self.closed = 0  # ballots' rounds that closed
        self.members: dict[bytes, Member] = {}
        self.lines: dict[str, Line] = {}
        self.links: dict[bytes, Speaker] = {}
        self.ledger = Ledger(run, me.author)
        self.waits: dict[int, dict[bytes, Wait]] = {}
        self.promised: set[tuple[bytes, int]] = set()
        self.pinged: list[bytes] = []  # whom to ping next (MEMBER-2)
        self.named = 0  # the newest round above 0 that was named (JOIN-2)
        self.held = -1  # the newest own ballot that somebody holds
        self.answered: float | None = None  # when the first HELLO came
        self.may_speak = 0.0  # when the next ERROR may go out (VERDICT-4)
        self.timers: dict[tuple[Any, ...], float] = {}
        self.effects: list[Effect] = []
        self.stepped = False  # whether this event has closed a round
        self.now = 0.0

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What `event` leads to. Raises nothing, whatever the bytes.

        It closes one round at most. If another can close at once, as when nobody else is alive, a
        Tick is due at once, so that what came meanwhile is heard first (MEMBER-3).
        """
        self.effects, self.stepped = [], False
        late = now - min(self.timers.values(), default=now)
        if late > self.timing.suspect_after / 2:  # MEMBER-4: it was we who slept
            for timer in self.timers:
                if timer[0] in ("suspect", "gone"):
                    self.timers[timer] += late
        self.now = now
        self.timers.pop(("again",), None)
        if self.phase != "DONE":
            if isinstance(event, Start):
                self.begin(event)
            elif isinstance(event, Receive):
                self.receive(event.link, event.frames)
            elif isinstance(event, Lost):
                self.lost(event.endpoint)
            elif isinstance(event, Stop):
                self.leave("asked to leave", completed=self.phase == "STAYING")
        while self.timers and self.phase != "DONE":
            self.go_on()
            if self.phase == "DONE":
                break
            timer = min(self.timers, key=lambda name: self.timers[name])
            if self.timers[timer] > now or timer == ("again",):
                break
            del self.timers[timer]
            getattr(self, f"on_{timer[0]}")(*timer[1:])
        return self.effects

    def due(self) -> float | None:
        """When to come back with a Tick, if nothing else happens before."""
        return min(self.timers.values(), default=None) if self.phase != "DONE" else None

    def after(self, seconds: float, *timer: Any) -> None:
        self.timers[timer] = self.now + seconds

    def go_on(self) -> None:
        """Take each step whose conditions hold, until none does."""
        if self.phase == "JOINING":
            self.join()
        if self.phase == "OPEN" and self.may_close():
            if self.stepped:
                self.after(0, "again")
            else:
                self.stepped = True
                self.close_round()
                self.go_on()
        if self.phase == "STAYING" and all(m.bye is not None for m in self.alive()):  # ROUND-9
            self.on_leave()

    # Lines: out to an endpoint

    def begin(self, event: Start) -> None:
        self.after(self.timing.join_deadline, "join_deadline")
        self.after(self.timing.probe_interval, "probe")
        if self.run.spreading == "broadcast":
            self.after(self.timing.gossip_interval, "gossip")
        if event.fresh or not event.seeds:  # JOIN-1
            self.start = 0
        for endpoint in event.seeds:
            self.dial(endpoint)

    def dial(self, endpoint: str) -> None:
        known = endpoint == self.endpoint or endpoint in self.lines
        if not known and len(self.lines) < MAX_MEMBERS:  # CONTACT-9
            self.lines[endpoint] = Line(self.now, self.timing.patience)
            self.say_hello(endpoint)
            self.after(self.timing.patience, "hello", endpoint)

    def hang_up(self, endpoint: str) -> None:
        if line := self.lines.pop(endpoint, None):
            self.timers.pop(("hello", endpoint), None)
            if line.whole:
                self.effects.append(Close(endpoint))

    def say_hello(self, endpoint: str) -> None:
        member = self.at(endpoint)
        hello = Hello(
            agent=AGENT, endpoint=self.endpoint, identity=self.me.identity,
            instance=self.me.instance, known=1 + len(self.lines), met=member is not None,
            run=self.run.digest, round=self.round, start=self.start,
            held=self.ledger.newest(member.author) if member else None,
        )  # fmt: skip
        extra = {}
        if self.grease and self.rng.random() < 1 / 8:  # GREASE-2
            extra[f"grease-{self.rng.randrange(2**16):04x}"] = self.rng.randrange(2**32)
        line = self.lines[endpoint]
        if not line.whole:
            line.whole = True
            self.effects.append(Open(endpoint))
        self.effects.append(Send(endpoint, encode(hello, self.run, self.me, extra)))

    def send(self, endpoint: str, message: Message | bytes) -> None:
        self.dial(endpoint)  # if there is no line
        if line := self.lines.get(endpoint):
            if not line.whole:
                self.say_hello(endpoint)  # CONTACT-2: also after it broke
            frame = message if isinstance(message, bytes) else encode(message, self.run, self.me)
            self.effects.append(Send(endpoint, frame))

    def tell(self, author: bytes, message: Message | bytes) -> None:
        member = self.members.get(author)
        if member and member.live:
            self.send(member.endpoint, message)

    def on_hello(self, endpoint: str) -> None:  # CONTACT-11
        line = self.lines[endpoint]
        if self.now - line.opened >= self.timing.join_deadline:
            self.hang_up(endpoint)
        else:
            self.say_hello(endpoint)
            line.delay = min(2 * line.delay, self.timing.probe_interval)
            self.after(line.delay, "hello", endpoint)

    def lost(self, endpoint: str) -> None:
        line, member = self.lines.get(endpoint), self.at(endpoint)
        if line is None or not line.whole:
            return
        if member and member.bye is not None:  # MEMBER-5
            self.bury(member)
            return
        self.effects.append(Close(endpoint))
        self.lines[endpoint] = Line(self.now, self.timing.patience)
        self.after(self.timing.patience, "hello", endpoint)  # then it is dialled again
        if member:
            self.on_suspect(member.author)

    # Members

    def live(self) -> list[Member]:
        return [member for member in self.members.values() if member.live]

    def alive(self) -> list[Member]:
        return [member for member in self.members.values() if member.state == "alive"]

    def at(self, endpoint: str) -> Member | None:
        return next((member for member in self.live() if member.endpoint == endpoint), None)

    def heard(self, member: Member) -> None:  # MEMBER-1
        if member.live or member.bye in (None, FINISHED):
            if member.bye is None:
                member.last = None
            member.state, member.heard = "alive", self.now
            if line := self.lines.get(member.endpoint):
                if line.whole:
                    line.answered = True
                    self.timers.pop(("hello", member.endpoint), None)
            self.ask_no_more(member)

    def owes_answer(self, author: bytes) -> None:  # MEMBER-2 and 4
        for timer, seconds in (("suspect", "suspect_after"), ("ping", "patience")):
            if (timer, author) not in self.timers:
                self.after(getattr(self.timing, seconds), timer, author)

    def on_ping(self, author: bytes) -> None:
        if author in self.members and self.members[author].live:
            self.ping(author)
            self.after(self.timing.patience, "ping", author)

    def ping(self, author: bytes) -> None:
        self.tell(author, Ping(self.rng.randrange(1, 2**32), self.roster_sum()))  # PING-1
        if self.grease and self.rng.random() < 1 / 8:  # GREASE-2
            noise = self.rng.randbytes(self.rng.randrange(17))
            self.tell(author, bytes([self.rng.choice(GREASE_KINDS), 0]) + noise)

    def on_suspect(self, author: bytes) -> None:
        member = self.members.get(author)
        if member and member.state == "alive":
            member.state = "suspect"
            self.timers.pop(("ping", author), None)
            self.after(self.timing.gone_after, "gone", author)

    def on_gone(self, author: bytes) -> None:  # MEMBER-5 and 6
        member = self.members[author]
        if member.last is None:
            member.last = -1 if member.newest is None else member.newest
        self.bury(member)

    def bury(self, member: Member) -> None:
        member.state = "gone"
        self.hang_up(member.endpoint)
        self.ask_no_more(member)

    def ask_no_more(self, member: Member) -> None:
        for timer in ("suspect", "ping", "gone"):
            self.timers.pop((timer, member.author), None)

    def on_probe(self) -> None:  # MEMBER-2
        self.after(self.timing.probe_interval, "probe")
        for _ in range(2):
            while self.pinged:
                author = self.pinged.pop()
                member = self.members.get(author)
                quiet = member and self.now - member.heard >= self.timing.probe_interval
                if member and quiet and member.live:
                    self.ping(author)
                    self.owes_answer(author)
                    return
            self.pinged = self.rng.sample(sorted(self.members), len(self.members))

    def roster(self, round: int) -> list[bytes]:  # MEMBER-6
        listed = [self.author]
        for m in self.members.values():
            begun = m.start is not None and m.start <= round
            if begun and (m.last >= round if m.last is not None else m.live):
                listed.append(m.author)
        return listed

    def roster_sum(self) -> int:  # MEMBER-7
        total = 0
        known = [(m.author, m.start) for m in self.live()] + [(self.author, self.start)]
        for author, start in known:
            total ^= int.from_bytes(author[:4], "big")
            total ^= (start + 1) * 2654435761 % 2**32 if start is not None else 0
        return total

    def compare_rosters(self, member: Member, theirs: int) -> None:
        if theirs != self.roster_sum() and self.now - member.synced >= self.timing.patience:
            member.synced = self.now
            if member.endpoint in self.lines:
                self.say_hello(member.endpoint)
            self.send_peers(member)

    def send_peers(self, member: Member) -> None:
        others = sorted({m.endpoint for m in self.alive()} - {member.endpoint})
        if others:
            chosen = self.rng.sample(others, min(MAX_PEERS, len(others)))
            self.tell(member.author, Peers(tuple(chosen)))

    # What comes in

    def receive(self, link: bytes, frames: tuple[bytes, ...]) -> None:
        speaker = self.links.get(link)
        member = self.members.get(speaker.author) if speaker else None
        if member is None or speaker is None or member.instance != speaker.instance:
            speaker = member = None  # nobody, or a process that is no more (CONTACT-6)
        try:
            if member:
                self.heard(member)
            if len(frames) != 1:  # FRAME-4
                raise Refused("MALFORMED", f"{len(frames)} frames")
            message = decode(frames[0], self.run, speaker)
            if isinstance(message, Hello):
                self.take_hello(link, message)
            elif isinstance(message, Error):  # ERROR-3
                self.effects.append(Refusal(message.code, message.text, by_them=True))
            elif member is None:  # CONTACT-10
                raise Refused("EARLY", "BYE before HELLO")
            else:
                take = getattr(self, f"take_{type(message).__name__.lower()}")
                take(member, message)
        except Refused as refused:
            self.refuse(refused, member, frames[0] if len(frames) == 1 else b"")
        except Exception as error:  # nothing that a stranger says may stop a peer
            traceback.print_exc()
            self.refuse(Refused("INTERNAL", type(error).__name__), None, b"")

    def refuse(self, refused: Refused, member: Member | None, frame: bytes) -> None:
        self.effects.append(Refusal(REASONS[refused.reason], refused.text, by_them=False))
        error = Error(REASONS[refused.reason], refused.text)
        answer = refused.verdict == "reject" and refused.reason != "EQUIVOCATION"  # VERDICT-3
        answer |= refused.reason == "TYPE" and frame[0] < 0x80  # FRAME-10
        if self.now < self.may_speak or frame[:1] == bytes([ERROR]):  # VERDICT-4, ERROR-2
            return
        if refused.answer_to:  # CONTACT-3: on a line for this alone
            if refused.answer_to == self.endpoint:
                return
            frame = encode(error, self.run, self.me)
            self.effects.append(Send(refused.answer_to, frame, once=True))
        elif answer and member:
            self.tell(member.author, error)
        else:
            return
        self.may_speak = self.now + 1

    def take_hello(self, link: bytes, hello: Hello) -> None:
        author = author_of(hello.identity)
        if (hello.identity, hello.instance) == (self.me.identity, self.me.instance):
            return  # it has dialled itself
        if author == self.author:  # CONTACT-7
            raise Refused("AUTHOR", "this identity is taken", hello.endpoint)
        member = self.members.get(author)
        known = member is not None
        if member is None:
            self.make_room(hello.endpoint)
            member = Member(author, hello.identity, hello.instance, hello.endpoint, self.now)
            self.members[author] = member
        if member.identity != hello.identity:
            raise Refused("AUTHOR", "another identity has this author id", hello.endpoint)
        if hello.instance in member.former:  # CONTACT-6: late, or repeated by somebody else
            raise Refused("EARLY", "an instance that another has replaced")
        again = member.instance != hello.instance
        if again:
            member.former = (*member.former[-7:], member.instance)
        moved = again or member.endpoint != hello.endpoint
        if moved:  # CONTACT-6
            self.hang_up(member.endpoint)
            member.instance, member.endpoint = hello.instance, hello.endpoint
        if again or member.bye != FINISHED:  # MEMBER-1
            member.bye = member.last = None
        if moved or not member.live:  # MEMBER-8
            member.newest = None
        member.state = "alive"  # also one that is gone by BYE (MEMBER-1)
        member.start = hello.start
        self.saw(member, hello.round)
        self.bind(link, Speaker(hello.identity, hello.instance))
        self.listen_for_rounds(hello, first=again or not known)
        if member.endpoint not in self.lines:
            self.dial(member.endpoint)  # CONTACT-4
        elif known and not hello.met:
            self.say_hello(member.endpoint)  # CONTACT-5
        self.heard(member)
        if hello.known < len(self.lines) + 1:  # CONTACT-8
            self.send_peers(member)
        if self.phase == "STAYING":  # ROUND-9
            self.tell(author, Bye(FINISHED, self.voted))

    def make_room(self, endpoint: str) -> None:  # LIMIT-3
        if len(self.members) >= MAX_MEMBERS:
            gone = next((m for m in self.members.values() if not m.live), None)
            if gone is None:
                raise Refused("LIMIT", "no more members", endpoint)
            del self.members[gone.author]

    def bind(self, link: bytes, speaker: Speaker) -> None:
        self.links.pop(link, None)
        while len(self.links) >= MAX_LINKS:  # LIMIT-3
            del self.links[next(iter(self.links))]
        self.links[link] = speaker

    def saw(self, member: Member, round: int | None) -> None:  # MEMBER-8
        if round is not None and (member.newest is None or round > member.newest):
            member.newest = round

    def take_bye(self, member: Member, bye: Bye) -> None:
        member.bye, member.last = bye.code, -1 if bye.last is None else bye.last
        if bye.code != FINISHED:  # MEMBER-5, BYE-2
            self.bury(member)

    def take_ping(self, member: Member, ping: Ping) -> None:  # MEMBER-3
        self.tell(member.author, Pong(ping.nonce, self.roster_sum(), self.round))
        self.compare_rosters(member, ping.roster)

    def take_pong(self, member: Member, pong: Pong) -> None:
        if pong.nonce:
            self.saw(member, pong.round)
        else:  # ROUND-6
            for round, waits in self.waits.items():
                if pong.round is None or pong.round > round:
                    waits.pop(member.author, None)
        self.compare_rosters(member, pong.roster)

    def take_peers(self, member: Member, peers: Peers) -> None:
        gone = {m.endpoint for m in self.members.values() if not m.live}  # CONTACT-9
        for endpoint in peers.endpoints:
            if endpoint not in gone:
                self.dial(endpoint)

    def take_vote(self, member: Member, vote: Vote) -> None:
        if not self.oldest() <= vote.round <= self.latest():  # ROUND-7
            raise Refused("ROUND", f"round {vote.round} is outside the window")
        outcome = self.ledger.add(vote)
        if vote.author == member.author:
            self.saw(member, vote.round)
        if outcome == "annulled":
            raise Refused("EQUIVOCATION", "another ballot of this author for this round")

    def take_want(self, member: Member, want: Want) -> None:
        not_there = False
        for author, round in dict.fromkeys(want.entries):
            held = self.ledger.get(author, round)
            for vote in held:
                self.tell(member.author, vote)
            if not held and author == self.author:  # ROUND-5
                not_there = True
                self.saw(member, round if self.run.is_first(round) else None)
                if self.run.is_first(round) and self.base() <= round <= self.latest():
                    self.promised.add((member.author, round))
        if not_there:  # PING-2
            answer = self.start if self.round is None else self.round
            self.tell(member.author, Pong(0, self.roster_sum(), answer))

    # Joining

    def listen_for_rounds(self, hello: Hello, first: bool) -> None:
        """What a HELLO says about where the swarm is (JOIN-2 and 3)."""
        if self.phase != "JOINING":
            return
        if self.answered is None:
            self.answered = self.now
            self.after(self.timing.patience, "decide")
        if first or self.start is None:
            self.named = max(self.named, hello.round or 0)
        self.held = max(self.held, -1 if hello.held is None else hello.held)
        behind = self.start == 0 and self.named > 0  # JOIN-3
        if self.start is not None and (behind or self.held >= self.start):
            self.start = None

    def on_decide(self) -> None:
        """Only to be awake then: `go_on` does the rest."""

    def join(self) -> None:
        if self.start is None:
            if self.answered is None:
                return
            late = self.now >= self.answered + self.timing.patience
            if not late and not all(line.answered for line in self.lines.values()):
                return
            self.start = self.decide()
        if self.start >= self.timing.rounds:  # JOIN-4
            self.leave("the run is over", completed=False)
            return
        if self.start == 0:
            begun = sum(member.start is not None for member in self.live())
            ready = 1 + begun >= self.timing.quorum
        else:
            seen = (m.newest for m in self.live() if m.newest is not None)
            ready = max(seen, default=-1) >= self.start
        if ready:
            self.open_round(self.start)

    def decide(self) -> int:  # JOIN-2
        start = self.named // self.step * self.step + 2 * self.step if self.named else 0
        start = max(start, (self.held // self.step + 1) * self.step)
        self.start = min(start, (NO_ROUND - 1) // self.step * self.step)
        for endpoint in list(self.lines):
            self.say_hello(endpoint)
        silent = any(not line.answered for line in self.lines.values())
        if silent and (alive := self.alive()):  # else nobody may name whom it lacks
            author = self.rng.choice(alive).author
            self.owes_answer(author)
            self.ping(author)
        return self.start

    def on_join_deadline(self) -> None:  # JOIN-4
        if self.phase != "JOINING":
            return
        others = [member for member in self.live() if member.start is not None]
        if not others and self.timing.quorum > 1:
            self.leave("met nobody", completed=False)
            return
        if self.start is None:
            self.start = self.decide()
        if self.start < self.timing.rounds:  # else `join` gives up
            self.open_round(self.start)

    # Rounds

    def ballot(self, round: int) -> Vote:
        ids = probe_ids(self.run.id, round, self.run.pool, self.run.votes)
        if self.run.explicit:  # the voter's choice; this is that of chapter 9.3
            ids = sorted((round + i) % self.run.pool for i in range(self.run.votes))
        votes = pack((self.labels[probe] for probe in ids), self.run.bits)
        vote = Vote(self.author, round, votes, tuple(ids) if self.run.explicit else None)
        if self.run.sealed:  # SEAL-9
            text = b"TALLY1-SEAL-VOTE" + self.run.digest + vote.core()
            vote = replace(vote, seal=(self.me.identity, sign(self.me.secret or b"", text)))
        return vote

    def open_round(self, round: int) -> None:
        if round >= self.timing.rounds:
            self.stay()
            return
        self.round = self.voted = round
        held = self.ledger.get(self.author, round)
        vote = held[0] if held else self.ballot(round)  # ROUND-1: never two
        self.ledger.add(vote)
        self.ledger.forget_before(self.oldest())
        roster = self.roster(round)  # ROUND-2
        receivers = expected = sorted(set(roster) - {self.author})
        if self.run.spreading == "sampled":
            ring = ring_of(self.run.id, round, roster)
            receivers, expected = routes(ring, self.author, self.run.degree)
        asked = sorted(author for author, wanted in self.promised if wanted == round)  # ROUND-5
        self.promised = {(author, wanted) for author, wanted in self.promised if wanted > round}
        for author in dict.fromkeys(receivers + asked):
            self.tell(author, vote)
        self.waits[round] = {author: Wait(self.timing.patience) for author in expected}
        for author in expected:
            self.after(self.timing.patience, "want", author, round)
        self.after(self.timing.deadline, "deadline", round)
        self.phase = "OPEN"

    def awaited(self) -> int:
        """The newest round that must be complete before the open one closes (ROUND-3)."""
        assert self.round is not None
        bounded = self.timing.pace == "bounded"
        return self.round - (self.timing.staleness * self.step if bounded else 0)

    def may_close(self) -> bool:
        return self.timing.pace == "free" or not any(
            self.lacks(author, round)
            for round, waits in self.waits.items()
            if round <= self.awaited()
            for author in waits
        )

    def lacks(self, author: bytes, round: int) -> bool:
        member = self.members.get(author)
        if member is None or member.state != "alive" or self.ledger.get(author, round):
            return False
        begun = member.start is None or member.start <= round  # ROUND-6
        return begun and (member.last is None or member.last >= round)

    def on_want(self, author: bytes, round: int) -> None:  # ROUND-4
        wait, member = self.waits.get(round, {}).get(author), self.members.get(author)
        if wait is None or member is None or self.ledger.get(author, round):
            return
        if wait.asked is not None:
            distance = 2 * wait.delay if member.heard > wait.asked else self.timing.patience
            left = wait.asked + distance - self.now
            if left > 0.001:  # it has answered: not so soon again
                self.after(left, "want", author, round)
                return
            wait.delay = distance
        if member.state == "alive":
            wait.asked = self.now
            self.tell(author, Want(((author, round),)))
            self.owes_answer(author)
        self.after(self.timing.patience, "want", author, round)

    def on_deadline(self, round: int) -> None:
        if self.phase == "OPEN" and round == self.round:
            self.close_round()
        self.waits.pop(round, None)

    def close_round(self) -> None:
        assert self.round is not None
        votes = self.ledger.counting(self.round)
        digest = Tally(self.run, self.round, votes).digest()
        self.effects.append(Closed(self.round, len(votes), digest))
        self.closed += self.step
        for round in [r for r in self.waits if r <= self.awaited()]:
            del self.waits[round]
            self.timers.pop(("deadline", round), None)
        self.open_round(self.next_round(self.round + self.step))

    def next_round(self, round: int) -> int:  # ROUND-8
        seen = sorted(m.newest for m in self.alive() if m.newest is not None)
        if seen and self.timing.pace != "free":
            median = seen[(len(seen) - 1) // 2]
            slack = len(seen).bit_length() - 1 + 3
            slack += self.timing.staleness if self.timing.pace != "lockstep" else 0
            if round + slack * self.step < median < self.timing.rounds:  # what others claim
                return min(median // self.step * self.step, round + self.timing.ahead * self.step)
        return round

    def stay(self) -> None:  # ROUND-9
        self.phase = "STAYING"
        for member in self.live():
            self.tell(member.author, Bye(FINISHED, self.voted))
        self.after(self.timing.deadline, "leave")

    def on_leave(self) -> None:
        self.leave("made its rounds", completed=True)

    def leave(self, text: str, completed: bool) -> None:  # ROUND-10
        for member in self.live():
            self.tell(member.author, Bye(LEAVING, self.voted, text))
        self.phase = "DONE"
        self.effects.append(Finished(completed, self.closed, text))

    # Repair (broadcast only)

    def base(self) -> int:
        """The round about which this peer's window lies, also before its first (ROUND-7)."""
        return next(r for r in (self.round, self.start, self.named) if r is not None)

    def floor(self) -> int:  # REPAIR-2
        quarter = max(1, self.timing.retain // 4)
        index = max(0, self.base() // self.step - self.timing.retain)
        return index // quarter * quarter * self.step

    def oldest(self) -> int:
        return max(0, self.floor() - max(1, self.timing.retain // 4) * self.step)

    def latest(self) -> int:
        return self.base() + self.timing.ahead * self.step

    def on_gossip(self) -> None:  # REPAIR-1
        self.after(self.timing.gossip_interval, "gossip")
        alive = self.alive()
        if self.round is None or not alive:
            return
        newest, floor = max(self.round, *self.ledger.rounds), self.floor()
        before = newest - self.step
        ranges = [(floor, (before - floor) // self.step), (before, 1), (newest, 1)]
        entries = [(r, n, self.ledger.hash(r, n)) for r, n in ranges if r >= 0 and n > 0]
        self.tell(self.rng.choice(alive).author, Digest(tuple(entries)))

    def take_digest(self, member: Member, digest: Digest) -> None:  # REPAIR-3
        parts: list[tuple[int, int, bytes]] = []
        for round, count, hash in digest.entries if self.run.spreading == "broadcast" else ():
            last = round + (count - 1) * self.step
            if not self.run.is_first(round) or not count:  # DIGEST-2
                continue
            if round < self.floor() or last > min(self.latest(), NO_ROUND - 1):
                continue
            if self.ledger.hash(round, count) == hash:
                continue
            if count == 1:
                self.tell(member.author, Have(round, tuple(self.ledger.listing(round))))
                continue
            size = -(-count // 8)
            for done in range(0, count, size):
                part, width = round + done * self.step, min(size, count - done)
                parts.append((part, width, self.ledger.hash(part, width)))
        for i in range(0, len(parts), MAX_DIGEST):
            self.tell(member.author, Digest(tuple(parts[i : i + MAX_DIGEST])))

    def take_have(self, member: Member, have: Have) -> None:  # REPAIR-4
        if not self.run.is_first(have.round) or not self.oldest() <= have.round <= self.latest():
            raise Refused("ROUND", f"round {have.round} is outside the window")  # HAVE-3
        if self.run.spreading != "broadcast":
            return
        theirs, mine = dict(have.entries), dict(self.ledger.listing(have.round))
        lacking = [a for a, tag in theirs.items() if mine.get(a) not in (tag, ANNULLED)]
        if lacking:
            self.tell(member.author, Want(tuple((a, have.round) for a in lacking[:MAX_WANT])))
            self.owes_answer(member.author)
        missed = [a for a, tag in mine.items() if theirs.get(a) not in (tag, ANNULLED)]
        votes = [vote for author in missed for vote in self.ledger.get(author, have.round)]
        for vote in votes[:MAX_WANT]:
            self.tell(member.author, vote)


# --- ZeroMQ (chapter 2) ---------------------------------------------------------------------------


class Wire:
    """One ROUTER to listen, one DEALER for each line (FRAME-2)."""

    def __init__(self) -> None:
        import zmq

        self.zmq, self.context, self.poller = zmq, zmq.Context(), zmq.Poller()
        self.context.set(zmq.MAX_SOCKETS, 4 * MAX_MEMBERS)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # a line takes about five
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        self.lines: dict[str, Any] = {}
        self.monitors: dict[Any, str] = {}
        self.sent = self.received = 0
        self.router = self.context.socket(zmq.ROUTER)
        self.router.set(zmq.MAXMSGSIZE, 4 * MAX_FRAME)  # FRAME-5
        self.poller.register(self.router, zmq.POLLIN)
        # A signal wakes the poller through this pipe.
        self.wake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self.poller.register(self.wake, zmq.POLLIN)

    def listen(self, endpoint: str) -> str:
        self.router.set(self.zmq.IPV6, int("[" in endpoint))
        self.router.bind(endpoint)
        return str(self.router.get_string(self.zmq.LAST_ENDPOINT).rstrip("\0"))

    def connect(self, endpoint: str) -> Any:
        dealer = self.context.socket(self.zmq.DEALER)
        dealer.set(self.zmq.ROUTING_ID, b"\x01" + os.urandom(8))  # FRAME-3
        dealer.set(self.zmq.RCVHWM, 1)  # what comes back stays unread (FRAME-2)
        dealer.set(self.zmq.IPV6, int("[" in endpoint))
        with contextlib.suppress(self.zmq.ZMQError):  # it may be no address at all (ENDPOINT-3)
            if not is_encrypted(endpoint):
                dealer.connect(endpoint)
        return dealer

    def put(self, dealer: Any, frame: bytes) -> None:
        with contextlib.suppress(self.zmq.ZMQError):  # FRAME-5: a full queue drops
            dealer.send(frame, self.zmq.NOBLOCK)
            self.sent += len(frame)

    def obey(self, effect: Effect) -> None:
        if isinstance(effect, Open):
            dealer = self.lines[effect.endpoint] = self.connect(effect.endpoint)
            monitor = dealer.get_monitor_socket(self.zmq.EVENT_DISCONNECTED)
            self.monitors[monitor] = effect.endpoint
            self.poller.register(monitor, self.zmq.POLLIN)
        elif isinstance(effect, Close):
            self.close(effect.endpoint, linger=0)
        elif isinstance(effect, Send) and effect.once:
            dealer = self.connect(effect.endpoint)
            self.put(dealer, effect.frame)
            dealer.close(linger=1000)
        elif isinstance(effect, Send):
            self.put(self.lines[effect.endpoint], effect.frame)

    def close(self, endpoint: str, linger: int) -> None:
        dealer = self.lines.pop(endpoint)
        monitor = next(m for m, known in self.monitors.items() if known == endpoint)
        del self.monitors[monitor]
        self.poller.unregister(monitor)
        dealer.disable_monitor()
        monitor.close(linger=0)
        dealer.close(linger=linger)

    def events(self, seconds: float) -> Iterator[Event]:
        """What came within `seconds`; in the end a Tick."""
        ready = [one for one, _ in self.poller.poll(max(0, int(1000 * seconds) + 1))]
        if self.wake in ready:
            os.read(self.wake, 64)
        for _ in range(100):
            try:
                link, *frames = self.router.recv_multipart(self.zmq.NOBLOCK)
            except self.zmq.Again:
                break
            self.received += sum(map(len, frames))
            yield Receive(link, tuple(frames))
        for one in ready:  # after what was said before it left
            if one in self.monitors:
                yield Lost(self.monitors[one])
        yield Tick()

    def stop(self) -> None:
        for endpoint in list(self.lines):
            self.close(endpoint, linger=1000)  # so that BYE gets out
        self.router.close(linger=0)
        self.context.term()


# --- The command `conform` (chapter 9) ------------------------------------------------------------


def show(message: Message) -> dict[str, Any]:
    """A message as chapter 9 writes it: fields by name, bytes in hexadecimal."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return value.hex() if isinstance(value, bytes) else value

    taken = {entry.name: getattr(message, entry.name) for entry in fields(message)}
    if seal := taken.pop("seal", None):
        taken |= {"identity": seal[0], "signature": seal[1]}
    values = {name: plain(value) for name, value in taken.items() if value is not None}
    return {"kind": type(message).__name__.upper()} | values


def run_of(given: dict[str, Any]) -> Run:
    return Run(**given)


def vote_of(given: dict[str, Any], round: int = 0) -> Vote:
    ids = tuple(given["ids"]) if given.get("ids") is not None else None
    author, votes = bytes.fromhex(given["author"]), bytes.fromhex(given["votes"])
    return Vote(author, given.get("round", round), votes, ids)


def speaker_of(given: dict[str, Any]) -> Speaker:
    secret = bytes.fromhex(given["secret"]) if given.get("secret") else None
    identity = bytes.fromhex(given.get("identity") or public_key(secret or b"").hex())
    return Speaker(identity, bytes.fromhex(given.get("instance") or "00" * 8), secret)


def verdict_of(refused: Refused) -> dict[str, Any]:
    return {"verdict": refused.verdict, "reason": refused.reason}


def case_bits(given: dict[str, Any]) -> dict[str, Any]:
    if "labels" in given:
        return {"packed": pack(given["labels"], given["bits"]).hex()}
    packed = bytes.fromhex(given["packed"])
    labels = unpack(packed, given["count"], given["bits"], given["highest"])
    return {"verdict": "accept", "labels": labels}


def case_probes(given: dict[str, Any]) -> dict[str, Any]:
    run_id = bytes.fromhex(given["run_id"])
    return {"ids": probe_ids(run_id, given["round"], given["pool"], given["count"])}


def case_digraph(given: dict[str, Any]) -> dict[str, Any]:
    members = [bytes.fromhex(author) for author in given["members"]]
    ring = ring_of(bytes.fromhex(given["run_id"]), given["round"], members)
    result: dict[str, Any] = {"ring": [author.hex() for author in ring]}
    for i, side in enumerate(("receivers", "senders")):
        sides = {author: routes(ring, author, given["degree"])[i] for author in members}
        result[side] = {author.hex(): [a.hex() for a in there] for author, there in sides.items()}
    return result


def case_codec(given: dict[str, Any]) -> dict[str, Any]:
    run, sender = run_of(given["run"]), given.get("sender")
    message = decode(bytes.fromhex(given["frame"]), run, speaker_of(sender) if sender else None)
    return {"verdict": "accept", "message": show(message)}


def case_ledger(given: dict[str, Any]) -> dict[str, Any]:
    run = run_of(given["run"])
    if "ballot" in given:
        return {"tag": vote_of(given["ballot"]).tag(run.id).hex()}
    ledger = Ledger(run)
    outcomes = [ledger.add(vote_of(vote)) for vote in given["add"]]
    rounds = {*ledger.rounds, *given.get("rounds", [0])}
    ballots, listings = {}, {}
    for r in rounds:
        ballots[str(r)] = [[v.author.hex(), v.votes.hex()] for v in ledger.counting(r)]
        listings[str(r)] = [[author.hex(), tag.hex()] for author, tag in ledger.listing(r)]
    asked = given.get("ranges", [])
    hashes = [[r, n, ledger.hash(r, n).hex()] for r, n in asked]
    return {"outcomes": outcomes, "ballots": ballots, "listings": listings, "ranges": hashes}


def case_tally(given: dict[str, Any]) -> dict[str, Any]:
    run, round = run_of(given["run"]), given["round"]
    tally = Tally(run, round, [vote_of(v, round) for v in given["ballots"]], given.get("ids"))
    probes = list(tally.counts)
    return {
        "ids": probes,
        "voters": [sum(tally.counts[probe].values()) for probe in probes],
        "plurality": [tally.plurality(probe) for probe in probes],
        "margin": [tally.margin(probe) for probe in probes],
        "cells": [list(cell) for cell in tally.cells()],
        "digest": tally.digest().hex(),
    }


def case_seal(given: dict[str, Any]) -> dict[str, Any]:
    text = bytes.fromhex(given["text"])
    if "secret" in given:
        secret = bytes.fromhex(given["secret"])
        return {"identity": public_key(secret).hex(), "signature": sign(secret, text).hex()}
    check_seal(bytes.fromhex(given["identity"]), bytes.fromhex(given["signature"]), text)
    return {"verdict": "accept"}


def case_gossip(given: dict[str, Any]) -> dict[str, Any]:
    """Play a script (9.3): time passes only between its steps."""
    me, timing = speaker_of(given["self"]), Timing(**given.get("timing", {}))
    rng = random.Random(0)
    endpoint = given["self"]["endpoint"]
    peer = Peer(run_of(given["run"]), timing, me, endpoint, given["labels"], rng, grease=False)
    steps, tallies = [], dict[str, str]()
    for step in given["steps"]:
        now, do, effects = step["at"] / 1000, step["do"], []
        while (due := peer.due()) is not None and due <= now:
            effects += peer.handle(Tick(), due)
        before = len(effects)
        if do == "start":
            event: Event = Start(tuple(step.get("seeds", ())), step.get("fresh", False))
        elif do == "receive":
            frames = step.get("frames") or [step["frame"]]
            event = Receive(str(step["link"]).encode(), tuple(map(bytes.fromhex, frames)))
        else:
            event = Lost(step["endpoint"]) if do == "lost" else Stop() if do == "stop" else Tick()
        effects += peer.handle(event, now)
        received = len(effects)
        while (due := peer.due()) is not None and due <= now:  # one round after another
            effects += peer.handle(Tick(), due)
        shown: dict[str, Any] = {}
        if do == "receive":
            shown["verdict"] = "accept"
            for effect in effects[before:received]:
                if isinstance(effect, Refusal) and not effect.by_them:
                    reason = next(name for name, code in REASONS.items() if code == effect.reason)
                    shown |= verdict_of(Refused(reason, ""))
        shown["send"] = [[e.endpoint, e.frame.hex()] for e in effects if isinstance(e, Send)]
        tallies |= {str(e.round): e.digest.hex() for e in effects if isinstance(e, Closed)}
        steps.append(shown)
    members = {author.hex(): member.state for author, member in peer.members.items()}
    return {"steps": steps, "tallies": tallies, "members": members}


def conform() -> int:
    for line in sys.stdin:
        asked = json.loads(line)
        answer = {"case": asked["case"]}
        try:
            case = globals().get(f"case_{asked['kind']}")
            if case is None:
                answer["unimplemented"] = f"cases of kind {asked['kind']}"
            elif "view" in asked["input"].get("run", {}):
                answer["unimplemented"] = "runs with a view (4.8)"
            elif "electorate" in asked["input"].get("run", {}):
                answer["unimplemented"] = "runs with an electorate (7.5)"
            elif "model" in asked["input"].get("run", {}):
                answer["unimplemented"] = "runs with one shape of model (RUN-8)"
            else:
                answer["result"] = case(asked["input"])
        except Refused as refused:
            answer["result"] = verdict_of(refused)
        except Exception:
            traceback.print_exc()
            answer["result"] = {}
        print(json.dumps(answer), flush=True)
    return 0


# --- The command `run` ----------------------------------------------------------------------------


def say(event: str, **values: Any) -> None:
    print(json.dumps({"event": event} | values), flush=True)


def ask_for_run(
    wire: Wire, endpoint: str, seed: str, seconds: float, stopping: list[int]
) -> Run | None:
    """The run of the peer at `seed`, which it tells who says HELLO for another (CONTACT-3)."""
    nobody = Speaker(os.urandom(32), os.urandom(8))
    hello = Hello(AGENT, endpoint, nobody.identity, nobody.instance, 1, False, run=bytes(32))
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stopping:
        wire.obey(Send(seed, encode(hello, Run(), nobody), once=True))
        ask_again = time.monotonic() + 1
        while time.monotonic() < ask_again and not stopping:
            for event in wire.events(ask_again - time.monotonic()):
                if isinstance(event, Receive) and len(event.frames) == 1:
                    with contextlib.suppress(Refused, ValueError):
                        answer = decode(event.frames[0], Run(), None)
                        if isinstance(answer, Error) and answer.code == REASONS["RUN"]:
                            return Run.parse(answer.text)
    return None


def report(effects: list[Effect], told: dict[tuple[int, bool], float]) -> Finished | None:
    """Tell what happened; return the end if it was that. A reason is told once a second at most."""
    for effect in effects:
        if isinstance(effect, Closed):
            digest = effect.digest.hex()
            say("tally", round=effect.round, ballots=effect.ballots, digest=digest)
        elif isinstance(effect, Refusal):
            key, now = (effect.reason, effect.by_them), time.monotonic()
            if now >= told.get(key, now):
                told[key] = now + 1
                say("refused", reason=effect.reason, text=effect.text, by_them=effect.by_them)
        elif isinstance(effect, Finished):
            return effect
    return None


class Everywhere(list[int]):
    """The label id mod C for each probe: the pool may be what a stranger says, up to 2^32 - 1."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __getitem__(self, probe: Any) -> Any:
        return probe % self.classes


def run_peer(args: argparse.Namespace) -> int:
    for seed in filter(is_encrypted, args.seed):
        raise SystemExit(f"peer.py: {seed} encrypts, which this peer does not: nobody would answer")
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    wire = Wire()
    try:
        endpoint = wire.listen(args.listen)
    except wire.zmq.ZMQError as error:
        raise SystemExit(f"peer.py: cannot listen at {args.listen}: {error}") from error
    if not is_endpoint(endpoint):
        raise SystemExit(f"peer.py: {endpoint} is no endpoint that others can dial")
    wait = args.timing.join_deadline
    run = args.run or ask_for_run(wire, endpoint, args.seed[0], wait, stopping)
    if run is None:
        wire.stop()
        if stopping:
            return 0
        raise SystemExit(f"peer.py: nobody at {args.seed[0]} told the run; --run FILE gives it")
    labels = args.labels or Everywhere(run.classes)
    if args.labels and (
        len(labels) != run.pool or not all(type(x) is int and 0 <= x <= run.highest for x in labels)
    ):
        raise SystemExit(f"peer.py: --labels needs {run.pool} labels from 0 to {run.highest}")
    secret = args.identity if run.sealed else None
    identity = public_key(args.identity) if run.sealed else args.identity
    me = Speaker(identity, os.urandom(8), secret)
    peer = Peer(run, args.timing, me, endpoint, labels, random.Random())
    say("listening", endpoint=endpoint, author=me.author.hex(), run=run.digest.hex())
    end, told = None, dict[tuple[int, bool], float]()
    events: Iterator[Event] = iter((Start(tuple(args.seed), args.fresh),))
    while end is None:
        for event in [*events, *([Stop()] if stopping else [])]:
            effects = peer.handle(event, time.monotonic())
            for effect in effects:
                wire.obey(effect)
            end = report(effects, told) or end
        due = peer.due()
        if end is None and due is not None:
            events = wire.events(due - time.monotonic())
    wire.stop()
    say("finished", completed=end.completed, rounds=end.rounds,
        sent=wire.sent, received=wire.received)  # fmt: skip
    if end.completed or stopping:
        return 0
    print(f"peer.py: {end.text}", file=sys.stderr)
    return 1


def timing_of(text: str) -> Timing:
    given = json.loads(text)
    defaults = {entry.name: entry.default for entry in fields(Timing)}
    for name, value in given.items():
        if name not in defaults:
            raise ValueError(f"no timing is called {name}")
        least = {"retain": 2, "ahead": 2, "rounds": 1, "quorum": 1, "staleness": 0}.get(name)
        if name == "pace":
            good = value in ("lockstep", "bounded", "free")
        elif least is not None:
            good = type(value) is int and value >= least
        else:
            good = type(value) in (int, float) and value > 0
        if not good:
            raise ValueError(f"{name} cannot be {value}")
    return Timing(**given)


def main() -> int:
    parser = argparse.ArgumentParser(description="A minimal peer of the tally protocol.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("conform", help="answer vectors, one JSON object a line")
    flags = commands.add_parser("run", help="take part in a run")
    flags.add_argument("--listen", required=True, help="tcp://127.0.0.1:* picks a port")
    flags.add_argument("--seed", action="append", default=[], help="an endpoint of the swarm")
    flags.add_argument("--run", help="a file with the run descriptor; else the first seed is asked")
    flags.add_argument("--rounds", type=int)
    flags.add_argument("--quorum", type=int)
    flags.add_argument("--identity", help="64 hex digits; in a sealed run the secret seed")
    flags.add_argument("--labels", help="a file with a JSON array, one label for each probe")
    flags.add_argument("--fresh", action="store_true", help="all of a new swarm start now")
    flags.add_argument("--timing", default="{}", help="a JSON object of the text's Timing")
    args = parser.parse_args()
    if args.command == "conform":
        return conform()
    try:
        given = json.loads(args.timing)
        given |= {n: getattr(args, n) for n in ("rounds", "quorum") if getattr(args, n) is not None}
        args.timing = timing_of(json.dumps(given))
        args.identity = bytes.fromhex(args.identity) if args.identity else os.urandom(32)
        if len(args.identity) != 32:
            raise ValueError("--identity is 64 hexadecimal digits")
        if not args.run and not args.seed:
            raise ValueError("the run is told by --run FILE or asked of a --seed")
        if not all(map(is_endpoint, args.seed)):
            raise ValueError("a --seed is tcp://HOST:PORT or ipc://PATH")
        if args.run:
            with open(args.run, encoding="ascii", newline="") as file:
                args.run = Run.parse(file.read())
        if args.labels:
            with open(args.labels, encoding="utf-8") as file:
                args.labels = json.load(file)
    except (OSError, ValueError, TypeError) as error:
        parser.error(str(error))
    return run_peer(args)


if __name__ == "__main__":
    sys.exit(main())
