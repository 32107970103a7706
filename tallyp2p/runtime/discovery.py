"""How the peers of one local network find each other: multicast DNS, by python-zeroconf.

Each peer announces a service `_tallyp2p._tcp.local.` (RFC 6762 and 6763) whose TXT record
says `run=` the run's digest in hexadecimal, and `endpoint=` what HELLO says.  Anybody on the
network may announce anything, so what is heard is a rumour: it may add an endpoint to be
dialled and can do nothing else.  Only the TXT records are read; where a peer is and whether
it is one shows in the handshake.

zeroconf is imported only when somebody asks for discovery; it is the extra `lan`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import FailureError, SettingsError
from ..parameters import LIMITS
from ..wire.hello import ENDPOINT, endpoint_key

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

__all__ = ["SERVICE", "Link", "Lan", "Rumours", "check_lan", "link_of"]

_log = logging.getLogger(__name__)

SERVICE = "_tallyp2p._tcp.local."

_TEXT = 512  # bytes of a TXT record that are looked at; ours has at most 340
_BURST = 32  # endpoints taken at once; the others become known from those (PEERS)
_REFILL = 0.5  # endpoints a second taken after that: each may cost a socket for `join_deadline`
_EACH = 4  # endpoints taken in a minute of one who is on the list of members: the first always,
# the others as those of anybody, so that a flood in the names of all costs each one dead end
_AGAIN = 60.0  # s after which an endpoint that is announced anew is dialled anew
_ASK_FIRST, _ASK_LAST = 10.0, 320.0  # s between two questions: doubling from, up to

_HOST = re.compile(r"tcp://(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9*]+)", re.A)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Link:
    """One interface of this host."""

    name: str
    index: int
    addresses: tuple[str, ...]  # IPv4, in numbers
    six: bool  # whether it has an address of IPv6
    networks: tuple[Network, ...]  # whoever is on the same link has an address in one of them


def check_lan(listen: str) -> None:
    """Refuse `--lan` early where it cannot work.  Raises :class:`SettingsError`."""
    try:
        import zeroconf  # noqa: F401
    except ImportError:
        raise SettingsError(
            "--lan needs python-zeroconf: install it with `pip install 'tallyp2p[lan]'`"
        ) from None
    _host(listen)


def link_of(endpoint: str) -> Link:
    """The interface that has the address of `endpoint`, tcp with an address in numbers.

    Raises :class:`SettingsError` for another endpoint, :class:`FailureError` where no
    interface has that address.
    """
    import ifaddr

    wanted = _host(endpoint)
    for adapter in ifaddr.get_adapters():
        addresses: list[str] = []
        networks: list[Network] = []
        six, found = False, False
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text.partition("%")[0])
            found |= address == wanted
            networks.append(ipaddress.ip_network((address, ip.network_prefix), strict=False))
            if address.version == 4:
                addresses.append(text)
            six |= address.version == 6 and not address.is_loopback  # zeroconf needs another
        if found:
            index = -1 if adapter.index is None else adapter.index
            return Link(adapter.nice_name, index, tuple(addresses), six, tuple(networks))
    raise FailureError(f"no interface of this host has the address of {endpoint}")


def _host(endpoint: str) -> Address:
    parts = _HOST.match(endpoint)
    if parts is not None:
        with suppress(ValueError):
            return ipaddress.ip_address(parts[1] or parts[2])
    raise SettingsError(
        f"--lan announces an address on the local network, which {endpoint} is not: listen on "
        "one, as in --listen tcp://192.168.1.5:*"
    )


class Rumours:
    """Which announced endpoints are worth dialling: those of this run, on this link, not too many.

    `clock` gives seconds that never go back; `listed`: the keys of all members, as endpoints
    name them, where the run has such a list: then who floods hides a member only by announcing
    that one's own key, and has to for each member.
    """

    def __init__(
        self,
        own: str,
        run: bytes,
        networks: tuple[Network, ...],
        clock: Callable[[], float],
        listed: Collection[str] | None = None,
    ) -> None:
        self._own, self._networks, self._clock = own, networks, clock
        self._listed = listed
        self._encrypted = bool(endpoint_key(own))
        self._tag = run.hex().encode()
        self._by_key: dict[str, list[float]] = {}  # of members: when the newest were taken
        self._taken: dict[str, float] = {}  # when each was, the oldest first
        self._tokens, self._counted = float(_BURST), clock()

    def hear(self, text: bytes) -> str | None:
        """The endpoint that a TXT record's data announces, or None where it is of no use."""
        said = _strings(text) if len(text) <= _TEXT else {}
        if said.get(b"run") != self._tag:
            return None
        endpoint = said.get(b"endpoint", b"").decode("ascii", "replace")
        if endpoint == self._own or not self._near(endpoint):
            return None
        now = self._clock()
        key = endpoint_key(endpoint)
        if bool(key) != self._encrypted:  # one of the two could not talk to the other
            return None
        if now < self._taken.get(endpoint, -_AGAIN) + _AGAIN or not self._allows(key, now):
            return None
        self._taken.pop(endpoint, None)
        if len(self._taken) >= LIMITS.members:
            del self._taken[next(iter(self._taken))]
        self._taken[endpoint] = now
        return endpoint

    def _near(self, endpoint: str) -> bool:
        """Whether it can be dialled, and leads to this link: nobody shall point peers elsewhere."""
        if len(endpoint) > LIMITS.endpoint or not ENDPOINT.fullmatch(endpoint):
            return False
        try:
            address = _host(endpoint)
        except SettingsError:
            return False
        if address.version == 6 and address.is_link_local:  # needs a zone, which endpoints lack
            return False
        return any(address in network for network in self._networks)

    def _allows(self, key: str, now: float) -> bool:
        """Whether one more may be taken; it is counted then."""
        if self._listed is None or not key:
            return self._spends(now)
        if key not in self._listed:
            return False
        times = [at for at in self._by_key.get(key, ()) if now < at + _AGAIN]
        if times and (len(times) >= _EACH or not self._spends(now)):
            return False
        self._by_key[key] = [*times, now]
        return True

    def _spends(self, now: float) -> bool:
        """Whether there is room for one more of those that nobody need be believed about."""
        self._tokens = min(_BURST, self._tokens + (now - self._counted) * _REFILL)
        self._counted = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _strings(text: bytes) -> dict[bytes, bytes]:
    """The pairs of a TXT record's data; the first of a key counts (RFC 6763, 6.4)."""
    pairs: dict[bytes, bytes] = {}
    at = 0
    while at < len(text):
        end = at + 1 + text[at]
        key, equals, value = text[at + 1 : end].partition(b"=")
        if equals and end <= len(text):
            pairs.setdefault(key.lower(), value)
        at = end
    return pairs


