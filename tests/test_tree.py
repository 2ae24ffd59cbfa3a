"""The tree against brute force, an independent library, hand arithmetic and its own draws."""

from __future__ import annotations

import datetime as dt
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
from enumeration import (
    Worlds,
    actor,
    chain_phi,
    day,
    enumerate_worlds,
    event,
    indicator,
    make_case,
    origin_of,
    random_case,
    report,
    watch,
)
from scipy import optimize, stats

from forecast.attendance import all_attend
from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.judgement import GRADES, Judgement, draw, parse_judgement
from forecast.tree import collect, marginals, weigh
from forecast.updating import RANGE, Forecast, _ranges, actor_chances, before_reports, opened_by, update

EXACT = 1e-12

# --- the cases, each with the feature that it is there for ---

FOUR = [
    {"id": "soon", "held": True, "share": [0.2, 0.5], "label": "x", "days_to_open": [10, 90]},
    {"id": "late", "held": True, "label": "x"},
    {"id": "refused", "held": False, "share": 0.3, "label": "x"},
    {"id": "faded", "held": False, "label": "x"},
]
READY = indicator("ready", {"held": "very likely", "refused": "remote", "otherwise": "unlikely"})
SAYS = indicator("says", given="ready", if_true="almost certain", if_false="likely")
STATES = indicator("states", given="says", if_true=0.8, if_false={"held": 0.3, "otherwise": [0.1, 0.4]})
HOST = actor("host", {"held": "likely", "otherwise": "unlikely"}, required=True)
BODY = actor("body", {"soon": "likely", "otherwise": "very unlikely"})
PERSON = actor("person", "likely", part_of="body", attends_if_willing={"held": 0.9})
AIDE = actor("aide", given="person", willing_if_true=0.9, willing_if_false=0.2, part_of="person")
GUEST = actor("guest", given="ready", willing_if_true="likely", willing_if_false="remote")
ENVOY = actor("envoy", "likely", part_of="host")
SPEAKS = event("speaks", "says", "likely", "very unlikely")

CASES: dict[str, dict[str, Any]] = {
    # nothing is known: the base rate
    "bare": {},
    # one event, one report
    "one event": {"indicators": [READY], "events": [event("e", "ready", 0.6, 0.15)]},
    # given three levels deep, evidence at the bottom
    "chain": {"indicators": [READY, SAYS, STATES], "events": [event("e", "states", 0.6, 0.15)]},
    # two children of one parent, evidence on each and on the parent
    "siblings": {
        "indicators": [READY, SAYS, STATES | {"given": "ready"}],
        "events": [SPEAKS, event("e", "states", 0.6, 0.15), event("f", "ready", 0.2, 0.5)],
    },
    # the same origin twice (the better chain counts), another origin, and a chain by its worst link
    "origins": {
        "indicators": [READY],
        "events": [
            event("e", "ready", 0.6, 0.15, report("c", origin="tass"), report("b", origin="tass"),
                  report("a", via=["b", "d"]))
        ],
    },
    # one affirms, two deny
    "denials": {
        "indicators": [READY],
        "events": [event("e", "ready", 0.6, 0.15, report("c"), report("b", denies=True),
                         report("d", denies=True))],
    },
    # a report, and an event, that are published too late
    "later": {
        "indicators": [READY],
        "events": [event("e", "ready", 0.6, 0.15, report("c"), report("a", 31)),
                   event("f", "ready", 0.1, 0.8, report("a", 45))],
    },
    # old news on an indicator, on its parent, and a silence that ages
    "ageing": {
        "indicators": [READY | {"half_life": 20}, SAYS | {"half_life": 7.5}],
        "events": [SPEAKS, event("e", "ready", 0.6, 0.15)],
        "watch": [watch("w", "says", 0.7, 0.2, by=12)],
    },
    # silent past its day; silent before it; answered in time; answered too late; no evidence at all
    "watches": {
        "indicators": [READY],
        "watch": [
            watch("silent", "ready", 0.7, 0.2, by=30),
            watch("waits", "ready", 0.7, 0.2, by=31),
            watch("answered", "ready", 0.6, 0.3, by=20),
            watch("missed", "ready", 0.9, 0.4, by=20),
            {"id": "named", "what": "x", "by": day(10), "announces": True},
        ],
        "events": [
            {"id": "e", "date": day(18), "what": "x", "answers": "answered", "reports": [report("b", 19)]},
            {"id": "f", "date": day(18), "what": "x", "answers": "missed", "reports": [report("b", 40)]},
        ],
    },
    # a person needs his body, an aide his person; one actor's stance waits for another's
    "bodies": {
        "indicators": [READY],
        "actors": [AIDE, PERSON, BODY, GUEST],
        "events": [event("e", "person", 0.3, 0.6), event("f", "guest", 0.6, 0.15)],
    },
    # a required actor's refusal, and one who can only come with him
    "required": {
        "actors": [HOST, ENVOY, GUEST | {"given": "host"}],
        "events": [event("e", "host", 0.1, 0.4), event("f", "envoy", 0.6, 0.15)],
    },
}  # fmt: skip


