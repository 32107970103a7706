"""A member's part of the roster's sum, and when it counts as voting."""

from __future__ import annotations

from tallyp2p.gossip.member import Member, State, roster_part

AUTHOR = bytes.fromhex("630dcd2966c43366")


def test_the_part_of_a_roster_is_the_one_worked_by_hand() -> None:
    """The figures of the example below MEMBER-7."""
    other = bytes.fromhex("a1a2a3a4a5a6a7a8")
    assert roster_part(AUTHOR, 0) == 0xFD3AB498
    assert roster_part(AUTHOR, 0) ^ roster_part(other, 6) == 0x0F1C44EB
    assert roster_part(AUTHOR, 0) ^ roster_part(other, None) == 0x5C98173C


def test_a_member_votes_while_it_is_alive_and_has_not_finished() -> None:
    for finished, state, votes in (
        (False, State.ALIVE, True),
        (True, State.ALIVE, False),
        (False, State.SUSPECT, False),
    ):
        member = Member(AUTHOR, bytes(32), bytes(8), "tcp://a:1", 0.0, finished=finished)
        member.state = state
        assert member.votes == votes
