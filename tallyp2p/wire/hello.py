"""HELLO's map: msgpack in one canonical form (protocol_spec 03, HELLO clauses).

msgpack has no canonical form of its own, so the specification fixes one: string keys in
ascending order, the shortest encoding of everything, no floats, no extension types.  A map
in any other form is refused, which also refuses duplicate keys.  Unknown keys are kept as
they came, so that what is decoded can be encoded again byte for byte.
"""

from __future__ import annotations

import re
from typing import Any

import msgpack

from ..errors import LocalError, Reason, RemoteError
from ..messages import Hello
from ..parameters import LIMITS, PROTOCOL_VERSION

__all__ = ["ENDPOINT", "decode_hello", "encode_hello", "endpoint_key"]

_ASCENDING = (
    "agent",
    "endpoint",
    "held",
    "identity",
    "instance",
    "known",
    "met",
    "round",
    "run",
    "start",
    "versions",
)
_KEYS = frozenset(_ASCENDING)
_MOST_ITEMS, _MOST_DEPTH = 64, 4  # of arrays and maps (MAP-2)
_NO_ROUND = 0xFFFFFFFF

# tcp://host:port or tcp://[ipv6]:port with a port from 1 to 65535, or ipc://path.  No
# wildcards: not *, and no host of zeros alone, which names all addresses (ENDPOINT-4).
# A host may be followed by # and the key of who listens there: 32 bytes in base64url, whose
# last digit has 4 bits to say and 2 zeros (ENDPOINT-5).
_PORT = r"(?:6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
_HOST = r"(?!\[?[0.:]+\]?:\d+(?:#|\Z))(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"
_KEY = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
ENDPOINT = re.compile(rf"(?:tcp://{_HOST}:{_PORT}(?:#{_KEY})?|ipc://[!-)+-~]+)", re.A)


def endpoint_key(endpoint: str) -> str:
    """The key that an endpoint names, as text; empty where none is: that one is in clear."""
    return endpoint.partition("#")[2] if endpoint.startswith("tcp://") else ""


def encode_hello(hello: Hello) -> bytes:
    """The map of a HELLO, without kind, flags and magic."""
    fields: dict[str, Any] = {key: getattr(hello, key) for key in _ASCENDING}
    for key in ("held", "round", "start"):
        if fields[key] is None:
            del fields[key]
    if not hello.extra:
        return _pack_ordered(fields)
    packed = {key: _pack_ordered(value) for key, value in fields.items()}
    for key, raw in hello.extra:
        if key in _KEYS:
            raise LocalError(f"{key} is a known field of HELLO")
        packed[key] = raw
    packer = msgpack.Packer(use_bin_type=True)
    body = b"".join([_pack_ordered(key) + packed[key] for key in sorted(packed)])
    head: bytes = packer.pack_map_header(len(packed))
    return head + body


def decode_hello(data: bytes) -> Hello:
    """A HELLO's map.  Raises :class:`RemoteError` (MAP, VERSION) for anything else."""
    fields = _decode_map(data)
    low, high = _versions(fields)
    endpoint = _text(fields, "endpoint")
    if len(endpoint) > LIMITS.endpoint or not ENDPOINT.fullmatch(endpoint):
        raise RemoteError(Reason.MAP, "endpoint is not tcp://host:port or ipc://path")
    if not low <= PROTOCOL_VERSION <= high:  # all that is known of its map: FIXED-1
        ours = f"{PROTOCOL_VERSION} to {PROTOCOL_VERSION}"
        text = f"no common version: {ours} here, {low} to {high} there"
        raise RemoteError(Reason.VERSION, text, endpoint=endpoint)
    met = fields.get("met")
    if not isinstance(met, bool):
        raise RemoteError(Reason.MAP, "met is not a boolean")
    return Hello(
        identity=_binary(fields, "identity", 32),
        instance=_binary(fields, "instance", 8),
        endpoint=endpoint,
        run=_binary(fields, "run", 32),
        known=_number(fields, "known", 2**32),
        round=_optional_round(fields, "round"),
        start=_optional_round(fields, "start"),
        met=met,
        held=_optional_round(fields, "held"),
        versions=(low, high),
        agent=_text(fields, "agent"),
        extra=tuple((key, _pack(fields[key])) for key in sorted(fields) if key not in _KEYS),
    )


def _decode_map(data: bytes) -> dict[str, Any]:
    try:
        # The parser makes room for as many items as an array claims, and goes down a thousand
        # levels before anybody can look: unbounded, 4 KiB of such claims take 33 MB.
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_array_len=_MOST_ITEMS,
            max_map_len=_MOST_ITEMS,
        )
    except Exception as error:  # a foreign parser, fed by strangers: whatever it raises
        raise RemoteError(Reason.MAP, f"not a msgpack map: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise RemoteError(Reason.MAP, "not a msgpack map")
    if not _plain(value, 1):
        raise RemoteError(Reason.MAP, "a map holds a float, an extension, or too deep a value")
    if _pack(value) != data:
        raise RemoteError(Reason.MAP, "a map is not in canonical form")
    return value


def _plain(value: Any, depth: int) -> bool:
    """Only nil, booleans, integers, strings, bytes, and shallow lists and maps of them."""
    if isinstance(value, dict):
        return depth <= _MOST_DEPTH and all(
            isinstance(key, str) and _plain(item, depth + 1) for key, item in value.items()
        )
    if isinstance(value, list):
        return depth <= _MOST_DEPTH and all(_plain(item, depth + 1) for item in value)
    return value is None or type(value) in (bool, int, str, bytes)


def _pack(value: Any) -> bytes:
    """`value` in canonical form."""
    return _pack_ordered(_sorted(value))


def _pack_ordered(value: Any) -> bytes:
    """The same, of a value whose keys ascend already."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _versions(fields: dict[str, Any]) -> tuple[int, int]:
    value = fields.get("versions")
    if not (
        isinstance(value, list)
        and len(value) == 2
        and all(type(item) is int for item in value)
        and 0 < value[0] <= value[1] < 2**16
    ):
        raise RemoteError(Reason.MAP, "versions is not [lowest, highest]")
    return value[0], value[1]


def _binary(fields: dict[str, Any], key: str, size: int) -> bytes:
    value = fields.get(key)
    if not isinstance(value, bytes) or len(value) != size:
        raise RemoteError(Reason.MAP, f"{key} is not {size} bytes")
    return value


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or len(value.encode()) > LIMITS.text:
        raise RemoteError(Reason.MAP, f"{key} is not a string of at most {LIMITS.text} bytes")
    return value


def _number(fields: dict[str, Any], key: str, end: int) -> int:
    value = fields.get(key)
    if type(value) is not int or not 0 <= value < end:
        raise RemoteError(Reason.MAP, f"{key} is not a whole number below {end}")
    return value


def _optional_round(fields: dict[str, Any], key: str) -> int | None:
    return None if key not in fields else _number(fields, key, _NO_ROUND)
