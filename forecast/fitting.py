"""Learning from history: both models sampled on what was known on a date, and their checks.

`fit` makes what a case needs; `forecast.fits` keeps it and tells what it says. The others
are for a reader who wants to know whether to believe it: what the priors alone expect, whether
the fitted model brings forth tables like the recorded one, which priors matter, and what other
assumptions would have said. `forecast.recovery` looks for planted parameters.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit

from forecast import attending, history, opening, sampling
from forecast.fits import LEVELS, Fit, curve
from forecast.loading import seeds

import arviz as az  # isort: skip  # after `sampling`, which sets PyTensor's flags
import pymc as pm  # isort: skip
from pymc.stats import compute_log_prior  # isort: skip

KEPT = 240
"""Draws that a fit keeps."""
DIGITS = 3
LANDMARKS = (15, 30, 60, 90, 120, 180, 365, 730)
"""Days on which the held-by-day curve is looked at."""
MAX_RHAT, MIN_ESS = 1.01, 400
OPENING = (
    "level", "on_stage", "on_convener", "on_kind", "on_conflict", "spread", "log_days",
    "log_days_on_stage", "sigma", "log_sigma_on_stage", "recorded", "stage_share", "end_log_days",
    "end_log_days_on_stage", "end_sigma", "lead_log_days", "lead_sigma", "on_time",
    "slip_log_days", "slip_sigma", "named_if_never",
)  # fmt: skip
ATTENDING = ("att_role", "att_convener", "att_conflict", "att_spread")


class NotConverged(RuntimeError):
    """The chains did not agree: nothing that they say may be used."""


def fit(
    reference_class: str | Path | pd.DataFrame,
    as_of: dt.date,
    leave_out: tuple[str, ...] = (),
    seed: int = 1,
    progress: bool = False,
) -> Fit:
    """What a table of proposals taught by a date.

    Parameters
    ----------
    reference_class : str, path or DataFrame
        As in `forecast.history.proposals`, or a table from there.
    as_of : date
        The last day whose news counts.
    leave_out : tuple of str
        Rows that may not enter: the case's own.
    seed : int
        The same seed gives the same draws, with the same versions on the same machine.
    progress : bool
        Show the sampler's progress.

    Returns
    -------
    Fit
        `KEPT` draws, evenly from all chains, of `DIGITS` significant digits.

    Raises
    ------
    CaseError
        If the table is wrong.
    ValueError
        If no proposal was known by the date, or `leave_out` names none.
    NotConverged
        If a chain diverged, R-hat is 1.01 or more, or an effective sample size, of bulk or
        tail, 400 or less, for any parameter.
    """
    file, name = "", "table"
    if isinstance(reference_class, pd.DataFrame):
        table = reference_class
    else:
        table, name = history.proposals(reference_class), str(reference_class)
        path = Path(name) if name.endswith(".csv") else seeds() / name / "proposals.csv"
        file = hashlib.sha256(path.read_bytes()).hexdigest()
    known = history.as_known(table, as_of, leave_out)
    opened = sample(opening.model(known), seed=seed, progress=progress)
    conflicts = tuple(opened["posterior"].coords["conflict"].to_numpy().tolist())
    # its spreads mix slowly, and it takes no time
    came = sample(attending.model(known, conflicts), seed=seed, progress=progress, draws=2000)
    return Fit(
        name, as_of, tuple(leave_out), history.digest(known), conflicts,
        draws=kept(opened, OPENING) | kept(came, ATTENDING), seed=seed,
        diagnostics={"opening": dict(opened.attrs["diagnostics"]),
                     "attending": dict(came.attrs["diagnostics"]),
                     "rows": len(known),
                     "without_refusals": list(attending.without_refusals(known))},
        versions={"python": platform.python_version()}
        | {k: version(k) for k in ("pymc", "nutpie", "pytensor", "arviz", "numpy")},
        file=file,
    )  # fmt: skip


def sample(
    model: pm.Model,
    *,
    seed: int = 1,
    progress: bool = False,
    draws: int = 1000,
    accept: tuple[float, ...] = (opening.TARGET_ACCEPT, 0.995),
) -> xr.DataTree:
    """Draws of a model of opening or attendance, by four chains that agree.

    Parameters
    ----------
    model : pymc.Model
    seed : int
    progress : bool
    draws : int
        Of each chain.
    accept : tuple of float
        Acceptance to aim at; the next one is tried when the chains do not agree.

    Returns
    -------
    DataTree
        As ArviZ has it: `posterior`, `log_likelihood`, `log_prior` (of the parameters that have
        no parents), `sample_stats`; `attrs["diagnostics"]`.

    Raises
    ------
    NotConverged
        If they do not agree with any of them.
    """
    for target in accept:
        with sampling._reproducible(), sampling._quiet("pymc", "nutpie", "numba", "pytensor"):
            raw: xr.DataTree = pm.sample(
                draws=draws, tune=1000, chains=4, nuts_sampler="nutpie", target_accept=target,
                random_seed=seed, progressbar=progress, compute_convergence_checks=False,
                model=model,
            )  # fmt: skip
        posterior = raw["posterior"].to_dataset().transpose("chain", "draw", ...)
        seen = [str(x) for x in posterior if str(x).startswith("log_likelihood_")]
        tree = xr.DataTree.from_dict({
            "posterior": posterior.drop_vars(seen),
            "log_likelihood": posterior[seen],
            "sample_stats": raw["sample_stats"].to_dataset(),
        })  # fmt: skip
        quality, problems = diagnose(tree)
        if not problems:
            break
    else:
        raise NotConverged("the chains did not agree: " + "; ".join(problems))
    with sampling._quiet("pymc", "pytensor"):
        prior = compute_log_prior(raw, model=model, extend_inferencedata=False, progressbar=False)
    # scaling the prior of a standardised effect would scale its spread once more
    tree["log_prior"] = xr.DataTree(prior.drop_vars([x for x in prior if str(x).endswith("_z")]))
    tree.attrs["diagnostics"] = quality | {"target_accept": target, "seed": seed}
    return tree


def diagnose(tree: xr.DataTree) -> tuple[dict[str, float], list[str]]:
    """How well the chains mixed, and what of it is not good enough, by parameter."""
    draws = tree["posterior"].to_dataset()
    rhat = az.rhat(draws)
    bulk, tail = (az.ess(draws, method=m) for m in ("bulk", "tail"))
    diverged = int(tree["sample_stats"]["diverging"].sum())
    problems = [f"{diverged} divergences"] if diverged else []
    for name in map(str, draws):
        worst = float(rhat[name].max())
        if not worst < MAX_RHAT:
            problems.append(f"{name}: R-hat {worst:.3f}, expected less than {MAX_RHAT}")
        for kind, size in (("bulk", bulk), ("tail", tail)):
            least = float(size[name].min())
            if not least > MIN_ESS:
                problems.append(f"{name}: {kind} effective sample size {least:.0f}, "
                                f"expected more than {MIN_ESS}")  # fmt: skip
    return {
        "max_rhat": round(max(float(rhat[x].max()) for x in rhat), 4),
        "min_ess_bulk": round(min(float(bulk[x].min()) for x in bulk)),
        "min_ess_tail": round(min(float(tail[x].min()) for x in tail)),
        "divergences": diverged,
        "draws": draws.sizes["chain"] * draws.sizes["draw"],
    }, problems


def kept(tree: xr.DataTree, names: tuple[str, ...], size: int = KEPT) -> dict[str, NDArray[Any]]:
    """Draws evenly from all chains, of `DIGITS` significant digits, draw first."""
    draws = tree["posterior"].to_dataset()
    at = np.linspace(0, draws.sizes["draw"] - 1, size // draws.sizes["chain"]).round().astype(int)
    thin = draws.isel(draw=at).transpose("chain", "draw", ...)

    def short(x: NDArray[Any]) -> NDArray[Any]:
        flat = [float(f"{v:.{DIGITS}g}") for v in x.ravel()]
        return np.array(flat).reshape(-1, *x.shape[2:])

    return {k: short(thin[k].to_numpy()) for k in names if k in thin}


# --- checks ---


def prior_draws(model: pm.Model, size: int, seed: int = 1) -> dict[str, NDArray[Any]]:
    """Draws of all parameters before any row is seen, draw first."""
    names = [x.name for x in (*model.free_RVs, *model.deterministics)
             if not x.name.startswith("log_likelihood_")]  # fmt: skip
    with warnings.catch_warnings(), sampling._reproducible(), sampling._quiet("pymc"):
        # rows are potentials, which are no part of the prior
        warnings.filterwarnings("ignore", message=".*otential.*")
        drawn = pm.sample_prior_predictive(size, model=model, var_names=names, random_seed=seed)
    prior = drawn["prior"].to_dataset().transpose("chain", "draw", ...)
    return {k: prior[k].to_numpy()[0] for k in names}


def prior_predictive(
    table: pd.DataFrame, as_of: dt.date, draws: int = KEPT, seed: int = 1
) -> pd.DataFrame:
    """Held-by-day curves of tables that the priors alone bring forth; see `posterior_predictive`."""
    parameters = prior_draws(opening.model(table), draws, seed)
    return _predicted(table, as_of, parameters, seed)


def posterior_predictive(
    table: pd.DataFrame, as_of: dt.date, tree: xr.DataTree, draws: int = KEPT, seed: int = 1
) -> pd.DataFrame:
    """The recorded held-by-day curve beside those of tables that the fitted model brings forth.

    The model's tables are tables of *recorded* rows of the same design, seen on the same day:
    failures that nobody wrote down are missing in them as they are in the real one.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.as_known`.
    as_of : date
        The same.
    tree : DataTree
        From `sample` of `forecast.opening.model(table)`.

    Returns
    -------
    DataFrame
        For each `stage` and `day` of `LANDMARKS`: `rows`, those that had been proposed so many
        days before; `recorded`, the share of them held by then; `low` and `high`, the central
        90 % of that share in the model's tables; `within`, whether it lies there.
    """
    posterior = tree["posterior"].to_dataset().transpose("chain", "draw", ...)
    stride = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // draws)
    parameters = {str(k): v.to_numpy().reshape(-1, *v.shape[2:])[::stride] for k, v in posterior.items()}
    return _predicted(table, as_of, parameters, seed)


def _predicted(
    table: pd.DataFrame, as_of: dt.date, parameters: Mapping[str, NDArray[Any]], seed: int
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = opening.arrays(table)
    age = (pd.Timestamp(as_of) - table["first_proposed"]).dt.days.to_numpy(float)
    size = len(parameters["level"])
    made = np.array([
        _held_by(opening.simulate(
            rows, {k: v[i] for k, v in parameters.items()}, age, rng, keep_stage=True), age)
        for i in range(size)
    ])  # fmt: skip
    seen = _held_by(rows, age)
    at_risk = (rows["stage"] == np.arange(3)[:, None])[..., None] & (age[:, None] >= LANDMARKS)
    stage, day = np.indices(seen.shape)
    out = pd.DataFrame({
        "stage": np.array(LEVELS["stage"])[stage.ravel()],
        "day": np.array(LANDMARKS)[day.ravel()],
        "rows": at_risk.sum(1).ravel(),
        "recorded": seen.ravel(),
        "low": np.quantile(made, 0.05, axis=0).ravel(),
        "high": np.quantile(made, 0.95, axis=0).ravel(),
    })  # fmt: skip
    out = out[out["rows"] > 0].reset_index(drop=True)
    # shares of few rows are often equal to an end of the band, up to rounding
    out["within"] = out["recorded"].between(out["low"] - 1e-9, out["high"] + 1e-9)
    return out


def _held_by(rows: Mapping[str, Any], age: NDArray[Any]) -> NDArray[Any]:
    """Share held by each landmark of the rows of each stage that old, shape (3, L)."""
    days = np.array(LANDMARKS)
    held = (rows["status"] == opening.HELD)[:, None] & (rows["days"][:, None] <= days)
    old = age[:, None] >= days
    of_stage = [rows["stage"] == i for i in range(3)]
    return np.array([(held & old)[s].sum(0) / np.maximum(old[s].sum(0), 1) for s in of_stage])


def sensitivity(tree: xr.DataTree) -> pd.DataFrame:
    """How far the posterior moves if the priors, or the rows, had a little more weight.

    Parameters
    ----------
    tree : DataTree
        From `sample`.

    Returns
    -------
    DataFrame
        By parameter: `prior` and `likelihood` sensitivity and ArviZ's `diagnosis`, which speaks
        up above 0.05. In the model of opening also P(ever held) of an average class by stage.

    References
    ----------
    Kallioinen et al. 2024, Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling. https://doi.org/10.1007/s11222-023-10366-5
    """
    posterior = tree["posterior"].to_dataset()
    names = [str(x) for x in posterior if not str(x).endswith(("_z", "_conflict"))]
    if "level" in posterior:
        posterior["ever_held"] = xr.apply_ufunc(expit, posterior["level"] + posterior["on_stage"])
        names = ["ever_held", *names]
    groups = {k: tree[k].to_dataset() for k in ("log_prior", "log_likelihood")}
    data = xr.DataTree.from_dict({"posterior": posterior} | groups)
    with sampling._quiet("arviz_stats.psense"):  # its warning says what the table says
        return pd.DataFrame(az.psense_summary(data, var_names=names))


def variants(
    table: pd.DataFrame,
    like: Mapping[str, Any],
    as_of: dt.date,
    seed: int = 1,
    fitted: xr.DataTree | None = None,
) -> pd.DataFrame:
    """What other assumptions would have said of one class.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.as_known`.
    like : mapping
        `stage`, `convener_type`, `row_type`, `conflict` of the class.
    fitted : DataTree, optional
        What `sample` found for `forecast.opening.model(table)`, so that it need not run again.

    Returns
    -------
    DataFrame
        By variant: mean, 5 % and 95 % of P(ever held), the mean of P(held within 180 days), and
        the recording rate's mean.
    """
    settings: dict[str, Callable[[], pm.Model]] = {
        "as it is": lambda: opening.model(table),
        "every failure recorded": lambda: opening.model(table, recording=False),
        "no region completely enumerated": lambda: opening.model(table, complete=()),
        "dead proposals censored": lambda: opening.model(table, dead="censored"),
    }
    out = {}
    for name, make in settings.items():
        known = fitted if name == "as it is" else None
        tree = sample(make(), seed=seed) if known is None else known
        found = kept(tree, OPENING)
        conflicts = tuple(tree["posterior"].coords["conflict"].to_numpy().tolist())
        c = curve(Fit("", as_of, (), "", conflicts, found, seed), **like)
        out[name] = {
            "ever": c.ever.mean(),
            "low": np.quantile(c.ever, 0.05),
            "high": np.quantile(c.ever, 0.95),
            "by_180": (c.ever * c.opened_by(np.array([180.0]))[:, 0]).mean(),
            "recorded": found["recorded"].mean() if "recorded" in found else 1.0,
        }
    return pd.DataFrame(out).T


__all__ = [
    "KEPT", "LANDMARKS", "NotConverged", "fit", "posterior_predictive", "prior_predictive",
    "sample", "sensitivity", "variants",
]  # fmt: skip
