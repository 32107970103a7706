"""Lists of members: one text each, what is refused, and who is heard in a run with one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.errors import LocalError, Reason, RemoteError, SettingsError
from tallyp2p.messages import Hello
from tallyp2p.parameters import RunParameters, Seal
from tallyp2p.payloads import Ballot, author_of
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.keys import curve_keys, identity_text
from tallyp2p.wire.seal import NOT_LISTED, Sealer, identity_of

SECRETS = [bytes([n]) * 32 for n in range(4)]
ONE, TWO, THREE, STRANGER = map(identity_of, SECRETS)
LISTED = Electorate.of([ONE, TWO, THREE])
RUN = RunParameters(seal=Seal.ED25519, electorate=LISTED.digest)
THERE = "tcp://127.0.0.1:7000"


@given(st.permutations([ONE, TWO, THREE]))
def test_a_list_has_one_text_in_whatever_order_it_was_made(order: list[bytes]) -> None:
    """ELECT-1."""
    made = Electorate.of(order)
    assert made == LISTED and made.text == LISTED.text
    lines = made.text.splitlines()
    assert lines == [lines[0], *sorted(lines[1:])] and len(lines) == 4
    assert made.digest == hashlib.sha256(made.text.encode()).hexdigest()
    assert Electorate.parse(made.text) == made


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: "", "first line"),
        (lambda text: text.replace("tally/1", "tally/2"), "first line"),
        (lambda text: text.rstrip("\n"), "not sorted"),
        (lambda text: text + "\n", "not a public key"),
        (lambda text: text.replace("\n", "\r\n"), "first line"),
        (lambda text: text + identity_text(ONE) + "\n", "twice"),
        (lambda text: text.splitlines()[0] + "\n", "1 to 1024 keys, not 0"),
        (
            lambda text: "\n".join(text.splitlines()[:1] + text.splitlines()[:0:-1]) + "\n",
            "not sorted",
        ),
    ],
)
def test_another_text_is_no_list(spoil: object, why: str) -> None:
    assert callable(spoil)
    with pytest.raises(SettingsError, match=why):
        Electorate.parse(spoil(LISTED.text))


def test_a_key_and_its_mirror_image_are_one_person() -> None:
    """Who has one secret can sign as the other too, and both have one CURVE key."""
    mirrored = ONE[:31] + bytes((ONE[31] ^ 0x80,))
    with pytest.raises(SettingsError, match="one person"):
        Electorate.of([ONE, mirrored])


def test_the_curve_keys_are_those_that_members_connect_under() -> None:
    assert LISTED.curve_keys == {curve_keys(secret)[0] for secret in SECRETS[:3]}


def codec(number: int, electorate: Electorate | None = LISTED) -> Codec:
    secret = SECRETS[number]
    run = RUN if electorate is not None else replace(RUN, electorate="")
    known = {author_of(one): (one, b"instance") for one in (ONE, TWO, THREE)}
    sealer = Sealer(RUN.digest, secret, b"instance", known.get, electorate)
    made = Codec(run, author_of(identity_of(secret)), sealer)
    made._run = RUN.digest  # a liar's: it has no list, and says that it is of the run
    return made


def test_hello_from_off_the_list_is_refused_where_it_can_be_told() -> None:
    """ELECT-3."""
    hello = Hello(TWO, b"instance", THERE, RUN.digest)
    assert codec(0).decode(codec(1).encode(hello), None) == hello
    frame = codec(3, None).encode(replace(hello, identity=STRANGER))
    with pytest.raises(RemoteError) as caught:
        codec(0).decode(frame, None)
    assert (caught.value.reason, caught.value.endpoint) == (Reason.AUTHOR, THERE)
    assert str(caught.value) == NOT_LISTED


def test_a_ballot_from_off_the_list_is_refused_whoever_passes_it_on() -> None:
    """ELECT-4; SEAL would not notice: its signature is good."""
    votes = bytes(RUN.votes // 2)
    strange, liar = codec(3, None), codec(1, None)
    ballot = strange.seal(Ballot(author_of(STRANGER), 0, votes))
    relayed = liar.encode(ballot)
    reader = codec(0, None)
    assert reader.decode(relayed, author_of(TWO)) == ballot
    with pytest.raises(RemoteError) as caught:
        codec(0).decode(relayed, author_of(TWO))
    assert caught.value.reason is Reason.AUTHOR
    own = codec(2).seal(Ballot(author_of(THREE), 0, votes))
    assert codec(0).decode(codec(1).encode(own), author_of(TWO)) == own


def test_a_codec_is_not_made_without_the_runs_own_list() -> None:
    """A run whose list was forgotten would be open to anybody."""
    for wrong in (None, Electorate.of([ONE, TWO])):
        with pytest.raises(LocalError, match="list of members"):
            Codec(RUN, author_of(ONE), Sealer(RUN.digest, SECRETS[0], electorate=wrong))
    with pytest.raises(LocalError, match="list of members"):
        Codec(
            replace(RUN, electorate=""), author_of(ONE), Sealer(b"", SECRETS[0], electorate=LISTED)
        )
