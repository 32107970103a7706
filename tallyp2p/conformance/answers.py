"""What this package makes of a case: `answer(kind, input)` is what a case expects (09.2).

The same shapes go in and out as for any other program (09.4), so that this package is tested
by the vectors in the way in which it tests others by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..bits import pack, unpack, well_formed
from ..consensus import digraph, probes
from ..consensus.contributor import Election
from ..consensus.ledger import Ledger, ballot_tag
from ..consensus.tally import Tally, count
from ..errors import LocalError, Reason, RemoteError, SettingsError
from ..parameters import LIMITS
from ..wire.keys import curve_keys, curve_public, identity_from_text, identity_text
from ..wire.seal import identity_of, sign, verify
from .scripts import play
from .shapes import Object, Reader, ballot_of, electorate_of, refusal, run_of

__all__ = ["answer"]


def answer(kind: str, given: Object) -> Object:
    """What comes out of the `input` of a case, in the shape of its `expect`.

    Raises :class:`LocalError` for a kind that there is none of.
    """
    if kind not in _ANSWERS:
        raise LocalError(f"there are no cases of the kind {kind}")
    return _ANSWERS[kind](given)


def _bits(given: Object) -> Object:
    bits = given["bits"]
    if "labels" in given:
        return {"packed": pack(given["labels"], bits).hex()}
    data, size = bytes.fromhex(given["packed"]), given["count"]
    padding, labels = well_formed(data, size, bits, given["highest"])
    if not padding:
        return refusal(Reason.PADDING)
    if not labels:
        return refusal(Reason.LABEL)
    return {"verdict": "accept", "labels": unpack(data, size, bits).tolist()}


def _probes(given: Object) -> Object:
    run = bytes.fromhex(given["run_id"])
    return {"ids": probes.draw(run, given["round"], given["pool"], given["count"]).tolist()}


def _digraph(given: Object) -> Object:
    run, round, degree = bytes.fromhex(given["run_id"]), given["round"], given["degree"]
    members = [bytes.fromhex(member) for member in given["members"]]
    found: Object = {"ring": [author.hex() for author in digraph.ring(run, round, members)]}
    for name, routes in (("receivers", digraph.receivers), ("senders", digraph.senders)):
        found[name] = {
            m.hex(): [a.hex() for a in routes(run, round, members, m, degree)] for m in members
        }
    return found


def _codec(given: Object) -> Object:
    reader = Reader(run_of(given["run"]), given["sender"], electorate_of(given))
    try:
        return {"verdict": "accept", "message": reader.read(bytes.fromhex(given["frame"]))}
    except RemoteError as error:
        return refusal(error.reason)


def _ledger(given: Object) -> Object:
    run = run_of(given["run"])
    if "ballot" in given:
        return {"tag": ballot_tag(run.run, ballot_of(given["ballot"])).hex()}
    ledger = Ledger(run, LIMITS.members)
    outcomes = [ledger.add(ballot_of(ballot)).value for ballot in given["add"]]
    rounds = sorted({ballot["round"] for ballot in given["add"]})
    ranges = [tuple(asked) for asked in given.get("ranges", [])]
    return {
        "outcomes": outcomes,
        "ballots": {
            str(round): [[b.author.hex(), b.votes.hex()] for b in ledger.ballots(round)]
            for round in rounds
        },
        "listings": {
            str(round): [[author.hex(), tag.hex()] for author, tag in ledger.listing(round)]
            for round in rounds
        },
        "ranges": [[at, size, ledger.range_hash(at, size).hex()] for at, size in ranges],
    }


def _tally(given: Object) -> Object:
    ids = np.array(given["ids"], dtype=np.uint32) if "ids" in given else None
    ballots = tuple(ballot_of(ballot) for ballot in given["ballots"])
    return _counted(
        count(run_of(given["run"]), Election(given["round"], ballots), own=None, ids=ids)
    )


def _counted(tally: Tally) -> Object:
    cells = tally.cells()
    return {
        "ids": tally.ids.tolist(),
        "voters": tally.voters.tolist(),
        "plurality": tally.plurality().tolist(),
        "margin": tally.margin().tolist(),
        "cells": sorted(
            [int(tally.ids[probe]), int(label), int(votes)]
            for probe, label, votes in zip(cells.probe, cells.label, cells.votes, strict=True)
        ),
        "digest": tally.digest().hex(),
    }


def _seal(given: Object) -> Object:
    text = bytes.fromhex(given["text"])
    if "secret" in given:
        secret = bytes.fromhex(given["secret"])
        return {"identity": identity_of(secret).hex(), "signature": sign(secret, text).hex()}
    identity, signature = bytes.fromhex(given["identity"]), bytes.fromhex(given["signature"])
    return {"verdict": "accept"} if verify(identity, text, signature) else refusal(Reason.SEAL)


def _keys(given: Object) -> Object:
    if "electorate" in given:
        found = electorate_of(given)
        assert found is not None
        return {"text": found.text, "electorate": found.digest}
    if "secret" in given:
        secret = bytes.fromhex(given["secret"])
        curve, curve_secret = curve_keys(secret)
        identity = identity_of(secret)
        return {
            "identity": identity.hex(),
            "text": identity_text(identity),
            "curve": curve.hex(),
            "curve_secret": curve_secret.hex(),
        }
    try:
        identity = identity_from_text(given["text"])
    except SettingsError:
        return {"verdict": "reject"}
    return {
        "verdict": "accept",
        "identity": identity.hex(),
        "curve": curve_public(identity).hex(),
    }


_ANSWERS: Mapping[str, Callable[[Object], Object]] = {
    "bits": _bits,
    "probes": _probes,
    "digraph": _digraph,
    "codec": _codec,
    "ledger": _ledger,
    "tally": _tally,
    "seal": _seal,
    "keys": _keys,
    "gossip": play,
}
