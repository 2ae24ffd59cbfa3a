"""Announcements: one likelihood, proper in every state, that never makes a forecast incoherent."""

import datetime as dt
import itertools
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
from forecast.parts import Announcement

START = dt.date(2020, 1, 1)
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
[[sources]]
id = "gazette"
name = "Gazette"
reliability = "C"
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


def heard(case, now, *news):
    """The likelihood of what was announced, and of silence since, up to a day."""
    told = tuple(announcement(*x) for x in news) or case.announcements
    case = case.model_copy(update={"announcements": told})
    before = base_rate.opening(case)
    return an.heard(case, at(now), before.days, before.waits).at(now)


def announcement(kind, published, day=None):
    when = {"opens": at(day)} if day is not None else {}
    report = {"source": "host", "published": at(published)}
    return Announcement.model_validate(
        {"id": f"{kind}_{published}", "what": "x", "kind": kind, "reports": [report]} | when
    )


def nothing_heard(f, now):
    return an.Heard(np.ones(1), 1.0, f.waits[:, now])


@pytest.fixture
def believed(monkeypatch):
    """All reports are true, for certain: then the likelihood is that of the news itself."""
    monkeypatch.setattr(an, "said", lambda case, told: (1.0, 0.0))
    monkeypatch.setattr(an, "NEWS", 1.0)


def test_on_the_day_of_the_proposal_silence_says_nothing(make):
    case = make()
    like = heard(case, 0)
    assert like.held[1:] == pytest.approx(1, abs=1e-12)
    assert like.never == pytest.approx(1, abs=1e-12)
    with_fit, without = (
        forecast.update(c, START, draws=0) for c in (case, case.model_copy(update={"fit": None}))
    )
    assert with_fit.held.probability.values == pytest.approx(without.held.probability.values, abs=1e-12)


@pytest.mark.parametrize("now", [1, 10, 40])
def test_every_state_has_its_share_of_one(make, believed, now):
    """None; named for d on n and quiet; put off; called off: they add up to one, for each t."""
    case = make()
    f, total = opens(case), heard(case, now)
    held, never = total.held.copy(), total.never
    for state in _named(case, 1, now, now + 40):
        held += state.held
        never += state.never
    t = np.arange(len(f))
    assert held[(t > now) & (t <= now + 40)] == pytest.approx(1, abs=1e-9)
    assert total.never == pytest.approx(1 - 0.4 * (1 - f @ total.held), abs=1e-12)
    assert never < 1


def _named(case, first, now, last):
    """The states in which some day up to `last` was named from day `first` to `now`."""
    for n in range(first, now + 1):
        for d in range(n, min(last, n + an.LONGEST) + 1):
            day = ("day", n, d)
            for also in ((), (("postponed", now),), (("cancelled", now),)):
                yield heard(case, now, day, *also)


def test_before_is_the_expectation_of_after(make, believed):
    """P(held by the deadline) today = its mean over all that may be announced, or open, by then."""
    case, now, later = make(), 20, 24
    deadline = case.question.deadlines[0]
    before = forecast.update(case, at(now), draws=0)
    base = make()
    f = opens(base)
    root = before.opening.probability.values
    opened = root[: later - now].sum()
    silent = heard(base, now)
    # joint with the state on the later day, by the likelihood itself: P(t) L(state | t)
    day = np.concatenate([np.zeros(now + 1), root])
    never = 1 - root.sum()
    states = [heard(base, later), *_named(base, now + 1, later, len(f) - 1)]
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


