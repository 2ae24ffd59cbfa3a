"""Announcements of an opening day: one likelihood, of "none yet" as of "named".

With `n` the day of naming, `d` the named day and `t` the opening, in days since the proposal::

    held on t  :  P(n, d | t) = lead(d - n) slip(t - d), over all 1 <= n <= d <= t
    never held :  a day is named with chance nu, and then as if it were to open on a t of pi(t)
    none by a  :  the rest: P(n > a)

Nothing is named on the day of the proposal (it was floated without a day), so before any
time has passed the likelihood is one. Once a day is named, that one hears of no delay as it
nears is evidence too. A window moves when, never whether.

The latest announcement that is true supersedes what came before. Which is the last true one is
not known: each may be, or none, with a state of its own (a day ahead, none awaited, ...), and the
likelihood is the sum over them, carried from one announcement to the next.

Of a learned base rate of the stage `dated` the day is part of the proposal, and P(held) knows
of it: nu is one, silence says nothing, and P(d | n, t) = lead(d - n) slip(t - d) over all d. So
it is with a day that replaces another.

`lead`, `slip` and `nu` are learned (`forecast.opening`). `nu` is the share of floated
proposals that named a day and still were never held: what a named day is worth in odds of
P(held) is 1 / nu.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any

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
NEWS = 1 / 3
"""Chance, before its report is weighed, that a day or a window has been named when one says so. A
judgement, as are the likelihoods of an event. (That of bad news is in the table of its factors.)"""
KEPT = 0.5
"""Share of windows that are kept, or slip as a day slips; the others open as any proposal does from
the window's first day on. Of the table's 34 proposals with a window that were held 17 opened within
a month of the target that it gives for it (6 of 10 by November 2014, 5 of 8 by February 2009)."""
_TINY = 1e-300


@dataclass(frozen=True)
class Heard:
    """L(announcements | s, t): `held` by opening day t = 0 ... T, and if it is never held.

    Parameters
    ----------
    held : ndarray, shape (T + 1,)
        0 up to the day until which is listened.
    never : float
    alive : ndarray, shape (K,)
        `never`, times P(it has not come to an end that would be known), by draw of the base rate.
    """

    held: NDArray[Any]
    never: float
    alive: NDArray[Any]


@dataclass(frozen=True)
class _State:
    """What is so if one announcement is the last true one, or none is.

    Parameters
    ----------
    held : ndarray, shape (T + 1,)
        Joint likelihood of all reports and of this; the silence since is not in it.
    never : ndarray, shape (1 + K,)
        The same if it is never held; then times P(no end that would be known), by draw.
    since : int or None
        From this day on it is known not to be at its end; from none, after it was called off.
    awaits : int or None
        The day since when the naming of a day has been awaited.
    names : ndarray, shape (1 + K,), or 0
        The part of `never` of which a day would be named all the same.
    day : int or None
        The day that is named.
    off : bool
        It is put off, or called off, and no day has been named since.
    window : (int, int) or None
        The first and last day of the period that is named.
    """

    held: NDArray[Any]
    never: NDArray[Any]
    since: int | None
    awaits: int | None = None
    names: NDArray[Any] | float = 0.0
    day: int | None = None
    off: bool = False
    window: tuple[int, int] | None = None

    @property
    def kind(self) -> tuple[Any, ...]:
        return self.since, self.awaits, self.day, self.off, self.window

    def times(self, held: float, never: float) -> _State:
        return replace(self, held=self.held * held, never=self.never * never, names=self.names * never)

    def plus(self, other: _State) -> _State:
        return replace(self, held=self.held + other.held, never=self.never + other.never,
                       names=self.names + other.names)  # fmt: skip


@dataclass(frozen=True)
class News:
    """What has been announced by a date, and how it will sound if nothing more is."""

    fit: Fit | None
    now: int
    opens: NDArray[Any]
    waits: NDArray[Any]
    states: tuple[_State, ...]

    @property
    def awaited(self) -> bool:
        """Whether by what is believed most a day is still to be named."""
        weights = [float(self.opens @ _at(self, s, self.now).held + s.never[0]) for s in self.states]
        waiting = sum(w for w, s in zip(weights, self.states, strict=True) if s.awaits is not None)
        return self.fit is not None and waiting > sum(weights) / 2

    def at(self, day: int, ends: int | None = None, named: bool = False) -> Heard:
        """The likelihood of all this, and of no further news up to a day.

        Parameters
        ----------
        day : int
            Since the proposal, from `now` on.
        ends : int, optional
            The day up to which it is known not to have come to an end, if another.
        named : bool, optional
            Listen only for the naming of a day that is awaited; all else, the opening too, is let be.
        """
        until = [self.now if named and s.awaits is None else day for s in self.states]
        each = [_at(self, s, d, ends) for s, d in zip(self.states, until, strict=True)]
        never = np.sum([s.never for s in each], axis=0)
        return Heard(np.sum([s.held for s in each], axis=0), float(never[0]), never[1:])


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


@lru_cache(maxsize=8)
def _room(fit: Fit, size: int) -> NDArray[Any]:
    """P(lead + slip < k), k = 0 ... size - 1: there is room to name a day after the proposal."""
    lead, slip, _ = _lead_and_slip(fit)
    total = np.concatenate([[0.0], np.cumsum(np.convolve(lead, slip))])
    return np.asarray(np.maximum(total[np.minimum(np.arange(size), len(total) - 1)], 1e-300))


def heard(case: Case, as_of: dt.date, opens: NDArray[Any], waits: NDArray[Any]) -> News:
    """What has been announced, and what has not, by a date.

    Parameters
    ----------
    case : Case
        As known on the date; without a fit nothing is made of news or of silence. Of
        announcements first reported on one day, the later in the file supersedes.
    as_of : date
    opens : ndarray, shape (T + 1,)
        P(opens on day t | held), as judged on the day of the proposal.
    waits : ndarray, shape (K, T + 1)
        P(not at its end within t days | never held), by draw of the base rate.
    """
    start = case.question.proposed
    awaits = None if case.fit is None or _is_dated(case) else 0
    nu, never = 0.0 if case.fit is None else _lead_and_slip(case.fit)[2], np.ones(1 + len(waits))
    none = _State(np.ones(len(opens)), never, 0, awaits, nu * never)
    news = News(case.fit, (as_of - start).days, opens, waits, (none,))
    for told in _told(case) if case.fit is not None else ():
        news = _after(news, told, *said(case, told), start)
    return news


def _told(case: Case) -> list[Announcement]:
    """The announcements in their order; one that only says it again lends its reports."""
    out: list[Announcement] = []
    # what is only denied nobody has heard of
    for _, told in sorted(
        ((a.first_told, a) for a in case.announcements if a.first_told), key=itemgetter(0)
    ):
        if out and _says(out[-1]) == _says(told):
            last = out.pop()
            told = last.model_copy(update={"reports": (*last.reports, *told.reports)})
        out.append(told)
    return out


def _after(news: News, told: Announcement, denied: float, affirmed: float, start: dt.date) -> News:
    """With one more announcement: in each state it may be true, or false."""
    out: dict[tuple[Any, ...], _State] = {}

    def add(s: _State, weight: float) -> None:
        s = s.times(weight, weight)
        out[s.kind] = s.plus(out[s.kind]) if s.kind in out else s

    assert told.first_told is not None
    n, scale = (told.first_told - start).days, 0.0
    for s in news.states:
        true, chance, so, not_so = _true(news, s, told, n, start)
        # the chance of just these words is one for all: only what they say tells the states apart
        scale = scale or max(chance, 1e-30)
        add(true, denied * so * scale)
        if not_so:
            add(s, affirmed * not_so * scale)
    return replace(news, states=tuple(out.values()))


def _true(
    news: News, s: _State, told: Announcement, n: int, start: dt.date
) -> tuple[_State, float, float, float]:
    """The state after news of day n, if it is true.

    What it says of *whether* is in the state's weights; *when* starts from the base rate anew.
    Then the chance of just these words, and the chance that such news is so, and that it is not,
    before it is told; both are one where the former is in the weights.
    """
    assert news.fit is not None
    opens, days = news.opens, np.arange(len(news.opens))
    lead, slip, nu = _lead_and_slip(news.fit)
    then, chance = _at(news, s, n), 1.0
    if s.day is not None:
        # what was to open on the day does not, and whether there was word of it until now is no matter
        later = np.where((days > n) & (days != s.day), s.held, 0.0)
        then, chance = replace(s, held=later, never=s.never * _lasts(news, s, n)), _heard_of(s.day - n)
    after_all = 1 - CANCELLED_IF_HELD, 1 - CANCELLED_IF_NEVER

    if told.opens is None:
        off = told.kind == "cancelled"
        if s.off and off == (s.awaits is not None):
            return s, chance, 1.0, 0.0
        if off:  # were it revived, a day would have to be named
            to = then.times(CANCELLED_IF_HELD, CANCELLED_IF_NEVER)
            return _State(to.held, to.never, None, n, nu * to.never, off=True), chance, 1.0, 1.0
        if s.day is None:  # none is known that it could be put off from: as it was
            return s, chance, NEWS, 1 - NEWS
        to = then.times(*after_all)
        return _State(to.held, to.never, n, off=True), chance, 1.0, 1.0

    first, last = ((x - start).days for x in told.opens)
    known = s.day is not None and (
        s.day == first == last or (told.kind == "window" and max(first, n) <= s.day <= last)
    )
    if known or s.window == (first, last):
        return s, 1.0, 1.0, 0.0
    so, not_so = NEWS, 1 - NEWS
    if s.day is not None:  # that it is moved is bad news
        then, so, not_so = then.times(*after_all), 1.0, 1.0
    if first < last:
        free = (days > n) & (days != s.day)
        inside = np.mean([_slipped(slip, days, d) for d in range(first, last + 1)], axis=0) * free
        whenever = (days >= first) * free
        when = KEPT * _shaped(then.held, inside, opens) + (1 - KEPT) * _shaped(
            then.held, whenever, opens
        )
        to = _State(when, then.never, n, window=(first, last))
        if s.awaits is not None:  # of those of which a day would be named none has one yet
            to = replace(to, awaits=n, names=then.names)
        return to, 1.0, so, not_so
    when = lead[np.clip(first - n, 0, LONGEST)] * _slipped(slip, days, first)
    if s.awaits is not None:  # that none was named until now is in the density
        when = when / _room(news.fit, len(opens))[np.maximum(days - s.awaits, 0)]
        chance = float(opens @ when)
        if s.window and s.window[0] <= first:
            when = when * s.held
        to = _State(_shaped(s.held, when, opens), s.names * _lasts(news, s, n), first, day=first)
        return to, chance, so, not_so
    both = np.diff(_room(news.fit, len(opens) + 1))[np.maximum(days - n, 0)]  # P(lead + slip = k)
    when = when / np.where(both > 0, both, 1.0) * (days > n)  # beyond all leads and slips
    chance = float(opens @ when) / max(float(opens[n + 1 :].sum()), _TINY)
    return _State(_shaped(then.held, when, opens), then.never, first, day=first), chance, so, not_so


def _shaped(held: NDArray[Any], when: NDArray[Any], opens: NDArray[Any]) -> NDArray[Any]:
    """As likely to be held as before, at other times; what these rule out has hardly a chance left."""
    chance = float(opens @ held)
    by = when / mass if (mass := float(opens @ when)) > _TINY else np.zeros_like(when)
    return np.asarray(chance * ((1 - OUTSIDE) * by + OUTSIDE))


def _lasts(news: News, s: _State, day: int) -> NDArray[Any]:
    """One, and P(not at its end by a day | never held), since the day from which that is known."""
    out = np.ones(1 + len(news.waits))
    if s.since is not None and s.since < day:
        out[1:] = news.waits[:, day] / np.maximum(news.waits[:, s.since], _TINY)
    return out


def _at(news: News, s: _State, day: int, ends: int | None = None) -> _State:
    """A state with the silence that came after it, up to a day, in its weights."""
    days = np.arange(len(news.opens))
    quiet, lasts = (days > day).astype(float), _lasts(news, s, day if ends is None else ends)
    names, never = s.names, s.never
    if s.awaits is not None:
        assert news.fit is not None
        room = _room(news.fit, len(days))
        quiet = quiet * room[np.maximum(days - day, 0)] / room[np.maximum(days - s.awaits, 0)]
        # as if it were to open when it would if held; revived, at any time
        of = news.opens * ((days > s.awaits) if s.off else s.held)
        names = s.names * (float(of @ quiet) / max(float(of.sum()), _TINY))
        never = s.never - s.names + names
    elif s.day is not None:
        q = _not_heard(s.day - day)
        quiet, never = quiet * np.where(days == s.day, 1.0, q), s.never * q
    return replace(s, held=s.held * quiet, never=never * lasts, names=names * lasts)


def _says(told: Announcement) -> tuple[Any, ...]:
    """What it says of the plan: a window of one day, or a day to which it is put off, is a day."""
    return told.opens, "" if told.opens else told.kind


def _is_dated(case: Case) -> bool:
    """Whether the base rate is that of proposals which named their day at once."""
    return case.fit_used and case.base_rate.stage == "dated"


def _slipped(slip: NDArray[Any], t: NDArray[Any], day: int) -> NDArray[Any]:
    late = t - day
    return np.where((late >= 0) & (late <= LONGEST), slip[np.clip(late, 0, LONGEST)], 0.0)


def _heard_of(left: int) -> float:
    """P(word of a delay | there will be one), with `left` days to go."""
    return float((1 - LATE_NOTICE) * np.exp(-max(left, 0) / NOTICE_DAYS))


def _not_heard(left: int) -> float:
    """P(no word of a delay yet | there will be one)."""
    return 1 - _heard_of(left)
