"""`tallyp2p simulate`: a whole swarm in virtual time, as a file describes it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import click

from .errors import DONE
from .options import EXIT_CODES, verbose_option

__all__ = ["simulate"]


@click.command(epilog=EXIT_CODES)
@click.argument(
    "files", metavar="[WORLD.toml | FILE...]", nargs=-1, type=click.Path(path_type=Path)
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="All chance of the world follows from it.  [default: as the file says]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as one JSON object only; what is wrong with a command, on stderr.",
)
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one setting, such as links.loss=0.3 or crashes.0.at=7; may be repeated.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Keep world.toml, result.json and rounds.png there; DIR is new or empty.  "
    "Hunt: write worlds that fail there.",
)
@click.option(
    "--trace",
    "traces",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Record there what each peer lives through, a file for each of its starts; DIR is new "
    "or empty.",
)
@click.option(
    "--replay",
    is_flag=True,
    help="FILEs are such traces, or those of real peers: replay each, compare what it does.",
)
@click.option(
    "--hunt",
    type=click.FloatRange(0),
    is_flag=False,
    flag_value=0.0,
    metavar="[SECONDS]",
    help="Run random worlds of the standard adversity mix until the time is up or an invariant "
    "breaks; then make that world small.  [default: 60, or until --worlds have been]",
)
@click.option(
    "--mix", is_flag=True, help="Run the one world of the standard mix that follows from --seed."
)
@click.option(
    "--worlds", type=click.IntRange(1), metavar="N", help="Hunt: end after so many worlds."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    metavar="J",
    show_default=True,
    help="Hunt: use so many processes.",
)
@click.option("--keep-going", is_flag=True, help="Hunt: go on after a failure, list them all.")
@click.option("--keys", is_flag=True, help="List what a world can say, with a sentence for each.")
@verbose_option
def simulate(
    files: tuple[Path, ...],
    seed: int | None,
    as_json: bool,
    settings: tuple[str, ...],
    out: Path | None,
    traces: Path | None,
    replay: bool,
    hunt: float | None,
    mix: bool,
    worlds: int | None,
    jobs: int,
    keep_going: bool,
    keys: bool,
    verbose: int,
) -> int:
    """Run a whole swarm in virtual time: its network, its faults, and its chance from one seed.

    The peers are the same machines that run on real sockets; learners are synthetic voters, or
    models that train (learners.kind=real).
    After every step, and at the end, invariants are checked.  Where one is broken the command
    fails with a line that replays it.  The same seed gives the same trace_hash, everywhere.

    \b
    Examples:
      tallyp2p simulate simulations/adversity/churn.toml
      tallyp2p simulate simulations/adversity/loss-30.toml --seed 7 --set peers=32 --json
      tallyp2p simulate my-world.toml --out my-world
      tallyp2p simulate --hunt 600 --jobs 2 --out found
      tallyp2p simulate --replay tallyp2p-runs/20260101-120000-default/peer-*/trace.jsonl
    """
    from ..parameters import RunParameters, Timing
    from ..profiles import setting
    from ..simulator.hunting import mixed
    from ..simulator.reading import described, load
    from .hunting import hunted, replaying
    from .worlds import Simulation

    if keys:
        for key, sentence in described():
            click.echo(f"{key:<24}  {sentence}")
        for table, settings_of in (("run", RunParameters), ("timing", Timing)):
            names = ", ".join(item.name for item in dataclasses.fields(settings_of))
            click.echo(f"{table}.*{'':<{22 - len(table)}}  as of real peers: {names}")
        return DONE
    if replay:
        from .replaying import replay_all

        if not files:
            raise click.UsageError("name the traces to be replayed")
        if seed is not None or settings or out or traces:
            raise click.UsageError("--replay takes traces and --json, and nothing else")
        return replay_all(files, as_json)
    if (mix or hunt is not None) and files:
        raise click.UsageError("--mix and --hunt make their own worlds: name no file")
    if hunt is None and (worlds or jobs > 1 or keep_going):
        raise click.UsageError("--worlds, --jobs and --keep-going belong to --hunt")
    if hunt is not None:
        if math.isnan(hunt):
            raise click.UsageError("--hunt needs a number of seconds")
        if mix or traces:
            raise click.UsageError("--hunt takes neither --mix nor --trace")
        return hunted(hunt, worlds, seed, jobs, keep_going, as_json, out, settings)
    if mix:
        if seed is None:
            raise click.UsageError("name the --seed of the world of the mix")
        spec = mixed(seed, dict(map(setting, settings)))
    elif len(files) == 1:
        spec = load(files[0], dict(map(setting, settings)))
    elif files:
        raise click.UsageError("name one WORLD.toml only; traces need --replay")
    else:
        raise click.UsageError("name a WORLD.toml, such as simulations/adversity/churn.toml")
    return Simulation(spec, seed, replaying(settings), as_json, out, traces).run()