def hand_made(name: str) -> Case:
    return make_case(scenarios=FOUR, **CASES[name])


def compare(worlds: Worlds, f: Forecast, tolerance: float = EXACT) -> None:
    """Every number of a forecast, and its joint attendance and counts, against the worlds."""
    case = f.case
    near = pytest.approx
    days = case.question.deadlines
    assert f.log_evidence == near(worlds.log_evidence, abs=tolerance)
    assert f.scenarios.probability.values == near(worlds.scenario(), abs=tolerance)
    assert f.held.probability.values == near([worlds.held(d) for d in days], abs=tolerance)
    assert float(f.ever.probability) == near(worlds.held(), abs=tolerance)
    nodes = [worlds.node(i.id) for i in case.indicators]
    assert f.indicators.probability.values == near(nodes, abs=tolerance)
    for a in case.actors:
        here = f.actors.sel(actor=a.id)
        by = [worlds.attendance({a.id: True}, d) for d in days]
        assert here.by.values == near(by, abs=tolerance)
        given_held = worlds.attendance({a.id: True}) / worlds.held()
        assert float(here.given_held) == near(given_held, abs=tolerance)
    ids = [a.id for a in case.actors]
    for comes in product((True, False, None), repeat=min(len(ids), 4)):
        pattern = {a: x for a, x in zip(ids, comes, strict=False) if x is not None}
        assert f.attendance(pattern) == near(worlds.attendance(pattern), abs=tolerance)
    for group in (ids, ids[:2], ids[1:]):
        assert f.count(group).values == near(worlds.count(group), abs=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_tree_is_enumeration(name: str) -> None:
    case = hand_made(name)
    f = update(case, draws=0)
    compare(enumerate_worlds(case), f)
    everything = [x.id for x in (*case.events, *case.watch) if not getattr(x, "announces", False)]
    bare = enumerate_worlds(case, without=everything)
    assert f.held.prior.values == pytest.approx(
        [bare.held(d) for d in case.question.deadlines], abs=EXACT
    )
    assert f.scenarios.prior.values == pytest.approx(bare.scenario(), abs=EXACT)
    prior = [bare.node(i.id) for i in case.indicators]
    assert f.indicators.prior.values == pytest.approx(prior, abs=EXACT)
    prior = [bare.attendance({a.id: True}) / bare.held() for a in case.actors]
    assert f.actors.prior.values == pytest.approx(prior, abs=EXACT)


@pytest.mark.parametrize("seed", range(60))
def test_tree_is_enumeration_of_random_cases(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = random_case(rng)
    compare(enumerate_worlds(case), update(case, draws=0))


@pytest.mark.parametrize("seed", range(60, 84))
def test_tree_is_enumeration_on_other_days_and_what_ifs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = random_case(rng)
    q = case.question
    # between deadlines too: those that are past have no chance left
    as_of = q.proposed + dt.timedelta(int(rng.integers(0, (q.horizon - q.proposed).days)))
    ids = [e.id for e in case.as_known(as_of).events] + [w.id for w in case.watch if not w.announces]
    chosen = [x for x in ids if rng.random() < 0.5]
    assume = {x: bool(rng.random() < 0.5) for x in chosen if rng.random() < 0.6}
    without = [x for x in chosen if x not in assume]
    worlds = enumerate_worlds(case, as_of, without, assume)
    if worlds.total() > 0:
        compare(worlds, update(case, as_of, without, assume, draws=0), tolerance=1e-11)


def test_random_cases_have_every_feature() -> None:
    cases = [random_case(np.random.default_rng(seed)) for seed in range(60)]
    found = {
        "given": any(p.given for c in cases for p in (*c.indicators, *c.actors)),
        "indicator given an actor": any(
            i.given in {a.id for a in c.actors} for c in cases for i in c.indicators if i.given
        ),
        "half_life": any(i.half_life for c in cases for i in c.indicators),
        "part_of": any(a.part_of for c in cases for a in c.actors),
        "required": any(a.required for c in cases for a in c.actors),
        "type": any(e.type for c in cases for e in c.events),
        "answers": any(e.answers for c in cases for e in c.events),
        "denies": any(r.denies for c in cases for e in c.events for r in e.reports),
        "via": any(r.via for c in cases for e in c.events for r in e.reports),
        "shared origin": any(
            len({origin_of(r) for r in e.reports}) < len(e.reports) for c in cases for e in c.events
        ),
        "later": any(c.as_known(c.question.as_of).events != c.events for c in cases),
        "silence": any(w.by <= c.question.as_of and not w.announces for c in cases for w in c.watch),
    }
    assert all(found.values()), found


# --- an independent library ---


def bayes_net(case: Case) -> tuple[Any, dict[str, int], list[str]]:
    """The case as a network of pyAgrum, its evidence, and its opening periods."""
    gum = pytest.importorskip("pyagrum")
    q = case.question
    root = futures(case, q.as_of)
    known = case.as_known(q.as_of)
    names = [s.id for s in case.scenarios]
    ends = [*[d for d in q.deadlines if d > q.as_of], q.horizon]
    net, seen = gum.BayesNet("case"), {}

    def add(name: str, size: int, parents: list[str], chance: Any) -> None:
        """`chance` maps the parents' values to a row, or to P(1) if there are two values."""
        net.add(gum.LabelizedVariable(name, name, size))
        for p in parents:
            net.addArc(p, name)
        for values in product(*(range(net.variable(p).domainSize()) for p in parents)):
            row = chance(*values)
            row = [1 - row, row] if np.ndim(row) == 0 else list(row)
            if parents:
                net.cpt(name)[dict(zip(parents, values, strict=True))] = row
            else:
                net.cpt(name).fillWith(row)

    def table(judgements: Any, s: int) -> float:
        scenario = case.scenarios[s]
        keys = (scenario.id, "held" if scenario.held else "not_held", "otherwise")
        return mean(next(judgements[k] for k in keys if k in judgements))

    add("scenario", len(names), [], lambda: np.exp(root.log_root))
    by = np.hstack([np.zeros((len(names), 1)), opened_by(root, q.as_of, ends)])
    add("period", len(ends) + 1, ["scenario"], lambda s: [*np.diff(by[s]), 1 - by[s, -1]])
    todo = [*case.indicators, *case.actors]
    while todo:
        part = todo.pop(0)
        if part.given and part.given not in net.names():
            todo.append(part)
        elif part.given:
            low, high = part.tables
            add(part.id, 2, ["scenario", part.given],
                lambda s, u, low=low, high=high: table(high if u else low, s))  # fmt: skip
        else:
            add(part.id, 2, ["scenario"], lambda s, t=part.tables[0]: table(t, s))

    def evidence(name: str, node: str, judge: Any, last: dt.date) -> None:
        life = {i.id: i.half_life for i in case.indicators}.get(node)
        if life and last < q.as_of:
            w = 0.5 ** ((q.as_of - last).days / life)
            add(f"{name} subject", 2, [node], lambda z: w * z + (1 - w) / 2)
            node = f"{name} subject"
        add(name, 2, [node], lambda z: mean(judge.if_true if z else judge.if_false))

    watches = {w.id: w for w in case.watch}
    for e in known.events:
        judge = watches.get(e.answers) or (e if e.if_true else
                                           next(t for t in case.event_types if t.id == e.type))  # fmt: skip
        evidence(e.id, e.bears_on or watches[e.answers].bears_on, judge, e.date[1])
        best: dict[tuple[str, bool], float] = {}
        for r in e.reports:
            key = (origin_of(r), r.denies)
            best[key] = min(best.get(key, 1.0), chain_phi(case, r))
        for (origin, denies), phi in best.items():
            # printed with chance .5 if it is so, phi times that if not
            right, wrong = 0.5, 0.5 * phi
            if_false, if_true = (right, wrong) if denies else (wrong, right)
            add(f"{e.id} by {origin}", 2, [e.id], lambda h, a=if_false, b=if_true: b if h else a)
            seen[f"{e.id} by {origin}"] = 1
    for w in case.watch:
        if not w.announces and w.by <= q.as_of and w.id not in {e.answers for e in known.events}:
            evidence(w.id, w.bears_on, w, w.by)
            seen[w.id] = 0
    todo = list(case.actors)
    while todo:
        a = todo.pop(0)
        name = f"{a.id} comes"
        if a.required:
            add(name, 2, ["scenario"], lambda s: float(case.scenarios[s].held))
        elif a.part_of and f"{a.part_of} comes" not in net.names():
            todo.append(a)
        else:

            def comes(s: int, z: int, body: int = 1, a: Any = a) -> float:
                attends = a.attends_if_willing if z else a.attends_if_unwilling
                return table(attends, s) if case.scenarios[s].held and body else 0.0

            add(name, 2, ["scenario", a.id, *([f"{a.part_of} comes"] if a.part_of else [])], comes)
    return net, seen, [*map(str, ends), "never"]


def mean(j: Judgement) -> float:
    """The mean of the Beta with these 5 % and 95 % points, by SciPy's solver."""
    if j.certain:
        return j.low

    def miss(x: np.ndarray) -> np.ndarray:
        a, b = np.exp(x)
        return stats.norm.ppf(stats.beta.cdf([j.low, j.high], a, b)) - stats.norm.ppf([0.05, 0.95])

    m, v = (j.low + j.high) / 2, ((j.high - j.low) / 3.29) ** 2
    n = max(m * (1 - m) / v - 1, 0.3)
    a, b = np.exp(optimize.fsolve(miss, np.log([m * n, (1 - m) * n]), xtol=1e-11))
    return float(a / (a + b))


PYAGRUM = [*(pytest.param(hand_made(n), id=n) for n in CASES),
           *(pytest.param(random_case(np.random.default_rng(n)), id=f"random {n}") for n in range(100, 108))]  # fmt: skip


@pytest.mark.parametrize("case", PYAGRUM)
def test_tree_is_pyagrum(case: Case) -> None:
    gum = pytest.importorskip("pyagrum")
    net, seen, periods = bayes_net(case)
    engine = gum.LazyPropagation(net)
    engine.setEvidence(seen)
    engine.addAllTargets()
    pairs = [("period", f"{a.id} comes") for a in case.actors]
    everyone = {f"{a.id} comes" for a in case.actors}
    for pair in pairs:
        engine.addJointTarget(set(pair))
    if everyone:
        engine.addJointTarget(everyone)
    engine.makeInference()
    f = update(case, draws=0)
    near = lambda x: pytest.approx(x, abs=1e-9)  # noqa: E731

    right = 0.5 ** sum(" by " in name for name in seen)
    assert f.log_evidence == near(np.log(engine.evidenceProbability() / right))
    assert f.scenarios.probability.values == near(engine.posterior("scenario").toarray())
    opens = dict(zip(periods, engine.posterior("period").toarray().cumsum(), strict=True))
    future = [str(d) for d in case.question.deadlines if d > f.as_of]
    assert f.held.probability.values[-len(future) :] == near([opens[d] for d in future])
    assert float(f.ever.probability) == near(opens[str(case.question.horizon)])
    for i in case.indicators:
        got = float(f.indicators.probability.sel(indicator=i.id))
        assert got == near(engine.posterior(i.id)[1])
    for a, pair in zip(case.actors, pairs, strict=True):
        joint = engine.jointPosterior(set(pair))
        comes = [joint[{"period": k, pair[1]: 1}] for k in range(len(periods))]
        by = dict(zip(periods, np.cumsum(comes), strict=True))
        assert f.actors.by.sel(actor=a.id).values[-len(future) :] == near([by[d] for d in future])
        given_held = sum(comes) / opens[str(case.question.horizon)]
        assert float(f.actors.given_held.sel(actor=a.id)) == near(given_held)
    if everyone:
        joint = engine.jointPosterior(everyone)
        together = joint[dict.fromkeys(everyone, 1)]
        assert f.attendance([a.id for a in case.actors]) == near(together)


# --- by hand ---


def test_by_hand() -> None:
    # held .4, not held .6; ready: .8 if held, .3 if not; event: .6 if ready, .15 if not; C: phi .25
    #   reported | ready      .60 + .40 x .25 = .7000
    #   reported | not ready  .15 + .85 x .25 = .3625
    #   reported | held       .8 x .70 + .2 x .3625 = .63250
    #   reported | not held   .3 x .70 + .7 x .3625 = .46375
    #   evidence              .4 x .6325 + .6 x .46375 = .253 + .27825 = .53125
    #   held | reported       .253 / .53125 = .4762353
    #   ready | reported      (.4 x .8 + .6 x .3) x .70 / .53125 = .35 / .53125 = .6588235
    # the guest, willing with the chance of ready and independent of it given the scenario,
    # comes with .9 if willing and .1 if not: if held .8 x .9 + .2 x .1 = .74, whatever is reported
    case = make_case(
        question={"as_of": day(0)},
        indicators=[indicator("ready", {"held": 0.8, "not_held": 0.3})],
        actors=[actor("guest", {"held": 0.8, "not_held": 0.3}, attends_if_unwilling=0.1)],
        events=[event("e", "ready", 0.6, 0.15, report("c", 0), date=day(0))],
    )
    f = update(case, draws=0)
    assert np.exp(f.log_evidence) == pytest.approx(0.53125, abs=EXACT)
    assert float(f.ever.probability) == pytest.approx(0.253 / 0.53125, abs=EXACT)
    assert float(f.indicators.probability[0]) == pytest.approx(0.35 / 0.53125, abs=EXACT)
    assert float(f.actors.given_held[0]) == pytest.approx(0.74, abs=EXACT)
    assert f.attendance(["guest"]) == pytest.approx(0.74 * 0.253 / 0.53125, abs=EXACT)


# What a report of an event is worth, by letter: the table of the method notes, two digits.
WORTH = [
    # if_true, if_false, by grade
    (0.60, 0.15, {"A": 3.5, "B": 2.7, "C": 1.9, "D": 1.3, "E": 1.05, "F": 1.55}),
    # the same ratio, rarer: rare claims need better sources
    (0.24, 0.06, {"A": 3.0, "B": 2.1, "C": 1.5, "D": 1.1, "E": 1.0, "F": 1.25}),
]


@pytest.mark.parametrize(("if_true", "if_false", "worth"), WORTH)
def test_worth_of_a_report_by_letter(if_true: float, if_false: float, worth: dict[str, float]) -> None:
    events = [event(f"e{g.lower()}", "ready", if_true, if_false, report(g.lower())) for g in GRADES]
    compiled = compile_case(make_case(indicators=[READY], scenarios=FOUR, events=events), day(30))
    lam = np.exp(weigh(compiled.tree, compiled.theta))
    # a digit more or less: the notes round to the nearest half of a tenth
    assert dict(zip(GRADES, lam[:, 1] / lam[:, 0], strict=True)) == pytest.approx(worth, abs=0.05)


def test_three_independent_reports_of_one_event_saturate() -> None:
    said = [report("c", origin=o) for o in ("x", "y", "z")]
    compiled = compile_case(make_case(indicators=[READY], scenarios=FOUR,
                                      events=[event("e", "ready", 0.6, 0.15, *said)]), day(30))  # fmt: skip
    lam = np.exp(weigh(compiled.tree, compiled.theta))[0]
    # (.6 + .4/64) / (.15 + .85/64) = 3.71, not 1.93^3 = 7.2
    assert lam[1] / lam[0] == pytest.approx((0.6 + 0.4 / 64) / (0.15 + 0.85 / 64), abs=EXACT)
    assert lam[1] / lam[0] == pytest.approx(3.7, abs=0.05)


def test_a_case_without_indicators_and_actors() -> None:
    compiled = compile_case(make_case(), day(30))
    log_lik, chance = collect(compiled.tree, compiled.theta, weigh(compiled.tree, compiled.theta))
    assert log_lik.shape == () or not np.any(log_lik)
    assert marginals(compiled.tree, chance).shape[0] == 0


# --- draws ---

DRAWS = 20_000


def off(values: np.ndarray, weight: np.ndarray, exact: float) -> float:
    """How many Monte Carlo standard errors a weighted mean is from the exact value."""
    w = weight / weight.sum()
    centre = w @ values
    error = np.sqrt((w**2) @ (values - centre) ** 2)
    return float(abs(centre - exact) / error)


WIDE = {
    "scenarios": FOUR,
    "base_rate": {"held": [0.15, 0.65]},
    "indicators": [READY, SAYS],
    "actors": [BODY, actor("other", given="ready", willing_if_true="likely", willing_if_false="remote",
                           attends_if_willing=[0.6, 0.95], attends_if_unwilling=[0.01, 0.3]),
               PERSON | {"attends_if_willing": [0.5, 0.9]}],
    "events": [event("e", "ready", [0.3, 0.85], [0.02, 0.35]), SPEAKS,
               event("f", "body", [0.3, 0.85], [0.1, 0.5], report("b"))],
    "watch": [watch("w", "other", [0.4, 0.8], [0.05, 0.3], by=20)],
}  # fmt: skip


def test_weighted_draws_have_the_exact_means() -> None:
    case = make_case(**WIDE)
    rng = np.random.default_rng(7)
    compiled, root = compile_case(case, day(30)), futures(case, day(30), DRAWS, rng)
    drawn = _ranges(compiled, root, DRAWS, rng)
    f = update(case, draws=0)
    weight = drawn["weight"]
    for s, p in enumerate(f.scenarios.probability.values):
        assert off(drawn["scenario"][s], weight, p) < 4, f"scenario {s}"
    for k, name in enumerate(compiled.nodes):
        if name in f.indicators.indicator:
            p = float(f.indicators.probability.sel(indicator=name))
            assert off(drawn["node"][k], weight, p) < 4, name
    held = root.held
    together = (drawn["actor"][:, held] * drawn["scenario"][held]).sum(1)
    p_held = drawn["scenario"][held].sum(0)
    for a, actor_ in enumerate(case.actors):
        assert off(together[a], weight, f.attendance([actor_.id])) < 4, actor_.id
        # a conditional is a ratio of two weighted joints: a mean under the weights of held
        given_held = float(f.actors.given_held.sel(actor=actor_.id))
        assert off(together[a] / p_held, weight * p_held, given_held) < 4, actor_.id
        assert (weight @ together[a]) / (weight @ p_held) == pytest.approx(given_held, abs=0.01)


def test_evidence_of_draws_has_the_exact_mean() -> None:
    # the mean of P(reports) over the draws is P(reports): before any report it is 1 by construction
    case = make_case(**WIDE)
    rng = np.random.default_rng(8)
    compiled, root = compile_case(case, day(30)), futures(case, day(30), DRAWS, rng)
    theta = draw(compiled.judgements, DRAWS, rng)
    log_lik, _ = collect(compiled.tree, theta, weigh(compiled.tree, theta))
    evidence = np.exp(root.draws + log_lik).sum(0)
    assert off(evidence, np.ones(DRAWS), np.exp(update(case, draws=0).log_evidence)) < 4
    assert off(np.exp(root.draws).sum(0), np.ones(DRAWS), 1.0) < 4


# An equally weighted average of posteriors is another number: the prior .4 and the ratio 4 that
# each is doubtful. The indicator all but is the scenario.
TRAP = {
    "base_rate": {"held": [0.05, 0.8]},
    "indicators": [indicator("ready", {"held": 0.999, "not_held": 0.001})],
    "events": [event("e", "ready", [0.3, 0.85], [0.02, 0.4], report("a"))],
}


def test_equal_weights_are_a_trap() -> None:
    case = make_case(**TRAP)
    rng = np.random.default_rng(9)
    compiled, root = compile_case(case, day(30)), futures(case, day(30), DRAWS, rng)
    drawn = _ranges(compiled, root, DRAWS, rng)
    exact = float(update(case, draws=0).ever.probability)
    p_held = drawn["scenario"][root.held].sum(0)
    assert off(p_held, drawn["weight"], exact) < 4
    assert off(p_held, np.ones(DRAWS), exact) > 10
    assert abs(p_held.mean() - exact) > 0.01


def test_chunks_of_draws_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # draws come in chunks that fit the memory; cut small they are as good
    case = make_case(**WIDE)
    compiled = compile_case(case, day(30))
    cells = compiled.tree.chance.size + compiled.tree.event_chance.size
    monkeypatch.setattr(sys.modules["forecast.updating"], "_CELLS", 300 * cells)
    rng = np.random.default_rng(7)
    root = futures(case, day(30), 4000, rng)
    drawn = _ranges(compiled, root, 4000, rng)
    assert drawn["scenario"].shape == (4, 4000)
    assert drawn["weight"].sum() == pytest.approx(1)
    exact = update(case, draws=0).scenarios.probability.values
    assert all(off(drawn["scenario"][s], drawn["weight"], exact[s]) < 4 for s in range(4))


def test_range_of_a_conditional_is_weighed_by_its_condition() -> None:
    # draws in which soon is likely are held more often, and the guest comes if it is soon: a draw
    # counts by P(reports, held), here by picking draws with that chance and sorting what they say
    case = make_case(
        scenarios=[FOUR[0] | {"share": [0.05, 0.9]}, *FOUR[1:]],
        base_rate={"held": 0.02},
        indicators=[indicator("ready", {"soon": 0.9, "otherwise": 0.1})],
        actors=[actor("guest", {"soon": 0.95, "otherwise": 0.05})],
        events=[event("e", "ready", 0.9, 0.02, report("a"))],
    )
    f = update(case, draws=DRAWS, seed=3)
    rng = np.random.default_rng(4)
    root = futures(case, day(30), DRAWS, rng)
    compiled = compile_case(case, day(30))
    theta = draw(compiled.judgements, DRAWS, rng)
    log_lik, _ = collect(compiled.tree, theta, weigh(compiled.tree, theta))
    joint = np.exp(root.draws + log_lik)
    soon, late = joint[:2]
    attends = (soon * (0.95 * 0.9 + 0.05 * 0.05) + late * (0.05 * 0.9 + 0.95 * 0.05)) / (soon + late)
    found = f.actors.low.values[0], f.actors.high.values[0]
    weight = soon + late
    picked = rng.choice(attends, 200_000, p=weight / weight.sum())
    assert found == pytest.approx(np.quantile(picked, RANGE), abs=0.01)
    # weighed by the reports alone it is another range
    evidence = joint.sum(0)
    other = np.quantile(rng.choice(attends, 200_000, p=evidence / evidence.sum()), RANGE)
    assert abs(other - found).max() > 0.05


def test_a_likelihood_of_the_nodes_themselves() -> None:
    # that all actors came, taken in as evidence on their stances, is worth P(they come | s, reports)
    case = make_case(**WIDE | {"actors": [BODY, PERSON, GUEST], "watch": []})
    compiled = compile_case(case, day(30))
    log_lam = weigh(compiled.tree, compiled.theta)
    log_lik, chance = collect(compiled.tree, compiled.theta, log_lam)
    also = np.zeros(compiled.tree.chance.shape)
    attends = compiled.attendance(compiled.theta)
    held = np.array([s.held for s in case.scenarios])
    for a, x in enumerate(case.actors):
        also[compiled.nodes.index(x.id)][:, held] = np.log(attends[a][:, held])
    both, _ = collect(compiled.tree, compiled.theta, log_lam, also=also)
    ids = [a.id for a in case.actors]
    together = all_attend(compiled, compiled.theta, chance, ids)
    assert np.exp(both - log_lik)[held] == pytest.approx(together[held], abs=EXACT)
    assert (both - log_lik)[~held] == pytest.approx(0, abs=EXACT)
    f = update(case, draws=0)
    assert f.attendance(ids) == pytest.approx(
        float(f.posterior.scenario[held] @ together[held]), abs=EXACT
    )


def test_before_reports_is_the_root() -> None:
    case = make_case(**WIDE)
    compiled, root = compile_case(case, day(30)), futures(case, day(30))
    before = before_reports(compiled, root)
    assert before.log_evidence == pytest.approx(0, abs=EXACT)
    assert before.scenario == pytest.approx(np.exp(root.log_root), abs=EXACT)
    everything = [x.id for x in (*case.events, *case.watch)]
    f = update(case, without=everything, draws=0)
    chances = actor_chances(compiled, compiled.theta, before)[:, root.held]
    weight = before.scenario[root.held] / before.scenario[root.held].sum()
    assert chances @ weight == pytest.approx(f.actors.given_held.values, abs=EXACT)


def test_judgement_in_the_case_is_the_judgement_in_the_tree() -> None:
    # the labels say where each of the tree's judgements stands
    compiled = compile_case(make_case(**WIDE), day(30))
    where = dict(zip(compiled.labels, compiled.judgements, strict=True))
    assert where["e: if true"] == parse_judgement([0.3, 0.85])
    assert where["ready: chance.refused"] == parse_judgement("remote")
    assert where["body: willing.soon"] == parse_judgement("likely")
