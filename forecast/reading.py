"""Reading a forecast: what moved it, what double counting would have done, what to watch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.announcements import still_silent
from forecast.base_rate import Futures, futures, opening_days
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.parts import Event, Report
from forecast.tree import collect, marginals, weigh
from forecast.updating import Forecast, opened_by, update

_BATCH = 500


def decibans(p: Any) -> Any:
    """Log odds of a probability in decibans, 10 log10(p / (1 - p))."""
    return 10 * np.log10(p / (1 - p))


def contributions(
    case: Case,
    as_of: dt.date | None = None,
    deadline: dt.date | None = None,
    pairs: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """What each event and silence did to P(held by the deadline).

    Parameters
    ----------
    case : Case
    as_of : date, optional
    deadline : date, optional
        The headline's by default.
    pairs : int
        Random orders of the events, each taken forwards and backwards.
    seed : int

    Returns
    -------
    DataFrame
        Indexed by event: `bears_on`, `points` (Shapley value, in units of probability)
        with `points_se` (standard error of the sampled orders), `decibans`, and
        `left_out` (what the forecast gains by having it, all else kept; not additive).
        `points` add up to the forecast less the base rate; `decibans` to their log odds'
        difference. `attrs` holds `before`, `after` and `deadline`.
    """
    as_of = as_of or case.question.as_of
    deadline = deadline or case.headline
    compiled, held_by = _held_by(case, as_of, deadline)
    size = len(compiled.events)
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(size) for _ in range(pairs)]).reshape(pairs, size)
    gains = {"points": np.zeros((pairs, size)), "decibans": np.zeros((pairs, size))}
    both = np.stack([orders, orders[:, ::-1]], axis=1)
    for start in range(0, pairs, max(_BATCH // (size + 1), 1)):
        batch = both[start : start + max(_BATCH // (size + 1), 1)]
        rank = np.argsort(batch, axis=-1)
        # column k of an order: its first k events are in
        masks = rank[..., None] < np.arange(size + 1)
        p = held_by(masks.transpose(2, 0, 1, 3).reshape(size, 2 * len(batch) * (size + 1)).astype(float))
        p = p.reshape(*batch.shape[:2], size + 1)
        for name, value in (("points", p), ("decibans", decibans(p))):
            step = np.diff(value, axis=-1)
            gains[name][start : start + len(batch)] = np.take_along_axis(step, rank, -1).mean(1)
    everything = np.ones((size, 1 + size))
    everything[np.arange(size), 1 + np.arange(size)] = 0
    after, *each_left_out = held_by(everything)
    frame = pd.DataFrame(
        {
            "bears_on": compiled.bears_on,
            "points": gains["points"].mean(0),
            "points_se": gains["points"].std(0, ddof=1) / np.sqrt(pairs),
            "decibans": gains["decibans"].mean(0),
            "left_out": after - np.array(each_left_out),
        },
        index=pd.Index(compiled.events, name="event"),
    )
    before = float(held_by(np.zeros((size, 1)))[0])
    frame.attrs = {"before": before, "after": float(after), "deadline": str(deadline)}
    return frame


def _held_by(
    case: Case, as_of: dt.date, deadline: dt.date
) -> tuple[Compiled, Callable[[NDArray[Any]], NDArray[Any]]]:
    """P(held by the deadline) for masks of the events, shape (E, N) -> (N,)."""
    compiled = compile_case(case, as_of)
    root = futures(case, as_of)
    log_lam = weigh(compiled.tree, compiled.theta)[:, :, None]
    by = opened_by(root, as_of, [deadline])[:, 0]

    def held_by(mask: NDArray[Any]) -> NDArray[Any]:
        log_lik, _ = collect(compiled.tree, compiled.theta[:, None], log_lam * mask[:, None])
        return _weigh_by(root, np.broadcast_to(log_lik, (len(by), mask.shape[1])), by)

    return compiled, held_by


def _weigh_by(root: Futures, log_lik: NDArray[Any], by: NDArray[Any]) -> NDArray[Any]:
    joint = root.log_root[:, None] + log_lik
    p = np.exp(joint - joint.max(0))
    return np.asarray(by @ p / p.sum(0))


LADDER = (
    "layers",
    "one claim per origin",
    "one report per indicator",
    "every report independent",
)
"""Rungs of the ladder of dependence, from this model's to naive Bayes."""


def ladder(case: Case, as_of: dt.date | None = None) -> pd.DataFrame:
    """The forecast as it would be with other views of how reports depend on each other.

    Returns
    -------
    DataFrame
        A row for each rung of `LADDER`, a column for each deadline: P(held by then).
        `layers` is the forecast. The last rung counts every report as news of its own.
    """
    as_of = as_of or case.question.as_of
    known = case.as_known(as_of)
    deadlines = case.question.deadlines
    scored = [
        (event, report, abs(_log_ratio(known, event, report)))
        for event in known.events
        for report in event.reports
    ]

    def strongest(key: Callable[[Event, Report], str | None]) -> Case:
        best: dict[str | None, tuple[Event, Report, float]] = {}
        for item in scored:
            name = key(item[0], item[1])
            if name not in best or item[2] > best[name][2]:
                best[name] = item
        return _with_reports(known, [(e, r) for e, r, _ in best.values()])

    cases = (
        known,
        strongest(lambda _, r: known.origin(r)),
        strongest(lambda e, _: known.node_of(e)),
    )
    rows = [update(c, as_of, draws=0).held.probability.values for c in cases]
    rows.append(_independent(known, as_of))
    return pd.DataFrame(rows, index=pd.Index(LADDER, name="rung"), columns=list(deadlines))


def _log_ratio(case: Case, event: Event, report: Report) -> float:
    alone = _with_reports(case, [(event, report)])
    compiled = compile_case(alone, case.question.as_of)
    if_false, if_true = weigh(compiled.tree, compiled.theta)[compiled.events.index(event.id)]
    return float(if_true - if_false)


def _with_reports(case: Case, kept: Sequence[tuple[Event, Report]]) -> Case:
    events = []
    for event in case.events:
        reports = tuple(r for e, r in kept if e.id == event.id)
        if reports:
            events.append(event.model_copy(update={"reports": reports}))
    return case.model_copy(update={"events": tuple(events)})


def _independent(case: Case, as_of: dt.date) -> NDArray[Any]:
    """Naive Bayes: each report, and each silence, with an event and a node of its own."""
    root = futures(case, as_of)
    whole = compile_case(case, as_of)
    node = marginals(whole.tree, whole.theta[whole.tree.chance])
    log_lik = np.zeros(len(root.held))
    split = [
        event.model_copy(update={"id": f"{event.id}_{i}", "reports": (report,)})
        for event in case.events
        for i, report in enumerate(event.reports)
    ]
    each = compile_case(case.model_copy(update={"events": tuple(split)}), as_of)
    lam = np.exp(weigh(each.tree, each.theta))
    for e, name in enumerate(each.bears_on):
        q = node[whole.nodes.index(name)]
        log_lik += np.log((1 - q) * lam[e, 0] + q * lam[e, 1])
    by = opened_by(root, as_of, case.question.deadlines)
    return _weigh_by(root, log_lik[:, None], by.T)[:, 0]


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
