"""A simulated world as pictures and as a table.

One picture says who has made how many rounds, when, and what went wrong; where learners are
real, another and a table say what they have learnt.  All take plain numbers, so that whoever
has them can draw them.  matplotlib is imported when a picture is drawn, and without pyplot, so
nothing global is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import STYLE, Band, draw_curves
from .table import Column, Table, percent

__all__ = ["draw_learnt", "draw_world", "learnt_table"]

_FEW = 32  # peers that get a row each

_LINE = "#0072B2"
_SHADE = "#D55E00"

Trouble = tuple[float, float, str]
"""(begin, end, name) of something that went wrong, in virtual seconds."""


def draw_world(
    path: Path,
    title: str,
    timeline: Mapping[int, Sequence[tuple[float, int]]],
    troubles: Sequence[Trouble] = (),
) -> None:
    """Write the picture.  `timeline`: for each peer its (virtual seconds, rounds made).

    Raises OSError when the disk refuses.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 4.6))
        axes = figure.add_subplot()
        last = max((line[-1][0] for line in timeline.values() if line), default=1.0)
        for _, line in sorted(timeline.items()):
            moments = [0.0, *(moment for moment, _ in line)]
            rounds = [0, *(round for _, round in line)]
            axes.step(
                moments, rounds, where="post", color=_LINE, linewidth=1, alpha=_alpha(timeline)
            )
        for level, (begin, end, name) in enumerate(t for t in troubles if t[0] <= last):
            axes.axvspan(begin, min(end, last), color=_SHADE, alpha=0.08, linewidth=0)
            axes.axvline(begin, color=_SHADE, linewidth=0.8)
            height = 0.97 - 0.055 * (level % 12)
            axes.annotate(
                name,
                (begin, height),
                xycoords=("data", "axes fraction"),
                xytext=(4, 0),
                textcoords="offset points",
                color=_SHADE,
                fontsize=8.5,
                va="top",
            )
        axes.set_title(title)
        axes.set_xlim(0, last)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("virtual seconds")
        axes.set_ylabel("rounds made, one line a peer")
        figure.tight_layout()
        figure.savefig(path, dpi=150)


def _alpha(timeline: Mapping[int, Sequence[tuple[float, int]]]) -> float:
    """Many lines are drawn thin, so that where they part can be seen."""
    return max(0.15, min(0.9, 8 / max(1, len(timeline))))


def draw_learnt(path: Path, learnt: Mapping[str, Any]) -> bool:
    """Write the picture of accuracies over rounds; False when nobody was evaluated on the way.

    `learnt`: as `simulator.learners.Accuracies.as_json` makes it.  Raises OSError when the disk
    refuses.
    """
    curve = [point for point in learnt["curve"] if point["swarm"]]
    if not curve:
        return False
    draw_curves(path, _band(curve, "swarm"), _band(curve, "alone"))
    return True


def _band(curve: Sequence[Mapping[str, Any]], who: str) -> Band:
    def line(key: str) -> tuple[float, ...]:
        return tuple(100 * point[who][key] for point in curve)

    rounds = tuple(point["rounds"] for point in curve)
    return Band(rounds, (0.0,) * len(rounds), line("mean"), line("least"), line("most"))


def learnt_table(learnt: Mapping[str, Any]) -> Table:
    """What each peer's models reach, or of many peers the least, the quarters and the most.

    `learnt`: as for :func:`draw_learnt`.
    """
    alone, swarm = learnt["alone"], learnt["swarm"]
    found = [
        (str(peer), one, other, other - one)
        for peer, (one, other) in enumerate(zip(alone["per_peer"], swarm["per_peer"], strict=True))
        if one is not None and other is not None
    ]
    head = "peer"
    if len(found) > _FEW:  # each column by itself, so a row is no peer
        head = "of all peers"
        one, other, gain = (sorted(row[at] for row in found) for at in (1, 2, 3))
        places = {name: round(share * (len(found) - 1)) for name, share in _SHARES.items()}
        found = [(name, one[at], other[at], gain[at]) for name, at in places.items()]
    rows = [
        (name, percent(one), percent(other), percent(gain, sign=True))
        for name, one, other, gain in found
    ]
    mean = ("mean", percent(alone["mean"]), percent(swarm["mean"]))
    return Table(
        title="Accuracy on the test set",
        columns=(Column(head, right=False), Column("alone"), Column("swarm"), Column("gain")),
        rows=tuple(rows),
        feet=(
            (*mean, _gain(alone["mean"], swarm["mean"])),
            ("std", percent(alone["std"]), percent(swarm["std"]), ""),
        ),
        notes=(
            "alone    accuracy on the same data with the same steps, without any exchange",
            "swarm    accuracy when the peers also learn from each other's votes",
        ),
    )


_SHARES = {"least": 0.0, "quarter": 0.25, "half": 0.5, "three quarters": 0.75, "most": 1.0}


def _gain(alone: float | None, swarm: float | None) -> str:
    return percent(None if alone is None or swarm is None else swarm - alone, sign=True)
