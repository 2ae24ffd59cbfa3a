"""Contributions, the matrix and the ladder, each against forecasts of cases that are cut down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from enumeration import actor, day, event, indicator, make_case, origin_of, random_case, report, watch

import forecast
from forecast import coalitions, shapley
from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.dependence import LADDER, ladder, matrix
from forecast.parts import Announcement
from forecast.shapley import BY, contributions
from forecast.updating import update

EXACT = 1e-11

SCENARIOS = [
    {"id": "soon", "held": True, "label": "x", "days_to_open": [5, 60]},
    {"id": "late", "held": True, "label": "x", "share": 0.4},
    {"id": "no", "held": False, "label": "x"},
]


def talks(**sections: Any) -> Case:
    """One claim with two chains, a denial, ageing, silence, an answer, a body and its person."""
    return make_case(
        **{
            "scenarios": SCENARIOS,
            "indicators": [
                indicator("ready", {"soon": 0.9, "late": 0.6, "no": 0.3}),
                indicator("says", given="ready", if_true=0.9, if_false=0.5, half_life=40),
                indicator("calm", {"soon": 0.7, "late": 0.6, "no": 0.4}),
                indicator("weather", 0.5),
            ],
            "actors": [
                actor("body", {"held": 0.7, "otherwise": 0.2}),
                actor("person", given="says", willing_if_true=0.8, willing_if_false=0.3, part_of="body"),
                actor("host", 0.9, required=True),
            ],
            "watch": [
                watch("silent", "body", 0.6, 0.3, by=20),
                watch("answered", "calm", 0.5, 0.2, by=25),
            ],
            "events": [
                event("speaks", "says", 0.6, 0.3, report("b", 20, origin="o1"), report("c", origin="o1"),
                      report("d", 12, denies=True)),
                event("comes", "person", 0.5, 0.2, report("b", origin="o1")),
                {"id": "answer", "date": day(18), "what": "x", "answers": "answered",
                 "reports": [report("c", 19)]},
                event("rains", "weather", 0.7, 0.2, report("e")),
                event("later", "ready", 0.7, 0.1, report("a", 31)),
            ],
        }
        | sections
    )  # fmt: skip


# --- the second road: forecasts of the case with nothing but what some say ---


def silences(case: Case) -> tuple[list[Any], list[str]]:
    """Watches past their day without an answer, and ids of those that are answered."""
    answered = [e.answers for e in case.events if e.answers]
    past = [w for w in case.watch if w.bears_on and w.by <= case.question.as_of]
    return [w for w in past if w.id not in answered], answered


def teller(case: Case, by: str) -> Callable[[Any, Any], str]:
    def name(event: Any, report: Any) -> str:
        if by == "event":
            return str(event.id)
        if by == "indicator":
            return str(case.node_of(event))
        source = report.source if isinstance(report.source, str) else report.source.name
        return origin_of(report) if by == "origin" else source

    return name


def silent_name(watch: Any, by: str) -> str:
    return {"event": watch.id, "indicator": watch.bears_on}.get(by, f"silence: {watch.id}")


def all_players(case: Case, by: str) -> set[str]:
    name = teller(case, by)
    return {name(e, r) for e in case.events for r in e.reports} | {
        silent_name(w, by) for w in silences(case)[0]
    }


def hearing(case: Case, by: str, who: Collection[str]) -> forecast.Forecast:
    """The forecast from only what these say."""
    name, (silent, answered) = teller(case, by), silences(case)
    events = []
    for e in case.events:
        kept = tuple(r for r in e.reports if name(e, r) in who)
        if kept:
            events.append(e.model_copy(update={"reports": kept}))
    without = [w.id for w in silent if silent_name(w, by) not in who] + answered
    return update(case.model_copy(update={"events": tuple(events)}), without=without, draws=0)


def asked(f: forecast.Forecast) -> dict[str | None, float]:
    """P(held by the headline), and of each actor P(attends | ever held)."""
    when = f.case.question.deadlines.index(f.case.headline)
    given_held = dict(zip(f.actors.actor.values, f.actors.given_held.values, strict=True))
    return {None: float(f.held.probability[when])} | {str(k): float(v) for k, v in given_held.items()}


def decibans(p: float) -> float:
    return float(10 * np.log10(p / (1 - p)))


def over_all_orders(names: list[str], worth: dict[frozenset[str], float]) -> dict[str, float]:
    gain = dict.fromkeys(names, 0.0)
    orders = list(permutations(names))
    for order in orders:
        for i, who in enumerate(order):
            gain[who] += worth[frozenset(order[: i + 1])] - worth[frozenset(order[:i])]
    return {who: x / len(orders) for who, x in gain.items()}


def sampled_case(seed: int) -> Case:
    """A random case in which all has been published and two to six have spoken, by event and source."""
    rng = np.random.default_rng(seed)
    while True:
        case = random_case(rng)
        q = case.question
        as_of = max(q.as_of, day(int(rng.integers(20, 130))))
        known = case.as_known(min(as_of, case.headline - dt.timedelta(1)))
        sizes = [len(all_players(known, by)) for by in BY]
        if min(sizes) >= 2 and max(sizes) <= 6:
            return known


CASES = {"talks": talks().as_known(day(30))} | {f"random {i}": sampled_case(i) for i in range(15)}


@pytest.mark.parametrize(("i", "name"), list(enumerate(CASES)))
def test_exact_values_are_those_over_all_orders(i: int, name: str) -> None:
    case = CASES[name]
    for by in BY if name == "talks" else [BY[i % 4]]:
        names = sorted(all_players(case, by))
        sets = [frozenset(c) for n in range(len(names) + 1) for c in combinations(names, n)]
        worth = {s: asked(hearing(case, by, s)) for s in sets}
        whole = frozenset(names)
        required = {a.id for a in case.actors if a.required}
        for of in worth[whole]:
            p = {s: w[of] for s, w in worth.items()}
            frame = contributions(case, by=by, of=of)
            assert frame.attrs["method"] == "exact"
            assert frame.attrs["before"] == pytest.approx(p[frozenset()], abs=EXACT)
            assert frame.attrs["after"] == pytest.approx(p[whole], abs=EXACT)
            assert sorted(frame.index) == names
            assert frame.points.to_dict() == pytest.approx(over_all_orders(names, p), abs=EXACT)
            out = {who: p[whole] - p[whole - {who}] for who in names}
            assert frame.left_out.to_dict() == pytest.approx(out, abs=EXACT)
            assert (frame.points_se == 0).all()
            if of in required:
                assert frame.decibans.isna().all()
                continue
            odds = over_all_orders(names, {s: decibans(x) for s, x in p.items()})
            assert frame.decibans.to_dict() == pytest.approx(odds, abs=1e-9)


def test_the_small_cases_have_every_feature() -> None:
    shared = answers = silent = denied = aged = 0
    for case in CASES.values():
        shared += any(len({teller(case, "source")(e, r) for r in e.reports}) > 1 for e in case.events)
        answers += any(w.id in silences(case)[1] and w.by <= case.question.as_of for w in case.watch)
        silent += bool(silences(case)[0])
        denied += any(r.denies for e in case.events for r in e.reports)
        aging = {x.id for x in case.indicators if x.half_life}
        aged += any(case.node_of(e) in aging for e in case.events)
    assert min(shared, answers, silent, denied, aged) >= 2


# --- how the values are found ---

MANY = talks(
    events=[
        # five of one kind, three of another, on two subtrees; one between; one that moves nothing
        *[event(f"a{i}", "ready", 0.5, 0.25) for i in range(5)],
        *[event(f"b{i}", "calm", 0.2, 0.4, report("b")) for i in range(3)],
        event("between", "says", 0.8, 0.3),
        event("rains", "weather", 0.7, 0.2),
    ],
    watch=[],
)


def made(case: Case, by: str = "event", of: str | None = None) -> coalitions.Game:
    as_of = case.question.as_of
    deadline = None if of else case.headline
    return coalitions.coalition_game(
        compile_case(case, as_of), futures(case, as_of), as_of, deadline, by, of
    )


@pytest.mark.parametrize("of", [None, "body", "person"])
def test_like_players_counted_together_are_as_counted_apart(of: str | None) -> None:
    game = made(MANY, of=of)
    groups = shapley._groups(game)
    assert sorted(map(len, groups)) == [1, 3, 5]  # and not "rains"
    apart = shapley._exact(game, [[i] for i in range(len(game.players))])
    assert shapley._exact(game, groups) == pytest.approx(apart, abs=1e-12)


def check_sample(frame: pd.DataFrame, exact: pd.DataFrame) -> None:
    assert (frame.attrs["method"], frame.attrs["orders"]) == ("sampled", 400)
    assert frame.points_se.drop("rains").gt(0).all()
    assert frame.points_se.max() < 0.005
    assert ((frame.points - exact.points).abs() <= 4 * frame.points_se + 1e-12).all()
    assert frame.left_out.to_dict() == pytest.approx(exact.left_out.to_dict(), abs=EXACT)


def test_sampled_values_are_near_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = contributions(MANY)
    frame = contributions(MANY, most=0, pairs=200)
    check_sample(frame, exact)
    monkeypatch.setattr(shapley, "_CELLS", 300)  # a few orders at a time
    assert contributions(MANY, most=0, pairs=200).points_se.gt(0).sum() == 9
    monkeypatch.setattr(coalitions, "TABLE", 2)  # subtrees too large for a table
    frame = contributions(MANY, pairs=200)
    check_sample(frame, exact)


def test_two_players_have_two_orders() -> None:
    # one and the reverse: each pair is the whole
    case = talks(events=[event("a", "ready", 0.6, 0.2), event("b", "calm", 0.2, 0.5)], watch=[])
    frame, exact = contributions(case, most=0, pairs=3), contributions(case)
    assert frame.points.to_dict() == pytest.approx(exact.points.to_dict(), abs=1e-14)
    assert frame.points_se.max() < 1e-15


def test_what_is_not_tabulated_is_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tabled = made(MANY, of="person")
    monkeypatch.setattr(coalitions, "TABLE", 0)
    monkeypatch.setattr(coalitions, "_STEP", 7)
    direct = made(MANY, of="person")
    assert all(p.table is None for p in direct.parts)
    mask = np.random.default_rng(1).random((len(MANY.events), 50)) < 0.5
    assert direct.told(mask) == pytest.approx(tabled.told(mask), abs=1e-12)


@pytest.mark.parametrize("most", [shapley.MOST_COALITIONS, 0])
@pytest.mark.parametrize("of", [None, "person"])
def test_properties_of_shapley_values(most: int, of: str | None) -> None:
    frame = contributions(MANY, of=of, most=most, pairs=20)
    before, after = frame.attrs["before"], frame.attrs["after"]
    assert frame.points.sum() == pytest.approx(after - before, abs=1e-12)
    assert frame.decibans.sum() == pytest.approx(decibans(after) - decibans(before), abs=1e-10)
    for kind in ("a", "b"):  # like players are worth the same, to the digit
        assert len(set(frame.points[frame.index.str.match(f"{kind}[0-9]")])) == 1
    assert tuple(frame.loc["rains", ["points", "points_se", "decibans"]]) == (0, 0, 0)


def test_seeds_reproduce() -> None:
    one, again, other = (contributions(MANY, most=0, pairs=5, seed=s).points for s in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)


@pytest.mark.parametrize("by", BY)
def test_moscow_i_from_base_rate_to_forecast(by: str) -> None:
    case = forecast.load("moscow_i")
    f = update(case, draws=0)
    when = case.question.deadlines.index(case.headline)
    frame = contributions(case, by=by)
    assert frame.index.name == by
    assert frame.index.is_unique
    assert frame.attrs["before"] == pytest.approx(float(f.held.prior[when]), abs=EXACT)
    assert frame.attrs["after"] == pytest.approx(float(f.held.probability[when]), abs=EXACT)
    assert frame.points.sum() == pytest.approx(
        float((f.held.probability - f.held.prior)[when]), abs=1e-9
    )
    assert frame.points_se.max() < 0.0005
    khatib, known = contributions(case, by=by, of="khatib"), f.actors.sel(actor="khatib")
    assert khatib.attrs["before"] == pytest.approx(float(known.prior), abs=EXACT)
    assert khatib.attrs["after"] == pytest.approx(float(known.given_held), abs=EXACT)


def test_announcements_stay_in_the_root() -> None:
    case = forecast.load("moscow_i")
    news = {"id": "named", "what": "x", "kind": "day", "opens": dt.date(2015, 1, 20),
            "reports": [report("russian_mfa", published=0) | {"published": dt.date(2014, 12, 1)}]}  # fmt: skip
    named = case.model_copy(update={"announcements": (Announcement.model_validate(news),)})
    frame, f = contributions(named, by="source"), update(named, draws=0)
    when = case.question.deadlines.index(case.headline)
    assert frame.attrs["before"] == pytest.approx(float(f.held.prior[when]), abs=EXACT)
    assert frame.attrs["before"] > contributions(case, by="source").attrs["before"] + 0.1


# --- where nothing can be moved, and what is refused ---


@pytest.mark.parametrize(
    ("arguments", "p"),
    [
        ({"as_of": day(70), "deadline": day(60)}, 0.0),  # a deadline that is past
        ({"of": "host"}, 1.0),  # required: attends if it is held
        ({"of": "host", "most": 0}, 1.0),
        ({"as_of": day(70), "deadline": day(60), "most": 0}, 0.0),
    ],
)
@pytest.mark.filterwarnings("error")
def test_certain_things_have_no_decibans(arguments: dict[str, Any], p: float) -> None:
    frame = contributions(talks(), pairs=5, **arguments)
    assert (frame.attrs["before"], frame.attrs["after"]) == (p, p)
    assert (frame.points == 0).all()
    assert frame.decibans.isna().all()


def test_nobody_has_spoken() -> None:
    case = make_case()
    frame = contributions(case)
    assert frame.empty
    assert list(frame) == ["bears_on", "points", "points_se", "decibans", "left_out"]
    expected = float(update(case, draws=0).held.probability[-1])
    assert frame.attrs["before"] == frame.attrs["after"] == pytest.approx(expected, abs=EXACT)
    assert matrix(case).shape == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "day"}, "by: 'day'; expected one of event, indicator, source, origin"),
        ({"of": "nobody"}, 'no actor "nobody" in the case; there are body, host, person'),
        ({"of": "body", "deadline": day(60)}, "given that it is ever held"),
        ({"most": 0, "pairs": 1}, "two pairs of orders at least"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contributions(talks(), **arguments)


# --- the matrix ---


@pytest.mark.parametrize("name", ["talks", "random 1", "random 4", "random 6"])
def test_matrix_is_how_far_each_event_moves_each_scenario(name: str) -> None:
    case = CASES[name]
    table, f = matrix(case), update(case, draws=0)
    assert set(table.event.values) == all_players(case, "event")
    answers = {e.id: e.answers for e in case.events}
    for e in table.event.values:
        left_out = [e, answers[e]] if answers.get(e) else [e]
        rest = update(case, without=left_out, draws=0)
        moved = 10 * np.log10(f.scenarios.probability.values / rest.scenarios.probability.values)
        assert table.sel(event=e).values == pytest.approx(moved, abs=1e-9)
        # what it is given: an expected likelihood ratio of one
        ratio = 10 ** (table.sel(event=e).values / 10)
        assert rest.scenarios.probability.values @ ratio == pytest.approx(1, abs=1e-12)
    speaks = {e.id: case.node_of(e) for e in case.events} | {w.id: w.bears_on for w in case.watch}
    assert dict(zip(table.event.values, table.bears_on.values, strict=True)) == {
        e: speaks[e] for e in table.event.values
    }


def test_matrix_by_hand() -> None:
    # one report of grade C: .6 + .4 x .25 = .70 if ready, .2 + .8 x .25 = .40 if not; under
    # "yes" .8 x .70 + .2 x .40 = .64, under "no" .3 x .70 + .7 x .40 = .49
    case = make_case(
        indicators=[indicator("ready", {"yes": 0.8, "no": 0.3})], events=[event("e", "ready", 0.6, 0.2)]
    )
    yes = float(update(case, without=["e"], draws=0).scenarios.probability.sel(scenario="yes"))
    mixture = 0.64 * yes + 0.49 * (1 - yes)
    expected = 10 * np.log10([0.64 / mixture, 0.49 / mixture])
    assert matrix(case).sel(event="e", scenario=["yes", "no"]).values == pytest.approx(
        expected, abs=1e-9
    )


# --- the ladder ---


def test_rungs_are_forecasts_of_what_is_left() -> None:
    case = CASES["talks"]
    rungs = ladder(case)
    assert tuple(rungs.index) == LADDER

    def only(*kept: tuple[str, int]) -> Any:
        events = tuple(
            e.model_copy(update={"reports": tuple(e.reports[i] for name, i in kept if name == e.id)})
            for e in case.events if e.id in {name for name, _ in kept}
        )  # fmt: skip
        # what an event left out answers is not thereby silent
        return update(case.model_copy(update={"events": events}), without=["answered"], draws=0)

    expected = {
        "layers": update(case, draws=0),
        # o1 tells of "comes" (B) more strongly than of "speaks", which ages; the others tell once
        "one claim per origin": only(("speaks", 2), ("comes", 0), ("answer", 0), ("rains", 0)),
        # of "says" the affirmation by B is the strongest
        "one report per indicator": only(("speaks", 0), ("comes", 0), ("answer", 0), ("rains", 0)),
    }
    for rung, f in expected.items():
        assert rungs.loc[rung].to_numpy() == pytest.approx(f.held.probability.values, abs=1e-12)


def test_the_last_rung_multiplies_marginal_ratios() -> None:
    # C: .70 and .40 as above, B: .6 + .4 x .1 = .64 and .2 + .8 x .1 = .28
    case = make_case(
        indicators=[indicator("ready", {"yes": 0.8, "no": 0.3})],
        events=[event("e", "ready", 0.6, 0.2, report("c"), report("b"))],
    )
    prior = update(case, without=["e"], draws=0)
    chance = prior.scenarios.probability.sel(scenario=["yes", "no"]).values
    ratios = np.array([0.64 * (0.8 * 0.64 + 0.2 * 0.28), 0.49 * (0.3 * 0.64 + 0.7 * 0.28)])
    yes = (chance * ratios)[0] / (chance @ ratios)
    expected = prior.held.probability.values * yes / chance[0]
    assert ladder(case).loc["every report independent"].to_numpy() == pytest.approx(expected, abs=1e-12)


def test_a_dropped_answer_makes_no_silence() -> None:
    case = make_case(
        indicators=[indicator("ready", {"yes": 0.8, "no": 0.3})],
        watch=[watch("w", "ready", 0.5, 0.2, by=20)],
        events=[
            event("strong", "ready", 0.6, 0.1, report("a")),
            {"id": "answer", "date": day(15), "what": "x", "answers": "w", "reports": [report("e", 15)]},
        ],
    )
    expected = update(case, without=["answer", "w"], draws=0).held.probability.values
    assert ladder(case).loc["one report per indicator"].to_numpy() == pytest.approx(expected, abs=1e-12)
