"""A player by itself, against another that stands for the peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tallyp2p.conformance.prober.log import Log
from tallyp2p.conformance.prober.player import Player
from tallyp2p.conformance.prober.session import Session
from tallyp2p.conformance.prober.verdict import Broken
from tallyp2p.messages import Ballot, Error, Hello, Ping, Pong, Want
from tallyp2p.parameters import RunParameters
from tallyp2p.runtime.raw import Raw
from tests.conformance.prober.subjects import BROADCAST, SAMPLED, SEALED


@asynccontextmanager
async def two(run: RunParameters = SAMPLED) -> AsyncIterator[tuple[Player, Player]]:
    """Two players; each takes the other for the peer under test."""
    loop, raw = asyncio.get_running_loop(), Raw()
    sessions = [Session(raw, "", "tcp://127.0.0.1:*", run, loop.time) for _ in range(2)]
    players = [Player(s, name, Log(s.clock)) for s, name in zip(sessions, "ab", strict=True)]
    try:
        for player in players:
            await player.listen()
        for session, other in zip(sessions, reversed(players), strict=True):
            session.endpoint = other.endpoint
        players[1].dial()
        yield players[0], players[1]
    finally:
        for player in players:
            player.vanish()
        raw.close()


@pytest.mark.parametrize("run", [SAMPLED, BROADCAST, SEALED], ids=["sampled", "all", "seals"])
async def test_players_meet_and_vote(run: RunParameters) -> None:
    async with two(run) as (a, b):
        hello = await a.join()
        assert hello.met and hello.identity == b.identity
        assert a.session.author == b.author
        await b.expect(Hello)
        assert (await a.ping()).nonce
        ballot = a.cast(4 * run.rounds_per_ballot)
        came = await b.expect(Ballot)
        assert came == ballot and a.last == ballot.round
        b.say(Want(((a.author, ballot.round), (a.author, 0))))
        pong = await b.expect(Pong, lambda m: m.nonce == 0)
        assert pong.round is None
        assert len(b.heard(Ballot)) == 2


async def test_the_same_round_gives_the_same_ballot_and_salt_another() -> None:
    async with two() as (a, _):
        assert a.ballot(2) == a.ballot(2)
        assert a.ballot(2) != a.ballot(2, "salt")
        assert a.ballot(2).votes != a.ballot(4).votes


async def test_what_does_not_come_is_said_and_what_was_wrong() -> None:
    async with two() as (a, b):
        await a.join()
        await b.expect(Hello)
        b.throw(b"\x04\x00\x00")
        with pytest.raises(Broken, match=r"no PING came within 0.2 s; what came .*LENGTH"):
            await a.expect(Ping, within=0.2)
        assert await a.hear(Error, within=0.01) is None
        assert a.seen[-1].message is None and not a.seen[-1].optional
        b.throw(b"\x8a\x00")
        b.throw(b"one", b"two")
        await b.ping()
        grease, several = a.seen[-3:-1]
        assert grease.optional and several.problem == "a message of 2 frames"


async def test_a_silent_player_answers_nothing() -> None:
    async with two() as (a, b):
        await a.join()
        await b.expect(Hello)
        a.silent = True
        b.mark()
        b.say(Ping(5, 0))
        assert await a.hear(Ping, within=2.0)
        assert await b.hear(Pong, within=0.1) is None


async def test_a_mark_ends_what_was_and_can_go_back() -> None:
    async with two() as (a, b):
        await a.join()
        assert a.heard(Hello)
        a.mark()
        assert not a.heard(Hello)
        a.mark(0)
        assert a.heard(Hello)[0].first


async def test_a_process_started_again_is_another_instance() -> None:
    async with two(SEALED) as (a, _):
        before = (a.identity, a.instance)
        a.reborn()
        assert a.identity == before[0] and a.instance != before[1]


async def test_frames_by_hand_are_signed_as_the_codec_does() -> None:
    async with two(SEALED) as (a, b):
        hello = a.codec.encode(a.hello())
        assert a.signed(hello[:1] + b"\0" + hello[2:-64]) == hello
        vote = a.codec.encode(a.ballot(2))
        assert a.signed(vote[:1] + b"\0" + vote[2:-64]) == vote
        relayed = b.codec.encode(a.ballot(2))
        assert a.signed(relayed[:1] + b"\1" + relayed[2:-64]) == relayed
    async with two() as (a, _):
        assert a.signed(b"\x02\x00") == b"\x02\x00"


async def test_what_the_rules_forbid_is_noticed() -> None:
    async with two() as (a, b):
        await a.join()
        await b.expect(Hello)
        assert a.reply(a.seen[0].link, b"against", "the rule")
        while not b.session.backwards:
            await asyncio.sleep(0.01)
            b.unread()
        assert b.session.backwards == [b"against"]


async def test_leaving_says_bye() -> None:
    async with two() as (a, b):
        await a.join()
        await b.expect(Hello)
        a.leave()
        assert a.author not in a.session.members
        bye = await b.expect(object, lambda m: type(m).__name__ == "Bye")
        assert replace(bye) == bye  # type: ignore[type-var]