def test_a_named_day_is_worth_one_over_nu(make, believed):
    """Long before the day, its odds of being held rise by 1 / P(named | never held)."""
    case = make()
    told = heard(case, 10, ("day", 10, 150))
    assert an._not_heard(140) == pytest.approx(1, abs=1e-6)
    assert float(opens(case) @ told.held) / told.never == pytest.approx(1 / 0.4, abs=1e-6)


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
    """On the day on which it is told; as it passes and nothing opens, P(held) falls as it has to."""
    told, silent = make(("window", 25, (50, 60), "host")), make()
    a, b = (forecast.update(c, at(25), draws=0) for c in (told, silent))
    assert float(a.ever.probability) == pytest.approx(float(b.ever.probability), abs=1e-9)
    near = slice(50 - 26, 60 - 25)
    assert a.opening.probability.values[near].sum() > 3 * b.opening.probability.values[near].sum()
    gone = a.opening.probability.values[: 62 - 25].sum()
    after = forecast.update(told, at(62), draws=0)
    assert float(after.ever.probability) < (float(a.ever.probability) - gone) / (1 - gone)


@pytest.mark.parametrize("stage", ["floated", "dated", "elicited"])
@pytest.mark.parametrize("first", [
    ("window", 10, (50, 60), "host"), ("day", 10, (60, 60), "host"), ("cancelled", 10, None, "host"),
])  # fmt: skip
def test_a_window_or_a_day_put_in_its_place_changes_whether_by_its_own_word_alone(
    make, fit, stage, first
):
    """From a window, or from an end, a window leaves P(held) where it is on its day."""

    def ever(*news):
        case = make(*news)
        if stage != "elicited":
            case = dated(case, fit) if stage == "dated" else waiting(case, fit)
        return float(forecast.update(case, at(40), draws=0).ever.probability)

    before, after = ever(first), ever(first, ("window", 40, (80, 95), "host"))
    if first[0] == "day":  # one that was to open on the day does not: bad news
        assert after < before - 0.05
    else:
        assert after == pytest.approx(before, abs=1e-9)


def test_what_is_said_again_is_one(make):
    a, b = (
        forecast.update(make(*news), at(20), draws=0)
        for news in (
            [("day", 10, (40, 40), "host")],
            [("day", 10, (40, 40), "host"), ("day", 12, (40, 40), "host")],
        )
    )
    assert a.held.probability.values == pytest.approx(b.held.probability.values, abs=1e-12)


@pytest.mark.parametrize("news", [
    ("day", (60, 60)), ("cancelled", None), ("window", (50, 60)),
])  # fmt: skip
def test_a_better_source_confirms_what_a_worse_one_told(make, news):
    kind, when = news
    told = {
        who: forecast.update(
            make(*((kind, 10 + i, when, x) for i, x in enumerate(who))), at(20), draws=0
        )
        for who in (("rumour",), ("rumour", "host"), ("host",))
    }
    near = {who: float(f.opening.probability.values[:45].sum()) for who, f in told.items()}
    one, both, host = near.values()
    assert abs(both - host) < 0.2 * abs(one - host)


def test_the_latest_that_is_believed_supersedes(make):
    """As its source deserves: a rumour of another day hardly moves what the host has named."""
    first = ("day", 10, (40, 40), "host")
    on = {}
    for who in ("host", "rumour", ""):
        also = [("day", 15, (60, 60), who)] if who else []
        on[who] = forecast.update(make(first, *also), at(20), draws=0).opening.probability.values
    assert on["host"][60 - 21] > 5 * on["host"][40 - 21]
    assert on["rumour"][40 - 21] > 2 * on["rumour"][60 - 21]
    # to move the day is to put it off, and no better news for being told with another day
    whole = {who: p.sum() for who, p in on.items()}
    assert whole["host"] < whole["rumour"] < whole[""]


@pytest.mark.parametrize("published", [0, 1, 20, 60])
def test_a_host_is_believed_and_a_rumour_a_little_from_the_first_day_on(make, published):
    """However early: the lead alone would say that nobody names a day so soon."""
    day = (published + 80, published + 80)
    silent, rumour, host = (
        float(forecast.update(make(*news), at(published), draws=0).opening.probability.values[79])
        for news in ([], [("day", published, day, "rumour")], [("day", published, day, "host")])
    )
    assert host > 0.2
    assert silent < rumour < 0.6 * host


