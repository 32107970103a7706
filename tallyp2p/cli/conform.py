"""`tallyp2p conform`: whether an implementation of the protocol follows its specification."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import SettingsError
from .errors import DONE, FAILED
from .options import verbose_option

if TYPE_CHECKING:
    from ..conformance.trial import Finding

__all__ = ["conform"]

_KINDS = ("bits", "probes", "digraph", "codec", "ledger", "tally", "seal", "keys", "gossip")
_EXIT_CODES = (
    "Exit codes: 0 nothing failed, 1 something failed, 2 the command cannot be used, "
    "130 interrupted."
)


@click.command(epilog=_EXIT_CODES)
@click.argument("words", nargs=-1, metavar="[ENDPOINT] [-- COMMAND...]", type=click.UNPROCESSED)
@click.option("--vectors", is_flag=True, help="Put the cases of protocol_spec/vectors to COMMAND.")
@click.option(
    "--only",
    multiple=True,
    metavar="WORD",
    help="Only vectors of this kind, or only probes whose id begins so, such as `votes` or "
    "`votes/relay`.  May be repeated.",
)
@click.option("--list", "listing", is_flag=True, help="List the probes with their clauses.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write what the probe found, with what was sent and seen, as one page of HTML.",
)
@click.option(
    "--run",
    "run_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The run descriptor (RUN-1), for a peer that does not say it when asked.",
)
@click.option(
    "--pid",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="The peer's process, which the probe ends with SIGTERM to see how it leaves.",
)
@click.option(
    "--spawn",
    is_flag=True,
    help="Start COMMAND, which is the peer, at ENDPOINT or a free port; {endpoint} in COMMAND "
    "becomes that endpoint.  In the end it gets SIGTERM.",
)
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds that COMMAND has for one case.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@verbose_option
def conform(
    words: tuple[str, ...],
    vectors: bool,
    only: tuple[str, ...],
    listing: bool,
    report: Path | None,
    run_file: Path | None,
    pid: int | None,
    spawn: bool,
    limit: float,
    as_json: bool,
    verbose: int,
) -> int:
    """Test an implementation of the protocol against its specification (protocol_spec 09).

    With ENDPOINT, the prober plays a peer against the one that listens there, breaks a rule
    now and then, and judges what it sees (chapter 9.5).  Start that one alone, with quorum 2,
    pace lockstep and many rounds; it takes about a minute.  Where ENDPOINT names a key, all
    is encrypted.

    With --vectors, COMMAND is started and answers cases: one JSON object a line on its
    standard input, one line each on its standard output (chapter 9.4).

    \b
    Examples:
      tallyp2p conform tcp://127.0.0.1:7000 --report report.html
      tallyp2p conform --spawn -- tallyp2p peer --listen {endpoint} --set timing.rounds=100000
      tallyp2p conform --vectors -- node peers/javascript/peer.mjs conform
      tallyp2p conform --vectors --only codec --only bits -- peers/c/build/tally-peer conform
    """
    if listing:
        from .probing import list_cases

        return list_cases(only)
    if vectors:
        if not words:
            raise SettingsError(
                "name the program that answers: tallyp2p conform --vectors -- COMMAND"
            )
        if words[0].startswith(("tcp://", "ipc://")):
            raise SettingsError(
                f"--vectors starts a program: {words[0]} is no COMMAND, leave it out"
            )
        for kind in only:
            if kind not in _KINDS:
                raise SettingsError(f"{kind!r} is not one of {', '.join(_KINDS)}")
        return _put_vectors(words, only or _KINDS, limit, as_json)
    if not words:
        raise SettingsError(
            "say what to test: the ENDPOINT of a running peer, --spawn -- COMMAND, or "
            "--vectors -- COMMAND"
        )
    from .probing import Probing

    return Probing(only, report, run_file, pid, as_json).run(words, spawn=spawn)


def _put_vectors(
    command: tuple[str, ...], kinds: tuple[str, ...], limit: float, as_json: bool
) -> int:
    from ..conformance.trial import Outcome, put
    from ..conformance.vectors import find
    from ..reporting.table import printable

    findings: list[Finding] = []
    problem = ""
    for found in put(command, find(kinds), limit):
        if isinstance(found, str):
            problem = found
            continue
        findings.append(found)
        if found.asked and found.outcome in (Outcome.FAILED, Outcome.NON_STRICT) and not as_json:
            clauses = ", ".join(found.case.clauses)
            click.echo(f"{found.outcome:<10}  {found.case.id}  [{clauses}]")
            click.echo(f"            {printable(found.text)}")  # it quotes a stranger's program
    if as_json:
        click.echo(json.dumps(_report(command, findings, problem), indent=1))
    else:
        if unasked := [finding for finding in findings if not finding.asked]:
            click.echo(f"failed      {len(unasked)} more cases, {unasked[0].text}")
        _print_table(findings)
        if problem:
            click.echo(f"the program: {printable(problem)}", err=True)
    outcomes = {finding.outcome for finding in findings}
    if Outcome.OK not in outcomes:  # who implements nothing has not passed anything
        return FAILED
    return FAILED if problem or Outcome.FAILED in outcomes else DONE


def _report(command: tuple[str, ...], findings: list[Finding], problem: str) -> object:
    from ..conformance.trial import summed

    return {
        "command": list(command),
        "sums": {kind: dict(sums) for kind, sums in summed(findings).items()},
        "problem": problem or None,
        "cases": [
            {
                "case": finding.case.id,
                "clauses": list(finding.case.clauses),
                "outcome": finding.outcome,
                **({"text": finding.text} if finding.text else {}),
            }
            for finding in findings
        ],
    }


def _print_table(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..conformance.trial import Outcome, summed

    table = Table("kind", "cases", *map(str, Outcome), box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    total = summed(findings, by=lambda case: "all")
    for kind, sums in {**summed(findings), **total}.items():
        table.add_row(kind, str(sums.total()), *(str(sums[outcome]) for outcome in Outcome))
    Console(file=sys.stdout, highlight=False).print(table)
