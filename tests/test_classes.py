"""What a fit says by class, against arithmetic by hand; and the figures of the reference class."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from scipy.stats import lognorm

import forecast
from forecast import classes, history, history_plots, plots
from forecast.fits import HORIZON, LEVELS, Fit
from forecast.parts import BaseRate, Convener, Kind

mpl.use("Agg")

# Two draws that differ in the level alone: odds of 1 and of 3.
DRAWS = 2
ODDS = np.array([1.0, 3.0])


def zeros(*shape: int) -> np.ndarray:
    return np.zeros((DRAWS, *shape))


@pytest.fixture
def fit() -> Fit:
    on_stage = zeros(3)
    on_stage[:, 2] = np.log(2)  # a day named doubles the odds
    on_conflict = zeros(2)
    on_conflict[:, 1] = -np.log(4)  # and the second conflict quarters them
    att_role = zeros(6)
    att_role[:] = np.log([9, 1, 4, 4, 4, 4])
    return Fit("peace_talks", dt.date(2014, 11, 11), (), "", ("Libya", "Syria"), {
        "level": np.log(ODDS), "on_stage": on_stage, "on_convener": zeros(6), "on_kind": zeros(7),
        "on_conflict": on_conflict, "spread": zeros(3), "log_days": zeros() + np.log(60),
        "log_days_on_stage": zeros(3), "sigma": zeros() + 1.0, "log_sigma_on_stage": zeros(3),
        "end_log_days": zeros() + np.log(90), "end_log_days_on_stage": zeros(3), "end_sigma": zeros() + 1.0,
        "recorded": zeros() + 0.5,
        "stage_share": zeros(3) + 1 / 3, "att_role": att_role, "att_convener": zeros(6),
        "att_conflict": zeros(2), "att_spread": zeros(2),
    })  # fmt: skip


@pytest.fixture
def known() -> pd.DataFrame:
    table = history.proposals("peace_talks")
    return history.as_known(table, dt.date(2014, 11, 11), ("syr-2015-moscow-1",))


BASE = BaseRate(
    reference_class="peace_talks", stage="floated", convener_type="UN", conflict="Syria", why="x"
)


def share(odds: np.ndarray) -> float:
    return float((odds / (1 + odds)).mean())


def test_base_rates_by_hand(fit: Fit, known: pd.DataFrame) -> None:
    frame = classes.base_rates(fit, known, BASE)
    p = frame.probability
    assert p["stage", "floated"] == pytest.approx(share(ODDS / 4))
    assert p["stage", "dated"] == pytest.approx(share(ODDS / 4 * 2))
    assert p["conflict", "Syria"] == pytest.approx(share(ODDS / 4))
    # an unseen conflict has the mean effect, and here a spread of nothing
    assert p["conflict", classes.ANOTHER] == pytest.approx(share(ODDS))
    assert (p["convener"] == p["stage", "floated"]).all()
    chosen = [
        ("stage", "floated"),
        ("convener", "UN"),
        ("kind", "new_initiative"),
        ("conflict", "Syria"),
    ]
    assert list(frame.index[frame.chosen]) == chosen
    # half of the log-normal that is left below the horizon
    law = lognorm(1.0, scale=60)
    assert frame.median_days["stage", "floated"] == np.ceil(law.ppf(0.5 * law.cdf(HORIZON)))


def test_counts_beside_are_of_the_level_alone(fit: Fit, known: pd.DataFrame) -> None:
    frame = classes.base_rates(fit, known, BASE)
    syria = known[known.conflict == "Syria"]
    assert tuple(frame.loc[("conflict", "Syria"), ["held", "rows"]]) == (syria.held.sum(), len(syria))
    for dimension, column in (("convener", "convener_type"), ("kind", "row_type")):
        counted = frame.loc[dimension, "rows"]
        assert counted.sum() == len(known)
        assert counted.to_dict() == {x: (known[column] == x).sum() for x in LEVELS[dimension]}


def test_an_elicited_base_rate_has_no_class(fit: Fit, known: pd.DataFrame) -> None:
    elicited = BaseRate(held=(0.2, 0.6), days_to_open=(20.0, 300.0), why="x")
    with pytest.raises(ValueError, match="it names no class"):
        classes.base_rates(fit, known, elicited)


def test_attendance_by_hand(fit: Fit, known: pd.DataFrame) -> None:
    frame = classes.attendance(fit, known, BASE)
    assert frame.probability.to_list() == pytest.approx([0.9, 0.5, 0.8, 0.8, 0.8, 0.8])
    held = known[known.status == "held"]
    for role, column in history.ROLES.items():
        assert frame.no[role] == (held[column] == "no").sum()
        assert frame.yes[role] == (held[column] == "yes").sum()
    assert frame.index[frame.says_refusals].to_list() == ["main_opposition"]


def test_forecast_under_another_class_is_that_of_a_case_with_it() -> None:
    case = forecast.load("moscow_i")
    elicited = BaseRate(held=(0.2, 0.6), days_to_open=(20.0, 300.0), why="x")
    frame = classes.under(case, {"own": case.base_rate, "judged": elicited})
    other = forecast.update(case.model_copy(update={"base_rate": elicited}))
    assert (
        frame.loc["own", "probability"].to_list()
        == forecast.update(case).held.probability.values.tolist()
    )
    assert frame.loc["judged", "probability"].to_list() == other.held.probability.values.tolist()
    assert frame.loc["judged", "prior"].to_list() == other.held.prior.values.tolist()
    assert frame.loc["judged"].index.to_list() == [pd.Timestamp(d) for d in case.question.deadlines]


# --- figures ---


def said(ax: Axes) -> str:
    return plots.alt(ax).replace("\xa0", " ")


def test_swimmer_ends_where_the_proposal_ended(known: pd.DataFrame) -> None:
    ax = history_plots.swimmer(known)
    ends = sorted(s[1, 0] for lines in ax.collections for s in lines.get_segments())
    assert ends == sorted(known.days)
    marks = {str(line.get_label()): line for line in ax.get_lines()}
    assert {k: len(v.get_xdata()) for k, v in marks.items() if k != "day named at first"} == {
        "opened": 39, "cancelled, superseded or given up": 26, "still open": 2,
    }  # fmt: skip
    assert np.isfinite(marks["day named at first"].get_xdata()).sum() == known.first_target.notna().sum()
    # shapes differ, not only colours
    assert len({line.get_marker() for line in marks.values()}) == 4
    floated = known[(known.stage == "floated") & known.held]
    words = said(ax)
    assert words.startswith("67 proposals of talks")
    assert (
        f"Floated: no date: 13 opened after a median of {floated.days.median():.0f} days, 11 came"
        in words
    )
    plt.close("all")


def test_swimmer_draws_on_the_axes_it_is_given(known: pd.DataFrame) -> None:
    _, ax = plt.subplots()
    assert history_plots.swimmer(known[known.conflict == "Libya"], ax) is ax
    picture = plots.figure(ax)
    assert picture.png.startswith(b"\x89PNG")
    assert "still open" in picture.alt


# What was asked for, and what is said.
NO_SWIMMER = [
    (lambda known: known.iloc[:0], "no proposal to show"),
    (lambda _: history.proposals("peace_talks"), "expected a table as known on a date"),
]


@pytest.mark.parametrize(("table", "message"), NO_SWIMMER)
def test_swimmer_refuses(known: pd.DataFrame, table: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        history_plots.swimmer(table(known))  # type: ignore[operator]


def test_figures_say_their_numbers(fit: Fit, known: pd.DataFrame) -> None:
    rates = history_plots.base_rates(classes.base_rates(fit, known, BASE))
    assert "floated 31 % (21–42 %)" in said(rates)  # odds of 1/4 and of 3/4
    came = history_plots.attendance(classes.attendance(fit, known, BASE))
    assert "government 90 % (90–90 %, no refusal recorded)" in said(came)
    assert "UN envoy 80 %" in said(came)
    days = pd.to_datetime(["2015-01-31", "2015-03-31"])
    index = pd.MultiIndex.from_product([["own", "judged"], days], names=["class", "deadline"])
    frame = pd.DataFrame({"prior": 0.1, "probability": [0.2, 0.3, 0.4, 0.5]}, index)
    assert said(history_plots.reference_classes(frame)).endswith("own 30 %; judged 50 %.")
    curve = pd.DataFrame({
        "stage": ["floated"] * 2 + ["dated"] * 2, "day": [30, 60] * 2,
        "recorded": [0.1, 0.9, 0.4, 0.5], "low": 0.2, "high": [0.5, 0.6] * 2,
    })  # fmt: skip
    first = history_plots.held_curves(curve)
    assert "at 0 of 2 days; by day 60 it is 90 %, the band 20–60 %" in said(first)
    assert "A day named: the recorded share held lies in the 90 % band of the model at 2 of 2" in (
        plots.figure(first).alt.replace("\xa0", " ")
    )
    with pytest.raises(ValueError, match="no landmark of the stage window; there are floated, dated"):
        history_plots.held_curve(curve, "window")
    plt.close("all")


def test_openings_of_several_forecasts() -> None:
    case = forecast.load("moscow_i")
    early, late = (
        forecast.update(case, day, draws=0) for day in (dt.date(2014, 11, 20), case.question.as_of)
    )
    ax = history_plots.openings({"early": early, "late": late})
    ends = [line.get_ydata()[-1] for line in ax.get_lines()]
    assert ends == pytest.approx([float(early.ever.probability), float(late.ever.probability)])
    assert said(ax).startswith("Chance that it has opened, by day. early: ")
    plt.close("all")


def test_a_case_may_name_the_levels_of_the_table_or_another():
    assert get_args(Convener) == (*LEVELS["convener"], "other")
    assert get_args(Kind) == (*LEVELS["kind"], "other")
