"""What frames weigh: bytes of votes, of probe ids and of everything else, in three layers.

Channels
    votes    ballots: their packed votes, and the headers of the messages that carry them
    ids      the part of a ballot that names its probes; nothing where ids are derived
    control  all other messages, and the handshakes of connections

Layers
    payload  packed votes, or ids with their form and count, alone; control has none
    message  the same with this protocol's header and signatures: the ZeroMQ frame's content
    wire     what TCP is handed: with ZMTP's framing and handshakes, and CURVE's encryption
             where it is on, without TCP and IP headers

Ids ride in the messages of ballots: their header and framing count as votes, and `messages`
of ids stays 0.  So for every layer, and for messages, the total is the sum of the channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from ..messages import Kind

__all__ = ["Meter", "Snapshot", "Weight", "framed", "handshake_bytes", "weigh"]

Snapshot = Mapping[str, Mapping[str, Mapping[str, int]]]
"""direction ("sent", "received") -> channel or "total" -> layer or "messages" -> count."""

_VOTE = int(Kind.VOTE)
_HEADER = 6  # kind, flags, round
_AUTHOR, _IDS, _SEAL = 0x01, 0x02, 0x04  # flags of VOTE
_SIGNATURE, _IDENTITY = 64, 32  # bytes that a sealed ballot has more, the second if relayed
_RANGE, _GAPS = 1, 2  # forms of ids
_RANGE_SIZE = 7  # form, start u32, count u16
_GAPS_HEAD = 3  # form, count u16
_VARINT = 5  # bytes that a u32 takes at most

_GREETING = 64  # ZMTP 3.x: signature 10, version 2, mechanism 20, as-server 1, filler 31
_ROUTING_ID = 9  # bytes of the DEALER's id (protocol_spec 02); a ROUTER sends an empty one
# CurveZMQ (https://rfc.zeromq.org/spec/26/): what its commands hold besides the metadata.
_HELLO = 200  # version, padding, short-term key, nonce, box
_WELCOME = 168  # nonce, box of short-term key and cookie
_INITIATE = 9 + 96 + 8 + 16 + 128  # name, cookie, nonce, box: its overhead, keys and vouch
_READY = 6 + 8 + 16  # name, nonce, overhead of the box
_MESSAGE = 8 + 8 + 16 + 1  # the same of each message, and its flags


class Weight(NamedTuple):
    """How one frame's bytes divide; header = what is left of its length."""

    votes: int  # bytes of packed votes
    ids: int  # bytes of explicit ids, with form and count
    header: int  # bytes of this protocol's own: all of a message that is not VOTE
    ballot: bool  # whether the frame is a VOTE message


def framed(size: int, *, curve: bool = False) -> int:
    """Bytes of a frame of `size` bytes on ZMTP 3.x: flags and a length of 1 or 8 bytes, and
    under CURVE 33 more for the box in which it travels."""
    if curve:
        size += _MESSAGE
    return size + 2 if size < 256 else size + 9


@cache  # four of them are ever asked for, at every connection
def handshake_bytes(socket_type: str, routing_id: int, *, curve: bool = False) -> int:
    """Bytes that one side sends before its first message: a DEALER dials, a ROUTER listens.

    Under NULL they are a greeting and READY, a command frame: flags and length (2), its name
    with a length byte (6), and two properties, each a length byte, the name, four bytes of
    length and the value: `Socket-Type` (16 and the type) and `Identity` (13 and the routing
    id), which libzmq 4.3 sends also when it is empty.  So 116 from a DEALER with 9 bytes of
    id, 107 from a ROUTER.  Under CURVE the dialler sends HELLO and INITIATE, the listener
    WELCOME and READY, and the properties are in INITIATE and READY: 576 and 301.
    """
    properties = (16 + len(socket_type)) + (13 + routing_id)
    if not curve:
        return _GREETING + framed(6 + properties)
    if socket_type == "DEALER":
        return _GREETING + framed(_HELLO) + framed(_INITIATE + properties)
    return _GREETING + framed(_WELCOME) + framed(_READY + properties)


def weigh(frame: bytes) -> Weight:
    """Divide one frame.  Any bytes have a weight; a VOTE that breaks off early is all header."""
    size = len(frame)
    if size < _HEADER or frame[0] != _VOTE:
        return Weight(0, 0, size, False)
    flags, header, ids = frame[1], _HEADER, 0
    if flags:
        if flags & _AUTHOR:
            header += _IDENTITY if flags & _SEAL else 8
        if flags & _IDS:
            ids = _ids_size(frame, header)
        if flags & _SEAL:
            header += _SIGNATURE
        if header + ids > size:
            return Weight(0, 0, size, True)
    return Weight(size - header - ids, ids, header, True)


