"""The parts of a case file: what an analyst writes down, as frozen models.

Every model refuses unknown keys. What one model cannot see by itself (ids that must
exist, dates that must follow each other) is in `forecast.rules`; reading the files and
saying what is wrong with them, in `forecast.loading`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from forecast.fields import Asked, Day, Days, Grade, Id, Locator, Period, Positive, Table, Text, Url
from forecast.judgement import Judgement, JudgementField


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(_Part):
    """Where a document says something. Paragraphs are its non-empty lines, from 1."""

    document: Id = Field(description="The id of one of the documents.")
    paragraph: Annotated[
        int, Field(ge=1, le=100_000, strict=True, description="Its non-empty lines, counted from 1.")
    ]
    locator: Locator | None = Field(None, description="Eight words at most, to find it.")


class Question(_Part):
    """What is asked, when it is answered yes, by when, and as of which day."""

    title: Text = Field(description="A short name.")
    text: Annotated[Asked, Field(description="The question; {deadline} stands for the day.")]
    yes_if: Text = Field(description="What counts as a yes.")
    no_if: Text | None = Field(None, description="What does not count.")
    void_if: Text | None = Field(None, description="When the question has no answer and is not scored.")
    attends_if: Text = Field(
        "present at one session at least, in person or by a delegate",
        description="What counts as taking part.",
    )
    proposed: Day = Field(description="First public report of the proposal: the clock starts here.")
    as_of: Day = Field(description="The last day whose news counts, that day included.")
    deadlines: Annotated[tuple[Day, ...], Field(min_length=1, description="Days, in order.")]
    horizon: Day = Field(description="Time is cut here: ever means opened by this day.")
    headline: Day | None = Field(None, description="The deadline to lead with; the last if left out.")


Convener = Literal["state-patron-of-belligerent", "neutral-state", "regional-org", "UN", "US-led", "domestic", "other"]  # fmt: skip
Kind = Literal[
    "new_initiative", "follow_up_round", "relaunch", "bilateral_summit", "opposition_only",
    "states_only", "consultation", "other",
]  # fmt: skip


class BaseRate(_Part):
    """Chance that such a meeting opens by the horizon, and after how many days.

    Learned from a reference class, or elicited as `held` and `days_to_open`.
    """

    held: JudgementField | None = Field(None, description="Chance that it opens by the horizon.")
    days_to_open: Days | None = Field(
        None, description="From the proposal, if it is held: central 90 % of a log-normal, in days."
    )
    reference_class: Id | None = Field(None, description="A shipped table of proposals.")
    stage: Literal["floated", "window", "dated"] | None = Field(
        None, description="How definite the first proposal was: an idea, a month or season, a day."
    )
    convener_type: Convener | None = Field(
        None, description="Who convenes, as the table has it; other: a typical one, with more doubt."
    )
    row_type: Kind = Field("new_initiative", description="Kind of meeting, likewise.")
    conflict: Text | None = Field(None, description="As spelt in the table, or a new one.")
    leave_out: tuple[Text, ...] = Field((), description="Rows of the table: the case's own.")
    why: Text = Field(description="The reason.")
    article: Passage | None = Field(None, description="The passage that it is read from.")

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
    held: StrictBool = Field(description="Whether the meeting is held in it.")
    share: JudgementField | None = Field(
        None, description="Of P(held) or P(not held); the scenario without one takes the rest."
    )
    label: Text = Field(description="The future in a few words.")
    first_signs: Text | None = Field(None, description="What one would see first.")
    why: Text | None = Field(None, description="The reason of the share.")
    article: Passage | None = Field(None, description="The passage that it is read from.")
    days_to_open: Days | None = Field(None, description="Own time, of a held one: soon or late.")

    @model_validator(mode="after")
    def _time_of_its_own(self) -> Self:
        if self.days_to_open and not self.held:
            raise ValueError("only a held scenario has days_to_open")
        return self


class Indicator(_Part):
    """A yes/no condition that some scenarios make more likely than others."""

    id: Id
    statement: Text = Field(description="What is true or false, in the weeks before the meeting.")
    why: Text = Field(description="The reason of its chances.")
    article: Passage | None = Field(None, description="The passage that they are read from.")
    chance: Table | None = Field(None, description="Chance that it is true, by scenario.")
    given: Id | None = Field(None, description="Another indicator, or an actor (his stance).")
    if_true: Table | None = Field(None, description="Its chance if `given` is true.")
    if_false: Table | None = Field(None, description="Its chance if `given` is false.")
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


Role = Literal["government", "main_opposition", "tolerated_opposition", "minority_party", "regional_patron", "un_envoy"]  # fmt: skip


class Actor(_Part):
    """Someone whose participation is asked about."""

    id: Id
    name: Text = Field(description="As the report shows it.")
    role: Id | None = Field(
        None, description="What he is; a role of the table of proposals shows how such parties came."
    )
    attends_if: Text | None = Field(None, description="Where it differs from the question's.")
    willing: Table | None = Field(None, description="He would come, were it held and he let in.")
    given: Id | None = Field(None, description="An indicator, or another actor (his stance).")
    willing_if_true: Table | None = Field(None, description="Chance of willing if `given` is true.")
    willing_if_false: Table | None = Field(None, description="Chance of willing if `given` is false.")
    attends_if_willing: Table | None = Field(None, description="Chance that he comes, if willing.")
    attends_if_unwilling: Table | None = Field(None, description="Chance that he comes, if unwilling.")
    attends_like: Role | None = Field(
        None, description="Instead of judgements: as parties of this role came in the past."
    )
    part_of: Id | None = Field(None, description="A body: he comes only if it does.")
    required: StrictBool = Field(False, description="Without him it is no meeting: he comes.")
    why: Text = Field(description="The reason.")
    article: Passage | None = Field(None, description="The passage that it is read from.")

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

    id: Id | None = Field(None, description="Needed in a list, not in a report.")
    name: Text = Field(description="Who can know, or who printed it.")
    reliability: Grade = Field(description="Admiralty grade: A to E; F, cannot be judged.")
    why: Text | None = Field(None, description="The reason of the grade.")
    url: Url | None = Field(None, description="An address.")


class Document(_Part):
    """Something that was read, to which passages refer."""

    id: Id
    title: Text = Field(description="Its title.")
    author: Text | None = Field(None, description="Who wrote it.")
    url: Url | None = Field(None, description="An address.")
    published: Day = Field(description="When it could be read.")
    note: Text | None = Field(None, description="What else one should know of it.")


class Report(_Part):
    """One source saying that an event happened, or that it did not."""

    source: Id | Source = Field(description="Who says so: an id, or a source in place.")
    via: Annotated[
        tuple[Id | Source, ...],
        BeforeValidator(
            lambda v: v if isinstance(v, list | tuple) else (v,),
            json_schema_input_type=Id | Source | tuple[Id | Source, ...],
        ),
        Field(description="Who passed it on and printed it, one or more; the worst link counts."),
    ] = ()
    published: Day = Field(description="When it could be known.")
    origin: Id | None = Field(
        None, description="The one utterance or document behind it; the source if left out."
    )
    article: Passage | None = Field(None, description="Where it stands in a document.")
    url: Url | None = Field(None, description="Or an address.")
    denies: StrictBool = Field(False, description="It says that the event did not happen.")


class EventType(_Part):
    """A kind of event with its usual likelihoods: a line of the rubric."""

    id: Id
    label: Text = Field(description="The kind of event in a few words.")
    direction: Literal["for", "against"] = Field(description="Which way it points.")
    if_true: JudgementField = Field(description="Chance of such an event if the indicator is true.")
    if_false: JudgementField = Field(description="Chance of it if the indicator is false; judged first.")
    ratio: Annotated[
        float, Field(gt=1, strict=True, allow_inf_nan=False, description="Of their means, above 1.")
    ]
    ground: Text = Field(description="What the likelihoods rest on.")


class Event(_Part):
    """Something that reportedly happened: evidence on one indicator or actor."""

    id: Id
    date: Period = Field(description="When it happened: a day, or [first, last].")
    what: Text = Field(description="In your own words: no sentence of a source.")
    bears_on: Id | None = Field(None, description="The one indicator or actor that it is evidence on.")
    type: Id | None = Field(None, description="Kind of event: its likelihoods come from the rubric.")
    if_true: JudgementField | None = Field(None, description="Own likelihood if true; needs a why.")
    if_false: JudgementField | None = Field(None, description="Own likelihood if false; judge it first.")
    why: Text | None = Field(None, description="The reason of likelihoods of its own.")
    answers: Id | None = Field(None, description="The watch it settles, which lends its likelihoods.")
    reports: Annotated[tuple[Report, ...], Field(min_length=1, description="Who said so.")]

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

    The latest of a plan supersedes the earlier ones; told again by another source, it is more believed.
    """

    id: Id
    what: Text = Field(description="In your own words.")
    kind: Literal["day", "window", "postponed", "cancelled"] = Field(
        description="A day or window is named; it is put off; it is called off. The latest supersedes; of one day, the later in the file."
    )
    opens: Period | None = Field(None, description="The day, or the first and last of the window.")
    reports: Annotated[tuple[Report, ...], Field(min_length=1, description="Who said so.")]

    @model_validator(mode="after")
    def _opens_somewhen(self) -> Self:
        if self.kind in ("day", "window") and self.opens is None:
            raise ValueError(f"a {self.kind} needs opens: the day, or [first, last]")
        if self.kind == "cancelled" and self.opens is not None:
            raise ValueError("what is cancelled does not open: leave out opens")
        if self.kind == "day" and self.opens and self.opens[0] != self.opens[1]:
            raise ValueError('a day is one day; for several days, kind = "window"')
        return self

    @property
    def first_told(self) -> dt.date | None:
        """The day on which it was first affirmed; none, where it is only denied so far."""
        return min((r.published for r in self.reports if not r.denies), default=None)


class Watch(_Part):
    """An event that may come, written down beforehand: silence past its day is evidence."""

    id: Id
    what: Text = Field(description="The event that may come.")
    by: Day = Field(description="The day after which silence counts.")
    bears_on: Id | None = Field(None, description="The indicator or actor that it would be evidence on.")
    if_true: JudgementField | None = Field(None, description="Chance to see it by then, if true.")
    if_false: JudgementField | None = Field(None, description="Chance to see it by then, if false.")
    announces: StrictBool = Field(
        False,
        description="It would name an opening day: a note for what to watch. That none is named is weighed by itself, from the fit.",
    )
    why: Text | None = Field(None, description="The reason.")

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

    what: Text = Field(description="The fact.")
    why_not_evidence: Text = Field(description="Why it is not weighed.")
    article: Passage | None = Field(None, description="Where it stands.")


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
