"""Exit codes, and how an error becomes one sentence.

0 done, 1 the surroundings failed, 2 the command or its settings cannot be used,
130 interrupted.  A traceback is shown only for ``-vv``.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import click

from ..errors import FailureError, SettingsError

__all__ = ["DONE", "FAILED", "INTERRUPTED", "UNUSABLE", "Session", "told"]

DONE = 0
FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended
_BROKEN_PIPE = 141  # ... and for one that SIGPIPE ended


@dataclass(slots=True)
class Session:
    """What options say about the command as a whole; click hands it to every option."""

    verbose: int = 0


def told(command: Callable[[], int | None], session: Session) -> int:
    """Run `command`; return its exit code, and print at most one sentence about its failure."""
    try:
        return command() or DONE
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        where = getattr(error, "ctx", None)
        hint = f"  ({where.command_path} --help explains)" if where is not None else ""
        click.echo(f"Error: {error.format_message()}{hint}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; flushing at exit must not complain about it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except SettingsError as error:
        return _say(str(error), UNUSABLE, session)
    except FailureError as error:
        return _say(str(error), FAILED, session)
    except Exception as error:
        sentence = f"this is a fault of tallyp2p, please report it: {type(error).__name__}: {error}"
        hint = "" if session.verbose > 1 else "  (-vv shows where it happened)"
        return _say(sentence + hint, FAILED, session)


def _say(sentence: str, code: int, session: Session) -> int:
    if session.verbose > 1:
        traceback.print_exc()
    from ..reporting.table import printable  # a sentence may quote other peers and programs

    words = "\n".join(map(printable, sentence.splitlines()))
    click.echo(f"Error: {words}", err=True)
    return code
