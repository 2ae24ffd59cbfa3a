"""The sampled twin: the same tree as a PyMC model, to check the exact answer and to extend.

The formulas are those of `forecast.tree`, run on PyTensor. What is hidden is summed by
hand, so only the judgements are sampled; the base rate enters fixed at its mean. Averages
over the draws are the exact answer up to Monte Carlo error, for joint probabilities:
conditional ones are ratios of two averages.

No other module imports PyMC, PyTensor or ArviZ.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

# With fast mathematics the compiler may order sums at will, and does so differently on an
# empty and on a warm compile cache: one seed, two results. A flag that the user has set
# stays as it is.
_FLAG = "numba__fastmath"
_flags = os.environ.get("PYTENSOR_FLAGS", "")
if _FLAG not in _flags:
    os.environ["PYTENSOR_FLAGS"] = ",".join(x for x in (_flags, f"{_FLAG}=False") if x)

import arviz as az  # noqa: E402
import pymc as pm  # noqa: E402
import pytensor  # noqa: E402
import pytensor.tensor as pt  # noqa: E402

from forecast import attendance  # noqa: E402
from forecast.base_rate import futures  # noqa: E402
from forecast.case import Case  # noqa: E402
from forecast.compiling import Compiled, compile_case  # noqa: E402
from forecast.judgement import fit_beta  # noqa: E402
from forecast.tree import collect, marginals, weigh  # noqa: E402
from forecast.updating import Forecast, actor_chances, opened_by, solve, stamps  # noqa: E402

_ROUNDING = 1e-9
_AT_ONCE = 500
"""Draws in one pass of the tree: what fits a processor's cache is quicker."""


def model(
    case: Case,
    as_of: dt.date | None = None,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
) -> pm.Model:
    """The tree of a case as a PyMC model.

    Parameters
    ----------
    case, as_of, without, assume
        As in `forecast.update`.

    Returns
    -------
    pymc.Model
        Free: `theta` over `judgement`, the elicited intervals as independent Beta variables. Potential:
        `reports`, log P(reports | judgements). Deterministic, each P(... | judgements,
        reports): `held_by` over `deadline`, `ever`, `scenario_is` over `scenario`,
        `indicator_true` over `indicator`, `held_and_attends` (joint) over `actor`.

    Examples
    --------
    >>> import pymc as pm
    >>> with forecast.model(case) as twin:  # doctest: +SKIP
    ...     trace = pm.sample()
    """
    as_of = as_of or case.question.as_of
    compiled = compile_case(case, as_of, without, assume)
    root, tree = futures(compiled.case, as_of), compiled.tree
    a, b = fit_beta(*np.array([(j.low, j.high) for j in compiled.judgements]).reshape(-1, 2).T)
    wide = np.isfinite(a)
    known = compiled.case
    coords = {
        "judgement": [x for x, free in zip(compiled.labels, wide, strict=True) if free],
        "scenario": [s.id for s in known.scenarios],
        "deadline": [str(d) for d in known.question.deadlines],
        "indicator": [i.id for i in known.indicators],
        "actor": [x.id for x in known.actors],
    }
    with pm.Model(coords={k: v for k, v in coords.items() if v}) as twin:
        parts = [pt.as_tensor(compiled.theta[~wide])]
        if wide.any():
            parts.append(pm.Beta("theta", a[wide], b[wide], dims="judgement"))
        # back to the order in which the tree counts them
        theta = pt.concatenate(parts)[np.argsort(np.argsort(wide, kind="stable"))]
        log_lam = weigh(tree, theta, pt)
        log_likelihood, chance = collect(tree, theta, log_lam, pt)
        joint = root.log_root + log_likelihood
        evidence = pt.logsumexp(joint)
        pm.Potential("reports", evidence)
        scenario = pm.Deterministic("scenario_is", pt.exp(joint - evidence), dims="scenario")
        by = opened_by(root, as_of, known.question.deadlines)
        pm.Deterministic("held_by", pt.dot(scenario, by), dims="deadline")
        pm.Deterministic("ever", scenario[root.held].sum())
        if known.indicators:
            place = [compiled.nodes.index(i.id) for i in known.indicators]
            true = marginals(tree, chance, pt)[place]
            pm.Deterministic("indicator_true", pt.dot(true, scenario), dims="indicator")
        if known.actors:
            come = _come(compiled, theta, log_lam) + root.log_root[:, None] - evidence
            pm.Deterministic("held_and_attends", pt.exp(come[root.held]).sum(0), dims="actor")
    return twin


