"""Rules of a case that no single part of it can check by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import ndtri

from forecast import parts as c
from forecast.fields import GROUPS
from forecast.fits import HORIZON
from forecast.judgement import COVERAGE, Judgement, did_you_mean, means
from forecast.wording import clean, nearest


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a case: where, and what was found and expected."""

    file: str
    where: str
    message: str

    def __str__(self) -> str:
        return ": ".join(x for x in (self.file, self.where, self.message) if x)


@dataclass(frozen=True)
class Draft:
    """The parts of a case that could be read, and the ids of all, readable or not.

    A part that could not be read has its own message; what refers to it gets none. `broken`
    are the sections with such a part, `nameless` those where not even its id could be read.
    """

    parts: Mapping[str, tuple[tuple[int, Any], ...]] = field(default_factory=dict)
    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    nameless: frozenset[str] = frozenset()

    def each(self, section: str) -> tuple[tuple[int, Any], ...]:
        return self.parts.get(section, ())

    def known(self, *sections: str) -> frozenset[str]:
        return frozenset().union(*(self.ids.get(s, frozenset()) for s in sections))

    def lacks(self, name: str, *sections: str) -> bool:
        """No part of the sections has this id, and none is there whose id could not be read."""
        return name not in self.known(*sections) and self.nameless.isdisjoint(sections)


FILE_OF = {
    "events": "events.toml",
    "announcements": "events.toml",
    "event_types": "event_types.toml",
    "outlets": "sources.toml",
}
SHOWN_AS = {"outlets": "sources"}
MOST_DAYS = 18_300
"""From the proposal to the horizon: fifty years."""
SINGLE = ("question", "base_rate")
"""Sections that are one table."""


def where(section: str, index: int, part: Any, key: str = "") -> str:
    """`events[3] "assad_ready": key`, counted from 1."""
    place = section
    if section not in SINGLE:
        name = part.get("id") if isinstance(part, Mapping) else getattr(part, "id", None)
        shown = f' "{clean(name, 64)}"' if name and isinstance(name, str) else ""
        place = f"{SHOWN_AS.get(section, section)}[{index + 1}]{shown}"
    return f"{place}: {key}" if key else place


def check(draft: Draft) -> list[Problem]:
    """All problems of a draft, in the order of the rules."""
    return [problem for rule in RULES for problem in rule(draft)]


def _at(section: str, index: int, part: Any, key: str, message: str) -> Problem:
    return Problem(FILE_OF.get(section, "case.toml"), where(section, index, part, key), message)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    # the known names too: what they are has not been checked yet
    return clean(f'no {kind} "{clean(name, 64)}"{did_you_mean(name, sorted(known))}', 240)


def unique_ids(d: Draft) -> Iterator[Problem]:
    """Ids name one thing: nodes among each other, events and watches among each other."""
    groups = (("scenarios",), ("indicators", "actors"), ("events", "announcements", "watch"), ("documents",),
              ("outlets", "sources"), ("event_types",))  # fmt: skip
    for group in groups:
        seen: dict[str, tuple[str, str]] = {}
        for section in group:
            file = FILE_OF.get(section, "case.toml")
            for i, part in d.each(section):
                if part.id in seen:
                    first, of = seen[part.id]
                    also = f" of {of}" if of != file else ""
                    yield _at(section, i, part, "id", f"already used by {first}{also}")
                elif part.id:
                    seen[part.id] = where(section, i, part), file
    for i, part in d.each("sources"):
        if not part.id:
            yield _at("sources", i, part, "id", "missing; expected a name for reports to use")
    for i, part in d.each("scenarios"):
        if part.id in GROUPS:
            yield _at("scenarios", i, part, "id", f'"{part.id}" stands for a group of scenarios')


def references(d: Draft) -> Iterator[Problem]:
    """What is named exists."""
    nodes = ("indicators", "actors")
    kinds = (
        ("given", "indicator or actor", nodes),
        ("bears_on", "indicator or actor", nodes),
        ("part_of", "actor", ("actors",)),
        ("type", "event type", ("event_types",)),
        ("answers", "watch", ("watch",)),
    )
    for section in ("indicators", "actors", "watch", "events"):
        for i, part in d.each(section):
            for key, kind, there in kinds:
                name = getattr(part, key, None)
                if name is not None and d.lacks(name, *there):
                    yield _at(section, i, part, key, _unknown(kind, name, d.known(*there)))
    for section, i, part in _reported(d):
        for k, report in enumerate(part.reports):
            for key, names in (("source", (report.source,)), ("via", report.via)):
                for name in names:
                    if isinstance(name, str) and d.lacks(name, "sources", "outlets"):
                        message = _unknown("source", name, d.known("sources", "outlets"))
                        yield _at(section, i, part, f"reports[{k + 1}].{key}", message)
    for section, i, part, key, passage in passages(d):
        if d.lacks(passage.document, "documents"):
            message = _unknown("document", passage.document, d.known("documents"))
            yield _at(section, i, part, f"{key}.document", message)


