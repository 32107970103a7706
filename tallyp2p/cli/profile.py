"""`tallyp2p profile`: what the settings are, before anything runs."""

from __future__ import annotations

import click

from .options import EXIT_CODES, chosen_profile, complete_profile, settings_option, verbose_option

__all__ = ["profile"]


@click.group(epilog=EXIT_CODES)
def profile() -> None:
    """Show, list and check settings.

    A profile is a TOML file that says only what differs from the one that it extends, which
    is `default` unless it says otherwise:

    \b
      extends = "broadcast"
      peers = 20
      [learning]
      lr = 0.003
    """


@profile.command(epilog=EXIT_CODES)
@click.argument("source", metavar="[NAME|FILE]", default="default", shell_complete=complete_profile)
@settings_option
@verbose_option
def show(source: str, settings: tuple[str, ...], verbose: int) -> None:
    """Print the effective settings of a preset or a file, checked, as TOML.

    What is printed is a complete profile: saved to a file, it can be given to --config.

    \b
    Examples:
      tallyp2p profile show paper
      tallyp2p profile show my.toml --set timing.rounds=100 > full.toml
    """
    from ..profiles import to_toml

    click.echo(to_toml(chosen_profile(source, None, settings)), nl=False)


@profile.command("list", epilog=EXIT_CODES)
def list_presets() -> None:
    """List the presets that come with tallyp2p, and what each is for."""
    from ..profiles import preset_text, presets

    names = presets()
    width = max(map(len, names))
    for name in names:
        purpose = preset_text(name).partition("\n")[0].removeprefix("# ")
        click.echo(f"{name:<{width}}  {purpose}")
