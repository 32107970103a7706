"""Two pictures of a run: accuracy over rounds, and accuracy against bytes.

Each can be read without a caption: the title states what was found, lines are named where they
end.  Colours are Okabe and Ito's, which people with any colour vision tell apart.  matplotlib
is imported when a picture is drawn, and without pyplot, so nothing global is touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from .costs import PLAIN, dense_weights, envelope, soft_labels
from .reader import PeerRecord, RunReader
from .summary import Summary
from .table import size, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STYLE", "Band", "band", "draw", "draw_curves"]

_SWARM = "#0072B2"
_ALONE = "#D55E00"
_MARK = "#4D4D4D"
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # behind names across lines
_INCHES = (7.4, 4.6)
STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _MARK,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "figure.facecolor": "white",
}
"""How all pictures look: settings of matplotlib."""


@dataclass(frozen=True, slots=True)
class Band:
    """Peers' accuracies at common moments: one entry for each number of rounds."""

    rounds: tuple[int, ...]
    sent: tuple[float, ...]  # mean bytes that a peer had sent on the wire by then
    mean: tuple[float, ...]  # per cent, as are the two below
    least: tuple[float, ...]
    most: tuple[float, ...]


def band(peers: Sequence[PeerRecord], who: str) -> Band:
    """Mean, least and most over the peers that were evaluated at each number of rounds.

    `who`: "swarm" or "alone".  Of a peer that was started again and repeats rounds, the newer
    evaluation counts.
    """
    moments: dict[int, dict[int, tuple[int, float]]] = {}
    for peer in peers:
        for point in peer.curve:
            accuracy = point.swarm if who == "swarm" else point.alone
            if accuracy is not None:
                moments.setdefault(point.rounds, {})[peer.index] = (point.sent, 100 * accuracy)
    rounds = sorted(moments)
    seen = [list(moments[moment].values()) for moment in rounds]
    return Band(
        rounds=tuple(rounds),
        sent=tuple(fmean(sent for sent, _ in values) for values in seen),
        mean=tuple(fmean(accuracy for _, accuracy in values) for values in seen),
        least=tuple(min(accuracy for _, accuracy in values) for values in seen),
        most=tuple(max(accuracy for _, accuracy in values) for values in seen),
    )


def draw(run_dir: Path, reader: RunReader, summary: Summary) -> list[Path]:
    """Write curves.png and bytes.png; their paths, none when nothing was ever evaluated.

    Raises OSError when the disk refuses; the caller knows whether a picture matters.
    """
    peers = [peer for _, peer in sorted(reader.peers.items())]
    swarm, alone = band(peers, "swarm"), band(peers, "alone")
    if not swarm.rounds:
        return []
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figures = {
            run_dir / "curves.png": _curves(swarm, alone),
            run_dir / "bytes.png": _bytes(swarm, alone, peers, summary),
        }
        for path, figure in figures.items():
            figure.savefig(path, dpi=150)
    return list(figures)


