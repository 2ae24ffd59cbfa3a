"""The model of attendance: who of those invited comes, once talks are held.

For a party of a role, invited to talks that a convener of some type holds in a conflict::

    P(comes)   logit q = att_role + att_convener + att_conflict

`yes` and `partial` (individuals, sidelines, observers) are coming; who was not invited, and
what is not known, is left out. Convener and conflict are partially pooled: most have a row or
two, and borrow from each other.

**Selected on held.** Who came is known where talks were held. A refusal that stopped the talks
is a proposal that was never held, not an absence: these rates are of parties to talks that
could do without them, or got them. They are P(comes | held, invited) and nothing else.

**No refusals.** The table has roles of which nobody ever stayed away (`without_refusals`). A
column like that says that refusals are few, or that nobody wrote them down, and cannot say
which. How near to 1 its rate comes rests on the prior.

Priors, and why:

============ ================= ===========================================================
att_role     Normal(1.5, 2)    who is invited and has talks held comes more often than not,
                               and some roles nearly always: .82, from .14 to .99
att_spread   HalfNormal(0.7)   conveners and conflicts differ by odds of 2 or so
============ ================= ===========================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecast import sampling  # noqa: F401  # sets PyTensor's flags
from forecast.fits import LEVELS
from forecast.history import ROLES

import pymc as pm  # isort: skip  # after `sampling`
import pytensor.tensor as pt  # isort: skip

EFFECTS = ("convener", "conflict")
"""Partially pooled effects, in the order of `att_spread`."""
CAME = ("yes", "partial")


def arrays(table: pd.DataFrame, conflicts: Collection[str] | None = None) -> dict[str, Any]:
    """Who came, one entry for each of the parties that were invited to talks that were held.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.as_known`.
    conflicts : collection of str, optional
        Levels of the effect of the conflict; by default those of the table.

    Returns
    -------
    dict
        `came`, of bool; `role`, `convener`, `conflict`, as codes; `conflicts`, the names;
        `proposal`, the row of the table.
    """
    names = sorted(table["conflict"].unique()) if conflicts is None else list(conflicts)
    held = table[table["status"] == "held"]
    parts = []
    for i, column in enumerate(ROLES[r] for r in LEVELS["role"]):
        asked = held[held[column].isin([*CAME, "no"])]
        parts.append(pd.DataFrame({
            "came": asked[column].isin(CAME),
            "role": i,
            "convener": asked["convener_type"].map(LEVELS["convener"].index),
            "conflict": asked["conflict"].map(names.index),
        }))  # fmt: skip
    every = pd.concat(parts)
    codes = {k: every[k].to_numpy(int) for k in ("role", "convener", "conflict")}
    return {"came": every["came"].to_numpy(bool), "conflicts": names,
            "proposal": every.index.to_numpy()} | codes  # fmt: skip


def without_refusals(table: pd.DataFrame) -> tuple[str, ...]:
    """Roles of which no party that was invited stayed away, as known in the table."""
    rows = arrays(table)
    stayed = set(rows["role"][~rows["came"]])
    return tuple(r for i, r in enumerate(LEVELS["role"]) if i not in stayed)


def model(table: pd.DataFrame, conflicts: Collection[str] | None = None) -> pm.Model:
    """The model of attendance of a table as known on a date.

    Parameters
    ----------
    table, conflicts
        As in `arrays`.

    Returns
    -------
    pymc.Model
        `log_likelihood_came` has the log likelihood of each party.
    """
    return build(arrays(table, conflicts))


def build(rows: Mapping[str, Any], weighted: bool = False) -> pm.Model:
    """The model of rows in the form of `arrays`; see `model`.

    Parameters
    ----------
    weighted : bool
        With data that can be replaced, `row_weight`: how much each party counts, 0 for not at all.
    """
    coords = {k: LEVELS[k] for k in ("role", "convener")}
    coords |= {"conflict": tuple(rows["conflicts"]), "att_effect": EFFECTS}
    with pm.Model(coords=coords) as m:
        logit = pm.Normal("att_role", 1.5, 2, dims="role")[rows["role"]]
        spread = pm.HalfNormal("att_spread", 0.7, dims="att_effect")
        for i, name in enumerate(EFFECTS):
            z = pm.Normal(f"att_{name}_z", 0, 1, dims=name)
            logit = logit + pm.Deterministic(f"att_{name}", z * spread[i], dims=name)[rows[name]]
        log_p = -pt.softplus(np.where(rows["came"], -1, 1) * logit)
        if weighted:
            log_p = log_p * pm.Data("row_weight", np.ones(len(rows["came"])))
        pm.Potential("came_seen", pm.Deterministic("log_likelihood_came", log_p).sum())
    return m
