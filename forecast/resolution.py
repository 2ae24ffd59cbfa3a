"""What really happened: `resolution.toml` beside the case, opened by scoring and by nothing else.

The file answers each deadline and each actor that is asked about with yes, no or void, and says
why, how sure one can be, and from which sources. The rules here are of what a forecast is to be
held against: no answer is missing, none contradicts another, none rests on what was written before
there was anything to know.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecast.attendance import asked, bodies
from forecast.case import Case
from forecast.fields import Day, Id, Period, Text, Url
from forecast.judgement import JudgementField, did_you_mean, means
from forecast.loading import CaseError, load, read_toml
from forecast.rules import Problem
from forecast.wording import clean, messages

FILE = "resolution.toml"
LEAST_SURE = 0.55
"""An answer that is right with a smaller chance is void: no answer is forced."""
LEAST_SOURCES = 2

Answered = Literal["yes", "no", "void"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ResolutionSource(_Part):
    """Who reports what happened, where, and when it was published."""

    id: Id
    name: Text = Field(description="Who reports it.")
    url: Url = Field(description="An address.")
    published: Day = Field(description="When it could be read.")
    note: Text | None = Field(None, description="What else one should know of it.")


class _Grounds(_Part):
    """What an answer rests on."""

    why: Text = Field(description="What happened, and how the rule of the question applies.")
    sure: JudgementField | None = Field(
        None, description="Chance that the answer is right; needed for yes and no."
    )
    sources: tuple[Id, ...] = Field(
        (), description="Ids of sources below; two at least, or one and `few`; void needs none."
    )
    few: Text | None = Field(None, description="Why there are not two sources, where there are not.")


class Meeting(_Grounds):
    """The meeting that was held. A resolution without it says that none was."""

    opened: Annotated[Day, Field(description="The day on which it opened by the question's rule.")]
    days: Annotated[Period, Field(description="Its sessions: at these one can have been present.")]


class _Answer(_Grounds):
    answer: Answered = Field(description="What cannot be told is void: no answer is forced.")


class DeadlineAnswer(_Answer):
    """Whether the meeting had opened by a deadline."""

    by: Day = Field(description="One of the question's deadlines.")


class ActorAnswer(_Answer):
    """Whether an actor was present, by the rule that holds for him."""

    id: Id = Field(description="One of the actors that are asked about.")


class Resolution(_Part):
    """`resolution.toml`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", title="resolution.toml of a forecast case", defer_build=True
    )

    resolved: Annotated[Day, Field(description="The day on which the answers were given.")]
    note: Text | None = Field(None, description="A remark on the whole.")
    meeting: Meeting | None = Field(None, description="Left out where none was held.")
    sources: Annotated[tuple[ResolutionSource, ...], Field(min_length=1)]
    deadlines: tuple[DeadlineAnswer, ...] = ()
    actors: tuple[ActorAnswer, ...] = ()

    @property
    def opened(self) -> dt.date | None:
        """The day on which the meeting opened; none if it did not."""
        return self.meeting.opened if self.meeting else None

    @property
    def by(self) -> dict[dt.date, Answered]:
        """Answer for each deadline."""
        return {d.by: d.answer for d in self.deadlines}

    @property
    def present(self) -> dict[str, bool]:
        """Whether each actor was present, void ones left out; empty if no meeting was held."""
        if not self.meeting:
            return {}
        return {a.id: a.answer == "yes" for a in self.actors if a.answer != "void"}


def load_resolution(case: Case | str | os.PathLike[str]) -> Resolution:
    """Read and check the resolution of a case.

    Parameters
    ----------
    case : Case, str or path
        As `forecast.load` gives or takes it.

    Returns
    -------
    Resolution

    Raises
    ------
    CaseError
        With every problem that was found: no file, a deadline or an actor without an answer, answers that
        contradict each other, an answer from before its event, an unknown id.
    """
    known = case if isinstance(case, Case) else load(case)
    path = Path(known.folder) / FILE
    if not path.exists():
        raise CaseError([Problem(FILE, "", "missing: this case has no resolution, so there is nothing to "
                                           "score against; write one beside its case.toml")])  # fmt: skip
    problems: list[Problem] = []
    raw = read_toml(path, False, problems)
    if problems:
        raise CaseError(problems)
    try:
        found = Resolution.model_validate(raw)
    except ValidationError as e:
        raise CaseError([Problem(FILE, "", m) for m in messages(e, raw, Resolution)]) from None
    if problems := [p for rule in RULES for p in rule(known, found)]:
        raise CaseError(problems)
    return found


