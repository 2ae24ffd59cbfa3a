"""Forecasts and resolutions as tables that other people's tools read, and theirs as ours.

The columns are those of the hubverse's model output: task ids, how the output is represented, its
value; a resolution is its oracle output, with `oracle_value` for `value` [1]_.

=============== ==================================================================================
model_id        team and model, joined by a hyphen, as the hubverse adds it when it collects files
origin_date     the last day whose news the forecast knows (the as-of date)
case            name of the case (a task id)
target          what is asked, see below (a task id)
actor           whose attendance; empty for other targets (a task id)
target_end_date the day by which it is asked; the horizon where there is no deadline (a task id)
output_type     `pmf` or `cdf`
output_type_id  the category, or the day, that the value is the probability of
value           a probability, 0 to 1
=============== ==================================================================================

========== ===== =================== =============================================================
target     type  output_type_id      value
========== ===== =================== =============================================================
held       pmf   yes, no             P(opened by `target_end_date`)
opening    cdf   a deadline          P(opened on that day or earlier); the rest is later or never
attends    pmf   yes, no             P(the actor attends | held by the horizon)
attendance pmf   ids joined by `+`,  P(exactly these attend | held by the horizon); all
                 or `(none)`         combinations of the actors asked about
========== ===== =================== =============================================================

A deadline that is past on the origin date is no question any more and has no row. Days are ISO 8601.

References
----------
.. [1] Consortium of Infectious Disease Modeling Hubs, hubverse documentation, "Model output" and
   "Target (observed) data", https://docs.hubverse.io
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast import attendance
from forecast.judgement import did_you_mean
from forecast.loading import CaseError
from forecast.rules import Problem
from forecast.tables import cell
from forecast.updating import Forecast, before_reports
from forecast.wording import clean

if TYPE_CHECKING:
    from forecast.resolution import Resolution

COLUMNS = (
    "model_id", "origin_date", "case", "target", "actor", "target_end_date",
    "output_type", "output_type_id", "value",
)  # fmt: skip
TARGETS = {"held": "pmf", "opening": "cdf", "attends": "pmf", "attendance": "pmf"}
"""Target -> its output type."""
MODELS = {"probability": "forecast-tree", "prior": "forecast-base_rate"}
NOBODY = "(none)"
MOST_TOGETHER = 16
"""Most actors whose combinations are all written out."""
MAX_BYTES = 100_000_000
TOLERANCE = 1e-6
_MOST_TOLD = 20
_TASK = ["model_id", "origin_date", "case", "target", "actor", "target_end_date"]
_OPTIONAL = {"model_id": "", "case": "", "actor": ""}


def to_hub(
    f: Forecast, of: str = "probability", model_id: str | None = None, together: bool = False
) -> pd.DataFrame:
    """A forecast as a table of model output.

    Parameters
    ----------
    f : Forecast
    of : {"probability", "prior"}
        The forecast, or the base rate alone.
    model_id : str, optional
        By default forecast-tree or forecast-base_rate.
    together : bool, optional
        Also every combination of actors: 2 to the power of their number rows.

    Returns
    -------
    DataFrame
        With the columns of the module's head, values as numbers.

    Raises
    ------
    ValueError
        If `of` is unknown, or there are too many actors to write out all combinations.
    """
    if of not in MODELS:
        raise ValueError(f"of: {of!r}; expected probability or prior")
    q, name = f.case.question, model_id or MODELS[of]
    open_by = [(d, float(p)) for d, p in zip(q.deadlines, f.held[of].values, strict=True) if d > f.as_of]
    given = f.actors["given_held" if of == "probability" else of].values
    chance = dict(zip((a.id for a in f.case.actors), given.tolist(), strict=True))
    rows: list[tuple[Any, ...]] = []
    for day, p in open_by:
        rows += [("held", "", day, "pmf", "yes", p), ("held", "", day, "pmf", "no", 1 - p)]
    rows += [("opening", "", q.horizon, "cdf", day, p) for day, p in open_by]
    for actor in attendance.asked(f.case):
        p = chance[actor.id]
        rows += [("attends", actor.id, q.horizon, "pmf", "yes", p),
                 ("attends", actor.id, q.horizon, "pmf", "no", 1 - p)]  # fmt: skip
    if together:
        names = [a.id for a in attendance.asked(f.case)]
        if len(names) > MOST_TOGETHER:
            raise ValueError(f"together: {len(names)} actors have 2^{len(names)} combinations; "
                             f"at most {MOST_TOGETHER} are written out")  # fmt: skip
        comes = np.array(list(product((True, False), repeat=len(names))), bool)
        rows += [
            ("attendance", "", q.horizon, "pmf", combination(names, row), float(p))
            for row, p in zip(comes, chance_together(f, names, comes, of), strict=True)
        ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS[3:]))
    frame[["target_end_date", "output_type_id"]] = frame[["target_end_date", "output_type_id"]].astype(
        str
    )
    for i, (column, value) in enumerate(
        (("model_id", name), ("origin_date", str(f.as_of)), ("case", f.case.name))
    ):
        frame.insert(i, column, value)
    return frame


def combination(names: Sequence[str], present: Sequence[bool] | np.ndarray[Any, Any]) -> str:
    """How a combination of actors is written: the ids of those present, joined by `+`."""
    return "+".join(n for n, here in zip(names, present, strict=True) if here) or NOBODY


def chance_together(f: Forecast, names: Sequence[str], comes: Any, of: str = "probability") -> Any:
    """P(exactly these of the actors named attend | held), shape (N,), for rows of `comes`, (N, names)."""
    p = f.posterior if of == "probability" else before_reports(f.compiled, f.futures)
    by_s = attendance.patterns(
        f.compiled, f.compiled.theta, p.chance, list(names), np.asarray(comes, bool)
    )
    held = f.futures.held
    return by_s[held].T @ p.scenario[held] / p.scenario[held].sum()


def to_oracle(resolution: Resolution, case: str, horizon: dt.date) -> pd.DataFrame:
    """A resolution as a table of oracle output: what a forecast that knew it would have said.

    Parameters
    ----------
    resolution : Resolution
    case : str
        Its name.
    horizon : date
        Of its question.

    Returns
    -------
    DataFrame
        `case`, `target`, `actor`, `target_end_date`, `output_type`, `output_type_id`,
        `oracle_value` (0 or 1). Void answers have no row.
    """
    rows: list[tuple[Any, ...]] = []

    def yes_no(target: str, actor: str, day: dt.date, yes: bool) -> None:
        rows.append((case, target, actor, str(day), "pmf", "yes", int(yes)))
        rows.append((case, target, actor, str(day), "pmf", "no", int(not yes)))

    answers = sorted(resolution.by.items())
    for day, answer in answers:
        if answer != "void":
            yes_no("held", "", day, answer == "yes")
    for day, answer in answers:
        if answer != "void":
            rows.append((case, "opening", "", str(horizon), "cdf", str(day), int(answer == "yes")))
    for actor, present in resolution.present.items():
        yes_no("attends", actor, horizon, present)
    return pd.DataFrame(rows, columns=[*COLUMNS[2:-1], "oracle_value"])


def as_csv(frame: pd.DataFrame) -> str:
    """A table of model or oracle output as CSV; no cell of text can be taken for a formula."""
    safe = frame.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [cell(str(x)) for x in safe[column]]
    return safe.to_csv(index=False, lineterminator="\n")


def _plain(text: str) -> str:
    text = text.strip()
    if text.startswith("'") and cell(text[1:]) == text:  # the apostrophe of `cell`
        return text[1:]
    return "" if text == "NA" else text


def read_hub(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of model output that another tool, or this one, has written.

    Parameters
    ----------
    path : str or path
        A CSV file. Columns beyond those of the module's head are left alone. Without `model_id` the model
        is called after the file; without `case` the rows are of whatever case is scored.

    Returns
    -------
    DataFrame
        As `to_hub` gives it.

    Raises
    ------
    CaseError
        With every problem that was found, each with its line: a column that is missing, a day, a
        target or a probability that cannot be, a row twice, probabilities that do not add up.
    OSError
        If the file cannot be read.
    """
    file = Path(path)
    with file.open("rb") as whole:
        data = whole.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{file}: a table of at most {MAX_BYTES:,} bytes was expected")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        header = [h.strip() for h in reader.fieldnames or ()]
        reader.fieldnames = header
        found = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as e:
        raise ValueError(f"{file}: not UTF-8; save the file as UTF-8") from e
    except csv.Error as e:
        raise ValueError(f"{file}: not CSV: {e}") from e
    problems = [
        Problem(file.name, "header", f'no column "{c}"{did_you_mean(c, sorted(set(header) - set(COLUMNS)))}')
        for c in COLUMNS if c not in header and c not in _OPTIONAL
    ]  # fmt: skip
    if not problems and not found:
        problems = [Problem(file.name, "", "no row; expected one for each probability")]
    if not problems:
        rows = []
        for line, raw in found:
            row = _OPTIONAL | {c: _plain(raw.get(c) or "") for c in COLUMNS if c in header}
            row["model_id"] = row["model_id"] or file.stem
            rows.append(row)
            problems += [Problem(file.name, f"line {line}", m) for m in _row_problems(row)]
    if not problems:
        frame = pd.DataFrame(rows, columns=list(COLUMNS)).assign(line=[n for n, _ in found])
        frame["value"] = frame["value"].map(float)
        problems += _group_problems(file.name, frame)
    if problems:
        more = len(problems) - _MOST_TOLD
        told = problems[:_MOST_TOLD]
        raise CaseError(told + [Problem(file.name, "", f"{more} more like these")] * (more > 0))
    return frame.drop(columns="line")