def draw_curves(path: Path, swarm: Band, alone: Band) -> None:
    """Write one picture: accuracy over rounds, where at least one evaluation was made.

    Raises OSError when the disk refuses.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        _curves(swarm, alone).savefig(path, dpi=150)


def _curves(swarm: Band, alone: Band) -> Figure:
    figure, axes = _sheet()
    axes.set_title(_finding(swarm, alone), pad=28)
    _subtitle(axes, "Mean over peers; the shaded band runs from the worst peer to the best")
    ends = [_trace(axes, swarm.rounds, swarm, _SWARM)]
    if alone.rounds:
        ends.append(_trace(axes, alone.rounds, alone, _ALONE))
    last = max(swarm.rounds[-1], 1)
    axes.set_xlim(0, last)
    axes.set_xlabel("rounds")
    names = (f"swarm {ends[0]:.0f} %\nexchanging votes", "")
    if alone.rounds:
        names = (names[0], f"alone {ends[1]:.0f} %\nsame data,\nsame steps,\nno exchange")
    for height, name, colour in zip(_apart(ends), names, (_SWARM, _ALONE), strict=False):
        axes.annotate(
            name,
            (last, height),
            xytext=(8, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )
    figure.subplots_adjust(left=0.1, right=0.755, top=0.83, bottom=0.13)
    return figure


def _bytes(swarm: Band, alone: Band, peers: Sequence[PeerRecord], summary: Summary) -> Figure:
    figure, axes = _sheet()
    spent = summary["bytes"]["total"]["wire"] or 0.0
    axes.set_title(_price(summary, spent), pad=28)
    _subtitle(axes, "Dashed lines: what other exchanges would have cost a peer in its place")
    marks = _marks(peers, summary)
    sent = tuple(max(1.0, count) for count in swarm.sent)
    axes.set_xscale("log")
    low = min(sent) / 1.6
    high = max([*sent, *(cost for cost, _ in marks)])
    high *= (high / low) ** 0.14  # room for the last mark's name
    raised = _raised([cost for cost, _ in marks], high / low)
    # Below 0 %, where no line can run into a name: one row of names, or two.
    axes.set_ylim(-62 if raised else -22, 100)
    axes.set_yticks(range(0, 101, 20))
    axes.axhline(0, color=_MARK, linewidth=0.8)
    axes.set_xlim(low, high)
    _trace(axes, sent, swarm, _SWARM)
    axes.annotate(
        f"swarm {swarm.mean[-1]:.0f} %",
        (sent[-1], swarm.mean[-1]),
        xytext=(7, -6),
        textcoords="offset points",
        color=_SWARM,
        va="top",
        bbox=_PAPER,
    )
    axes.plot(sent[-1:], swarm.mean[-1:], "o", color=_SWARM, markersize=5)
    if alone.rounds:
        axes.axhline(alone.mean[-1], color=_ALONE, linewidth=1.6)
        axes.annotate(
            f"alone {alone.mean[-1]:.0f} %, nothing sent",
            (high, alone.mean[-1]),
            xytext=(-4, 5),
            textcoords="offset points",
            color=_ALONE,
            ha="right",
            bbox=_PAPER,
        )
    for place, (cost, name) in enumerate(marks):
        left = place % 2 == 0
        axes.axvline(cost, color=_MARK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            f"{name}\n{size(cost)}",
            (cost, -32 if raised and place not in raised else -2),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            color=_MARK,
            fontsize=9,
            ha="right" if left else "left",
            va="top",
            bbox=_PAPER,
        )
    axes.xaxis.set_major_formatter(lambda value, _: size(value, brief=True))
    axes.set_xlabel("bytes sent by a peer so far, all headers included (log scale)")
    figure.subplots_adjust(left=0.1, right=0.97, top=0.83, bottom=0.13)
    return figure


def _sheet() -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_ylim(0, 100)
    axes.set_ylabel("accuracy on the test set, %")
    axes.set_axisbelow(True)
    return figure, axes


def _subtitle(axes: Axes, text: str) -> None:
    axes.annotate(
        text,
        (0, 1),
        xytext=(0, 10),
        xycoords="axes fraction",
        textcoords="offset points",
        color=_MARK,
    )


def _trace(axes: Axes, across: Sequence[float], values: Band, colour: str) -> float:
    axes.fill_between(
        across, values.least, values.most, color=colour, alpha=0.16, linewidth=0, zorder=2
    )
    # A single evaluation is a dot, which a line would not show.
    axes.plot(
        across,
        values.mean,
        color=colour,
        linewidth=2,
        marker="o" if len(across) == 1 else "",
        zorder=3,
    )
    return values.mean[-1]


def _apart(heights: Sequence[float], gap: float = 18.0) -> list[float]:
    """Two heights moved so far apart, in per cent, that the names beside them do not touch."""
    if len(heights) < 2 or abs(heights[0] - heights[1]) >= gap:
        return list(heights)
    middle = min(max(sum(heights) / 2, gap / 2 + 8), 96 - gap / 2)
    up = gap / 2 if heights[0] >= heights[1] else -gap / 2
    return [middle + up, middle - up]


def _finding(swarm: Band, alone: Band) -> str:
    with_votes = f"{swarm.mean[-1]:.0f} %"
    if not alone.rounds:
        return f"Peers that exchange votes reach {with_votes}"
    without = f"{alone.mean[-1]:.0f} %"
    if round(swarm.mean[-1]) <= round(alone.mean[-1]):
        return f"Exchanging votes brought no gain: {with_votes} against {without}"
    return f"Exchanging votes lifts accuracy from {without} to {with_votes}"


def _price(summary: Summary, spent: float) -> str:
    dense = summary["bytes"]["instead"]["dense_weights"]
    if dense is None or not spent:
        return f"The whole run cost a peer {size(spent)}"
    factor = dense["wire"] / spent
    if factor < 1.5:
        return f"The whole run cost a peer {size(spent)}"
    more = times(factor).removesuffix(" x")
    return f"The run cost a peer {size(spent)}; sending the model, {more} times that"


def _raised(costs: Sequence[float], span: float) -> frozenset[int]:
    """Which marks' names stand higher, where the second and third would run into one another."""
    if len(costs) > 2 and math.log(costs[2] / costs[1]) < 0.3 * math.log(span):
        return frozenset((2, 3))
    return frozenset()


def _marks(peers: Sequence[PeerRecord], summary: Summary) -> list[tuple[float, str]]:
    """Costs of other exchanges, ascending, with a name."""
    marks: list[tuple[float, str]] = []
    peer: Any = next((peer for peer in peers if peer.votes and peer.classes), None)
    if peer is not None:
        around = envelope(peer.sent) if peer.sent else PLAIN
        marks.append(
            (soft_labels(1, peer.votes, peer.classes, around)[1], "one soft-label\nballot")
        )
        if peer.weights:
            marks.append((dense_weights(1, peer.weights, around)[1], "the model,\nonce"))
    instead = summary["bytes"]["instead"]
    for cost, name in (
        (instead["soft_labels"], "soft labels,\nwhole run"),
        (instead["dense_weights"], "the model,\nwhole run"),
    ):
        if cost is not None and cost["wire"]:
            marks.append((cost["wire"], name))
    return sorted(marks)
