"""Figures for notebooks: each takes an Axes, returns it, and says in words what it shows.

Nothing here shows a figure, sets a style or computes a forecast. `alt` gives the
alternative text of an Axes, made from its numbers; `figure` turns it into a picture that
carries this text into a notebook and from there into a page.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from forecast.markup import long_date, percent, short, short_date, signed, span, whole
from forecast.summary import points
from forecast.tables import table, whole_scenarios
from forecast.updating import Forecast

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#808080"
"""Of the palette by Okabe and Ito, which people with any colour vision can tell apart."""
_ALT = "_forecast_alt"


@dataclass(frozen=True)
class Picture:
    """A figure as a PNG with its alternative text."""

    png: bytes
    alt: str
    width: int
    height: int

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[Any, Any]:
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        about = {"alt": self.alt, "width": self.width, "height": self.height}
        return data, {"image/png": about}


def alt(ax: Axes) -> str:
    """The alternative text of what was drawn on an Axes."""
    return str(getattr(ax, _ALT, ""))


def figure(ax: Axes, dpi: int = 130) -> Picture:
    """The figure of an Axes as a picture to show; the figure itself is closed."""
    drawn, out = ax.get_figure(root=True), io.BytesIO()
    assert drawn is not None
    says = " ".join(x for x in map(alt, drawn.axes) if x)
    if not says:
        raise ValueError("the figure has no alternative text: draw it with forecast.plots")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that the font lacks shows as a box
        drawn.savefig(
            out, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"optimize": True}
        )
    width, height = drawn.get_size_inches() * 100
    plt.close(drawn)
    return Picture(out.getvalue(), says, round(width), round(height))


def held(f: Forecast, ax: Axes | None = None) -> Axes:
    """P(held by each deadline) with input range, beside the base rate."""
    rows = table(f, "held")
    names = [f"by {short_date(d, True)}" for d in rows.index]
    return _dots(ax, names, rows, "probability", "Chance that it opens", "Chance that it has opened")


def actors(f: Forecast, ax: Axes | None = None) -> Axes:
    """P(attends | held) of every actor, with input range and base rate."""
    asked = [a for a in f.case.actors if not a.required]
    rows = table(f, "actors").loc[[a.id for a in asked]]
    label = "Chance of taking part, if it is held"
    return _dots(ax, [a.name for a in asked], rows, "given_held", label, label)


def ranges(f: Forecast, ax: Axes | None = None) -> Axes:
    """What the doubt in the judgements does: every probability with its input range and its prior."""
    days = table(f, "held")
    parts = [
        ([f"opens by {short_date(d, True)}" for d in days.index], days),
        ([f"scenario: {s.label}" for s in f.case.scenarios], table(f, "scenarios")),
        ([i.statement for i in f.case.indicators], table(f, "indicators")),
    ]
    names = [n for part, _ in parts for n in part]
    rows = pd.concat([frame.reset_index(drop=True) for _, frame in parts], ignore_index=True)
    shown = [*map(percent, days.probability), *map(whole, whole_scenarios(f)),
             *map(percent, f.indicators.probability.values)]  # fmt: skip
    says = "Probabilities with input ranges"
    return _dots(ax, names, rows, "probability", "Probability", says, shown)


def scenarios(f: Forecast, ax: Axes | None = None) -> Axes:
    """P(scenario), held and not, beside the base rate."""
    rows = table(f, "scenarios")
    names = [_plain(s, 56) for s in rows.label]
    ax = _axes(ax, len(rows))
    kinds = ["held" if h else "not held" for h in rows.held]
    sns.barplot(x=rows.probability.to_numpy(), y=np.arange(len(rows)), hue=kinds, orient="h", width=0.6, ax=ax,
                hue_order=["held", "not held"], palette=[BLUE, GREY], dodge=False)  # fmt: skip
    ax.plot(rows.prior, range(len(rows)), "|", color="black", markersize=16, label="base rate")
    ax.legend(frameon=False, loc="best")
    _finish(ax, names, "Probability of the scenario")
    after, before = (map(whole, whole_scenarios(f, k)) for k in ("probability", "prior"))
    said = (f"{short(s)} {p} (base rate {q})" for s, p, q in zip(rows.label, after, before, strict=True))
    return _says(ax, f"Scenarios: {'; '.join(said)}.")


def opening(f: Forecast, ax: Axes | None = None) -> Axes:
    """The distribution of the opening day: P(opened by a day), and without any report."""
    ax = _axes(ax, 7)
    day = f.opening.day.values
    ax.fill_between(day, f.opening.probability.values.cumsum(), color=BLUE, alpha=0.15, linewidth=0)
    ax.plot(day, f.opening.probability.values.cumsum(), color=BLUE, label="forecast")
    ax.plot(day, f.opening.prior.values.cumsum(), color=GREY, linestyle="--", label="base rate")
    said = []
    for d, p in zip(f.held.deadline.values, f.held.probability.values, strict=True):
        ax.plot([d], [p], "o", color=BLUE)
        ax.annotate(percent(p), (d, p), textcoords="offset points", xytext=(-6, 6), ha="right")
        said.append(f"{percent(p)} by {long_date(d)}")
    ax.legend(frameon=False, loc="upper left")
    _dated(ax, "Chance that it has opened")
    horizon = f"{percent(f.ever.probability)} by {long_date(f.case.question.horizon)}"
    return _says(ax, f"Chance that it has opened, by day: {', '.join([*said, horizon])}.")


def waterfall(contributions: pd.DataFrame, ax: Axes | None = None, most: int = 16) -> Axes:
    """Shapley values from the base rate to the forecast, the largest first."""
    before, after = (float(contributions.attrs[k]) for k in ("before", "after"))
    ranked = contributions.reindex(
        sorted(contributions.index, key=lambda i: -abs(contributions.points[i]))
    )
    names = [str(i).replace("_", " ") for i in ranked.index[:most]]
    steps = ranked.points.to_list()[:most]
    tenth = points(contributions)
    shown = [tenth[str(i)] for i in ranked.index[:most]]
    if len(ranked) > most:
        names.append(f"the other {len(ranked) - most}")
        steps.append(float(ranked.points.iloc[most:].sum()))
        shown.append(sum(tenth[str(i)] for i in ranked.index[most:]))
    ends = before + np.cumsum(steps)
    ax = _axes(ax, len(steps) + 2)
    colours = [BLUE if s >= 0 else ORANGE for s in steps]
    ax.barh(np.arange(1, len(steps) + 1), steps, left=ends - np.array(steps), color=colours, height=0.6)
    for i, (s, end, by) in enumerate(zip(steps, ends, shown, strict=True), 1):
        ax.annotate(signed(by), (max(end, end - s), i), textcoords="offset points", xytext=(4, -4))
    ax.plot([before, after], [0, len(steps) + 1], "o", color="black")
    _finish(ax, [f"base rate {percent(before)}", *(_plain(n, 48) for n in names), f"forecast {percent(after)}"],
            "Chance that it opens", left=None)  # fmt: skip
    said = ", ".join(f"{n} {signed(by)}" for n, by in list(zip(names, shown, strict=True))[:5])
    return _says(
        ax, f"From the base rate {percent(before)} to the forecast {percent(after)}, in points: {said}."
    )


def ladder(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The forecast under other views of how reports depend on each other."""
    ax = _axes(ax, 1.4 * len(frame))
    names = [f"by {short_date(d, True)}" for d in frame.columns]
    long = (
        frame.set_axis(names, axis=1)
        .rename_axis("rung")
        .reset_index()
        .melt("rung", names, "deadline", "p")
    )
    sns.pointplot(long, x="p", y="rung", hue="deadline", ax=ax, errorbar=None, linestyle="none",
                  palette=sns.color_palette("crest", len(names)), dodge=0.3)  # fmt: skip
    ax.legend(frameon=False, title="", loc="best")
    _finish(ax, [str(x) for x in frame.index], "Chance that it opens")
    last = frame.columns[-1]
    said = "; ".join(f"{rung} {percent(p)}" for rung, p in frame[last].items())
    return _says(ax, f"Chance that it opens by {long_date(last)}, by how reports are read: {said}.")


