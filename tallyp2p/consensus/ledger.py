"""The ballots that a peer holds: a set that only grows (protocol_spec 05, LEDGER).

One entry per author and round, and an entry can only climb:

    absent  <  one ballot  <  annulled (two different ballots)

Adding is the join of that lattice.  Hence what a ledger holds depends on which ballots came,
not on their order, their number or their route, and two ledgers that exchange what they hold
end equal.  Nothing but ballots annuls: the two that did are kept as the proof, and are what
others are sent.  Of three different ballots of one author two ledgers may keep different
pairs; that shows nowhere but in `wanted`.

`add` is on the path of every message and does no hashing.  Tags, listings and range hashes
are made when gossip asks, and kept until a ballot makes them stale.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from ..parameters import RunParameters
from ..payloads import Ballot

__all__ = ["ANNULLED_TAG", "Ledger", "Outcome", "ballot_tag"]

_SIZE = 16  # bytes of tags and range hashes: nobody can make two alike (protocol_spec 05)

ANNULLED_TAG = b"\xff" * _SIZE
"""The tag of an annulled entry; no ballot has it (TAG-2)."""

_STAND_IN = ANNULLED_TAG[:-1] + b"\xfe"
_DOMAIN = b"TALLY1-BALLOT"
_RANGES = 256  # range hashes kept; gossip asks for a few tens between two changes


class Outcome(Enum):
    """What became of a ballot that was added."""

    NEW = "new"  # the first of its author for its round: it counts
    KNOWN = "known"  # held already, byte for byte
    ANNULLED = "annulled"  # it conflicts with another, or the entry was annulled before
    FULL = "full"  # as many authors in this round as the ledger may hold; it was not kept


def ballot_tag(run_id: bytes, ballot: Ballot) -> bytes:
    """16 bytes that tell two ballots of one author and round apart in HAVE (TAG-1, TAG-2)."""
    ids = ballot.ids or ()
    head = _DOMAIN + run_id + ballot.author + ballot.round.to_bytes(4, "big")
    packed = struct.pack(f">{len(ids)}I", *ids)
    tag = hashlib.sha256(head + packed + ballot.votes).digest()[:_SIZE]
    return _STAND_IN if tag == ANNULLED_TAG else tag


@dataclass(slots=True)
class _Page:
    """All entries of one round."""

    entries: dict[bytes, Ballot] = field(default_factory=dict)  # the first ballot that came
    rivals: dict[bytes, Ballot] = field(default_factory=dict)  # the second, where annulled
    tags: dict[bytes, bytes] = field(default_factory=dict)  # those computed so far
    # What the page adds to range hashes.  None: stale, and then no kept range hash covers it.
    summed: bytes | None = None


class Ledger:
    """Ballots by author and round; at most `limit_authors` authors in each round, and besides
    them always the author `own`, whom no strangers can crowd out (LEDGER-7).

    The caller admits only rounds inside its window and calls `forget_before`; the ledger
    then holds at most two ballots for each author of each round in the window.
    """

    def __init__(self, run: RunParameters, limit_authors: int, own: bytes = b"") -> None:
        self._run = run.run
        self._span = run.rounds_per_ballot
        self._limit = limit_authors
        self._own = own
        self._pages: dict[int, _Page] = {}  # by round; a page has at least one entry
        self._newest: dict[bytes, int] = {}  # author -> newest round with an entry of its
        self._ranges: dict[tuple[int, int], bytes] = {}  # (first, count) -> hash, see _Page
        self._checked = -1  # the page that check_next() looked at last

    # --- adding and forgetting --------------------------------------------------------------

    def add(self, ballot: Ballot) -> Outcome:
        """Join `ballot` to what is held.  Its form was checked by whoever made or decoded it."""
        author, round = ballot.author, ballot.round
        page = self._pages.get(round)
        if page is None:
            page = self._pages[round] = _Page()
            self._outdate(round)
        held = page.entries.get(author)
        if held is None:
            if len(page.entries) >= self._limit and author != self._own:
                return Outcome.FULL
            page.entries[author] = ballot
            if round > self._newest.get(author, -1):
                self._newest[author] = round
            outcome = Outcome.NEW
        elif author in page.rivals:
            return Outcome.ANNULLED
        elif held.votes == ballot.votes and held.ids == ballot.ids:
            return Outcome.KNOWN
        else:
            page.rivals[author] = ballot
            page.tags[author] = ANNULLED_TAG
            outcome = Outcome.ANNULLED
        if page.summed is not None:
            page.summed = None
            self._outdate(round)
        return outcome

    def forget_before(self, round: int) -> None:
        """Drop every entry of a round before `round`."""
        old = [at for at in self._pages if at < round]
        if not old:
            return
        for at in old:
            del self._pages[at]
            self._outdate(at)
        self._newest = {author: at for author, at in self._newest.items() if at >= round}

    # --- asking -----------------------------------------------------------------------------

    def get(self, author: bytes, round: int) -> Ballot | None:
        """The ballot that counts; None when there is none or the entry is annulled."""
        page = self._pages.get(round)
        if page is None or author in page.rivals:
            return None
        return page.entries.get(author)

    def authors(self, round: int) -> Set[bytes]:
        """Authors with an entry, annulled or not: nothing better will come from them.

        A live view, cheap to ask whether an author is in it; sort it to iterate.
        """
        page = self._pages.get(round)
        return frozenset() if page is None else page.entries.keys()

    def ballots(self, round: int) -> tuple[Ballot, ...]:
        """The ballots that count, by author."""
        page = self._pages.get(round)
        if page is None:
            return ()
        return tuple(page.entries[a] for a in sorted(page.entries) if a not in page.rivals)

    def wanted(self, author: bytes, round: int) -> tuple[Ballot, ...]:
        """What brings another ledger's entry up to this one: nothing, one ballot, or the two
        that annul it."""
        page = self._pages.get(round)
        if page is None or author not in page.entries:
            return ()
        rival = page.rivals.get(author)
        first = page.entries[author]
        return (first,) if rival is None else (first, rival)

    def everything(self) -> Iterator[Ballot]:
        """All ballots by round and author, both of an annulled entry: added in this order to an
        empty ledger they make an equal one."""
        for round, page in sorted(self._pages.items()):
            for author in sorted(page.entries):
                yield from self.wanted(author, round)

    def newest(self, author: bytes) -> int | None:
        """The newest round with an entry of `author`, annulled or not."""
        return self._newest.get(author)

    def newest_round(self) -> int | None:
        """The newest round with any entry."""
        return max(self._pages, default=None)

    # --- summing up -------------------------------------------------------------------------

    def tag(self, author: bytes, round: int) -> bytes | None:
        """The ballot's 16-byte tag, `ANNULLED_TAG`, or None when there is no entry."""
        page = self._pages.get(round)
        if page is None or author not in page.entries:
            return None
        return self._tag(page, author)

    def listing(self, round: int) -> tuple[tuple[bytes, bytes], ...]:
        """(author, tag) of every entry, annulled ones included, by author: HAVE's entries."""
        page = self._pages.get(round)
        if page is None:
            return ()
        return tuple((author, self._tag(page, author)) for author in sorted(page.entries))

    def range_hash(self, first: int, count: int) -> bytes:
        """16 bytes over the entries of `count` ballots' rounds from `first` on (LEDGER-6).

        The rounds are ``first, first + rounds_per_ballot, ...``.
        """
        known = self._ranges.get((first, count))
        if known is not None:
            return known
        covered = range(first, first + count * self._span, self._span)
        # The pages are few whatever `count` a stranger names.
        parts = [self._summed(round) for round in sorted(self._pages) if round in covered]
        digest = hashlib.sha256(b"".join(parts)).digest()[:_SIZE]
        if len(self._ranges) >= _RANGES:
            for old in tuple(islice(self._ranges, _RANGES // 2)):
                del self._ranges[old]
        self._ranges[first, count] = digest
        return digest

    def check(self) -> None:
        """Every cross-reference holds, and nothing kept is stale."""
        newest: dict[bytes, int] = {}
        for round, page in self._pages.items():
            self._check_page(round, page)
            for author in page.entries:
                newest[author] = max(round, newest.get(author, round))
        assert newest == self._newest
        assert len(self._ranges) <= _RANGES
        for start, count in self._ranges:
            covered = range(start, start + count * self._span, self._span)
            assert all(p.summed is not None for r, p in self._pages.items() if r in covered)

    def check_next(self) -> None:
        """The same of one page, each in its turn: cheap enough to be asked again and again."""
        if self._pages:
            later = (round for round in self._pages if round > self._checked)
            self._checked = min(later, default=min(self._pages))
            self._check_page(self._checked, self._pages[self._checked])

    # --- inside -----------------------------------------------------------------------------

    def _check_page(self, round: int, page: _Page) -> None:
        assert 1 <= len(page.entries) <= self._limit + (self._own in page.entries), round
        assert page.tags.keys() <= page.entries.keys(), round
        for author, ballot in page.entries.items():
            assert (ballot.author, ballot.round) == (author, round), ballot
            assert self._newest.get(author, -1) >= round, ballot
            if author not in page.rivals:
                tag = page.tags.get(author)
                assert tag is None or tag == ballot_tag(self._run, ballot), ballot
        for author, rival in page.rivals.items():
            first = page.entries[author]
            assert (rival.author, rival.round) == (author, round), rival
            assert (rival.votes, rival.ids) != (first.votes, first.ids), rival
            assert page.tags[author] == ANNULLED_TAG, rival
        assert page.summed is None or page.summed == self._sum(round), round

    def _tag(self, page: _Page, author: bytes) -> bytes:
        tag = page.tags.get(author)
        if tag is None:
            tag = page.tags[author] = ballot_tag(self._run, page.entries[author])
        return tag

    def _sum(self, round: int) -> bytes:
        at = round.to_bytes(4, "big")
        return b"".join(at + author + tag for author, tag in self.listing(round))

    def _summed(self, round: int) -> bytes:
        page = self._pages[round]
        if page.summed is None:
            page.summed = self._sum(round)
        return page.summed

    def _outdate(self, round: int) -> None:
        """Drop the kept range hashes that cover `round`."""
        if not self._ranges:
            return
        span = self._span
        stale = [
            key for key in self._ranges if round in range(key[0], key[0] + key[1] * span, span)
        ]
        for key in stale:
            del self._ranges[key]
