"""Scores: forecasts held against what happened, beside the base rate alone and a constant.

All scores are penalties: 0 is perfect, lower is better.

======== ============================================================ ===================
brier    (p - y)^2 of a yes/no question [1]_                          0 to 1; 1/4 at p = .5
log      -ln P(what happened), in nats (natural logarithm) [2]_       0 to infinity; .69
rps      sum over the deadlines of (P(opened by it) - whether it      0 to the number of
         had)^2: ordered periods, the last one "later or never" [3]_  deadlines
======== ============================================================ ===================

Brier's own score adds the two categories up and is twice this one. The deadlines are nested and actors
go together, so that questions of one case are far from independent: their mean describes this case and
estimates nothing. The ranked probability score is not divided by the number of deadlines.

References
----------
.. [1] Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather Review 78.
.. [2] Good (1952), Rational decisions, J. Royal Statistical Society B 14; Gneiting and Raftery (2007),
   Strictly proper scoring rules, prediction, and estimation, JASA 102.
.. [3] Epstein (1969), A scoring system for probability forecasts of ranked categories, J. Applied
   Meteorology 8.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecast.attendance import asked
from forecast.calibration import brier, log_score
from forecast.case import Case
from forecast.hub import MODELS, NOBODY, chance_together, combination, to_hub
from forecast.judgement import did_you_mean
from forecast.loading import CaseError
from forecast.replaying import news_days
from forecast.resolution import FILE as FILE
from forecast.resolution import Resolution
from forecast.resolution import load_resolution as load_resolution
from forecast.rules import Problem
from forecast.updating import Forecast, update
from forecast.wording import clean

CONSTANT = "forecast-constant"
NAMES = {MODELS["probability"]: "forecast", MODELS["prior"]: "base rate", CONSTANT: "constant"}
"""Model of our own tables -> how it is called in words."""
COLUMNS = ("model_id", "origin_date", "target", "actor", "by", "answer", "probability",
           "brier", "log", "rps")  # fmt: skip
_KEYS = ("model_id", "origin_date", "target", "actor", "target_end_date", "output_type_id")
_SUMS = {"held_brier": ("held", "brier"), "held_log": ("held", "log"), "rps": ("opening", "rps"),
         "opening_log": ("opening", "log"), "attends_brier": ("attends", "brier"),
         "attends_log": ("attends", "log"), "attendance_log": ("attendance", "log")}  # fmt: skip


def rps(p: ArrayLike, happened: int) -> float:
    """Ranked probability score of ordered categories.

    Parameters
    ----------
    p : array_like, shape (K,)
        Their probabilities.
    happened : int
        Which came, counted from 0.

    Returns
    -------
    float
        Sum of squared differences of the distribution functions; 0 to K - 1.
    """
    by = np.cumsum(np.asarray(p, float))[:-1]
    return float(((by - (np.arange(len(by)) >= happened)) ** 2).sum())


# --- tables ---


def score_table(
    forecasts: pd.DataFrame, resolution: Resolution, case: str | None = None
) -> pd.DataFrame:
    """Scores of forecasts in a table of model output, whichever tool made them.

    Parameters
    ----------
    forecasts : DataFrame
        From `forecast.hub.read_hub` or `to_hub`.
    resolution : Resolution
    case : str, optional
        Only rows of this case, or of none, are scored.

    Returns
    -------
    DataFrame
        A row for each question: `model_id`, `origin_date`, `target`, `actor`, `by`, `answer`,
        `probability` (of yes; of the period or the combination that came), `brier`, `log` and `rps`, each
        where it applies. What is void, and attendance where no meeting was held, is left out.

    Raises
    ------
    CaseError
        If a row is of no question of the case, of a deadline that was past, or was made when the meeting had
        opened; or if the opening leaves out a deadline.
    """
    if case is not None:
        forecasts = forecasts[forecasts["case"].isin(("", case))]
    if forecasts.empty:
        raise CaseError([Problem("table", "", "no row is of this case")])
    if len(cases := sorted(set(forecasts["case"]))) > 1 and case is None:
        found = ", ".join(clean(c, 64) for c in cases[:5])
        raise CaseError([Problem("table", "case", f"several: {found}; say which one is to be scored")])
    if problems := list(dict.fromkeys(_strange(forecasts, resolution))):
        raise CaseError(problems)
    # plain dictionaries: a table may be of thousands of cases, and pandas is slow on small groups
    groups: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for *cells, p in zip(*(forecasts[c].tolist() for c in (*_KEYS, "value")), strict=True):
        model, origin, target, actor, end, of = map(str, cells)
        said = groups.setdefault((model, origin), {})
        if target in ("opening", "attendance"):
            said.setdefault(target, {})[of] = float(p)
        elif of == "yes":
            said.setdefault(target, {})[actor or end] = float(p)
    rows = [(*key, *row) for key, said in groups.items() for row in _rows(said, key[1], resolution)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _strange(forecasts: pd.DataFrame, r: Resolution) -> Iterator[Problem]:
    days, actors = {str(d) for d in r.by}, sorted(a.id for a in r.actors)
    for cells in zip(*(forecasts[c].tolist() for c in _KEYS), strict=True):
        model, origin, target, actor, end, of = map(str, cells)
        place = f"{clean(model, 64)} of {origin}"
        if r.opened and origin >= str(r.opened):
            yield Problem("table", place, f"made when the meeting had opened ({r.opened}): no forecast")
        day = end if target == "held" else of
        if target in ("held", "opening"):
            if day not in days:
                yield Problem("table", place, f"{target}: {day} is none of the deadlines; they are "
                              f"{', '.join(sorted(days))}")  # fmt: skip
            elif day <= origin:
                yield Problem("table", place, f"{target}: the deadline {day} was past")
        names = [actor] if target == "attends" else []
        if target == "attendance" and of != NOBODY:
            names = of.split("+")
        for name in names:
            if name not in actors:
                hint = did_you_mean(name, actors)
                yield Problem("table", place, f'{target}: no actor "{clean(name, 64)}"{hint}')


def _rows(said: dict[str, dict[str, float]], origin: str, r: Resolution) -> Iterator[tuple[Any, ...]]:
    """Target, actor, by, answer, probability and scores of one model's forecast on one day."""
    for day, p in said.get("held", {}).items():
        answer = r.by[dt.date.fromisoformat(day)]
        if answer != "void":
            yield "held", "", day, answer, p, *_yes_no(p, answer == "yes"), np.nan
    for actor, p in said.get("attends", {}).items():
        if actor in r.present:
            here = r.present[actor]
            yield "attends", actor, "", "yes" if here else "no", p, *_yes_no(p, here), np.nan
    if "opening" in said:
        yield from _opening(said["opening"], origin, r)
    if "attendance" in said and r.present:
        together = sum(p for ids, p in said["attendance"].items() if _is_so(ids, r.present))
        yield _together(min(together, 1.0), r.present)


