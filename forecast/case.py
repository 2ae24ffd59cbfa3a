"""A whole case: its files, with what they refer to, as known on a date."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from typing import Any

from pydantic import Field

from forecast.fits import LEVELS, attends
from forecast.judgement import GRADES, Judgement
from forecast.parts import Actor, Announcement, CaseFile, Event, EventType, Report, Source, Watch


class Case(CaseFile):
    """A whole case: both files, with the rubric and the outlets' grades they refer to."""

    name: str
    events: tuple[Event, ...] = ()
    event_types: tuple[EventType, ...] = ()
    outlets: tuple[Source, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    fit: Any = Field(None, exclude=True, description="forecast.fits.Fit, where the case learns.")
    folder: Any = Field(None, exclude=True, description="Where the case was read from.")

    def __repr__(self) -> str:
        q = self.question
        return (f"<Case {self.name}: {q.title}, as of {q.as_of}; {len(self.scenarios)} scenarios, "
                f"{len(self.indicators)} indicators, {len(self.actors)} actors, {len(self.events)} events>")  # fmt: skip

    __str__ = __repr__

    @property
    def reference_class(self) -> str:
        """The table of proposals that the case learns from."""
        return self.base_rate.reference_class or "peace_talks"

    @property
    def fit_used(self) -> bool:
        """Whether the base rate is learned."""
        return self.base_rate.reference_class is not None

    @property
    def learns(self) -> bool:
        """Whether something in the case rests on a fit to history."""
        like = any(a.attends_like for a in self.actors)
        return bool(self.base_rate.reference_class or like or self.announcements)

    @property
    def headline(self) -> dt.date:
        """The deadline to lead with: the question's, or its last."""
        return self.question.headline or self.question.deadlines[-1]

    def in_history(self, actor: Actor) -> float:
        """How often an invited party of the actor's role came to talks that were held."""
        role = actor.attends_like or actor.role
        if self.fit is None or role not in LEVELS["role"]:
            return math.nan
        base = self.base_rate
        return float(attends(self.fit, role, base.convener_type or "", base.conflict or "").mean())

    def source(self, ref: str | Source) -> Source:
        """The source that a report names, from the case, the outlets, or in place."""
        if isinstance(ref, Source):
            return ref
        return next(s for s in (*self.sources, *self.outlets) if s.id == ref)

    def phi(self, report: Report) -> float:
        """P(report | event did not happen) / P(report | it did): the worst link of its chain."""
        return max(GRADES[self.source(x).reliability] for x in (report.source, *report.via))

    def origin(self, report: Report) -> str:
        """The one utterance a report came from; without a word on it, its source."""
        if report.origin:
            return report.origin
        return report.source if isinstance(report.source, str) else report.source.name

    def likelihoods(self, event: Event | Watch) -> tuple[Judgement, Judgement]:
        """P(event | node false), P(event | node true): its own, its watch's, or its type's."""
        if event.if_true and event.if_false:
            return event.if_false, event.if_true
        assert isinstance(event, Event)  # a watch has its own: Watch._weighs
        givers: tuple[Any, ...] = (*self.watch, *self.event_types)
        giver = next(x for x in givers if x.id == (event.answers or event.type))
        return giver.if_false, giver.if_true

    def node_of(self, event: Event | Watch) -> str | None:
        """Id of the indicator or actor that the event speaks of."""
        if event.bears_on or isinstance(event, Watch):
            return event.bears_on
        return next(w.bears_on for w in self.watch if w.id == event.answers)

    def as_known(self, day: dt.date) -> Case:
        """The case without anything published after `day` (that day included).

        Later documents, and the sources that no news so far names, are not in it either.
        """
        events = []
        for event in self.events:
            heard = tuple(r for r in event.reports if r.published <= day)
            if heard:
                events.append(event.model_copy(update={"reports": heard}))
        named = []
        for news in self.announcements:
            heard = tuple(r for r in news.reports if r.published <= day)
            if heard:
                named.append(news.model_copy(update={"reports": heard}))
        question = self.question.model_copy(update={"as_of": day})
        known = self.model_copy(
            update={"events": tuple(events), "announcements": tuple(named), "question": question}
        )
        cited = known.cited
        nodes = (*self.indicators, *self.actors)
        judged: tuple[Any, ...] = (self.base_rate, *self.scenarios, *nodes)
        grounds = {x.article.document for x in judged if x.article}
        documents = tuple(d for d in self.documents if d.published <= day or d.id in grounds)
        out = {d.id for d in documents if d.published <= day}
        kept = {
            "documents": documents,
            "sources": tuple(s for s in self.sources if s.id in cited),
            "context": tuple(c for c in self.context if not c.article or c.article.document in out),
        }
        return known.model_copy(update=kept)

    def only(self, document: str) -> Case:
        """The case with nothing but the reports found in one document."""
        events = []
        for event in self.events:
            there = tuple(r for r in event.reports if r.article and r.article.document == document)
            if there:
                events.append(event.model_copy(update={"reports": there}))
        return self.model_copy(update={"events": tuple(events), "announcements": ()})

    @property
    def canonical(self) -> str:
        """What the forecast is made from, as known on the as-of date, as JSON; of a fit its digest."""
        known = self.as_known(self.question.as_of)
        types = {e.type for e in known.events}
        used = known.model_copy(
            update={
                "event_types": tuple(t for t in known.event_types if t.id in types),
                "outlets": tuple(o for o in known.outlets if o.id in known.cited),
            }
        )
        content = used.model_dump(mode="json") | ({"fit": self.fit.digest} if self.fit else {})
        return json.dumps(content, sort_keys=True, ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of `canonical`."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def cited(self) -> frozenset[str]:
        """Ids of the sources that reports name."""
        told: tuple[Any, ...] = (*self.events, *self.announcements)
        reports = (r for e in told for r in e.reports)
        return frozenset(x for r in reports for x in (r.source, *r.via) if isinstance(x, str))
