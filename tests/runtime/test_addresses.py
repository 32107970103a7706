"""Where a peer may listen: what is refused, whose fault it is, and what the person is told."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.runtime.addresses import bind_error, check_listen, encrypts, exposed


@pytest.mark.parametrize(
    "listen",
    [
        "tcp://127.0.0.1:*",
        "tcp://127.8.9.10:4000",
        "tcp://[::1]:*",
        "ipc:///tmp/nobody-has-this-path/peer",
    ],
)
def test_loopback_and_ipc_need_no_flag(listen: str) -> None:
    check_listen(listen, insecure=False)


@pytest.mark.parametrize("listen", ["tcp://192.0.2.1:4000", "tcp://[2001:db8::1]:*"])
def test_other_addresses_need_the_flag(listen: str) -> None:
    with pytest.raises(SettingsError, match="who can connect.*--insecure-listen"):
        check_listen(listen, insecure=False)
    check_listen(listen, insecure=True)


HERE, LAN, IPC = "tcp://127.0.0.1:*", "tcp://192.0.2.1:*", "ipc:///tmp/nobody-has-this-path/peer"


@pytest.mark.parametrize(
    ("listen", "wanted", "sealed", "insecure", "encrypted"),
    [
        (HERE, None, False, False, False),
        (HERE, True, False, False, True),
        (IPC, None, True, False, False),
        (LAN, None, False, False, True),
        (LAN, None, True, False, True),
        (LAN, False, True, False, False),  # the portable level: signed, and read by all
        (LAN, None, False, True, False),
        (LAN, False, False, True, False),
    ],
)
def test_before_other_hosts_a_peer_encrypts(
    listen: str, wanted: bool | None, sealed: bool, insecure: bool, encrypted: bool
) -> None:
    chosen = encrypts(listen, wanted=wanted, sealed=sealed, insecure=insecure)
    assert chosen is encrypted


@pytest.mark.parametrize(
    ("listen", "wanted", "insecure", "words"),
    [
        (LAN, False, False, "ballots of this run are not signed.*run.seal=ed25519"),
        (LAN, True, True, "contradict"),
        (IPC, True, False, "no other host can reach it"),
        ("tcp://0.0.0.0:7000", False, False, "ballots of this run are not signed"),
    ],
)
def test_what_nobody_can_mean_is_refused(
    listen: str, wanted: bool | None, insecure: bool, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        encrypts(listen, wanted=wanted, sealed=False, insecure=insecure)


@pytest.mark.parametrize("listen", ["tcp://*:4000", "tcp://0.0.0.0:*", "tcp://[::]:4000"])
def test_all_addresses_are_exposed(listen: str) -> None:
    assert exposed(listen)
    with pytest.raises(SettingsError, match="who can connect reads what is said"):
        check_listen(listen, insecure=False)


@pytest.mark.parametrize("host", ["[::0]", "[0:0:0:0:0:0:0:0]", "[::ffff:0.0.0.0]"])
def test_all_addresses_have_one_form(host: str) -> None:
    with pytest.raises(SettingsError, match=r"write tcp://0\.0\.0\.0:PORT"):
        check_listen(f"tcp://{host}:4000", insecure=True)


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "4000",
        "127.0.0.1:4000",
        "udp://127.0.0.1:4000",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:٣",
        "tcp://localhost:*",
        "tcp://::1:*",
        "tcp://[127.0.0.1]:*",
        "tcp://127.0.0.1]:*",
        "ipc:///tmp/with a space/peer",
        "ipc:///tmp/\N{LATIN SMALL LETTER E WITH ACUTE}/peer",
        "ipc:///tmp/" + 250 * "x",
        "ipc://",
        "ipc://*",
        "ipc://@abstract",
    ],
)
def test_malformed_addresses_are_the_persons_to_mend(listen: str) -> None:
    with pytest.raises(SettingsError, match="cannot listen on .*write"):
        check_listen(listen, insecure=True)


@pytest.mark.parametrize("host", ["fe80::1%lo", "fe80::1"])
def test_an_address_that_means_something_on_one_host_only_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="zone.*use another address of this host"):
        check_listen(f"tcp://[{host}]:*", insecure=True)


def test_a_users_file_is_not_taken_for_a_socket(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    with pytest.raises(SettingsError, match="a file of that name exists"):
        check_listen(f"ipc://{thesis}", insecure=False)
    assert thesis.read_text() == "years of work"


def test_an_ipc_path_in_use_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "peer"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)
        with pytest.raises(FailureError, match="in use"):
            check_listen(f"ipc://{path}", insecure=False)
    check_listen(f"ipc://{path}", insecure=False)  # its owner is gone: free again


def test_every_failure_to_bind_says_what_to_do() -> None:
    for code in (*errno.errorcode, 0):
        text = str(bind_error("tcp://127.0.0.1:9", code))
        assert text.startswith("cannot listen on tcp://127.0.0.1:9: ") and ";" in text
        assert "\n" not in text
