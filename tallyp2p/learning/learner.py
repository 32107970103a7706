"""A model that votes, hears votes and learns: the Contributor with torch behind it.

In each round the model makes K optimiser steps on private batches; the first `kl_steps` of
them also pull it towards the tally, on the probes of that round.

An election that holds nobody else's ballot teaches nothing and is left out, and a step whose
probes got no vote at all is an ordinary local step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..bits import pack
from ..consensus.contributor import Election, IdArray, Vote
from ..consensus.tally import Tally
from ..errors import LocalError
from ..parameters import Ids, RunParameters
from ..payloads import Ballot
from .choosers import Choose
from .schedule import Schedule
from .settings import LearningSettings
from .sources import Inputs, Source
from .strategies.base import Strategy
from .training import Pull, Trainer, evaluate, predict

__all__ = ["Course", "Learner", "due"]

_KEPT = 64  # own ballots remembered, as many as a ledger keeps by default
_ELECTIONS = 4  # learnt from at once, the newest; bounds a step after a long silence


@dataclass(frozen=True, slots=True)
class _Cast:
    """What the peer said for one ballot."""

    ids: IdArray  # (votes,)
    guesses: npt.NDArray[np.int64]  # (votes,) most probable classes, also where withheld
    votes: bytes  # packed
    abstained: float  # share of votes withheld

    def is_in(self, ballot: Ballot) -> bool:
        """Whether `ballot` says the same of the same probes."""
        return ballot.votes == self.votes and ballot.ids in (None, tuple(self.ids.tolist()))


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be trained through for one ballot."""

    round: int  # the ballot's first
    rounds: int
    tallies: tuple[Tally, ...]  # learnt from
    pulls: tuple[Pull | None, ...]  # one for each step; None: an ordinary local step
    weight: float  # of the KL term, mean over the rounds


