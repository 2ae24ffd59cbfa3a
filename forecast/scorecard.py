"""The scores of a case for reading: on the terminal, as JSON, as CSV."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast import hub, terminal
from forecast.case import Case
from forecast.hindsight import headline, lessons, post_mortem
from forecast.scoring import NAMES, last_day, resolved, score, score_table, summary, through_time
from forecast.tables import percent

if TYPE_CHECKING:
    from forecast.resolution import Resolution

TOLD = 6
"""Events that a table names at each end."""
DATES = 12
"""Most dates that a table of the scores through time has."""
Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
MEANS = {
    "held_brier": "Brier, mean of the deadlines",
    "held_log": "log, mean of the deadlines",
    "rps": "ranked probability score of the opening",
    "opening_log": "log of the period of opening",
    "attends_brier": "Brier, mean of the actors",
    "attends_log": "log, mean of the actors",
    "attendance_log": "log of all actors together",
}
"""Columns of `scoring.summary`, in words."""


def as_text(
    case: Case,
    as_of: dt.date | None = None,
    table: Path | None = None,
    form: str = "tables",
) -> str:
    """What `forecast score` prints.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    table : path, optional
        A table of model output: its forecasts are scored, the case's own on the same dates beside them.
    form : {"tables", "json", "csv", "oracle"}
        "csv" has a row for each question; "oracle" is the resolution itself.
    """
    r = resolved(case)
    if form == "oracle":
        return hub.as_csv(hub.to_oracle(r, case.name, case.question.horizon))
    if table is None:
        if form == "json":
            return terminal.plain_json(record(case, r, as_of)) + "\n"
        if form == "csv":
            return hub.as_csv(score(case, r, as_of).rename(columns={"by": "target_end_date"}))
        opened = f"opened on {r.opened}" if r.opened else "never opened"
        title = f"{case.question.title}, as of {as_of or case.question.as_of}: {opened}"
        return terminal.as_text(title, sections(case, r, as_of), left=("why",), width=140)
    scores = beside(case, score_table(hub.read_hub(table), r, case.name), r)
    if form == "json":
        return terminal.plain_json({"case": case.name, "scores": _plain(scores)}) + "\n"
    if form == "csv":
        return hub.as_csv(scores.rename(columns={"by": "target_end_date"}))
    return terminal.as_text(case.question.title, table_sections(scores), width=140)


def record(
    case: Case, resolution: Resolution | None = None, as_of: dt.date | None = None
) -> dict[str, Any]:
    """All scores of a case, in plain numbers: what `forecast score --json` prints.

    Returns
    -------
    dict
        `case`, `digest`, `as_of`, `opened`, `void` (questions left out, with the reason), `scores` (a row
        for each question and model), `means`, `through_time` (the same on each date of the replay) and
        `post_mortem` (of the headline; `lessons` of all questions).
    """
    from forecast import __version__

    r = resolved(case, resolution)
    as_of = as_of or case.question.as_of
    scores, day = score(case, r, as_of), headline(case, r, as_of)
    known = case.as_known(as_of)
    held = post_mortem(case, r, as_of, day) if day else pd.DataFrame()
    return {
        "case": case.name,
        "digest": known.digest,
        "as_of": str(as_of),
        "version": __version__,
        "opened": str(r.opened) if r.opened else None,
        "log_base": "e",
        "void": dict(void(r)),
        "scores": _plain(scores),
        "means": _plain(summary(scores).reset_index()),
        "through_time": _plain(summary(through_time(case, r)).reset_index()),
        "post_mortem": {
            "deadline": str(day) if day else None,
            **{k: held.attrs.get(k) for k in ("answer", "before", "after", "log_before", "log_after")},
            "events": _plain(held[["toward", "log_gain"]].reset_index()) if day else [],
        },
        "lessons": _plain(lessons(case, r, as_of).rename_axis("event").reset_index()),
    }


def void(resolution: Resolution) -> list[tuple[str, str]]:
    """Questions that are void, each with its reason."""
    answers: list[tuple[str, Any]] = [(str(d.by), d) for d in resolution.deadlines]
    answers += [(a.id, a) for a in resolution.actors]
    return [(name, a.why) for name, a in answers if a.answer == "void"]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    def cell(x: Any) -> Any:
        x = x.item() if isinstance(x, np.generic) else x
        return None if isinstance(x, float) and not np.isfinite(x) else x

    rows = frame.to_dict("records")
    return [{str(k): cell(v) for k, v in row.items()} for row in rows]


def sections(
    case: Case, resolution: Resolution | None = None, as_of: dt.date | None = None
) -> list[Section]:
    """Title, header and rows of the tables that `forecast score` shows."""
    r = resolved(case, resolution)
    as_of = as_of or case.question.as_of
    scores = score(case, r, as_of)
    models = list(NAMES)
    names = {a.id: a.name for a in case.actors}
    out: list[Section] = []
    for target, key, title in (
        ("held", "by", "Opened by"), ("attends", "actor", "Took part, if it was held")
    ):  # fmt: skip
        some = scores[scores["target"] == target]
        if some.empty:
            continue
        wide = some.set_index([key, "model_id"])[["probability", "brier", "log"]]
        own = some[some["model_id"] == models[0]]
        header = (
            "",
            "answer",
            *(f"{w}: {NAMES[m]}" for w in ("chance", "Brier", "log") for m in models[:2]),
        )
        rows = [
            (names.get(name, name), answer,
             *(percent(float(wide.loc[(name, m), "probability"])) for m in models[:2]),
             *(_three(wide.loc[(name, m), k]) for k in ("brier", "log") for m in models[:2]))
            for name, answer in own[[key, "answer"]].itertuples(index=False)
        ]  # fmt: skip
        out.append((title, header, rows))
    means = summary(scores).droplevel("origin_date")
    out.append((
        "Together (0 is perfect; log in nats)", ("", *NAMES.values()),
        [(label, *(_three(means.loc[m, k]) for m in models)) for k, label in MEANS.items()
         if means[k].notna().any()],
    ))  # fmt: skip
    path = summary(through_time(case, r)).loc[models[0]]
    keys = [
        k for k in ("rps", "opening_log", "attends_brier", "attendance_log") if path[k].notna().any()
    ]
    at = np.unique(np.linspace(0, len(path) - 1, min(DATES, len(path))).round().astype(int))
    days = path.iloc[at]
    out.append((
        "Through time, by the news that the case holds of each day", ("as of", *(MEANS[k] for k in keys)),
        [(str(day), *(_three(days.loc[day, k]) for k in keys)) for day in days.index],
    ))  # fmt: skip
    if day := headline(case, r, as_of):
        frame = post_mortem(case, r, as_of, day)
        title = f"What led the right way and what misled: opened by {day} ({frame.attrs['answer']})"
        header = ("event", "points towards what happened", "log score gained")
        out.append((title, header, _ends(frame, ("toward", "log_gain"))))
    total = lessons(case, r, as_of)
    if len(total.columns) > 2:
        title = "The same over the meeting and every actor"
        out.append((title, ("event", "log score gained"), _ends(total, ("all",))))
    if left := void(r):
        out.append(("Void: not scored", ("", "why"), [(names.get(n, n), why) for n, why in left]))
    return out


def table_sections(scores: pd.DataFrame) -> list[Section]:
    """The means of the scores of any models, a row for each model and date."""
    means = summary(scores)
    keys = [k for k in MEANS if means[k].notna().any()]
    header = ("model", "as of", *(MEANS[k] for k in keys), "deadlines", "actors")
    rows = [
        (*map(str, at), *(_three(getattr(row, k)) for k in keys), f"{row.deadlines:.0f}", f"{row.actors:.0f}")
        for at, row in zip(means.index.to_list(), means.itertuples(index=False), strict=True)
    ]  # fmt: skip
    return [("Scores (0 is perfect; log in nats)", header, rows)]


def beside(case: Case, scores: pd.DataFrame, resolution: Resolution | None = None) -> pd.DataFrame:
    """Scores of other models' tables with those of the case's own forecast on the same dates."""
    r = resolved(case, resolution)
    days = [dt.date.fromisoformat(d) for d in dict.fromkeys(scores["origin_date"])]
    days = [d for d in days if case.question.proposed <= d <= last_day(case, r)]
    if not days:
        return scores
    own = through_time(case, r, days)
    return pd.concat([scores, own[~own["model_id"].isin(set(scores["model_id"]))]], ignore_index=True)


def _ends(frame: pd.DataFrame, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The best and the worst rows; between them one line for the others."""
    shown = len(frame) > 2 * TOLD + 1
    top, rest, bottom = (
        (frame[:TOLD], frame[TOLD:-TOLD], frame[-TOLD:]) if shown else (frame, frame[:0], frame[:0])
    )

    def cells(name: str, row: pd.Series) -> tuple[str, ...]:
        return (name, *(f"{100 * row[k]:+.1f}" if k == "toward" else f"{row[k]:+.3f}" for k in columns))

    rows = [cells(str(name), row) for name, row in top.iterrows()]
    if shown:
        rows.append(cells(f"{len(rest)} others", rest.sum()))
    rows += [cells(str(name), row) for name, row in bottom.iterrows()]
    return [*rows, cells("all", frame.sum())]


def _three(x: Any) -> str:
    return f"{x:.3f}" if np.isfinite(x) else ("inf" if np.isinf(x) else "-")
