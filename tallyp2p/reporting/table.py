"""The final table as words: rows and sentences, without a terminal.

cli/ draws them; a report may print them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .summary import PeerDetail, Summary

__all__ = [
    "Column",
    "Table",
    "cost_table",
    "peer_table",
    "percent",
    "printable",
    "size",
    "times",
    "verdict",
]

_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; its head may have two lines."""

    head: str
    right: bool = True  # numbers align right, words left


@dataclass(frozen=True, slots=True)
class Table:
    """`feet` are set apart from `rows`: means, spreads."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    feet: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()  # sentences below it

    def grid(self) -> list[tuple[str, ...]]:
        """Head, rows and feet, each cell padded to its column; an empty tuple is a rule."""
        heads = [column.head.split("\n") for column in self.columns]
        height = max(map(len, heads))
        top = [
            tuple(([""] * (height - len(head)) + head)[line] for head in heads)
            for line in range(height)
        ]
        lines = [*top, (), *self.rows, *(((), *self.feet) if self.feet else ())]
        widths = [
            max(len(row[place]) for row in lines if row) for place in range(len(self.columns))
        ]
        return [
            tuple(
                cell.rjust(width) if column.right else cell.ljust(width)
                for cell, width, column in zip(row, widths, self.columns, strict=bool(row))
            )
            for row in lines
        ]

    def text(self) -> str:
        """In plain characters."""
        grid = self.grid()
        rule = "-" * len("  ".join(grid[0]))
        lines = [self.title, "", *("  ".join(row).rstrip() if row else rule for row in grid)]
        if self.notes:
            lines += ["", *self.notes]
        return "\n".join(lines)


def printable(text: str) -> str:
    """`text` fit for a terminal: other peers' words may hold what would steer it."""
    return "".join(c if c.isprintable() else "?" for c in text)


def percent(fraction: float | None, sign: bool = False) -> str:
    """0.4117 -> 41.2%, or the change +41.2."""
    if fraction is None:
        return _UNKNOWN
    return f"{100 * fraction:+.1f}" if sign else f"{100 * fraction:.1f}%"


def size(count: float | None, brief: bool = False) -> str:
    """Bytes for people, in powers of 1,000: 950 B, 10.3 kB, 2.73 MB; brief: 10 kB, 3 MB."""
    if count is None:
        return _UNKNOWN
    if count < 1_000:
        return f"{count:.0f} B"
    value, unit = count / 1_000, 0
    while value >= 999.5 and unit < 3:
        value, unit = value / 1_000, unit + 1
    digits = 0 if brief or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {('kB', 'MB', 'GB', 'TB')[unit]}"


def times(factor: float | None) -> str:
    """A factor to at most three digits: 7.5 x, 266 x, 12,300 x."""
    if factor is None:
        return _UNKNOWN
    if factor < 9.95:
        return f"{factor:.1f} x"
    scale = 10 ** max(0, len(str(int(factor))) - 3)
    return f"{round(factor / scale) * scale:,} x"


def verdict(summary: Summary) -> str:
    """One sentence: what came of it."""
    alone = summary["accuracy"]["alone"]["mean"]
    swarm = summary["accuracy"]["swarm"]["mean"]
    spent = size(summary["bytes"]["total"]["wire"])
    what = f"{summary['peers']} peers"
    if not summary["completed"]:
        done = sum(peer["completed"] for peer in summary["peers_detail"])
        what = f"Stopped early: {done} of {what} made all {summary['rounds']} rounds"
    else:
        what += f", {summary['rounds']} rounds"
    time = f"{summary['seconds']:.0f} s"
    if "--resume" in summary["command"]:  # what was before, and the break, is not counted
        time += " since it was resumed"
    if swarm is None:
        return f"{what} in {time}; no accuracy was measured."
    gain = "" if alone is None else f" (alone: {percent(alone)})"
    return f"{what} in {time}: {percent(swarm)} right on average{gain}, for {spent} sent by each."


