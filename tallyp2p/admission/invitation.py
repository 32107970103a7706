"""An invitation: all that one seat of a run needs, as one line of text to be copied (a token).

    tally1-<base64url of: size(3) flags(1) shard(2) member(2) [secret(32)]
                          count(2) identities(32 each) seeds(1) [size(1) endpoint]...
                          settings check(8)>

Numbers are big-endian.  `size` counts all bytes, so that a token that lost its end is told
from a mistyped one; `check` is the beginning of a SHA-256 over all before it, so no single
wrong character goes by.  `member` is the place of the seat's identity in the list.  Settings
are a JSON object of those that differ from the defaults, read as strictly as a profile.

Nothing of a token is a path, a command or an object: it becomes settings, keys and endpoints,
each checked, or it is refused.  What is each peer's own business it does not set: where a peer
listens, how much it keeps, in memory and on disk.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Self

from ..errors import SettingsError
from ..parameters import LIMITS, Seal
from ..profiles import Profile, differences, load
from ..wire.electorate import Electorate
from ..wire.hello import ENDPOINT
from ..wire.seal import identity_of

__all__ = ["MOST", "Invitation"]

MOST = 65_536  # characters of a token
_PREFIX = "tally1-"
_VERSION = re.compile(r"tally[0-9]+-")
_BEGINNINGS = re.compile(r"(?:^|\s)tally[0-9]+-")
_DIGITS = re.compile(r"[A-Za-z0-9_-]*", re.A)
_HEAD = struct.Struct(">BHH")  # flags, shard, member
_SIZE, _CHECK = 3, 8  # bytes
_SHARED = ("run", "timing", "learning", "data")  # tables that all of a run have alike,
_ALSO = ("seed", "peers", "network.encrypt")  # and further settings; all others are each
_OWN = ("timing.retain", "timing.ahead")  # peer's own business, and so are these
_SECRET = 0x01  # flag: the secret key is in it


@dataclass(frozen=True)
class Invitation:
    """One seat of a run.  Raises :class:`SettingsError` when its parts contradict each other.

    `profile`: what all of the run agree on, with run.electorate in it; where a peer listens is
    its own business, and does not travel.
    """

    profile: Profile
    electorate: Electorate
    shard: int  # of the data, 0 .. peers - 1
    identity: bytes  # 32 bytes: whose seat it is
    secret: bytes | None = field(
        default=None, repr=False
    )  # its key, 32 bytes, where the inviter made it
    seeds: tuple[str, ...] = ()  # endpoints of peers to join at

    def __post_init__(self) -> None:
        run = self.profile.run
        if run.seal is not Seal.ED25519 or run.electorate != self.electorate.digest:
            raise SettingsError("an invitation is to a sealed run with its own list of members")
        if self.identity not in self.electorate:
            raise SettingsError("an invitation is for somebody on the list of members")
        if self.secret is not None and identity_of(self.secret) != self.identity:
            raise SettingsError("the key of an invitation is not that of its member")
        if not 0 <= self.shard < self.profile.peers:
            raise SettingsError(f"an invitation is for a shard below {self.profile.peers}")
        for seed in self.seeds:
            if len(seed) > LIMITS.endpoint or not ENDPOINT.fullmatch(seed):
                raise SettingsError(f"{seed!r} is not a peer's endpoint")
        if len(self.seeds) > LIMITS.peers:
            raise SettingsError(f"an invitation names at most {LIMITS.peers} endpoints")

    # --- out ------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        """The one line of text.  Raises :class:`SettingsError` when it grows too long."""
        listed = sorted(self.electorate.identities)
        flags = 0 if self.secret is None else _SECRET
        body = _HEAD.pack(flags, self.shard, listed.index(self.identity)) + (self.secret or b"")
        body += len(listed).to_bytes(2, "big") + b"".join(listed)
        body += bytes((len(self.seeds),))
        body += b"".join(bytes((len(seed),)) + seed.encode("ascii") for seed in self.seeds)
        found = differences(self.profile, load())
        settings = {key: found[key] for key in found if _travels(key) and key != "run.electorate"}
        body += json.dumps(settings, separators=(",", ":")).encode("ascii")
        body = (_SIZE + len(body) + _CHECK).to_bytes(_SIZE, "big") + body
        text = _PREFIX + _to_text(body + _checksum(body))
        if len(text) > MOST:
            raise SettingsError(f"a token of {len(text)} characters is too long: invite fewer")
        return text

    # --- in -------------------------------------------------------------------------------

    @classmethod
    def of(cls, token: str) -> Self:
        """What a token says.  Raises :class:`SettingsError`, in words fit for who copied it."""
        parts = _Parts(_checked(token.strip()))
        flags, shard, member = _HEAD.unpack(parts.take(_HEAD.size))
        if flags & ~_SECRET:
            raise SettingsError("this token was made by a later tallyp2p: install that one")
        secret = parts.take(32) if flags & _SECRET else None
        listed = [parts.take(32) for _ in range(int.from_bytes(parts.take(2), "big"))]
        electorate = Electorate.of(listed)
        if listed != sorted(listed) or member >= len(listed):
            raise _strange("its list of members is out of order")
        seeds = tuple(parts.text(parts.take(1)[0]) for _ in range(parts.take(1)[0]))
        profile = _profile(parts.rest(), electorate)
        return cls(profile, electorate, shard, listed[member], secret, seeds)


def _profile(settings: bytes, electorate: Electorate) -> Profile:
    try:
        given = json.loads(settings)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise _strange("its settings are no JSON object")
    for key in given:
        if not _travels(key):
            what = f"{key:.40}, which is each peer's own business" if "." in key else f"{key:.40}"
            raise _strange(f"it sets {what}")
    return load("default", {**given, "run.electorate": electorate.digest}, "the token")


def _travels(key: str) -> bool:
    """Whether an invitation may set this, named in full."""
    table, dot, _ = key.partition(".")
    return key in _ALSO or (bool(dot) and table in _SHARED and key not in _OWN)


class _Parts:
    """Bytes that are taken one part after the other, never beyond their end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise _strange("it ends too early")
        self._at += size
        return found

    def text(self, size: int) -> str:
        try:
            return self.take(size).decode("ascii")
        except UnicodeDecodeError:
            raise _strange("an endpoint of it is not ASCII") from None

    def rest(self) -> bytes:
        return self._data[self._at :]


