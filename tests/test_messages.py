from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from tallyp2p import messages
from tallyp2p.messages import Kind, Message


def test_every_kind_has_one_class_and_every_class_one_kind() -> None:
    names = {c.__name__ for c in get_args(Message)} - {"Grease"}  # which has eight, never read
    classes = {"VOTE" if name == "Ballot" else name.upper() for name in names}
    assert classes == {kind.name for kind in Kind}


@pytest.mark.parametrize("message", get_args(Message))
def test_messages_cannot_change_after_they_are_made(message: type) -> None:
    """They cross seams and sit in ledgers; a change would travel backwards."""
    assert dataclasses.is_dataclass(message)
    assert message.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert hasattr(message, "__slots__")


def test_kinds_that_must_be_understood_are_below_0x80() -> None:
    assert all(kind < 0x80 for kind in Kind)
    assert messages.FINISHED == 1
