"""The backtest: who may know what, scores by a second road, and a run that is killed for real."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
from test_opening import ROWS, planted, seen
from test_opening import table as rows_of_every_kind

from forecast import backtest_plots, backtest_scores, calibration, folds, history, plots
from forecast.fits import HORIZON, LEVELS, Fit, held_by
from forecast.folds import LANDMARKS, WINDOWS, Fold
from forecast.loading import seeds

mpl.use("Agg")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shipped() -> pd.DataFrame:
    return history.proposals("peace_talks")


# --- scores and CORP ---

# Forecasts, outcomes, and the isotonic regression by hand.
POOLED = [
    # in order already: nothing is pooled
    ([0.1, 0.5, 0.9], [0, 0, 1], [0, 0, 1]),
    # in the wrong order: all are one
    ([0.1, 0.5, 0.9], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3]),
    # one violation, in the middle; given unsorted
    ([0.8, 0.2, 0.6, 0.4], [1, 0, 0, 1], [1, 0, 0.5, 0.5]),
    # equal forecasts are one before anything is compared
    ([0.3, 0.3, 0.3, 0.7], [1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]),
    ([0.3, 0.3, 0.7, 0.7], [1, 0, 1, 1], [0.5, 0.5, 1, 1]),
    # a single one
    ([0.4], [1], [1]),
]


@pytest.mark.parametrize(("p", "y", "expected"), POOLED)
def test_recalibration_by_hand(p, y, expected):
    assert calibration.recalibrated(p, y) == pytest.approx(expected, abs=1e-12)


def test_recalibration_is_the_max_of_min_of_means():
    # the closed form of isotonic regression, by brute force over all runs of forecasts
    rng = np.random.default_rng(3)
    for _ in range(20):
        p = rng.choice([0.1, 0.2, 0.3, 0.45, 0.6, 0.8], 14)
        y = rng.random(14) < 0.5
        found = calibration.recalibrated(p, y)
        for x, value in zip(p, found, strict=True):
            best = max(
                min(y[(p >= low) & (p <= high)].mean() for high in p if high >= x)
                for low in p if low <= x
            )  # fmt: skip
            assert value == pytest.approx(best, abs=1e-12)


# Forecasts or outcomes that are none, and the message.
REFUSED = [
    ([], [], "expected some"),
    ([0.2, 0.3], [1], "one for each"),
    ([1.2], [1], "no probability"),
    ([np.nan], [1], "no probability"),
    ([0.2], [0.5], "neither 0 nor 1"),
]


@pytest.mark.parametrize(("p", "y", "message"), REFUSED)
def test_what_cannot_be_scored_is_refused(p, y, message):
    with pytest.raises(ValueError, match=message):
        calibration.corp(p, y)


def test_the_decomposition_is_murphys_where_shares_rise_with_forecasts():
    # three forecasts, 10 cases each, of which 2, 5, 6 happened: nothing is pooled
    p = np.repeat([0.1, 0.3, 0.9], 10)
    y = np.concatenate([[1] * k + [0] * (10 - k) for k in (2, 5, 6)])
    d = calibration.corp(p, y)
    share = 13 / 30
    assert d.miscalibration == pytest.approx((0.1**2 + 0.2**2 + 0.3**2) / 3)
    assert d.discrimination == pytest.approx(sum((k / 10 - share) ** 2 for k in (2, 5, 6)) / 3)
    assert d.uncertainty == pytest.approx(share * (1 - share))
    assert d.score == pytest.approx(d.miscalibration - d.discrimination + d.uncertainty)
    assert d.score == pytest.approx(np.mean((p - y) ** 2))


def test_the_decomposition_of_the_log_score():
    # 0.2 for ten of which 1 happened, 0.6 for ten of which 7 did
    p, y = np.repeat([0.2, 0.6], 10), np.array([1] + [0] * 9 + [1] * 7 + [0] * 3)
    d = calibration.corp(p, y, "log")
    entropy = lambda q: -q * np.log(q) - (1 - q) * np.log(1 - q)  # noqa: E731
    said = -(np.log(0.2) + 9 * np.log(0.8) + 7 * np.log(0.6) + 3 * np.log(0.4)) / 20
    assert d.score == pytest.approx(said)
    assert d.miscalibration == pytest.approx(said - (entropy(0.1) + entropy(0.7)) / 2)
    assert d.discrimination == pytest.approx(entropy(0.4) - (entropy(0.1) + entropy(0.7)) / 2)
    assert d.uncertainty == pytest.approx(entropy(0.4))
    # what was thought impossible and happened costs everything
    assert calibration.corp([0.0, 0.5], [1, 0], "log").score == np.inf


def test_right_forecasts_stay_in_the_band_and_wrong_ones_leave_it():
    rng = np.random.default_rng(5)
    p = rng.choice([0.1, 0.3, 0.5, 0.7, 0.9], 600)
    y = rng.random(600) < p
    right = calibration.reliability(p, y, draws=300)
    assert ((right["share"] >= right["low"]) & (right["share"] <= right["high"])).sum() >= 4
    assert right["count"].sum() == 600
    wrong = calibration.reliability(p[::-1] * 0 + np.where(p > 0.5, 0.95, 0.05), y, draws=300)
    assert ((wrong["share"] < wrong["low"]) | (wrong["share"] > wrong["high"])).all()


def test_the_bootstrap_draws_whole_groups():
    rng = np.random.default_rng(7)
    x = rng.normal(size=60)
    alone = calibration.mean_by_group(x, np.arange(60), draws=20_000)
    assert alone["mean"] == pytest.approx(x.mean())
    assert alone["se"] == pytest.approx(x.std() / np.sqrt(60), rel=0.03)
    low, high = x.mean() + np.array([-1, 1]) * stats.norm.ppf(0.95) * x.std() / np.sqrt(60)
    assert (alone["low"], alone["high"]) == pytest.approx((low, high), abs=0.02)
    # three copies of each case are no more than the case, if they are one group
    copies = calibration.mean_by_group(np.tile(x, 3), np.tile(np.arange(60), 3), draws=20_000)
    assert copies == pytest.approx(alone)
    # one group alone cannot be other than it is
    one = calibration.mean_by_group(x, np.zeros(60))
    assert one["low"] == one["high"] == pytest.approx(x.mean())


# --- who may know what ---


def test_each_conflict_is_left_out_once_and_wholly(shipped):
    made = folds.left_out(shipped)
    assert sorted(c for f in made for c in f.conflicts) == sorted(shipped["conflict"].unique())
    assert sorted(i for f in made for i in f.rows) == sorted(shipped.index)
    for f in made:
        known = folds.training(shipped, f)
        assert not set(known["conflict"]) & set(f.conflicts)
        assert set(known.index) == set(shipped.index) - set(f.rows)
    # a conflict with many rows is alone
    assert made[0].conflicts == (shipped["conflict"].value_counts().index[0],)
    alone = folds.left_out(shipped, shipped["conflict"].nunique())
    assert all(len(f.conflicts) == 1 for f in alone)
    with pytest.raises(ValueError, match="groups: 1; expected 2 to 37"):
        folds.left_out(shipped, 1)


def test_a_proposal_is_predicted_by_the_last_half_year_before_it(shipped):
    made = folds.as_known(shipped)
    predicted = [i for f in made for i in f.rows]
    assert len(predicted) == len(set(predicted))
    for f in made:
        assert (f.day.month, f.day.day) in {(6, 30), (12, 31)}
        known = folds.training(shipped, f)
        assert len(known) >= folds.LEAST
        assert known["first_proposed"].max() <= pd.Timestamp(f.day)
        for day in shipped.loc[list(f.rows), "first_proposed"]:
            assert 0 < (day.date() - f.day).days <= 184
    # what is not predicted was made before enough was known
    first = min(f.day for f in made)
    assert (shipped.drop(predicted)["first_proposed"] <= pd.Timestamp(first)).all()


def test_a_proposal_of_the_last_day_itself_belongs_to_the_half_year_before(shipped):
    late = shipped.iloc[-3:].copy()
    late["first_proposed"] = pd.to_datetime(["2025-06-30", "2025-07-01", "2025-12-31"])
    both = folds.as_known(pd.concat([shipped.iloc[:-3], late]))
    where = {i: f.name for f in both for i in f.rows}
    assert [where[i] for i in late.index] == ["2024-12-31", "2025-06-30", "2025-06-30"]


def test_the_question_by_hand():
    day = dt.date(2021, 1, 1)
    lines = [
        # status, days, days before the last day -> held, died, over; at 30 days, within 60
        ("held", 31, 400, (True, False, True)),  # on the first day after the landmark
        ("held", 90, 400, (True, False, True)),  # on the last of the window
        ("held", 91, 400, (False, False, True)),  # a day too late
        ("held", 30, 400, None),  # on the landmark: it no longer waits
        ("dead", 30, 400, None),
        ("dead", 31, 400, (False, True, True)),
        ("dead", 91, 400, (False, False, True)),
        ("open", 400, 400, (False, False, True)),
        ("held", 40, 90, (True, False, True)),  # its window ends on the last day
        ("held", 40, 89, (True, False, False)),  # the quick one of a window that is not over
        ("open", 89, 89, (False, False, False)),
        ("open", 10, 10, (False, False, False)),  # the landmark itself is yet to come
    ]
    known = pd.DataFrame({"status": [s for s, *_ in lines], "days": [d for _, d, *_ in lines]})
    known["first_proposed"] = pd.Timestamp(day) - pd.to_timedelta([a for *_, a, _ in lines], unit="D")
    found = folds.question(known, day, 30, 60)
    expected = {i: e for i, (*_, e) in enumerate(lines) if e is not None}
    assert {
        i: tuple(map(bool, row)) for i, row in zip(found.index, found.to_numpy(), strict=True)
    } == expected


def test_later_rows_and_later_news_change_no_training(shipped):
    fold = next(f for f in folds.as_known(shipped) if f.day == dt.date(2014, 6, 30))
    absurd = folds.training(planted(shipped, str(fold.day)), fold)
    known = folds.training(shipped, fold)
    assert (known["status"] == "open").any()
    assert history.digest(absurd) == history.digest(known)
    # nor the simpler forecasts
    made = pd.DataFrame({"scheme": "as known", "fold": fold.name, "proposal": fold.rows}).reindex(
        columns=COLUMNS
    )
    simpler = [
        backtest_scores.openings(t, made, [fold]).drop_duplicates(["landmark", "window"])
        for t in (shipped, planted(shipped, str(fold.day)))
    ]
    for name in backtest_scores.SIMPLER[1:]:
        assert simpler[0][name].tolist() == simpler[1][name].tolist()


# --- the compiled model with other data ---

COLUMNS = ["scheme", "fold", "proposal", *(f"held_{a}_{b}" for a in LANDMARKS for b in WINDOWS),
           *(f"alive_{a}_{b}" for a in LANDMARKS if a for b in WINDOWS),
           *(f"attends_{r}" for r in LEVELS["role"])]  # fmt: skip


def test_a_row_that_is_not_there_adds_nothing():
    import pymc as pm

    from forecast import opening, refits

    full = rows_of_every_kind().set_axis(list(ROWS))
    known = full.drop(["held", "dated, late", "open, stage not known"])
    rows, model = opening.arrays(full), opening.model(full)
    names = [f"log_likelihood_{k}" for k in ("rows", "lead", "slip", "named")]
    with model:
        pm.set_data(refits.masked(full.index, rows, known))
    found, fresh = seen(model, names), seen(opening.model(known), names)
    at = full.index.get_indexer(known.index)
    for name in names:
        assert found[name][at] == pytest.approx(fresh[name], abs=1e-12)
        assert np.all(np.delete(found[name], at) == 0)
    assert len(full) == len(ROWS) == len(known) + 3


def test_a_party_that_is_not_there_adds_nothing():
    import pymc as pm
    from pytensor import function
    from pytensor.compile.mode import Mode

    from forecast import attending

    known = history.as_known(history.proposals("peace_talks"), dt.date(2008, 1, 1))
    rows, mode = attending.arrays(known), Mode(linker="py", optimizer=None)
    model, plain = attending.build(rows, weighted=True), attending.model(known)
    weight = (np.arange(len(rows["came"])) % 3 > 0).astype(float)
    with model:
        pm.set_data({"row_weight": weight})
    rng = np.random.default_rng(1)
    values = {v.name: np.abs(rng.normal(size=v.shape.eval())) for v in model.free_RVs}
    found, every = (
        function(m.free_RVs, m["log_likelihood_came"], mode=mode)(*[values[v.name] for v in m.free_RVs])
        for m in (model, plain)
    )
    assert np.all(found[weight == 0] == 0)
    assert np.array_equal(found[weight == 1], every[weight == 1])


def fit_of_two_draws() -> Fit:
    """Draws that differ in level, in time and in how long failures last."""
    zeros = lambda *shape: np.zeros((2, *shape))  # noqa: E731
    on_stage = np.array([[-0.5, 0.1, 0.4], [-0.3, 0.0, 0.3]])
    return Fit("", dt.date(2010, 1, 1), (), "", ("A",), {
        "level": np.array([-1.0, 1.0]), "on_stage": on_stage, "on_convener": zeros(6),
        "on_kind": zeros(7), "on_conflict": np.array([[0.5], [-0.2]]), "spread": zeros(3),
        "log_days": np.log([40.0, 150.0]), "log_days_on_stage": np.array([[0.3, 0.0, -0.3]] * 2),
        "sigma": np.array([1.0, 1.4]), "recorded": np.array([0.3, 0.6]),
        "stage_share": np.array([[0.2, 0.3, 0.5], [0.5, 0.25, 0.25]]),
        "log_sigma_on_stage": np.array([[0.2, -0.3, 0.1]] * 2), "end_log_days": np.log([60.0, 200.0]),
        "end_log_days_on_stage": np.array([[0.3, 0.1, -0.4]] * 2), "end_sigma": np.array([0.8, 1.2]),
    })  # fmt: skip


@pytest.mark.parametrize("alive", [False, True])
@pytest.mark.parametrize("stage", ["floated", None])
@pytest.mark.parametrize("region", ["middle-east", "latin-america"])
def test_the_chance_of_opening_in_a_window_by_hand(alive, stage, region):
    from forecast import refits

    fit = fit_of_two_draws()
    d, top, bottom = fit.draws, np.zeros((4, 4)), np.zeros((4, 4))
    for k in range(2):  # draws
        r = 1 if region == "middle-east" else d["recorded"][k]
        for s in range(3):
            last = d["end_log_days"][k] + d["end_log_days_on_stage"][k, s]
            end = stats.lognorm(d["end_sigma"][k], scale=np.exp(last))
            width = d["sigma"][k] * np.exp(d["log_sigma_on_stage"][k, s])
            share = d["stage_share"][k, s] if stage is None else float(s == 0)
            pi = expit(d["level"][k] + d["on_stage"][k, s] + d["on_conflict"][k, 0])
            held = pi / (pi + (1 - pi) * r)
            opens = stats.lognorm(width, scale=np.exp(d["log_days"][k] + (0.3, 0, -0.3)[s]))
            by = lambda t, opens=opens: opens.cdf(t) / opens.cdf(HORIZON)  # noqa: E731
            for a, landmark in enumerate(LANDMARKS):
                for b, window in enumerate(WINDOWS):
                    top[a, b] += share * held * (by(landmark + window) - by(landmark))
                    never = (1 - held) * (end.sf(landmark) if alive else 1)
                    bottom[a, b] += share * (held * (1 - by(landmark)) + never)
    row = pd.DataFrame({"stage": [stage], "convener_type": "UN", "row_type": "relaunch",
                        "conflict": "A", "region": region})  # fmt: skip
    found = refits.opens_within(fit, row, alive)[0]
    assert found == pytest.approx(top / bottom, abs=1e-12)
    # on the first day it is what the package says of any proposal
    assert found[0] == pytest.approx(held_by(fit, row, WINDOWS).to_numpy()[0], abs=1e-12)


# --- the simpler forecasts, the summary and its words ---


def small() -> tuple[pd.DataFrame, pd.DataFrame, Fold]:
    """Eight proposals of four conflicts, and predictions of two of them."""
    lines = [
        # id, conflict, stage, days to open or None, days to its end
        ("a1", "A", "floated", 20, None), ("a2", "A", "floated", None, 50), ("a3", "A", "dated", 200, None),
        ("b1", "B", "floated", 100, None), ("b2", "B", "window", None, 10), ("c1", "C", None, 30, None),
        ("d1", "D", "floated", 40, None), ("d2", "D", None, None, 70),
    ]  # fmt: skip
    start = pd.Timestamp(2000, 1, 1)
    table = pd.DataFrame({
        "conflict": [x[1] for x in lines], "stage": [x[2] for x in lines], "region": "middle-east",
        "first_proposed": start, "first_target": pd.NaT, "held": [x[3] is not None for x in lines],
        "opened": [pd.NaT if x[3] is None else start + pd.Timedelta(days=x[3]) for x in lines],
        "censored_on": [pd.NaT if x[4] is None else start + pd.Timedelta(days=x[4]) for x in lines],
    } | dict.fromkeys(history.ROLES.values(), ""), index=pd.Index([x[0] for x in lines], name="id"))  # fmt: skip
    table.loc[["a1", "b1", "d1"], "att_government"] = "yes"
    table.loc[["a1", "b1", "d1"], "att_main_opposition"] = ["no", "no", "partial"]
    made = pd.DataFrame({"scheme": "left out", "fold": "01", "proposal": ["d1", "d2"]}).reindex(
        columns=COLUMNS
    )
    made.loc[:, [c for c in COLUMNS if c[:4] in ("held", "aliv", "atte")]] = 0.25
    return table, made, Fold("left out", "01", dt.date(2000, 7, 19), ("D",), ("d1", "d2"))


def test_shares_of_the_training_rows_by_hand():
    table, made, fold = small()
    answers = backtest_scores.openings(table, made, [fold]).set_index(["landmark", "window", "proposal"])
    # day 0, within 60: of a1 a2 a3 b1 b2 c1 held a1, c1; of the floated a1 a2 b1 held a1
    assert answers.loc[(0, 60, "d1"), "of all"] == pytest.approx(3 / 8)
    assert answers.loc[(0, 60, "d1"), "of its stage"] == pytest.approx(2 / 5)
    # a stage that is not known gets the share of all
    assert answers.loc[(0, 60, "d2"), "of its stage"] == pytest.approx(3 / 8)
    # day 30, within 120: a1, b2 and c1 have gone; of a2 a3 b1 held b1; of the floated a2 b1 held b1
    assert answers.loc[(30, 120, "d1"), ["of all", "of its stage"]].tolist() == pytest.approx(
        [2 / 5, 2 / 4]
    )
    assert answers.loc[(30, 120, "d1"), "happened"]
    assert answers.loc[(30, 60, "d2"), ["happened", "died"]].tolist() == [False, True]
    # 40 days after it was made d1 is held: nothing is asked of it on day 60
    assert (60, 60, "d1") not in answers.index
    assert (60, 60, "d2") in answers.index
    # the table ends on day 200: a window of a year is not over
    over = answers.groupby(["landmark", "window"])["over"].agg(["all", "any"])
    assert (over["all"] == over["any"]).all()
    assert over.index[over["all"]].tolist() == [
        (a, b) for a in LANDMARKS[:3] for b in WINDOWS if a + b <= 200
    ]
    with pytest.raises(ValueError, match="predictions are of another table"):
        backtest_scores.openings(table, made.iloc[:1], [fold])


def test_shares_of_the_attendance_by_hand():
    table, made, fold = small()
    found = backtest_scores.attendance(table, made, [fold]).set_index("role")
    # of others: the government came to a1 and b1, the opposition to neither
    assert found["of its role"].to_dict() == pytest.approx(
        {"government": 3 / 4, "main_opposition": 1 / 4}
    )
    assert found["of all"].tolist() == pytest.approx([3 / 6] * 2)
    assert found["happened"].tolist() == [True, True]  # in part is coming


def test_the_summary_by_hand():
    answers = pd.DataFrame({
        "scheme": "left out", "proposal": list("abcd"), "conflict": ["X", "X", "Y", "Y"],
        "over": [True, True, True, False], "happened": [True, False, True, False],
        "model": [0.8, 0.4, 0.6, 0.99], "one half": 0.5,
    })  # fmt: skip
    found = backtest_scores.summary(answers, ["scheme"], ["one half"], draws=2000)
    brier = found.loc[("left out", "brier", "one half")]
    model = (0.2**2 + 0.4**2 + 0.4**2) / 3
    assert brier[["answers", "proposals", "conflicts", "happened"]].tolist() == [
        3,
        3,
        2,
        pytest.approx(2 / 3),
    ]
    assert (brier["mean"], brier["gain"]) == pytest.approx((0.25, 0.25 - model))
    assert brier["skill"] == pytest.approx(1 - model / 0.25)
    # two conflicts: drawn twice the one, twice the other, or both
    assert (brier["low"], brier["high"]) == pytest.approx((0.25 - 0.16, 0.25 - 0.1))
    log = found.loc[("left out", "log")]["mean"]
    assert log["model"] == pytest.approx(-np.log([0.8, 0.6, 0.6]).mean())
    assert log["one half"] == pytest.approx(np.log(2))


def test_the_bias_by_hand():
    answers = pd.DataFrame({
        "landmark": 0, "conflict": ["X", "X", "Y", "Y"], "over": [True, True, True, False],
        "happened": [True, False, True, False], "model": [0.8, 0.4, 0.6, 0.99],
    })  # fmt: skip
    found = backtest_scores.bias(answers, ["landmark"], ["model"]).loc[(0, "model")]
    assert found[["said", "happened", "bias"]].tolist() == pytest.approx([0.6, 2 / 3, 0.6 - 2 / 3])
    # X alone: 0.1 too much; Y alone: 0.4 too little
    assert found[["low", "high"]].tolist() == pytest.approx([-0.4, 0.1])


def test_better_is_only_said_of_a_gain_above_its_noise():
    index = pd.MultiIndex.from_product([["brier", "log"], ["model", "of all", "one half"]],
                                       names=["score", "forecast"])  # fmt: skip
    frame = pd.DataFrame({"mean": [0.2, 0.21, 0.25, 0.6, 0.59, 0.69],
                          "gain": [0, 0.01, 0.05, 0, -0.01, 0.09], "skill": [0, 0.048, 0.2, 0, -0.017, 0.13],
                          "low": [0, -0.01, 0.02, 0, -0.015, 0.03],
                          "high": [0, 0.03, 0.08, 0, -0.005, 0.15]}, index=index)  # fmt: skip
    assert backtest_scores.verdict(frame) == [
        "Against the share of all the model is not clearly different by the Brier score, 0.200 against "
        "0.210, a gain of +0.010 (-0.010 to +0.030; skill +5 %); worse by the log score, 0.600 against "
        "0.590, a gain of -0.010 (-0.015 to -0.005; skill -2 %).",
        "Against 0.5 the model is better by the Brier score, 0.200 against 0.250, a gain of +0.050 "
        "(+0.020 to +0.080; skill +20 %); better by the log score, 0.600 against 0.690, a gain of "
        "+0.090 (+0.030 to +0.150; skill +13 %).",
    ]


# --- the stored result ---


@pytest.mark.slow
def test_the_stored_predictions_are_of_the_shipped_table_and_the_text_is_theirs(shipped, monkeypatch):
    predictions, digest = backtest_scores.stored("peace_talks")
    last = folds.last_day(shipped)
    assert digest == history.digest(history.as_known(shipped, last)), (
        "run python -m benchmarks.backtest --keep"
    )
    assert list(predictions.columns) == COLUMNS
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import backtest as command

    text = (seeds() / "peace_talks" / "backtest.txt").read_text("utf-8")
    opened = backtest_scores.openings(shipped, predictions)
    came = backtest_scores.attendance(shipped, predictions)
    assert opened[opened["over"]]["model"].between(0, 1).all()
    for scheme in ("left out", "as known"):
        asked = opened[opened["scheme"] == scheme]
        lines = command.opening_text(shipped, asked)
        assert "\n".join(lines) in text
        assert "\n".join(command.attendance_text(came[came["scheme"] == scheme])) in text
    first = backtest_plots.calibrations(opened)
    assert len(first.figure.axes) == 8
    picture = plots.figure(first)
    assert "Left out, 60 days" in picture.alt
    assert "As known, 365 days" in picture.alt
    by = backtest_scores.summary(opened, ["scheme", "landmark", "window"], ["of its stage"], draws=200)
    ax = backtest_plots.gains(by, "log", "of its stage")
    assert len(ax.get_yticks()) == 16
    assert plots.alt(ax).count(" of 16") == 2
    plots.figure(ax)


# --- a run that is killed ---

SCRIPT = """
import json, os, sys, time
from pathlib import Path
from forecast import backtest, folds, history

