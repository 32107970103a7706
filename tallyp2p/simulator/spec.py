"""What a world is made of, as plain settings.  Each field carries the sentence that explains it.

Times are virtual seconds since the world began; shares are from 0 to 1; peers are counted
from 0.  `reading` turns TOML into these classes and back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from ..errors import SettingsError
from ..parameters import RunParameters, Seal, Timing

__all__ = [
    "Churn",
    "ClockOffset",
    "Crash",
    "Freeze",
    "Group",
    "Hostile",
    "Hostility",
    "Join",
    "Kind",
    "Learning",
    "Leave",
    "Link",
    "Partition",
    "Promises",
    "Route",
    "Slow",
    "Step",
    "Voting",
    "WorldSpec",
]

_Kind = TypeVar("_Kind")
_FOREVER = 1e12  # seconds: an end that never comes


def _says(sentence: str, default: _Kind) -> _Kind:
    """A field with its default and the sentence that explains it."""
    made: _Kind = field(default=default, metadata={"says": sentence})
    return made


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)


def _share(name: str, value: float) -> None:
    _require(0 <= value <= 1, f"{name} must be from 0 to 1")


def _span(begin: float, end: float) -> None:
    _require(begin >= 0, "begin must be 0 or more")
    _require(end > begin, "end must come after begin")


@dataclass(frozen=True, slots=True)
class Link:
    """What the network does to messages."""

    delay: float = _says("seconds that a message travels at least", 0.01)
    jitter: float = _says("seconds that it may travel longer, evenly spread", 0.0)
    loss: float = _says("share of messages that are lost", 0.0)
    double: float = _says("share of messages that arrive more than once", 0.0)
    copies: int = _says("how often those arrive", 2)
    reorder: float = _says("share of messages that may overtake others of their connection", 0.0)
    late: float = _says("seconds that a message of that share travels longer at most", 0.5)
    bandwidth: float = _says("bytes a second that a sender can send in all; 0: no bound", 0.0)
    begin: float = _says("when loss, doubling and overtaking begin", 0.0)

    def __post_init__(self) -> None:
        for name in ("loss", "double", "reorder"):
            _share(name, getattr(self, name))
        _require(2 <= self.copies <= 100, "copies must be from 2 to 100")
        for name in ("delay", "jitter", "late", "bandwidth", "begin"):
            _require(getattr(self, name) >= 0, f"{name} must be 0 or more")


@dataclass(frozen=True, slots=True)
class Group:
    """Peers that other tables name together."""

    name: str = _says("the word by which other tables name these peers", "")
    peers: tuple[int, ...] = _says("who belongs to it", ())

    def __post_init__(self) -> None:
        _require(bool(self.name), "name must not be empty")
        _require(bool(self.peers), "peers must name at least one peer")


@dataclass(frozen=True, slots=True)
class Route:
    """Other conditions than those of [links] from one group to another, one way."""

    source: str = _says("the group that sends", "")
    target: str = _says("the group that is sent to", "")
    link: Link = field(default_factory=Link, metadata={"says": "the conditions on this way"})


@dataclass(frozen=True, slots=True)
class Partition:
    """While it lasts, messages between its groups are lost."""

    begin: float = _says("when it begins", 0.0)
    end: float = _says("when it heals", _FOREVER)
    groups: tuple[str, ...] = _says("two groups or more that do not hear one another", ())
    one_way: bool = _says("only messages from the first group to the others are lost", False)

    def __post_init__(self) -> None:
        _span(self.begin, self.end)
        _require(len(self.groups) >= 2, "groups must name at least two groups")


class Step(StrEnum):
    """Where in its work a process ends."""

    ANY = "any"  # wherever it is at the stated moment
    HELLO = "hello"  # it has said one HELLO of several
    VOTE = "vote"  # it is asked for its ballot, and has cast none
    BALLOT = "ballot"  # its ballot has left for the first of its receivers only
    DIGEST = "digest"  # it has sent a DIGEST, and hears no answer
    WANT = "want"  # it has asked for a ballot, and does not hear it
    LEARN = "learn"  # the round is counted, and nothing is learnt from it


@dataclass(frozen=True, slots=True)
class Crash:
    """Processes end without a word."""

    peers: tuple[int, ...] = _says("who crashes", ())
    at: float = _says("when", 0.0)
    restart_after: float = _says("seconds until they are started again; 0: never", 0.0)
    disk: bool = _says("whether they keep their own ballots, and so cast the same again", True)
    noticed: bool = _says("whether others see connections break, as when the host lives", True)
    same_endpoint: bool = _says("whether they come back where they were", False)
    step: Step = _says("what it does last, from that moment on", Step.ANY)

    def __post_init__(self) -> None:
        _require(self.at >= 0, "at must be 0 or more")
        _require(self.restart_after >= 0, "restart_after must be 0 or more")


@dataclass(frozen=True, slots=True)
class Churn:
    """Crashes and restarts all the time, drawn at random."""

    every: float = _says("seconds between two crashes; 0: no churn", 0.0)
    down: float = _says("seconds that a crashed peer stays away", 5.0)
    begin: float = _says("when it begins", 5.0)
    end: float = _says("when the last crash may come", 60.0)
    disk: bool = _says("whether crashed peers keep their own ballots", True)
    noticed: bool = _says("whether others see connections break", True)

    def __post_init__(self) -> None:
        _require(self.every >= 0, "every must be 0 or more")
        _require(self.down > 0, "down must be more than 0 seconds")
        _span(self.begin, self.end)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Processes stand still: what comes waits in their queues, and nothing leaves."""

    peers: tuple[int, ...] = _says("who stands still", ())
    begin: float = _says("when it begins", 0.0)
    end: float = _says("when they go on", _FOREVER)

    def __post_init__(self) -> None:
        _span(self.begin, self.end)


