"""The shipped case: complete, traced to its article, and judged from the day alone."""

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
    for event in case.events:
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
