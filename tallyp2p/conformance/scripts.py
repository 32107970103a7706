"""A peer of this package plays a script in virtual time (protocol_spec 09.3).

The script says what reaches the peer and when; what comes out is what it sent at each step,
the tallies that it took, and what it believes of the others.  It trains and votes in no time.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..birth import Birth
from ..bits import pack
from ..consensus import probes
from ..consensus.contributor import Election
from ..consensus.tally import count
from ..errors import LocalError, Reason, RemoteError
from ..gossip import events
from ..parameters import Ids, Pace, Timing
from ..payloads import Ballot
from .shapes import Object, electorate_of, refusal, run_of

__all__ = ["play"]


def play(given: Object) -> Object:
    """The peer of a gossip case: its `steps`, `tallies` and `members`."""
    player = _Player(given)
    steps = [player.step(step) for step in given["steps"]]
    states = player.machine.members()
    return {
        "steps": steps,
        "tallies": player.tallies,
        "members": {author.hex(): state for author, state in states.items()},
    }


class _Player:
    """One machine, its codec, and the clock."""

    def __init__(self, given: Object) -> None:
        self.run, me = run_of(given["run"]), given["self"]
        identity, instance = bytes.fromhex(me["identity"]), bytes.fromhex(me["instance"])
        timing = _timing(given.get("timing", {}))
        birth = Birth(self.run, timing, identity, instance, _NO_CHANCE, "script/1", grease=False)
        self.machine = birth.machine()
        secret = bytes.fromhex(me.get("secret", ""))
        self.codec = birth.codec(self.machine, secret, electorate_of(given))
        self.endpoint: str = me["endpoint"]
        self.labels: Sequence[int] = given["labels"]
        self.tallies: dict[str, str] = {}
        self._sent: list[list[str]] = []

    # --- one step -----------------------------------------------------------------------

    def step(self, step: Object) -> Object:
        """Let time pass until the step, then do what it says."""
        self._sent = []
        now: float = step["at"] / 1000
        self._pass(now)
        shown: Object = {}
        match step["do"]:
            case "start":
                seeds, fresh = tuple(step.get("seeds", ())), step.get("fresh", False)
                self._feed(events.Started(self.endpoint, seeds, fresh), now)
            case "receive":
                shown = self._receive(step, now)
            case "lost":
                self._feed(events.Lost(step["endpoint"]), now)
            case "stop":
                self._feed(events.Stopped(), now)
            case "wait":
                pass
            case other:
                raise LocalError(f"a script cannot {other}")
        return {**shown, "send": self._sent}

    def _pass(self, now: float) -> None:
        while (moment := self.machine.wake_at()) is not None and moment <= now:
            self._feed(events.Ticked(), moment)
            again = self.machine.wake_at()
            if again is not None and again <= moment:
                raise LocalError("a tick in vain")

    def _receive(self, step: Object, now: float) -> Object:
        link = step["link"].encode()
        frames = [bytes.fromhex(frame) for frame in step.get("frames", ())]
        if "frame" in step:
            frames = [bytes.fromhex(step["frame"])]
        if len(frames) != 1:
            text = f"a message of {len(frames)} frames"
            self._feed(events.Trespassed(link, Reason.MALFORMED, text), now)
            return refusal(Reason.MALFORMED)
        try:
            message = self.codec.decode(frames[0], self.machine.sender(link))
        except RemoteError as error:
            about = (error.reason, str(error), error.optional, error.endpoint)
            self._feed(events.Trespassed(link, *about), now)
            return refusal(error.reason)
        before = dict(self.machine.refused)
        self._feed(events.Received(link, message), now)
        if frames[0][0] == _ERROR:  # counted under the reason that it names
            return {"verdict": "accept"}
        refused = [r for r, n in self.machine.refused.items() if n > before.get(r, 0)]
        return refusal(Reason(refused[0])) if refused else {"verdict": "accept"}

    # --- obeying ------------------------------------------------------------------------

    def _feed(self, event: events.Event, now: float) -> None:
        waiting = [event]
        while waiting:
            for effect in self.machine.handle(waiting.pop(0), now):
                waiting += self._obey(effect)
            self.machine.check()

    def _obey(self, effect: events.Effect) -> list[events.Event]:
        match effect:
            case events.Send(endpoint, message):
                self._sent.append([endpoint, self.codec.encode(message).hex()])
            case events.VoteOn(round):
                return [events.Cast(self.codec.seal(self._vote(round)))]
            case events.Learn(round, _):
                ballots = self.machine.ledger.ballots(round)
                tally = count(self.run, Election(round, ballots), own=None)
                self.tallies[str(round)] = tally.digest().hex()
                return [events.Learned(round)]
            case _:
                pass
        return []

    def _vote(self, round: int) -> Ballot:
        """On each probe the label that the script gives it."""
        run = self.run
        ids: tuple[int, ...] | None = None
        if run.ids is Ids.EXPLICIT:
            ids = tuple(sorted((round + i) % run.pool for i in range(run.votes)))
        voted = probes.derive(run, round).tolist() if ids is None else ids
        labels = [self.labels[probe] for probe in voted]
        return Ballot(self.machine.author, round, pack(labels, run.bits), ids)


_ERROR = 0x03
_NO_CHANCE = bytes(16)  # no script depends on whom a peer draws


def _timing(given: Object) -> Timing:
    values = dict(given)
    if "pace" in values:
        values["pace"] = Pace(values["pace"])
    return Timing(**values)