def _come(compiled: Compiled, theta: Any, log_lam: Any) -> Any:
    """Log P(reports, the actor attends | s, judgements), shape (S, A).

    Attendance enters the nodes as if it were one more report: that the actor, and every
    body that he is part of, comes.
    """
    case = compiled.case
    ids = [a.id for a in case.actors]
    needs = np.zeros((len(compiled.nodes), len(ids), len(ids)))
    for i, name in enumerate(ids):
        for body in attendance.bodies(case, name):
            needs[compiled.nodes.index(body), ids.index(body), i] = 1
    attends = pt.log(compiled.attendance(theta, pt))  # body, stance, scenario
    also = pt.tensordot(needs, attends, axes=[[1], [0]]).transpose(0, 2, 3, 1)
    return collect(compiled.tree, theta[:, None], log_lam[..., None], pt, also)[0]


def sample(
    case: Case,
    as_of: dt.date | None = None,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
    *,
    seed: int = 1,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    nuts_sampler: str = "nutpie",
    progressbar: bool = True,
) -> xr.DataTree:
    """Draws of the judgements, and of the forecast's joint probabilities, given the reports.

    Parameters
    ----------
    case, as_of, without, assume
        As in `forecast.update`.
    seed : int
        The same seed gives the same numbers, with the same versions on the same machine.
    draws, tune, chains : int
        Draws to keep and to adapt with, for each chain.
    nuts_sampler : {"nutpie", "pymc"}
    progressbar : bool

    Returns
    -------
    xarray.DataTree
        As ArviZ has it: `posterior` (variables as in `model`) and `sample_stats`. `attrs`
        holds the settings.

    Raises
    ------
    ValueError
        If the sampler is none of the two, or an argument is wrong as in `forecast.update`.
    """
    if nuts_sampler not in ("nutpie", "pymc"):
        raise ValueError(f'nuts_sampler: {nuts_sampler!r}; expected "nutpie" or "pymc"')
    as_of = as_of or case.question.as_of
    with _reproducible(), _quiet("pymc", "nutpie", "numba", "pytensor"):
        twin = model(case, as_of, without, assume)
        if twin.free_RVs:
            tree: xr.DataTree = pm.sample(
                draws=draws,
                tune=tune,
                chains=chains,
                nuts_sampler=nuts_sampler,
                random_seed=seed,
                progressbar=progressbar,
                compute_convergence_checks=False,  # `diagnostics` reports them
                var_names=["theta"],  # the rest follows from it, all draws at once
                model=twin,
            )
        else:  # every judgement is a plain number: every draw is the one answer
            coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
            tree = xr.DataTree.from_dict({"posterior": xr.Dataset(coords=coords)})
    drawn = tree["posterior"].to_dataset()
    tree["posterior"] = xr.DataTree(drawn.assign(given_draws(drawn, case, as_of, without, assume)))
    tree.attrs |= {
        "case": case.name,
        "as_of": str(as_of),
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "nuts_sampler": nuts_sampler,
        "pymc": pm.__version__,
    }
    return tree


def given_draws(
    drawn: xr.Dataset,
    case: Case,
    as_of: dt.date | None = None,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
) -> xr.Dataset:
    """What `model` says of given judgements, of many draws in one pass.

    Parameters
    ----------
    drawn : Dataset over `chain` and `draw`
        `theta` over `judgement` as in `model`; left out if every judgement is certain.
    case, as_of, without, assume
        As in `forecast.update`.

    Returns
    -------
    Dataset
        `held_by`, `ever`, `scenario_is`, `indicator_true`, `held_and_attends` as in `model`.
    """
    as_of = as_of or case.question.as_of
    compiled = compile_case(case, as_of, without, assume)
    known, root = compiled.case, futures(compiled.case, as_of)
    size = (drawn.sizes["chain"], drawn.sizes["draw"])
    theta = np.repeat(compiled.theta[:, None], size[0] * size[1], axis=1)
    if "theta" in drawn:
        free = [compiled.labels.index(str(x)) for x in drawn.judgement.values]
        theta[free] = drawn.theta.transpose("judgement", "chain", "draw").values.reshape(len(free), -1)
    by = opened_by(root, as_of, known.question.deadlines)
    order = [compiled.nodes.index(i.id) for i in known.indicators]
    parts: dict[str, list[Any]] = {}
    for start in range(0, theta.shape[1], _AT_ONCE):
        some = theta[:, start : start + _AT_ONCE]
        p = solve(compiled, root, some)
        attends = actor_chances(compiled, some, p)
        for name, value in (
            ("held_by", by.T @ p.scenario),
            ("ever", p.scenario[root.held].sum(0)),
            ("scenario_is", p.scenario),
            ("indicator_true", (p.node * p.scenario).sum(1)[order]),
            ("held_and_attends", (attends * p.scenario)[:, root.held].sum(1)),
        ):
            parts.setdefault(name, []).append(value.T)
    coords: dict[str, tuple[str, Any]] = {
        "held_by": ("deadline", stamps(known.question.deadlines)),
        "scenario_is": ("scenario", [s.id for s in known.scenarios]),
        "indicator_true": ("indicator", [i.id for i in known.indicators]),
        "held_and_attends": ("actor", [a.id for a in known.actors]),
    }
    out = xr.Dataset(coords={k: drawn[k] for k in ("chain", "draw")})
    out = out.assign(ever=(("chain", "draw"), np.concatenate(parts.pop("ever")).reshape(size)))
    for name, (dim, labels) in coords.items():
        if len(labels):  # as `model`, which has no empty dimension
            whole = np.concatenate(parts[name]).reshape(*size, len(labels))
            out = out.assign_coords({dim: labels})
            out = out.assign({name: (("chain", "draw", dim), whole)})
    return out


