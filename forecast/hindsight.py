"""After the fact: which events led the right way and which misled, and by how much."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast.attendance import asked
from forecast.case import Case
from forecast.scoring import last_day, resolved
from forecast.shapley import contributions

if TYPE_CHECKING:
    from forecast.resolution import Resolution


def post_mortem(
    case: Case,
    resolution: Resolution | None = None,
    as_of: dt.date | None = None,
    deadline: dt.date | None = None,
    of: str | None = None,
    by: str = "event",
) -> pd.DataFrame:
    """Which events led the right way and which misled, on one question, and by how much.

    Parameters
    ----------
    case : Case
    resolution : Resolution, optional
        The one beside the case by default.
    as_of : date, optional
        The case's own by default.
    deadline, of, by
        As for `forecast.contributions`: the headline's deadline, or an actor.

    Returns
    -------
    DataFrame
        `contributions` with two more columns, the best first: `toward`, points of probability towards what
        happened (misleading ones are below 0), and `log_gain`, what that saved of the log score in nats.
        `toward` adds up to the change of the probability of what happened from base rate to forecast,
        `log_gain` to the change of its log. `attrs` has `answer`, and the log scores `log_before` and
        `log_after`, besides.

    Raises
    ------
    ValueError
        If the question is void, past or unknown.

    Notes
    -----
    A log score is not additive in points. Along the straight line from base rate to forecast each point is
    worth dp / p; so every event's points are divided by the logarithmic mean of the two probabilities.
    Announcements are no players: what they did stands in the base rate of the day.
    """
    r = resolved(case, resolution)
    as_of = as_of or case.question.as_of
    if as_of > last_day(case, r):
        raise ValueError(f"as of {as_of}: there was nothing left to forecast after {last_day(case, r)}")
    answer: str | None
    if of is None:
        deadline = deadline or case.headline
        answer = r.by.get(deadline)
        if deadline <= as_of:
            raise ValueError(f"deadline: {deadline} was past on {as_of}")
    else:
        answer = {a: "yes" if here else "no" for a, here in r.present.items()}.get(of)
    if answer in (None, "void"):
        raise ValueError(
            f"{of or deadline}: void, or no question of the resolution; nothing to hold against"
        )
    frame = contributions(case, as_of, deadline, by, of)
    sign = 1 if answer == "yes" else -1
    before, after = (frame.attrs[k] if sign > 0 else 1 - frame.attrs[k] for k in ("before", "after"))
    flat = np.isclose(before, after, rtol=1e-12, atol=0)
    worth = 1 / after if flat else (np.log(after) - np.log(before)) / (after - before)
    toward = sign * frame["points"] + 0.0  # no minus zero
    attrs = frame.attrs | {
        "answer": answer, "log_before": -float(np.log(before)), "log_after": -float(np.log(after)),
    }  # fmt: skip
    frame = frame.assign(toward=toward, log_gain=toward * worth)
    frame = frame.sort_values("toward", ascending=False, kind="stable")
    frame.attrs = attrs
    return frame


def lessons(
    case: Case, resolution: Resolution | None = None, as_of: dt.date | None = None, by: str = "event"
) -> pd.DataFrame:
    """The post-mortem of the headline and of every actor: what each event did to the log scores.

    Returns
    -------
    DataFrame
        Players by rows; a column of `log_gain` for each question (`held`, or an actor's id), in nats, and
        `all`, their sum, the best first. The headline stands for the deadlines, which are nested.
    """
    r = resolved(case, resolution)
    as_of = as_of or case.question.as_of
    columns: dict[str, pd.Series] = {}
    if day := headline(case, r, as_of):
        columns["held"] = post_mortem(case, r, as_of, day, None, by)["log_gain"]
    for actor in asked(case):
        if actor.id in r.present:
            columns[actor.id] = post_mortem(case, r, as_of, None, actor.id, by)["log_gain"]
    frame = pd.DataFrame(columns)
    frame["all"] = frame.sum(axis=1)
    return frame.sort_values("all", ascending=False, kind="stable")


def headline(case: Case, resolution: Resolution, as_of: dt.date) -> dt.date | None:
    """The headline's deadline, or the last other one that was open and is not void."""
    answered = [d for d, a in sorted(resolution.by.items()) if a != "void" and d > as_of]
    return case.headline if case.headline in answered else next(reversed(answered), None)
