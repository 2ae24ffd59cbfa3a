"""The shipped case: complete, traced to its article, and judged from the day alone."""

import datetime as dt
import json
from pathlib import Path

import pytest

import forecast
from forecast import tables

ARTICLE = Path(__file__).parents[2] / "shared" / "research" / "article.txt"
ASKED = {
    "syrian_government", "muallem", "khatib", "jamil", "salih_muslim", "national_coalition",
    "free_syrian_army", "un_office", "de_mistura", "egypt", "saudi_arabia", "turkey", "iran",
    "united_states",
}  # fmt: skip


@pytest.fixture(scope="module")
def case():
    return forecast.load("moscow_i")


def test_every_locator_is_in_the_article(case):
    if not ARTICLE.is_file():
        pytest.skip("the text of the article is not at hand")
    assert forecast.check_article(case, ARTICLE.read_text("utf-8")) == []


def test_every_claim_of_the_article_is_coded(case):
    coverage = tables.coverage(case, "russia_direct")
    assert len(coverage) >= 30
    wanted = {1, 3, 4, *range(6, 14), *range(15, 19), *range(20, 24)}
    assert wanted <= set(coverage.paragraph)
    assert coverage.locator.notna().all()


def test_a_claim_is_coded_once(case):
    coverage = tables.coverage(case, "russia_direct")
    assert not coverage.duplicated(["paragraph", "locator"]).any()


def test_the_cast_is_complete(case):
    held = [s for s in case.scenarios if s.held]
    assert len(held) >= 2
    assert len(case.scenarios) - len(held) >= 4
    assert {a.id for a in case.actors} == ASKED
    assert next(a for a in case.actors if a.required).id == "syrian_government"
    assert {a.id: a.part_of for a in case.actors if a.part_of} == {
        "muallem": "syrian_government", "de_mistura": "un_office"
    }  # fmt: skip
    assert all(a.attends_if or case.question.attends_if for a in case.actors)
    assert len(case.watch) >= 8


def test_what_speaks_against_is_there(case):
    f = forecast.update(case, draws=0)
    against = tables.evidence(f).query("ratio < 1")
    assert {"khatib_states_conditions", "khatib_no_role_for_assad", "opposition_daunting",
            "louay_hussein_arrested", "geneva_format"} <= set(against.index)  # fmt: skip


def test_other_news_is_marked(case):
    for event in case.as_known(case.question.as_of).events:
        if not any(r.article for r in event.reports):
            assert event.why
            assert "ot from the article" in event.why, event.id


def test_article_alone_is_a_forecast_of_its_own(case):
    alone, everything = (forecast.update(c, draws=0) for c in (case.only("russia_direct"), case))
    assert len(alone.compiled.events) < len(everything.compiled.events)
    table = tables.compare({"alone": alone, "all": everything})
    assert table.shape == (2, len(case.question.deadlines) + 1)


def test_base_rate_is_what_was_counted(case):
    """The counts in the base rate's `why`, from the table of proposals as known on the day."""
    table = ARTICLE.with_name("peace_talks.csv")
    if not table.is_file():
        pytest.skip("the table of proposals is not at hand")
    pd = pytest.importorskip("pandas")
    day = pd.Timestamp(case.question.as_of)
    rows = pd.read_csv(table, parse_dates=["first_proposed", "opened", "censored_on"])
    rows = rows[(rows.first_proposed <= day) & (rows.id != "syr-2015-moscow-1")]
    opened = rows.opened <= day
    settled = rows[opened | (rows.censored_on <= day)]
    floated = settled[settled.stage == "floated"]

    def share(of):
        return f"{(of.opened <= day).sum()} of {len(of)}"

    patron = floated[floated.convener_type == "state-patron-of-belligerent"]
    syria = floated[floated.conflict == "Syria"]
    in_moscow = settled[(settled.conflict == "Syria") & (settled.host_country == "Russia")]
    why = case.base_rate.why
    assert f"counted over {len(rows)} earlier proposals" in why
    assert f"Floated without a date: {share(floated)} held" in why
    assert f"backs one side: {share(patron)};" in why
    assert f"floated for Syria: {share(syria)};" in why
    assert f"host talks on Syria: {share(in_moscow)}." in why
    days = rows[opened].days_to_open
    low, high = days.quantile([0.05, 0.95])
    assert f"of all {opened.sum()} held: median {days.median():.0f}" in why
    assert f"central 90 % {low:.0f} to {high:.0f}" in why
    days = floated[floated.opened <= day].days_to_open
    low, high = days.quantile([0.05, 0.95])
    assert f"of the {len(days)} floated: median {days.median():.0f}, {low:.0f} to {high:.0f}" in why


