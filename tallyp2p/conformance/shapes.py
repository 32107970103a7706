"""The shapes in which vectors say things: objects of JSON to our own words and back (09.2)."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

from ..errors import Reason
from ..messages import Ballot, Digest, Message
from ..parameters import RunParameters, Seal
from ..payloads import author_of
from ..wire.codec import Codec
from ..wire.electorate import Electorate
from ..wire.seal import Sealer

__all__ = ["Object", "Reader", "ballot_of", "described", "electorate_of", "refusal", "run_of"]

Object = dict[str, Any]


def refusal(reason: Reason) -> Object:
    """What is said of something that is not accepted."""
    return {"verdict": reason.verdict.value, "reason": reason.name}


def run_of(given: Object) -> RunParameters:
    """Run parameters by name; words become what they name."""
    values = dict(given)
    for item in fields(RunParameters):
        if isinstance(item.default, Enum) and item.name in values:
            values[item.name] = type(item.default)(values[item.name])
    return RunParameters(**values)


def ballot_of(given: Object) -> Ballot:
    """A ballot: author, round, votes, and ids when they are explicit."""
    ids = tuple(given["ids"]) if given.get("ids") is not None else None
    votes = bytes.fromhex(given["votes"])
    return Ballot(bytes.fromhex(given["author"]), given["round"], votes, ids)


def electorate_of(given: Object) -> Electorate | None:
    """The list of members, where a case has one."""
    if "electorate" not in given:
        return None
    return Electorate.of(bytes.fromhex(identity) for identity in given["electorate"])


class Reader:
    """Reads frames of one connection: what `sender` (identity, instance; None: nobody) sends."""

    def __init__(
        self, run: RunParameters, sender: Object | None, electorate: Electorate | None = None
    ) -> None:
        self.author: bytes | None = None
        known = {}
        if sender is not None:
            identity = bytes.fromhex(sender["identity"])
            self.author = author_of(identity)
            known[self.author] = identity, bytes.fromhex(sender["instance"])
        sealer = None
        if run.seal is Seal.ED25519:
            sealer = Sealer(run.digest, None, known=known.get, electorate=electorate)
        self._codec = Codec(run, _NOBODY, sealer)

    def read(self, frame: bytes) -> Object:
        """The message of a frame.  Raises :class:`RemoteError` when it is refused."""
        return described(self._codec.decode(frame, self.author))


_NOBODY = b"somebody"  # the author of whoever reads; no case depends on it


def described(message: Message) -> Object:
    """A message as vectors write it: `kind`, and the fields of chapter 3 by name."""
    if isinstance(message, Ballot):
        return _described_ballot(message)
    if isinstance(message, Digest):
        entries = [[e.round, e.count, e.hash.hex()] for e in message.entries]
        return {"kind": "DIGEST", "entries": entries}
    found: Object = {"kind": type(message).__name__.upper()}
    for item in fields(message):
        value = getattr(message, item.name)
        if value is not None and item.name != "extra":
            found[item.name] = _plain(value)
    return found


def _described_ballot(ballot: Ballot) -> Object:
    found = {
        "kind": "VOTE",
        "author": ballot.author.hex(),
        "round": ballot.round,
        "votes": ballot.votes.hex(),
    }
    if ballot.ids is not None:
        found["ids"] = list(ballot.ids)
    if ballot.seal is not None:
        found["signature"] = ballot.seal.signature.hex()
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value
