"""Messages to frames and back, also where nobody has the keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyp2p.birth import Birth
from tallyp2p.messages import (
    Bye,
    Digest,
    DigestEntry,
    Error,
    Grease,
    Hello,
    Message,
    Peers,
    Ping,
    Want,
)
from tallyp2p.parameters import Ids, RunParameters, Seal, Timing
from tallyp2p.tracing.frames import Frames
from tests.world import SMALL_RUN, ballot_of

SEALED = replace(SMALL_RUN, seal=Seal.ED25519)
ENDPOINT = "tcp://10.0.0.1:1"


def birth_of(run: RunParameters, name: bytes) -> Birth:
    return Birth.of(run, Timing(), name * 32, name * 8, b"seed" * 4)


@pytest.mark.parametrize("seal", list(Seal))
@pytest.mark.parametrize("ids", list(Ids))
def test_what_is_written_is_read_back(seal: Seal, ids: Ids) -> None:
    run = replace(SMALL_RUN, seal=seal, ids=ids)
    own, other = birth_of(run, b"a"), birth_of(run, b"b")
    frames = Frames(run, own.identity, own.instance)
    messages: list[Message] = [
        Hello(other.identity, other.instance, ENDPOINT, run.digest, extra=(("zeta", b"\x01"),)),
        Hello(other.identity, other.instance, ENDPOINT, bytes(32)),
        Bye(4, 1, "later"),
        Error(99, "says a newer version"),
        Ping(1, 2),
        Peers((ENDPOINT,)),
        Digest((DigestEntry(2, 1, bytes(16)),)),
        Want(((b"12345678", 4),)),
    ]
    for born, secret in ((own, b"a" * 32), (other, b"b" * 32)):
        machine = born.machine()
        codec = born.codec(machine, secret)
        messages.append(codec.seal(ballot_of(run, machine.author, 2)))
    for message in messages:
        assert frames.read(bytes.fromhex(frames.shown(message))) == message


def test_a_run_with_a_list_of_members_is_written_without_the_list() -> None:
    run = replace(SEALED, electorate="ab" * 32)
    own, other = birth_of(run, b"a"), birth_of(run, b"b")
    frames = Frames(run, own.identity, own.instance)
    hello = Hello(other.identity, other.instance, ENDPOINT, run.digest)
    assert frames.read(bytes.fromhex(frames.shown(hello))) == hello


def test_frames_are_those_that_travel_except_for_signatures() -> None:
    own = birth_of(SEALED, b"a")
    machine = own.machine()
    codec, frames = own.codec(machine, b"a" * 32), Frames(SEALED, own.identity, own.instance)
    hello = Hello(own.identity, own.instance, ENDPOINT, SEALED.digest)
    for message in (hello, Bye(4, 1, "later")):
        frame = codec.encode(message)
        assert frames.shown(message) == (frame[:-64] + bytes(64)).hex() != frame.hex()
    for plain in (codec.seal(ballot_of(SEALED, machine.author, 2)), Grease(0x8A, b"x"), Ping(1, 2)):
        assert frames.shown(plain) == codec.encode(plain).hex()


def test_bytes_that_are_no_frame_are_refused() -> None:
    frames = Frames(SMALL_RUN, b"a" * 32, b"a" * 8)
    for frame in (b"", b"\x10\x00", bytes(40), b"\x8a\x00"):
        with pytest.raises(ValueError, match="."):
            frames.read(frame)
