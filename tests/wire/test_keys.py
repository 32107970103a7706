"""Text forms of identities, and CURVE keys: published vectors, and the other library's word."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.errors import LocalError, SettingsError
from tallyp2p.wire import seal
from tallyp2p.wire.keys import (
    IDENTITY_TEXT,
    curve_keys,
    curve_public,
    identity_from_text,
    identity_text,
    is_identity,
)
from tallyp2p.wire.seal import identity_of

SECRETS = st.binary(min_size=32, max_size=32)


def public(secret: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


@pytest.mark.parametrize(
    ("seed", "identity", "curve_secret", "curve"),
    [
        (  # RFC 8032, 7.1, test 1: its secret, and the first half of SHA-512 of it, clamped
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "307c83864f2833cb427a2ef1c00a013cfdff2768d980c0a3a520f006904de94f",
            "d85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e",
        ),
        (  # RFC 8032, 7.1, test 2
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "68bd9ed75882d52815a97585caf4790a7f6c6b3b7f821c5e259a24b02e502e51",
            "25c704c594b88afc00a76b69d1ed2b984d7e22550f3ed0802d04fbcd07d38d47",
        ),
    ],
)
def test_worked_pairs(seed: str, identity: str, curve_secret: str, curve: str) -> None:
    assert identity_of(bytes.fromhex(seed)).hex() == identity
    assert [key.hex() for key in curve_keys(bytes.fromhex(seed))] == [curve, curve_secret]


@given(SECRETS)
def test_the_map_gives_the_public_key_of_the_derived_secret(secret: bytes) -> None:
    """The dialler, who knows the identity alone, and the listener come to the same key."""
    curve, curve_secret = curve_keys(secret)
    assert curve == curve_public(identity_of(secret)) == public(curve_secret)


def test_the_map_agrees_with_rfc_7748_on_the_base_point() -> None:
    """y = 4/5 there, and u = 9 here (RFC 7748, 4.1)."""
    base = (4 * pow(5, -1, 2**255 - 19) % (2**255 - 19)).to_bytes(32, "little")
    assert curve_public(base) == (9).to_bytes(32, "little")


@given(SECRETS)
def test_an_identity_has_one_text(secret: bytes) -> None:
    identity = identity_of(secret)
    text = identity_text(identity)
    assert re.fullmatch(IDENTITY_TEXT, text) and identity_from_text(text) == identity
    low = chr(ord(text[-1]) + 1)  # a last digit with bits that stand for nothing
    with pytest.raises(SettingsError, match="is not a public key"):
        identity_from_text(text[:-1] + low)


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 43 + "\n", "é" * 43, "=" * 43])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a public key"):
        identity_from_text(text)


def test_points_that_no_secret_has_are_nobodys() -> None:
    """KEY-1: of small order, in a second form, or beside the curve."""
    beside = next(
        y.to_bytes(32, "little") for y in range(2, 9) if not is_identity(bytes((y, *bytes(31))))
    )
    second = (2**255 - 19 + 3).to_bytes(32, "little")
    for point in (*sorted(seal._SMALL), second, beside, b"short"):
        assert not is_identity(point)
        with pytest.raises(LocalError):
            curve_public(point)
    with pytest.raises(SettingsError, match="cannot be anybody's"):
        identity_from_text(identity_text(beside))


def test_only_32_bytes_have_a_text() -> None:
    with pytest.raises(LocalError):
        identity_text(bytes(31))
