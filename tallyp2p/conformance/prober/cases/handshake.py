"""Getting in touch: HELLO, whom it is believed, and whom not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ....errors import Reason
from ....messages import Error, Hello, Ping, Pong
from ....runtime.raw import Stream
from .. import frames
from ..case import Lane, Need, case
from ..player import Player
from ..stage import Stage

__all__: list[str] = []

_NOTHING = 0.4  # s in which an answer that must not come might come
_SOON = 2.0  # s in which a connection is made and greeted


def fields_of(player: Player, **changes: frames.Value) -> dict[str, frames.Value]:
    """The map of `player`'s HELLO, with changes."""
    fields: dict[str, frames.Value] = {
        "agent": "tallyp2p-prober",
        "endpoint": player.endpoint,
        "identity": player.identity,
        "instance": player.instance,
        "known": player.known,
        "met": False,
        "run": player.session.run.digest,
        "versions": [1, 1],
    }
    return fields | changes


async def is_no_member(stage: Stage, player: Player, who: str) -> None:
    """PING on this connection is not answered."""
    player.mark()
    player.say(Ping(0x0BAD0BAD, 0))
    pong = await player.hear(Pong, within=_NOTHING)
    stage.must(pong is None, f"{who} is answered PONG: it has become a member")


@case(
    "handshake/other-run",
    "A peer of another run is told so",
    description="A stranger says HELLO with 32 zero bytes as run, then PING.",
    expectation="The peer dials the endpoint in HELLO, sends ERROR RUN with its own run "
    "descriptor as the text, and does not make the stranger a member.",
    clauses=("CONTACT-3", "RUN-1", "RUN-3"),
    lane=Lane.FIRST,
)
async def other_run(stage: Stage) -> None:
    player = stage.newcomer("stranger")
    await player.listen()
    player.dial()
    async with stage.error_slot():
        player.say(replace(player.hello(met=False), run=bytes(32)))
        error = await player.hear(Error, within=_SOON)
    stage.should(error is not None, "HELLO of another run is not answered by ERROR")
    if error is not None:
        named = (error.code, error.text)
        right = (Reason.RUN, stage.session.run.descriptor)
        stage.should(named == right, "the ERROR is not RUN with the run descriptor as its text")
    await is_no_member(stage, player, "a peer of another run")
    kinds = {seen.frame[:1] for seen in player.seen}
    stage.must(kinds <= {b"\x01", b"\x02", b"\x03"}, "more than HELLO, ERROR and BYE is exchanged")


@case(
    "handshake/hello-answered",
    "HELLO is answered by HELLO on a connection of its own",
    description="A newcomer says HELLO with met false.",
    expectation="The peer opens a connection to the newcomer's endpoint and says HELLO on it "
    "first of all, in the same run and with met true.",
    clauses=("CONTACT-1", "CONTACT-2", "CONTACT-4", "CONTACT-5", "RUN-2"),
    lane=Lane.FIRST,
)
async def hello_answered(stage: Stage) -> None:
    player = stage.newcomer()
    hello = await player.join()
    (seen, *_) = player.heard(Hello)
    stage.must(seen.first, "HELLO is not the first message on its connection")
    stage.must(hello.run == stage.session.run.digest, "HELLO names another run than ERROR RUN did")
    stage.must(hello.met, "HELLO says met false to somebody whose HELLO it answers")


@case(
    "handshake/hello-fields",
    "HELLO says who the peer is",
    description="A newcomer reads the peer's HELLO, and connects to the endpoint in it.",
    expectation="Version 1 is among the versions, the peer counts itself among those it knows, "
    "and somebody listens at the endpoint.",
    clauses=("HELLO-2", "HELLO-3", "NAME-4", "ENDPOINT-4"),
    lane=Lane.FIRST,
)
async def hello_fields(stage: Stage) -> None:
    hello = await stage.newcomer().join()
    low, high = hello.versions
    stage.must(low <= 1 <= high, f"HELLO offers the versions {low} to {high}")
    stage.must(hello.known >= 1, "HELLO says known 0: the peer does not count itself")
    stream = await Stream.open(hello.endpoint)
    stage.must(stream is not None, f"nobody listens at {hello.endpoint}, which HELLO names")
    if stream is not None:
        await stream.close()


