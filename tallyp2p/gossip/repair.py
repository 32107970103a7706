"""Anti-entropy: how every peer of a broadcast run ends with the same ballots.

Now and then a peer sends one other a DIGEST of its ledger: a few ranges of rounds, each
summed up in 16 bytes.  Where the receiver's sum differs it answers with a finer DIGEST, down
to one round, then with HAVE, the list of what it holds.  Whoever gets a HAVE asks for what
it lacks and pushes what the other lacks.  Nothing depends on any message arriving: the next
DIGEST starts again.  Two ballots of one author count as what is "lacking" until both sides
hold the pair that annuls it.  (protocol_spec 04, REPAIR clauses; a two-level Merkle descent.)
"""

from __future__ import annotations

from ..consensus.ledger import ANNULLED_TAG, Ledger
from ..messages import Digest, DigestEntry, Have, Message, Want
from ..parameters import LIMITS, RunParameters, Timing

__all__ = ["Repair"]

_BRANCHES = 8  # parts that a differing range is split into
_SOUGHT = 8  # ballots back that are asked for unlisted; older ones are left to DIGEST


class Repair:
    """Compares ledgers with others."""

    def __init__(self, run: RunParameters, timing: Timing, ledger: Ledger) -> None:
        self._span = run.rounds_per_ballot
        self._timing = timing
        self._ledger = ledger
        self._turn = 0  # where the lists began that one DIGEST did not get all of
        self._window_of, self._window = -1, (0, 0)  # the last window asked for, by its round

    def floor(self, round: int) -> int:
        """Oldest round that is compared while `round` is open.

        It moves in steps of a quarter of the window, so that two peers a round apart still
        sum up the same range.
        """
        step = max(1, self._timing.retain // 4)
        index = max(0, round // self._span - self._timing.retain)
        return index // step * step * self._span

    def keep_from(self, round: int) -> int:
        """Oldest round that is kept: one step older than what is compared."""
        step = max(1, self._timing.retain // 4)
        return max(0, self.floor(round) - step * self._span)

    def in_window(self, round: int, at: int) -> bool:
        """Whether ballots of `round` are kept while the round `at` is open."""
        if round % self._span:
            return False
        if at != self._window_of:  # asked at every ballot
            self._window_of = at
            self._window = (self.keep_from(at), at + self._timing.ahead * self._span)
        return self._window[0] <= round <= self._window[1]

    def digest(self, round: int) -> Digest:
        """The own ledger in short: all older rounds as one range, the two newest apart."""
        first, last = self.floor(round), max(round, self._ledger.newest_round() or 0)
        recent = max(first, last - self._span)
        entries = [self._entry(at, 1) for at in range(recent, last + 1, self._span)]
        if recent > first:
            entries.insert(0, self._entry(first, (recent - first) // self._span))
        return Digest(tuple(entries))

    def on_digest(self, digest: Digest, round: int) -> list[Message]:
        """Finer digests, or lists, of the ranges in which the two ledgers differ."""
        finer: list[DigestEntry] = []
        lists: list[int] = []
        for entry in dict.fromkeys(digest.entries):  # a range that comes twice is answered once
            if not self._comparable(entry, round):
                continue
            if self._ledger.range_hash(entry.round, entry.count) == entry.hash:
                continue
            if entry.count == 1:
                lists.append(entry.round)
                continue
            part = -(-entry.count // _BRANCHES)
            for index in range(0, entry.count, part):
                size = min(part, entry.count - index)
                finer.append(self._entry(entry.round + index * self._span, size))
        answers: list[Message] = [*self._lists(lists)]
        if finer:
            answers.append(Digest(tuple(finer[: LIMITS.digest])))
        return answers

    def on_have(self, have: Have) -> list[Message]:
        """Ask for what this ledger lacks; push what the other one lacks."""
        theirs = dict(have.entries)
        wanted: list[tuple[bytes, int]] = []
        pushed: list[Message] = []
        for author, tag in have.entries:
            own = self._ledger.tag(author, have.round)
            if own != tag and own != ANNULLED_TAG:
                wanted.append((author, have.round))
        for author, tag in self._ledger.listing(have.round):
            if theirs.get(author) not in (tag, ANNULLED_TAG):
                pushed += self._ledger.wanted(author, have.round)
        answers: list[Message] = []
        if wanted:
            answers.append(Want(tuple(wanted[: LIMITS.want])))
        return answers + pushed[: LIMITS.want]

    def sought(self, newest: int) -> list[tuple[bytes, int]]:
        """(author, round) of ballots up to `newest` that probably were cast, though they are not
        here: of those who voted in the round before, or in the one after.  Where nobody knows
        everybody, that is who may vote.  Who comes or leaves is sought once in vain."""
        found = []
        span, authors = self._span, self._ledger.authors
        for round in range(max(0, newest - _SOUGHT * span), newest + 1, span):
            around = authors(round + span) | (authors(round - span) if round else set())
            found += [(author, round) for author in sorted(around - authors(round))]
        return found

    def _lists(self, rounds: list[int]) -> list[Have]:
        """Lists of these rounds, of as many ballots together as fit one HAVE, and at least one.

        Else 3 KB would call for 128 lists of a thousand ballots each.  Where they are cut short
        the next DIGEST gets others first, so that no round waits for ever behind one that never
        ends equal.
        """
        start = self._turn % len(rounds) if rounds else 0
        lists: list[Have] = []
        listed = 0
        for round in rounds[start:] + rounds[:start]:
            entries = tuple(self._ledger.listing(round))[: LIMITS.have]
            listed += len(entries)
            if lists and listed > LIMITS.have:
                self._turn = start + len(lists)
                break
            lists.append(Have(round, entries))
        return lists

    def _entry(self, first: int, count: int) -> DigestEntry:
        return DigestEntry(first, count, self._ledger.range_hash(first, count))

    def _comparable(self, entry: DigestEntry, round: int) -> bool:
        """Inside the window, on the grid, and not empty."""
        if entry.count < 1 or entry.round % self._span:
            return False
        last = entry.round + (entry.count - 1) * self._span
        newest = round + self._timing.ahead * self._span
        return self.floor(round) <= entry.round and last <= newest
