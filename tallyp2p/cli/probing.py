"""`tallyp2p conform ENDPOINT`: the prober's options, its progress and its table."""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ..assemble import check_endpoint
from ..conformance.prober.case import Case, chosen
from ..conformance.prober.page import page
from ..conformance.prober.report import as_data, headline, lines
from ..conformance.prober.runner import Outcome, Probe, probe
from ..conformance.prober.verdict import Verdict
from ..errors import FailureError, SettingsError
from ..parameters import RunParameters
from ..reporting.table import printable
from ..runtime.command import Process
from ..runtime.raw import free_endpoint
from .errors import DONE, FAILED

__all__ = ["Probing", "list_cases"]

_COLOURS = {
    Verdict.OK: "green",
    Verdict.INFORMATIONAL: "blue",
    Verdict.UNIMPLEMENTED: "magenta",
    Verdict.NON_STRICT: "yellow",
    Verdict.FAILED: "red",
    Verdict.NOT_JUDGED: "dim",
}
_QUIET = (Verdict.OK, Verdict.NOT_JUDGED)  # counted, not told one by one
_PLACE = "{endpoint}"


def list_cases(only: tuple[str, ...]) -> int:
    """Print each case's id, title and clauses."""
    for case in _cases(only):
        click.echo(f"{case.id:34} {case.title}  [{', '.join(case.clauses)}]")
    return DONE


def _cases(only: tuple[str, ...]) -> list[Case]:
    cases = chosen(only)
    for word in only:
        if not any(case.id.startswith(word) for case in cases):
            raise SettingsError(f"no probe's id begins with {word!r}: --list names them all")
    return cases


@dataclass(slots=True)
class Probing:
    """One probe, as a person asked for it."""

    only: tuple[str, ...]
    report: Path | None
    run_file: Path | None
    pid: int | None
    as_json: bool

    def run(self, words: Sequence[str], *, spawn: bool) -> int:
        """Probe, tell, and the exit code.  Raises :class:`SettingsError` for what cannot be."""
        cases = _cases(self.only)
        endpoint, command = self._where(words, spawn)
        if self.report is not None:  # now, and not after a minute; an older one stays till then
            _write(self.report, "", mode="a")
        found = asyncio.run(self._probe(endpoint, command, cases))
        if self.report is not None:
            now = datetime.datetime.now(datetime.UTC)
            _write(self.report, page(found, now.strftime("%Y-%m-%d %H:%M UTC")))
        if self.as_json:
            click.echo(json.dumps(as_data(found), indent=1))
        else:
            _print_table(found)
        return FAILED if found.failed else DONE

    def _where(self, words: Sequence[str], spawn: bool) -> tuple[str, list[str]]:
        """(endpoint, command to start or nothing)."""
        given = words[0].startswith(("tcp://", "ipc://"))
        command = list(words[1:] if given else words)
        if not spawn:
            if len(words) > 1:
                raise SettingsError(
                    "there is more than an endpoint: a command needs --spawn or --vectors"
                )
            check_endpoint(words[0])
            return words[0], []
        if self.pid is not None:
            raise SettingsError("--pid and --spawn both say which process it is: give one of them")
        if not command:
            raise SettingsError("--spawn needs the command that starts the peer, behind --")
        endpoint = words[0] if given else free_endpoint()
        if not given and not any(_PLACE in word for word in command):
            raise SettingsError(f"where will it listen?  Put {_PLACE} into the command")
        check_endpoint(endpoint)
        return endpoint, [word.replace(_PLACE, endpoint) for word in command]

    async def _probe(self, endpoint: str, command: list[str], cases: list[Case]) -> Probe:
        run = None if self.run_file is None else RunParameters.parse(_read(self.run_file))
        process = None if self.pid is None else Process.of(self.pid)
        if command:
            process = await Process.start(command)
        try:
            with _Progress(len(cases), quiet=self.as_json) as progress:
                return await probe(endpoint, cases, told=progress.told, run=run, process=process)
        finally:
            if process is not None:
                await process.kill()


class _Progress:
    """What is not OK, as it is found; on a terminal a bar as well, while it lasts."""

    def __init__(self, cases: int, *, quiet: bool) -> None:
        self._quiet = quiet
        self._cases = cases
        self._seen = 0
        self._out = Console(file=sys.stdout, highlight=False)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        stderr = Console(file=sys.stderr, highlight=False)
        # On one screen both must be one console's, or words land in the line of the bar.
        screen = self._out if self._out.is_terminal and not quiet else stderr
        self._bar = Progress(
            *columns, console=screen, transient=True, disable=not screen.is_terminal
        )
        self._task = self._bar.add_task("", total=cases)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._bar.stop()
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            click.echo(f"Interrupted after {self._seen} of {self._cases} cases", err=True)

    def told(self, outcome: Outcome) -> None:
        """One more case."""
        self._seen += 1
        self._bar.update(self._task, advance=1, description=outcome.case.id)
        if self._quiet or outcome.verdict in _QUIET:
            return
        colour, case = _COLOURS[outcome.verdict], outcome.case
        line = Text(f"{outcome.verdict:14}", colour)
        line.append(f" {case.id}  [{', '.join(case.clauses)}]", "default")
        self._out.print(line, soft_wrap=True)
        for reason in outcome.finding.reasons:  # it may quote the peer: a stranger's words
            self._out.print(Text(f"{'':14} {printable(reason)}"), soft_wrap=True)


def _print_table(found: Probe) -> None:
    console = Console(file=sys.stdout, highlight=False)
    counted = [verdict for verdict in Verdict if found.count(verdict)]
    table = Table("", "cases", box=None, header_style="bold")
    for verdict in counted:
        table.add_column(str(verdict), justify="right", style=_COLOURS[verdict])
    for group, counts in lines(found):
        by = dict(zip(Verdict, counts, strict=True))
        table.add_row(group, str(sum(counts)), *(str(by[v] or "") for v in counted))
    console.print(table)
    who = f"{found.agent or 'a peer without a name'}, author {found.author or 'unknown'}"
    about = f"{found.endpoint}: {who}, run {found.run.run.hex()}"
    console.print(Text(printable(about)), soft_wrap=True)  # the agent is a stranger's word
    console.print(headline(found), soft_wrap=True)


def _write(path: Path, text: str, mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise FailureError(f"cannot write {path}: {error.strerror}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} is no run descriptor, or cannot be read") from None
