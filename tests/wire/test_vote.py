"""VOTE in sealed runs; what it is in others is in test_codec.py and in the vectors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyp2p.bits import pack
from tallyp2p.errors import LocalError, Reason, RemoteError
from tallyp2p.parameters import LIMITS, Ids, RunParameters, Seal
from tallyp2p.payloads import Ballot, Signature, author_of
from tallyp2p.wire.accounting import weigh
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, Speaker, identity_of

RUN = RunParameters(probes=8, rounds_per_ballot=4, seal=Seal.ED25519)
SECRETS = {name: bytes([number]) * 32 for number, name in enumerate(("ann", "ben", "cleo"))}
IDENTITY = {name: identity_of(secret) for name, secret in SECRETS.items()}
AUTHOR = {name: author_of(identity) for name, identity in IDENTITY.items()}
INSTANCE = b"instance"


def known(author: bytes) -> Speaker | None:
    """Everybody has met everybody."""
    names = [name for name in AUTHOR if AUTHOR[name] == author]
    return (IDENTITY[names[0]], INSTANCE) if names else None


def codec(name: str, run: RunParameters = RUN) -> Codec:
    return Codec(run, AUTHOR[name], Sealer(run.digest, SECRETS[name], INSTANCE, known))


def ballot(name: str, run: RunParameters = RUN, round: int = 8) -> Ballot:
    ids = tuple(range(3, 35)) if run.ids is Ids.EXPLICIT else None
    return codec(name, run).seal(Ballot(AUTHOR[name], round, pack([3] * 32, run.bits), ids))


@pytest.mark.parametrize("run", [RUN, replace(RUN, ids=Ids.EXPLICIT)], ids=["derived", "explicit"])
def test_a_sealed_ballot_goes_from_its_author_over_another_to_a_third(run: RunParameters) -> None:
    cast = ballot("ann", run)
    at_ben = codec("ben", run).decode(codec("ann", run).encode(cast), AUTHOR["ann"])
    assert at_ben == cast
    at_cleo = codec("cleo", run).decode(codec("ben", run).encode(cast), AUTHOR["ben"])
    assert at_cleo == cast


def test_it_weighs_what_the_specification_says() -> None:
    own, relayed = codec("ann").encode(ballot("ann")), codec("ben").encode(ballot("ann"))
    assert (len(own), len(relayed)) == (86, 118)
    assert weigh(own) == (16, 0, 70, True)
    assert weigh(relayed) == (16, 0, 102, True)


def test_every_bit_that_is_turned_is_noticed() -> None:
    frame = codec("ann").encode(ballot("ann"))
    reader = codec("ben")
    for bit in range(8 * len(frame)):
        turned = bytearray(frame)
        turned[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RemoteError):
            reader.decode(bytes(turned), AUTHOR["ann"])


def refused(reader: Codec, frame: bytes, sender: str) -> Reason:
    with pytest.raises(RemoteError) as caught:
        reader.decode(frame, AUTHOR[sender])
    return caught.value.reason


def test_nobody_can_vote_for_another_round_run_or_author() -> None:
    """SEAL-3, and why the next run has another seed: RUN-7."""
    frame = codec("ann").encode(ballot("ann"))
    other_round = frame[:5] + b"\x0c" + frame[6:]
    assert refused(codec("ben"), other_round, "ann") is Reason.SEAL
    other_run = codec("ben", replace(RUN, seed=1))
    assert refused(other_run, frame, "ann") is Reason.SEAL
    assert refused(codec("ben"), frame, "cleo") is Reason.SEAL
    relayed = codec("ben").encode(ballot("ann"))
    renamed = relayed[:6] + IDENTITY["cleo"] + relayed[38:]
    assert refused(codec("ben"), renamed, "ben") is Reason.SEAL


def test_runs_agree_on_whether_ballots_are_sealed() -> None:
    open_run = replace(RUN, seal=Seal.NONE)
    bare = Ballot(AUTHOR["ann"], 8, pack([3] * 32, 4))
    frame = Codec(open_run, AUTHOR["ann"]).encode(bare)
    assert refused(codec("ben"), frame, "ann") is Reason.SEAL
    sealed = codec("ann").encode(ballot("ann"))
    assert refused(Codec(open_run, AUTHOR["ben"]), sealed, "ann") is Reason.SEAL
    with pytest.raises(LocalError, match="signed"):
        codec("ann").encode(bare)
    with pytest.raises(LocalError, match="signed"):
        Codec(open_run, AUTHOR["ann"]).encode(ballot("ann"))
    assert Codec(open_run, AUTHOR["ann"]).seal(bare) is bare


def test_an_unknown_sender_cannot_speak_without_its_key() -> None:
    frame = codec("ann").encode(ballot("ann"))
    with pytest.raises(RemoteError) as caught:
        codec("ben").decode(frame, b"stranger")
    assert caught.value.reason is Reason.SEAL


def test_identity_and_author_belong_together() -> None:
    cast = ballot("ann")
    assert cast.seal is not None
    odd = replace(cast, seal=Signature(IDENTITY["ben"], cast.seal.signature))
    with pytest.raises(LocalError, match="two"):
        codec("ben").encode(odd)
    with pytest.raises(LocalError, match="author"):
        codec("ben").seal(Ballot(AUTHOR["ann"], 8, pack([3] * 32, 4)))


def test_the_largest_sealed_ballot_can_be_relayed() -> None:
    votes = LIMITS.probes
    wide = RunParameters(
        classes=2**24 - 1, pool=2**32 - 1, probes=votes, rounds_per_ballot=1, seal=Seal.ED25519
    )
    cast = codec("ann", wide).seal(Ballot(AUTHOR["ann"], 8, pack([0] * votes, wide.bits)))
    relayed = codec("ben", wide).encode(cast)
    assert len(relayed) <= LIMITS.frame
    assert codec("cleo", wide).decode(relayed, AUTHOR["ben"]) == cast
