"""`tallyp2p peer`: one peer in the foreground, told in plain lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from .options import (
    EXIT_CODES,
    ShardType,
    byzantine_option,
    chosen_profile,
    profile_options,
    verbose_option,
)

__all__ = ["peer"]


@click.command(epilog=EXIT_CODES)
@click.option(
    "--listen",
    metavar="ADDRESS",
    help="Where other peers reach this one: tcp://HOST:PORT, with * for any free port, or "
    "ipc://PATH; tcp://0.0.0.0:PORT and tcp://[::]:PORT are all addresses of this host.  [default: "
    "tcp://127.0.0.1:*, or tcp://0.0.0.0:* for an invited peer whose inviter is another host]",
)
@click.option(
    "--seed",
    "seeds",
    metavar="ENDPOINT",
    multiple=True,
    help="A peer to join at; may be repeated.  Without one, this peer waits to be joined.  "
    "(The seed of the random generators is a setting: --set seed=7.)",
)
@click.option(
    "--lan",
    is_flag=True,
    help="Find peers of the same run on the network of --listen, and be found there, by multicast "
    "DNS.  Needs `pip install 'tallyp2p[lan]'`.",
)
@click.option(
    "--shard",
    type=ShardType(),
    metavar="I/N",
    help="Train on part I (counted from 0) of the data cut into N parts, as peer I of that "
    "swarm: the same shard is the same peer.  Without it, a random part as a new peer.",
)
@click.option(
    "--name",
    metavar="TEXT",
    help="Be the peer of this name instead: the same name is the same peer, whatever its shard.",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Be the peer of this secret key (tallyp2p keygen), in a run whose ballots are signed.",
)
@click.option(
    "--electorate",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The list of those who may take part, where the run has one.  Whoever was invited has "
    "it in the directory that `tallyp2p join` made.",
)
@click.option(
    "--run",
    "run_dir",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take part in the run of this directory: its config.toml, its peers, its metrics; with "
    "--shard unless `tallyp2p join` or `invite` made it, which know whose it is.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write config.toml and metrics into this new directory.  [default: write nothing]",
)
@click.option(
    "--resume",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Go on as the peer that wrote this directory (--out), from the newest state that it kept "
    "there: the same settings, model, optimiser and generators, and every ballot as it was cast.",
)
@click.option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Record what this peer lives through in this new file, for `tallyp2p simulate --replay`.",
)
@click.option(
    "--encrypt/--no-encrypt",
    default=None,
    help="Whether to encrypt all connections; the peers of a swarm all do, or none.  [default: "
    "where --listen is an address that other hosts can reach, or a --seed names a key]  "
    "--no-encrypt before other hosts is for peers that cannot, and only where ballots are "
    "signed (run.seal): everybody on the way reads them, and who can connect can fill this "
    "process's memory.",
)
@click.option(
    "--insecure-listen",
    is_flag=True,
    help="Allow --listen, without encryption and with ballots that nobody signs, on an address "
    "that other hosts can reach: for a network whose every host you trust.  Who can connect "
    "may vote as anybody, and can fill this process's memory.",
)
@click.option(
    "--open",
    "open_run",
    is_flag=True,
    help="Allow --listen on an address that other hosts can reach though the run has no list of "
    "members: anybody who can connect may vote, under as many names as they like, so the votes "
    "have no security.",
)
@byzantine_option
@profile_options
@verbose_option
def peer(
    listen: str | None,
    seeds: tuple[str, ...],
    lan: bool,
    shard: tuple[int, int] | None,
    name: str | None,
    key: Path | None,
    electorate: Path | None,
    run_dir: Path | None,
    out: Path | None,
    resume: Path | None,
    trace: Path | None,
    encrypt: bool | None,
    insecure_listen: bool,
    open_run: bool,
    assume_byzantine: int | None,
    profile: str | None,
    config: Path | None,
    settings: tuple[str, ...],
    verbose: int,
) -> int:
    """Run one peer in the foreground until it has made its rounds.

    All peers of a swarm must agree on the run: the same data settings, probes, votes per
    ballot and random seed.  A peer with other settings is told so and turned away.

    SIGTERM lets the peer say goodbye and leave (exit code 0); so does Ctrl-C (exit code 130).

    \b
    Two terminals make a swarm of two:
      tallyp2p peer --shard 0/2 --listen tcp://127.0.0.1:7000
      tallyp2p peer --shard 1/2 --seed tcp://127.0.0.1:7000

    A peer that writes into a directory keeps there every ballot before it is sent, and its whole
    state every checkpoint.every ballots; see --resume.

    \b
    Start peer 3 of a running swarm again after it was killed:
      tallyp2p peer --run tallyp2p-runs/20260101-120000-default --shard 3/10
    """
    from ..admission.place import CONFIG, is_place, read_electorate, read_place
    from ..runtime.reaching import wider
    from .foreground import Foreground
    from .former import read_former
    from .resuming import check_same, check_unfinished, config_of

    if resume is not None:
        fixed: dict[str, object] = {
            "--run": run_dir,
            "--out": out,
            "--shard": shard,
            "--name": name,
            "--key": key,
        }
        for option, given in fixed.items():
            if given is not None:
                raise click.UsageError(
                    f"--resume takes everything from its directory: omit {option}"
                )
        if is_place(resume):
            run_dir, resume = resume, None
        else:
            former = read_former(resume)
            check_unfinished(resume, former.shard)
            key, out, seeds = former.key, resume, seeds or former.seeds
            if profile is None and config is None:
                config = resume / CONFIG
    seated = run_dir is not None and is_place(run_dir)
    place = read_place(run_dir) if run_dir is not None and seated else None
    if run_dir is not None:
        clash: dict[str, object] = {"--config": config, "--profile": profile, "--out": out}
        if seated:
            clash |= {"--name": name, "--shard": shard, "--key": key, "--electorate": electorate}
        for option, value in clash.items():
            if value is not None:
                raise click.UsageError(f"--run takes everything from its directory: omit {option}")
        own = config_of(run_dir)
        if shard is None and not seated:
            raise click.UsageError("--run needs --shard I/N: which peer of that run to be")
        config = own
    if key is not None and name is not None:
        raise click.UsageError("--key and --name both say which peer to be: give one of them")
    listed = None
    if place is not None:
        check_unfinished(place.config.parent, place.shard)
        key, listed, seeds = place.key, place.electorate, (*seeds, *place.seeds)
    elif electorate is not None:
        listed = read_electorate(electorate)
    told = listen or (None if place is None else place.listen)
    chosen = chosen_profile(
        profile,
        config,
        settings,
        {
            "network.listen": told,
            "peers": None if shard is None else shard[1],
            "learning.assume_byzantine": assume_byzantine,
        },
    )
    if place is not None and told is None and (all_of_them := wider(chosen.network.listen, seeds)):
        # The run has a list of members and is encrypted: nobody else is let in there either.
        chosen = replace(chosen, network=replace(chosen.network, listen=all_of_them))
    if listed is not None and not chosen.run.electorate:
        chosen = replace(chosen, run=replace(chosen.run, electorate=listed.digest))
    if resume is not None:
        check_same(resume, chosen)
    if run_dir is not None and shard is not None:
        peers = chosen_profile(None, config, ()).peers
        if shard[1] != peers:
            raise click.UsageError(f"that run has {peers} shards: --shard {shard[0]}/{peers}")
    index = None if shard is None else shard[0]
    shell = Foreground(
        profile=chosen,
        seeds=seeds,
        shard=index if place is None else place.shard,
        name=name,
        run_dir=run_dir or out,
        joining=run_dir is not None and not seated,
        insecure=insecure_listen,
        encrypt=encrypt,
        trace=trace,
        lan=lan,
        key=key,
        electorate=listed,
        seated=seated,
        moved=seated and listen is not None,
        former=resume is not None,
        open_run=open_run,
        say=lambda line: click.echo(line),
    )
    return shell.run()
