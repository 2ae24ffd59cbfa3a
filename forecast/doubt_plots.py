"""Figures of what a forecast weighs and depends on: they follow `forecast.plots`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes

from forecast.case import Case
from forecast.markup import long_date, percent, short, short_date, signed
from forecast.plots import BLUE, GREY, ORANGE, _axes, _dated, _finish, _plain, _says
from forecast.pooling import Disagreement
from forecast.scoring import summary

_MARKS = ("o", "D", "s", "^", "v", "P", "X")


def shares(frame: pd.DataFrame, ax: Axes | None = None, most: int = 12) -> Axes:
    """Shapley values of events, indicators, sources or origins, the largest first, in points.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.contributions`.
    """
    ranked = frame.reindex(frame.points.abs().sort_values(ascending=False, kind="stable").index)
    few, rest = ranked.head(most), ranked.iloc[most:]
    names = [_plain(str(i).replace("_", " "), 44) for i in few.index]
    points = (100 * few.points).to_list()
    if len(rest):
        names.append(f"the other {len(rest)}")
        points.append(float(100 * rest.points.sum()))
    ax = _axes(ax, len(names))
    ax.axvline(0, color="black", linewidth=0.8)
    colours = [BLUE if p >= 0 else ORANGE for p in points]
    ax.barh(np.arange(len(names)), points, color=colours, height=0.6)
    for i, p in enumerate(points):
        ax.annotate(signed(p), (p, i), textcoords="offset points", xytext=(4 if p >= 0 else -4, 0),
                    va="center", ha="left" if p >= 0 else "right")  # fmt: skip
    ax.margins(x=0.15)
    _finish(ax, names, f"Points of {_what(frame)}", left=None, per_cent=False)
    said = ", ".join(f"{n} {signed(p)}" for n, p in list(zip(names, points, strict=True))[:5])
    before, after = float(frame.attrs["before"]), float(frame.attrs["after"])
    by = frame.attrs["by"]
    return _says(ax, f"What each {by} did to {_what(frame)}, from {percent(before)} to {percent(after)}, in points: {said}.")  # fmt: skip


def _what(frame: pd.DataFrame) -> str:
    if frame.attrs.get("of"):
        return "the chance of taking part, if it is held"
    return f"the chance that it opens by {long_date(frame.attrs['deadline'])}"


def matrix(array: xr.DataArray, case: Case, ax: Axes | None = None, most: int = 16) -> Axes:
    """The diagnosticity matrix as a heat map, the most telling events first, in decibans.

    Parameters
    ----------
    array : DataArray
        From `forecast.matrix`.
    case : Case
    """
    frame = array.to_pandas()
    order = np.argsort(-np.ptp(frame.to_numpy(), axis=1), kind="stable")[:most]
    frame = frame.iloc[order]
    labels = {s.id: _plain(s.label.split(":")[0], 24) for s in case.scenarios}
    ax = _axes(ax, len(frame) + 2)
    top = float(np.abs(frame.to_numpy()).max()) if frame.size else 1.0
    sns.heatmap(frame, center=0, vmin=-top, vmax=top, cmap=sns.diverging_palette(30, 240, as_cmap=True),
                annot=True, fmt="+.1f", ax=ax, linewidths=1, cbar_kws={"label": "decibans"})  # fmt: skip
    ax.set_yticklabels([str(i).replace("_", " ") for i in frame.index], rotation=0)
    ax.set_xticklabels([labels[str(s)] for s in frame.columns], rotation=30, ha="right")
    ax.set(xlabel="", ylabel="")
    said = []
    for name, row in frame.head(4).iterrows():
        to = str(row.abs().idxmax())
        said.append(f"{str(name).replace('_', ' ')} {signed(float(row[to]))} for {short(labels[to])}")
    return _says(ax, f"Decibans by which each event moved each scenario, the {len(frame)} most telling: {'; '.join(said)}.")  # fmt: skip


def tornado(frame: pd.DataFrame, ax: Axes | None = None, most: int = 14) -> Axes:
    """The forecast with each judgement at its ends, the widest first.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.tornado`.
    """
    few, now = frame.head(most), float(frame.attrs["now"])
    ax = _axes(ax, len(few))
    y = np.arange(len(few))
    for end, mark in (("at_low", "low end"), ("at_high", "high end")):
        gap = few[end].to_numpy() - now
        ax.barh(y, gap, left=now, height=0.6, color=ORANGE if end == "at_low" else BLUE, label=mark)
    ax.axvline(now, color="black", linewidth=0.8)
    ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, title="")
    names = [_plain(str(n).replace("_", " "), 54) for n in few.index]
    label = "Chance of taking part, if it is held" if frame.attrs.get("of") else "Chance that it opens"
    _finish(ax, names, label, left=None)
    said = "; ".join(
        f"{n} {percent(r.at_low)} to {percent(r.at_high)}"
        for n, (_, r) in list(zip(names, few.iterrows(), strict=True))[:5]
    )
    return _says(ax, f"{label}, {percent(now)} today, with one judgement at the low and at the high end of its interval: {said}.")  # fmt: skip


def variants(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The forecast under other defensible choices, a dot for each deadline.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.variants`.
    """
    ax = _axes(ax, 1.1 * len(frame))
    names = [f"by {short_date(d, True)}" for d in frame.columns]
    long = frame.set_axis(names, axis=1).rename_axis("variant").reset_index().melt("variant", names, "by", "p")  # fmt: skip
    sns.pointplot(long, x="p", y="variant", hue="by", ax=ax, errorbar=None, linestyle="none",
                  palette=sns.color_palette("crest", len(names)))  # fmt: skip
    for i, d in enumerate(frame.columns):
        colour = sns.color_palette("crest", len(names))[i]
        ax.axvline(float(frame[d].iloc[0]), color=colour, linewidth=0.8, alpha=0.5)
    ax.legend(frameon=False, title="", ncols=len(names), loc="lower right", bbox_to_anchor=(1, 1))
    _finish(ax, [str(x) for x in frame.index], "Chance that it opens")
    said = "; ".join(f"by {long_date(d)} {percent(frame[d].min())} to {percent(frame[d].max())}" for d in frame.columns)  # fmt: skip
    return _says(ax, f"The forecast under {len(frame)} choices: {said}.")


