"""Cases for HELLO: its keys (HELLO clauses) and the one form of its map (MAP clauses)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.conformance.cases import BASE, SENDER, Case, accept, refuse
from tests.conformance.frames import NONE, Raw, Voice, hello_frame, msgpack

__all__ = ["KEY", "hello_cases", "map_cases", "model_cases"]

KEY = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"  # of the secret key 00 01 02 ... 1f (KEY-3)


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
    keyed = f"tcp://b:1#{KEY}"
    yield _hello("HELLO from an endpoint with a key", "ENDPOINT-5", endpoint=keyed)
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
        ("HELLO of version 2 with flags of its own", hello_frame(other, flags=0x81)),
        ("HELLO of version 2 with all flags", hello_frame(other, flags=0xFF) + bytes(64)),
    ):
        yield refuse("VERSION", name, "HELLO-3 FIXED-1", frame, sender=None)
    for key in ("agent", "endpoint", "identity", "instance", "known", "met", "run", "versions"):
        frame = SENDER.hello(**{key: None})
        yield refuse("MAP", f"HELLO without {key}", "HELLO-2", frame, sender=None)
    yield from _wrong_values()


def model_cases() -> Iterator[Case]:
    """The run descriptor names `model` where it is not empty, after all others."""
    for more in ({}, {"view": 4}):
        run = {**BASE, **more, "model": 32 * "a7"}
        voice = Voice(run, "sender", "tcp://10.0.0.7:5555")
        shown = {"kind": "HELLO", "run": voice.fields()["run"].hex()}
        name = "HELLO in a run with one shape of model" + (" and a view" if more else "")
        yield accept(name, "RUN-1 RUN-2 RUN-8", voice.hello(start=0), shown, run, None)


def _wrong_values() -> Iterator[Case]:
    wrong: dict[str, list[Any]] = {
        "agent": [7, b"x/1", "a" * 513, "é" * 257, ["x/1"]],
        "endpoint": [
            b"tcp://b:1",
            7,
            "",
            "tcp://b",
            f"tcp://b:1#{KEY[:42]}",
            f"ipc://{'a' * 250}",
            "ipc:///é",
        ],
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
