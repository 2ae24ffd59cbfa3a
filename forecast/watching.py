"""What to watch: events that may come, and what they would do to a forecast."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import entr

from forecast.base_rate import Futures, futures, heard, opening
from forecast.case import Case
from forecast.compiling import Compiled, aged, compile_case
from forecast.judgement import means
from forecast.parts import Watch
from forecast.tree import collect, weigh
from forecast.updating import opened_by, stamps, weighted_quantiles

MOST = 12
"""Most watches whose 2^n joint outcomes are gone through."""


def watch_table(
    case: Case, as_of: dt.date | None = None, deadline: dt.date | None = None
) -> pd.DataFrame:
    """What each watched event would do to P(held by the deadline).

    Parameters
    ----------
    case : Case
    as_of : date, optional
    deadline : date, optional
        The headline's by default.

    Returns
    -------
    DataFrame
        Indexed by watch, the most informative first: `what`, `by`, `bears_on`, `chance` (that
        it is seen by its day), `if_seen`, `if_not`, `gain` (expected fall of the Brier score,
        the variance of the forecast to come), and `bits` (expected information on whether it
        is held by the deadline). `attrs` holds `now` and `deadline`. Watches that are past
        or answered are not in it, nor are those for an announcement where there is no fit
        to weigh it by. Watches for an announcement with one day are one: the first stands
        for all.

    Notes
    -----
    `chance * if_seen + (1 - chance) * if_not` is the forecast. `if_seen` and `if_not` are those
    of today, with today's knowledge of whether it has opened, or come to an end.
    """
    deadline = deadline or case.headline
    ahead = by_deadline(case, as_of, [deadline]).isel(deadline=0)
    what = {str(w): x for w, x in zip(ahead.watch.values, ahead.what.values, strict=True)}
    watches = [w for w in case.watch if w.id in what]
    numbers = {k: ahead[k].values for k in ("chance", "if_seen", "if_not", "gain", "bits")}
    frame = pd.DataFrame(
        {
            "what": [what[w.id] for w in watches],
            "by": [w.by for w in watches],
            "bears_on": [w.bears_on or "" for w in watches],
        },
        index=pd.Index([w.id for w in watches], name="watch", dtype=object),
    ).assign(**numbers)
    frame = frame.sort_values("gain", ascending=False, kind="stable")
    frame.attrs = {"now": float(ahead.now), "deadline": str(deadline)}
    return frame


def by_deadline(
    case: Case, as_of: dt.date | None = None, deadlines: Sequence[dt.date] | None = None
) -> xr.Dataset:
    """What each watched event would do to P(held by each deadline).

    Returns
    -------
    Dataset over `watch` and `deadline`
        `what`, `chance` (watch); `now` (deadline); `if_seen`, `if_not`, `gain`, `bits`
        (watch, deadline), as in `watch_table`; watches in the order of the case.
    """
    as_of = as_of or case.question.as_of
    deadlines = case.question.deadlines if deadlines is None else deadlines
    state = _Now.of(case, as_of)
    by = opened_by(state.root, as_of, deadlines)
    ahead = waiting(state.compiled.case, as_of)
    told = [w for w in ahead if not w.announces]
    seen = _likelihoods(told)[:, 1]  # (W, z)
    also = np.zeros((len(state.compiled.nodes), 2, 1, 2 * len(told)))
    for i, w in enumerate(told):
        k = state.compiled.nodes.index(str(w.bears_on))
        also[k, :, 0, 2 * i], also[k, :, 0, 2 * i + 1] = np.log(seen[i]), np.log1p(-seen[i])
    weight = state.joint(also).T  # (2 W, S): P(s, seen or not)
    now, total = state.scenario @ by, weight.sum(1)
    p = (weight @ by) / total[:, None]
    rows = {w.id: (w.what, total[2 * i], p[2 * i], p[2 * i + 1]) for i, w in enumerate(told)}
    rows |= _naming(state, ahead, deadlines, now)
    order = [w.id for w in ahead if w.id in rows]
    shape = (len(order), len(deadlines))
    chance = np.array([rows[w][1] for w in order])
    if_seen, if_not = (np.array([rows[w][i] for w in order]).reshape(shape) for i in (2, 3))
    c = chance[:, None]
    gain = c * (1 - c) * (if_seen - if_not) ** 2
    bits = np.maximum(_entropy(now) - c * _entropy(if_seen) - (1 - c) * _entropy(if_not), 0.0)
    both = ("watch", "deadline")
    return xr.Dataset(
        {
            "what": ("watch", np.array([rows[w][0] for w in order], object)),
            "chance": ("watch", chance),
            "now": ("deadline", now),
            "if_seen": (both, if_seen),
            "if_not": (both, if_not),
            "gain": (both, gain),
            "bits": (both, bits),
        },
        coords={
            "watch": np.array(order, object),
            "deadline": stamps(deadlines),
        },
    )


def movement(
    case: Case, as_of: dt.date | None = None, deadline: dt.date | None = None, days: int = 14
) -> pd.DataFrame:
    """How far P(held by the deadline) is expected to move in the days to come.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    deadline : date, optional
        The headline's by default.
    days : int
        From the as-of date; at least 1, and not beyond the horizon.

    Returns
    -------
    DataFrame
        Of the forecast on that later day, as it may turn out, by what is then known: `time`,
        only whether it has opened or is called off or given up; `watches`, only which watched events were seen; `a day named`,
        the same and whether there was news of the opening day: one was named, moved or called off; `all`. Columns: `mean`,
        which is the forecast of today; `move`, the expected size of the change, E|p' - p|;
        `sd`, its standard deviation; `low` and `high`, the 5 % and 95 % point of p'.
        `attrs`: `now`, `deadline`, `on` (the later day), `quiet` (the forecast on that day if
        it has neither opened nor ended, nothing was seen and nothing was heard of its day), `ended` (the chance
        that it is at its end by then), `aged` (that of today if the
        evidence were as old as it will be: what ages moves the forecast for certain, and is in
        none of the rows), and `left_out` (ids of watches beyond the `MOST` most informative).

    Raises
    ------
    ValueError
        If the later day is not within the case's life.

    Notes
    -----
    Exact: the sum over all joint outcomes of the watches, which share scenarios and
    indicators, times whether it has opened, is at its end, and whether a day is named. If it opens,
    the forecast is 0 or 1; at its end, 0. A watch that is due later is seen by then with a part of its chance that grows
    evenly until its day; that it was not seen yet counts as evidence to that degree here, where
    `update` waits for its day.

    Left out: news that nobody has written down as a watch, which day is named or how it is moved,
    and false reports of what was not seen. To know more could only make the expected movement larger.
    """
    as_of, deadline = as_of or case.question.as_of, deadline or case.headline
    if int(days) != days or not 0 < days < (case.question.horizon - as_of).days:
        raise ValueError(f"days: {days} is not from 1 to the day before {case.question.horizon} "
                         "(horizon)")  # fmt: skip
    on = as_of + dt.timedelta(days)
    state = _Now.of(case, as_of)
    by = opened_by(state.root, as_of, [deadline])
    now = float((state.scenario @ by)[0])
    told = [w for w in waiting(state.compiled.case, as_of) if not w.announces]
    ahead = by_deadline(case, as_of, [deadline])
    gains = dict(zip(ahead.watch.values, ahead.gain.values[:, 0], strict=True))
    told.sort(key=lambda w: -gains[w.id])
    told, left_out = told[:MOST], [w.id for w in told[MOST:]]
    weight = state.joint(_outcomes(state.compiled, told, as_of, days))  # (S, N)
    apart = state.scenario[:, None]
    opens, named = _futures_on(state, on, deadline)
    parts = {
        "time": (apart, opens),
        "watches": (weight, [(np.ones(len(by)), by[:, 0])]),
        "a day named": (apart, named),
        "all": (weight, named),
    }
    rows = {}
    for name, (scenario, futures_) in parts.items():
        chance = np.concatenate([a @ scenario for a, _ in futures_])
        held = np.concatenate([h @ scenario for _, h in futures_])
        p = np.divide(held, chance, out=np.zeros_like(held), where=chance > 0)
        low, high = weighted_quantiles(p, chance, (0.05, 0.95))
        mean = float(chance @ p)
        rows[name] = (mean, float(chance @ abs(p - now)), float(np.sqrt(chance @ (p - now) ** 2)),
                      float(low), float(high))  # fmt: skip
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "move", "sd", "low", "high"])
    frame.index.name = "by"
    still, held_still = named[-1]
    ended = opens[2][0]
    older = _Now.at(aged(state.compiled, on), state.root)
    frame.attrs = {
        "now": now, "deadline": str(deadline), "on": str(on),
        "ended": float(ended @ state.scenario),
        "quiet": float(held_still @ weight[:, -1] / (still @ weight[:, -1])),
        "aged": float((older.scenario @ by)[0]), "left_out": left_out,
    }  # fmt: skip
    return frame


@dataclass(frozen=True)
class _Now:
    """The forecast of today, in arrays: `scenario` is P(s | reports), (S,)."""

    compiled: Compiled
    root: Futures
    log_lam: NDArray[Any]
    log_evidence: float
    scenario: NDArray[Any]

    @staticmethod
    def of(case: Case, as_of: dt.date) -> _Now:
        return _Now.at(compile_case(case, as_of), futures(case, as_of))

    @staticmethod
    def at(compiled: Compiled, root: Futures) -> _Now:
        log_lam = weigh(compiled.tree, compiled.theta)
        joint = root.log_root + collect(compiled.tree, compiled.theta, log_lam)[0]
        evidence = np.logaddexp.reduce(joint)
        return _Now(compiled, root, log_lam, float(evidence), np.exp(joint - evidence))

    def joint(self, also: NDArray[Any]) -> NDArray[Any]:
        """P(s, further evidence | reports), (S, N), for N log likelihoods of the nodes."""
        tree, theta = self.compiled.tree, self.compiled.theta[:, None]
        log_lik, _ = collect(tree, theta, self.log_lam[..., None], also=also)
        joint = np.exp(self.root.log_root[:, None] + log_lik - self.log_evidence)
        return np.broadcast_to(joint, (len(self.scenario), also.shape[-1]))


def waiting(known: Case, as_of: dt.date) -> list[Watch]:
    """Watches neither past nor answered, of a case as known on the date."""
    answered = {e.answers for e in known.events}
    return [w for w in known.watch if w.by > as_of and w.id not in answered]


def _likelihoods(watches: Sequence[Watch]) -> NDArray[Any]:
    """P(not seen | z), P(seen | z) by its day, shape (W, 2, 2): not seen, seen; z false, true."""
    judged = [j for w in watches for j in (w.if_false, w.if_true) if j]
    seen = means(judged).reshape(-1, 2)
    return np.stack([1 - seen, seen], axis=1)


def _ratio(later: NDArray[Any], now: NDArray[Any]) -> NDArray[Any]:
    """What a silence adds to the likelihood, day by day; 0 where nothing is left."""
    return np.asarray(np.divide(later, now, out=np.zeros_like(now), where=now > 0))


def _entropy(p: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((entr(p) + entr(1 - p)) / np.log(2))


def _naming(
    state: _Now, ahead: Sequence[Watch], deadlines: Sequence[dt.date], now: NDArray[Any]
) -> dict[str, tuple[Any, ...]]:
    """Watches for an announcement: that some day is named by theirs, and that none is.

    The state of announcements meets the reports only through the scenario and the day, so the
    forecast itself is reweighed. Watches with one day are one: the first stands for all.
    """
    case, as_of = state.compiled.case, state.compiled.case.question.as_of
    rows: dict[str, tuple[Any, ...]] = {}
    base = opening(case)
    news = heard(case, as_of, base)
    if not news.awaited:
        return rows  # no day, or no other one, is awaited
    days: set[dt.date] = set()
    now_heard, on_day = news.at(news.now), state.scenario @ state.root.day
    until = [max((d - as_of).days, 0) for d in deadlines]
    for watch in ahead:
        if not watch.announces or watch.by in days:
            continue
        days.add(watch.by)
        others = [w.what.rstrip(".") for w in case.watch if w.announces and w.by == watch.by]
        silent = news.at(news.now + (watch.by - as_of).days, ends=news.now, named=True)
        held = _ratio(silent.held, now_heard.held)
        quiet = on_day * held[-len(on_day) :]
        never = base.never(silent) / base.never(now_heard)
        none = float(quiet.sum() + (1 - on_day.sum()) * never)
        if none > 1 - 1e-12:  # none can be named any more
            continue
        if_not = np.array([quiet[:n].sum() for n in until]) / none
        if_seen = (now - none * if_not) / (1 - none)
        rows[watch.id] = (f"{_either(others)}.", 1 - none, if_seen, if_not)
    return rows


def _either(said: Sequence[str]) -> str:
    """Sentences as one; what all begin with, such as who acts, is said once."""
    words = [x.split() for x in said]
    alike = 0
    while len({tuple(w[: alike + 1]) for w in words}) == 1 and alike + 1 < min(map(len, words)):
        alike += 1
    return (", or " if alike else ", or: ").join([said[0], *(" ".join(w[alike:]) for w in words[1:])])


def _outcomes(compiled: Compiled, watches: Sequence[Watch], as_of: dt.date, days: int) -> NDArray[Any]:
    """Log likelihoods of what the watches show some days on, (K, 2, 1, 2^W), none seen last."""
    likelihoods = _likelihoods(watches)
    shows = np.array(list(product((True, False), repeat=len(watches))))
    shows = shows.reshape(2 ** len(watches), len(watches))
    also = np.zeros((len(compiled.nodes), 2, 1, len(shows)))
    for i, w in enumerate(watches):
        due = min(days / (w.by - as_of).days, 1.0)
        seen = due * likelihoods[i, 1]
        k = compiled.nodes.index(str(w.bears_on))
        also[k, :, 0] += np.where(shows[:, i], np.log(seen)[:, None], np.log1p(-seen)[:, None])
    return also


_Known = list[tuple[NDArray[Any], NDArray[Any]]]


def _futures_on(state: _Now, on: dt.date, deadline: dt.date) -> tuple[_Known, _Known]:
    """What is known of the opening on a later day, without and with news of it.

    Of each: P(it | s) and P(it, held by the deadline | s), shape (S,).
    """
    case, root = state.compiled.case, state.root
    as_of = case.question.as_of
    then, left = ((d - as_of).days for d in (on, deadline))
    day, held = root.day, np.arange(1, root.day.shape[1] + 1) <= left
    never = 1 - day.sum(1)
    open_by_then = [
        (day[:, :then] @ x, day[:, :then] @ (x & held[:then])) for x in (held[:then], ~held[:then])
    ]
    # what is never held may be at its end by then
    before = opening(case)
    news = heard(case, as_of, before)
    today, alive, silent = (
        news.at(news.now),
        news.at(news.now, news.now + then),
        news.at(news.now + then),
    )
    later, later_never = day[:, then:], never * before.never(alive) / before.never(today)
    ended = never - later_never, np.zeros(len(never))
    quiet = later * _ratio(silent.held, today.held)[news.now + 1 + then :]
    quiet_never = never * before.never(silent) / before.never(today)

    def known(mass: NDArray[Any], of_never: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return mass.sum(1) + of_never, mass @ held[then:]

    rest = known(later - quiet, later_never - quiet_never)
    told = [*open_by_then, ended]
    return [*told, known(later, later_never)], [*told, rest, known(quiet, quiet_never)]
