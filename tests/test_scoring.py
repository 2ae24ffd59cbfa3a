"""Scores agree with published examples, with another library and with arithmetic by hand."""

from __future__ import annotations

import datetime as dt
import json
import math
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scoringrules
from test_resolution import NO_MEETING, RESOLUTION, Write, write  # noqa: F401  # a fixture
from typer.testing import CliRunner

import forecast
from forecast import attendance, hindsight, hub, scoring
from forecast.cli import app
from forecast.loading import CaseError, load
from forecast.scoring import brier, load_resolution, log_score, rps, score, score_table, summary
from forecast.updating import before_reports

TREE, BASE, CONSTANT = scoring.NAMES
NOT_HELD = (
    NO_MEETING.replace('by = 2020-06-01\nanswer = "yes"', 'by = 2020-06-01\nanswer = "no"')
    .replace('"guild"\nanswer = "yes"', '"guild"\nanswer = "no"')
    .replace("published = 2020-04", "published = 2020-06")
)


# --- the rules ---


@pytest.mark.parametrize(("p", "y", "expected"), [
    # Wikipedia, "Brier score", its example of rain
    (1.0, 1, 0.0), (1.0, 0, 1.0), (0.7, 1, 0.09), (0.3, 1, 0.49), (0.5, 1, 0.25), (0.5, 0, 0.25),
    # documentation and tests of scoringrules
    (0.2, 1, 0.64), (0.271, 0, 0.073441),
])  # fmt: skip
def test_brier_of_published_examples(p: float, y: int, expected: float) -> None:
    assert brier(p, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("p", "expected"), [
    # of a fair coin ln 2; of certainty nothing; of the impossible everything
    (0.5, math.log(2)), (1.0, 0.0), (0.0, math.inf),
    # tests of scoringrules: said .481, did not happen
    (1 - 0.481, 0.6558514),
])  # fmt: skip
def test_log_score_is_natural(p: float, expected: float) -> None:
    assert log_score(p) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("p", "happened", "expected"), [
    # Constantinou and Fenton (2012), J. Quantitative Analysis in Sports 8(1), table 3: home win, draw, away
    # win; divided there by the number of categories less one
    ((1.0, 0.0, 0.0), 0, 0.0), ((0.9, 0.1, 0.0), 0, 0.0050),
    ((0.8, 0.1, 0.1), 0, 0.0250), ((0.5, 0.25, 0.25), 0, 0.1562),
    ((0.35, 0.30, 0.35), 1, 0.1225), ((0.60, 0.30, 0.10), 1, 0.1850),
    ((0.60, 0.25, 0.15), 0, 0.0913), ((0.60, 0.15, 0.25), 0, 0.1113),
    ((0.57, 0.33, 0.10), 0, 0.0975), ((0.60, 0.20, 0.20), 0, 0.1000),
    # documentation and tests of scoringrules, which does not divide
    ((0.1, 0.2, 0.3, 0.4), 2, 0.26 / 3), ((0.01, 0.32, 0.44, 0.23), 2, 0.1619 / 3),
])  # fmt: skip
def test_rps_of_published_examples(p: tuple[float, ...], happened: int, expected: float) -> None:
    assert rps(p, happened) / (len(p) - 1) == pytest.approx(expected, abs=6e-5)


def test_scores_are_another_library_s() -> None:
    rng = np.random.default_rng(1)
    p, y = rng.random(200), rng.integers(0, 2, 200)
    np.testing.assert_allclose(brier(p, y), scoringrules.brier_score(y, p), atol=1e-14)
    happened = np.where(y == 1, p, 1 - p)
    np.testing.assert_allclose(log_score(happened), scoringrules.log_score(y, p), atol=1e-12)
    for k in (2, 5, 9):
        many, at = rng.dirichlet(np.ones(k), 100), rng.integers(0, k, 100)
        ours = [rps(row, i) for row, i in zip(many, at, strict=True)]
        np.testing.assert_allclose(ours, scoringrules.rps_score(at + 1, many), atol=1e-12)


def test_scores_are_proper() -> None:
    # whatever one believes, saying so is best on average
    for belief in (0.05, 0.3, 0.8):
        said = np.linspace(0.001, 0.999, 999)
        for mean in (
            belief * brier(said, 1) + (1 - belief) * brier(said, 0),
            belief * log_score(said) + (1 - belief) * log_score(1 - said),
        ):
            assert said[np.argmin(mean)] == pytest.approx(belief, abs=1e-9)