def _yes_no(p: float, yes: bool) -> tuple[float, float]:
    return float(brier(p, yes)), _log(p if yes else 1 - p)


def _opening(cdf: dict[str, float], origin: str, r: Resolution) -> Iterator[tuple[Any, ...]]:
    days = [str(d) for d in sorted(r.by) if str(d) > origin]
    if left := [d for d in days if d not in cdf]:
        raise CaseError([Problem("table", origin, f"opening: says nothing for {', '.join(left)}")])
    answers = [r.by[dt.date.fromisoformat(d)] for d in days]
    if "void" in answers:
        return
    at = answers.index("yes") if "yes" in answers else len(days)
    p = np.diff([0.0, *(cdf[d] for d in days), 1.0])
    period = "later or never" if at == len(days) else f"after {[origin, *days][at]}, by {days[at]}"
    yield "opening", "", "", period, float(p[at]), np.nan, _log(p[at]), rps(p, at)


def _is_so(ids: str, present: dict[str, bool]) -> bool:
    there = set() if ids == NOBODY else set(ids.split("+"))
    return all((a in there) == here for a, here in present.items())


def _together(p: float, present: dict[str, bool]) -> tuple[Any, ...]:
    answer = combination(list(present), list(present.values()))
    return ("attendance", "", "", answer, p, np.nan, _log(p), np.nan)


def _log(p: float) -> float:
    return float(log_score(p))


# --- forecasts of a case ---


