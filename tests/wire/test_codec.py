"""Every message there and back, every limit, and whatever else a stranger may send."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallyp2p.bits import pack, packed_size
from tallyp2p.errors import LocalError, Reason, RemoteError
from tallyp2p.messages import (
    FINISHED,
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from tallyp2p.parameters import LIMITS, Ids, RunParameters
from tallyp2p.wire.codec import MAGIC, Codec

ME, YOU, THIRD = b"me-me-me", b"you-you!", b"third..."
RUN = RunParameters(probes=4, rounds_per_ballot=2)  # 8 votes at 4 bits
WIDE = RunParameters(classes=100, probes=3, rounds_per_ballot=1)  # 3 at 7 bits: 21, 3 spare
EXPLICIT = RunParameters(probes=4, rounds_per_ballot=2, ids=Ids.EXPLICIT)
RUNS = [RUN, WIDE, EXPLICIT]

HELLO = Hello(bytes(32), bytes(8), "tcp://127.0.0.1:5555", bytes(32))

u32 = st.integers(0, 2**32 - 1)
rounds = st.integers(0, 2**32 - 2)
authors = st.binary(min_size=8, max_size=8)
sums = st.binary(min_size=16, max_size=16)  # tags, and hashes of ranges
texts = st.text(max_size=LIMITS.text // 4)
endpoints = st.sampled_from(["tcp://10.0.0.1:80", "tcp://[::1]:1", "ipc:///run/a", "tcp://b:65535"])


@st.composite
def ballots(draw: st.DrawFn, run: RunParameters) -> Ballot:
    """What a peer of `run` may send or relay."""
    ids, count = None, run.votes
    if run.ids is Ids.EXPLICIT:
        count = draw(st.integers(1, run.votes))
        chosen = st.lists(st.integers(0, run.pool - 1), min_size=count, max_size=count, unique=True)
        first = draw(st.integers(0, run.pool - count))
        ids = draw(st.just(tuple(range(first, first + count))) | chosen.map(sorted).map(tuple))
    labels = draw(st.lists(st.integers(0, run.highest_label), min_size=count, max_size=count))
    round = draw(st.integers(0, (2**32 - 2) // run.rounds_per_ballot)) * run.rounds_per_ballot
    author = draw(st.just(YOU) | authors)
    return Ballot(author, round, pack(labels, run.bits), ids)


others = st.one_of(
    st.builds(
        Hello,
        identity=st.binary(min_size=32, max_size=32),
        instance=st.binary(min_size=8, max_size=8),
        endpoint=endpoints,
        run=st.binary(min_size=32, max_size=32),
        known=u32,
        round=st.none() | rounds,
        start=st.none() | rounds,
        met=st.booleans(),
        held=st.none() | rounds,
        agent=texts,
    ),
    st.builds(Bye, st.none() | rounds, st.integers(0, 255), texts),
    st.builds(Error, st.integers(0, 255), texts),
    st.builds(Ping, u32, u32),
    st.builds(Pong, u32, u32, st.none() | rounds),
    st.builds(Peers, st.lists(endpoints, max_size=5).map(tuple)),
    st.builds(
        Digest,
        st.lists(st.builds(DigestEntry, u32, st.integers(0, 65_535), sums), max_size=5).map(tuple),
    ),
    st.builds(
        Have,
        u32,
        st.dictionaries(authors, sums, max_size=5).map(lambda held: tuple(sorted(held.items()))),
    ),
    st.builds(Want, st.lists(st.tuples(authors, u32), max_size=5).map(tuple)),
)


def reason(frame: bytes, run: RunParameters = RUN, sender: bytes | None = YOU) -> Reason:
    with pytest.raises(RemoteError) as caught:
        Codec(run, ME).decode(frame, sender)
    return caught.value.reason


# --- there and back ------------------------------------------------------------------------

HAND: list[tuple[RunParameters, Message, str]] = [
    (RUN, Ballot(YOU, 6, bytes.fromhex("31415926")), "1000 00000006 31415926"),
    (
        RUN,
        Ballot(THIRD, 6, bytes.fromhex("31415926")),
        "1001 00000006" + THIRD.hex() + "31415926",
    ),
    # 99, 0, 100: 1100011 0000000 1100100 000
    (WIDE, Ballot(YOU, 7, bytes.fromhex("c60320")), "1000 00000007 c60320"),
    (
        EXPLICIT,
        Ballot(YOU, 2, bytes.fromhex("1230"), (100, 101, 102)),
        "1002 00000002 01 00000064 0003 1230",
    ),
    (
        EXPLICIT,
        Ballot(THIRD, 2, bytes.fromhex("1230"), (5, 134, 135)),
        "1003 00000002" + THIRD.hex() + "02 0003 05 8001 00 1230",
    ),
    (RUN, Bye(), "0200 00 ffffffff"),
    (RUN, Bye(16, FINISHED, "done"), "0200 01 00000010 646f6e65"),
    (RUN, Error(Reason.RUN, "ß"), "0300 0d c39f"),
    (RUN, Error(255), "0300 ff"),
    (RUN, Ping(1, 2), "0400 00000001 00000002"),
    (RUN, Pong(1, 2), "0500 00000001 00000002 ffffffff"),
    (RUN, Pong(0, 2**32 - 1, 0), "0500 00000000 ffffffff 00000000"),
    (RUN, Peers(()), "0600 00"),
    (RUN, Peers(("ipc://a", "tcp://b:1")), "0600 02 07 6970633a2f2f61 09 7463703a2f2f623a31"),
    (RUN, Digest(()), "1100"),
    (
        RUN,
        Digest((DigestEntry(8, 1, b"hash" * 4), DigestEntry(0, 4, b"HASH" * 4))),
        "1100 00000008 0001" + "68617368" * 4 + "00000000 0004" + "48415348" * 4,
    ),
    (RUN, Have(8, ()), "1200 00000008"),
    (
        RUN,
        Have(8, ((THIRD, b"\xff" * 16), (YOU, b"tag!" * 4))),
        "1200 00000008" + THIRD.hex() + "ff" * 16 + YOU.hex() + "74616721" * 4,
    ),
    (RUN, Want(()), "1300"),
    (RUN, Want(((YOU, 8), (ME, 0))), "1300" + YOU.hex() + "00000008" + ME.hex() + "00000000"),
]


@pytest.mark.parametrize(("run", "message", "frame"), HAND, ids=[row[2] for row in HAND])
def test_worked_by_hand(run: RunParameters, message: Message, frame: str) -> None:
    assert Codec(run, YOU).encode(message) == bytes.fromhex(frame)
    assert Codec(run, YOU).frame(message) == bytes.fromhex(frame)
    assert Codec(run, ME).decode(bytes.fromhex(frame), YOU) == message


def test_the_size_that_the_readme_promises() -> None:
    run = RunParameters(probes=32, rounds_per_ballot=1)
    frame = Codec(run, ME).encode(Ballot(ME, 7, pack([3] * 32, run.bits)))
    assert len(frame) == 22


@given(others, st.sampled_from(RUNS))
def test_messages_come_back(message: Message, run: RunParameters) -> None:
    assert Codec(run, ME).decode(Codec(run, YOU).encode(message), YOU) == message


@given(st.data(), st.sampled_from(RUNS))
def test_ballots_come_back(data: st.DataObject, run: RunParameters) -> None:
    ballot = data.draw(ballots(run))
    frame = Codec(run, YOU).encode(ballot)
    assert Codec(run, ME).decode(frame, YOU) == ballot


def test_a_hello_comes_back_with_fields_of_a_later_version() -> None:
    hello = replace(HELLO, extra=(("zone", b"\x01"),))
    frame = Codec(RUN, ME).encode(hello)
    assert frame.startswith(b"\x01\x00" + MAGIC)
    assert Codec(RUN, ME).decode(frame, None) == hello


# --- any bytes -----------------------------------------------------------------------------


def check_any(run: RunParameters, frame: bytes, sender: bytes | None) -> None:
    """The codec's promise: a message whose encoding is `frame`, or RemoteError."""
    try:
        message = Codec(run, ME).decode(frame, sender)
    except RemoteError:
        return
    assert Codec(run, sender or ME).encode(message) == frame


