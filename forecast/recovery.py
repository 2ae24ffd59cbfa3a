"""Recovery: a made-up world with planted parameters, recorded with gaps, and what is found of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from forecast import opening
from forecast.fits import LEVELS
from forecast.fitting import kept, sample

PLANTED: dict[str, Any] = {
    "level": -0.6, "on_stage": np.array([-0.5, 0.0, 0.5]), "log_days": np.log(80),
    "log_days_on_stage": np.array([0.4, 0.1, -0.5]), "sigma": 1.1, "recorded": 0.45,
    "log_sigma_on_stage": np.array([0.2, -0.3, 0.1]), "end_log_days_on_stage": np.array([0.2, 0.1, -0.3]),
    "stage_share": np.array([0.5, 0.3, 0.2]), "end_log_days": np.log(100), "end_sigma": 0.9,
    "lead_log_days": np.log(12), "lead_sigma": 0.8, "on_time": 0.4,
    "slip_log_days": np.log(20), "slip_sigma": 1.0, "named_if_never": 0.3,
}  # fmt: skip
"""Parameters of a made-up world, for `recover`; its effects have a spread of 0.5."""


def world(seed: int = 1, size: int = 420, conflicts: int = 16) -> dict[str, Any]:
    """Rows of a made-up world as somebody recorded them, in the form of `opening.arrays`.

    In it every proposal is made and has its fate before anything is written down; then those
    that come to nothing are forgotten with chance 1 - `recorded`, in the half of the conflicts
    that are not completely enumerated. That is not how `opening.simulate` makes recorded rows.
    """
    rng = np.random.default_rng(seed)
    levels = {"convener": 6, "kind": 7, "conflict": conflicts}
    truth = PLANTED | {f"on_{k}": rng.normal(0, 0.5, n) for k, n in levels.items()}
    rows: dict[str, Any] = {k: rng.integers(0, n, size) for k, n in levels.items()}
    complete = rows["conflict"] < conflicts // 2
    stage = rng.choice(3, size, p=PLANTED["stage_share"])
    held = rng.random(size) < opening.chance(truth, rows, stage)
    status, days = opening.fate(truth, stage, held, rng.uniform(20, 3000, size), rng)
    lead = rng.lognormal(PLANTED["lead_log_days"], PLANTED["lead_sigma"], size)
    slip = rng.lognormal(PLANTED["slip_log_days"], PLANTED["slip_sigma"], size)
    slip = np.where(rng.random(size) < PLANTED["on_time"], 0.0, slip)
    named = (rng.random(size) < PLANTED["named_if_never"]).astype(int)
    rows |= {
        "complete": complete,
        "status": status,
        "days": days,
        "stage": np.where(rng.random(size) < 0.1, -1, stage),
        "lead": np.where(stage == 2, lead, 0.0),
        "slip": np.where((stage == 2) & (status == opening.HELD), slip, -1.0),
        "named": np.where((stage == 0) & (status == opening.DEAD), named, -1),
    }
    written = held | complete | (rng.random(size) < PLANTED["recorded"])
    names = [f"conflict {i}" for i in range(conflicts)]
    return {k: v[written] for k, v in rows.items()} | {"conflicts": names}


def recover(seed: int = 1) -> pd.DataFrame:
    """Planted parameters, and what the model of opening finds of them in a recorded table.

    Returns
    -------
    DataFrame
        By parameter: `planted`; `mean`, `sd`, `low` and `high`, the central 95 %, of its
        posterior; `within`.
    """
    # shares of stages are planted among all proposals, and found among the recorded ones
    truth = {k: v for k, v in PLANTED.items() if k != "stage_share"}
    tree = sample(opening.build(world(seed)), seed=seed, accept=(0.9, opening.TARGET_ACCEPT))
    found = kept(tree, tuple(truth), 4000)
    truth["ever_held"] = expit(truth["level"] + truth["on_stage"])
    found["ever_held"] = expit(found["level"][:, None] + found["on_stage"])
    lines = {}
    for name, value in truth.items():
        for i, planted in enumerate(np.atleast_1d(value)):
            x = found[name].reshape(len(found["level"]), -1)[:, i]
            label = f"{name}[{LEVELS['stage'][i]}]" if np.ndim(value) else name
            low, high = np.quantile(x, [0.025, 0.975])
            lines[label] = {"planted": planted, "mean": x.mean(), "sd": x.std(), "low": low,
                            "high": high, "within": low <= planted <= high}  # fmt: skip
    return pd.DataFrame(lines).T.infer_objects()
