"""What happened, in order, and not without bound."""

from __future__ import annotations

from itertools import count

from tallyp2p.conformance.prober.log import Entry, Log


def test_entries_come_in_order_with_their_time() -> None:
    clock = count()
    log = Log(lambda: float(next(clock)))
    log.sent("a", b"\x04", "PING")
    log.seen("b", b"\x05", "PONG")
    log.note("c", "nothing came")
    assert list(log.entries) == [
        Entry(0.0, "a", "sent", b"\x04", "PING"),
        Entry(1.0, "b", "seen", b"\x05", "PONG"),
        Entry(2.0, "c", "note", b"", "nothing came"),
    ]


def test_only_the_newest_are_kept() -> None:
    log = Log(lambda: 0.0)
    for number in range(1000):
        log.note("a", str(number))
    assert len(log.entries) == 400
    assert log.entries[-1].words == "999"
