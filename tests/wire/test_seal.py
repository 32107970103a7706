"""Signatures: RFC 8032's own vectors, the forms that libraries disagree on, HELLO and BYE."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tallyp2p.errors import LocalError, Reason, RemoteError
from tallyp2p.messages import Bye, Hello
from tallyp2p.parameters import RunParameters, Seal
from tallyp2p.payloads import author_of
from tallyp2p.wire import seal
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, Speaker, identity_of, sign, verify

ORDER = 2**252 + 27742317777372353535851937790883648493
RUN = RunParameters(seal=Seal.ED25519)
SECRET, INSTANCE = bytes(range(32)), b"instance"
IDENTITY = identity_of(SECRET)
AUTHOR = author_of(IDENTITY)
HELLO = Hello(IDENTITY, INSTANCE, "tcp://127.0.0.1:7000", RUN.digest)


def known(author: bytes) -> Speaker | None:
    return (IDENTITY, INSTANCE) if author == AUTHOR else None


MINE = Codec(RUN, AUTHOR, Sealer(RUN.digest, SECRET, INSTANCE))
YOURS = Codec(RUN, b"somebody", Sealer(RUN.digest, None, known=known))


def test_rfc_8032_section_7_1_test_2() -> None:
    secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert identity_of(bytes.fromhex(secret)).hex() == public
    assert sign(bytes.fromhex(secret), b"\x72").hex() == signature
    assert verify(bytes.fromhex(public), b"\x72", bytes.fromhex(signature))
    assert not verify(bytes.fromhex(public), b"\x73", bytes.fromhex(signature))


def test_a_second_form_of_a_good_signature_is_refused() -> None:
    """SEAL-5."""
    good = sign(SECRET, b"text")
    s = int.from_bytes(good[32:], "little")
    assert not verify(IDENTITY, b"text", good[:32] + (s + ORDER).to_bytes(32, "little"))


def test_points_of_small_order_are_those_of_the_registry() -> None:
    path = Path(__file__).parents[2] / "protocol_spec" / "registries" / "small-order.json"
    listed = json.loads(path.read_text())["y"]
    assert {bytes.fromhex(y) for y in listed} == seal._SMALL


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize("y", sorted(seal._SMALL))
def test_small_order_is_refused(y: bytes, sign_bit: int) -> None:
    """SEAL-6."""
    point = y[:31] + bytes((y[31] | sign_bit,))
    # With A of order 1, S = 0 and R = identity element many libraries accept any text.
    assert not verify(point, b"text", point + bytes(32))
    assert not verify(IDENTITY, b"text", point + sign(SECRET, b"text")[32:])


def test_a_point_in_another_form_is_refused() -> None:
    """SEAL-6."""
    for y in (2**255 - 19, 2**255 - 1):
        assert not verify(y.to_bytes(32, "little"), b"text", sign(SECRET, b"text"))


def test_hello_and_bye_are_signed_by_who_speaks() -> None:
    frame = MINE.encode(HELLO)
    assert frame[1] == 4 and YOURS.decode(frame, None) == HELLO
    bye = MINE.encode(Bye(8, 1, "done"))
    assert bye[1] == 4 and YOURS.decode(bye, AUTHOR) == Bye(8, 1, "done")


def reason(codec: Codec, frame: bytes, sender: bytes | None) -> Reason:
    with pytest.raises(RemoteError) as caught:
        codec.decode(frame, sender)
    return caught.value.reason


@pytest.mark.parametrize("message", [HELLO, Bye(8, 1, "done")], ids=["HELLO", "BYE"])
def test_every_changed_byte_is_noticed(message: Hello | Bye) -> None:
    frame = MINE.encode(message)
    for at in range(2, len(frame)):
        try:
            read = YOURS.decode(frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :], AUTHOR)
        except RemoteError:
            continue
        assert isinstance(read, Hello) and read.run != RUN.digest  # it makes nobody a member


def test_a_hello_without_a_signature_is_refused_in_a_sealed_run_only() -> None:
    """SEAL-2."""
    plain = Codec(RunParameters(), AUTHOR)
    bare = plain.encode(replace(HELLO, run=RunParameters().digest))
    assert plain.decode(bare, None)
    own_run_bare = plain.encode(HELLO)  # another run, as far as the open one's codec knows
    assert reason(YOURS, own_run_bare, None) is Reason.SEAL
    signed = MINE.encode(replace(HELLO, run=RunParameters().digest))
    assert reason(plain, signed, None) is Reason.SEAL


def test_a_hello_for_another_run_is_judged_by_its_run_alone() -> None:
    """SEAL-7."""
    other = MINE.encode(replace(HELLO, run=bytes(32)))
    broken = other[:-1] + bytes((other[-1] ^ 1,))
    message = YOURS.decode(broken, None)
    assert isinstance(message, Hello) and message.run == bytes(32)


def test_a_bye_of_an_earlier_life_is_refused() -> None:
    def later(author: bytes) -> Speaker | None:
        return IDENTITY, b"reborn!!"

    reader = Codec(RUN, b"somebody", Sealer(RUN.digest, None, known=later))
    assert reason(reader, MINE.encode(Bye(8)), AUTHOR) is Reason.SEAL


def test_a_bye_before_hello_is_only_shown() -> None:
    """SEAL-7."""
    assert YOURS.decode(MINE.encode(Bye(8)), None) == Bye(8)
    assert YOURS.decode(bytes.fromhex("020000ffffffff"), None) == Bye()


@pytest.mark.parametrize("kind", ["01", "02"])
def test_a_frame_that_ends_within_its_signature(kind: str) -> None:
    assert reason(YOURS, bytes.fromhex(kind + "04") + bytes(63), AUTHOR) is Reason.LENGTH


def test_who_has_no_key_cannot_sign() -> None:
    with pytest.raises(LocalError, match="key"):
        YOURS.encode(HELLO)


def test_a_codec_and_its_run_agree() -> None:
    with pytest.raises(LocalError, match="sealer"):
        Codec(RUN, AUTHOR)
    with pytest.raises(LocalError, match="sealer"):
        Codec(RunParameters(), AUTHOR, Sealer(RUN.digest, SECRET))


def test_a_good_signature_is_checked_once_and_a_changed_one_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked = 0

    def counting(*parts: bytes) -> bool:
        nonlocal checked
        checked += 1
        return verify(*parts)

    monkeypatch.setattr(seal, "verify", counting)
    secret = bytes(range(32))
    identity, signature = identity_of(secret), sign(secret, b"text")
    sealer = Sealer(bytes(32), None)
    for _ in range(3):
        sealer.check(identity, b"text", signature)
    assert checked == 1
    for parts in ((identity, b"test", signature), (identity, b"text", bytes(64))):
        for _ in range(2):
            with pytest.raises(RemoteError):
                sealer.check(*parts)
    assert checked == 5
    monkeypatch.setattr(seal, "verify", lambda *_: True)
    for at in range(seal._REMEMBERED + 10):
        sealer.check(identity, b"%d" % at, signature)
    assert len(sealer._good) == seal._REMEMBERED
