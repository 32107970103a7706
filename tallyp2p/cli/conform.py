"""`tallyp2p conform`: whether an implementation of the protocol follows its specification."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from ..errors import SettingsError
from .errors import DONE, FAILED
from .options import verbose_option

if TYPE_CHECKING:
    from ..conformance.trial import Finding

__all__ = ["conform"]

_KINDS = ("bits", "probes", "digraph", "codec", "ledger", "tally", "seal", "gossip")
_EXIT_CODES = (
    "Exit codes: 0 nothing failed, 1 something failed, 2 the command cannot be used, "
    "130 interrupted."
)


@click.command(epilog=_EXIT_CODES)
@click.argument("words", nargs=-1, metavar="[ENDPOINT] [-- COMMAND...]", type=click.UNPROCESSED)
@click.option("--vectors", is_flag=True, help="Put the cases of protocol_spec/vectors to COMMAND.")
@click.option(
    "--only",
    "kinds",
    multiple=True,
    type=click.Choice(_KINDS),
    help="Only vectors of this kind.  May be repeated.",
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
    kinds: tuple[str, ...],
    limit: float,
    as_json: bool,
    verbose: int,
) -> int:
    """Test an implementation of the protocol against its specification (protocol_spec 09).

    With --vectors, COMMAND is started and answers cases: one JSON object a line on its
    standard input, one line each on its standard output (chapter 9.4).

    \b
    Examples:
      tallyp2p conform --vectors -- node peers/javascript/peer.mjs conform
      tallyp2p conform --vectors --only codec --only bits -- peers/c/tally-peer conform
    """
    if vectors:
        if not words:
            raise SettingsError(
                "name the program that answers: tallyp2p conform --vectors -- COMMAND"
            )
        return _put_vectors(words, kinds or _KINDS, limit, as_json)
    raise SettingsError("say what to test: --vectors -- COMMAND")


def _put_vectors(
    command: tuple[str, ...], kinds: tuple[str, ...], limit: float, as_json: bool
) -> int:
    from ..conformance.trial import Outcome, put
    from ..conformance.vectors import find

    findings: list[Finding] = []
    problem = ""
    for found in put(command, find(kinds), limit):
        if isinstance(found, str):
            problem = found
            continue
        findings.append(found)
        if found.outcome in (Outcome.FAILED, Outcome.NON_STRICT) and not as_json:
            clauses = ", ".join(found.case.clauses)
            click.echo(f"{found.outcome:<10}  {found.case.id}  [{clauses}]")
            click.echo(f"            {found.text}")
    if as_json:
        click.echo(json.dumps(_report(command, findings, problem), indent=1, ensure_ascii=False))
    else:
        _print_table(findings)
        if problem:
            click.echo(f"the program: {problem}", err=True)
    failed = problem or any(finding.outcome is Outcome.FAILED for finding in findings)
    return FAILED if failed else DONE


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
