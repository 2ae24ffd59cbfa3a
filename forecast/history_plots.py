"""Figures of the reference class, in the manner of `forecast.plots`: Axes in, Axes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from forecast import svg
from forecast.markup import counted, long_date, percent, role_words, short_date, span
from forecast.plots import BLUE, GREEN, GREY, ORANGE, _axes, _dated, _finish, _plain, _says
from forecast.updating import Forecast

_FATE = {
    "held": ("opened", BLUE, "o"),
    "dead": ("cancelled, superseded or given up", ORANGE, "X"),
    "open": ("still open", GREY, ">"),
}
"""Status -> words, colour and shape: no one needs the colour to tell them apart."""
_STAGE = {
    "floated": "Floated: no date",
    "window": "A window named",
    "dated": "A day named",
    "": "Not known how definite",
}
_DAYS = (0, 7, 30, 90, 180, 365, 730, 1460, 2920)


def swimmer(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each proposal as a line from its first day to its opening, its end, or the day of the table.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.as_known`, or some of its rows: about 70 can still be read.
    ax : Axes, optional

    Returns
    -------
    Axes
        Days since the proposal on a square root scale, so that weeks and years both show.

    Raises
    ------
    ValueError
        If there is no row, or the table is not one as known on a date.
    """
    if "status" not in table:
        raise ValueError("expected a table as known on a date: forecast.history.as_known")
    if table.empty:
        raise ValueError("no proposal to show")
    stages = table["stage"].fillna("")
    names: list[str] = []
    heads, at, said = [], {}, []
    for stage, title in _STAGE.items():
        rows = table[stages == stage].sort_values(["days", "name"])
        if rows.empty:
            continue
        heads.append(len(names))
        names.append(f"{title} ({len(rows)})")
        for i, row in rows.iterrows():
            at[i] = len(names)
            year = str(row["first_proposed"].year)
            name = _plain(str(row["name"]), 52)
            names.append(name if year in name else f"{name}, {year}")
        said.append(_fates(title, rows))
    y = table.index.map(at).to_numpy(float)
    if ax is None:
        ax = plt.subplots(figsize=(7.6, 0.19 * len(names) + 1.2), layout="constrained")[1]
    for status, (words, colour, shape) in _FATE.items():
        of = (table["status"] == status).to_numpy()
        if of.any():
            days = table["days"].to_numpy(float)[of]
            ax.hlines(y[of], 0, days, color=colour, alpha=0.45, linewidth=2.4)
            ax.plot(days, y[of], shape, color=colour, markersize=5, linestyle="none", label=words)
    target = (table["first_target"] - table["first_proposed"]).dt.days.to_numpy(float)
    if np.isfinite(target).any():
        ax.plot(target, y, "|", color="black", markersize=8, markeredgewidth=1.4,
                label="day named at first")  # fmt: skip
    _finish(ax, names, "Days since the first public proposal", left=None, per_cent=False)
    ax.tick_params(axis="y", labelsize=7)
    _bold(ax, heads)
    longest = float(np.nanmax(np.append(target, table["days"].to_numpy(float))))
    ax.set_xscale("function", functions=(_root, np.square))
    ax.set_xlim(-0.05, max(1.1 * longest, 8))
    ticks = [d for d in _DAYS if d <= max(1.1 * longest, 8)]
    ax.set_xticks(ticks, [str(d) for d in ticks])
    ax.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0,
              fontsize="small", columnspacing=1, handletextpad=0.2)  # fmt: skip
    return _says(
        ax, f"{counted(len(table), 'proposal')} of talks and what became of them. {' '.join(said)}"
    )


def _root(days: Any) -> Any:
    # Matplotlib asks for the scale left of zero too
    return np.sqrt(np.maximum(days, 0))


def _fates(title: str, rows: pd.DataFrame) -> str:
    n = rows["status"].value_counts()
    held = rows["days"][rows["status"] == "held"]
    median = f" after a median of {held.median():.0f} days" if len(held) else ""
    parts = [f"{n.get('held', 0)} opened{median}", f"{n.get('dead', 0)} came to nothing"]
    if still := n.get("open", 0):
        parts.append(f"{still} still open")
    return f"{title}: {', '.join(parts)}, of {len(rows)}."


