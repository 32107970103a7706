"""Every constant of the protocol: what a run agrees on, and what a peer decides alone.

:class:`RunParameters` must be equal at all peers of a run; their digest is the run's name
on the wire.  :class:`Timing` is each peer's own business.  Both refuse nonsense when made.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

from .errors import SettingsError

__all__ = [
    "CROWD",
    "LIMITS",
    "Ids",
    "Limits",
    "Pace",
    "RunParameters",
    "Seal",
    "Spreading",
    "Timing",
    "usual_view",
]

PROTOCOL_VERSION = 1


class Spreading(StrEnum):
    """How ballots travel (protocol_spec 04)."""

    SAMPLED = "sampled"  # each round every peer hears `degree` others
    BROADCAST = "broadcast"  # every peer hears every ballot, with repair


class Ids(StrEnum):
    """Who says on which probes a ballot votes (protocol_spec 05)."""

    DERIVED = "derived"  # the run and the round say it; no ids travel
    EXPLICIT = "explicit"  # each author chooses, and names them in its ballot


class Seal(StrEnum):
    """What proves who cast a ballot (protocol_spec 07)."""

    NONE = "none"  # nothing: peers trust one another and the network
    ED25519 = "ed25519"  # its author's signature


class Pace(StrEnum):
    """How far a peer may run ahead of those whom it expects."""

    LOCKSTEP = "lockstep"  # a round closes when every expected live author was heard
    BOUNDED = "bounded"  # ... was heard for all rounds but the last `staleness` ballots
    FREE = "free"  # a round closes as soon as the own ballot is cast


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a stranger may make a peer hold.  Checked before decoding."""

    frame: int = 262_144  # bytes of one message, any type
    hello: int = 4_096  # bytes of HELLO, BYE and ERROR, which come before anybody is known
    text: int = 512  # bytes of the text in BYE and ERROR; a run descriptor fits
    endpoint: int = 255  # bytes of an endpoint
    members: int = 1_024  # authors that a peer knows, and authors in one round of its ledger
    peers: int = 64  # entries of one PEERS message
    digest: int = 128  # entries of one DIGEST message
    have: int = 2_048  # entries of one HAVE message
    want: int = 256  # entries of one WANT message
    probes: int = 65_535  # votes in one ballot
    classes: int = 16_777_215  # classes of a run, so that a label with abstention fits 24 bits
    links: int = 4_096  # inbound connections that a peer tells apart
    view: int = 128  # neighbours that a peer chooses, where it does not know everybody


LIMITS = Limits()


CROWD = 64  # peers up to which, unless told otherwise, everybody knows everybody
_FEW = 8  # neighbours that each chooses where there are more
_FEWEST = 2  # that each must choose in broadcast: with one, swarms easily fall apart


_YOUNGER = frozenset(
    {"seal", "view", "electorate", "model"}
)  # run parameters that came after the first revision


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)


