"""A second opinion on tallies, written from the specification and from nothing else.

``consensus.tally`` counts whole arrays at once.  Here one probe at a time is counted with
plain integers, as protocol_spec 02 (BITS) and 05 (PROBE, TALLY, TIE) say it, and shares no
line with it.  Slow, so it looks at a sample of probes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from random import Random

from ..consensus.contributor import Election
from ..consensus.tally import count
from ..parameters import Ids, RunParameters
from ..payloads import Ballot

__all__ = ["disagreement", "drawn", "label_at", "plurality"]


def disagreement(run: RunParameters, election: Election, probes: int, chance: Random) -> str:
    """Where the tally of `election` is not the oracle's on some of its probes; or nothing."""
    tally = count(run, election, None)
    places = len(tally.ids)
    sample = sorted(chance.sample(range(places), min(probes, places)))
    winners, margins = tally.plurality(), tally.margin()
    if run.ids is Ids.DERIVED:
        ids = drawn(run, election.round, max(sample, default=-1) + 1)
    else:
        ids = sorted({one for ballot in election.ballots for one in ballot.ids or ()})
    for place in sample:
        probe = ids[place]
        votes = list(_votes(run, election.ballots, place, probe))
        expected = (probe, *plurality(run.classes, election.round, probe, votes))
        found = (int(tally.ids[place]), int(winners[place]), int(margins[place]))
        if found != expected or int(tally.voters[place]) != len(votes):
            return (
                f"probe {expected[0]} has plurality {expected[1]} and margin {expected[2]}, "
                f"but the tally of round {election.round} says {found[1]} and {found[2]} "
                f"of probe {found[0]}"
            )
    return ""


def plurality(classes: int, round: int, probe: int, votes: Sequence[int]) -> tuple[int, int]:
    """(class with most votes, its margin), TALLY-5 and TIE-1; (-1, 0) without votes."""
    if not votes:
        return -1, 0
    counts = [votes.count(label) for label in range(classes)]
    most = max(counts)
    at = (probe + round) % classes
    while counts[at] != most:
        at = (at + 1) % classes
    others = counts[:at] + counts[at + 1 :]
    return at, most - max(others)


def label_at(packed: bytes, place: int, bits: int) -> int:
    """The label at `place`: bits from the most significant one of the first byte on (BITS-1)."""
    label = 0
    for bit in range(place * bits, (place + 1) * bits):
        label = 2 * label + (packed[bit // 8] >> (7 - bit % 8) & 1)
    return label


def drawn(run: RunParameters, round: int, most: int) -> list[int]:
    """The first `most` derived ids of a round, in draw order (PROBE-2 to PROBE-5)."""
    ids: list[int] = []
    block = 0
    while len(ids) < most:
        text = b"TALLY1-PROBES" + run.run + round.to_bytes(4, "big") + block.to_bytes(4, "big")
        digest = hashlib.sha256(text).digest()
        block += 1
        for at in range(0, 32, 4):
            word = int.from_bytes(digest[at : at + 4], "big")
            if word < 2**32 - 2**32 % run.pool and word % run.pool not in ids:
                ids.append(word % run.pool)
    return ids[:most]


def _votes(run: RunParameters, ballots: Sequence[Ballot], place: int, probe: int) -> Iterator[int]:
    """The classes that were voted for on one probe; "no vote" is none of them."""
    bits = (run.classes if run.abstain else run.classes - 1).bit_length()
    for ballot in ballots:
        if ballot.ids is not None:
            if probe not in ballot.ids:
                continue
            at = ballot.ids.index(probe)
        else:
            at = place
        label = label_at(ballot.votes, at, bits)
        if label < run.classes:
            yield label