def passages(d: Draft) -> Iterator[tuple[str, int, Any, str, c.Passage]]:
    """Every passage of a document that the case refers to, with its place."""
    for section, parts in d.parts.items():
        for i, part in parts:
            if getattr(part, "article", None):
                yield section, i, part, "article", part.article
            for k, report in enumerate(getattr(part, "reports", ())):
                if report.article:
                    yield section, i, part, f"reports[{k + 1}].article", report.article


def no_cycles(d: Draft) -> Iterator[Problem]:
    """Following `given`, or `part_of`, one comes to an end."""
    for key in ("given", "part_of"):
        told: set[str] = set()
        ends: set[str] = set()  # ids from which one comes to an end, or into a circle they are not in
        sections = ("indicators", "actors") if key == "given" else ("actors",)
        up = {p.id: getattr(p, key) for s in sections for _, p in d.each(s)}
        for section in sections:
            for i, part in d.each(section):
                if part.id in told:
                    continue
                chain, at = {part.id: None}, up[part.id]
                while at in up and at not in chain and at not in ends:
                    chain[at] = None
                    at = up[at]
                whole = list(chain)
                ends.update(whole[: whole.index(at)] if at in chain else whole)
                if at == part.id:
                    told.update(chain)
                    message = f"goes round in a circle: {clean(' -> '.join([*chain, at]), 240)}"
                    yield _at(section, i, part, key, message)


def tables_cover(d: Draft) -> Iterator[Problem]:
    """Every table says something for every scenario, and nothing for one that is not there."""
    scenarios = [s for _, s in d.each("scenarios")]
    names = (*sorted(d.known("scenarios")), *GROUPS)
    keys = {"indicators": ("chance", "if_true", "if_false"),
            "actors": ("willing", "willing_if_true", "willing_if_false",
                       "attends_if_willing", "attends_if_unwilling")}  # fmt: skip
    for section, fields in keys.items():
        for i, part in d.each(section):
            for key in fields:
                table: Mapping[str, Judgement] | None = getattr(part, key)
                if table is None:
                    continue
                strange = [n for n in table if n not in GROUPS and d.lacks(n, "scenarios")]
                for name in strange if names[: -len(GROUPS)] else ():
                    message = _unknown("scenario", name, names)
                    yield _at(section, i, part, f"{key}.{clean(name)}", message)
                if "scenarios" in d.broken:
                    continue
                # what a misspelt name was meant to say is not missing as well
                meant = {nearest(n, names) or n: table[n] for n in strange} | dict(table)
                asked = [s for s in scenarios if s.held or not key.startswith("attends")]
                if left := [f'"{s.id}"' for s in asked if c.pick(meant, s) is None]:
                    many = "s" if len(left) > 1 else ""
                    message = f"says nothing for scenario{many} {clean(', '.join(left), 200)}"
                    yield _at(section, i, part, key, f"{message}; add {'them' if many else 'it'}, "
                              "or otherwise")  # fmt: skip


def shares(d: Draft) -> Iterator[Problem]:
    """On each side one scenario takes the rest, and something is left for it."""
    if "scenarios" in d.broken:
        return
    for held in (True, False):
        side = [s for _, s in d.each("scenarios") if s.held == held]
        label = f"scenarios with held = {str(held).lower()}"
        if not side:
            yield Problem("case.toml", label, "found none; expected at least one")
            continue
        rest = [s.id for s in side if s.share is None]
        if len(rest) != 1:
            found = "none" if not rest else clean(", ".join(rest))
            yield Problem("case.toml", label, f"exactly one has no share and takes the rest; found {found}")  # fmt: skip
        total = means(s.share for s in side if s.share).sum()
        if total >= 1:
            yield Problem("case.toml", label, f"the shares' means add up to {total:.2f}; "
                          "expected less than 1, so that something is left for the rest")  # fmt: skip


