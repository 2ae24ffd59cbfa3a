"""Pictures of the page as inline SVG: colours by CSS, alternative text from the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from forecast.markup import Html, h, join

Mark = tuple[Any, ...]


def dots(filled: int, label: str) -> Html:
    """A hundred dots, so many of them filled; a picture of a frequency."""
    circles = join(
        h('<circle class="{}" cx="{}" cy="{}" r="4.4"/>',
          "on" if i < filled else "off", 7 + 13 * (i % 20), 7 + 13 * (i // 20))
        for i in range(100)
    )  # fmt: skip
    return h(
        '<svg class="dots" viewBox="0 0 261 66" role="img" aria-label="{}">{}</svg>', label, circles
    )


def strip(marks: Sequence[Mark], label: str, scale: Callable[[float], float] = float) -> Html:
    """A bar across a table's cell, from 0 to 1 after `scale`; it stretches with the cell.

    Parameters
    ----------
    marks : sequence of tuple
        ("bar", from, to, tone), ("range", from, to), ("dot", at, tone), ("ring", at) or
        ("tick", at), drawn in this order.
    label : str
        The alternative text.
    """

    def at(x: float) -> str:
        return f"{100 * min(max(scale(x), 0), 1):.2f}%"

    def wide(x: float, y: float) -> tuple[str, str]:
        a, b = sorted(min(max(scale(v), 0), 1) for v in (x, y))
        return f"{100 * a:.2f}%", f"{100 * max(b - a, 0.004):.2f}%"

    out: list[Html] = []  # the ground and its quarters are in the style: two hundred strips share them
    for kind, *rest in marks:
        if kind == "bar":
            x, w = wide(rest[0], rest[1])
            out.append(h('<rect class="{}" x="{}" y="4" width="{}" height="14"/>', rest[2], x, w))
        elif kind == "range":
            x, w = wide(rest[0], rest[1])
            out.append(h('<rect class="range" x="{}" y="8" width="{}" height="6" rx="3"/>', x, w))
        elif kind == "dot":
            out.append(h('<circle class="dot {}" cx="{}" cy="11" r="5"/>', rest[1], at(rest[0])))
        elif kind == "ring":
            out.append(h('<circle class="ring" cx="{}" cy="11" r="4"/>', at(rest[0])))
        else:
            x = at(rest[0])
            out.append(h('<line class="tick" x1="{}" x2="{}" y1="1" y2="21"/>', x, x))
    return h('<svg class="strip" height="22" role="img" aria-label="{}">{}</svg>', label, join(out))


def axis(low: str = "0", middle: str = "50", high: str = "100\u00a0%") -> Html:
    """What stands above a column of strips."""
    return h('<span class="axis"><i>{}</i><i>{}</i><i>{}</i></span>', low, middle, high)


@dataclass(frozen=True)
class Frame:
    """The rectangle of a chart: x in days, y in probability, in units of the view box."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    days: tuple[float, float]
    ceiling: float

    def x(self, day: float) -> float:
        first, last = self.days
        part = (day - first) / max(last - first, 1e-9)
        return round(self.left + part * (self.width - self.left - self.right), 1)

    def y(self, p: float) -> float:
        part = 1 - p / self.ceiling
        return round(self.top + part * (self.height - self.top - self.bottom), 1)

    @property
    def floor(self) -> int:
        return self.height - self.bottom

    def grid(self) -> Html:
        """Horizontal lines with their per cents."""
        steps = {0.75: 3, 1.0: 4}.get(self.ceiling, 5)
        out = []
        for i in range(steps + 1):
            p = self.ceiling * i / steps
            out.append(h('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                         '<text class="num" x="{}" y="{}" text-anchor="end">{}</text>',
                         self.left, self.width - self.right, self.y(p), self.y(p), self.left - 8,
                         self.y(p) + 4, f"{100 * p:.0f}" + (" %" if i == steps else "")))  # fmt: skip
        return join(out)

    def drawing(self, parts: Sequence[Html], label: str, kind: str) -> Html:
        return h('<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
                 kind, self.width, self.height, label, join(parts))  # fmt: skip


def steps(frame: Frame, days: Sequence[float], p: Sequence[float], end: float) -> str:
    """A path that keeps each value until the next day, and the last one until `end`."""
    points = [f"M{frame.x(days[0])} {frame.y(p[0])}"]
    for day, value in zip(days[1:], p[1:], strict=True):
        points.append(f"H{frame.x(day)}V{frame.y(value)}")
    return "".join(points) + f"H{frame.x(end)}"


def band(
    frame: Frame, days: Sequence[float], low: Sequence[float], high: Sequence[float], end: float
) -> Html:
    """The area between two step lines."""
    back = [f"H{frame.x(end)}L{frame.x(end)} {frame.y(low[-1])}"]
    back += [f"H{frame.x(days[i])}V{frame.y(low[i - 1])}" for i in range(len(days) - 1, 0, -1)]
    top = steps(frame, days, high, end)
    return h('<path class="band" d="{}"/>', f"{top}{''.join(back)}H{frame.x(days[0])}Z")


def spread(wanted: Sequence[float], apart: Sequence[float], low: float, high: float) -> list[float]:
    """Heights of labels near `wanted`, not closer than `apart`, between `low` and `high`."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    out = [0.0] * len(wanted)
    last = low
    for i in order:
        out[i] = max(wanted[i], last + apart[i] / 2)
        last = out[i] + apart[i] / 2
    last = high
    for i in reversed(order):
        out[i] = min(out[i], last - apart[i] / 2)
        last = out[i] - apart[i] / 2
    return out


def lanes(extents: Sequence[tuple[float, float]], gap: float) -> list[int]:
    """A row for each mark along an axis (left, right; in order), so that none covers another."""
    ends: list[float] = []
    out = []
    for left, right in extents:
        row = next((i for i, end in enumerate(ends) if left >= end + gap), len(ends))
        ends[row : row + 1] = [right]
        out.append(row)
    return out


def ceiling(p: float) -> float:
    """The smallest round top of an axis that shows `p` with some air."""
    return next((c for c in (0.25, 0.5, 0.75, 1.0) if p <= 0.94 * c), 1.0)


def window(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis for probabilities that lie close together."""
    low, high = min(values), max(values)
    pad = max(0.08 * (high - low), 0.01)
    return max(low - pad, 0.0), min(high + pad, 1.0)