def test_news_around_a_day_that_is_named_confirms_it(make):
    """From the host or a rumour: what is so already is no change, and what was doubted less doubtful."""
    day = ("day", 10, (60, 60), "gazette")
    on = {
        who: forecast.update(make(day, *news), at(30), draws=0)
        for who, news in (
            ("", []),
            *((w, [("window", 20, (50, 70), w)]) for w in ("host", "gazette", "rumour")),
        )
    }
    for who in ("host", "gazette", "rumour"):
        assert float(on[who].ever.probability) >= float(on[""].ever.probability) - 1e-9
        assert on[who].opening.probability.values[29] >= on[""].opening.probability.values[29] - 1e-9


@pytest.mark.parametrize(
    "between", [("postponed", 20, None, "rumour"), ("window", 20, (80, 90), "rumour")]
)
def test_a_window_that_is_told_again_after_other_news_is_the_same(make, between):
    first, again = ("window", 10, (50, 60), "host"), ("window", 45, (50, 60), "host")
    alone, told = (
        forecast.update(make(first, *news), at(46), draws=0).held.probability.values
        for news in ([], [between, again])
    )
    assert told == pytest.approx(alone, abs=0.02)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["postponed", "cancelled"])
def test_bad_news_long_before_the_day(make, kind):
    """Years ahead, hardly anything has been heard by then; what is heard counts all the same."""
    far = make(("day", 10, (300, 300), "host"), (kind, 20, None, "host"))
    near = make(("day", 10, (220, 220), "host"), (kind, 20, None, "host"))
    a, b = (float(forecast.update(c, at(21), draws=20).ever.probability) for c in (far, near))
    assert a == pytest.approx(b, abs=0.05)


def test_word_of_a_delay_where_no_day_is_sure(make):
    """A host puts off what a rumour named: the day is off, and that there was one no surer than before."""
    day = ("day", 45, (101, 101), "rumour")
    quiet, off = (
        forecast.update(make(*x), at(84), draws=0)
        for x in ([day], [day, ("postponed", 84, None, "host")])
    )
    assert off.opening.probability.values[101 - 85] < 0.3 * quiet.opening.probability.values[101 - 85]
    assert float(off.ever.probability) < float(quiet.ever.probability) + 0.02


def test_what_is_only_denied_was_never_heard_of(make, tmp_path):
    """It is refused; and of what is affirmed later only the denial may be known yet."""
    case = make(("day", 25, (50, 50), "host"))
    (told,) = case.announcements
    denial = told.reports[0].model_copy(update={"published": at(20), "denies": True})
    both = told.model_copy(update={"reports": (denial, *told.reports)})
    case = case.model_copy(update={"announcements": (both,)})
    a, b = (forecast.update(c, at(22), draws=0).held.probability.values for c in (case, make()))
    assert a == pytest.approx(b, abs=1e-12)
    a, b = (forecast.update(c, at(30), draws=0).held.probability.values for c in (case, make()))
    assert a != pytest.approx(b, abs=1e-3)


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
        return float(forecast.update(make(*news), at(40), draws=0).ever.probability)

    off = ("postponed", 40, None, "host")
    for before in ([], [("window", 25, (50, 60), "host")], [("cancelled", 25, None, "host")]):
        assert ever(*before, off) == pytest.approx(ever(*before), abs=1e-9)
        period = ("postponed", 40, (80, 90), "host")
        assert ever(*before, period) == pytest.approx(ever(*before), abs=1e-9)
    for before in ([], [("window", 25, (50, 60), "host")]):
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
def test_days_that_are_long_past_leave_little_and_no_nonsense():
    # several were named; what is left is that these reports were false
    f = forecast.update(forecast.load("moscow_i"), dt.date(2016, 6, 1), draws=20)
    assert f.held.probability.values.tolist() == [0, 0, 0, 0]
    assert float(f.ever.probability) < 0.15
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
    before = base_rate.opening(case)
    told = an.heard(case, at(now), day / day.sum(), before.waits)
    # what is held after the horizon has no end; a day that was falsely named stops none
    still = ((1 - pi) * ends + pi * (1 - by[:, -1])).mean(1)
    weights = [an._at(told, x, now).never[0] for x in told.states]
    never = np.dot(weights, still) if news else weights[0] * still[1]
    held = day @ told.at(now).held
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
        assert f.never(nothing_heard(f, t)) == pytest.approx(never, abs=1e-12)