def score(
    case: Case, resolution: Resolution | None = None, as_of: dt.date | None = None
) -> pd.DataFrame:
    """Scores of the forecast of a case, of its base rate alone, and of a constant.

    Parameters
    ----------
    case : Case
    resolution : Resolution, optional
        The one beside the case by default.
    as_of : date, optional
        The case's own by default.

    Returns
    -------
    DataFrame
        As `score_table` gives it; the base rate is the forecast's `prior`, the constant says .5 of
        every question and the same of each period.

    Raises
    ------
    ValueError
        If the meeting had opened on that day, or no deadline was left.
    """
    return through_time(case, resolution, [as_of or case.question.as_of])


def through_time(
    case: Case, resolution: Resolution | None = None, dates: Iterable[dt.date] | None = None
) -> pd.DataFrame:
    """Scores on each date of a replay, by default whenever there was news until the opening.

    Parameters
    ----------
    case : Case
    resolution : Resolution, optional
    dates : iterable of date, optional
        From the proposal to the day before the opening and before the last deadline.

    Returns
    -------
    DataFrame
        As `score_table` gives it.
    """
    r = resolved(case, resolution)
    last = last_day(case, r)
    frames = []
    for day in news_days(case, last) if dates is None else dates:
        if day > last:
            what = (
                f"the meeting opened on {r.opened}"
                if r.opened and r.opened <= day
                else "no deadline is left"
            )
            raise ValueError(
                f"as of {day}: {what}, so there is nothing to forecast; the last day is {last}"
            )
        f = update(case, day, draws=0)
        frames.append(score_table(_beside(f), r))
        frames.append(_all_together(f, r))
    return pd.concat([x for x in frames if len(x)], ignore_index=True)


def resolved(case: Case, resolution: Resolution | None = None) -> Resolution:
    """The resolution that is given, or the one beside the case."""
    return resolution or load_resolution(case)


def is_resolved(case: Case) -> bool:
    """Whether a resolution stands beside the case."""
    return case.folder is not None and (Path(case.folder) / FILE).exists()


def last_day(case: Case, resolution: Resolution) -> dt.date:
    """The last day on which there was something to forecast."""
    days = [max(case.question.deadlines), *([resolution.opened] if resolution.opened else [])]
    return min(days) - dt.timedelta(1)


def _beside(f: Forecast) -> pd.DataFrame:
    """The forecast, its base rate and a constant in one table."""
    own = to_hub(f)
    flat = own.assign(model_id=CONSTANT, value=0.5)
    cdf = flat["target"] == "opening"
    flat.loc[cdf, "value"] = np.arange(1, cdf.sum() + 1) / (cdf.sum() + 1)
    return pd.concat([own, to_hub(f, "prior"), flat], ignore_index=True)


def _all_together(f: Forecast, r: Resolution) -> pd.DataFrame:
    """Rows of the whole attendance: exact, without writing out every combination."""
    here = {a.id: r.present[a.id] for a in asked(f.case) if a.id in r.present}
    rows = []
    for of, model in MODELS.items() if here else ():
        p = float(chance_together(f, list(here), [list(here.values())], of)[0])
        rows.append((model, str(f.as_of), *_together(p, here)))
    if here:
        rows.append((CONSTANT, str(f.as_of), *_together(0.5 ** len(here), here)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Means of the scores of each model on each date.

    Returns
    -------
    DataFrame
        Indexed by `model_id` and `origin_date`: `held_brier`, `held_log` (means over the deadlines),
        `rps` and `opening_log` (of the period), `attends_brier`, `attends_log` (means over the actors),
        `attendance_log` (of all actors together), and `deadlines` and `actors`, how many questions these are.
    """
    keys = ["model_id", "origin_date"]
    groups = scores.groupby(keys, sort=False)
    out = pd.DataFrame(index=groups.size().index)
    for name, (target, column) in _SUMS.items():
        out[name] = scores[scores["target"] == target].groupby(keys, sort=False)[column].mean()
    for name, target in (("deadlines", "held"), ("actors", "attends")):
        count = scores[scores["target"] == target].groupby(keys, sort=False).size()
        out[name] = count.reindex(out.index, fill_value=0)
    return out
