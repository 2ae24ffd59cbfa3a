"""A second engine for small cases: every possible world, one by one.

Written from the description of the model, not from `forecast.tree`. A world is a future
(scenario and opening period), a value for every indicator and stance, for every event
(happened or not), for every actor (attends or not) and, where evidence ages, what an old
event still speaks of. The joint distribution is one array with an axis for each of these;
every answer is a sum over it. Beside it, makers of small valid cases for the tests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from scipy import stats

from forecast.case import Case
from forecast.judgement import GRADES, WORDS, Judgement, means, parse_judgement
from forecast.loading import CaseError
from forecast.parts import Event, Report, Scenario
from forecast.rules import Draft, check

# --- the engine ---

Future = Callable[[Scenario, dt.date | None], bool]


@dataclass(frozen=True)
class Worlds:
    """P(world, reports | not opened by the as-of date), an axis for each hidden thing."""

    case: Case
    as_of: dt.date
    values: dict[str, tuple[Any, ...]]
    joint: np.ndarray

    def total(self, future: Future = lambda s, end: True, **where: bool) -> float:
        """P(these, reports), with `future` a test of (scenario, end of the opening period)."""
        unknown = where.keys() - self.values.keys()
        assert not unknown, unknown
        index = tuple(int(where[a]) if a in where else slice(None) for a in self.values)
        by_future = self.joint[index].reshape(len(self.values["future"]), -1).sum(1)
        return float(sum(p for p, f in zip(by_future, self.values["future"], strict=True) if future(*f)))

    def probability(self, future: Future = lambda s, end: True, **where: bool) -> float:
        """P(these | reports)."""
        return self.total(future, **where) / self.total()

    @property
    def log_evidence(self) -> float:
        return float(np.log(self.total()))

    def scenario(self) -> list[float]:
        return [self.probability(lambda s, _, x=x: s.id == x.id) for x in self.case.scenarios]

    def held(self, day: dt.date | None = None) -> float:
        """P(held by `day` | reports); without a day, by the horizon."""
        return self.probability(opened(day))

    def node(self, name: str) -> float:
        return self.probability(**{f"node {name}": True})

    def attendance(self, pattern: Mapping[str, bool], day: dt.date | None = None) -> float:
        """P(held by `day` and exactly this of the actors named | reports)."""
        return self.probability(opened(day), **{f"attends {a}": x for a, x in pattern.items()})

    def count(self, group: Collection[str]) -> list[float]:
        """P(n of the group attend | held, reports)."""
        out = [0.0] * (len(group) + 1)
        for comes in product((False, True), repeat=len(group)):
            out[sum(comes)] += self.attendance(dict(zip(group, comes, strict=True))) / self.held()
        return out


def opened(day: dt.date | None) -> Future:
    return lambda s, end: end is not None and (day is None or end <= day)


def enumerate_worlds(
    case: Case,
    as_of: dt.date | None = None,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
) -> Worlds:
    """All worlds of a case, each with its probability."""
    as_of, assume = as_of or case.question.as_of, assume or {}
    parts = {p.id: p for p in (*case.indicators, *case.actors)}
    events = _heard(case, as_of, without, assume)

    values: dict[str, tuple[Any, ...]] = {"future": _futures(case, as_of)}
    values |= {f"node {n}": (False, True) for n in parts}
    for name, e in events.items():
        values[f"event {name}"] = (False, True)
        if e["weight"] < 1:
            values[f"subject {name}"] = (False, True)
    values |= {f"attends {a.id}": (False, True) for a in case.actors}
    order = list(values)
    joint = np.ones([len(v) for v in values.values()])

    def factor(axes: list[str], chance: Callable[..., float]) -> None:
        nonlocal joint
        axes = list(dict.fromkeys(axes))
        table = np.array([chance(*v) for v in product(*(values[a] for a in axes))])
        table = table.reshape([len(values[a]) for a in axes])
        table = table.transpose(sorted(range(len(axes)), key=lambda i: order.index(axes[i])))
        joint *= table.reshape([len(values[a]) if a in axes else 1 for a in order])

    root = {f: _root(case, as_of, *f) for f in values["future"]}
    waiting = sum(root.values())  # P(not opened by the as-of date)
    factor(["future"], lambda f: root[f] / waiting)
    for name, part in parts.items():
        low, high = _given_tables(part)
        if part.given:
            factor(["future", f"node {part.given}", f"node {name}"],
                   lambda f, u, z, low=low, high=high: _bernoulli(_pick(high if u else low, f[0]), z))  # fmt: skip
        else:
            factor(["future", f"node {name}"], lambda f, z, low=low: _bernoulli(_pick(low, f[0]), z))
    for name, e in events.items():
        subject = f"node {e['node']}"
        if e["weight"] < 1:
            # with chance w the event still speaks of today's value, else of a coin's
            subject, node, w = f"subject {name}", subject, e["weight"]
            factor([node, subject], lambda z, x, w=w: w * (z == x) + (1 - w) / 2)
        if_false, if_true = e["chance"]
        factor([subject, f"event {name}"],
               lambda x, h, a=if_false, b=if_true: _bernoulli(b if x else a, h))  # fmt: skip
        factor([f"event {name}"], lambda h, e=e: e["said"](h))
    for actor in case.actors:
        body = actor.part_of or actor.id
        factor(["future", f"node {actor.id}", f"attends {body}", f"attends {actor.id}"],
               lambda f, z, *comes, actor=actor: _attends(actor, f[0], z, comes[0], comes[-1]))  # fmt: skip
    return Worlds(case, as_of, values, joint)


def _attends(actor: Any, scenario: Scenario, willing: bool, body: bool, comes: bool) -> float:
    """P(comes | held or not, stance, whether his body comes)."""
    if not scenario.held:
        return float(not comes)
    if actor.required:
        return float(comes)
    if actor.part_of and not body:
        return float(not comes)
    table = actor.attends_if_willing if willing else actor.attends_if_unwilling
    return _bernoulli(_pick(table, scenario), comes)


def _futures(case: Case, as_of: dt.date) -> tuple[tuple[Scenario, dt.date | None], ...]:
    ends = sorted({d for d in (*case.question.deadlines, case.question.horizon) if d > as_of})
    return tuple((s, end) for s in case.scenarios for end in (ends if s.held else [None]))


def _root(case: Case, as_of: dt.date, scenario: Scenario, end: dt.date | None) -> float:
    """P(scenario, opens in the period up to `end`), as judged on the day of the proposal."""
    side = [s for s in case.scenarios if s.held == scenario.held]
    share = (_mean(scenario.share) if scenario.share
             else 1 - sum(_mean(s.share) for s in side if s.share))  # fmt: skip
    p = _mean(case.base_rate.held)
    if end is None:
        return (1 - p) * share
    low, high = scenario.days_to_open or case.base_rate.days_to_open
    sigma = (np.log(high) - np.log(low)) / (stats.norm.ppf(0.95) - stats.norm.ppf(0.05))
    time = stats.lognorm(sigma, scale=np.sqrt(low) * np.sqrt(high))
    proposed = case.question.proposed
    start = max(e for e in (as_of, *case.question.deadlines) if as_of <= e < end)
    in_period = time.cdf((end - proposed).days) - time.cdf((start - proposed).days)
    return float(p * share * in_period / time.cdf((case.question.horizon - proposed).days))


def _heard(
    case: Case, as_of: dt.date, without: Collection[str], assume: Mapping[str, bool]
) -> dict[str, dict[str, Any]]:
    """Each event that is spoken of, or watch that is silent: node, likelihoods, what is said."""
    watches = {w.id: w for w in case.watch}
    life = {i.id: i.half_life for i in case.indicators if i.half_life}
    out: dict[str, dict[str, Any]] = {}
    answered = set()
    for event in case.events:
        reports = [r for r in event.reports if r.published <= as_of]
        if event.id in without or not reports:
            continue
        if event.answers:
            answered.add(event.answers)
            if event.answers in assume and event.answers not in without:
                continue
        judge = watches.get(event.answers) or (
            event if event.if_true else next(t for t in case.event_types if t.id == event.type)
        )
        said = _hard(assume[event.id]) if event.id in assume else _reported(case, event, reports)
        node = event.bears_on or watches[event.answers].bears_on
        out[event.id] = _heard_one(node, judge, said, event.date[1], as_of, life)
    for watch in case.watch:
        silent = watch.by <= as_of and watch.id not in answered
        if watch.announces or watch.id in without or not (silent or watch.id in assume):
            continue
        said = _hard(assume.get(watch.id, False))
        out[watch.id] = _heard_one(watch.bears_on, watch, said, min(watch.by, as_of), as_of, life)
    return out


def _heard_one(
    node: str | None, judge: Any, said: Any, day: dt.date, as_of: dt.date, life: Mapping[str, float]
) -> dict[str, Any]:
    age = max((as_of - day).days, 0)
    weight = 2 ** (-age / life[node]) if node in life else 1.0
    chance = (_mean(judge.if_false), _mean(judge.if_true))
    return {"node": node, "chance": chance, "said": said, "weight": weight}


def _hard(value: bool) -> Callable[[bool], float]:
    return lambda happened: float(happened == value)


def _reported(case: Case, event: Event, reports: Iterable[Report]) -> Callable[[bool], float]:
    """P(all the reports | happened or not), relative to P(report | what it says is so)."""
    claims = {(origin_of(r), r.denies) for r in reports}

    def said(happened: bool) -> float:
        product = 1.0
        for origin, denies in claims:
            chains = [
                chain_phi(case, r) for r in reports if (origin_of(r), r.denies) == (origin, denies)
            ]
            if happened == denies:  # the origin says what is not so
                product *= min(chains)
        return product

    return said


def origin_of(report: Report) -> str:
    source = report.source if isinstance(report.source, str) else report.source.name
    return report.origin or source


def chain_phi(case: Case, report: Report) -> float:
    """The worst link of a report's chain."""
    grades = {s.id: s.reliability for s in (*case.outlets, *case.sources)}
    links = (report.source, *report.via)
    return max(GRADES[grades[x] if isinstance(x, str) else x.reliability] for x in links)


