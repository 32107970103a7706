"""At which address others reach a peer that listens on all of its host's.

`tcp://0.0.0.0:PORT` can be listened on but not dialled, so HELLO must name another address.
The routing table knows: it is the one from which packets towards the other peers leave.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable

from ..errors import SettingsError

__all__ = ["everywhere", "reached_at", "wider"]

_ALL = {"*": socket.AF_INET, "0.0.0.0": socket.AF_INET, "[::]": socket.AF_INET6}
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # nobody's: for the route
_SIOCGIFADDR = 0x8915  # Linux: the IPv4 address of an interface
_DISCARD = 9  # a port; connecting a datagram socket sends nothing


def everywhere(listen: str) -> bool:
    """Whether that is all addresses of this host."""
    return listen.startswith("tcp://") and _host(listen) in _ALL


def reached_at(listen: str, seeds: Iterable[str] = ()) -> str:
    """The host part of the endpoint to be told to others, of a peer that listens `everywhere`.

    From where packets to the first seed on another host leave; else to any other network; else
    the only address that this host has; else loopback.  For 0.0.0.0 that is one of IPv4, whatever
    the seeds are: nobody listens on another.  Raises :class:`SettingsError` where several
    addresses are as good.
    """
    family = _ALL[_host(listen)]
    hosts = [_host(seed).strip("[]") for seed in seeds if seed.startswith("tcp://")]
    for towards in (*filter(_elsewhere, hosts), _FAR[family]):
        if family == socket.AF_INET and ":" in towards:
            continue
        if found := _leaves(towards):
            return found
    own = sorted(set(_interfaces()))
    if len(own) > 1:
        raise SettingsError(
            f"cannot tell at which address other peers reach this host, which has "
            f"{', '.join(own)}: name one, as in --listen tcp://{own[0]}:*"
        )
    return own[0] if own else "127.0.0.1"


def wider(listen: str, seeds: Iterable[str]) -> str | None:
    """Where to listen instead, if a seed's host cannot reach this one; None if nothing says so.

    That is: `listen` is on loopback, and the number or name of a seed is not this host's own.
    A name is not looked up: it may be known only later.
    """
    try:
        if not ipaddress.ip_address(_host(listen).strip("[]")).is_loopback:
            return None
    except ValueError:  # ipc, or nothing that can be listened on
        return None
    own_names = {"localhost", "*", socket.gethostname()}
    for seed in seeds:
        if not seed.startswith("tcp://"):
            continue
        towards = _host(seed).strip("[]")
        if not _is_number(towards) and towards not in own_names:
            return "tcp://0.0.0.0:*"
        if _elsewhere(towards) and (_leaves(towards) or "").strip("[]") != towards:
            return "tcp://[::]:*" if ":" in towards else "tcp://0.0.0.0:*"
    return None


def _host(endpoint: str) -> str:
    return endpoint.removeprefix("tcp://").rpartition(":")[0]


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _elsewhere(host: str) -> bool:
    """Whether that is a number, of another host."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _leaves(towards: str) -> str | None:
    """The own address from which packets to a host leave, None where there is no way."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((towards, _DISCARD))
            own: str = probe.getsockname()[0]
    except OSError:
        return None
    if not _elsewhere(own) or "%" in own or ipaddress.ip_address(own).is_link_local:
        return None
    return f"[{own}]" if family == socket.AF_INET6 else own


def _interfaces() -> Iterable[str]:
    """IPv4 addresses of this host's interfaces, without loopback; none where that is not told."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                told = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # it has none
                continue
            address = socket.inet_ntoa(told[20:24])
            if _elsewhere(address):
                yield address
