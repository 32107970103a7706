"""One case of the kind codec: a frame, and what a receiver makes of it."""

from __future__ import annotations

from typing import Any

from tests.conformance.frames import Voice

__all__ = ["BASE", "EXPLICIT", "OTHER", "SENDER", "VERDICTS", "VOTES", "Case", "accept", "refuse"]

Case = dict[str, Any]

BASE: dict[str, Any] = {  # in the run descriptor's order
    "seed": 0,
    "classes": 10,
    "abstain": True,
    "pool": 300,
    "pool_digest": "0" * 64,
    "probes": 4,
    "rounds_per_ballot": 2,
    "spreading": "sampled",
    "degree": 2,
    "ids": "derived",
    "seal": "none",
}
EXPLICIT = {**BASE, "ids": "explicit"}
SENDER = Voice(BASE, "sender", "tcp://10.0.0.7:5555")
OTHER = Voice(BASE, "other", "tcp://10.0.0.8:5555")
VOTES = bytes.fromhex("31415926")  # eight labels of 4 bits

VERDICTS = {
    reason: "ignore" for reason in ("VERSION", "TYPE", "RUN", "EARLY", "ROUND", "RATE", "INTERNAL")
}


def _case(
    name: str, clauses: str, frame: bytes, expect: Case, run: Case, sender: Voice | None
) -> Case:
    bound = None if sender is None else sender.sender
    given = {"run": run, "sender": bound, "frame": frame.hex()}
    return {"name": name, "clauses": clauses.split(), "input": given, "expect": expect}


def accept(
    name: str,
    clauses: str,
    frame: bytes,
    message: Case | None = None,
    run: Case = BASE,
    sender: Voice | None = SENDER,
) -> Case:
    expect: Case = {"verdict": "accept"}
    if message is not None:
        expect["message"] = message
    return _case(name, clauses, frame, expect, run, sender)


def refuse(
    reason: str,
    name: str,
    clauses: str,
    frame: bytes,
    run: Case = BASE,
    sender: Voice | None = SENDER,
) -> Case:
    expect = {"verdict": VERDICTS.get(reason, "reject"), "reason": reason}
    return _case(name, clauses, frame, expect, run, sender)
