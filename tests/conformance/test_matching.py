"""What an expectation says, and what it leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from tallyp2p.conformance.matching import differences
from tallyp2p.conformance.vectors import Case

PING, OTHER_PING = "04000000000100000002", "04000000000900000002"
GIVEN = {
    "run": {"probes": 4, "rounds_per_ballot": 2},
    "self": {"identity": bytes(32).hex(), "instance": bytes(8).hex()},
}


def compare(expect: Any, got: Any, kind: str = "codec", **kwargs: bool) -> list[str]:
    return differences(Case(kind, "hand", "a case", (), GIVEN, expect), got, **kwargs)


@pytest.mark.parametrize(
    ("expect", "got"),
    [
        ({"ids": [1, 2]}, {"ids": [1, 2], "more": "is not tested"}),
        ({"ids": "*"}, {"ids": [1]}),
        ({"ids": ["*", 2]}, {"ids": [1, 2]}),
        ({"message": {"last": None}}, {"message": {}}),
        ({"message": {"last": None}}, {"message": {"last": None}}),
        ({"verdict": "reject", "reason": "MAP"}, {"verdict": "reject", "reason": "LENGTH"}),
        ({"verdict": "reject", "reason": "MAP"}, {"verdict": "reject"}),
    ],
)
def test_these_pass(expect: Any, got: Any) -> None:
    assert compare(expect, got) == []


@pytest.mark.parametrize(
    ("expect", "got", "words"),
    [
        ({"ids": [1, 2]}, {"ids": [1, 3]}, "ids[1] is 3, not 2"),
        ({"ids": [1, 2]}, {"ids": [1]}, "ids has 1 items, not 2"),
        ({"met": True}, {"met": 1}, "met is 1, not True"),
        ({"tag": "00"}, {}, "tag is missing"),
        ({"tag": "*"}, {}, "tag is missing"),
        ({"message": {"last": None}}, {"message": {"last": 3}}, "there should be none"),
        ({"verdict": "reject"}, {"verdict": "ignore"}, "verdict is 'ignore'"),
        ({"verdict": "reject"}, [], "no object"),
        ({"message": {"round": 1}}, {"message": 1}, "message is 1"),
    ],
)
def test_these_do_not(expect: Any, got: Any, words: str) -> None:
    [found] = compare(expect, got)
    assert words in found


def test_our_own_reasons_are_compared_too() -> None:
    expect, got = {"verdict": "reject", "reason": "MAP"}, {"verdict": "reject", "reason": "LIMIT"}
    assert compare(expect, got, reasons=True) == ["reason is 'LIMIT', not 'MAP'"]


def steps(*send: tuple[str, str]) -> Any:
    return {"steps": [{"send": [list(one) for one in send]}]}


def pattern(**fields: Any) -> Any:
    return {"to": "tcp://a:1", "message": {"kind": "PING", **fields}}


def test_patterns_are_found_in_their_order() -> None:
    sent = steps(("tcp://a:1", PING), ("tcp://b:1", PING), ("tcp://a:1", OTHER_PING))
    expect = {"steps": [{"send": [pattern(nonce=1), pattern(nonce=9)]}]}
    assert compare(expect, sent, "gossip") == []
    expect["steps"][0]["send"].reverse()
    [found] = compare(expect, sent, "gossip")
    assert "was not sent (pattern 1); sent was PING to tcp://a:1, PING to tcp://b:1" in found


def test_one_message_answers_one_pattern() -> None:
    expect = {"steps": [{"send": [pattern(), pattern()]}]}
    assert compare(expect, steps(("tcp://a:1", PING)), "gossip") != []


def test_what_must_not_be_sent() -> None:
    expect = {"steps": [{"not": [pattern(nonce=9)]}]}
    assert compare(expect, steps(("tcp://a:1", PING)), "gossip") == []
    [found] = compare(expect, steps(("tcp://a:1", OTHER_PING)), "gossip")
    assert "which must not be" in found


def test_a_frame_that_nobody_can_read_fails_the_case() -> None:
    expect: Any = {"steps": [{}]}
    [found] = compare(expect, steps(("tcp://a:1", PING + "00")), "gossip")
    assert "is refused" in found
    assert compare(expect, steps(("tcp://a:1", "8a00ff")), "gossip") == []  # grease may be sent


@pytest.mark.parametrize("got", [{}, {"steps": 3}, {"steps": [{}]}, {"steps": [{"send": ["x"]}]}])
def test_another_shape_is_told(got: Any) -> None:
    [found] = compare({"steps": []}, got, "gossip")
    assert "not the shape" in found


def test_no_round_closed() -> None:
    got = {"steps": [], "tallies": {"0": "aa"}}
    assert compare({"tallies": {"0": "*", "2": None}}, got, "gossip") == []
    assert compare({"tallies": {"0": None}}, got, "gossip") != []
