"""Peers that are wrong in one thing each, and the case that must say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgpack
import zmq

from tallyp2p.conformance.prober import frames
from tallyp2p.conformance.prober.verdict import Verdict
from tallyp2p.consensus.ledger import ANNULLED_TAG
from tallyp2p.errors import Reason, RemoteError
from tallyp2p.gossip.events import Dial, Event, Hangup, Received, Trespassed
from tallyp2p.gossip.everybody import Everybody
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.gossip.membership import State
from tallyp2p.gossip.rounds import Phase
from tallyp2p.messages import (
    Ballot,
    Bye,
    Error,
    Have,
    Hello,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from tallyp2p.parameters import Pace, Timing
from tallyp2p.runtime.node import Node
from tallyp2p.runtime.transport import Arrival, Transport
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer
from tests.conformance.prober.subjects import BROADCAST, LISTED, SAMPLED, SEALED, Peer

__all__ = ["BROKEN", "Broken"]

EVER = Timing(rounds=2**32 - 1)


@dataclass(frozen=True)
class Broken:
    """A defect, and who finds it."""

    name: str
    peer: Peer
    case: str
    verdict: Verdict = Verdict.FAILED
    knows_run: bool = False  # the peer does not say its run when asked
    slow: bool = False


# --- what it sends --------------------------------------------------------------------------


class SendsOther(Node):
    """Sends something else in place of some messages; None: nothing."""

    def change(self, message: Message) -> bytes | None:
        raise NotImplementedError

    def _send(self, effect: Any) -> None:
        frame = self.change(effect.message)
        if frame is not None:
            self._transport.send(effect.endpoint, frame)

    def frame(self, message: Message) -> bytes:
        return self._codec.encode(message)


class SecondOpinion(SendsOther):
    """Votes otherwise when it is asked again."""

    def change(self, message: Message) -> bytes | None:
        frame = self.frame(message)
        if isinstance(message, Ballot) and message.author == self._machine.author:
            told = self.__dict__.setdefault("told", {})
            told[message.round] = told.get(message.round, 0) + 1
            if told[message.round] > 1:
                return frame[:6] + bytes((frame[6] ^ 0x20,)) + frame[7:]
        return frame


class WrongNonce(SendsOther):
    def change(self, message: Message) -> bytes | None:
        if isinstance(message, Pong) and message.nonce:
            message = replace(message, nonce=message.nonce ^ 1)
        return self.frame(message)


class LooseMap(SendsOther):
    """Writes `known` in more bytes than it needs."""

    def change(self, message: Message) -> bytes | None:
        frame = self.frame(message)
        if isinstance(message, Hello):
            at = frame.index(b"\xa5known") + 6
            if frame[at] < 0x80:
                return frame[:at] + b"\xcc" + frame[at:]
        return frame


class KeepsOthersBallots(SendsOther):
    """Passes nothing on."""

    def change(self, message: Message) -> bytes | None:
        others = isinstance(message, Ballot) and message.author != self._machine.author
        return None if others else self.frame(message)


class NamesNoAuthor(SendsOther):
    """Passes ballots on as if they were its own."""

    def change(self, message: Message) -> bytes | None:
        if isinstance(message, Ballot):
            message = replace(message, author=self._machine.author)
        return self.frame(message)


class NeverSaysBye(SendsOther):
    def change(self, message: Message) -> bytes | None:
        return None if isinstance(message, Bye) else self.frame(message)


class ForgetsItsLastRound(SendsOther):
    def change(self, message: Message) -> bytes | None:
        if isinstance(message, Bye):
            message = replace(message, last=None)
        return self.frame(message)


class PingsFirst(Node):
    """Says PING before HELLO on a new line."""

    def _dial(self, effect: Any) -> None:
        super()._dial(effect)
        endpoint = effect if isinstance(effect, str) else effect.endpoint
        self._transport.send(endpoint, self._codec.encode(Ping(1, 0)))


class ComplainsOfGrease(Node):
    """Answers ERROR to any kind that it does not know."""

    def _read(self, link: bytes, frame: bytes | None) -> Event:
        event = super()._read(link, frame)
        return replace(event, optional=False) if isinstance(event, Trespassed) else event


class AnswersRefusedErrors(Node):
    """Answers ERROR where it refuses one."""

    def _read(self, link: bytes, frame: bytes | None) -> Event:
        event = super()._read(link, frame)
        author = self._machine.sender(link)
        if isinstance(event, Trespassed) and frame is not None and frame[:1] == b"\x03" and author:
            assert isinstance(self._machine, PeerMachine)
            member = self._machine._membership.get(author)
            assert member is not None
            self._transport.send(member.endpoint, self._codec.encode(Error(11, "what?")))
        return event


# --- what it takes ----------------------------------------------------------------------------


class Lenient(Codec):
    """Takes ballots that are refused for some reasons."""

    reasons: frozenset[Reason] = frozenset()

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        try:
            return super().decode(frame, sender)
        except RemoteError as error:
            if error.reason not in self.reasons or sender is None or len(frame) < 10:
                raise
            return Ballot(sender, int.from_bytes(frame[2:6], "big"), frame[-4:])

    def encode(self, message: Message) -> bytes:
        if isinstance(message, Ballot) and message.author != self._author:
            return frames.vote(message.round, message.author + message.votes, 0x01)
        return super().encode(message)


class TakesPadding(Lenient):
    reasons = frozenset({Reason.PADDING})


class TakesLabels(Lenient):
    reasons = frozenset({Reason.LABEL})


class TakesLengths(Lenient):
    reasons = frozenset({Reason.LENGTH})


class TakesOwnAuthor(Lenient):
    reasons = frozenset({Reason.AUTHOR})


class TakesAnyMap(Codec):
    """Reads HELLO's map as msgpack's libraries do."""

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        try:
            return super().decode(frame, sender)
        except RemoteError as error:
            if error.reason is not Reason.MAP:
                raise
            try:
                fields = msgpack.unpackb(frame[7:], raw=False)
                names = ("identity", "instance", "endpoint", "run", "known", "met", "agent")
                return Hello(**{name: fields[name] for name in names})
            except (ValueError, KeyError, TypeError):
                raise error from None


class TakesWildcards(Codec):
    """Leaves out of PEERS what is no endpoint, and takes the rest."""

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        try:
            return super().decode(frame, sender)
        except RemoteError:
            if frame[:1] != b"\x06" or len(frame) < 4 or sender is None:
                raise
            return Peers((frame[4 : 4 + frame[3]].decode(),))


class TakesFirstFrame(Transport):
    """Of a message of several frames keeps the first."""

    def _drain(self, inbox: zmq.Socket[bytes]) -> list[Arrival]:
        arrivals: list[Arrival] = []
        try:
            while True:
                link, frame, *_ = inbox.recv_multipart(zmq.NOBLOCK)
                arrivals.append((link, frame))
        except zmq.Again:
            self._more = False
        return arrivals


class AsksNobodysKey(Node):
    def _check_key(self, link: bytes, hello: Hello) -> None:
        pass


class TakesAnySize(Transport):
    def _socket(self, kind: int, options: Mapping[int, int | bytes]) -> zmq.Socket[bytes]:
        return super()._socket(kind, {**options, zmq.MAXMSGSIZE: -1})

    def _look(self) -> None:
        """Cuts nobody off for it, either."""


class HandsOver(Transport):
    """Lets a new connection have another's routing id."""

    def _socket(self, kind: int, options: Mapping[int, int | bytes]) -> zmq.Socket[bytes]:
        handover: dict[int, int] = {zmq.ROUTER_HANDOVER: 1} if kind == zmq.ROUTER else {}
        return super()._socket(kind, {**options, **handover})


