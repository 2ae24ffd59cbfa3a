"""The models of opening and attendance: their likelihoods by hand, leaks, planted parameters."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit

from forecast import history
from forecast.fits import HORIZON, LEVELS

AS_OF = dt.date(2014, 11, 11)
OWN = "syr-2015-moscow-1"
"""The row of the table that is the shipped case's own question."""

TRUTH: dict[str, Any] = {
    "level": -0.3, "on_stage": np.array([0.4, -0.1, -0.3]), "spread": np.array([0.5, 0.8, 1.2]),
    "convener_z": np.linspace(-1, 1, 6), "kind_z": np.linspace(0.9, -0.6, 7),
    "log_days": 4.0, "log_days_on_stage": np.array([-0.2, 0.5, -0.3]), "sigma": 1.3,
    "log_sigma_on_stage": np.array([0.2, -0.3, 0.1]), "end_log_days_on_stage": np.array([0.4, -0.1, -0.3]),
    "stage_share": np.array([0.5, 0.3, 0.2]), "recorded": 0.3, "end_log_days": 4.4, "end_sigma": 0.9,
    "lead_log_days": 2.4, "lead_sigma": 0.8, "on_time": 0.35, "slip_log_days": 2.9,
    "slip_sigma": 1.4, "named_if_never": 0.25,
}  # fmt: skip


def proposal(status: str, days: int, stage: str | None = "floated", **also: Any) -> dict[str, Any]:
    """A row as `history.as_known` leaves it, proposed on 1 January 2010."""
    start = pd.Timestamp(2010, 1, 1)
    target = also.pop("target", None)
    named = 0 if status == "dead" and stage == "floated" else -1
    return {
        "conflict": "A", "region": "east-asia-pacific", "convener_type": "UN",
        "row_type": "relaunch", "stage": stage, "first_proposed": start, "date_precision": "day",
        "first_target": pd.NaT if target is None else start + pd.Timedelta(days=target),
        "opened": start + pd.Timedelta(days=days) if status == "held" else pd.NaT,
        "status": status, "days": days, "named": named,
        **dict.fromkeys(history.ROLES.values(), ""),
    } | also  # fmt: skip


ROWS = {
    "held": proposal("held", 40),
    "held, window": proposal("held", 40, "window", convener_type="domestic"),
    "held, stage not known": proposal("held", 200, None, row_type="consultation"),
    "dead": proposal("dead", 70),
    "dead, target named": proposal("dead", 70, named=1),
    "dead, completely enumerated": proposal("dead", 70, conflict="B", region="middle-east"),
    "dead, stage not known": proposal("dead", 9, None),
    "open": proposal("open", 30, "window"),
    "open, completely enumerated": proposal("open", 30, conflict="B", region="middle-east"),
    "open, stage not known": proposal("open", 300, None),
    "open beyond the horizon": proposal("open", 900),
    "held beyond the horizon": proposal("held", 900),
    "on the day itself": proposal("held", 0, "dated", target=0),
    "dated, early": proposal("held", 20, "dated", target=25),
    "dated, late": proposal("held", 40, "dated", target=10),
    "dated, month alone known": proposal("held", 40, "dated", target=10, date_precision="month"),
    "dated, dead": proposal("dead", 20, "dated", target=15),
    "dated, open": proposal("open", 20, "dated", target=15),
}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows or ROWS.values(), index=[str(i) for i in range(len(rows or ROWS))])


def seen(model: Any, names: list[str]) -> dict[str, Any]:
    """What a model computes at `TRUTH`, in plain Python."""
    from pytensor import function
    from pytensor.compile.mode import Mode

    # effects of the conflicts: A, B
    values = TRUTH | {"conflict_z": np.array([0.7, -0.4])[: len(model.coords["conflict"])]}
    free = [v for v in model.free_RVs if v.name in values]
    call = function(free, [model[n] for n in names], mode=Mode(linker="py", optimizer=None),
                    on_unused_input="ignore")  # fmt: skip
    return dict(zip(names, call(*[values[v.name] for v in free]), strict=True))


# --- the model of opening ---


