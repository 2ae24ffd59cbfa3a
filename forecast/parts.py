"""The parts of a case file: what an analyst writes down, as frozen models.

Every model refuses unknown keys. What one model cannot see by itself (ids that must
exist, dates that must follow each other) is in `forecast.rules`; reading the files and
saying what is wrong with them, in `forecast.loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from forecast.fields import Asked, Day, Days, Grade, Id, Locator, Period, Positive, Table, Text, Url
from forecast.judgement import Judgement, JudgementField


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(_Part):
    """Where a document says something. Paragraphs are its non-empty lines, from 1."""

    document: Id
    paragraph: Annotated[int, Field(ge=1, le=100_000, strict=True)]
    locator: Locator | None = None


class Question(_Part):
    """What is asked, when it is answered yes, by when, and as of which day."""

    title: Text
    text: Annotated[Asked, Field(description="The question; {deadline} stands for the day.")]
    yes_if: Text
    no_if: Text | None = None
    void_if: Text | None = None
    attends_if: Text = "present at one session at least, in person or by a delegate"
    proposed: Day
    as_of: Day
    deadlines: Annotated[tuple[Day, ...], Field(min_length=1)]
    horizon: Day
    headline: Day | None = Field(None, description="The deadline to lead with; the last if left out.")


class BaseRate(_Part):
    """Chance that such a meeting opens by the horizon, and after how many days.

    Learned from a reference class, or elicited as `held` and `days_to_open`.
    """

    held: JudgementField | None = None
    days_to_open: Days | None = None
    reference_class: Id | None = Field(None, description="A shipped table of proposals.")
    stage: Literal["floated", "window", "dated"] | None = None
    convener_type: Text | None = None
    row_type: Text = "new_initiative"
    conflict: Text | None = None
    leave_out: tuple[Text, ...] = Field((), description="Rows of the table: the case's own.")
    why: Text
    article: Passage | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        elicited = (self.held, self.days_to_open)
        learned = (self.stage, self.convener_type, self.conflict)
        if self.reference_class:
            if any(elicited):
                raise ValueError("expected a reference_class, or held and days_to_open; not both")
            if not all(learned):
                raise ValueError("a reference_class needs stage, convener_type and conflict")
        elif any(learned) or self.leave_out:
            raise ValueError("stage, convener_type, conflict and leave_out need a reference_class")
        elif not all(elicited):
            raise ValueError("expected held and days_to_open, or a reference_class")
        return self


class Scenario(_Part):
    """One of the exclusive and exhaustive futures; it may say why there is no meeting."""

    id: Id
    held: StrictBool
    share: JudgementField | None = Field(
        None, description="Of P(held) or P(not held); the scenario without one takes the rest."
    )
    label: Text
    first_signs: Text | None = None
    why: Text | None = None
    article: Passage | None = None
    days_to_open: Days | None = None

    @model_validator(mode="after")
    def _time_of_its_own(self) -> Self:
        if self.days_to_open and not self.held:
            raise ValueError("only a held scenario has days_to_open")
        return self


class Indicator(_Part):
    """A yes/no condition that some scenarios make more likely than others."""

    id: Id
    statement: Text
    why: Text
    article: Passage | None = None
    chance: Table | None = None
    given: Id | None = None
    if_true: Table | None = None
    if_false: Table | None = None
    half_life: Positive | None = Field(
        None, description="Days after which evidence on it speaks half as much about today."
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        _one_of(self, "chance", ("given", "if_true", "if_false"))
        return self

    @property
    def tables(self) -> tuple[Mapping[str, Judgement], Mapping[str, Judgement]]:
        """Chance by scenario if the node it is `given` is false, and if it is true."""
        return _tables(self.chance, self.if_false, self.if_true)


Role = Literal[
    "government", "main_opposition", "tolerated_opposition", "minority_party", "regional_patron",
    "un_envoy",
]  # fmt: skip


class Actor(_Part):
    """Someone whose participation is asked about."""

    id: Id
    name: Text
    role: Id | None = None
    attends_if: Text | None = None
    willing: Table | None = None
    given: Id | None = None
    willing_if_true: Table | None = None
    willing_if_false: Table | None = None
    attends_if_willing: Table | None = None
    attends_if_unwilling: Table | None = None
    attends_like: Role | None = Field(
        None, description="Instead of judgements: as parties of this role came in the past."
    )
    part_of: Id | None = None
    required: StrictBool = False
    why: Text
    article: Passage | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        attends = (self.attends_if_willing, self.attends_if_unwilling)
        if self.attends_like:
            others = (self.willing, self.given, self.willing_if_true, self.willing_if_false)
            if any(others) or any(attends) or self.required:
                raise ValueError("attends_like stands for all judgements on an actor: leave out "
                                 "willing, given, attends_if_willing, attends_if_unwilling "
                                 "and required")  # fmt: skip
            return self
        _one_of(self, "willing", ("given", "willing_if_true", "willing_if_false"))
        if self.required and any(attends):
            raise ValueError("a required actor attends whenever the meeting is held: "
                             "leave out attends_if_willing and attends_if_unwilling")  # fmt: skip
        if not self.required and not all(attends):
            raise ValueError("expected attends_if_willing and attends_if_unwilling "
                             "(or required = true)")  # fmt: skip
        if self.required and self.part_of:
            raise ValueError("a required actor is part of no other")
        return self

    @property
    def tables(self) -> tuple[Mapping[str, Judgement], Mapping[str, Judgement]]:
        """Chance of willing by scenario if the node it is `given` is false, and if true."""
        return _tables(self.willing, self.willing_if_false, self.willing_if_true)


class Source(_Part):
    """Who can know, or who printed it, with an Admiralty grade."""

    id: Id | None = None
    name: Text
    reliability: Grade
    why: Text | None = None
    url: Url | None = None


class Document(_Part):
    """Something that was read, to which passages refer."""

    id: Id
    title: Text
    author: Text | None = None
    url: Url | None = None
    published: Day
    note: Text | None = None


class Report(_Part):
    """One source saying that an event happened, or that it did not."""

    source: Id | Source
    via: Annotated[
        tuple[Id | Source, ...],
        BeforeValidator(
            lambda v: v if isinstance(v, list | tuple) else (v,),
            json_schema_input_type=Id | Source | tuple[Id | Source, ...],
        ),
    ] = ()
    published: Day
    origin: Id | None = Field(None, description="The one utterance or document behind it.")
    article: Passage | None = None
    url: Url | None = None
    denies: StrictBool = False


class EventType(_Part):
    """A kind of event with its usual likelihoods: a line of the rubric."""

    id: Id
    label: Text
    direction: Literal["for", "against"]
    if_true: JudgementField
    if_false: JudgementField
    # of the two means, the larger first
    ratio: Annotated[float, Field(gt=1, strict=True, allow_inf_nan=False)]
    ground: Text


class Event(_Part):
    """Something that reportedly happened: evidence on one indicator or actor."""

    id: Id
    date: Period
    what: Text
    bears_on: Id | None = None
    type: Id | None = None
    if_true: JudgementField | None = None
    if_false: JudgementField | None = None
    why: Text | None = None
    answers: Id | None = None
    reports: Annotated[tuple[Report, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_likelihoods(self) -> Self:
        own = (self.if_true, self.if_false)
        if any(own) and not all(own):
            raise ValueError("expected both if_true and if_false, or neither")
        if all(own) and not self.why:
            raise ValueError("likelihoods of its own need a why")
        if not (all(own) or self.type or self.answers):
            raise ValueError("expected a type, or if_true and if_false, or the watch it answers")
        if not (self.bears_on or self.answers):
            raise ValueError("expected bears_on: the indicator or actor that it speaks of")
        return self


class Announcement(_Part):
    """News that names, moves or cancels an opening day.

    The latest of a plan supersedes the earlier ones; a restatement adds nothing.
    """

    id: Id
    what: Text
    kind: Literal["day", "window", "postponed", "cancelled"]
    opens: Period | None = Field(None, description="The day, or the first and last of the window.")
    reports: Annotated[tuple[Report, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _opens_somewhen(self) -> Self:
        if self.kind in ("day", "window") and self.opens is None:
            raise ValueError(f"a {self.kind} needs opens: the day, or [first, last]")
        if self.kind == "cancelled" and self.opens is not None:
            raise ValueError("what is cancelled does not open: leave out opens")
        if self.kind == "day" and self.opens and self.opens[0] != self.opens[1]:
            raise ValueError('a day is one day; for several days, kind = "window"')
        return self


class Watch(_Part):
    """An event that may come, written down beforehand: silence past its day is evidence."""

    id: Id
    what: Text
    by: Day
    bears_on: Id | None = None
    if_true: JudgementField | None = None
    if_false: JudgementField | None = None
    announces: StrictBool = Field(False, description="It would name an opening day.")
    why: Text | None = None

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        weighs = (self.bears_on, self.if_true, self.if_false)
        if self.announces and any(weighs):
            raise ValueError("a watch that announces is no evidence on an indicator: "
                             "leave out bears_on, if_true and if_false")  # fmt: skip
        if not self.announces and not all(weighs):
            raise ValueError("expected bears_on, if_true and if_false (or announces = true)")
        return self


class Context(_Part):
    """What the case knows but does not weigh."""

    what: Text
    why_not_evidence: Text
    article: Passage | None = None


class CaseFile(_Part):
    """`case.toml`."""

    # needed for its JSON Schema only: a file is checked part by part
    model_config = ConfigDict(
        frozen=True, extra="forbid", title="case.toml of a forecast case", defer_build=True
    )

    question: Question
    base_rate: BaseRate
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=2)]
    indicators: tuple[Indicator, ...] = ()
    actors: tuple[Actor, ...] = ()
    sources: tuple[Source, ...] = ()
    documents: tuple[Document, ...] = ()
    watch: tuple[Watch, ...] = ()
    context: tuple[Context, ...] = ()


class EventsFile(_Part):
    """`events.toml`."""

    # needed for its JSON Schema only: a file is checked part by part
    model_config = ConfigDict(
        frozen=True, extra="forbid", title="events.toml of a forecast case", defer_build=True
    )

    events: tuple[Event, ...] = ()
    announcements: tuple[Announcement, ...] = ()


def pick(table: Mapping[str, Judgement], scenario: Scenario) -> Judgement | None:
    """The judgement of a table that holds for `scenario`: the most specific key wins."""
    group = "held" if scenario.held else "not_held"
    return table.get(scenario.id) or table.get(group) or table.get("otherwise")


def _one_of(part: Any, plain: str, split: tuple[str, ...]) -> None:
    has_split = [getattr(part, name) is not None for name in split]
    if getattr(part, plain) is not None:
        if any(has_split):
            raise ValueError(f"expected {plain}, or {', '.join(split)}; not both")
    elif not all(has_split):
        raise ValueError(f"expected {plain}, or all of {', '.join(split)}")


def _tables(
    plain: Mapping[str, Judgement] | None,
    if_false: Mapping[str, Judgement] | None,
    if_true: Mapping[str, Judgement] | None,
) -> tuple[Mapping[str, Judgement], Mapping[str, Judgement]]:
    return (plain, plain) if plain is not None else (if_false or {}, if_true or {})
