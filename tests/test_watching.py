"""What to watch, and how far a forecast may move: every number again from `update`."""

import datetime as dt
from itertools import product

import numpy as np
import pytest
from enumeration import day, event, indicator, make_case, random_case, report, watch
from toys import learned, toy_fit

from forecast import load, movement, shipped, update, watch_table, watching

NAMES = {"what": "A day is named.", "announces": True}
NODES = [
    indicator("ready", {"held": 0.8, "otherwise": 0.3}),
    indicator("able", {"held": [0.6, 0.9], "otherwise": 0.4}, half_life=40.0),
    indicator("professes", given="ready", if_true=0.9, if_false=0.5),
]
WATCHES = [
    watch("one", "ready", 0.7, 0.2, 44),
    watch("two", "professes", 0.5, 0.3, 40),
    watch("three", "ready", 0.1, 0.6, 42),
]


def held(f):
    return f.held.probability.values


def with_fit(*more):
    """As of day 30; its fit says how days are named."""
    return learned(make_case(indicators=NODES, watch=[*WATCHES, *more]), toy_fit())


# --- the table ---


@pytest.mark.parametrize("case", [
    *(random_case(np.random.default_rng(seed)) for seed in (1, 2, 5, 7)),
    with_fit({"id": "named", "by": day(50)} | NAMES),
    load(shipped()[0]),
])  # fmt: skip
def test_every_number_is_that_of_the_case_with_the_watch_assumed(case):
    ahead, now = watching.by_deadline(case), update(case, draws=0)
    assert ahead.now.values == pytest.approx(held(now), abs=1e-12)
    told = {w.id for w in case.watch if not w.announces}
    for name in ahead.watch.values:
        row = ahead.sel(watch=name)
        c, seen, unseen = float(row.chance), row.if_seen.values, row.if_not.values
        assert c * seen + (1 - c) * unseen == pytest.approx(held(now), abs=1e-6)
        assert row.gain.values == pytest.approx(
            c * (seen - held(now)) ** 2 + (1 - c) * (unseen - held(now)) ** 2, abs=1e-12
        )
        # bits from the table of the four joint outcomes
        for i, p in enumerate(held(now)):
            cells = {(c, p): c * seen[i], (c, 1 - p): c * (1 - seen[i]),
                     (1 - c, p): (1 - c) * unseen[i],
                     (1 - c, 1 - p): (1 - c) * (1 - unseen[i])}  # fmt: skip
            bits = sum(x * np.log2(x / (a * b)) for (a, b), x in cells.items() if x > 0)
            assert float(row.bits[i]) == pytest.approx(bits, abs=1e-9)
        if name in told:
            yes, no = (update(case, assume={name: x}, draws=0) for x in (True, False))
            assert c == pytest.approx(float(np.exp(yes.log_evidence - now.log_evidence)), abs=1e-12)
            assert seen == pytest.approx(held(yes), abs=1e-12)
            assert unseen == pytest.approx(held(no), abs=1e-12)
    waiting = {w.id for w in case.watch if w.by > case.question.as_of}
    waiting -= {e.answers for e in case.as_known(case.question.as_of).events}
    assert told & waiting <= set(ahead.watch.values) <= waiting


def test_the_table_is_one_deadline_of_it_sorted():
    case = load(shipped()[0])
    ahead, second = watching.by_deadline(case), case.question.deadlines[1]
    table = watch_table(case, deadline=second)
    assert list(table.gain) == sorted(table.gain, reverse=True)
    for key in ("chance", "if_seen", "if_not", "gain", "bits"):
        wanted = ahead[key].isel(deadline=1) if key != "chance" else ahead[key]
        assert list(table[key]) == pytest.approx(list(wanted.sel(watch=list(table.index)).values))
    assert table.attrs == {"now": pytest.approx(float(ahead.now[1])), "deadline": str(second)}


def test_watches_with_one_day_for_an_announcement_are_one():
    table = watch_table(with_fit(
        {"id": "named", "by": day(50)} | NAMES,
        {"id": "invited", "by": day(50)} | NAMES | {"what": "Letters go out."},
        {"id": "later", "by": day(70)} | NAMES,
    ))  # fmt: skip
    assert {"named", "later"} < set(table.index)
    assert "invited" not in table.index
    assert table.what["named"] == "A day is named, or: Letters go out."
    assert table.chance["later"] > table.chance["named"]


def test_without_watches_the_table_is_empty():
    assert len(watch_table(make_case(indicators=NODES))) == 0


# --- the movement ---


def summary(states, now):
    chance, p = map(np.array, zip(*states, strict=True))
    assert chance.sum() == pytest.approx(1, abs=1e-12)
    return (chance @ p, chance @ abs(p - now), np.sqrt(chance @ (p - now) ** 2))


