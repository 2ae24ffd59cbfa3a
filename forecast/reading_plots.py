"""Figures for reading a forecast through time and its actors together; as `forecast.plots`."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes

from forecast import attendance, svg
from forecast.appending import write_whole
from forecast.case import Case
from forecast.markup import counted, long_date, percent, short, short_date, signed, span
from forecast.parts import Event
from forecast.plots import BLUE, GREY, ORANGE, _axes, _dated, _finish, _plain, _says, alt, figure
from forecast.replaying import news
from forecast.updating import Forecast
from forecast.wording import escaped, legible


def replay(past: xr.Dataset, case: Case, ax: Axes | None = None, most: int = 4) -> Axes:
    """P(held by each deadline) as it was on each date, with the news along the axis.

    Parameters
    ----------
    past : Dataset
        From `forecast.replay`, its dates in order.
    case : Case
        The one that was replayed.
    ax : Axes, optional
    most : int
        How many of the largest moves are named, those between neighbouring dates.
    """
    ax = _axes(ax, 11)
    days, main = past.as_of.values, pd.Timestamp(case.headline)
    shown = past.sel(deadline=main)
    p = shown.probability.values
    ends = {}
    for d in past.deadline.values:
        first = pd.Timestamp(d) == main
        line = past.probability.sel(deadline=d).values
        ax.step(
            days,
            line,
            where="post",
            color=BLUE,
            linewidth=2.4 if first else 0.9,
            alpha=1 if first else 0.7,
        )
        ends[f"by {short_date(d)}: {percent(line[-1])}"] = float(line[-1])
    ax.step(days, shown.prior, where="post", color=GREY, linestyle="--")
    ends["base rate"] = float(shown.prior[-1])
    if "low" in shown:
        ax.fill_between(days, shown.low, shown.high, step="post", color=BLUE, alpha=0.15, linewidth=0)
    _dated(ax, "Chance that it opens")
    top = ax.get_ylim()[1]
    places = svg.spread([*ends.values()], [0.06 * top] * len(ends), 0, top)
    for name, y in zip(ends, places, strict=True):
        ax.annotate(
            name, (1.02, y), xycoords=("axes fraction", "data"), va="center", annotation_clip=False
        )
    moves = _moves(days, case)
    sns.rugplot(x=[days[i] for i in moves], ax=ax, height=0.03, color="black", alpha=0.6)
    ax.set_xlim(ax.get_xlim())  # where the names stand depends on it
    largest = sorted(sorted(moves, key=lambda i: -abs(p[i] - p[i - 1]))[:most])
    said = []
    for row, i in enumerate(largest):
        change = 100 * (p[i] - p[i - 1])
        words = f"{short_date(days[i])}: {_named(case, moves[i])} {signed(change)}"
        said.append(words)
        colour = BLUE if change > 0 else ORANGE
        left, right = ax.get_xlim()
        at = (float(mdates.date2num(days[i])) - left) / (right - left)  # type: ignore[no-untyped-call]
        y, wide = 1.03 + 0.065 * (len(largest) - 1 - row), 0.0125 * len(words)
        ax.plot([at, at], [0, y], color=colour, linewidth=0.8, linestyle=":", transform=ax.transAxes,
                clip_on=False)  # fmt: skip
        # to the right of its line where there is room, else as far as need be over it
        ax.annotate(_plain(words, 90), (max(min(at, 1.1 - wide), 0), y), xycoords="axes fraction",
                    fontsize="small", annotation_clip=False, color=colour,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    as_of = pd.Timestamp(case.question.as_of)
    if pd.Timestamp(days[0]) < as_of < pd.Timestamp(days[-1]):
        ax.axvline(as_of, color="black", linewidth=1)  # type: ignore[arg-type]
        ax.annotate(f"as of {short_date(as_of)} ", (as_of, 0.97), xycoords=("data", "axes fraction"),
                    ha="right", va="top", fontsize="small")  # fmt: skip
    ranged = f", input range {span(shown.low[-1], shown.high[-1])}" if "low" in shown else ""
    named = f" The largest moves, in points: {'; '.join(said)}." if said else ""
    return _says(ax, f"Chance that it opens by {long_date(main)}, as it was known: {percent(p[0])} on "
                     f"{long_date(days[0])}, {percent(p[-1])} on {long_date(days[-1])}{ranged}; base rate "
                     f"{percent(shown.prior[-1])}.{named}")  # fmt: skip


def replay_actors(past: xr.Dataset, case: Case, ax: Axes | None = None) -> Axes:
    """P(attends | held) of every actor as it was on each date, each in a lane of its own.

    A dot marks each date with an event on the actor himself; what moved him most is named, if by
    five points or more and not among much other news.

    Parameters
    ----------
    past : Dataset
        From `forecast.replay`.
    case : Case
    ax : Axes, optional
    """
    who = attendance.asked(case)
    ax = _axes(ax, 1.5 * max(len(who), 1))
    days, said = past.as_of.values, []
    new = _moves(days, case)
    for i, actor in enumerate(who):
        p = past.given_held.sel(actor=actor.id).values
        floor = i + 0.4
        on = {k: _on(case, names, actor.id) for k, names in new.items()}
        named = _mark(ax, days, floor - 0.8 * p, new, on)
        ax.axhline(floor, color=GREY, linewidth=0.5)
        ax.fill_between(days, floor, floor - 0.8 * p, step="post", color=BLUE, alpha=0.2, linewidth=0)
        ax.step(days, floor - 0.8 * p, where="post", color=BLUE, linewidth=1.4)
        words = f"{percent(p[0])} → {percent(p[-1])}"
        ax.annotate(
            words, (1.01, i), xycoords=("axes fraction", "data"), va="center", annotation_clip=False
        )
        most = f" (most by {named})" if named else ""
        said.append(f"{short(actor.name)} {words.replace('→', 'to')}{most}")
    _dated(ax, "")
    ax.grid(visible=False)
    _finish(ax, [_plain(a.name, 40) for a in who], "", left=None, per_cent=False)
    return _says(ax, f"Chance of taking part, if it is held, from {long_date(days[0])} to "
                     f"{long_date(days[-1])}: {'; '.join(said) or 'no actor is asked about'}.")  # fmt: skip


def dependence(f: Forecast, ax: Axes | None = None) -> Axes:
    """How the attendance of every two actors goes together, if it is held: phi coefficients."""
    names = {a.id: _plain(a.name, 34) for a in attendance.asked(f.case)}
    phi, label = attendance.dependence(f).correlation.values, [*names.values()]
    ax = _axes(ax, 1.2 * len(names) + 3)
    below = np.tril(np.ones(phi.shape, bool), -1)
    off = [(float(phi[i, j]), f"{label[j]} and {label[i]}")
           for i, j in zip(*np.nonzero(below & np.isfinite(phi)), strict=True)]  # fmt: skip
    top = max([abs(r) for r, _ in off], default=1.0)
    sns.heatmap(np.round(phi, 2) + 0.0, mask=~below, ax=ax, cmap=sns.blend_palette([ORANGE, "white", BLUE], as_cmap=True),
                vmin=-top, vmax=top, cbar=False, annot=len(names) < 16, fmt=".2f", linewidths=1,
                annot_kws={"size": "small"}, xticklabels=label, yticklabels=label)  # fmt: skip
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    for text in ax.get_xticklabels():
        text.set(rotation=40, ha="right", rotation_mode="anchor")
    strongest = sorted(off, key=lambda pair: -abs(pair[0]))[:4]
    said = "; ".join(f"{who} {r:.2f}" for r, who in strongest)
    return _says(ax, f"Correlations of who takes part, {counted(len(names), 'actor')}; the strongest: "
                     f"{said or 'none'}.")  # fmt: skip


def _mark(ax: Axes, days: np.ndarray, line: np.ndarray, news: dict[int, list[str]],
          on: dict[int, list[Event]]) -> str:  # fmt: skip
    """Dots where events on an actor fall in his lane of 0.8, and the name of what moved him most."""
    at = [i for i, events in on.items() if events]
    ax.plot(days[at], line[at], ".", color=BLUE, markersize=5)
    # on a day with much other news the move is not the event's own
    own = [i for i in at if len(on[i]) * 2 >= len(news[i]) and abs(line[i] - line[i - 1]) >= 0.04]
    if not own:
        return ""
    i = max(own, key=lambda i: abs(line[i] - line[i - 1]))
    first, *rest = on[i]
    more = f" and {len(rest)} more" if rest else ""
    late = (days[i] - days[0]) * 2 > days[-1] - days[0]
    ax.annotate(_plain(short(first.what, 48) + more, 60), (days[i], line.min()), (0, 3),
                textcoords="offset points", fontsize="small", ha="right" if late else "left")  # fmt: skip
    return f"{short(first.what, 60)}{more}, {short_date(days[i])}"


def _on(case: Case, names: list[str], actor: str) -> list[Event]:
    """Those of the events that speak of the actor."""
    of = {w.id: w.bears_on for w in case.watch}
    return [e for e in case.events if e.id in names and (e.bears_on or of.get(e.answers or "")) == actor]


def _moves(days: np.ndarray, case: Case) -> dict[int, list[str]]:
    """Places of the dates on which something was new, with what."""
    dates: list[dt.date] = [pd.Timestamp(d).date() for d in days]
    new = {i: news(case, dates[i], dates[i - 1]) for i in range(1, len(days))}
    return {i: names for i, names in new.items() if names}


def _named(case: Case, names: list[str]) -> str:
    if len(names) > 4:
        return f"{len(names)} events"
    parts: tuple[Any, ...] = (*case.events, *case.announcements)
    told = {x.id: x.what for x in parts}
    silent = {f"silence: {w.id}": f"Not seen: {w.what}" for w in case.watch}
    # an announcement speaks of the day itself, so it is the likeliest to have moved the forecast
    first, *rest = sorted(names, key=lambda n: n not in {a.id for a in case.announcements})
    more = f" and {len(rest)} more" if rest else ""
    return short((told | silent)[first], 48) + more


def save(ax: Axes, path: Path) -> None:
    """Write the figure of an Axes as SVG or PNG, by the suffix: the whole file or nothing.

    Raises
    ------
    ValueError
        If the suffix is neither.
    """
    if path.suffix.lower() == ".png":
        data = figure(ax).png
    elif path.suffix.lower() == ".svg":
        drawn, out, says = ax.get_figure(root=True), io.StringIO(), escaped(alt(ax))
        assert drawn is not None
        with mpl.rc_context({"svg.hashsalt": "forecast"}):
            drawn.savefig(
                out, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
            )
        plt.close(drawn)
        head, tag, body = legible(out.getvalue()).partition("<svg ")
        about, end, shapes = body.partition(">")
        data = f'{head}{tag}role="img" {about}{end}\n <title>{says}</title>{shapes}'.encode()
    else:
        raise ValueError(f"{path}: expected a name that ends in .svg or .png")
    write_whole(path, data)
