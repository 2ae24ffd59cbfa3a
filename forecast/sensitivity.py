"""What a forecast hangs on: its input range in parts, and each judgement in turn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
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
from forecast.parts import Scenario
from forecast.tree import collect, marginals, weigh
from forecast.updating import RANGE, Posterior, actor_chances, answer, opened_by

STRETCH = 1.5
"""An elicited time to open says how much it spreads, not how doubtful it is. Its median is made
so many times as long, and as short: a convention."""


def input_ranges(
    case: Case, as_of: dt.date | None = None, draws: int = 2000, seed: int = 1
) -> pd.DataFrame:
    """The input range in parts: what comes from the base rate, what from the tree.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    draws, seed : int, optional
        As in `update`: the row of all is its input range.

    Returns
    -------
    DataFrame
        Indexed by `drawn` ("base rate and shares", "judgements of the tree", "all") and
        `deadline`: `low`, `probability` and `high`, of P(held by the deadline). What is not
        drawn is at its mean.

    Raises
    ------
    ValueError
        Without draws.
    """
    if draws < 1:
        raise ValueError(f"draws: {draws}; expected at least one")
    as_of = as_of or case.question.as_of
    whole, root = compile_case(case, as_of), futures(case, as_of)
    fixed = replace(whole, judgements=tuple(Judgement(float(x), float(x)) for x in whole.theta))
    by = opened_by(root, as_of, case.question.deadlines)
    still = replace(root, draws=np.repeat(root.log_root[:, None], draws, axis=1),
                    which=np.zeros(draws, int), by_draw=by[:, :, None])  # fmt: skip
    shown = {
        "base rate and shares": answer(fixed, draws, seed),
        "judgements of the tree": answer(whole, draws, seed, still),
        "all": answer(whole, draws, seed),
    }
    keys = ("low", "probability", "high")
    parts = {
        name: pd.DataFrame({k: a.of["held"][k] for k in keys}, index=list(case.question.deadlines))
        for name, a in shown.items()
    }
    return pd.concat(parts, names=["drawn", "deadline"])


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
