"""Other defensible choices as a whole: the range of the reasoning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.judgement import Judgement
from forecast.parts import BaseRate, Event, Source, Watch
from forecast.tree import collect, weigh
from forecast.updating import opened_by

KINDS = ("new_initiative", "relaunch", "follow_up_round", "consultation")
"""Kinds of proposal that one and the same proposal may be taken for."""


def variants(
    case: Case, as_of: dt.date | None = None, classes: Mapping[str, BaseRate] | None = None
) -> pd.DataFrame:
    """The forecast under other defensible choices: its range is that of the reasoning.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    classes : mapping of str to BaseRate, optional
        Other base rates by the name to show; an elicited one knows no ends of proposals. Left
        out, and the base rate learned: other kinds of proposal (`KINDS`), any convener, and a
        conflict that the table does not know.

    Returns
    -------
    DataFrame
        A row for each variant, a column for each deadline: P(held by then). The first is
        `as judged`. A variant for which the case has nothing to change is left out.
        `attrs["changed"]` says for each in words what was changed.

    Notes
    -----
    Weak evidence takes of both likelihoods of an event the ends that bring their ratio nearer
    to one; where the intervals overlap these would cross, and the event says nothing. Strong
    evidence takes the other ends. The article alone hears only reports with a passage in a
    document, and makes nothing of silences; what has been announced stays as it is.
    """
    as_of = as_of or case.question.as_of
    known, deadlines = case.as_known(as_of), case.question.deadlines
    whole, root = compile_case(known, as_of), futures(known, as_of)
    rows: dict[str, NDArray[Any]] = {}
    changed: dict[str, str] = {}

    def add(name: str, says: str, compiled: Compiled, futures: Futures, theta: Any = None) -> None:
        theta = compiled.theta if theta is None else theta
        joint = futures.log_root + collect(compiled.tree, theta, weigh(compiled.tree, theta))[0]
        p = np.exp(joint - np.logaddexp.reduce(joint))
        rows[name], changed[name] = p @ opened_by(futures, as_of, deadlines), says

    add("as judged", "Nothing.", whole, root)
    for name, base in (_classes(known) if classes is None else classes).items():
        other = known.model_copy(update={"base_rate": base})
        add(name, _differs(known.base_rate, base), whole, futures(other, as_of))
    graded = _graded(known, "A")
    if known.events or known.announcements:
        add("all reports grade A", "Every source and outlet is taken as fully reliable.",
            compile_case(graded, as_of), futures(graded, as_of))  # fmt: skip
    if known.announcements:
        add("nothing announced", "As if no day had been named, moved or cancelled: that none was counts as well.",
            whole, futures(known.model_copy(update={"announcements": ()}), as_of))  # fmt: skip
    cheap = {i.id for i in known.indicators if i.given}
    if cheap & set(whole.bears_on):
        told: tuple[Event | Watch, ...] = (*known.events, *known.watch)
        without = [x.id for x in told if known.node_of(x) in cheap]
        add("without cheap talk",
            "No event, and no silence, on the indicators that depend on another one: "
            f"{', '.join(sorted(cheap & set(whole.bears_on)))}.",
            compile_case(known, as_of, without=without), root)  # fmt: skip
    if whole.events:
        add("weak evidence", "Both likelihoods of every event and silence at the ends of their "
            "intervals that say least.", whole, root, _ends(whole, strong=False))  # fmt: skip
        add("strong evidence", "Both likelihoods of every event and silence at the ends of their "
            "intervals that say most.", whole, root, _ends(whole, strong=True))  # fmt: skip
    article = _found_in_documents(known)
    if article.events:
        silences = [w.id for w in known.watch if not w.announces]
        add("article alone", "Only reports with a passage in a document that the case was read "
            "from; no silences.", compile_case(article, as_of, without=silences), root)  # fmt: skip
    frame = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="variant"),
                         columns=list(deadlines))  # fmt: skip
    frame.attrs = {"changed": changed}
    return frame


def _classes(case: Case) -> dict[str, BaseRate]:
    base = case.base_rate
    if not case.fit_used:
        return {}
    out = {f"as a {k.replace('_', ' ')}": {"row_type": k} for k in KINDS if k != base.row_type}
    # a level that the table does not know has the mean of all, and their whole spread
    if base.convener_type != "other":
        out["whoever convenes"] = {"convener_type": "other"}
    if base.conflict in case.fit.conflicts:
        out["as of a conflict not in the table"] = {"conflict": "(another)"}
    return {name: base.model_copy(update=change) for name, change in out.items()}


def _differs(mine: BaseRate, other: BaseRate) -> str:
    if not other.reference_class:
        return f"The base rate is judged: held {other.held}."
    changes = [f"{key} {new} instead of {old}"
               for key in ("reference_class", "stage", "convener_type", "row_type", "conflict")
               if (new := getattr(other, key)) != (old := getattr(mine, key))]  # fmt: skip
    return f"The base rate comes from another class: {'; '.join(changes) or 'the same'}."


def _graded(case: Case, grade: str) -> Case:
    def regrade(source: Any) -> Any:
        inline = isinstance(source, Source)
        return source.model_copy(update={"reliability": grade}) if inline else source

    def retell(told: Any) -> Any:
        reports = tuple(
            r.model_copy(update={"source": regrade(r.source), "via": tuple(map(regrade, r.via))})
            for r in told.reports
        )
        return told.model_copy(update={"reports": reports})

    changes = {k: tuple(map(regrade, getattr(case, k))) for k in ("sources", "outlets")}
    changes |= {k: tuple(map(retell, getattr(case, k))) for k in ("events", "announcements")}
    return case.model_copy(update=changes)


def _ends(compiled: Compiled, strong: bool) -> NDArray[Any]:
    theta = compiled.theta.copy()
    for if_false, if_true in compiled.tree.event_chance:
        favours = compiled.theta[if_true] >= compiled.theta[if_false]
        high, low = (if_true, if_false) if favours else (if_false, if_true)
        more: Judgement = compiled.judgements[high]
        less: Judgement = compiled.judgements[low]
        if strong:
            theta[high], theta[low] = more.high, less.low
        elif more.low > less.high:
            theta[high], theta[low] = more.low, less.high
        else:
            theta[high] = theta[low] = (more.low + less.high) / 2
    return theta


def _found_in_documents(case: Case) -> Case:
    there = ((e, tuple(r for r in e.reports if r.article)) for e in case.events)
    events = (e.model_copy(update={"reports": reports}) for e, reports in there if reports)
    return case.model_copy(update={"events": tuple(events)})