LOG, STUCK = Path(sys.argv[1]), sys.argv[3] == "stuck"

def stand_in(of, fold, how):  # instead of a refit; remembers that it was asked
    with LOG.open("a") as log:
        log.write(fold.name + "\\n")
    time.sleep(600 if STUCK and fold.name == "03" else 0.05)
    return {"rows": len(folds.training(of.table, fold)), "predictions": []}

table = history.proposals("peace_talks")
found = backtest.run(table, folds.left_out(table, 8), Path(sys.argv[2]), jobs=2, work=stand_in)
print(json.dumps(found))
"""


@pytest.mark.slow
def test_a_killed_run_resumes_where_it_was(tmp_path, shipped):
    script = tmp_path / "run.py"
    script.write_text(SCRIPT, "utf-8")

    def start(log: str, folder: str, how: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, str(script), str(tmp_path / log), str(tmp_path / folder), how]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def done() -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in (tmp_path / "parts").glob("[!.]*.json")}

    def asked() -> list[str]:
        return (tmp_path / "log").read_text().split() if (tmp_path / "log").exists() else []

    killed = start("log", "parts", "stuck")
    waited = time.monotonic() + 300
    while len(done()) < 3 or "03" not in asked():
        assert killed.poll() is None
        assert time.monotonic() < waited
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)  # with its workers; one is in the middle of a fold
    killed.communicate()
    kept, before = done(), asked()
    finished = {json.loads(text)["fold"] for text in kept.values()}
    assert len(finished) >= 3
    assert "03" in set(before) - finished
    # what a worker had begun to write when it was killed is no finished fold
    (tmp_path / "parts" / ".part-torn.json").write_text('{"scheme": "left', "utf-8")

    resumed = start("log", "parts")
    out, _ = resumed.communicate(timeout=300)
    assert resumed.returncode == 0
    again = asked()[len(before) :]
    everything = {f"{i:02d}" for i in range(1, 9)}
    assert sorted(again) == sorted(everything - finished)  # the rest once, the finished ones never
    assert {k: done()[k] for k in kept} == kept
    results = json.loads(out)
    assert [r["fold"] for r in results] == sorted(everything)
    sizes = [r["rows"] for r in results]
    assert sizes == [len(shipped) - len(f.rows) for f in folds.left_out(shipped, 8)]


# --- real refits ---


@pytest.mark.slow
def test_a_reduced_backtest(tmp_path, shipped):
    from forecast import backtest, refits

    table = shipped[shipped["first_proposed"] < "2013-01-01"]
    how = backtest.Sampling(draws=300, tune=300)
    chosen = [folds.left_out(table, 4)[0], folds.as_known(table)[-2]]
    results = backtest.run(table, chosen, tmp_path, jobs=1, how=how)
    made = backtest.predictions(results)
    assert sorted(made["proposal"]) == sorted([*chosen[0].rows, *chosen[1].rows])
    answers = backtest_scores.openings(table, made, chosen)
    scored = answers[answers["over"]]
    assert scored["model"].between(0.01, 0.99).all()
    assert (scored["model"] >= scored["unaware"]).all()  # the dead have left the denominator
    assert (made.filter(like="attends_").min().dropna() > 0.2).all()

    # Leaving a conflict out really leaves it out, and what is known later stays out: with absurd
    # outcomes there, the same compiled function draws the same numbers to the last bit.
    of = backtest.design(table)
    out = table["conflict"].isin(chosen[0].conflicts)
    other = table.copy()
    other.loc[out, "opened"] = other.loc[out, "first_proposed"] + pd.Timedelta(days=1)
    other.loc[out, ["held", "censored_on", "att_government"]] = [True, pd.NaT, "no"]
    later = planted(table, str(chosen[1].day)).iloc[: len(table)]
    for fold, absurd in zip(chosen, (other, later), strict=True):
        fit = refits.refit(of, fold, how)
        again = refits.refit(backtest.Design(of.digest, absurd), fold, how)
        assert not set(fit.conflicts) & set(fold.conflicts)
        assert fit.draws.keys() == again.draws.keys()
        for name, draws in fit.draws.items():
            assert np.array_equal(draws, again.draws[name]), name
        if fold.conflicts:  # and its effect: it is any conflict that the fit does not know
            rows = history.as_known(table, fold.day).loc[list(fold.rows)]
            strange = refits.opens_within(fit, rows.assign(conflict="Atlantis"))
            assert np.array_equal(refits.opens_within(fit, rows), strange)


@pytest.mark.slow
def test_a_refit_agrees_with_a_fresh_fit_of_the_reduced_table(shipped):
    import arviz as az
    import nutpie

    from forecast import backtest, opening, refits, sampling

    table = shipped[shipped["first_proposed"] < "2013-01-01"]
    fold, of = folds.left_out(table, 4)[0], backtest.design(table)
    fit = refits.refit(of, fold, backtest.Sampling(draws=500, seed=2))
    known = folds.training(table, fold)
    with sampling._reproducible():
        model = nutpie.compile_pymc_model(opening.model(known))
    tree = nutpie.sample(model, draws=500, tune=400, chains=4, cores=2, seed=3, target_accept=0.95,
                         progress_bar=False, save_warmup=False)  # fmt: skip
    fresh = tree["posterior"].to_dataset().transpose("chain", "draw", ...)
    assert tuple(fresh["conflict"].to_numpy()) == fit.conflicts
    worst: dict[str, Any] = {}
    for name in (*refits.OPENING, "end_log_days", "end_sigma"):
        a = fit.draws[name].reshape(fit.size, -1)
        b = fresh[name].to_numpy().reshape(fit.size, -1)
        for x, y in zip(a.T, b.T, strict=True):
            error = np.hypot(*(z.std() / np.sqrt(az.ess(z.reshape(4, -1))) for z in (x, y)))
            worst[name] = max(worst.get(name, 0), abs(x.mean() - y.mean()) / error)
    # the largest of about fifty standard normal differences
    assert max(worst.values()) < 4, worst
    flat = {str(k): v.to_numpy().reshape(fit.size, *v.shape[2:]) for k, v in fresh.items()}
    second = Fit("", fold.day, (), "", fit.conflicts, flat, fit.seed)
    rows = history.as_known(table, fold.day).loc[list(fold.rows)]
    apart = np.abs(refits.opens_within(fit, rows) - refits.opens_within(second, rows))
    assert apart.max() < 0.04
