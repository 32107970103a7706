"""Which probes a ballot votes on, when the run and the round say it (protocol_spec 05, PROBE).

Everybody derives the same ids from the same few bytes, so no id travels.  The generator is
SHA-256 in counter mode: any language has it, and no library's idea of "random" leaks in.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import numpy.typing as npt

from ..errors import LocalError
from ..parameters import RunParameters

__all__ = ["derive", "draw"]

_DOMAIN = b"TALLY1-PROBES"
_WORDS = struct.Struct(">8I")
_RANGE = 2**32


def derive(run: RunParameters, round: int) -> npt.NDArray[np.uint32]:
    """Probe ids of the ballot that starts at `round`: uint32, shape (run.votes,), draw order.

    Round ``round + j`` uses ids ``[j * run.probes, (j + 1) * run.probes)``.  Pure and not
    cached: a caller that needs the ids twice keeps them.
    """
    return draw(run.run, round, run.pool, run.votes)


def draw(run_id: bytes, round: int, pool: int, count: int) -> npt.NDArray[np.uint32]:
    """`count` distinct ids of 0 .. pool - 1, uint32, in the order in which they are drawn.

    Raises :class:`LocalError` when `round` does not fit 32 bits or `count` exceeds `pool`.
    """
    if not 0 <= round < _RANGE:
        raise LocalError(f"a round is from 0 to 2^32 - 1, not {round}")
    if not 0 <= count <= pool or not 1 <= pool < _RANGE:
        raise LocalError(f"cannot draw {count} distinct probes from a pool of {pool}")
    prefix = _DOMAIN + run_id + round.to_bytes(4, "big")
    bound = _RANGE - _RANGE % pool  # PROBE-3: words from here on would favour the low ids
    drawn: dict[int, None] = {}  # a dict keeps the order of first insertion
    block = 0
    while len(drawn) < count:
        digest = hashlib.sha256(prefix + block.to_bytes(4, "big")).digest()
        for word in _WORDS.unpack(digest):
            if word < bound:
                drawn[word % pool] = None
        block += 1
    return np.fromiter(drawn, dtype=np.uint32, count=len(drawn))[:count]