@pytest.mark.parametrize("days", [14, 40])
def test_movement_is_that_of_every_joint_outcome(days):
    """Watches all due by then, no announcements: each combination once through `update`.

    The first deadline is day 60: from day 30, forty days go beyond it.
    """
    case = make_case(indicators=NODES, watch=WATCHES)
    by, now = case.question.deadlines[0], update(case, draws=0)
    p, then = float(held(now)[0]), case.question.as_of + dt.timedelta(days)
    states, time = [], []
    for seen in (None, *product((True, False), repeat=3)):
        assume = {} if seen is None else dict(zip(("one", "two", "three"), seen, strict=True))
        f = update(case, assume=assume, draws=0)
        c, opening = float(np.exp(f.log_evidence - now.log_evidence)), f.opening.probability
        opened_in_time = float(opening.sel(day=slice(None, str(min(by, then)))).sum())
        too_late = float(opening.sel(day=slice(None, str(then))).sum()) - opened_in_time
        waits = 1 - opened_in_time - too_late
        later = (float(held(f)[0]) - opened_in_time) / waits
        (time if seen is None else states).extend(
            [(c * opened_in_time, 1.0), (c * too_late, 0.0), (c * waits, later)]
        )
        last = later
    table = movement(case, deadline=by, days=days)
    columns = ["mean", "move", "sd"]
    assert list(table.loc["all", columns]) == pytest.approx(summary(states, p), abs=1e-12)
    assert list(table.loc["time", columns]) == pytest.approx(summary(time, p), abs=1e-12)
    assert list(table["mean"]) == pytest.approx([p] * 4, abs=1e-12)
    assert table.attrs["quiet"] == pytest.approx(last, abs=1e-12)  # nothing seen came last
    assert table.attrs["on"] == str(then)
    assert table.loc["a day named", columns].equals(table.loc["time", columns])


def test_watches_alone_move_it_as_their_values_say():
    """One watch: the variance of the forecast to come is its expected Brier gain."""
    case = make_case(indicators=NODES, watch=WATCHES[:1])
    row = watch_table(case).loc["one"]
    moved = movement(case).loc["watches"]
    assert moved.sd**2 == pytest.approx(row.gain, abs=1e-12)
    # seen with chance .4 or so: the 5 % point is the lower of the two forecasts
    assert (moved.low, moved.high) == pytest.approx((row.if_not, row.if_seen), abs=1e-12)


def test_a_watch_due_later_is_seen_by_then_with_its_part():
    """Due in 56 days, looked at after 14: a quarter of its chance."""
    part = make_case(indicators=NODES, watch=[watch("one", "ready", 0.6 / 4, 0.2 / 4, 44)])
    whole = make_case(indicators=NODES, watch=[watch("one", "ready", 0.6, 0.2, 86)])
    a, b = movement(part, days=14), movement(whole, days=14)
    assert a.values == pytest.approx(b.values, abs=1e-12)
    assert a.sd["watches"] > 0.005


def test_a_quiet_fortnight_ends_at_the_forecast_of_that_day():
    """Nothing ages here: not opened, nothing seen, no day named is what `update` then knows."""
    nodes = [n | {"half_life": None} for n in NODES]
    case = learned(make_case(indicators=nodes, watch=WATCHES), toy_fit())
    table = movement(case, days=14)
    then = update(case, case.question.as_of + dt.timedelta(14), draws=0)
    assert table.attrs["quiet"] == pytest.approx(float(held(then)[-1]), abs=1e-12)
    assert list(table["mean"]) == pytest.approx([table.attrs["now"]] * 4, abs=1e-12)
    # whether a day is named is most of what can be learned
    assert table.sd["all"] > table.sd["a day named"] > table.sd["time"]
    assert table.attrs["aged"] == pytest.approx(table.attrs["now"], abs=1e-12)


def test_what_ages_is_told_apart():
    """With all else gone by, the forecast of today from evidence that is 14 days older."""

    def make(happened):
        said = event("said", "able", 0.9, 0.1, report("c", 30), date=day(happened))
        return make_case(indicators=NODES, events=[said])

    table = movement(make(25), days=14)
    assert table.attrs["aged"] == pytest.approx(float(held(update(make(11), draws=0))[-1]), abs=1e-12)
    assert abs(table.attrs["aged"] - table.attrs["now"]) > 0.005


def test_beyond_the_most_informative_watches_the_rest_is_named():
    watches = [watch(f"w{i}", "ready", 0.3 + 0.02 * i, 0.3, 44) for i in range(watching.MOST + 2)]
    table = movement(make_case(indicators=NODES, watch=watches))
    assert table.attrs["left_out"] == ["w1", "w0"]
    assert table["mean"].to_numpy() == pytest.approx(table.attrs["now"], abs=1e-12)


@pytest.mark.parametrize("days", [0, 370])
def test_a_day_outside_the_case_is_refused(days):
    with pytest.raises(ValueError, match=f"days: {days} is not from 1 to the day before 2021"):
        movement(make_case(), days=days)
