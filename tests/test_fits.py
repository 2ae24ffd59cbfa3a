"""Stored fits: their file, what they say of a class, and when they are stale."""

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import lognorm

import forecast
from forecast import fits, history
from forecast.loading import CaseError, seeds

CASE = "moscow_i"


@pytest.fixture(scope="module")
def stored():
    return fits.read(seeds() / CASE / "fit.json")


@pytest.fixture
def own(tmp_path):
    """A copy of the shipped case, to spoil."""
    folder = tmp_path / "own"
    shutil.copytree(seeds() / CASE, folder)
    return folder


def test_the_file_says_what_it_was_made_from(stored):
    case = forecast.load(CASE)
    assert stored.as_of == case.question.proposed
    assert stored.leave_out == case.base_rate.leave_out
    known = history.as_known(history.proposals("peace_talks"), stored.as_of, stored.leave_out)
    assert history.digest(known) == stored.table
    assert not set(stored.leave_out) & set(known.index)
    for part in ("opening", "attending"):
        quality = stored.diagnostics[part]
        assert quality["divergences"] == 0
        assert quality["max_rhat"] < 1.01
        assert min(quality["min_ess_bulk"], quality["min_ess_tail"]) > 400


def test_written_and_read_it_is_the_same(stored, tmp_path):
    fits.write(stored, tmp_path / "fit.json")
    again = fits.read(tmp_path / "fit.json")
    assert again.digest == stored.digest
    assert (tmp_path / "fit.json").read_text() == (seeds() / CASE / "fit.json").read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["fit.json"]


def test_curve_by_hand(stored):
    """Logit and log-normal of single draws, by SciPy, cut at the horizon."""
    about = ("floated", "UN", "relaunch", "Syria")
    c = fits.curve(stored, *about)
    d = stored.draws
    for k in (0, 17, stored.size - 1):
        logit = (
            d["level"][k] + d["on_stage"][k, 0] + d["on_convener"][k, 3] + d["on_kind"][k, 2]
            + d["on_conflict"][k, stored.conflicts.index("Syria")]
        )  # fmt: skip
        assert c.ever[k] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-12)
        place = d["log_days"][k] + d["log_days_on_stage"][k, 0]
        time = lognorm(d["sigma"][k] * np.exp(d["log_sigma_on_stage"][k, 0]), scale=np.exp(place))
        got = c.opened_by(np.array([0.0, 60, 365, 730, 900]))[k]
        assert got == pytest.approx(
            [0, time.cdf(60) / time.cdf(730), time.cdf(365) / time.cdf(730), 1, 1], abs=1e-12
        )
        last = d["end_log_days"][k] + d["end_log_days_on_stage"][k, 0]
        end = lognorm(d["end_sigma"][k], scale=np.exp(last))
        assert c.waits(np.array([0.0, 30, 400]))[k] == pytest.approx(
            [1, end.sf(30), end.sf(400)], abs=1e-12
        )


def test_recorded_rows_are_held_more_often(stored):
    plain, written_down = (
        fits.curve(stored, "dated", "UN", "relaunch", "Korea", x) for x in (False, True)
    )
    r = stored.draws["recorded"]
    odds = plain.ever / (1 - plain.ever)
    assert written_down.ever == pytest.approx(odds / (odds + r), abs=1e-12)


def test_held_by_for_any_rows(stored):
    rows = pd.DataFrame(
        {
            "stage": ["floated", None, "window"],
            "convener_type": ["UN", "UN", "somebody else"],
            "row_type": ["relaunch", "relaunch", "a kind that nobody saw"],
            "conflict": ["Syria", "Syria", "A new war"],
            "region": ["middle-east", "middle-east", "europe-caucasus"],
        },
        index=["a", "b", "c"],
    )
    p = fits.held_by(stored, rows)
    assert p.dims == ("proposal", "day")
    assert p.sizes == {"proposal": 3, "day": 4}
    assert (p.diff("day") > 0).all()
    assert float(p.min()) > 0
    assert float(p.max()) < 1
    one = fits.curve(stored, "floated", "UN", "relaunch", "Syria")
    assert p.sel(proposal="a", day=60).item() == pytest.approx(
        (one.ever * one.opened_by(np.array([60.0]))[:, 0]).mean(), abs=1e-12
    )
    # a missing stage lies between the stages
    stages = rows.loc[["a", "a", "a"]].assign(stage=["floated", "window", "dated"])
    bounds = fits.held_by(stored, stages).sel(day=120).values
    assert bounds.min() <= p.sel(proposal="b", day=120).item() <= bounds.max()
    # followed from its first day, a proposal is held less often than the recorded ones
    assert (fits.held_by(stored, rows, recorded=False) <= p + 1e-12).all()