# --- a case ---


def one(s: pd.DataFrame, model: str, target: str, column: str, by: str = "") -> Any:
    return s.loc[(s["model_id"] == model) & (s["target"] == target) & (s["by"] == by), column].item()


def test_scores_of_a_case_by_hand(write: Write) -> None:  # noqa: F811
    # the forecast's own numbers, the arithmetic done here: no by March, yes by June, the guild came
    case = load(write(RESOLUTION))
    f = forecast.update(case, draws=0)
    march, june = f.held.probability.values
    guild = float(f.actors.given_held.sel(actor="guild"))
    s = score(case)
    assert one(s, TREE, "held", "brier", "2020-03-01") == pytest.approx(march**2, abs=1e-14)
    assert one(s, TREE, "held", "log", "2020-06-01") == pytest.approx(-math.log(june), abs=1e-14)
    assert one(s, TREE, "attends", "brier") == pytest.approx((guild - 1) ** 2, abs=1e-14)
    assert one(s, TREE, "opening", "rps") == pytest.approx(march**2 + (june - 1) ** 2, abs=1e-14)
    assert one(s, TREE, "opening", "log") == pytest.approx(-math.log(june - march), abs=1e-14)
    assert one(s, TREE, "opening", "answer") == "after 2020-03-01, by 2020-06-01"
    # the pilot is void: all actors together are the guild alone
    assert one(s, TREE, "attendance", "log") == pytest.approx(-math.log(guild), abs=1e-12)
    # the base rate is the prior, of the guild too
    before = float(f.actors.prior.sel(actor="guild"))
    assert one(s, BASE, "held", "probability", "2020-03-01") == float(f.held.prior[0])
    assert one(s, BASE, "attendance", "probability") == pytest.approx(before, abs=1e-12)
    # the constant: .5, and a third for each of three periods
    flat = s[s["model_id"] == CONSTANT]
    assert set(flat.loc[flat["target"].isin(["held", "attends"]), "brier"]) == {0.25}
    assert one(s, CONSTANT, "opening", "rps") == pytest.approx((1 / 3) ** 2 + (2 / 3 - 1) ** 2)
    assert one(s, CONSTANT, "opening", "log") == pytest.approx(math.log(3))


def test_where_no_meeting_was_held_attendance_is_no_question(write: Write) -> None:  # noqa: F811
    case = load(write(NOT_HELD))
    s = score(case)
    assert set(s["target"]) == {"held", "opening"}
    march, june = forecast.update(case, draws=0).held.probability.values
    assert one(s, TREE, "opening", "answer") == "later or never"
    assert one(s, TREE, "opening", "rps") == pytest.approx(march**2 + june**2, abs=1e-14)
    assert one(s, TREE, "opening", "log") == pytest.approx(-math.log(1 - june), abs=1e-14)
    assert scoring.last_day(case, load_resolution(case)) == dt.date(2020, 5, 31)
    assert set(hindsight.lessons(case).columns) == {"held", "all"}


def test_void_is_left_out(write: Write) -> None:  # noqa: F811
    text = RESOLUTION.replace('by = 2020-03-01\nanswer = "no"', 'by = 2020-03-01\nanswer = "void"')
    case = load(write(text))
    s = score(case)
    # without March the period is not known either
    assert set(s["target"]) == {"held", "attends", "attendance"}
    assert set(s.loc[s["target"] == "held", "by"]) == {"2020-06-01"}
    assert set(s["actor"]) == {"", "guild"}
    with pytest.raises(ValueError, match="2020-03-01: void"):
        hindsight.post_mortem(case, deadline=dt.date(2020, 3, 1))
    with pytest.raises(ValueError, match="pilot: void"):
        hindsight.post_mortem(case, of="pilot")


