"""Ballots to bytes and back, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tallyp2p.parameters import Ids
from tallyp2p.payloads import Ballot, Signature
from tallyp2p.storage.ballots import ballot_bytes, ballots_bytes, read_ballot, read_ballots
from tests.world import SMALL_RUN, ballot_of

PLAIN = ballot_of(SMALL_RUN, b"12345678", 4)
NAMED = ballot_of(replace(SMALL_RUN, ids=Ids.EXPLICIT), b"87654321", 6)
SEALED = replace(NAMED, seal=Signature(bytes(32), b"s" * 64))
ALL = [PLAIN, NAMED, SEALED, Ballot(b"no votes", 0, b"", ())]


def test_all_of_a_ballot_comes_back() -> None:
    for ballot in ALL:
        assert read_ballot(ballot_bytes(ballot)) == ballot
    assert list(read_ballots(ballots_bytes(ALL))) == ALL
    assert list(read_ballots(b"")) == []


def test_whatever_else_is_refused_without_believing_its_sizes() -> None:
    data = ballots_bytes(ALL)
    chance = Random(7)
    for _ in range(2000):
        changed = bytearray(data[: chance.randrange(len(data) + 1)])
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        try:
            assert sum(len(b.votes) for b in read_ballots(bytes(changed))) <= len(data)
        except ValueError:
            pass
    with pytest.raises(ValueError, match="claims more bytes"):
        read_ballot(ballot_bytes(PLAIN)[:-1])
    with pytest.raises(ValueError, match="2 ballots"):
        read_ballot(ballots_bytes([PLAIN, NAMED]))