def by_hand(row: dict[str, Any], recording: bool, dead: str, complete: tuple[str, ...]) -> float:
    """Log likelihood of a row from SciPy's distributions, stage by stage."""
    t = max(row["days"], 0.5)
    r = TRUTH["recorded"] if recording and row["region"] not in complete else 1.0
    effect = (
        TRUTH["spread"][0] * TRUTH["convener_z"][LEVELS["convener"].index(row["convener_type"])]
        + TRUTH["spread"][1] * TRUTH["kind_z"][LEVELS["kind"].index(row["row_type"])]
        + TRUTH["spread"][2] * {"A": 0.7, "B": -0.4}[row["conflict"]]
    )
    total = 0.0
    for i, stage in enumerate(LEVELS["stage"]):
        if row["stage"] not in (None, stage):
            continue
        pi = 1 / (1 + np.exp(-TRUTH["level"] - TRUTH["on_stage"][i] - effect))
        place = TRUTH["log_days"] + TRUTH["log_days_on_stage"][i]
        opens = stats.lognorm(
            TRUTH["sigma"] * np.exp(TRUTH["log_sigma_on_stage"][i]), scale=np.exp(place)
        )
        last = TRUTH["end_log_days"] + TRUTH["end_log_days_on_stage"][i]
        end = stats.lognorm(TRUTH["end_sigma"], scale=np.exp(last))
        later = pi * (1 - min(opens.cdf(t) / opens.cdf(HORIZON), 1 - 1e-9))
        if row["status"] == "held" and t <= HORIZON:
            p = pi * opens.pdf(t) / opens.cdf(HORIZON)
        elif dead == "censored":
            p = later + (1 - pi) * r
        elif row["status"] == "dead":
            p = (1 - pi) * r * end.pdf(t)
        else:
            p = later + (1 - pi) * r * end.sf(t)
        total += TRUTH["stage_share"][i] * p / (pi + (1 - pi) * r)
    return float(np.log(total))


@pytest.mark.parametrize(
    ("recording", "dead", "complete"),
    [
        (True, "never", ("middle-east", "north-africa")),  # the model
        (True, "never", ()),  # no region is completely enumerated
        (False, "never", ("middle-east", "north-africa")),  # every failure is recorded
        (True, "censored", ("middle-east", "north-africa")),  # the dead might have been held later
    ],
)
def test_the_likelihood_of_every_kind_of_row(recording, dead, complete):
    from forecast import opening

    model = opening.model(table(), complete, recording, dead)
    found = seen(model, ["log_likelihood_rows"])["log_likelihood_rows"]
    for (what, row), value in zip(ROWS.items(), found, strict=True):
        assert value == pytest.approx(by_hand(row, recording, dead, complete), abs=1e-9), what


def test_the_likelihood_of_lead_slip_and_later_named_targets():
    from forecast import opening

    found = seen(opening.model(table()), [f"log_likelihood_{k}" for k in ("lead", "slip", "named")])
    lead = stats.lognorm(TRUTH["lead_sigma"], scale=np.exp(TRUTH["lead_log_days"]))
    slip = stats.lognorm(TRUTH["slip_sigma"], scale=np.exp(TRUTH["slip_log_days"]))
    on_time, late = np.log(TRUTH["on_time"]), np.log(1 - TRUTH["on_time"]) + slip.logpdf(30)
    names = list(ROWS)
    expected = {
        "lead": {"on the day itself": lead.logpdf(0.5), "dated, early": lead.logpdf(25),
                 "dated, late": lead.logpdf(10), "dated, dead": lead.logpdf(15),
                 "dated, open": lead.logpdf(15)},
        "slip": {"on the day itself": on_time, "dated, early": on_time, "dated, late": late,
                 "dated, month alone known": late},
        "named": {k: np.log(0.25 if k == "dead, target named" else 0.75) for k in
                  ("dead", "dead, target named", "dead, completely enumerated")},
    }  # fmt: skip
    for kind, values in expected.items():
        line = np.zeros(len(names))
        for what, value in values.items():
            line[names.index(what)] = value
        assert found[f"log_likelihood_{kind}"] == pytest.approx(line, abs=1e-9), kind


