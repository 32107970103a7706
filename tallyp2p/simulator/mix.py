"""The standard adversity mix: one world for every seed, with every fault that we know of.

``standard(seed)`` is the whole definition.  A world has 2 to 32 peers, mostly few, and three
parts: a beginning, some seconds in which what was drawn goes wrong, and a calm end in which
everything must mend.  All shares and ranges are our choice.  A world has some of the faults,
seldom all: worlds that have everything are alike, and their failures are hard to read.

A world promises what the protocol does, and no more:

* Nothing keeps a peer silent for so long that it is no member any longer, and a peer that
  starts again seeks the others for longer than any partition lasts.  At least two peers
  neither leave nor end for good, for a peer that starts again alone gives up (JOIN-4).
* *Complete* is asked of every peer that nobody told to leave.
* *Nothing lost* and *equal tallies* are asked `within` gossip intervals after the last
  disturbance.  An interval brings an old ballot to a peer that lacks it by DIGEST (three
  times, from 64 rounds down to one), HAVE and ballot, or by the same and a WANT before the
  ballot; with a share p of messages lost the probability is (1-p)^5 + (1-p)^6 at most.
  `within` is the number of intervals after which one in 10^8 is still missing, at least ten,
  and the time that late messages take.
* Who starts again while others run has as long to meet one of them: of HELLO and its answer,
  repeated, one in 10^8 pairs is lost every time.
* Who knows only some others (`views`) and starts again stays alone when all of them are gone,
  and who hears few answers before it begins may believe a liar's (JOIN-2).
* A *free* peer may fall behind by more than a small window; such runs have the default's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

from ..parameters import Ids, Pace, RunParameters, Seal, Spreading, Timing
from .spec import (
    Churn,
    ClockOffset,
    Crash,
    Freeze,
    Group,
    Hostile,
    Hostility,
    Join,
    Leave,
    Link,
    Partition,
    Promises,
    Route,
    Slow,
    Step,
    Voting,
    WorldSpec,
)
from .views import passed_on, pulled

__all__ = ["FLAG", "faults_of", "standard"]

FLAG = "--mix"
"""The name of such a world: `tallyp2p simulate --mix --seed N` runs it again."""

_PEERS = (2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8) * 8 + (10, 12, 16, 24, 32)
_LOSSES = (0.01, 0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.5)
_BEGIN, _END = 2.0, 12.0  # seconds between which things go wrong; what begins may last longer
_LONGEST = 8.0  # seconds that a partition, a freeze or an absence lasts at most
_FORGOTTEN = 1e-8  # share of ballots that may still be missing when they are looked for
_LEAST = 10  # gossip intervals at least: a rumour's way through 32 peers without loss
_ROUND = 2.0  # times the training that a round lasts, mostly
_STEPS = (Step.VOTE, Step.BALLOT, Step.LEARN, Step.DIGEST)  # to which every peer comes soon
_BALLOTS = 18  # until all is mended, so that no world takes long to simulate
_STARTERS = ("joins", "churn", "crashes")  # tables by which peers start while others run
_CONFUSING = (Hostility.LIE, Hostility.CLAIM)  # about rounds, and about who is where
_SEALED = 5  # peers at most, for every ballot's signature costs 0.2 ms at every one of them
_BALLOT, _SEAL = 100, 100  # bytes of a ballot, and of what seals it, generously
_QUESTION, _DIGEST = 40, 400  # bytes of a WANT or PING; of a DIGEST and its answers


def standard(seed: int) -> WorldSpec:
    """The world of `seed`, 0 .. 2^63 - 1."""
    return _Drawing(seed).world()


def faults_of(spec: WorldSpec) -> tuple[str, ...]:
    """What kinds of fault a world has, by name, for summaries."""
    link = spec.links
    found = {
        "loss": link.loss > 0,
        "jitter": link.jitter > 0,
        "doubled": link.double > 0,
        "reordered": link.reorder > 0,
        "thin lines": link.bandwidth > 0,
        "uneven lines": bool(spec.routes),
        "partition": any(not part.one_way for part in spec.partitions),
        "one-way cut": any(part.one_way for part in spec.partitions),
        "crash": any(part.disk for part in spec.crashes),
        "crash, disk lost": any(not part.disk for part in spec.crashes),
        "crash at a step": any(part.step is not Step.ANY for part in spec.crashes),
        "churn": spec.churn.every > 0,
        "freeze": bool(spec.freezes),
        "slow": bool(spec.slow),
        "clocks": bool(spec.clocks),
        "join": bool(spec.joins),
        "leave": bool(spec.leaves),
        **{kind.value: any(part.does is kind for part in spec.hostile) for kind in Hostility},
        "view": spec.run.view > 0,
        "sealed": spec.run.seal is not Seal.NONE,
    }
    return tuple(name for name, there in found.items() if there) or ("nothing",)


class _Drawing:
    """Draws one world, part by part, always in the same order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = chance = Random(f"tallyp2p mix {seed}")
        self.sealed = self.often(0.04)
        self.count = min(chance.choice(_PEERS), _SEALED if self.sealed else max(_PEERS))
        self.training = chance.choice((0.5, 1.0, 1.0, 2.0)) * (1 if self.count <= 8 else 2)
        self.parts: dict[str, Any] = {}
        self.ended: set[int] = set()  # peers that leave, or end for good
        self.lies = False  # whether anybody says that it is in a later round
        self.meeting = 0.0  # seconds that two peers need at most to meet, however unlucky
        self.ends = _BEGIN  # when the last disturbance has ended

    def world(self) -> WorldSpec:
        """All of it."""
        run, links = self.run(), self.links()
        self.broadcast = run.spreading is Spreading.BROADCAST
        self.networks()
        self.processes()
        self.people()
        routes = self.parts.get("routes", ())
        losses = [links.loss, *(route.link.loss for route in routes)]
        lates = [links.delay + links.jitter + (links.late if links.reorder else 0.0)]
        lates += [route.link.delay + route.link.jitter for route in routes]
        timing, promises = self.timing(max(losses), max(lates))
        restarts = any(self.parts.get(name) for name in _STARTERS)
        power_cut = any(len(p.peers) == self.count for p in self.parts["crashes"])
        # After a power cut of the few endpoints that one knows none may answer.
        if self.broadcast and not power_cut:
            run, timing, promises = passed_on(
                self.seed, self.count, run, timing, promises, restarts=restarts
            )
        elif not self.broadcast:
            run, timing = pulled(self.chance, self.count, run, timing)
        # Perhaps all are gone whom one knows that starts, or a liar's answer is half of two.
        gone = run.view and restarts and (self.ended or power_cut)
        if gone or (self.lies and max(losses) > 0.3):
            promises = replace(promises, complete=False)
        timing = self.rounds(timing, promises, run)
        return WorldSpec(
            name=FLAG,
            seed=self.seed,
            peers=self.count,
            together=self.often(0.8) or self.lies,
            exact=self.sealed,
            run=run,
            timing=timing,
            links=replace(links, bandwidth=self.bandwidth(timing, links)),
            voting=Voting(
                accuracy=0.7,
                correlation=0.3,
                abstain=0.2 if run.abstain else 0.0,
                voting=self.chance.choice((0.0, 0.01, 0.1)),
                training=self.training,
                spread=self.chance.choice((0.0, 0.1, 0.5)),
            ),
            promises=promises,
            **self.parts,
        )

    # --- drawing ------------------------------------------------------------------------

    def often(self, share: float) -> bool:
        """True in that share of all cases."""
        return self.chance.random() < share

    def between(self, least: float, most: float) -> float:
        """A number with few digits."""
        return round(self.chance.uniform(least, most), 3)

    def loss(self) -> float:
        """A share of messages; half of them only where few peers make little work of it."""
        return self.chance.choice(_LOSSES if self.count <= 8 else _LOSSES[:-1])

    def moment(self, lasts: float = 0.0) -> float:
        """When something begins that lasts so long."""
        begin = self.between(_BEGIN, _END)
        self.ends = max(self.ends, begin + lasts)
        return begin

    def some(self, most: int, among: list[int] | None = None) -> tuple[int, ...]:
        """One peer or more, ascending."""
        peers = list(range(self.count)) if among is None else among
        return tuple(sorted(self.chance.sample(peers, self.chance.randint(1, most))))

    def may_end(self, most: int) -> tuple[int, ...]:
        """Peers that may end for good, so that at least two others stay; perhaps none."""
        left = [peer for peer in range(self.count) if peer not in self.ended]
        most = min(most, len(left) - 2)
        if most < 1:
            return ()
        chosen = self.some(most, left)
        self.ended.update(chosen)
        return chosen

    # --- what is agreed, and the network --------------------------------------------------

    def run(self) -> RunParameters:
        """Small ballots of every form."""
        chance = self.chance
        probes, span = chance.choice((1, 2, 4, 7)), chance.choice((1, 2, 4))
        return RunParameters(
            classes=chance.choice((2, 3, 10, 16)),
            abstain=self.often(0.5),
            pool=probes * span + chance.choice((0, 3, 30)),
            probes=probes,
            rounds_per_ballot=span,
            spreading=Spreading.BROADCAST if self.often(0.6) else Spreading.SAMPLED,
            degree=chance.choice((1, 2, 2, 3)),
            ids=Ids.EXPLICIT if self.often(0.2) else Ids.DERIVED,
            seal=Seal.ED25519 if self.sealed else Seal.NONE,
        )

    def links(self) -> Link:
        """What the network does everywhere and always."""
        chance = self.chance
        return Link(
            delay=chance.choice((0.001, 0.01, 0.05, 0.2)),
            jitter=chance.choice((0.05, 0.5)) if self.often(0.5) else 0.0,
            loss=self.loss() if self.often(0.6) else 0.0,
            double=chance.choice((0.05, 0.3, 1.0)) if self.often(0.3) else 0.0,
            reorder=chance.choice((0.1, 0.5)) if self.often(0.3) else 0.0,
            late=chance.choice((0.5, 0.5, 5.0)),
        )

    def networks(self) -> None:
        """Partitions, one-way cuts, and lines that are worse one way."""
        cuts, groups = [], []
        for index in range(self.chance.choice((1, 1, 2)) if self.often(0.35) else 0):
            peers = self.chance.sample(range(self.count), self.count)
            sizes = self.chance.choice(((1,), (self.count // 2,), (1, 2)))
            sides = []
            for size in sizes[: self.count - 1]:
                sides.append(peers[:size])
                peers = peers[size:]
            sides = [sorted(side) for side in [*sides, peers] if side]
            names = tuple(f"side-{index}-{at}" for at in range(len(sides)))
            groups += [Group(name, tuple(side)) for name, side in zip(names, sides, strict=True)]
            lasts = self.between(0.5, _LONGEST)
            begin = self.moment(lasts)
            cuts.append(Partition(begin, begin + lasts, names, one_way=self.often(0.4)))
        if self.often(0.1):
            worse = self.some(self.count - 1)
            better = tuple(peer for peer in range(self.count) if peer not in worse)
            groups += [Group("worse", worse), Group("better", better)]
            link = Link(delay=self.between(0.01, 0.5), loss=self.loss())
            self.parts["routes"] = (Route("worse", "better", link),)
        self.parts |= {"groups": tuple(groups), "partitions": tuple(cuts)}

    # --- processes ------------------------------------------------------------------------

    def processes(self) -> None:
        """Crashes, churn, freezes, slow peers, clocks."""
        crashes = [self.crash() for _ in range(self.chance.choice((1, 1, 2, 3)))]
        self.parts["crashes"] = (
            tuple(part for part in crashes if part is not None) if self.often(0.35) else ()
        )
        if self.often(0.08):  # a power cut
            everybody, at = tuple(range(self.count)), self.moment(_LONGEST)
            back = self.between(0.1, _LONGEST)
            self.parts["crashes"] = (Crash(everybody, at, back, disk=self.often(0.7)),)
        if self.often(0.15):  # a tenth of all peers in the time of a round
            begin = self.moment(4.0)
            self.parts["churn"] = Churn(
                every=round(self.training / (0.1 * self.count), 3),
                down=self.between(0.2, 4.0),
                begin=begin,
                end=max(begin + 1.0, _END),
                disk=self.often(0.7),
                noticed=self.often(0.5),
            )
            self.ends = max(self.ends, _END + 4.0)
        if self.often(0.2):
            lasts = self.between(0.5, _LONGEST)
            begin = self.moment(lasts)
            self.parts["freezes"] = (
                Freeze(self.some(max(1, self.count // 3)), begin, begin + lasts),
            )
        if self.often(0.15):  # half of its time at most, or it would fall behind for ever
            lasts = self.between(0.5, _LONGEST)
            begin = self.moment(2 * lasts)
            work = round(self.between(0.1, 0.5) * self.training / (4 * self.count), 4)
            slow = Slow(self.some(1), begin, begin + lasts, work, self.between(1.0, 4.0))
            self.parts["slow"] = (slow,)
        if self.often(0.3):
            self.parts["clocks"] = tuple(
                ClockOffset(
                    (peer,), self.between(-1.0, 1.0) * self.chance.choice((1, 3600, 172800))
                )
                for peer in self.some(self.count)
            )

    def crash(self) -> Crash | None:
        """Some peers are killed, and come back or not."""
        back = self.between(0.05, _LONGEST) if self.often(0.7) else 0.0
        peers = self.some(max(1, self.count // 2)) if back else self.may_end(self.count // 2)
        if not peers:
            return None
        step = self.chance.choice(_STEPS if self.broadcast else _STEPS[:-1])
        step = step if self.often(0.4) else Step.ANY
        # It ends when it comes to that step, at the latest in its next round.
        lasts = back if step is Step.ANY else back + _ROUND * self.training
        return Crash(
            peers,
            # Now and then while they say HELLO.
            at=self.between(0.0, 0.5) if self.often(0.1) else self.moment(lasts),
            restart_after=back,
            disk=self.often(0.6),
            noticed=self.often(0.5),
            same_endpoint=self.often(0.3),
            step=step,
        )

    # --- who comes, goes, or means harm ----------------------------------------------------

    def people(self) -> None:
        """Late joins, leaves, hostile peers."""
        if self.count > 3 and self.often(0.2):
            self.parts["joins"] = tuple(
                Join((peer,), self.moment(2.0), tuple(set(range(self.count)) - {peer}))
                for peer in self.some(2)
            )
        if self.often(0.15) and (leaving := self.may_end(max(1, self.count // 3))):
            self.parts["leaves"] = (Leave(leaving, self.moment(1.0)),)
        if self.count > 3 and self.often(0.25):
            known = [k for k in Hostility if k not in _CONFUSING or self.nobody_starts()]
            kinds = self.chance.sample(known, self.chance.choice((1, 1, 2)))
            self.lies = Hostility.LIE in kinds
            peers = list(self.some(min(self.count // 3, 4)))
            self.parts["hostile"] = tuple(
                Hostile(tuple(peers[at :: len(kinds)]), kind, every=0.5)
                for at, kind in enumerate(kinds)
                if peers[at :: len(kinds)]
            )

    def nobody_starts(self) -> bool:
        """Whether nobody starts alone among few, where one liar may be half of all answers."""
        return self.count >= 5 and not any(self.parts.get(name) for name in _STARTERS)

    # --- how peers go about it, and what must hold -----------------------------------------

    def timing(self, loss: float, late: float) -> tuple[Timing, Promises]:
        """Patient and impatient peers; and by when everything is mended."""
        chance = self.chance
        interval = chance.choice((0.5, 1.0, 2.0))
        mended = min(1 - 1e-3, (1 - loss) ** 5 + (1 - loss) ** 6)
        within = math.ceil(math.log(_FORGOTTEN) / math.log(1 - mended) + 6 * late / interval)
        pace = chance.choice((Pace.LOCKSTEP, Pace.LOCKSTEP, Pace.BOUNDED, Pace.FREE))
        windows = (64,) if pace is Pace.FREE else (8, 16, 64)
        timing = Timing(
            pace=pace,
            staleness=chance.choice((0, 1, 3)),
            deadline=chance.choice((2.0, 5.0, 30.0)),
            patience=chance.choice((0.3, 1.0)),
            suspect_after=chance.choice((1.0, 5.0)),
            gone_after=60.0,
            probe_interval=chance.choice((2.0, 5.0)),
            gossip_interval=interval,
            join_deadline=60.0,
            retain=chance.choice(windows),
            ahead=chance.choice(windows),
        )
        # HELLO and its answer must both arrive, and come at most so far apart (CONTACT-2).
        knocks = math.log(_FORGOTTEN) / math.log(1 - min(1 - 1e-3, (1 - loss) ** 2))
        self.meeting = math.ceil(knocks) * timing.probe_interval
        timing = replace(timing, join_deadline=max(timing.join_deadline, self.meeting))
        return timing, Promises(within=max(_LEAST, within))

    def bandwidth(self, timing: Timing, links: Link) -> float:
        """Now and then thin lines, but twice as wide as what must go over them in calm."""
        if not self.often(0.1):
            return 0.0
        ballots = self.count * (_BALLOT + _SEAL * self.sealed) / self.training
        control = self.count * _QUESTION / timing.patience + _DIGEST / timing.gossip_interval
        # Who hears a question twice answers twice, and repair asks four times in a row.
        control *= (1 + links.double) ** 4
        return round((ballots + control) * self.chance.choice((2, 4, 10)))

    def rounds(self, timing: Timing, promises: Promises, run: RunParameters) -> Timing:
        """As many rounds as last until all is mended, and some more; fewer and longer ones
        where that is long."""
        mending = promises.within * timing.gossip_interval
        if run.spreading is Spreading.SAMPLED:  # nothing is compared at the end
            mending = max(_LEAST * self.training, self.meeting)
        ballots = _BALLOTS if self.count <= 8 else _BALLOTS / 2
        self.training = max(self.training, round((self.ends + mending) / ballots, 1))
        lasts = self.ends + mending + 5 * self.training
        rounds = math.ceil(lasts / (0.8 * self.training)) * run.rounds_per_ballot
        return replace(timing, rounds=rounds)