class TalksBack(Transport):
    """Answers from its ROUTER too."""

    def _drain(self, inbox: zmq.Socket[bytes]) -> list[Arrival]:
        arrivals = super()._drain(inbox)
        for link, _ in arrivals:
            inbox.send_multipart([link, b"thank you"], zmq.NOBLOCK)
        return arrivals


class KeepsItsSockets(Transport):
    """Leaves it to libzmq to connect again, under the old routing id."""

    def dial(self, endpoint: str) -> bool:
        dialled = super().dial(endpoint)
        if dialled:
            self._dialled[endpoint]._broke = lambda socket: None  # type: ignore[method-assign]
        return dialled


# --- what it decides --------------------------------------------------------------------------


class DeafWhileTraining(PeerMachine):
    def _on_ping(self, sender: bytes, ping: Ping) -> None:
        if self._rounds.phase is not Phase.LEARNING:
            super()._on_ping(sender, ping)


class BlamesEquivocation(PeerMachine):
    def _on_ballot(self, sender: bytes, ballot: Ballot) -> None:
        before = self.ledger.get(ballot.author, ballot.round)
        super()._on_ballot(sender, ballot)
        if before is not None and before.votes != ballot.votes:
            self._contacts.answer(sender, Error(int(Reason.EQUIVOCATION), "two ballots"))


