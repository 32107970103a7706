"""Virtual time runs forward, in order, and never waits."""

from __future__ import annotations

from tallyp2p.simulator.clock import Clock


def played(clock: Clock) -> list[float]:
    moments = []
    while clock.next() is not None:
        clock.step()
        moments.append(clock.now)
    return moments


def test_actions_happen_by_moment_then_by_order() -> None:
    clock, done = Clock(), list[str]()
    clock.at(2.0, done.append, "late")
    clock.at(1.0, done.append, "first")
    clock.at(1.0, done.append, "second")
    assert played(clock) == [1.0, 1.0, 2.0]
    assert done == ["first", "second", "late"]
    assert clock.steps == 3


def test_an_action_may_ask_for_another() -> None:
    clock, done = Clock(), list[float]()

    def again() -> None:
        done.append(clock.now)
        if len(done) < 3:
            clock.after(0.5, again)

    clock.after(1.0, again)
    played(clock)
    assert done == [1.0, 1.5, 2.0]


def test_the_past_is_done_next_and_time_never_runs_back() -> None:
    clock, done = Clock(), list[str]()
    clock.at(5.0, lambda: clock.at(1.0, done.append, "overdue"))
    clock.at(5.0, done.append, "due")
    assert played(clock) == [5.0, 5.0, 5.0]
    assert done == ["due", "overdue"]