@pytest.mark.parametrize(("news", "spans"), [
    ([], [(0, 90)]),
    # while a day is ahead that is named nothing is made of its being alive
    ([("day", 10, (60, 60), "host")], [(0, 10), (60, 90)]),
    ([("day", 10, (95, 95), "host")], [(0, 10)]),
    ([("day", 10, (60, 60), "host"), ("cancelled", 20, None, "host")], [(0, 10)]),
    ([("day", 10, (60, 60), "host"), ("cancelled", 70, None, "host")], [(0, 10), (60, 70)]),
    ([("cancelled", 20, None, "host")], [(0, 20)]),
    ([("day", 10, (60, 60), "host"), ("postponed", 20, None, "host")], [(0, 10), (20, 90)]),
    # from the day, though word of the delay came later
    ([("day", 10, (60, 60), "host"), ("postponed", 80, None, "host")], [(0, 10), (60, 90)]),
    ([("day", 10, (60, 60), "host"), ("postponed", 20, (70, 80), "host")], [(0, 10), (20, 90)]),
    ([("day", 10, (60, 60), "host"), ("postponed", 20, (80, 80), "host")], [(0, 10), (80, 90)]),
    # whoever names a day again knows no more of its end than he who named the first
    ([("day", 10, (15, 15), "host"), ("day", 20, (95, 95), "host")], [(0, 10), (15, 20)]),
    ([("day", 20, (95, 95), "host"), ("day", 10, (15, 15), "host")], [(0, 10), (15, 20)]),
    # a window supersedes a day, and an end
    ([("day", 10, (60, 60), "host"), ("window", 20, (80, 90), "host")], [(0, 10), (20, 90)]),
    ([("cancelled", 20, None, "host"), ("window", 30, (80, 90), "host")], [(0, 20), (30, 90)]),
    ([("window", 30, (80, 90), "host")], [(0, 90)]),
])  # fmt: skip
def test_when_it_is_known_not_to_be_at_its_end(make, fit, believed, news, spans):
    case = waiting(make(*news), fit)
    f = base_rate.opening(case)
    told = an.heard(case, at(90), f.days, f.waits)
    expected = np.prod([f.waits[:, b] / f.waits[:, a] for a, b in spans], axis=0)
    for now in (90, 100):
        more = f.waits[:, now] / f.waits[:, 90] if spans[-1][1] == 90 else 1.0
        if now == 100 and case.announcements and told.states[0].day == 95:
            more = f.waits[:, 100] / f.waits[:, 95]
        here = told.at(now)
        assert here.alive / here.never == pytest.approx(expected * more, abs=1e-12)


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
    assert abs(none - rumour) < 0.75 * abs(none - host)  # a rumour that nobody denies gains with time
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
    told = an.heard(case, at(90), f.days, f.waits)
    spans = [  # put off; on the day, if that was false; and if no day was ever named
        [e.sf(10) * e.sf(90) / e.sf(20) for e in ends],
        [e.sf(10) * e.sf(90) / e.sf(60) for e in ends],
        [e.sf(90) for e in ends],
    ]
    still = ((1 - f.ever) * np.array(spans) + f.beyond).mean(1)
    never = np.dot([an._at(told, x, 90).never[0] for x in told.states], still)
    held = f.joint[:, 90:].sum(0) @ told.at(90).held[91:]
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
    assert on[:59].sum() < 0.02  # by as much as the host may be wrong
    assert on[59] > 5 * untold.opening.probability.values[59]
    # what is not coded is not heard as silence: the base rate alone
    case = dated(make(), fit)
    f = base_rate.opening(case)
    held = f.joint[:, 30:].sum()
    found = forecast.update(case, at(30), draws=0)
    assert float(found.ever.probability) == pytest.approx(
        held / (held + f.never(nothing_heard(f, 30))), abs=1e-9
    )
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
        assert np.isfinite(heard(case, t).held).all()