class Quarrels(PeerMachine):
    """Answers ERROR by ERROR."""

    def _received(self, event: Received) -> None:
        super()._received(event)
        author = self.sender(event.link)
        if isinstance(event.message, Error) and author is not None:
            self._contacts.answer(author, Error(50, "no, you"))


class SaysNothingOfUncast(PeerMachine):
    def _on_want(self, sender: bytes, want: Want) -> None:
        held = [e for e in want.entries if self.ledger.wanted(*e)]
        super()._on_want(sender, Want(tuple(held)))


class IgnoresBye(PeerMachine):
    def _on_bye(self, sender: bytes, bye: Bye) -> None:
        pass


class StaysWhereItWas(PeerMachine):
    """Does not believe that a member has moved."""

    def _on_hello(self, link: bytes, hello: Hello) -> None:
        from tallyp2p.payloads import author_of

        known = self._membership.get(author_of(hello.identity))
        if known is None or known.endpoint == hello.endpoint:
            super()._on_hello(link, hello)


def never_repairs(machine: PeerMachine) -> None:
    machine._serving.on_digest = lambda *about: None  # type: ignore[method-assign]


class BelievesAnnulment(PeerMachine):
    """Annuls what HAVE names as annulled."""

    def _on_have(self, sender: bytes, have: Have) -> None:
        super()._on_have(sender, have)
        for author, tag in have.entries:
            held = self.ledger.get(author, have.round)
            if tag == ANNULLED_TAG and held is not None:
                other = bytes((held.votes[0] ^ 0x20,)) + held.votes[1:]
                self.ledger.add(replace(held, votes=other))


