"""Multicast DNS: what is taken from what anybody may announce, and two that find each other."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.parameters import LIMITS
from tallyp2p.runtime import discovery
from tallyp2p.runtime.discovery import SERVICE, Lan, Rumours, check_lan, link_of
from tallyp2p.wire.keys import identity_text
from tests.link import link, unavailable
from tests.waiting import eventually

RUN, OTHER = bytes(32), bytes([1]) * 32
OWN = "tcp://10.0.0.1:7000"
NETWORKS = (ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("fd00::/64"))

try:
    import zeroconf  # noqa: F401

    NO_ZEROCONF = ""
except ImportError:
    NO_ZEROCONF = "the extra lan is not installed"

needs_zeroconf = pytest.mark.skipif(bool(NO_ZEROCONF), reason=NO_ZEROCONF)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def rumours(clock: Clock | None = None) -> Rumours:
    return Rumours(OWN, RUN, NETWORKS, clock or Clock())


def strings(*pairs: str | bytes) -> bytes:
    """The data of a TXT record."""
    raw = [pair.encode() if isinstance(pair, str) else pair for pair in pairs]
    return b"".join(bytes([len(pair)]) + pair for pair in raw)


def announced(endpoint: str, run: bytes = RUN) -> bytes:
    return strings(f"run={run.hex()}", f"endpoint={endpoint}")


@pytest.mark.parametrize("endpoint", ["tcp://10.0.0.2:7000", "tcp://[fd00::2]:1"])
def test_an_endpoint_of_this_run_on_this_link_is_taken_once(endpoint: str) -> None:
    heard = rumours()
    assert heard.hear(announced(endpoint)) == endpoint
    assert heard.hear(announced(endpoint)) is None


@pytest.mark.parametrize(
    "text",
    [
        announced("tcp://10.0.0.2:7000", OTHER),
        announced(OWN),
        announced("tcp://192.0.2.7:22"),  # nobody shall send peers to somebody else's host
        announced("tcp://[2001:db8::1]:80"),
        announced("tcp://[fe80::1]:7000"),
        announced("tcp://example.org:7000"),
        announced("ipc:///tmp/inbox"),
        announced("tcp://10.0.0.2:0"),
        announced("tcp://10.0.0:70"),
        announced("tcp://10.0.0.999:70"),
        announced("tcp://10.0.0.2:70\n"),
        strings(f"run={RUN.hex()}"),
        strings(f"run={RUN.hex()}", b"endpoint=tcp://\xff\xfe:7000"),
        strings("endpoint=tcp://10.0.0.2:7000"),
        strings("run", "endpoint"),
        strings(f"run={OTHER.hex()}", f"run={RUN.hex()}", "endpoint=tcp://10.0.0.2:7000"),
        announced("tcp://10.0.0.2:7000")[:-1],
        announced("tcp://10.0.0.2:7000") + bytes(500),
        b"",
        b"\xff",
    ],
)
def test_what_is_of_no_use_is_not_taken(text: bytes) -> None:
    assert rumours().hear(text) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(tail: bytes) -> None:
    heard = rumours()
    assert heard.hear(tail) is None
    heard.hear(strings(f"run={RUN.hex()}") + tail)


def test_a_storm_costs_a_few_connections_and_no_memory() -> None:
    clock, heard = Clock(), None
    heard = rumours(clock)
    hosts = (f"tcp://10.0.0.{n % 250 + 2}:{n // 250 + 1}" for n in range(100_000))
    assert sum(heard.hear(announced(next(hosts))) is not None for _ in range(5000)) == 32
    taken = 0
    for _ in range(4000):
        clock.now += 1.0
        taken += sum(heard.hear(announced(next(hosts))) is not None for _ in range(5))
    assert 1990 <= taken <= 2000
    assert len(heard._taken) <= LIMITS.members


def named(host: int, key: str) -> bytes:
    return announced(f"tcp://10.0.0.2:{host}#{key}")


MINE, THEIRS, OTHERS = (letter * 43 for letter in "AEI")


def test_only_who_encrypts_is_of_use_to_one_that_does() -> None:
    plain = rumours()
    secret = Rumours(f"{OWN}#{MINE}", RUN, NETWORKS, Clock())
    for heard in (plain, secret):
        taken = [heard.hear(announced("tcp://10.0.0.2:7000")), heard.hear(named(7000, THEIRS))]
        assert [endpoint is not None for endpoint in taken] == [heard is plain, heard is secret]


def test_where_members_are_listed_no_flood_hides_one() -> None:
    clock = Clock()
    heard = Rumours(f"{OWN}#{MINE}", RUN, NETWORKS, clock, {MINE, THEIRS})
    assert not any(heard.hear(named(port, OTHERS)) for port in range(1, 1000))
    assert heard.hear(named(7000, THEIRS)) is not None
    # Whoever lies about where a member is costs a few connections, and only for a while.
    assert sum(heard.hear(named(port, THEIRS)) is not None for port in range(1, 1000)) == 3
    clock.now = 61.0
    assert heard.hear(named(7001, THEIRS)) is not None


def test_a_flood_in_the_names_of_all_members_costs_one_dead_end_each_and_a_few() -> None:
    """Each may cost a socket for `join_deadline`: four for each of 1,024 members were 160 MB."""
    clock, keys = Clock(), [identity_text(bytes([n]) * 32) for n in range(100)]
    heard = Rumours(f"{OWN}#{MINE}", RUN, NETWORKS, clock, {MINE, *keys})
    taken = sum(heard.hear(named(port, key)) is not None for port in range(1, 9) for key in keys)
    assert taken == len(keys) + 32


def test_who_is_announced_again_later_is_dialled_again() -> None:
    """It may have been given up in between, and nothing else would say that it is back."""
    clock = Clock()
    heard = rumours(clock)
    taken = []
    for clock.now in (0.0, 30.0, 59.0, 61.0, 100.0):
        taken.append(heard.hear(announced("tcp://10.0.0.2:7000")) is not None)
    assert taken == [True, False, False, True, False]


@pytest.mark.parametrize("listen", ["ipc:///tmp/x", "tcp://example.org:70", "tcp://10.0.0:7000"])
def test_an_address_that_is_not_on_a_network_is_refused(listen: str) -> None:
    if NO_ZEROCONF:
        pytest.skip(NO_ZEROCONF)
    with pytest.raises(SettingsError, match="--listen tcp://192.168.1.5"):
        check_lan(listen)


def test_without_zeroconf_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(SettingsError, match=r"pip install 'tallyp2p\[lan\]'"):
        check_lan("tcp://127.0.0.1:*")


@needs_zeroconf
def test_the_interface_is_that_of_the_address() -> None:
    assert ipaddress.ip_network("127.0.0.0/8") in link_of("tcp://127.0.0.1:7000").networks
    assert "127.0.0.1" in link_of("tcp://[::1]:7000#name").addresses
    with pytest.raises(FailureError, match="no interface"):
        link_of("tcp://192.0.2.77:7000")


@needs_zeroconf
async def test_a_link_without_multicast_fails_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zeroconf import asyncio as library

    def refuse(**given: object) -> None:
        raise OSError(98, "Address already in use")

    lan = Lan("tcp://127.0.0.1:7000", RUN, bytes(8))
    monkeypatch.setattr(library, "AsyncZeroconf", refuse)
    with pytest.raises(FailureError, match="already in use; join by --seed"):
        async with lan:
            pass


def port() -> int:
    """A number that no other test announces at this time."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@asynccontextmanager
