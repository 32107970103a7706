"""A peer's contacts and circle on a bench, for tests of the circles."""

from __future__ import annotations

from random import Random
from typing import Generic, TypeVar

from tallyp2p.consensus.ledger import Ledger
from tallyp2p.gossip.card import Card
from tallyp2p.gossip.contacts import Contacts
from tallyp2p.gossip.events import Effect, Send
from tallyp2p.gossip.everybody import Everybody
from tallyp2p.gossip.joining import Joining
from tallyp2p.gossip.membership import Membership, author_of
from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.gossip.neighbours import Neighbours, most_members
from tallyp2p.gossip.nonces import Nonces
from tallyp2p.gossip.outbox import Outbox
from tallyp2p.messages import Hello, Message
from tallyp2p.parameters import LIMITS, RunParameters, Timing

ME = bytes(32)
TIMING = Timing(patience=1.0, probe_interval=5.0, suspect_after=5.0, gone_after=60.0)

_Circle = TypeVar("_Circle", Everybody, Neighbourhood)


def identity(name: int) -> bytes:
    return name.to_bytes(32, "big")


def author(name: int) -> bytes:
    return author_of(identity(name))


def endpoint(name: int) -> str:
    return f"tcp://other:{name}"


def said(effects: list[Effect]) -> list[Message]:
    return [e.message for e in effects if isinstance(e, Send)]


class Bench(Generic[_Circle]):
    """The organs that a circle works with, and nobody else."""

    def __init__(self, run: RunParameters, kind: type[_Circle], seed: int = 0) -> None:
        self.run = run
        self.chance = chance = Random(seed)
        nonces = Nonces(b"")
        self.outbox = Outbox()
        self.neighbours = Neighbours(run.view, chance, nonces) if run.view else None
        most = most_members(run.view) if run.view else LIMITS.members
        self.membership = Membership(author_of(ME), TIMING, chance, most)
        joining = Joining(run, TIMING)
        ledger = Ledger(run, LIMITS.members)
        self.contacts = Contacts(
            run,
            TIMING,
            Card(ME, b"instance", "test/1", grease=False),
            chance,
            self.membership,
            joining,
            ledger,
            self.outbox,
            self.neighbours,
        )
        self.contacts.endpoint = "tcp://me:1"
        joining.begin(0.0, fresh=True)
        whole = (run, TIMING, chance, self.membership, self.contacts)
        extra = (nonces,) if self.neighbours is None else (self.neighbours,)
        self.circle: _Circle = kind(*whole, *extra)

    def hello(self, name: int, now: float = 1.0, **changes: object) -> list[Effect]:
        """Effects of a HELLO from peer `name`."""
        values: dict[str, object] = {
            "identity": identity(name),
            "instance": bytes(8),
            "endpoint": endpoint(name),
            "run": self.run.digest,
            "start": 0,
            "known": 9,
            "met": True,
            **changes,
        }
        hello = Hello(**values)  # type: ignore[arg-type]
        verdict = self.contacts.on_hello(b"L%d" % name, hello, None, now)
        if verdict is not None:
            self.circle.met(author_of(hello.identity), verdict, hello, now)
        return self.take()

    def take(self) -> list[Effect]:
        """What was to be done since the last call; all invariants hold."""
        self.membership.check()
        self.contacts.check()
        self.circle.check()
        return self.outbox.take()
