"""The base rate: which future, and when, before any report is heard.

`prior(s, t) = P(held) share(s) f_s(t)` for held scenarios, `P(not held) share(s)` for the
others, learned from a reference class or elicited. It is averaged over the doubt about the
base rate and the shares, weighed by what has been announced, and only then cut at the as-of
date: that nothing has opened yet lowers P(held) by itself, once. That the proposal has not been
called off, superseded or given up either is known too, while it is asked about: with a learned
base rate, what is never held weighs `P(not at its end yet | never held)`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

from forecast.announcements import Heard, News
from forecast.announcements import heard as announced
from forecast.case import Case
from forecast.fits import Curve, Fit, curve
from forecast.judgement import COVERAGE, draw, fit_beta, means
from forecast.parts import BaseRate, Scenario


@dataclass(frozen=True)
class Futures:
    """The root of the tree, for S scenarios and the T days after the as-of date.

    Parameters
    ----------
    held : ndarray of bool, shape (S,)
    log_root : ndarray, shape (S,)
        log P(s, announcements, neither opened nor at its end by the as-of date), normalised.
    day : ndarray, shape (S, T)
        P(opens on that day | s, all that); zero for not-held scenarios.
    draws : ndarray, shape (S, D)
        log root for draws of the base rate and the shares, on the scale of `log_root`.
    which : ndarray of int, shape (D,)
        Which learned time to open belongs to each draw: an index into `by_draw`.
    by_draw : ndarray, shape (S, deadlines, learned times)
        P(opens by each deadline | s, not opened by the as-of date).
    """

    held: NDArray[Any]
    log_root: NDArray[Any]
    day: NDArray[Any]
    draws: NDArray[Any]
    which: NDArray[Any]
    by_draw: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Opening:
    """Which held scenario, and when, as judged on the day of the proposal, before any news.

    Parameters
    ----------
    share : ndarray, shape (S,)
        Mean share of each scenario in its side.
    ever : ndarray, shape (K,)
        P(held), for each kept draw of a learned base rate, or one.
    opened : ndarray, shape (H, K, T + 1)
        P(opened within t days | s), t = 0 ... T, for the H held scenarios.
    waits : ndarray, shape (K, T + 1)
        P(not called off, superseded or given up within t days | never held); elicited: 1.
    joint : ndarray, shape (H, T)
        P(s, opens on day t), t = 1 ... T, over the doubt about the base rate.
    beyond : ndarray, shape (K,)
        P(held, after the horizon): it has no end.
    """

    share: NDArray[Any]
    ever: NDArray[Any]
    opened: NDArray[Any]
    waits: NDArray[Any]
    joint: NDArray[Any]
    beyond: NDArray[Any]

    @property
    def days(self) -> NDArray[Any]:
        """P(opens on day t | held), t = 0 ... T."""
        return np.concatenate([[0.0], self.joint.sum(0) / self.joint.sum()])

    def never(self, news: Heard) -> float:
        """P(not held by the horizon, announcements, did not come to its end that one knew of)."""
        still = (1 - self.ever) @ news.alive + self.beyond.sum() * news.never
        return float(still / len(self.ever))


def opening(case: Case) -> Opening:
    """The base rate of a case, in days from its proposal; the news does not touch it.

    What is learned of P(held) is of `forecast.fits.HORIZON` days; a shorter horizon cuts
    it there.
    """
    length = (case.question.horizon - case.question.proposed).days
    return _opening(case.fit if case.fit_used else None, case.base_rate, case.scenarios, length)


@lru_cache(maxsize=4)
def _opening(fit: Fit | None, base: BaseRate, scenarios: tuple[Scenario, ...], length: int) -> Opening:
    share = share_means(scenarios)
    if fit is None:
        assert base.held  # parts.BaseRate
        assert base.days_to_open
        ever, usual = means([base.held]), log_normal(base.days_to_open, length)[None]
        waits = np.ones((1, length + 1))
    else:
        learned, usual = _learned(
            fit, base.stage, base.convener_type, base.row_type, base.conflict, length
        )
        ever, waits = learned.ever, waiting(learned, scenarios, share, length)
    times = [s.days_to_open for s in scenarios if s.held]
    opened = np.empty((len(times), len(ever), length + 1))
    for i, own in enumerate(times):
        opened[i] = log_normal(own, length) if own else usual
    out = averaged(scenarios, share, ever, opened, waits)
    for kept in (out.share, out.ever, out.opened, out.waits, out.joint, out.beyond):
        # shared by all who ask again
        kept.setflags(write=False)
    return out


def averaged(
    scenarios: Sequence[Scenario],
    share: NDArray[Any],
    ever: NDArray[Any],
    opened: NDArray[Any],
    waits: NDArray[Any],
) -> Opening:
    """The opening that these shares and views of the base rate make together."""
    held = share[[s.held for s in scenarios]]
    joint = held[:, None] * np.diff(ever @ opened, axis=1) / len(ever)
    beyond = ever * (1 - held @ opened[:, :, -1])
    return Opening(share, ever, opened, waits, joint, beyond)


@lru_cache(maxsize=8)
def _learned(fit: Fit, *about: Any) -> tuple[Curve, NDArray[Any]]:
    *of, length = about
    learned = curve(fit, *of)
    return learned, learned.opened_by(np.arange(length + 1.0))


def waiting(
    learned: Curve, scenarios: Sequence[Scenario], share: NDArray[Any], length: int
) -> NDArray[Any]:
    """P(not at its end within t days | never held), t = 0 ... length, shape (K, length + 1).

    What is expected to take longer is also given up later: where scenarios have times to open
    of their own, the ends that the table knows are stretched by as much as these stretch the
    time to open, in the mean of its logarithm.
    """
    slower = np.zeros(len(learned.log_days))
    for s, weight in zip(scenarios, share, strict=True):
        if s.held and s.days_to_open:
            slower += weight * (np.log(s.days_to_open).mean() - learned.log_days)
    stretched = replace(learned, end_log_days=learned.end_log_days + slower)
    return stretched.waits(np.arange(length + 1.0))


def futures(
    case: Case,
    as_of: dt.date,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    before: Opening | None = None,
) -> Futures:
    """The root of a case's tree on a date.

    Parameters
    ----------
    case : Case
        What was announced after the date is not heard.
    before : Opening, optional
        Another base rate than the case's.
    """
    q, before = case.question, before or opening(case)
    held = np.array([s.held for s in case.scenarios])
    elapsed = (as_of - q.proposed).days
    share = before.share
    news = heard(case, as_of, before).at(elapsed)
    weigh = news.held[1 + elapsed :]
    root = share * before.never(news)
    day = np.zeros((len(held), len(weigh)))
    day[held] = before.joint[:, elapsed:] * weigh
    root[held] = day[held].sum(1)
    with np.errstate(divide="ignore"):
        log_root = np.log(root)
    scale = np.logaddexp.reduce(log_root)
    # where the announced day is so long past that no opening is left, the days stay 0
    day[held] /= np.maximum(root[held, None], 1e-300)
    if not draws:
        empty = np.empty((len(held), 0))
        return Futures(held, log_root - scale, day, empty, np.empty(0, int), empty[:, :, None])
    rng, ever, opened = rng or np.random.default_rng(), before.ever, before.opened
    which = rng.integers(len(ever), size=draws) if case.fit_used else np.zeros(draws, int)
    elicited = case.base_rate.held
    drawn = ever[which] if elicited is None else draw([elicited], draws, rng)[0]
    shares = _share_draws(case.scenarios, share, draws, rng)
    # P(opens by each deadline, and ever, after the as-of date | held, s) for each learned time
    at = [min(max((d - as_of).days, 0), len(weigh)) for d in q.deadlines] + [len(weigh)]
    mass = np.diff(opened[:, :, elapsed:], axis=2) * weigh
    until = np.stack([mass[:, :, :n].sum(2) for n in at], axis=1)  # (held, deadlines + 1, K)
    waiting = until[:, -1]
    beyond = 1 - (shares[held] * opened[:, which, -1]).sum(0)
    never_drawn = (1 - drawn) * news.alive[which] + drawn * beyond * news.never
    root_drawn = never_drawn * shares
    root_drawn[held] = drawn * shares[held] * waiting[:, which]
    by = np.zeros((len(held), len(q.deadlines), len(ever)))
    by[held] = until[:, :-1] / np.maximum(waiting, 1e-300)[:, None]
    log_draws = np.log(np.maximum(root_drawn, 1e-300)) - scale
    return Futures(held, log_root - scale, day, log_draws, which, by)


def log_normal(days: tuple[float, float], length: int) -> NDArray[Any]:
    """P(within t days), t = 0 ... length, of a log-normal cut at `length` days.

    Parameters
    ----------
    days : (float, float)
        Its central 90 %, in days.
    """
    low, high = np.log(days)
    sigma = (high - low) / (2 * ndtri((1 + COVERAGE) / 2))
    with np.errstate(divide="ignore"):
        z = (np.log(np.arange(length + 1)) - (low + high) / 2) / sigma
    by_day = np.exp(log_ndtr(z) - log_ndtr(z[-1]))  # a time far beyond does not underflow
    # a wide tail can round the day before the horizon up to one
    return np.asarray(np.minimum(by_day, 1 - 1e-12 * (np.arange(length + 1) < length)))


def heard(case: Case, as_of: dt.date, before: Opening) -> News:
    """What was announced by a date; see `forecast.announcements.heard`."""
    later = any(r.published > as_of for a in case.announcements for r in a.reports)
    return announced(case.as_known(as_of) if later else case, as_of, before.days, before.waits)


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


def _share_draws(
    scenarios: Sequence[Scenario], mean: NDArray[Any], size: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Dirichlet draws with the mean shares, as doubtful as the intervals say, (S, size)."""
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
