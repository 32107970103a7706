"""A seal that proves nothing and knows no secret."""

from __future__ import annotations

from tallyp2p.messages import Bye
from tallyp2p.payloads import author_of
from tallyp2p.tracing.unsigned import Unsigned
from tallyp2p.wire.codec import Codec
from tests.tracing.test_frames import SEALED


def test_its_signature_is_zero_and_good_enough_for_itself_alone() -> None:
    identity = b"i" * 32
    codec = Codec(SEALED, author_of(identity), Unsigned(SEALED.digest, identity, b"instance"))
    frame = codec.encode(Bye(2))
    assert frame.endswith(bytes(64))
    assert codec.decode(frame[:-64] + b"x" * 64, author_of(identity)) == Bye(2)