def agreement(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many standard errors the sampled answer lies from the exact one."""
    kinds = list(dict.fromkeys(frame["quantity"]))
    ax = _axes(ax, 1.2 * len(kinds))
    ax.axvspan(-2, 2, color=GREY, alpha=0.15, linewidth=0)
    sns.stripplot(frame, x="z", y="quantity", order=kinds, ax=ax, color=BLUE, jitter=False, alpha=0.8)
    _finish(
        ax,
        [str(k) for k in kinds],
        "Sampled less exact, in Monte Carlo standard errors",
        left=None,
        per_cent=False,
    )
    inside = int((frame["z"].abs() <= 2).sum())
    return _says(ax, f"{inside} of {len(frame)} sampled quantities lie within two standard errors of the "
                     f"exact answer; the farthest at {frame['z'].abs().max():.1f}.")  # fmt: skip


def _dots(
    ax: Axes | None,
    names: Sequence[str],
    rows: pd.DataFrame,
    of: str,
    label: str,
    says: str,
    shown: Sequence[str] | None = None,
) -> Axes:
    ax = _axes(ax, len(rows))
    y, shown = np.arange(len(rows)), shown or [percent(p) for p in rows[of]]
    if "low" in rows:
        ax.hlines(y, rows.low, rows.high, color=BLUE, alpha=0.35, linewidth=6, label="input range")
    ax.plot(rows.prior, y, "|", color="black", markersize=13, label="base rate")
    ax.plot(rows[of], y, "o", color=BLUE, label="forecast")
    for i, p in enumerate(shown):
        ax.annotate(p, (1.01, i), xycoords=("axes fraction", "data"), va="center")
    ax.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    _finish(ax, [_plain(n, 56) for n in names], label)
    said = "; ".join(
        f"{short(n)} {p}" + (f" ({span(r.low, r.high)})" if "low" in rows else "")
        for n, p, (_, r) in zip(names, shown, rows.iterrows(), strict=True)
    )
    return _says(ax, f"{says}: {said}.")


def _axes(ax: Axes | None, rows: float) -> Axes:
    return plt.subplots(figsize=(7.6, 0.36 * rows + 1.1), layout="constrained")[1] if ax is None else ax


def _plain(words: str, size: int) -> str:
    """Text of a case for Matplotlib, which would read what stands between dollars as a formula."""
    return short(words, size).replace("$", r"\$")


def _finish(
    ax: Axes, names: Sequence[str], label: str, left: float | None = 0, per_cent: bool = True
) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set(xlabel=label, ylabel="")
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
    if per_cent:
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if left is not None:
        ax.set_xlim(left=left)
    sns.despine(ax=ax, left=True)
    ax.tick_params(axis="y", length=0)


def _dated(ax: Axes, label: str) -> None:
    dates: Any = mdates  # untyped
    place = dates.AutoDateLocator(maxticks=8)
    ax.xaxis.set_major_locator(place)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(place))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(ylabel=label, xlabel="")
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", alpha=0.3)
    sns.despine(ax=ax)


def _says(ax: Axes, words: str) -> Axes:
    setattr(ax, _ALT, words)
    return ax
