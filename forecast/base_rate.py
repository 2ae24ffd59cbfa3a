"""The base rate: which future, and when, before any report is heard.

`prior(s, t) = P(held) share(s) f_s(t)` for held scenarios, `P(not held) share(s)` for the
others. It is averaged over the doubt about P(held) and the shares, and only then cut at
the as-of date: that nothing has opened yet lowers P(held) by itself, once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from forecast.case import Case
from forecast.judgement import COVERAGE, draw, fit_beta, means
from forecast.parts import BaseRate, Scenario


@dataclass(frozen=True)
class Futures:
    """The root of the tree, for S scenarios and the T days after the as-of date.

    Parameters
    ----------
    held : ndarray of bool, shape (S,)
    log_root : ndarray, shape (S,)
        log P(s, not opened by the as-of date), normalised. The likelihood of announcements,
        L(s, t), has its place here: it multiplies prior(s, t) before the sum over t.
    draws : ndarray, shape (S, D)
        log root for draws of P(held) and the shares, each normalised before the cut.
    day : ndarray, shape (S, T)
        P(opens on that day | s, not opened by the as-of date); zero for not-held ones.
    """

    held: NDArray[Any]
    log_root: NDArray[Any]
    draws: NDArray[Any]
    day: NDArray[Any]


def futures(
    case: Case, as_of: dt.date, draws: int = 0, rng: np.random.Generator | None = None
) -> Futures:
    """The root of a case's tree on a date."""
    q = case.question
    held = np.array([s.held for s in case.scenarios])
    length, elapsed = (q.horizon - q.proposed).days, (as_of - q.proposed).days
    opened = np.stack([opened_by(case.base_rate, s, length) for s in case.scenarios])
    waiting = 1 - opened[:, elapsed]
    with np.errstate(divide="ignore"):
        cut = np.log(waiting)
    day = np.diff(opened[:, elapsed:], axis=1) / waiting[:, None]
    p = means([case.base_rate.held])[0]
    root = np.where(held, p, 1 - p) * share_means(case.scenarios)
    log_root = np.log(root) + cut
    drawn = np.empty((len(held), 0))
    if draws:
        rng = rng or np.random.default_rng()
        p_held = draw([case.base_rate.held], draws, rng)
        side = np.where(held[:, None], p_held, 1 - p_held)
        drawn = np.log(side * _share_draws(case.scenarios, draws, rng)) + cut[:, None]
    total = np.logaddexp.reduce(log_root)
    return Futures(held, log_root - total, drawn - total, day)


def opened_by(base_rate: BaseRate, scenario: Scenario, length: int) -> NDArray[Any]:
    """P(opened within t days | scenario), t = 0 ... length, shape (length + 1,).

    A log-normal whose central 90 % is `days_to_open`, cut at the horizon: `length` days.
    """
    if not scenario.held:
        return np.zeros(length + 1)
    low, high = np.log(scenario.days_to_open or base_rate.days_to_open)
    sigma = (high - low) / (2 * ndtri((1 + COVERAGE) / 2))
    with np.errstate(divide="ignore"):
        z = (np.log(np.arange(length + 1)) - (low + high) / 2) / sigma
    by_day = ndtr(z) / ndtr(z[-1])
    # a wide tail can round the day before the horizon up to one
    return np.asarray(np.minimum(by_day, 1 - 1e-12 * (np.arange(length + 1) < length)))


def share_means(scenarios: Sequence[Scenario]) -> NDArray[Any]:
    """Mean share of each scenario in its side, shape (S,); each side adds up to 1."""
    out = np.empty(len(scenarios))
    for held in (True, False):
        side = [i for i, s in enumerate(scenarios) if s.held == held]
        stated = [i for i in side if scenarios[i].share]
        out[side] = 1.0
        out[stated] = means([j for i in stated if (j := scenarios[i].share)])
        rest = next(i for i in side if not scenarios[i].share)
        out[rest] = 1 - out[stated].sum()
    return out


def _share_draws(scenarios: Sequence[Scenario], size: int, rng: np.random.Generator) -> NDArray[Any]:
    """Dirichlet draws with the mean shares, as doubtful as the intervals say, (S, size)."""
    mean = share_means(scenarios)
    out = np.repeat(mean[:, None], size, axis=1)
    for held in (True, False):
        side = np.array([i for i, s in enumerate(scenarios) if s.held == held])
        stated = [j for i in side if (j := scenarios[i].share) and not j.certain]
        if not stated:
            continue
        a, b = fit_beta([j.low for j in stated], [j.high for j in stated])
        m = a / (a + b)
        # one concentration for the side, that gives the stated shares their total variance
        size_of = (m * (1 - m)).sum() / (m * (1 - m) / (a + b + 1)).sum() - 1
        shares = rng.dirichlet(mean[side] * size_of, size).T
        out[side] = np.maximum(shares, 1e-300)
    return out
