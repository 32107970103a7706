"""What one message costs in CPU: VOTE of 32 probes at 10 classes with abstention, and others.

python -m tests.benchmarks.codec
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from time import thread_time

from tallyp2p.bits import pack
from tallyp2p.messages import Ballot, Have, Hello, Ping
from tallyp2p.parameters import Ids, RunParameters, Seal
from tallyp2p.payloads import author_of
from tallyp2p.wire.accounting import Meter
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, identity_of

from .record import parser, report

ME, YOU, THIRD = b"me-me-me", b"you-you!", b"third..."


def microseconds(work: Callable[[], object], number: int) -> float:
    """CPU time, best of nine runs of `number` calls, per call: others' load counts less."""
    return min(timeit.repeat(work, timer=thread_time, repeat=9, number=number)) / number * 1e6


def main() -> None:
    options = parser((__doc__ or "").splitlines()[0])
    options.add_argument("--number", type=int, default=20_000, help="calls per run")
    chosen = options.parse_args()
    rows: list[tuple[str, float, str, str]] = []

    def time(what: str, work: Callable[[], object], goal: str = "", share: int = 1) -> None:
        rows.append((what, microseconds(work, max(1, chosen.number // share)), "us", goal))

    run = RunParameters(probes=32, rounds_per_ballot=1)
    mine, yours = Codec(run, ME), Codec(run, YOU)
    votes = pack([3, 1, 4, 1, 5, 9, 2, 6] * 4, run.bits)
    own, relayed = Ballot(ME, 7, votes), Ballot(THIRD, 7, votes)
    frame, passed = mine.encode(own), mine.encode(relayed)
    time("VOTE, 32 votes, encode", lambda: mine.encode(own), "2.5")
    time("VOTE, 32 votes, decode", lambda: yours.decode(frame, ME), "4")
    time("VOTE, relayed, encode", lambda: mine.encode(relayed))
    time("VOTE, relayed, decode", lambda: yours.decode(passed, ME))

    bundled = RunParameters()
    codec, other = Codec(bundled, ME), Codec(bundled, YOU)
    eight = Ballot(ME, 8, pack([3] * bundled.votes, bundled.bits))
    long = codec.encode(eight)
    time("VOTE, 256 votes, encode", lambda: codec.encode(eight))
    time("VOTE, 256 votes, decode", lambda: other.decode(long, ME))

    named = RunParameters(pool=60_000, probes=32, rounds_per_ballot=1, ids=Ids.EXPLICIT)
    codec_x, other_x = Codec(named, ME), Codec(named, YOU)
    chosen_ids = Ballot(ME, 7, votes, tuple(range(0, 60_000, 1_900)))
    explicit = codec_x.encode(chosen_ids)
    time("VOTE, 32 explicit ids, encode", lambda: codec_x.encode(chosen_ids), share=4)
    time("VOTE, 32 explicit ids, decode", lambda: other_x.decode(explicit, ME), share=4)

    sealed = RunParameters(probes=32, rounds_per_ballot=1, seal=Seal.ED25519)
    secret = bytes(range(32))
    me = author_of(identity_of(secret))
    signer = Codec(sealed, me, Sealer(sealed.digest, secret, YOU))
    speaker = identity_of(secret), YOU
    checker = Codec(sealed, YOU, Sealer(sealed.digest, None, known=lambda author: speaker))
    unsigned = Ballot(me, 7, votes)
    signed = signer.seal(unsigned)
    proven = signer.encode(signed)
    time("VOTE, sign", lambda: signer.seal(unsigned), share=20)
    time("VOTE, signed, encode", lambda: signer.encode(signed))
    time("VOTE, signed, decode and verify", lambda: checker.decode(proven, me), share=20)

    ping = Ping(1, 2)
    pinged = mine.encode(ping)
    time("PING, encode", lambda: mine.encode(ping))
    time("PING, decode", lambda: yours.decode(pinged, ME))
    have = Have(8, tuple((bytes([0, at]) * 4, b"tag!" * 4) for at in range(100)))
    listed = mine.encode(have)
    time("HAVE of 100, decode", lambda: yours.decode(listed, ME), share=10)
    hello = Hello(bytes(32), bytes(8), "tcp://127.0.0.1:5555", bytes(32))
    greeting = mine.encode(hello)
    time("HELLO, encode", lambda: mine.encode(hello), share=10)
    time("HELLO, decode", lambda: yours.decode(greeting, None), share=10)

    meter = Meter()
    time("count a VOTE", lambda: meter.sent(frame), "1")
    time("count a VOTE with 32 ids", lambda: meter.sent(explicit))
    time("count a PING", lambda: meter.sent(pinged), "1")
    sizes = {"VOTE": len(frame), "VOTE relayed": len(passed), "VOTE 256": len(long)}
    sizes |= {"VOTE signed": len(proven), "VOTE 32 ids": len(explicit), "HELLO": len(greeting)}
    report("codec", rows, chosen.out, bytes=sizes)


if __name__ == "__main__":
    main()
