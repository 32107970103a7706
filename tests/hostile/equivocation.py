"""Authors with two faces in simulated swarms: what the honest hold in the end, and have learnt.

    python -m tests.hostile.equivocation                # 100 seeds of each size, some minutes
    python -m tests.hostile.equivocation --seeds 5

Sealed broadcast runs over lines that lose, double and reorder.  Each equivocator signs two ballots
a round, and every second endpoint gets the other.  *Held unlike* are worlds in which honest peers
end with other ballots than one another, or only some of them can show a pair.  *Learnt unlike*
are rounds that they closed with other ballots than one another: who closes before the second
ballot comes has counted the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import Seal, Timing
from tallyp2p.simulator.spec import Hostile, Hostility, Link
from tallyp2p.simulator.world import World
from tests.benchmarks.record import parser, report
from tests.simulator.worlds import BROADCAST, world

__all__ = ["SIZES", "Ended", "main", "play"]

SIZES = ((4, 1), (7, 1), (7, 2), (10, 3))  # (peers, equivocators among them)
_ROUGH = Link(loss=0.2, jitter=0.3, reorder=0.2, double=0.1)
_LAST = 3  # ballots of the end, which may still travel


@dataclass(frozen=True)
class Ended:
    """How one world ended."""

    unlike: tuple[str, ...]  # what honest peers hold otherwise than one another
    proofs: int  # pairs that all honest peers can show
    closed: int  # rounds that honest peers closed
    split: int  # ... with other ballots than one another


def held(machine: PeerMachine, author: bytes, round: int) -> int:
    """How many ballots of an author a peer can show for a round; 2 are the proof."""
    return len(machine.ledger.wanted(author, round))


def play(peers: int, equivocators: int, seed: int) -> Ended:
    """One world, from its seed."""
    spec = world(
        peers=peers,
        run=replace(BROADCAST, seal=Seal.ED25519),
        timing=Timing(rounds=24, gossip_interval=0.5),
        links=_ROUGH,
        exact=True,  # every signature is checked
        hostile=(Hostile(tuple(range(equivocators)), Hostility.EQUIVOCATE),),
    )
    played = World(spec, seed)
    played.run()
    honest = [host.machine for host in played.hosts[equivocators:]]
    cheats = [host.machine.author for host in played.hosts[:equivocators]]
    unlike, proofs, step = [], 0, spec.run.rounds_per_ballot
    for round in range(0, spec.timing.rounds - _LAST * step, step):
        where = f"{peers} peers, {equivocators} of them hostile, seed {seed}, round {round}"
        for one, other in pairwise(honest):
            if one.ledger.ballots(round) != other.ledger.ballots(round):
                unlike.append(f"{where}: other ballots")
        counted = {ballot.author for ballot in honest[0].ledger.ballots(round)}
        if not counted >= {m.author for m in honest if held(m, m.author, round)}:
            unlike.append(f"{where}: an honest ballot is not there")
        for cheat in cheats:
            shown = {held(machine, cheat, round) for machine in honest}
            # 1 or 0 only where just one of its ballots, or none, came to any honest peer.
            if len(shown) > 1 or (shown == {1}) is not (cheat in counted):
                unlike.append(f"{where}: not all can show the pair")
            proofs += shown == {2}
    return Ended(tuple(unlike), proofs, len(played.watch.rounds), len(played.watch.unequal))


def main(arguments: list[str] | None = None) -> int:
    """Play all sizes; exit code 1 where honest peers ended unlike."""
    options = parser((__doc__ or "").split("\n\n")[0])
    options.add_argument("--seeds", type=int, default=100)
    chosen = options.parse_args(arguments)
    rows: list[tuple[str, float, str, str]] = []
    unlike: list[str] = []
    for peers, equivocators in SIZES:
        ends = [play(peers, equivocators, seed) for seed in range(chosen.seeds)]
        wrong = sum(bool(end.unlike) for end in ends)
        unlike += [line for end in ends for line in end.unlike]
        name = f"{peers} peers, {equivocators} with two faces"
        split = sum(end.split for end in ends) / max(1, sum(end.closed for end in ends))
        rows += [
            (f"{name}: worlds held unlike", float(wrong), f"of {len(ends)}", "0"),
            (f"{name}: pairs shown by all", float(sum(e.proofs for e in ends)), "", ""),
            (f"{name}: rounds learnt unlike", 100 * split, "%", ""),
        ]
    report("equivocation", rows, chosen.out, seeds=chosen.seeds)
    print("\n".join(unlike[:10]))
    return int(bool(unlike))


if __name__ == "__main__":
    raise SystemExit(main())