@pytest.mark.parametrize(("resolution", "day", "message"), [
    (RESOLUTION, "2020-04-20", "the meeting opened on 2020-04-20"),  # the day itself
    (RESOLUTION, "2020-05-10", "the meeting opened on 2020-04-20"),
    (NOT_HELD, "2020-06-01", "no deadline is left"),
])  # fmt: skip
def test_nothing_is_scored_that_was_no_forecast(
    write: Write, resolution: str, day: str, message: str  # noqa: F811
) -> None:  # fmt: skip
    case, on = load(write(resolution)), dt.date.fromisoformat(day)
    with pytest.raises(ValueError, match=message):
        score(case, as_of=on)
    with pytest.raises(ValueError, match="nothing left to forecast"):
        hindsight.post_mortem(case, as_of=on)
    assert len(score(case, as_of=scoring.last_day(case, load_resolution(case))))


def test_a_deadline_that_is_past_is_no_question(write: Write) -> None:  # noqa: F811
    s = score(load(write(RESOLUTION)), as_of=dt.date(2020, 3, 1))
    assert set(s.loc[s["target"] == "held", "by"]) == {"2020-06-01"}
    assert one(s, TREE, "opening", "answer") == "after 2020-03-01, by 2020-06-01"
    june = one(s, TREE, "held", "probability", "2020-06-01")
    assert one(s, TREE, "opening", "rps") == pytest.approx((1 - june) ** 2, abs=1e-14)


def test_together_is_the_joint_of_the_forecast() -> None:
    # by inclusion and exclusion over thousands of sets, the other road of `Forecast.attendance`
    case = forecast.load("moscow_i")
    f, r = forecast.update(case, draws=0), load_resolution(case)
    s = score(case).set_index(["model_id", "target"])
    joint = f.attendance(r.present) / float(f.ever.probability)
    assert s.loc[(TREE, "attendance"), "probability"] == pytest.approx(joint, abs=1e-12)
    # not independent: the product of the marginals is another number
    alone = s.loc[(TREE, "attends"), ["probability", "answer"]]
    product = np.prod([p if a == "yes" else 1 - p for p, a in alone.itertuples(index=False)])
    assert abs(joint - product) > 0.01


@pytest.mark.parametrize("names", [
    ["muallem", "khatib", "jamil"],
    ["un_office", "de_mistura", "turkey"],  # a person with his body
    ["de_mistura", "egypt"],  # without: it is summed over
    ["free_syrian_army", "national_coalition"],  # one given the other
])  # fmt: skip
@pytest.mark.parametrize("of", ["probability", "prior"])
def test_patterns_are_those_of_inclusion_and_exclusion(names: list[str], of: str) -> None:
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    comes = np.array(list(product((True, False), repeat=len(names))))
    p = f.posterior if of == "probability" else before_reports(f.compiled, f.futures)
    ours = attendance.patterns(f.compiled, f.compiled.theta, p.chance, names, comes)
    for n, row in enumerate(comes.tolist()):
        present = [name for name, there in zip(names, row, strict=True) if there]
        absent = [name for name in names if name not in present]
        theirs = sum(
            (-1) ** size
            * attendance.all_attend(f.compiled, f.compiled.theta, p.chance, [*present, *more])
            for size in range(len(absent) + 1)
            for more in combinations(absent, size)
        )
        np.testing.assert_allclose(ours[:, n], theirs, atol=1e-13)
    np.testing.assert_allclose(ours.sum(axis=1), 1, atol=1e-12)


