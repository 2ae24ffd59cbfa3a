"""Announcements: one likelihood, proper in every state, that never makes a forecast incoherent."""

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from toys import CLASS

import forecast
from forecast import announcements as an
from forecast import base_rate
from forecast.fits import HORIZON, LEVELS, Fit
from forecast.loading import CaseError

START = dt.date(2020, 1, 1)
QUIET = an.Heard(np.ones(1), (an.Alive(1.0, 0, 0),))
CASE = """
[question]
title = "Toy"
text = "Will it open by {deadline}?"
yes_if = "It opens."
proposed = 2020-01-01
as_of = 2020-02-01
deadlines = [2020-03-01, 2020-06-01]
horizon = 2020-12-31
[base_rate]
held = [0.2, 0.6]
days_to_open = [20, 250]
why = "Counted."
[[scenarios]]
id = "soon"
held = true
share = 0.4
label = "Soon"
days_to_open = [10, 90]
[[scenarios]]
id = "late"
held = true
label = "Late"
[[scenarios]]
id = "never"
held = false
label = "Never"
[[sources]]
id = "host"
name = "Host"
reliability = "A"
[[sources]]
id = "rumour"
name = "Rumour"
reliability = "E"
"""


@pytest.fixture
def fit():
    """A fit of four draws, with round numbers."""
    spread = np.linspace(-0.2, 0.2, 4)
    draws = {
        "level": spread, "on_stage": np.zeros((4, 3)), "on_convener": np.zeros((4, 6)),
        "on_kind": np.zeros((4, 7)), "on_conflict": np.zeros((4, 1)), "spread": np.zeros((4, 3)),
        "log_days": 4 + spread, "log_days_on_stage": np.zeros((4, 3)), "sigma": np.full(4, 1.0),
        "log_sigma_on_stage": np.zeros((4, 3)), "end_log_days": np.log(90) + spread,
        "end_log_days_on_stage": np.zeros((4, 3)), "end_sigma": np.full(4, 1.1),
        "recorded": np.full(4, 0.5), "stage_share": np.full((4, 3), 1 / 3),
        "lead_log_days": np.log(20) + spread, "lead_sigma": np.full(4, 0.8),
        "on_time": np.full(4, 0.6), "slip_log_days": np.log(15) + spread,
        "slip_sigma": np.full(4, 1.0), "named_if_never": np.full(4, 0.4),
        "att_role": np.zeros((4, len(LEVELS["role"]))), "att_convener": np.zeros((4, 6)),
        "att_conflict": np.zeros((4, 1)), "att_spread": np.zeros((4, 2)),
    }  # fmt: skip
    return Fit("peace_talks", START, (), "", ("Somewhere",), draws)


@pytest.fixture
def make(tmp_path, fit):
    def make(*news):
        """A case with announcements: (kind, published day, first and last day or None, source)."""
        text = ""
        for i, (kind, published, opens, source) in enumerate(news):
            day = START + dt.timedelta(published)
            text += f'[[announcements]]\nid = "a{i}"\nwhat = "x"\nkind = "{kind}"\n'
            if opens:
                first, last = (START + dt.timedelta(x) for x in opens)
                text += f"opens = {first}\n" if first == last else f"opens = [{first}, {last}]\n"
            text += f'reports = [{{ source = "{source}", published = {day} }}]\n'
        (tmp_path / "case.toml").write_text(CASE, "utf-8")
        (tmp_path / "events.toml").write_text(text, "utf-8")
        case = forecast.load(tmp_path, fitted=False)
        return case.model_copy(update={"fit": fit})

    return make


def opens(case):
    """P(opens on day t | held), from the root itself."""
    from forecast.base_rate import opening, share_means

    opened = opening(case).opened
    held = [s.held for s in case.scenarios]
    joint = share_means(case.scenarios)[held, None] * np.diff(opened, axis=2).mean(1)
    return np.concatenate([[0], joint.sum(0) / joint.sum()])


def at(day):
    return START + dt.timedelta(day)