async def heard_by(lan: Lan) -> AsyncIterator[list[str]]:
    """What comes to be known, as it does."""
    found: list[str] = []

    async def collect() -> None:
        async for endpoint in lan.others():
            found.append(endpoint)

    async with lan:
        task = asyncio.ensure_future(collect())
        try:
            yield found
        finally:
            task.cancel()


@needs_zeroconf
async def test_two_of_a_run_find_each_other_and_not_a_third_of_another() -> None:
    run = os.urandom(32)
    one, two, three = (f"tcp://127.0.0.1:{port()}" for _ in range(3))
    async with (
        heard_by(Lan(three, OTHER, os.urandom(8))) as by_three,
        heard_by(Lan(one, run, os.urandom(8))) as by_one,
        heard_by(Lan(two, run, os.urandom(8))) as by_two,
    ):
        await eventually(lambda: bool(by_one and by_two))
        assert (by_one, by_two, by_three) == ([two], [one], [])


@needs_zeroconf
async def test_an_announcement_is_withdrawn_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    run = os.urandom(32)
    farewells: list[bytes] = []
    core = discovery._listener

    def listener(hear: Callable[[bytes], None]) -> object:
        inner = core(hear)
        update = inner.async_update_records

        def watch(zc: object, now: float, records: list[Any]) -> None:
            for record in (update.new for update in records):
                if record.ttl == 0 and record.key.endswith(SERVICE) and hasattr(record, "text"):
                    farewells.append(record.text)
            update(zc, now, records)

        inner.async_update_records = watch
        return inner

    monkeypatch.setattr(discovery, "_listener", listener)
    one, two = (f"tcp://127.0.0.1:{port()}" for _ in range(2))
    async with heard_by(Lan(one, run, os.urandom(8))) as by_one:
        async with heard_by(Lan(two, run, os.urandom(8))):
            await eventually(lambda: by_one == [two])
        await eventually(lambda: any(two.encode() in text for text in farewells))


