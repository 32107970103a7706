"""The sets of a partial view keep their bounds whatever comes, and choose as they say."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tallyp2p.gossip.neighbours import Neighbours
from tallyp2p.gossip.nonces import Nonces

VIEW = 4
NAMES = [bytes([n]) * 8 for n in range(20)]


def at(number: int) -> str:
    return f"tcp://h:{number}"


_number = st.integers(0, 60)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.lists(_number, max_size=64)),
        st.tuples(st.just("pick"), _number),
        st.tuples(st.just("draw"), st.sets(_number)),
        st.tuples(st.just("prove"), _number, st.booleans()),
        st.tuples(st.just("choose"), st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES))),
        st.tuples(st.just("drop"), st.sampled_from(NAMES)),
        st.tuples(st.just("give up"), st.floats(0, 100)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(_steps, st.integers(0, 2**32))
def test_nothing_outgrows_its_bound_and_picks_are_never_endpoints_to_avoid(
    steps: list[tuple[object, ...]], seed: int
) -> None:
    """VIEW-2: hypothesis prints the steps and the seed that break it."""
    view = Neighbours(VIEW, Random(seed), Nonces(b""))
    now = 0.0
    for word, *about in steps:
        now += 1.0
        match word, about:
            case "learn", [list(numbers)]:
                view.learn(map(at, numbers), {at(0)})
            case "pick", [int(number)]:
                view.pick(at(number), now)
            case "draw", [set(numbers)]:
                drawn = view.draw({at(number) for number in numbers})
                assert drawn not in {at(number) for number in numbers} and drawn != at(0)
                assert drawn not in view.picks
            case "prove", [int(number), bool(right)]:
                pick = view.picks.get(at(number))
                nonce = pick.nonce if pick and right else 0
                assert view.proven(at(number), nonce) == (pick is not None and right)
                assert not view.proven(at(number), nonce), "a proof is good once"
            case "choose", [bytes(author), set(alive)]:
                before = view.chosen
                silent = [a for a in before if a not in alive]
                gone = view.choose(author, alive, NAMES[:2])
                assert view.has_chosen(author) and (gone is None or gone in before)
                if gone is not None and silent:
                    assert gone == silent[0], "who is silent goes first"
            case "drop", [bytes(author)]:
                view.drop(author)
                assert not view.has_chosen(author)
            case "give up", [float(moment)]:
                assert all(endpoint not in view.picks for endpoint in view.give_up(moment))
        view.check()


def test_the_oldest_goes_but_not_while_its_ballot_is_awaited() -> None:
    """VIEW-7."""
    view = Neighbours(3, Random(0), Nonces(b""))
    for name in NAMES[:3]:
        assert view.choose(name, NAMES, ()) is None
    assert view.choose(NAMES[0], NAMES, ()) is None, "chosen already"
    assert view.choose(NAMES[3], NAMES, NAMES[:1]) == NAMES[1]
    assert view.choose(NAMES[4], NAMES, ()) == NAMES[0]
    assert view.choose(NAMES[5], NAMES[4:5], ()) == NAMES[2], "silent, and the oldest"


def test_strangers_fill_guests_seats_and_no_others() -> None:
    """VIEW-3."""
    view = Neighbours(VIEW, Random(0), Nonces(b""))
    assert view.admits(at(1), 2 * VIEW - 1) and not view.admits(at(1), 2 * VIEW)
    view.pick(at(1), 0.0)
    assert view.admits(at(1), 2 * VIEW), "a pick that answers is no stranger"
    assert not view.admits(at(1), 3 * VIEW), "but many may claim to be at its endpoint"


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**32))
def test_a_sample_is_half_of_the_chosen_half_of_guests_or_what_there_is(
    chosen: int, guests: int, seed: int
) -> None:
    """VIEW-5."""
    view = Neighbours(12, Random(seed), Nonces(b""))
    ours, theirs = [at(n) for n in range(chosen)], [at(100 + n) for n in range(guests)]
    some = view.sample(list(ours), list(theirs))
    assert len(some) == len(set(some)) == min(6, chosen + guests)
    assert len(set(some) & set(theirs)) <= max(3, 6 - chosen)
    assert len(set(some) & set(ours)) <= max(3, 6 - guests)


def test_who_sends_many_endpoints_cannot_drive_all_others_out() -> None:
    """VIEW-4: the place in a full cache is drawn."""
    view = Neighbours(8, Random(0), Nonces(b""))
    view.learn(map(at, range(32)), ())
    view.learn(map(at, range(100, 108)), ())
    left = set()
    while (endpoint := view.draw(())) is not None:
        left.add(endpoint)
    assert len(left) == 32 and len(left & {at(n) for n in range(32)}) >= 24