def _at(where: str, message: str) -> Problem:
    return Problem(FILE, where, message)


def _places(r: Resolution) -> Iterator[tuple[str, Any]]:
    """Every part that rests on sources, with its place."""
    if r.meeting:
        yield "meeting", r.meeting
    for i, d in enumerate(r.deadlines, 1):
        yield f"deadlines[{i}] {d.by}", d
    for i, a in enumerate(r.actors, 1):
        yield f'actors[{i}] "{clean(a.id, 64)}"', a


def _repeated(places: list[tuple[str, Any]], key: str) -> Iterator[Problem]:
    first: dict[Any, str] = {}
    for place, part in places:
        name = getattr(part, key)
        if name in first:
            yield _at(f"{place}: {key}", f"already answered by {first[name]}")
        first.setdefault(name, place)


def _all_answered(case: Case, r: Resolution) -> Iterator[Problem]:
    """Each deadline and each actor that is asked about has one answer, and nothing else has."""
    places = list(_places(r))
    for_days = [(p, d) for p, d in places if isinstance(d, DeadlineAnswer)]
    for_actors = [(p, a) for p, a in places if isinstance(a, ActorAnswer)]
    yield from _repeated(for_days, "by")
    yield from _repeated(for_actors, "id")
    deadlines = case.question.deadlines
    for place, d in for_days:
        if d.by not in deadlines:
            yield _at(f"{place}: by", "is none of the deadlines; they are "
                      f"{', '.join(map(str, deadlines))}")  # fmt: skip
    for day in deadlines:
        if day not in r.by:
            yield _at("deadlines", f"no answer for {day}; expected one, or void with its reason")
    names = {a.id: a for a in case.actors}
    questions = [a.id for a in asked(case)]
    answered = {a.id for a in r.actors}
    meant = set()
    for place, a in for_actors:
        if a.id not in names:
            hint = did_you_mean(a.id, sorted(set(questions) - answered))
            meant.add(hint)
            yield _at(f"{place}: id", f'no actor "{clean(a.id, 64)}"{hint}')
        elif names[a.id].required:
            yield _at(f"{place}: id", "is required: without him there is no meeting, and no question; "
                      "leave him out")  # fmt: skip
    for name in questions:
        # one whose id is misspelt is not missing as well
        if name not in answered and not any(f'"{name}"' in hint for hint in meant):
            yield _at("actors", f'no answer for "{name}"; expected one, or void with its reason')


def _sources_known(_: Case, r: Resolution) -> Iterator[Problem]:
    """What is named exists, and an answer has two sources or says why not."""
    ids = [s.id for s in r.sources]
    for i, name in enumerate(ids):
        if name in ids[:i]:
            yield _at(f'sources[{i + 1}] "{name}": id', "already used")
    for place, part in _places(r):
        for name in part.sources:
            if name not in ids:
                yield _at(f"{place}: sources", f'no source "{name}"{did_you_mean(name, ids)}')
        few = len(set(part.sources)) < LEAST_SOURCES and not part.few
        if few and getattr(part, "answer", "yes") != "void":
            yield _at(f"{place}: sources", f"found {len(set(part.sources))}; expected two at least, or "
                      "few = why there are no more")  # fmt: skip


