"""One machine among strangers who may say anything that decodes."""

from __future__ import annotations

from random import Random

import pytest

from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import Bye, Hello, Message, Pong, Want
from tallyp2p.parameters import LIMITS, Timing
from tallyp2p.wire.codec import Codec
from tests.world import SMALL_RUN, ballot_of, identity_of


class Target:
    """A machine whose every message is encoded, as a shell would do."""

    def __init__(self, **timing: object) -> None:
        settings = Timing(**timing)  # type: ignore[arg-type]
        self.machine = PeerMachine(SMALL_RUN, settings, identity_of(0), bytes(8), Random(0))
        self.codec = Codec(SMALL_RUN, self.machine.author)
        self.feed(events.Started("tcp://10.0.0.1:1"), 0.0)

    def feed(self, event: events.Event, now: float = 1.0) -> list[events.Effect]:
        effects = self.machine.handle(event, now)
        self.machine.check()
        for effect in effects:
            if isinstance(effect, events.Send):
                self.codec.encode(effect.message)
        return effects

    def hear(self, message: Message, link: bytes = b"L", now: float = 1.0) -> list[events.Effect]:
        return self.feed(events.Received(link, message), now)


def hello(name: object = "other", **changes: object) -> Hello:
    values: dict[str, object] = {
        "identity": identity_of(name),
        "instance": b"instance",
        "endpoint": "tcp://10.0.0.9:9",
        "run": SMALL_RUN.digest,
        "start": 0,
        **changes,
    }
    return Hello(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("lie", [{"round": 2**32 - 2}, {"held": 2**32 - 2}])
def test_a_first_round_that_fits_no_hello_is_not_announced(lie: dict[str, object]) -> None:
    target = Target()
    effects = target.hear(hello(**lie))
    assert not any(isinstance(e, events.Finish) for e in effects), "others may say otherwise"
    effects = target.feed(events.Ticked(), 60.0)
    assert target.machine.finished
    assert isinstance(effects[-1], events.Finish) and "at its end" in effects[-1].text


def test_a_leap_lands_on_the_first_round_of_a_ballot() -> None:
    """ROUND-8."""
    target = Target(rounds=4000, ahead=600)
    target.hear(hello())
    target.feed(events.Cast(ballot_of(SMALL_RUN, target.machine.author, 0)))
    target.hear(Pong(7, 0, 1001))
    target.feed(events.Ticked(), 40.0)  # the deadline
    assert events.VoteOn(1000) in target.feed(events.Learned(0), 41.0)


def test_strangers_that_come_and_go_are_not_remembered_as_owed_to() -> None:
    target = Target()
    machine = target.machine
    for n in range(LIMITS.members + 100):
        link = b"L%d" % n
        for message in (hello(n, start=None), Want(((machine.author, 0),)), Bye()):
            machine.handle(events.Received(link, message), 1.0)
    machine.check()  # among it: how many are owed a ballot (Owing.check)
    assert len(machine._serving.owing.take(0)) <= LIMITS.members


def test_a_small_message_is_not_answered_by_many_large_ones() -> None:
    """MEMBER-7."""
    target = Target()
    target.hear(hello())
    target.feed(events.Cast(ballot_of(SMALL_RUN, target.machine.author, 0)))
    sent: list[Message] = []
    for _ in range(100):  # another roster, nobody asked
        effects = target.hear(Pong(7, 1234))
        sent += [e.message for e in effects if isinstance(e, events.Send)]
    assert [type(m) for m in sent].count(Hello) == 1
    effects = target.hear(Want(((target.machine.author, 0),) * LIMITS.want))
    assert len([e for e in effects if isinstance(e, events.Send)]) == 1
