"""`tallyp2p completion`: the script that makes a shell complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .options import EXIT_CODES

__all__ = ["completion"]

_VARIABLE = "_TALLYP2P_COMPLETE"


@click.command(epilog=EXIT_CODES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and profiles.

    \b
    Put one of these lines into your shell's start-up file:
      bash  (~/.bashrc)                   eval "$(tallyp2p completion bash)"
      zsh   (~/.zshrc)                    eval "$(tallyp2p completion zsh)"
      fish  (~/.config/fish/config.fish)  tallyp2p completion fish | source
    """
    from .main import cli

    kind = get_completion_class(shell)
    assert kind is not None, shell
    click.echo(kind(cli, {}, "tallyp2p", _VARIABLE).source())