@pytest.mark.parametrize("now", [0, 10, 60])
def test_every_state_of_a_dated_proposal_has_its_share_of_one(make, fit, believed, now):
    """Named at once for d and quiet; put off; called off: they add up to one, for each t."""
    case = dated(make(), fit)
    held, never = np.zeros(len(opens(case))), 0.0
    for d in range(len(held)):
        for also in ((), (("postponed", now),), (("cancelled", now),)):
            state = heard(case, now, ("day", 0, d), *also)
            held, never = held + state.held, never + state.never
    assert held[now + 1 :] == pytest.approx(1, abs=1e-9)
    # never held, each day is as usual as if it were to open: those beyond the horizon are left out
    assert 0.99 < never <= 1 + 1e-9


@pytest.mark.parametrize("n", [0, 10, 40])
def test_of_a_dated_proposal_a_day_heard_of_late_moves_when_and_never_whether(make, fit, n):
    told, untold = (
        float(forecast.update(dated(make(*x), fit), at(n), draws=0).ever.probability)
        for x in ([("day", n, (90, 90), "host")], [])
    )
    assert told == pytest.approx(untold, abs=1e-4)


@pytest.mark.parametrize("stage", ["floated", "dated"])
@pytest.mark.parametrize("published", [20, 40, 59, 75])
def test_to_put_a_day_off_to_another_is_no_good_news(make, fit, stage, published):
    """However the clock of its ends stands; and where it has none."""
    day, whole = ("day", 10, (60, 60), "host"), dated if stage == "dated" else waiting
    for f in (fit, replace(fit, draws=fit.draws | {"end_log_days": np.full(4, 50.0)})):
        before, after = (
            forecast.update(whole(make(*x), f), at(published), draws=0)
            for x in ([day], [day, ("postponed", published, (110, 110), "host")])
        )
        less = 0.05 if published < 60 else -0.12  # the day has passed: that it is not called off is good
        assert float(after.ever.probability) < float(before.ever.probability) - less


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
def test_a_window_that_is_long_past_makes_no_nonsense(make):
    case = make(("window", 10, (12, 14), "host"))
    assert np.isfinite(forecast.update(case, at(200), draws=20).held.probability.values).all()
    case = case.model_copy(update={"question": case.question.model_copy(
        update={"horizon": at(900), "deadlines": (at(600), at(800))})})  # fmt: skip
    past, silent = (
        forecast.update(c, at(500), draws=20).held
        for c in (case, case.model_copy(update={"announcements": ()}))
    )
    assert np.all((past.probability.values > 0) & (past.probability.values < silent.probability.values))
    # of what is left, when is as without it
    share = past.probability.values / silent.probability.values
    assert share[0] == pytest.approx(share[1], abs=0.02)


@pytest.mark.parametrize("news", [
    [], [("cancelled", 20, None, "host")], [("window", 20, (30, 60), "host")], [("day", 20, (40, 40), "rumour")],
    [("day", 15, (30, 30), "host"), ("postponed", 18, None, "host")], [("day", 20, (40, 40), "host")],
    [("day", 20, (25, 25), "host")],
])  # fmt: skip
def test_today_is_the_expectation_of_opened_ended_and_waiting(make, fit, news):
    """By `update` on both days; that it ended is known until word of a cancellation, published today."""
    case, now, days = waiting(make(*news), fit), 20, 14
    moves = forecast.movement(case, at(now), days=days)
    today, later = (forecast.update(case, at(x), draws=0) for x in (now, now + days))
    p = float(today.held.probability.sel(deadline=np.datetime64(case.headline)))
    assert moves.loc["time", "mean"] == pytest.approx(p, abs=1e-12)
    f = base_rate.opening(case)
    told = an.heard(case, at(now), f.days, f.waits)
    still = f.never(told.at(now, now + days)) / f.never(told.at(now))
    ended = (1 - float(today.ever.probability)) * (1 - still)
    assert moves.attrs["ended"] == pytest.approx(ended, abs=1e-12)
    if news and news[0][0] == "cancelled":
        assert ended < 0.02
    # whatever was announced: if nothing more is heard, this is the forecast of that day
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
        ("2020-01-26 }", "2020-01-26, denies = true }", "all deny it: expected one that affirms it"),
        (
            "opens = 2020-02-20",
            "opens = 2020-01-25",
            "2020-01-25 had passed when it was first reported, 2020-01-26",
        ),
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


