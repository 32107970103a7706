"""What may enter the machine, what it may ask for, and what it tells its observers.

Nothing here does anything.  Shells feed events to ``PeerMachine.handle`` and obey the
effects that it returns, in order.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..consensus.contributor import Election
from ..errors import Reason
from ..messages import Message
from ..payloads import Ballot

__all__ = [
    "Cast",
    "Dial",
    "Discovered",
    "Effect",
    "Event",
    "Finish",
    "Hangup",
    "Learn",
    "Learned",
    "Lost",
    "MemberChanged",
    "Notice",
    "Received",
    "Refused",
    "Resumed",
    "RoundClosed",
    "RoundOpened",
    "Send",
    "Started",
    "Stopped",
    "Tell",
    "Ticked",
    "Trespassed",
    "VoteOn",
    "Withheld",
]

# --- events: what may enter -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The peer listens; it may begin."""

    endpoint: str  # where it listens
    seeds: tuple[str, ...] = ()  # endpoints to join at, the own one is skipped
    fresh: bool = False  # the whole swarm starts now: vote from round 0 without asking


@dataclass(frozen=True, slots=True)
class Resumed:
    """Before Started: this peer goes on from what its disk has kept.

    The disk must have kept every own ballot that was ever sent: a round from `round` on is voted
    on again, and then the same ballot must be given (Cast).  What it has kept of older ballots
    is put into the ledger before.
    """

    round: int  # the first round that is not learnt; a multiple of rounds_per_ballot
    start: int  # the own first round, as it was announced
    newest: int  # the newest own ballot's round; -1: none was ever cast


@dataclass(frozen=True, slots=True)
class Discovered:
    """Another endpoint of this run came to be known from outside the protocol."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message arrived on an inbound connection."""

    link: bytes  # names the connection; proves nothing
    message: Message


@dataclass(frozen=True, slots=True)
class Lost:
    """An outbound connection broke: the process at its other end is probably gone."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Trespassed:
    """Bytes arrived that the codec did not accept."""

    link: bytes
    reason: Reason
    text: str
    optional: bool = False  # a kind of message that may be ignored: no ERROR in answer
    endpoint: str = ""  # where a sender that cannot be a member can be told so


@dataclass(frozen=True, slots=True)
class Cast:
    """The learner has voted: the answer to VoteOn."""

    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Withheld:
    """The own ballot is not cast in this round: the other answer to VoteOn.

    As where the disk did not take it: a ballot that is sent and not kept could be followed by
    another one after a restart, and then neither would count.
    """

    round: int


@dataclass(frozen=True, slots=True)
class Learned:
    """The learner has trained: the answer to Learn."""

    round: int


@dataclass(frozen=True, slots=True)
class Ticked:
    """The moment that wake_at() named has come (an early or late tick does no harm)."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody wants this peer to leave now."""


Event = (
    Received
    | Cast
    | Withheld
    | Learned
    | Ticked
    | Started
    | Resumed
    | Discovered
    | Lost
    | Trespassed
    | Stopped
)

# --- effects: what the machine may ask for --------------------------------------------


@dataclass(frozen=True, slots=True)
class Dial:
    """Open an outbound connection.  Messages sent before it stands wait in its queue."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send on an outbound connection; when its queue is full the message may be dropped."""

    endpoint: str
    message: Message


@dataclass(frozen=True, slots=True)
class Hangup:
    """Close an outbound connection once what was sent on it has left."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class VoteOn:
    """Let the learner vote for the ballot that starts at `round`, then feed Cast."""

    round: int


@dataclass(frozen=True, slots=True)
class Learn:
    """Let the learner train through `round`'s ballot, then feed Learned."""

    round: int
    elections: tuple[Election, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """This peer is done; nothing follows.  Flush, close, leave."""

    completed: bool  # whether all rounds were made
    text: str = ""  # why, when they were not


@dataclass(frozen=True, slots=True)
class Tell:
    """Something happened that observers may want to know; the protocol does not care."""

    notice: Notice


Effect = Send | VoteOn | Learn | Dial | Hangup | Finish | Tell

# --- notices: what observers are told ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoundOpened:
    """The own ballot was cast; these authors are expected."""

    round: int
    expected: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RoundClosed:
    """A round was counted."""

    round: int
    heard: tuple[bytes, ...]  # other authors whose ballots were counted
    missing: tuple[bytes, ...]  # expected authors whose ballots were not there
    waited: float  # seconds from the own ballot to the close


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A member came, fell silent, came back, or left."""

    author: bytes
    state: str  # "alive", "suspect" or "gone"
    endpoint: str
    cause: str  # "hello", "restarted", "heard", "vouched", "silent", "lost", "bye" or "expired"


@dataclass(frozen=True, slots=True)
class Refused:
    """Something from another peer was not accepted, or another peer did not accept us."""

    reason: int  # a Reason, or an unknown number from an ERROR message
    text: str
    by_them: bool = False  # True: their ERROR about our message


Notice = RoundOpened | RoundClosed | MemberChanged | Refused
