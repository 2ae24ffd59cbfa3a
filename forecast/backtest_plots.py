"""Figures of a backtest, in the manner of `forecast.plots`: Axes in, Axes out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from forecast.calibration import corp, reliability
from forecast.markup import percent, role_words
from forecast.plots import BLUE, GREY, ORANGE, _axes, _finish, _says


def calibration(
    answers: pd.DataFrame,
    title: str = "",
    forecast: str = "model",
    seed: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """The CORP reliability diagram of one question: how often it happened when so much was said.

    Parameters
    ----------
    answers : DataFrame
        Of one scheme and question: rows of `forecast.backtest_scores.openings` or `attendance`.
    title : str
    forecast : str
        The column to show.
    seed : int
        Of the consistency band: where 90 % of the curves of right forecasts lie, were the cases
        independent; since those of one conflict are not, the band is too narrow.

    Raises
    ------
    ValueError
        If no answer is to be scored.
    """
    rows = answers[answers["over"]]
    p, y = rows[forecast].to_numpy(float), rows["happened"].to_numpy(float)
    curve, d = reliability(p, y, seed=seed), corp(p, y)
    ax = _axes(ax, 7)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    ax.fill_between(curve["forecast"], curve["low"], curve["high"], color=GREY, alpha=0.25, linewidth=0,
                    label="90 %, if right")  # fmt: skip
    ax.plot(curve["forecast"], curve["share"], "o-", color=BLUE, markersize=3, linewidth=1.4,
            label="happened")  # fmt: skip
    # how many said what: a histogram along the foot
    number, edges = np.histogram(p, np.linspace(0, 1, 21))
    ax.bar(edges[:-1], 0.15 * number / number.max(), np.diff(edges), align="edge", color=GREY, alpha=0.5)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="Forecast", ylabel="Share that happened", aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.spines[["top", "right"]].set_visible(False)
    parts = f"{d.miscalibration:.3f} − {d.discrimination:.3f} + {d.uncertainty:.3f}"
    ax.set_title(f"{title}\n{parts}".strip(), fontsize="small", loc="left")
    ax.legend(frameon=False, loc="upper left", fontsize="x-small")
    return _says(ax, f"{title or 'Reliability'}: on {len(p)} answers the mean forecast was "
                     f"{percent(p.mean())} and {percent(y.mean())} happened; Brier score {d.score:.3f}: "
                     f"miscalibration {d.miscalibration:.3f}, discrimination {d.discrimination:.3f}, "
                     f"uncertainty {d.uncertainty:.3f}.")  # fmt: skip


def calibrations(answers: pd.DataFrame, landmark: int = 0, forecast: str = "model") -> Axes:
    """`calibration` at one landmark: a row for each scheme, a column for each window.

    Parameters
    ----------
    answers : DataFrame
        From `forecast.backtest_scores.openings`.

    Returns
    -------
    Axes
        The first of the figure.
    """
    at = answers[answers["landmark"] == landmark]
    schemes, windows = list(at["scheme"].unique()), sorted(at["window"].unique())
    _, axes = plt.subplots(len(schemes), len(windows), sharex=True, sharey=True, squeeze=False,
                           figsize=(2.5 * len(windows), 2.9 * len(schemes)), layout="constrained")  # fmt: skip
    for i, scheme in enumerate(schemes):
        for j, window in enumerate(windows):
            of = at[(at["scheme"] == scheme) & (at["window"] == window)]
            calibration(of, f"{str(scheme).capitalize()}, {window} days", forecast, ax=axes[i, j])
            if i < len(schemes) - 1:
                axes[i, j].set_xlabel("")
            if j:
                axes[i, j].set_ylabel("")
            if i or j:
                axes[i, j].get_legend().remove()
    first: Axes = axes[0, 0]
    return first


def gains(frame: pd.DataFrame, score: str, forecast: str, ax: Axes | None = None) -> Axes:
    """By how much the model's score is better than another forecast's, question by question.

    Parameters
    ----------
    frame : DataFrame
        From `forecast.backtest_scores.summary`, by `scheme` and then whatever tells questions
        apart, such as `landmark` and `window`, or `role`.
    score : {"brier", "log"}
    forecast : str
        The one to compare with.
    """
    rows = frame.xs((score, forecast), level=("score", "forecast"))
    schemes = list(rows.index.get_level_values("scheme").unique())
    keys = list(dict.fromkeys(k[1:] for k in rows.index))
    names = [f"{k[1]} days from day {k[0]}" if len(k) == 2 else role_words(k[0]) for k in keys]
    ax = _axes(ax, 0.45 * len(names) * len(schemes) + 1)
    said = []
    for i, (scheme, colour, shape) in enumerate(
        zip(schemes, (BLUE, ORANGE, GREY), ("o", "s", "^"), strict=False)
    ):
        of = rows.xs(scheme, level="scheme")
        y = np.array([keys.index(k if isinstance(k, tuple) else (k,)) for k in of.index])
        y = y + 0.5 * ((i + 0.5) / len(schemes) - 0.5)
        ax.hlines(y, of["low"], of["high"], color=colour, alpha=0.35, linewidth=4)
        ax.plot(of["gain"], y, shape, color=colour, markersize=5, label=str(scheme))
        above, below = int((of["low"] > 0).sum()), int((of["high"] < 0).sum())
        said.append(f"{scheme}: better in {above}, worse in {below}, no different in "
                    f"{len(of) - above - below} of {len(of)}")  # fmt: skip
    ax.axvline(0, color="black", linewidth=1)
    unit = "Brier" if score == "brier" else "log"
    against = "0.5" if forecast == "one half" else f"the share {forecast}"
    label = f"Gain in {unit} score over {against}, central 90 % (right of 0: better)"
    _finish(ax, names, label, left=None, per_cent=False)
    ax.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    return _says(ax, f"Gain of the model in {unit} score over {against}, with its interval by bootstrap "
                     f"over conflicts. {'; '.join(said)}.")  # fmt: skip
