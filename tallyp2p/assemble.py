"""The one place where the wings meet: from a profile and a seat to a peer that listens.

A *seat* says which peer of a run somebody is: which shard of the data it trains on, and
under which identity it votes.  torch is imported only when a learner is built.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .birth import Birth, check_listed
from .errors import SettingsError
from .gossip.events import Resumed
from .gossip.neighbours import most_lines
from .parameters import LIMITS, RunParameters, Seal
from .payloads import author_of
from .profiles import Profile, Transport
from .runtime.addresses import encrypts, exposed
from .runtime.admission import Encryption
from .runtime.files import allow_files
from .runtime.meter import Meter
from .runtime.node import Node, Observer
from .runtime.transport import Transport as Sockets
from .tracing.recording import Recorded, TraceFile
from .version import __version__
from .wire.hello import ENDPOINT, endpoint_key

if TYPE_CHECKING:
    from .keeping import Recalled
    from .learning.builder import Built
    from .wire.electorate import Electorate

__all__ = [
    "AGENT",
    "OPEN_RUN",
    "Member",
    "Seat",
    "assemble",
    "author",
    "build",
    "build_own",
    "check_endpoint",
    "check_open",
    "check_swarm",
    "key_seat",
    "most_talked_to",
    "named_seat",
    "new_seat",
    "shard_seat",
    "swarm_listen",
    "swarm_profile",
    "will_encrypt",
]

AGENT = f"tallyp2p/{__version__}"
OPEN_RUN = (
    "OPEN RUN: anybody who can reach a peer of this run may vote, under as many names as they "
    "like, so its votes have no security"
)

_log = logging.getLogger(__name__)

_PATIENCE = 2.0  # s for a training step and the last state, when told to leave (all within 5)
_UNIX_PATH = 100  # bytes; systems allow 103 to 107 for the path of a Unix socket

Entropy = Callable[[int], bytes]  # n -> n random bytes


@dataclass(frozen=True, slots=True)
class Seat:
    """Which peer of a run somebody is."""

    index: int  # shard of the data, 0 .. peers - 1
    secret: bytes = field(
        repr=False
    )  # 32 bytes: the identity, or in sealed runs the secret key of it


@dataclass(frozen=True, slots=True)
class Member:
    """A peer, put together and listening; `await node.run(...)` makes it take part."""

    seat: Seat
    run: RunParameters
    rounds: int
    author: bytes
    endpoint: str
    meter: Meter
    built: Built
    node: Node
    resumed: Resumed | None = None  # where it goes on, if it was there before


def shard_seat(profile: Profile, index: int) -> Seat:
    """The peer of shard `index`, always the same one for the same run seed.

    So a peer of a swarm that was killed is started again as itself: its ballots of before
    stay its own, and it does not vote twice in a round.  Raises :class:`SettingsError`.
    """
    if not 0 <= index < profile.peers:
        raise SettingsError(
            f"there is no shard {index}: the data is cut into {profile.peers}, counted from 0"
        )
    words = b"TALLY1-SHARD" + profile.seed.to_bytes(8, "big") + index.to_bytes(4, "big")
    return Seat(index, hashlib.sha256(words).digest())


def named_seat(profile: Profile, name: str, index: int | None = None) -> Seat:
    """The peer of this name, always the same one; its shard follows from it unless given."""
    return _seat(profile, hashlib.sha256(b"TALLY1-NAME" + name.encode()).digest(), index)


def new_seat(profile: Profile, index: int | None = None, entropy: Entropy = os.urandom) -> Seat:
    """A peer that never was before, on a random shard unless given."""
    return _seat(profile, entropy(32), index)


def key_seat(
    profile: Profile,
    secret: bytes,
    index: int | None = None,
    electorate: Electorate | None = None,
) -> Seat:
    """The peer with this secret key of 32 bytes; its shard follows from its identity unless given.

    Raises :class:`SettingsError` where the run does not sign, or has a list without this peer.
    """
    if profile.run.seal is not Seal.ED25519:
        raise SettingsError(
            "a key (--key) signs, but ballots of this run are not signed: add "
            "--set run.seal=ed25519, as all peers of the run must"
        )
    from .wire.seal import identity_of

    identity = identity_of(secret)
    check_listed(profile.run.electorate, electorate, identity)
    if index is None:
        index = int.from_bytes(author_of(identity), "big") % profile.peers
    return replace(shard_seat(profile, index), secret=secret)


def check_open(profile: Profile, listen: str, asked: bool) -> bool:
    """Whether anybody who can reach `listen` may vote as often as they like: an open run.

    Logs that in plain words.  Raises :class:`SettingsError` where nobody has `asked` for it.
    """
    if profile.run.electorate or not exposed(listen):
        return False
    if not asked:
        raise SettingsError(
            f"will not listen on {listen} without a list of members: whoever can connect could "
            "vote under as many names as they like; invite those who may (tallyp2p invite), or "
            "ask for an open run with --open (open_run=True)"
        )
    _log.warning(OPEN_RUN)
    return True


def _seat(profile: Profile, secret: bytes, index: int | None) -> Seat:
    if index is None:
        index = int.from_bytes(secret[8:16], "big") % profile.peers
    return replace(shard_seat(profile, index), secret=secret)


def author(seat: Seat, run: RunParameters) -> bytes:
    """The author id, 8 bytes, of the peer of `seat`."""
    if not _sealed(run):
        return author_of(seat.secret)
    from .wire.seal import identity_of

    return author_of(identity_of(seat.secret))


def swarm_profile(profile: Profile) -> Profile:
    """The profile of a peer that is started together with all others of its swarm.

    All are there before the first round, so a swarm's ballots depend on its seed alone; except
    where a peer knows only some (run.view): it waits for half as many as it will choose.
    """
    view = profile.run.view
    quorum = min(profile.peers, view // 2 + 1) if view else profile.peers
    return replace(profile, timing=replace(profile.timing, quorum=quorum))


def build(profile: Profile, index: int) -> Built:
    """The learner of shard `index`, and the run as its data makes it.  Imports torch.

    For processes that share their host with other peers: torch keeps to one thread.
    """
    from .learning.builder import build as build_learner
    from .learning.builder import use_one_thread

    use_one_thread()
    return build_learner(
        learning=profile.learning,
        data=profile.data,
        run=profile.run,
        seed=profile.seed,
        index=index,
        peers=profile.peers,
        rounds=profile.timing.rounds,
    )


def build_own(
    profile: Profile, index: int, model: Any, train: Any, probes: Any, test: Any, classes: int
) -> Built:
    """The learner of a person's own model and data.  Imports torch."""
    from .learning.builder import build_own as build_learner

    return build_learner(
        model=model,
        train=train,
        probes=probes,
        test=test,
        classes=classes,
        learning=profile.learning,
        run=profile.run,
        seed=profile.seed,
        index=index,
        rounds=profile.timing.rounds,
    )


