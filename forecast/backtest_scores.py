"""What a backtest showed: stored predictions beside what happened and beside simpler forecasts.

Nothing is sampled here. The simpler forecasts know what the refit of the same fold knew:

    of its stage    the share held among its training rows of the same stage that were asked
                    the same question (still waiting at the landmark, their window over)
    of all          that share, whatever the stage
    one half        0.5

Shares are (k + 1)/(n + 2), the rule of succession, so that none is 0 or 1 and every log score
is finite. A proposal whose stage is not known gets the share of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecast import history
from forecast.calibration import SCORES, corp, mean_by_group
from forecast.fits import LEVELS
from forecast.folds import LANDMARKS, WINDOWS, Fold, as_known, last_day, left_out, question, training
from forecast.history import ROLES
from forecast.loading import seeds

SIMPLER = ("of its stage", "of all", "one half")
ATTENDED = ("of its role", "of all", "one half")
_ID = ["scheme", "fold", "proposal"]


def stored(reference_class: str) -> tuple[pd.DataFrame, str]:
    """The stored predictions of a shipped reference class, and the digest of their table.

    Returns
    -------
    DataFrame
        As from `forecast.backtest.predictions`.
    str
        `forecast.history.digest` of the table, all that it tells, when they were made.
    """
    path = seeds() / reference_class / "backtest.csv"
    with path.open(encoding="utf-8") as lines:
        digest = next(lines).split()[-1]
    return pd.read_csv(path, comment="#", dtype=dict.fromkeys(_ID, str)), digest


def write(predictions: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Store predictions as text, with the digest of their table in the first line."""
    text = predictions.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    digest = history.digest(history.as_known(table, last_day(table)))
    path.write_text(f"# made from the table {digest}\n{text}", "utf-8")


def openings(
    table: pd.DataFrame, predictions: pd.DataFrame, folds: Sequence[Fold] | None = None
) -> pd.DataFrame:
    """Every answer to "will it open within the window?", beside the outcome.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.proposals`.
    predictions : DataFrame
        From `forecast.backtest.predictions`, or `stored`.
    folds : sequence of Fold, optional
        Those of the predictions; by default those of the full backtest.

    Returns
    -------
    DataFrame
        A row for each scheme, `landmark`, `window` and `proposal` still waiting: `over`,
        whether the window had passed by the table's last day (else it is not scored);
        `happened`; `died`, whether it died in the window; `model`; `unaware`, the model told
        that it had not opened and not that it had not died; and the forecasts of `SIMPLER`.
    """
    last, out = last_day(table), []
    every = history.as_known(table, last)
    columns = ["status", "days", "first_proposed", "stage"]
    for fold in _all(table, folds):
        rows, known = _of(predictions, fold), training(table, fold)[columns]
        these = every.loc[rows.index, columns]
        for a in LANDMARKS:
            for b in WINDOWS:
                asked = question(these, last, a, b)
                at = rows.index.get_indexer(asked.index)
                past = question(known, fold.day, a, b)
                past = past[past["over"]]
                stages, held = known["stage"].reindex(past.index).to_numpy(), past["held"].to_numpy()
                all_ = _share(held)
                shares = {s: _share(held[stages == s]) for s in LEVELS["stage"]}
                out.append({
                    "scheme": fold.scheme, "fold": fold.name, "proposal": asked.index.to_numpy(),
                    "landmark": a, "window": b,
                    **{k: asked[k].to_numpy() for k in ("over", "died")},
                    "happened": asked["held"].to_numpy(),
                    "model": rows[f"{'alive' if a else 'held'}_{a}_{b}"].to_numpy()[at],
                    "unaware": rows[f"held_{a}_{b}"].to_numpy()[at],
                    "of its stage": [shares.get(s, all_) for s in these["stage"].iloc[at]],
                    "of all": all_, "one half": 0.5,
                })  # fmt: skip
    return _joined(out, every)


def attendance(
    table: pd.DataFrame, predictions: pd.DataFrame, folds: Sequence[Fold] | None = None
) -> pd.DataFrame:
    """Every answer to "will a party of this role come, if talks are held and it is invited?".

    Parameters
    ----------
    table, predictions, folds
        As in `openings`.

    Returns
    -------
    DataFrame
        A row for each scheme, proposal that was held and `role` of which it is known whether
        it came: `happened`; `model`; and the forecasts of `ATTENDED`.
    """
    every, out = history.as_known(table, last_day(table)), []
    for fold in _all(table, folds):
        rows, known = _of(predictions, fold), training(table, fold)
        past = {r: known[c][known[c].isin(["yes", "partial", "no"])] != "no" for r, c in ROLES.items()}
        all_ = _share(np.concatenate(list(past.values())))
        for role, column in ROLES.items():
            came = every.loc[rows.index, column]
            came = came[came.isin(["yes", "partial", "no"])]
            out.append({
                "scheme": fold.scheme, "fold": fold.name, "proposal": came.index.to_numpy(), "role": role,
                "over": True, "happened": (came != "no").to_numpy(),
                "model": rows[f"attends_{role}"].reindex(came.index).to_numpy(),
                "of its role": _share(past[role]), "of all": all_, "one half": 0.5,
            })  # fmt: skip
    return _joined(out, every)


def _joined(parts: list[dict[str, Any]], every: pd.DataFrame) -> pd.DataFrame:
    """Blocks one below the other, with the conflict of each proposal."""
    sizes = [len(x["proposal"]) for x in parts]
    out = pd.DataFrame({
        k: np.concatenate([np.broadcast_to(x[k], n) for x, n in zip(parts, sizes, strict=True)])
        for k in parts[0]
    })  # fmt: skip
    out.insert(3, "conflict", every["conflict"].reindex(out["proposal"]).to_numpy())
    return out