# --- the news after the article, coded later ---


@pytest.fixture(scope="module")
def later(case):
    """Events and announcements of which nothing was published by the day of the case."""
    day = case.question.as_of
    told = (*case.events, *case.announcements)
    return [x for x in told if min(r.published for r in x.reports) > day]


@pytest.fixture(scope="module")
def without_later(case, later):
    """The case as it stood before: without the later news, and without those who told it."""
    kept = {
        "events": tuple(e for e in case.events if e not in later),
        "announcements": tuple(a for a in case.announcements if a not in later),
    }
    before = case.model_copy(update=kept)
    cited = before.cited
    told = {k: tuple(s for s in getattr(case, k) if s.id in cited) for k in ("sources", "outlets")}
    return before.model_copy(update=told)


def test_later_news_is_from_the_weeks_until_the_opening(case, later):
    days = [r.published for x in later for r in x.reports]
    assert min(days) >= dt.date(2014, 12, 5)
    assert max(days) <= dt.date(2015, 1, 28)
    assert sum(x in case.events for x in later) >= 45
    assert [x.kind for x in later if x in case.announcements].count("day") >= 1
    # no event of the case as it stood got a report, and no announcement was in it
    early = [x for x in (*case.events, *case.announcements) if x not in later]
    assert {r.published <= case.question.as_of for x in early for r in x.reports} == {True}
    assert not [x for x in early if x in case.announcements]


def test_later_news_is_weighed_by_what_was_judged_beforehand(case, later):
    """By a type of the rubric, or by the watch that it answers; never by numbers of its own."""
    types, watches = {t.id for t in case.event_types}, {w.id for w in case.watch}
    for event in (x for x in later if x in case.events):
        assert event.if_true is None, event.id
        assert event.if_false is None, event.id
        assert (event.type in types) != (event.answers in watches), event.id
        for report in event.reports:
            assert report.url, event.id
            assert report.origin, event.id
            assert report.article is None, event.id


def test_one_source_has_one_grade(case):
    """Speakers written in place too, where nothing else would see to it."""
    reports = [r for x in (*case.events, *case.announcements) for r in x.reports]
    told = [case.source(s) for r in reports for s in (r.source, *r.via)]
    assert len({s.name for s in told}) == len({(s.name, s.reliability) for s in told})


def test_later_news_is_unknown_to_the_forecast_of_the_day(case, without_later):
    now, then = (forecast.update(c, draws=50).to_dict() for c in (case, without_later))
    assert now == then  # the digest too


def test_nothing_of_later_news_is_shown(case, later, without_later):
    names = {s.name for s in without_later.sources} | {s.name for s in without_later.outlets}
    sources = [case.source(s) for x in later for r in x.reports for s in (r.source, *r.via)]
    origins = {r.origin for x in later for r in x.reports}
    secret = {x.id for x in later} | {x.what for x in later} | origins
    secret |= {s.name for s in sources} - names
    assert len(secret) > 150

    def seen(as_of):
        f = forecast.update(case, as_of, draws=0)
        frames = tables.evidence(f), *(tables.coverage(c, "russia_direct") for c in (case, f.case))
        text = " ".join([json.dumps(f.to_dict(), ensure_ascii=False), *(t.to_csv() for t in frames)])
        text += f.case.model_copy(update={"outlets": (), "event_types": ()}).model_dump_json()
        return {x for x in secret if x in text}

    assert seen(case.question.as_of) == set()
    # and once all is published it is: the search can find it
    assert {x.id for x in later} | origins <= seen(dt.date(2015, 1, 28))
