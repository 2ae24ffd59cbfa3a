"""A fit with round numbers, for cases that learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from enumeration import PROPOSED

from forecast.case import Case
from forecast.fits import LEVELS, Fit
from forecast.parts import BaseRate

CLASS = BaseRate(reference_class="peace_talks", stage="floated", convener_type="UN",
                 conflict="Somewhere", why="x")  # fmt: skip


def toy_fit(**draws: Any) -> Fit:
    """Four kept draws; `draws` in place of some."""
    spread = np.linspace(-0.3, 0.3, 4)
    plain = {
        "level": spread, "on_stage": np.zeros((4, 3)), "on_convener": np.zeros((4, 6)),
        "on_kind": np.zeros((4, 7)), "on_conflict": np.zeros((4, 1)), "spread": np.zeros((4, 3)),
        "log_days": 4 + spread[::-1], "log_days_on_stage": np.zeros((4, 3)),
        "sigma": np.linspace(0.8, 1.1, 4), "log_sigma_on_stage": np.full((4, 3), [0.1, -0.2, 0.1]),
        "recorded": np.full(4, 0.5), "end_log_days": np.log(90) + spread,
        "end_log_days_on_stage": np.full((4, 3), [0.2, 0.1, -0.3]), "end_sigma": np.full(4, 1.2),
        "stage_share": np.full((4, 3), 1 / 3), "lead_log_days": np.log(20) + spread,
        "lead_sigma": np.full(4, 0.8), "on_time": np.full(4, 0.6),
        "slip_log_days": np.log(15) + spread, "slip_sigma": np.full(4, 1.0),
        "named_if_never": np.full(4, 0.4), "att_role": np.zeros((4, len(LEVELS["role"]))),
        "att_convener": np.zeros((4, 6)), "att_conflict": np.zeros((4, 1)),
        "att_spread": np.zeros((4, 2)),
    }  # fmt: skip
    return Fit("peace_talks", PROPOSED, (), "", ("Somewhere",), plain | draws)


def learned(case: Case, fit: Fit, base: BaseRate = CLASS) -> Case:
    """The case with its base rate from the fit."""
    return case.model_copy(update={"base_rate": base, "fit": fit})
