from __future__ import annotations

from tallyp2p.gossip import events
from tallyp2p.gossip.events import Resumed
from tallyp2p.gossip.joining import Joining
from tallyp2p.messages import Hello
from tallyp2p.parameters import RunParameters, Timing
from tests.world import World

RUN = RunParameters(pool=40, probes=4, rounds_per_ballot=8)


def joining(quorum: int = 2) -> Joining:
    return Joining(RUN, Timing(quorum=quorum, patience=1.0, join_deadline=60.0))


def hello(round: int | None = None, held: int | None = None, name: int = 0) -> Hello:
    identity = name.to_bytes(32, "big")
    return Hello(identity, bytes(8), "tcp://h:1", bytes(32), round=round, held=held)


def test_a_fresh_swarm_starts_at_round_0_when_all_are_there() -> None:
    """JOIN-1, JOIN-4."""
    first = joining(quorum=3)
    first.begin(0.0, fresh=True)
    assert first.start == 0
    assert not first.may_begin(1.0, present=2, newest_seen=None)
    assert first.may_begin(1.0, present=3, newest_seen=None)


def test_only_a_fresh_start_that_has_time_need_not_be_looked_at_below_its_quorum() -> None:
    first, late = joining(quorum=3), joining(quorum=3)
    first.begin(0.0, fresh=True)
    late.begin(0.0, fresh=False)
    assert (first.needs(59.0, 0), first.needs(60.0, 0)) == (3, 0)
    assert (first.needs(29.0, 8), first.needs(30.0, 8)) == (3, 0), "the swarm goes on without it"
    assert late.needs(59.0, -1) == 0, "its first round may be decided by one answer"


def test_who_lacks_its_quorum_is_not_left_behind_for_ever() -> None:
    """JOIN-4: whom it never met may be dead."""
    first = joining(quorum=3)
    first.begin(0.0, fresh=True)
    assert not first.may_begin(29.0, present=2, newest_seen=8), "they may still wait for it"
    assert not first.may_begin(30.0, present=2, newest_seen=7), "nobody has closed a round"
    assert first.may_begin(30.0, present=2, newest_seen=8)


def test_a_joiner_starts_two_ballots_after_the_newest_round_it_hears_of() -> None:
    """JOIN-2."""
    late = joining()
    late.begin(0.0, fresh=False)
    assert not late.decide(50.0, complete=True), "nobody answered"
    late.hear(hello(round=40), 1.0)
    late.hear(hello(round=32), 1.1)
    assert late.decide(1.2, complete=True)
    assert late.start == 56
    assert not late.may_begin(2.0, present=9, newest_seen=48), "it would run ahead"
    assert late.may_begin(2.0, present=9, newest_seen=56)


def test_decision_waits_a_moment_for_others_answers() -> None:
    """JOIN-2."""
    late = joining()
    late.begin(0.0, fresh=False)
    late.hear(hello(round=40), 5.0)
    assert late.wake_at() == 6.0
    assert not late.decide(5.9, complete=False)
    assert late.decide(6.0, complete=False)
    assert not late.decide(6.0, complete=True), "decided once"


def test_nobody_has_begun_means_round_0() -> None:
    """JOIN-2."""
    second = joining()
    second.begin(0.0, fresh=False)
    second.hear(hello(round=None), 1.0)
    assert second.decide(1.0, complete=True) and second.start == 0


def test_a_peer_that_kept_its_state_waits_for_its_quorum_and_not_for_a_first_round() -> None:
    """JOIN-5."""
    again = joining(quorum=3)
    again.resume(Resumed(40, 16, 48))
    again.begin(0.0, fresh=True)
    again.hear(hello(round=64, held=48), 1.0)
    assert (again.start, again.likely()) == (16, 40)
    assert not again.decide(9.0, complete=True)
    assert not again.may_begin(1.0, present=2, newest_seen=64)
    assert again.may_begin(1.0, present=3, newest_seen=None)
    assert again.needs(1.0, 64) == 3


def test_what_it_kept_is_not_believed_where_others_hold_a_newer_ballot_of_its_own() -> None:
    """JOIN-5: it would vote twice in a round."""
    again = joining()
    again.resume(Resumed(40, 0, 48))
    again.begin(0.0, fresh=True)
    again.hear(hello(round=48, held=56), 1.0)
    assert not again.resumes and again.decide(1.0, complete=True)
    assert again.start == 64


def test_a_returning_peer_starts_after_its_newest_ballot_that_others_hold() -> None:
    """JOIN-2."""
    back = joining()
    back.begin(0.0, fresh=False)
    back.hear(hello(round=8, held=48), 1.0)
    assert back.decide(1.0, complete=True)
    assert back.start == 56


def test_who_believed_in_a_fresh_start_is_corrected() -> None:
    """JOIN-3."""
    late = joining()
    late.begin(0.0, fresh=True)
    late.hear(hello(round=24), 1.0)
    assert late.start is None and not late.fresh
    assert late.decide(2.0, complete=False) and late.start == 40


def test_who_was_met_before_it_began_says_nothing_against_a_fresh_start() -> None:
    """JOIN-3."""
    slow = joining(quorum=3)
    slow.begin(0.0, fresh=True)
    slow.hear(hello(round=None), 1.0)
    slow.hear(hello(round=24), 9.0, acquainted=True)
    assert slow.start == 0


def test_a_fresh_peer_that_meets_one_other_late_is_not_left_out_of_round_0() -> None:
    """Else the same seed in lockstep would not give the same ballots."""
    world = World(7, timing=Timing(quorum=7, rounds=8), start=False)
    peers = [world.add(index) for index in range(7)]
    for peer in peers:  # 0 and 6 do not know of each other until a PING tells the others
        known = [p.endpoint for p in peers if {p.index, peer.index} != {0, 6}]
        world.feed(peer, events.Started(peer.endpoint, tuple(known), fresh=True))
    world.run_for(1.0)
    assert peers[0].machine.round is None and (peers[1].machine.round or 0) > 0
    world.finish()
    assert all(peer.learnt == [0, 2, 4, 6] for peer in peers)


