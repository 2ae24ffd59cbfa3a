"""What history taught, as figures: a stored fit, and what it says of a class of proposals.

A fit is made by `forecast.fitting` (which samples) and kept as text, so that an exact
forecast samples nothing. Its draws are thinned once, and all that is said of the base
rate comes from the kept ones.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from forecast.appending import write_whole

MODEL = 2
"""Version of the models of opening and attendance; a fit of another one is stale."""
HORIZON = 730
"""Days after which a proposal that has not opened counts as not held."""
LEVELS: dict[str, tuple[str, ...]] = {
    "stage": ("floated", "window", "dated"),
    "convener": (
        "state-patron-of-belligerent", "neutral-state", "regional-org", "UN", "US-led", "domestic",
    ),
    "kind": (
        "new_initiative", "follow_up_round", "relaunch", "bilateral_summit",
        "opposition_only", "states_only", "consultation",
    ),
    "role": (
        "government", "main_opposition", "tolerated_opposition", "minority_party",
        "regional_patron", "un_envoy",
    ),
}  # fmt: skip
"""Levels of the effects, in the order of the draws."""
COMPLETE = ("middle-east", "north-africa")
"""Regions taken as completely enumerated: their quiet failures were looked for on purpose.
An argument, not a measurement: what it identifies is confounded with the effect of these
conflicts on whether talks are held."""


@dataclass(frozen=True, eq=False)  # a fit is itself: what is worked out from it may be kept
class Fit:
    """Kept draws of the models of opening and attendance.

    Parameters
    ----------
    reference_class : str
    as_of : date
        Nothing that became known later is in it.
    leave_out : tuple of str
        Rows that never entered: the case's own.
    table : str
        SHA-256 of the table as known on the date.
    conflicts : tuple of str
        Levels of the effect of the conflict.
    draws : mapping of str to ndarray, each (D, ...)
        `level`, `on_stage`, `on_convener`, `on_kind`, `on_conflict`, `spread` (of the last
        three), `log_days`, `log_days_on_stage`, `sigma`, `log_sigma_on_stage`, `recorded`,
        `stage_share`; `end_log_days`, `end_log_days_on_stage`, `end_sigma`;
        `lead_log_days`, `lead_sigma`, `on_time`, `slip_log_days`, `slip_sigma`,
        `named_if_never`; `att_role`, `att_convener`, `att_conflict`, `att_spread`.
    seed : int
    diagnostics, versions : mapping
        Recorded, not compared.
    file : str
        SHA-256 of the table's file: while it is the same, the table need not be read.
    """

    reference_class: str
    as_of: dt.date
    leave_out: tuple[str, ...]
    table: str
    conflicts: tuple[str, ...]
    draws: Mapping[str, NDArray[Any]]
    seed: int = 1
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    model: int = MODEL

    @property
    def digest(self) -> str:
        """SHA-256 of what a forecast reads of it."""
        text = hashlib.sha256(f"{self.model} {self.as_of} {self.table} {self.conflicts}".encode())
        for name in sorted(self.draws):
            text.update(name.encode() + np.ascontiguousarray(self.draws[name]).tobytes())
        return text.hexdigest()

    @property
    def size(self) -> int:
        """Number of kept draws."""
        return len(self.draws["level"])


@dataclass(frozen=True)
class Curve:
    """P(held) and the time to open of one class, for each kept draw.

    Parameters
    ----------
    ever : ndarray, shape (D,)
        P(held within `HORIZON` days).
    log_days, sigma : ndarray, shape (D,)
        Of the log-normal time to open, which is cut at `HORIZON`.
    end_log_days, end_sigma : ndarray, shape (D,)
        Of the log-normal time to the end of a proposal that is never held.
    """

    ever: NDArray[Any]
    log_days: NDArray[Any]
    sigma: NDArray[Any]
    end_log_days: NDArray[Any]
    end_sigma: NDArray[Any]

    def opened_by(self, days: NDArray[Any]) -> NDArray[Any]:
        """P(opened within so many days | held by the horizon), shape (D, len(days))."""
        with np.errstate(divide="ignore"):
            logs = np.log(np.minimum(days, HORIZON))
        z = (logs - self.log_days[:, None]) / self.sigma[:, None]
        cut = (np.log(HORIZON) - self.log_days) / self.sigma
        return np.asarray(ndtr(z) / ndtr(cut)[:, None])

    def waits(self, days: NDArray[Any]) -> NDArray[Any]:
        """P(not called off, superseded or given up within so many days | never held), likewise."""
        with np.errstate(divide="ignore"):
            z = (np.log(days) - self.end_log_days[:, None]) / self.end_sigma[:, None]
        return np.asarray(ndtr(-z))


def curve(
    fit: Fit, stage: str, convener_type: str, row_type: str, conflict: str, recorded: bool = False
) -> Curve:
    """What the fit says of one class of proposals.

    Parameters
    ----------
    stage, convener_type, row_type : str
        Levels of `LEVELS`; another one has the mean effect zero and its whole spread.
    conflict : str
        A conflict that is not in the table likewise.
    recorded : bool
        Of proposals that a table like this one has recorded, in a region that is not
        completely enumerated: failures are missing there, so P(held) is higher.
    """
    d, rng = fit.draws, np.random.default_rng(fit.seed)
    logit = d["level"] + d["on_stage"][:, LEVELS["stage"].index(stage)]
    for i, (name, value, levels) in enumerate(
        (
            ("convener", convener_type, LEVELS["convener"]),
            ("kind", row_type, LEVELS["kind"]),
            ("conflict", conflict, fit.conflicts),
        )
    ):
        unseen = rng.standard_normal(fit.size) * d["spread"][:, i]
        logit = logit + (d[f"on_{name}"][:, levels.index(value)] if value in levels else unseen)
    ever = expit(logit)
    if recorded:
        ever = ever / (ever + (1 - ever) * d["recorded"])
    at = LEVELS["stage"].index(stage)
    return Curve(
        ever,
        d["log_days"] + d["log_days_on_stage"][:, at],
        d["sigma"] * np.exp(d["log_sigma_on_stage"][:, at]),
        d["end_log_days"] + d["end_log_days_on_stage"][:, at],
        d["end_sigma"],
    )


def held_by(
    fit: Fit,
    rows: pd.DataFrame,
    days: Collection[float] = (60, 120, 180, 365),
    recorded: bool = True,
) -> xr.DataArray:
    """P(a proposal has opened within so many days of being made), for any rows.

    Parameters
    ----------
    rows : DataFrame
        With `stage` (missing: averaged over), `convener_type`, `row_type`, `conflict`
        and, for `recorded`, `region`.
    days : collection of float
        Up to `HORIZON`.
    recorded : bool
        Whether the rows were written down as those of the table were, afterwards, so
        that failures are missing (the default: a table is a record). False for a
        proposal that is followed from its first day.

    Returns
    -------
    DataArray over `proposal` and `day`
        Means over the kept draws.
    """
    at = np.asarray(list(days), float)
    out = np.empty((len(rows), len(at)))
    shares = fit.draws["stage_share"]
    for i, row in enumerate(rows.itertuples()):
        missing = recorded and getattr(row, "region", None) not in COMPLETE
        about = (str(row.convener_type), str(row.row_type), str(row.conflict), missing)
        known = row.stage in LEVELS["stage"]
        stages = {str(row.stage): np.ones(fit.size)} if known else dict(
            zip(LEVELS["stage"], shares.T, strict=True)
        )  # fmt: skip
        total = np.zeros(len(at))
        for stage, weight in stages.items():
            c = curve(fit, stage, *about)
            total += ((weight * c.ever)[:, None] * c.opened_by(at)).mean(0)
        out[i] = total
    return xr.DataArray(
        out, dims=("proposal", "day"), coords={"proposal": list(rows.index), "day": at},
        name="held_by",
    )  # fmt: skip


def attendance(fit: Fit, rows: pd.DataFrame, roles: Collection[str] = LEVELS["role"]) -> xr.DataArray:
    """P(a party of a role comes | the talks are held and it was invited), for any rows.

    Parameters
    ----------
    rows : DataFrame
        With `convener_type` and `conflict`.

    Returns
    -------
    DataArray over `proposal` and `role`
    """
    out = np.array(
        [[attends(fit, r, str(x.convener_type), str(x.conflict)).mean() for r in roles]
         for x in rows.itertuples()]
    ).reshape(len(rows), len(roles))  # fmt: skip
    return xr.DataArray(
        out, dims=("proposal", "role"), coords={"proposal": list(rows.index), "role": list(roles)},
        name="attends",
    )  # fmt: skip


def attends(fit: Fit, role: str, convener_type: str, conflict: str) -> NDArray[Any]:
    """Draws of P(comes | held, invited) for a role, shape (D,)."""
    d, rng = fit.draws, np.random.default_rng(fit.seed)
    logit = d["att_role"][:, LEVELS["role"].index(role)]
    for i, (name, value, levels) in enumerate(
        (("convener", convener_type, LEVELS["convener"]), ("conflict", conflict, fit.conflicts))
    ):
        unseen = rng.standard_normal(fit.size) * d["att_spread"][:, i]
        logit = logit + (d[f"att_{name}"][:, levels.index(value)] if value in levels else unseen)
    return np.asarray(expit(logit))


# --- the file ---


def read(path: Path) -> Fit:
    """A fit from its file.

    Raises
    ------
    ValueError
        If the file is no fit, or one of another version of the models.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
        model = int(raw["model"])
    except (ValueError, KeyError, TypeError) as e:
        raise ValueError(f"{path.name}: not a stored fit; make it with: forecast fit") from e
    if model != MODEL:
        raise ValueError(f"{path.name}: stale: of model version {model}, this is {MODEL}; "
                         "make it anew with: forecast fit")  # fmt: skip
    return Fit(
        raw["reference_class"], dt.date.fromisoformat(raw["as_of"]), tuple(raw["leave_out"]),
        raw["table"], tuple(raw["conflicts"]),
        {k: np.array(v, float) for k, v in raw["draws"].items()},
        raw["seed"], raw["diagnostics"], raw["versions"], raw["file"], model,
    )  # fmt: skip


def write(fit: Fit, path: Path) -> None:
    """Write a fit as text: a line for each parameter; the whole file or nothing."""
    head = {
        "model": fit.model, "reference_class": fit.reference_class, "as_of": str(fit.as_of),
        "leave_out": list(fit.leave_out), "table": fit.table, "file": fit.file,
        "seed": fit.seed, "conflicts": list(fit.conflicts),
        "diagnostics": dict(fit.diagnostics), "versions": dict(fit.versions),
    }  # fmt: skip
    lines = [f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items()]
    draws = [
        f"    {json.dumps(k)}: {json.dumps(_short(v), separators=(',', ':'))}"
        for k, v in fit.draws.items()
    ]
    text = "{\n" + ",\n".join([*lines, '  "draws": {\n' + ",\n".join(draws) + "\n  }"]) + "\n}\n"
    write_whole(path, text.encode())


def _short(values: NDArray[Any]) -> Any:
    """Nested lists of numbers with four significant digits."""
    flat = [float(f"{x:.4g}") for x in np.ravel(values)]
    return np.array(flat).reshape(values.shape).tolist()
