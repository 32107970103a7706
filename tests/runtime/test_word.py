"""A real peer, killed where it is most awkward, keeps its word: one ballot for each round.

Its learner votes by pure chance, so that whatever it says twice for one round would differ.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tallyp2p.assemble import Member, author, shard_seat, swarm_profile
from tallyp2p.cli.member import Outcome, live
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.events import Refused
from tallyp2p.learning.builder import Built
from tallyp2p.parameters import RunParameters
from tallyp2p.profiles import Profile, load
from tallyp2p.reporting.rundir import peer_dir
from tallyp2p.storage.journal import Journal
from tests.waiting import eventually

SETTINGS = {"peers": 3, "rounds": 4000, "run.spreading": "broadcast", "checkpoint.every": 1}
RUN = RunParameters(spreading=load("default", SETTINGS).run.spreading)
FATAL = 16  # the round in which it is killed

# Another process need not be able to import the tests; and nothing here needs torch.
CHILD = f"""
import asyncio, json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from tallyp2p.assemble import shard_seat, swarm_profile
from tallyp2p.cli.member import live
from tallyp2p.consensus.contributor import Vote
from tallyp2p.parameters import RunParameters
from tallyp2p.profiles import load
from tallyp2p.storage.journal import Journal

run_dir, phase = Path(sys.argv[1]), sys.argv[2]
profile = swarm_profile(load("default", {SETTINGS!r}))
run = RunParameters(spreading=profile.run.spreading)

def die_at(there, round):
    if there == phase and round == {FATAL}:
        os.kill(os.getpid(), signal.SIGKILL)

class Chance:
    def vote(self, round, ids):
        return Vote(np.frombuffer(os.urandom(run.votes), dtype=np.uint8).astype(int) % 10)
    def learn(self, round, elections):
        die_at("learn", round)
        return {{}}

class Memory:  # of a learner that learns nothing
    def freeze(self, notes, ballots):
        return json.dumps([notes, ballots.hex()]).encode()
    def read(self, data):
        notes, ballots = json.loads(data)
        return SimpleNamespace(notes=notes, ballots=bytes.fromhex(ballots))
    def thaw(self, data):
        pass

kept = Journal.add
def add(self, ballot):
    kept(self, ballot)
    die_at("journal", ballot.round)
Journal.add = add

built = SimpleNamespace(
    contributor=Chance(), run=run, weights=0, digests=dict, memory=Memory()
)
asyncio.run(live(profile, shard_seat(profile, 2), built, run_dir=run_dir, meet=True,
                 fresh=phase != "nothing"))
"""


class Steady:
    """Votes 1, takes its time to learn, and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: dict[int, Election] = {}

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.ones(RUN.votes, dtype=np.int64))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        import time

        time.sleep(0.1)
        self.heard |= {election.round: election for election in elections}
        return {}


def child(run_dir: Path, phase: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(run_dir), phase])


def kept(run_dir: Path, profile: Profile) -> dict[int, bytes]:
    mine = author(shard_seat(profile, 2), RUN)
    journal = Journal(peer_dir(run_dir, 2) / "journal", RUN.digest, mine)
    found = {ballot.round: ballot.votes for ballot in journal.before(1 << 30)}
    journal.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["journal", "learn"])
async def test_a_peer_killed_between_disk_and_network_sends_what_it_kept(
    tmp_path: Path, phase: str
) -> None:
    profile = swarm_profile(load("default", SETTINGS))
    learners, members, refused = [Steady(), Steady()], list[Member](), list[Refused]()
    others: list[asyncio.Task[Outcome]] = []
    for index, learner in enumerate(learners):
        life = live(
            profile,
            shard_seat(profile, index),
            Built(learner, RUN, weights=0, digests=dict),
            run_dir=tmp_path,
            meet=True,
            fresh=True,
            leave_on=(),
            greet=members.append,
            observers=[lambda told: refused.append(told) if isinstance(told, Refused) else None],
        )
        others.append(asyncio.ensure_future(life))
    victim = child(tmp_path, phase)
    whose = author(shard_seat(profile, 2), RUN)
    again = None
    try:
        assert await asyncio.to_thread(victim.wait, 60) == -signal.SIGKILL
        before = kept(tmp_path, profile)
        assert max(before) == FATAL
        sent = FATAL in learners[0].heard and any(
            ballot.author == whose for ballot in learners[0].heard[FATAL].ballots
        )
        assert not (phase == "journal" and sent), "it was killed before it could send"
        again = child(tmp_path, "nothing")
        await eventually(
            lambda: any(
                ballot.author == whose
                for round, election in learners[0].heard.copy().items()
                if round > FATAL + 8
                for ballot in election.ballots
            )
        )
    finally:
        for process in (victim, again):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for member in members:
            member.node.stop()
        await asyncio.gather(*others)
    after = kept(tmp_path, profile)
    assert before.items() <= after.items()
    for learner in learners:
        for round, election in learner.heard.items():
            for ballot in election.ballots:
                if ballot.author == whose:
                    assert ballot.votes == after[round], f"round {round} was voted on twice"
    assert not [told.text for told in refused if "two ballots" in told.text]
