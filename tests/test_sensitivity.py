"""What a forecast hangs on: every number again from a case with the change written into it."""

import datetime as dt
from itertools import product

import numpy as np
import pytest
from enumeration import (
    TWO,
    actor,
    day,
    enumerate_worlds,
    event,
    indicator,
    make_case,
    random_case,
    report,
    watch,
)  # fmt: skip
from scipy.special import logit
from scipy.stats import beta
from toys import CLASS, learned, toy_fit

from forecast import criticism, input_ranges, tornado, update, variants
from forecast.judgement import Judgement, fit_beta, means, parse_judgement
from forecast.sensitivity import STRETCH

# --- the tornado ---


def with_number(case, label, value):
    """The case with a plain number where the judgement of a label stood."""
    owner, key = label.split(": ")
    number = Judgement(value, value)

    def changed(items, change):
        return tuple(x.model_copy(update=change(x)) if x.id == owner else x for x in items)

    if key in ("if true", "if false"):

        def change(x):
            if_false, if_true = case.likelihoods(x)
            return {"if_true": if_true, "if_false": if_false, key.replace(" ", "_"): number}

        return case.model_copy(
            update={"events": changed(case.events, change), "watch": changed(case.watch, change)}
        )
    name, _, column = key.partition(".")

    def change(x):
        table = getattr(x, name.replace(" ", "_"))
        assert column or len(table) == 1
        return {name.replace(" ", "_"): table | {column or next(iter(table)): number}}

    field = "indicators" if any(i.id == owner for i in case.indicators) else "actors"
    field_name = {"chance if true": "if_true", "chance if false": "if_false"}
    name = field_name.get(name, name)
    return case.model_copy(update={field: changed(getattr(case, field), change)})


@pytest.mark.parametrize("seed", range(4))
def test_a_bar_is_the_forecast_with_the_plain_number_in_place(seed):
    case = random_case(np.random.default_rng(seed))
    deadline = case.question.deadlines[-1]
    actor_id = case.actors[0].id
    bars, of = tornado(case, deadline=deadline), tornado(case, of=actor_id)
    assert set(bars.index) == set(of.index)
    assert bars.attrs["now"] == pytest.approx(
        float(update(case, draws=0).held.probability[-1]), abs=1e-12
    )
    judged = bars[bars.kind.isin(["indicator", "actor", "event", "watch"])]
    assert len(judged) > 3
    for label, bar in judged.iterrows():
        for end, value in (("at_low", bar.low), ("at_high", bar.high)):
            f = update(with_number(case, label, value), draws=0)
            assert bar[end] == pytest.approx(float(f.held.probability[-1]), abs=1e-12), label
            attends = float(f.actors.given_held.sel(actor=actor_id))
            assert of.loc[label, end] == pytest.approx(attends, abs=1e-12), label
    assert list(bars.swing) == sorted(abs(bars.at_high - bars.at_low), reverse=True)


def test_with_one_judgement_fixed_the_others_are_integrated():
    """Against draws of all the others, weighted by the evidence: not only at their means."""
    case = make_case(
        indicators=[indicator("ready", {"held": [0.5, 0.9], "otherwise": [0.1, 0.6]})],
        events=[event("said", "ready", [0.3, 0.9], [0.1, 0.5])],
    )
    bar = tornado(case).loc["ready: chance.held"]
    rng, n = np.random.default_rng(1), 400_000
    q, a, b = (beta(*(float(x) for x in fit_beta(*i))).rvs(n, random_state=rng)
               for i in ((0.1, 0.6), (0.3, 0.9), (0.1, 0.5)))  # fmt: skip
    lam1, lam0 = a + (1 - a) * 0.25, b + (1 - b) * 0.25  # a report of grade C
    f = update(case, draws=0)
    p, by = float(f.ever.prior), float(f.held.prior[-1]) / float(f.ever.prior)
    for value, at in ((0.5, bar.at_low), (0.9, bar.at_high)):
        held = p * (value * lam1 + (1 - value) * lam0)
        evidence = held + (1 - p) * (q * lam1 + (1 - q) * lam0)
        assert at == pytest.approx(by * held.mean() / evidence.mean(), abs=1e-3)


