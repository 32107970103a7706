"""Under which address a peer goes that listens on all of its host's."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.runtime import reaching
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.reaching import everywhere, reached_at, wider
from tallyp2p.runtime.transport import Transport


def routed(routes: dict[str, str]) -> Callable[[str], str | None]:
    """As if packets left from these addresses, and from none towards others."""
    return routes.get


def test_what_means_all_addresses() -> None:
    assert all(map(everywhere, ("tcp://0.0.0.0:1", "tcp://*:*", "tcp://[::]:7000")))
    assert not any(map(everywhere, ("tcp://10.0.0.1:1", "tcp://[::1]:1", "ipc://0.0.0.0:1")))


def test_the_way_to_a_seed_decides_before_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        reaching, "_leaves", routed({"192.0.2.1": "172.17.0.2", "10.9.0.7": "10.9.0.1"})
    )
    assert reached_at("tcp://0.0.0.0:7000") == "172.17.0.2"
    assert (
        reached_at("tcp://0.0.0.0:7000", ["tcp://127.0.0.1:5", "tcp://10.9.0.7:7000#x"])
        == "10.9.0.1"
    )
    assert reached_at("tcp://0.0.0.0:7000", ["tcp://somewhere.local:7000"]) == "172.17.0.2"


def test_where_ipv4_is_listened_on_no_seed_of_ipv6_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others would be told an address that nobody listens on; [::] hears both kinds."""
    routes = {"fd00::7": "[fd00::1]", "192.0.2.1": "172.17.0.2", "10.9.0.7": "10.9.0.1"}
    monkeypatch.setattr(reaching, "_leaves", routed(routes))
    six, four = "tcp://[fd00::7]:7000#x", "tcp://10.9.0.7:7000"
    assert reached_at("tcp://0.0.0.0:7000", [six]) == "172.17.0.2"
    assert reached_at("tcp://*:7000", [six, four]) == "10.9.0.1"
    assert reached_at("tcp://[::]:7000", [six]) == "[fd00::1]"
    assert reached_at("tcp://[::]:7000", [four]) == "10.9.0.1"


def test_loopback_does_not_do_for_seeds_of_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"10.9.0.1": "10.9.0.1", "fd00::1": "[fd00::1]", "10.9.0.7": "10.9.0.1"}
    monkeypatch.setattr(reaching, "_leaves", routed(own))
    names = [f"tcp://{name}:1" for name in ("localhost", socket.gethostname())]
    near = ["tcp://127.0.0.1:1", "ipc:///tmp/a", "tcp://10.9.0.1:1", *names]
    assert wider("tcp://127.0.0.1:*", [*near, "tcp://[fd00::1]:1#x"]) is None
    assert wider("tcp://127.0.0.1:*", [*near, "tcp://10.9.0.7:1#x"]) == "tcp://0.0.0.0:*"
    assert wider("tcp://127.0.0.1:*", [*near, "tcp://b.local:1#x"]) == "tcp://0.0.0.0:*"
    assert wider("tcp://[::1]:*", ["tcp://[fd00::7]:1"]) == "tcp://[::]:*"
    for listen in ("tcp://0.0.0.0:*", "tcp://10.9.0.1:7000", "tcp://[::]:*", "ipc:///tmp/b"):
        assert wider(listen, ["tcp://10.9.0.7:1"]) is None


def test_without_a_way_out_the_only_address_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "_leaves", routed({}))
    monkeypatch.setattr(reaching, "_interfaces", lambda: ["10.9.0.1"])
    assert reached_at("tcp://*:*") == "10.9.0.1"
    monkeypatch.setattr(reaching, "_interfaces", lambda: [])
    assert reached_at("tcp://*:*") == "127.0.0.1"
    monkeypatch.setattr(reaching, "_interfaces", lambda: ["10.9.0.1", "10.8.0.1"])
    with pytest.raises(SettingsError, match=r"10\.8\.0\.1, 10\.9\.0\.1: name one, as in --listen"):
        reached_at("tcp://0.0.0.0:7000")


def test_this_hosts_own_tables_are_asked() -> None:
    """Loopback is never an answer of a route, and every interface has an address of numbers."""
    assert reaching._leaves("127.0.0.1") is None
    for address in reaching._interfaces():
        assert socket.inet_aton(address) and not address.startswith("127.")


async def test_such_a_peer_is_reached_on_loopback_too_and_names_another_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reaching, "_leaves", routed({"192.0.2.1": "198.51.100.7"}))
    here, there = Transport(Meter(), insecure=True), Transport(Meter(), insecure=True)
    try:
        endpoint = here.bind("tcp://0.0.0.0:*")
        assert endpoint.startswith("tcp://198.51.100.7:")
        there.bind("tcp://127.0.0.1:*")
        port = endpoint.rpartition(":")[2]
        assert there.dial(f"tcp://127.0.0.1:{port}") and there.send(
            f"tcp://127.0.0.1:{port}", b"hi"
        )
        [(_, frame)] = await here.receive()
        assert frame == b"hi"
    finally:
        await here.close(0)
        await there.close(0)
