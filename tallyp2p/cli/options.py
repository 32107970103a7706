"""Options that several commands share, and the profile that they add up to."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from .errors import Session

if TYPE_CHECKING:
    from ..profiles import Profile

__all__ = [
    "EXIT_CODES",
    "ShardType",
    "byzantine_option",
    "chosen_profile",
    "neighbours_line",
    "profile_options",
    "settings_option",
    "verbose_option",
]

EXIT_CODES = (
    "Exit codes: 0 done, 1 something outside failed, 2 the command or its settings cannot be "
    "used, 130 interrupted."
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class ShardType(click.ParamType[tuple[int, int]]):
    """`I/N`: part I, counted from 0, of data that was cut into N."""

    name = "shard"

    def convert(
        self,
        value: str | tuple[int, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        parts = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", value)
        if parts is None or int(parts[1]) >= int(parts[2]):
            self.fail(f"{value} is not I/N with I from 0 to N - 1, such as 0/2", param, ctx)
        return int(parts[1]), int(parts[2])


def complete_profile(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of presets for the shell; for anything that looks like a path, its files."""
    from ..profiles import presets

    found = [CompletionItem(name) for name in presets() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def _count_verbosity(context: click.Context, parameter: click.Parameter, value: int) -> int:
    level = logging.INFO if value else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    session = context.find_object(Session)
    if session is not None:  # None while the shell completes a line
        session.verbose = value
    return value


def profile_options(command: _Command) -> _Command:
    """--profile, --config and --set: which settings."""
    decorate = (
        click.option(
            "--profile",
            metavar="NAME",
            shell_complete=complete_profile,
            help="Preset to start from; `tallyp2p profile list` names them.  [default: default]",
        ),
        click.option(
            "--config",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="TOML profile to start from, such as the config.toml of an earlier run.",
        ),
        settings_option,
    )
    for option in reversed(decorate):
        command = option(command)
    return command


settings_option = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one setting, such as learning.lr=0.01; may be repeated.  "
    "`tallyp2p profile show` lists all keys.",
)

byzantine_option = click.option(
    "--assume-byzantine",
    metavar="F",
    type=click.IntRange(min=0),
    help="Learn from a probe only where the leading class is more than F votes ahead: while at "
    "most F of the voters are hostile, it is what the others alone decide, be that right or "
    "wrong.  Of few ballots a large F leaves nothing.  [default: 0, from every probe]",
)

verbose_option = click.option(
    "-v",
    "--verbose",
    count=True,
    callback=_count_verbosity,
    help="Say more; -vv also shows where an error arose.",
)


def chosen_profile(
    profile: str | None,
    config: Path | None,
    settings: tuple[str, ...],
    options: Mapping[str, Any] | None = None,
) -> Profile:
    """The profile that the options add up to.

    `options` holds, by full key, the values of options that stand for one setting; None is
    an option that was not given.  They win over --set, which wins over the file.
    """
    from ..learning.settings import private_examples
    from ..profiles import load, setting

    if profile is not None and config is not None:
        raise click.UsageError("--profile and --config both say where to start: give one of them")
    overrides = dict(map(setting, settings))
    overrides |= {key: value for key, value in (options or {}).items() if value is not None}
    chosen = load(config or profile or "default", overrides)
    private_examples(chosen.data, chosen.peers)  # commands train on data that ship: enough of it?
    return chosen


def neighbours_line(profile: Profile) -> str:
    """Who knows whom, in a line of its own with its end; empty where all know all, as mostly."""
    view = profile.run.view
    if not view:
        return ""
    return (
        f"each peer chooses {view} neighbours (run.view = {view}; with --set run.view=0 everybody "
        "knows everybody)\n"
    )