SHARED = make_case(
    scenarios=[
        {"id": "soon", "held": True, "label": "x", "share": [0.2, 0.6], "days_to_open": [10, 90]},
        {"id": "late", "held": True, "label": "x"},
        {"id": "balks", "held": False, "label": "x", "share": [0.1, 0.4]},
        {"id": "fades", "held": False, "label": "x", "share": [0.2, 0.3]},
        {"id": "other", "held": False, "label": "x"},
    ],
    base_rate={"held": [0.2, 0.6]},
    indicators=[indicator("ready", {"soon": 0.9, "late": 0.6, "balks": 0.1, "otherwise": 0.5})],
    events=[event("said", "ready", 0.7, 0.2)],
)
ENDS = (1 / STRETCH, STRETCH)


def share_of(case, name, value):
    """Its share as a number, the other stated ones of its side in proportion."""
    means = {"soon": 0.0, "balks": 0.0, "fades": 0.0}
    for s in case.scenarios:
        if s.share:
            a, b = fit_beta(s.share.low, s.share.high)
            means[s.id] = float(a / (a + b))
    side = ("soon",) if name == "soon" else ("balks", "fades")
    new = {s: means[s] * (1 - value) / (1 - means[name]) for s in side} | {name: value}
    scenarios = tuple(
        s.model_copy(update={"share": Judgement(new[s.id], new[s.id])}) if s.id in new else s
        for s in case.scenarios
    )
    return case.model_copy(update={"scenarios": scenarios})


def own_days(case, name, factor):
    scenarios = tuple(
        s.model_copy(update={"days_to_open": tuple(factor * d for d in s.days_to_open)})
        if s.id == name
        else s
        for s in case.scenarios
    )
    return case.model_copy(update={"scenarios": scenarios})


