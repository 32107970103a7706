"""One frozen class per message kind, in the specification's order (protocol_spec 03).

A VOTE message carries exactly one ballot and nothing else, so :class:`Ballot` is its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from .payloads import Ballot

FINISHED = 1  # Bye.code
PARTED = 2  # Bye.code, in runs with a view
GREASE_KINDS = (0x8A, 0x9A, 0xAA, 0xBA, 0xCA, 0xDA, 0xEA, 0xFA)  # GREASE-1

__all__ = [
    "FINISHED",
    "GREASE_KINDS",
    "PARTED",
    "Ballot",
    "Bye",
    "Digest",
    "DigestEntry",
    "Error",
    "Grease",
    "Have",
    "Hello",
    "Kind",
    "Message",
    "Peers",
    "Ping",
    "Pong",
    "Want",
]


class Kind(IntEnum):
    """First byte of every message.  Below 0x80: must be understood; above: may be ignored."""

    HELLO = 0x01
    BYE = 0x02
    ERROR = 0x03
    PING = 0x04
    PONG = 0x05
    PEERS = 0x06
    VOTE = 0x10
    DIGEST = 0x11
    HAVE = 0x12
    WANT = 0x13


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks on this connection, and in which run.  First message on every connection.

    What HELLO fixes for a connection (author, run, version) does not travel again.
    """

    identity: bytes  # 32 bytes; the author id is SHA-256(identity)[:8]
    instance: bytes  # 8 random bytes, fresh at every start of the process
    endpoint: str  # where this peer listens
    run: bytes  # 32 bytes, RunParameters.digest
    known: int = 1  # members that the sender knows, itself included
    round: int | None = None  # the round that the sender has open; None before its first
    start: int | None = None  # the first round in which the sender votes; None: undecided
    met: bool = False  # the sender has heard the receiver's HELLO; if not, it wants it again
    held: int | None = None  # newest round of the receiver's ballots that the sender holds
    versions: tuple[int, int] = (1, 1)  # lowest and highest protocol version spoken
    agent: str = ""  # software name and version, for people
    # Fields that this version does not know: (key, msgpack bytes of the value), by key.
    extra: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Bye:
    """The sender votes no more.

    It stays in the roster for the rounds that it has voted in, so that peers still in those
    rounds derive the same digraph, and in none after them.  With code FINISHED it still
    answers; any other code means that it leaves now.  Only in runs with a view, PARTED means
    that it stays, but has let go of the receiver.
    """

    last: int | None = None  # newest round in which the sender voted; None: in none
    code: int = 0  # 0: leaves now; 1: FINISHED, stays until the others have finished; 2: PARTED
    text: str = ""


@dataclass(frozen=True, slots=True)
class Error:
    """The receiver of this sent something that was not accepted.  Never answered by ERROR."""

    code: int  # a Reason, or a number that this version does not know
    text: str = ""  # for RUN: the sender's whole run descriptor


@dataclass(frozen=True, slots=True)
class Ping:
    """Is your loop alive?  The answer is PONG."""

    nonce: int  # u32, echoed
    roster: int  # u32, sums up who is known, and each one's first round


@dataclass(frozen=True, slots=True)
class Pong:
    """Alive.  Answers PING, and with nonce 0 a WANT for an own ballot that is not there."""

    nonce: int
    roster: int
    # The round that the sender has open; None before its first.  With nonce 0, before the
    # first: the round in which it will vote first, None when that is not decided.
    round: int | None = None


@dataclass(frozen=True, slots=True)
class Peers:
    """Endpoints of members that the sender knows and the receiver may not.

    Without any, in runs with a view, it asks the receiver for some.
    """

    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """A range of ballots in the sender's ledger, summed up in 16 bytes."""

    round: int  # first round of the range, a multiple of rounds_per_ballot
    count: int  # ballots' rounds in the range: round, round + rounds_per_ballot, ...
    hash: bytes  # 16 bytes, see consensus.ledger


@dataclass(frozen=True, slots=True)
class Digest:
    """What the sender's ledger holds, in short.  Differences are answered by DIGEST or HAVE."""

    entries: tuple[DigestEntry, ...]


@dataclass(frozen=True, slots=True)
class Have:
    """Every ballot that the sender holds for one round: author ids and tags."""

    round: int
    entries: tuple[tuple[bytes, bytes], ...]  # (author 8 bytes, tag 16 bytes), by author


@dataclass(frozen=True, slots=True)
class Want:
    """Send me these ballots."""

    entries: tuple[tuple[bytes, int], ...]  # (author 8 bytes, round)


@dataclass(frozen=True, slots=True)
class Grease:
    """Means nothing.  Sent now and then so that peers keep passing over what they do not know.

    It is never received: whoever gets one refuses an unknown kind and says nothing.
    """

    kind: int  # one of GREASE_KINDS
    body: bytes  # at most 16 bytes


Message = Hello | Bye | Error | Ping | Pong | Peers | Ballot | Digest | Have | Want | Grease
