"""`tallyp2p invite`: found a run for some people, and give each a token."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES, chosen_profile, profile_options, verbose_option

__all__ = ["invite"]

_FOUNDING = "is fixed when a run is founded: omit it, or name a new directory"


@click.command(epilog=EXIT_CODES)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--seats",
    type=click.IntRange(0, 1023),
    metavar="N",
    help="How many tokens to print now.  [default: 1, or 0 with --key]",
)
@click.option(
    "--spare",
    type=click.IntRange(0, 1023),
    metavar="N",
    help="How many seats more the run has, for those who are invited later.  [default: 0]",
)
@click.option(
    "--key",
    "keys",
    metavar="PUBLIC",
    multiple=True,
    help="Invite the owner of this public key (tallyp2p keygen): no secret is in that token.  "
    "May be repeated.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    help="Where the inviter's own peer listens, tcp://HOST:PORT: others are told to join there.",
)
@click.option(
    "--seed",
    "seeds",
    metavar="ENDPOINT",
    multiple=True,
    help="A further peer to join at, for the tokens; may be repeated.",
)
@click.option(
    "--no-encrypt",
    is_flag=True,
    help="Do not encrypt connections where only this host can listen.",
)
@profile_options
@verbose_option
def invite(
    folder: Path,
    seats: int | None,
    spare: int | None,
    keys: tuple[str, ...],
    listen: str | None,
    seeds: tuple[str, ...],
    no_encrypt: bool,
    profile: str | None,
    config: Path | None,
    settings: tuple[str, ...],
    verbose: int,
) -> int:
    """Found a run in the new directory DIR and print a token for each who is invited, a line each.

    Who may take part is fixed with that: the inviter and one person a seat.  A token is all
    that one of them needs (tallyp2p join), and it is that person's key: send it where nobody
    else reads, and to one person only.  Those who make their own key (tallyp2p keygen) and
    send its public half get a token without a secret.

    Called again with the same DIR, it prints tokens of spare seats; none is given twice.

    The run begins as soon as timing.quorum of them are there, 2 unless set; others come later.

    \b
    Invite two, keep two seats for later, and take part:
      tallyp2p invite my-run --seats 2 --spare 2 --listen tcp://192.0.2.7:7000
      tallyp2p peer --run my-run
    """
    from ..admission.charter import found, invite_again, invite_more
    from ..admission.place import is_place
    from ..admission.seats import State, read_seats
    from ..assemble import check_endpoint
    from ..runtime.addresses import check_listen
    from ..runtime.reaching import everywhere
    from ..wire.keys import identity_from_text

    for seed in seeds:
        check_endpoint(seed)
    if listen is not None:
        check_listen(listen, insecure=True)
        if everywhere(listen):
            raise click.UsageError(
                f"--listen {listen}: name the one address at which other peers reach this host, "
                "for it goes into every invitation"
            )
    people = list(map(identity_from_text, keys))
    now = seats if seats is not None else int(not people)
    if is_place(folder):
        founding: dict[str, object] = {
            "--spare": spare,
            "--listen": listen,
            "--profile": profile,
            "--config": config,
        }
        founding |= {"--set": settings or None, "--no-encrypt": no_encrypt or None}
        for option, value in founding.items():
            if value is not None:
                raise click.UsageError(f"{option} {_FOUNDING}")
        invited = [*invite_again(folder, people, seeds), *invite_more(folder, now, seeds)]
    else:
        options = {
            "network.listen": listen,
            "network.encrypt": not (no_encrypt or (listen or "").startswith("ipc://")),
            "run.seal": "ed25519",
            "peers": 1 + len(people) + now + (spare or 0),
        }
        chosen = chosen_profile(profile, config, settings, options)
        if chosen.peers < 2:
            raise click.UsageError("a run needs somebody to invite: --seats, --spare or --key")
        invited = found(folder, chosen, keys=people, seats=now, seeds=seeds)
        click.echo(f"founded a run of {chosen.peers} in {folder}; take part in it by", err=True)
        click.echo(f"  tallyp2p peer --run {folder}", err=True)
    if invited:
        click.echo(
            "Each line is for one person, who takes part by `tallyp2p join TOKEN`:", err=True
        )
    for one in invited:
        click.echo(one.token)
    spares = sum(chair.state is State.SPARE for chair in read_seats(folder))
    click.echo(f"seats to give later (tallyp2p invite {folder}): {spares}", err=True)
    return 0
