"""Were probabilities right as often as they said? Scores, CORP, and intervals by group.

CORP recalibrates forecasts by isotonic regression (the pool-adjacent-violators algorithm) of the
outcomes on them: the share of yes among forecasts like this one, never falling as forecasts
rise, with no bins to choose. A mean score S then splits exactly::

    S = miscalibration - discrimination + uncertainty
    miscalibration   S(forecast) - S(recalibrated)         0 if forecasts are what they say
    discrimination   S(share of all) - S(recalibrated)     0 if they tell no case from another
    uncertainty      S(share of all)                       of the outcomes, whoever forecasts

The recalibration is fitted to the same outcomes, so with few of them miscalibration is above
zero even for perfect forecasts: the consistency band shows by how much the curve strays then.

References
----------
Dimitriadis, Gneiting and Jordan 2021, Stable reliability diagrams for probabilistic classifiers.
https://doi.org/10.1073/pnas.2016191118
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

LEVEL = 0.9


def brier(p: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    """Brier scores, (p - y)², from 0 to 1; less is better."""
    return np.asarray(np.square(np.asarray(p, float) - np.asarray(y, float)))


def log_score(p: ArrayLike, y: ArrayLike = 1) -> NDArray[Any]:
    """Log scores in nats, -ln of the probability given to what happened; infinite at 0, less is better."""
    p = np.asarray(p, float)
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(-np.log(np.where(np.asarray(y) == 1, p, 1 - p)), 0.0))


SCORES: dict[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "brier": brier, "log": log_score,
}  # fmt: skip


def recalibrated(p: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    """The isotonic regression of outcomes on forecasts; equal forecasts get one value.

    Parameters
    ----------
    p : array_like, shape (N,)
        Forecasts, from 0 to 1.
    y : array_like, shape (N,)
        Outcomes, 0 or 1.

    Returns
    -------
    ndarray, shape (N,)

    Raises
    ------
    ValueError
        If there are none, they are not of one length, or a value is out of range.
    """
    p, y = _checked(p, y)
    values, which, count = np.unique(p, return_inverse=True, return_counts=True)
    share = np.bincount(which, y, minlength=len(values)) / count
    out: NDArray[Any] = isotonic_regression(share, weights=count.astype(float)).x[which]
    return out


def _checked(p: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    a, b = np.asarray(p, float), np.asarray(y, float)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"{a.shape} forecasts, {b.shape} outcomes; expected some, and one for each")
    if not ((a >= 0) & (a <= 1)).all():
        raise ValueError("a forecast is no probability from 0 to 1")
    if not np.isin(b, (0, 1)).all():
        raise ValueError("an outcome is neither 0 nor 1")
    return a, b


@dataclass(frozen=True)
class Decomposition:
    """A mean score and its parts, `score = miscalibration - discrimination + uncertainty`."""

    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def corp(p: ArrayLike, y: ArrayLike, score: str = "brier") -> Decomposition:
    """The CORP decomposition of a mean score.

    Parameters
    ----------
    p, y
        As in `recalibrated`.
    score : {"brier", "log"}
    """
    p, y = _checked(p, y)
    of = SCORES[score]
    mean = float(of(p, y).mean())
    best = float(of(recalibrated(p, y), y).mean())
    all_ = float(of(np.full(len(y), y.mean()), y).mean())
    return Decomposition(mean, mean - best, all_ - best, all_)


def reliability(
    p: ArrayLike, y: ArrayLike, draws: int = 1000, seed: int = 1, level: float = LEVEL
) -> pd.DataFrame:
    """The CORP reliability curve with its consistency band.

    Parameters
    ----------
    p, y
        As in `recalibrated`.
    draws : int
        Of outcomes, as they would be if the forecasts were right and the cases independent.

    Returns
    -------
    DataFrame
        A row for each forecast value, rising: `forecast`; `count`; `share`, recalibrated;
        `low`, `high`, where `level` of the curves of right forecasts lie.
    """
    p, y = _checked(p, y)
    rng = np.random.default_rng(seed)
    values, first, count = np.unique(p, return_index=True, return_counts=True)
    made = [recalibrated(p, rng.random(len(p)) < p)[first] for _ in range(draws)]
    low, high = np.quantile(made, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return pd.DataFrame({"forecast": values, "count": count, "share": recalibrated(p, y)[first],
                         "low": low, "high": high})  # fmt: skip


def mean_by_group(
    x: ArrayLike, group: ArrayLike, draws: int = 4000, seed: int = 1, level: float = LEVEL
) -> dict[str, float]:
    """A mean over cases, and its interval when whole groups might have been others (bootstrap).

    Parameters
    ----------
    x : array_like, shape (N,) or (N, 2)
        Values; or numerators and denominators, of whose sums the ratio is taken.
    group : array_like, shape (N,)
        Cases of one group are drawn together.

    Returns
    -------
    dict
        `mean`; `se`, its standard error; `low`, `high`, the central `level` of the draws.
    """
    values = np.asarray(x, float)
    if values.ndim == 1:
        values = np.stack([values, np.ones(len(values))], axis=1)
    _, which = np.unique(np.asarray(group, str), return_inverse=True)
    size = int(which.max()) + 1
    sums = np.stack([np.bincount(which, v, minlength=size) for v in values.T])
    times = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), draws)
    top, bottom = sums @ times.T
    drawn = top / bottom
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return {"mean": float(sums[0].sum() / sums[1].sum()), "se": float(drawn.std(ddof=1)),
            "low": float(low), "high": float(high)}  # fmt: skip
