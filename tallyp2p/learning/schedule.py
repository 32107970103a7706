"""How strongly the tally pulls, round by round."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Nothing during warm-up, then `weight`, falling linearly to `floor * weight`."""

    weight: float
    warmup: int  # rounds
    floor: float  # 0 .. 1
    rounds: int  # of the whole run; the last one has the floor

    def at(self, round: int) -> float:
        """The weight of the KL term in `round`."""
        if round < self.warmup:
            return 0.0
        span = max(self.rounds - 1 - self.warmup, 1)
        done = min((round - self.warmup) / span, 1.0)
        return self.weight * (1 - (1 - self.floor) * done)
