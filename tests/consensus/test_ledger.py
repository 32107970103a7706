"""The laws of the ledger: what it holds depends on which ballots came, and on nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tallyp2p.consensus import ledger as ledger_module
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.ledger import ANNULLED_TAG, Ledger, Outcome, ballot_tag
from tallyp2p.consensus.tally import count
from tallyp2p.parameters import Ids, RunParameters
from tallyp2p.payloads import Ballot
from tests.conformance import reference
from tests.world import SMALL_RUN, ballot_of

RUN = RunParameters(classes=3, pool=8, probes=2, rounds_per_ballot=2)  # 4 votes, 2 bits, 1 byte
AUTHORS = [bytes(7) + bytes([number]) for number in (1, 2, 3)]
ROUNDS = [0, 2, 4]
VOTES = [b"\x00", b"\x1b", b"\xe4"]

ballots = st.builds(
    Ballot, st.sampled_from(AUTHORS), st.sampled_from(ROUNDS), st.sampled_from(VOTES)
)
Observed = tuple[object, ...]


def ledger_of(*heard: Iterable[Ballot]) -> Ledger:
    ledger = Ledger(RUN, 8)
    for some in heard:
        for ballot in some:
            ledger.add(ballot)
    ledger.check()
    return ledger


def held(ledger: Ledger) -> list[Ballot]:
    """Everything that a ledger would send to one that holds nothing."""
    return [b for round in ROUNDS for author in AUTHORS for b in ledger.wanted(author, round)]


def observed(ledger: Ledger) -> Observed:
    return (
        [ledger.listing(round) for round in ROUNDS],
        [ledger.ballots(round) for round in ROUNDS],
        [sorted(ledger.authors(round)) for round in ROUNDS],
        [ledger.range_hash(round, 1) for round in ROUNDS] + [ledger.range_hash(0, 3)],
        [ledger.newest(author) for author in AUTHORS] + [ledger.newest_round()],
    )


def test_everything_added_to_an_empty_ledger_makes_an_equal_one() -> None:
    first = Ledger(RUN, 10)
    for votes in VOTES[:2]:  # a page with rivals, too
        first.add(Ballot(AUTHORS[0], 4, votes))
        first.add(Ballot(AUTHORS[1], 4, VOTES[2]))
    first.add(Ballot(AUTHORS[0], 0, VOTES[0]))
    assert observed(ledger_of(first.everything())) == observed(first)


# --- the lattice ---------------------------------------------------------------------------


def test_an_entry_climbs_from_absent_to_one_ballot_to_annulled() -> None:
    """LEDGER-1, LEDGER-2, LEDGER-4."""
    a, b, c = (Ballot(AUTHORS[0], 2, votes) for votes in VOTES)
    ledger = Ledger(RUN, 8)
    assert ledger.tag(AUTHORS[0], 2) is None and ledger.wanted(AUTHORS[0], 2) == ()
    assert ledger.add(a) is Outcome.NEW
    assert ledger.add(Ballot(a.author, a.round, a.votes)) is Outcome.KNOWN
    assert ledger.get(AUTHORS[0], 2) == a and ledger.tag(AUTHORS[0], 2) == ballot_tag(RUN.run, a)
    assert ledger.add(b) is Outcome.ANNULLED
    assert ledger.get(AUTHORS[0], 2) is None and ledger.ballots(2) == ()
    assert ledger.tag(AUTHORS[0], 2) == ANNULLED_TAG and AUTHORS[0] in ledger.authors(2)
    for again in (a, b, c):
        assert ledger.add(again) is Outcome.ANNULLED
    assert ledger.wanted(AUTHORS[0], 2) == (a, b)
    ledger.check()


def test_other_ids_make_another_ballot() -> None:
    """BALLOT-4."""
    ledger = Ledger(RunParameters(ids=Ids.EXPLICIT), 8)
    assert ledger.add(Ballot(AUTHORS[0], 0, b"\x00", (1, 2))) is Outcome.NEW
    assert ledger.add(Ballot(AUTHORS[0], 0, b"\x00", (1, 3))) is Outcome.ANNULLED


@given(st.lists(ballots), st.data())
def test_neither_order_nor_repetition_matters(heard: list[Ballot], data: st.DataObject) -> None:
    """LEDGER-3, LEDGER-4."""
    again = data.draw(st.permutations(heard)) + heard
    assert observed(ledger_of(heard)) == observed(ledger_of(again))


@given(st.lists(ballots), st.lists(ballots), st.lists(ballots))
def test_merge_is_idempotent_commutative_and_associative(
    first: list[Ballot], second: list[Ballot], third: list[Ballot]
) -> None:
    a, b, c = (held(ledger_of(heard)) for heard in (first, second, third))
    assert observed(ledger_of(a, a)) == observed(ledger_of(a)) == observed(ledger_of(first))
    assert observed(ledger_of(a, b)) == observed(ledger_of(b, a))
    left, right = held(ledger_of(a, b)), held(ledger_of(b, c))
    assert observed(ledger_of(left, c)) == observed(ledger_of(a, right))


@given(st.lists(ballots), st.data())
def test_a_tally_does_not_depend_on_how_the_ballots_came(
    heard: list[Ballot], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(heard)) + heard
    for round in ROUNDS:
        one, other = (
            count(RUN, Election(round, ledger_of(some).ballots(round)), own=None)
            for some in (heard, shuffled)
        )
        assert one.digest() == other.digest()
        assert one.plurality().tolist() == other.plurality().tolist()


# --- bounds --------------------------------------------------------------------------------


def test_a_round_holds_no_more_authors_than_allowed() -> None:
    """LEDGER-7."""
    ledger = Ledger(RUN, 2)
    a, b, c = (Ballot(author, 0, VOTES[0]) for author in AUTHORS)
    assert [ledger.add(ballot) for ballot in (a, b, c)] == [
        Outcome.NEW,
        Outcome.NEW,
        Outcome.FULL,
    ]
    assert ledger.add(Ballot(AUTHORS[2], 2, VOTES[0])) is Outcome.NEW  # another round has room
    assert ledger.add(Ballot(AUTHORS[1], 0, VOTES[1])) is Outcome.ANNULLED  # a known author too
    assert ledger.ballots(0) == (a,) and ledger.newest(AUTHORS[2]) == 2
    ledger.check()


def test_what_is_forgotten_leaves_no_trace() -> None:
    heard = [Ballot(author, round, VOTES[0]) for author in AUTHORS[:2] for round in (0, 2)]
    ledger = ledger_of(heard, [Ballot(AUTHORS[2], 0, VOTES[1])])
    before = ledger.range_hash(0, 2)
    ledger.forget_before(2)
    ledger.check()
    assert ledger.newest(AUTHORS[0]) == 2 and ledger.newest(AUTHORS[2]) is None
    assert ledger.listing(0) == () and ledger.wanted(AUTHORS[0], 0) == ()
    assert ledger.range_hash(0, 2) == ledger.range_hash(2, 1) != before
    ledger.forget_before(99)
    assert observed(ledger) == observed(Ledger(RUN, 8))


def test_asking_for_many_ranges_does_not_grow_the_ledger() -> None:
    ledger = ledger_of([Ballot(AUTHORS[0], 2, VOTES[0])])
    expected = ledger.range_hash(0, 2)
    for first in range(0, 2_000, 2):
        ledger.range_hash(first, 65_535)
    ledger.check()  # asserts the bound
    assert ledger.range_hash(0, 2) == expected


# --- summing up ----------------------------------------------------------------------------


def test_an_empty_range_hashes_the_empty_string() -> None:
    assert Ledger(RUN, 8).range_hash(0, 5).hex() == "e3b0c44298fc1c149afbf4c8996fb924"


def test_a_tag_that_would_say_annulled_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ballot is known that hashes so; hence the hash is another, and no vector shows it.

    TAG-2.
    """
    ballot = Ballot(AUTHORS[0], 2, VOTES[0])
    for digest, tag in (
        ("ff" * 32, "ff" * 15 + "fe"),
        ("ff" * 16 + "00" * 16, "ff" * 15 + "fe"),
        ("ff" * 15 + "fe" + "00" * 16, "ff" * 15 + "fe"),
        ("ff" * 4 + "00" * 28, "ff" * 4 + "00" * 12),
    ):
        made = SimpleNamespace(digest=partial(bytes.fromhex, digest))
        fake = SimpleNamespace(sha256=lambda text, made=made: made)
        monkeypatch.setattr(ledger_module, "hashlib", fake)
        assert ballot_tag(RUN.run, ballot).hex() == tag
    assert ANNULLED_TAG.hex() == "ff" * 16


