"""A stage with a peer on it, without the runner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tallyp2p.conformance.prober.anchor import Anchor
from tallyp2p.conformance.prober.session import Session
from tallyp2p.conformance.prober.stage import Stage
from tallyp2p.runtime.raw import Raw
from tests.conformance.prober.subjects import Peer, listening

__all__ = ["staged"]


@asynccontextmanager
async def staged(peer: Peer, *, anchored: bool = False) -> AsyncIterator[Stage]:
    """A case at play against `peer`, with the anchor or without."""
    loop, raw = asyncio.get_running_loop(), Raw()
    try:
        async with listening(peer) as (endpoint, process):
            session = Session(raw, endpoint, "tcp://127.0.0.1:*", peer.run, loop.time, process)
            anchor = Anchor(session) if anchored else None
            if anchor is not None:
                await anchor.begin()
            stage = Stage(session, anchor)
            try:
                yield stage
            finally:
                stage.dismiss()
                if anchor is not None:
                    await anchor.end()
                    anchor.leave()
    finally:
        raw.close()
