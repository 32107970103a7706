"""One seed of a run becomes a seed for every purpose and every peer.

SHA-256 keeps them apart: no two generators of a run share a stream, whatever the seed.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

__all__ = ["derive", "generator", "numpy_generator"]

_DOMAIN = b"TALLY1-LEARNER"


def derive(seed: int, role: str, index: int = 0) -> int:
    """A seed 0 .. 2^63 - 1 for `role` of peer `index`; 0 for what all peers share."""
    words = _DOMAIN + seed.to_bytes(8, "big") + index.to_bytes(4, "big") + role.encode("ascii")
    return int.from_bytes(hashlib.sha256(words).digest()[:8], "big") >> 1


def generator(seed: int, role: str, index: int = 0) -> torch.Generator:
    """A torch generator of its own."""
    made = torch.Generator()
    made.manual_seed(derive(seed, role, index))
    return made


def numpy_generator(seed: int, role: str, index: int = 0) -> np.random.Generator:
    """A numpy generator of its own."""
    return np.random.Generator(np.random.PCG64(derive(seed, role, index)))
