"""Tokens: read back whole, refused after any one wrong character, and harmless."""

from __future__ import annotations

import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.admission import invitation
from tallyp2p.admission.invitation import Invitation
from tallyp2p.errors import SettingsError
from tallyp2p.profiles import Profile, load
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import identity_of

SECRETS = [bytes([n]) * 32 for n in range(1, 4)]
LISTED = Electorate.of(map(identity_of, SECRETS))
SEEDS = ("tcp://192.0.2.1:7000", "tcp://[2001:db8::1]:7000")


def profile(**changes: Any) -> Profile:
    settings = {"peers": 3, "seal": "ed25519", "electorate": LISTED.digest, "rounds": 24, **changes}
    return load("default", settings)


def invited(number: int = 1, secret: bool = True, **changes: Any) -> Invitation:
    own = SECRETS[number]
    made = Invitation(profile(), LISTED, number, identity_of(own), own if secret else None, SEEDS)
    return replace(made, **changes)


TOKEN = invited().token


@pytest.mark.parametrize(
    "made",
    [invited(), invited(0, secret=False), invited(2, seeds=()), invited(profile=profile(lr=0.01))],
)
def test_a_token_is_read_back(made: Invitation) -> None:
    token = made.token
    assert token.split() == [token] and token.isascii() and token.startswith("tally1-")
    again = Invitation.of(f"  {token}\n")
    assert (again, again.token) == (made, token)


def test_a_token_of_somebody_with_a_key_of_his_own_has_no_secret_in_it() -> None:
    with_key, without = (invitation._from_text(invited(secret=s).token[7:]) for s in (True, False))
    assert SECRETS[1] in with_key and SECRETS[1] not in without


@pytest.mark.parametrize(
    "own", [{"listen": "tcp://127.0.0.1:7000"}, {"every": 1}, {"retain": 9}, {"transport": "ipc"}]
)
def test_what_is_each_peers_own_business_does_not_travel(own: dict[str, Any]) -> None:
    made = invited(profile=profile(**own))
    assert Invitation.of(made.token).profile == profile()
    assert made.token == TOKEN


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(string.printable + "\u00e9\u2014"))
def test_any_one_wrong_character_is_noticed(at: int, character: str) -> None:
    wrong = TOKEN[:at] + character + TOKEN[at + 1 :]
    if wrong.strip() != TOKEN:
        with pytest.raises(SettingsError):
            Invitation.of(wrong)


@given(st.data())
def test_swapped_doubled_and_lost_characters_are_noticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(TOKEN) - 2))
    for wrong in (
        TOKEN[:at] + TOKEN[at + 1] + TOKEN[at] + TOKEN[at + 2 :],
        TOKEN[: at + 1] + TOKEN[at:],
        TOKEN[:at] + TOKEN[at + 1 :],
    ):
        if wrong != TOKEN:
            with pytest.raises(SettingsError):
                Invitation.of(wrong)


@given(st.text() | st.from_regex(r"\Atally1-[A-Za-z0-9_-]*\Z"))
def test_any_text_is_a_token_or_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Invitation.of(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "there is no token"),
        (f"{TOKEN}\n{TOKEN}", "these are 2 tokens"),
        ("tcp://127.0.0.1:7000", "begins with 'tcp://127.0."),
        ("tally2-" + TOKEN[7:], "a later tallyp2p"),
        ("tally1-", "cut off at its beginning"),
        (TOKEN[:-1], f"{len(TOKEN) - 1} of its {len(TOKEN)} characters"),
        (TOKEN[:40], f"40 of its {len(TOKEN)} characters"),
        (TOKEN + "A", "at least one character is wrong"),
        (TOKEN[:50] + " " + TOKEN[50:], "its character number 51, stands in no token"),
        (TOKEN[:50] + "\n" + TOKEN[50:], "as one line"),
        (TOKEN[:50] + ("A" if TOKEN[50] != "A" else "B") + TOKEN[51:], "one character is wrong"),
        ("tally1-" + "A" * 70_000, "at most 65536"),
    ],
)
def test_what_is_wrong_is_said(token: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        Invitation.of(token)


def forged(change: Any) -> str:
    """A token with a good checksum whose body was changed by somebody who means harm."""
    body = change(invitation._from_text(TOKEN.removeprefix("tally1-"))[3:-8])
    body = (3 + len(body) + 8).to_bytes(3, "big") + body
    return "tally1-" + invitation._to_text(body + invitation._checksum(body))


def settings(body: bytes, **changes: Any) -> bytes:
    at = body.index(b"{")
    return body[:at] + json.dumps({**json.loads(body[at:]), **changes}).encode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda body: body[:30], "ends too early"),
        (lambda body: b"\x80" + body[1:], "a later tallyp2p"),
        (lambda body: body[:1] + b"\x00\x09" + body[3:], "shard below 3"),
        (lambda body: body[:3] + b"\x00\x09" + body[5:], "out of order"),
        (lambda body: body[:4] + bytes([(body[4] + 1) % 3]) + body[5:], "not that of its member"),
        (lambda body: body[:5] + bytes(32) + body[37:], "not that of its member"),
        (lambda body: body.replace(b"192.0.2.1", b"192.0.2.\n"), "not a peer's endpoint"),
        (lambda body: body.replace(b"192.0.2.1", b"192.0.2.\xff"), "not ASCII"),
        (lambda body: body[: body.index(b"{")] + b"[" * 40_000, "no JSON object"),
        (lambda body: body[: body.index(b"{")] + b"\xff", "no JSON object"),
        (lambda body: settings(body, **{"network.listen": "tcp://0.0.0.0:1"}), "each peer's own"),
        (lambda body: settings(body, **{"checkpoint.every": 0}), "sets checkpoint.every, which is"),
        (
            lambda body: settings(body, **{"timing.ahead": 16384}),
            "sets timing.ahead, which is each",
        ),
        (lambda body: settings(body, every=0), "sets every$"),  # a person may leave out the table
        (lambda body: settings(body, listen="tcp://0.0.0.0:1"), "sets listen$"),
        (lambda body: settings(body, extends="/etc/passwd"), "sets extends$"),
        (lambda body: settings(body, **{"run.colour": 1}), "no setting run.colour"),
        (lambda body: settings(body, **{"learning.model": "../../x"}), "model must be one of"),
        (lambda body: settings(body, **{"run.seal": "none"}), "electorate needs seal"),
        (lambda body: settings(body, peers=10**9), "peers must be"),
        (lambda body: settings(body, peers=[1]), "must be a whole number"),
    ],
)
def test_a_well_made_token_of_a_liar_is_refused(change: Any, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        Invitation.of(forged(change))
    assert "\n" not in str(caught.value)


def test_a_token_for_the_largest_list_is_not_too_long() -> None:
    many = [identity_of(n.to_bytes(32, "big")) for n in range(1024)]
    electorate = Electorate.of(many)
    settled = profile(peers=1024, electorate=electorate.digest)
    made = Invitation(settled, electorate, 5, many[5], (5).to_bytes(32, "big"), SEEDS)
    assert len(made.token) < invitation.MOST and Invitation.of(made.token) == made