@case(
    "handshake/not-met",
    "Who was not heard is told again",
    description="A member says HELLO with met false again.",
    expectation="The peer answers HELLO.",
    clauses=("CONTACT-5",),
    lane=Lane.FIRST,
)
async def not_met(stage: Stage) -> None:
    player = await stage.player()
    player.mark()
    player.say(player.hello(met=False))
    await player.expect(Hello, what="HELLO in answer to a second HELLO with met false")


@case(
    "handshake/met-claimed",
    "A newcomer that says met true is met all the same",
    description="Somebody whom the peer has never seen says HELLO with met true.",
    expectation="The peer has no line to it, opens one, and says HELLO on it.",
    clauses=("CONTACT-4", "CONTACT-2"),
    lane=Lane.FIRST,
)
async def met_claimed(stage: Stage) -> None:
    player = stage.newcomer()
    await player.join(met=True)
    await player.ping()


@case(
    "handshake/own-identity",
    "Nobody else can be the peer",
    description="A stranger says HELLO with the peer's own identity and another instance.",
    expectation="The peer sends ERROR AUTHOR to the stranger's endpoint and ignores it otherwise.",
    clauses=("CONTACT-7",),
    lane=Lane.FIRST,
    needs=(Need.UNSEALED,),
)
async def own_identity(stage: Stage) -> None:
    player = stage.newcomer("double", secret=stage.subject.identity)
    await player.listen()
    player.dial()
    async with stage.error_slot():
        player.say(player.hello(met=False))
        error = await player.hear(Error, within=_SOON)
    stage.must(error is not None, "a HELLO with the peer's own identity is not answered by ERROR")
    assert error is not None
    stage.must(error.code == Reason.AUTHOR, f"the ERROR has code {error.code}, not AUTHOR")
    await is_no_member(stage, player, "somebody with the peer's own identity")


async def _other_version(stage: Stage, player: Player, fields: dict[str, frames.Value]) -> None:
    async with stage.error_slot():
        player.throw(player.signed(frames.hello(fields)), what="HELLO of the versions 2 to 3")
        error = await player.hear(Error, within=_SOON)
    await is_no_member(stage, player, "a peer without a common version")
    if error is None:
        stage.should(False, "HELLO without a common version is not answered by ERROR VERSION")
        return
    stage.should(error.code == Reason.VERSION, f"the ERROR has code {error.code}, not VERSION")
    named = all(digit in error.text for digit in "123")
    stage.should(named, f"the text {error.text!r} does not name both peers' versions")


@case(
    "handshake/next-major",
    "A peer without a common version is told so",
    description="A stranger says HELLO with the versions 2 to 3.",
    expectation="The peer sends ERROR VERSION with a text that names both peers' versions, and "
    "does not make the stranger a member.",
    clauses=("HELLO-3", "VERSION-2", "FIXED-1", "FIXED-2"),
    lane=Lane.FIRST,
)
async def next_major(stage: Stage) -> None:
    player = stage.newcomer("version 2")
    await player.listen()
    player.dial()
    await _other_version(stage, player, fields_of(player, versions=[2, 3]))


@case(
    "handshake/next-major-map",
    "Of another version's HELLO only endpoint and versions are read",
    description="A stranger says HELLO with the versions 2 to 3 and a map of two keys only.",
    expectation="As for handshake/next-major: nothing else in the map is fixed for all versions.",
    clauses=("FIXED-1", "VERSION-2"),
    lane=Lane.FIRST,
)
async def next_major_map(stage: Stage) -> None:
    player = stage.newcomer("version 2")
    await player.listen()
    player.dial()
    fields: dict[str, frames.Value] = {"endpoint": player.endpoint, "versions": [2, 3]}
    await _other_version(stage, player, fields)


