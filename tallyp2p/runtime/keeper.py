"""What a peer's shell keeps on disk while it runs: ballots before they are sent, states in time.

All of it happens in the learner's thread, between two calls of the learner, so the loop never
waits for a disk, and a state is never half of one round and half of the next.

* A ballot that the disk does not take is not cast, for after a restart the peer would vote
  anew in that round; the peer hears the others, trains on, and says so.
* A state that the disk does not take is said, too, and tried again when the next one is due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..gossip.body import Kept
from ..payloads import Ballot
from ..storage.ballots import ballots_bytes
from ..storage.generations import Generations
from ..storage.journal import Journal

__all__ = ["Freezer", "Keeper"]

_log = logging.getLogger(__name__)

_LONG = 1.0  # s of training that may not be waited for at the end: keep the state after each


class Freezer(Protocol):
    """Whose state is kept; see `learning.state.Memory`."""

    def freeze(self, notes: Mapping[str, Any], ballots: bytes) -> bytes:
        """All that what comes next depends on."""
        ...


class Keeper:
    """The journal and the generations of one peer at work."""

    def __init__(
        self,
        journal: Journal,
        generations: Generations,
        freezer: Freezer | None,
        notes: Mapping[str, Any],
        *,
        span: int,
        every: int,
        round: int = 0,
        voted: bool = False,
        recalled: bool = False,
    ) -> None:
        """`freezer`: None, or `every` 0, keeps ballots only.  `span`: rounds of a ballot; `every`:
        ballots from one state to the next.  `round`, `voted`: where the learner stands, see
        :meth:`save`; `recalled`: a state of that is there."""
        self._journal, self._generations = journal, generations
        self._freezer = freezer if every else None
        self._notes = dict(notes)
        self._span, self._every = span, every
        self._at = (round, voted)
        self._saved = self._at if recalled else None  # what the newest state is of
        self._long = False  # whether the last training step was a long one
        self._troubles: list[str] = []

    # --- in the learner's thread ----------------------------------------------------------

    def cast(self, round: int, vote: Callable[[], Ballot]) -> Ballot | None:
        """The ballot to be sent: that of an earlier life, else what `vote` returns once it lies
        on the disk; None when the disk does not take it."""
        kept = self._journal.get(round)
        if kept is not None and self._at == (round, True):
            return kept  # the learner has voted in this round, and will not be asked twice
        ballot = vote()
        self._at = (round, True)
        if kept is not None:
            if (kept.votes, kept.ids) != (ballot.votes, ballot.ids):
                _log.warning("round %d is voted on again, otherwise than before", round)
            return kept
        try:
            self._journal.add(ballot)
        except OSError as error:
            self._troubles.append(
                f"the ballot of round {round} is not sent, for the disk did not take it "
                f"({self._journal.path}: {error.strerror}); training goes on"
            )
            return None
        return ballot

    def learnt(self, following: int, seconds: float) -> None:
        """The learner has trained, which took so long; the round after that is `following`."""
        self._at = (following, False)
        self._long = seconds > _LONG

    def save(self, kept: Kept) -> None:
        """Write a generation of the learner as it stands and of what its machine keeps.

        The state is that before the vote on a round, or after it: then the ballot is in the
        journal, and the learner will not be asked again.
        """
        if self._freezer is None or self._saved == self._at:
            return
        round, voted = self._at
        notes = {
            "round": round,
            "voted": voted,
            "cast": self._journal.newest,
            "start": kept.start,
            "endpoints": list(kept.endpoints),
        }
        try:
            data = self._freezer.freeze(self._notes | notes, ballots_bytes(kept.ballots))
            self._generations.save(round, data)
        except OSError as error:
            saved = self._saved
            newest = "there is none" if saved is None else f"the newest is that of round {saved[0]}"
            self._troubles.append(
                f"the state of round {round} was not kept ({self._generations.path}: "
                f"{error.strerror}), and {newest}; training goes on"
            )
        except Exception as error:  # somebody's model: what it calls its state may be anything
            _log.exception("the state cannot be written down")
            self._troubles.append(f"this learner's state cannot be kept: {error!r}")
            self._freezer = None
        else:
            self._saved = self._at

    # --- in the loop ----------------------------------------------------------------------

    def due(self, following: int) -> bool:
        """Whether to save before `following` is voted on."""
        if self._freezer is None:
            return False
        return self._long or following // self._span % self._every == 0

    def give_up(self) -> None:
        """The learner did not end in time: what it has learnt since the newest state is lost."""
        newest = "no state" if self._saved is None else f"the state of round {self._saved[0]}"
        self._troubles.append(f"the training step in progress was given up; {newest} is kept")

    def troubles(self) -> list[str]:
        """What went wrong since the last call, in sentences for a person."""
        told, self._troubles = self._troubles, []
        return told

    def close(self) -> None:
        """Let another process be this peer."""
        self._journal.close()
