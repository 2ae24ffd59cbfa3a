"""Writing a case: a new one from the template, and what the words of one still lack.

The rules below give advice, which `forecast.advice` collects. Those that look for words (of
places, of attending, of naming a day) know English only, and they would rather miss something
than cry wolf.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from typing import Any

from forecast.case import Case
from forecast.judgement import Judgement
from forecast.loading import fold, shipped
from forecast.parts import CaseFile, Event, EventsFile, Passage, Report
from forecast.rules import SINGLE
from forecast.wording import clean

SCHEMAS: dict[str, Any] = {"case": CaseFile, "events": EventsFile}
PLACEHOLDER = "TODO"
"""Stands in the template where the author has to write."""
_EXTREME = 0.97
_TEMPLATE = Path(__file__).parent / "templates" / "case"
_PLACE = re.compile(r"\b(?:[Ii]n|[Aa]t|[Nn]ear|[Aa]board|[Ww]ithin)\s+(?:[a-z]+\s+){0,3}[A-Z]"
                    r"|\b(?i:online|by video|by telephone|where(?:ver)?|any ?where|any place)\b")  # fmt: skip
_WORD_OF = re.compile(r"\b(?:sources?|report|according|confirm|announce|official|statement|communiqu|record|"
                      r"publish|press\b|agenc|minutes\b|(?:says|said) so|word of)", re.I)  # fmt: skip
_ATTENDS = re.compile(r"\b(?:attend\w*|boycott\w*|stays? away|takes? part|participat\w+|declines?|refuses? to (?:come|go)|"
                      r"(?:does|will|do) not (?:come|go)|comes?|joins?|(?:is|are) (?:absent|present))\b", re.I)  # fmt: skip
_NAMES_A_DAY = re.compile(r"\b(?:nam|set|announc|fix)\w*\s+(?:\w+\s+){0,3}(?:day|date|week)\b|\bday (?:is|was) named\b|"
                          r"\binvitations? (?:\w+ )?(?:have|has|are|were|gone|went|sent)\b|"
                          r"\bsen(?:d|ds|t) (?:out )?(?:\w+ )?invitations?\b", re.I)  # fmt: skip
_PROPOSES = re.compile(r"\b(?:propos\w+|offer(?:s|ed)?|float(?:s|ed)|suggest(?:s|ed)|first (?:reports?|word) of)\b", re.I)  # fmt: skip

Found = tuple[str, Any, str, str, str]
"""Section, part, key, reason, way out."""


def schema(file: str) -> str:
    """The JSON Schema of `case` or `events`, as text.

    It holds the structure of the file: keys, types, words, ranges. That ids exist, that shares
    leave a rest, that dates follow each other, and which keys exclude each other, is checked by
    `forecast.load` alone.
    """
    if file not in SCHEMAS:
        raise ValueError(f"{file}: expected case or events")
    return json.dumps(SCHEMAS[file].model_json_schema(), indent=2)


def new(name: str, folder: Path, today: dt.date) -> Path:
    """Make the folder of a new case from the template: all of it, or nothing.

    Parameters
    ----------
    name : str
        Of the case and of its folder: letters, digits, `_` and `-`.
    folder : path
        Where the new folder is made.
    today : date
        The as-of date of the case; its other dates follow from it.

    Returns
    -------
    path
        The new folder, with `case.toml`, `events.toml` and the schemas that editors use.

    Raises
    ------
    ValueError
        If the name will not do, or something of that name is there.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise ValueError(
            f"{clean(name, 64) or 'an empty name'}: expected a name of letters, digits, _ and -, at most 64"
        )
    if name in shipped():
        raise ValueError(f"{name}: a shipped case has this name; expected another")
    if not folder.is_dir():
        raise ValueError(f"{clean(folder)}: no such folder")
    target = folder / name
    if os.path.lexists(target):
        raise ValueError(f"{clean(target)}: already there; expected a new name")
    days = {"before": -7, "as_of": 0, "soon": 30, "later": 90, "last": 180, "horizon": 365}
    filled = {key: today + dt.timedelta(n) for key, n in days.items()}
    try:
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}."))
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(target)) from e
    try:
        made = scratch / name  # its mode is what the user's mask gives, as that of `scratch` is not
        made.mkdir()
        for file in SCHEMAS:
            text = Template((_TEMPLATE / f"{file}.toml").read_text("utf-8"))
            (made / f"{file}.toml").write_text(text.substitute(filled, name=name), "utf-8")
            (made / f"{file}.schema.json").write_text(schema(file) + "\n", "utf-8")
        made.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def unfilled(case: Case) -> Iterator[Found]:
    """Words of the template are still there."""
    for section in (*SINGLE, "scenarios", "indicators", "actors", "sources", "documents", "watch",
                    "context", "events", "announcements"):  # fmt: skip
        value = getattr(case, section)
        for part in (value,) if section in SINGLE else value:
            content = part.model_dump(mode="json")
            keys = [k for k, v in content.items() if PLACEHOLDER in json.dumps(v)]
            if keys:
                yield (
                    section,
                    part,
                    ", ".join(keys),
                    f"{PLACEHOLDER}: still words of the template",
                    "fill it in",
                )