def _is_hash(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


@dataclass(frozen=True)
class RunParameters:
    """What all peers of a run agree on.  Another value anywhere is another run.

    Raises :class:`SettingsError` when a value is out of range.
    """

    seed: int = 0  # the run's seed, 0 .. 2^63 - 1; feeds probe derivation through the run id
    classes: int = 10  # C, number of classes, 2 .. LIMITS.classes
    abstain: bool = True  # whether label C, "no vote", may be sent
    pool: int = 300  # number of public probes, ids 0 .. pool - 1
    pool_digest: str = "0" * 64  # SHA-256 of the probes' bytes, hexadecimal
    probes: int = 32  # B, probes voted on per round
    rounds_per_ballot: int = 8  # rounds that one ballot covers
    spreading: Spreading = Spreading.SAMPLED
    degree: int = 2  # d, ballots that a peer hears per round when sampled
    ids: Ids = Ids.DERIVED
    seal: Seal = Seal.NONE
    view: int = 0  # neighbours that a peer chooses; 0: everybody knows everybody
    electorate: str = ""  # hash of the list of who may take part (ELECT-1); empty: whoever comes
    model: str = ""  # hash of the shape that all models have (RUN-8); empty: any, as votes allow

    def __post_init__(self) -> None:
        _require(0 <= self.seed < 2**63, "seed must be from 0 to 2^63 - 1")
        _require(
            2 <= self.classes <= LIMITS.classes,
            f"classes must be from 2 to {LIMITS.classes}, not {self.classes}",
        )
        _require(1 <= self.pool < 2**32, "the probe pool must hold 1 to 2^32 - 1 probes")
        _require(_is_hash(self.pool_digest), "pool_digest must be 64 lower-case hexadecimal digits")
        _require(self.probes >= 1, "probes must be at least 1")
        _require(self.rounds_per_ballot >= 1, "rounds_per_ballot must be at least 1")
        _require(
            self.votes <= min(self.pool, LIMITS.probes),
            f"a ballot of {self.rounds_per_ballot} rounds of {self.probes} probes needs "
            f"{self.votes} distinct probes, but the pool has {self.pool} and a ballot holds at "
            f"most {LIMITS.probes}: lower probes or rounds_per_ballot, or give more probes",
        )
        _require(1 <= self.degree < 2**32, "degree must be from 1 to 2^32 - 1")
        if self.view:
            sampled = self.spreading is Spreading.SAMPLED
            least = f"more than degree ({self.degree})" if sampled else f"at least {_FEWEST}"
            _require(
                (self.degree + 1 if sampled else _FEWEST) <= self.view <= LIMITS.view,
                f"view must be 0, or {least} and at most {LIMITS.view}, not {self.view}",
            )
        if self.electorate:
            _require(
                _is_hash(self.electorate),
                "electorate must be empty or 64 lower-case hexadecimal digits",
            )
            _require(
                self.seal is Seal.ED25519,
                "electorate needs seal = ed25519: a list of keys means nothing where nobody signs",
            )
        if self.model:
            _require(
                _is_hash(self.model),
                "model must be empty or 64 lower-case hexadecimal digits; settings may say own",
            )

    @property
    def votes(self) -> int:
        """Votes in one ballot: probes per round times rounds per ballot."""
        return self.probes * self.rounds_per_ballot

    @property
    def pulls(self) -> bool:
        """Whether ballots come only to those who ask for them, and are never pushed."""
        return self.view > 0 and self.spreading is Spreading.SAMPLED

    @cached_property
    def highest_label(self) -> int:
        """The largest label that may be sent: C when peers may abstain, else C - 1."""
        return self.classes if self.abstain else self.classes - 1

    @cached_property
    def bits(self) -> int:
        """Bits per vote: ceil(log2(highest_label + 1))."""
        return self.highest_label.bit_length()

    @cached_property
    def descriptor(self) -> str:
        """The run descriptor: one `key=value` line per agreed value, in this order, ASCII.

        Parameters younger than the first revision are left out at their defaults, so that
        peers that have not heard of them derive the same run id (RUN-1, VERSION-1).
        """
        lines = [f"tally/{PROTOCOL_VERSION}"]
        for item in fields(self):
            value: Any = getattr(self, item.name)
            if item.name in _YOUNGER and value == item.default:
                continue
            if isinstance(value, Enum):
                value = value.value
            elif isinstance(value, bool):
                value = int(value)
            lines.append(f"{item.name}={value}")
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, descriptor: str) -> RunParameters:
        """The parameters whose descriptor this is.  Raises :class:`SettingsError` for others."""
        lines = descriptor.splitlines()
        _require(
            lines[:1] == [f"tally/{PROTOCOL_VERSION}"],
            f"this is not a run descriptor: its first line is not tally/{PROTOCOL_VERSION}",
        )
        values: dict[str, Any] = {}
        for line in lines[1:]:
            name, _, text = line.partition("=")
            values[name] = text
        for item in fields(cls):
            default: Any = item.default
            given = values.get(item.name)
            if given is None:
                continue
            if isinstance(default, Enum):
                known = {str(word.value): word for word in type(default)}
                _require(given in known, f"{item.name}={given} is not one of {', '.join(known)}")
                values[item.name] = known[given]
            elif not isinstance(default, str):
                _require(given.isascii() and given.isdigit(), f"{item.name}={given} is no number")
                values[item.name] = type(default)(int(given))
        try:
            run = cls(**values)
        except TypeError:
            unknown = sorted(set(values) - {item.name for item in fields(cls)})
            some = ", ".join(f"{name:.40}" for name in unknown[:3])  # a peer may have sent it
            raise SettingsError(f"run parameters that are not known: {some}") from None
        _require(run.descriptor == descriptor, "this is not a run descriptor in its one form")
        return run

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the descriptor, 32 bytes.  HELLO carries it."""
        return hashlib.sha256(self.descriptor.encode("ascii")).digest()

    @cached_property
    def run(self) -> bytes:
        """The run id: first 8 bytes of the digest.  All derivations are keyed by it."""
        return self.digest[:8]


_DURATIONS = (
    "deadline",
    "patience",
    "suspect_after",
    "gone_after",
    "probe_interval",
    "gossip_interval",
    "view_interval",
    "join_deadline",
)


@dataclass(frozen=True, slots=True)
class Timing:
    """What a peer decides alone.  Seconds unless said otherwise; monotonic time only."""

    rounds: int = 560  # rounds until this peer is done
    pace: Pace = Pace.LOCKSTEP
    staleness: int = 1  # ballots that a `bounded` peer may run ahead of the slowest expected
    quorum: int = 2  # members, itself included, that must be known before the first round
    deadline: float = 30.0  # a round closes at the latest this long after the own ballot
    patience: float = 1.0  # silence of an expected author before its ballot is asked for
    suspect_after: float = 5.0  # an unanswered question makes a member suspect after this
    gone_after: float = 60.0  # a suspect member leaves the roster after this
    probe_interval: float = 5.0  # one quiet member is pinged this often
    gossip_interval: float = 2.0  # one member is sent a DIGEST this often (broadcast)
    view_interval: float = 120.0  # one neighbour is exchanged this often (runs with a view)
    join_deadline: float = 60.0  # a peer that met no quorum by then gives up
    retain: int = 64  # ballots per author kept for repair
    ahead: int = 64  # ballots per author accepted ahead of the own round

    def __post_init__(self) -> None:
        for name in _DURATIONS:
            _require(getattr(self, name) > 0, f"{name} must be more than 0 seconds")
        for name, least in (
            ("rounds", 1),
            ("staleness", 0),
            ("quorum", 1),
            ("retain", 2),
            ("ahead", 2),
        ):
            _require(getattr(self, name) >= least, f"{name} must be at least {least}")
        for name, most in (("rounds", 2**32 - 1), ("retain", 16_384), ("ahead", 16_384)):
            _require(getattr(self, name) <= most, f"{name} must be at most {most}")  # wire's fields
        _require(self.staleness <= self.retain, "staleness must be at most retain")


def usual_view(peers: int, spreading: Spreading, degree: int) -> int:
    """The run parameter `view` where nobody chose one; peers need not agree on how they did.

    Where everybody knows everybody, a line to each takes five open files and some 60 KiB at
    either end, which for 64 peers is 400 files and 4 MB a process, and news of who is there
    grows with the square.  Above, each chooses 8 neighbours, as many as gossipsub's D, or twice
    as many as it hears in a round.  (Our choice.)

    Broadcast has none unless somebody asks: over a view a round closes before ballots of peers
    that are no neighbours have come, and who wants equal tallies may want them at once.
    """
    if peers <= CROWD or spreading is not Spreading.SAMPLED or degree >= LIMITS.view:
        return 0
    return min(max(_FEW, 2 * degree), LIMITS.view)
