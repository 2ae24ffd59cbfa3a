"""How reports depend on each other: what double counting would have made of the forecast."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.parts import Event, Report
from forecast.tree import marginals, weigh
from forecast.updating import opened_by, update


def weigh_by(root: Futures, log_lik: NDArray[Any], by: NDArray[Any]) -> NDArray[Any]:
    """P(opened by a day), (..., N), for N likelihoods of the scenarios (S, N); `by` (..., S)."""
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
    return weigh_by(root, log_lik[:, None], by.T)[:, 0]
