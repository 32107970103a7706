"""Every limit of the specification: what is within it passes, and nothing beyond it."""

from __future__ import annotations

from itertools import accumulate

import pytest

from tallyp2p.bits import packed_size
from tallyp2p.errors import LocalError, Reason, RemoteError
from tallyp2p.messages import (
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Have,
    Kind,
    Message,
    Peers,
    Want,
)
from tallyp2p.parameters import LIMITS, Ids, RunParameters
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.ids import encode_ids

ME, YOU, THIRD = b"me-me-me", b"you-you!", b"third..."
RUN = RunParameters(probes=4, rounds_per_ballot=2)  # 8 votes at 4 bits
LARGE = RunParameters(
    classes=2**20, pool=2**31, probes=65_535, rounds_per_ballot=1, ids=Ids.EXPLICIT
)


def reason(frame: bytes, run: RunParameters = RUN, sender: bytes | None = YOU) -> Reason:
    with pytest.raises(RemoteError) as caught:
        Codec(run, ME).decode(frame, sender)
    return caught.value.reason


def test_every_limit_is_reached_and_not_passed() -> None:
    """LIMIT-2."""
    tag = bytes(16)
    held = [(index.to_bytes(8, "big"), tag) for index in range(LIMITS.have + 1)]
    entry = DigestEntry(0, 1, bytes(16))
    path = "ipc://" + "x" * (LIMITS.endpoint - 6)
    limits: list[tuple[Message, bytes]] = [
        (Digest((entry,) * LIMITS.digest), bytes(22)),
        (Have(0, tuple(held[:-1])), held[-1][0] + tag),
        (Want(((YOU, 0),) * LIMITS.want), bytes(12)),
        (Bye(None, 0, "x" * LIMITS.text), b"x"),
        (Error(1, "x" * LIMITS.text), b"x"),
    ]
    codec = Codec(RUN, YOU)
    for message, more in limits:
        frame = codec.encode(message)
        assert codec.decode(frame, YOU) == message
        assert reason(frame + more) is Reason.LIMIT
    for endpoint in (path, "ipc://a"):
        peers = Peers((endpoint,) * LIMITS.peers)
        frame = codec.encode(peers)
        assert codec.decode(frame, YOU) == peers
    crowded = frame[:2] + bytes([LIMITS.peers + 1]) + frame[3:] + b"\x07ipc://a"
    assert reason(crowded) is Reason.LIMIT


@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.BYE, Kind.ERROR])
def test_the_kinds_with_text_are_bounded_before_they_are_read(kind: Kind) -> None:
    """LIMIT-1, FRAME-8."""
    frame = bytes([kind, 0]) + bytes(LIMITS.hello - 1)
    assert reason(frame) is Reason.LIMIT
    assert reason(frame[:-1]) in (Reason.LIMIT, Reason.VERSION, Reason.LENGTH)


@pytest.mark.parametrize("kind", [Kind.VOTE, Kind.DIGEST, Kind.PING])
def test_no_frame_is_longer_than_the_limit(kind: Kind) -> None:
    assert reason(bytes([kind, 0]) + bytes(LIMITS.frame - 1)) is Reason.LIMIT


def ballot_of_size(size: int) -> Ballot:
    """A ballot of LARGE by ME whose own frame has `size` bytes: some gaps take two bytes."""
    count = LARGE.votes
    votes = bytes(packed_size(count, LARGE.bits))
    long = size - 6 - 3 - count - len(votes)
    gaps = [200] * long + [0] * (count - long)
    return Ballot(ME, 0, votes, tuple(at + skipped for at, skipped in enumerate(accumulate(gaps))))


def test_the_largest_ballot_can_still_be_relayed() -> None:
    ballot = ballot_of_size(LIMITS.frame - 8)
    own = Codec(LARGE, ME).encode(ballot)
    assert len(own) == LIMITS.frame - 8
    assert Codec(LARGE, YOU).decode(own, ME) == ballot
    relayed = Codec(LARGE, YOU).encode(ballot)
    assert len(relayed) == LIMITS.frame
    assert Codec(LARGE, THIRD).decode(relayed, YOU) == ballot


def test_a_ballot_too_large_to_be_relayed_is_neither_sent_nor_accepted() -> None:
    ballot = ballot_of_size(LIMITS.frame - 7)
    with pytest.raises(LocalError):
        Codec(LARGE, ME).encode(ballot)
    assert ballot.ids is not None
    frame = bytes.fromhex("1002 00000000") + encode_ids(ballot.ids) + ballot.votes
    assert reason(frame, LARGE) is Reason.LIMIT
