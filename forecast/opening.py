"""The model of opening: whether such proposals lead to talks, and after how many days.

A mixture cure model. With `c` the row's class (stage, convener, kind, conflict)::

    P(ever held)     logit pi_c = level + on_stage + on_convener + on_kind + on_conflict
    days to open     log T ~ Normal(log_days + log_days_on_stage, sigma exp(log_sigma_on_stage)),
                     cut at the horizon: F
    days to its end  log E ~ Normal(end_log_days + end_log_days_on_stage, end_sigma), of one
                     that is never held: G
    recorded         always, if it was held or its region is completely enumerated;
                     else a failure is written down with chance r

    held after t days :  pi f(t)                                     over  pi + (1 - pi) r
    dead after t days :  (1 - pi) r g(t)                             over the same
    still open at t   :  (1 - pi) r (1 - G(t)) + pi (1 - F(t))       over the same

Dead proposals were cancelled, superseded or given up. They are taken as never held: read as
"not yet held when they died" (`dead="censored"`), they would say hardly more than that they
had not opened in their few weeks, and P(ever held) would be learned from the prior alone.

A missing stage is summed over with its share among the recorded rows, not dropped. What `r` is
learned from, the difference between the completely enumerated regions and the others, is
confounded with what these conflicts do to P(ever held): `on_conflict` shares in it.

Beside it, of what was knowable of announced days::

    lead        log-normal: days from a proposal with a day to that day
    slip        of the held ones: on time with chance `on_time`, else log-normal days late
    named       a day was named, of a floated proposal that was never held: `named_if_never`

A proposal with a day that is still open says nothing about slip: postponed or not, nobody knows.

Priors, each wide enough for the data to overrule it, and why:

=================== =================== ==================================================
level               Normal(0, 1.5)      an average class is held with chance .08 to .92
on_stage            zero sum, sd 0.7    stages differ by odds of 2 or so, 7 at most
spread              HalfNormal(0.25),   conveners and kinds differ by odds of 1.3 or so,
                    of conflicts 0.7    conflicts as stages do; most have a row or two: they
                                        borrow from each other
log_days            Normal(log 60, 1)   talks take weeks or months: median 12 to 310 days
log_days_on_stage   zero sum, sd 0.7    a day named opens sooner than an idea
sigma               LogNormal(log 1.2,  a standard deviation is a factor of 1.9 to 10:
                    0.4)                coding of the first day alone makes some
log_sigma_on_stage  zero sum, sd 0.3    a window leaves less room than an idea
recorded            Beta(6, 2)          most failures that were in the news are still found,
                                        some are not: .75, from .48 to .95
stage_share         Dirichlet(2, 2, 2)  no stage is absent
end_log_days        Normal(log 90, 1)   failures are given up after months, some at once
end_log_days_on_... zero sum, sd 0.7    a day that is named is soon kept or called off
end_sigma           as sigma
lead_log_days       Normal(log 14, 1)   a day is named some weeks ahead: 3 to 70 days
lead_sigma          LogNormal(log 0.9,
                    0.4)
on_time             Beta(2, 2)          neither always nor never
slip_log_days       Normal(log 14, 1)   from days to months late
slip_sigma          as sigma
named_if_never      Beta(1, 1)          nothing is known of it
=================== =================== ==================================================

The second version of the model. The first, fitted and backtested as of this table, had spreads
of 0.7 for all three effects, Beta(2, 2) for `recorded` and one `sigma` and `end_log_days` for all
stages. Left out conflict by conflict it predicted worse than the plain share of the stage: it
read noise into conveners and kinds, and a recording rate of which the rows say nothing made
regions differ that do not. The second was chosen among seven by the backtest with conflicts left
out, and never by a case: its scores there are a little too good for that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from forecast import sampling  # noqa: F401  # sets PyTensor's flags
from forecast.fits import COMPLETE, HORIZON, LEVELS

import pymc as pm  # isort: skip  # after `sampling`
import pytensor.tensor as pt  # isort: skip

TARGET_ACCEPT = 0.97
EFFECTS = ("convener", "kind", "conflict")
"""Partially pooled effects on P(ever held), in the order of `spread`."""
SPREADS = np.array([0.25, 0.25, 0.7])
HELD, DEAD, OPEN = 0, 1, 2
"""Codes of `status`."""
DATA = ("status", "days", "stage", "lead", "slip", "named")
"""What of the rows is an outcome; the others are their design."""

_HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)


def model(
    table: pd.DataFrame,
    complete: Collection[str] = COMPLETE,
    recording: bool = True,
    dead: Literal["never", "censored"] = "never",
) -> pm.Model:
    """The mixture cure model of a table as known on a date.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.as_known`.
    complete : collection of str
        Regions whose failures are all recorded.
    recording : bool
        False: failures are taken to be recorded everywhere.
    dead : {"never", "censored"}
        What became of proposals that were cancelled, superseded or given up: they would
        never have been held, or nothing is known but that they had not opened by then.

    Returns
    -------
    pymc.Model
        Its data can be replaced: `row_` and a name of `DATA`, in the form of `arrays`. `log_likelihood_*` are
        the log likelihoods of rows, with a value for each.

    Raises
    ------
    ValueError
        If the table has no rows.
    """
    return build(arrays(table, complete), recording, dead)


def arrays(table: pd.DataFrame, complete: Collection[str] = COMPLETE) -> dict[str, Any]:
    """The columns that the model reads, as codes, one for each of N rows.

    Returns
    -------
    dict
        `status` (`HELD`, `DEAD`, `OPEN`); `days`, of at least half a day; `stage`, -1 if not
        known; `convener`, `kind`, `conflict`; `complete`; `lead` in days, 0 if there is none
        or its month alone is known; `slip` in days, 0 on time, -1 if there is none; `named`,
        1 or 0, -1 if it does not apply; `conflicts`, the names.
    """
    if table.empty:
        raise ValueError("no proposal was known: there is nothing to learn a base rate from")
    conflicts = sorted(table["conflict"].unique())
    status = table["status"].map({"held": HELD, "dead": DEAD, "open": OPEN}).to_numpy()
    days = table["days"].to_numpy(float)
    dated = (table["stage"] == "dated").to_numpy()
    lead = (table["first_target"] - table["first_proposed"]).dt.days.to_numpy(float)
    slip = (table["opened"] - table["first_target"]).dt.days.to_numpy(float)
    exact = (table["date_precision"] == "day").to_numpy() if "date_precision" in table else True
    named = table["named"].to_numpy() if "named" in table else np.full(len(table), -1)

    def codes(column: str, known: Collection[str]) -> NDArray[Any]:
        order = {name: i for i, name in enumerate(known)}
        return table[column].map(lambda x: order.get(x, -1)).to_numpy(int)

    return {
        "conflicts": conflicts,
        # what opened after the horizon is, for the model, still open then
        "status": np.where((status == HELD) & (days > HORIZON), OPEN, status),
        "days": np.maximum(days, 0.5),
        "stage": codes("stage", LEVELS["stage"]),
        "convener": codes("convener_type", LEVELS["convener"]),
        "kind": codes("row_type", LEVELS["kind"]),
        "conflict": codes("conflict", conflicts),
        "complete": table["region"].isin(list(complete)).to_numpy(),
        "lead": np.where(dated & exact & (lead >= 0), np.maximum(lead, 0.5), 0.0),
        "slip": np.where(dated & (status == HELD) & ~np.isnan(slip), np.maximum(slip, 0), -1.0),
        "named": np.asarray(named, int),
    }


def build(
    rows: Mapping[str, Any], recording: bool = True, dead: Literal["never", "censored"] = "never"
) -> pm.Model:
    """The model of rows in the form of `arrays`; see `model`."""
    if dead not in ("never", "censored"):
        raise ValueError(f'dead: {dead!r}; expected "never" or "censored"')
    coords = {k: LEVELS[k] for k in ("stage", "convener", "kind")}
    coords |= {"conflict": tuple(rows["conflicts"]), "effect": EFFECTS}
    with pm.Model(coords=coords) as m:
        data = {k: pm.Data(f"row_{k}", np.asarray(rows[k])) for k in DATA}
        level = pm.Normal("level", 0, 1.5)
        on_stage = pm.ZeroSumNormal("on_stage", 0.7, dims="stage")
        spread = pm.HalfNormal("spread", SPREADS, dims="effect")
        common = level
        for i, name in enumerate(EFFECTS):
            z = pm.Normal(f"{name}_z", 0, 1, dims=name)
            common = common + pm.Deterministic(f"on_{name}", z * spread[i], dims=name)[rows[name]]
        log_days = pm.Normal("log_days", np.log(60), 1)
        on_days = pm.ZeroSumNormal("log_days_on_stage", 0.7, dims="stage")
        widths = pm.ZeroSumNormal("log_sigma_on_stage", 0.3, dims="stage")
        sigma = (pm.LogNormal("sigma", np.log(1.2), 0.4) * pt.exp(widths))[None, :]
        share = pm.Dirichlet("stage_share", np.full(3, 2.0), dims="stage")
        log_kept = 0.0
        if recording:
            recorded = pm.Beta("recorded", 6, 2)
            log_kept = pt.switch(np.asarray(rows["complete"]), 0.0, pt.log(recorded))[:, None]

        # by row and stage: a missing stage is summed over
        logit = common[:, None] + on_stage[None, :]
        held, never = -pt.softplus(-logit), -pt.softplus(logit) + log_kept
        log_t = pt.log(data["days"])
        place = (log_days + on_days)[None, :]
        z = (log_t[:, None] - place) / sigma
        log_cut = _log_cdf((np.log(HORIZON) - place) / sigma)
        opens = held - 0.5 * z**2 - pt.log(sigma) - log_t[:, None] - _HALF_LOG_TAU - log_cut
        by_then = pt.exp(pt.minimum(_log_cdf(z) - log_cut, -1e-9))
        later = held + pt.log1p(-by_then)
        end = pm.Normal("end_log_days", np.log(90), 1)
        on_end = pm.ZeroSumNormal("end_log_days_on_stage", 0.7, dims="stage")
        end_sigma = pm.LogNormal("end_sigma", np.log(1.2), 0.4)
        if dead == "never":
            e = (log_t[:, None] - (end + on_end)[None, :]) / end_sigma
            log_end = -0.5 * e**2 - pt.log(end_sigma) - log_t[:, None] - _HALF_LOG_TAU
            dies, lives = never + log_end, never + _log_cdf(-e)
            waits = pt.logaddexp(lives, later)
        else:  # of ends nothing is learned
            dies = waits = pt.logaddexp(never, later)
        status = data["status"][:, None]
        by_stage = pt.switch(pt.eq(status, HELD), opens, pt.switch(pt.eq(status, DEAD), dies, waits))
        by_stage = by_stage - pt.logaddexp(held, never) + pt.log(share)[None, :]
        is_stage = pt.eq(data["stage"][:, None], np.arange(3))
        known = pt.switch(is_stage, by_stage, 0.0).sum(axis=1)
        rows_ = pt.switch(data["stage"] >= 0, known, pt.logsumexp(by_stage, axis=1))
        _observe("rows", rows_)

        lead = _log_normal(data["lead"], pm.Normal("lead_log_days", np.log(14), 1),
                           pm.LogNormal("lead_sigma", np.log(0.9), 0.4))  # fmt: skip
        _observe("lead", pt.switch(data["lead"] > 0, lead, 0.0))
        on_time = pm.Beta("on_time", 2, 2)
        late = _log_normal(data["slip"], pm.Normal("slip_log_days", np.log(14), 1),
                           pm.LogNormal("slip_sigma", np.log(1.2), 0.4))  # fmt: skip
        late = pt.switch(data["slip"] > 0, pt.log1p(-on_time) + late, pt.log(on_time))
        _observe("slip", pt.switch(data["slip"] >= 0, late, 0.0))
        named = pm.Beta("named_if_never", 1, 1)
        bets = pt.switch(pt.eq(data["named"], 1), pt.log(named), pt.log1p(-named))
        _observe("named", pt.switch(data["named"] >= 0, bets, 0.0))
    return m


def _observe(name: str, log_p: Any) -> None:
    pm.Potential(name + "_seen", pm.Deterministic(f"log_likelihood_{name}", log_p).sum())


def _log_normal(days: Any, place: Any, sigma: Any) -> Any:
    log_t = pt.log(pt.maximum(days, 1e-9))  # days that do not apply are masked by the caller
    return -0.5 * ((log_t - place) / sigma) ** 2 - pt.log(sigma) - log_t - _HALF_LOG_TAU


def _log_cdf(z: Any) -> Any:
    # by erfc: one minus a distribution function, or a difference of two, loses its tail
    return pt.log(pt.maximum(0.5 * pt.erfc(-z / np.sqrt(2)), 1e-300))


# --- the same model in NumPy, to simulate from ---


def chance(truth: Mapping[str, Any], rows: Mapping[str, Any], stage: NDArray[Any]) -> NDArray[Any]:
    """P(ever held) of rows, shape (N,), or of draws of the parameters, (D, N).

    Parameters
    ----------
    truth : mapping
        Parameters: one value of each, or D of them along the first axis.
    rows : mapping
        With the codes of `arrays`.
    stage : ndarray of int, shape (N,)
    """
    effects = sum(np.asarray(truth[f"on_{k}"])[..., rows[k]] for k in EFFECTS)
    level = np.asarray(truth["level"])[..., None]
    return np.asarray(expit(level + np.asarray(truth["on_stage"])[..., stage] + effects))


def simulate(
    rows: Mapping[str, Any],
    truth: Mapping[str, Any],
    age: NDArray[Any],
    rng: np.random.Generator,
    keep_stage: bool = False,
) -> dict[str, Any]:
    """Recorded rows of the same design with other outcomes, in the form of `arrays`.

    Parameters
    ----------
    rows : mapping
        The design; a stage that is missing in it is missing in the result.
    truth : mapping
        One value of each parameter.
    age : ndarray, shape (N,)
        Days from the proposal to the day on which the table is written.
    keep_stage : bool
        Leave known stages as they are, instead of drawing all from their shares.
    """
    n = len(age)
    drawn = rng.choice(3, n, p=np.asarray(truth["stage_share"]) / np.sum(truth["stage_share"]))
    stage = np.where(rows["stage"] >= 0, rows["stage"], drawn) if keep_stage else drawn
    pi = chance(truth, rows, stage)
    kept = np.where(rows["complete"], 1.0, truth["recorded"])
    held = rng.random(n) < pi / (pi + (1 - pi) * kept)
    status, days = fate(truth, stage, held, age, rng)
    dated = stage == LEVELS["stage"].index("dated")
    lead = np.exp(rng.normal(truth["lead_log_days"], truth["lead_sigma"], n))
    slip = np.exp(rng.normal(truth["slip_log_days"], truth["slip_sigma"], n))
    slip = np.where(rng.random(n) < truth["on_time"], 0.0, slip)
    named = (rng.random(n) < truth["named_if_never"]).astype(int)
    return {
        **rows,
        "status": status,
        "days": days,
        "stage": np.where(rows["stage"] >= 0, stage, -1),
        "lead": np.where(dated, lead, 0.0),
        "slip": np.where(dated & (status == HELD), slip, -1.0),
        "named": np.where((stage == 0) & (status == DEAD), named, -1),
    }


def fate(
    truth: Mapping[str, Any],
    stage: NDArray[Any],
    held: NDArray[Any],
    age: NDArray[Any],
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Status and days of rows of which it is given whether they are ever held."""
    place = truth["log_days"] + np.asarray(truth["log_days_on_stage"])[stage]
    sigma = truth["sigma"] * np.exp(np.asarray(truth["log_sigma_on_stage"])[stage])
    cut = ndtr((np.log(HORIZON) - place) / sigma)
    u = np.clip(rng.random(len(age)) * cut, 1e-300, 1 - 1e-16)
    opens = np.exp(place + sigma * ndtri(u))
    end = truth["end_log_days"] + np.asarray(truth["end_log_days_on_stage"])[stage]
    ends = np.exp(rng.normal(end, truth["end_sigma"]))
    days = np.where(held, opens, ends)
    status = np.where(days > age, OPEN, np.where(held, HELD, DEAD))
    return status, np.minimum(days, age)
