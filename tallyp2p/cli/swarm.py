"""`tallyp2p swarm`: N peers on this host, watched until they are done."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .options import EXIT_CODES, byzantine_option, chosen_profile, profile_options, verbose_option

__all__ = ["swarm"]


@click.command(epilog=EXIT_CODES)
@click.option(
    "-n",
    "--peers",
    type=click.IntRange(min=2),
    metavar="N",
    help="How many peers; the data is cut into as many shards.  [default: 10]",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    metavar="R",
    help="Rounds that each peer makes.  [default: as the profile says]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="S",
    help="Seed of the data split, the weights and all chance.  [default: 0]",
)
@byzantine_option
@profile_options
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory for the run's files, new or empty.  [default: tallyp2p-runs/TIME-PROFILE]",
)
@click.option(
    "--trace",
    is_flag=True,
    help="Record what each peer lives through in its peer-NN/trace.jsonl, for "
    "`tallyp2p simulate --replay`.",
)
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Go on with the run of this directory, whose peers have ended, from the states that they "
    "kept there: in lockstep, where all know all (run.view = 0), the result is bit for bit that of "
    "a run without a break.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object only.")
@click.option("-q", "--quiet", is_flag=True, help="Print the final table only.")
@click.option(
    "--spawn",
    is_flag=True,
    help="Start each peer as a fresh interpreter instead of a fork of a prepared one: slower, "
    "some 300 MB each, and always so on macOS and Windows, where forking is not safe.",
)
@verbose_option
def swarm(
    peers: int | None,
    rounds: int | None,
    seed: int | None,
    assume_byzantine: int | None,
    profile: str | None,
    config: Path | None,
    settings: tuple[str, ...],
    out: Path | None,
    trace: bool,
    resume: Path | None,
    as_json: bool,
    quiet: bool,
    spawn: bool,
    verbose: int,
) -> int:
    """Start a swarm of peers on this host, watch it learn, print the result.

    Each peer is a process with its own private shard of the data.  Peers find each other and
    run by themselves: this command only starts them and reads their files, and when it is
    killed they finish without it.  The final table compares each peer with what the same data
    and the same training steps give it alone.

    The run directory keeps the configuration, each peer's metrics and log, summary.json,
    curves.png and bytes.png.  Ctrl-C stops the peers and prints what was reached; a second
    Ctrl-C ends everything at once.

    \b
    Examples:
      tallyp2p swarm
      tallyp2p swarm --peers 20 --seed 3 --set data.alpha=0.5
      tallyp2p swarm --profile broadcast --json > result.json
      tallyp2p swarm --resume tallyp2p-runs/20260101-120000-default
      tallyp2p swarm --config tallyp2p-runs/20260101-120000-default/config.toml
    """
    if as_json and quiet:
        raise click.UsageError("--json prints nothing but the summary: omit --quiet")
    if resume is not None:
        for option, value in {"--out": out, "--trace": trace or None}.items():
            if value is not None:
                raise click.UsageError(f"--resume goes on in its own directory: omit {option}")
        from .resuming import check_same, config_of

        own = config_of(resume)
        if profile is None and config is None:
            config = own
    chosen = chosen_profile(
        profile,
        config,
        settings,
        {
            "peers": peers,
            "timing.rounds": rounds,
            "seed": seed,
            "learning.assume_byzantine": assume_byzantine,
        },
    )
    if resume is not None:
        check_same(resume, chosen)
    from .watching import Watch, mode_of

    return Watch(
        profile=chosen,
        out=out,
        mode=mode_of(as_json=as_json, quiet=quiet),
        spawn=spawn,
        trace=trace,
        resume=resume,
        command=("tallyp2p", *sys.argv[1:]),
    ).run()