@pytest.mark.parametrize("stage", [*LEVELS["stage"], None])
@pytest.mark.parametrize("region", ["east-asia-pacific", "middle-east"])
def test_what_can_become_of_a_row_adds_up_to_its_stages_share(stage, region):
    age = 150

    def chance(status: str, days: float) -> float:
        row = proposal(status, 1, stage, region=region) | {"days": days}
        return np.exp(by_hand(row, True, "never", ("middle-east",)))

    parts = [quad(lambda t, s=s: chance(s, t), 0.5, age, epsabs=1e-9)[0] for s in ("held", "dead")]
    share = 1 if stage is None else TRUTH["stage_share"][LEVELS["stage"].index(stage)]
    # what is left is what happens within half a day
    assert sum(parts) + chance("open", age) == pytest.approx(share, abs=0.003)


def test_simulated_rows_are_those_of_the_likelihood():
    from forecast import opening

    n, age = 200_000, 60.0
    for region, what in (("east-asia-pacific", "some failures"), ("middle-east", "all failures")):
        one = opening.arrays(table(proposal("open", 60, "window", region=region)))
        rows = {k: np.repeat(v, n) for k, v in one.items() if k != "conflicts"}
        effects = {f"on_{k}": TRUTH["spread"][i] * TRUTH[f"{k}_z"]
                   for i, k in enumerate(("convener", "kind"))}  # fmt: skip
        truth = TRUTH | effects | {"on_conflict": TRUTH["spread"][2] * np.array([0.7])}
        made = opening.simulate(rows, truth, np.full(n, age), np.random.default_rng(1), keep_stage=True)
        row = proposal("open", 60, "window", region=region)
        still = np.exp(by_hand(row, True, "never", ("middle-east",))) / TRUTH["stage_share"][1]
        dead = quad(lambda t, row=row: np.exp(by_hand(
            row | {"status": "dead", "days": t}, True, "never", ("middle-east",))), 0.5, age)[0]  # fmt: skip
        share = {k: np.mean(made["status"] == k) for k in (opening.OPEN, opening.DEAD)}
        assert share[opening.OPEN] == pytest.approx(still, abs=0.005), what
        assert share[opening.DEAD] == pytest.approx(dead / TRUTH["stage_share"][1], abs=0.005), what


def test_what_cannot_be_modelled_is_said():
    from forecast import fitting, opening

    shipped = history.proposals("peace_talks")
    with pytest.raises(ValueError, match=r"dead: 'gone'; expected \"never\" or \"censored\""):
        opening.model(table(), dead="gone")
    with pytest.raises(ValueError, match="no proposal was known: there is nothing to learn"):
        opening.model(table().iloc[:0])
    with pytest.raises(ValueError, match="no proposal was known: there is nothing to learn"):
        fitting.fit("peace_talks", dt.date(1950, 1, 1))
    with pytest.raises(ValueError, match='no proposal "syr-2015-moscow" to leave out'):
        fitting.fit(shipped, AS_OF, ("syr-2015-moscow",))
    with pytest.raises(history.CaseError, match="no such reference class"):
        fitting.fit("peace_talk", AS_OF)


# --- the model of attendance ---

TALKS = (
    proposal("held", 10, att_government="yes", att_main_opposition="no", att_un_envoy="not_invited"),
    proposal("held", 10, conflict="B", att_government="partial", att_regional_patrons="yes"),
    # never held: nobody came, and nobody stayed away
    proposal("dead", 10, conflict="B", att_government="no"),
)


def test_only_those_invited_to_talks_that_were_held_are_counted():
    from forecast import attending

    rows = attending.arrays(table(*TALKS))
    counted = list(zip(rows["role"], rows["conflict"], rows["came"], strict=True))
    roles = LEVELS["role"]
    assert counted == [
        (roles.index("government"), 0, True),
        (roles.index("government"), 1, True),  # in part is coming
        (roles.index("main_opposition"), 0, False),
        (roles.index("regional_patron"), 1, True),
    ]
    assert attending.without_refusals(table(*TALKS)) == tuple(r for r in roles if r != "main_opposition")


def test_the_likelihood_of_coming():
    from forecast import attending

    model = attending.model(table(*TALKS))
    role, convener = np.linspace(-1, 2, 6), np.linspace(-1, 1, 6)
    values = {"att_role": role, "att_spread": np.array([0.5, 2.0]), "att_convener_z": convener,
              "att_conflict_z": np.array([0.3, -0.2])}  # fmt: skip
    TRUTH_ = {v.name: values[v.name] for v in model.free_RVs}
    from pytensor import function
    from pytensor.compile.mode import Mode

    call = function(model.free_RVs, model["log_likelihood_came"], mode=Mode(linker="py", optimizer=None))
    un = 0.5 * convener[LEVELS["convener"].index("UN")]
    p = [expit(role[0] + un + 0.6), expit(role[0] + un - 0.4), 1 - expit(role[1] + un + 0.6),
         expit(role[4] + un - 0.4)]  # fmt: skip
    assert call(*TRUTH_.values()) == pytest.approx(np.log(p), abs=1e-12)