def test_on_the_day_of_the_proposal_silence_says_nothing(make):
    case = make()
    like = an.likelihood(case, START, opens(case))
    assert like.held[1:] == pytest.approx(1, abs=1e-12)
    assert like.never == pytest.approx(1, abs=1e-12)
    with_fit, without = (
        forecast.update(c, START, draws=0) for c in (case, case.model_copy(update={"fit": None}))
    )
    assert with_fit.held.probability.values == pytest.approx(without.held.probability.values, abs=1e-12)


@pytest.mark.parametrize("now", [1, 10, 60])
def test_every_state_has_its_share_of_one(make, fit, now):
    """None; named for d on n and quiet; put off; called off: they add up to one, for each t."""
    case = make()
    f = opens(case)
    total = an.likelihood(case, at(now), f)
    held = total.held.copy()
    for state in _named(case, 1, now, now + 40, f, total):
        held += state.held
    t = np.arange(len(f))
    assert held[(t > now) & (t <= now + 40)] == pytest.approx(1, abs=1e-9)
    assert total.never == pytest.approx(1 - 0.4 * (1 - f @ total.held), abs=1e-12)


def _named(case, first, now, last, f, silent):
    """The states in which some day up to `last` was named from day `first` to `now`."""
    for n in range(first, now + 1):
        for d in range(n, min(last, n + an.LONGEST) + 1):
            news = _plan(d)
            for kind, published in (("day", n), ("postponed", now), ("cancelled", now)):
                yield an._told(case.fit, news[kind], (d, n), START, published, now, f, silent)


def _plan(day):
    from forecast.parts import Announcement

    report = {"source": "host", "published": START}
    when = {"opens": at(day)}
    return {
        kind: Announcement.model_validate(
            {"id": kind, "what": "x", "kind": kind, "reports": [report]}
            | (when if kind == "day" else {})
        )
        for kind in ("day", "postponed", "cancelled")
    }


def test_before_is_the_expectation_of_after(make):
    """P(held by the deadline) today = its mean over all that may be announced, or open, by then."""
    case, now, later = make(), 20, 24
    deadline = case.question.deadlines[0]
    before = forecast.update(case, at(now), draws=0)
    base = make()
    f = opens(base)
    root = before.opening.probability.values
    opened = root[: later - now].sum()
    silent = an.likelihood(base, at(now), f)
    # joint with the state on the later day, by the likelihood itself: P(t) L(state | t)
    day = np.concatenate([np.zeros(now + 1), root])
    never = 1 - root.sum()
    states = [an.likelihood(base, at(later), f)]
    states += _named(base, now + 1, later, len(f) + an.LONGEST, f, silent)
    until = (deadline - START).days
    after = opened
    for state in states:
        # given the silence until today: divide by its likelihood, which the root already holds
        told = np.divide(state.held, silent.held, out=np.zeros(len(f)), where=silent.held > 1e-200)
        held = day[: len(f)] * told
        held[: later + 1] = 0
        after += held[: until + 1].sum()
    assert after == pytest.approx(float(before.held.probability[0]), abs=1e-9)
    total = opened + sum(
        (day[: len(f)] * state.held / np.maximum(silent.held, 1e-300))[later + 1 :].sum()
        + never * state.never / silent.never
        for state in states
    )
    assert total == pytest.approx(1, abs=1e-9)


def test_a_named_day_is_worth_one_over_nu(make, fit):
    """Long before the day, its odds of being held rise by 1 / P(named | never held)."""
    case = make()
    f = opens(case)
    silent = an.likelihood(case, at(10), f)
    news = _plan(150)["day"]
    told = an._told(fit, news, None, START, 10, 10, f, silent)
    assert an._not_heard(140) == pytest.approx(1, abs=1e-6)
    assert float(f @ told.held) / told.never == pytest.approx(1 / 0.4, abs=1e-6)


def test_a_named_day_moves_when(make):
    case = make(("day", 25, (50, 50), "host"))
    named, silent = (forecast.update(c, at(30), draws=0) for c in (case, make()))
    assert float(named.ever.probability) > float(silent.ever.probability)
    day = named.opening.probability.values
    assert day.argmax() == 50 - 30 - 1  # the day itself is the likeliest
    assert day[: 50 - 30 - 1].sum() == pytest.approx(0, abs=0.02)  # hardly before it


