"""What a forecast hangs on: each judgement in turn, and other defensible choices as a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.base_rate import Futures, Opening, averaged, futures, log_normal, opening, waiting
from forecast.case import Case
from forecast.compiling import CERTAIN, NEVER, Compiled, compile_case
from forecast.fits import curve
from forecast.judgement import Judgement
from forecast.parts import BaseRate, Event, Scenario, Source, Watch
from forecast.tree import collect, marginals, weigh
from forecast.updating import RANGE, Posterior, actor_chances, opened_by

STRETCH = 1.5
"""An elicited time to open says how much it spreads, not how doubtful it is. Its median is made
so many times as long, and as short: a convention."""
KINDS = ("new_initiative", "relaunch", "follow_up_round", "consultation")
"""Kinds of proposal that one and the same proposal may be taken for."""


# --- each judgement in turn ---


@dataclass(frozen=True)
class _Bar:
    """A row of the tornado: what is moved, and from where to where."""

    label: str
    belongs_to: str
    kind: str
    used_by: Sequence[str]
    low: float
    high: float
    places: Sequence[int] = ()  # of the judgements that it stands for
    openings: tuple[Opening, Opening] | None = None


def tornado(
    case: Case,
    as_of: dt.date | None = None,
    deadline: dt.date | None = None,
    of: str | None = None,
) -> pd.DataFrame:
    """How far each judgement, and each parameter of the base rate, moves the forecast.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    deadline : date, optional
        The headline's by default.
    of : str, optional
        An actor: P(attends | ever held) instead of P(held by the deadline).

    Returns
    -------
    DataFrame
        Indexed by `judgement`, the widest first: `belongs_to`, the id of its indicator, actor,
        event, watch, event type or scenario; `kind`, one of these or "base rate"; `used_by`,
        the scenarios or events that use this one number; `low` and `high`, its 5 % and 95 %
        points; `at_low` and `at_high`, the forecast with it there; `swing`, how far these are
        apart. `attrs` holds `now`, `deadline` and `of`. What is certain has no row.

    Raises
    ------
    ValueError
        If `of` is no actor of the case.

    Notes
    -----
    With one judgement fixed, P(held by the deadline, reports) and P(reports) are both linear in
    each of the others, which are independent: integrating the others is setting them to their
    means. `at_low` is the ratio of the two, so the forecast is conditional on the judgement, and
    exact; it is that of the case with a plain number in its place.

    - An event type lends its likelihoods to each of its events separately, and each has its
      row. The row of the type itself moves them together: a misjudged line of the rubric.
    - A learned P(ever held), or median time to open, is set to the 5 % and 95 % point of its
      draws, those of the other parameters kept, as if independent of it.
    - An elicited time to open, of which only the spread was asked, is stretched by `STRETCH`.
    - A share of P(held), or of P(not held), is moved and the others of its side are rescaled.
    """
    as_of, deadline = as_of or case.question.as_of, deadline or case.headline
    if of is not None and of not in {a.id for a in case.actors}:
        known = ", ".join(a.id for a in case.actors)
        raise ValueError(f'of: no actor "{of}" in the case; there are {known}')
    compiled, root = compile_case(case, as_of), futures(case, as_of)
    bars = [*_judgements(compiled), *_rubric(compiled)]
    theta = np.repeat(compiled.theta[:, None], 1 + 2 * len(bars), axis=1)
    for i, bar in enumerate(bars):
        theta[bar.places, 1 + 2 * i] = bar.low
        theta[bar.places, 2 + 2 * i] = bar.high
    now, *at = _asked(compiled, [root], theta, as_of, deadline, of)
    based = list(_base_rate(case))
    roots = [futures(case, as_of, before=o) for bar in based for o in bar.openings or ()]
    if roots:
        at += [*_asked(compiled, roots, compiled.theta[:, None], as_of, deadline, of)]
    rows = [
        (b.label, b.belongs_to, b.kind, ", ".join(b.used_by), b.low, b.high, x, y, abs(y - x))
        for b, x, y in zip([*bars, *based], at[::2], at[1::2], strict=True)
    ]
    columns = ["judgement", "belongs_to", "kind", "used_by", "low", "high", "at_low", "at_high",
               "swing"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).set_index("judgement")
    frame = frame.sort_values("swing", ascending=False, kind="stable")
    frame.attrs = {"now": float(now), "deadline": str(deadline), "of": of}
    return frame


def _asked(
    compiled: Compiled,
    roots: Sequence[Futures],
    theta: NDArray[Any],
    as_of: dt.date,
    deadline: dt.date,
    of: str | None,
) -> NDArray[Any]:
    """P(held by the deadline), or P(attends | ever held): for N roots or N columns of `theta`."""
    log_lik, chance = collect(compiled.tree, theta, weigh(compiled.tree, theta))
    joint = np.stack([r.log_root for r in roots], axis=1) + log_lik
    evidence = np.logaddexp.reduce(joint)
    p = np.exp(joint - evidence)
    if of is None:
        by = np.stack([opened_by(r, as_of, [deadline])[:, 0] for r in roots], axis=1)
        return np.asarray((p * by).sum(0))
    posterior = Posterior(evidence, p, chance, marginals(compiled.tree, chance))
    actor = [a.id for a in compiled.case.actors].index(of)
    held = roots[0].held
    attends = actor_chances(compiled, theta, posterior)[actor]
    return np.asarray((attends * p)[held].sum(0) / p[held].sum(0))


def _judgements(compiled: Compiled) -> Iterator[_Bar]:
    case = compiled.case
    kinds = {w.id: "watch" for w in case.watch} | {e.id: "event" for e in case.events}
    users: list[list[str]] = [[] for _ in compiled.judgements]
    for table in (compiled.tree.chance, compiled.attends):
        for places in table:
            for s, scenario in enumerate(case.scenarios):
                for j in set(places[:, s]) - {CERTAIN, NEVER}:
                    if scenario.held or table is compiled.tree.chance:
                        users[j].append(scenario.id)
    lent = _lent(case)
    for e, name in enumerate(compiled.events):
        for j in compiled.tree.event_chance[e]:
            users[j] = lent.get(name, [name])
    for j, (label, judgement) in enumerate(zip(compiled.labels, compiled.judgements, strict=True)):
        if judgement.certain:
            continue
        owner, key = label.split(": ")
        kind = ("indicator" if key.startswith("chance") else
                "actor" if key.startswith(("willing", "attends")) else kinds[owner])  # fmt: skip
        yield _Bar(label, owner, kind, users[j], judgement.low, judgement.high, [j])


def _lent(case: Case) -> dict[str, list[str]]:
    """For each event with the likelihoods of its type, all events that have them from there."""
    of_type = {
        e.id: e.type for e in case.events if e.type and not e.answers and not (e.if_true and e.if_false)
    }
    return {e: [x for x in of_type if of_type[x] == kind] for e, kind in of_type.items()}


def _rubric(compiled: Compiled) -> Iterator[_Bar]:
    lent = _lent(compiled.case)
    for kind in compiled.case.event_types:
        events = [e.id for e in compiled.case.events if e.type == kind.id and e.id in lent]
        at = [compiled.events.index(e) for e in events if e in compiled.events]
        for z, (name, judgement) in enumerate((("if false", kind.if_false), ("if true", kind.if_true))):
            if len(at) > 1 and not judgement.certain:
                yield _Bar(f"{kind.id}: {name}, in all its events", kind.id, "event type", events,
                           judgement.low, judgement.high,
                           list(compiled.tree.event_chance[at, z]))  # fmt: skip


def _base_rate(case: Case) -> Iterator[_Bar]:
    base, before, scenarios = case.base_rate, opening(case), case.scenarios
    length = before.opened.shape[2] - 1
    held = [s.id for s in scenarios if s.held]
    plain = [s.id for s in scenarios if s.held and not s.days_to_open]  # whose time is the base rate's

    def bar(label: str, owner: str, kind: str, span: Any, *openings: Opening) -> _Bar:
        used = held if kind == "base rate" else [owner]
        low, high = map(float, span)
        return _Bar(label, owner, kind, used, low, high, openings=(openings[0], openings[1]))

    def ever(p: float) -> Opening:
        same = np.full_like(before.ever, p)
        return averaged(scenarios, before.share, same, before.opened, before.waits)

    def time(curves: NDArray[Any], who: list[str], waits: NDArray[Any]) -> Opening:
        opened = before.opened.copy()
        opened[[held.index(s) for s in who]] = curves
        return averaged(scenarios, before.share, before.ever, opened, waits)

    def stretched(days: tuple[float, float], who: list[str]) -> Iterator[Opening]:
        for f in (1 / STRETCH, STRETCH):
            new = {"days_to_open": (days[0] * f, days[1] * f)}
            own = [s.model_copy(update=new) if s.id in who else s for s in scenarios]
            yield time(log_normal(new["days_to_open"], length), who, _waits(case, own, before))

    def median(days: tuple[float, float]) -> NDArray[Any]:
        return np.asarray(np.sqrt(days[0] * days[1]) * np.array([1 / STRETCH, STRETCH]))

    label = "base rate: P(ever held)"
    if case.fit_used:
        about = (str(base.stage), str(base.convener_type), base.row_type, str(base.conflict))
        c = curve(case.fit, *about)
        span = np.quantile(c.ever, RANGE)
        yield bar(label, "base_rate", "base rate", span, *map(ever, span))
        if plain:
            at = np.quantile(c.log_days, RANGE)
            days = np.arange(length + 1.0)
            curves = [replace(c, log_days=np.full_like(c.log_days, x)) for x in at]
            yield bar("base rate: median days to open", "base_rate", "base rate", np.exp(at), *(
                time(x.opened_by(days), plain, waiting(x, scenarios, before.share, length))
                for x in curves
            ))  # fmt: skip
    elif base.held and base.days_to_open:
        if not base.held.certain:
            span = (base.held.low, base.held.high)
            yield bar(label, "base_rate", "base rate", span, *map(ever, span))
        if plain:
            yield bar("base rate: median days to open, stretched", "base_rate", "base rate",
                      median(base.days_to_open), *stretched(base.days_to_open, plain))  # fmt: skip
    for i, s in enumerate(scenarios):
        if s.days_to_open:
            yield bar(f"{s.id}: median days to open, stretched", s.id, "scenario",
                      median(s.days_to_open), *stretched(s.days_to_open, [s.id]))  # fmt: skip
        if s.share and not s.share.certain:
            span = (s.share.low, s.share.high)
            yield bar(f"{s.id}: share", s.id, "scenario", span,
                      *(_shared(case, before, i, x) for x in span))  # fmt: skip


def _shared(case: Case, before: Opening, place: int, value: float) -> Opening:
    share = before.share.copy()
    side = [s.held == case.scenarios[place].held for s in case.scenarios]
    share[side] *= (1 - value) / (1 - share[place])
    share[place] = value
    waits = _waits(case, case.scenarios, replace(before, share=share))
    return averaged(case.scenarios, share, before.ever, before.opened, waits)


def _waits(case: Case, scenarios: Sequence[Scenario], before: Opening) -> NDArray[Any]:
    """`before.waits`, had the scenarios these times, or `before` these shares."""
    if not case.fit_used:
        return before.waits
    base = case.base_rate
    c = curve(case.fit, str(base.stage), str(base.convener_type), base.row_type, str(base.conflict))
    return waiting(c, scenarios, before.share, before.waits.shape[1] - 1)


# --- other choices as a whole ---


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
    out["whoever convenes"] = {"convener_type": "(any)"}
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
