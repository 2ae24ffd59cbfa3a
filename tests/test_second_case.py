"""The second shipped case, of another kind: sourced, judged from its day alone, resolved, scored."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import forecast
from forecast import history
from forecast.judgement import means, parse_judgement

NAME = "moscow_middle_east"
OWN = "ip-2009-moscow-conference"
"""The row of the table that is the question of this case."""


@pytest.fixture(scope="module")
def case():
    return forecast.load(NAME)


@pytest.fixture(scope="module")
def answer(case):
    return forecast.update(case, draws=0)


def test_the_first_case_stays_first():
    # the README, the benchmarks and many tests take the first of the list
    assert forecast.shipped()[:2] == ["moscow_i", NAME]


def test_every_report_has_an_address_and_was_public_on_the_day(case):
    told = (*case.events, *case.announcements)
    assert len(case.events) >= 15
    for e in told:
        for r in e.reports:
            assert r.url, e.id
            assert r.url.startswith("http"), e.id
            assert r.published <= case.question.as_of, e.id
    # the proposal chose the reference class, so that what made it is no event
    assert min(e.date[0] for e in case.events) > case.question.proposed


def test_no_source_or_document_is_idle(case):
    assert {s.id for s in case.sources} <= case.cited
    assert case.documents == ()  # of no page is the whole text at hand, so that nothing has a locator


def test_judged_by_the_rubric(case):
    own = [e.id for e in case.events if e.if_true]
    assert own == ["medvedev_has_all_confirmations", "lavrov_asks_for_one_delegation"]
    assert all(e.why for e in case.events if e.if_true)
    directions = {t.id: t.direction for t in case.event_types}
    kinds = [directions[e.type] for e in case.events if e.type]
    assert min(kinds.count("for"), kinds.count("against")) >= 10


def test_scenarios_say_why_not(case):
    assert [s.id for s in case.scenarios if s.held] == ["crowns_talks", "show_of_ministers"]
    assert len(case.scenarios) == 6
    assert {a.id for a in case.actors if a.required} == {"israel", "palestinian_authority"}


def test_the_fit_knows_nothing_of_this_question(case):
    assert case.base_rate.leave_out == (OWN,)
    assert case.fit.as_of == case.question.proposed
    assert case.fit.diagnostics["rows"] == 36


def test_the_counts_are_those_of_the_table(case):
    """The counts in the base rate's `why`, from the table as known on the day of the proposal."""
    day = pd.Timestamp(case.question.proposed)
    table = history.proposals("peace_talks")
    own = table.loc[OWN]
    assert (own.first_proposed, own.stage) == (day, case.base_rate.stage)
    assert (own.convener_type, own.row_type) == (case.base_rate.convener_type, case.base_rate.row_type)
    rows = table[(table.first_proposed <= day) & (table.index != OWN)]
    settled = rows[(rows.opened <= day) | (rows.censored_on <= day)]

    def share(of):
        return f"{(of.opened <= day).sum()} of {len(of)}"

    offers = settled[(settled.host_country == "Russia") & (settled.conflict == "Israel-Palestine")]
    for text in (
        f"{len(rows)} earlier proposals",
        f"the {len(settled)} of them that were settled by then: {share(settled)} held",
        f"a season or a month: {share(settled[settled.stage == 'window'])};",
        f"backs one side: {share(settled[settled.convener_type == 'state-patron-of-belligerent'])};",
        f"Israel and the Palestinians: {share(settled[settled.conflict == 'Israel-Palestine'])};",
        f"second tries: {share(settled[settled.row_type == 'relaunch'])}.",
        f"of 2005 and 2007: {share(offers)}.",
        f"({share(settled[settled.convener_type == 'neutral-state'])} such were held)",
    ):
        assert text in case.base_rate.why


def test_three_endorsements_are_worth_what_one_is(case, answer):
    """The sponsors' texts saturate: by hand, from the branch below what Washington wants."""
    texts = ("resolution_1850", "presidential_statement", "quartet_in_trieste")
    # an endorsement: chance if they go on endorsing, if not; a report's phi by its best chain
    true, false = means([parse_judgement([0.35, 0.65]), parse_judgement([0.10, 0.30])])
    each = [[p + (1 - p) * phi for phi in (0.03, 0.03, 0.10)] for p in (false, true)]
    branch = np.prod(each, axis=1)
    goes_on = means([parse_judgement("likely"), parse_judgement("almost certain")])

    def odds(f):
        p = float(f.indicators.probability.sel(indicator="washington_backs"))
        return p / (1 - p)

    def by_hand(lam):
        not_backed, backed = (p * lam[1] + (1 - p) * lam[0] for p in goes_on)
        return backed / not_backed

    without = odds(forecast.update(case, without=texts, draws=0))
    one = odds(forecast.update(case, without=texts[1:], draws=0))
    assert odds(answer) / without == pytest.approx(by_hand(branch), rel=1e-9)
    assert one / without == pytest.approx(by_hand([each[0][0], each[1][0]]), rel=1e-9)
    # never more than its ceiling, which is what a known "they go on endorsing" would be worth
    assert by_hand(branch) < goes_on[1] / goes_on[0] < 1.5


def test_the_parties_are_in_the_room_and_hamas_is_not(answer):
    given = answer.actors.given_held
    assert float(given.sel(actor="hamas")) < 0.05
    assert all(float(given.sel(actor=a)) > 0.9 for a in ("united_states", "united_nations", "egypt"))


def test_never_held_and_scored_so(case, answer):
    r = forecast.load_resolution(case)
    assert r.meeting is None
    assert set(r.by.values()) == {"no"}
    assert {a.answer for a in r.actors} == {"void"}
    assert min(s.published for s in r.sources) > case.question.deadlines[0]
    held = answer.held.probability.values
    table = forecast.score(case)
    rows = table[(table.model_id == table.model_id.iloc[0]) & (table.target == "held")]
    assert list(rows.brier) == pytest.approx(list(held**2))
    assert list(rows.log) == pytest.approx(list(-np.log1p(-held)))
    assert "attendance" not in set(table.target)


def test_the_record_ends_before_its_horizon(case):
    assert case.question.horizon - case.question.proposed == dt.timedelta(days=730)
    assert case.question.deadlines[-1] == case.question.horizon
