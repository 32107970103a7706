"""Messages as frames in a trace, without keys: what is proved is not proved again.

Frames are those of protocol_spec 03 as this peer would pass the message on.  In sealed runs
ballots keep the signature that they came with, while HELLO and BYE have 64 zero bytes where
theirs was: the codec checks and drops it, so that the machine never sees it.
"""

from __future__ import annotations

from ..errors import RemoteError
from ..messages import Message
from ..parameters import RunParameters, Seal
from ..payloads import author_of
from ..wire.codec import Codec

__all__ = ["Frames"]


class Frames:
    """Messages of one peer's trace to hexadecimal and back."""

    def __init__(self, run: RunParameters, identity: bytes, instance: bytes) -> None:
        self._author = author_of(identity)
        if run.seal is Seal.NONE:
            self._codec = Codec(run, self._author)
        else:
            from .unsigned import Unsigned  # brings OpenSSL, which other runs do not need

            unsigned = Unsigned(run.digest, identity, instance, run.electorate)
            self._codec = Codec(run, self._author, unsigned)
        self._newest: Message | None = None  # one ballot goes to many
        self._frame = ""

    def shown(self, message: Message) -> str:
        """The frame of `message`, in hexadecimal."""
        if message is not self._newest:
            self._newest, self._frame = message, self._codec.frame(message).hex()
        return self._frame

    def read(self, frame: bytes) -> Message:
        """The message of a frame.  Raises :class:`ValueError` for bytes that are none."""
        try:
            return self._codec.decode(frame, self._author)
        except RemoteError as error:
            raise ValueError(str(error)) from None