def test_no_delay_heard_as_it_nears_is_evidence(make):
    case = make(("day", 25, (50, 50), "host"))
    on_time = [
        float(forecast.update(case, at(a), draws=0).opening.probability.values[50 - a - 1])
        for a in (26, 35, 45, 49)
    ]
    assert on_time == sorted(on_time)
    assert on_time[-1] > on_time[0] + 0.05


def test_a_window_moves_when_never_whether(make):
    window, silent = (
        forecast.update(c, at(30), draws=0) for c in (make(("window", 25, (50, 60), "host")), make())
    )
    assert float(window.ever.probability) == pytest.approx(float(silent.ever.probability), abs=1e-9)
    near = slice(50 - 31, 60 - 30)
    assert (
        window.opening.probability.values[near].sum() > 3 * silent.opening.probability.values[near].sum()
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # a restatement, by another source or the same, adds nothing
        (
            [("day", 10, (40, 40), "host")],
            [("day", 10, (40, 40), "host"), ("day", 12, (40, 40), "host")],
        ),
        # the latest supersedes
        (
            [("day", 15, (60, 60), "host")],
            [("day", 10, (40, 40), "host"), ("day", 15, (60, 60), "host")],
        ),
    ],
)
def test_announcements_of_one_plan_are_one_state(make, first, second):
    a, b = (forecast.update(make(*news), at(20), draws=0) for news in (first, second))
    assert a.held.probability.values == pytest.approx(b.held.probability.values, abs=0.05)
    if second[1][2] == second[0][2]:
        assert a.held.probability.values == pytest.approx(b.held.probability.values, abs=1e-12)


def test_reports_carry_their_phi(make):
    host, rumour, silent = (
        float(forecast.update(make(*news), at(30), draws=0).ever.probability)
        for news in ([("day", 25, (50, 50), "host")], [("day", 25, (50, 50), "rumour")], [])
    )
    assert silent < rumour < host
    assert rumour - silent < 0.5 * (host - silent)


def test_bad_news_lowers_and_calling_off_lowers_more(make):
    named = ("day", 10, (60, 60), "host")
    quiet, put_off, called_off = (
        forecast.update(make(named, *news), at(30), draws=0)
        for news in ([], [("postponed", 29, None, "host")], [("cancelled", 29, None, "host")])
    )
    assert float(called_off.ever.probability) < float(put_off.ever.probability) / 2
    assert float(put_off.ever.probability) < float(quiet.ever.probability) - 0.1
    by = [f.held.probability.values[1] for f in (called_off, put_off, quiet)]
    assert by == sorted(by)


def test_put_off_with_no_day_known_says_nothing_of_whether(make):
    """Nor does it with a period: it is a window then."""

    def ever(*news):
        return float(forecast.update(make(*news), at(41), draws=0).ever.probability)

    window = ("window", 25, (50, 60), "host")
    assert ever(("postponed", 40, None, "host")) == pytest.approx(ever(), abs=1e-9)
    assert ever(window, ("postponed", 40, None, "host")) == pytest.approx(ever(), abs=1e-9)
    assert ever(("postponed", 40, (80, 90), "host")) == pytest.approx(ever(), abs=1e-9)
    for before in ([], [window]):
        assert ever(*before, ("cancelled", 40, None, "host")) < ever() / 2


def test_bad_news_is_believed_as_its_source_deserves(make):
    """A false report of a delay comes when delays are heard of: early news is no less believed."""
    named = ("day", 10, (90, 90), "host")
    on_the_day = {}
    for source in ("host", "rumour"):
        for published in (30, 85):
            case = make(named, ("postponed", published, None, source))
            f = forecast.update(case, at(published), draws=0)
            on_the_day[source, published] = f.opening.probability.values[90 - published - 1]
    quiet = {x: forecast.update(make(named), at(x), draws=0) for x in (30, 85)}
    for published, f in quiet.items():
        told = f.opening.probability.values[90 - published - 1]
        assert on_the_day["host", published] < told / 4
        assert told / 3 < on_the_day["rumour", published] < told