def test_a_range_that_is_off_the_grid_covers_nothing() -> None:
    ledger = ledger_of([Ballot(AUTHORS[0], 2, VOTES[0])])
    assert ledger.range_hash(1, 2) == Ledger(RUN, 8).range_hash(0, 1)


class Caches(RuleBasedStateMachine):
    """Tags and range hashes are kept; whatever happens between, they are never stale."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(RUN, 8)
        self.heard: dict[tuple[bytes, int], set[bytes]] = {}

    @rule(ballot=ballots)
    def add(self, ballot: Ballot) -> None:
        entry = self.heard.setdefault((ballot.author, ballot.round), set())
        before = len(entry)
        entry.add(ballot.votes)
        outcome = self.ledger.add(ballot)
        if len(entry) > 1:
            assert outcome is Outcome.ANNULLED
        else:
            assert outcome is (Outcome.KNOWN if before else Outcome.NEW)

    @rule(round=st.sampled_from(ROUNDS))
    def forget(self, round: int) -> None:
        self.ledger.forget_before(round)
        self.heard = {key: votes for key, votes in self.heard.items() if key[1] >= round}

    @rule(first=st.sampled_from(ROUNDS), size=st.integers(0, 4))
    def sum_up(self, first: int, size: int) -> None:
        listings = {}
        for round in range(first, first + 2 * size, 2):
            listings[round] = [
                (
                    author,
                    ANNULLED_TAG
                    if len(votes) > 1
                    else reference.tag(RUN.run, author, round, (), next(iter(votes))),
                )
                for (author, at), votes in self.heard.items()
                if at == round
            ]
            assert self.ledger.listing(round) == tuple(sorted(listings[round]))
        assert self.ledger.range_hash(first, size) == reference.range_hash(listings)

    @invariant()
    def holds(self) -> None:
        self.ledger.check_next()
        self.ledger.check()


Caches.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestCaches = Caches.TestCase


def test_strangers_cannot_crowd_out_the_own_ballot() -> None:
    """LEDGER-7."""
    ledger = Ledger(SMALL_RUN, 3, own=b"mine....")
    for number in range(5):
        ledger.add(ballot_of(SMALL_RUN, number.to_bytes(8, "big"), 0))
    assert len(ledger.authors(0)) == 3
    assert ledger.add(ballot_of(SMALL_RUN, b"mine....", 0)) is Outcome.NEW
    assert ledger.get(b"mine....", 0) is not None
    ledger.check()


def test_looking_at_one_page_after_the_other_finds_what_is_stale() -> None:
    ledger = Ledger(SMALL_RUN, 9)
    for round in (0, 2, 4):
        ledger.add(ballot_of(SMALL_RUN, b"author 1", round))
        ledger.listing(round)
    ledger._pages[2].tags[b"author 1"] = bytes(16)
    ledger.check_next()
    with pytest.raises(AssertionError):
        ledger.check_next()
    ledger.check_next()  # the third page
    ledger.check_next()  # the first again
    with pytest.raises(AssertionError):
        ledger.check_next()
