"""The digraph of a round: regular, agreed by all, fresh each round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.consensus.digraph import receivers, ring, senders
from tallyp2p.errors import LocalError
from tests.conformance import reference

RUN = bytes.fromhex("b4c0c6bd49c26fc9")

authors = st.binary(min_size=8, max_size=8)
rosters = st.lists(authors, min_size=1, max_size=12, unique=True)
rounds = st.integers(0, 2**32 - 1)
degrees = st.integers(1, 14)


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(8, "big") for number in range(count)]


@given(members=rosters, round=rounds, degree=degrees)
def test_who_sends_to_me_hears_that_i_hear_it(
    members: list[bytes], round: int, degree: int
) -> None:
    to = {u: receivers(RUN, round, members, u, degree) for u in members}
    heard = {u: senders(RUN, round, members, u, degree) for u in members}
    expected = min(degree, len(members) - 1)
    for u in members:
        assert u not in to[u]
        assert len(set(to[u])) == len(to[u]) == len(set(heard[u])) == len(heard[u]) == expected
        for v in members:
            assert (u in to[v]) == (v in heard[u])


@given(members=rosters, round=rounds, data=st.data())
def test_the_order_of_the_roster_does_not_matter(
    members: list[bytes], round: int, data: st.DataObject
) -> None:
    """DIGRAPH-1."""
    shuffled = data.draw(st.permutations(members))
    assert ring(RUN, round, members) == ring(RUN, round, [*shuffled, members[0]])


@given(members=rosters, round=rounds, degree=degrees)
def test_routes_equal_the_plain_reading(members: list[bytes], round: int, degree: int) -> None:
    around = reference.ring(RUN, round, members)
    assert list(ring(RUN, round, members)) == around
    for me in members:
        assert list(receivers(RUN, round, members, me, degree)) == reference.send(
            around, me, degree
        )
        assert list(senders(RUN, round, members, me, degree)) == reference.hear(around, me, degree)


def test_every_member_reaches_every_other_one() -> None:
    members = numbered(9)
    reached = {members[0]}
    for _ in members:
        reached |= {v for u in sorted(reached) for v in receivers(RUN, 4, members, u, 1)}
    assert reached == set(members)


def test_each_round_mixes_afresh() -> None:
    """Over 200 rounds each of 9 others is heard about 200 * 2/9 = 44 times (sigma 5.9)."""
    members = numbered(10)
    heard = [a for round in range(200) for a in senders(RUN, round, members, members[0], 2)]
    assert all(20 < heard.count(author) < 70 for author in members[1:])


def test_a_stranger_has_no_neighbours() -> None:
    with pytest.raises(LocalError):
        receivers(RUN, 0, numbered(3), bytes(7) + b"\x09", 2)
