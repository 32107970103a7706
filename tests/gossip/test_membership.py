from __future__ import annotations

from random import Random

from tallyp2p.gossip.membership import Introduction, Membership, State, author_of
from tallyp2p.messages import Hello
from tallyp2p.parameters import LIMITS, Timing

TIMING = Timing(suspect_after=5.0, gone_after=60.0, probe_interval=5.0)
ME = author_of(bytes(32))


def hello(name: int, instance: int = 1, start: int | None = 0, port: int = 0) -> Hello:
    return Hello(
        identity=name.to_bytes(32, "big"),
        instance=instance.to_bytes(8, "big"),
        endpoint=f"tcp://10.0.0.1:{port or name}",
        run=bytes(32),
        start=start,
    )


def who(name: int) -> bytes:
    return author_of(name.to_bytes(32, "big"))


def meet(*names: int) -> Membership:
    membership = Membership(ME, TIMING, Random(0))
    for name in names:
        assert membership.introduce(b"L%d" % name, hello(name), 0.0) is Introduction.NEW
    return membership


def test_author_of_is_the_first_8_bytes_of_sha256() -> None:
    """NAME-2."""
    # SHA-256 of 32 zero bytes, from the standard's reference implementations.
    assert author_of(bytes(32)).hex() == "66687aadf862bd77"


def test_hello_binds_its_connection() -> None:
    """CONTACT-4, HELLO-5."""
    membership = meet(1)
    assert membership.sender(b"L1") == who(1)
    assert membership.sender(b"L2") is None
    assert membership.introduce(b"L9", hello(1), 1.0) is Introduction.KNOWN
    assert membership.sender(b"L9") == who(1)
    assert membership.sender(b"L1") == who(1), "who repeats its HELLO elsewhere takes nothing away"
    membership.introduce(b"L8", hello(1), 1.0)
    assert membership.sender(b"L9") is None, "the first connection and the newest"
    assert membership.sender(b"L1") == membership.sender(b"L8") == who(1)
    membership.introduce(b"L7", hello(1, instance=2), 1.0)
    assert membership.sender(b"L1") is membership.sender(b"L8") is None, "an old process's"
    membership.check()


def test_another_instance_or_endpoint_is_a_restart() -> None:
    """NAME-4, CONTACT-6."""
    membership = meet(1)
    membership.seen_in(who(1), 40)
    assert membership.introduce(b"L2", hello(1, instance=2), 1.0) is Introduction.RESTARTED
    member = membership.get(who(1))
    assert member is not None and member.round is None, "the old life's rounds are not its own"
    assert membership.introduce(b"L3", hello(1, 2, port=99), 1.0) is Introduction.RESTARTED


def test_roster_takes_in_members_from_their_first_round() -> None:
    """MEMBER-6."""
    membership = Membership(ME, TIMING, Random(0))
    membership.introduce(b"a", hello(1, start=0), 0.0)
    membership.introduce(b"b", hello(2, start=8), 0.0)
    membership.introduce(b"c", hello(3, start=None), 0.0)
    assert membership.roster(0, 0) == sorted([ME, who(1)])
    assert membership.roster(8, 0) == sorted([ME, who(1), who(2)])
    assert membership.roster(8, None) == sorted([who(1), who(2)])


def test_who_leaves_stays_in_the_rosters_it_voted_in() -> None:
    """MEMBER-6."""
    membership = meet(1, 2)
    change = membership.leave(who(1), 16, 1.0)
    assert change is not None and change.member.state is State.GONE
    assert who(1) in membership.roster(16, 0)
    assert who(1) not in membership.roster(24, 0)
    assert membership.leave(who(1), 16, 1.0) is None


def test_who_falls_silent_for_good_stays_in_the_rosters_up_to_where_it_was_seen() -> None:
    """MEMBER-6: others may have its ballots of those rounds, and derive the same digraphs."""
    membership = meet(1, 2)
    membership.seen_in(who(1), 16)
    for name in (1, 2):  # of the second no round was ever seen
        membership.asked(who(name), 1.0)
    membership.expire(1.0 + TIMING.suspect_after)
    membership.expire(1.0 + TIMING.suspect_after + TIMING.gone_after)
    assert set(membership.states().values()) == {"gone"}
    assert who(1) in membership.roster(16, 0) and who(1) not in membership.roster(24, 0)
    assert who(2) not in membership.roster(0, 0)


def test_who_has_finished_is_alive_but_in_no_later_roster() -> None:
    """MEMBER-6."""
    membership = meet(1)
    membership.finish(who(1), 16)
    assert membership.is_alive(who(1)) and membership.all_finished()
    assert who(1) in membership.roster(16, 0) and who(1) not in membership.roster(24, 0)


def test_silence_after_a_question_makes_suspect_then_gone() -> None:
    """MEMBER-4, MEMBER-5."""
    membership = meet(1, 2)
    membership.asked(who(1), 10.0)
    membership.asked(who(1), 12.0)  # the first question counts
    assert membership.wake_at() == 13.0, "to ask again"
    assert [m.author for m in membership.to_remind(13.0)] == [who(1)]
    membership.asked(who(1), 14.5)
    assert membership.wake_at() == 15.0, "to give it up"
    assert membership.expire(14.9) == []
    [change] = membership.expire(15.0)
    assert change.member.author == who(1) and change.member.state is State.SUSPECT
    assert not membership.is_alive(who(1)) and membership.is_alive(who(2))
    assert who(1) in membership.roster(0, 0), "a suspect stays in the digraph"
    assert membership.wake_at() == 75.0
    [change] = membership.expire(75.0)
    assert change.member.state is State.GONE
    assert membership.wake_at() is None
    membership.check()