def dates(d: Draft) -> Iterator[Problem]:
    """In order: proposed <= as_of < deadlines <= horizon; published not before it happened."""
    for _, q in d.each("question"):
        if q.proposed > q.as_of:
            yield Problem("case.toml", "question: as_of", f"{q.as_of} is before proposed, {q.proposed}")
        for n, (before, after) in enumerate(pairwise([q.as_of, *q.deadlines])):
            if after <= before:
                than = "the deadline before it" if n else "as_of"
                message = f"{after} is not after {than}, {before}"
                yield Problem("case.toml", "question: deadlines", message)
        if q.deadlines[-1] > q.horizon:
            yield Problem("case.toml", "question: horizon", f"{q.horizon} is before the last deadline, "
                          f"{q.deadlines[-1]}")  # fmt: skip
        if (q.horizon - q.proposed).days > MOST_DAYS:  # each is looked at
            yield Problem("case.toml", "question: horizon", f"{q.horizon} is more than "
                          f"{MOST_DAYS:,} days after proposed, {q.proposed}")  # fmt: skip
        if q.headline and q.headline not in q.deadlines:
            yield Problem("case.toml", "question: headline", f"{q.headline} is none of the deadlines")
        length = (q.horizon - q.proposed).days
        for section in ("base_rate", "scenarios"):
            for i, part in d.each(section):
                if part.days_to_open and part.days_to_open[0] >= length > 0:
                    yield _at(section, i, part, "days_to_open", f"{part.days_to_open[0]:g} days or more; the horizon, "
                              f"{q.horizon}, is {length} days after proposed: expected the low end before it")  # fmt: skip
        for i, w in d.each("watch"):
            if not q.proposed <= w.by <= q.horizon:
                yield _at("watch", i, w, "by", f"{w.by} is not between proposed, {q.proposed}, "
                          f"and horizon, {q.horizon}")  # fmt: skip
    for i, event in d.each("events"):
        for k, report in enumerate(event.reports):
            if report.published < event.date[0]:
                yield _at("events", i, event, f"reports[{k + 1}].published",
                          f"{report.published} is before the event, {event.date[0]}")  # fmt: skip


def openings(d: Draft) -> Iterator[Problem]:
    """A day or window was ahead when it was told, and one that the base rate can reach."""
    for _, q in d.each("question"):
        reach, way_out = _reach(d)
        for i, a in d.each("announcements"):
            if a.opens and (a.opens[0] - q.proposed).days > reach:
                yield _at("announcements", i, a, "opens", f"{a.opens[0]} is {(a.opens[0] - q.proposed).days} days after proposed, {q.proposed}: "
                          f"the base rate leaves hardly a chance beyond {reach:.0f} days; {way_out}")  # fmt: skip
            if a.opens and not q.proposed < a.opens[0] <= a.opens[1] <= q.horizon:
                hint = ("" if a.kind == "day" else '; put off to later than that is kind = "postponed" without opens' if a.kind == "postponed"
                        else "; write the part of it that lies there")  # fmt: skip
                yield _at("announcements", i, a, "opens", f"{a.opens[0]} to {a.opens[1]} is not after "
                          f"proposed, {q.proposed}, and by horizon, {q.horizon}{hint}")  # fmt: skip
            if a.first_told is None:
                yield _at("announcements", i, a, "reports", "all deny it: expected one that affirms it, or leave it out")  # fmt: skip
            elif a.opens and a.opens[1] < a.first_told:
                yield _at("announcements", i, a, "opens", f"{a.opens[1]} had passed when it was first reported, {a.first_told}; "
                          'expected a day ahead (one that passed unused is kind = "postponed")')  # fmt: skip
            for k, report in enumerate(a.reports):
                if report.published < q.proposed:
                    yield _at("announcements", i, a, f"reports[{k + 1}].published",
                              f"{report.published} is before proposed, {q.proposed}")  # fmt: skip


def _reach(d: Draft) -> tuple[float, str]:
    """Days beyond which the times to open that are used leave 1e-9 at most, and what to do about it."""
    if not d.broken.isdisjoint(("base_rate", "scenarios")):
        return float(np.inf), ""
    own = [s.days_to_open for _, s in d.each("scenarios") if s.held]
    base = [b for _, b in d.each("base_rate")] if None in own else []
    times = [x for x in (*own, *(b.days_to_open for b in base)) if x]
    if any(b.reference_class for b in base):  # it knows of no later opening
        longer = f"give a held scenario days_to_open of its own, or elicit held and days_to_open (a learned one ends at {HORIZON})"
        return float(max([HORIZON, *map(_last, times)])), longer
    return float(max(map(_last, times), default=np.inf)), "widen days_to_open"