def _all(table: pd.DataFrame, folds: Sequence[Fold] | None) -> Sequence[Fold]:
    return [*left_out(table), *as_known(table)] if folds is None else folds


def _of(predictions: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    of = (predictions["scheme"] == fold.scheme) & (predictions["fold"] == fold.name)
    rows = predictions[of].set_index("proposal")
    if set(rows.index) != set(fold.rows):
        raise ValueError(f"fold {fold.name}, {fold.scheme}: the predictions are of another table; "
                         "make them anew")  # fmt: skip
    return rows


def _share(held: ArrayLike) -> float:
    held = np.asarray(held, bool)
    return (int(held.sum()) + 1) / (len(held) + 2)


def summary(
    answers: pd.DataFrame, by: Sequence[str], forecasts: Sequence[str], draws: int = 4000, seed: int = 1
) -> pd.DataFrame:
    """Mean scores, and by how much the model's are better than each other forecast's.

    Parameters
    ----------
    answers : DataFrame
        From `openings` or `attendance`.
    by : sequence of str
        Columns: a line for each of their combinations.
    forecasts : sequence of str
        Columns to compare with `model`.

    Returns
    -------
    DataFrame
        Indexed by `by`, `score` ("brier", "log") and `forecast`, the model among them: `answers`,
        `proposals`, `conflicts`, numbers; `happened`, share; `mean`, of the score, less is
        better; `skill`, 1 - model / forecast; `gain`, forecast - model, above zero if the model
        is better, with `se` and the central 90 %, `low` to `high`, by bootstrap over conflicts.
    """
    out = []
    for key, group in answers[answers["over"]].groupby(list(by), sort=False):
        y = group["happened"].to_numpy(float)
        about = dict(zip(by, key, strict=True)) | {
            "answers": len(group), "proposals": group["proposal"].nunique(),
            "conflicts": group["conflict"].nunique(), "happened": y.mean(),
        }  # fmt: skip
        for name, of in SCORES.items():
            model = of(group["model"].to_numpy(float), y)
            for other in ("model", *forecasts):
                theirs = of(group[other].to_numpy(float), y)
                gain = mean_by_group(theirs - model, group["conflict"], draws, seed)
                out.append(about | {
                    "score": name, "forecast": other, "mean": theirs.mean(),
                    "skill": 1 - model.mean() / theirs.mean(), "gain": gain.pop("mean"),
                } | gain)  # fmt: skip
    return pd.DataFrame(out).set_index([*by, "score", "forecast"])


def parts(answers: pd.DataFrame, by: Sequence[str], forecasts: Sequence[str]) -> pd.DataFrame:
    """The CORP decomposition of each forecast's mean Brier score; see `forecast.calibration`.

    Returns
    -------
    DataFrame
        Indexed by `by` and `forecast`: `mean`, `expected` (mean forecast), `happened`,
        `miscalibration`, `discrimination`, `uncertainty`.
    """
    out = []
    for key, group in answers[answers["over"]].groupby(list(by), sort=False):
        for name in forecasts:
            d = corp(group[name], group["happened"])
            out.append(dict(zip(by, key, strict=True)) | {
                "forecast": name, "mean": d.score, "expected": group[name].mean(),
                "happened": group["happened"].mean(), "miscalibration": d.miscalibration,
                "discrimination": d.discrimination, "uncertainty": d.uncertainty,
            })  # fmt: skip
    return pd.DataFrame(out).set_index([*by, "forecast"])


def bias(
    answers: pd.DataFrame, by: Sequence[str], forecasts: Sequence[str], seed: int = 1
) -> pd.DataFrame:
    """By how much more, or less, was said than happened.

    Returns
    -------
    DataFrame
        Indexed by `by` and `forecast`: `said`, the mean forecast; `happened`, the share; their
        difference `bias`, with its `se` and central 90 %, `low` to `high`, by bootstrap over
        conflicts.
    """
    out = []
    for key, group in answers[answers["over"]].groupby(list(by), sort=False):
        for name in forecasts:
            gap = mean_by_group(group[name] - group["happened"], group["conflict"], seed=seed)
            out.append(dict(zip(by, key, strict=True)) | {
                "forecast": name, "said": group[name].mean(), "happened": group["happened"].mean(),
                "bias": gap.pop("mean"),
            } | gap)  # fmt: skip
    return pd.DataFrame(out).set_index([*by, "forecast"])


def verdict(frame: pd.DataFrame) -> list[str]:
    """What a summary says in words: one sentence for each forecast that the model is compared with.

    Better or worse is said only of a difference whose interval leaves out zero.

    Parameters
    ----------
    frame : DataFrame
        From `summary`, of one group: indexed by `score` and `forecast`.
    """
    said = []
    for other in dict.fromkeys(map(str, frame.index.get_level_values("forecast"))):
        if other == "model":
            continue
        words = []
        for score in SCORES:
            row: Any = frame.loc[(score, other)]
            mine: Any = frame.loc[(score, "model"), "mean"]
            word = (
                "better" if row["low"] > 0 else "worse" if row["high"] < 0 else "not clearly different"
            )
            words.append(
                f"{word} by the {score.capitalize() if score == 'brier' else score} score, {mine:.3f} "
                f"against {row['mean']:.3f}, a gain of {_signed(row['gain'])} "
                f"({_signed(row['low'])} to {_signed(row['high'])}; skill {100 * row['skill']:+.0f} %)"
            )
        name = "0.5" if other == "one half" else f"the share {other}"
        said.append(f"Against {name} the model is {'; '.join(words)}.")
    return said


def _signed(x: float) -> str:
    return f"{np.round(x, 3) + 0.0:+.3f}"