def test_a_broken_connection_makes_suspect_at_once() -> None:
    """MEMBER-4."""
    membership = meet(1, 2)
    [change] = membership.lose("tcp://10.0.0.1:1", 3.0)
    assert change.member.author == who(1) and change.cause == "lost"
    assert membership.lose("tcp://10.0.0.1:1", 4.0) == []
    membership.check()
    assert membership.heard(who(1), 5.0) is not None and membership.is_alive(who(1))


def test_who_has_finished_and_hangs_up_has_left() -> None:
    """MEMBER-5."""
    membership = meet(1)
    membership.finish(who(1), 16)
    [change] = membership.lose("tcp://10.0.0.1:1", 3.0)
    assert change.cause == "bye" and change.member.state is State.GONE
    assert who(1) in membership.roster(16, 0)
    membership.check()


def test_any_answer_clears_suspicion() -> None:
    """MEMBER-1, MEMBER-4."""
    membership = meet(1)
    membership.asked(who(1), 0.0)
    assert membership.heard(who(1), 4.0) is None
    assert membership.expire(9.0) == []
    membership.asked(who(1), 10.0)
    membership.expire(15.0)
    change = membership.heard(who(1), 16.0)
    assert change is not None and membership.is_alive(who(1))
    membership.check()


def test_who_said_bye_comes_back_only_by_hello() -> None:
    """MEMBER-1."""
    membership = meet(1)
    membership.leave(who(1), 0, 1.0)
    assert membership.heard(who(1), 2.0) is None
    assert not membership.is_alive(who(1))
    assert membership.introduce(b"L5", hello(1, instance=2), 3.0) is Introduction.NEW
    assert membership.is_alive(who(1)) and not membership.has_left(who(1))


def test_own_lateness_is_not_held_against_others() -> None:
    """MEMBER-4."""
    membership = meet(1)
    membership.asked(who(1), 0.0)
    membership.excuse(60.0)  # this process was frozen for a minute
    assert membership.expire(61.0) == []
    assert len(membership.expire(65.0)) == 1


def test_who_was_suspected_in_vain_is_given_more_time() -> None:
    """MEMBER-4; but not after a connection that broke, which was no mistake."""
    membership = meet(1)
    membership.lose("tcp://10.0.0.1:1", 0.0)
    membership.heard(who(1), 1.0)
    membership.asked(who(1), 2.0)
    assert membership.wake_at() == 3.0 and len(membership.expire(7.0)) == 1
    membership.heard(who(1), 8.0)
    membership.asked(who(1), 9.0)
    assert membership.expire(18.9) == []
    assert len(membership.expire(19.0)) == 1


def test_a_suspect_whose_new_ballot_others_bring_lives() -> None:
    """MEMBER-4: once for each round, and not where its connection broke."""
    membership = meet(1, 2)
    membership.seen_in(who(1), 8)
    assert membership.vouched(who(1), 16) is None, "nobody doubts it"
    membership.asked(who(1), 0.0)
    membership.expire(5.0)
    assert membership.vouched(who(1), 8) is None, "an old ballot shows nothing"
    change = membership.vouched(who(1), 16)
    assert change is not None and change.cause == "vouched" and membership.is_alive(who(1))
    membership.check()
    membership.asked(who(1), 6.0)
    membership.expire(11.0)
    assert membership.vouched(who(1), 16) is None
    membership.lose("tcp://10.0.0.1:2", 12.0)
    assert membership.vouched(who(2), 99) is None
    assert membership.vouched(bytes(8), 99) is None


def test_every_quiet_member_is_probed_once_before_any_twice() -> None:
    """MEMBER-2."""
    membership = meet(1, 2, 3, 4)
    for _ in range(3):
        probed = []
        for _ in range(4):
            member = membership.next_to_probe(membership.present(), 95.0)
            assert member is not None
            probed.append(member.author)
        assert sorted(probed) == sorted(map(who, (1, 2, 3, 4)))


def test_members_heard_lately_are_not_probed() -> None:
    membership = meet(1, 2)
    membership.heard(who(1), 99.0)
    member = membership.next_to_probe(membership.present(), 95.0)
    assert member is not None and member.author == who(2)
    membership.heard(who(2), 99.0)
    assert membership.next_to_probe(membership.present(), 95.0) is None


def test_roster_hash_is_equal_where_the_same_is_known() -> None:
    """MEMBER-7."""
    here, there = meet(1), Membership(who(1), TIMING, Random(0))
    there.introduce(b"x", Hello(bytes(32), bytes(8), "tcp://h:1", bytes(32), start=0), 0.0)
    assert here.roster_hash(0) == there.roster_hash(0)
    assert here.roster_hash(0) != there.roster_hash(8), "first rounds count"
    here.leave(who(1), 0, 1.0)
    assert here.roster_hash(0) != there.roster_hash(0)


def test_members_and_links_are_bounded() -> None:
    """LIMIT-3."""
    membership = Membership(ME, TIMING, Random(0))
    for name in range(1, LIMITS.members + 1):
        membership.introduce(b"%d" % name, hello(name), 0.0)
    assert membership.introduce(b"x", hello(5000), 0.0) is Introduction.FULL
    membership.leave(who(7), None, 1.0)
    assert membership.introduce(b"x", hello(5000), 2.0) is Introduction.NEW, "the gone make room"
    for link in range(LIMITS.links + 50):
        membership.introduce(b"again %d" % link, hello(1), 3.0)
    membership.check()
