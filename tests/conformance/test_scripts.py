"""A script is played to the letter: when things happen, and what is shown of them."""

from __future__ import annotations

from typing import Any

import pytest

from tallyp2p.bits import unpack
from tallyp2p.conformance.scripts import play
from tallyp2p.conformance.shapes import Reader, run_of
from tallyp2p.consensus.probes import derive
from tallyp2p.errors import LocalError
from tallyp2p.messages import Bye, Error, Hello, Message, Ping
from tallyp2p.parameters import RunParameters
from tallyp2p.payloads import Ballot, author_of
from tallyp2p.wire.codec import Codec

RUN: dict[str, Any] = {"classes": 3, "pool": 4, "probes": 2, "rounds_per_ballot": 1}
ME = {"identity": bytes(32).hex(), "instance": bytes(8).hex(), "endpoint": "tcp://me:1"}
OTHER, THERE = b"\1" * 32, "tcp://other:1"
AUTHOR = author_of(OTHER)


def frame(message: Message) -> str:
    return Codec(run_of(RUN), AUTHOR).encode(message).hex()


HELLO = frame(Hello(OTHER, bytes(8), THERE, run_of(RUN).digest, start=0, met=True))
START = {"at": 0, "do": "start", "fresh": True}


def receive(at: int, *messages: Message, link: str = "a") -> dict[str, Any]:
    return {"at": at, "do": "receive", "link": link, "frames": [frame(m) for m in messages]}


def played(*steps: dict[str, Any], **given: Any) -> Any:
    hello = {"at": 10, "do": "receive", "link": "a", "frame": HELLO}
    script = {"run": RUN, "self": ME, "labels": [0, 1, 2, 3], **given}
    return play({**script, "steps": [START, hello, *steps]})


def sent(result: Any, step: int) -> list[tuple[str, dict[str, Any]]]:
    reader = Reader(run_of(RUN), ME)
    found = result["steps"][step]["send"]
    return [(to, reader.read(bytes.fromhex(said))) for to, said in found]


def test_it_meets_and_votes() -> None:
    """The labels are those of the probes of the round."""
    result = played()
    assert result["steps"][1]["verdict"] == "accept"
    assert result["members"] == {AUTHOR.hex(): "alive"}
    (_, hello), (to, vote) = sent(result, 1)
    assert (hello["kind"], vote["kind"], vote["round"]) == ("HELLO", "VOTE", 0)
    assert to == THERE
    labels = unpack(bytes.fromhex(vote["votes"]), 2, 2).tolist()
    assert labels == derive(RunParameters(**RUN), 0).tolist()


def test_a_round_closes_and_is_counted() -> None:
    result = played(receive(20, Ballot(AUTHOR, 0, b"\x10")))
    assert list(result["tallies"]) == ["0"]
    assert [said["kind"] for _, said in sent(result, 2)] == ["VOTE"]  # of the next round


def test_time_passes_before_a_step() -> None:
    """What falls due between two steps is shown in the second."""
    result = played({"at": 1500, "do": "wait"}, {"at": 6500, "do": "wait"}, timing={"patience": 1})
    assert [said["kind"] for _, said in sent(result, 2)] == ["WANT"]
    assert {said["kind"] for _, said in sent(result, 3)} >= {"WANT"}


def test_verdicts() -> None:
    steps = [
        receive(20, Ping(1, 1), link="stranger"),
        receive(21, Error(255, "no")),
        receive(22, Ballot(AUTHOR, 0, b"\x10")),
        receive(23, Ballot(AUTHOR, 0, b"\x20")),
        receive(24, Ballot(AUTHOR, 2**31, b"\x20")),
        receive(25, Ping(1, 1), Ping(2, 1)),
        {"at": 26, "do": "receive", "link": "a", "frame": "04"},
    ]
    verdicts = [(s["verdict"], s.get("reason")) for s in played(*steps)["steps"][2:]]
    assert verdicts == [
        ("ignore", "EARLY"),
        ("accept", None),
        ("accept", None),
        ("reject", "EQUIVOCATION"),
        ("ignore", "ROUND"),
        ("reject", "MALFORMED"),
        ("reject", "MALFORMED"),
    ]


def test_it_leaves() -> None:
    result = played({"at": 30, "do": "stop"})
    assert result["steps"][2]["send"] == [[THERE, frame(Bye(0, 0, "stopped"))]]


def test_it_loses() -> None:
    """Alone it waits for nobody: all its rounds take no time."""
    lost = {"at": 20, "do": "lost", "endpoint": THERE}
    result = played(lost, timing={"rounds": 3})
    assert result["members"] == {AUTHOR.hex(): "suspect"}
    assert list(result["tallies"]) == ["0", "1", "2"]


def test_a_script_that_is_none() -> None:
    with pytest.raises(LocalError, match="cannot dance"):
        played({"at": 20, "do": "dance"})
