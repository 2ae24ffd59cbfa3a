"""The laws that every forecast obeys, whatever the case."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enumeration import (
    GRADED,
    actor,
    day,
    event,
    indicator,
    make_case,
    random_case,
    report,
    watch,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from forecast import tables
from forecast.case import Case
from forecast.parts import Event, Report
from forecast.updating import Forecast, update, weighted_quantiles

EXACT = 1e-12
READY = indicator("ready", {"yes": 0.8, "no": 0.3})
SAYS = indicator("says", given="ready", if_true="almost certain", if_false="likely", half_life=60)
BODY = actor("body", {"held": "likely", "otherwise": "very unlikely"})
PERSON = actor("person", "likely", part_of="body")
HOST = actor("host", {"held": "likely", "otherwise": "unlikely"}, required=True)


def talks(**sections: Any) -> Case:
    """A case with two indicators, three actors, two events and three watches."""
    return make_case(
        **{
            "base_rate": {"held": [0.2, 0.6]},
            "indicators": [READY, SAYS],
            "actors": [BODY, PERSON, HOST],
            "events": [
                event("speaks", "says", "likely", "unlikely", report("c"), report("b", 20)),
                event("meets", "ready", [0.4, 0.7], [0.1, 0.3], report("b")),
            ],
            "watch": [watch("past", "body", 0.6, 0.3, by=20), watch("ahead", "body", 0.2, 0.6, by=50),
                      watch("ahead_too", "says", 0.8, 0.5, by=70)],
        }
        | sections
    )  # fmt: skip


def same(a: Forecast, b: Forecast, tolerance: float = EXACT) -> None:
    """Every probability of two forecasts is the same."""
    for of in ("held", "ever", "opening", "scenarios", "indicators", "actors"):
        x, y = getattr(a, of), getattr(b, of)
        assert set(x.data_vars) == set(y.data_vars)
        for name in x.data_vars:
            assert x[name].values == pytest.approx(y[name].values, abs=tolerance), (of, name)


random_cases = st.integers(0, 10_000).map(lambda seed: random_case(np.random.default_rng(seed)))

# --- the base rate ---


def by_hand(p: float, low: float, high: float, as_of: int, by: int, horizon: int = 400) -> float:
    """P(opened by a day | not opened by the as-of date), days from the proposal."""
    sigma = np.log(high / low) / (2 * stats.norm.ppf(0.95))
    time = stats.lognorm(sigma, scale=np.sqrt(low * high))
    f_by, f_now = time.cdf([by, as_of]) / time.cdf(horizon)
    return float(p * (f_by - f_now) / (1 - p * f_now))


# days from the proposal: the as-of date, a deadline
CUT = [(0, 60), (0, 150), (30, 60), (30, 150), (59, 60), (100, 150)]


@pytest.mark.parametrize(("as_of", "by"), CUT)
def test_no_reports_is_the_base_rate_cut_at_the_date(as_of: int, by: int) -> None:
    f = update(make_case(actors=[BODY]), day(as_of), draws=0)
    expected = by_hand(0.4, 20, 300, as_of, by)
    assert f.held.probability.values[[60, 150].index(by)] == pytest.approx(expected, abs=EXACT)
    same_again = f.held.prior.values[[60, 150].index(by)]
    assert same_again == pytest.approx(expected, abs=EXACT)
    assert float(f.ever.probability) == pytest.approx(by_hand(0.4, 20, 300, as_of, 400), abs=EXACT)
    assert f.log_evidence == pytest.approx(0, abs=EXACT)


def test_on_the_day_of_the_proposal_nothing_is_cut() -> None:
    scenarios = [
        {"id": "soon", "held": True, "share": 0.3, "label": "x", "days_to_open": [5, 50]},
        {"id": "late", "held": True, "label": "x"},
        {"id": "refused", "held": False, "share": [0.2, 0.6], "label": "x"},
        {"id": "faded", "held": False, "label": "x"},
    ]
    f = update(make_case(scenarios=scenarios), day(0), draws=0)
    got = dict(zip(f.scenarios.scenario.values, f.scenarios.probability.values, strict=True))
    assert got["soon"] == pytest.approx(0.4 * 0.3, abs=EXACT)
    assert got["late"] == pytest.approx(0.4 * 0.7, abs=EXACT)
    assert got["refused"] + got["faded"] == pytest.approx(0.6, abs=EXACT)
    f = update(make_case(scenarios=scenarios), day(40), draws=0)
    # soon and late lose what would have opened by then, each by its own time
    left = {
        "soon": 0.12 * (1 - by_hand(1, 5, 50, 0, 40)),
        "late": 0.28 * (1 - by_hand(1, 20, 300, 0, 40)),
    }
    total = 0.6 + sum(left.values())
    for name, p in left.items():
        found = f.scenarios.probability.sel(scenario=name)
        assert float(found) == pytest.approx(p / total, abs=EXACT)


def test_silence_alone_lowers_the_forecast() -> None:
    days = [day(n) for n in (0, 30, 59, 60, 100, 149, 150, 399)]
    by_150 = [float(update(make_case(), d, draws=0).held.probability[1]) for d in days]
    assert np.all(np.diff(by_150[:-1]) < 0)
    # once a deadline is past, and the meeting is known not to have opened, nothing is left
    assert by_150[-2:] == [0, 0]


# --- evidence ---


@given(random_cases, st.randoms(use_true_random=False))
def test_order_of_events_and_reports_is_irrelevant(case: Case, random: Any) -> None:
    events = [e.model_copy(update={"reports": tuple(random.sample(e.reports, len(e.reports)))})
              for e in random.sample(case.events, len(case.events))]  # fmt: skip
    shuffled = case.model_copy(update={"events": tuple(events)})
    same(update(case, draws=0), update(shuffled, draws=0))


AGAIN = [
    # a first report, another of its origin, and the one report that they are together worth
    (report("c", origin="o"), report("c", 12, origin="o"), report("c")),
    # a worse chain adds nothing, and a better one counts alone
    (report("c", origin="o"), report("e", origin="o"), report("c")),
    (report("c", origin="o"), report("a", origin="o"), report("a")),
    # the same origin by way of a worse outlet
    (report("b", origin="o"), report("b", via=["d"], origin="o"), report("b")),
    # a source without an origin is its own
    (report("c"), report("c", 15), report("c")),
    # a denial repeated
    (report("c", denies=True), report("c", 15, denies=True), report("c", denies=True)),
]  # fmt: skip


@pytest.mark.parametrize(("first", "again", "worth"), AGAIN)
def test_a_second_report_of_one_origin_adds_nothing(first: Any, again: Any, worth: Any) -> None:
    def f(*reports: Any) -> Forecast:
        e = event("e", "ready", 0.6, 0.15, *reports)
        return update(make_case(indicators=[READY], events=[e]), draws=0)

    same(f(first, again), f(worth))
    # while another origin adds
    other = f(first, again, report("c", origin="another", denies=worth.get("denies", False)))
    assert abs(float(other.ever.probability - f(worth).ever.probability)) > 1e-4


@given(random_cases, st.floats(0.02, 0.98))
def test_equal_likelihoods_change_nothing(case: Case, p: float) -> None:
    node = (*case.indicators, *case.actors)[0].id
    as_of = case.question.as_of
    flat = Event.model_validate(
        {"id": "flat", "date": as_of, "what": "x", "why": "x", "bears_on": node, "if_true": p,
         "if_false": p, "reports": [{"source": "c", "published": as_of}]}
    )  # fmt: skip
    same(
        update(case, draws=0),
        update(case.model_copy(update={"events": (*case.events, flat)}), draws=0),
        tolerance=1e-11,
    )


def test_news_for_raises_and_news_against_lowers() -> None:
    def ever(if_true: float, if_false: float, **more: Any) -> float:
        e = event("e", "ready", if_true, if_false, report("c", **more))
        return float(update(make_case(indicators=[READY], events=[e]), draws=0).ever.probability)

    nothing = float(update(make_case(indicators=[READY]), draws=0).ever.probability)
    assert ever(0.15, 0.6) < nothing < ever(0.6, 0.15)
    assert ever(0.6, 0.15, denies=True) < nothing < ever(0.15, 0.6, denies=True)
    # better sources carry further
    by_grade = [
        float(update(make_case(indicators=[READY], events=[event("e", "ready", 0.6, 0.15, report(g))]),
                     draws=0).ever.probability)
        for g in "abcfde"
    ]  # fmt: skip
    assert np.all(np.diff(by_grade) < 0)
    assert by_grade[-1] > nothing


def test_repeated_kinds_of_event_saturate_at_their_indicator() -> None:
    def ever(n: int) -> float:
        events = [event(f"e{i}", "ready", 0.6, 0.15, report("a", origin=f"o{i}")) for i in range(n)]
        return float(update(make_case(question={"as_of": day(20)}, indicators=[READY], events=events),
                            draws=0).ever.probability)  # fmt: skip

    # even certainty about ready is worth no more than .8 / .3
    p = by_hand(0.4, 20, 300, 20, 400)
    bound = p * 0.8 / (p * 0.8 + (1 - p) * 0.3)
    assert ever(1) < ever(3) < ever(30) <= bound + EXACT
    assert ever(30) == pytest.approx(bound, abs=1e-6)


# --- laws of every case ---


@given(random_cases)
def test_probabilities_are_coherent(case: Case) -> None:
    f = update(case, draws=0)
    held, ever = f.held.probability.values, float(f.ever.probability)
    assert np.all(np.diff(held) >= -EXACT)
    assert held[-1] <= ever + EXACT
    assert f.scenarios.probability.sum() == pytest.approx(1, abs=EXACT)
    assert f.scenarios.prior.sum() == pytest.approx(1, abs=EXACT)
    is_held = [s.held for s in case.scenarios]
    assert f.scenarios.probability.values[is_held].sum() == pytest.approx(ever, abs=EXACT)
    assert f.opening.probability.sum() == pytest.approx(ever, abs=EXACT)
    assert f.opening.prior.sum() == pytest.approx(float(f.ever.prior), abs=EXACT)
    first = np.datetime64(f.as_of) + np.timedelta64(1, "D")
    assert f.opening.day.values[0] == first
    assert f.opening.day.values[-1] == np.datetime64(case.question.horizon)
    for d, p in zip(case.question.deadlines, held, strict=True):
        opens = f.opening.probability.sel(day=slice(None, str(d))).sum()
        assert opens == pytest.approx(p, abs=EXACT)
    for i, a in enumerate(case.actors):
        attends = f.actors.by.values[i]
        assert np.all(attends <= held + EXACT)
        assert f.attendance([a.id]) <= ever + EXACT
        assert f.attendance([a.id]) == pytest.approx(f.actors.given_held.values[i] * ever, abs=EXACT)
        if a.required:
            assert float(f.actors.given_held.values[i]) == pytest.approx(1, abs=EXACT)
        if a.part_of:
            assert f.attendance([a.id]) <= f.attendance([a.part_of]) + EXACT
            assert f.attendance([a.id, a.part_of]) == pytest.approx(f.attendance([a.id]), abs=EXACT)
            assert f.attendance({a.id: True, a.part_of: False}) == pytest.approx(0, abs=EXACT)
    ids = [a.id for a in case.actors]
    number = f.count(ids)
    assert number.sum() == pytest.approx(1, abs=EXACT)
    expected = float((number * number.number).sum())
    assert expected == pytest.approx(float(f.actors.given_held.sum()), abs=1e-11)
    assert f.attendance(ids) == pytest.approx(float(number[-1]) * ever, abs=EXACT)
    assert f.attendance(dict.fromkeys(ids, False)) == pytest.approx(float(number[0]) * ever, abs=EXACT)


@given(random_cases)
def test_input_ranges(case: Case) -> None:
    f = update(case, draws=60)
    for of in ("held", "ever", "scenarios", "indicators", "actors"):
        data = getattr(f, of)
        assert np.all(data.low.values <= data.high.values), of
        assert np.all((data.low.values >= 0) & (data.high.values <= 1 + EXACT)), of
    assert np.all(f.actors.by_low.values <= f.actors.by_high.values)
    assert 1 - EXACT <= f.effective_draws <= 60 + 1e-9
    # the probabilities are exact: draws do not touch them
    plain = update(case, draws=0)
    assert np.array_equal(f.held.probability, plain.held.probability)
    assert np.isnan(plain.effective_draws)
    assert "low" not in plain.held


# --- nothing known later leaks in ---

LATE = report("a", 31)
BY_OTHERS = {"source": {"name": "An unheard-of wire", "reliability": "A"}, "published": day(31)}
DOCUMENT = {"id": "later_news", "title": "The outcome", "published": day(31)}
RUBRIC = [{"id": "official_act", "label": "x", "direction": "for", "if_true": "very likely",
           "if_false": "very unlikely", "ratio": 7.65, "ground": "x"}]  # fmt: skip

LATER: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("an event for", lambda x: _plus(x, event("late", "ready", 0.9, 0.01, LATE))),
    ("an event against", lambda x: _plus(x, event("late", "body", 0.01, 0.9, LATE))),
    ("a day after, though it happened before", lambda x: _plus(x, event("late", "ready", 0.9, 0.01, LATE))),
    ("by a source of its own", lambda x: _plus(x, event("late", "ready", 0.9, 0.01, BY_OTHERS))),
    ("by a source that the case adds", lambda x: _plus(x, event("late", "ready", 0.9, 0.01, report("z", 31)))
     | {"sources": [*GRADED, {"id": "z", "name": "Z", "reliability": "A"}]}),
    ("of a type of the rubric", lambda x: _plus(x, {"id": "late", "date": day(31), "what": "x",
                                                   "bears_on": "ready", "type": "official_act",
                                                   "reports": [LATE]}) | {"event_types": RUBRIC}),
    ("from a document of later", lambda x: _plus(
        x, event("late", "ready", 0.9, 0.01, LATE | {"article": {"document": "later_news", "paragraph": 1}}))
     | {"documents": [DOCUMENT]}),
    ("an answer to a watch past its day", lambda x: _plus(x, {"id": "late", "date": day(15), "what": "x",
                                                             "answers": "past", "reports": [LATE]})),
    ("an answer to a watch ahead", lambda x: _plus(x, {"id": "late", "date": day(31), "what": "x",
                                                      "answers": "ahead", "reports": [LATE]})),
    ("a better report of a known event", lambda x: _reported(x, report("a", 31, origin="c"))),
    ("a denial of a known event", lambda x: _reported(x, report("a", 31, denies=True))),
]  # fmt: skip


def _plus(sections: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    return sections | {"events": [*sections["events"], later]}


def _reported(sections: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    first, *others = sections["events"]
    return sections | {"events": [first | {"reports": [*first["reports"], later]}, *others]}


@pytest.mark.parametrize("add", [pytest.param(f, id=name) for name, f in LATER])
def test_what_is_published_later_changes_nothing(
    add: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    known = {"events": [event("speaks", "says", "likely", "unlikely"),
                        event("meets", "ready", [0.4, 0.7], [0.1, 0.3], report("b"))]}  # fmt: skip
    before, after = talks(**known), talks(**add(known))
    assert before != after
    assert before.digest == after.digest
    a, b = update(before, draws=50), update(after, draws=50)
    assert json.dumps(a.to_dict()) == json.dumps(b.to_dict())
    assert tables.as_csv(a) == tables.as_csv(b)
    assert (str(a), a._repr_html_()) == (str(b), b._repr_html_())
    assert a.log_evidence == b.log_evidence
    assert "late" not in a.compiled.events
    shown = b.case.model_dump_json()
    assert not [x for x in ("unheard-of", "The outcome", '"z"', "late") if x in shown]
    # and on the day after it is there
    assert tables.as_csv(update(before, day(31), draws=0)) != tables.as_csv(
        update(after, day(31), draws=0)
    )


def test_the_day_itself_counts() -> None:
    case = talks(events=[event("e", "ready", 0.9, 0.05, report("a", 30))])
    nothing = talks(events=[])
    assert update(case, day(30), draws=0).compiled.events == ("e", "past")
    same(update(case, day(29), draws=0), update(nothing, day(29), draws=0))


def test_digest_follows_what_is_known() -> None:
    case = talks()
    changes = [
        talks(events=[]),
        talks(base_rate={"held": [0.2, 0.7]}),
        talks(indicators=[READY, SAYS | {"half_life": 61}]),
        talks(question={"as_of": day(31)}),
    ]
    assert len({case.digest, *(c.digest for c in changes)}) == 5
    assert talks().digest == case.digest


# --- what if ---


def test_assumed_events_are_hard_evidence() -> None:
    case = make_case(indicators=[READY], events=[event("e", "ready", 0.6, 0.15)])
    p = by_hand(0.4, 20, 300, 30, 400)
    for happened, (if_true, if_false) in ((True, (0.6, 0.15)), (False, (0.4, 0.85))):
        held, not_held = (q * if_true + (1 - q) * if_false for q in (0.8, 0.3))
        f = update(case, assume={"e": happened}, draws=0)
        expected = p * held / (p * held + (1 - p) * not_held)
        assert float(f.ever.probability) == pytest.approx(expected, abs=EXACT)
    same(update(case, without=["e"], draws=0), update(make_case(indicators=[READY]), draws=0))


@pytest.mark.parametrize("name", ["past", "ahead", "ahead_too", "meets", "speaks"])
def test_total_probability_over_what_if(name: str) -> None:
    # P = P(seen) P(. | seen) + P(not seen) P(. | not seen), with P(seen) from the evidences
    case = talks()
    without = update(case, without=[name], draws=0)
    yes, no = (update(case, assume={name: x}, draws=0) for x in (True, False))
    chance = np.exp(yes.log_evidence - without.log_evidence)
    assert np.exp(no.log_evidence - without.log_evidence) == pytest.approx(1 - chance, abs=EXACT)
    assert 0 < chance < 1
    for of in ("held", "scenarios", "indicators"):
        mixed = chance * getattr(yes, of).probability + (1 - chance) * getattr(no, of).probability
        assert mixed.values == pytest.approx(getattr(without, of).probability.values, abs=EXACT)
    for who in (["body"], ["body", "person"], {"body": False, "person": False}):
        mixed = chance * yes.attendance(who) + (1 - chance) * no.attendance(who)
        assert mixed == pytest.approx(without.attendance(who), abs=EXACT)


def test_assuming_a_watch_replaces_its_silence_and_its_answer() -> None:
    case = talks()
    # silence past its day is the assumption that it did not happen
    same(update(case, draws=0), update(case, assume={"past": False}, draws=0))
    answer = {
        "id": "came",
        "date": day(18),
        "what": "x",
        "answers": "past",
        "reports": [report("b", 19)],
    }
    answered = talks(events=[answer])
    for happened in (True, False):
        same(
            update(answered, assume={"past": happened}, draws=0),
            update(talks(events=[]), assume={"past": happened}, draws=0),
        )
    # an answer stops the silence from counting; its own report counts instead
    assert update(answered, draws=0).compiled.events == ("came",)
    assert update(answered, without=["came"], draws=0).compiled.events == ("past",)


REFUSED: list[tuple[dict[str, Any], str]] = [
    # ids that are not there, in what is left out and in what is assumed
    ({"without": ["speeks"]}, 'no event or watch "speeks" in the case as known on 2020-01-31'),
    ({"assume": {"speeks": True}}, 'no event or watch "speeks"'),
    # an indicator is neither
    ({"assume": {"ready": True}}, 'no event or watch "ready"'),
    # an event that nobody knows of yet cannot be assumed
    ({"assume": {"meets": True}, "as_of": day(9)}, 'no event or watch "meets" in .* 2020-01-10'),
    # dates out of the case's life
    ({"as_of": day(-1)}, "as_of: 2019-12-31 is not from 2020-01-01 .proposed. to the day before"),
    ({"as_of": day(400)}, "as_of: 2021-02-04 is not from .* 2021-02-04 .horizon."),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        update(talks(), **arguments, draws=0)


def test_announcements_cannot_be_assumed() -> None:
    case = talks(watch=[{"id": "named", "what": "x", "by": day(50), "announces": True}])
    with pytest.raises(ValueError, match='"named" would be an announcement'):
        update(case, assume={"named": True}, draws=0)


@pytest.mark.parametrize("who", [["nobody"], {"nobody": False}, ["body", "nobody"]])
def test_unknown_actors_are_refused(who: Any) -> None:
    f = update(talks(), draws=0)
    with pytest.raises(ValueError, match='no actor "nobody" in the case; there are body, host, person'):
        f.attendance(who)
    with pytest.raises(ValueError, match='no actor "nobody"'):
        f.count(list(who))


def test_a_deadline_that_is_past_has_no_chance_left() -> None:
    f = update(talks(), day(60), draws=20)
    assert float(f.held.probability[0]) == 0
    assert np.all(f.actors.by.values[:, 0] == 0)
    assert float(f.held.low[0]) == float(f.held.high[0]) == 0
    assert 0 < float(f.held.probability[1]) < 1
    # the last day of the case
    last = update(talks(), day(399), draws=0)
    assert last.opening.sizes["day"] == 1
    assert last.opening.probability.sum() == pytest.approx(float(last.ever.probability), abs=EXACT)


# --- values in, values out ---


def test_seeds_reproduce() -> None:
    case = talks()
    once, again, other = (update(case, draws=200, seed=s) for s in (3, 3, 4))
    assert tables.as_csv(once) == tables.as_csv(again)
    assert once.to_dict() == again.to_dict()
    assert np.array_equal(once.held.probability, other.held.probability)
    assert not np.array_equal(once.held.low, other.held.low)
    # nor does it touch, or need, the global generator
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    update(case, draws=10)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_a_forecast_leaves_its_case_as_it_was() -> None:
    case = talks()
    before = case.model_dump_json()
    update(case, day(12), without=["meets"], assume={"ahead": True}, draws=10)
    assert case.model_dump_json() == before


FROZEN: list[tuple[str, Callable[[Case, Forecast], Any], str, type[Exception]]] = [
    ("forecast", lambda c, f: f, "as_of", dataclasses.FrozenInstanceError),
    ("compiled", lambda c, f: f.compiled, "theta", dataclasses.FrozenInstanceError),
    ("tree", lambda c, f: f.compiled.tree, "parent", dataclasses.FrozenInstanceError),
    ("futures", lambda c, f: f.futures, "held", dataclasses.FrozenInstanceError),
    ("posterior", lambda c, f: f.posterior, "scenario", dataclasses.FrozenInstanceError),
    ("judgement", lambda c, f: c.base_rate.held, "low", dataclasses.FrozenInstanceError),
    ("case", lambda c, f: c, "name", ValidationError),
    ("question", lambda c, f: c.question, "as_of", ValidationError),
    ("event", lambda c, f: c.events[0], "date", ValidationError),
    ("report", lambda c, f: c.events[0].reports[0], "published", ValidationError),
]


@pytest.mark.parametrize(("find", "name", "error"), [pytest.param(*x[1:], id=x[0]) for x in FROZEN])
def test_frozen_things_cannot_be_changed(
    find: Callable[[Case, Forecast], Any], name: str, error: type[Exception]
) -> None:
    case = talks()
    thing = find(case, update(case, draws=0))
    with pytest.raises(error, match=r"frozen|cannot assign"):
        setattr(thing, name, getattr(thing, name))


def test_frozen_sections_are_tuples() -> None:
    case = talks()
    assert all(isinstance(x, tuple) for x in (case.events, case.indicators, case.events[0].reports))
    assert isinstance(case.events[0].reports[0], Report)


def test_weighted_quantiles() -> None:
    # weights as counts: the quantile of the repeated values
    values, counts = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 5.0]]), np.array([1, 3, 6])
    got = weighted_quantiles(values, counts / 10, (0.05, 0.3, 0.5, 0.95))
    for row, x in zip(got.T, values, strict=True):
        repeated = np.repeat(x, counts)
        expected = np.quantile(repeated, (0.05, 0.3, 0.5, 0.95), method="inverted_cdf")
        assert row == pytest.approx(expected)


# --- light to import ---

TOY = """
[question]
title = "Toy"
text = "Will it open by {deadline}?"
yes_if = "It opens."
proposed = 2020-01-01
as_of = 2020-02-01
deadlines = [2020-03-01]
horizon = 2021-01-01
[base_rate]
held = 0.4
days_to_open = [20, 300]
why = "x"
[[scenarios]]
id = "yes"
held = true
label = "x"
[[scenarios]]
id = "no"
held = false
label = "x"
[[indicators]]
id = "ready"
statement = "x"
chance = { held = "likely", otherwise = "unlikely" }
why = "x"
"""

HEAVY = ("pymc", "pytensor", "arviz", "matplotlib", "seaborn", "nbconvert", "IPython")

LIGHT = [
    ("import", "import forecast"),
    ("forecast", "import forecast, sys; forecast.update(forecast.load(sys.argv[1])).to_dict()"),
]


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in LIGHT])
def test_heavy_libraries_are_not_imported(code: str, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(TOY)
    code += f"; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_update_is_the_function_however_it_is_reached() -> None:
    # no module has its name: one that had would hide it, once it is imported
    code = ("import forecast.updating, forecast; from forecast import update; "
            "assert callable(forecast.update) and update is forecast.update; "
            "from forecast.dependence import ladder; assert callable(forecast.update)")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_days_of_the_result_are_days() -> None:
    f = update(talks(), draws=0)
    assert f.held.deadline.values.astype("datetime64[D]").tolist() == [day(60), day(150)]
    assert f.opening.day.values[0].astype("datetime64[D]").astype(object) == day(31)