class Lan:
    """Announces an endpoint on its link, and hears the others: `async with`, then `others()`.

    Make it inside the event loop.  The announcement is withdrawn at the end.
    Raises :class:`SettingsError` and :class:`FailureError` where the link cannot be used.
    """

    def __init__(
        self, endpoint: str, run: bytes, name: bytes, listed: Collection[str] | None = None
    ) -> None:
        """`run`: the digest of the run; `name`: random bytes, which name the announcement;
        `listed`: see :class:`Rumours`."""
        self._endpoint, self._run, self._name = endpoint, run, name.hex()
        loop = asyncio.get_running_loop()
        self.link = link_of(endpoint)
        self._rumours = Rumours(endpoint, run, self.link.networks, loop.time, listed)
        self._found: asyncio.Queue[str] = asyncio.Queue(_BURST)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Lan:
        from zeroconf import IPVersion
        from zeroconf.asyncio import AsyncZeroconf

        link = self.link
        version = IPVersion.All if link.six else IPVersion.V4Only
        if not link.addresses:
            version = IPVersion.V6Only
        where: list[str | int] = [*link.addresses, *([link.index] if link.six else [])]
        try:
            self._zeroconf: AsyncZeroconf = AsyncZeroconf(interfaces=where, ip_version=version)
        except (OSError, RuntimeError) as error:
            raise FailureError(
                f"cannot use multicast DNS on {link.name}: {error}; join by --seed instead of --lan"
            ) from None
        core = self._zeroconf.zeroconf
        core.async_add_listener(_listener(self._hear), None)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._announce()), loop.create_task(self._ask(core))]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(OSError):
            await self._zeroconf.async_close()

    async def others(self) -> AsyncIterator[str]:
        """Endpoints of other peers as they are announced; never ends."""
        while True:
            yield await self._found.get()

    def _hear(self, text: bytes) -> None:
        endpoint = self._rumours.hear(text)
        if endpoint is not None:
            with suppress(asyncio.QueueFull):
                self._found.put_nowait(endpoint)

    async def _announce(self) -> None:
        try:
            # The name is random, so nobody is asked whether it is free, nor can anybody deny it.
            await self._zeroconf.async_register_service(self._info(), cooperating_responders=True)
        except Exception as error:  # others may still find us by what we dial
            _log.warning("cannot announce this peer on %s: %s", self.link.name, error)

    async def _ask(self, core: Zeroconf) -> None:
        """Ask who is there, ever more seldom: a network that was down says nothing by itself."""
        from zeroconf.asyncio import AsyncServiceBrowser

        pause = _ASK_FIRST
        while True:
            # A browser asks three times, names what it knows, and is only wanted for that.
            browser: AsyncServiceBrowser = AsyncServiceBrowser(core, SERVICE, handlers=[_ignore])
            try:
                await asyncio.sleep(pause)
            finally:
                await browser.async_cancel()
            pause = min(2 * pause, _ASK_LAST)

    def _info(self) -> ServiceInfo:
        from zeroconf import ServiceInfo

        parts = _HOST.match(self._endpoint)
        assert parts is not None
        return ServiceInfo(
            SERVICE,
            f"{self._name}.{SERVICE}",
            port=int(parts[3]),
            parsed_addresses=[parts[1] or parts[2]],
            properties={"run": self._run.hex(), "endpoint": self._endpoint},
            server=f"{self._name}.local.",
        )


def _ignore(**change: Any) -> None:
    """What a browser tells is not needed."""


def _listener(hear: Callable[[bytes], None]) -> Any:
    """What zeroconf tells of every record, each TXT of the service handed to `hear`.

    No service is looked up: that would cost a question and a wait for each that is announced.
    """
    from zeroconf import RecordUpdate, RecordUpdateListener

    class Listener(RecordUpdateListener):
        def async_update_records(
            self, zc: Zeroconf, now: float, records: list[RecordUpdate]
        ) -> None:
            for update in records:
                record = update.new
                text = getattr(record, "text", None)  # only TXT has one; ttl 0 is a farewell
                if isinstance(text, bytes) and record.ttl and record.key.endswith(f".{SERVICE}"):
                    hear(text)

    return Listener()
