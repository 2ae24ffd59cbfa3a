"""How reports depend on each other, and which scenarios each event speaks for.

The ladder shows what double counting would have made of the forecast; the matrix, what analysts
know as that of competing hypotheses, is read off the model, after its layers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.parts import Event, Report
from forecast.tree import collect, marginals, weigh
from forecast.updating import opened_by


def weigh_by(root: Futures, log_lik: NDArray[Any], by: NDArray[Any]) -> NDArray[Any]:
    """P(opened by a day), (..., N), for N likelihoods of the scenarios (S, N); `by` (..., S)."""
    joint = root.log_root[:, None] + log_lik
    p = np.exp(joint - joint.max(0))
    return np.asarray(by @ p / p.sum(0))


def matrix(case: Case, as_of: dt.date | None = None) -> xr.DataArray:
    """The diagnosticity of each event for each scenario, in decibans, after the layers.

    Returns
    -------
    DataArray over `event`, `scenario`
        How far the event, or silence, moved the scenario: 10 log10 of P(scenario | all
        reports) / P(scenario | all but those of the event). That is its likelihood ratio,
        P(event | scenario, the others) / P(event | the others): above 0 it speaks for the scenario,
        below 0 against it, and an event that is as likely in all of them is 0 throughout.
        The difference of two columns is its weight of evidence for one against the other.
        The coordinate `bears_on` names the indicator or actor of each event.

    Notes
    -----
    Not additive: of two reports of like kind each is worth little beside the other
    (`forecast.contributions` shares it out). Without the event that answers a watch, its
    silence is not put in its place.
    """
    as_of = as_of or case.question.as_of
    compiled, root = compile_case(case, as_of), futures(case, as_of)
    size = len(compiled.events)
    mask = np.ones((size, 1 + size))  # all, then all but each
    mask[np.arange(size), 1 + np.arange(size)] = 0
    log_lam = weigh(compiled.tree, compiled.theta)[:, :, None] * mask[:, None]
    log_lik = collect(compiled.tree, compiled.theta[:, None], log_lam)[0]
    log_lik = np.broadcast_to(log_lik, (len(root.held), 1 + size))
    # less the evidence: a scenario that the date has ruled out still has its column
    told = log_lik - np.logaddexp.reduce(root.log_root[:, None] + log_lik)
    return xr.DataArray(
        10 / np.log(10) * (told[:, :1] - told[:, 1:]).T,
        dims=("event", "scenario"),
        coords={
            "event": list(compiled.events),
            "scenario": [s.id for s in case.scenarios],
            "bears_on": ("event", list(compiled.bears_on)),
        },
        name="decibans",
        attrs={"as_of": str(as_of)},
    )


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
        No rung makes a silence of a watch that an event left out answers.
    """
    as_of = as_of or case.question.as_of
    known, root = case.as_known(as_of), futures(case, as_of)
    deadlines = case.question.deadlines
    by = opened_by(root, as_of, deadlines).T
    whole = compile_case(known, as_of)
    told = [(event, report) for event in known.events for report in event.reports]
    worth = _log_ratios(whole, told)
    answered = {e.answers for e in known.events if e.answers}

    def strongest(key: Callable[[Event, Report], str | None]) -> Compiled:
        best: dict[str | None, int] = {}
        for i, item in enumerate(told):
            name = key(*item)
            if name not in best or worth[i] > worth[best[name]]:
                best[name] = i
        kept = _with_reports(known, [told[i] for i in best.values()])
        return compile_case(kept, as_of, without=answered)

    rungs = (
        whole,
        strongest(lambda _, r: known.origin(r)),
        strongest(lambda e, _: known.node_of(e)),
    )
    log_lik = [collect(c.tree, c.theta, weigh(c.tree, c.theta))[0] for c in rungs]
    log_lik.append(_independent(known, whole, as_of))
    rows = [weigh_by(root, np.reshape(x, (-1, 1)), by)[:, 0] for x in log_lik]
    return pd.DataFrame(rows, index=pd.Index(LADDER, name="rung"), columns=list(deadlines))


def _log_ratios(whole: Compiled, told: Sequence[tuple[Event, Report]]) -> NDArray[Any]:
    """How much each report would say on its own of its indicator, in either direction."""
    tree = whole.tree
    at = np.array([whole.events.index(event.id) for event, _ in told], int)
    phi = np.array([whole.case.phi(report) for _, report in told])
    denies = np.array([report.denies for _, report in told], bool)
    alone = replace(
        tree,
        event_chance=tree.event_chance[at],
        fresh=tree.fresh[at],
        denied=np.where(denies, phi, 1.0),
        affirmed=np.where(denies, 1.0, phi),
    )
    log_lam = weigh(alone, whole.theta)
    return np.asarray(np.abs(log_lam[:, 1] - log_lam[:, 0]))


def _with_reports(case: Case, kept: Sequence[tuple[Event, Report]]) -> Case:
    events = []
    for event in case.events:
        reports = tuple(r for e, r in kept if e.id == event.id)
        if reports:
            events.append(event.model_copy(update={"reports": reports}))
    return case.model_copy(update={"events": tuple(events)})


def _independent(case: Case, whole: Compiled, as_of: dt.date) -> NDArray[Any]:
    """Naive Bayes: each report, and each silence, with an event and a node of its own."""
    node = marginals(whole.tree, whole.theta[whole.tree.chance])
    split = [
        event.model_copy(update={"id": f"{event.id}_{i}", "reports": (report,)})
        for event in case.events
        for i, report in enumerate(event.reports)
    ]
    each = compile_case(case.model_copy(update={"events": tuple(split)}), as_of)
    lam = np.exp(weigh(each.tree, each.theta))
    log_lik = np.zeros(len(case.scenarios))
    for e, name in enumerate(each.bears_on):
        q = node[whole.nodes.index(name)]
        log_lik += np.log((1 - q) * lam[e, 0] + q * lam[e, 1])
    return log_lik
