"""Each fault happens when and to whom it should, and peers live with it."""

from __future__ import annotations

import pytest

from tallyp2p.gossip.events import Effect
from tallyp2p.messages import Message
from tallyp2p.simulator.faults import drawn, forgetful
from tallyp2p.simulator.host import Host
from tallyp2p.simulator.result import Result
from tallyp2p.simulator.spec import (
    Churn,
    Crash,
    Freeze,
    Group,
    Join,
    Leave,
    Link,
    Partition,
    Promises,
    Slow,
    Step,
)
from tallyp2p.simulator.world import World
from tests.simulator.worlds import world

SIDES = (Group("a", (0, 1)), Group("b", (2, 3, 4)))


def played(**changes: object) -> tuple[World, Result]:
    made = World(world(**changes))
    return made, made.run()


def test_crashed_peers_stay_away() -> None:
    made, result = played(crashes=(Crash((1, 3), at=4.0),))
    assert result.finish["crashed"] == 2 and result.finish["completed"] == 3
    assert result.lives == 5 and made.peers[1].dead


@pytest.mark.parametrize("same_endpoint", [True, False])
@pytest.mark.parametrize("disk", [True, False])
def test_restarted_peers_take_part_again(same_endpoint: bool, disk: bool) -> None:
    crash = Crash((1,), at=4.0, restart_after=1.0, disk=disk, same_endpoint=same_endpoint)
    made, result = played(crashes=(crash,))
    assert result.finish["completed"] == 5 and result.lives == 6
    old, new = made.hosts[1], made.peers[1]
    assert old.dead and new.life == 5
    assert old.machine.author == new.machine.author
    assert (old.endpoint == new.endpoint) is same_endpoint
    assert result.annulled == 0


def test_a_disk_keeps_the_own_ballots() -> None:
    made = World(world())
    while made.clock.now < 7.0:
        made.clock.step()
    for disk, kept in ((True, True), (False, False)):
        made.crash(1, noticed=True, disk=disk)
        made.restart(1)
        author = made.peers[1].machine.author
        assert (made.peers[1].machine.ledger.newest(author) is not None) is kept


def test_churn_is_the_crashes_that_it_drew() -> None:
    made, result = played(churn=Churn(every=2.0, down=1.0, begin=3.0, end=12.0, noticed=False))
    crashes = drawn(made)
    assert len(crashes) >= 3
    assert played(crashes=crashes)[1].trace_hash == result.trace_hash


def test_churn_crashes_and_brings_back() -> None:
    churn = Churn(every=2.0, down=1.0, begin=3.0, end=12.0)
    _, result = played(churn=churn)
    assert result.lives > 7 and result.finish["completed"] == 5


def test_who_may_forget() -> None:
    assert forgetful(world()) == frozenset()
    assert forgetful(world(crashes=(Crash((1,), disk=False), Crash((2,))))) == {1}
    assert forgetful(world(churn=Churn(every=1.0, disk=False))) == set(range(5))


def test_joiners_come_and_take_part() -> None:
    made, result = played(joins=(Join((4,), at=6.0, seeds=(1,)),))
    assert result.finish["completed"] == 5
    assert 0 < made.watch.closed[made.peers[4].life] < 12


def test_leavers_say_goodbye() -> None:
    made, result = played(leaves=(Leave((0,), at=5.0),), promises=Promises(complete=False))
    assert result.finish["left"] == 1 and result.finish["completed"] == 4
    finish = made.peers[0].finish
    assert finish is not None and finish.text == "stopped"
    assert made.done_at[0] == 5.0


def test_partitions_cut_and_heal() -> None:
    made, result = played(groups=SIDES, partitions=(Partition(4.0, 9.0, ("a", "b")),))
    assert result.messages["cut"] > 0 and result.finish["completed"] == 5
    assert made.watch.disturbed == 9.0


def test_frozen_peers_go_on() -> None:
    _, result = played(freezes=(Freeze((2,), 4.0, 11.0),))
    assert result.finish["completed"] == 5
    _, result = played(freezes=(Freeze((2,), 4.0),))  # for good: nobody waits for ever
    assert result.finish == {"completed": 4, "left": 0, "gave_up": 0, "crashed": 0, "unfinished": 1}


def test_slow_peers_are_slow_for_a_while() -> None:
    made, result = played(slow=(Slow((2,), 4.0, 9.0, work=0.05, training=2.0),))
    assert result.finish["completed"] == 5
    assert made.peers[2].work == 0.0 and made.peers[2].hindered == 2


def test_faults_find_nobody_who_is_gone() -> None:
    late = 1000.0
    _, result = played(
        crashes=(Crash((0,), at=late, restart_after=1.0),),
        freezes=(Freeze((1,), late, late + 1),),
        links=Link(loss=0.1),
    )
    assert result.finish["completed"] == 5 and result.seconds < late


LAST = {
    Step.HELLO: "Hello",
    Step.VOTE: "VoteOn",
    Step.BALLOT: "Ballot",
    Step.DIGEST: "Digest",
    Step.WANT: "Want",
    Step.LEARN: "Learn",
}


@pytest.mark.parametrize("step", LAST)
def test_a_process_ends_where_it_is_told_to(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing that it does is the one that was named."""
    said: list[object] = []
    send, obey = Host._send, Host._obey

    def sends(self: Host, endpoint: str, message: Message) -> None:
        if self.index == 1 and not self.dead:
            said.append(message)
        send(self, endpoint, message)

    def obeys(self: Host, effect: Effect) -> None:
        if self.index == 1 and not self.dead:
            said.append(effect)
        obey(self, effect)

    monkeypatch.setattr(Host, "_send", sends)
    monkeypatch.setattr(Host, "_obey", obeys)
    crash = Crash((1,), at=3.0 if step is not Step.HELLO else 0.0, step=step)
    made = World(world(crashes=(crash,), links=Link(loss=0.2)))
    result = made.run()
    assert result.finish["crashed"] == 1 and made.peers[1].dead
    assert type(said[-1]).__name__ == LAST[step], said[-1]


def test_who_ended_in_the_middle_of_its_work_can_come_back() -> None:
    crash = Crash((1,), at=3.0, restart_after=1.0, step=Step.BALLOT)
    made = World(world(crashes=(crash,)))
    assert made.run().finish["completed"] == 5 and len(made.hosts) == 6
