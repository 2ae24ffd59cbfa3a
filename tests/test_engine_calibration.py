"""The whole engine against worlds drawn by another program: when it says 30 %, it happens in 30 %.

The simulator knows the model only by its description. It draws a future, what is so in it, what
happens because of that and what outlets print of it, and writes a case as an analyst would have coded
that news. An outlet prints a true event and denies a false one with chance `a`, and the contrary with
`a` times its phi; else it is silent, which tells nothing. A watched event is always printed if true,
with chance phi if not; else its day passes in silence. Worlds whose meeting opened by the as-of date
are drawn again: of them no forecast is asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from enumeration import GRADED, day, indicator, make_case
from scipy import optimize, stats
from toys import toy_fit

from forecast.announcements import (
    CANCELLED_IF_HELD,
    CANCELLED_IF_NEVER,
    LATE_NOTICE,
    LONGEST,
    NOTICE_DAYS,
)
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.dependence import LADDER, ladder
from forecast.judgement import GRADES, Judgement, means
from forecast.parts import Announcement, Event, Report
from forecast.updating import answer, update

Rng = np.random.Generator

# --- judgements and tables, read from the case by their meaning ---


@cache
def chance(value: Judgement) -> float:
    return float(means([value])[0])


def of(table: Any, s: Any) -> float:
    keys = (s.id, "held" if s.held else "not_held", "otherwise")
    return chance(next(table[k] for k in keys if k in table))


# --- random cases, of the kind that make people count twice ---

AS_OF = 30


def made_up(rng: Rng) -> Case:
    """A case with cheap talk, old news, bodies and persons, watches; without its events."""

    def interval(low: float, high: float) -> Any:
        m = rng.uniform(low, high)
        return float(m) if rng.random() < 0.3 else [float(0.8 * m), float(m + 0.2 * (1 - m))]

    n_held, n_not = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    scenarios: list[dict[str, Any]] = []
    for i in range(n_held + n_not):
        s: dict[str, Any] = {"id": f"s{i}", "held": i < n_held, "label": "x"}
        if i not in (0, n_held):
            s["share"] = float(rng.uniform(0.1, 0.3))
        if s["held"] and rng.random() < 0.5:
            s["days_to_open"] = [float(rng.uniform(20, 60)), float(rng.uniform(100, 500))]
        scenarios.append(s)

    def table(apart: bool = True) -> dict[str, Any]:
        return {s["id"]: interval(0.5, 0.9) if s["held"] == apart or rng.random() < 0.2 else
                interval(0.1, 0.45) for s in scenarios}  # fmt: skip

    indicators = [
        indicator("ready", table(), **({"half_life": 40} if rng.random() < 0.4 else {})),
        # he says so whether it is so or not
        indicator("says", given="ready", if_true=interval(0.85, 0.97), if_false=interval(0.5, 0.75)),
        indicator("refuses", table(False)),
        indicator("other", table(), **({"half_life": 25} if rng.random() < 0.4 else {})),
    ]
    actors: list[dict[str, Any]] = [
        {"id": "body", "willing": table(), "attends_if_willing": interval(0.7, 0.95)},
        {"id": "person", "given": "body", "willing_if_true": interval(0.6, 0.9),
         "willing_if_false": interval(0.1, 0.4), "attends_if_willing": 0.9, "part_of": "body"},
        {"id": "guest", "given": "ready", "willing_if_true": 0.8, "willing_if_false": interval(0.1, 0.4),
         "attends_if_willing": interval(0.6, 0.9)},
    ]  # fmt: skip
    for a in actors:
        a |= {"name": a["id"], "why": "x", "attends_if_unwilling": 0.1}
    watches = [
        {"id": f"w{i}", "what": "x", "by": day(int(rng.integers(5, AS_OF + 1))), "bears_on": node,
         "if_true": interval(0.4, 0.8), "if_false": interval(0.05, 0.3)}
        for i, node in enumerate(["ready", "body", "guest"]) if rng.random() < 0.7
    ]  # fmt: skip
    return make_case(
        question={"as_of": day(AS_OF), "deadlines": [day(60), day(110), day(250)]},
        base_rate={"held": interval(0.3, 0.7), "days_to_open": [25.0, float(rng.uniform(200, 600))]},
        scenarios=scenarios, indicators=indicators, actors=actors, watch=watches, sources=GRADED,
    )  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """An event that may happen, as its analyst would judge it, and who may tell of it."""

    id: str
    node: str
    if_true: float
    if_false: float
    outlets: tuple[str, ...]
    happened: int  # the day


def slots(rng: Rng) -> list[Slot]:
    """Four times the same talk, a few acts: each with one to three outlets."""
    nodes = ["says"] * 4 + ["ready", "refuses", "other", "other", "body", "person", "guest"]
    out = []
    for i, node in enumerate(nodes):
        low = float(rng.uniform(0.1, 0.5))
        high = min(low * float(rng.uniform(1.5, 4)), 0.95)
        pair = (low, high) if node == "refuses" or rng.random() < 0.15 else (high, low)
        who = tuple(str(x) for x in rng.choice(list(GRADES), int(rng.integers(1, 4)), replace=False))
        out.append(Slot(f"e{i}", node, *pair, who, int(rng.integers(0, 20))))
    return out


# --- one world, and the news of it ---


@dataclass(frozen=True)
class World:
    opened: int | None
    comes: dict[str, bool]
    case: Case


def world(rng: Rng, case: Case, events: list[Slot]) -> World:
    while True:
        s, opened = future(rng, case)
        if opened is None or opened > AS_OF:
            break
    true: dict[str, bool] = {}
    for part in (*case.indicators, *case.actors):  # what is given stands before it, here
        no, yes = part.tables
        p = of(yes if part.given and true[part.given] else no, s)
        true[part.id] = bool(rng.random() < p)
    life = {i.id: i.half_life for i in case.indicators if i.half_life}

    def happens(node: str, if_true: float, if_false: float, on: int) -> bool:
        z = true[node]
        if node in life and rng.random() > 0.5 ** ((AS_OF - on) / life[node]):
            z = bool(rng.random() < 0.5)  # it spoke of something that is past
        return bool(rng.random() < (if_true if z else if_false))

    told: list[Event] = []

    def tell(name: str, on: int, reports: list[Report], **more: Any) -> None:
        told.append(Event.model_construct(
            id=name, date=(day(on), day(on)), what="x", reports=tuple(reports), why="x",
            **{"bears_on": None, "type": None, "if_true": None, "if_false": None, "answers": None} | more,
        ))  # fmt: skip

    for e in events:
        so, reports = happens(e.node, e.if_true, e.if_false, e.happened), []
        for grade in e.outlets:
            phi = GRADES[grade]
            a = 0.95 / (1 + phi)
            u = rng.random()
            if u < a * (1 + phi):
                denies = (u < a) != so
                reports += printed(rng, grade, f"{e.id}_{grade.lower()}", e.happened, denies)
        if reports:
            tell(e.id, e.happened, reports, bears_on=e.node,
                 if_true=Judgement(e.if_true, e.if_true), if_false=Judgement(e.if_false, e.if_false))  # fmt: skip
    for w in case.watch:
        on = (w.by - day(0)).days
        so = happens(w.bears_on or "", chance(w.if_true), chance(w.if_false), on)
        grade = str(rng.choice(list(GRADES)))
        if so or rng.random() < GRADES[grade]:
            tell(f"{w.id}_seen", on, printed(rng, grade, w.id, on, False), answers=w.id)
    comes: dict[str, bool] = {}
    for a in case.actors:
        p = of(a.attends_if_willing if true[a.id] else a.attends_if_unwilling, s)
        there = opened is not None and (a.part_of is None or comes[a.part_of])
        comes[a.id] = there and bool(rng.random() < p)
    return World(opened, comes, case.model_copy(update={"events": tuple(told)}))


def future(rng: Rng, case: Case) -> tuple[Any, int | None]:
    """A scenario by its share, and, where it is held, a day by its log-normal, cut at the horizon."""
    held = rng.random() < chance(case.base_rate.held)
    side = [s for s in case.scenarios if s.held == held]
    share = np.array([chance(s.share) if s.share else 0.0 for s in side])
    share[[not s.share for s in side]] = 1 - share.sum()
    s = side[int(rng.choice(len(side), p=share))]
    if not held:
        return s, None
    low, high = np.log(s.days_to_open or case.base_rate.days_to_open)
    end = (case.question.horizon - case.question.proposed).days
    while True:
        t = np.exp(rng.normal((low + high) / 2, (high - low) / 2 / 1.6448536269514722))
        if t <= end:
            return s, int(np.ceil(t))


def printed(rng: Rng, grade: str, origin: str, on: int, denies: bool) -> list[Report]:
    """A report and, now and then, what others made of it: one origin, however often it is told."""
    copies = (0, 0, 0, 1, 1, 4)[int(rng.integers(6))]
    others = ["abcdef"[i] for i in rng.integers(0, 6, copies)]
    return [report_of(grade, origin, on, denies, via) for via in ("", *others)]


@cache
def report_of(grade: str, origin: str, on: int, denies: bool, via: str) -> Report:
    return Report(source=grade.lower(), via=(via,) if via else (), published=day(on), origin=origin,
                  denies=denies)  # fmt: skip


# --- forecasts and outcomes ---


@dataclass(frozen=True)
class Drawn:
    """Forecasts of yes/no questions with their outcomes, and the rank of each opening day."""

    p: np.ndarray
    y: np.ndarray
    ranks: np.ndarray
    worlds: list[World]


def forecasts(seed: int, cases: int, worlds: int) -> Drawn:
    rng = np.random.default_rng(seed)
    p, y, ranks, kept = [], [], [], []
    for _ in range(cases):
        case, events = made_up(rng), slots(rng)
        for _ in range(worlds):
            w = world(rng, case, events)
            said = answer(compile_case(w.case, day(AS_OF))).of
            d = int(rng.integers(len(case.question.deadlines)))
            a = int(rng.integers(len(case.actors)))
            by = (case.question.deadlines[d] - day(0)).days
            held = w.opened is not None and w.opened <= by
            # one deadline a world, and who comes by then: no two outcomes of one kind hang together
            p.append((said["held"]["probability"][d], said["actors"]["by"][a, d]))
            y.append((held, held and w.comes[case.actors[a].id]))
            at = None if w.opened is None else w.opened - AS_OF - 1
            ranks.append(rank(rng, said["opening"]["probability"], at))
            kept.append(w)
    return Drawn(np.array(p), np.array(y, float), np.array(ranks), kept)


def rank(rng: Rng, pmf: np.ndarray, at: int | None) -> float:
    """P(an earlier day), and a random part of that of the day itself; never is the last of days."""
    below, here = (pmf.sum(), 1 - pmf.sum()) if at is None else (pmf[:at].sum(), pmf[at])
    return float(below + rng.random() * here)


def slope(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of outcomes on log odds."""
    x = np.log(p) - np.log1p(-p)

    def loss(b: np.ndarray) -> float:
        z = b[0] * x + b[1]
        return float(np.logaddexp(0, z).sum() - (y * z).sum())

    found = optimize.minimize(loss, np.array([1.0, 0.0]))
    return float(found.x[0]), float(found.x[1])


