"""The command `tallyp2p`: finds the subcommand's file and imports only that one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

import click

from ..version import __version__
from .errors import Session, told

__all__ = ["cli", "main"]

_COMMANDS = {
    "swarm": "start a swarm of peers on this host, watch it learn, print the result",
    "peer": "run one peer in the foreground",
    "invite": "found a run for some people, and print a token for each",
    "join": "take part in a run by a token",
    "keygen": "make an identity: a secret key, and the public one to be invited by",
    "export": "write the data of a peer for one in another language",
    "conform": "test an implementation of the protocol against its specification",
    "simulate": "run a whole swarm in virtual time, with every fault, from one seed",
    "profile": "show, list and check settings",
    "completion": "set up completion of commands and options in your shell",
}
_HIDDEN = ("shim",)  # for programs to call


class _LazyGroup(click.Group):
    """A group that knows its commands by name, so that help needs to import none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in (*_COMMANDS, *_HIDDEN):
            return None
        command = getattr(import_module(f".{cmd_name}", __package__), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in (*_COMMANDS, *_HIDDEN) and not args[0].startswith("-"):
            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"commands are {', '.join(_COMMANDS)}"
            ctx.fail(f"there is no command {args[0]}: {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="tallyp2p COMMAND --help explains a command.  Exit codes: 0 done, 1 something outside "
    "failed, 2 the command or its settings cannot be used, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", message="tallyp2p %(version)s")
def cli() -> None:
    """Peers that learn from each other by voting, without a server.

    Each peer trains on its own data, votes on public probes, hears some other peers' votes,
    and learns towards their tally.  What travels are a few bits per probe instead of a model.

    \b
    Try it:
      tallyp2p swarm
    """


def main(args: Sequence[str] | None = None) -> None:
    """The entry point.  Never returns; the exit code says how it went."""
    words = sys.argv[1:] if args is None else list(args)
    session = Session(as_json="--json" in words)
    sys.exit(
        told(
            lambda: cli.main(
                words,
                prog_name="tallyp2p",
                standalone_mode=False,
                obj=session,
            ),
            session,
        )
    )