def base(case, **changes):
    return case.model_copy(update={"base_rate": case.base_rate.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("label", "low", "high"),
    [
        ("base rate: P(ever held)", *(base(SHARED, held=Judgement(x, x)) for x in (0.2, 0.6))),
        # only "late" has the time of the base rate
        ("base rate: median days to open, stretched",
         *(base(SHARED, days_to_open=(20 * x, 300 * x)) for x in ENDS)),
        ("soon: median days to open, stretched", *(own_days(SHARED, "soon", x) for x in ENDS)),
        ("soon: share", *(share_of(SHARED, "soon", x) for x in (0.2, 0.6))),
        ("balks: share", *(share_of(SHARED, "balks", x) for x in (0.1, 0.4))),
        ("fades: share", *(share_of(SHARED, "fades", x) for x in (0.2, 0.3))),
    ],
)  # fmt: skip
def test_bars_of_an_elicited_base_rate(label, low, high):
    bar = tornado(SHARED).loc[label]
    for at, case in ((bar.at_low, low), (bar.at_high, high)):
        assert at == pytest.approx(float(update(case, draws=0).held.probability[-1]), abs=1e-12)


def test_every_doubt_about_the_base_rate_has_its_bar_and_no_certainty_has():
    labels = list(tornado(SHARED).index)
    assert len(labels) == 6  # the table above: all other judgements are plain numbers
    certain = base(SHARED, held=Judgement(0.4, 0.4))
    assert "base rate: P(ever held)" not in tornado(certain).index


def test_bars_of_a_learned_base_rate():
    """Each against a fit whose draws all agree on the number, or on the median time."""
    fit = toy_fit()
    case = learned(SHARED, fit)
    bars = tornado(case)
    ever = 1 / (1 + np.exp(-fit.draws["level"]))
    for q, end in ((0.05, "low"), (0.95, "high")):
        p, at = np.quantile(ever, q), np.quantile(fit.draws["log_days"], q)
        one = learned(SHARED, toy_fit(level=np.full(4, logit(p))))
        assert bars.loc["base rate: P(ever held)", f"at_{end}"] == pytest.approx(
            float(update(one, draws=0).held.probability[-1]), abs=1e-12
        )
        one = learned(SHARED, toy_fit(log_days=np.full(4, at)))
        assert bars.loc["base rate: median days to open", end] == pytest.approx(np.exp(at))
        assert bars.loc["base rate: median days to open", f"at_{end}"] == pytest.approx(
            float(update(one, draws=0).held.probability[-1]), abs=1e-12
        )


def test_a_number_that_several_use_is_named_and_moved_for_all():
    spans = {"if_true": [0.5, 0.9], "if_false": [0.1, 0.3]}
    exact = {k: float(means([parse_judgement(v)])[0]) for k, v in spans.items()}
    kind = spans | {"id": "says_yes", "label": "x", "ground": "x", "direction": "for",
                    "ratio": exact["if_true"] / exact["if_false"]}  # fmt: skip

    def build(**own):
        like = own or {"type": "says_yes"}
        events = [
            {"id": f"e{i}", "date": day(5), "what": "x", "why": "x", "bears_on": node,
             "reports": [report("c")]} | like
            for i, node in enumerate(("ready", "ready", "able"))
        ]  # fmt: skip
        return make_case(
            indicators=[indicator("ready", {"held": 0.8, "otherwise": [0.2, 0.5]}),
                        indicator("able", {"held": 0.7, "otherwise": 0.4})],
            events=[*events, event("own", "able", 0.6, 0.3)],
            event_types=[] if own else [kind],
        )  # fmt: skip

    bars = tornado(build())
    assert bars.loc["e1: if true", "used_by"] == "e0, e1, e2"
    assert bars.loc["ready: chance.otherwise", "used_by"] == "no"
    for key, ends in spans.items():
        bar = bars.loc[f"says_yes: {key.replace('_', ' ')}, in all its events"]
        assert (bar.kind, bar.used_by) == ("event type", "e0, e1, e2")
        for at, value in zip((bar.at_low, bar.at_high), ends, strict=True):
            f = update(build(**(exact | {key: value})), draws=0)
            assert at == pytest.approx(float(f.held.probability[-1]), abs=1e-12)


def test_an_unknown_actor_is_refused():
    with pytest.raises(ValueError, match='of: no actor "nobody" in the case'):
        tornado(SHARED, of="nobody")


# --- the variants ---

PASSAGE = {"document": "paper", "paragraph": 1}
DOCUMENT = {"id": "paper", "title": "x", "published": day(10)}
LIKE = {"for": ([0.5, 0.8], [0.1, 0.3]), "against": ([0.1, 0.3], [0.4, 0.9]),
        "overlaps": ([0.3, 0.7], [0.2, 0.5]), "talk": ([0.8, 0.9], [0.5, 0.7])}  # fmt: skip
NODES = {"for": "ready", "against": "able", "overlaps": "able", "talk": "professes"}


def told(like=LIKE, only=tuple(LIKE), grades="cdec", silence=True):
    """Four events, the first and third from the paper, and a silence."""
    events = []
    for (name, node), grade in zip(NODES.items(), grades, strict=True):
        found = {"article": PASSAGE} if name in ("for", "overlaps") else {}
        if name in only:
            events.append(event(name + "_it" if name == "for" else name, node, *like[name],
                                report(grade, **found)))  # fmt: skip
    likelihoods = like.get("silent", (0.6, 0.2))
    return make_case(
        indicators=[
            indicator("ready", {"held": 0.8, "otherwise": 0.3}),
            indicator("able", {"held": 0.7, "otherwise": 0.4}),
            indicator("professes", given="ready", if_true=0.9, if_false=0.6),
        ],
        events=events, documents=[DOCUMENT],
        watch=[watch("silent", "ready", *likelihoods, 20)] if silence else [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variant", "by_hand"),
    [
        ("as judged", told()),
        ("all reports grade A", told(grades="aaaa")),
        ("without cheap talk", told(only=("for", "against", "overlaps"))),
        # where the ends would cross, the event says nothing
        ("weak evidence", told({"for": (0.5, 0.3), "against": (0.3, 0.4), "overlaps": (0.4, 0.4),
                                "talk": (0.8, 0.7)})),
        ("strong evidence", told({"for": (0.8, 0.1), "against": (0.1, 0.9), "overlaps": (0.7, 0.2),
                                  "talk": (0.9, 0.5)})),
        ("article alone", told(only=("for", "overlaps"), silence=False)),
    ],
)  # fmt: skip
def test_a_variant_is_the_forecast_of_the_changed_case(variant, by_hand):
    table = variants(told())
    assert list(table.loc[variant]) == pytest.approx(
        list(update(by_hand, draws=0).held.probability.values), abs=1e-12
    )
    assert set(table.attrs["changed"]) == set(table.index)
    assert len(table) == 6  # no other class: the base rate is judged


def test_inline_sources_and_announcements_are_graded_too():
    """Of one date, heard from a bad source and from a good one."""

    def make(grade):
        source = {"name": "Somebody", "reliability": grade}
        case = make_case(
            announcements=[{"id": "named", "what": "x", "kind": "day", "opens": day(50),
                            "reports": [report(source, 20)]}],
        )  # fmt: skip
        return case.model_copy(update={"fit": toy_fit()})

    table = variants(make("E"))
    assert list(table.loc["all reports grade A"]) == pytest.approx(
        list(update(make("A"), draws=0).held.probability.values), abs=1e-12
    )
    assert table.loc["all reports grade A"].iloc[0] > table.loc["as judged"].iloc[0] + 0.1
    silent = make("E").model_copy(update={"announcements": ()})
    assert list(table.loc["nothing announced"]) == pytest.approx(
        list(update(silent, draws=0).held.probability.values), abs=1e-12
    )


def test_other_reference_classes_are_those_of_the_fit():
    """An effect of the kind is a shift of the log odds; one of the class's own does nothing."""
    effect = np.zeros((4, 7))
    effect[:, 2] = 0.8  # relaunches
    case = learned(told(), toy_fit(on_kind=effect))
    table = variants(case)
    shifted = learned(told(), toy_fit(level=toy_fit().draws["level"] + 0.8))
    wanted = list(update(shifted, draws=0).held.probability.values)
    assert list(table.loc["as a relaunch"]) == pytest.approx(wanted, abs=1e-12)
    assert list(table.loc["as a consultation"]) == pytest.approx(list(table.loc["as judged"]))
    assert "relaunch instead of new_initiative" in table.attrs["changed"]["as a relaunch"]
    mine = variants(case, classes={"mine": CLASS.model_copy(update={"row_type": "relaunch"})})
    assert list(mine.loc["mine"]) == pytest.approx(wanted, abs=1e-12)
    assert "as a relaunch" not in mine.index


def test_variants_hear_nothing_later_than_the_date():
    late = report("a", 40, article=PASSAGE)
    case = make_case(
        indicators=[indicator("ready", {"held": 0.8, "otherwise": 0.3})], documents=[DOCUMENT],
        events=[event("early", "ready", 0.6, 0.2), event("late", "ready", 0.9, 0.1, late, date=day(35))],
    )  # fmt: skip
    table = variants(case)
    assert "article alone" not in table.index
    only = case.model_copy(update={"events": case.events[:1]})
    assert table.equals(variants(only))


# --- criticism ---

CONFLICT = {"chance": {"held": 0.8, "otherwise": 0.2}}


def reported():
    """Four events on three nodes: affirmed, denied, by two origins, and on what ages."""
    return make_case(
        indicators=[indicator("ready", **CONFLICT), indicator("able", **CONFLICT, half_life=30.0),
                    indicator("professes", given="ready", if_true=0.9, if_false=0.5)],
        events=[
            event("one", "ready", 0.6, 0.2, report("c")),
            event("two", "able", 0.3, 0.6, report("d"), report("c", denies=True)),
            event("three", "professes", 0.8, 0.4, report("b"), report("f")),
            event("four", "able", 0.5, 0.2, report("e", denies=True)),
        ],
    )  # fmt: skip


PHI = {"one": (1.0, 0.25), "two": (0.25, 0.55), "three": (1.0, 0.1 * 0.4), "four": (0.9, 1.0)}
"""Of each event, the products of phi that deny it and that affirm it."""


def told_as(case, ways):
    """log P(told so) by brute force: each event as it was, or settled by a silent origin."""
    settled = {e: w for e, w in ways.items() if w is not None}
    weight = 1.0
    for e, happened in settled.items():
        weight *= 1 - PHI[e][0 if happened else 1]
    if not weight:
        return -np.inf
    without = [e for e in PHI if e not in ways]
    return float(np.log(weight)) + enumerate_worlds(case, without=without, assume=settled).log_evidence


def agreement(case, ways):
    on = {"ready": ["one"], "able": ["two", "four"], "professes": ["three"]}
    parts = [told_as(case, {e: ways[e] for e in events}) for events in on.values()]
    return told_as(case, ways) - sum(parts)


def all_ways():
    return [dict(zip(PHI, w, strict=True)) for w in product((None, True, False), repeat=4)]


def test_agreement_and_its_tail_by_enumeration():
    case = reported()
    as_it_was = dict.fromkeys(PHI)
    c = criticism(case, draws=4000)
    exact = agreement(case, as_it_was)
    assert c.decibans == pytest.approx(10 / np.log(10) * exact, abs=1e-9)
    possible = [(np.exp(p), agreement(case, w)) for w in all_ways() if (p := told_as(case, w)) > -np.inf]
    chance, value = map(np.array, zip(*possible, strict=True))
    assert chance.sum() == pytest.approx(1, abs=1e-9)
    tail = chance[value <= exact + 1e-9].sum()
    assert c.tail == pytest.approx(tail, abs=4 * np.sqrt(0.25 / 4000))
    assert 0.05 < tail < 0.95  # or the comparison says little
    # agreement is information on average: its mean is above zero
    assert chance @ value > 0


def test_what_is_said_of_nodes_and_events_by_enumeration():
    case = reported()
    c = criticism(case, draws=10)
    on = {"ready": ["one"], "able": ["two", "four"], "professes": ["three"]}
    everything = enumerate_worlds(case)
    for node, events in on.items():
        row = c.nodes.loc[node]
        alone = enumerate_worlds(case, without=[e for e in PHI if e not in events])
        rest = enumerate_worlds(case, without=events)
        assert row.events == len(events)
        assert (row.alone, row.rest, row["all"]) == pytest.approx(
            (alone.node(node), rest.node(node), everything.node(node)), abs=1e-9
        )
        conflict = everything.log_evidence - alone.log_evidence - rest.log_evidence
        assert row.decibans == pytest.approx(10 / np.log(10) * conflict, abs=1e-9)
    for name, row in c.events.iterrows():
        alone = enumerate_worlds(case, without=[e for e in PHI if e != name])
        rest = enumerate_worlds(case, without=[name])
        assert row.expected == pytest.approx(alone.total(), abs=1e-9)
        assert row.given_rest == pytest.approx(everything.total() / rest.total(), abs=1e-9)


def test_scenarios_by_enumeration():
    """log P(told | s), its mean and sd over what is told in worlds of s."""
    case = reported()
    c = criticism(case, draws=8000)
    on = {"ready": ["one"], "able": ["two", "four"], "professes": ["three"]}
    prior = enumerate_worlds(case, without=PHI).scenario()

    def given(ways, s):
        settled = {e: w for e, w in ways.items() if w is not None}
        world = enumerate_worlds(case, assume=settled)
        apart = sum(told_as(case, {e: ways[e] for e in events}) for events in on.values())
        log_p = told_as(case, ways) + np.log(world.scenario()[s] / prior[s])
        return log_p, log_p - apart

    ways = [w for w in all_ways() if told_as(case, w) > -np.inf]
    for s, (_, row) in enumerate(c.scenarios.iterrows()):
        log_p, value = map(np.array, zip(*(given(w, s) for w in ways), strict=True))
        mean = np.exp(log_p) @ value
        sd = np.sqrt(np.exp(log_p) @ (value - mean) ** 2)
        observed = given(dict.fromkeys(PHI), s)[1]
        assert row.decibans == pytest.approx(10 / np.log(10) * observed, abs=1e-9)
        assert row.expected == pytest.approx(
            10 / np.log(10) * mean, abs=40 / np.log(10) * sd / np.sqrt(4000)
        )
        assert row.sd == pytest.approx(10 / np.log(10) * sd, rel=0.1)
        assert row.strain == pytest.approx((observed - mean) / sd, abs=0.15)


def test_tails_are_uniform_under_the_model():
    """Of evidence drawn from the model, a tail of x or less comes with chance x."""
    names = ["a", "b", "c", "d"]
    case = make_case(
        indicators=[indicator("ready", **CONFLICT), indicator("able", **CONFLICT),
                    indicator("free", {"held": 0.3, "otherwise": 0.9})],
        watch=[watch("a", "ready", 0.7, 0.2, 20), watch("b", "able", 0.6, 0.1, 20),
               watch("c", "able", 0.3, 0.8, 20), watch("d", "free", 0.9, 0.3, 20)],
    )  # fmt: skip
    chance, tail = [], []
    for seen in product((True, False), repeat=4):
        assume = dict(zip(names, seen, strict=True))
        chance.append(np.exp(update(case, assume=assume, draws=0).log_evidence))
        tail.append(criticism(case, assume=assume, draws=4000).tail)
    chance, tail = np.array(chance), np.array(tail)
    assert chance.sum() == pytest.approx(1)
    for x in tail:
        assert chance[tail <= x + 1e-9].sum() == pytest.approx(x, abs=0.03)


def test_the_indicator_that_contradicts_the_others_is_named():
    strong = {"if_true": 0.8, "if_false": 0.1}

    def make(odd):
        return make_case(
            indicators=[indicator(n, {"held": 0.95, "otherwise": 0.05}) for n in ("one", "two", "odd")],
            events=[
                event("e1", "one", **strong), event("e2", "two", **strong),
                event("e3", "odd", *((0.1, 0.8) if odd else (0.8, 0.1)), report("a")),
            ],
        )  # fmt: skip

    against, together = criticism(make(odd=True)), criticism(make(odd=False))
    assert against.nodes.index[0] == "odd"
    assert against.nodes.decibans["odd"] < -2 < 0 < together.nodes.decibans["odd"]
    assert against.events.index[0] == "e3"
    assert against.tail < 0.1 < 0.3 < together.tail


def test_evidence_that_no_scenario_accounts_for_strains_them_all():
    """Both are true, where every future has exactly one of them."""
    scenarios = [TWO[0] | {"id": "first"}, TWO[1] | {"id": "second"}]
    case = make_case(
        scenarios=scenarios,
        indicators=[indicator("one", {"first": 0.98, "second": 0.02}),
                    indicator("two", {"first": 0.02, "second": 0.98})],
        events=[event("e1", "one", 0.9, 0.05, report("a")), event("e2", "two", 0.9, 0.05, report("a"))],
    )  # fmt: skip
    c = criticism(case)
    assert (c.scenarios.strain < -1.5).all()
    fits = criticism(case, without=["e2"])
    assert fits.scenarios.strain["first"] > -0.5


def test_nothing_heard_is_no_conflict():
    c = criticism(make_case(actors=[actor("host", {"held": 0.9, "otherwise": 0.2})]))
    assert (c.decibans, len(c.nodes), len(c.events)) == (pytest.approx(0, abs=1e-12), 0, 0)
    assert c.tail == pytest.approx(1)
    assert list(c.scenarios.strain) == [0, 0]


def test_a_deadline_that_is_not_of_the_question_may_be_asked():
    when = SHARED.question.as_of + dt.timedelta(50)
    asked = SHARED.model_copy(
        update={"question": SHARED.question.model_copy(update={"deadlines": (when,)})}
    )
    assert tornado(SHARED, deadline=when).attrs["now"] == pytest.approx(
        float(update(asked, draws=0).held.probability[0]), abs=1e-12
    )


# --- the input range in parts ---


def test_input_ranges_are_those_of_cases_in_which_the_rest_is_certain():
    def doubtful(case, held):
        rate = case.base_rate.model_copy(update={"held": parse_judgement(held)})
        return case.model_copy(update={"base_rate": rate})

    case = doubtful(told(), [0.3, 0.7])
    parts = input_ranges(case, draws=4000, seed=3)
    whole, n = update(case, draws=4000, seed=3).held, len(case.question.deadlines)
    assert list(parts.loc["all"].low) == list(whole.low.values)
    assert list(parts.loc["all"].high) == list(whole.high.values)
    assert list(parts.probability) == pytest.approx(3 * list(whole.probability.values), abs=1e-12)
    # no doubt about the base rate
    mean = float(means([case.base_rate.held])[0])
    tree = update(doubtful(case, mean), draws=4000, seed=4).held
    assert list(parts.loc["judgements of the tree"].low) == pytest.approx(
        list(tree.low.values), abs=0.01
    )
    assert list(parts.loc["judgements of the tree"].high) == pytest.approx(
        list(tree.high.values), abs=0.01
    )
    # no doubt about any likelihood
    plain = told({k: tuple(means([parse_judgement(x) for x in v])) for k, v in LIKE.items()})
    base = update(doubtful(plain, [0.3, 0.7]), draws=4000, seed=3).held
    assert list(parts.loc["base rate and shares"].low) == pytest.approx(list(base.low.values), abs=1e-9)
    assert list(parts.loc["base rate and shares"].high) == pytest.approx(
        list(base.high.values), abs=1e-9
    )
    width = (parts.high - parts.low).to_numpy().reshape(3, n)
    assert (width[2] > width[:2].max(0)).all()
    assert (width > 0.005).all()


def test_input_ranges_need_draws():
    with pytest.raises(ValueError, match="draws: 0; expected at least one"):
        input_ranges(told(), draws=0)


def test_a_time_that_is_stretched_beyond_the_horizon_stays_a_number():
    case = make_case()
    length = (case.question.horizon - case.question.proposed).days
    near = case.base_rate.model_copy(update={"days_to_open": (length - 5.0, length - 1.0)})
    plain = tuple(s.model_copy(update={"days_to_open": None}) for s in case.scenarios)
    swings = tornado(case.model_copy(update={"base_rate": near, "scenarios": plain}))
    assert np.isfinite(swings[["at_low", "at_high"]].to_numpy(float)).all()
    assert any("stretched" in x for x in swings.index)