def test_columns_without_refusals_in_the_shipped_table():
    from forecast import attending

    shipped = history.proposals("peace_talks")
    # nobody ever wrote that an envoy or a patron had stayed away
    assert attending.without_refusals(history.as_known(shipped, dt.date(2026, 1, 1))) == (
        "regional_patron", "un_envoy",
    )  # fmt: skip
    early = attending.without_refusals(history.as_known(shipped, AS_OF, (OWN,)))
    assert "main_opposition" not in early
    assert {"regional_patron", "un_envoy"} <= set(early)


# --- nothing known later, and not the case itself ---


def planted(shipped: pd.DataFrame, day: str) -> pd.DataFrame:
    """The table with absurd rows that became known after a day, and later news in the others."""
    later = shipped.iloc[:5].copy()
    later.index = pd.Index([f"absurd-{i}" for i in range(5)], name="id")
    start = pd.Timestamp(day) + pd.Timedelta(days=1)
    later["first_proposed"], later["opened"] = start, start + pd.Timedelta(days=700)
    later["censored_on"] = pd.to_datetime(pd.NaT)
    later["held"], later["conflict"] = True, "Atlantis"
    out = pd.concat([shipped, later])
    # what had not opened or died by then, opens or dies at once
    waits = ~((out["opened"] < start) | (out["censored_on"] < start)) & (out["first_proposed"] < start)
    out["opened"], out["censored_on"] = out["opened"].mask(waits, start), out["censored_on"].mask(waits)
    out.loc[waits, "att_government"] = "no"
    return out


def test_later_rows_and_later_news_change_no_input():
    from forecast import attending, opening

    shipped = history.proposals("peace_talks")
    known = [history.as_known(t, AS_OF, (OWN,)) for t in (shipped, planted(shipped, str(AS_OF)))]
    assert OWN not in known[0].index
    assert (known[0]["status"] == "open").any()
    assert history.digest(known[0]) == history.digest(known[1])
    for read in (opening.arrays, attending.arrays):
        a, b = map(read, known)
        assert a.keys() == b.keys()
        for key in a:
            assert np.array_equal(a[key], b[key]), key
    # the case's own row is among those that would enter
    assert OWN in history.as_known(shipped, AS_OF).index


@pytest.mark.slow
def test_later_rows_and_later_news_change_no_draw():
    from forecast import fitting

    day = dt.date(1996, 6, 1)
    shipped = history.proposals("peace_talks")
    fits = [
        fitting.fit(t, day, ("ip-1991-madrid",), seed=3) for t in (shipped, planted(shipped, str(day)))
    ]
    assert fits[0].table == fits[1].table
    assert "Atlantis" not in fits[1].conflicts
    assert fits[0].draws.keys() == fits[1].draws.keys()
    for name, draws in fits[0].draws.items():
        assert np.array_equal(draws, fits[1].draws[name]), name
    # few rows: the priors speak, and the fit says of how many it was made
    assert fits[0].diagnostics["rows"] == len(history.as_known(shipped, day)) - 1


# --- the shipped table ---


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    return history.as_known(history.proposals("peace_talks"), AS_OF, (OWN,))


@pytest.fixture(scope="module")
def sampled(known: pd.DataFrame) -> xr.DataTree:
    from forecast import fitting, opening

    return fitting.sample(opening.model(known))


@pytest.mark.slow
def test_the_chains_agree_or_nothing_is_said(sampled):
    from forecast import fitting

    quality, problems = fitting.diagnose(sampled)
    assert not problems
    assert quality["divergences"] == 0
    assert quality["max_rhat"] < 1.01
    assert min(quality["min_ess_bulk"], quality["min_ess_tail"]) > 400
    # one chain elsewhere, and a divergence
    posterior = sampled["posterior"].to_dataset().copy(deep=True)
    posterior["sigma"][0] += 1
    broken = xr.DataTree.from_dict({
        "posterior": posterior,
        "sample_stats": xr.Dataset({"diverging": (("chain", "draw"), np.eye(4, 1000) > 0)}),
    })  # fmt: skip
    found = "; ".join(fitting.diagnose(broken)[1])
    assert found.startswith("4 divergences; sigma: R-hat 1.")
    assert "sigma: bulk effective sample size" in found


