"""Several analysts on one case: what each would forecast, all of them pooled, and what divides them.

Beside the case, `analysts/<name>.toml` says where one analyst judges otherwise than the case's own
author, and why; all else he shares. The case itself knows nothing of these files.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.special import expit, logit

from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.fields import Positive, Text
from forecast.flattening import TABLES
from forecast.judgement import Judgement, JudgementField, did_you_mean, means, spanning
from forecast.loading import CaseError, read_toml
from forecast.rules import SINGLE, Draft, Problem, likelihoods_agree, shares
from forecast.tables import percent
from forecast.updating import opened_by, solve, update
from forecast.wording import clean, messages

AUTHOR, POOLED = "author", "pooled"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Override(_Part):
    """A judgement that the analyst would change: `of` is its label, as a tornado shows it; `base_rate: held` for an elicited base rate."""

    of: Text = Field(description="Which judgement, as `id: field` or `id: field.scenario`.")
    value: JudgementField = Field(description="What this analyst would say.")
    why: Text = Field(description="The reason.")


class AnalystFile(_Part):
    """`analysts/<name>.toml`."""

    label: Text = Field(description="Who judges so, and in a few words how.")
    weight: Positive = Field(1.0, description="In the pool; only ratios matter.")
    judgements: tuple[Override, ...] = Field((), description="Where he departs from the case.")


@dataclass(frozen=True)
class Analyst:
    """One opinion on a case: the case as he judges it, and where and why he departs from it."""

    label: str
    weight: float
    case: Case
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Disagreement:
    """What several analysts make of one case.

    Parameters
    ----------
    analysts : mapping of str to Analyst
    pooled : Case
    deadline : date
    now : float
        P(held by `deadline`) of the pooled case.
    held : DataFrame
        P(held by each deadline), a row for each analyst and `pooled`.
    actors : DataFrame
        P(attends | ever held), a row for each analyst and `pooled`, a column for each actor.
    judged : DataFrame
        For each judgement on which they differ, each analyst's `Judgement`.
    at : DataFrame
        P(held by `deadline`) of the pooled case with that judgement as each analyst has it; of
        the same shape, the judgement that divides them most first.
    """

    analysts: Mapping[str, Analyst]
    pooled: Case
    deadline: dt.date
    now: float
    held: pd.DataFrame
    actors: pd.DataFrame
    judged: pd.DataFrame
    at: pd.DataFrame

    @property
    def spread(self) -> pd.Series[float]:
        """How far apart the forecasts are that each judgement makes, as a probability."""
        return self.at.max(axis=1) - self.at.min(axis=1)

    def sections(self) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
        """Tables for a terminal: title, header and rows."""
        held = [(str(n), *map(percent, row)) for n, row in self.held.iterrows()]
        judged = [
            (str(of), *(f"{j.word or j}: {percent(p)}" for j, p in zip(self.judged.loc[str(of)], at, strict=True)), f"{100 * s:.1f}")
            for (of, at), s in zip(self.at.iterrows(), self.spread, strict=True)
        ]  # fmt: skip
        return [
            ("It opens by", ("analyst", *map(str, self.held.columns)), held),
            (f"What divides them: the pooled forecast for {self.deadline} with one judgement as each has it",
             ("judgement", *self.at.columns, "points apart"), judged),
        ]  # fmt: skip


def analysts(case: Case) -> dict[str, Analyst]:
    """The analysts of a case by name: its `author` first, then `analysts/*.toml`.

    Parameters
    ----------
    case : Case
        From `forecast.load`.

    Returns
    -------
    dict of str to Analyst
        The author counts like any other, with weight 1: he has judged everything. Empty if there
        is no file, since then there is only one opinion.

    Raises
    ------
    CaseError
        With every problem of every file, each with its place.
    """
    folder = Path(case.folder) / "analysts" if case.folder else None
    problems: list[Problem] = []
    out = {AUTHOR: Analyst("The author of the case", 1.0, case)}
    for path in sorted(folder.glob("*.toml")) if folder else ():
        found, analyst = _read(case, path)
        problems += [replace(p, file=f"analysts/{clean(path.name)}") for p in found]
        if analyst:
            out[path.stem] = analyst
    if problems:
        raise CaseError(problems)
    return out if len(out) > 1 else {}


def _read(case: Case, path: Path) -> tuple[list[Problem], Analyst | None]:
    problems: list[Problem] = []
    raw = read_toml(path, False, problems)
    if problems:
        return problems, None

    def wrong(where: str, message: str) -> None:
        problems.append(Problem("", where, message))

    if path.stem in (AUTHOR, POOLED):
        wrong("", f'the name "{path.stem}" is taken: rename the file')
    file = None
    try:
        file = AnalystFile.model_validate(raw)
    except ValidationError as e:
        for message in messages(e, raw, AnalystFile):
            wrong("", message)
    places, seen, entries = _places(case), set(), raw.get("judgements")
    for i, entry in enumerate(entries if isinstance(entries, list) else (), 1):
        of = entry.get("of") if isinstance(entry, Mapping) else None
        if not isinstance(of, str) or not of.strip():
            continue
        label = _label(of, places)
        if label not in places and case.fit_used and re.match(r"base[ _]rate:", label):
            wrong(f"judgements[{i}].of", f'"{clean(of)}" is learned here, and no judgement: compare other classes '
                  "with forecast.variants, or write held and days_to_open into a copy of the case")  # fmt: skip
        elif label not in places:
            wrong(f"judgements[{i}].of", f'no judgement "{clean(of)}"{did_you_mean(label, places)}')
        elif label in seen:
            wrong(f"judgements[{i}].of", f'"{clean(of)}" stands there twice')
        seen.add(label)
    if problems or file is None:
        return problems, None
    overrides = tuple(o.model_copy(update={"of": _label(o.of, places)}) for o in file.judgements)
    judged = put(case, {o.of: o.value for o in overrides})
    changed = ("scenarios", "event_types", "events")
    draft = Draft({k: tuple(enumerate(getattr(judged, k))) for k in changed})
    problems = [*shares(draft), *likelihoods_agree(draft)]
    return problems, Analyst(file.label, file.weight, judged, overrides)


# --- where the judgements of a case stand ---

_Place = tuple[str, int, str, str]  # section, number, field, key of a table
_ENDS = ("if_false", "if_true")


def _places(case: Case) -> dict[str, _Place]:
    """Label of every judgement, as `Compiled.labels` and the tornado have it, and its place.

    An event has the two that its type lends it, which may become its own. One that answers a watch
    has none: the watch was judged beforehand. Times to open are no probabilities.
    """

    def places() -> Iterator[tuple[str, _Place]]:
        if case.base_rate.held:
            yield "base_rate: held", ("base_rate", 0, "held", "")
        for i, s in enumerate(case.scenarios):
            if s.share:
                yield f"{s.id}: share", ("scenarios", i, "share", "")
        for section in ("indicators", "actors"):
            for i, part in enumerate(getattr(case, section)):
                for field in TABLES:
                    table = getattr(part, field, None) or {}
                    said = f"chance {field}" if field.startswith("if") else field
                    for key in table:
                        tail = f".{key}" if len(table) > 1 else ""
                        yield f"{part.id}: {said.replace('_', ' ')}{tail}", (section, i, field, key)
        for section in ("event_types", "watch", "events"):  # an event goes before a type of its name
            for i, part in enumerate(getattr(case, section)):
                if section == "event_types" or (part.bears_on and not getattr(part, "answers", None)):
                    for field in _ENDS:
                        yield f"{part.id}: {field.replace('_', ' ')}", (section, i, field, "")

    return dict(places())


def _label(of: str, places: Mapping[str, _Place]) -> str:
    """The label that is meant, if the judgement was named by its field in the case file."""
    owner, _, rest = " ".join(of.split()).partition(": ")
    field, dot, key = rest.partition(".")
    label = f"{owner}: {field.replace('_', ' ')}{dot}{key}"
    chance = f"{owner}: chance {field.replace('_', ' ')}{dot}{key}"
    return chance if label not in places and chance in places else label


def _owner(label: str) -> str:
    return label.partition(": ")[0]


def _part(case: Case, place: _Place) -> Any:
    return case.base_rate if place[0] in SINGLE else getattr(case, place[0])[place[1]]


def _judgement(case: Case, place: _Place) -> Judgement:
    part, (section, _, field, key) = _part(case, place), place
    if section == "events":  # its own, or lent by its type
        return case.likelihoods(part)[field == "if_true"]
    value: Any = getattr(part, field)
    return value[key] if key else value  # type: ignore[no-any-return]


def put(case: Case, values: Mapping[str, Judgement]) -> Case:
    """The case with other judgements in the places of these labels."""
    for label, place in _places(case).items():  # types before the events that borrow from them
        section, i, field, key = place
        if label not in values or (section != "events" and values[label] == _judgement(case, place)):
            continue
        part, value = _part(case, place), values[label]
        update: dict[str, Any] = {field: getattr(part, field) | {key: value} if key else value}
        if section == "events":  # it has both of its own, or neither
            update = dict(zip(_ENDS, case.likelihoods(part), strict=True)) | update
        elif section == "event_types":
            low, high = means(update.get(k) or getattr(part, k) for k in _ENDS)
            update["ratio"] = float(max(low / high, high / low))
        parts: Any = part.model_copy(update=update)
        if section not in SINGLE:
            whole = getattr(case, section)
            parts = (*whole[:i], parts, *whole[i + 1 :])
        case = case.model_copy(update={section: parts})
    return case


# --- the pool ---


def pool(cases: Iterable[Case], weights: Iterable[float] | None = None) -> Case:
    """One case whose judgements are the mean log-odds of those of several.

    Parameters
    ----------
    cases : iterable of Case
        One and the same but for their judgements.
    weights : iterable of float, optional
        Positive, one for each case; equal if left out. Only their ratios matter.

    Returns
    -------
    Case
        Each end of each interval is pooled by itself: the logit of the pooled end is the weighted
        mean of the logits. A number is an interval whose ends are equal. Where all agree, nothing is
        changed, to the word. There is no extremising.

    Raises
    ------
    ValueError
        If the cases differ in more than judgements, the weights are not what is expected, or one
        says 0 or 1, as only code can, where another does not.
    """
    cases = list(cases)
    weight = np.ones(len(cases)) if weights is None else np.array(list(weights), float)
    if not cases or weight.shape != (len(cases),) or not ((weight > 0) & np.isfinite(weight)).all():
        raise ValueError(f"expected one case or more, and for each a positive weight; found {len(cases)} "
                         f"and the weights {weight.tolist()}")  # fmt: skip
    labels = _standing(cases)
    even = dict.fromkeys(labels, Judgement(0.5, 0.5))
    if len({put(c, even).canonical for c in cases}) > 1:
        raise ValueError("the cases differ in more than their judgements")
    out = put(
        cases[0], {x: _mean(x, [_judgement(c, p) for c in cases], weight) for x, p in labels.items()}
    )
    if problems := [*shares(Draft({"scenarios": tuple(enumerate(out.scenarios))}))]:
        raise ValueError("\n".join(f"pooled: {p.where}: {p.message}" for p in problems))
    return out


def _mean(label: str, judgements: Sequence[Judgement], weight: NDArray[Any]) -> Judgement:
    ends = np.array([(j.low, j.high) for j in judgements], float)
    if (ends == ends[0]).all():
        return judgements[0]
    if ((ends <= 0) | (ends >= 1)).any():
        raise ValueError(f"{label}: 0 or 1 cannot be pooled with another opinion, which would not count")
    low, high = expit(np.average(logit(ends), axis=0, weights=weight))
    return spanning(float(low), float(max(low, high)))


def _standing(cases: Sequence[Case]) -> dict[str, _Place]:
    """The places that hold a judgement of their own in one of the cases at least."""
    out: dict[str, _Place] = {}
    for case in cases:
        own = {i for i, e in enumerate(case.events) if e.if_true}
        out |= {x: p for x, p in _places(case).items() if p[0] != "events" or p[1] in own}
    return out


def disagreement(
    views: Mapping[str, Analyst], as_of: dt.date | None = None, deadline: dt.date | None = None
) -> Disagreement:
    """Every analyst's own forecast, the pooled one, and the judgements that divide them most.

    Parameters
    ----------
    views : mapping of str to Analyst
        From `analysts`.
    as_of : date, optional
    deadline : date, optional
        What divides them is asked of P(held by this day); of the headline by default.

    Notes
    -----
    Where a judgement of an event type differs, it moves all events with the likelihoods of that type.
    """
    if not views:
        raise ValueError("there is no analyst beside the author of the case: write analysts/<name>.toml")
    cases = [a.case for a in views.values()]
    whole = pool(cases, [a.weight for a in views.values()])
    deadline, as_of = deadline or whole.headline, as_of or whole.question.as_of
    made = [update(c, as_of, draws=0) for c in (*cases, whole)]
    # what the date hides is not talked of either
    hidden = {e.id for e in whole.events} - {e.id for e in whole.as_known(as_of).events}
    views = {n: replace(a, overrides=tuple(o for o in a.overrides if _owner(o.of) not in hidden))
             for n, a in views.items()}  # fmt: skip
    standing = {x: p for x, p in _standing(cases).items() if _owner(x) not in hidden}
    said = {x: [_judgement(c, p) for c in cases] for x, p in standing.items()}
    said = {x: js for x, js in said.items() if len({(j.low, j.high) for j in js}) > 1}
    rows = {x: [_held(put(whole, {x: j}), as_of, deadline) for j in js] for x, js in said.items()}
    order = sorted(rows, key=lambda x: min(rows[x]) - max(rows[x]))

    def frame(values: Iterable[Any], rows: Iterable[Any], columns: Iterable[Any]) -> pd.DataFrame:
        return pd.DataFrame([*values], index=[*rows], columns=[*columns])

    return Disagreement(
        views, whole, deadline, _held(whole, as_of, deadline),
        held=frame((f.held.probability.values for f in made), (*views, POOLED), whole.question.deadlines),
        actors=frame((f.actors.given_held.values for f in made), (*views, POOLED), (a.id for a in whole.actors)),
        judged=frame((said[x] for x in order), order, views),
        at=frame((rows[x] for x in order), order, views),
    )  # fmt: skip


def _held(case: Case, as_of: dt.date, deadline: dt.date) -> float:
    """P(held by a day), without what else a forecast says."""
    compiled, root = compile_case(case, as_of), futures(case, as_of)
    after = solve(compiled, root, compiled.theta)
    return float(after.scenario @ opened_by(root, as_of, [deadline])[:, 0])
