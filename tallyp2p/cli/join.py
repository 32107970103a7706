"""`tallyp2p join`: take part in a run by one string."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import EXIT_CODES, verbose_option

if TYPE_CHECKING:
    from ..admission.invitation import Invitation

__all__ = ["join"]


@click.command(epilog=EXIT_CODES, context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="TOKEN [OPTIONS OF PEER]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the token from this file.",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The secret key of one's own whose public half was invited.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory of this seat.  [default: tallyp2p-runs/RUN-SEAT]",
)
@click.option("--only-write", is_flag=True, help="Write the directory and do not take part yet.")
@verbose_option
@click.pass_context
def join(
    context: click.Context,
    words: tuple[str, ...],
    token_file: Path | None,
    key: Path | None,
    out: Path | None,
    only_write: bool,
    verbose: int,
) -> int:
    """Take part in a run by TOKEN, the line that `tallyp2p invite` printed; - reads it from stdin.

    Its key, settings, list of members and endpoints are written into a directory of their
    own.  The same token, or `tallyp2p peer --run DIR`, goes on as the same peer.  Further
    options are those of `tallyp2p peer`, such as --listen and --seed.

    Others on this host can see a TOKEN that is typed here until the directory is written: on a
    host that you share, use - or --token-file.

    \b
      tallyp2p join tally1-... --listen tcp://192.0.2.8:7000
    """
    from ..admission.invitation import Invitation

    first = words[0] if words and not words[0].startswith("--") else None
    if (first is None) is (token_file is None):
        raise click.UsageError(
            "give the token once, before other options: TOKEN, - for stdin, or --token-file FILE"
        )
    invited = Invitation.of(_text(first, token_file))
    folder = _seat(invited, out, key)
    arguments = [
        "peer",
        *words[0 if first is None else 1 :],
        *["-v"] * verbose,
        "--run",
        str(folder),
    ]
    click.echo(f"this seat is {folder}; to go on as the same peer: tallyp2p peer --run {folder}")
    if only_write:
        return 0
    if first not in (
        None,
        "-",
    ):  # this process goes on, but no longer with the token among its arguments
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, [*_this_python(), "-m", "tallyp2p.cli", *arguments])
    from .peer import peer

    code = peer.main(
        arguments[1:], prog_name="tallyp2p peer", standalone_mode=False, obj=context.obj
    )
    return int(code or 0)


def _this_python() -> list[str]:
    """How to start this Python again.  By -m it would import what lies in the current directory,
    which may be anybody's: not unless it does so now."""
    here = {"", os.getcwd()}.intersection(sys.path)
    return [sys.executable] if here else [sys.executable, "-P"]


def _text(token: str | None, file: Path | None) -> str:
    from ..admission.invitation import MOST

    if file is not None:
        with open(file, encoding="ascii", errors="replace") as opened:
            return opened.read(2 * MOST)
    return sys.stdin.read(2 * MOST) if token == "-" else token or ""


def _seat(invited: Invitation, out: Path | None, key: Path | None) -> Path:
    """The directory of that seat: written now, or by an earlier join."""
    from ..admission.keyfile import read_key
    from ..admission.place import is_place, read_place, write_place
    from ..errors import SettingsError
    from ..wire.keys import identity_text
    from ..wire.seal import identity_of
    from .rundirs import HOME

    name = f"{invited.electorate.digest[:12]}-{invited.shard:02d}"
    folder = out or HOME / name
    if key is not None and identity_of(read_key(key)) != invited.identity:
        raise SettingsError(
            f"this token is for the owner of {identity_text(invited.identity)}, and {key} is "
            "another key: use that one, or ask for a token of your own"
        )
    if not is_place(folder):
        write_place(folder, invited, key)
        return folder
    place = read_place(folder)
    same = place.electorate == invited.electorate and place.shard == invited.shard
    if not same or identity_of(read_key(place.key)) != invited.identity:
        raise SettingsError(f"{folder} is another seat's directory: choose another with --out")
    return folder
