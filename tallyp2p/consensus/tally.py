"""From ballots to what was decided (protocol_spec 05, TALLY).

A tally counts, for every probe, how often each class was voted for.  It is a sum, so it does
not depend on the order of the ballots.  Up to a million cells (probes times classes) the
counts are a dense table; above that only the cells that got a vote exist, found by sorting,
because a table of 2,000 probes and 50,000 classes would take 400 MB and be all but empty.

Votes stay packed until here and are unpacked once, many ballots at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..bits import packed_size, unpack_lanes, unpack_rows
from ..errors import LocalError
from ..parameters import Ids, RunParameters
from ..payloads import Ballot
from . import probes
from .contributor import Election, IdArray

__all__ = ["Cells", "Tally", "count"]

IntArray = npt.NDArray[np.int64]
CountArray = npt.NDArray[np.uint32]

_DENSE_CELLS = 1_000_000  # a dense table has at most this many; our choice, measured
_BATCH = 262144  # votes unpacked at a time, which bounds scratch memory to a few MB
_LANES = 16384  # bytes of ballots from which on their order is not worth its time
_DOMAIN = b"TALLY1-TALLY"
_ONE = np.uint32(1)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The counts that are not zero, by probe, then by class.  Three arrays of one length."""

    probe: IntArray  # index into Tally.ids
    label: IntArray  # class, 0 .. C - 1
    votes: IntArray  # at least 1


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What the counted ballots say.  P probes, C classes; abstentions count nowhere."""

    run: bytes  # the run id
    round: int  # first round of the ballots
    classes: int  # C
    ids: IdArray  # (P,) uint32: in draw order when derived, else ascending, without repeats
    voters: IntArray  # (P,) votes cast on each probe, abstentions left out
    table: CountArray | None  # (P, C) counts, when there are few cells
    sparse: Cells | None  # the same when there are many; exactly one of the two is None

    def cells(self) -> Cells:
        """The counts that are not zero.  Always possible, whatever P and C are."""
        if self.sparse is not None:
            return self.sparse
        assert self.table is not None
        probe, label = np.nonzero(self.table)
        return Cells(probe, label, self.table[probe, label].astype(np.int64))

    def histogram(self) -> npt.NDArray[np.float32]:
        """(P, C) float32: the share of each class in a probe's votes.

        A row sums to 1, or is all zero where nobody voted.  Raises :class:`LocalError` when
        P * C exceeds a million: use :meth:`cells` there.
        """
        if self.table is None:
            size = f"{len(self.ids)} probes x {self.classes} classes"
            raise LocalError(f"{size} is too large for a dense histogram: use cells()")
        shares = self.table.astype(np.float32)
        shares /= np.maximum(self.voters, 1).astype(np.float32)[:, None]
        return shares

    def plurality(self) -> IntArray:
        """(P,) the class with most votes; -1 where nobody voted.

        Among tied classes: the first one in the cyclic order that starts at
        (probe id + round) mod C (TIE-1), so that no class is favoured over many probes.
        """
        return self._decide()[0]

    def margin(self) -> IntArray:
        """(P,) votes of the plurality less those of the runner-up; 0 where tied or no votes."""
        return self._decide()[1]

    def certified(self, faulty: int) -> IntArray:
        """(P,) the plurality where no `faulty` of the voters can have made it; elsewhere -1.

        A class that leads by more than `faulty` votes wins among the honest voters alone, too:
        each voter that is taken away changes a lead by one at most.  Nothing is said of whether
        the honest ones are right.  (The margin certificate; our choice.  What it keeps, and how
        right that is, stands in simulations/README.md.)

        Raises :class:`LocalError` when `faulty` is negative.
        """
        if faulty < 0:
            raise LocalError(f"there cannot be {faulty} faulty voters")
        winners, margins = self._decide()
        winners[margins <= faulty] = -1
        return winners

    def digest(self) -> bytes:
        """SHA-256, 32 bytes, equal for equal counts in every language (TALLY-6).

        Over ``"TALLY1-TALLY" || run id || u32 round``, then for each cell that is not zero,
        by probe id, then by class: ``u32 id || u32 class || u32 votes``.
        """
        cells = self.cells()
        ids = self.ids[cells.probe]
        order = np.argsort(ids, kind="stable")
        rows = np.stack((ids, cells.label, cells.votes), axis=1)[order].astype(">u4")
        head = _DOMAIN + self.run + self.round.to_bytes(4, "big")
        return hashlib.sha256(head + rows.tobytes()).digest()

    def _decide(self) -> tuple[IntArray, IntArray]:
        """(P,) plurality and (P,) margin."""
        starts = (self.ids.astype(np.int64) + self.round) % self.classes
        if self.table is not None:
            winners, margins = _decide_dense(self.table, starts)
        else:
            winners, margins = _decide_sparse(self.cells(), starts, self.classes)
        winners[self.voters == 0] = -1
        return winners, margins


def count(
    run: RunParameters,
    election: Election,
    own: bytes | None,
    include_own: bool = True,
    ids: IdArray | None = None,
) -> Tally:
    """Count the ballots of `election`.

    `own` is the author whose ballot is left out when `include_own` is false.  `ids`, shape
    (run.votes,), spares the derivation to a caller that has the derived ids already.  Raises
    :class:`LocalError` for ballots that no codec would have let in: of another round, twice
    of one author, of a wrong size, or with a label above the run's highest.
    """
    if len({ballot.author for ballot in election.ballots}) != len(election.ballots):
        raise LocalError("an election holds at most one ballot of each author")
    if {ballot.round for ballot in election.ballots} - {election.round}:
        raise LocalError(f"a ballot of another round than {election.round}")
    explicit = run.ids is Ids.EXPLICIT
    if {ballot.ids is not None for ballot in election.ballots} - {explicit}:
        raise LocalError(f"ballots of this run have {run.ids.value} ids")
    ballots = [b for b in election.ballots if include_own or b.author != own]
    if explicit:
        ids = np.unique(np.array([i for b in ballots for i in b.ids or ()], dtype=np.uint32))
    elif ids is None:
        ids = probes.derive(run, election.round)
    elif ids.shape != (run.votes,):
        raise LocalError(f"the derived ids have shape {(run.votes,)}, not {ids.shape}")
    batches = _batches(run, ballots, ids if explicit else None)
    if len(ids) * run.classes <= _DENSE_CELLS:
        table, voters = _dense(run, len(ids), batches)
        return Tally(run.run, election.round, run.classes, ids, voters, table, None)
    cells = _sparse(run, batches)
    voters = np.bincount(cells.probe, weights=cells.votes, minlength=len(ids)).astype(np.int64)
    return Tally(run.run, election.round, run.classes, ids, voters, None, cells)


_Batch = tuple[IntArray | None, int, npt.NDArray[np.uint8]]


def _batches(
    run: RunParameters, ballots: Sequence[Ballot], union: IdArray | None
) -> Iterator[_Batch]:
    """Some ballots at a time: (positions in the tally's ids, votes in each, packed rows).

    Rows have shape (ballots, bytes); positions (ballots, votes), or None when `union` is None,
    that is when every ballot is on all probes in their order.
    """

    sizes: dict[int, list[Ballot]] = {}
    if union is None:
        sizes[run.votes] = list(ballots)
    else:
        for ballot in ballots:
            sizes.setdefault(len(ballot.ids or ()), []).append(ballot)
    for votes, group in sizes.items():
        if not 1 <= votes <= run.votes:
            raise LocalError(f"a ballot of this run holds 1 to {run.votes} votes, not {votes}")
        row = packed_size(votes, run.bits)
        step = max(1, _BATCH // votes)
        for at in range(0, len(group), step):
            some = group[at : at + step]
            if {len(ballot.votes) for ballot in some} != {row}:
                raise LocalError(f"{votes} votes take {row} bytes in this run")
            packed = np.frombuffer(b"".join(b.votes for b in some), dtype=np.uint8)
            places = None
            if union is not None:
                places = np.searchsorted(union, np.array([b.ids for b in some]))
            yield places, votes, packed.reshape(len(some), row)


def _dense(run: RunParameters, size: int, batches: Iterator[_Batch]) -> tuple[CountArray, IntArray]:
    """(size, classes) counts and (size,) voters."""
    width = run.classes + 1  # abstentions have a column of their own, which is cut off
    table = np.zeros(size * width, dtype=np.uint32)
    cast = np.zeros(size, dtype=np.int64)
    for positions, votes, rows in batches:
        # Measured: np.add.at is as fast as one bincount, which would need a table of its own.
        if positions is None:
            for places, labels in _unpacked(rows, votes, run.bits):
                _check(labels, run)
                starts = np.arange(places.start, places.stop, places.step) * width
                np.add.at(table, (starts + labels).ravel(), _ONE)
            cast += len(rows)
        else:
            labels = unpack_rows(rows, votes, run.bits)
            _check(labels, run)
            np.add.at(table, (positions * width + labels).ravel(), _ONE)
            cast += np.bincount(positions.ravel(), minlength=size)
    counts = table.reshape(size, width)
    return counts[:, : run.classes], cast - counts[:, run.classes]


def _unpacked(
    rows: npt.NDArray[np.uint8], votes: int, bits: int
) -> Iterator[tuple[range, npt.NDArray[np.integer]]]:
    """All labels with their places, in whichever order is found sooner."""
    if rows.size < _LANES:
        return iter([(range(votes), unpack_rows(rows, votes, bits))])
    return unpack_lanes(rows, votes, bits)


def _check(labels: npt.NDArray[np.integer], run: RunParameters) -> None:
    if int(labels.max()) > run.highest_label:
        raise LocalError(f"a label above {run.highest_label}, the run's highest")


def _sparse(run: RunParameters, batches: Iterator[_Batch]) -> Cells:
    """The cells that got a vote, by sorting all votes and measuring the runs of equals."""
    classes = run.classes
    keys = [np.empty(0, dtype=np.int64)]
    for positions, votes, rows in batches:
        labels = unpack_rows(rows, votes, run.bits)
        _check(labels, run)
        flat = (np.arange(votes) if positions is None else positions) * classes + labels
        keys.append(flat[labels < classes])
    found = np.concatenate(keys)
    found.sort()
    starts = np.flatnonzero(np.diff(found, prepend=-1))
    probe, label = np.divmod(found[starts], classes)
    return Cells(probe, label, np.diff(starts, append=len(found)))


def _decide_dense(table: CountArray, starts: IntArray) -> tuple[IntArray, IntArray]:
    """Winner and margin of each row; `starts`, (P,), is where each row's cyclic order starts."""
    top = table.max(axis=1, keepdims=True)
    tied = table == top
    late = tied & (np.arange(table.shape[1]) >= starts[:, None])
    # The first tied class from the start on, else the first from class 0 on.
    winners = np.where(late.any(axis=1), late.argmax(axis=1), tied.argmax(axis=1))
    second = np.where(tied, 0, table).max(axis=1)
    margins = np.where(np.count_nonzero(tied, axis=1) > 1, 0, top[:, 0] - second)
    return winners, margins.astype(np.int64)


def _decide_sparse(cells: Cells, starts: IntArray, classes: int) -> tuple[IntArray, IntArray]:
    """The same from the cells that got a vote; rows without one are left 0."""
    winners, margins = np.zeros_like(starts), np.zeros_like(starts)
    heads = np.flatnonzero(np.diff(cells.probe, prepend=-1))  # where each probe's cells begin
    if not len(heads):
        return winners, margins
    voted, lengths = cells.probe[heads], np.diff(heads, append=len(cells.probe))
    top = np.maximum.reduceat(cells.votes, heads)
    place = (cells.label - starts[cells.probe]) % classes  # in the cyclic order
    place[cells.votes < np.repeat(top, lengths)] = classes  # behind all that have the top
    best = np.minimum.reduceat(place, heads)
    others = np.where(place == np.repeat(best, lengths), 0, cells.votes)
    winners[voted] = (best + starts[voted]) % classes
    margins[voted] = top - np.maximum.reduceat(others, heads)
    return winners, margins
