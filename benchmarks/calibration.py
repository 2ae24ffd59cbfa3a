"""Simulation-based calibration of the model of opening: `python -m benchmarks.calibration [N]`.

N times (100) parameters are drawn from the prior, a table of the shipped one's design is drawn
from them, as known on a day, and the model is fitted to it. If model, simulation and sampler are
one, the rank of each true parameter among its posterior draws is uniform. Prints a table, and
ends with status 1 if a rank is not. With a file name as second argument the table is kept.

Talts et al. 2018, Validating Bayesian inference algorithms with simulation-based calibration.
https://arxiv.org/abs/1804.06788
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import chisquare

from forecast import fitting, history, opening, sampling

import nutpie  # isort: skip  # after `sampling`, which sets PyTensor's flags
import arviz as az  # isort: skip

AS_OF = dt.date(2014, 11, 11)
LEAVE_OUT = ("syr-2015-moscow-1",)
CHAINS, TUNE, DRAWS, RANKED = 2, 300, 400, 99
BINS = 10
LEVEL = 0.01
"""Chance that a calibrated model fails, over all quantities together (Bonferroni)."""
QUANTITIES = (
    "level", "on_stage[floated]", "on_stage[dated]", "spread[convener]", "spread[kind]",
    "spread[conflict]", "recorded", "log_days", "log_days_on_stage[dated]", "sigma",
    "log_sigma_on_stage[window]", "stage_share[floated]", "end_log_days",
    "end_log_days_on_stage[dated]", "end_sigma", "lead_log_days", "lead_sigma", "on_time",
    "slip_log_days", "slip_sigma", "named_if_never", "P(held) of a class",
)  # fmt: skip


def quantities(x: dict[str, Any], conflict: int) -> np.ndarray:
    """The values of `QUANTITIES` for draws of the parameters, shape (D, Q)."""
    at = {"floated": 0, "window": 1, "dated": 2, "convener": 0, "kind": 1, "conflict": 2}
    out = []
    for name in QUANTITIES[:-1]:
        base, _, of = name.rstrip("]").partition("[")
        out.append(x[base][:, at[of]] if of else x[base])
    # floated, by a patron, a new initiative: the first levels
    logit = x["level"] + x["on_stage"][:, 0] + x["on_convener"][:, 0] + x["on_kind"][:, 0]
    return np.stack([*out, expit(logit + x["on_conflict"][:, conflict])], axis=1)


def main(n: int = 100, file: str | None = None) -> int:
    table = history.as_known(history.proposals("peace_talks"), AS_OF, LEAVE_OUT)
    rows = opening.arrays(table)
    age = (np.datetime64(AS_OF) - table["first_proposed"].to_numpy()) / np.timedelta64(1, "D")
    conflict = rows["conflicts"].index("Syria")
    model = opening.build(rows)
    prior = fitting.prior_draws(model, n, seed=1)
    truth = quantities(prior, conflict)
    rng = np.random.default_rng(1)
    begin = time.perf_counter()
    with sampling._reproducible():
        compiled = nutpie.compile_pymc_model(model)
    ranks, ess, diverged = [], [], 0
    for i in range(n):
        made = opening.simulate(rows, {k: v[i] for k, v in prior.items()}, age, rng)
        data = compiled.with_data(**{f"row_{k}": made[k] for k in opening.DATA})
        tree = nutpie.sample(data, draws=DRAWS, tune=TUNE, chains=CHAINS, seed=i, progress_bar=False,
                             target_accept=0.9, save_warmup=False)  # fmt: skip
        posterior = tree["posterior"].to_dataset().transpose("chain", "draw", ...)
        flat = {k: v.to_numpy().reshape(CHAINS * DRAWS, *v.shape[2:]) for k, v in posterior.items()}
        found = quantities(flat, conflict)
        ess.append([az.ess(x.reshape(CHAINS, DRAWS)) for x in found.T])
        diverged += int(tree["sample_stats"]["diverging"].sum())
        thin = found[np.linspace(0, len(found) - 1, RANKED).round().astype(int)]
        ranks.append((thin < truth[i]).sum(0))
        if sys.stderr.isatty() or i % 10 == 9:
            print(f"{i + 1} of {n}, {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    text, good = report(np.array(ranks), np.array(ess), diverged, time.perf_counter() - begin)
    print(text)
    if file:
        Path(file).write_text(text + "\n", "utf-8")
    return 0 if good else 1


def report(ranks: np.ndarray, ess: np.ndarray, diverged: int, seconds: float) -> tuple[str, bool]:
    """The table of the ranks of N fits, shape (N, Q), and whether all are uniform."""
    n = len(ranks)
    lines = [
        f"Simulation-based calibration of the model of opening, {dt.date.today()}",
        f"{n} refits of the table's design as known on {AS_OF}; {CHAINS} chains of {DRAWS} draws, "
        f"ranks among {RANKED}",
        ", ".join(
            f"{p} {importlib.metadata.version(p)}" for p in ("pymc", "nutpie", "pytensor", "numpy")
        )
        + f"; {seconds / 60:.0f} minutes on {os.cpu_count()} cores; {diverged} divergences in "
        f"{n * CHAINS * DRAWS} draws",
        "",
        f"{'quantity':26}{'mean rank':>10}{'in 90 %':>9}{'chi2':>7}{'p':>8}{'ESS 5 %':>9}   ranks in tenths",
    ]
    least = 1.0
    for name, rank, size in zip(QUANTITIES, ranks.T, ess.T, strict=True):
        counts = np.bincount(rank * BINS // (RANKED + 1), minlength=BINS)
        chi2, p = chisquare(counts)
        least = min(least, p)
        inside = np.mean((rank >= 5) & (rank < 95))
        lines.append(f"{name:26}{rank.mean() / RANKED:10.2f}{inside:9.2f}{chi2:7.1f}{p:8.3f}"
                     f"{np.quantile(size, 0.05):9.0f}   {' '.join(f'{c:2d}' for c in counts)}")  # fmt: skip
    good = least > LEVEL / len(QUANTITIES)
    lines += ["", f"Uniform: smallest p {least:.4f}, {'above' if good else 'NOT above'} "
              f"{LEVEL} / {len(QUANTITIES)} = {LEVEL / len(QUANTITIES):.4f} (chi-square with {BINS} bins, "
              "Bonferroni)."]  # fmt: skip
    return "\n".join(lines), good


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, *sys.argv[2:3]))