def _given_tables(part: Any) -> tuple[Any, Any]:
    if hasattr(part, "willing"):
        return (part.willing_if_false, part.willing_if_true) if part.given else (part.willing,) * 2
    return (part.if_false, part.if_true) if part.given else (part.chance,) * 2


def _pick(table: Mapping[str, Judgement], scenario: Scenario) -> float:
    for key in (scenario.id, "held" if scenario.held else "not_held", "otherwise"):
        if key in table:
            return _mean(table[key])
    raise AssertionError("the table says nothing for the scenario")


@cache
def _mean(judgement: Any) -> float:
    # the fit behind the mean has its own second road, in test_judgement.py
    return float(means([judgement])[0])


def _bernoulli(p: float, value: bool) -> float:
    return p if value else 1 - p


# --- cases ---

PROPOSED = dt.date(2020, 1, 1)


def day(n: int) -> dt.date:
    """The n-th day after the proposal."""
    return PROPOSED + dt.timedelta(n)


GRADED = [{"id": g.lower(), "name": f"Source {g}", "reliability": g} for g in GRADES]
"""Sources `a` ... `f`, of that grade."""

QUESTION: dict[str, Any] = {
    "title": "Talks",
    "text": "Will the talks open by {deadline}?",
    "yes_if": "A session opens.",
    "proposed": day(0),
    "as_of": day(30),
    "deadlines": [day(60), day(150)],
    "horizon": day(400),
}

