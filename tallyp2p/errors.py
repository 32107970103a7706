"""Blame is a type: who broke a rule decides which error is raised.

TallyError            the base; never raised itself
├── LocalError        our own caller broke a rule of this library (a bug)
├── SettingsError     a person gave settings that cannot be used (exit code 2)
├── FailureError      the surroundings failed us: a busy port, a full disk (exit code 1)
└── RemoteError       bytes from another peer broke a rule of the protocol

Bytes from another peer may raise nothing but :class:`RemoteError`, and only the codec
raises it.  Each carries a :class:`Reason`, whose number travels in ERROR messages
(protocol_spec, chapter "Reasons and verdicts").
"""

from __future__ import annotations

from enum import Enum, IntEnum

__all__ = [
    "FailureError",
    "LocalError",
    "Reason",
    "RemoteError",
    "SettingsError",
    "TallyError",
    "Verdict",
]


class Verdict(Enum):
    """What a receiver does with a message that it does not accept."""

    IGNORE = "ignore"  # not provably the sender's fault: drop it and count it
    REJECT = "reject"  # only the sender can have caused it: drop, count, answer ERROR


class Reason(IntEnum):
    """Why a message was not accepted.  Numbers are part of the wire protocol."""

    VERSION = 10  # no common protocol version, or the magic bytes are missing
    MALFORMED = 11  # shorter than its header, or more than one frame, or unknown flags
    TYPE = 12  # a message type that this peer does not know
    RUN = 13  # HELLO names another run descriptor
    EARLY = 14  # a message before HELLO on its connection
    AUTHOR = 20  # an author that the connection may not speak for, or that is not on the run's list
    SEAL = 21  # a signature that is missing, wrong, or not wanted in this run
    LENGTH = 30  # the body's length is not the one that its fields imply
    MAP = 31  # the msgpack map does not parse, or a field is missing or has the wrong type
    PADDING = 32  # padding bits that are not zero
    LABEL = 33  # a vote above the highest label of the run
    IDS = 34  # probe ids that are absent, not ascending, too many, or outside the pool
    ROUND = 35  # not the first round of a ballot, or outside the window
    EQUIVOCATION = 36  # a second, different ballot of one author for one round
    LIMIT = 40  # larger or more numerous than the limits allow
    RATE = 41  # more of one sender's messages than are taken in a second
    INTERNAL = 50  # the peer failed for a reason of its own

    @property
    def verdict(self) -> Verdict:
        """IGNORE where an honest peer can have caused it, else REJECT."""
        return Verdict.IGNORE if self in _HARMLESS else Verdict.REJECT


_HARMLESS = frozenset(
    {
        Reason.VERSION,
        Reason.TYPE,
        Reason.RUN,
        Reason.EARLY,
        Reason.ROUND,
        Reason.RATE,
        Reason.INTERNAL,
    }
)


class TallyError(Exception):
    """Base of every error that this package raises on purpose; never raised itself."""

    def __init__(self, message: str) -> None:
        if type(self) is TallyError:
            raise TypeError("raise one of TallyError's children, which say whose fault it was")
        super().__init__(message)


class LocalError(TallyError):
    """The calling code broke a rule of this library."""


class SettingsError(TallyError):
    """A person's settings cannot be used.  The message says what to change."""


class FailureError(TallyError):
    """The surroundings failed: port, disk, process.  The message says what to do."""


class RemoteError(TallyError):
    """Another peer's bytes broke the protocol.

    ``reason`` is the code that travels back in an ERROR message; none travels when the
    message was ``optional``, of a kind that receivers may ignore.  ``endpoint`` is where a
    sender that cannot be a member can still be told so, empty where it named none.
    """

    def __init__(
        self, reason: Reason, message: str, *, optional: bool = False, endpoint: str = ""
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.optional = optional
        self.endpoint = endpoint
