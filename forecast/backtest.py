"""A backtest in many refits, of which a killed run loses none that was finished.

Every finished fold is a file, written whole or not at all and named by a digest of all that it
was made from; a fold whose file is there is not made again. The refits themselves, which
sample, are made by `forecast.refits`; what came of them is read by `forecast.backtest_scores`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from forecast import history
from forecast.appending import write_whole
from forecast.fits import LEVELS, MODEL
from forecast.folds import LANDMARKS, WINDOWS, Fold, last_day
from forecast.many import each


@dataclass(frozen=True)
class Sampling:
    """How each refit is sampled: `chains` of `draws` after `tune`."""

    draws: int = 500
    tune: int = 400
    chains: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Design:
    """A table of proposals, equal to another if what the models read is."""

    digest: str
    table: pd.DataFrame = field(compare=False, repr=False)


Work = Callable[[Design, Fold, Sampling], dict[str, Any]]


def design(table: pd.DataFrame) -> Design:
    """The design of a table from `forecast.history.proposals`."""
    return Design(history.digest(history.as_known(table, last_day(table))), table)


def predict(of: Design, fold: Fold, how: Sampling) -> dict[str, Any]:
    """See `forecast.refits.predict`."""
    from forecast import refits  # heavy, and needed where the work is done

    return refits.predict(of, fold, how)


def run(
    table: pd.DataFrame,
    folds: Sequence[Fold],
    folder: Path,
    *,
    jobs: int = 2,
    dask: str | None = None,
    how: Sampling = Sampling(),
    work: Work = predict,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Do all folds that are not done yet, and give the results of all.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.proposals`.
    folds : sequence of Fold
    folder : path
        Of the finished folds; what lies there from another table, fold, setting or version of
        the models is left alone and not read.
    jobs, dask
        As in `forecast.many.each`; workers of a cluster share the folder.
    work : callable
        What is done with a fold; its result must be fit for JSON.
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    list of dict
        In the order of `folds`: `scheme`, `fold`, `day`, `seconds` of processor time, and what `work`
        gives.
    """
    of = design(table)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / _name(of, fold, how) for fold in folds]
    todo = [(fold, path) for fold, path in zip(folds, paths, strict=True) if not path.exists()]
    # on standard error, so that results can be piped
    bar = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn(),
                   console=Console(stderr=True), disable=not progress)  # fmt: skip
    with bar:
        task = bar.add_task("Refits", total=len(folds), completed=len(folds) - len(todo))
        for _ in each(partial(_finish, work, of, how), todo, jobs=jobs, dask=dask):
            bar.advance(task)
    return [json.loads(path.read_text("utf-8")) for path in paths]


def _name(of: Design, fold: Fold, how: Sampling) -> str:
    made_from = json.dumps(
        [MODEL, LANDMARKS, WINDOWS, of.digest, asdict(fold), asdict(how)], default=str
    )
    digest = hashlib.sha256(made_from.encode()).hexdigest()
    return f"{fold.scheme.replace(' ', '_')}-{fold.name}-{digest[:16]}.json"


def _finish(work: Work, of: Design, how: Sampling, task: tuple[Fold, Path]) -> None:
    fold, path = task
    # the worker writes, so that what it has finished is kept even if nobody is there to take it
    begin = time.process_time()
    about = {"scheme": fold.scheme, "fold": fold.name, "day": str(fold.day)}
    result: dict[str, Any] = about | work(of, fold, how)
    result["seconds"] = round(time.process_time() - begin, 1)
    write_whole(path, json.dumps(result).encode())


def predictions(results: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The predictions of all folds, a row for each scheme and proposal; see `predict`."""
    frames = [pd.DataFrame(r["predictions"]).assign(scheme=r["scheme"], fold=r["fold"]) for r in results]
    columns = ["scheme", "fold", "proposal"]
    columns += [f"held_{a}_{b}" for a in LANDMARKS for b in WINDOWS]
    columns += [f"alive_{a}_{b}" for a in LANDMARKS if a for b in WINDOWS]
    columns += [f"attends_{role}" for role in LEVELS["role"]]
    return pd.concat(frames).reindex(columns=columns).reset_index(drop=True)