def test_what_is_announced_later_does_not_exist(make):
    later = make(("day", 25, (50, 50), "host"))
    a, b = (forecast.update(c, at(24), draws=50) for c in (later, make()))
    assert a.to_dict() == b.to_dict()


@pytest.mark.filterwarnings("error")
def test_days_that_are_long_past_leave_nothing_and_no_nonsense():
    # several were named, and beyond the longest slip hardly anything can open any more
    f = forecast.update(forecast.load("moscow_i"), dt.date(2016, 6, 1), draws=20)
    assert f.held.probability.values.tolist() == [0, 0, 0, 0]
    assert float(f.ever.probability) < 1e-9
    assert f.opening.probability.values.sum() < 1e-9
    assert f.scenarios.probability.values.sum() == pytest.approx(1, abs=1e-12)
    assert "9223372" not in str(f)
    assert sum(forecast.tables.whole_scenarios(f)) == 100
    assert json.dumps(f.to_dict(), allow_nan=False)


# --- not at its end ---


def waiting(case, fit):
    """The case with a base rate, and all times to open, learned from the fit."""
    plain = tuple(s.model_copy(update={"days_to_open": None}) for s in case.scenarios)
    return case.model_copy(update={"base_rate": CLASS, "fit": fit, "scenarios": plain})


@pytest.mark.parametrize("news", [[], [("day", 12, (70, 70), "host")]])
def test_that_a_proposal_is_not_at_its_end_by_hand(make, fit, news):
    """What is never held weighs P(no end yet), draw by draw of the base rate."""
    case, now = waiting(make(*news), fit), 40
    d, last = fit.draws, (case.question.horizon - START).days
    pi = 1 / (1 + np.exp(-d["level"]))
    by, ends = np.empty((4, last + 1)), np.empty((2, 4))
    for k in range(4):
        time = stats.lognorm(d["sigma"][k], scale=np.exp(d["log_days"][k]))
        by[k] = time.cdf(np.arange(last + 1)) / time.cdf(HORIZON)
        end = stats.lognorm(d["end_sigma"][k], scale=np.exp(d["end_log_days"][k]))
        ends[:, k] = end.sf([12, now])  # once a day is named, its own silence is heard
    day = np.concatenate([[0], (pi[:, None] * np.diff(by)).mean(0)])
    told = an.likelihood(case, at(now), day / day.sum())
    # what is held after the horizon has no end; a day that was falsely named stops none
    still = ((1 - pi) * ends + pi * (1 - by[:, -1])).mean(1)
    weights = [x.weight for x in told.parts]
    never = np.dot(weights, still) if news else weights[0] * still[1]
    held = day @ told.held
    found = forecast.update(case, at(now), draws=0)
    assert float(found.ever.probability) == pytest.approx(held / (held + never), abs=1e-9)
    endless = fit.draws | {"end_log_days": np.full(4, 50.0)}
    less = forecast.update(waiting(make(*news), replace(fit, draws=endless)), at(now), draws=0)
    assert float(found.ever.probability) > float(less.ever.probability) + (0.005 if news else 0.01)


def test_what_takes_longer_is_given_up_later(make, fit):
    """A scenario with its own time, of share .4, stretches the ends by that share of its log ratio."""
    case = make().model_copy(update={"base_rate": CLASS, "fit": fit})
    d, f = fit.draws, base_rate.opening(case)
    ratio = np.sqrt(10 * 90) / np.exp(d["log_days"])  # of its median to the class's
    for k in range(4):
        end = stats.lognorm(d["end_sigma"][k], scale=np.exp(d["end_log_days"][k]) * ratio[k] ** 0.4)
        assert f.waits[k, [0, 30, 200]] == pytest.approx([1, end.sf(30), end.sf(200)], abs=1e-12)
    beyond = f.ever * (1 - f.share[:2] @ f.opened[:, :, -1])
    for t in (0, 30):
        never = ((1 - f.ever) * f.waits[:, t] + beyond).mean()
        assert f.never(QUIET, t) == pytest.approx(never, abs=1e-12)


