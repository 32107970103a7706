"""Pictures of tables: lines over one axis, named where they end, readable without a caption.

Colours are Okabe and Ito's, which people with any colour vision tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tallyp2p.reporting.figures import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Line", "apart", "draw"]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_ROW = 0.055  # a row of a name, as a share of the height


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `low` and `high` bound a band around it, where there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False


def draw(
    path: Path,
    title: str,
    subtitle: str,
    along: str,
    up: str,
    lines: Sequence[Line],
    *,
    logarithmic: str = "",
    level: tuple[float, str] | None = None,
) -> None:
    """Write a picture.  `logarithmic`: "x", "y", "xy" or neither; `level`: a height with a name."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 4.6))
        axes = figure.add_subplot()
        if "x" in logarithmic:
            axes.set_xscale("log")
            values = sorted({value for line in lines for value in line.x})
            axes.set_xticks(values, [f"{value:,g}" for value in values])
            axes.set_xticks([], minor=True)
        if "y" in logarithmic:
            axes.set_yscale("log")
        for line, colour in zip(lines, _COLOURS * 2, strict=False):
            style = "--" if line.dashed else "-"
            axes.plot(line.x, line.y, style, color=colour, marker="o", markersize=3.5)
            if line.high:
                axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.15, lw=0)
        if "y" not in logarithmic:
            axes.set_ylim(bottom=0)
        if level is not None:
            axes.axhline(level[0], color="#4D4D4D", linestyle=(0, (4, 3)), linewidth=1)
            axes.annotate(
                level[1],
                (0.01, level[0]),
                xycoords=("axes fraction", "data"),
                xytext=(0, 4),
                textcoords="offset points",
                color="#4D4D4D",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )
        axes.set_title(title, pad=26)
        axes.text(0, 1.03, subtitle, transform=axes.transAxes, color="#4D4D4D", fontsize=9.5)
        axes.set_xlabel(along)
        axes.set_ylabel(up)
        figure.subplots_adjust(left=0.11, right=0.77, top=0.84, bottom=0.13)
        _name(axes, lines)
        figure.savefig(path, dpi=150)


def _name(axes: Axes, lines: Sequence[Line]) -> None:
    """The names at the right edge, near where lines end, but not over one another."""
    to_share = axes.transData + axes.transAxes.inverted()
    ends = [float(to_share.transform((line.x[-1], line.y[-1]))[1]) for line in lines]
    for index, height in enumerate(apart(ends, [1 + line.name.count("\n") for line in lines])):
        axes.annotate(
            lines[index].name,
            (1.0, height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=(_COLOURS * 2)[index],
            va="center",
            annotation_clip=False,
        )


def apart(ends: Sequence[float], rows: Sequence[int]) -> list[float]:
    """Heights for names of so many rows each: close to `ends`, in their order, none above 1."""
    order = sorted(range(len(ends)), key=lambda i: (ends[i], -i))
    heights = list(ends)
    for below, here in zip(order, order[1:], strict=False):  # up, out of one another's way
        room = _ROW * (rows[below] + rows[here]) / 2
        heights[here] = max(heights[here], heights[below] + room)
    ceiling = 1.0
    for here in reversed(order):  # and down again, where that went too far
        heights[here] = min(heights[here], ceiling - _ROW * (rows[here] - 1) / 2)
        ceiling = heights[here] - _ROW * (rows[here] + 1) / 2
    return heights