def question(case: Case) -> Iterator[Found]:
    """When it is void, where it is, and by whose word it is settled."""
    q = case.question
    if not q.void_if:
        yield ("question", q, "void_if", "missing: a case that cannot be decided would count as no",
               "say what makes the question void, for instance that it cannot be told from two "
               "independent sources")  # fmt: skip
    if "{deadline}" not in q.text:
        yield ("question", q, "text", "has no {deadline}: every deadline is asked in the same words",
               "write {deadline} where the day belongs")  # fmt: skip
    asked = f"{q.text} {q.yes_if}"
    if re.search(r"[A-Za-z]", asked) and not _PLACE.search(asked):
        yield ("question", q, "yes_if", "names no meeting place: a meeting elsewhere may or may not count",
               'name the place, or write "wherever it is"')  # fmt: skip
    rules = " ".join(x for x in (q.yes_if, q.no_if, q.void_if) if x)
    if re.search(r"[A-Za-z]", rules) and not _WORD_OF.search(rules):
        yield ("question", q, "yes_if", "does not say by whose word it is settled",
               "name who decides: an official statement, a court, or a number of independent sources")  # fmt: skip


def attendance(case: Case) -> Iterator[Found]:
    """A scenario is defined by what drives events, never by who attends."""
    names = [re.compile(rf"\b(?:{'|'.join(called(a.id, a.name))})\b") for a in case.actors]
    for s in case.scenarios:
        for key in ("label", "first_signs", "why"):
            for clause in re.split(r"[.;:]", getattr(s, key) or ""):
                found = _ATTENDS.search(clause)
                if found and any(n.search(clause) for n in names):
                    yield ("scenarios", s, key, f'"{clause.strip()}" says who comes, and that is what the case asks',
                           "define the scenario by what drives it, such as a decision, a war, a rival track; "
                           "put who comes into that actor's willing")  # fmt: skip
                    break


def called(name_id: str, name: str) -> list[str]:
    """What an actor is called in a text: his name, and its last word if it is a name by itself."""
    full = re.sub(r"^(?:The|A|An) ", "", re.split(r"[,(]| or ", name)[0].strip(), flags=re.I)
    last = full.split()[-1].rpartition("-")[2] if full.split() else ""
    own = [last] if len(last) > 3 and last[0].isupper() else []
    return [re.escape(x) for x in (full, *own) if x] or [re.escape(name_id)]


