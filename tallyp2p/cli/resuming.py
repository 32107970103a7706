"""`--resume`: what is looked at before anything of an earlier run is started again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import FailureError, SettingsError
from ..keeping import common_round, differences, in_use, kept_rounds
from ..profiles import Profile, load, to_toml
from ..reporting.rewind import rewind
from .member import RENDEZVOUS

__all__ = ["CONFIG", "Plan", "check_same", "check_unfinished", "config_of", "plan"]

CONFIG = "config.toml"


@dataclass(frozen=True, slots=True)
class Plan:
    """From where a swarm goes on."""

    at: int | None  # the round of the states that all peers are given; None: each its newest
    said: str  # the same for a person


def config_of(run_dir: Path) -> Path:
    """The configuration of the run of this directory.

    Raises :class:`SettingsError` where the directory is something else.
    """
    path = run_dir / CONFIG
    if not path.is_file():
        raise SettingsError(f"{run_dir} is not the directory of a run: it has no {CONFIG}")
    return path


def check_same(run_dir: Path, profile: Profile) -> None:
    """Refuse settings that would make it another run than the one of this directory.

    Raises :class:`SettingsError`, which names what differs.
    """
    if different := differences(to_toml(load(config_of(run_dir))), to_toml(profile)):
        raise SettingsError(
            f"{run_dir} cannot be resumed with other settings: there {'; '.join(different)}"
        )


def check_unfinished(run_dir: Path, index: int) -> None:
    """Refuse to go on with a peer that has made all its rounds.  Raises :class:`SettingsError`."""
    rounds = load(run_dir / CONFIG).timing.rounds if (run_dir / CONFIG).is_file() else 0
    if rounds and max(kept_rounds(run_dir, index), default=0) >= rounds:
        raise SettingsError(f"{run_dir} is finished: its peer has made its {rounds} rounds")


def plan(run_dir: Path, profile: Profile) -> Plan:
    """From where the swarm of this directory goes on; its files are made ready for that.

    Raises :class:`SettingsError` where its peers run still, or have made all their rounds.
    """
    peers = range(profile.peers)
    if running := [index for index in peers if in_use(run_dir, index)]:
        who = ", ".join(map(str, running[:8]))
        raise SettingsError(
            f"peers of {run_dir} still run ({who}): they finish by themselves; wait, or end them"
        )
    rounds = [kept_rounds(run_dir, index) for index in peers]
    if all(profile.timing.rounds <= max(own, default=0) for own in rounds):
        raise SettingsError(
            f"{run_dir} is finished: all {profile.peers} peers have made their "
            f"{profile.timing.rounds} rounds; tallyp2p swarm --config {run_dir / CONFIG} repeats it"
        )
    at = common_round(rounds, profile.checkpoint.every * profile.run.rounds_per_ballot)
    try:
        for endpoint in (run_dir / RENDEZVOUS).glob("*.endpoint"):
            endpoint.unlink()  # nobody is there any more
    except OSError as error:
        raise FailureError(f"cannot write {run_dir}: {error.strerror}") from None
    for index, own in enumerate(rounds):
        # Before anybody reads on: what is made again must not stand there twice.
        rewind(run_dir, index, max(own, default=0) if at is None else at)
    if at is None:
        return Plan(
            None,
            "peers go on from rounds "
            + ", ".join(str(max(own, default=0)) for own in rounds)
            + ": they have no state of one round, so the result will not be bit for bit that of "
            "a run without a break",
        )
    return Plan(at, f"all peers go on from round {at}" if at else "all peers begin at round 0")