@pytest.mark.parametrize(("news", "until", "since"), [
    ([("window", 10, (50, 60), "host")], 0, 0),
    ([("day", 10, (60, 60), "host")], 10, 60),
    ([("window", 10, (60, 60), "host")], 10, 60),  # a window of one day
    ([("day", 10, (60, 60), "host"), ("cancelled", 20, None, "host")], 10, None),
    ([("cancelled", 20, None, "host")], 20, None),
    ([("day", 10, (60, 60), "host"), ("postponed", 20, None, "host")], 10, 20),
    ([("postponed", 20, None, "host")], 0, 0),
    ([("day", 10, (60, 60), "host"), ("postponed", 20, (70, 80), "host")], 0, 0),
    ([("day", 10, (60, 60), "host"), ("postponed", 20, (80, 80), "host")], 20, 80),
    # whoever names a day again knows that it is not at its end
    ([("day", 10, (15, 15), "host"), ("day", 20, (95, 95), "host")], 20, 95),
    ([("day", 20, (95, 95), "host"), ("day", 10, (15, 15), "host")], 20, 95),
    # a window supersedes a day, and an end
    ([("day", 10, (60, 60), "host"), ("window", 20, (80, 90), "host")], 0, 0),
    ([("cancelled", 20, None, "host"), ("window", 30, (80, 90), "host")], 0, 0),
    # a day of which one heard when it had passed
    ([("day", 70, (50, 50), "host")], 70, 70),
])  # fmt: skip
def test_when_it_is_known_not_to_be_at_its_end(make, fit, news, until, since):
    case = waiting(make(*news), fit)
    f = base_rate.opening(case)
    latest, *others = an.likelihood(case, at(90), f.days).parts
    assert (latest.until, latest.since) == (until, since)
    assert (others[-1].until, others[-1].since) == (0, 0)  # none of it is true
    waits = f.waits
    for now in (90, 100):
        on = waits[:, now] / waits[:, since] if since is not None and since < now else 1.0
        assert f.alive(latest, now) == pytest.approx(waits[:, until] * on, abs=1e-12)


@pytest.mark.parametrize("news", [
    [("cancelled", 20, None)], [("day", 20, (150, 150))], [("day", 20, (40, 40)), ("cancelled", 30, None)],
])  # fmt: skip
def test_news_stops_the_ends_as_far_as_it_is_believed(make, fit, news):
    """From a rumour to the host: between no news, and news that is certain."""
    at_last = [
        float(forecast.update(waiting(make(*((*x, who) for x in told)), fit), at(140), draws=0).ever.probability)
        for told, who in (([], ""), (news, "rumour"), (news, "host"))
    ]  # fmt: skip
    none, rumour, host = at_last
    assert min(none, host) < rumour < max(none, host)
    assert abs(none - rumour) < 0.6 * abs(none - host)
    # draws and means of one root
    f = base_rate.futures(waiting(make(*((*x, "rumour") for x in news)), fit), at(140), 40_000,
                          np.random.default_rng(1))  # fmt: skip
    mean = np.exp(f.draws).mean(1)
    assert mean / mean.sum() == pytest.approx(np.exp(f.log_root), abs=0.004)


def test_ends_count_again_once_a_day_was_put_off(make, fit):
    """By hand, draw by draw: P(no end from day 20 to 90 | none by then) as if never held."""
    news = [("day", 10, (60, 60), "host"), ("postponed", 20, None, "host")]
    case, d = waiting(make(*news), fit), fit.draws
    f = base_rate.opening(case)
    ends = [stats.lognorm(d["end_sigma"][k], scale=np.exp(d["end_log_days"][k])) for k in range(4)]
    told = an.likelihood(case, at(90), f.days)
    spans = [  # put off; on the day, if that was false; and if no day was ever named
        [e.sf(10) * e.sf(90) / e.sf(20) for e in ends],
        [e.sf(10) * e.sf(90) / e.sf(60) for e in ends],
        [e.sf(90) for e in ends],
    ]
    still = ((1 - f.ever) * np.array(spans) + f.beyond).mean(1)
    never = np.dot([x.weight for x in told.parts], still)
    held = f.joint[:, 90:].sum(0) @ told.held[91:]
    found = forecast.update(case, at(90), draws=0)
    assert float(found.ever.probability) == pytest.approx(held / (held + never), abs=1e-9)
    # what is not given up holds against the silence: without its ends it would fall much faster
    endless = fit.draws | {"end_log_days": np.full(4, 50.0)}
    less = forecast.update(waiting(make(*news), replace(fit, draws=endless)), at(90), draws=0)
    assert float(found.ever.probability) > float(less.ever.probability) + 0.05