def base_rates(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """P(held) by class, with its central 90 % and the recorded shares.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.classes.base_rates`.
    """
    names: list[str] = []
    heads, y = [], []
    for dimension, rows in frame.groupby("dimension", sort=False):
        heads.append(len(names))
        names.append(str(dimension))
        for level in rows.index.get_level_values("level"):
            y.append(len(names))
            names.append(str(level).replace("_", " "))
    place = np.array(y)
    ax = _axes(ax, 0.8 * len(names))
    colours = np.where(frame["chosen"], BLUE, GREY)
    ax.hlines(place, frame["low"], frame["high"], color=colours, alpha=0.35, linewidth=6)
    chosen = frame["chosen"].to_numpy()
    shown = ((chosen, "o", BLUE, "class of the case"), (~chosen, "s", GREY, "another class"))
    for of, shape, colour, label in shown:
        ax.plot(frame["probability"][of], place[of], shape, color=colour, label=label)
    seen = (frame["rows"] > 0).to_numpy()
    share = (frame["held"] / frame["rows"].clip(lower=1)).to_numpy()
    ax.plot(share[seen], place[seen], "|", color="black", markersize=12, label="share of recorded rows")
    for i, (n, of) in enumerate(zip(frame["held"], frame["rows"], strict=True)):
        text = f"{n} of {of}" if of else "none"
        ax.annotate(text, (1.01, place[i]), xycoords=("axes fraction", "data"), va="center")
    _finish(ax, names, "P(held), central 90 %; beside it the recorded rows of that level")
    ax.set_xlim(0, 1)
    _bold(ax, heads)
    ax.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    said = "; ".join(
        f"{level} {percent(p)} ({span(low, high)})"
        for (_, level), p, low, high in zip(
            frame.index, frame["probability"], frame["low"], frame["high"], strict=True
        )
    )
    return _says(ax, f"Chance that talks are held, by class: {said}.")


def reference_classes(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The forecast for each deadline, under one reference class after another.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.classes.under`; the first class is the case's own.
    """
    names = list(frame.index.get_level_values("class").unique())
    deadlines = list(frame.index.get_level_values("deadline").unique())
    ax = _axes(ax, 1.3 * len(names))
    place, shapes = np.arange(len(names)), ("o", "s", "^", "D", "v", "P", "X", "*")
    shades = plt.get_cmap("viridis")(np.linspace(0.05, 0.8, len(deadlines)))
    for k, day in enumerate(deadlines):
        rows = frame.xs(day, level="deadline").loc[names]
        y = place + 0.6 * ((k + 0.5) / len(deadlines) - 0.5)
        ax.hlines(y, rows["prior"], rows["probability"], color=shades[k], alpha=0.4, linewidth=2)
        ax.plot(rows["prior"], y, "|", color="black", markersize=7,
                label="base rate alone" if k == 0 else None)  # fmt: skip
        ax.plot(rows["probability"], y, shapes[k % len(shapes)], color=shades[k],
                label=f"by {short_date(day, True)}")  # fmt: skip
    _finish(ax, [_plain(str(n), 56) for n in names], "Chance that it opens")
    _bold(ax, [0])
    ax.set_xlim(left=0)
    ax.legend(frameon=False, ncols=len(deadlines) + 1, loc="lower right", bbox_to_anchor=(1, 1),
              borderpad=0, fontsize="small", columnspacing=1, handletextpad=0.2)  # fmt: skip
    last = frame.xs(deadlines[-1], level="deadline")["probability"].loc[names]
    said = "; ".join(f"{name} {percent(p)}" for name, p in last.items())
    return _says(ax, f"Chance that it opens by {long_date(deadlines[-1])}, by reference class: {said}.")


def held_curve(frame: pd.DataFrame, stage: str, ax: Axes | None = None) -> Axes:
    """The recorded share held by each day, and the band of the tables that a model brings forth.

    Parameters
    ----------
    frame : DataFrame
        With `stage`, `day`, `recorded`, `low`, `high`: `forecast.fitting.posterior_predictive`,
        or `prior_predictive`.
    stage : str
    """
    rows = frame[frame["stage"] == stage]
    if rows.empty:
        raise ValueError(
            f"no landmark of the stage {stage}; there are {', '.join(frame['stage'].unique())}"
        )
    ax = _axes(ax, 6)
    day = rows["day"].to_numpy(float)
    ax.fill_between(day, rows["low"], rows["high"], color=BLUE, alpha=0.2, linewidth=0,
                    label="90 % of the model's tables")  # fmt: skip
    ax.plot(day, rows["recorded"], "o-", color="black", markersize=4, linewidth=1, label="recorded")
    ax.set(xlabel="Days since the proposal", ylabel="Share held by then", ylim=(-0.02, 1.02))
    ax.set_xscale("function", functions=(_root, np.square))
    ticks = [d for d in _DAYS if d <= day[-1]]
    ax.set_xticks(ticks, [str(d) for d in ticks])
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    title = _STAGE.get(stage, stage)
    ax.set_title(title, fontsize="medium", loc="left")
    ax.legend(frameon=False, loc="best", fontsize="small")
    low, high, seen = (rows[k].to_numpy(float) for k in ("low", "high", "recorded"))
    inside = int(((low - 1e-9 <= seen) & (seen <= high + 1e-9)).sum())
    return _says(ax, f"{title}: the recorded share held lies in the 90 % band of the model at "
                     f"{inside} of {len(rows)} days; by day {day[-1]:.0f} it is {percent(seen[-1])}, "
                     f"the band {span(low[-1], high[-1])}.")  # fmt: skip


def held_curves(frame: pd.DataFrame) -> Axes:
    """`held_curve` of each stage, side by side; the first Axes is returned."""
    stages = list(frame["stage"].unique())
    _, axes = plt.subplots(1, len(stages), figsize=(3.2 * len(stages), 3.2), sharey=True,
                           squeeze=False, layout="constrained")  # fmt: skip
    for i, stage in enumerate(stages):
        held_curve(frame, stage, axes[0, i])
        if i:
            axes[0, i].set_ylabel("")
            axes[0, i].get_legend().remove()
    first: Axes = axes[0, 0]
    return first


def attendance(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """P(comes | held, invited) by role; a hollow mark where the record knows no refusal.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.classes.attendance`.
    """
    ax = _axes(ax, len(frame) + 1)
    y, says = np.arange(len(frame)), frame["says_refusals"].to_numpy()
    ax.hlines(y, frame["low"], frame["high"], color=np.where(says, BLUE, GREY), alpha=0.35, linewidth=6)
    p = frame["probability"].to_numpy()
    ax.plot(p[says], y[says], "o", color=BLUE, label="of the record")
    ax.plot(p[~says], y[~says], "o", color=GREY, markerfacecolor="white",
            label="no refusal was ever recorded")  # fmt: skip
    for i, r in enumerate(frame.itertuples()):
        text = f"{r.yes} came, {r.partial} in part, {r.no} did not"
        ax.annotate(text, (1.01, i), xycoords=("axes fraction", "data"), va="center")
    names = [role_words(role) for role in frame.index]
    _finish(ax, names, "P(comes | held, invited), central 90 %")
    ax.set_xlim(0, 1)
    ax.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    columns = (frame[k] for k in ("probability", "low", "high", "says_refusals"))
    said = "; ".join(
        f"{n} {percent(q)} ({span(low, high)}{'' if refused else ', no refusal recorded'})"
        for n, q, low, high, refused in zip(names, *columns, strict=True)
    )
    return _says(ax, f"Chance that an invited party comes, if talks are held, by role: {said}.")


def openings(forecasts: Mapping[str, Forecast], ax: Axes | None = None) -> Axes:
    """P(opened by a day) of several forecasts of one question.

    Parameters
    ----------
    forecasts : mapping of str to Forecast
        By the name to show, four at most.
    """
    ax = _axes(ax, 7)
    styles = ((GREY, "--"), (BLUE, "-"), (ORANGE, "-."), (GREEN, ":"))
    said = []
    for (name, f), (colour, line) in zip(forecasts.items(), styles, strict=False):
        ax.plot(
            f.opening.day.values, f.opening.probability.values.cumsum(), line, color=colour, label=name
        )
        chances = zip(f.held.deadline.values, f.held.probability.values, strict=True)
        said.append(f"{name}: {', '.join(f'{percent(p)} by {long_date(d)}' for d, p in chances)}")
    ax.legend(frameon=False, loc="best")
    _dated(ax, "Chance that it has opened")
    return _says(ax, f"Chance that it has opened, by day. {'; '.join(said)}.")


def model_graph(model: Any, ax: Axes | None = None) -> Axes:
    """What depends on what in a PyMC model: parameters on the left, rows on the right.

    Data and potentials are left out. Drawn here, since PyMC's own drawings need Graphviz.

    Parameters
    ----------
    model : pymc.Model
    """
    from pymc.model_graph import ModelGraph  # heavy, and whoever has a model has it already

    hidden = {x.name for x in (*model.data_vars, *model.potentials)}
    parents = {
        str(k): sorted(v - hidden)
        for k, v in ModelGraph(model).make_compute_graph().items() if k not in hidden
    }  # fmt: skip
    sinks = [k for k in parents if not any(k in v for v in parents.values())]
    layer = {k: 0 if not parents[k] else 2 if k in sinks else 1 for k in parents}
    # parameters stand by their child, so that few arrows cross
    place: dict[str, float] = {}
    top = 0.0
    for sink in sinks:
        free: list[str] = []
        for k in parents[sink]:
            free += [x for x in (*parents[k], k) if layer[x] == 0 and x not in free]
        free = [k for k in free if k not in place]
        place |= {k: top + i for i, k in enumerate(free)}
        place[sink] = top + (len(free) - 1) / 2
        top += len(free) + 0.7
    middle = sorted(
        (k for k in parents if layer[k] == 1), key=lambda k: max(place[x] for x in parents[k])
    )
    place |= {k: float(np.mean([place[x] for x in parents[k]])) for k in middle}
    heights = svg.spread([place[k] for k in middle], [1.0] * len(middle), 0, top)
    place |= dict(zip(middle, heights, strict=True))
    ax = _axes(ax, 0.72 * top)
    across, aligned = (0.3, 0.58, 0.87), ("right", "center", "left")
    colours = ("white", "#e6e6e6", "#cfe3f2")
    boxes = {}
    dims = model.named_vars_to_dims
    for k, y in place.items():
        size = ", ".join(f"{d}: {len(model.coords[d])}" for d in dims.get(k) or () if d in model.coords)
        name = k.replace("log_likelihood_", "") if k in sinks else k
        style = {"boxstyle": "round", "facecolor": colours[layer[k]], "edgecolor": GREY}
        drawn = ax.text(across[layer[k]], y, name + (f"  ({size})" if size else ""), fontsize=8,
                        va="center", ha=aligned[layer[k]], bbox=style, zorder=2)  # fmt: skip
        boxes[k] = drawn.get_bbox_patch()
    for k, above in parents.items():
        for x in above:
            arrow = {"arrowstyle": "->", "color": GREY, "alpha": 0.6, "linewidth": 0.8, "shrinkA": 3}
            arrow |= {"patchA": boxes[x], "patchB": boxes[k]}
            ax.annotate("", (across[layer[k]], place[k]), (across[layer[x]], place[x]),
                        arrowprops=arrow, zorder=1)  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(top - 0.3, -1))
    ax.set_axis_off()
    said = "; ".join(
        f"{k.replace('log_likelihood_', '')} from {', '.join(v)}" for k, v in parents.items() if v
    )
    return _says(ax, f"What depends on what in the model: {said}.")


def _bold(ax: Axes, which: Collection[int]) -> None:
    for i, label in enumerate(ax.get_yticklabels()):
        label.set_fontweight("bold" if i in which else "normal")