def _row_problems(row: dict[str, str]) -> Iterator[str]:
    for column in ("origin_date", "target_end_date"):
        if not _is_day(row[column]):
            yield f'{column}: "{clean(row[column])}": expected a day such as 2014-12-04'
    target, of = row["target"], row["output_type_id"]
    if target not in TARGETS:
        hint = did_you_mean(target, TARGETS) or f"; the targets are {', '.join(TARGETS)}"
        yield f'target: no "{clean(target)}"{hint}'
        return
    if row["output_type"] != TARGETS[target]:
        yield f'output_type: "{clean(row["output_type"])}": expected {TARGETS[target]} for {target}'
    if target in ("held", "attends") and of not in ("yes", "no"):
        yield f'output_type_id: "{clean(of)}": expected yes or no'
    if target == "opening" and not _is_day(of):
        yield f'output_type_id: "{clean(of)}": expected a day such as 2014-12-04'
    if (target == "attends") != bool(row["actor"]):
        what = "expected the id of an actor" if target == "attends" else f"expected none for {target}"
        yield f'actor: "{clean(row["actor"])}": {what}'
    try:
        value = float(row["value"])
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        yield f'value: "{clean(row["value"])}": expected a probability from 0 to 1'


def _is_day(text: str) -> bool:
    try:
        return str(dt.date.fromisoformat(text)) == text
    except ValueError:
        return False


def _group_problems(file: str, frame: pd.DataFrame) -> Iterator[Problem]:
    key = [*_TASK, "output_type_id"]
    twice = frame.duplicated(key)
    for line in frame.loc[twice, "line"]:
        yield Problem(file, f"line {line}", "the same probability stands there twice")
    if twice.any():
        return
    for _, group in frame.groupby(_TASK, sort=False):
        line, target = group["line"].iloc[0], group["target"].iloc[0]
        total = float(group["value"].sum())
        if TARGETS[target] == "pmf" and abs(total - 1) > TOLERANCE:
            yield Problem(file, f"line {line}", f"{target}: the probabilities of all categories add up "
                          f"to 1; found {total:.6g} over {', '.join(group['output_type_id'][:3])}")  # fmt: skip
        ordered = group.sort_values("output_type_id")["value"].to_numpy()
        if TARGETS[target] == "cdf" and (np.diff(ordered) < -TOLERANCE).any():
            yield Problem(file, f"line {line}", f"{target}: the chance of having opened falls from one day "
                          "to a later one")  # fmt: skip
