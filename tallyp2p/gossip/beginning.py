"""When a peer that is JOINING begins, or gives up.

`joining` knows the rules; here they meet what is known of the others.  (protocol_spec 04, JOIN
clauses.)
"""

from __future__ import annotations

from ..parameters import RunParameters, Timing
from .contacts import Contacts
from .everybody import Everybody
from .joining import Joining
from .member import State
from .membership import Membership
from .neighbourhood import Neighbourhood
from .probing import Probing
from .serving import Serving

__all__ = ["Beginning"]

_ENOUGH = 3  # members of which a liar is the minority


class Beginning:
    """Decides for the first round, tells the others of it, and watches for its time."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        joining: Joining,
        membership: Membership,
        contacts: Contacts,
        circle: Everybody | Neighbourhood,
        serving: Serving,
        probing: Probing,
    ) -> None:
        self._pulls, self._quorum = run.pulls, timing.quorum
        self._joining, self._membership = joining, membership
        self._contacts, self._circle, self._serving = contacts, circle, serving
        self._probing = probing

    def look(self, now: float) -> int | str | None:
        """The first round, if it may open now; why this peer gives up; None while it waits."""
        joining, there = self._joining, self._membership
        if joining.needs(now, there.furthest) > 1 + there.met():
            return None
        present = there.present()
        complete = len(present) + 1 >= self._quorum and not self._contacts.unanswered()
        if joining.decide(now, complete=complete) and not joining.past_the_end:
            self._tell(now)
        heard = self._circle.heard()
        counted = 1 + sum(member.start is not None for member in heard)
        alive = [m for m in heard if m.state is State.ALIVE]
        newest = _reached([m.round for m in alive if m.round is not None])
        start = joining.start
        if self._pulls and start and not (joining.resumes or joining.past_the_end):
            self._ask(start)
        if joining.past_the_end:
            late = joining.too_late(now)
            return f"the swarm is at its end: round {start} would be the first" if late else None
        if start is not None and joining.may_begin(now, counted, newest):
            return start
        return joining.why_not(len(present)) if now >= joining.give_up_at() else None

    def _tell(self, now: float) -> None:
        """The first round is decided: everybody shall know it."""
        self._contacts.announce(None)
        self._probing.who_else(now)

    def _ask(self, start: int) -> None:
        """Where ballots are asked for: ask for those of the first round, whose coming says that it
        is there.  Again whenever somebody was chosen: at first there may be nobody to ask."""
        before = self._circle.routes.expected(start, None)
        for author in self._circle.draw(start, set(), set()):
            if author not in before:
                self._serving.ask(author, start)


def _reached(rounds: list[int]) -> int | None:
    """The newest round that the swarm has come to, by those in which alive members were seen: where
    three or more were, one that nobody else has come to may be a lie, and who believed it would
    run ahead alone."""
    rounds.sort()
    return rounds[-1 if len(rounds) < _ENOUGH else -2] if rounds else None
