"""What changed between two forecasts, and which change did how much.

Either is a version of a case, or a line of a log (`forecast.logbook`). Their probabilities can
always be set side by side; the causes are found where both cases are at hand, as they were.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import logbook
from forecast.attributing import PAIRS, attribute
from forecast.case import Case
from forecast.changes import compare, not_comparable
from forecast.flattening import texts_changed
from forecast.loading import load
from forecast.tables import percent
from forecast.updating import Forecast, opened_by, update
from forecast.wording import clean

_SUM = 1e-9
Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Side:
    """One of the two forecasts.

    Parameters
    ----------
    name : str
        As it was asked for.
    record : mapping
        Its numbers, as `Forecast.to_dict` or the log gives them, with the `headline`.
    forecast : Forecast, or None
        Made now, from its case; none if that is not at hand.
    missing : str
        Why its case is not at hand, or nothing.
    """

    name: str
    record: Mapping[str, Any]
    forecast: Forecast | None
    missing: str = ""

    @property
    def as_of(self) -> str:
        return str(self.record["as_of"])

    def told(self, day: dt.date) -> float | None:
        """P(held by a day) as it was said, if it was."""
        return {h["by"]: h["probability"] for h in self.record["held"]}.get(str(day))

    def passed(self, day: dt.date) -> bool:
        """Whether the day is over on its date: it has not opened by then."""
        return str(day) <= self.as_of

    def made(self, day: dt.date) -> float:
        """P(held by a day) as the case gives it now."""
        assert self.forecast is not None  # asked for only where it is at hand
        f = self.forecast
        return float(f.posterior.scenario @ opened_by(f.futures, f.as_of, [day])[:, 0])


@dataclass(frozen=True)
class Difference:
    """What changed between two forecasts.

    Parameters
    ----------
    a, b : Side
    deadline : date
        The causes are those of the change of P(held by this day), `before` and `after`.
    before, after : float
    causes : DataFrame, or None
        `kind`, `what`, `before`, `after`, `points`, `points_se`, the largest first; `points`
        add up to `after - before`. None where it could not be found.
    unexplained : str
        Why not, or nothing.
    texts : tuple of str
        What changed without any effect on the probabilities.
    method : str
        "exact", or "sampled" with `orders` random orders of the changes.
    held, scenarios, indicators, actors : DataFrame
        `before`, `after` and `difference`; nan where only one of them has it, and of a deadline
        that has passed on the date of one.
    """

    a: Side
    b: Side
    deadline: dt.date
    before: float
    after: float
    causes: pd.DataFrame | None
    unexplained: str
    texts: tuple[str, ...]
    method: str
    orders: int
    held: pd.DataFrame
    scenarios: pd.DataFrame
    indicators: pd.DataFrame
    actors: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """The difference in plain numbers: what `forecast diff --json` prints."""
        sides = {
            n: {"name": s.name, "case": s.record["case"], "as_of": s.as_of,
                "digest": s.record["digest"], "missing": s.missing or None}
            for n, s in (("a", self.a), ("b", self.b))
        }  # fmt: skip
        before, after = (None if s.passed(self.deadline) else p
                         for s, p in ((self.a, self.before), (self.b, self.after)))  # fmt: skip
        asked = {"before": before, "after": after,
                 "difference": None if before is None or after is None else after - before}  # fmt: skip
        causes = None if self.causes is None else self.causes.to_dict("records")
        tables = {k: _plain(getattr(self, k)) for k in ("held", "scenarios", "indicators", "actors")}
        return {
            **sides, "deadline": str(self.deadline), **asked, "causes": causes,
            "unexplained": self.unexplained or None, "without_effect": list(self.texts),
            "method": self.method or None, "orders": self.orders, **tables,
        }  # fmt: skip

    def summary(self) -> str:
        """The difference in words."""
        change = self.after - self.before
        verb = "rises" if change > 0 else "falls"
        moved = f" {verb} by {_size(change)}" if abs(change) > _SUM else " does not change"
        if self.a.passed(self.deadline) or self.b.passed(self.deadline):
            moved = ""
        told = [f"{'passed' if s.passed(self.deadline) else percent(p)} in {s.name} (as of {s.as_of})"
                for s, p in ((self.a, self.before), (self.b, self.after))]  # fmt: skip
        out = [f"P(held by {self.deadline}){moved}: {', '.join(told)}."]
        if self.unexplained:
            out.append(f"What did it cannot be said: {self.unexplained}.")
        elif self.causes is not None and self.causes.empty:
            out.append("Nothing differs that the forecast is made from.")
        elif self.causes is not None:
            top = self.causes[self.causes.points.abs() > _SUM].head(3)
            told = [f"{r.what.rstrip('.')} ({_points(r.points)})" for r in _each(top)]
            out.append(f"Most of it: {'; '.join(told)}." if told else
                       "No change between them bears on this chance.")  # fmt: skip
        if self.texts:
            out.append(f"Changed without effect on any chance: {', '.join(self.texts)}.")
        return "\n".join(out)

    def sections(self) -> list[Section]:
        """Title, header and rows of its tables."""
        out: list[Section] = []
        if self.causes is not None and not self.causes.empty:
            sampled = "" if self.method == "exact" else f" ({self.orders} orders sampled)"
            rows: list[tuple[str, ...]] = [
                (r.what, r.kind, r.before, r.after, _points(r.points)
                 + (f" ± {100 * r.points_se:.2f}" if self.method == "sampled" else ""))
                for r in _each(self.causes)
            ]  # fmt: skip
            rows.append(("all", "", percent(self.before), percent(self.after),
                         _points(self.after - self.before)))  # fmt: skip
            out.append((f"What did it, in points of per cent{sampled}",
                        ("change", "kind", "from", "to", "points"), rows))  # fmt: skip
        titles = {"held": "It opens by", "scenarios": "Scenarios", "indicators": "Indicators",
                  "actors": "Who takes part, if held"}  # fmt: skip
        for k, title in titles.items():
            frame = getattr(self, k)
            if len(frame):
                rows = [(str(i), _told(k, str(i), self.a, r.before), _told(k, str(i), self.b, r.after),
                         _points(r.difference) if np.isfinite(r.difference) else "-")
                        for i, r in zip(frame.index, _each(frame), strict=True)]  # fmt: skip
                out.append((title, ("", "from", "to", "points"), rows))
        return out


def side(text: str) -> Side:
    """One of the two forecasts, from what was written.

    Parameters
    ----------
    text : str
        A case, `CASE@YYYY-MM-DD`, or a line of a log: `FILE.jsonl:N`, N from 1 or, from the
        end, -1, -2 ...; `FILE.jsonl` is its last line.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    place, day = text, None
    at = re.fullmatch(r"(.+)@([\d/.-]+)", text, re.DOTALL)
    if at and not Path(text).exists():
        place = at[1]
        try:
            day = dt.datetime.strptime(at[2], "%Y-%m-%d").date()
        except ValueError:
            raise ValueError(f"{clean(text)}: expected a day such as @2014-12-04") from None
    line = re.fullmatch(r"(.*\.jsonl)(?::(.*))?", place, re.DOTALL)
    if line:
        return _logged(text, line[1], line[2], day)
    try:
        f = update(load(place), day, draws=0)
    except ValueError as e:
        if day is None or not str(e).startswith("as_of"):
            raise
        raise ValueError(f"{clean(text)}: {e}") from e
    return Side(text, f.to_dict() | {"headline": str(f.case.headline)}, f)


