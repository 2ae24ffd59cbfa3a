"""What to watch: events that may come, and what they would do to a forecast."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from forecast.announcements import still_silent
from forecast.base_rate import opening_days
from forecast.case import Case
from forecast.updating import Forecast, update


def watch_table(
    case: Case, as_of: dt.date | None = None, deadline: dt.date | None = None
) -> pd.DataFrame:
    """What each watched event would do to P(held by the deadline).

    Returns
    -------
    DataFrame
        Indexed by watch, the most informative first: `what`, `by`, `chance` (that it is
        seen by its day), `if_seen`, `if_not`, and `gain` (expected fall of the Brier
        score). Watches that are past or answered are not in it, nor are those for an
        announcement where there is no fit to weigh it by.
    """
    as_of = as_of or case.question.as_of
    deadline = deadline or case.headline
    known = case.as_known(as_of)
    answered = {e.answers for e in known.events}
    when = case.question.deadlines.index(deadline)
    base = update(case, as_of, draws=0)
    rows = []
    for watch in case.watch:
        if watch.announces or watch.by <= as_of or watch.id in answered:
            continue
        seen, unseen = (_assumed(case, as_of, watch.id, x) for x in (True, False))
        chance = float(np.exp(seen.log_evidence - base.log_evidence))
        p, q = (float(f.held.probability[when]) for f in (seen, unseen))
        gain = chance * (1 - chance) * (p - q) ** 2
        rows.append((watch.id, watch.what, watch.by, watch.bears_on, chance, p, q, gain))
    rows += _naming(base, answered, when)
    columns = ["watch", "what", "by", "bears_on", "chance", "if_seen", "if_not", "gain"]
    frame = pd.DataFrame(rows, columns=columns).set_index("watch")
    frame = frame.sort_values("gain", ascending=False, kind="stable")
    frame.attrs = {"now": float(base.held.probability[when]), "deadline": str(deadline)}
    return frame


def _naming(f: Forecast, answered: set[str | None], when: int) -> list[tuple[Any, ...]]:
    """Watches for an announcement: that some day is named by theirs, and that none is.

    The state of announcements meets the reports only through the scenario and the day, so the
    forecast itself is reweighed. Watches with one day are one: the first stands for all.
    """
    case, days = f.case, opening_days(f.case)
    rows, seen = [], set()
    for watch in case.watch:
        waiting = watch.announces and watch.by > f.as_of and watch.id not in answered
        if not waiting or case.fit is None or case.announcements or watch.by in seen:
            continue
        seen.add(watch.by)
        others = [w.what.rstrip(".") for w in case.watch if w.announces and w.by == watch.by]
        silent = still_silent(case, f.as_of, watch.by, days)
        opening = f.opening.probability.values
        quiet = opening * silent.held[-len(opening) :]
        none = float(quiet.sum() + (1 - f.ever.probability) * silent.never)
        left = max((case.question.deadlines[when] - f.as_of).days, 0)
        now, if_not = float(opening[:left].sum()), float(quiet[:left].sum()) / none
        if_seen = (now - none * if_not) / (1 - none)
        gain = none * (1 - none) * (if_seen - if_not) ** 2
        rows.append(
            (watch.id, f"{', or: '.join(others)}.", watch.by, "", 1 - none, if_seen, if_not, gain)
        )
    return rows


def _assumed(case: Case, as_of: dt.date, watch: str, happened: bool) -> Forecast:
    return update(case, as_of, assume={watch: happened}, draws=0)
