"""What is expected against what came: differences in words for people (protocol_spec 09.2, 09.3).

What an expectation does not name is not tested.  ``"*"`` stands for any value, and null for
none: a key that is absent or null.  What a script expects to be sent are patterns that must
be found in their order among what was sent, others between them being no matter.
"""

from __future__ import annotations

from typing import Any

from ..errors import RemoteError
from .shapes import Object, Reader, electorate_of, run_of
from .vectors import Case

__all__ = ["differences"]

_OPTIONAL = 0x80  # kinds from here on may be sent to anybody who does not know them (FRAME-10)


def differences(case: Case, got: Any, *, reasons: bool = False) -> list[str]:
    """How `got` differs from what `case` expects; empty when it passes.

    `reasons`: compare the reason for a refusal too, which another implementation may choose
    (FRAME-15).
    """
    if not isinstance(got, dict):
        return [f"the result is no object but {_short(got)}"]
    problems: list[str] = []
    if case.kind == "gossip":
        try:
            got, problems = _legible(case, got)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return [f"the result has not the shape of chapter 9.3: {error!r}"]
    return problems + _compare(case.expect, got, "", reasons)


# --- values ---------------------------------------------------------------------------------


def _compare(expect: Any, got: Any, at: str, reasons: bool) -> list[str]:
    if expect == "*":
        return []
    if isinstance(expect, dict) and isinstance(got, dict):
        return _compare_objects(expect, got, at, reasons)
    if isinstance(expect, list) and isinstance(got, list):
        if len(expect) != len(got):
            return [f"{at or 'the result'} has {len(got)} items, not {len(expect)}"]
        found = []
        for index, pair in enumerate(zip(expect, got, strict=True)):
            found += _compare(*pair, f"{at}[{index}]", reasons)
        return found
    if type(expect) is type(got) and expect == got:
        return []
    return [f"{at or 'the result'} is {_short(got)}, not {_short(expect)}"]


def _compare_objects(expect: Object, got: Object, at: str, reasons: bool) -> list[str]:
    found = []
    for key, value in expect.items():
        path = f"{at}.{key}" if at else key
        if key == "reason" and not reasons:
            continue
        if key in ("send", "not") and "sent" in got:
            compare = _in_order if key == "send" else _absent
            found += compare(value, got["sent"], at)
        elif value is None or got.get(key) is None:
            if value is not None and value != "*":
                found.append(f"{path} is missing, not {_short(value)}")
            elif value is None and got.get(key) is not None:
                found.append(f"{path} is {_short(got[key])}, but there should be none")
            elif value == "*" and key not in got:
                found.append(f"{path} is missing")
        else:
            found += _compare(value, got[key], path, reasons)
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}...{text[-16:]}"


# --- what a peer sent -----------------------------------------------------------------------


def _legible(case: Case, got: Object) -> tuple[Object, list[str]]:
    """The result with the messages that were sent, under `sent`; and what nobody could read."""
    given = case.input
    reader = Reader(run_of(given["run"]), given["self"], electorate_of(given))
    steps, problems = [], []
    for number, step in enumerate(got["steps"]):
        sent = []
        for to, frame in step["send"]:
            try:
                message = _read(reader, bytes.fromhex(frame))
            except RemoteError as error:
                message = {"kind": frame[:2]}
                problems.append(f"steps[{number}]: {_short(frame)} is refused, {error}")
            sent.append({"to": to, "message": message})
        steps.append({**step, "sent": sent})
    return {**got, "steps": steps}, problems


def _read(reader: Reader, frame: bytes) -> Object:
    if frame[:1] >= bytes((_OPTIONAL,)):
        return {"kind": f"{frame[0]:02x}"}
    return reader.read(frame)


def _fits(pattern: Object, sent: Object) -> bool:
    return not _compare(pattern, sent, "", False)


def _in_order(patterns: list[Object], sent: list[Object], at: str) -> list[str]:
    place = 0
    for number, pattern in enumerate(patterns):
        while place < len(sent) and not _fits(pattern, sent[place]):
            place += 1
        if place == len(sent):
            said = ", ".join(f"{s['message']['kind']} to {s['to']}" for s in sent) or "nothing"
            return [f"{at}: {_short(pattern)} was not sent (pattern {number}); sent was {said}"]
        place += 1
    return []


def _absent(patterns: list[Object], sent: list[Object], at: str) -> list[str]:
    return [
        f"{at}: {_short(one)} was sent, which must not be"
        for one in sent
        if any(_fits(pattern, one) for pattern in patterns)
    ]
