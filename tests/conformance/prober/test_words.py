"""Every message has a line for people."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.words import kind_name, reason_name, words
from tallyp2p.messages import (
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Grease,
    Have,
    Hello,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)

A, B = b"\xaa" * 8, b"\xbb" * 8


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            Hello(bytes(32), bytes(8), "ipc://a", bytes(32), start=6, agent="x/1"),
            "HELLO of 66687aadf862bd77 at ipc://a, not met, known 1, start 6, agent x/1",
        ),
        (
            Hello(bytes(32), bytes(8), "ipc://a", bytes(32), met=True, extra=(("zz", b"\0"),)),
            "HELLO of 66687aadf862bd77 at ipc://a, met, known 1, zz",
        ),
        (Bye(None, 0), "BYE code 0, last round none"),
        (Bye(8, 1, "done"), "BYE code 1, last round 8: done"),
        (Error(11, "a\nb"), "ERROR MALFORMED: a …"),
        (Error(199), "ERROR code 199"),
        (Ping(1, 2), "PING nonce 00000001, roster 00000002"),
        (Pong(1, 2, None), "PONG nonce 00000001, roster 00000002, round none"),
        (Peers(("ipc://a",)), "PEERS ipc://a"),
        (Peers(()), "PEERS of nothing"),
        (Ballot(A, 6, b"12", (1, 2)), f"VOTE of {A.hex()}, round 6 on 2 ids, 2 bytes of votes"),
        (Digest((DigestEntry(2, 3, B * 2),)), "DIGEST 3 from 2: bbbbbbbb…"),
        (Have(4, ((A, B * 2),)), f"HAVE round 4: {A.hex()}: bbbbbbbb…"),
        (
            Want(tuple((A, round) for round in range(6))),
            "WANT " + ", ".join(f"{A.hex()} round {round}" for round in range(4)) + " and 2 more",
        ),
        (Grease(0x8A, b""), "Grease(kind=138, body=b'')"),
    ],
)
def test_a_line(message: Message, line: str) -> None:
    assert words(message) == line


def test_names() -> None:
    assert kind_name(b"\x04rest") == "PING"
    assert kind_name(b"\x7f") == "kind 7f"
    assert kind_name(b"") == "nothing"
    assert reason_name(21) == "SEAL" and reason_name(22) == "code 22"
