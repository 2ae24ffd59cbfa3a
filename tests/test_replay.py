"""A replay is what a fresh forecast says on each date; joint attendance against every world."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from enumeration import actor, day, enumerate_worlds, make_case, random_case, report
from enumeration import event as an_event
from enumeration import watch as a_watch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_update import READY, SAYS, talks

import forecast
from forecast import attendance, people
from forecast.case import Case
from forecast.replaying import as_csv, as_dict, news, news_days, replay
from forecast.updating import update

EXACT = 1e-12
random_cases = st.integers(0, 10_000).map(lambda seed: random_case(np.random.default_rng(seed)))


def same_as_fresh(case: Case, dates: list[dt.date]) -> None:
    past = replay(case, dates)
    for i, date in enumerate(dates):
        f, row = update(case, date, draws=0), past.isel(as_of=i)
        for got, expected in (
            (row.probability, f.held.probability), (row.prior, f.held.prior), (row.ever, f.ever.probability),
            (row.given_held, f.actors.given_held), (row.by, f.actors.by),
            (row.scenarios, f.scenarios.probability),
        ):  # fmt: skip
            assert got.values == pytest.approx(expected.values, abs=EXACT), (date, expected.name)


@pytest.fixture(scope="module")
def moscow() -> Case:
    return forecast.load("moscow_i")


def test_moscow_on_every_day_of_its_life_is_a_fresh_forecast(moscow: Case) -> None:
    start = moscow.question.proposed
    # the span holds news, announcements, watches whose day passes, and passed deadlines
    dates = [start + dt.timedelta(n) for n in range(95)]
    assert any(w.by in dates for w in moscow.watch)
    assert any(a.reports[0].published in dates for a in moscow.announcements)
    assert any(d in dates for d in moscow.question.deadlines)
    same_as_fresh(moscow, dates)


@settings(max_examples=25, deadline=None)
@given(random_cases, st.lists(st.integers(0, 200), min_size=2, max_size=12))
def test_random_cases_on_any_dates_in_any_order_are_fresh_forecasts(case: Case, days: list[int]) -> None:
    same_as_fresh(case, [day(n) for n in days])


def test_evidence_ages_and_silence_falls_between_two_dates() -> None:
    # `says` has a half-life; the watch `past` falls silent on day 20; `c` speaks on 10, `b` on 20
    past = replay(talks(), [day(n) for n in (0, 9, 10, 11, 19, 20, 21)])
    p = past.given_held.sel(actor="body").values
    assert p[4] > p[5]  # the body's silence counts from its day on, that day included
    moved = np.abs(np.diff(past.scenarios.sel(scenario="yes").values))
    aged = [moved[i] for i in (2, 5)]  # 10 to 11 and 20 to 21: nothing new
    assert all(x > 0 for x in aged)
    assert max(aged) < min(moved[1], moved[4])


def test_ranges_are_those_of_a_fresh_forecast() -> None:
    past = replay(talks(), [day(12), day(30)], draws=40, seed=3)
    for i, n in enumerate((12, 30)):
        f = update(talks(), day(n), draws=40, seed=3)
        for k in ("low", "high"):
            assert past[k].values[i] == pytest.approx(f.held[k].values, abs=EXACT)


def test_later_news_changes_no_earlier_date(moscow: Case) -> None:
    cut = dt.date(2014, 12, 1)
    dates = [cut - dt.timedelta(n) for n in (0, 3, 12)] + [cut + dt.timedelta(1)]
    first = moscow.events[0]
    planted = first.model_copy(update={
        "id": "planted", "bears_on": "khatib", "answers": None, "date": (cut, cut),
        "reports": (first.reports[0].model_copy(update={"published": cut + dt.timedelta(1)}),),
    })  # fmt: skip
    named = moscow.announcements[0].model_copy(update={
        "id": "planted_day", "reports": (moscow.announcements[0].reports[0].model_copy(
            update={"published": cut + dt.timedelta(1)}),),
    })  # fmt: skip
    plain = replay(moscow, dates)
    later = replay(
        moscow.model_copy(update={
            "events": (*moscow.events, planted), "announcements": (*moscow.announcements, named)
        }), dates)  # fmt: skip
    for name in plain.data_vars:
        assert np.array_equal(plain[name].values[:3], later[name].values[:3]), name
    assert abs(float(plain.probability[3, -1] - later.probability[3, -1])) > 0.01
    assert (
        abs(float(plain.given_held.sel(actor="khatib")[3] - later.given_held.sel(actor="khatib")[3]))
        > 0.01
    )


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ([], "expected one at least"),
        ([day(-1)], "is not from 2020-01-01"),
        # the day before the proposal, after a day with the same news
        ([day(0), day(-1)], "as_of: 2019-12-31 is not from 2020-01-01"),
        ([day(399), day(400)], "2021-02-04 is not from 2020-01-01 .* the day before 2021-02-04"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_date_outside_the_life_of_a_case_is_refused(dates: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replay(make_case(), dates)


def test_a_late_date_is_refused_before_the_others_are_worked_out(monkeypatch: Any) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("worked out")

    monkeypatch.setattr("forecast.replaying.answer", never)
    with pytest.raises(ValueError, match="2021-02-04 is not from"):
        replay(make_case(), [day(n) for n in range(401)])


def test_each_actors_events_are_marked_in_his_lane(moscow: Case) -> None:
    from forecast import plots, reading_plots

    past = replay(moscow, news_days(moscow, dt.date(2015, 1, 27)))
    ax = reading_plots.replay_actors(past, moscow)
    days = past.as_of.values
    for i, who in enumerate(a for a in moscow.actors if not a.required):
        watches = {w.id for w in moscow.watch if w.bears_on == who.id}
        on = [e for e in moscow.events if e.bears_on == who.id or e.answers in watches]
        told = {np.datetime64(r.published) for e in on for r in e.reports}
        marked = [line for line in ax.lines if line.get_marker() == "."][i]
        assert set(marked.get_xdata()) == {d for d in days[1:] if d.astype("datetime64[D]") in told}, (
            actor.id
        )
    words = plots.alt(ax)
    # he turned the written invitation down on 9 January, and nothing moved him more
    assert "most by Khatib turns the written invitation down" in words
    assert "9\u00a0Jan" in words


def test_dates_may_be_of_any_kind_and_come_one_by_one() -> None:
    kinds = [day(3), pd.Timestamp(day(3)), np.datetime64(day(3)), str(day(3))]
    past = replay(make_case(), iter(kinds))
    assert len({float(p) for p in past.probability[:, 0]}) == 1
    assert past.as_of.values.tolist() == [pd.Timestamp(day(3)).value] * 4


def told() -> Case:
    """Two events, one of them reported again, and three watches, one of them answered late."""
    return make_case(
        indicators=[READY, SAYS],
        events=[
            an_event("meets", "ready", 0.6, 0.2, report("b", 12), report("a", 20)),
            {"id": "answer", "date": day(24), "what": "x", "answers": "asked", "reports": [report("b", 33)]},
        ],
        watch=[a_watch("quiet", "ready", 0.6, 0.3, by=15), a_watch("asked", "says", 0.6, 0.3, by=25),
               {"id": "day_named", "what": "x", "by": day(14), "announces": True}],
    )  # fmt: skip


# after, until -> what is new: the first day is not counted, the last is
NEW = [
    (None, 11, []),
    (None, 12, ["meets"]),
    (12, 19, ["silence: quiet"]),
    (12, 20, ["silence: quiet", "meets"]),
    (None, 20, ["meets", "silence: quiet"]),
    (20, 32, ["silence: asked"]),
    (20, 33, ["answer"]),
]


@pytest.mark.parametrize(("after", "until", "expected"), NEW)
def test_what_was_new(after: int | None, until: int, expected: list[str]) -> None:
    assert news(told(), day(until), None if after is None else day(after)) == expected


def test_days_of_news_are_those_on_which_a_forecast_moves() -> None:
    days = news_days(told(), day(36))
    assert days == [day(n) for n in (0, 7, 12, 14, 15, 20, 21, 25, 28, 33, 35, 36)]
    assert all(news(told(), b, a) == [] for a, b in pairwise(day(n) for n in range(36)) if b not in days)


def test_record_and_table_carry_the_numbers_of_the_replay() -> None:
    case = talks()
    past = replay(case, [day(5), day(40)])
    record = as_dict(past, case)
    assert [x["after_as_of"] for x in record["dates"]] == [False, True]
    lines = [line.split(",") for line in as_csv(past, case).splitlines()[1:]]
    assert [float(x[5]) for x in lines if x[2:4] == ["held", ""] and x[4] != str(day(400))] == [
        x["probability"] for d in record["dates"] for x in d["held"]
    ]
    assert [float(x[5]) for x in lines if x[2] == "held_and_attends"] == past.by.values.ravel().tolist()
    assert [x["actors"]["person"]["given_held"] for x in record["dates"]] == past.given_held.sel(
        actor="person"
    ).values.tolist()


# --- together ---


@settings(max_examples=25, deadline=None)
@given(random_cases)
def test_dependence_is_that_of_all_worlds(case: Case) -> None:
    d, worlds = attendance.dependence(update(case, draws=0)), enumerate_worlds(case)
    names = [a.id for a in case.actors if not a.required]
    assert d.actor.values.tolist() == d.other.values.tolist() == names
    one = {a: worlds.attendance({a: True}) / worlds.held() for a in names}
    for a in names:
        for b in names:
            both = worlds.attendance({a: True, b: True}) / worlds.held()
            cell = d.sel(actor=a, other=b)
            assert float(cell.both) == pytest.approx(both, abs=1e-10)
            assert float(cell.lift) == pytest.approx(both / (one[a] * one[b]), rel=1e-8)
            # the correlation of two columns of zeros and ones, weighed by their probability
            spread = np.sqrt(one[a] * (1 - one[a]) * one[b] * (1 - one[b]))
            assert float(cell.correlation) == pytest.approx((both - one[a] * one[b]) / spread, abs=1e-8)


def test_who_is_certain_to_come_has_no_correlation() -> None:
    sure = actor("sure", 1 - 1e-15, attends_if_willing=1 - 1e-15, attends_if_unwilling=1 - 1e-15)
    d = attendance.dependence(update(make_case(actors=[sure, actor("free", "likely")]), draws=0))
    assert np.isnan(d.correlation.sel(actor="sure")).all()
    assert float(d.correlation.sel(actor="free", other="free")) == pytest.approx(1)
    assert float(d.lift.sel(actor="sure", other="free")) == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(random_cases)
def test_partition_adds_up_and_is_that_of_all_worlds(case: Case) -> None:
    f, worlds = update(case, draws=0), enumerate_worlds(case)
    parts = attendance.partition(f)
    assert sum(p for _, p in parts) == pytest.approx(1, abs=1e-12)
    assert len(parts) == 1 + 2 ** min(sum(not (a.required or a.part_of) for a in case.actors), 2)
    for who, p in parts:
        expected = 1 - worlds.held() if who is None else worlds.attendance(who)
        assert p == pytest.approx(expected, abs=1e-10)
    # in whole per cents, the lines keep their order and their sum
    shown = people.partition(f)
    assert sum(n for _, n in shown) == 100
    assert all(abs(n / 100 - p) < 0.0200001 for (_, n), (_, p) in zip(shown, parts, strict=True))


def test_the_page_maps_every_pair_and_tells_the_strongest(moscow: Case) -> None:
    f = update(moscow, draws=0)
    html = str(people.together(f).body)
    number = f.count()
    assert f"<b>{float((number * number.number).sum()):.1f}</b> of 5" in html
    d = attendance.dependence(f)
    names = [a.name for a in attendance.asked(moscow)]
    lower = list(combinations([a.id for a in attendance.asked(moscow)], 2))
    r = {pair: float(d.correlation.sel(actor=pair[0], other=pair[1])) for pair in lower}
    assert html.count('<rect class="cell"') == 2 * (len(names) - 1)  # a ground for each row, twice drawn
    seen = sum(abs(x) >= 0.005 for x in r.values())
    assert html.count('class="cell up"') + html.count('class="cell down"') == 2 * seen
    rows = re.findall(
        r"<bdi[^>]*>([^<]*)</bdi> and <bdi[^>]*>([^<]*)</bdi></th><td[^>]*>([^<]*)</td>", html
    )
    ids = {a.name.replace("'", "&#x27;"): a.id for a in moscow.actors}
    shown = {(ids[a], ids[b]): float(r.replace("−", "-")) for a, b, r in rows}
    assert len(shown) == 24 < seen
    weakest = min(abs(x) for x in shown.values())
    for pair in lower:
        if pair in shown:
            assert shown[pair] == pytest.approx(r[pair], abs=0.00501), pair
        else:
            assert abs(r[pair]) <= weakest + 0.00501, pair


def test_figures_of_reading_say_what_they_show(moscow: Case) -> None:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from forecast import plots, reading_plots

    settings_, before = dict(mpl.rcParams), plt.get_fignums()
    past, f = replay(moscow, news_days(moscow, dt.date(2015, 1, 27))), update(moscow, draws=0)
    last = forecast.tables.percent(
        float(past.probability.sel(deadline=pd.Timestamp(moscow.headline))[-1])
    )
    drawn: list[tuple[Callable[[Any], Any], str]] = [
        (lambda ax: reading_plots.replay(past, moscow, ax), last.replace(" ", "\u00a0")),
        (lambda ax: reading_plots.replay_actors(past, moscow, ax), "Muath al-Khatib"),
        (lambda ax: reading_plots.dependence(f, ax), f"{len(moscow.actors) - 1}\u00a0actors"),
    ]
    for draw, says in drawn:
        _, ax = plt.subplots()
        assert draw(ax) is ax
        assert says in plots.figure(ax).alt
    assert dict(mpl.rcParams) == settings_
    assert plt.get_fignums() == before
