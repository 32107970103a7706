"""What a peer kept on disk in an earlier life, and how it goes on from there.

    RUN/peer-NN/journal       its own ballots, each there before it was sent (storage/journal)
    RUN/peer-NN/checkpoints/  its newest states (storage/generations)

The rule: the newest state that is whole; if there is none, a beginning with the old ballots.
All peers of a swarm that died together go on from one round, the newest of which each of them
has a state, and from there on what they do is what they would have done, bit for bit.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import FailureError, SettingsError
from .gossip.events import Resumed
from .parameters import RunParameters
from .payloads import Ballot
from .profiles import Profile, to_toml
from .runtime.keeper import Keeper
from .storage.ballots import read_ballots
from .storage.generations import KEPT, Generations
from .storage.journal import Journal

if TYPE_CHECKING:
    from .learning.builder import Built
    from .learning.state import State

__all__ = ["Recalled", "common_round", "differences", "in_use", "kept_rounds", "recall"]

_JOURNAL, _STATES = "journal", "checkpoints"

# A peer may be given other addresses, more patience and other habits of keeping, and go on.
_FREE = frozenset({"network", "checkpoint"})
_FIXED_TIMING = frozenset({"rounds", "pace", "staleness"})


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a peer that writes into a directory is given at its start."""

    keeper: Keeper
    resumed: Resumed | None  # where it goes on; None: it begins, or joins, like any other
    ballots: tuple[Ballot, ...]  # for its ledger
    endpoints: tuple[str, ...]  # where others were
    said: tuple[str, ...]  # sentences for a person, about what was found


def recall(
    directory: Path,
    profile: Profile,
    run: RunParameters,
    author: bytes,
    built: Built,
    at: int | None = None,
) -> Recalled:
    """Take possession of a peer's directory, and give `built` the newest state that is whole.

    `at`: the state of this round instead, 0 being the beginning; see :func:`common_round`.
    Raises :class:`SettingsError` for a state of other settings, another peer or another run, and
    where another process is this peer; :class:`FailureError` where states are there and none can
    be read.
    """
    journal = Journal(directory / _JOURNAL, run.digest, author)
    try:
        settings = to_toml(profile)
        said = [f"the journal ended in a torn record of {journal.cut} bytes"] if journal.cut else []
        generations = Generations(directory / _STATES)
        state = _newest_whole(generations, built, at, said)
        notes = {"author": author.hex(), "run": run.digest.hex(), "settings": settings}
        if state is not None:
            _check(state.notes, notes, directory)
            _check_journal(state.notes, journal)
        resumed, ballots = _resumed(state, journal, author, at)
        known = {} if state is None else state.notes
        keeper = Keeper(
            journal,
            generations,
            built.memory,
            notes,
            span=run.rounds_per_ballot,
            every=profile.checkpoint.every,
            round=int(known.get("round", 0)),
            voted=bool(known.get("voted", False)),
            recalled=state is not None,
        )
    except BaseException:
        journal.close()
        raise
    return Recalled(keeper, resumed, ballots, tuple(known.get("endpoints", ())), tuple(said))


def kept_rounds(run_dir: Path, index: int) -> list[int]:
    """Rounds of which peer `index` has a whole state, the newest first."""
    return [g.round for g in Generations(_of(run_dir, index) / _STATES).verified()]


def common_round(rounds: Sequence[Sequence[int]], ballots: int) -> int | None:
    """From which round a whole swarm goes on, given of which each peer has a state.

    The newest that all have; 0, the beginning, where none is common because the swarm had only
    begun (`ballots`: rounds between two states).  None: each from its own newest, since
    somebody has lost too much; then nothing is promised bit for bit.
    """
    shared = set.intersection(*map(set, rounds)) if rounds else set()
    if shared:
        return max(shared)
    newest = max((max(own, default=0) for own in rounds), default=0)
    return 0 if newest <= KEPT * ballots else None


def in_use(run_dir: Path, index: int) -> bool:
    """Whether a process is this peer right now."""
    return Journal.held(_of(run_dir, index) / _JOURNAL)


def differences(kept: str, wanted: str) -> list[str]:
    """What makes two profiles, in TOML, two runs: `key = there, not here`, one for each."""
    old, new = (_flat(tomllib.loads(text)) for text in (kept, wanted))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [f"{key} = {old.get(key)!r}, not {new.get(key)!r}" for key in sorted(keys)]


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        if not isinstance(value, dict):
            found[name] = value
        elif name not in _FREE:
            inner = value.items()
            found |= {f"{name}.{k}": v for k, v in inner if name != "timing" or k in _FIXED_TIMING}
    return found


def _of(run_dir: Path, index: int) -> Path:
    from .reporting.rundir import peer_dir

    return peer_dir(run_dir, index)


def _newest_whole(
    generations: Generations, built: Built, at: int | None, said: list[str]
) -> State | None:
    """What came with the newest state that can be read; the learner goes on from it."""
    if built.memory is None or at == 0:
        return None
    found = [g for g in generations.found() if at in (None, g.round)]
    for generation in found:
        data = generations.read(generation)
        if data is None:
            said.append(
                f"the state of round {generation.round} is damaged and is passed over "
                f"({generation.path.name})"
            )
            continue
        try:
            state = built.memory.read(data)
        except ValueError as error:
            said.append(f"the state of round {generation.round} cannot be read: {error}")
            continue
        built.memory.thaw(data)
        return state
    if found or at is not None:
        raise FailureError(
            f"no state in {generations.path} can be read; remove that directory, and the peer "
            "begins anew without what it had learnt, but with its ballots"
        )
    return None


def _check(kept: Mapping[str, Any], wanted: Mapping[str, str], directory: Path) -> None:
    if different := differences(str(kept.get("settings")), wanted["settings"]):
        raise SettingsError(f"{directory} is of other settings: there {'; '.join(different)}")
    for what in ("author", "run"):
        if kept.get(what) != wanted[what]:
            raise SettingsError(f"{directory} is another {'peer' if what == 'author' else 'run'}'s")


def _check_journal(kept: Mapping[str, Any], journal: Journal) -> None:
    """A journal that is older than a state beside it has lost ballots that may have been sent."""
    cast = int(kept.get("cast", -1))
    if journal.newest < cast:
        raise SettingsError(
            f"{journal.path} has no ballot of round {cast}, which this peer has cast: it is an "
            "older copy, or a new file; lay the right one there, or begin anew as another peer"
        )


def _resumed(
    state: State | None, journal: Journal, author: bytes, at: int | None
) -> tuple[Resumed | None, tuple[Ballot, ...]]:
    """Where to go on, and what the ledger knows then.

    Own ballots of the round that comes next and later ones are not in it: they are sent when
    their time comes, as the first time.
    """
    if state is None:
        if at == 0:
            return Resumed(0, 0, journal.newest), ()
        return None, tuple(journal.before(1 << 32))
    round, start = state.notes["round"], state.notes["start"]
    if start is None:
        return None, tuple(journal.before(1 << 32))
    others = [b for b in read_ballots(state.ballots) if b.author != author]
    return Resumed(round, start, journal.newest), (*journal.before(round), *others)
