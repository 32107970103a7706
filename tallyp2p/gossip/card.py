"""What a peer says of itself, and now and then what means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ..messages import GREASE_KINDS, Grease

__all__ = ["Card"]

_GREASE = 8  # one in so many HELLOs and PINGs brings something without meaning (GREASE-2)


@dataclass(frozen=True, slots=True)
class Card:
    """What a peer says of itself in every HELLO."""

    identity: bytes  # 32 bytes, the same at every start
    instance: bytes  # 8 bytes, fresh at every start
    agent: str  # software name and version, for people
    grease: bool = True  # whether it sends, now and then, what means nothing

    def extra(self, chance: Random) -> tuple[tuple[str, bytes], ...]:
        """For HELLO: now and then a key that means nothing, with a small number."""
        if not self.grease or chance.randrange(_GREASE):
            return ()
        key = f"grease-{chance.randrange(2**16):04x}"
        return ((key, bytes((chance.randrange(128),))),)

    def nothing(self, chance: Random) -> Grease | None:
        """To follow a PING: now and then a message that means nothing."""
        if not self.grease or chance.randrange(_GREASE):
            return None
        kind = chance.choice(GREASE_KINDS)
        return Grease(kind, chance.randbytes(chance.randrange(17)))
