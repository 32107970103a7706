"""What is judged of all that was seen, when everything has been played."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress

from ....messages import Ballot, Error, Hello, Kind, Ping
from ..case import Lane, case
from ..stage import Stage
from ..verdict import NotJudged
from ..words import kind_name, reason_name

__all__: list[str] = []


@case(
    "handshake/hello-first",
    "HELLO is the first message on every line",
    description="The first message of every connection to any player is looked at.",
    expectation="It is HELLO, or ERROR on a connection that was opened for that alone.",
    clauses=("CONTACT-2", "CONTACT-3"),
    lane=Lane.AFTER,
)
async def hello_first(stage: Stage) -> None:
    firsts = [seen for seen in stage.session.seen if seen.first]
    wrong = [s for s in firsts if not isinstance(s.message, (Hello, Error))]
    alone = {s.link for s in firsts if isinstance(s.message, Error)}
    more = [s for s in stage.session.seen if s.link in alone and not s.first]
    stage.note(f"{len(firsts)} connections, {len(alone)} of them for one ERROR")
    stage.must(not more, "more than one ERROR comes on a connection without HELLO")
    if wrong:
        name = kind_name(wrong[0].frame)
        stage.must(
            False, f"{len(wrong)} of them begin otherwise, one to {wrong[0].player} by {name}"
        )


@case(
    "handshake/well-formed",
    "Every message has its one form",
    description="Every message that came to any player is read by a decoder that refuses whatever "
    "the text refuses.",
    expectation="It accepts all of them.",
    clauses=("FRAME-4", "FRAME-11", "MAP-1", "MAP-3", "BITS-2", "LIMIT-2", "SEAL-2"),
    lane=Lane.AFTER,
)
async def well_formed(stage: Stage) -> None:
    seen = stage.session.seen
    wrong = [s for s in seen if s.message is None and not s.optional]
    stage.note(f"{len(seen)} messages")
    if wrong:
        shown = wrong[0]
        stage.log.seen(shown.player, shown.frame, shown.problem)
        text = f"{len(wrong)} must be refused; {kind_name(shown.frame)}: {shown.problem}"
        stage.must(False, text)


@case(
    "handshake/one-process",
    "Identity, instance and endpoint stay the same",
    description="All HELLOs that came are compared.",
    expectation="One identity, one instance, one endpoint.",
    clauses=("NAME-1", "NAME-3", "NAME-4"),
    lane=Lane.AFTER,
)
async def one_process(stage: Stage) -> None:
    hellos = [s.message for s in stage.session.seen if isinstance(s.message, Hello)]
    named = {(h.identity, h.instance, h.endpoint) for h in hellos}
    stage.must(len(named) <= 1, f"HELLO told of {len(named)} different processes")


@case(
    "handshake/routing-ids",
    "Each line has a routing id of its own",
    description="The routing ids of all connections to players are compared.",
    expectation="Each is the byte 01 and eight more, and no two are the same.",
    clauses=("FRAME-3",),
    lane=Lane.AFTER,
)
async def routing_ids(stage: Stage) -> None:
    links = [seen.link for seen in stage.session.seen if seen.first]
    wrong = [link.hex() for link in links if len(link) != 9 or link[0] != 1]
    stage.must(not wrong, f"the routing id {wrong[0] if wrong else ''} is not 01 and 8 bytes")
    # A line that broke is dialled again under the same id, to the same player's endpoint.
    players = defaultdict(set)
    for seen in stage.session.seen:
        players[seen.link].add(seen.player)
    shared = [link.hex() for link, names in players.items() if len(names - {"second life"}) > 1]
    stage.must(not shared, "one routing id was used towards two endpoints")


@case(
    "handshake/router-silent",
    "The peer's ROUTER sends nothing",
    description="Every player's DEALER is read when it is closed.",
    expectation="Nothing has come.",
    clauses=("FRAME-2",),
    lane=Lane.AFTER,
)
async def router_silent(stage: Stage) -> None:
    with suppress(NotJudged):
        stage.anchor.unread()
    count = len(stage.session.backwards)
    stage.must(not count, f"{count} messages came from the peer's ROUTER")


@case(
    "liveness/nonces",
    "PING never has the nonce 0",
    description="The nonces of all PINGs that came are looked at.",
    expectation="None is 0.",
    clauses=("PING-1",),
    lane=Lane.AFTER,
)
async def nonces(stage: Stage) -> None:
    pings = [s.message for s in stage.session.seen if isinstance(s.message, Ping)]
    if not pings:
        raise NotJudged("no PING came")
    stage.must(all(ping.nonce for ping in pings), "a PING came with the nonce 0")


@case(
    "votes/never-two",
    "Never two different ballots for one round",
    description="All ballots of the peer's own that came to any player are compared, by round.",
    expectation="Those of one round are the same, byte for byte.",
    clauses=("ROUND-1", "BALLOT-4", "SEAL-9"),
    lane=Lane.AFTER,
)
async def never_two(stage: Stage) -> None:
    frames: dict[int, set[bytes]] = defaultdict(set)
    for seen in stage.session.seen:
        message = seen.message
        if isinstance(message, Ballot) and message.author == stage.subject.author:
            if message.round not in stage.session.unsound:
                frames[message.round].add(seen.frame)
    stage.note(f"ballots of {len(frames)} rounds")
    if not frames:
        raise NotJudged("no ballot of the peer's came")
    twice = [round for round, found in frames.items() if len(found) > 1]
    stage.must(not twice, f"different ballots came for round {twice[0] if twice else ''}")


@case(
    "votes/no-blame",
    "Who keeps the rules gets no ERROR",
    description="The ERRORs that came to the anchor, which breaks no rule, are looked at.",
    expectation="There are none.",
    clauses=("LIMIT-2", "VERDICT-3"),
    lane=Lane.AFTER,
)
async def no_blame(stage: Stage) -> None:
    errors = [s.message for s in stage.anchor.seen if isinstance(s.message, Error)]
    for error in errors[:1]:
        assert isinstance(error, Error)
        text = f"ERROR {reason_name(error.code)} came to the anchor: {error.text}"
        stage.must(False, text)


@case(
    "hostile/error-gaps",
    "ERRORs are a second apart",
    description="The moments of all ERRORs that came to any player are compared.",
    expectation="There is one a second at most.",
    clauses=("VERDICT-4",),
    lane=Lane.AFTER,
)
async def error_gaps(stage: Stage) -> None:
    times = sorted(s.at for s in stage.session.seen if isinstance(s.message, Error))
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    stage.note(f"{len(times)} ERRORs")
    near = [gap for gap in gaps if gap < 0.85]  # the network may bring two a little closer
    stage.must(not near, f"two ERRORs came {min(near, default=0):.2f} s after each other")


@case(
    "extensions/greases",
    "The peer sends grease itself",
    description="All HELLOs that came are searched for keys that begin with grease-.",
    expectation="About one in eight has one.",
    clauses=("GREASE-2",),
    lane=Lane.AFTER,
)
async def greases(stage: Stage) -> None:
    hellos = [s.message for s in stage.session.seen if isinstance(s.message, Hello)]
    greased = [
        h
        for h in hellos
        if isinstance(h, Hello) and any(k.startswith("grease-") for k, _ in h.extra)
    ]
    frames = sum(s.optional for s in stage.session.seen)
    stage.note(f"{len(greased)} of {len(hellos)} HELLOs, and {frames} frames")
    if len(hellos) < 40:  # (7/8)^40 is half a percent
        raise NotJudged(f"only {len(hellos)} HELLOs came")
    stage.should(bool(greased), f"none of {len(hellos)} HELLOs has grease")


@case(
    "extensions/own-kinds",
    "The peer sends no kinds that were not announced",
    description="The kinds of all messages that came are looked at.",
    expectation="They are those of the text, or grease.",
    clauses=("EXT-2", "GREASE-1"),
    lane=Lane.AFTER,
)
async def own_kinds(stage: Stage) -> None:
    known = {*Kind, 0x8A, 0x9A, 0xAA, 0xBA, 0xCA, 0xDA, 0xEA, 0xFA}
    strange = sorted({s.frame[0] for s in stage.session.seen if s.frame} - known)
    named = ", ".join(f"{kind:02x}" for kind in strange)
    stage.should(not strange, f"messages of the kinds {named} came")
