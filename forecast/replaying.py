"""A forecast through time: what it was on each date, by what was known on that date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import xarray as xr

from forecast.case import Case
from forecast.updating import update


def news_days(case: Case, as_of: dt.date | None = None, step: int = 7) -> list[dt.date]:
    """Days on which a forecast can move: the proposal, every publication, and each week."""
    as_of, start = as_of or case.question.as_of, case.question.proposed
    days = {r.published for e in case.events for r in e.reports}
    days |= {start + dt.timedelta(n) for n in range(0, (as_of - start).days, step)}
    days |= {start, as_of}
    return sorted(d for d in days if start <= d <= as_of)


def replay(case: Case, dates: Iterable[dt.date], draws: int = 0, seed: int = 1) -> xr.Dataset:
    """The forecast as it was on each date, by what was known on that date.

    Returns
    -------
    Dataset over `as_of`, `deadline`, `actor`
        `probability` and `prior` (held by the deadline), `given_held` (actors); with
        draws also `low` and `high`.
    """
    days = list(dates)
    forecasts = [update(case, d, draws=draws, seed=seed) for d in days]
    held = xr.concat([f.held for f in forecasts], dim="as_of")
    actors = xr.concat([f.actors.given_held for f in forecasts], dim="as_of")
    stamps = np.array(days, "datetime64[D]").astype("datetime64[ns]")
    return held.assign(given_held=actors).assign_coords(as_of=stamps)
