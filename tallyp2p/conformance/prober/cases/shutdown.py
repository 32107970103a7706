"""How the peer leaves when it is told to.  Played at the very end."""

from __future__ import annotations

from contextlib import suppress

from ....messages import FINISHED, Ballot, Bye
from ..case import Lane, Need, case
from ..stage import Stage
from ..verdict import Broken, NotJudged

__all__: list[str] = []

_LEAVES = 5.0  # s


def farewell(stage: Stage) -> Bye:
    """The BYE that came to the anchor."""
    byes = [seen.message for seen in stage.anchor.seen if isinstance(seen.message, Bye)]
    if not byes or not isinstance(byes[-1], Bye):
        raise NotJudged("no BYE came to the anchor")
    return byes[-1]


@case(
    "shutdown/bye",
    "Who is told to leave says BYE to everybody",
    description="The peer's process gets SIGTERM while the anchor is there, and another if there "
    "is room.",
    expectation="BYE comes to each within five seconds, with another code than FINISHED.",
    clauses=("ROUND-10", "BYE-1"),
    lane=Lane.END,
    needs=(Need.PROCESS,),
)
async def bye(stage: Stage) -> None:
    other = stage.newcomer("other")
    with suppress(Broken):  # after hostile/strangers there may be no room
        await other.join()
    process = stage.session.process
    assert process is not None
    players = [stage.anchor, *([other] if other.author in stage.session.members else [])]
    for player in players:
        player.mark()
    stage.log.note("prober", f"SIGTERM to process {process.number}")
    process.terminate()
    for player in players:
        said = await player.expect(Bye, within=_LEAVES, what=f"BYE to the {player.name}")
        stage.must(said.code != FINISHED, f"BYE to the {player.name} says FINISHED")


@case(
    "shutdown/last-round",
    "BYE names the last round",
    description="The BYE that came to the anchor is compared with the ballots that came.",
    expectation="`last` is the newest round in which the peer voted.",
    clauses=("ROUND-10", "MEMBER-6"),
    lane=Lane.END,
    needs=(Need.PROCESS,),
)
async def last_round(stage: Stage) -> None:
    said = farewell(stage)
    author, unsound = stage.subject.author, stage.session.unsound
    cast = [
        seen.message.round
        for seen in stage.session.seen
        if isinstance(seen.message, Ballot)
        and seen.message.author == author
        and seen.message.round not in unsound
    ]
    newest = max(cast, default=None)
    stage.must(said.last == newest, f"BYE names round {said.last}, and the newest ballot {newest}")


@case(
    "shutdown/exit",
    "And then it is gone",
    description="The prober waits for the process to end.",
    expectation="It ends within five seconds, with exit code 0.",
    clauses=("ROUND-10",),
    lane=Lane.END,
    needs=(Need.PROCESS,),
)
async def exits(stage: Stage) -> None:
    process = stage.session.process
    assert process is not None
    stage.must(await process.ended(_LEAVES), "the process is still there after five seconds")
    if process.code is None:
        stage.tell("the process has ended; its exit code is known only with --spawn")
    else:
        stage.should(process.code == 0, f"the exit code is {process.code}, not 0")
