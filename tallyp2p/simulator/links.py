"""The network: when, how often, and whether a message arrives.

Like TCP below ZeroMQ a connection keeps its order, except for the share of messages that
may overtake.  Loss takes whole messages, which on TCP stands for connections that break.
A sender's bandwidth is shared by all its connections: a message leaves when those before it
have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from .spec import Link, WorldSpec

__all__ = ["Network", "Wire"]


class Wire:
    """One connection from a peer to an endpoint, as far as the network cares."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0.0  # when the newest message on it arrives


class Network:
    """Decides the fate of each message.  All chance comes from `random`."""

    def __init__(self, spec: WorldSpec, random: Random) -> None:
        self._random = random
        self._link = spec.links
        self._members: Mapping[str, frozenset[int]] = {
            group.name: frozenset(group.peers) for group in spec.groups
        }
        self._links: dict[tuple[int, int], Link] = {}
        for route in spec.routes:  # later ones win
            for source in self._members[route.source]:
                for target in self._members[route.target]:
                    self._links[source, target] = route.link
        self._cuts: dict[int, tuple[tuple[frozenset[int], ...], bool]] = {}
        self._free_at: dict[int, float] = {}  # when a sender's last byte has left
        self.lost = self.cut = self.doubled = self.overtaking = 0  # messages
        self._fair = not self._links and self._link == Link(delay=self._link.delay)

    # --- partitions ---------------------------------------------------------------------

    def sever(self, index: int, groups: tuple[str, ...], one_way: bool) -> None:
        """Partition `index` begins."""
        self._cuts[index] = (tuple(self._members[name] for name in groups), one_way)

    def heal(self, index: int) -> None:
        """Partition `index` ends."""
        self._cuts.pop(index, None)

    def hears(self, source: int, target: int) -> bool:
        """Whether messages from one peer to another arrive at all now."""
        for sides, one_way in self._cuts.values():
            origin = next((at for at, side in enumerate(sides) if source in side), None)
            if origin is None or (one_way and origin != 0):
                continue
            if any(target in side for at, side in enumerate(sides) if at != origin):
                return False
        return True

    # --- messages -----------------------------------------------------------------------

    def arrivals(
        self, source: int, target: int, wire: Wire, size: int, now: float
    ) -> tuple[float, ...]:
        """When a message of `size` bytes arrives: never, once, or more often."""
        link = self._link
        if self._fair and not self._cuts:  # as in many worlds: nothing is left to chance
            moment = now + link.delay
            if moment < wire.last:
                moment = wire.last
            wire.last = moment
            return (moment,)
        random = self._random.random
        if self._links:
            link = self._links.get((source, target), link)
        leaves = now
        if link.bandwidth:
            leaves = max(now, self._free_at.get(source, 0.0)) + size / link.bandwidth
            self._free_at[source] = leaves
        if self._cuts and not self.hears(source, target):
            self.cut += 1
            return ()
        troubled = now >= link.begin
        if link.loss and troubled and random() < link.loss:
            self.lost += 1
            return ()
        moment = self._moment(link, wire, leaves, troubled)
        if link.double and troubled and random() < link.double:
            self.doubled += 1
            more = (self._moment(link, wire, leaves, troubled) for _ in range(1, link.copies))
            return (moment, *more)
        return (moment,)

    def _moment(self, link: Link, wire: Wire, leaves: float, troubled: bool) -> float:
        random = self._random.random
        moment = leaves + link.delay
        if link.jitter:
            moment += random() * link.jitter
        if link.reorder and troubled and random() < link.reorder:
            self.overtaking += 1
            return moment + random() * link.late
        if moment < wire.last:
            return wire.last
        wire.last = moment
        return moment
