"""One picture of a simulated world: who has made how many rounds, when, and what went wrong.

It takes plain numbers, so that whoever has them can draw it.  matplotlib is imported when the
picture is drawn, and without pyplot, so nothing global is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["draw_world"]

_LINE = "#0072B2"
_SHADE = "#D55E00"
_STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "figure.facecolor": "white",
}

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

    with matplotlib.rc_context(_STYLE):
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