def hostile(run: bytes) -> list[bytes]:
    """Datagrams that a zeroconf of good will would not send."""
    head = b"\0\0\x84\0\0\0\0\1\0\0\0\0"
    kind = b"".join(bytes([len(part)]) + part.encode() for part in SERVICE.split(".")[:-1]) + b"\0"

    def record(name: bytes, text: bytes, length: int | None = None) -> bytes:
        size = len(text) if length is None else length
        return head + name + kind + b"\0\x10\x80\1\0\0\x11\x94" + size.to_bytes(2, "big") + text

    good = announced("tcp://127.0.0.1:9", run)
    made = [
        head[:5],
        head,
        head + b"\xc0\x0c" * 40,  # names that point at themselves
        record(b"\x3f" + b"n" * 63 + b"\x3f" + b"m" * 63, good, 60_000),
        record(b"\x01\xff", b"\xff" * 900),
        record(b"\x04bomb", bytes(8000)),
        record(b"\x00", good),
        os.urandom(400),
    ]
    for number in range(3000):
        name = b"\x3f" + f"{number:063d}".encode()
        made.append(record(name, announced(f"tcp://127.0.0.2:{number + 1}", OTHER)))
    return made


@pytest.mark.slow
@needs_zeroconf
async def test_thousands_of_hostile_announcements_change_nothing() -> None:
    run = os.urandom(32)
    one, two = (f"tcp://127.0.0.1:{port()}" for _ in range(2))
    longest = 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        async with heard_by(Lan(one, run, os.urandom(8))) as by_one:
            for datagram in hostile(run):
                stranger.sendto(datagram, ("224.0.0.251", 5353))
                before = time.thread_time()
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - before)
            async with heard_by(Lan(two, run, os.urandom(8))):
                await eventually(lambda: two in by_one)
            assert by_one == [two]
    assert longest < 0.5, longest  # seconds of work for which the loop was held


# --- real peers on hosts of their own ---------------------------------------------------------

QUICK = ["--set", "rounds=24", "--set", "learning.warmup=8", "--lan", "--insecure-listen"]


@pytest.mark.slow
@needs_zeroconf
@pytest.mark.parametrize("six", [False, True])
def test_peers_on_a_link_find_each_other(six: bool, tmp_path: Path) -> None:
    """Where IPv6 is switched off, and where there is nothing else."""
    if reason := unavailable():
        pytest.skip(reason)
    with link(2, four=not six, six=six) as hosts:
        logs = [tmp_path / f"log-{number}" for number in range(2)]
        started = []
        for number, (host, log) in enumerate(zip(hosts, logs, strict=True)):
            address = f"[{host.six}]" if six else host.four
            place = ["--shard", f"{number}/2", "--listen", f"tcp://{address}:*"]
            command = host.enter(sys.executable, "-m", "tallyp2p.cli", "peer", *place, *QUICK)
            with log.open("wb") as output:
                started.append(subprocess.Popen(command, stdout=output, stderr=output))
        try:
            assert [process.wait(90) for process in started] == [0, 0], logs[0].read_text()
        finally:
            for process in started:
                process.kill()
                process.wait()
        for log in logs:
            assert " joined\n" in log.read_text() and log.read_text().endswith("done\n")
