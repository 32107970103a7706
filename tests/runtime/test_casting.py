"""From labels to a ballot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from tallyp2p.bits import unpack
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.consensus.probes import derive
from tallyp2p.errors import LocalError
from tallyp2p.parameters import Ids, RunParameters
from tallyp2p.runtime.casting import cast

AUTHOR = b"an-autho"
DERIVED = RunParameters(probes=4, rounds_per_ballot=2)
EXPLICIT = RunParameters(probes=4, rounds_per_ballot=2, ids=Ids.EXPLICIT)


class Voter:
    def __init__(self, labels: npt.ArrayLike, ids: Sequence[int] | None = None) -> None:
        self.labels = np.asarray(labels)
        self.ids = None if ids is None else np.asarray(ids, dtype=np.uint32)
        self.asked: list[tuple[int, IdArray | None]] = []

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        self.asked.append((round, ids))
        return Vote(self.labels, self.ids)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        return {}


def test_derived_ids_go_to_the_learner_and_not_into_the_ballot() -> None:
    voter = Voter([0, 1, 2, 3, 10, 9, 8, 7])
    ballot = cast(DERIVED, AUTHOR, voter, 6)
    assert (ballot.author, ballot.round, ballot.ids) == (AUTHOR, 6, None)
    assert ballot.votes == bytes.fromhex("0123a987")
    ((round, ids),) = voter.asked
    assert round == 6 and ids is not None and ids.tolist() == derive(DERIVED, 6).tolist()


def test_an_author_may_choose_its_probes_and_how_many() -> None:
    ballot = cast(EXPLICIT, AUTHOR, Voter([1, 2, 3], [5, 7, 299]), 0)
    assert ballot.ids == (5, 7, 299)
    assert all(type(i) is int for i in ballot.ids)
    assert unpack(ballot.votes, 3, EXPLICIT.bits).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "run, voter",
    [
        (DERIVED, Voter([0] * 7)),
        (DERIVED, Voter([0] * 9)),
        (DERIVED, Voter([[0] * 8])),
        (DERIVED, Voter([0.0] * 8)),
        (DERIVED, Voter([0] * 7 + [11])),
        (DERIVED, Voter([0] * 7 + [-1])),
        (DERIVED, Voter([0] * 8, range(8))),
        (EXPLICIT, Voter([0] * 8)),
        (EXPLICIT, Voter([], [])),
        (EXPLICIT, Voter([0] * 9, range(9))),
        (EXPLICIT, Voter([0] * 2, [4, 4])),
        (EXPLICIT, Voter([0] * 2, [5, 4])),
        (EXPLICIT, Voter([0] * 2, [4, 300])),
        (EXPLICIT, Voter([0] * 3, [4, 5])),
    ],
)
def test_a_vote_that_the_run_does_not_allow_stays_here(run: RunParameters, voter: Voter) -> None:
    with pytest.raises(LocalError):
        cast(run, AUTHOR, voter, 0)
