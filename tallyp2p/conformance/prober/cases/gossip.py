"""Repair of broadcast runs: DIGEST and HAVE.

Each case has rounds of its own, far ahead, of which the ledger holds what the case put there.
"""

from __future__ import annotations

import os

from ....consensus.ledger import ANNULLED_TAG, Ledger, ballot_tag
from ....messages import Ballot, Digest, DigestEntry, Have, Want
from ..case import Lane, Need, case
from ..player import Player
from ..stage import Stage

__all__: list[str] = []

_WRONG = b"\x5a" * 16
_RANGE = 16


class Ground:
    """A round that is one case's own, with its player's ballot in it; the next one is empty."""

    def __init__(self, stage: Stage, player: Player) -> None:
        self.round = stage.session.own_ground()
        self.ledger = Ledger(stage.session.run, 16)
        self.ballot = player.cast(self.round)
        self.ledger.add(self.ballot)
        self.tag = ballot_tag(stage.session.run.run, self.ballot)


async def ground(stage: Stage) -> tuple[Player, Ground]:
    """A member and its ground; the peer holds the ballot."""
    player = await stage.player()
    made = Ground(stage, player)
    held = await stage.holds(player, player.author, made.round)
    stage.must(len(held) == 1, "a ballot within the window is not held")
    player.mark()
    return player, made


@case(
    "repair/digest-equal",
    "Equal hashes need no answer",
    description="A member sends DIGEST with the right hash of one round.",
    expectation="Neither HAVE nor DIGEST comes for that round.",
    clauses=("REPAIR-3", "LEDGER-6"),
    needs=(Need.BROADCAST,),
)
async def digest_equal(stage: Stage) -> None:
    player, own = await ground(stage)
    right = own.ledger.range_hash(own.round, 1)
    player.say(Digest((DigestEntry(own.round, 1, right),)))
    await stage.still_answers(player, "DIGEST")
    came = player.heard(Have, lambda m: m.round == own.round)
    stage.must(not came, "HAVE answers a DIGEST whose hash is right: LEDGER-6 is read otherwise")


@case(
    "repair/digest-one",
    "A differing round is answered by HAVE",
    description="A member sends DIGEST with another hash of one round, in which it has a ballot.",
    expectation="HAVE comes with the author and the tag of that ballot.",
    clauses=("REPAIR-3", "TAG-1"),
    needs=(Need.BROADCAST,),
)
async def digest_one(stage: Stage) -> None:
    player, own = await ground(stage)
    player.say(Digest((DigestEntry(own.round, 1, _WRONG),)))
    have = await player.expect(Have, lambda m: m.round == own.round, what="HAVE for the round")
    stage.must(have.entries == ((player.author, own.tag),), "HAVE does not list the one ballot")


@case(
    "repair/digest-many",
    "A differing range is split",
    description="A member sends DIGEST with another hash of 16 rounds, one of which has a ballot.",
    expectation="DIGEST comes with at most eight parts of the range, and their right hashes.",
    clauses=("REPAIR-3", "LEDGER-6"),
    needs=(Need.BROADCAST,),
)
async def digest_many(stage: Stage) -> None:
    player, own = await ground(stage)
    span = stage.session.span
    first = own.round - (_RANGE - 2) * span  # of two rounds each, the last part is the case's
    player.say(Digest((DigestEntry(first, _RANGE, _WRONG),)))

    def ours(message: Digest) -> bool:
        return bool(message.entries) and message.entries[0].round == first

    digest = await player.expect(Digest, ours, what="finer DIGEST")
    entries = digest.entries
    stage.must(2 <= len(entries) <= 8, f"the range is split into {len(entries)} parts")
    at = first
    for entry in entries:
        stage.must(entry.round == at, "the parts do not follow one another")
        at += entry.count * span
        if entry.round >= own.round:
            right = own.ledger.range_hash(entry.round, entry.count)
            stage.must(entry.hash == right, "the hash of a part is not that of LEDGER-6")
    stage.must(at == first + _RANGE * span, "the parts do not cover the range")


@case(
    "repair/digest-odd",
    "An entry that makes no sense is ignored, its neighbours are not",
    description="A DIGEST has an entry of no round, one whose range ends beyond the last round, "
    "one off the grid of ballots, and one that differs.",
    expectation="HAVE comes for the last one, and nothing for the others.",
    clauses=("DIGEST-2", "REPAIR-3"),
    needs=(Need.BROADCAST,),
)
async def digest_odd(stage: Stage) -> None:
    player, own = await ground(stage)
    span = stage.session.span
    last = (2**32 - 2) // span * span
    odd = [DigestEntry(own.round, 0, _WRONG), DigestEntry(last, 65535, _WRONG)]
    if span > 1:
        odd.append(DigestEntry(own.round + 1, 1, _WRONG))
    player.say(Digest((*odd, DigestEntry(own.round, 1, _WRONG))))
    await player.expect(Have, lambda m: m.round == own.round, what="HAVE for the sound entry")
    await player.ping()
    others = player.heard(Have, lambda m: m.round != own.round)
    stage.must(not others, "an entry that makes no sense is answered")