# --- a day that is part of the proposal ---


def dated(case, fit):
    whole = waiting(case, fit)
    return whole.model_copy(update={"base_rate": CLASS.model_copy(update={"stage": "dated"})})


def test_of_a_dated_proposal_the_day_moves_when_and_never_whether(make, fit):
    day = ("day", 0, (60, 60), "host")
    told, untold = (forecast.update(dated(make(*x), fit), START, draws=0) for x in ([day], []))
    assert float(told.ever.probability) == pytest.approx(float(untold.ever.probability), abs=1e-4)
    on = told.opening.probability.values
    assert on[:59].sum() == pytest.approx(0, abs=0.01)
    assert on[59] > 5 * untold.opening.probability.values[59]
    # what is not coded is not heard as silence: the base rate alone
    case = dated(make(), fit)
    f = base_rate.opening(case)
    held = f.joint[:, 30:].sum()
    found = forecast.update(case, at(30), draws=0)
    assert float(found.ever.probability) == pytest.approx(held / (held + f.never(QUIET, 30)), abs=1e-9)
    assert forecast.update(case, at(30), draws=50).to_dict()["held"][0]["low"] > 0


@pytest.mark.filterwarnings("error")
def test_a_day_of_a_dated_proposal_with_years_to_go(make, fit):
    """Beyond a year's lead and a year's slip it says nothing, and nothing overflows."""
    case = dated(make(("day", 0, (20, 20), "host"), ("postponed", 25, None, "host")), fit)
    far = case.question.model_copy(update={"horizon": at(1500), "deadlines": (at(200), at(1400))})
    case = case.model_copy(update={"question": far})
    for now in (10, 100, 800, 1300):
        f = forecast.update(case, at(now), draws=50)
        assert 0 < float(f.ever.low) <= float(f.ever.high) < 1
        assert f.scenarios.probability.values.sum() == pytest.approx(1, abs=1e-12)
    for t in (5, 40, 300, 740, 1200):
        assert np.isfinite(an.likelihood(case, at(t), opens(case)).held).all()


@pytest.mark.parametrize("now", [0, 10, 60])
def test_every_state_of_a_dated_proposal_has_its_share_of_one(make, fit, now):
    """Named at once for d and quiet; put off; called off: they add up to one, for each t."""
    case = dated(make(), fit)
    f = opens(case)
    silent = an.likelihood(case, at(now), f)
    held, never = np.zeros(len(f)), 0.0
    for d in range(an.LONGEST + 1):
        news = _plan(d)
        for kind, published in (("day", 0), ("postponed", now), ("cancelled", now)):
            state = an._told(fit, news[kind], (d, 0), START, published, now, f, silent, True)
            held, never = held + state.held, never + state.never
    assert held[1:] == pytest.approx(1, abs=1e-9)
    assert never == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("stage", ["floated", "dated"])
def test_to_hear_that_it_was_put_off_is_not_good_news(make, fit, stage):
    """On the eve of the day: later, and hardly likelier than with no word of a delay."""
    day = ("day", 10, (60, 60), "host")
    quiet, off = (
        forecast.update(
            dated(make(*x), fit) if stage == "dated" else waiting(make(*x), fit), at(59), draws=0
        )
        for x in ([day], [day, ("postponed", 59, None, "host")])
    )
    assert float(off.held.probability[0]) < float(quiet.held.probability[0])
    assert float(off.ever.probability) < float(quiet.ever.probability) + 0.05


