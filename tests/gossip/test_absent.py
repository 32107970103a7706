"""Who is looked for again: bounded, at growing distances, never for ever soon."""

from __future__ import annotations

from random import Random

from tallyp2p.gossip.absent import Absent


def test_the_distances_grow_to_a_bound() -> None:
    absent = Absent(60.0, 4, Random(0))
    absent.miss(b"a", "tcp://a:1", 0.0)
    at = [0.0]
    while len(at) < 12:
        moment = absent.wake_at()
        assert moment is not None and absent.due(moment - 0.1) is None
        assert absent.due(moment) == "tcp://a:1"
        at.append(moment)
    pauses = [b - a for a, b in zip(at, at[1:], strict=False)]
    for number, pause in enumerate(pauses):
        middle = 60.0 * min(2**number, 32)
        assert middle / 2 <= pause <= 1.5 * middle


def test_who_is_missed_longest_makes_room() -> None:
    absent = Absent(60.0, 2, Random(0))
    for name in (b"a", b"b", b"c"):
        absent.miss(name, name.decode(), 0.0)
        absent.check()
    assert {absent.due(90.0), absent.due(90.0), absent.due(90.0)} == {"b", "c", None}


def test_who_is_back_is_not_missed() -> None:
    absent = Absent(60.0, 2, Random(0))
    absent.miss(b"a", "a", 0.0)
    absent.back(b"a")
    assert absent.wake_at() is None and absent.due(1e9) is None
