"""Members that start again, and endpoints that are passed on."""

from __future__ import annotations

import asyncio

from ....messages import Hello, Peers, Ping, Pong
from ..case import Lane, Need, case
from ..stage import Stage

__all__: list[str] = []

_NOTHING = 0.4  # s in which what must not come might come


@case(
    "handshake/restart",
    "A member that starts again elsewhere is found there",
    description="A member's identity says HELLO with another instance from another endpoint, "
    "while the old endpoint still listens.",
    expectation="The peer opens a line to the new endpoint, says HELLO there first, and sends "
    "nothing more to the old one.",
    clauses=("CONTACT-6", "CONTACT-2", "NAME-3"),
)
async def restart(stage: Stage) -> None:
    old = await stage.player("first life")
    new = stage.newcomer("second life", secret=old.secret)
    await new.join()
    (seen, *_) = new.heard(Hello)
    stage.must(seen.first, "HELLO is not the first message on the new line")
    old.mark()
    await new.ping()
    await asyncio.sleep(_NOTHING)
    answers = old.heard(object)
    stage.must(not answers, "the endpoint of the first life still gets messages")


@case(
    "handshake/restart-same-endpoint",
    "A member that starts again at the same endpoint is greeted",
    description="A member vanishes without BYE. A new process of the same identity listens at "
    "the same endpoint and says HELLO.",
    expectation="The peer closes the line that led to the old process and opens a new one, on "
    "which HELLO comes first.",
    clauses=("CONTACT-6", "CONTACT-2"),
)
async def restart_same_endpoint(stage: Stage) -> None:
    old = await stage.player("first life")
    endpoint, links = old.endpoint, {seen.link for seen in old.seen}
    old.vanish()
    new = stage.newcomer("second life", secret=old.secret)
    await new.listen(endpoint)
    await new.join()
    (seen, *_) = new.heard(Hello)
    stage.must(seen.first, "HELLO is not the first message on the new line")
    stage.must(seen.link not in links, "the line to the old process is still in use")
    await new.ping()


@case(
    "handshake/rebound",
    "HELLO binds a connection anew",
    description="On the connection of one member another says HELLO, with an endpoint of its own, "
    "and then PING.",
    expectation="The second is met, and gets the PONG: the connection is now its own.",
    clauses=("CONTACT-4",),
    needs=(Need.UNPROVED,),
)
async def rebound(stage: Stage) -> None:
    one, two = await stage.player("one"), stage.newcomer("two")
    await two.listen()
    one.throw(two.codec.encode(two.hello(met=False)), what="HELLO of another")
    await two.expect(Hello, what="HELLO to the second that spoke on a connection")
    one.mark()
    one.throw(two.codec.encode(Ping(0x0BAD0BAD, stage.session.roster)), what="PING of the other")
    await two.expect(Pong, what="PONG to the second that spoke on a connection")
    stage.must(not one.heard(Pong), "PONG went to the first that spoke on a connection")


@case(
    "handshake/peers",
    "Who knows fewer is told of the others",
    description="A newcomer says HELLO with known 1 while others are members.",
    expectation="The peer sends PEERS with the others' endpoints.",
    clauses=("CONTACT-8",),
    lane=Lane.FIRST,
)
async def peers(stage: Stage) -> None:
    other = await stage.player("other")
    player = stage.newcomer()
    player.known = 1
    await player.join()
    told = await player.hear(Peers, within=1.5)
    stage.should(told is not None, "HELLO with known 1 is not answered by PEERS")
    if told is not None:
        named = other.endpoint in told.endpoints
        stage.should(named, "PEERS does not name the endpoint of another member")


@case(
    "handshake/dials-peers",
    "Endpoints in PEERS are dialled",
    description="A member sends PEERS with an endpoint that the peer does not know.",
    expectation="The peer opens a line to it and says HELLO.",
    clauses=("CONTACT-9", "CONTACT-2", "ENDPOINT-3"),
)
async def dials_peers(stage: Stage) -> None:
    hidden = stage.newcomer("hidden")
    await hidden.listen()
    player = await stage.player()
    player.say(Peers((hidden.endpoint,)))
    hello = await hidden.hear(Hello, within=3.0)
    stage.should(hello is not None, "an endpoint that PEERS names is not dialled")


@case(
    "handshake/knocks",
    "HELLO is repeated where nobody answers",
    description="A member sends PEERS with an endpoint at which somebody listens and keeps silent.",
    expectation="HELLO comes again after about 1 s, then at growing distances.",
    clauses=("CONTACT-11",),
    lane=Lane.SLOW,
)
async def knocks(stage: Stage) -> None:
    hidden = stage.newcomer("silent")
    await hidden.listen()
    player = await stage.player()
    player.say(Peers((hidden.endpoint,)))
    if await hidden.hear(Hello, within=3.0) is None:
        stage.should(False, "an endpoint that PEERS names is not dialled")
        return
    end = stage.session.clock() + 5.0
    while stage.session.clock() < end and len(hidden.heard(Hello)) < 3:
        player.say(Ping(1, stage.session.roster))  # not a quiet member meanwhile
        await asyncio.sleep(0.5)
    times = [seen.at for seen in hidden.heard(Hello)]
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    stage.should(bool(gaps), "HELLO is not repeated within 5 s")
    if gaps:
        near = 0.5 <= gaps[0] <= 2.0
        stage.should(near, f"HELLO is repeated after {gaps[0]:.1f} s, not after patience (1 s)")
    if len(gaps) > 1:
        grows = gaps[1] > 1.2 * gaps[0]
        text = f"HELLO is repeated after {gaps[0]:.1f} s and then {gaps[1]:.1f} s: not growing"
        stage.should(grows, text)