def _last(days: tuple[float, float]) -> float:
    """The day beyond which a log-normal with this central 90 % leaves 1e-9."""
    low, high = days
    return float(np.sqrt(low * high) * (high / low) ** (-ndtri(1e-9) / (2 * ndtri((1 + COVERAGE) / 2))))


def readings(d: Draft) -> Iterator[Problem]:
    """A passage could be read when its report was published, or its judgement made."""
    documents = {x.id: x.published for _, x in d.each("documents")}
    as_of = next((q.as_of for _, q in d.each("question") if q.proposed <= q.as_of), None)
    for section, i, part, key, passage in passages(d):
        published = documents.get(passage.document)
        day, since = as_of, "as_of"
        if key != "article":
            report = next(r for r in part.reports if r.article is passage)
            day, since = report.published, "this report's day"
        if published and day and published > day and section != "context":
            yield _at(section, i, part, f"{key}.document", f'"{passage.document}" was published on {published}, '
                      f"after {since}, {day}")  # fmt: skip


def likelihoods_agree(d: Draft) -> Iterator[Problem]:
    """A type's likelihoods, and an event's own, point where its direction says."""
    types = {t.id: t for _, t in d.each("event_types")}
    for i, t in d.each("event_types"):
        low, high = means([t.if_false, t.if_true])
        if (high > low) != (t.direction == "for"):
            yield _at("event_types", i, t, "direction", f'"{t.direction}", but if_true has mean '
                      f"{high:.2f} and if_false {low:.2f}")  # fmt: skip
        elif abs(t.ratio - max(high / low, low / high)) > 0.05 * t.ratio:
            yield _at("event_types", i, t, "ratio", f"{t.ratio:g}, but the means have ratio "
                      f"{max(high / low, low / high):.2f}")  # fmt: skip
    for i, event in d.each("events"):
        if event.if_true and event.type in types:
            low, high = means([event.if_false, event.if_true])
            direction = types[event.type].direction
            if high != low and (high > low) != (direction == "for"):
                yield _at("events", i, event, "if_true", f'the type "{event.type}" speaks '
                          f"{direction}, these likelihoods the other way")  # fmt: skip


def origins_agree(d: Draft) -> Iterator[Problem]:
    """No origin both affirms and denies one event."""
    for section, i, event in _reported(d):
        said: dict[str, bool] = {}
        for report in event.reports:
            source = report.source if isinstance(report.source, str) else report.source.name
            origin = report.origin or source
            if said.setdefault(origin, report.denies) != report.denies:
                yield _at(section, i, event, "reports", f'the origin "{clean(origin)}" both '
                          "affirms and denies it: give the reports their own origins")  # fmt: skip
                break


def _reported(d: Draft) -> Iterator[tuple[str, int, Any]]:
    for section in ("events", "announcements"):
        for i, part in d.each(section):
            yield section, i, part


def answers_agree(d: Draft) -> Iterator[Problem]:
    """An event that answers a watch speaks of what the watch speaks of, in the same odds."""
    watches = {w.id: w for _, w in d.each("watch")}
    settled: dict[str, str] = {}
    for i, event in d.each("events"):
        watch = watches.get(event.answers)
        if watch is None:
            continue
        # twice answered, one thing that was awaited would count twice
        if watch.id in settled:
            yield _at("events", i, event, "answers", f'"{watch.id}" is already answered by '
                      f"{settled[watch.id]}")  # fmt: skip
        settled.setdefault(watch.id, where("events", i, event))
        if event.date[0] > watch.by:
            yield _at("events", i, event, "date", f'{event.date[0]} is after {watch.by}, the day of "{watch.id}": '
                      "it was not seen by then; let the silence stand, and code this as an event of its own")  # fmt: skip
        if all(r.denies for r in event.reports):
            yield _at("events", i, event, "answers", f'that "{watch.id}" did not happen is what its silence says: '
                      "expected a report that affirms it, or no answers")  # fmt: skip
        if watch.announces:
            yield _at("events", i, event, "answers", f'"{watch.id}" would be an announcement')
        elif event.bears_on and event.bears_on != watch.bears_on:
            yield _at("events", i, event, "bears_on", f'"{event.bears_on}", but the watch it '
                      f'answers bears on "{watch.bears_on}"')  # fmt: skip
        if event.type or event.if_true:
            yield _at("events", i, event, "answers", "the likelihoods are the watch's, judged "
                      "beforehand: leave out type, if_true and if_false")  # fmt: skip


RULES: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    unique_ids, references, no_cycles, tables_cover, shares, dates, openings, readings,
    likelihoods_agree, origins_agree, answers_agree,
)  # fmt: skip
