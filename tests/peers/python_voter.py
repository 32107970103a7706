"""A peer of this package without a model, under the command line that all foreign peers share.

    python -m tests.peers.python_voter run --listen tcp://127.0.0.1:* [--seed ENDPOINT] ...

It votes a fixed opinion (`--labels`: one label per probe id) and writes JSON lines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tallyp2p.consensus import probes, tally
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.events import Notice, Refused, RoundClosed, Started
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import RunParameters, Seal, Timing
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node, Progress, Trouble
from tallyp2p.runtime.signals import stop_on
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, identity_of


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


class Opinion:
    """Votes the same label on a probe in every round, and tells each tally."""

    def __init__(self, run: RunParameters, labels: Sequence[int]) -> None:
        self.run, self.labels = run, np.array(labels)
        self.own: dict[int, Any] = {}

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        if ids is not None:
            return Vote(self.labels[ids])
        chosen = (np.arange(self.run.votes) + round) % self.run.pool  # chapter 9.3
        chosen.sort()
        return Vote(self.labels[chosen], ids=chosen.astype(np.uint32))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        for election in elections:
            ids = None
            if self.run.ids.value == "derived":
                ids = probes.derive(self.run, election.round)
            counted = tally.count(self.run, election, own=None, ids=ids)
            say(
                event="tally",
                round=election.round,
                ballots=len(election.ballots),
                digest=counted.digest().hex(),
            )
        return {}


async def take_part(chosen: argparse.Namespace) -> int:
    run = RunParameters.parse(Path(chosen.run).read_text())
    timing = Timing(
        **{"rounds": chosen.rounds, "quorum": chosen.quorum, **json.loads(chosen.timing)}
    )
    secret = bytes.fromhex(chosen.identity) if chosen.identity else os.urandom(32)
    labels = [id % run.classes for id in range(run.pool)]
    if chosen.labels:
        labels = json.loads(Path(chosen.labels).read_text())
    sealed = run.seal is Seal.ED25519
    identity, instance = identity_of(secret) if sealed else secret, os.urandom(8)
    machine = PeerMachine(run, timing, identity, instance, Random(os.urandom(8)), "python-voter/1")
    sealer = Sealer(run.digest, secret, instance, machine.credentials) if sealed else None
    transport = Transport(Meter())
    endpoint = transport.bind(chosen.listen)
    say(event="listening", endpoint=endpoint, author=machine.author.hex(), run=run.run.hex())

    def watch(notice: Notice | Progress | Trouble) -> None:
        if isinstance(notice, RoundClosed):
            heard = [author.hex() for author in notice.heard]
            say(event="round", round=notice.round, heard=heard)
        elif isinstance(notice, Refused):
            say(event="refused", reason=notice.reason, text=notice.text, by_them=notice.by_them)

    codec = Codec(run, machine.author, sealer)
    node = Node(machine, codec, transport, Opinion(run, labels), run, [watch])
    with stop_on(node.stop, signal.SIGTERM, signal.SIGINT):
        finish = await node.run(Started(endpoint, tuple(chosen.seed), fresh=chosen.fresh))
    say(event="finished", completed=finish.completed)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    options = commands.add_parser("run")
    options.add_argument("--listen", required=True)
    options.add_argument("--seed", action="append", default=[])
    options.add_argument("--run", required=True)
    options.add_argument("--rounds", type=int, default=560)
    options.add_argument("--quorum", type=int, default=2)
    options.add_argument("--identity", default="")
    options.add_argument("--labels", default="")
    options.add_argument("--timing", default="{}")
    options.add_argument("--fresh", action="store_true")
    return asyncio.run(take_part(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