@case(
    "handshake/next-minor",
    "A peer of a later revision is met",
    description="A newcomer says HELLO with the versions 1 to 7 and keys that nobody knows, of "
    "every type that MAP-2 allows.",
    expectation="The peer answers HELLO and PING.",
    clauses=("HELLO-3", "HELLO-4", "VERSION-1", "MAP-2"),
    lane=Lane.FIRST,
)
async def next_minor(stage: Stage) -> None:
    player = stage.newcomer("version 1.7")
    await player.listen()
    player.dial()
    strange: dict[str, frames.Value] = {
        "a": None,
        "grease-1a2b": [True, -1, 2**64 - 1, "é", b"\0"],
        "x-prober": {"nested": {"deep": ["enough"]}},
        "zz": -(2**63),
    }
    fields = fields_of(player, versions=[1, 7]) | strange
    player.throw(player.signed(frames.hello(fields)), what="HELLO with keys that nobody knows")
    await player.expect(Hello, what="HELLO in answer to one with unknown keys")
    await player.ping()


@case(
    "handshake/before-hello",
    "Nothing counts before HELLO",
    description="On a new connection PING, WANT and a ballot come before HELLO. Then HELLO is "
    "said, and the ballot is asked for.",
    expectation="What came before HELLO is ignored; the ballot is not held.",
    clauses=("CONTACT-10", "FRAME-14"),
)
async def before_hello(stage: Stage) -> None:
    player = stage.newcomer()
    await player.listen()
    player.dial()
    round = stage.ahead(4)
    player.say(Ping(0x0BAD0BAD, 0))
    player.throw(frames.want((stage.subject.author, round)))
    player.say(player.ballot(round))
    await player.join()
    stage.must(not player.heard(Pong), "a PING before HELLO is answered")
    held = await stage.holds(player, player.author, round)
    stage.must(not held, "a ballot that came before HELLO is held")


@case(
    "handshake/error-and-bye-first",
    "ERROR and BYE before HELLO do no harm",
    description="On a new connection ERROR and BYE come first, then HELLO.",
    expectation="The peer answers HELLO and PING.",
    clauses=("FRAME-14", "CONTACT-10", "ERROR-3"),
)
async def error_and_bye_first(stage: Stage) -> None:
    player = stage.newcomer()
    await player.listen()
    player.dial()
    player.say(Error(Reason.RUN, "tally/1\n"))
    player.throw(b"\x02\x00\x00\xff\xff\xff\xff", what="BYE, unsigned")
    await player.join()
    await player.ping()


@case(
    "handshake/two-connections",
    "A second connection of the same member",
    description="A member says HELLO on a second connection too, then PING on the first.",
    expectation="The PING is answered: the first connection stays bound, so that nobody takes a "
    "peer's voice away by repeating its HELLO.",
    clauses=("CONTACT-4",),
)
async def two_connections(stage: Stage) -> None:
    player = await stage.player()
    second = stage.session.raw.line(stage.session.endpoint, encryption=player.encryption)
    frame = player.codec.encode(player.hello())
    stage.log.sent(player.name, frame, "HELLO, on a second connection")
    second.send(frame)
    await asyncio.sleep(_NOTHING)
    player.mark()
    player.say(Ping(1, stage.session.roster))
    pong = await player.hear(Pong, lambda m: m.nonce == 1, within=_NOTHING)
    second.close()
    stage.should(pong is not None, "the first connection is no longer bound")


@case(
    "handshake/dealer-unread",
    "What comes back on a line is dropped unread",
    description="The player's ROUTER sends PING to the peer's DEALER.",
    expectation="No PONG comes: a DEALER only sends.",
    clauses=("FRAME-2",),
)
async def dealer_unread(stage: Stage) -> None:
    player = await stage.player()
    link = player.seen[-1].link
    sent = player.reply(link, player.codec.encode(Ping(0x0BAD0BAD, 0)), "PING, against the rule")
    stage.must(sent, "the connection on which the peer said HELLO is gone")
    await stage.still_answers(player, "a message to its DEALER")
    await asyncio.sleep(_NOTHING)
    answered = player.heard(Pong, lambda m: m.nonce == 0x0BAD0BAD)
    stage.must(not answered, "a PING that came to its DEALER is answered")