def assemble(
    profile: Profile,
    seat: Seat,
    built: Built,
    *,
    listen: str | None = None,
    seeds: Sequence[str] = (),
    observers: Iterable[Observer] = (),
    insecure: bool = False,
    encrypt: bool | None = None,
    electorate: Electorate | None = None,
    trace: TraceFile | None = None,
    recalled: Recalled | None = None,
    entropy: Entropy = os.urandom,
) -> Member:
    """Put a peer together and let it listen.  Call it inside the event loop that will run it.

    `listen`: instead of the profile's address; `seeds`: where it will join: where it listens on
    all addresses, it goes by the one from which they are reached; `encrypt`, `insecure`: see
    `will_encrypt`; `electorate`: the list of members, where the run has one: nobody else may
    connect, nor is heard; `trace`: where everything is recorded that the machine is told and
    does; `recalled`: what lies on disk, and is kept there.  Raises
    :class:`SettingsError` and :class:`FailureError` for an address that cannot be had.
    """
    allow_files(most_talked_to(profile))
    run = built.run
    birth = Birth.of(run, profile.timing, seat.secret, entropy(8), entropy(32), AGENT)
    machine = birth.machine() if trace is None else Recorded(birth, trace)
    codec = birth.codec(machine, seat.secret, electorate)
    listen = listen or profile.network.listen
    encryption = None
    if will_encrypt(profile, listen=listen, encrypt=encrypt, insecure=insecure):
        # Where identities are no keys, the connection's is fresh at every start.
        encryption = Encryption.of(
            seat.secret if _sealed(run) else entropy(32),
            None if electorate is None else electorate.curve_keys,
        )
    meter = Meter(curve=encryption is not None)
    sockets = Sockets(meter, insecure=True, encryption=encryption, entropy=entropy)
    try:
        endpoint = sockets.bind(listen, seeds)
    except BaseException:
        sockets.abandon()
        raise
    for ballot in () if recalled is None else recalled.ballots:
        machine.ledger.add(ballot)
    node = Node(
        machine,
        codec,
        sockets,
        built.contributor,
        run,
        observers,
        patience=_PATIENCE,
        keeper=None if recalled is None else recalled.keeper,
        resumed=None if recalled is None else recalled.resumed,
    )
    return Member(
        seat=seat,
        run=run,
        rounds=profile.timing.rounds,
        author=machine.author,
        endpoint=endpoint,
        meter=meter,
        built=built,
        node=node,
        resumed=None if recalled is None else recalled.resumed,
    )


