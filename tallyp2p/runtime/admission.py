"""Who may connect: ZeroMQ asks (ZAP, https://rfc.zeromq.org/spec/27/), this answers.

CURVE proves which key is at the other end, and lets every key in.  Only the answer given
here keeps strangers out, before a byte of theirs reaches a socket of ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

import zmq

from ..errors import SettingsError
from ..wire.hello import endpoint_key

__all__ = ["Admission", "Encryption"]

_log = logging.getLogger(__name__)

_ADDRESS = "inproc://zeromq.zap.01"  # where libzmq asks, by RFC 27
_DOMAIN = b"tallyp2p"
_PAUSE = 60.0  # s between two lines about who was not let in


@dataclass(frozen=True, slots=True)
class Encryption:
    """How one peer encrypts: with whose key, and whom it lets in."""

    public: bytes  # 32 bytes: the own CURVE key
    secret: bytes = field(repr=False)  # 32 bytes: the secret one
    identity: str  # the Ed25519 key from which they follow, as an endpoint shows it
    admits: Callable[[bytes], bool]  # whether a CURVE key, 32 bytes, may connect

    @classmethod
    def of(cls, secret: bytes, admitted: Container[bytes] | None = None) -> Encryption:
        """The encryption of the peer with this secret key of 32 bytes (protocol_spec 07, KEY).

        `admitted`: CURVE keys, 32 bytes each, of those who may connect; None: everybody.
        """
        from ..wire.keys import curve_keys, identity_text  # brings OpenSSL
        from ..wire.seal import identity_of

        admits: Callable[[bytes], bool] = lambda key: True  # noqa: E731
        if admitted is not None:
            admits = admitted.__contains__
        return cls(*curve_keys(secret), identity_text(identity_of(secret)), admits)

    def listener(self) -> dict[int, int | bytes]:
        """Options of the socket that listens."""
        return {
            zmq.CURVE_SERVER: 1,
            zmq.CURVE_SECRETKEY: self.secret,
            zmq.ZAP_DOMAIN: _DOMAIN,
            zmq.ZAP_ENFORCE_DOMAIN: 1,  # nobody answers, nobody enters
        }

    def dialler(self, endpoint: str) -> dict[int, int | bytes]:
        """Options of a socket that connects to `endpoint`; none when it names nobody's key, or
        that of one who would not be let in: whoever that is has nothing to hear from us."""
        from ..wire.keys import curve_public, identity_from_text

        try:
            server = curve_public(identity_from_text(endpoint_key(endpoint)))
        except SettingsError:
            return {}
        if not self.admits(server):
            return {}
        return {
            zmq.CURVE_PUBLICKEY: self.public,
            zmq.CURVE_SECRETKEY: self.secret,
            zmq.CURVE_SERVERKEY: server,
        }

    @staticmethod
    def belongs(key: bytes, identity: bytes, endpoint: str) -> bool:
        """Whether a CURVE key is that of an identity, 32 bytes each, and `endpoint` names it, too:
        whoever is at another's would have all answers sent to that one."""
        from ..wire.keys import curve_public, identity_text, is_identity

        own = is_identity(identity) and curve_public(identity) == key
        return own and endpoint_key(endpoint) == identity_text(identity)


class Admission:
    """Answers for all listening sockets of `context`, in the event loop.

    Make it before the first socket listens; at most one for a context.  `admits` is asked
    with the CURVE key that was proved, 32 bytes.  Whoever is let in has, on each of its
    frames, that key as hexadecimal text under the name `User-Id`.  A loop that is late is
    late to let people in, and nothing else: libzmq asks from a thread of its own.
    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], admits: Callable[[bytes], bool]
    ) -> None:
        self.refused = 0  # handshakes of keys that were not let in
        self._admits = admits
        self._loop = asyncio.get_running_loop()
        self._told = float("-inf")
        self._socket = context.socket(zmq.REP)
        self._socket.set(zmq.LINGER, 0)
        self._socket.bind(_ADDRESS)
        self._descriptor = self._socket.fileno()
        self._loop.add_reader(self._descriptor, self._answer)

    def close(self) -> None:
        """Answer no more: from now on nobody is let in.  May be called twice."""
        if not self._socket.closed:
            self._loop.remove_reader(self._descriptor)
            self._socket.close()

    def _answer(self) -> None:
        try:
            while True:  # the descriptor reports changes only, and sending may eat one
                question = self._socket.recv_multipart(zmq.NOBLOCK)
                self._socket.send_multipart(self._verdict(question), zmq.NOBLOCK)
        except zmq.Again:
            return

    def _verdict(self, question: Iterable[bytes]) -> list[bytes]:
        # Asked by libzmq itself, whose handshake has made the key 32 bytes long.
        version, number, domain, address, _, mechanism, key = question
        if domain == _DOMAIN and mechanism == b"CURVE" and self._admits(key):
            return [version, number, b"200", b"", key.hex().encode(), b""]
        self.refused += 1
        now = self._loop.time()
        if now >= self._told + _PAUSE:  # a stranger may knock every second
            self._told = now
            _log.warning(
                "refused a connection from %s: its key is not on the list of this run "
                "(%d refused so far)",
                address.decode("ascii", "replace"),
                self.refused,
            )
        return [version, number, b"400", b"not on the list", b"", b""]
