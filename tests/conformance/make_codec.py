"""Cases for decoders of frames: headers, texts, endpoints and lists (chapters 2, 3 and 8).

A frame that is refused breaks one rule only, so that no order of checks changes its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.conformance import reference
from tests.conformance.cases import BASE, SENDER, VOTES, Case, accept, refuse
from tests.conformance.frames import NONE, digest, error, have, peers, ping, pong, want
from tests.conformance.make_hello import KEY, hello_cases, map_cases
from tests.conformance.make_votes import ids_cases, vote_cases

__all__ = ["codec_cases"]


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
KEYED = [
    *(f"tcp://{where}#{KEY}" for where in ("a:1", "10.0.0.7:5555", "a-b.c:65535", "[::1]:80")),
    f"tcp://a:1#{'A' * 43}",  # of that form, though it is nobody's key
    f"tcp://a:1#{'_-' * 21}8",
    f"tcp://{'a' * 200}:1#{KEY}",
    f"tcp://{'a' * 203}:1#{KEY}",
    "ipc://a#b",  # a path may have one
    f"ipc:///tmp/a#{KEY}",
]
NOT_KEYED = [
    *(f"tcp://a:1{tail}" for tail in ("#", f"{KEY}", f"##{KEY}", f"#{KEY}#", f"#{KEY} ")),
    *(f"tcp://a:1#{key}" for key in (KEY[:42], KEY + "A", KEY + "=", KEY[:42] + "h", "=" * 43)),
    *(f"tcp://a:1#{KEY[:42]}{last}" for last in "BCDFHJabdefz12-_"),
    *(f"tcp://a:1#{KEY.replace('_', other)}" for other in "+/.%"),
    f"tcp://a#{KEY}",
    f"tcp://a:#{KEY}",
    f"tcp://a#{KEY}:1",
    f"#{KEY}",
    f"tcp://a:1/#{KEY}",
    f"tcp://a:65536#{KEY}",
    f"tcp://a:1#{KEY}\n",
    f"tcp://0.0.0.0:1#{KEY}",
    f"tcp://[::]:1#{KEY}",
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
    for endpoint in KEYED:
        name = f"{endpoint[:60]}, {len(endpoint)} bytes"
        yield accept(name, "ENDPOINT-1 ENDPOINT-5", peers([endpoint]), message([endpoint]))
    for endpoint in NOT_KEYED:
        clause = "ENDPOINT-4" if "/0.0.0.0" in endpoint or "[::]" in endpoint else "ENDPOINT-5"
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