def _checked(token: str) -> bytes:
    """What stands between size and check of a token that was copied whole."""
    if not token:
        raise SettingsError("there is no token: copy the whole line that `tallyp2p invite` printed")
    if (several := len(_BEGINNINGS.findall(token))) > 1:
        raise SettingsError(
            f"these are {several} tokens, and each is one person's: give one of them"
        )
    if not token.startswith(_PREFIX):
        if _VERSION.match(token):
            raise SettingsError("this token was made by a later tallyp2p: install that one")
        raise SettingsError(
            f"this is not a token: it begins with {token[:12]!r}, not {_PREFIX!r}; copy the whole "
            "line that `tallyp2p invite` printed"
        )
    if len(token) > MOST:
        raise SettingsError(f"a token has at most {MOST} characters, and this one {len(token)}")
    digits = token.removeprefix(_PREFIX)
    good = _DIGITS.match(digits)
    assert good is not None
    if good.end() < len(digits):
        raise SettingsError(
            f"the token is damaged: {digits[good.end()]!r}, its character number "
            f"{len(_PREFIX) + good.end() + 1}, stands in no token; copy it again, as one line"
        )
    if len(digits) < 4:
        raise SettingsError("the token is cut off at its beginning: copy the whole line")
    whole = (int.from_bytes(_from_text(digits[:4]), "big") * 4 + 2) // 3
    if len(digits) < whole:
        raise SettingsError(
            f"the token is cut off, or mistyped: {len(token)} of its {len(_PREFIX) + whole} "
            "characters are there; copy the whole line"
        )
    data = _from_text(digits)
    if len(digits) > whole or _to_text(data) != digits or data[-_CHECK:] != _checksum(data[:-8]):
        raise SettingsError("the token is damaged: at least one character is wrong; copy it again")
    return data[_SIZE:-_CHECK]


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(b"tally/1 token" + data).digest()[:_CHECK]


def _strange(what: str) -> SettingsError:
    """For a token that was copied well, but that no `tallyp2p invite` made."""
    return SettingsError(f"this token is not one that `tallyp2p invite` makes: {what}")


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _from_text(digits: str) -> bytes:
    """The bytes of base64url; of digits that no bytes have, some that show it when written."""
    spare = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.urlsafe_b64decode(spare + "=" * (-len(spare) % 4))
