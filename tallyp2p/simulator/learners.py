"""The seam between a world and what votes and learns in it.

Two things stand behind it: synthetic voters (:class:`~.voters.Electorate`), and real learners,
which the simulator never sees: whoever makes the world brings them.  Virtual durations are the
world's: however long a learner really takes, a ballot comes `voting.voting` seconds after the
question, and training takes `voting.training`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any, NamedTuple, Protocol

from ..consensus.contributor import Election
from ..consensus.tally import Tally
from ..messages import Ballot

__all__ = ["Accuracies", "Learners", "Point", "Voter"]


class Voter(NamedTuple):
    """Who is asked."""

    peer: int
    author: bytes  # 8 bytes
    life: int = 0  # how often the peer lost its disk, and with it all that it had learnt


class Point(NamedTuple):
    """Accuracies, 0 .. 1, of the peers that were measured after so many rounds."""

    rounds: int
    alone: tuple[float, ...]
    swarm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Accuracies:
    """What models reach on the test set, 0 .. 1; None for a peer that is not counted."""

    alone: tuple[float | None, ...]  # by peer: same data, same steps, without any exchange
    swarm: tuple[float | None, ...]
    curve: tuple[Point, ...] = ()  # ascending in rounds

    def as_json(self) -> dict[str, Any]:
        """For `json.dumps`; `alone` and `swarm` as in the summary of a swarm."""
        return {
            "alone": _spread(self.alone),
            "swarm": _spread(self.swarm),
            "curve": [
                {"rounds": point.rounds, "alone": _range(point.alone), "swarm": _range(point.swarm)}
                for point in self.curve
            ],
        }


class Learners(Protocol):
    """All learners of a world."""

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        """The ballot of `voter` for `round`, not sealed.

        `wrong`: of one who means harm; `rival`: another number, another ballot of the same
        author and round.
        """
        ...

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        """Train through the rounds of the ballot of `round`; see Contributor.

        Told when training begins.  It may be done later, at the latest when somebody asks for
        what depends on it.  A crash that keeps the disk keeps also what it cut short: our
        choice, which lets the learners of many peers be trained at once.
        """
        ...

    def accuracy(self, tally: Tally) -> float | None:
        """The share of a tally's probes that it labels rightly; None where nobody knows."""
        ...

    def accuracies(self, honest: Collection[int]) -> Accuracies | None:
        """What the models of these peers reach; None of voters that have none."""
        ...

    def newest(self) -> Point | None:
        """The last complete point of the curve so far, for those who wait."""
        ...


def _spread(values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    return {
        "mean": fmean(known) if known else None,
        "std": pstdev(known) if known else None,
        "per_peer": list(values),
    }


def _range(values: Sequence[float]) -> dict[str, float]:
    return {"mean": fmean(values), "least": min(values), "most": max(values)} if values else {}