def silence(case: Case) -> Iterator[Found]:
    """An announcement, or what chose the reference class, coded again as an event."""
    for w in case.watch:
        if not w.announces and _NAMES_A_DAY.search(w.what):
            yield ("watch", w, "announces", "reads as the naming of a day or as invitations: the lead of an announcement "
                   "counts that silence already", "write announces = true, without bears_on and likelihoods")  # fmt: skip
    days = {x.published: a.id for a in case.announcements for x in a.reports}
    origin = {x.origin: a.id for a in case.announcements for x in a.reports if x.origin}
    for e in case.events:
        same = [days.get(x.published) for x in e.reports if _NAMES_A_DAY.search(e.what)]
        said = [origin.get(case.origin(x)) for x in e.reports if x.origin]
        if twice := next((x for x in same if x), None):
            yield ("events", e, "what", f'tells of a day or of invitations, as the announcement "{twice}" does',
                   "leave the event out: the announcement weighs it")  # fmt: skip
        elif twice := next((x for x in said if x), None):
            yield ("events", e, "reports", f'of one origin with the announcement "{twice}": one utterance is coded twice',
                   "leave the event out, unless it tells of something else that was said there")  # fmt: skip
        if e.date[0] == e.date[1] == case.question.proposed and _PROPOSES.search(e.what):
            yield ("events", e, "date", "reports the proposal on its own day: that there is one chose the reference class",
                   "leave it out, or code only what is more than the proposal itself")  # fmt: skip


def unfinished(case: Case) -> Iterator[Found]:
    """An event that ends after the last report of it."""
    for e in case.events:
        if e.date[1] > (last := max(x.published for x in e.reports)):
            yield ("events", e, "date", f"its last day, {e.date[1]}, is after its last report, {last}: that was not yet known to have happened",
                   "end it on the day of the last report, or add the report of its end")  # fmt: skip


def plain_numbers(case: Case) -> Iterator[Found]:
    """A judgement as a plain number that leaves no doubt."""
    for section in ("base_rate", "scenarios", "indicators", "actors", "watch", "events"):
        value = getattr(case, section)
        for part in (value,) if section == "base_rate" else value:
            for key, _ in part:
                field = getattr(part, key)
                judged = field.values() if isinstance(field, dict) else (field,)
                for j in judged:
                    if isinstance(j, Judgement) and j.certain and not 1 - _EXTREME <= j.low <= _EXTREME:
                        yield (section, part, key, f"{j.low:g} as a plain number leaves no doubt at all",
                               'write an interval, or a word such as "almost certain" or "remote"')  # fmt: skip


def coded_twice(case: Case) -> Iterator[Found]:
    """A passage is coded once: as one event, as a ground, as what chose the class, or as context."""
    grounds = defaultdict(list)
    for name in ("base_rate", "scenarios", "indicators", "actors", "context"):
        value = getattr(case, name)
        for part in (value,) if name == "base_rate" else value:
            if part.article:
                grounds[part.article.document, part.article.paragraph].append((name, part))
    seen: dict[tuple[str, int], list[tuple[Event, Passage]]] = defaultdict(list)
    for e, report in reports(case):
        if (p := report.article) is None:
            continue
        for name, part in grounds[p.document, p.paragraph]:
            if overlap(p, part.article):
                what = f"{name.removesuffix('s')} {getattr(part, 'id', '')}".strip().replace("_", " ", 1)
                use = {"base_rate": "it chose the base rate", "context": "it is context"}
                yield ("events", e, "article", f"the same passage is coded twice: {use.get(name, f'it is the ground of {what}')} too",
                       "keep it in one place")  # fmt: skip
        for other, q in seen[p.document, p.paragraph][:50]:
            if other.id != e.id and case.node_of(other) != case.node_of(e) and overlap(p, q):
                yield ("events", e, "article", f'the same passage feeds "{case.node_of(e)}" here and "{case.node_of(other)}" in '
                       f'"{other.id}"', "code a claim once, where it bears most directly")  # fmt: skip
        seen[p.document, p.paragraph].append((e, p))


def reports(case: Case) -> Iterator[tuple[Event, Report]]:
    """Every report of an event, with its event."""
    return ((e, report) for e in case.events for report in e.reports)


def overlap(a: Passage, b: Passage) -> bool:
    """Whether two passages are one: a paragraph may hold several claims."""
    x, y = fold(a.locator or ""), fold(b.locator or "")
    near = (a.document, a.paragraph) == (b.document, b.paragraph)
    return near and (x == y or bool(x and y and (x in y or y in x)))


READING: tuple[Callable[[Case], Iterator[Found]], ...] = (
    unfilled, question, attendance, silence, unfinished, plain_numbers, coded_twice,
)  # fmt: skip
"""Rules of advice that read the case alone, as known on its date."""