def _ids_size(frame: bytes, start: int) -> int:
    """Bytes of the ids that start there; more than the frame has when they do not end in it."""
    beyond = len(frame) + 1
    form = frame[start] if start < len(frame) else 0
    if form == _RANGE:
        return _RANGE_SIZE
    first = start + _GAPS_HEAD
    if form != _GAPS or first > len(frame):
        return beyond
    count = int.from_bytes(frame[first - 2 : first], "big")
    if count == 0:
        return _GAPS_HEAD
    coded = np.frombuffer(frame[first : first + _VARINT * count], np.uint8)
    ends = np.flatnonzero(coded < 0x80)  # the last byte of each varint
    return _GAPS_HEAD + int(ends[count - 1]) + 1 if len(ends) >= count else beyond


class _Flow:
    """One direction's counts.  Only sums that `layers` needs are kept."""

    __slots__ = (
        "ballots",
        "control",
        "control_size",
        "control_wire",
        "extra",
        "ids",
        "size",
        "votes",
        "wire",
    )

    def __init__(self, extra: int) -> None:
        self.extra = extra  # bytes that encryption adds to each message
        self.ballots = 0  # VOTE messages
        self.votes = 0  # bytes of packed votes
        self.ids = 0  # bytes of ids
        self.size = 0  # bytes of VOTE messages without their ids
        self.wire = 0  # the same framed
        self.control = 0  # other messages
        self.control_size = 0  # their bytes
        self.control_wire = 0  # the same framed, and handshakes

    def add(self, frame: bytes) -> None:
        size = len(frame)
        wire = size + self.extra
        wire += 2 if wire < 256 else 9
        if size >= _HEADER and frame[0] == _VOTE:
            self.ballots += 1
            if frame[1]:
                votes, ids, _, _ = weigh(frame)
                self.votes += votes
                self.ids += ids
                size -= ids
                wire -= ids
            else:
                self.votes += size - _HEADER
            self.size += size
            self.wire += wire
        else:
            self.control += 1
            self.control_size += size
            self.control_wire += wire

    def layers(self) -> dict[str, dict[str, int]]:
        channels = {
            "votes": _layers(self.votes, self.size, self.wire, self.ballots),
            "ids": _layers(self.ids, self.ids, self.ids, 0),
            "control": _layers(0, self.control_size, self.control_wire, self.control),
        }
        total = {
            layer: sum(channel[layer] for channel in channels.values())
            for layer in channels["votes"]
        }
        return {**channels, "total": total}


def _layers(payload: int, message: int, wire: int, messages: int) -> dict[str, int]:
    return {"payload": payload, "message": message, "wire": wire, "messages": messages}


class Meter:
    """Counts what one peer sends and receives.  `sent` and `received` take each frame once.

    A frame counts as sent when it is handed to a connection; if that breaks before it
    has left, it was counted all the same.  `curve`: whether connections are encrypted; all
    of one peer's are, or none.
    """

    def __init__(self, *, curve: bool = False) -> None:
        extra = _MESSAGE if curve else 0
        self._curve = curve
        self._sent = _Flow(extra)
        self._received = _Flow(extra)
        self.sent = self._sent.add
        self.received = self._received.add

    def inbound(self) -> None:
        """A handshake was made on a connection that another peer opened to our ROUTER."""
        listener, dialler = self._sides()
        self._handshake(sent=listener, received=dialler)

    def outbound(self) -> None:
        """A handshake was made on a connection that our DEALER opened to another's ROUTER."""
        listener, dialler = self._sides()
        self._handshake(sent=dialler, received=listener)

    def _sides(self) -> tuple[int, int]:
        """Handshake bytes of who listens and of who dials."""
        return (
            handshake_bytes("ROUTER", 0, curve=self._curve),
            handshake_bytes("DEALER", _ROUTING_ID, curve=self._curve),
        )

    def _handshake(self, sent: int, received: int) -> None:
        self._sent.control_wire += sent
        self._received.control_wire += received

    def snapshot(self) -> Snapshot:
        """All counts so far: direction -> channel or total -> layer or messages -> count."""
        return {"sent": self._sent.layers(), "received": self._received.layers()}
