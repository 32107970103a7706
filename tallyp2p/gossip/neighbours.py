"""Whom a peer of a run with a view has chosen, and where it may choose others.

Not everybody can know everybody, so a peer *chooses* about `view` neighbours.  Whoever else is
a member has chosen this peer, and is its *guest*.  From guests it learns no endpoints and, where
ballots are sampled, no votes, so nobody gains a voice by dialling, unless all that the peer was
told is silent.

The *cache* holds endpoints that chosen neighbours have passed on.  One of them is *picked* by
dialling it, and chosen once a PONG brings back the nonce of the PING that went there: anybody
can name an endpoint in its HELLO, only who listens there can know the nonce.

Pure sets and their bounds; what is said to whom is `neighbourhood`'s matter.  (protocol_spec
04, VIEW clauses.  After Cyclon and HyParView; that endpoints, too, are taken only from the
chosen, and the proof by nonce, are our choice.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import inf
from random import Random

from .nonces import Nonces

__all__ = ["Neighbours", "Pick", "most_lines", "most_members"]

_GUESTS = 2  # guests, in views
_CACHE = 4  # endpoints in the cache, in views
_PICKS = 2  # picks at a time, in views


def most_members(view: int) -> int:
    """The chosen, one more while it takes another's place, guests, and picks that answer."""
    return view + 1 + (_GUESTS + 1) * view


def most_lines(view: int) -> int:
    """A line to each member and to each pick."""
    return most_members(view) + _PICKS * view


@dataclass(slots=True)
class Pick:
    """An endpoint that is being dialled so that who is there can be chosen."""

    since: float
    nonce: int  # u32, more than 0
    again_at: float = inf  # when PING is repeated, once it was sent, unless it is answered


class Neighbours:
    """The chosen, the picks and the cache of one peer.

    `view`: how many it wants to choose; `nonces`: what proves that a pick is where it was dialled.
    """

    def __init__(self, view: int, random: Random, nonces: Nonces) -> None:
        self.view = view
        self.picks: dict[str, Pick] = {}  # by endpoint
        self._random, self._nonces = random, nonces
        self._chosen: dict[bytes, None] = {}  # authors, the oldest first
        self._cache: dict[str, None] = {}

    # --- bounds -------------------------------------------------------------------------

    def admits(self, endpoint: str, guests: int) -> bool:
        """Whether a stranger at `endpoint` may become a member; there are `guests` already."""
        return guests < (_GUESTS + (endpoint in self.picks)) * self.view

    # --- the chosen ---------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[bytes, ...]:
        """Authors, in the order in which they were chosen."""
        return tuple(self._chosen)

    @property
    def room(self) -> int:
        """How many more may be chosen before one has to go."""
        return self.view - len(self._chosen)

    def has_chosen(self, author: bytes) -> bool:
        """Whether this peer hears `author`."""
        return author in self._chosen

    def choose(
        self, author: bytes, alive: Collection[bytes], awaited: Collection[bytes]
    ) -> bytes | None:
        """Hear `author` from now on; whom to let go because that is one too many: first who is
        not `alive`, then the oldest whose ballot is not `awaited` (fewer are than are chosen)."""
        old = None
        if len(self._chosen) >= self.view and author not in self._chosen:
            silent = next((a for a in self._chosen if a not in alive), None)
            old = silent or next(a for a in self._chosen if a not in awaited)
            del self._chosen[old]
        self._chosen[author] = None
        return old

    def drop(self, author: bytes) -> None:
        """Hear `author` no longer."""
        self._chosen.pop(author, None)

    # --- endpoints ----------------------------------------------------------------------

    def learn(self, endpoints: Iterable[str], known: Collection[str]) -> None:
        """Keep endpoints that are not `known`; where there is no room, in another's place.

        The place is drawn: who sends many cannot tell which ones it drives out.
        """
        for endpoint in endpoints:
            if not endpoint or endpoint in known or endpoint in self._cache:
                continue
            if len(self._cache) >= _CACHE * self.view:
                del self._cache[self._random.choice(list(self._cache))]
            self._cache[endpoint] = None

    def draw(self, avoid: Collection[str]) -> str | None:
        """Take an endpoint out of the cache, at random; None when none is fit to be picked."""
        here = [e for e in self._cache if e not in avoid and e not in self.picks]
        if not here:
            return None
        endpoint = self._random.choice(here)
        del self._cache[endpoint]
        return endpoint

    def pick(self, endpoint: str, now: float) -> bool:
        """Begin to pick who is at `endpoint`; False while too many are being picked."""
        if endpoint in self.picks or self.crowded:
            return False
        self.picks[endpoint] = Pick(now, self._nonces.draw())
        return True

    @property
    def crowded(self) -> bool:
        """Whether no more can be picked."""
        return len(self.picks) >= _PICKS * self.view

    def silent_pick(self, before: float) -> str | None:
        """The endpoint that was picked first, if that was at or before that moment."""
        return next((e for e, pick in self.picks.items() if pick.since <= before), None)

    def proven(self, endpoint: str, nonce: int) -> bool:
        """Whether `nonce` is what was sent to `endpoint`: then its pick is over."""
        pick = self.picks.get(endpoint)
        if pick is None or pick.nonce != nonce:
            return False
        del self.picks[endpoint]
        return True

    def give_up(self, before: float) -> list[str]:
        """Picks that began at or before that moment and were not answered; they are over."""
        old = [e for e, pick in self.picks.items() if pick.since <= before]
        for endpoint in old:
            del self.picks[endpoint]
        return old

    def sample(self, chosen: list[str], guests: list[str]) -> tuple[str, ...]:
        """Half a view of endpoints to pass on: as many of the chosen as of guests, or what
        there is, so that who dials many peers does not fill what they pass on."""
        size = (self.view + 1) // 2
        self._random.shuffle(chosen)
        self._random.shuffle(guests)
        half = max(size // 2, size - len(guests))
        some = chosen[:half]
        some += guests[: size - len(some)]
        self._random.shuffle(some)
        return tuple(some)

    def check(self) -> None:
        """Nothing outgrew its bound."""
        assert len(self._chosen) <= self.view, self._chosen
        assert len(self._cache) <= _CACHE * self.view, len(self._cache)
        assert len(self.picks) <= _PICKS * self.view, len(self.picks)