@dataclass(frozen=True, slots=True)
class Slow:
    """Processes that get little of their processor."""

    peers: tuple[int, ...] = _says("who is slow", ())
    begin: float = _says("when it begins", 0.0)
    end: float = _says("when it ends", _FOREVER)
    work: float = _says("seconds that each message, tick or answer of the learner takes", 0.05)
    training: float = _says("how many times longer training and voting take", 5.0)

    def __post_init__(self) -> None:
        _span(self.begin, self.end)
        _require(self.work >= 0, "work must be 0 or more")
        _require(self.training > 0, "training must be more than 0")


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Peers whose monotonic clock stands elsewhere; how fast it runs is the same."""

    peers: tuple[int, ...] = _says("whose clock", ())
    offset: float = _says("seconds by which it differs from the world's; may be negative", 0.0)

    def __post_init__(self) -> None:
        _require(abs(self.offset) <= 1e9, "offset must be at most 1e9 seconds either way")


@dataclass(frozen=True, slots=True)
class Join:
    """Peers that are not there at the beginning."""

    peers: tuple[int, ...] = _says("who comes late", ())
    at: float = _says("when", 5.0)
    seeds: tuple[int, ...] = _says("whose endpoints they know", (0,))

    def __post_init__(self) -> None:
        _require(self.at > 0, "at must be more than 0")
        _require(bool(self.seeds), "seeds must name at least one peer")


@dataclass(frozen=True, slots=True)
class Leave:
    """Peers that are told to leave, and say BYE."""

    peers: tuple[int, ...] = _says("who leaves", ())
    at: float = _says("when", 5.0)

    def __post_init__(self) -> None:
        _require(self.at >= 0, "at must be 0 or more")


class Hostility(StrEnum):
    """What a hostile peer does."""

    GARBAGE = "garbage"  # sends bytes that are no message, and messages with bits turned
    EQUIVOCATE = "equivocate"  # sends some peers another ballot than others
    WRONG = "wrong"  # votes for one wrong class, the same as all others of its kind
    PUSH = "push"  # sends its ballots to everybody, again and again, unasked
    LIE = "lie"  # says that it is rounds ahead
    CLAIM = "claim"  # says that it listens where another peer does


@dataclass(frozen=True, slots=True)
class Hostile:
    """Peers that mean harm.  Apart from that they follow the protocol."""

    peers: tuple[int, ...] = _says("who is hostile", ())
    does: Hostility = _says("garbage, equivocate, wrong, push, lie or claim", Hostility.WRONG)
    every: float = _says("garbage, push: seconds between two frames to each peer", 0.2)

    def __post_init__(self) -> None:
        _require(self.every > 0, "every must be more than 0 seconds")


@dataclass(frozen=True, slots=True)
class Voting:
    """Synthetic learners: how well they vote, and how long it takes them."""

    accuracy: float = _says("share of a peer's votes that name the true class", 0.8)
    correlation: float = _says("share of the errors that fall on one common wrong class", 0.2)
    abstain: float = _says("share of votes that are withheld, where the run allows it", 0.0)
    uneven: float = _says("how unlike probes are; 0: equal, towards 1: sure or hopeless", 0.0)
    voting: float = _says("seconds from the question to the ballot", 0.01)
    training: float = _says("seconds of training on a ballot", 1.0)
    spread: float = _says("share by which training may take longer or shorter each time", 0.1)

    def __post_init__(self) -> None:
        for name in ("accuracy", "correlation", "abstain", "uneven", "spread"):
            _share(name, getattr(self, name))
        _require(self.uneven < 1, "uneven must be less than 1")
        _require(
            self.accuracy + self.abstain <= 1, "accuracy and abstain must be at most 1 together"
        )
        for name in ("voting", "training"):
            _require(getattr(self, name) >= 0, f"{name} must be 0 or more")


class Kind(StrEnum):
    """What votes and learns."""

    VOTERS = "voters"  # synthetic, as [voting] says; nobody learns
    REAL = "real"  # models that train, as a profile says


@dataclass(frozen=True, slots=True)
class Learning:
    """Who the learners are.  Real ones take their virtual durations from [voting], too."""

    kind: Kind = _says("voters: synthetic ones; real: models that train", Kind.VOTERS)
    profile: str = _says("real: a preset, or a file beside the world's, that says how", "default")
    settings: tuple[str, ...] = _says('real: what differs there, as "data.shard=40"', ())
    stacked: bool = _says("real: whether models of one shape are trained at once", True)
    device: str = _says("real: the torch device on which that is done", "cpu")


@dataclass(frozen=True, slots=True)
class Promises:
    """What is asserted at the end, besides what must always hold."""

    within: int = _says("gossip intervals after which survivors hold the same ballots", 10)
    complete: bool = _says("whether every peer that is there at the end must make all rounds", True)
    slack: float = _says("seconds by which a round may close after its deadline", 0.5)

    def __post_init__(self) -> None:
        _require(self.within >= 1, "within must be at least 1")
        _require(self.slack >= 0, "slack must be 0 or more")


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """A whole world."""

    name: str = field(default="world", compare=False, metadata={"says": "where it came from"})
    seed: int = _says("all chance of the world follows from it", 0)
    peers: int = _says("how many peers there are in all", 8)
    limit: float = _says("virtual seconds after which the world ends in any case", 3600.0)
    together: bool = _says("whether all that are there at first wait for one another", True)
    check: bool = _says("whether every machine checks itself, step by step", True)
    thorough: bool = _says("whether costly checks come at each step, not each sixteenth", False)
    exact: bool = _says("whether receivers decode frames, not take senders' objects", False)
    run: RunParameters = field(default_factory=RunParameters)
    timing: Timing = field(default_factory=Timing)
    links: Link = field(default_factory=Link)
    voting: Voting = field(default_factory=Voting)
    learners: Learning = field(default_factory=Learning)
    promises: Promises = field(default_factory=Promises)
    churn: Churn = field(default_factory=Churn)
    groups: tuple[Group, ...] = ()
    routes: tuple[Route, ...] = ()
    partitions: tuple[Partition, ...] = ()
    crashes: tuple[Crash, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    slow: tuple[Slow, ...] = ()
    clocks: tuple[ClockOffset, ...] = ()
    joins: tuple[Join, ...] = ()
    leaves: tuple[Leave, ...] = ()
    hostile: tuple[Hostile, ...] = ()

    def __post_init__(self) -> None:
        _require(0 <= self.seed < 2**63, "seed must be from 0 to 2^63 - 1")
        _require(1 <= self.peers <= 100_000, "peers must be from 1 to 100000")
        _require(self.limit > 0, "limit must be more than 0 seconds")
        _require(
            self.exact or self.run.seal is Seal.NONE,
            "exact must be true where run.seal is ed25519, or no signature would be checked",
        )
        groups = [group.name for group in self.groups]
        _require(len(set(groups)) == len(groups), "groups must have different names")
        for route in self.routes:
            self._named("routes", (route.source, route.target), groups)
        for partition in self.partitions:
            self._named("partitions", partition.groups, groups)
        late = [peer for join in self.joins for peer in join.peers]
        _require(len(set(late)) == len(late), "joins must name each peer once")
        _require(len(late) < self.peers, "joins must leave somebody to join")
        for table in _WITH_PEERS:
            for part in getattr(self, table):
                self._there(table, part.peers)
        for join in self.joins:
            self._there("joins", join.seeds)

    def _named(self, table: str, used: Iterable[str], groups: list[str]) -> None:
        for name in used:
            known = f"groups are {', '.join(groups)}" if groups else "there are no groups"
            _require(name in groups, f"{table} name a group {name!r}: {known}")

    def _there(self, table: str, peers: Iterable[int]) -> None:
        for peer in peers:
            _require(
                0 <= peer < self.peers,
                f"{table} name peer {peer}: peers are 0 to {self.peers - 1}",
            )


_WITH_PEERS = ("groups", "crashes", "freezes", "slow", "clocks", "joins", "leaves", "hostile")
