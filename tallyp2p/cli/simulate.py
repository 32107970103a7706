"""`tallyp2p simulate`: a whole swarm in virtual time, as a file describes it."""

from __future__ import annotations

import shlex
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
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object only.")
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
    help="Keep world.toml, result.json and rounds.png there; DIR is new or empty.",
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
      tallyp2p simulate --replay tallyp2p-runs/20260101-120000-default/peer-*/trace.jsonl
    """
    from ..profiles import setting
    from ..simulator.reading import described, load
    from .worlds import Simulation

    if keys:
        for key, sentence in described():
            click.echo(f"{key:<24}  {sentence}")
        return DONE
    if replay:
        from .replaying import replay_all

        if not files:
            raise click.UsageError("name the traces to be replayed")
        if seed is not None or settings or out or traces:
            raise click.UsageError("--replay takes traces and --json, and nothing else")
        return replay_all(files, as_json)
    if len(files) != 1:
        raise click.UsageError("name a WORLD.toml, such as simulations/adversity/churn.toml")
    spec = load(files[0], dict(map(setting, settings)))
    options = "".join(f" --set {shlex.quote(text)}" for text in settings)
    return Simulation(spec, seed, options, as_json, out, traces).run()
