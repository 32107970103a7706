"""Every attack, how much of it, and what is promised."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from tallyp2p.parameters import RunParameters
from tests.hostile import members, strangers
from tests.hostile.siege import Damage
from tests.hostile.strangers import Figures

__all__ = ["CASES", "MEMORY", "SLOWER", "Case"]

MEMORY = 32.0  # MiB that an attack may make a house grow
SLOWER = 2.0  # times that a round may take


@dataclass(frozen=True)
class Case:
    """One attack of strangers or of a member."""

    name: str
    small: int  # how much of it in the tests
    full: int  # ... in `python -m tests.hostile --full`
    promise: str
    bounded: bool = True  # whether memory is, without encryption

    @property
    def stranger(self) -> bool:
        """Whether whoever attacks has no key."""
        return self.name in strangers.ATTACKS

    def attack(self, run: RunParameters, targets: list[str], count: int) -> Awaitable[Figures]:
        """Begin it; the first of `targets` is attacked most."""
        if self.stranger:
            address = targets[0].partition("#")[0]
            known = targets[0] if self.name == "strange keys" else address
            return strangers.ATTACKS[self.name](known, count)
        return members.ATTACKS[self.name](run, targets, count)

    def broken(self, damage: Damage, encrypted: bool = False) -> list[str]:
        """What was promised on every machine, and not kept."""
        found = []
        if self.stranger and encrypted and damage.frames:
            found.append(f"{damage.frames} frames of strangers reached a decoder")
        if self.stranger and damage.delivered:
            found.append(f"strangers' messages reached a machine: {damage.delivered}")
        if self.stranger and damage.files > 0:
            found.append(f"{damage.files} files stayed open")
        if damage.spoiled:
            found.append(f"{damage.spoiled} honest ballots were annulled")
        bounded = self.bounded or (encrypted and self.stranger)
        if bounded and damage.growth >= MEMORY:
            found.append(f"memory grew by {damage.growth} MiB")
        return found


CASES = (
    Case("garbage", 300, 10_000, "no message, no file, no memory stays"),
    Case("idle", 60, 1000, "cut off by the handshake's time limit"),
    Case("huge command", 16, 256, "the connection is cut at the first bytes"),
    Case("huge frame", 16, 256, "the connection is cut at the first bytes"),
    Case("early", 10_000, 500_000, "refused; beyond the strangers' allowance not decoded"),
    Case(
        "multipart",
        8,
        200,
        "cut off after some megabytes, of which libzmq makes two or three times as many",
        bounded=False,
    ),
    Case("strange keys", 50, 1000, "no message; encrypted, refused before a byte is read"),
    Case("pings", 60_000, 500_000, "beyond the member's allowance not decoded"),
    Case(
        "forged ballots",
        20_000,
        200_000,
        "each counts as 32 messages, so few signatures are checked",
    ),
    Case("lists", 1500, 50_000, "WANT for 256 of each list, and no more than one is sent"),
    Case("noise", 60_000, 500_000, "refused, one ERROR a second"),
    Case("lies", 2000, 50_000, "nobody leaps, nobody waits"),
    Case("replay", 5000, 100_000, "no ballot counts twice, none of another run at all"),
    Case("stolen names", 20, 200, "answers go to the first, and nothing to a thief"),
    Case("digests", 100, 5000, "2,048 ballots listed for each; 8 MiB a second to one endpoint"),
    Case("wants", 100, 5000, "8 MiB a second to one endpoint"),
    Case("two faces", 30, 60, "honest ballots stand"),
    Case("dead ends", 128, 2000, "1,024 endpoints dialled at most"),
    Case(
        "hellos",
        100,
        5000,
        "with an electorate none; else 1,024 members at most, of 3 files and some 60 KiB each",
        bounded=False,
    ),
)
