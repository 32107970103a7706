"""Cases for decoders of frames: every clause of chapters 2, 3 and 8, kept and broken.

A frame that is refused breaks one rule only, so that no order of checks changes its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.conformance import reference
from tests.conformance.frames import (
    NONE,
    Raw,
    Voice,
    digest,
    error,
    gaps,
    have,
    hello_frame,
    leb128,
    msgpack,
    peers,
    ping,
    pong,
    span,
    want,
)

__all__ = ["BASE", "EXPLICIT", "SENDER", "accept", "codec_cases", "large_cases", "refuse"]

Case = dict[str, Any]

BASE: dict[str, Any] = {  # in the run descriptor's order
    "seed": 0,
    "classes": 10,
    "abstain": True,
    "pool": 300,
    "pool_digest": "0" * 64,
    "probes": 4,
    "rounds_per_ballot": 2,
    "spreading": "sampled",
    "degree": 2,
    "ids": "derived",
    "seal": "none",
}
EXPLICIT = {**BASE, "ids": "explicit"}
SENDER = Voice(BASE, "sender", "tcp://10.0.0.7:5555")
OTHER = Voice(BASE, "other", "tcp://10.0.0.8:5555")
VOTES = bytes.fromhex("31415926")  # eight labels of 4 bits

VERDICTS = {reason: "ignore" for reason in ("VERSION", "TYPE", "RUN", "EARLY", "ROUND", "INTERNAL")}


def _case(
    name: str, clauses: str, frame: bytes, expect: Case, run: Case, sender: Voice | None
) -> Case:
    bound = None if sender is None else sender.sender
    given = {"run": run, "sender": bound, "frame": frame.hex()}
    return {"name": name, "clauses": clauses.split(), "input": given, "expect": expect}


def accept(
    name: str,
    clauses: str,
    frame: bytes,
    message: Case | None = None,
    run: Case = BASE,
    sender: Voice | None = SENDER,
) -> Case:
    expect: Case = {"verdict": "accept"}
    if message is not None:
        expect["message"] = message
    return _case(name, clauses, frame, expect, run, sender)


def refuse(
    reason: str,
    name: str,
    clauses: str,
    frame: bytes,
    run: Case = BASE,
    sender: Voice | None = SENDER,
) -> Case:
    expect = {"verdict": VERDICTS.get(reason, "reject"), "reason": reason}
    return _case(name, clauses, frame, expect, run, sender)


# --- frames ----------------------------------------------------------------------------------

VALID = {
    "PING": ping(1, 2),
    "PONG": pong(1, 2, 4),
    "PEERS": peers(["tcp://b:1"]),
    "VOTE": SENDER.vote(6, VOTES),
    "DIGEST": digest([(6, 1, bytes(16))]),
    "HAVE": have(6, [(bytes(8), bytes(16))]),
    "WANT": want([(bytes(8), 6)]),
}


def frame_cases() -> Iterator[Case]:
    yield refuse("MALFORMED", "no bytes", "FRAME-7", b"")
    yield refuse("MALFORMED", "no bytes, before HELLO", "FRAME-7", b"", sender=None)
    yield refuse("MALFORMED", "one byte, before HELLO", "FRAME-7", b"\x01", sender=None)
    for kind in (0x00, 0x07, 0x0F, 0x14, 0x7F):
        yield refuse("TYPE", f"the unknown kind {kind:02x}", "FRAME-10", bytes((kind, 0)))
    for kind in (0x80, 0x8A, 0x9A, 0xAA, 0xBA, 0xBF, 0xC0, 0xCA, 0xDA, 0xEA, 0xFA, 0xFF):
        frame = bytes((kind, 0xFF)) + b"what it means is not known"
        clause = "FRAME-10 GREASE-1" if kind & 15 == 10 else "FRAME-10"
        yield refuse("TYPE", f"the unknown kind {kind:02x}, which may be sent", clause, frame)
    yield refuse("TYPE", "an unknown kind and nothing else", "FRAME-10", b"\x80\x00")
    for name, frame in VALID.items():
        yield refuse("EARLY", f"{name} before HELLO", "FRAME-14", frame, sender=None)
        for flag in (1, 2, 4, 8, 16, 32, 64, 128):
            if name == "VOTE" and flag < 8:
                continue
            flagged = bytes((frame[0], frame[1] | flag)) + frame[2:]
            yield refuse("MALFORMED", f"flag {flag:02x} of {name}", "FRAME-9", flagged)
    for name, frame in (("BYE", SENDER.bye()), ("ERROR", error(33)), ("HELLO", SENDER.hello())):
        for flag in (1, 2, 8, 128):
            flagged = bytes((frame[0], flag)) + frame[2:]
            yield refuse("MALFORMED", f"flag {flag:02x} of {name}", "FRAME-9", flagged)
    yield refuse("MALFORMED", "flag 04 of ERROR", "FRAME-9", b"\x03\x04\x21" + bytes(64))


# --- HELLO -----------------------------------------------------------------------------------


def _hello_message(**changes: Any) -> Case:
    fields = SENDER.fields(**changes)
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()}
    optional = {key: None for key in ("held", "round", "start") if key not in shown}
    return {"kind": "HELLO", **shown, **optional}


def _hello(name: str, clauses: str, **changes: Any) -> Case:
    message = _hello_message(**changes)
    return accept(name, clauses, SENDER.hello(**changes), message, sender=None)


def _with(**more: Any) -> bytes:
    """A HELLO with keys that nobody knows."""
    return hello_frame({**SENDER.fields(), **more})


def hello_cases() -> Iterator[Case]:
    yield _hello("HELLO, nobody met", "HELLO-2", met=False, known=1, agent="")
    yield _hello("HELLO, the longest agent", "HELLO-2", agent="a" * 512)
    yield _hello("HELLO, the longest agent in two bytes a letter", "HELLO-2", agent="é" * 256)
    for number in (0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1):
        yield _hello(f"HELLO, known {number}", "HELLO-2 MAP-3", known=number)
    for key in ("held", "round", "start"):
        yield _hello(f"HELLO, {key} 0", "HELLO-2", **{key: 0})
        yield _hello(f"HELLO, {key} the last round", "FRAME-13", **{key: 2**32 - 2})
    for versions in ([1, 2], [1, 3], [1, 65_535]):
        yield _hello(f"HELLO, versions {versions}", "HELLO-3 VERSION-1", versions=versions)
    for endpoint in ("ipc:///tmp/a", "tcp://[2001:db8::1]:65535", f"ipc://{'a' * 249}"):
        name = f"HELLO from {endpoint[:28]}, {len(endpoint)} bytes"
        yield _hello(name, "ENDPOINT-1 ENDPOINT-2", endpoint=endpoint)
    again = SENDER.hello(met=False)
    yield accept("HELLO on a connection that is bound", "FRAME-14 CONTACT-5", again)
    long = _with(zone=bytes(4_096 - len(_with(zone=bytes(256))) + 256))
    assert len(long) == 4_096
    yield accept("HELLO of 4,096 bytes", "LIMIT-2", long, sender=None)
    longer = _with(zone=bytes(4_097 - len(_with(zone=bytes(256))) + 256))
    yield refuse("LIMIT", "HELLO of 4,097 bytes", "FRAME-8 LIMIT-2", longer, sender=None)
    for at in range(5):
        magic = bytearray(b"TALLY")
        magic[at] ^= 0x20
        frame = hello_frame(SENDER.fields(), magic=bytes(magic))
        name = f"HELLO, byte {at} of the magic wrong"
        yield refuse("VERSION", name, "HELLO-1", frame, sender=None)
    for versions in ([2, 2], [2, 3], [65_535, 65_535]):
        frame = SENDER.hello(versions=versions)
        yield refuse("VERSION", f"HELLO, versions {versions}", "HELLO-3", frame, sender=None)
    other = {"endpoint": "tcp://b:1", "versions": [2, 3], "who": {"key": bytes(48)}}
    for name, frame in (
        ("HELLO of version 2 whose other keys are not ours", hello_frame(other)),
        ("HELLO of version 2, signed in its way", hello_frame(other, flags=4) + bytes(64)),
    ):
        yield refuse("VERSION", name, "HELLO-3 FIXED-1", frame, sender=None)
    for key in ("agent", "endpoint", "identity", "instance", "known", "met", "run", "versions"):
        frame = SENDER.hello(**{key: None})
        yield refuse("MAP", f"HELLO without {key}", "HELLO-2", frame, sender=None)
    yield from _wrong_values()


def _wrong_values() -> Iterator[Case]:
    wrong: dict[str, list[Any]] = {
        "agent": [7, b"x/1", "a" * 513, "é" * 257, ["x/1"]],
        "endpoint": [b"tcp://b:1", 7, "", "tcp://b", f"ipc://{'a' * 250}", "ipc:///é"],
        "held": [-1, NONE, 2**32, True, "4", Raw(b"\xc0")],
        "identity": [bytes(31), bytes(33), bytes(0), "a" * 32],
        "instance": [bytes(7), bytes(9), "a" * 8],
        "known": [-1, 2**32, True, "3"],
        "met": [1, 0, Raw(b"\xc0"), "yes"],
        "round": [-1, NONE, False, "4", Raw(b"\xc0")],
        "run": [bytes(31), bytes(33), bytes(8), "a" * 32],
        "start": [-1, NONE, 2**32, True, "4", Raw(b"\xc0")],
        "versions": [1, [], [1], [1, 1, 1], [0, 1], [2, 1], [1, 65_536], [-1, 1], [True, 1]]
        + [[1, True], ["1", "1"], {"1": 1}],
    }
    for key, values in wrong.items():
        for value in values:
            shown = "nil" if value == b"\xc0" else repr(value)[:14]
            size = len(value) if isinstance(value, str | bytes) else 0
            name = f"HELLO, {key} = {shown}" + (f", {size} long" if size > 1 else "")
            yield refuse("MAP", name, "HELLO-2", SENDER.hello(**{key: value}), sender=None)


def map_cases() -> Iterator[Case]:
    known = _hello_message()

    def fine(name: str, clauses: str, **more: Any) -> Case:
        return accept(f"a HELLO with {name}", clauses, _with(**more), known, sender=None)

    def bad(name: str, clauses: str, frame: bytes) -> Case:
        return refuse("MAP", f"a HELLO with {name}", clauses, frame, sender=None)

    yield fine("keys before and after ours", "HELLO-4 MAP-1", a=1, zone=2)
    yield fine("a key whose beginning is one of ours", "HELLO-4 MAP-1", meta=1)
    yield fine("an empty key", "HELLO-4 MAP-1", **{"": 1})
    yield fine("a key for private use", "HELLO-4 EXT-1", **{"x-lab": [1, "a"]})
    yield fine("grease", "HELLO-4 GREASE-1", **{"grease-1a2b": {"b": None}})
    yield fine("a key of 31 bytes and one of 32", "MAP-3", **{"y" * 31: 1, "z" * 32: 2})
    # UTF-16, by which some languages sort, has these two the other way round.
    last, beyond = "\uff5e", "\U00010000"
    yield fine("keys ascending as UTF-8", "MAP-1", **{"é": 1, last: 2, beyond: 3})
    swapped = {**SENDER.fields(), last: Raw(msgpack(1))}
    good = hello_frame({**swapped, beyond: 1})
    pair = msgpack(last) + b"\x01" + msgpack(beyond) + b"\x01"
    wrong = msgpack(beyond) + b"\x01" + msgpack(last) + b"\x01"
    yield bad("keys ascending as UTF-16", "MAP-1", good.replace(pair, wrong))
    yield fine("64 keys", "MAP-2", **{f"z{n:02}": n for n in range(56)})
    yield bad("65 keys", "MAP-2", _with(**{f"z{n:02}": n for n in range(57)}))
    for number in (-1, -32, -33, -128, -129, -(2**15), -(2**15) - 1, -(2**31), -(2**31) - 1):
        yield fine(f"the number {number}", "MAP-2 MAP-3", zone=number)
    for number in (127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1):
        yield fine(f"the number {number}", "MAP-2 MAP-3", zone=number)
    yield fine("the number -2^63", "MAP-2 MAP-3", zone=-(2**63))
    for size in (0, 31, 32, 255, 256):
        yield fine(f"a string of {size}", "MAP-2 MAP-3", zone="a" * size)
        yield fine(f"a binary of {size}", "MAP-2 MAP-3", zone=bytes(size))
    for size in (0, 15, 16, 64):
        yield fine(f"an array of {size}", "MAP-2 MAP-3", zone=[0] * size)
        inner = {f"{n:02}": n for n in range(size)}
        yield fine(f"a map of {size}", "MAP-2 MAP-3", zone=inner)
    for value in (None, True, False):
        yield fine(f"{value}", "MAP-2", zone=value)
    yield fine("arrays four deep", "MAP-2", zone=[[[1]]])
    yield fine("maps four deep", "MAP-2", zone={"a": {"a": {"a": 1}}})
    yield bad("arrays five deep, the last empty", "MAP-2", _with(zone=[[[[]]]]))
    yield bad("maps five deep", "MAP-2", _with(zone={"a": {"a": {"a": {"a": 1}}}}))
    yield bad("65 in an array in an array", "MAP-2", _with(zone=[[0] * 65]))
    yield bad("65 in a map", "MAP-2", _with(zone={f"{n:02}": n for n in range(65)}))
    for name, clauses, raw in _wrong_forms():
        yield bad(name, clauses, _with(zone=Raw(raw)))
    yield from _wrong_maps(bad)


def _wrong_forms() -> Iterator[tuple[str, str, bytes]]:
    for first, value in (
        ("cc", "00"),
        ("cc", "7f"),
        ("cd", "0080"),
        ("cd", "00ff"),
        ("ce", "00000100"),
        ("ce", "0000ffff"),
        ("cf", "0000000000010000"),
        ("cf", "00000000ffffffff"),
        ("d0", "05"),
        ("d1", "0100"),
        ("d2", "00010000"),
        ("d3", "0000000100000000"),
        ("d0", "ff"),
        ("d0", "e0"),
        ("d1", "ffdf"),
        ("d1", "ff80"),
        ("d2", "ffffff7f"),
        ("d3", "ffffffffffff7fff"),
        ("d9", "0161"),
        ("da", "000161"),
        ("db", "0000000161"),
        ("d9", "1f" + "61" * 31),
        ("da", "0020" + "61" * 32),
        ("da", "00ff" + "61" * 255),
        ("db", "00000100" + "61" * 256),
        ("c5", "000100"),
        ("c6", "0000000100"),
        ("c6", "00000100" + "00" * 256),
        ("dc", "000100"),
        ("dc", "000f" + "00" * 15),
        ("dd", "0000000100"),
        ("dd", "00000010" + "00" * 16),
        ("de", "0001a16100"),
        ("df", "00000001a16100"),
    ):
        yield (
            f"{first} {value[:20]} where less would do",
            "MAP-3 FRAME-11",
            bytes.fromhex(first + value),
        )
    for first, value in (
        ("ca", "00000000"),
        ("cb", "3ff0000000000000"),
        ("cb", "7ff8000000000000"),
        ("d4", "0000"),
        ("d5", "000000"),
        ("d6", "ff00000000"),
        ("d7", "ff0000000000000000"),
        ("d8", "00" * 17),
        ("c7", "0500" + "00" * 5),
        ("c8", "000500" + "00" * 5),
        ("c9", "0000000500" + "00" * 5),
        ("c1", ""),
    ):
        yield f"{first} {value[:20]}".strip(), "MAP-2", bytes.fromhex(first + value)
    for name, raw in (
        ("a byte that no letter begins with", "a1ff"),
        ("half a letter", "a1c3"),
        ("a letter in more bytes than it needs", "a2c0af"),
        ("half of a pair of UTF-16", "a3eda080"),
        ("a letter beyond the last", "a4f4908080"),
    ):
        yield f"{name} in a string", "MAP-2", bytes.fromhex(raw)
        inner = b"\x81" + bytes.fromhex(raw) + b"\x00"
        yield f"{name} in a key", "MAP-1", inner
    for name, raw in (
        ("a number as key", "810100"),
        ("a binary as key", "81c4016100"),
        ("nil as key", "81c000"),
        ("an array as key", "819000"),
    ):
        yield name, "MAP-1", bytes.fromhex(raw)
    yield "inner keys that descend", "MAP-1", bytes.fromhex("82a16200a16100")
    yield "an inner key twice", "MAP-1", bytes.fromhex("82a16100a16100")
    yield "a longer inner key before its beginning", "MAP-1", bytes.fromhex("82a2616100a16100")
    yield "inner keys that descend in an array", "MAP-1", bytes.fromhex("9182a16200a16100")
    yield "an inner key in a long form", "MAP-3", bytes.fromhex("81d9016100")


def _wrong_maps(bad: Any) -> Iterator[Case]:
    whole = SENDER.hello()
    for name, frame in (
        ("no map at all", whole[:7]),
        ("an array in place of the map", whole[:7] + b"\x90"),
        ("nil in place of the map", whole[:7] + b"\xc0"),
        ("a number in place of the map", whole[:7] + b"\x08"),
        ("a map that breaks off", whole[:-1]),
        ("a map that claims another pair", whole[:7] + b"\x89" + whole[8:]),
        ("a map that claims a pair less", whole[:7] + b"\x87" + whole[8:]),
        ("a second map after it", whole + b"\x80"),
        ("a string that claims more than there is", _with(zone=Raw(b"\xbf"))),
        ("a binary that claims more than there is", _with(zone=Raw(b"\xc5\xff\xff"))),
        ("an array that claims more than there is", _with(zone=Raw(b"\xdd" + b"\xff" * 4))),
        ("a map that claims more than there is", _with(zone=Raw(b"\xdf" + b"\xff" * 4))),
    ):
        yield bad(name, "MAP-4", frame)
    yield bad("df before the map", "MAP-3", whole[:7] + bytes.fromhex("df00000008") + whole[8:])
    key = whole.replace(b"\xa5agent", b"\xd9\x05agent")
    yield bad("a key in a long form", "MAP-3", key)
    twice = whole[:7] + b"\x89" + whole[8:] + b"\xa8versions\x92\x01\x01"
    yield bad("the last key twice", "MAP-1", twice)


# --- BYE, ERROR, PING, PONG ------------------------------------------------------------------

BROKEN_TEXTS = {
    "half a letter": b"a\xc3",
    "a letter in more bytes than it needs": b"\xc0\xaf",
    "half of a pair of UTF-16": b"\xed\xa0\x80",
    "a letter beyond the last": b"\xf4\x90\x80\x80",
    "a byte that no letter begins with": b"\xff",
}
TEXTS = {
    "512 bytes": "a" * 512,
    "512 bytes of two a letter": "é" * 256,
    "a mark of the order of bytes": "\ufeffa",
    "a letter beyond UTF-16's first plane": "\U0001d11e",
    "a zero byte": "a\x00b",
}


def talk_cases() -> Iterator[Case]:
    for code, last in ((0, None), (0, 0), (1, 2**32 - 2), (2, 4), (255, 1)):
        message = {"kind": "BYE", "code": code, "last": last, "text": ""}
        name = f"BYE {code} after round {last}"
        yield accept(name, "BYE-2 FRAME-13", SENDER.bye(code, last), message)
    for name, text in TEXTS.items():
        message = {"kind": "BYE", "code": 0, "last": None, "text": text}
        yield accept(f"BYE, {name}", "BYE-1", SENDER.bye(0, None, text), message)
        message = {"kind": "ERROR", "code": 33, "text": text}
        yield accept(f"ERROR, {name}", "ERROR-1", error(33, text), message)
    for name, raw in BROKEN_TEXTS.items():
        yield refuse("MALFORMED", f"BYE, {name}", "BYE-1", SENDER.bye() + raw)
        yield refuse("MALFORMED", f"ERROR, {name}", "ERROR-1", error(33) + raw)
    for size in (513, 514, 4_089):
        yield refuse("LIMIT", f"BYE, {size} bytes of text", "BYE-1", SENDER.bye(0, 0, "a" * size))
        yield refuse("LIMIT", f"ERROR, {size} bytes of text", "ERROR-1", error(33, "a" * size))
    yield refuse("LIMIT", "ERROR, 257 letters of 2 bytes", "ERROR-1", error(33, "é" * 257))
    for size in (0, 1, 4):
        name = f"BYE with {size} bytes after its flags"
        yield refuse("LENGTH", name, "FRAME-12", SENDER.bye()[: 2 + size])
    for code in (0, 10, 50, 255):
        message = {"kind": "ERROR", "code": code, "text": ""}
        yield accept(f"ERROR {code}", "VERDICT-6 FIXED-2", error(code), message)
    descriptor = reference.descriptor(BASE)
    message = {"kind": "ERROR", "code": 13, "text": descriptor}
    frame = error(13, descriptor)
    yield accept(
        "ERROR with a run descriptor, before HELLO", "FRAME-14", frame, message, BASE, None
    )
    for nonce, roster in ((0, 0), (NONE, NONE), (1, 2**31)):
        message = {"kind": "PING", "nonce": nonce, "roster": roster}
        yield accept(f"PING {nonce} with {roster}", "FRAME-6", ping(nonce, roster), message)
        message = {"kind": "PONG", "nonce": nonce, "roster": roster, "round": 2**32 - 2}
        frame = pong(nonce, roster, 2**32 - 2)
        yield accept(f"PONG {nonce} with {roster}", "FRAME-6 FRAME-13", frame, message)
    message = {"kind": "PONG", "nonce": 0, "roster": 0, "round": None}
    yield accept("PONG without a round", "FRAME-13 PING-2", pong(0), message)
    for name, frame in (("PING", ping(1)), ("PONG", pong(1))):
        for cut in (0, 1, 4, len(frame) - 3):
            yield refuse("LENGTH", f"{name} with {cut} bytes", "FRAME-12", frame[: 2 + cut])
        for more in (1, 4):
            yield refuse("LENGTH", f"{name} and {more} more", "FRAME-12", frame + bytes(more))


# --- PEERS, and endpoints everywhere ---------------------------------------------------------

ENDPOINTS = (
    "tcp://a:1 tcp://a:9 tcp://a:10 tcp://a:65535 tcp://a:60000 tcp://127.0.0.1:80 tcp://a-b.c:1 "
    "tcp://A9:1 tcp://-:1 tcp://0a:1 tcp://10.0.0.0:1 tcp://0.0.0.01:1 tcp://[::1]:1 "
    "tcp://[2001:DB8::a]:5555 tcp://[::ffff:10.0.0.1]:1 ipc://a ipc:///tmp/x.sock ipc://!~ "
    "ipc://@a ipc://tcp://a:1"
).split()
NO_ENDPOINTS = [
    *("udp://a:1 inproc://a tcp:a:1 tcp//a:1 tcp:/a:1 TCP://a:1 IPC://a a:1 tcp:// ipc://").split(),
    *(
        "tcp://a tcp://a: tcp://:1 tcp://a:0 tcp://a:00 tcp://a:01 tcp://a:00001 tcp://a:65536"
    ).split(),
    *("tcp://a:65540 tcp://a:65600 tcp://a:66000 tcp://a:70000 tcp://a:100000 tcp://a:-1").split(),
    *("tcp://a:+1 tcp://a:1x tcp://a:0x1 tcp://a:1/ tcp://a:1:1 tcp://a_b:1 tcp://a/b:1").split(),
    *("tcp://*:1 tcp://a:* ipc://* ipc:///tmp/* tcp://::1:1 tcp://[]:1 tcp://[a:1").split(),
    *("tcp://[::1] tcp://[::g]:1 tcp://a@b:1 tcp://0.0.0.0:80 tcp://0:80 tcp://00.00:80").split(),
    *("tcp://.:80 tcp://[0::0]:80 tcp://[::0.0.0.0]:80 tcp://[0:0::]:80").split(),
    "tcp://a:1 ",
    " tcp://a:1",
    "tcp://a b:1",
    "tcp://a:1\n",
    "tcp://a:1\x00",
    "tcp://é:1",
    "tcp://a:\uff11",
    "tcp://a:\u0661",
    "ipc://a b",
    "ipc://a\n",
    "ipc://\x7f",
    "ipc://é",
    "",
]
ZEROS = ("0.0.0.0", "0:80", "00.00", "//.:", "[0::0]", "[::0.0.0.0]", "[0:0::]")


def peers_cases() -> Iterator[Case]:
    def message(endpoints: list[str]) -> Case:
        return {"kind": "PEERS", "endpoints": endpoints}

    for endpoint in ENDPOINTS:
        yield accept(endpoint, "ENDPOINT-2", peers([endpoint]), message([endpoint]))
    longest = "ipc://" + "a" * 249
    yield accept("an endpoint of 255", "ENDPOINT-1", peers([longest]), message([longest]))
    many = [f"tcp://a:{n + 1}" for n in range(64)]
    yield accept("64 endpoints", "PEERS-1", peers(many), message(many))
    twice = ["tcp://a:1", "tcp://a:1"]
    yield accept("an endpoint twice", "PEERS-2", peers(twice), message(twice))
    for endpoint in NO_ENDPOINTS:
        clause = "ENDPOINT-4" if any(zero in endpoint for zero in ZEROS) else "ENDPOINT-2"
        name = f"no endpoint: {endpoint!r}"
        yield refuse("MALFORMED", name, f"{clause} PEERS-2", peers([endpoint]))
    latin = peers([b"tcp://\xe9:1"])
    yield refuse("MALFORMED", "no endpoint: a byte that is not UTF-8", "ENDPOINT-2 PEERS-2", latin)
    mixed = peers(["tcp://a:1", "tcp://b"])
    yield refuse("MALFORMED", "an endpoint and one that is none", "PEERS-2", mixed)
    more = peers([f"tcp://a:{n + 1}" for n in range(65)])
    yield refuse("LIMIT", "65 endpoints, all different", "PEERS-1", more)
    two = peers(["tcp://a:1", "tcp://b:1"])
    for name, frame in (
        ("PEERS without a count", two[:2]),
        ("PEERS that claims one more", two[:2] + b"\x03" + two[3:]),
        ("PEERS that claims one less", two[:2] + b"\x01" + two[3:]),
        ("PEERS that claims none", two[:2] + b"\x00" + two[3:]),
        ("PEERS that ends after a length", two[:14]),
        ("PEERS that ends within an endpoint", two[:-1]),
        ("PEERS and a byte more", two + b"\x00"),
    ):
        yield refuse("LENGTH", name, "FRAME-12", frame)


# --- VOTE ------------------------------------------------------------------------------------


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


# --- DIGEST, HAVE, WANT ----------------------------------------------------------------------


def list_cases() -> Iterator[Case]:
    mark = bytes(range(16))

    def digest_message(entries: list[tuple[int, int, bytes]]) -> Case:
        shown = [[at, count, mark.hex()] for at, count, mark in entries]
        return {"kind": "DIGEST", "entries": shown}

    for name, clause, entries in (
        ("as many entries as may be", "DIGEST-1 LIMIT-2", [(2 * n, 1, mark) for n in range(128)]),
        ("a round that begins no ballot", "DIGEST-2", [(7, 1, mark), (8, 1, mark)]),
        ("a range beyond the last round", "DIGEST-2", [(2**32 - 4, 9, mark), (8, 1, mark)]),
        ("a range of none", "DIGEST-2", [(6, 0, mark)]),
        ("the longest range", "DIGEST-1", [(0, 65_535, mark)]),
        ("an entry twice", "DIGEST-1", [(6, 1, mark)] * 2),
    ):
        frame = digest(entries)
        yield accept(f"DIGEST, {name}", clause, frame, digest_message(entries))
    full = digest([(2 * n, 1, mark) for n in range(129)])
    yield refuse("LIMIT", "DIGEST of 129, all different", "DIGEST-1", full)
    whole = digest([(6, 1, mark), (8, 1, mark)])
    for size in (1, 21, 23, 43):
        yield refuse("LENGTH", f"DIGEST, {size} bytes", "DIGEST-1", whole[: 2 + size])
    yield refuse("LENGTH", "DIGEST and a byte more", "DIGEST-1", whole + b"\x00")

    authors = [n.to_bytes(8, "big") for n in range(2_049)]
    signs = [bytes.fromhex(high) + bytes(7) for high in ("00", "7f", "80", "ff")]
    for name, clause, who in (
        ("as many entries as may be", "HAVE-1 LIMIT-2", authors[:2_048]),
        ("authors ascending as unsigned bytes", "HAVE-2 NAME-5", signs),
        ("one entry", "HAVE-1", authors[:1]),
    ):
        listed = [[author.hex(), mark.hex()] for author in who]
        message = {"kind": "HAVE", "round": 2**32 - 2, "entries": listed}
        frame = have(2**32 - 2, [(author, mark) for author in who])
        yield accept(f"HAVE, {name}", clause, frame, message)
    more = have(6, [(author, mark) for author in authors])
    yield refuse("LIMIT", "HAVE of 2,049", "HAVE-1", more)
    two = have(6, [(author, mark) for author in signs[:2]])
    for size in (0, 1, 3, 5, 27, 29, 51):
        yield refuse("LENGTH", f"HAVE, {size} bytes", "HAVE-1", two[: 2 + size])
    for name, order in (
        ("as signed bytes", [2, 3, 0, 1]),
        ("the last two exchanged", [0, 1, 3, 2]),
        ("the first two exchanged", [1, 0, 2, 3]),
        ("one twice, apart", [0, 1, 2, 0]),
    ):
        wrong = have(6, [(signs[at], mark) for at in order])
        yield refuse("MALFORMED", f"HAVE, authors ascend {name}", "HAVE-2", wrong)

    for name, clause, entries_wanted in (
        ("as many entries as may be", "WANT-1 LIMIT-2", [(a, 6) for a in authors[:256]]),
        ("nothing", "WANT-1", []),
        ("an entry twice, and any round", "WANT-1", [(authors[0], NONE)] * 2),
    ):
        shown = [[who.hex(), round] for who, round in entries_wanted]
        message = {"kind": "WANT", "entries": shown}
        yield accept(f"WANT, {name}", clause, want(entries_wanted), message)
    more = want([(a, 6) for a in authors[:257]])
    yield refuse("LIMIT", "WANT of 257, all different", "WANT-1", more)
    asked = want([(authors[0], 6), (authors[1], 6)])
    for size in (1, 11, 13, 23):
        yield refuse("LENGTH", f"WANT, {size} bytes", "WANT-1", asked[: 2 + size])
    yield refuse("LENGTH", "WANT and a byte more", "WANT-1", asked + b"\x00")


def codec_cases() -> Iterable[Case]:
    yield from frame_cases()
    yield from hello_cases()
    yield from map_cases()
    yield from talk_cases()
    yield from peers_cases()
    yield from vote_cases()
    yield from ids_cases()
    yield from list_cases()


# --- the limit on frames ---------------------------------------------------------------------


def large_cases() -> Iterable[Case]:
    """Ballots about as long as a frame may be: 8 bits a vote, and ids far apart."""
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