class Learner:
    """Implements :class:`~tallyp2p.consensus.contributor.Contributor`."""

    def __init__(
        self,
        trainer: Trainer,
        strategy: Strategy,
        chooser: Choose,
        run: RunParameters,
        settings: LearningSettings,
        rounds: int,
        probes: Inputs,
        test: Source | None,
    ) -> None:
        self.trainer = trainer
        self._strategy = strategy
        self._chooser = chooser
        self._run = run
        self._settings = settings
        self._rounds = rounds
        self._probes = probes
        self._test = test
        self._schedule = Schedule(settings.kl_weight, settings.warmup, settings.decay_floor, rounds)
        self._cast: dict[int, _Cast] = {}
        # Chained hashes of what was said and what was heard: equal runs have equal ones.
        self._said_so_far, self._heard_so_far = bytes(32), bytes(32)

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        """Labels for the ballot that starts at `round`; see Contributor."""
        explicit = self._run.ids is Ids.EXPLICIT
        if explicit != (ids is None):
            raise LocalError(f"this run has {self._run.ids.value} probe ids")
        chosen = self._chooser.choose(self._run.votes) if ids is None else ids
        logits = predict(self.trainer.model, self._probes, _index(chosen))
        labels = self._strategy.exchange.labels(logits)
        guesses = logits.argmax(dim=1).numpy()
        self._cast.pop(round, None)
        self._cast[round] = _Cast(
            ids=chosen,
            guesses=guesses,
            votes=pack(labels, self._run.bits),
            abstained=float((labels == self._run.classes).mean()),
        )
        while len(self._cast) > _KEPT:
            del self._cast[next(iter(self._cast))]
        said = round.to_bytes(4, "big") + chosen.astype(">u4").tobytes() + self._cast[round].votes
        self._said_so_far = hashlib.sha256(self._said_so_far + said).digest()
        return Vote(labels, chosen if explicit else None)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        """Train through the rounds of the ballot of `round`; see Contributor.

        Figures are means over those rounds: `loss`, `ce`, `kl` (of the steps that had it),
        `kl_weight`; `abstained`, the share of own votes withheld; `agreement`, the share of
        own probes with a vote where the own most probable class has the plurality;
        `accuracy` on the test set when it is due.
        """
        course = self.prepare(round, elections)
        figures = self.train(course)
        return figures | self.conclude(course)

    def prepare(self, round: int, elections: Sequence[Election]) -> Course:
        """The first part of `learn`: count, and say what is to be trained through."""
        rounds = min(self._run.rounds_per_ballot, self._rounds - round)
        tallies = self._tallies(elections)
        for tally in tallies:
            self._chooser.heard(tally)
            self._heard_so_far = hashlib.sha256(self._heard_so_far + tally.digest()).digest()
        steps, kl_steps = self._settings.local_steps, self._settings.kl_steps
        pulls: list[Pull | None] = []
        weights = 0.0
        for offset in range(rounds):
            weight = self._schedule.at(round + offset)
            weights += weight
            pull = self._pull(tallies, offset, weight) if weight > 0 and kl_steps else None
            pulls += [pull] * kl_steps + [None] * (steps - kl_steps)
        return Course(round, rounds, tuple(tallies), tuple(pulls), weights / max(rounds, 1))

    def conclude(self, course: Course) -> dict[str, float]:
        """The last part of `learn`: figures of what was said, and of what is known now."""
        figures = self._said(course.round, course.tallies)
        if due(course.round, course.rounds, self._settings.evaluate_every, self._rounds):
            if (accuracy := self.evaluate()) is not None:
                figures["accuracy"] = accuracy
        return figures

    def evaluate(self) -> float | None:
        """Accuracy on the test set, 0 .. 1; None without one."""
        return None if self._test is None else evaluate(self.trainer.model, self._test)

    def digests(self) -> dict[str, str]:
        """SHA-256, hexadecimal, of all own ballots, of all tallies learnt from, and of the
        model's weights as they stand: two runs are the same exactly when these are."""
        weights = hashlib.sha256()
        for name, value in sorted(self.trainer.model.state_dict().items()):
            weights.update(name.encode() + b"\0")
            weights.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return {
            "ballots": self._said_so_far.hex(),
            "tallies": self._heard_so_far.hex(),
            "weights": weights.hexdigest(),
        }

    def snapshot(self) -> dict[str, Any]:
        """Everything that what comes next depends on, as a dict of tensors and numbers."""
        said = {
            round: {
                "ids": _index(cast.ids),
                "guesses": torch.from_numpy(cast.guesses.copy()),
                "votes": torch.tensor(list(cast.votes), dtype=torch.uint8),
                "abstained": cast.abstained,
            }
            for round, cast in self._cast.items()
        }
        return {
            "trainer": self.trainer.snapshot(),
            "chooser": self._chooser.snapshot(),
            "cast": said,
            "said": torch.tensor(list(self._said_so_far), dtype=torch.uint8),
            "heard": torch.tensor(list(self._heard_so_far), dtype=torch.uint8),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot, bit for bit."""
        self.trainer.restore(state["trainer"])
        self._chooser.restore(state["chooser"])
        self._cast = {
            round: _Cast(
                cast["ids"].numpy().astype(np.uint32),
                cast["guesses"].numpy().copy(),
                bytes(cast["votes"].tolist()),
                cast["abstained"],
            )
            for round, cast in state["cast"].items()
        }
        self._said_so_far = bytes(state["said"].tolist())
        self._heard_so_far = bytes(state["heard"].tolist())

    def _tallies(self, elections: Sequence[Election]) -> list[Tally]:
        """Counts of the newest elections in which somebody else was heard."""
        tallies = []
        for election in sorted(elections, key=lambda election: election.round)[-_ELECTIONS:]:
            cast = self._cast.get(election.round)
            # A learner does not know its author id.  It knows its ballot by what it says:
            # an equal one of another author would count the same, because a tally is a sum.
            own = cast and next((b.author for b in election.ballots if cast.is_in(b)), None)
            if len(election.ballots) > (own is not None):
                derived = cast.ids if cast and self._run.ids is Ids.DERIVED else None
                tallies.append(self._strategy.combine.tally(election, own or None, derived))
        return tallies

    def train(self, course: Course) -> dict[str, float]:
        """The middle part of `learn`, which others may do in its place (see `stacking`)."""
        loss, ce, kl = torch.zeros(()), torch.zeros(()), torch.zeros(())
        pulled = 0
        self.trainer.model.train()
        for pull in course.pulls:
            if pull is not None:
                parts = self.trainer.step_towards(pull)
                loss += parts[0]
                ce += parts[1]
                kl += parts[2]
                pulled += 1
            else:
                part = self.trainer.step()
                loss += part
                ce += part
        total = max(len(course.pulls), 1)
        figures = {
            "loss": loss.item() / total,
            "ce": ce.item() / total,
            "kl_weight": course.weight,
        }
        if pulled:
            figures["kl"] = kl.item() / pulled
        return figures

    def _pull(self, tallies: Sequence[Tally], offset: int, weight: float) -> Pull | None:
        """What pulls in round `offset` of a ballot; None when nobody voted on its probes."""
        ids, targets = [], []
        for tally in tallies:
            if self._run.ids is Ids.DERIVED:
                first = offset * self._run.probes
                positions = np.arange(first, first + self._run.probes)
            else:  # a union of what several authors chose: spread over the rounds
                positions = np.arange(offset, len(tally.ids), self._run.rounds_per_ballot)
            if tally.voters[positions].any():
                ids.append(_index(tally.ids[positions]))
                targets.append(self._strategy.combine.targets(tally, positions))
        if not ids:
            return None
        return Pull(self._probes.inputs(torch.cat(ids)), torch.cat(targets), weight)

    def _said(self, round: int, tallies: Sequence[Tally]) -> dict[str, float]:
        """`abstained` and `agreement`, of the ballot that was cast for `round`."""
        cast = self._cast.get(round)
        if cast is None:
            return {}
        figures = {"abstained": cast.abstained}
        for tally in tallies:
            if tally.round == round:
                at, mine = _common(tally.ids, cast.ids)
                winners = tally.plurality()[at]
                voted = winners >= 0
                if voted.any():
                    same = winners[voted] == cast.guesses[mine][voted]
                    figures["agreement"] = float(same.mean())
        return figures


def due(round: int, rounds: int, every: int, planned: int) -> bool:
    """Whether an evaluation falls due at the end of `rounds` rounds that start at `round`."""
    end = round + rounds
    return end >= planned or end // every > round // every


def _index(ids: IdArray) -> Tensor:
    return torch.from_numpy(ids.astype(np.int64))


def _common(ids: IdArray, own: IdArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions of their common ids: in `ids`, in `own`."""
    _, at, mine = np.intersect1d(ids, own, assume_unique=True, return_indices=True)
    return at, mine