def most_talked_to(profile: Profile) -> int:
    """How many others a peer of this profile talks to at most, while no stranger comes."""
    view = profile.run.view
    return min(profile.peers, most_lines(view)) if view else profile.peers


def will_encrypt(
    profile: Profile,
    seeds: Sequence[str] = (),
    *,
    listen: str | None = None,
    encrypt: bool | None = None,
    insecure: bool = False,
) -> bool:
    """Whether a peer encrypts that listens there and joins at `seeds`.

    `encrypt`: what a person said, None: nothing, so the profile decides, then the address
    (see `addresses.encrypts`), and a seed that names a key.  Raises :class:`SettingsError`
    where address, wish and seeds do not go together.
    """
    wanted = encrypt
    asked = not insecure and any(map(endpoint_key, seeds))
    if wanted is None and (profile.network.encrypt or asked):
        wanted = True
    sealed = profile.run.seal is Seal.ED25519
    at = listen or profile.network.listen
    encrypted = encrypts(at, wanted=wanted, sealed=sealed, insecure=insecure)
    for seed in seeds:
        if encrypted and not endpoint_key(seed):
            raise SettingsError(
                f"will not join at {seed}: this peer encrypts, and that address names nobody's "
                "key; write it whole, with # and the key, as the peer to be joined prints it"
            )
        if endpoint_key(seed) and not encrypted:
            raise SettingsError(
                f"cannot join at {seed} in clear: that peer encrypts; leave out --no-encrypt "
                "and --insecure-listen"
            )
    return encrypted


def _sealed(run: RunParameters) -> bool:
    return run.seal is Seal.ED25519


def check_swarm(profile: Profile) -> None:
    """Refuse a list of members for a swarm that one command or program starts.

    The keys of its peers follow from its seed, which anybody may know.  Raises
    :class:`SettingsError`.
    """
    if profile.run.electorate:
        raise SettingsError(
            "run.electorate is for people with keys of their own (tallyp2p invite), and the peers "
            "of a swarm have none: leave it out"
        )


def swarm_listen(profile: Profile, run_dir: Path, index: int) -> str:
    """Where peer `index` of a swarm on this host listens.

    Raises :class:`SettingsError` for a fixed port, which only one of them could have, and
    for a directory in which no socket can be.
    """
    if profile.network.transport is Transport.IPC:
        path = run_dir.absolute() / f"peer-{index:02d}" / "inbox"
        if len(os.fsencode(path)) > _UNIX_PATH or not ENDPOINT.fullmatch(f"ipc://{path}"):
            raise SettingsError(
                f"network.transport = ipc cannot use {path}: the path of a socket must have at "
                f"most {_UNIX_PATH} bytes, all printable ASCII without spaces; choose another "
                "directory with --out"
            )
        return f"ipc://{path}"
    if not profile.network.listen.endswith(":*"):
        raise SettingsError(
            f"network.listen = {profile.network.listen} names one port, but each of the "
            f"{profile.peers} peers of a swarm needs its own: end it with :*"
        )
    return profile.network.listen


def check_endpoint(text: str) -> None:
    """Refuse what no peer could dial.  Raises :class:`SettingsError`."""
    if text.lower().startswith("tcp://[fe80"):
        raise SettingsError(
            f"cannot join at {text}: an address of fe80:: says nothing without a zone, which is "
            "another one on each host; use another address of that peer"
        )
    if len(text) > LIMITS.endpoint or not ENDPOINT.fullmatch(text):
        raise SettingsError(
            f"{text!r} is not a peer's endpoint: write tcp://HOST:PORT or ipc://PATH (no spaces), "
            "with # and its key if it has one, as the peer to be joined prints it"
        )
