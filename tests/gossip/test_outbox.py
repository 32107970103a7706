from __future__ import annotations

from tallyp2p.gossip.events import Dial, Refused, Send, Tell
from tallyp2p.gossip.outbox import Outbox
from tallyp2p.messages import Ping


def test_effects_leave_in_order_and_once() -> None:
    outbox = Outbox()
    outbox.put(Dial("tcp://h:1"))
    outbox.send("tcp://h:1", Ping(1, 2))
    assert outbox.take() == [Dial("tcp://h:1"), Send("tcp://h:1", Ping(1, 2))]
    assert outbox.take() == []


def test_every_refusal_is_counted_but_observers_hear_one_a_second_of_each_kind() -> None:
    outbox = Outbox()
    for step in range(30):
        outbox.refuse(Refused(11, f"number {step}"), step / 10)
        outbox.refuse(Refused(30, "another"), step / 10)
    assert outbox.refused == {11: 30, 30: 30}
    told = [e.notice.reason for e in outbox.take() if isinstance(e, Tell)]  # type: ignore[union-attr]
    assert told.count(11) == told.count(30) == 3
