"""Members that keep silent: what the peer's clocks do.  All wait side by side."""

from __future__ import annotations

import asyncio

from ....messages import Ping
from ..case import Lane, case
from ..stage import Stage

__all__: list[str] = []

# One quiet member is pinged every 5 s, in random order, and a few of these cases are quiet.
_PINGED = 28.0
_INTERVAL = 5.0
# Who has not decided for a first round may be greeted now and then, and its answer is a sign of
# life; this one is so far off that nobody waits for its ballots.
_FAR = 2**31


@case(
    "liveness/pings-quiet",
    "A quiet member is pinged",
    description="A member says nothing after HELLO, but would answer.",
    expectation="PING comes after 5 s (probe_interval) or more, with another nonce than 0.",
    clauses=("MEMBER-2", "PING-1"),
    lane=Lane.SLOW,
)
async def pings_quiet(stage: Stage) -> None:
    player = await stage.player("quiet", start=_FAR)
    player.mark()
    since = stage.session.clock()
    ping = await player.hear(Ping, within=_PINGED)
    if ping is None:
        stage.should(False, f"a member that kept silent for {_PINGED:g} s is not pinged")
        return
    stage.must(ping.nonce != 0, "PING comes with nonce 0")
    after = player.heard(Ping)[0].at - since
    text = f"PING came after {after:.1f} s, though the member was heard {_INTERVAL:g} s ago or less"
    stage.should(after > _INTERVAL - 0.5, text)


@case(
    "liveness/reminds",
    "Who owes an answer is pinged again; who comes back is welcome",
    description="A member leaves PING unanswered for 6 s, and then sends PING itself.",
    expectation="PING comes again every second (patience) until the member is suspect; its own "
    "PING is answered.",
    clauses=("MEMBER-1", "MEMBER-2", "MEMBER-4"),
    lane=Lane.SLOW,
)
async def reminds(stage: Stage) -> None:
    player = await stage.player("dumb")
    player.silent = True
    player.mark()
    if await player.hear(Ping, within=_PINGED) is None:
        stage.should(False, f"a member that kept silent for {_PINGED:g} s is not pinged")
        return
    first = player.heard(Ping)[0].at
    await asyncio.sleep(max(0.0, first + 6.0 - stage.session.clock()))
    times = [seen.at for seen in player.heard(Ping)]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    often = len(gaps)
    stage.should(often >= 2, f"PING came again {often} times in 6 s, not every second")
    stage.should(
        all(gap < 2.0 for gap in gaps), f"PING came again after {max(gaps, default=0):.1f} s"
    )
    player.silent = False
    await stage.still_answers(player, "6 s of silence")