def _not_forced(_: Case, r: Resolution) -> Iterator[Problem]:
    """Who answers yes or no is sure of it; what cannot be told is void."""
    for place, part in _places(r):
        if isinstance(part, Meeting) or part.answer == "void":
            continue
        if part.sure is None:
            yield _at(
                f"{place}: sure", 'missing; expected how likely the answer is right, such as "likely"'
            )
        elif sure(part) < LEAST_SURE:
            yield _at(f"{place}: sure", f"{part.sure}: an answer that is not even likely is not forced; "
                      'expected answer = "void"')  # fmt: skip


def _answers_agree(case: Case, r: Resolution) -> Iterator[Problem]:
    """The answers can be true together."""
    q = case.question
    if r.opened and not q.proposed <= r.opened <= q.horizon:
        yield _at("meeting: opened", f"{r.opened} is not between proposed ({q.proposed}) and the horizon "
                  f"({q.horizon}): by the question no meeting was held")  # fmt: skip
    if r.meeting and not r.meeting.days[0] <= r.meeting.opened <= r.meeting.days[1]:
        yield _at("meeting: opened", f"{r.opened} is none of its days, {r.meeting.days[0]} to "
                  f"{r.meeting.days[1]}")  # fmt: skip
    places = [(p, d) for p, d in _places(r) if isinstance(d, DeadlineAnswer)]
    for place, d in places:
        if d.answer == "yes" and r.opened is None:
            yield _at(
                f"{place}: answer", "yes, but no meeting was held: expected a table below [meeting]"
            )
        elif d.answer == "yes" and r.opened and r.opened > d.by:
            yield _at(f"{place}: answer", f"yes, but the meeting opened on {r.opened}, after it")
        elif d.answer == "no" and r.opened and r.opened <= d.by:
            yield _at(f"{place}: answer", f"no, but the meeting opened on {r.opened}")
    for place, d in places:
        before = [x.by for _, x in places if x.answer == "yes" and x.by < d.by]
        if d.answer == "no" and r.opened is None and before:
            yield _at(f"{place}: answer", f"no, but yes by {min(before)}, which is earlier")
    answer = {a.id: a.answer for a in r.actors}
    for place, a in _places(r):
        if not isinstance(a, ActorAnswer) or a.answer != "yes":
            continue
        if not r.meeting:
            yield _at(f"{place}: answer", "yes, but no meeting was held")
        elif a.id in {x.id for x in case.actors}:
            for body in bodies(case, a.id)[1:]:
                if answer.get(body) == "no":
                    yield _at(f"{place}: answer", f'yes, but he comes only with "{body}", which has no')


def _after_the_event(_: Case, r: Resolution) -> Iterator[Problem]:
    """Nothing is answered, or told by a source, before there is anything to know."""
    published = {s.id: s.published for s in r.sources}
    for place, part in _places(r):
        if isinstance(part, ActorAnswer):
            event = r.meeting.days[0] if r.meeting else None
            what = "the first session"
        elif isinstance(part, Meeting):
            event, what = part.opened, "the opening"
        else:
            opening = part.answer == "yes"
            event, what = (r.opened, "the opening") if opening else (part.by, "the deadline")
        if event is None or getattr(part, "answer", "yes") == "void":
            continue
        for name in part.sources:
            if name in published and published[name] < event:
                yield _at(f"{place}: sources", f'"{name}" was published on {published[name]}, before '
                          f"{what} ({event}): it cannot know")  # fmt: skip
        if r.resolved < event:
            yield _at("resolved", f"{r.resolved} is before {what} ({event}) of {place}")
    for i, s in enumerate(r.sources, 1):
        if s.published > r.resolved:
            yield _at(f'sources[{i}] "{s.id}": published', f"{s.published} is after resolved "
                      f"({r.resolved})")  # fmt: skip


RULES: tuple[Callable[[Case, Resolution], Iterator[Problem]], ...] = (
    _all_answered, _sources_known, _not_forced, _answers_agree, _after_the_event,
)  # fmt: skip


def sure(part: Meeting | DeadlineAnswer | ActorAnswer) -> float:
    """Chance that an answer is right, at the mean of its judgement; nan where none is given."""
    return float(means([part.sure])[0]) if part.sure else float(np.nan)
