"""Many learners in one process, trained together when one of them is asked.

A learner that is told to learn only notes it.  When it is asked for a vote or for an accuracy,
all that anybody has noted is done, models of one shape at once (see `stacking`).  Peers do not
touch one another's models, so what a learner says is what it would have said had it trained at
once, within the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from ..consensus.contributor import Election, IdArray, Vote
from ..errors import SettingsError
from .baseline import WithBaseline
from .builder import Built
from .learner import Course
from .stacking import FEWEST, Drill, drill

__all__ = ["Crowd", "Measured", "Member", "device_of"]


@dataclass(frozen=True, slots=True)
class Measured:
    """Accuracies on the test set, 0 .. 1, when an evaluation was due."""

    peer: int
    rounds: int  # made by then
    alone: float
    swarm: float


@dataclass(slots=True)
class Member:
    """A Contributor that puts off its training; its figures go into `Crowd.curve`."""

    crowd: Crowd
    built: Built
    inner: WithBaseline
    courses: list[Course] = field(default_factory=list)  # at most one

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        if self.courses:
            self.crowd.catch_up()
        return self.inner.vote(round, ids)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        if self.courses:  # it has to be done before this one can be prepared
            self.crowd.catch_up()
        self.courses.append(self.inner.learner.prepare(round, elections))
        return {}


class Crowd:
    """The learners of a world, by peer; made when they are first asked for."""

    def __init__(
        self,
        build: Callable[[int], Built],
        device: torch.device | None = None,
        stacked: bool = True,
    ) -> None:
        """`build` makes the learner of a peer, with its baseline.

        `stacked`: whether models are trained at once; else one after the other.
        """
        self.curve: list[Measured] = []  # in the order in which it was measured
        self._build = build
        self._device = device
        self._fewest = FEWEST if stacked else 1 << 30
        self._members: dict[int, Member] = {}

    def of(self, peer: int) -> Member:
        """The Contributor of a peer."""
        if peer not in self._members:
            built = self._build(peer)
            assert isinstance(built.contributor, WithBaseline)
            self._members[peer] = Member(self, built, built.contributor)
        return self._members[peer]

    def renew(self, peer: int) -> None:
        """The peer has forgotten everything; what it had noted is not done."""
        self._members.pop(peer, None)

    def catch_up(self) -> None:
        """Do what was noted."""
        busy = [(peer, member) for peer, member in self._members.items() if member.courses]
        if not busy:
            return
        drills = []
        for _, member in busy:
            [course] = member.courses
            drills.append(Drill(member.inner.learner.trainer, course.pulls))
            drills.append(Drill(member.inner.alone, (None,) * len(course.pulls)))
        drill(drills, self._device, fewest=self._fewest)
        for peer, member in busy:
            course = member.courses.pop()
            figures = member.inner.conclude(course)
            if "accuracy" in figures:
                rounds = course.round + course.rounds
                measured = Measured(peer, rounds, figures["alone"], figures["accuracy"])
                self.curve.append(measured)

    def accuracy(self, peer: int) -> tuple[float, float] | None:
        """What the peer's models reach now, 0 .. 1: alone, and in the swarm; None of nobody."""
        self.catch_up()
        if peer not in self._members:
            return None
        inner = self._members[peer].inner
        swarm = inner.evaluate()
        return None if swarm is None else (inner.evaluate_alone(), swarm)

    def digests(self, peer: int) -> Mapping[str, str]:
        """Of what the peer said, heard and learnt; see `Learner.digests`."""
        self.catch_up()
        return self.of(peer).built.digests()


def device_of(name: str) -> torch.device:
    """The torch device of this name.  Raises :class:`SettingsError` where there is none."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingsError(
            f"learners.device = {name} cannot be used: {reason.rstrip('.')}; cpu always can"
        ) from None
    return device
