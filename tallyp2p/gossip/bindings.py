"""Which inbound connection is whose: HELLO binds it to an author (CONTACT-4)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from ..parameters import LIMITS
from .member import Member

__all__ = ["Bindings"]


class Bindings:
    """Connections by name; the oldest are forgotten where there are too many."""

    def __init__(self) -> None:
        self._links: OrderedDict[bytes, bytes] = OrderedDict()  # link -> author

    def author(self, link: bytes) -> bytes | None:
        """The author that said HELLO on `link`, or None."""
        return self._links.get(link)

    def bind(self, link: bytes, member: Member) -> None:
        """Besides its newest connection the first one of a process stays bound, so that
        nobody who repeats its HELLO elsewhere can take its voice away."""
        if link not in member.links:
            self.unbind(member, 1)
            member.links.append(link)
        self._links[link] = member.author
        self._links.move_to_end(link)
        while len(self._links) > LIMITS.links:
            self._links.popitem(last=False)

    def unbind(self, member: Member, keep: int) -> None:
        """Forget all but the first `keep` connections of a member."""
        for link in member.links[keep:]:
            if self._links.get(link) == member.author:
                del self._links[link]
        del member.links[keep:]

    def check(self, members: Collection[bytes]) -> None:
        """Within the limit, and each bound to a member."""
        assert len(self._links) <= LIMITS.links
        for link, author in self._links.items():
            assert author in members, link