def uniform(ranks: np.ndarray, bins: int = 20) -> float:
    """p-value of chi-square."""
    counts = np.histogram(ranks, bins, (0, 1))[0]
    return float(stats.chisquare(counts).pvalue)


def naive(worlds: list[World]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(held by the last deadline) with every report counted, and with layers; and what happened."""
    rows = []
    for w in worlds:
        last = w.case.question.deadlines[-1]
        rungs = ladder(w.case, day(AS_OF))[last]
        rows.append(
            (rungs[LADDER[-1]], rungs[LADDER[0]], w.opened is not None and day(w.opened) <= last)
        )
    bad, good, happened = np.array(rows, float).T
    return bad, good, happened


CASES, WORLDS = 40, 100


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return forecasts(seed=6, cases=CASES, worlds=WORLDS)


@pytest.mark.slow
def test_forecasts_are_calibrated(drawn: Drawn) -> None:
    assert len(drawn.worlds) == CASES * WORLDS
    for question, name in enumerate(("held by a deadline", "held by then and attends")):
        p, y = drawn.p[:, question], drawn.y[:, question]
        b, at = slope(p, y)
        assert b == pytest.approx(1, abs=0.1), name
        assert at == pytest.approx(0, abs=0.15), name
        # on the whole as often as was said, within three standard errors
        assert abs(y.mean() - p.mean()) < 3 * np.sqrt((p * (1 - p)).mean() / len(p)), name
        # and it says something: forecasts that are all alike would be calibrated too
        assert p.std() > 0.1, name


@pytest.mark.slow
def test_opening_days_have_uniform_ranks(drawn: Drawn) -> None:
    assert uniform(drawn.ranks) > 0.001


@pytest.mark.slow
def test_counting_every_report_is_overconfident_in_the_same_worlds(drawn: Drawn) -> None:
    bad, good, happened = naive(drawn.worlds[::8])
    assert slope(bad, happened)[0] < 0.75
    assert slope(good, happened)[0] > slope(bad, happened)[0] + 0.2

    # a worse forecast, too: in nats
    def score(p: np.ndarray) -> float:
        return float(-np.where(happened == 1, np.log(p), np.log1p(-p)).mean())

    assert score(bad) > score(good) + 0.01


# --- days that are named ---

FIT = toy_fit()
NOW = 45
ANNOUNCING = make_case(question={"as_of": day(NOW), "deadlines": [day(60), day(120), day(250)]})


def rounded(rng: Rng, place: str, spread: str, first: int) -> int:
    """Whole days of a log-normal, from `first` to a year, at one of the fit's draws."""
    k = int(rng.integers(len(FIT.draws[place])))
    while True:
        x = round(float(np.exp(rng.normal(FIT.draws[place][k], FIT.draws[spread][k]))))
        if first <= x <= LONGEST:
            return x


def plan(rng: Rng, opens: int) -> tuple[int, int]:
    """The day of naming and the day named, of a meeting that opens on a day: there was room for both."""
    while True:
        late = (
            0
            if rng.random() < rng.choice(FIT.draws["on_time"])
            else rounded(rng, "slip_log_days", "slip_sigma", 1)
        )
        d = opens - late
        n = d - rounded(rng, "lead_log_days", "lead_sigma", 0)
        if n >= 1:
            return n, d


def heard_of_delay(rng: Rng, d: int) -> bool:
    """Whether by now word is out that the named day will not be kept."""
    return bool(rng.random() > LATE_NOTICE and rng.exponential(NOTICE_DAYS) > max(d - NOW, 0))


def named(rng: Rng, some: float) -> tuple[int | None, tuple[Announcement, ...]]:
    """An opening day, or none, and what was announced until now, true or false."""
    while True:
        _, opened = future(rng, ANNOUNCING)
        if opened is None or opened > NOW:
            break
    phi, grade = [(GRADES[g], g.lower()) for g in "ABC"][int(rng.integers(3))]
    real = plan(rng, opened) if opened else None
    if opened is None and rng.random() < rng.choice(FIT.draws["named_if_never"]):
        real = plan(rng, some_day(rng))
    told: list[Announcement] = []

    def tell(kind: str, on: int, opens: int | None = None) -> None:
        when = None if opens is None else (day(opens), day(opens))
        source = Report(source=grade, published=day(on), origin=f"o{len(told)}")
        told.append(Announcement(id=f"a{len(told)}", what="x", kind=kind, opens=when, reports=(source,)))

    bad = False
    if real and real[0] <= NOW:
        tell("day", *real)
        if opened != real[1] and heard_of_delay(rng, real[1]):
            bad = True
            off = rng.random() < (CANCELLED_IF_NEVER if opened is None else CANCELLED_IF_HELD)
            tell("cancelled" if off else "postponed", NOW)
    elif rng.random() < phi / some:
        # a false report names some day, as true ones do; of its delay nothing is heard
        opens = some_day(rng)
        n, d = plan(rng, opens)
        if n <= NOW and (d == opens or not heard_of_delay(rng, d)):
            tell("day", n, d)
    if told and not bad:  # a false report of bad news
        u = rng.random()
        if u < 2 * phi:
            tell("cancelled" if u < phi else "postponed", NOW)
    return opened, tuple(told)


def some_day(rng: Rng) -> int:
    """When such a meeting opens, if it is held."""
    while True:
        _, opened = future(rng, ANNOUNCING)
        if opened:
            return opened


@pytest.mark.slow
def test_named_days_are_calibrated() -> None:
    rng = np.random.default_rng(7)
    # how often a day has been named by now, of meetings that are to open later
    later = [t for t in (some_day(rng) for _ in range(6000)) if t > NOW]
    some = float(np.mean([plan(rng, t)[0] <= NOW for t in later]))
    base = ANNOUNCING.model_copy(update={"fit": FIT})
    p, y, ranks, kinds = [], [], [], Counter[str]()
    for _ in range(3000):
        opened, told = named(rng, some)
        said = answer(compile_case(base.model_copy(update={"announcements": told}), day(NOW))).of
        d = int(rng.integers(3))
        p.append(float(said["held"]["probability"][d]))
        y.append(opened is not None and day(opened) <= base.question.deadlines[d])
        ranks.append(
            rank(rng, said["opening"]["probability"], None if opened is None else opened - NOW - 1)
        )
        kinds.update([told[-1].kind if told else "none"])
    assert min(kinds[k] for k in ("none", "day", "postponed", "cancelled")) > 100, kinds
    b, at = slope(np.clip(p, 1e-6, 1 - 1e-6), np.array(y, float))
    assert b == pytest.approx(1, abs=0.1)
    assert at == pytest.approx(0, abs=0.15)
    assert uniform(np.array(ranks)) > 0.001


def test_the_batch_is_the_forecast() -> None:
    rng = np.random.default_rng(1)
    case, events = made_up(rng), slots(rng)
    w = world(rng, case, events)
    f = update(w.case, draws=0)
    said = answer(compile_case(w.case, day(AS_OF))).of
    assert f.held.probability.values == pytest.approx(said["held"]["probability"], abs=1e-15)
    assert f.actors.by.values == pytest.approx(said["actors"]["by"], abs=1e-15)
    # what the simulator builds by hand is what a file would have been read as
    again = Case.model_validate(w.case.model_dump())
    assert update(again, draws=0).held.probability.values == pytest.approx(
        f.held.probability.values, abs=1e-15
    )


def test_the_measure_finds_overconfidence() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.05, 0.95, 4000)
    y = (rng.random(4000) < p).astype(float)
    x = 2 * np.log(p / (1 - p))
    assert slope(p, y)[0] == pytest.approx(1, abs=0.1)
    assert slope(1 / (1 + np.exp(-x)), y)[0] == pytest.approx(0.5, abs=0.05)
    assert uniform(rng.random(4000)) > 0.001 > uniform(rng.beta(1.2, 1, 4000))
