"""Exit codes, and how an error becomes one sentence.

0 done, 1 the surroundings failed, 2 the command or its settings cannot be used,
130 interrupted.  A traceback is shown only for ``-vv``.
"""

from __future__ import annotations

import json
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
    as_json: bool = False  # standard output is for programs: it gets an object


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
        _tell_programs(error.format_message(), error.exit_code, session)
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
    _tell_programs(words, code, session)
    return code


def _tell_programs(sentence: str, code: int, session: Session) -> None:
    """Who asked for JSON gets an object also where nothing was begun.  Where something was, and
    failed, the command has printed its own."""
    if session.as_json and code == UNUSABLE:
        click.echo(json.dumps({"error": sentence, "exit_code": code}))