class PushesOutMembers(PeerMachine):
    """Forgets the first member that it has when there is no room."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        members = self._membership

        def evict() -> bool:
            # In the order of their coming: the anchor is the first of all.
            first = next(m for m in members._members.values() if m.state is not State.GONE)
            members._give_up(first, None, 0.0)
            return right()

        right, members._evict = members._evict, evict  # type: ignore[method-assign]


class FollowsTheFirst(PeerMachine):
    """Opens the newest round that anybody names."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        rounds, span, right = self._rounds, self.run.rounds_per_ballot, self._rounds.next

        def newest(seen: Any) -> int:
            here = list(seen)
            return max(right(here), max(here, default=0) // span * span)

        rounds.next = newest  # type: ignore[method-assign]


class StaysBound(PeerMachine):
    """Leaves a connection to whom it was bound first."""

    def _on_hello(self, link: bytes, hello: Hello) -> None:
        before = self.sender(link)
        super()._on_hello(link, hello)
        if before is not None:
            self._membership._bindings._links[link] = before


class AcceptsOtherRuns(PeerMachine):
    """Makes peers of other runs members."""

    def _on_hello(self, link: bytes, hello: Hello) -> None:
        super()._on_hello(link, hello)
        if hello.run != self.run.digest:
            super()._on_hello(link, replace(hello, run=self.run.digest))


def everybody_is_a_receiver(machine: PeerMachine) -> None:
    assert isinstance(machine._circle, Everybody)
    routes = machine._circle.routes
    routes.receivers = lambda round, start: tuple(  # type: ignore[method-assign]
        author for author in machine._membership.roster(round, start) if author != machine.author
    )


def forgets_first_rounds(machine: PeerMachine) -> None:
    right = machine._membership.roster_hash
    machine._membership.roster_hash = lambda start: right(None)  # type: ignore[method-assign]


def keeps_only_the_first(machine: PeerMachine) -> None:
    right = machine.ledger.wanted
    machine.ledger.wanted = lambda author, round: right(author, round)[:1]  # type: ignore[method-assign]


def scolds_without_end(machine: PeerMachine) -> None:
    right = machine._contacts.on_trespass

    def at_once(trespass: Trespassed, now: float) -> None:
        machine._contacts._scold_at = 0.0
        right(trespass, now)

    machine._contacts.on_trespass = at_once  # type: ignore[method-assign]


def turns_nobody_away(machine: PeerMachine) -> None:
    machine._contacts.turn_away = lambda *about: None  # type: ignore[method-assign]


def sends_no_peers(machine: PeerMachine) -> None:
    assert isinstance(machine._circle, Everybody)
    machine._circle._send_peers = lambda to: None  # type: ignore[method-assign]


def keeps_the_old_line(machine: PeerMachine) -> None:
    """Does not dial anew when a process took over an endpoint."""
    take = machine._outbox.take

    def without_hangup() -> list[Any]:
        effects = take()
        closed: set[str] = set()
        again: set[str] = set()
        for effect in effects:
            if isinstance(effect, Hangup):
                closed.add(effect.endpoint)
            elif isinstance(effect, Dial) and effect.endpoint in closed:
                again.add(effect.endpoint)
        return [e for e in effects if not isinstance(e, (Hangup, Dial)) or e.endpoint not in again]

    machine._outbox.take = without_hangup  # type: ignore[method-assign]


def begins_with_anybody(machine: PeerMachine) -> None:
    """Counts members that have no first round."""
    machine._joining.may_begin = (  # type: ignore[method-assign]
        lambda now, present, newest_seen: bool(machine._membership.present())
    )


def believes_signatures(sealer: Sealer) -> None:
    sealer.check = lambda identity, text, signature: None  # type: ignore[method-assign]


def admits_anybody(sealer: Sealer) -> None:
    sealer.admit = lambda identity, endpoint="": None  # type: ignore[method-assign]


BROKEN = [
    Broken("votes twice", Peer(node=SecondOpinion), "votes/own-again"),
    Broken("does not wait", Peer(timing=replace(EVER, pace=Pace.FREE)), "votes/waits"),
    Broken("sends to everybody", Peer(patch=everybody_is_a_receiver), "votes/digraph"),
    Broken("waits for no quorum", Peer(patch=begins_with_anybody), "votes/quorum"),
    Broken("takes any round", Peer(timing=replace(EVER, ahead=16_384)), "votes/window"),
    Broken("passes nothing on", Peer(node=KeepsOthersBallots), "votes/relay"),
    Broken("passes on in its own name", Peer(node=NamesNoAuthor), "votes/relay"),
    Broken(
        "is deaf while it trains",
        Peer(machine=DeafWhileTraining, pause=0.3),
        "votes/while-training",
        slow=True,
    ),
    Broken(
        "never asks", Peer(timing=replace(EVER, patience=50.0)), "votes/asks", Verdict.NON_STRICT
    ),
    Broken(
        "suspects nobody",
        Peer(timing=replace(EVER, suspect_after=1000.0)),
        "votes/silent",
        slow=True,
    ),
    Broken("answers another nonce", Peer(node=WrongNonce), "liveness/ping", slow=True),
    Broken("sums up authors only", Peer(patch=forgets_first_rounds), "liveness/roster", slow=True),
    Broken("ignores BYE", Peer(machine=IgnoresBye), "liveness/bye"),
    Broken("pings before HELLO", Peer(node=PingsFirst), "handshake/hello-first"),
    Broken("writes loose maps", Peer(node=LooseMap), "handshake/well-formed", slow=True),
    Broken("stays where it was", Peer(machine=StaysWhereItWas), "handshake/restart", slow=True),
    Broken(
        "keeps the old line",
        Peer(transport=KeepsItsSockets, patch=keeps_the_old_line),
        "handshake/restart-same-endpoint",
    ),
    Broken("uses one routing id", Peer(entropy=bytes), "handshake/routing-ids"),
    Broken("talks back", Peer(transport=TalksBack), "handshake/router-silent"),
    Broken("takes in other runs", Peer(machine=AcceptsOtherRuns), "handshake/other-run"),
    Broken(
        "turns nobody away",
        Peer(patch=turns_nobody_away),
        "handshake/other-run",
        Verdict.NON_STRICT,
        knows_run=True,
    ),
    Broken(
        "is silent to version 2",
        Peer(patch=turns_nobody_away),
        "handshake/next-major",
        Verdict.NON_STRICT,
        knows_run=True,
    ),
    Broken("sends no PEERS", Peer(patch=sends_no_peers), "handshake/peers", Verdict.NON_STRICT),
    Broken("takes padding", Peer(codec=TakesPadding), "malformed/padding"),
    Broken("takes any label", Peer(codec=TakesLabels), "malformed/label"),
    Broken("takes any length", Peer(codec=TakesLengths), "malformed/vote-length"),
    Broken("takes an author written out", Peer(codec=TakesOwnAuthor), "malformed/vote-own-author"),
    Broken("takes any map", Peer(codec=TakesAnyMap), "malformed/map-form"),
    Broken("takes parts of PEERS", Peer(codec=TakesWildcards), "malformed/peers-endpoint"),
    Broken("takes the first frame", Peer(transport=TakesFirstFrame), "hostile/multipart"),
    Broken("takes any size", Peer(transport=TakesAnySize), "hostile/huge-frame"),
    Broken("hands over routing ids", Peer(transport=HandsOver), "hostile/routing-id", slow=True),
    Broken("answers refused ERRORs", Peer(node=AnswersRefusedErrors), "malformed/error"),
    Broken("stays bound", Peer(machine=StaysBound), "handshake/rebound", slow=True),
    Broken("quarrels", Peer(machine=Quarrels), "hostile/errors"),
    Broken("scolds without end", Peer(patch=scolds_without_end), "hostile/error-rate"),
    Broken("complains of grease", Peer(node=ComplainsOfGrease), "extensions/grease"),
    Broken("blames equivocation", Peer(machine=BlamesEquivocation), "repair/two-ballots-relayed"),
    Broken("keeps only the first", Peer(patch=keeps_only_the_first), "repair/two-ballots"),
    Broken("says nothing of uncast", Peer(machine=SaysNothingOfUncast), "repair/want-future"),
    Broken("never repairs", Peer(run=BROADCAST, patch=never_repairs), "repair/digest-one"),
    Broken(
        "believes annulment",
        Peer(run=BROADCAST, machine=BelievesAnnulment),
        "repair/have-annulled",
    ),
    Broken("believes any ballot", Peer(run=SEALED, patch_sealer=believes_signatures), "seals/vote"),
    Broken("believes any HELLO", Peer(run=SEALED, patch_sealer=believes_signatures), "seals/hello"),
    Broken(
        "asks nobody's key", Peer(run=SEALED, node=AsksNobodysKey, encrypted=True), "seals/own-key"
    ),
    Broken("believes any BYE", Peer(run=SEALED, patch_sealer=believes_signatures), "seals/bye"),
    Broken("admits anybody", Peer(run=LISTED, patch_sealer=admits_anybody), "seals/outsider"),
    Broken("pushes out members", Peer(machine=PushesOutMembers), "hostile/strangers", slow=True),
    Broken("follows the first", Peer(machine=FollowsTheFirst), "hostile/pong-flood"),
    Broken(
        "never pings",
        Peer(timing=replace(EVER, probe_interval=1000.0)),
        "liveness/pings-quiet",
        Verdict.NON_STRICT,
        slow=True,
    ),
    Broken("never says BYE", Peer(node=NeverSaysBye), "shutdown/bye", slow=True),
    Broken("forgets its last round", Peer(node=ForgetsItsLastRound), "shutdown"),
]
assert SAMPLED.votes * SAMPLED.bits % 8
