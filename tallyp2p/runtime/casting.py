"""From a learner's labels to the ballot that travels."""

from __future__ import annotations

import numpy as np

from ..bits import pack
from ..consensus.contributor import Contributor, Vote
from ..consensus.probes import derive
from ..errors import LocalError
from ..parameters import Ids, RunParameters
from ..payloads import Ballot

__all__ = ["cast"]


def cast(run: RunParameters, author: bytes, contributor: Contributor, round: int) -> Ballot:
    """Ask `contributor` for its vote on `round`'s ballot and pack it.

    Raises :class:`LocalError` when the vote is not one that the run allows, so that the
    learner is told and no other peer is bothered.
    """
    vote = contributor.vote(round, derive(run, round) if run.ids is Ids.DERIVED else None)
    ids = _checked_ids(run, vote)
    labels = np.asarray(vote.labels)
    count = run.votes if ids is None else len(ids)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise LocalError(
            f"a vote on {count} probes must be as many integers, not an array of "
            f"{labels.dtype} with shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() > run.highest_label:
        raise LocalError(
            f"labels must be from 0 to {run.highest_label}, not {labels.min()} to {labels.max()}"
        )
    return Ballot(author, round, pack(labels, run.bits), ids)


def _checked_ids(run: RunParameters, vote: Vote) -> tuple[int, ...] | None:
    if run.ids is Ids.DERIVED:
        if vote.ids is not None:
            raise LocalError("probe ids are derived in this run; a vote must not name any")
        return None
    ids = () if vote.ids is None else tuple(int(i) for i in vote.ids)
    if not 1 <= len(ids) <= run.votes:
        raise LocalError(f"a vote must name 1 to {run.votes} probe ids, not {len(ids)}")
    ascending = all(a < b for a, b in zip(ids, ids[1:], strict=False))
    if not ascending or ids[0] < 0 or ids[-1] >= run.pool:
        raise LocalError(f"probe ids must ascend, from 0 up to {run.pool - 1}")
    return ids