@pytest.mark.parametrize(("old", "new", "told"), [
    ("days_to_open = [20, 250]", "days_to_open = [5, 20]", ""),  # a scenario takes longer
    ("days_to_open = [10, 90]", "", ""),
    ("days_to_open = [20, 250]", "days_to_open = [5, 10]\n", "2020-08-28 is 240 days after proposed"),
])  # fmt: skip
def test_a_day_beyond_what_the_base_rate_can_give(make, tmp_path, old, new, told):
    """There is nothing left there that the news could move."""
    make(("day", 25, (240, 240), "host"))
    path = tmp_path / "case.toml"
    text = path.read_text("utf-8").replace(old, new)
    if told:
        text = text.replace("days_to_open = [10, 90]", "days_to_open = [8, 20]")
    path.write_text(text, "utf-8")
    if told:
        with pytest.raises(CaseError, match=told):
            forecast.load(tmp_path, fitted=False)
    else:
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


def test_windows_are_kept_as_often_as_in_the_table():
    table = forecast.proposals("peace_talks")
    held = table[(table.stage == "window") & (table.held == 1)]
    late = (held.opened - held.first_target).dt.days
    for known, soon, of in (("2030-01-01", 17, 34), ("2014-11-11", 6, 10), ("2009-02-01", 5, 8)):
        by = held.opened < known
        assert ((late[by] <= 31).sum(), by.sum()) == (soon, of)
    assert pytest.approx(17 / 34) == an.KEPT


def random_news(rng):
    for _ in range(rng.integers(1, 5)):
        kind = str(rng.choice(["day", "window", "postponed", "cancelled"]))
        published = int(rng.integers(0, 100))
        first = published + int(rng.integers(1, 80))
        last = first if kind == "day" else first + int(rng.integers(0, 20))
        none = kind == "cancelled" or (kind == "postponed" and rng.random() < 0.6)
        yield kind, published, None if none else (first, last), str(rng.choice(["host", "rumour"]))  # fmt: skip


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


@pytest.mark.parametrize("seed", range(6))
def test_the_states_are_the_sum_over_what_may_be_true(make, fit, monkeypatch, seed):
    """By brute force: each set of announcements taken for true, the others for false."""
    rng = np.random.default_rng(100 + seed)
    case = waiting(make(*random_news(rng), *random_news(rng)), fit)
    before, now = base_rate.opening(case), 180
    whole = an.heard(case, at(now), before.days, before.waits).at(now)
    told, start = an._told(case), case.question.proposed
    step, word = an._true, an.said
    # the chance of just these words is the same in all sets
    monkeypatch.setattr(an, "_true", lambda *x: (step(*x)[0], 1.0, *step(*x)[2:]))
    held, never, alive = 0.0, 0.0, 0.0
    none = an.heard(case.model_copy(update={"announcements": ()}), at(now), before.days, before.waits)
    for true in itertools.product((True, False), repeat=len(told)):
        news, weight = none, 1.0
        for x, is_true in zip(told, true, strict=True):
            (state,) = news.states
            to, _, so, not_so = step(news, state, x, (x.first_told - start).days, start)
            denied, affirmed = word(case, x)
            weight *= denied * so if is_true else affirmed * not_so
            news = replace(news, states=(to,)) if is_true else news
        if weight:
            here = news.at(now)
            held, never, alive = (
                held + weight * here.held,
                never + weight * here.never,
                alive + weight * here.alive,
            )
    scale = whole.never / never
    assert held * scale == pytest.approx(whole.held, rel=1e-9, abs=1e-300)
    assert alive * scale == pytest.approx(whole.alive, rel=1e-9)