def test_attendance_for_any_rows(stored):
    rows = pd.DataFrame({"convener_type": ["UN", "x"], "conflict": ["Syria", "y"]}, index=["a", "b"])
    p = fits.attendance(stored, rows)
    assert list(p.coords["role"].values) == list(fits.LEVELS["role"])
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x | {"model": 0}, "stale: of model version 0"),
        (lambda x: x | {"as_of": "2014-10-01"}, "stale: as_of is 2014-10-01, this case has 2014-11-11"),
        (lambda x: x | {"leave_out": []}, "stale: leave_out is"),
        (lambda x: x | {"file": "0", "table": "0"}, "stale: the table of proposals has changed"),
        (lambda _: [], "not a stored fit"),
    ],
)
def test_a_stale_fit_is_refused_with_the_remedy(own, spoil, message):
    path = own / "fit.json"
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    with pytest.raises(CaseError, match=message) as e:
        forecast.load(own)
    assert "forecast fit" in str(e.value)


def test_a_missing_fit_is_asked_for(own):
    (own / "fit.json").unlink()
    with pytest.raises(CaseError, match=r"fit\.json: missing, and the announcements are weighed"):
        forecast.load(own)


def test_a_missing_fit_is_told_with_the_other_problems(own):
    (own / "fit.json").unlink()
    events = own / "events.toml"
    events.write_text(events.read_text("utf-8").replace('bears_on = "', 'bears_on = "no_', 1), "utf-8")
    with pytest.raises(CaseError) as e:
        forecast.load(own)
    said = str(e.value).splitlines()
    assert len(said) == 2
    assert "bears_on: no indicator or actor" in said[0]
    assert said[1].startswith("fit.json: missing")


def test_a_table_that_grew_later_keeps_the_fit(own, tmp_path, monkeypatch):
    """A row proposed after the fit's date changes the file, not what was knowable."""
    folder = tmp_path / "seeds"
    shutil.copytree(seeds(), folder)
    path = folder / "peace_talks" / "proposals.csv"
    lines = path.read_text("utf-8").splitlines()
    later = next(x for x in lines if ",2019-" in x)
    path.write_text("\n".join([*lines, "planted-" + later, ""]), "utf-8")
    monkeypatch.setattr("forecast.loading.seeds", lambda: folder)
    assert forecast.load(own).fit is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('stage = "floated"\n', "", "a reference_class needs stage"),
        ('stage = "floated"', 'stage = "floating"', "stage"),
        ('reference_class = "peace_talks"', "held = 0.5", "need a reference_class"),
        ('reference_class = "peace_talks"', 'reference_class = "peace_talks"\nheld = 0.5', "not both"),
    ],
)
def test_wrong_base_rates(own, old, new, message):
    path = own / "case.toml"
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(CaseError, match=message):
        forecast.load(own)


def test_an_actor_may_come_as_his_role_came(own):
    """`attends_like`: no judgement of ours; two who share it share one number."""
    path = own / "case.toml"
    text = path.read_text("utf-8")
    for name in ("Egypt", "Turkey"):
        i = text.index(f'name = "{name}"')
        a, b = text.index("given =", i), text.index("why =", i)
        text = text[:a] + 'attends_like = "regional_patron"\n' + text[b:]
    for event in ("egypt", "turkey"):
        assert event in text
    path.write_text(text, "utf-8")
    case = forecast.load(own)
    f = forecast.update(case, draws=200)
    egypt = case.in_history(next(a for a in case.actors if a.id == "egypt"))
    assert float(f.actors.prior.sel(actor="egypt")) == pytest.approx(egypt, abs=1e-9)
    assert sum(label == "in history: regional_patron" for label in f.compiled.labels) == 1
    # reports on him still count
    assert float(f.actors.given_held.sel(actor="egypt")) > egypt


@pytest.mark.slow
def test_a_fresh_fit_agrees_with_the_stored_one(stored):
    from forecast import fitting

    fresh = fitting.fit(stored.reference_class, stored.as_of, stored.leave_out, seed=2)
    assert fresh.table == stored.table
    assert fresh.conflicts == stored.conflicts
    assert isinstance(fresh.as_of, dt.date)
    for name, value in stored.draws.items():
        spread = value.std(0) / np.sqrt(stored.size)
        # both are thinned draws of one posterior: 5 standard errors of the difference
        assert np.abs(value.mean(0) - fresh.draws[name].mean(0)).max() < 5 * 2**0.5 * spread.max(), name


def test_small(stored):
    assert Path(seeds() / CASE / "fit.json").stat().st_size < 200_000
