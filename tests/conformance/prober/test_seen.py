"""What came, as it is remembered."""

from __future__ import annotations

from tallyp2p.conformance.prober.seen import Seen
from tallyp2p.messages import Ping


def test_a_message_is_sound_unless_something_is_said_against_it() -> None:
    seen = Seen(1.0, "player", b"link", True, b"\x04\x00", Ping(1, 2))
    assert not seen.problem and not seen.optional and seen.first