@pytest.mark.filterwarnings("error")
def test_a_window_that_is_long_past_says_nothing_any_more(make):
    case = make(("window", 10, (12, 14), "host"))
    assert np.isfinite(forecast.update(case, at(200), draws=20).held.probability.values).all()
    case = case.model_copy(update={"question": case.question.model_copy(
        update={"horizon": at(900), "deadlines": (at(600), at(800))})})  # fmt: skip
    past, silent = (
        forecast.update(c, at(500), draws=20).held
        for c in (case, case.model_copy(update={"announcements": ()}))
    )
    assert past.probability.values == pytest.approx(silent.probability.values, abs=1e-9)
    assert past.low.values == pytest.approx(silent.low.values, abs=1e-9)


@pytest.mark.parametrize("news", [[], [("cancelled", 20, None, "host")]])
def test_today_is_the_expectation_of_opened_ended_and_waiting(make, fit, news):
    """By `update` on both days; that it ended is known until word of a cancellation, published today."""
    case, now, days = waiting(make(*news), fit), 20, 14
    moves = forecast.movement(case, at(now), days=days)
    today, later = (forecast.update(case, at(x), draws=0) for x in (now, now + days))
    p = float(today.held.probability.sel(deadline=np.datetime64(case.headline)))
    assert moves.loc["time", "mean"] == pytest.approx(p, abs=1e-12)
    # P(ended) from the fit itself; after word of a cancellation, as far as that is false
    f = base_rate.opening(case)
    told = an.likelihood(case, at(now), f.days)
    still = f.never(told, now + days) / f.never(told, now)
    ended = (1 - float(today.ever.probability)) * (1 - still)
    assert moves.attrs["ended"] == pytest.approx(ended, abs=1e-12)
    if news:
        assert ended < 0.02
        return
    assert ended > 0.02
    quiet = float(later.held.probability.sel(deadline=np.datetime64(case.headline)))
    assert moves.attrs["quiet"] == pytest.approx(quiet, abs=1e-9)


@pytest.mark.parametrize("gone", [["a1"], ["a0"], ["a0", "a1"]])
def test_an_announcement_left_out_was_never_made(make, gone):
    news = [("day", 10, (40, 40), "host"), ("day", 15, (60, 60), "host")]
    whole = make(*news)
    kept = tuple(a for a in whole.announcements if a.id not in gone)
    never = whole.model_copy(update={"announcements": kept})
    a, b = forecast.update(whole, at(20), gone, draws=20), forecast.update(never, at(20), draws=20)
    assert a.to_dict() == b.to_dict()
    assert a.held.probability.values != pytest.approx(
        forecast.update(whole, at(20), draws=0).held.probability.values, abs=1e-3
    )
    with pytest.raises(ValueError, match='no event or watch "a1"'):
        forecast.update(whole, at(20), assume={"a1": True})


def test_ranges_and_the_twin_know_of_announcements(make):
    f = forecast.update(make(("day", 25, (50, 50), "host")), at(30), draws=4000, seed=3)
    w = np.exp(f.futures.draws).sum(0)
    by = np.einsum("sd,sld->ld", np.exp(f.futures.draws), f.futures.by_draw[:, :, f.futures.which])
    mean = by.sum(1) / w.sum()
    assert mean == pytest.approx(f.held.prior.values, abs=0.01)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("opens = 2020-02-20", "", "a day needs opens"),
        ('kind = "day"', 'kind = "dated"', "kind"),
        ("opens = 2020-02-20", "opens = [2020-02-20, 2020-02-25]", "a day is one day"),
        ("opens = 2020-02-20", "opens = 2019-12-20", "is not after proposed"),
        ("2020-01-26 }", "2019-12-26 }", "before proposed"),
        ('"host", published', '"hostt", published', 'did you mean "host"?'),
        ('kind = "day"', 'kind = "cancelled"', "what is cancelled does not open"),
    ],
)
def test_wrong_announcements(make, tmp_path, old, new, message):
    make(("day", 25, (50, 50), "host"))
    path = tmp_path / "events.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(CaseError, match=message.replace("?", r"\?")):
        forecast.load(tmp_path, fitted=False)


def test_announcements_need_a_fit(make, tmp_path):
    make(("day", 25, (50, 50), "host"))
    with pytest.raises(
        CaseError,
        match="announcements are weighed by the lead and slip of earlier ones; make it with: forecast fit",
    ):
        forecast.load(tmp_path)