def test_through_time_is_the_score_on_each_date(write: Write) -> None:  # noqa: F811
    case = load(write(RESOLUTION))
    path = scoring.through_time(case)
    days = list(dict.fromkeys(path["origin_date"]))
    assert days[0] == "2020-01-01"
    assert days[-1] == "2020-04-19"  # the day before it opened
    for day in days[:: len(days) // 3]:
        alone = score(case, as_of=dt.date.fromisoformat(day))
        there = path[path["origin_date"] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(there, alone, check_exact=True)


def test_summary_is_of_the_rows(write: Write) -> None:  # noqa: F811
    s = score(load(write(RESOLUTION)))
    m = summary(s).loc[(TREE, "2020-02-01")]
    own = s[s["model_id"] == TREE]
    assert m["held_brier"] == pytest.approx(own.loc[own["target"] == "held", "brier"].sum() / 2)
    # ranked by deadline, it is the sum of their Brier scores
    assert m["rps"] == pytest.approx(2 * m["held_brier"])
    assert (m["deadlines"], m["actors"]) == (2, 1)


# --- after the fact ---


@pytest.mark.parametrize(("of", "by"), [(None, "event"), (None, "indicator"), ("khatib", "event"),
                                        ("jamil", "source")])  # fmt: skip
def test_post_mortem_adds_up_to_the_change_of_score(of: str | None, by: str) -> None:
    case = forecast.load("moscow_i")
    frame = hindsight.post_mortem(case, of=of, by=by)
    s = score(case)
    key = (s["actor"] == of) if of else ((s["target"] == "held") & (s["by"] == str(case.headline)))
    rows = s[key & (s["target"] != "attendance")].set_index("model_id")
    before, after = rows.loc[BASE], rows.loc[TREE]
    sign = 1 if after["answer"] == "yes" else -1
    assert frame["toward"].sum() == pytest.approx(
        sign * (after["probability"] - before["probability"]), abs=1e-9
    )
    assert frame["log_gain"].sum() == pytest.approx(before["log"] - after["log"], abs=1e-9)
    assert frame.attrs["log_before"] == pytest.approx(before["log"], abs=1e-9)
    assert frame.attrs["log_after"] == pytest.approx(after["log"], abs=1e-9)
    # signed by what happened, the best first, nothing else changed
    plain = forecast.contributions(case, of=of, by=by)["points"]
    np.testing.assert_allclose(frame["toward"], sign * plain[frame.index], atol=1e-15)
    assert (np.diff(frame["toward"]) <= 0).all()
    assert (np.sign(frame["log_gain"]) == np.sign(frame["toward"])).all()


def test_one_event_gains_what_it_changed(write: Write) -> None:  # noqa: F811
    # with a single event the gain is the whole difference of two logs, by hand
    case = load(write(RESOLUTION))
    alone = case.model_copy(update={"events": case.events[:1], "announcements": (), "watch": ()})
    frame = hindsight.post_mortem(alone, load_resolution(case))
    f = forecast.update(alone, draws=0)
    p, prior = float(f.held.probability[-1]), float(f.held.prior[-1])
    assert frame["log_gain"].to_list() == pytest.approx([math.log(p / prior)], abs=1e-12)


def test_lessons_add_up_over_the_questions() -> None:
    case = forecast.load("moscow_i")
    table = hindsight.lessons(case)
    s = score(case).set_index(["model_id", "target", "actor"])["log"]
    for actor in ("khatib", "iran"):
        change = s[(BASE, "attends", actor)] - s[(TREE, "attends", actor)]
        assert table[actor].sum() == pytest.approx(float(np.squeeze(change)), abs=1e-9)
    np.testing.assert_allclose(table["all"], table.drop(columns="all").sum(axis=1), atol=1e-15)


# --- forecasts that others made ---


def _theirs(*rows: tuple[str, str, str, str, str, float], day: str = "2020-02-01") -> pd.DataFrame:
    kinds = hub.TARGETS
    full = [("them-model", day, "harbour", t, a, end, kinds[t], of, p) for t, a, end, of, p in
            ((r[0], r[1], r[2], r[3], r[5]) for r in rows)]  # fmt: skip
    return pd.DataFrame(full, columns=list(hub.COLUMNS))


def test_scores_of_a_foreign_table_are_the_library_s(write: Write) -> None:  # noqa: F811
    r = load_resolution(load(write(RESOLUTION)))
    theirs = _theirs(
        ("held", "", "2020-03-01", "yes", "", 0.3), ("held", "", "2020-03-01", "no", "", 0.7),
        ("held", "", "2020-06-01", "yes", "", 0.6), ("held", "", "2020-06-01", "no", "", 0.4),
        ("opening", "", "2021-01-01", "2020-03-01", "", 0.3),
        ("opening", "", "2021-01-01", "2020-06-01", "", 0.6),
        ("attends", "guild", "2021-01-01", "yes", "", 0.9), ("attends", "guild", "2021-01-01", "no", "", 0.1),
        ("attends", "pilot", "2021-01-01", "yes", "", 0.9), ("attends", "pilot", "2021-01-01", "no", "", 0.1),
        # of four combinations the guild is in two; the pilot is void and summed over
        ("attendance", "", "2021-01-01", "guild+pilot", "", 0.5), ("attendance", "", "2021-01-01", "guild", "", 0.25),
        ("attendance", "", "2021-01-01", "pilot", "", 0.05), ("attendance", "", "2021-01-01", "(none)", "", 0.2),
    )  # fmt: skip
    s = score_table(theirs, r)
    held = s[s["target"] == "held"]
    np.testing.assert_allclose(held["brier"], scoringrules.brier_score([0, 1], [0.3, 0.6]), atol=1e-14)
    np.testing.assert_allclose(held["log"], scoringrules.log_score([0, 1], [0.3, 0.6]), atol=1e-14)
    opening = s[s["target"] == "opening"].iloc[0]
    assert opening["rps"] == pytest.approx(
        scoringrules.rps_score(2, np.array([0.3, 0.3, 0.4])), abs=1e-14
    )
    assert opening["log"] == pytest.approx(-math.log(0.3), abs=1e-12)
    assert s.loc[s["target"] == "attends", "actor"].to_list() == ["guild"]
    assert s.loc[s["target"] == "attendance", "log"].item() == pytest.approx(-math.log(0.75))


@pytest.mark.parametrize(("frame", "message"), [
    (_theirs(("held", "", "2020-03-02", "yes", "", 0.3)),
     "them-model of 2020-02-01: held: 2020-03-02 is none of the deadlines; they are 2020-03-01, 2020-06-01"),
    (_theirs(("held", "", "2020-03-01", "yes", "", 0.3), day="2020-03-01"),
     "them-model of 2020-03-01: held: the deadline 2020-03-01 was past"),
    (_theirs(("held", "", "2020-06-01", "yes", "", 0.3), day="2020-04-20"),
     "made when the meeting had opened (2020-04-20): no forecast"),
    (_theirs(("attends", "gild", "2021-01-01", "yes", "", 0.3)), 'no actor "gild"; did you mean "guild"?'),
    (_theirs(("attendance", "", "2021-01-01", "guild+host", "", 0.3)), 'attendance: no actor "host"'),
    (_theirs(("opening", "", "2021-01-01", "2020-06-01", "", 0.3)), "opening: says nothing for 2020-03-01"),
])  # fmt: skip
def test_a_table_that_does_not_fit_gets_a_message(
    write: Write, frame: pd.DataFrame, message: str  # noqa: F811
) -> None:  # fmt: skip
    r = load_resolution(load(write(RESOLUTION)))
    with pytest.raises(CaseError) as caught:
        score_table(frame, r)
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)
    with pytest.raises(CaseError, match="no row is of this case"):
        score_table(frame, r, "another")


# --- the command ---


def _run(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["score", *args])
    return done.exit_code, done.output


def test_command_prints_all_scores(write: Write) -> None:  # noqa: F811
    folder = str(write(RESOLUTION))
    code, text = _run(folder)
    assert code == 0
    m = summary(score(load(folder))).droplevel("origin_date")
    for value in (m.loc[TREE, "rps"], m.loc[BASE, "attends_log"], m.loc[CONSTANT, "attendance_log"]):
        assert f"{value:.3f}" in text
    for title in ("Opened by", "Took part", "Through time", "misled", "Void: not scored"):
        assert title in text


def test_command_prints_the_record() -> None:
    record = json.loads(_run("moscow_i", "--json")[1])
    case = forecast.load("moscow_i")
    assert record["digest"] == case.digest
    assert set(record["void"]) == {"un_office", "de_mistura"}
    s = score(case)
    means = {row["model_id"]: row for row in record["means"]}
    assert means[TREE]["held_brier"] == summary(s).droplevel("origin_date").loc[TREE, "held_brier"]
    assert [row["log"] for row in record["scores"]] == s["log"].to_list()
    assert record["post_mortem"]["deadline"] == str(case.headline)


def test_command_says_what_is_missing(write: Write, tmp_path: Path) -> None:  # noqa: F811
    folder = str(write(None))
    code, text = _run(folder)
    assert code == 1
    assert text.splitlines()[0].startswith("resolution.toml: missing: this case has no resolution")
    write(RESOLUTION)
    assert _run(folder)[0] == 0
    assert _run(folder, "--as-of", "2020-05-01")[0] == 1
    assert _run(folder, "--json", "--csv") == (1, _run(folder, "--json", "--oracle")[1])
    code, text = _run(folder, "--table", str(tmp_path / "none.csv"))
    assert (code, "no such file" in text) == (1, True)
