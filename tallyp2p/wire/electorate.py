"""The list of those who may take part in a run (protocol_spec 07, ELECT clauses).

As a file it is the text that the run's parameter `electorate` is the hash of, byte for byte::

    tally/1 electorate
    11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo
    A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg

so any tool that takes a SHA-256 of a file can tell which run a list is for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..errors import SettingsError
from ..parameters import LIMITS
from .keys import curve_public, identity_from_text, identity_text

__all__ = ["Electorate"]

_HEAD = "tally/1 electorate\n"


@dataclass(frozen=True)
class Electorate:
    """Who may take part.  Raises :class:`SettingsError` for a list that can be nobody's.

    `identities`: 32 bytes each, none of them twice, 1 to LIMITS.members.
    """

    identities: frozenset[bytes]

    def __post_init__(self) -> None:
        if not 1 <= len(self.identities) <= LIMITS.members:
            raise SettingsError(
                f"a list of members has 1 to {LIMITS.members} keys, not {len(self.identities)}"
            )
        # A point and its mirror image have one CURVE key, and whoever has one has the other.
        if len(self.curve_keys) != len(self.identities):
            raise SettingsError("two keys of the list of members belong to one person")

    @classmethod
    def of(cls, identities: Iterable[bytes]) -> Electorate:
        """The list of these, in any order.  Raises :class:`SettingsError` if one is there twice."""
        listed = list(identities)
        found = cls(frozenset(listed))
        if len(found.identities) != len(listed):
            raise SettingsError("a key is in the list of members twice")
        return found

    @classmethod
    def parse(cls, text: str) -> Electorate:
        """The list whose text this is.  Raises :class:`SettingsError` for anything else."""
        if not text.startswith(_HEAD):
            raise SettingsError(f"its first line is not {_HEAD.strip()!r}")
        found = cls.of(map(identity_from_text, text.removeprefix(_HEAD).splitlines()))
        if found.text != text:
            raise SettingsError("its lines are not sorted, or something stands between them")
        return found

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The texts of the identities (KEY-3), ascending as ASCII."""
        return tuple(sorted(map(identity_text, self.identities)))

    @cached_property
    def text(self) -> str:
        """One line a member under the head (ELECT-1)."""
        return _HEAD + "".join(f"{line}\n" for line in self.texts)

    @cached_property
    def digest(self) -> str:
        """The run parameter `electorate`: SHA-256 of the text, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()

    @cached_property
    def curve_keys(self) -> frozenset[bytes]:
        """The X25519 public keys, 32 bytes each, under which members connect (KEY-2)."""
        return frozenset(map(curve_public, self.identities))

    def __contains__(self, identity: object) -> bool:
        return identity in self.identities