def test_after_the_join_deadline_two_are_enough_and_one_is_not() -> None:
    """JOIN-4."""
    first = joining(quorum=5)
    first.begin(0.0, fresh=True)
    assert not first.may_begin(59.0, present=2, newest_seen=None)
    assert first.may_begin(60.0, present=2, newest_seen=None)
    assert not first.may_begin(60.0, present=1, newest_seen=None)


def test_of_three_answers_one_liar_decides_nothing() -> None:
    """JOIN-2."""
    late = joining()
    late.begin(0.0, fresh=False)
    for name, round in enumerate((320, 40, 48)):
        late.hear(hello(round, name=name), 1.0)
    late.hear(hello(None, name=9), 1.0)  # another joiner knows nothing
    assert late.decide(2.0, complete=True) and late.start == 64


def test_who_decided_by_a_liars_word_decides_again_when_others_answer() -> None:
    late = joining()
    late.begin(0.0, fresh=False)
    late.hear(hello(320), 1.0)
    assert late.decide(2.0, complete=True)
    starts = [late.start]
    for name in (1, 2):
        late.hear(hello(40, name=name), 2.5)
        starts.append(late.start)
    assert starts == [336, None, None]
    assert late.decide(2.5, complete=True) and late.likely() == 56
    late.hear(hello(48, name=1), 2.6)
    assert late.likely() == 56, "others that go on are no reason"


def test_a_new_swarm_is_not_sent_away_by_one_that_says_it_is_old() -> None:
    """JOIN-3."""
    first = joining(quorum=4)
    first.begin(0.0, fresh=True)
    first.hear(hello(320), 1.0)
    assert not first.fresh, "one answer is all that it has"
    for name in (1, 2):
        first.hear(hello(None, name=name), 1.1)
    assert first.decide(1.2, complete=True) and first.likely() == 0


def test_who_would_come_too_late_by_few_words_waits_for_more() -> None:
    """JOIN-4."""
    timing = Timing(rounds=80, suspect_after=5.0)
    late = Joining(RUN, timing)
    late.begin(0.0, fresh=False)
    late.hear(hello(320), 1.0)
    assert late.decide(2.0, complete=True) and late.past_the_end
    assert not late.too_late(5.9) and late.wake_at() == 6.0 and late.too_late(6.0)
    for name in (1, 2):
        late.hear(hello(320, name=name), 2.5)
    assert late.too_late(2.5)


def test_who_goes_on_hears_more_than_the_first_answer() -> None:
    """JOIN-5: a copy of the disk was laid back, and only the second that answers can tell."""
    back = joining()
    back.resume(Resumed(16, 0, 8))
    back.begin(0.0, fresh=False)
    back.hear(hello(round=40, name=1), 5.0)
    assert back.needs(5.9, 40) > 2 and back.wake_at() == 6.0
    back.hear(hello(round=40, held=32, name=2), 5.5)
    assert not back.resumes
    whole = joining()
    whole.resume(Resumed(16, 0, 8))
    whole.begin(0.0, fresh=False)
    whole.hear(hello(round=40, held=8, name=1), 5.0)
    assert whole.needs(6.0, 40) == 2 and whole.resumes
    assert whole.wake_at() == 60.0, "no tick is wanted for what is past"


def test_one_that_lies_about_what_it_holds_sends_nobody_away() -> None:
    """JOIN-2, JOIN-3: it says that it has a ballot of the run's last round."""
    for first in (0, 4):
        late, new = joining(), joining()
        late.begin(0.0, fresh=False)
        new.begin(0.0, fresh=True)
        for name in range(5):
            lie = 559 if name == first else None
            late.hear(hello(round=40, held=lie, name=name), 1.0)
            new.hear(hello(held=lie, name=name), 1.0)
        assert late.decide(1.5, complete=True) and late.start == 56
        assert new.start == 0 or (new.decide(1.5, complete=True) and new.start == 0)


def test_two_that_hold_the_same_ballot_are_believed_and_one_that_can_be_right() -> None:
    """JOIN-2.  A swarm that starts again names no round, and knows what it has heard."""
    lost, late = joining(), joining()
    lost.begin(0.0, fresh=False)
    late.begin(0.0, fresh=False)
    for name, held in enumerate((None, 96, 96, None)):
        lost.hear(hello(held=held, name=name), 1.0)
    assert lost.decide(1.5, complete=True) and lost.start == 104
    for name, held in enumerate((None, 56, None)):
        late.hear(hello(round=40, held=held, name=name), 1.0)
    assert late.decide(1.5, complete=True) and late.start == 64


def test_of_two_that_contradict_each_other_neither_sends_a_joiner_where_nobody_comes() -> None:
    """JOIN-2: it waits for a third, and without one begins by the lower: from there it catches up,
    while from a round of the far future it would wait for ever."""
    late, honest, liar = joining(), hello(round=40, name=1), hello(round=80_000, name=2)
    late.begin(0.0, fresh=False)
    late.hear(honest, 1.0)
    late.hear(liar, 1.1)
    assert not late.decide(5.9, complete=True) and late.wake_at() == 6.0
    assert late.decide(6.0, complete=True) and late.start == 56
    late = joining()
    late.begin(0.0, fresh=False)
    for one in (liar, honest, hello(round=48, name=3)):
        late.hear(one, 1.0)
    assert late.decide(1.2, complete=True) and late.start == 64
