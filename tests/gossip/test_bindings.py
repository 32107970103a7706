"""Connections and whose they are."""

from __future__ import annotations

import pytest

from tallyp2p.gossip.bindings import Bindings
from tallyp2p.gossip.member import Member
from tallyp2p.parameters import LIMITS


def member(name: int) -> Member:
    return Member(b"author-%d" % name, bytes(32), bytes(8), f"tcp://other:{name}", 0.0)


def test_the_first_connection_and_the_newest_stay_bound() -> None:
    """CONTACT-4."""
    bindings, one = Bindings(), member(1)
    for link in (b"a", b"b", b"c"):
        bindings.bind(link, one)
    assert bindings.author(b"a") == bindings.author(b"c") == one.author
    assert bindings.author(b"b") is None
    bindings.unbind(one, 0)
    assert bindings.author(b"a") is bindings.author(b"c") is None


def test_a_connection_that_another_has_taken_over_is_not_unbound_with_its_first_owner() -> None:
    bindings, one, two = Bindings(), member(1), member(2)
    bindings.bind(b"a", one)
    bindings.bind(b"a", two)
    bindings.unbind(one, 0)
    assert bindings.author(b"a") == two.author


def test_the_oldest_are_forgotten_where_there_are_too_many() -> None:
    bindings = Bindings()
    members = [member(number) for number in range(LIMITS.links + 1)]
    for number, one in enumerate(members):
        bindings.bind(b"%d" % number, one)
    assert bindings.author(b"0") is None and bindings.author(b"1") == members[1].author
    bindings.check({one.author for one in members})
    with pytest.raises(AssertionError):
        bindings.check(set())
