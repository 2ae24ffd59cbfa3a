"""A forecast through time: what it was on each date, by what was known on that date."""

from __future__ import annotations

import csv
import datetime as dt
import io
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.case import Case
from forecast.compiling import Compiled, aged, compile_case
from forecast.tables import cell, or_none
from forecast.updating import answer, stamps


def news_days(case: Case, as_of: dt.date | None = None, step: int = 7) -> list[dt.date]:
    """Days on which a forecast can move: the proposal, whatever became known, and each week."""
    as_of, start = as_of or case.question.as_of, case.question.proposed
    days = {start + dt.timedelta(n) for n in range(0, (as_of - start).days, step)}
    days |= {start, as_of, *_changes(case)}
    return sorted(d for d in days if start <= d <= as_of)


def _changes(case: Case) -> set[dt.date]:
    """Days on which something is published, or a watch becomes a silence."""
    told: tuple[Any, ...] = (*case.events, *case.announcements)
    return {r.published for x in told for r in x.reports} | {w.by for w in case.watch if w.bears_on}


def news(case: Case, until: dt.date, after: dt.date | None = None) -> list[str]:
    """Ids of what became known after one day and up to another, in the order of their days.

    Events and announcements with a report published then, be it a further one; `silence: x` for
    a watch whose day passed without an answer that is known on the later day.
    """
    told: tuple[Any, ...] = (*case.events, *case.announcements)
    days = [(r.published, x.id) for x in told for r in x.reports]
    known = {e.answers for e in case.events if any(r.published <= until for r in e.reports)}
    days += [(w.by, f"silence: {w.id}") for w in case.watch if w.bears_on and w.id not in known]
    new = sorted(d for d in days if d[0] <= until and (after is None or d[0] > after))
    return list(dict.fromkeys(name for _, name in new))


def replay(case: Case, dates: Iterable[Any], draws: int = 0, seed: int = 1) -> xr.Dataset:
    """The forecast as it was on each date, by what was known on that date.

    Parameters
    ----------
    case : Case
    dates : iterable of date
        Or of what pandas reads as one; in any order. After the case's own as-of date, what its
        files hold of later news is heard.
    draws, seed : int, optional
        As for `forecast.update`.

    Returns
    -------
    Dataset over `as_of`, `deadline`, `actor`, `scenario`
        `probability` and `prior` (held by the deadline), `ever` (held by the horizon),
        `given_held` and `by` (actors), `scenarios`; with draws also `low` and `high` of
        `probability`. Each number is the one that `forecast.update` gives on that date.

    Raises
    ------
    ValueError
        If there is no date, or one is not from the proposal to the day before the horizon.
    """
    changes, q = sorted(_changes(case)), case.question
    # what is known is the same until the next change: only its age differs
    spells: dict[int, Compiled] = {}
    days, of = [pd.Timestamp(given).date() for given in dates], []
    if not days:
        raise ValueError("dates: expected one at least")
    for edge in (min(days), max(days)):  # refused before hundreds of others are worked out
        if not q.proposed <= edge < q.horizon:
            compile_case(case, edge)
    for day in days:
        spell = bisect_right(changes, day)
        if spell not in spells:
            spells[spell] = compile_case(case, day)
        of.append(answer(aged(spells[spell], day), draws, seed).of)

    def over(dims: tuple[str, ...], result: str, name: str) -> tuple[tuple[str, ...], Any]:
        return ("as_of", *dims), np.stack([x[result][name] for x in of])

    data = {k: over(("deadline",), "held", k) for k in of[0]["held"]} | {
        "ever": over((), "ever", "probability"),
        "given_held": over(("actor",), "actors", "given_held"),
        "by": over(("actor", "deadline"), "actors", "by"),
        "scenarios": over(("scenario",), "scenarios", "probability"),
    }
    coords = {
        "as_of": stamps(days),
        "deadline": stamps(q.deadlines),
        "actor": [a.id for a in case.actors],
        "scenario": [s.id for s in case.scenarios],
    }
    return xr.Dataset(data, coords=coords)


def as_dict(past: xr.Dataset, case: Case) -> dict[str, Any]:
    """A replay in plain numbers, with what was new on each date since the one before."""
    from forecast import __version__

    days = [pd.Timestamp(d).date() for d in past.as_of.values]
    by = [str(d) for d in case.question.deadlines]
    dates = []
    for i, day in enumerate(days):
        row = past.isel(as_of=i)
        held = zip(by, row.probability.values, row.prior.values, strict=True)
        dates.append({
            "as_of": str(day),
            "after_as_of": day > case.question.as_of,
            "new": news(case, day, days[i - 1] if i else None),
            "held": [{"by": d, "probability": float(p), "prior": float(q)} for d, p, q in held],
            "ever": float(row.ever),
            "scenarios": dict(zip(map(str, past.scenario.values), map(float, row.scenarios.values), strict=True)),
            "actors": {
                str(a): {
                    "given_held": or_none(p),
                    "by": [{"by": d, "probability": float(x)} for d, x in zip(by, joint, strict=True)],
                }
                for a, p, joint in zip(past.actor.values, row.given_held.values, row.by.values, strict=True)
            },
        })  # fmt: skip
    return {
        "case": case.name,
        "digest": case.as_known(max(days)).digest,
        "as_of": str(case.question.as_of),
        "version": __version__,
        "dates": dates,
    }


def as_csv(past: xr.Dataset, case: Case) -> str:
    """A replay in one tidy table: the columns of `forecast.tables.as_csv` without ranges."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["case", "as_of", "of", "id", "by", "probability", "prior"])
    record, horizon = as_dict(past, case), str(case.question.horizon)
    for date in record["dates"]:
        rows = [("held", "", x["by"], x["probability"], repr(x["prior"])) for x in date["held"]]
        rows.append(("held", "", horizon, date["ever"], ""))
        rows += [("scenario", s, "", p, "") for s, p in date["scenarios"].items()]
        for a, x in date["actors"].items():
            rows.append(("attends_given_held", a, "", x["given_held"], ""))
            rows += [("held_and_attends", a, y["by"], y["probability"], "") for y in x["by"]]
        writer.writerows(
            [cell(case.name), date["as_of"], of, name, by, repr(p), prior]
            for of, name, by, p, prior in rows
        )
    return out.getvalue()