def watch(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The forecast if each watched event is seen, and if it is not, the most telling first.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.watch_table`.
    """
    now = float(frame.attrs["now"])
    ax = _axes(ax, len(frame))
    y = np.arange(len(frame))
    ax.hlines(y, frame.if_not, frame.if_seen, color=GREY, linewidth=2, alpha=0.6)
    ax.plot(frame.if_seen, y, "o", color=BLUE, label="if seen")
    ax.plot(frame.if_not, y, "o", markerfacecolor="white", color=ORANGE, label="if not")
    ax.axvline(now, color="black", linewidth=0.8)
    for i, (_, r) in enumerate(frame.iterrows()):
        ax.annotate(
            f"seen: {percent(r.chance)}", (1.01, i), xycoords=("axes fraction", "data"), va="center"
        )
    ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    names = [_plain(str(n).replace("_", " "), 40) for n in frame.index]
    _finish(ax, names, f"Chance that it opens by {long_date(frame.attrs['deadline'])}", left=None)
    said = "; ".join(
        f"{n} {percent(r.if_seen)} if seen, {percent(r.if_not)} if not (seen with {percent(r.chance)})"
        for n, (_, r) in list(zip(names, frame.iterrows(), strict=True))[:4]
    )
    return _says(ax, f"The forecast, {percent(now)} today, after each event that may come: {said}.")


def histories(f_table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each actor's chance before any report, now, and how often such parties came in history.

    Parameters
    ----------
    f_table : DataFrame
        `f.table("actors")` of a forecast, with the columns `name`, `prior`, `given_held` and,
        where the case has a fit, `in_history`.
    """
    rows = f_table[f_table.given_held < 1]
    ax = _axes(ax, len(rows))
    y = np.arange(len(rows))
    ax.hlines(y, rows.prior, rows.given_held, color=GREY, linewidth=2, alpha=0.6)
    ax.plot(rows.prior, y, "|", color="black", markersize=13, label="before any report")
    ax.plot(rows.given_held, y, "o", color=BLUE, label="forecast")
    if "in_history" in rows:
        ax.plot(
            rows.in_history, y, "D", color=ORANGE, markerfacecolor="none", label="in history, by role"
        )
    ax.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    _finish(ax, [_plain(str(n), 44) for n in rows.name], "Chance of taking part, if it is held")
    ax.set_xlim(0, 1)
    said = "; ".join(f"{short(str(r['name']))} {percent(r.prior)} to {percent(r.given_held)}" for _, r in rows.iterrows())  # fmt: skip
    plt.setp(ax.get_yticklabels(), ha="right")
    return _says(ax, f"Chance of taking part, if it is held, before any report and now: {said}.")


def analysts(d: Disagreement, ax: Axes | None = None, most: int = 12) -> Axes:
    """The pooled forecast with one judgement as each analyst has it, what divides them most first.

    Parameters
    ----------
    d : Disagreement
        From `forecast.disagreement`.
    """
    few = d.at.head(most)
    ax = _axes(ax, len(few))
    y = np.arange(len(few))
    ax.hlines(y, few.min(axis=1), few.max(axis=1), color=GREY, linewidth=2, alpha=0.6)
    for i, (n, colour) in enumerate(
        zip(few, sns.color_palette("colorblind", few.shape[1]), strict=True)
    ):
        # hollow, and smaller from one to the next: those who agree stand one in the other
        ax.plot(few[n], y, _MARKS[i % len(_MARKS)], color=colour, label=_plain(str(n), 20),
                markersize=max(12 - 2.5 * i, 5), markerfacecolor="none", markeredgewidth=1.8)  # fmt: skip
    ax.axvline(d.now, color="black", linewidth=0.8)
    ax.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    names = [_plain(str(n).replace("_", " "), 54) for n in few.index]
    _finish(ax, names, f"Chance that it opens by {long_date(d.deadline)}", left=None)
    said = "; ".join(
        f"{n} {', '.join(f'{who} {percent(p)}' for who, p in r.items())}"
        for n, (_, r) in list(zip(names, few.iterrows(), strict=True))[:5]
    )
    return _says(ax, f"Chance that it opens by {long_date(d.deadline)}, pooled {percent(d.now)}, with one judgement as each analyst has it: {said}.")  # fmt: skip


def scores(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The scores of one model through time: of the opening, and of the actors.

    Parameters
    ----------
    frame : DataFrame
        Rows of `forecast.through_time` of one model.
    """
    means = summary(frame).reset_index()
    days = pd.to_datetime(means["origin_date"])
    ax = _axes(ax, 7)
    shown = {
        "rps": "ranked probability score of the opening",
        "attends_brier": "Brier score, mean of the actors",
    }
    said = []
    for colour, (key, label) in zip((BLUE, ORANGE), shown.items(), strict=True):
        if means[key].isna().all():
            continue
        ax.step(days, means[key], where="post", color=colour, label=label)
        first, last = float(means[key].iloc[0]), float(means[key].iloc[-1])
        said.append(
            f"{label} from {first:.2f} on {long_date(days.iloc[0])} to {last:.2f} on {long_date(days.iloc[-1])}"
        )
    ax.legend(frameon=False)
    _dated(ax, "Score (0 is perfect)")
    ax.yaxis.set_major_formatter("{x:.1f}")
    return _says(ax, f"Scores through time: {'; '.join(said)}.")
