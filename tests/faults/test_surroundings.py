"""What surrounds a process fails: its port, its files, its clock, the names of others."""

from __future__ import annotations

import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.air import address
from tests.faults.field import LATE, PORT, QUICK, Field, Nursery
from tests.waiting import LONG

pytestmark = pytest.mark.slow

DEADLINE = float(QUICK["timing.deadline"])
GOSSIP = float(QUICK["timing.gossip_interval"])
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def test_a_port_in_use_is_said_in_one_sentence(nursery: Nursery, tmp_path: Path) -> None:
    with Field(nursery, tmp_path, peers=2, rounds=40, settings=QUICK) as field:
        (first,) = field.start([0])
        field.until(lambda: "listens" in first.log, LONG, "peer 0 to listen")
        taken = field.endpoint(0)
        (second,) = field.start([1], namespace=field.namespace(0), options=[f"--listen={taken}"])
        field.until(lambda: field.dead([1]), LONG, "the second process to end")
        assert second.code == 1
        (line,) = (line for line in second.log.splitlines() if line.startswith("Error"))
        assert taken in line and "in use" in line and "choose another port" in line
        assert not field.dead([0])


def test_out_of_files_a_peer_lives_and_recovers(nursery: Nursery, tmp_path: Path) -> None:
    """Strangers take all files that it may open; peer 3 is started when there are none."""
    settings = {**QUICK, "timing.quorum": "2"}
    with Field(nursery, tmp_path, peers=4, rounds=160, settings=settings, pause=0.2) as field:
        field.start([0, 1, 2])
        field.until_round([0, 1, 2], 4)
        victim = field.newest(0).id
        used = len(os.listdir(f"/proc/{victim}/fd"))
        limits = resource.prlimit(victim, resource.RLIMIT_NOFILE)
        resource.prlimit(victim, resource.RLIMIT_NOFILE, (used + 8, limits[1]))
        strangers = field.strangers(1, field.endpoint(0), 64)
        field.until(
            lambda: len(os.listdir(f"/proc/{victim}/fd")) >= used + 8, LONG, "no file to be left"
        )
        field.start([3])
        at = field.newest(0).round
        field.until_round([0, 1, 2], at + 6)  # it goes on meanwhile
        strangers.end()
        resource.prlimit(victim, resource.RLIMIT_NOFILE, limits)
        field.until(lambda: "joined" in field.newest(3).log, LONG, "peer 3 to be met")
        field.until(
            lambda: any(line["alive"] == 4 for line in field.newest(0).metrics("round")),
            LONG,
            "the victim to know peer 3",
        )
        field.finish()
        history = field.history()
    assert not history.equivocations()
    assert max(history.waits(range(4))) < DEADLINE + LATE


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
def test_a_clock_that_jumps_changes_nothing(nursery: Nursery, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+2d")
    jumping = {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    # With the shipped timing: what a busy host delays is no clock's fault.
    with Field(nursery, tmp_path / "f", peers=4, rounds=40, pause=0.15) as field:
        field.start([3], environment=jumping)
        field.until(lambda: "listens" in field.newest(3).log, 90, "peer 3 to listen")
        field.start([0, 1, 2])
        for jump in ("-1h", "+1h", "-2d"):
            field.until_round(range(4), field.newest(0).round + 2)
            clock.write_text(jump)
        field.finish()
        history = field.history()
        made = datetime.fromisoformat(field.newest(3).metrics("started")[0]["time"])
        assert made - datetime.now(UTC) > timedelta(days=1)  # its clock was indeed another one
    tallies = [history.of(peer)[0].elections() for peer in range(4)]
    assert all(tally == tallies[0] for tally in tallies) and len(tallies[0]) == 20
    for peer in range(4):
        (life,) = history.of(peer)
        for _, change in life.notices("member_changed"):
            assert change["state"] == "alive" or change["cause"] == "bye", change


def test_a_name_that_is_found_late_holds_up_nobody(nursery: Nursery, tmp_path: Path) -> None:
    """Peer 2 knows 0 by a name that nobody answers for; each question takes seconds."""
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    resolver.write_text(f"nameserver {address(99)}\noptions timeout:2\n")
    settings = {**QUICK, "timing.quorum": "2"}
    with Field(nursery, tmp_path / "f", peers=4, rounds=100, settings=settings, pause=0.2) as field:
        field.start([0], seeds=[])  # nobody will tell 2 where 0 is, nor 0 where 2 is
        field.start(
            [2],
            seeds=[f"tcp://alpha.example:{PORT}"],
            mounts={"/etc/hosts": str(hosts), "/etc/resolv.conf": str(resolver)},
        )
        field.until(lambda: "listens" in field.newest(2).log, LONG, "peer 2 to listen")
        field.start([3], seeds=[field.endpoint(2)])
        field.until_round([2, 3], 10)  # meanwhile it makes its rounds with whom it can reach
        assert field.newest(0).round == -1
        hosts.write_text(f"127.0.0.1 localhost\n{address(0)} alpha.example\n")
        field.until(lambda: "joined" in field.newest(0).log, LONG, "peer 0 to be found")
        field.finish()
        history = field.history()
    assert max(history.waits([2, 3])) < 3.5  # two questions in vain take four seconds
    assert len(history.of(0)[0].elections()) > 2