@pytest.mark.filterwarnings("error")
def test_no_day_is_awaited_of_a_proposal_that_has_one(make, tmp_path, fit):
    make()
    watch = '\n[[watch]]\nid = "named"\nwhat = "A day is named."\nby = 2020-02-20\nannounces = true\n'
    (tmp_path / "case.toml").write_text(CASE + watch, "utf-8")
    case = dated(forecast.load(tmp_path, fitted=False), fit)
    assert "named" not in forecast.watch_table(case).index
    moves = forecast.movement(case)
    assert moves.loc["a day named"].to_numpy() == pytest.approx(moves.loc["time"].to_numpy(), abs=1e-12)


def test_a_watch_for_a_day_tells_of_the_silence_to_come(make, tmp_path):
    """If no day is named by then, the forecast is the one that a silent case will give that day."""
    make()
    path = tmp_path / "case.toml"
    watch = '\n[[watch]]\nid = "named"\nwhat = "A day is named."\nby = 2020-02-20\nannounces = true\n'
    path.write_text(path.read_text("utf-8") + watch, "utf-8")
    plain = make()
    path.write_text(CASE + watch, "utf-8")
    case = forecast.load(tmp_path, fitted=False).model_copy(update={"fit": plain.fit})
    row = forecast.watch_table(case).loc["named"]
    later = forecast.update(case, dt.date(2020, 2, 20), draws=0)
    assert row.if_not == pytest.approx(float(later.held.probability[-1]), abs=1e-12)
    now = float(forecast.update(case, draws=0).held.probability[-1])
    assert row.chance * row.if_seen + (1 - row.chance) * row.if_not == pytest.approx(now, abs=1e-12)
    assert row.if_not < now < row.if_seen


def test_the_model_page_has_the_factors_of_the_code():
    page = (Path(__file__).parents[1] / "docs/model.md").read_text("utf-8")
    rows = {x.split("|")[1].strip(): x for x in page.splitlines() if x.startswith("|")}
    for heard, held, never in (
        ("put off", 1 - an.CANCELLED_IF_HELD, 1 - an.CANCELLED_IF_NEVER),
        ("called off", an.CANCELLED_IF_HELD, an.CANCELLED_IF_NEVER),
    ):
        found = re.findall(r"\$(0\.\d+)\\,", rows[heard])
        assert [float(x) for x in found] == pytest.approx([held, never])
    q = re.search(r"q = 1 - ([\d.]+)\\,e\^\{-k/(\d+)\}", page)
    assert q
    assert [float(x) for x in q.groups()] == pytest.approx([1 - an.LATE_NOTICE, an.NOTICE_DAYS])
    assert f"$q = {an._not_heard(1):.3f}$" in page.replace("($k = 1$, ", "")


def random_news(rng):
    for _ in range(rng.integers(1, 5)):
        kind = str(rng.choice(["day", "window", "postponed", "cancelled"]))
        first = int(rng.integers(1, 150))
        last = first if kind == "day" else first + int(rng.integers(0, 20))
        none = kind == "cancelled" or (kind == "postponed" and rng.random() < 0.6)
        yield kind, int(rng.integers(0, 100)), None if none else (first, last), str(rng.choice(["host", "rumour"]))  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_announced_the_numbers_are_coherent(make, fit, seed):
    """Bounds and order; the mean over draws is the exact root; today is the mean of what may become known."""
    rng = np.random.default_rng(seed)
    case = make(*random_news(rng))
    for base in (case, waiting(case, fit), dated(case, fit)):
        for now in (0, 20, 59, 120, 300):
            f = forecast.update(base, at(now), draws=0)
            by, ever = f.held.probability.values, float(f.ever.probability)
            assert 0 <= by[0] <= by[1] <= ever + 1e-12 < 1
            root = base_rate.futures(base, at(now), 20_000, rng)  # a standard error of .001
            mean = np.exp(root.draws).mean(1)
            assert mean / mean.sum() == pytest.approx(np.exp(root.log_root), abs=0.006)
            moves = forecast.movement(base, at(now), days=10)
            assert moves["mean"].to_numpy() == pytest.approx(moves.attrs["now"], abs=1e-9)