def test_only_the_times_that_are_used_have_a_reach(make, tmp_path):
    """Where all held scenarios have their own, the base rate's does not count."""
    make(("day", 5, (200, 200), "host"))
    path = tmp_path / "case.toml"
    both = CASE.replace("days_to_open = [10, 90]", "days_to_open = [5, 20]").replace(
        'label = "Late"', 'label = "Late"\ndays_to_open = [5, 20]'
    )
    path.write_text(both, "utf-8")
    with pytest.raises(CaseError, match=r"hardly a chance beyond 1\d\d days; widen days_to_open"):
        forecast.load(tmp_path, fitted=False)
    # a part that could not be read is told of alone
    path.write_text(both.replace("held = [0.2, 0.6]", "hold = [0.2, 0.6]"), "utf-8")
    with pytest.raises(CaseError) as e:
        forecast.load(tmp_path, fitted=False)
    assert "hardly a chance" not in str(e.value)
    learned = 'reference_class = "peace_talks"\nstage = "floated"\nconvener_type = "UN"\nconflict = "x"'
    plain = (
        CASE.replace("days_to_open = [10, 90]\n", "")
        .replace("held = [0.2, 0.6]\ndays_to_open = [20, 250]", learned)
        .replace("2020-12-31", "2024-12-31")
    )
    text = (tmp_path / "events.toml").read_text("utf-8")
    (tmp_path / "events.toml").write_text(text.replace(str(at(200)), str(at(731))), "utf-8")
    path.write_text(plain, "utf-8")
    with pytest.raises(CaseError, match="beyond 730 days; give a held scenario days_to_open of its own"):
        forecast.load(tmp_path, fitted=False)


@pytest.mark.parametrize(("kind", "hint"), [
    ("postponed", 'is kind = "postponed" without opens'), ("window", "write the part of it that lies there"),
])  # fmt: skip
def test_beyond_the_horizon_there_is_a_way_out(make, kind, hint):
    with pytest.raises(CaseError, match=hint):
        make((kind, 20, (360, 400), "host"))


@pytest.mark.parametrize("stage", ["floated", "dated", "elicited"])
def test_a_day_that_passed_unused_is_not_confirmed_by_a_window(make, fit, stage):
    """Whether the window begins before it or after: what lies behind is no matter."""
    day = ("day", 10, (60, 60), "host")
    p = []
    for first in (55, 63):
        case = make(day, ("window", 62, (first, 75), "host"))
        if stage != "elicited":
            case = dated(case, fit) if stage == "dated" else waiting(case, fit)
        p.append(float(forecast.update(case, at(62), draws=0).ever.probability))
    assert p[0] == pytest.approx(p[1], abs=0.02)


@pytest.mark.filterwarnings("error")
def test_at_the_end_of_what_a_learned_base_rate_knows(make, tmp_path, fit):
    """730 days on nothing is left to open or to be named: numbers all the same."""
    make()
    watch = f'\n[[watch]]\nid = "named"\nwhat = "A day is named."\nby = {at(900)}\nannounces = true\n'
    (tmp_path / "case.toml").write_text(CASE.replace("2020-12-31", "2029-12-31") + watch, "utf-8")
    case = waiting(forecast.load(tmp_path, fitted=False), fit)
    assert "named" in forecast.watch_table(case).index
    assert "named" not in forecast.watch_table(case, at(760)).index
    assert np.isfinite(forecast.movement(case, at(760)).to_numpy()).all()
    news = [("window", 730, (720, 760)), ("day", 730, (730, 730))]
    told = tuple(
        Announcement.model_validate({"id": k, "what": "x", "kind": k, "opens": [at(a), at(b)],
                                     "reports": [{"source": "host", "published": at(n)}]})
        for k, n, (a, b) in news
    )  # fmt: skip
    f = forecast.update(case.model_copy(update={"announcements": told}), at(745), draws=20)
    assert 0 <= float(f.ever.probability) < 1