def _logged(text: str, path: str, number: str | None, day: dt.date | None) -> Side:
    if number is not None and not re.fullmatch(r"-?[1-9]\d{0,8}", number):
        raise ValueError(f"{clean(text)}: expected FILE.jsonl:N with N the number of a line, "
                         "from 1, or from the end: -1 for the last")  # fmt: skip
    x = logbook.entry(path, int(number or -1))
    try:
        case = logbook.find_case(x)
    except ValueError as e:
        if day:
            raise
        return Side(text, x.record, None, str(e))
    if day and day > x.as_of:
        raise ValueError(f"{clean(text)}: {day} is later than {x.as_of}, the as-of date of the line: "
                         "what was known later is not in it")  # fmt: skip
    try:
        f = update(case, day or x.as_of, draws=0)
    except ValueError as e:
        raise ValueError(f"{clean(text)}: {e}") from e
    return Side(text, f.to_dict() | {"headline": str(case.headline)} if day else x.record, f)


def diff(
    a: Side | Case | str, b: Side | Case | str, deadline: dt.date | None = None, pairs: int = PAIRS,
    seed: int = 1,
) -> Difference:  # fmt: skip
    """What changed between two forecasts, and which change did how much.

    Parameters
    ----------
    a, b : Side, Case or str
        As `side` reads them; a case as known on its own as-of date.
    deadline : date, optional
        The day of the chance that is explained: by default the second's headline or, where that has
        passed on the date of one, the first deadline of both that has not.
    pairs, seed : int
        Where the changes are so many that their orders are sampled.

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If one of them is not found, or does not speak of the deadline.
    """
    one, two = _as_side(a), _as_side(b)
    day = _deadline(one, two, deadline)
    before, after = (_chance(s, day) for s in (one, two))
    causes, unexplained, method, orders = None, "", "", 0
    texts: tuple[str, ...] = ()
    missing = [s.missing for s in (one, two) if s.missing]
    if missing or one.forecast is None or two.forecast is None:
        unexplained = "; ".join(dict.fromkeys(missing))
    elif over := [s.name for s in (one, two) if s.passed(day)]:
        unexplained = f"{day} has passed on the date of {' and of '.join(over)}"
    elif problem := not_comparable(one.forecast.case, two.forecast.case):
        unexplained = problem
    else:
        pair = compare(one.forecast.case, two.forecast.case)
        causes = attribute(pair, day, pairs, seed)
        method, orders = causes.attrs["method"], causes.attrs["orders"]
        causes = _with_program(causes, one, two, day)
        if abs(causes.points.sum() - (after - before)) > _SUM:
            raise RuntimeError("the changes found do not add up to the difference: an error of the "
                               "program; please report it with both cases")  # fmt: skip
        texts = tuple(texts_changed(one.forecast.case, two.forecast.case))
    tables = {
        k: _beside(*(_numbers(s.record, k) for s in (one, two)))
        for k in ("held", "scenarios", "indicators", "actors")
    }
    return Difference(one, two, day, before, after, causes, unexplained, texts, method, orders, **tables)


