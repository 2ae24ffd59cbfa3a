"""What a fit says of one class of proposals after another, and what a forecast makes of each.

Tables for notebooks and reports; all from kept draws, nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecast.case import Case
from forecast.fits import HORIZON, LEVELS, Fit, attends, curve
from forecast.history import ROLES
from forecast.parts import BaseRate
from forecast.updating import update

COLUMNS = {"stage": "stage", "convener": "convener_type", "kind": "row_type", "conflict": "conflict"}
"""Dimension of a class -> column of the table, and key of a case's `[base_rate]`."""
ANOTHER = "(another)"
"""A conflict that the table does not know: its effect is drawn from the spread of all."""


def base_rates(fit: Fit, table: pd.DataFrame, base: BaseRate) -> pd.DataFrame:
    """P(held) and the time to open, by class: one dimension is changed, the others stay.

    Parameters
    ----------
    fit : Fit
    table : DataFrame
        As known on the day of the fit: for the counts beside.
    base : BaseRate
        The class that the others are compared with.

    Returns
    -------
    DataFrame
        Indexed by `dimension` and `level`: `rows` and `held`, of all recorded rows of that
        level whatever the rest of their class; `probability`, P(held within
        `forecast.fits.HORIZON` days) for the class that differs from `base` in that alone,
        with its central 90 % `low`, `high`; `median_days` to open, if held; and `chosen`,
        whether it is the level of `base`.

    Raises
    ------
    ValueError
        If the base rate names no class.
    """
    chosen = {key: getattr(base, key) for key in COLUMNS.values()}
    if not base.reference_class:
        raise ValueError("this base rate was elicited: it names no class of proposals")
    levels = {k: LEVELS[k] for k in ("stage", "convener", "kind")}
    levels["conflict"] = tuple(dict.fromkeys((str(base.conflict), ANOTHER)))
    days = np.arange(1.0, HORIZON + 1)
    out = []
    for dimension, column in COLUMNS.items():
        for level in levels[dimension]:
            c = curve(fit, **(chosen | {column: level}))
            alike = table[column] == level
            low, high = np.quantile(c.ever, (0.05, 0.95))
            out.append({
                "dimension": dimension, "level": level,
                "rows": int(alike.sum()), "held": int((alike & table["held"]).sum()),
                "probability": float(c.ever.mean()), "low": float(low), "high": float(high),
                "median_days": float(days[np.searchsorted(c.opened_by(days).mean(0), 0.5)]),
                "chosen": level == chosen[column],
            })  # fmt: skip
    return pd.DataFrame(out).set_index(["dimension", "level"])


def under(case: Case, classes: Mapping[str, BaseRate]) -> pd.DataFrame:
    """The forecast of a case, had its base rate come from another class.

    Parameters
    ----------
    case : Case
        With its fit, if a class is learned.
    classes : mapping of str to BaseRate
        By the name to show.

    Returns
    -------
    DataFrame
        Indexed by `class` and `deadline`: `prior`, with all that is known of dates and
        without any event, and `probability`, P(held by the deadline).
    """
    parts = {}
    for name, base in classes.items():
        held = update(case.model_copy(update={"base_rate": base}), draws=0).held
        parts[name] = held[["prior", "probability"]].to_dataframe()
    return pd.concat(parts, names=["class"])[["prior", "probability"]]


def attendance(fit: Fit, table: pd.DataFrame, base: BaseRate) -> pd.DataFrame:
    """How often invited parties of each role came to talks that were held.

    Parameters
    ----------
    fit : Fit
    table : DataFrame
        As known on the day of the fit.
    base : BaseRate
        Whose convener and conflict it is for; with an elicited one, for those of none.

    Returns
    -------
    DataFrame
        Indexed by `role`: `yes`, `partial`, `no`, recorded in the whole table; `probability`
        with its central 90 % `low`, `high`; and `says_refusals`, False for a column in which
        nobody ever stayed away: its rate near one is a habit of the record.
    """
    out = []
    for role, column in ROLES.items():
        p = attends(fit, role, base.convener_type or "", base.conflict or "")
        counts = {k: int((table[column] == k).sum()) for k in ("yes", "partial", "no")}
        low, high = np.quantile(p, (0.05, 0.95))
        out.append({"role": role} | counts | {
            "probability": float(p.mean()), "low": float(low), "high": float(high),
            "says_refusals": counts["no"] > 0,
        })  # fmt: skip
    return pd.DataFrame(out).set_index("role")
