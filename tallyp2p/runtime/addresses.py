"""Which addresses a peer may listen on, and what to say when one cannot be had."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Callable

from ..errors import FailureError, SettingsError
from ..parameters import LIMITS
from ..wire.hello import ENDPOINT
from .reaching import everywhere

__all__ = ["bind_error", "check_listen", "encrypts", "exposed"]


def check_listen(listen: str, insecure: bool) -> None:
    """Refuse an address that would expose the inbox, or that cannot be listened on.

    Any host that can connect to a ROUTER in clear can fill its memory, so only loopback and
    ipc are allowed unless `insecure` is set, or the peer encrypts (see :func:`encrypts`).
    Raises :class:`SettingsError`; :class:`FailureError` when an ipc path is in use.
    """
    if exposed(listen) and not insecure:
        raise SettingsError(
            f"will not listen on {listen}: who can connect reads what is said and may join; use "
            "tcp://127.0.0.1:* or ipc://PATH, or allow it with --insecure-listen on a network "
            "whose every host you trust"
        )


def encrypts(listen: str, *, wanted: bool | None, sealed: bool, insecure: bool) -> bool:
    """Whether a peer that listens there encrypts.

    Where other hosts can reach it, it does; on loopback and ipc, where they cannot, only if
    it is `wanted` (None: nobody said).  In clear before other hosts: in a `sealed` run, whose
    ballots are signed, when it is not `wanted`; in any other only if `insecure` is set.
    Raises :class:`SettingsError` as `check_listen` does, and for what contradicts itself.
    """
    reachable = exposed(listen)
    if wanted and listen.startswith("ipc://"):
        raise SettingsError(
            f"nothing is encrypted on {listen}: no other host can reach it; leave out --encrypt "
            "(network.encrypt), or listen on tcp://ADDRESS:PORT"
        )
    if wanted and insecure:
        raise SettingsError("--encrypt and --insecure-listen contradict each other: omit one")
    if not reachable or insecure:
        return bool(wanted)
    if wanted is False and not sealed:
        raise SettingsError(
            f"will not listen on {listen} in clear: ballots of this run are not signed, so who "
            "can connect may vote as anybody; leave out --no-encrypt, or sign ballots (--set "
            "run.seal=ed25519), or allow it with --insecure-listen on a network whose every "
            "host you trust"
        )
    return wanted is not False


def exposed(listen: str) -> bool:
    """Whether other hosts can reach that address; raises for one that cannot be had."""
    scheme, separator, rest = listen.partition("://")
    if separator and scheme == "ipc" and rest:
        _check_path(listen, rest)
        return False
    host, colon, port = rest.rpartition(":")
    if not (separator and scheme == "tcp" and colon and host and _is_port(port)):
        raise SettingsError(
            f"cannot listen on {listen!r}: write tcp://ADDRESS:PORT (PORT may be *) or ipc://PATH"
        )
    if everywhere(listen):
        return True
    address = _address(listen, host)
    if address.is_unspecified:
        raise SettingsError(
            f"cannot listen on {listen}: write tcp://0.0.0.0:PORT or tcp://[::]:PORT"
        )
    return not address.is_loopback


def bind_error(listen: str, code: int) -> FailureError:
    """The error to raise when the operating system refused to bind, by its errno."""
    advice: Callable[[str], str] = {
        errno.EADDRINUSE: lambda at: (
            f"cannot listen on {at}: it is in use; choose another "
            "port (or * for any free one), or stop the process that holds it"
        ),
        errno.EACCES: lambda at: (
            f"cannot listen on {at}: not permitted; choose a port "
            "above 1023, or a directory that you may write to"
        ),
        errno.EADDRNOTAVAIL: lambda at: (
            f"cannot listen on {at}: this host does not have "
            "that address; use one of its own, such as 127.0.0.1"
        ),
        errno.ENODEV: lambda at: (
            f"cannot listen on {at}: this host does not have that "
            "address; use one of its own, such as 127.0.0.1"
        ),
        errno.ENOENT: lambda at: f"cannot listen on {at}: its directory does not exist; create it",
        errno.ENAMETOOLONG: lambda at: (
            f"cannot listen on {at}: the path is too long for a "
            "socket (about 100 bytes); choose a shorter one"
        ),
        errno.EMFILE: lambda at: (
            f"cannot listen on {at}: too many open files; raise the limit with `ulimit -n`"
        ),
    }.get(code, lambda at: f"cannot listen on {at}: {os.strerror(code)}; choose another address")
    return FailureError(advice(listen))


def _address(listen: str, host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that `host` writes out; for one of IPv4 in IPv6 clothes the former."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        address = None
    version = 4 if bare == host else 6
    if address is not None and address.version == 6 and address.is_link_local:
        raise SettingsError(
            f"cannot listen on {listen}: an address of fe80:: says nothing without a zone, which "
            "is another one on each host; use another address of this host, as `ip addr` names it"
        )
    if address is None or address.version != version or "%" in bare:  # HELLO has no zones
        raise SettingsError(
            f"cannot listen on {listen}: write the address in numbers, as in tcp://127.0.0.1:* "
            "or tcp://[::1]:*"
        )
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_port(text: str) -> bool:
    return text == "*" or (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535)


def _check_path(listen: str, path: str) -> None:
    """libzmq removes whatever it finds at an ipc path, so look before it does.

    It would take the path of a running peer without an error, and delete a user's file.
    """
    if path == "*" or path.startswith("@"):
        raise SettingsError(f"cannot listen on {listen}: write the path of a file, ipc://PATH")
    if not ENDPOINT.fullmatch(listen) or len(listen) > LIMITS.endpoint:  # HELLO carries it
        raise SettingsError(
            f"cannot listen on {listen}: other peers are told the path, so write it in ASCII "
            f"without spaces or *, in at most {LIMITS.endpoint} characters with ipc://"
        )
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # binding will say what is wrong, if anything
    if not stat.S_ISSOCK(mode):
        raise SettingsError(f"cannot listen on {listen}: a file of that name exists")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return  # left behind by a process that is gone
        except OSError as error:
            raise bind_error(listen, error.errno or errno.EADDRINUSE) from None
    raise bind_error(listen, errno.EADDRINUSE)
