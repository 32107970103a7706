"""Who was refused and why, in one line: what a person can do something about first."""

from __future__ import annotations

import hashlib

from ..errors import Reason
from ..gossip.contacts import IN_USE
from ..gossip.events import Refused

__all__ = ["refusal"]

_MISFIT = "a message that does not fit this run"
_PLAIN: dict[int, str] = {  # where the text is for who knows the protocol
    Reason.EARLY: "a message of somebody who has not said who it is",
    Reason.SEAL: "a message whose signature is not good",
    Reason.RATE: "more messages at once than one peer may send",
    **dict.fromkeys((Reason.MALFORMED, Reason.TYPE, Reason.LENGTH, Reason.MAP), _MISFIT),
    **dict.fromkeys((Reason.PADDING, Reason.LABEL, Reason.IDS, Reason.ROUND), _MISFIT),
}
_SHOWN = 4  # settings that differ, at most
_SHAPES = "their models have the shape {}, ours {}: take the same model (learning.model)"
_LISTS = "with another list of members: who is to take part needs a token of the same invitation"


_END_ONE = "end one of the two, for of two ballots of one peer for a round neither counts"


def refusal(told: Refused, descriptor: str, own: str = "", *, proved: bool = False) -> str:
    """A refusal; one over settings names both runs and what differs from `descriptor`'s.

    A warning where it shows that this peer, whose author id is `own`, runs twice.  `proved`:
    whether who says HELLO has proved a key; else anybody may say that, so it stops nobody.
    """
    if told.reason == Reason.AUTHOR and told.text.endswith(IN_USE):
        at = told.text[: -len(IN_USE)].rstrip(": ")
        if told.by_them:
            what = "another peer says that this one runs twice"
        else:
            says = "has the key of this peer" if proved else "says that it is this peer"
            what = f"another process {says}, at {at}"
        return f"WARNING: {what}: {_END_ONE}"
    if told.reason == Reason.EQUIVOCATION and own and told.text.startswith(own):
        return f"WARNING: {told.text}, and it is this peer's: if it runs twice, {_END_ONE}"
    who = "another peer refused us" if told.by_them else "refused"
    if told.by_them and told.reason == Reason.RUN:  # its text is that peer's whole descriptor
        return f"{who}: {_another_run(told.text, descriptor)}"
    lines = told.text.splitlines()
    text = lines[0] if lines else f"reason {told.reason}"
    plain = _PLAIN.get(told.reason)
    return f"{who}: {text}" if plain is None else f"{who}: {plain} ({text})"


def _another_run(theirs: str, ours: str) -> str:
    """How a run differs, told to one who tried to join it."""
    there, here = _settings(theirs), _settings(ours)
    names = [name for name in {**here, **there} if there.get(name) != here.get(name)]
    runs = f"they are of run {_digest(theirs)}, we of run {_digest(ours)}"
    if not here or not there or not names:
        return runs
    if names == ["electorate"] and there.get("electorate") and here.get("electorate"):
        return f"{runs}, {_LISTS}"
    if names == ["model"] and there.get("model") and here.get("model"):
        return f"{runs}: {_SHAPES.format(_short(there['model']), _short(here['model']))}"
    shown = names[:_SHOWN]
    more = f" and {len(names) - _SHOWN} settings more" if len(names) > _SHOWN else ""
    differ = (
        "with " + ", ".join(f"{name}={_short(values.get(name, ''))}" for name in shown)
        for values in (there, here)
    )
    return f"{runs}: they run {next(differ)}{more}, we {next(differ)}"


def _settings(descriptor: str) -> dict[str, str]:
    lines = (line.partition("=") for line in descriptor.splitlines()[1:])
    return {name[:40]: value for name, equals, value in lines if equals}


def _digest(descriptor: str) -> str:
    return hashlib.sha256(descriptor.encode()).hexdigest()[:16]


def _short(value: str) -> str:
    """A value, a hash by its beginning; "none" for one that is not set."""
    return f"{value[:16]}..." if len(value) > 24 else value or "none"