@given(
    st.sampled_from(RUNS),
    st.one_of(
        st.binary(max_size=80),
        st.tuples(st.sampled_from([int(kind) for kind in Kind]), st.binary(max_size=60)).map(
            lambda parts: bytes([parts[0], 0]) + parts[1]
        ),
    ),
    st.sampled_from([None, YOU]),
)
@example(RUN, b"\x10\x00" + bytes(4) + bytes(4), YOU)
def test_any_bytes_give_their_only_encoding_or_are_refused(
    run: RunParameters, frame: bytes, sender: bytes | None
) -> None:
    """FRAME-11."""
    check_any(run, frame, sender)


@given(
    st.data(),
    st.sampled_from(RUNS),
    st.integers(0, 200),
    st.binary(max_size=2),
    st.integers(0, 2),
)
def test_frames_with_some_bytes_replaced_are_refused_or_mean_something_else(
    data: st.DataObject, run: RunParameters, at: int, put: bytes, cut: int
) -> None:
    frame = Codec(run, YOU).encode(data.draw(others | ballots(run)))
    check_any(run, frame[:at] + put + frame[at + cut :], YOU)


@pytest.mark.parametrize("run", RUNS)
def test_what_a_frame_loses_at_its_end_is_missed(run: RunParameters) -> None:
    codec = Codec(run, YOU)
    ids = (1, 3) if run.ids is Ids.EXPLICIT else None
    votes = bytes(packed_size(2 if ids else run.votes, run.bits))
    messages: list[Message] = [Ballot(THIRD, 0, votes, ids), Ping(1, 2), Pong(1, 2), HELLO]
    messages += [Peers(("ipc://a",))]
    for message in messages:
        frame = codec.encode(message)
        for size in range(len(frame)):
            with pytest.raises(RemoteError):
                codec.decode(frame[:size], THIRD)