def _as_side(x: Side | Case | str) -> Side:
    if isinstance(x, Case):
        f = update(x, draws=0)
        return Side(x.name, f.to_dict() | {"headline": str(x.headline)}, f)
    return side(x) if isinstance(x, str) else x


def _deadline(a: Side, b: Side, wanted: dt.date | None) -> dt.date:
    """The day whose chance is compared: both must be able to speak of it."""
    asked = wanted or dt.date.fromisoformat(b.record["headline"])
    both = sorted({h["by"] for h in a.record["held"]} & {h["by"] for h in b.record["held"]})
    if wanted is None and str(asked) <= max(a.as_of, b.as_of):
        later = [d for d in both if d > max(a.as_of, b.as_of)]
        asked = dt.date.fromisoformat(later[0]) if later else asked
    silent = [s for s in (a, b) if s.told(asked) is None and not _reaches(s, asked)]
    if not silent:
        return asked
    if wanted is None and both:
        return dt.date.fromisoformat(both[-1])
    known = ", ".join(both) or "none"
    raise ValueError(f"{clean(silent[0].name)}: does not say how likely it is by {asked} "
                     f"(deadlines of both: {known})")  # fmt: skip


def _reaches(s: Side, day: dt.date) -> bool:
    if s.forecast is None:
        return False
    q = s.forecast.case.question
    return q.proposed < day <= q.horizon


def _chance(s: Side, day: dt.date) -> float:
    told = s.told(day)
    return s.made(day) if told is None else told


def _with_program(causes: pd.DataFrame, a: Side, b: Side, day: dt.date) -> pd.DataFrame:
    """With what today's program makes of the logged cases otherwise than that of the time."""
    then = [s.told(day) for s in (a, b)]
    gains = [0.0 if t is None else s.made(day) - t for s, t in zip((a, b), then, strict=True)]
    points = gains[0] - gains[1]
    if max(map(abs, gains)) <= _SUM:
        return causes
    versions = [f"{s.record['version']} ({str(s.record.get('code', ''))[:12] or 'now'})" for s in (a, b)]
    row = pd.DataFrame([("program", "the program itself", *versions, points, 0.0)],
                       columns=causes.columns)  # fmt: skip
    return pd.concat([causes, row], ignore_index=True) if len(causes) else row


def _numbers(record: Mapping[str, Any], of: str) -> dict[str, float]:
    if of == "held":
        as_of = str(record["as_of"])
        return {h["by"]: h["probability"] if h["by"] > as_of else np.nan for h in record["held"]}
    key = "given_held" if of == "actors" else "probability"
    return {k: v[key] for k, v in record[of].items()}


def _beside(a: Mapping[str, float], b: Mapping[str, float]) -> pd.DataFrame:
    index = list(dict.fromkeys((*a, *b)))
    rows = [(a.get(k, np.nan), b.get(k, np.nan)) for k in index]
    frame = pd.DataFrame(rows, index=index, columns=["before", "after"], dtype=float)
    return frame.assign(difference=frame.after - frame.before)


def _plain(frame: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    return {
        str(i): {str(k): float(v) if np.isfinite(v) else None for k, v in row.items()}
        for i, row in frame.iterrows()
    }


def _each(frame: Any) -> list[Any]:
    return list(frame.itertuples())


def _told(of: str, name: str, s: Side, p: float) -> str:
    return "passed" if of == "held" and name <= s.as_of else percent(p)


def _points(p: float) -> str:
    return f"{100 * p:+.1f}" if abs(p) > _SUM else "0"


def _size(p: float) -> str:
    return f"{100 * abs(p):.1f} points"