def agreement(sampled: xr.DataTree, exact: Forecast) -> pd.DataFrame:
    """The sampled forecast beside the exact one.

    Parameters
    ----------
    sampled : DataTree
        From `sample`.
    exact : Forecast
        From `forecast.update`, of the same case on the same day.

    Returns
    -------
    DataFrame
        One row a quantity: `quantity` (held by a deadline, ever, scenario, indicator,
        attends given held), `of` (the deadline or id), `exact`, `sampled`, `mcse` (Monte
        Carlo standard error of `sampled`), and `z`, their difference in standard errors.

    Raises
    ------
    ValueError
        If they are of different cases or days.

    Notes
    -----
    P(attends | held) is the mean of P(held and attends) over the mean of P(held), not the
    mean of the draws' ratios; its error is that of the ratio to first order.
    """
    for key, value in (("case", exact.case.name), ("as_of", str(exact.as_of))):
        if sampled.attrs.get(key, value) != value:
            raise ValueError(f"{key}: sampled {sampled.attrs[key]}, exact {value}")
    draws = sampled["posterior"].to_dataset()
    parts = [
        _rows("held by", draws.held_by, exact.held.probability),
        _rows("ever", draws.ever, exact.ever.probability),
        _rows("scenario", draws.scenario_is, exact.scenarios.probability),
    ]
    if "indicator_true" in draws:
        parts.append(_rows("indicator", draws.indicator_true, exact.indicators.probability))
    if "held_and_attends" in draws:
        attends = exact.actors.given_held
        parts.append(_rows("attends if held", draws.held_and_attends, attends, per=draws.ever))
    return pd.concat(parts, ignore_index=True)


def _rows(
    quantity: str, draws: xr.DataArray, exact: xr.DataArray, per: xr.DataArray | None = None
) -> pd.DataFrame:
    mean = draws.mean(("chain", "draw"))
    error = draws
    if per is not None:
        mean = mean / per.mean()
        error = (draws - mean * per) / per.mean()
    mcse = az.mcse(error.to_dataset(name="x"), method="mean")["x"]
    of = [""] if mean.ndim == 0 else [str(x)[:10] if quantity == "held by" else str(x)
                                      for x in mean[mean.dims[0]].values]  # fmt: skip
    rows = pd.DataFrame({
        "quantity": quantity,
        "of": of,
        "exact": np.ravel(exact.values),
        "sampled": np.ravel(mean.values),
        "mcse": np.ravel(mcse.values),
    })  # fmt: skip
    apart = rows["sampled"] - rows["exact"]
    # what is certain in every draw has no Monte Carlo error, only rounding
    rows["z"] = np.where(apart.abs() < _ROUNDING, 0.0, apart / rows["mcse"].clip(lower=_ROUNDING))
    return rows


def diagnostics(sampled: xr.DataTree) -> dict[str, float]:
    """How well the chains mixed, over all judgements and all that the forecast says.

    Parameters
    ----------
    sampled : DataTree
        From `sample`.

    Returns
    -------
    dict
        `max_rhat`, `min_ess_bulk`, `min_ess_tail` (effective draws), `divergences`, `draws`
        (of all chains). Quantities that are the same in every draw are left out; where all
        are, the first three are nan.
    """
    draws = sampled["posterior"].to_dataset().transpose("chain", "draw", ...)
    size = (draws.sizes["chain"], draws.sizes["draw"])
    values = np.concatenate([x.values.reshape(*size, -1) for x in draws.values()], axis=2)
    moving = values[..., np.ptp(values, axis=(0, 1)) > _ROUNDING]
    out = {"max_rhat": np.nan, "min_ess_bulk": np.nan, "min_ess_tail": np.nan}
    if moving.size:
        data = xr.Dataset({"x": (("chain", "draw", "quantity"), moving)})
        out["max_rhat"] = float(az.rhat(data)["x"].max())
        for method in ("bulk", "tail"):
            out[f"min_ess_{method}"] = float(az.ess(data, method=method)["x"].min())
    diverging = sampled["sample_stats"]["diverging"].sum() if "sample_stats" in sampled else 0
    return out | {"divergences": int(diverging), "draws": size[0] * size[1]}


@contextmanager
def _reproducible() -> Iterator[None]:
    if _FLAG in _flags:
        yield
        return
    # PyTensor may have been imported before this module set its flag
    with pytensor.config.change_flags(**{_FLAG: False}):
        yield


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    before = [x.level for x in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