@pytest.mark.slow
def test_kept_draws_are_even_and_short(sampled):
    from forecast import fitting

    draws = fitting.kept(sampled, fitting.OPENING)
    assert set(draws) == set(fitting.OPENING)
    level = sampled["posterior"]["level"].to_numpy()
    size, each = fitting.KEPT, fitting.KEPT // 4
    assert draws["level"].shape == (size,)
    assert draws["on_stage"].shape == (size, 3)
    rounded = [float(f"{x:.{fitting.DIGITS}g}") for x in level[:, [0, -1]].ravel()]
    # first and last draw of each chain
    assert draws["level"].reshape(4, each)[:, [0, -1]].ravel().tolist() == rounded
    assert abs(draws["level"].mean() - level.mean()) < 4 * level.std() / np.sqrt(size)


@pytest.mark.slow
def test_the_fitted_model_brings_forth_tables_like_the_recorded_one(known, sampled):
    from forecast import fitting

    seen = fitting.posterior_predictive(known, AS_OF, sampled)
    assert set(seen["stage"]) == set(LEVELS["stage"])
    assert set(seen["day"]) == set(fitting.LANDMARKS)
    assert seen["within"].mean() >= 0.85
    # a band that is wide enough for everything would prove nothing
    assert (seen["high"] - seen["low"]).mean() < 0.5
    # recorded shares by another road: floated proposals within 60 days
    floated = known[known["stage"] == "floated"]
    old = floated[(pd.Timestamp(AS_OF) - floated["first_proposed"]).dt.days >= 60]
    share = ((old["status"] == "held") & (old["days"] <= 60)).mean()
    row = seen[(seen["stage"] == "floated") & (seen["day"] == 60)].iloc[0]
    assert row["recorded"] == pytest.approx(share)
    assert row["rows"] == len(old)


@pytest.mark.slow
def test_the_priors_alone_expect_anything_that_happens(known):
    from forecast import fitting

    expected = fitting.prior_predictive(known, AS_OF)
    assert expected["within"].all()
    late = expected[expected["day"] == 365]
    assert (late["low"] < 0.15).all()
    assert (late["high"] > 0.85).all()


@pytest.mark.slow
def test_power_scaling_tells_which_priors_matter(sampled):
    from forecast import fitting

    found = fitting.sensitivity(sampled)
    assert {"prior", "likelihood", "diagnosis"} <= set(found.columns)
    # a share that many rows tell of, and a spread between kinds of which most have no row
    assert found.loc["stage_share[floated]", "prior"] < 0.05
    assert found.loc["stage_share[floated]", "likelihood"] > found.loc["stage_share[floated]", "prior"]
    assert found.loc["spread[kind]", "prior"] > 0.05
    assert {f"ever_held[{s}]" for s in LEVELS["stage"]} <= set(found.index)


@pytest.mark.slow
def test_planted_parameters_are_found_again():
    from forecast import recovery

    found = recovery.recover(1)
    assert found["within"].all(), found
    # the intervals are narrow enough to tell something
    assert found.loc["recorded", "mean"] < 0.65  # the prior's is .75
    assert found.loc["recorded", "high"] < 0.9
    assert found.loc[[f"ever_held[{s}]" for s in LEVELS["stage"]], "sd"].max() < 0.13


def test_forgotten_failures_are_missing_in_a_recorded_world():
    from forecast import opening, recovery

    rows = recovery.world(1, size=20_000)
    held = rows["status"] == opening.HELD
    assert held[~rows["complete"]].mean() > held[rows["complete"]].mean() + 0.15
    # as many of the held ones as there are of the conflicts
    assert rows["complete"][held].mean() == pytest.approx(0.5, abs=0.1)


def test_forecasts_do_not_import_a_sampler():
    code = ("import sys, forecast.fits, forecast.history;"
            "print([m for m in ('pymc', 'pytensor', 'arviz') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=dict(os.environ), check=False)  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
