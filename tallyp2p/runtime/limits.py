"""How much one sender is listened to, and how much one endpoint is sent (LIMIT-4).

A token bucket for each sender: it holds a burst, and fills again by a rate.  What finds the
bucket empty is dropped before it is decoded, so that a flood costs a receiver what reading it
from the socket costs, and no signature is checked for it.  Nothing else happens to the sender: no
score, no ban, no connection is closed.  Whoever falls silent for two seconds has room again.

The same numbers bound what one endpoint is sent.  Where an endpoint is a lie, this is what
whoever really is there can be made to hear from one peer.

The numbers are our choice, made from what an honest peer may send at most:

* A DIGEST of ours is answered by lists of 2,048 ballots (`LIMITS.have`, REPAIR-3), and each
  ballot listed leads to one or, where an author equivocated, to two ballots, either way.  So 8,192
  messages, entries and answers are one whole comparison, and two may run with one member at
  once, begun from either side: 16,384.  A rate of 4,096 allows one in two seconds, which is what
  `gossip_interval` asks for, and is six times the rounds that the quickest swarm of ours makes.
* 16 MiB let each of those messages have 1 KiB (a ballot of 256 votes has 136 bytes), or 64
  have the size of the largest, and 8 MiB a second are half a gigabit line with eight such members.
* Before HELLO nobody is known, so all strangers share one bucket.  In the largest swarm 1,024
  members may say HELLO within a moment, twice while they do not know whether it was heard
  (CONTACT-11), and some of what they say next may overtake it: 4,096, and a fourth a second.
* Each entry of a DIGEST, HAVE or WANT counts as a message of its sender, and so does each answer
  beyond the first that a message calls forth: 3 KB lead to as much work as a hundred others.
* A signature that is not good counts as 32 messages.  To check one takes as long as to read
  some thirty others, and no honest member sends one: it has checked what it passes on.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from ..parameters import LIMITS

__all__ = ["MEMBER", "STRANGERS", "Allowance", "Bucket", "Rate", "Senders"]


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages and bytes that may come at once, and in each second after that."""

    messages: int
    messages_burst: int
    bytes: int
    bytes_burst: int


MEMBER = Rate(
    messages=2 * LIMITS.have,
    messages_burst=8 * LIMITS.have,
    bytes=32 * LIMITS.frame,
    bytes_burst=64 * LIMITS.frame,
)
STRANGERS = Rate(
    messages=LIMITS.members,
    messages_burst=4 * LIMITS.members,
    bytes=LIMITS.members * LIMITS.hello,
    bytes_burst=4 * LIMITS.members * LIMITS.hello,
)
_FORGERY = 32.0  # messages


class Bucket:
    """What one sender may still send.  Full when made."""

    __slots__ = ("_at", "_bytes", "_messages", "_rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._messages = float(rate.messages_burst)
        self._bytes = float(rate.bytes_burst)
        self._at = now

    def spill(self, messages: float) -> None:
        """Lose room for so many messages, also what is not there yet: up to a second's worth."""
        self._messages = max(-float(self._rate.messages), self._messages - messages)

    def take(self, size: int, now: float) -> bool:
        """Whether one message of `size` bytes still fits; then it is taken out."""
        if now > self._at:
            self._fill(now)
        if self._messages < 1.0 or self._bytes < size:
            return False
        self._messages -= 1.0
        self._bytes -= size
        return True

    def _fill(self, now: float) -> None:
        rate, passed = self._rate, now - self._at
        self._messages = min(rate.messages_burst, self._messages + passed * rate.messages)
        self._bytes = min(rate.bytes_burst, self._bytes + passed * rate.bytes)
        self._at = now


class Senders:
    """A bucket for each of many, and no more than `most` of them: the oldest makes room.

    Its owner gets a full one when it comes again, at the price of as many identities as a peer
    has members.
    """

    def __init__(self, rate: Rate, most: int = LIMITS.members) -> None:
        self._rate, self._most = rate, most
        self._buckets: dict[Hashable, Bucket] = {}

    def take(self, who: Hashable, size: int, now: float) -> bool:
        """Whether one message of `size` bytes still fits into the bucket of `who`."""
        bucket = self._buckets.get(who)
        if bucket is None:
            if len(self._buckets) >= self._most:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[who] = Bucket(self._rate, now)
        return bucket.take(size, now)

    def spill(self, who: Hashable, messages: float) -> None:
        """The bucket of `who`, if there is one, loses room for so many messages."""
        if (bucket := self._buckets.get(who)) is not None:
            bucket.spill(messages)

    def __len__(self) -> int:
        return len(self._buckets)


class Allowance:
    """What a peer takes from each sender, and what it sends to each endpoint."""

    def __init__(self, now: float, member: Rate = MEMBER, strangers: Rate = STRANGERS) -> None:
        self._strangers = Bucket(strangers, now)
        self._members = Senders(member)
        self._endpoints = Senders(member)

    def hears(self, author: bytes | None, size: int, now: float) -> bool:
        """Whether a message of `size` bytes is decoded; `author`: who said HELLO on its
        connection, or in clear the connection itself; None where nobody has."""
        if author is None:
            return self._strangers.take(size, now)
        return self._members.take(author, size, now)

    def forged(self, author: bytes | None) -> None:
        """A member sent what nobody signed."""
        if author is not None:
            self._members.spill(author, _FORGERY - 1.0)

    def called_forth(self, author: bytes | None, answers: int) -> None:
        """What a member's message asks for, or has for an answer, counts as messages of its own."""
        if author is not None:
            self._members.spill(author, answers)

    def tells(self, endpoint: str, size: int, now: float) -> bool:
        """Whether a message of `size` bytes is sent to `endpoint`."""
        return self._endpoints.take(endpoint, size, now)