@case(
    "repair/have-lacks",
    "What HAVE lists and the ledger lacks is asked for",
    description="A member sends HAVE with its ballot and one of an unknown author.",
    expectation="WANT comes for the unknown author's ballot and for no other.",
    clauses=("REPAIR-4",),
    needs=(Need.BROADCAST,),
)
async def have_lacks(stage: Stage) -> None:
    player, own = await ground(stage)
    unknown = os.urandom(8)
    listed = sorted([(player.author, own.tag), (unknown, os.urandom(16))])
    player.say(Have(own.round, tuple(listed)))
    want = await player.expect(
        Want, lambda m: (unknown, own.round) in m.entries, what="WANT for the unknown ballot"
    )
    stage.must(want.entries == ((unknown, own.round),), "WANT asks for what the ledger holds")


@case(
    "repair/have-pushes",
    "What HAVE lacks is sent",
    description="A member sends an empty HAVE for a round in which the peer holds its ballot.",
    expectation="The ballot comes.",
    clauses=("REPAIR-4",),
    needs=(Need.BROADCAST,),
)
async def have_pushes(stage: Stage) -> None:
    player, own = await ground(stage)
    player.say(Have(own.round, ()))
    await player.expect(Ballot, lambda m: m.round == own.round, what="ballot that HAVE lacks")


@case(
    "repair/have-other",
    "Another tag is asked for and answered",
    description="A member sends HAVE with another tag for a ballot that the peer holds.",
    expectation="WANT comes for it, and the ballot that the peer holds.",
    clauses=("REPAIR-4",),
    needs=(Need.BROADCAST,),
)
async def have_other(stage: Stage) -> None:
    player, own = await ground(stage)
    player.silent = True
    player.say(Have(own.round, ((player.author, os.urandom(16)),)))
    entry = (player.author, own.round)
    await player.expect(Want, lambda m: entry in m.entries, what="WANT for the other ballot")
    await player.expect(Ballot, lambda m: m.round == own.round, what="ballot with the other tag")


@case(
    "repair/have-annulled",
    "The tag of annulment annuls nothing",
    description="A member sends HAVE that names a ballot as annulled, and then asks for it.",
    expectation="WANT comes, for only ballots prove it; no ballot is pushed, and one is held.",
    clauses=("LEDGER-4", "REPAIR-4", "TAG-2"),
    needs=(Need.BROADCAST,),
)
async def have_annulled(stage: Stage) -> None:
    player, own = await ground(stage)
    player.silent = True
    player.say(Have(own.round, ((player.author, ANNULLED_TAG),)))
    entry = (player.author, own.round)
    await player.expect(Want, lambda m: entry in m.entries, what="WANT for the pair")
    await player.ping()
    stage.must(not player.heard(Ballot), "a ballot is pushed that HAVE names as annulled")
    player.mark()
    player.say(Digest((DigestEntry(own.round, 1, _WRONG),)))
    have = await player.expect(Have, lambda m: m.round == own.round, what="HAVE for the round")
    stage.must(have.entries == ((player.author, own.tag),), "the tag sixteen ff annulled a ballot")


@case(
    "repair/have-window",
    "HAVE outside the window is ignored",
    description="A member sends HAVE for a round 80 ballots ahead, with an unknown author.",
    expectation="No WANT comes.",
    clauses=("HAVE-3",),
    needs=(Need.BROADCAST,),
)
async def have_window(stage: Stage) -> None:
    player = await stage.player()
    round = stage.ahead(80)
    player.mark()
    player.say(Have(round, ((os.urandom(8), os.urandom(16)),)))
    await stage.still_answers(player, "HAVE")
    stage.must(not player.heard(Want, lambda m: m.entries[0][1] == round), "WANT comes for it")


@case(
    "repair/digests",
    "Ledgers are compared by themselves",
    description="All DIGESTs that came to any player during the probe are looked at.",
    expectation="There is one every two seconds (gossip_interval), with an entry for each of the "
    "two newest rounds.",
    clauses=("REPAIR-1", "REPAIR-2"),
    lane=Lane.AFTER,
    needs=(Need.BROADCAST,),
)
async def digests(stage: Stage) -> None:
    clock = stage.session.clock()
    came = [s.message for s in stage.session.seen if isinstance(s.message, Digest)]
    unasked = [d for d in came if len(d.entries) <= 3]
    expected = clock / 2.0
    text = f"{len(unasked)} DIGESTs came in {clock:.0f} s"
    stage.should(len(unasked) >= 0.4 * expected, text)
    ends = [d for d in unasked if d.entries and d.entries[-1].count == 1]
    stage.should(len(ends) >= 0.8 * len(unasked), "DIGESTs do not end with one round alone")
