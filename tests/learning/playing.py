"""A few learners on digits, and ballots for them to hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tallyp2p.bits import pack
from tallyp2p.consensus import probes
from tallyp2p.consensus.contributor import Contributor, Election, Vote
from tallyp2p.learning.baseline import WithBaseline
from tallyp2p.learning.builder import Built, build
from tallyp2p.learning.learner import Learner
from tallyp2p.learning.settings import DataSettings, LearningSettings
from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading
from tallyp2p.payloads import Ballot

ME, OTHER, THIRD = (bytes([letter]) * 8 for letter in b"mot")


@dataclass(frozen=True)
class Choices:
    """A short run."""

    probes: int = 8
    rounds_per_ballot: int = 4
    spreading: Spreading = Spreading.SAMPLED
    degree: int = 2
    view: int = 0
    ids: Ids = Ids.DERIVED
    seal: Seal = Seal.NONE
    electorate: str = ""
    model: str = ""


def built(index: int = 0, rounds: int = 22, seed: int = 1, **settings: Any) -> Built:
    ids = settings.pop("ids", Ids.DERIVED)
    chosen: dict[str, Any] = {"warmup": 4, "local_steps": 3, "abstain_below": 0.3, **settings}
    return build(
        learning=LearningSettings(**chosen),
        data=DataSettings(),
        run=Choices(ids=ids),
        seed=seed,
        index=index,
        peers=3,
        rounds=rounds,
    )


def learner(of: Built) -> Learner:
    assert isinstance(of.contributor, WithBaseline)
    return of.contributor.learner


def weights(of: Learner) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in of.trainer.model.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def derived(run: RunParameters, round: int) -> Any:
    return probes.derive(run, round) if run.ids is Ids.DERIVED else None


def ballot(run: RunParameters, author: bytes, round: int, vote: Vote) -> Ballot:
    ids = None if vote.ids is None else tuple(vote.ids.tolist())
    return Ballot(author, round, pack(vote.labels, run.bits), ids)


def go(contributors: list[Contributor], run: RunParameters, first: int, last: int) -> list[Any]:
    """Let everybody hear everybody in the rounds first .. last - 1; all figures, by ballot."""
    told: list[Any] = []
    for round in range(first, last, run.rounds_per_ballot):
        ballots = tuple(
            ballot(run, bytes([i]) * 8, round, one.vote(round, derived(run, round)))
            for i, one in enumerate(contributors)
        )
        told.append([dict(one.learn(round, [Election(round, ballots)])) for one in contributors])
    return told


def constant(run: RunParameters, label: int, ids: Any = None) -> Vote:
    return Vote(np.full(run.votes, label), ids)