def peer_table(summary: Summary) -> Table:
    """One row a peer, then mean and spread; bytes of votes and control, payload and wire apart."""
    accuracy, cost = summary["accuracy"], summary["bytes"]
    with_ids = bool(cost["ids"]["wire"])
    heads = ["alone", "swarm", "gain", "rounds", "votes\npayload", "votes\nwire"]
    if with_ids:
        heads.append("ids\nwire")
    heads += ["control\nwire", "sent\nwire", "received\nwire"]
    columns = (Column("peer", right=False), *(Column(head) for head in heads))

    def traffic(sent: Any, received: Any) -> tuple[str, ...]:
        ids = (size(sent["ids"]["wire"]),) if with_ids else ()
        votes = sent["votes"]
        return (
            size(votes["payload"]),
            size(votes["wire"]),
            *ids,
            size(sent["control"]["wire"]),
            size(sent["total"]["wire"]),
            size(received["total"]["wire"]),
        )

    def row(peer: PeerDetail) -> tuple[str, ...]:
        alone, swarm = peer["accuracy"]["alone"], peer["accuracy"]["swarm"]
        counted = peer["bytes"]
        name = str(peer["index"]) + ("" if peer["completed"] else " *")
        return (
            name,
            percent(alone),
            percent(swarm),
            percent(_gain(alone, swarm), sign=True),
            str(peer["rounds"]),
            *(
                traffic(counted["sent"], counted["received"])
                if counted
                else (_UNKNOWN,) * (len(heads) - 4)
            ),
        )

    alone, swarm = accuracy["alone"], accuracy["swarm"]
    details = summary["peers_detail"]
    rounds = sum(peer["rounds"] for peer in details) / max(1, len(details))
    empty = ("",) * (len(heads) - 4)
    mean = (
        "mean",
        percent(alone["mean"]),
        percent(swarm["mean"]),
        percent(_gain(alone["mean"], swarm["mean"]), sign=True),
        f"{rounds:.0f}",
        *traffic(cost, cost["received"]),
    )
    spread = ("std", percent(alone["std"]), percent(swarm["std"]), "", "", *empty)
    notes = [
        "alone    accuracy on the same data with the same steps, without any exchange",
        "swarm    accuracy when the peers also learn from each other's votes",
        "std      spread of the accuracy across peers: its standard deviation",
        "payload  the votes alone",
        "wire     as handed to TCP, with all headers and handshakes",
    ]
    if not summary["completed"]:
        notes.append("*        did not make all its rounds" + _reasons(details))
    return Table(
        title=verdict(summary),
        columns=columns,
        rows=tuple(row(peer) for peer in details),
        feet=(mean, spread),
        notes=tuple(notes),
    )


def cost_table(summary: Summary) -> Table:
    """What each peer sent, beside what soft labels and dense weights would have cost."""
    cost = summary["bytes"]
    paid = cost["total"]["wire"]
    votes = cost["votes"]["payload"]
    rows = [("votes (this run)", size(votes), size(paid), "1 x")]
    soft, dense = cost["instead"]["soft_labels"], cost["instead"]["dense_weights"]
    for name, other in (("soft labels", soft), ("dense weights", dense)):
        if other is not None:
            rows.append((name, size(other["payload"]), size(other["wire"]), _over(other, paid)))
    return Table(
        title="What each peer would have sent on the same schedule",
        columns=(
            Column("exchanging", right=False),
            Column("payload"),
            Column("wire"),
            Column("wire, against votes"),
        ),
        rows=tuple(rows),
        notes=(
            "soft labels    a float32 for every class of every probe, instead of one label",
            "dense weights  the whole model as float32 in every ballot's stead",
        ),
    )


def _gain(alone: float | None, swarm: float | None) -> float | None:
    return None if alone is None or swarm is None else swarm - alone


def _over(other: Any, paid: float | None) -> str:
    return times(other["wire"] / paid if paid else None)


def _reasons(details: Sequence[PeerDetail]) -> str:
    reasons = sorted({peer["text"] for peer in details if not peer["completed"] and peer["text"]})
    return f" ({printable('; '.join(reasons[:3]))})" if reasons else ""