TWO = [
    {"id": "yes", "held": True, "label": "Held"},
    {"id": "no", "held": False, "label": "Not held"},
]


def make_case(**sections: Any) -> Case:
    """A valid case: two scenarios, P(held) = .4, 20 to 300 days to open, where not said otherwise."""
    question = QUESTION | sections.pop("question", {})
    base_rate = {"held": 0.4, "days_to_open": [20, 300], "why": "x"} | sections.pop("base_rate", {})
    raw = {"name": "made", "scenarios": TWO, "sources": GRADED} | sections
    case = Case.model_validate(raw | {"question": question, "base_rate": base_rate})
    lists = {k: v for k in Case.model_fields if isinstance(v := getattr(case, k), tuple)}
    draft = Draft(
        {k: tuple(enumerate(v)) for k, v in lists.items()} | {"question": ((0, case.question),)},
        {k: frozenset(x.id for x in v if getattr(x, "id", None)) for k, v in lists.items()},
    )
    if problems := check(draft):
        raise CaseError(problems)
    return case


def indicator(name: str, chance: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": name, "statement": "x", "why": "x"} | ({"chance": chance} if chance else {}) | more


def actor(name: str, willing: Any = None, **more: Any) -> dict[str, Any]:
    out = {"id": name, "name": name, "why": "x"} | ({"willing": willing} if willing else {})
    if not more.get("required"):
        out |= {"attends_if_willing": 0.9, "attends_if_unwilling": 0.05}
    return out | more


def event(
    name: str, bears_on: str, if_true: Any, if_false: Any, *reports: Any, **more: Any
) -> dict[str, Any]:
    """An event with its own likelihoods; without reports, one of source `c` on day 10."""
    return {"id": name, "date": day(5), "what": "x", "why": "x", "bears_on": bears_on, "if_true": if_true,
            "if_false": if_false, "reports": list(reports) or [report("c")]} | more  # fmt: skip


def report(source: Any, published: int = 10, **more: Any) -> dict[str, Any]:
    return {"source": source, "published": day(published)} | more


def watch(name: str, bears_on: str, if_true: Any, if_false: Any, by: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "what": "x", "by": day(by), "bears_on": bears_on, "if_true": if_true,
            "if_false": if_false} | more  # fmt: skip


# --- random cases ---

MOST_AXES = 14


def random_case(rng: np.random.Generator) -> Case:
    """A valid case with every feature of the model now and then, small enough to enumerate."""
    scenarios = _random_scenarios(rng)
    n_indicators, n_actors = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    as_of = int(rng.integers(0, 90))
    ahead = np.sort(rng.choice(np.arange(as_of + 1, 300), int(rng.integers(1, 4)), replace=False))
    indicators, actors = _random_nodes(rng, scenarios, n_indicators, n_actors)
    nodes = [x["id"] for x in (*indicators, *actors)]
    room = MOST_AXES - n_indicators - 2 * n_actors
    watches = [
        {"id": f"w{i}", "what": "x", "by": day(int(rng.integers(0, 300))), "announces": True}
        if rng.random() < 0.2 else
        watch(f"w{i}", str(rng.choice(nodes)), _random_judgement(rng), _random_judgement(rng),
              int(rng.integers(0, 120)))
        for i in range(rng.integers(0, min(room, 2) + 1))
    ]  # fmt: skip
    room -= len(watches)
    # an event on an ageing indicator takes two axes
    n_events = int(rng.integers(0, max(min(room, 5), 0) + 1))
    ageing = {x["id"] for x in indicators if "half_life" in x}
    events: list[dict[str, Any]] = []
    for i in range(n_events):
        answered = {e.get("answers") for e in events}
        open_ = [w for w in watches if "announces" not in w and w["id"] not in answered]
        events.append(_random_event(rng, f"e{i}", nodes, open_))
    while len(events) + sum(_speaks_of(e, watches) in ageing for e in (*events, *watches)) > room:
        if not events:
            for x in indicators:
                x.pop("half_life", None)
            break
        events.pop()
    likely, unlikely = means(map(parse_judgement, ("likely", "very unlikely")))
    kind = {"label": "x", "ground": "x", "ratio": likely / unlikely}
    return make_case(
        question={"as_of": day(as_of), "deadlines": [day(int(d)) for d in ahead]},
        base_rate={"held": _random_judgement(rng),
                   "days_to_open": [float(rng.uniform(3, 40)), float(rng.uniform(60, 900))]},
        scenarios=scenarios, indicators=indicators, actors=actors, watch=watches, events=events,
        event_types=[
            kind | {"id": "speaks_for", "direction": "for", "if_true": "likely", "if_false": "very unlikely"},
            kind | {"id": "speaks_against", "direction": "against", "if_true": "very unlikely",
                    "if_false": "likely"},
        ],
    )  # fmt: skip


def _speaks_of(part: Mapping[str, Any], watches: list[dict[str, Any]]) -> str | None:
    if "answers" in part:
        return next(w["bears_on"] for w in watches if w["id"] == part["answers"])
    return part.get("bears_on")


def _random_judgement(rng: np.random.Generator) -> Any:
    kind = rng.integers(3)
    if kind == 0:
        return str(rng.choice(list(WORDS)))
    if kind == 1:
        return float(rng.uniform(0.02, 0.98))
    low, high = np.sort(rng.uniform(0.02, 0.98, 2))
    return [float(low), float(high) + 0.01]


def _random_scenarios(rng: np.random.Generator) -> list[dict[str, Any]]:
    n = int(rng.integers(2, 6))
    held = [True, False, *(bool(x) for x in rng.integers(0, 2, n - 2))]
    out = []
    for i, h in enumerate(held):
        s: dict[str, Any] = {"id": f"s{i}", "held": h, "label": "x"}
        if i >= 2:  # the first of each side takes the rest
            m = float(rng.uniform(0.03, 0.24))
            s["share"] = m if rng.random() < 0.5 else [m / 2, m * 1.2]
        if h and rng.random() < 0.5:
            s["days_to_open"] = [float(rng.uniform(3, 40)), float(rng.uniform(60, 900))]
        out.append(s)
    return [out[i] for i in rng.permutation(n)]


def _random_table(
    rng: np.random.Generator, scenarios: list[dict[str, Any]], attends: bool = False
) -> Any:
    names = [s["id"] for s in scenarios]
    one = str(rng.choice(names))
    keys = [("otherwise",), ("held", "not_held"), (one, "otherwise"), ("held", "otherwise"), tuple(names),
            (one, "held", "not_held"), (one, "not_held", "otherwise")]  # fmt: skip
    if attends:
        keys.append(("held",))
    chosen = keys[rng.integers(len(keys))]
    if chosen == ("otherwise",) and rng.random() < 0.5:
        return _random_judgement(rng)
    return {k: _random_judgement(rng) for k in chosen}


def _random_nodes(
    rng: np.random.Generator, scenarios: list[dict[str, Any]], n_indicators: int, n_actors: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    kinds = rng.permutation(["i"] * n_indicators + ["a"] * n_actors)
    depth: dict[str, int] = {}
    indicators: list[dict[str, Any]] = []
    actors: list[dict[str, Any]] = []
    for k, kind in enumerate(kinds):
        name = f"{kind}{k}"
        above = [n for n, d in depth.items() if d < 3]
        given = str(rng.choice(above)) if above and rng.random() < 0.5 else None
        depth[name] = depth[given] + 1 if given else 0
        keys = (("chance", "if_true", "if_false") if kind == "i"
                else ("willing", "willing_if_true", "willing_if_false"))  # fmt: skip
        part: dict[str, Any] = {"id": name, "why": "x"}
        if given:
            part |= {"given": given, **{key: _random_table(rng, scenarios) for key in keys[1:]}}
        else:
            part[keys[0]] = _random_table(rng, scenarios)
        if kind == "i":
            part["statement"] = "x"
            if rng.random() < 0.3:
                part["half_life"] = float(rng.uniform(10, 200))
            indicators.append(part)
            continue
        part["name"] = name
        if rng.random() < 0.2:
            part["required"] = True
        else:
            part["attends_if_willing"] = _random_table(rng, scenarios, attends=True)
            part["attends_if_unwilling"] = _random_table(rng, scenarios, attends=True)
            if actors and rng.random() < 0.4:
                part["part_of"] = str(rng.choice([a["id"] for a in actors]))
        actors.append(part)
    # what is given, or part of, may stand below: the order in the file means nothing
    return ([indicators[i] for i in rng.permutation(n_indicators)],
            [actors[i] for i in rng.permutation(n_actors)])  # fmt: skip


def _random_event(
    rng: np.random.Generator, name: str, nodes: list[str], watches: list[dict[str, Any]]
) -> dict[str, Any]:
    first = int(rng.integers(0, 90))
    last = first + int(rng.integers(0, 10)) * int(rng.integers(0, 2))
    out: dict[str, Any] = {"id": name, "date": [day(first), day(last)], "what": "x"}
    kind = rng.integers(4)
    if kind == 0 and watches:
        watch = watches[rng.integers(len(watches))]
        # it was seen by then
        out |= {"answers": watch["id"], "date": [min(x, watch["by"]) for x in out["date"]]}
    elif kind == 1:
        kinds = ["speaks_for", "speaks_against"]
        out |= {"bears_on": str(rng.choice(nodes)), "type": str(rng.choice(kinds))}
    else:
        out |= {"bears_on": str(rng.choice(nodes)), "if_true": _random_judgement(rng),
                "if_false": _random_judgement(rng), "why": "x"}  # fmt: skip
    denies: dict[str, bool] = {}
    reports = []
    for _ in range(rng.integers(1, 4)):
        grade = str(rng.choice(list(GRADES)))
        r: dict[str, Any] = {"source": grade.lower(), "published": day(first + int(rng.integers(0, 40)))}
        if rng.random() < 0.2:
            r["source"] = {"name": f"Inline {grade}", "reliability": grade}
        if rng.random() < 0.4:
            r["via"] = [str(x) for x in rng.choice([g.lower() for g in GRADES], rng.integers(1, 3))]
        if rng.random() < 0.5:
            r["origin"] = str(rng.choice(["o1", "o2"]))
        # no origin both affirms and denies one event
        origin = origin_of(Report.model_validate(r))
        r["denies"] = denies.setdefault(origin, bool(rng.random() < 0.25))
        reports.append(r)
    if "answers" in out and all(r["denies"] for r in reports):
        reports = [r | {"denies": False} for r in reports]
    return out | {"reports": reports}