# --- refusals, each for its reason ----------------------------------------------------------

# The conformance vectors hold a case for each rule; these are the corners between the rules.
REFUSED: list[tuple[str, bytes, Reason]] = [
    ("nothing", b"", Reason.MALFORMED),
    ("a flag of HELLO", b"\x01\x80" + Codec(RUN, ME).encode(HELLO)[2:], Reason.MALFORMED),
    ("half the magic", b"\x01\x00TAL", Reason.VERSION),
    ("a HELLO without fields", b"\x01\x00TALLY\x80", Reason.MAP),
    ("VOTE without a round", b"\x10\x00\x00\x00", Reason.LENGTH),
    ("half an author", b"\x10\x01" + bytes(4) + bytes(4), Reason.LENGTH),
    ("ERROR that is not text", b"\x03\x00\x0a\xc3", Reason.MALFORMED),
    ("PEERS without a count", b"\x06\x00", Reason.LENGTH),
    ("PEERS with more", b"\x06\x00\x01\x07ipc://a!", Reason.LENGTH),
    ("PEERS with nobody", b"\x06\x00\x01\x00", Reason.MALFORMED),
    ("HAVE without a round", b"\x12\x00" + bytes(3), Reason.LENGTH),
]


@pytest.mark.parametrize(
    ("frame", "why"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused(frame: bytes, why: Reason) -> None:
    assert reason(frame) is why


# --- before HELLO, and unknown kinds ---------------------------------------------------------


def test_before_hello_only_three_kinds_are_heard() -> None:
    """FRAME-14."""
    codec = Codec(RUN, YOU)
    for message in (HELLO, Bye(), Error(13)):
        assert codec.decode(codec.encode(message), None) == message
    for kind in Kind:
        if kind not in (Kind.HELLO, Kind.BYE, Kind.ERROR):
            assert reason(bytes([kind, 0]) + bytes(8), sender=None) is Reason.EARLY


@pytest.mark.parametrize("kind", [Kind.VOTE, Kind.WANT, 0x7F])
def test_a_size_is_judged_before_anything_else(kind: int) -> None:
    """FRAME-15: too short a frame, then too long a one, then all other rules."""
    assert reason(bytes([kind]), sender=None) is Reason.MALFORMED
    assert reason(bytes([kind, 0xFF]) + bytes(LIMITS.frame), sender=None) is Reason.LIMIT


@pytest.mark.parametrize("kind", [0x00, 0x07, 0x14, 0x7F, 0x80, 0xFF])
def test_unknown_kinds_say_whether_they_may_be_ignored(kind: int) -> None:
    with pytest.raises(RemoteError) as caught:
        Codec(RUN, ME).decode(bytes([kind, 0]) + b"anything", YOU)
    assert caught.value.reason is Reason.TYPE
    assert caught.value.optional is (kind >= 0x80)


# --- what cannot be sent ---------------------------------------------------------------------

UNSENDABLE: list[tuple[RunParameters, Message]] = [
    (RUN, Ballot(b"short", 0, bytes(4))),
    (RUN, Ballot(YOU, 1, bytes(4))),
    (RUN, Ballot(YOU, -2, bytes(4))),
    (RUN, Ballot(YOU, 2**32, bytes(4))),
    (RUN, Ballot(YOU, 0, bytes(5))),
    (RUN, Ballot(YOU, 0, b"\xff" * 4)),
    (RUN, Ballot(YOU, 0, bytes(1), (1, 2))),
    (WIDE, Ballot(YOU, 0, b"\0\0\1")),
    (EXPLICIT, Ballot(YOU, 0, bytes(4))),
    (EXPLICIT, Ballot(YOU, 0, b"", ())),
    (EXPLICIT, Ballot(YOU, 0, bytes(1), (2, 1))),
    (EXPLICIT, Ballot(YOU, 0, bytes(1), (1, 300))),
    (EXPLICIT, Ballot(YOU, 0, bytes(5), tuple(range(9)))),
    (RUN, replace(HELLO, identity=b"")),
    (RUN, replace(HELLO, endpoint="tcp://*:5")),
    (RUN, replace(HELLO, round=2**32 - 1)),
    (RUN, replace(HELLO, versions=(2, 3))),
    (RUN, replace(HELLO, extra=(("zone", b"\xc1"),))),
    (RUN, replace(HELLO, extra=(("b", b"\x01"), ("a", b"\x01")))),
    (RUN, replace(HELLO, extra=tuple((f"k{i:02}", b"\x01") for i in range(60)))),
    (RUN, Bye(0, 256)),
    (RUN, Bye(2**32 - 1)),
    (RUN, Bye(0, 0, "x" * (LIMITS.text + 1))),
    (RUN, Error(-1)),
    (RUN, Error(10, "ß" * (LIMITS.text // 2 + 1))),
    (RUN, Error(10, "\ud800")),
    (RUN, Ping(2**32, 0)),
    (RUN, Pong(0, 0, 2**32 - 1)),
    (RUN, Peers(("tcp://nowhere",))),
    (RUN, Peers(("ipc://é",))),
    (RUN, Peers(("ipc://" + "x" * 250,))),
    (RUN, Peers(("ipc://a",) * (LIMITS.peers + 1))),
    (RUN, Digest((DigestEntry(0, 65_536, bytes(16)),))),
    (RUN, Digest((DigestEntry(0, 1, bytes(15)),))),
    (RUN, Have(0, ((YOU, bytes(16)), (THIRD, bytes(16))))),
    (RUN, Have(0, ((YOU, bytes(15)),))),
    (RUN, Want(((b"x", 0),))),
    (RUN, Want(((YOU, 0),) * (LIMITS.want + 1))),
]


@pytest.mark.parametrize(
    ("run", "message"),
    UNSENDABLE,
    ids=[f"{i}-{type(m).__name__}" for i, (_, m) in enumerate(UNSENDABLE)],
)
def test_what_a_receiver_would_refuse_cannot_be_sent(run: RunParameters, message: Message) -> None:
    with pytest.raises(LocalError):
        Codec(run, ME).encode(message)


def test_one_message_for_many_is_encoded_once_and_another_anew() -> None:
    codec = Codec(RunParameters(), b"author 1")
    first, second = Ping(1, 2), Ping(3, 4)
    frame = codec.encode(first)
    assert codec.encode(first) is frame
    assert codec.encode(second) == bytes.fromhex("0400 00000003 00000004")
    with pytest.raises(LocalError):
        codec.encode(Ping(2**32, 0))
    assert codec.encode(second) == bytes.fromhex("0400 00000003 00000004")
    assert codec.encode(first) == frame


def test_another_version_is_told_so_whatever_its_flags_and_fields() -> None:
    """HELLO-3, FIXED-1: nothing else of it need be as here."""
    fields = {"endpoint": "tcp://10.0.0.9:7000", "versions": [2, 3]}
    frame = b"\x01\x80" + MAGIC + msgpack.packb(fields)
    with pytest.raises(RemoteError, match="1 to 1 here, 2 to 3 there") as caught:
        Codec(RUN, ME).decode(frame, None)
    assert caught.value.reason is Reason.VERSION
    assert caught.value.endpoint == "tcp://10.0.0.9:7000"


@pytest.mark.parametrize("frame", ["0300", "0301aa", "030021ff", "0300" + "00" * 5000])
def test_a_broken_error_is_not_answered(frame: str) -> None:
    """ERROR-2: two peers that misread each other would answer for ever."""
    with pytest.raises(RemoteError) as caught:
        Codec(RUN, ME).decode(bytes.fromhex(frame), YOU)
    assert caught.value.optional
