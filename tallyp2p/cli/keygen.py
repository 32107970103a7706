"""`tallyp2p keygen`: an identity of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from .options import EXIT_CODES

__all__ = ["keygen"]


@click.command(epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path), default=Path("tallyp2p.key"))
@click.option("--show", is_flag=True, help="Print the public key of a FILE that exists.")
def keygen(file: Path, show: bool) -> int:
    """Make an identity: write a secret key to FILE, and print its public key.

    FILE is tallyp2p.key unless named, readable by its owner alone, and never overwritten.
    Whoever has it can vote in its owner's place, so it is never sent to anybody.  The public
    key may be known to all; an inviter puts it on the list of a run.

    \b
    Make a key, have it invited, and take part with it:
      tallyp2p keygen my.key
      tallyp2p join TOKEN --key my.key
    """
    from ..admission.keyfile import make_key, read_key
    from ..wire.keys import identity_text
    from ..wire.seal import identity_of

    if show:
        click.echo(identity_text(identity_of(read_key(file))))
        return 0
    identity = make_key(file)
    click.echo(f"wrote {file}: keep it to yourself.  Its public key is", err=True)
    click.echo(identity_text(identity))
    return 0
