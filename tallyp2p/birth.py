"""What a peer's machine is made of, and how machine and codec are made from it.

Real and simulated peers are born here alike.  Time is not part of a birth and chance is one
seed, so two machines of one birth that are fed the same events at the same moments do the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from .errors import SettingsError
from .gossip.machine import PeerMachine
from .parameters import RunParameters, Seal, Timing
from .wire.codec import Codec

if TYPE_CHECKING:
    from .wire.electorate import Electorate

__all__ = ["Birth", "check_listed"]


def check_listed(named: str, electorate: Electorate | None, identity: bytes) -> None:
    """Whether `identity` may take part in a run whose parameter `electorate` is `named`.

    Raises :class:`SettingsError` when the list is missing, another run's, or without it.
    """
    if named and electorate is None:
        raise SettingsError(
            "this run has a list of members (run.electorate): take part with --electorate FILE "
            "and --key FILE, or by a token that `tallyp2p invite` made"
        )
    if electorate is None:
        return
    if electorate.digest != named:
        raise SettingsError(
            "this list of members is not the run's: run.electorate names another, so ask whoever "
            "invites"
        )
    if identity not in electorate:
        raise SettingsError(
            "this peer's key is not on the list of members of this run: ask for an invitation"
        )


@dataclass(frozen=True, slots=True)
class Birth:
    """Everything that goes into a machine.  There is no secret in it."""

    run: RunParameters
    timing: Timing
    identity: bytes  # 32 bytes; in sealed runs the public key
    instance: bytes  # 8 bytes, fresh at every start
    seed: bytes  # of all its chance, 16 bytes, or 32: then the latter 16 are its nonces' alone
    agent: str = ""  # software name and version, for people
    grease: bool = True

    @classmethod
    def of(
        cls,
        run: RunParameters,
        timing: Timing,
        secret: bytes,
        instance: bytes,
        seed: bytes,
        agent: str = "",
        grease: bool = True,
    ) -> Birth:
        """The birth of the peer whose `secret` of 32 bytes is its identity, or the key of it."""
        identity = secret
        if run.seal is Seal.ED25519:
            from .wire.seal import identity_of  # brings OpenSSL, which other runs do not need

            identity = identity_of(secret)
        return cls(run, timing, identity, instance, seed, agent, grease)

    def parts(self) -> tuple[RunParameters, Timing, bytes, bytes, Random, str, bool, bytes]:
        """The arguments of `PeerMachine`; each call gives a generator at its beginning.

        A generator's seed can be worked out from enough of what it drew.  So nonces follow from
        other bytes, where there are such, as in every peer on sockets.
        """
        chance = Random(self.seed[:16])
        proofs = hashlib.sha256(b"tallyp2p proofs" + self.seed[-16:]).digest()
        return (
            self.run,
            self.timing,
            self.identity,
            self.instance,
            chance,
            self.agent,
            self.grease,
            proofs,
        )

    def machine(self) -> PeerMachine:
        """A machine that has seen nothing yet."""
        return PeerMachine(*self.parts())

    def codec(
        self, machine: PeerMachine, secret: bytes, electorate: Electorate | None = None
    ) -> Codec:
        """The codec of `machine`; in sealed runs it signs, and knows whose word to check.

        `electorate`: the list of members, where the run has one.  Raises
        :class:`SettingsError` when it is missing, another run's, or without this peer.
        """
        if self.run.seal is Seal.NONE:
            return Codec(self.run, machine.author)
        from .wire.seal import Sealer

        check_listed(self.run.electorate, electorate, self.identity)
        sealer = Sealer(self.run.digest, secret, self.instance, machine.credentials, electorate)
        return Codec(self.run, machine.author, sealer)
