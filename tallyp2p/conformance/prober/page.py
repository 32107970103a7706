"""A probe as one page of HTML that needs nothing else: no scripts, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from ...parameters import RunParameters
from .log import Entry
from .report import headline, shown
from .runner import Outcome, Probe
from .verdict import Verdict

__all__ = ["page"]

_HEX = 64  # bytes of a frame that are written out
_ROWS = 60  # entries of a log that are written out, the newest
_WORDS = {
    Verdict.OK: "as the text says",
    Verdict.INFORMATIONAL: "the text leaves it open; what was seen is told",
    Verdict.UNIMPLEMENTED: "a part that the class of the peer may leave out",
    Verdict.NON_STRICT: "a SHOULD was not followed",
    Verdict.FAILED: "a MUST was broken",
    Verdict.NOT_JUDGED: "not for this run, or it could not be played",
}
_STYLE = """
:root { --ink: #1c2128; --dim: #5a6472; --paper: #ffffff; --band: #f4f6f8; --line: #d9dee4;
  --OK: #1a7f4b; --informational: #2563b0; --unimplemented: #6b5bb0; --non-strict: #a86200;
  --failed: #c02626; --not-judged: #6e7781; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #9aa5b3; --paper: #14181d;
  --band: #1c2229; --line: #333c46; --OK: #4cc38a; --informational: #6cb0ff;
  --unimplemented: #a99bf0; --non-strict: #e8a13a; --failed: #ff7b72; --not-judged: #8b949e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.5rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
h2::first-letter { text-transform: uppercase; }
p { margin: .3rem 0; }
.dim, dt { color: var(--dim); }
dl.about { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dl.about dd { margin: 0; overflow-wrap: anywhere; }
code, .hex, pre { font: 13px/1.5 ui-monospace, monospace; }
.sums { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.2rem 0; padding: 0;
  list-style: none; }
.sums li { flex: 1 1 9rem; padding: .6rem .8rem; border: 1px solid var(--line);
  border-top: 4px solid var(--c); border-radius: 6px; background: var(--band); }
.sums b { display: block; font-size: 1.5rem; line-height: 1.2; }
.sums span { display: block; font-weight: 600; color: var(--c); }
.sums small { color: var(--dim); }
.case { border-bottom: 1px solid var(--line); }
.row, summary { display: grid; grid-template-columns: 8.5rem 1fr max-content; gap: .8rem;
  align-items: baseline; padding: .35rem .5rem; }
summary { cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary:hover, .row:hover { background: var(--band); }
summary .title::after { content: " ▸"; color: var(--dim); }
details[open] > summary .title::after { content: " ▾"; }
.chip { color: var(--c); font-weight: 600; font-size: .9rem; white-space: nowrap; }
.chip::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .45em;
  border-radius: 50%; background: var(--c); }
.id { color: var(--dim); font: 13px ui-monospace, monospace; }
.reason { grid-column: 2 / 4; margin: 0; }
.bad .reason { color: var(--c); }
.more { padding: .2rem .5rem 1rem 9.8rem; }
.more dl { margin: .4rem 0 .8rem; display: grid;
  grid-template-columns: 6.5rem 1fr; gap: .2rem .8rem; }
.more dd { margin: 0; }
table.log { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: .88rem; }
.log th, .log td { text-align: left; vertical-align: top; padding: .2rem .5rem;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.log th { color: var(--dim); font-weight: 500; border: 0; }
.log .at { width: 4.6rem; } .log .who { width: 7.5rem; } .log .way { width: 7rem; }
.log .hex { display: block; color: var(--dim); }
.log .sent .way { color: var(--informational); } .log .seen .way { color: var(--unimplemented); }
@media (max-width: 44rem) { .row, summary { grid-template-columns: 1fr; gap: 0; }
  .reason { grid-column: 1; } .more { padding-left: .5rem; } }
@media print { details > * { display: block; } body { max-width: none; } }
"""


def page(probe: Probe, when: str) -> str:
    """The whole page; `when`: a date for people."""
    body = "\n".join(_body(probe, when))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(probe.agent or probe.endpoint)}: TALLY/1 conformance</title>"
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _body(probe: Probe, when: str) -> Iterator[str]:
    yield "<h1>A peer held to the specification</h1>"
    yield f"<p>{escape(headline(probe))}.</p>"
    yield from _about(probe, when)
    yield from _sums(probe)
    troubles = [o for o in probe.outcomes if o.verdict in (Verdict.FAILED, Verdict.NON_STRICT)]
    if troubles:
        yield "<h2>What is not as the text says</h2>"
        for outcome in sorted(troubles, key=lambda o: o.verdict is Verdict.NON_STRICT):
            yield from _case(outcome, opened=outcome.verdict is Verdict.FAILED)
    for group, outcomes in groupby(probe.outcomes, lambda outcome: outcome.case.group):
        yield f'<h2 id="{escape(group)}">{escape(group)}</h2>'
        for outcome in outcomes:
            yield from _case(outcome)


def _about(probe: Probe, when: str) -> Iterator[str]:
    told = {
        "software": probe.agent or "not told",
        "endpoint": probe.endpoint,
        "author id": probe.author or "not known: the peer said HELLO to nobody",
        "run": f"{probe.run.run.hex()}: {_run(probe.run)}",
        "date": when,
    }
    yield '<dl class="about">'
    yield from (f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in told.items())
    yield "</dl>"


def _run(run: RunParameters) -> str:
    rounds = "one round" if run.rounds_per_ballot == 1 else f"{run.rounds_per_ballot} rounds"
    sampled = f", degree {run.degree}" if run.spreading == "sampled" else ""
    return (
        f"{run.spreading}{sampled}, ids {run.ids}, seal {run.seal}, {run.classes} classes, "
        f"{run.votes} votes of {run.bits} bits a ballot for {rounds}"
    )


def _sums(probe: Probe) -> Iterator[str]:
    yield '<ul class="sums">'
    for verdict in Verdict:
        if count := probe.count(verdict):
            yield (
                f'<li style="--c: var(--{_css(verdict)})"><b>{count}</b><span>{verdict}</span>'
                f"<small>{_WORDS[verdict]}</small></li>"
            )
    yield "</ul>"


def _css(verdict: Verdict) -> str:
    return str(verdict).replace(" ", "-")


def _case(outcome: Outcome, *, opened: bool = False) -> Iterator[str]:
    bad = " bad" if outcome.verdict in (Verdict.FAILED, Verdict.NON_STRICT) else ""
    yield f'<div class="case{bad}" style="--c: var(--{_css(outcome.verdict)})">'
    reasons = "".join(f'<p class="reason">{escape(r)}</p>' for r in outcome.finding.reasons)
    row = (
        f'<span class="chip">{outcome.verdict}</span>'
        f'<span class="title">{escape(outcome.case.title)}</span>'
        f'<span class="id">{escape(outcome.case.id)}</span>{reasons}'
    )
    yield f"<details{' open' if opened else ''}><summary>{row}</summary>"
    yield from _more(outcome)
    yield "</details></div>"


def _more(outcome: Outcome) -> Iterator[str]:
    case = outcome.case
    told = {
        "tried": case.description,
        "expected": case.expectation,
        "clauses": ", ".join(case.clauses),
        "took": f"{outcome.seconds:.1f} s",
    }
    yield '<div class="more"><dl>'
    yield from (f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in told.items())
    yield "</dl>"
    if shown(outcome) and outcome.entries:
        yield from _log(outcome.entries[-_ROWS:], len(outcome.entries))
    yield "</div>"


def _log(entries: Sequence[Entry], count: int) -> Iterator[str]:
    if count > len(entries):
        yield f'<p class="dim">The last {len(entries)} of {count} messages.</p>'
    yield (
        '<table class="log"><tr><th class="at">seconds</th><th class="who">player</th>'
        '<th class="way"></th><th>message</th></tr>'
    )
    ways = {"sent": "→ to the peer", "seen": "← from it", "note": ""}
    for _, same in groupby(entries, lambda entry: (entry.who, entry.way, entry.frame)):
        entry, *more = same
        times = f' <span class="dim">({len(more) + 1} times)</span>' if more else ""
        frame = f'<span class="hex">{_hex(entry.frame)}</span>' if entry.frame else ""
        yield (
            f'<tr class="{entry.way}"><td class="at">{entry.at:.3f}</td>'
            f'<td class="who">{escape(entry.who)}</td><td class="way">{ways[entry.way]}</td>'
            f"<td>{escape(entry.words)}{times}{frame}</td></tr>"
        )
    yield "</table>"


def _hex(frame: bytes) -> str:
    more = f" … {len(frame)} bytes" if len(frame) > _HEX else ""
    return frame[:_HEX].hex(" ") + more
