"""What a named day is worth: `python -m benchmarks.announced`, in the project's folder; a few seconds.

Proposals of the reference class that named their day at once, made after the fit that the shipped
case was judged with: neither that fit nor the rule of announcements has seen them, but for the
constant `forecast.announcements.CANCELLED_IF_NEVER`, which counts those that were never held. Each
is forecast some days before or after its day, if it had neither opened nor ended: by its class
alone, with its day announced, and, from the day on, with word that it was put off. That word is
made up: the table holds no delays, but who is asked about a day that passed has heard of one.
"""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import pandas as pd

import forecast
from forecast import history
from forecast.calibration import log_score
from forecast.case import Case
from forecast.parts import Announcement, BaseRate

DAYS = (-3, 0, 7, 15)
"""Days after the named day on which each is asked about."""
WINDOW = 60
"""Asked: held within so many days?"""
WAYS = {"its class": (), "and its day": ("day",), "and that it was put off": ("day", "postponed")}


def told(case: Case, row: pd.Series, as_of: dt.date, kinds: tuple[str, ...]) -> float:
    """P(held within the window), of one proposal, with nothing but what was announced."""
    proposed, named = row.first_proposed.date(), row.first_target.date()
    news = {"day": ({"opens": named}, proposed), "postponed": ({}, named)}
    announcements = tuple(
        Announcement.model_validate(
            {"id": kind, "what": "x", "kind": kind, **news[kind][0],
             "reports": [{"source": {"name": "x", "reliability": "A"}, "published": news[kind][1]}]}
        )
        for kind in kinds
    )  # fmt: skip
    question = case.question.model_copy(update={
        "proposed": proposed, "as_of": as_of, "headline": None,
        "deadlines": (as_of + dt.timedelta(WINDOW),), "horizon": proposed + dt.timedelta(1130),
    })  # fmt: skip
    of = {"convener_type": row.convener_type, "row_type": row.row_type, "conflict": row.conflict}
    base = BaseRate(reference_class=case.reference_class, stage="dated", why="The table.", **of)
    plain = tuple(
        next(s for s in case.scenarios if s.held == held).model_copy(
            update={"share": None, "days_to_open": None}
        )
        for held in (True, False)
    )
    bare = dict.fromkeys(("indicators", "actors", "events", "watch"), ())
    asked = {"question": question, "base_rate": base, "scenarios": plain}
    f = forecast.update(case.model_copy(update=bare | asked | {"announcements": announcements}), draws=0)
    return float(f.held.probability[0])


def scores(case: Case) -> pd.DataFrame:
    """By day and by what was told: proposals, mean said, share held, log and Brier score."""
    table = history.proposals(case.reference_class)
    new = table.first_proposed > pd.Timestamp(case.fit.as_of)
    ahead = (table.first_target - table.first_proposed).dt.days > 0
    table = table[new & ahead & (table.stage == "dated")]
    end = table.opened.where(table.held == 1, table.censored_on)
    rows = []
    for days in DAYS:
        on = table.first_target + pd.Timedelta(days=days)
        asked = table[(end > on) & (on >= table.first_proposed)]
        late = (asked.opened - on[asked.index]).dt.days
        held = ((asked.held == 1) & (late <= WINDOW)).to_numpy(float)
        for way, kinds in WAYS.items():
            if days < 0 and "postponed" in kinds:
                continue
            p = np.array([told(case, r, on[i].date(), kinds) for i, r in asked.iterrows()])
            rows.append((days, way, len(p), p.mean(), held.mean(),
                         np.mean(log_score(p, held)), np.mean((p - held) ** 2)))  # fmt: skip
    columns = ["day", "told", "proposals", "said", "held", "log score", "Brier score"]
    return pd.DataFrame(rows, columns=columns).set_index(["day", "told"])


def main(name: str) -> None:
    case = forecast.load(name)
    print(f"Dated proposals after {case.fit.as_of}: held within {WINDOW} days?\n")
    print(scores(case).round(3).to_string())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else forecast.shipped()[0])
