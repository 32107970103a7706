"""Contacts alone: what is dialled, and what is said on each connection."""

from __future__ import annotations

from random import Random

from tallyp2p.consensus.ledger import Ledger
from tallyp2p.errors import Reason
from tallyp2p.gossip.card import Card
from tallyp2p.gossip.contacts import Contacts
from tallyp2p.gossip.events import Dial, Effect, Hangup, MemberChanged, Send, Tell
from tallyp2p.gossip.joining import Joining
from tallyp2p.gossip.membership import Membership, author_of
from tallyp2p.gossip.outbox import Outbox
from tallyp2p.messages import Error, Hello, Message
from tallyp2p.parameters import LIMITS, Timing
from tests.world import SMALL_RUN, ballot_of

ME = bytes(32)
TIMING = Timing(patience=1.0, probe_interval=5.0, join_deadline=60.0)


class Bench:
    def __init__(self, fresh: bool = False) -> None:
        self.outbox = Outbox()
        self.membership = Membership(author_of(ME), TIMING, Random(0))
        self.joining = Joining(SMALL_RUN, TIMING)
        self.ledger = Ledger(SMALL_RUN, LIMITS.members)
        card = Card(ME, b"instance", "test/1")
        self.contacts = Contacts(
            SMALL_RUN,
            TIMING,
            card,
            Random(0),
            self.membership,
            self.joining,
            self.ledger,
            self.outbox,
        )
        self.contacts.endpoint = "tcp://me:1"
        self.joining.begin(0.0, fresh=fresh)

    def hello(self, name: int, now: float = 1.0, **changes: object) -> list[Effect]:
        """Effects of a HELLO from peer `name`."""
        values: dict[str, object] = {
            "identity": bytes([name]) * 32,
            "instance": bytes(8),
            "endpoint": f"tcp://other:{name}",
            "run": SMALL_RUN.digest,
            "start": 0,
            "known": 9,
            "met": True,
            **changes,
        }
        self.contacts.on_hello(b"L%d" % name, Hello(**values), None, now)  # type: ignore[arg-type]
        return self.outbox.take()


def said(effects: list[Effect]) -> list[Message]:
    return [e.message for e in effects if isinstance(e, Send)]


def test_hello_is_the_first_thing_on_every_connection() -> None:
    """CONTACT-1, CONTACT-2."""
    bench = Bench()
    bench.contacts.dial("tcp://other:1", None, 0.0)
    dial, send = bench.outbox.take()
    assert dial == Dial("tcp://other:1")
    assert isinstance(send, Send) and isinstance(send.message, Hello)
    assert send.message.endpoint == "tcp://me:1" and not send.message.met


def test_nobody_is_dialled_twice_nor_oneself() -> None:
    """CONTACT-1."""
    bench = Bench()
    for endpoint in ("tcp://me:1", "tcp://other:1", "tcp://other:1"):
        bench.contacts.dial(endpoint, None, 0.0)
    assert len([e for e in bench.outbox.take() if isinstance(e, Dial)]) == 1


def test_an_unknown_peer_is_dialled_back_and_told_what_is_held_of_its() -> None:
    """CONTACT-4."""
    bench = Bench()
    bench.ledger.add(ballot_of(SMALL_RUN, author_of(bytes([1]) * 32), 6))
    dial, send = bench.hello(1)[:2]
    assert dial == Dial("tcp://other:1")
    assert isinstance(send, Send) and isinstance(send.message, Hello)
    assert send.message.met and send.message.held == 6


def test_two_that_dialled_each_other_need_no_second_hello() -> None:
    """CONTACT-5."""
    bench = Bench()
    bench.contacts.dial("tcp://other:1", None, 0.0)
    bench.outbox.take()
    assert said(bench.hello(1, met=False)) == []
    repeated = said(bench.hello(1, met=False))
    assert len(repeated) == 1 and isinstance(repeated[0], Hello), "it did not hear ours"


def test_a_process_that_took_over_an_endpoint_gets_a_new_connection() -> None:
    """CONTACT-6."""
    bench = Bench()
    bench.hello(1)
    effects = bench.hello(1, instance=b"another1")
    assert effects[:2] == [Hangup("tcp://other:1"), Dial("tcp://other:1")]
    assert isinstance(said(effects)[0], Hello)
    bench.contacts.check()


def test_who_moves_is_followed_and_the_old_connection_closed() -> None:
    """CONTACT-6."""
    bench = Bench()
    bench.hello(1)
    effects = bench.hello(1, instance=b"another1", endpoint="tcp://other:99")
    assert Hangup("tcp://other:1") in effects and Dial("tcp://other:99") in effects
    bench.contacts.check()


def test_another_run_gets_one_error_a_second_on_a_connection_of_its_own() -> None:
    """CONTACT-3, VERDICT-4."""
    bench = Bench()
    effects = bench.hello(1, run=bytes(32))
    assert effects[-3:] == [
        Dial("tcp://other:1"),
        Send("tcp://other:1", Error(int(Reason.RUN), SMALL_RUN.descriptor)),
        Hangup("tcp://other:1"),
    ]
    assert said(bench.hello(1, now=1.5, run=bytes(32))) == []
    assert len(said(bench.hello(1, now=2.0, run=bytes(32)))) == 1


def test_unanswered_hello_is_repeated_and_in_the_end_given_up() -> None:
    """CONTACT-11."""
    bench = Bench()
    bench.contacts.dial("tcp://nobody:1", None, 0.0)
    bench.outbox.take()
    at, closed = [], None
    for step in range(1, 700):
        now = step / 10
        bench.contacts.knock(None, now)
        effects = bench.outbox.take()
        at += [now for m in said(effects) if isinstance(m, Hello)]
        if Hangup("tcp://nobody:1") in effects:
            closed = now
    assert at[:3] == [1.0, 3.0, 8.0] and closed is not None and 60.0 <= closed < 66.0


def test_a_look_at_an_endpoint_may_be_short() -> None:
    """MEMBER-9."""
    bench = Bench()
    bench.contacts.dial("tcp://nobody:1", None, 0.0, lasting=5.0)
    bench.outbox.take()
    bench.contacts.knock(None, 4.9)
    assert [type(m) for m in said(bench.outbox.take())] == [Hello]
    bench.contacts.knock(None, 9.9)
    assert bench.outbox.take() == [Hangup("tcp://nobody:1")]


def test_connections_are_bounded() -> None:
    """CONTACT-9."""
    bench = Bench()
    for port in range(1, 2 * LIMITS.members):
        bench.contacts.dial(f"tcp://flood:{port}", None, float(port))
    bench.contacts.check()
    bench.outbox.take()
    effects = bench.hello(1, now=9999.0)
    assert effects[0] == Hangup(f"tcp://flood:{LIMITS.members}"), "a member comes first"
    assert effects[1] == Dial("tcp://other:1")
    bench.contacts.check()


def test_a_suspect_that_says_hello_is_seen_to_be_back() -> None:
    bench = Bench()
    bench.hello(1)
    [change] = bench.membership.lose("tcp://other:1", 2.0)
    assert change.member.state == "suspect"
    told = [e.notice for e in bench.hello(1, now=3.0) if isinstance(e, Tell)]
    assert [(n.state, n.cause) for n in told if isinstance(n, MemberChanged)] == [
        ("alive", "heard")
    ]
