"""Refits for a backtest: both models compiled once, and refitted to other data.

Each process compiles the models of opening and attendance once, of the whole table's shape.
A refit is then other data for the compiled functions: what had become of each row by the day
of the fold, and nothing of the rows that it may not know. A row that is not there has the stage
`ABSENT`, which is none of those that the likelihood of a row sums over, and no lead, slip or
named target: it adds zero. So does a party whose weight is zero. The effect of a conflict
of which no row is there has its prior; it is taken out of the fit, which then draws it from the
spread of all, as for any conflict that it does not know.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import attending, history, opening, sampling
from forecast.backtest import Design, Sampling
from forecast.fits import COMPLETE, LEVELS, Fit, attends, curve
from forecast.fitting import ATTENDING, OPENING, NotConverged, diagnose
from forecast.folds import LANDMARKS, WINDOWS, Fold, last_day, question, training

import nutpie  # isort: skip  # after `sampling`, which sets PyTensor's flags

ABSENT = len(LEVELS["stage"])
"""Code of the stage of a row that is not there."""
_EMPTY = {"status": opening.OPEN, "days": 1.0, "stage": ABSENT, "lead": 0.0, "slip": -1.0, "named": -1}
MAX_RHAT, MIN_ESS = 1.03, 150
"""Less than a fit that is kept must reach: the error of a probability stays near 0.01."""


@lru_cache(maxsize=1)
def _compiled(of: Design) -> tuple[pd.Index, dict[str, Any], Any, dict[str, Any], Any]:
    """Rows, their codes and the compiled model; parties and theirs. Once in each process."""
    known = history.as_known(of.table, last_day(of.table))
    rows, parties = opening.arrays(known), attending.arrays(known)
    with sampling._reproducible(), sampling._quiet("pymc", "numba", "pytensor"):
        opens = nutpie.compile_pymc_model(opening.build(rows), var_names=list(OPENING))
        comes = nutpie.compile_pymc_model(attending.build(parties, True), var_names=list(ATTENDING))
    return known.index, rows, opens, parties, comes


def masked(index: pd.Index, rows: dict[str, Any], known: pd.DataFrame) -> dict[str, Any]:
    """The data of a refit, by name in the model: outcomes as known, of some of the rows."""
    at, values = index.get_indexer(known.index), opening.arrays(known)
    data = {}
    for name in opening.DATA:
        column = np.full_like(rows[name], _EMPTY[name])
        column[at] = values[name]
        data[f"row_{name}"] = column
    return data


def refit(of: Design, fold: Fold, how: Sampling) -> Fit:
    """What the models learn from what a fold may know.

    Returns
    -------
    Fit
        With all draws.

    Raises
    ------
    NotConverged
        If chains do not agree, with twice as many draws of a more careful sampler too.
    """
    index, rows, opens, parties, comes = _compiled(of)
    known = training(of.table, fold)
    conflicts = tuple(sorted(known["conflict"].unique()))
    came = np.isin(parties["proposal"], known.index[known["status"] == "held"]).astype(float)
    found, quality = {}, {}
    for name, model, of_rows in (
        ("opening", opens.with_data(**masked(index, rows, known)), rows),
        ("attending", comes.with_data(row_weight=came), parties),
    ):
        posterior, quality[name] = _draws(model, how, 0.95 if name == "opening" else 0.98)
        keep = [of_rows["conflicts"].index(c) for c in conflicts]
        for k, v in posterior.items():
            values = v.transpose("chain", "draw", ...).to_numpy()
            values = values.reshape(-1, *values.shape[2:])
            found[str(k)] = values[:, keep] if str(k).endswith("_conflict") else values
    size = min(len(v) for v in found.values())
    thin = {k: v[np.linspace(0, len(v) - 1, size).round().astype(int)] for k, v in found.items()}
    out = tuple(of.table.index[of.table["conflict"].isin(fold.conflicts)])
    return Fit("table", fold.day, out, history.digest(known), conflicts, thin, how.seed,
               diagnostics=quality | {"rows": len(known)})  # fmt: skip


def _draws(model: Any, how: Sampling, accept: float) -> tuple[xr.Dataset, dict[str, Any]]:
    for target, times in ((accept, 1), (0.995, 2)):
        raw = nutpie.sample(
            model, draws=how.draws * times, tune=how.tune * times, chains=how.chains, cores=1,
            seed=how.seed, target_accept=target, progress_bar=False, save_warmup=False,
        )  # fmt: skip
        posterior = raw["posterior"].to_dataset()
        tree = {"posterior": posterior, "sample_stats": raw["sample_stats"].to_dataset()}
        quality, _ = diagnose(xr.DataTree.from_dict(tree))
        size = min(quality["min_ess_bulk"], quality["min_ess_tail"])
        # with few draws asked for, so many effective ones cannot be expected
        least = min(MIN_ESS, how.chains * how.draws // 10)
        if quality["max_rhat"] < MAX_RHAT and size >= least and not quality["divergences"]:
            return posterior, quality | {"target_accept": target}
    raise NotConverged(f"a refit's chains did not agree: {quality}")


def opens_within(fit: Fit, rows: pd.DataFrame, alive: bool = False) -> np.ndarray:
    """P(a recorded proposal opens within a window | it has not opened by the landmark).

    Over the draws the two probabilities are averaged, not their ratio: a draw counts for as
    much as it expected the proposal to wait that long.

    Parameters
    ----------
    fit : Fit
        From `refit`.
    rows : DataFrame
        With `stage`, `convener_type`, `row_type`, `conflict`, `region`.
    alive : bool
        Given also that it has not died by the landmark: as a forecast is, and as the proposals
        of a backtest are chosen.

    Returns
    -------
    ndarray, shape (N, len(LANDMARKS), len(WINDOWS))
    """
    after = np.array(LANDMARKS, float)
    ends = after[:, None] + np.array(WINDOWS, float)
    out = np.empty((len(rows), *ends.shape))
    d = fit.draws
    for i, row in enumerate(rows.itertuples()):
        about = (str(row.convener_type), str(row.row_type), str(row.conflict))
        missing = row.region not in COMPLETE
        known = row.stage in LEVELS["stage"]
        stages = {str(row.stage): np.ones(fit.size)} if known else dict(
            zip(LEVELS["stage"], d["stage_share"].T, strict=True)
        )  # fmt: skip
        opens, waits = np.zeros((fit.size, *ends.shape)), np.zeros((fit.size, len(after)))
        for stage, share in stages.items():
            c = curve(fit, stage, *about, recorded=missing)
            weight, ever = share[:, None], c.ever[:, None]
            before = c.opened_by(after)
            lives = c.waits(after) if alive else 1.0
            by_end = c.opened_by(ends.ravel()).reshape(-1, *ends.shape)
            opens += (weight * ever)[..., None] * (by_end - before[..., None])
            waits += weight * (ever * (1 - before) + (1 - ever) * lives)
        out[i] = opens.mean(0) / waits.mean(0)[:, None]
    return out


def predict(of: Design, fold: Fold, how: Sampling) -> dict[str, Any]:
    """Refit a fold and predict its proposals: what `forecast.backtest.run` does with each.

    Returns
    -------
    dict
        `diagnostics`, and `predictions`: a mapping for each proposal with `held_30_60` (at the
        landmark of 30 days, within the 60 days after), `alive_30_60` (given also that it has
        not died), where it was still waiting; `attends_` and a role, where it is known who came.
    """
    fit = refit(of, fold, how)
    last = last_day(of.table)
    known = history.as_known(of.table, last).loc[list(fold.rows)]
    plain, alive = (opens_within(fit, known, a) for a in (False, True))
    lines: dict[str, dict[str, Any]] = {i: {"proposal": i} for i in map(str, known.index)}
    for a, landmark in enumerate(LANDMARKS):
        for b, window in enumerate(WINDOWS):
            asked = question(known, last, landmark, window)
            for i in asked.index[asked["over"]]:
                n = known.index.get_loc(i)
                lines[i][f"held_{landmark}_{window}"] = round(float(plain[n, a, b]), 4)
                if landmark:
                    lines[i][f"alive_{landmark}_{window}"] = round(float(alive[n, a, b]), 4)
    parties = attending.arrays(known)
    for i, code in zip(parties["proposal"], parties["role"], strict=True):
        row, role = known.loc[i], LEVELS["role"][code]
        p = attends(fit, role, str(row["convener_type"]), str(row["conflict"])).mean()
        lines[i][f"attends_{role}"] = round(float(p), 4)
    return {"diagnostics": dict(fit.diagnostics), "predictions": list(lines.values())}
