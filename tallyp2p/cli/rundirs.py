"""Where a run's files go: chosen, made, and given the configuration before any peer starts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ..errors import FailureError, SettingsError
from ..profiles import Profile, to_toml
from ..version import __version__

__all__ = ["HOME", "new_run_dir", "run_path", "write_config"]

HOME = Path("tallyp2p-runs")


def run_path(out: Path | None, name: str, now: datetime) -> Path:
    """Where a run's directory is to be: `out`, or HOME/<time>-<name>.  Nothing is made yet."""
    return out or _unused(HOME / f"{now:%Y%m%d-%H%M%S}-{name}")


def new_run_dir(path: Path, option: str = "--out") -> Path:
    """The empty directory `path`, made unless it is there; `option` is how it was named.

    Raises :class:`SettingsError` when it holds something, :class:`FailureError` when it
    cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        occupied = any(path.iterdir())
    except OSError as error:
        raise FailureError(
            f"the directory {path} cannot be made: {error.strerror}; choose another with {option}"
        ) from None
    if occupied:
        raise SettingsError(f"the directory {path} is not empty: choose another with {option}")
    return path


def write_config(run_dir: Path, profile: Profile) -> Path:
    """RUN/config.toml, the whole profile; raises FailureError when the disk refuses."""
    path = run_dir / "config.toml"
    header = (
        f"# All settings of this run, written by tallyp2p {__version__}.\n"
        "# tallyp2p swarm --config FILE repeats it.\n\n"
    )
    try:
        path.write_text(header + to_toml(profile), "utf-8")
    except OSError as error:
        raise FailureError(
            f"cannot write {path}: {error.strerror}; choose another directory with --out"
        ) from None
    return path


def _unused(path: Path) -> Path:
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate
