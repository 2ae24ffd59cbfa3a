"""Announcements of an opening day: one likelihood, of "none yet" as of "named".

With `n` the day of naming, `d` the named day and `t` the opening, in days since the proposal::

    held on t  :  P(n, d | t) = lead(d - n) slip(t - d), over all 1 <= n <= d <= t
    never held :  a day is named with chance nu, and then as if it were to open on a t of pi(t)
    none by a  :  the rest: P(n > a)

Nothing is named on the day of the proposal (it was floated without a day), so before any
time has passed the likelihood is one. Once a day is named, that one hears of no delay as it
nears is evidence too. A window moves when, never whether. The latest announcement of a
plan supersedes what came before; its reports carry their phi like any other.

Of a learned base rate of the stage `dated` the day is part of the proposal, and P(held) knows
of it: nu is one, silence says nothing, and P(d | n, t) = lead(d - n) slip(t - d) over all d.

`lead`, `slip` and `nu` are learned (`forecast.opening`). `nu` is the share of floated
proposals that named a day and still were never held: what a named day is worth in odds of
P(held) is 1 / nu.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from forecast.case import Case
from forecast.compiling import said
from forecast.fits import Fit
from forecast.parts import Announcement

LONGEST = 365
"""Days beyond which neither a lead nor a slip is looked at: a year after a day that was named and
not kept, nothing is left of P(held) but what a false report would explain."""
OUTSIDE = 1e-15
"""Chance of what news of a day rules out: once that is long past, it says no more than nothing."""
LATE_NOTICE = 0.15
NOTICE_DAYS = 7.0
"""A delay, or an end, is mostly known days ahead: with k days to go it has not been heard of
with chance 1 - (1 - LATE_NOTICE) exp(-k / NOTICE_DAYS). A judgement: the table of proposals
does not record when a delay became known."""
CANCELLED_IF_NEVER, CANCELLED_IF_HELD = 0.3, 0.05
"""Share of bad news about a named day that calls the meeting off rather than puts it off, if it
is never held, and if it is. Of the table's dated proposals that were never held 4 of 13 had
come to their end by the named day (2 of 6 by November 2014), the others drifted on. The second
is a judgement: what was called off is sometimes revived."""


@dataclass(frozen=True)
class Likelihood:
    """L(announcements | s, t): `held` by opening day t = 0 ... T, and `never`."""

    held: NDArray[Any]
    never: float


class Alive(NamedTuple):
    """When it is known not to have come to its end, if what was told is true so far.

    From the proposal to day `until`, and on from day `since`, if there is one: while a named day
    is ahead, what has been heard of it, and what has not, is in the likelihood.
    """

    weight: float
    until: int
    since: int | None


@dataclass(frozen=True)
class Heard:
    """The likelihood of all announcements; if never held, by which of them are true."""

    held: NDArray[Any]
    parts: tuple[Alive, ...]

    @property
    def never(self) -> float:
        """L(announcements | never held)."""
        return sum(x.weight for x in self.parts)


@lru_cache(maxsize=8)
def _lead_and_slip(fit: Fit) -> tuple[NDArray[Any], NDArray[Any], float]:
    """P(lead of x days), P(slip of y days), x, y = 0 ... LONGEST; and nu: means over draws."""
    d, edge = fit.draws, np.log(np.arange(LONGEST + 1) + 0.5)

    def pmf(place: NDArray[Any], spread: NDArray[Any], first: int) -> NDArray[Any]:
        cdf = ndtr((edge - place[:, None]) / spread[:, None])
        out = np.diff(cdf, axis=1, prepend=0)
        out[:, :first] = 0
        return np.asarray(out / out.sum(1, keepdims=True))

    lead = pmf(d["lead_log_days"], d["lead_sigma"], 0).mean(0)
    late = pmf(d["slip_log_days"], d["slip_sigma"], 1)
    slip = late * (1 - d["on_time"])[:, None]
    slip[:, 0] = d["on_time"]
    return lead, slip.mean(0), float(d["named_if_never"].mean())


def likelihood(case: Case, as_of: dt.date, opens: NDArray[Any]) -> Heard:
    """The likelihood of what has been announced, and of what has not, by a date.

    Parameters
    ----------
    case : Case
        As known on the date; without a fit nothing is made of news or of silence. Of
        announcements first reported on one day, the later in the file supersedes.
    as_of : date
    opens : ndarray, shape (T + 1,)
        P(opens on day t | held), as judged on the day of the proposal.
    """
    start = case.question.proposed
    now = (as_of - start).days
    if case.fit is None:
        return Heard(np.ones(len(opens)), (Alive(1.0, 0, 0),))
    if dated := is_dated(case):
        silent, some = Likelihood((np.arange(len(opens)) > now).astype(float), 1.0), 1.0
    else:
        silent, left = _none(case.fit, now, opens), opens[now + 1 :]
        some = 1 - float(left @ silent.held[now + 1 :]) / max(float(left.sum()), 1e-300)
    held, parts = silent.held, [Alive(silent.never, 0, 0)]
    plan: tuple[int, int] | None = None  # the latest named day, and when it was named
    last: Announcement | None = None
    for news in sorted(case.announcements, key=lambda a: min(r.published for r in a.reports)):
        if last is not None and (news.kind, news.opens) == (last.kind, last.opens):
            continue  # a restatement
        first = (min(r.published for r in news.reports) - start).days
        told = _told(case.fit, news, plan, start, first, now, opens, silent, dated)
        denied, affirmed = said(case, news)
        alive = _alive(news, plan, start, first)
        if news.opens:
            # a false report names some day too: its chance to name just this one
            affirmed *= float(opens @ told.held) / max(some, 1e-9)
            plan = ((news.opens[0] - start).days, first) if _one_day(news) else None
        elif plan:
            affirmed *= 1 - _not_heard(plan[0] - first)  # and is heard when bad news is
        held = told.held * denied + held * affirmed
        parts = [Alive(told.never * denied, *alive)] + [
            x._replace(weight=x.weight * affirmed) for x in parts
        ]
        last = news
    return Heard(held, tuple(parts))


@lru_cache(maxsize=8)
def _room(fit: Fit, size: int) -> NDArray[Any]:
    """P(lead + slip < k), k = 0 ... size - 1: there is room to name a day after the proposal."""
    lead, slip, _ = _lead_and_slip(fit)
    total = np.concatenate([[0.0], np.cumsum(np.convolve(lead, slip))])
    return np.asarray(np.maximum(total[np.minimum(np.arange(size), len(total) - 1)], 1e-300))


def _none(fit: Fit, now: int, opens: NDArray[Any]) -> Likelihood:
    """No day has been named by `now`; nothing has opened either."""
    room, nu = _room(fit, len(opens)), _lead_and_slip(fit)[2]
    held = np.zeros(len(opens))
    held[now + 1 :] = room[1 : len(opens) - now] / room[now + 1 :]
    return Likelihood(held, 1 - nu + nu * float(opens @ held))


def still_silent(case: Case, as_of: dt.date, by: dt.date, opens: NDArray[Any]) -> Likelihood:
    """P(no day is named by a later date either | s, t, none is named yet).

    Who opens by then has been named by then: zero. With announcements already made, one, and
    where the day is part of the proposal.
    """
    if case.announcements or is_dated(case):
        return Likelihood(np.ones(len(opens)), 1.0)
    now, then = ((d - case.question.proposed).days for d in (as_of, by))
    until, later = (_none(case.fit, k, opens) for k in (now, then))
    held = np.divide(later.held, until.held, out=np.zeros(len(opens)), where=until.held > 0)
    return Likelihood(held, later.never / until.never)


def _told(
    fit: Fit,
    news: Announcement,
    plan: tuple[int, int] | None,
    start: dt.date,
    first: int,
    now: int,
    opens: NDArray[Any],
    silent: Likelihood,
    dated: bool = False,
) -> Likelihood:
    """The likelihood of the state that true news brings about."""
    lead, slip, nu = _lead_and_slip(fit)
    t, room = np.arange(len(opens)), _room(fit, len(opens))
    if news.opens and not _one_day(news):
        inside = np.mean([_slipped(slip, t, d) for d in _days(news.opens, start)], axis=0) + OUTSIDE
        weight = opens * silent.held
        # whether stays as it was: such news is as likely if it is never held as if it is
        typical = float(weight @ inside) / max(float(weight.sum()), 1e-300)
        return Likelihood(silent.held * inside, silent.never * typical)
    off = news.kind == "cancelled"
    good = CANCELLED_IF_HELD if off else 1 - CANCELLED_IF_HELD
    bad = CANCELLED_IF_NEVER if off else 1 - CANCELLED_IF_NEVER
    if news.opens:
        day, named_on = (news.opens[0] - start).days, first
    elif plan:
        day, named_on = plan
    else:  # no day is known that it could be put off from
        return Likelihood(silent.held * good, silent.never * bad) if off else silent
    if dated:
        both = np.diff(_room(fit, len(opens) + 1))  # P(lead + slip = k)
        nu, room = 1.0, both[np.maximum(t - named_on, 0)]
        room[room <= 0] = 1.0  # beyond all leads and slips
    when = lead[np.clip(day - named_on, 0, LONGEST)] * _slipped(slip, t, day) / room + OUTSIDE
    never = nu * float(opens @ when)
    if news.opens:  # no word of a delay until now
        quiet = _not_heard(day - now)
        return Likelihood(when * np.where(t == day, 1.0, quiet), never * quiet)
    quiet = _not_heard(day - first)  # or just such a word
    return Likelihood(when * np.where(t == day, 0.0, (1 - quiet) * good), never * (1 - quiet) * bad)


def _alive(
    news: Announcement, plan: tuple[int, int] | None, start: dt.date, first: int
) -> tuple[int, int | None]:
    """Until when, and since when, a proposal of which this is true has not come to its end."""
    if news.kind == "cancelled":
        return (plan[1] if plan else first), None
    if news.opens and _one_day(news):
        return first, (news.opens[0] - start).days
    return (plan[1], first) if plan and not news.opens else (0, 0)


def _one_day(news: Announcement) -> bool:
    """Whether it names a day: a window of one day, or a day to which it was put off, does."""
    return news.opens is not None and news.opens[0] == news.opens[1]


def is_dated(case: Case) -> bool:
    """Whether the base rate is that of proposals which named their day at once."""
    return case.fit_used and case.base_rate.stage == "dated"


def _days(period: tuple[dt.date, dt.date], start: dt.date) -> range:
    return range((period[0] - start).days, (period[1] - start).days + 1)


def _slipped(slip: NDArray[Any], t: NDArray[Any], day: int) -> NDArray[Any]:
    late = t - day
    return np.where((late >= 0) & (late <= LONGEST), slip[np.clip(late, 0, LONGEST)], 0.0)


def _not_heard(left: int) -> float:
    """P(no word of a delay yet | there will be one), with `left` days to go."""
    return float(1 - (1 - LATE_NOTICE) * np.exp(-max(left, 0) / NOTICE_DAYS))
