"""A case laid flat, and put together again: what its forecast depends on, value by value.

Values stand by section, id and field, every judgement worked out for every scenario, every
event with the likelihoods that its type or its watch lends it, every source with its grade. So
values of two versions of a case can be mixed, and the mixture is a case that can be forecast.
It is no case that a file could hold: texts are left out, and what is in it has been heard.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from forecast import parts
from forecast.case import Case
from forecast.judgement import Judgement, means
from forecast.parts import Actor, Indicator, Report, Scenario, Source

Part = dict[str, Any]
Flat = dict[str, dict[str, Part]]
TABLES = ("chance", "if_true", "if_false", "willing", "willing_if_true", "willing_if_false",
           "attends_if_willing", "attends_if_unwilling")  # fmt: skip
"""Fields of a node that are judgements by scenario."""
FORM = ("given", "attends_like", "part_of", "required")
"""Fields of a node that say what its judgements are of."""
_ELICITED = ("held", "days_to_open")
_LEARNED = ("reference_class", "stage", "convener_type", "row_type", "conflict")


@dataclass(frozen=True, slots=True)
class Cell:
    """A judgement for one scenario; how it was written is no difference."""

    judgement: Judgement = field(compare=False)
    key: str = field(compare=False)
    ends: tuple[float, float]

    def __str__(self) -> str:
        return str(self.judgement)

    @property
    def mean(self) -> Judgement:
        """A certain number, the judgement's mean: a forecast is exact at the means."""
        return _mean(*self.ends)


@lru_cache(maxsize=4096)
def _mean(low: float, high: float) -> Judgement:
    at = float(means([Judgement(low, high)])[0])
    return Judgement(at, at)


# --- a case laid flat ---


def _cell(judgement: Judgement, key: str = "") -> Cell:
    return Cell(judgement, key, (judgement.low, judgement.high))


def flat(case: Case) -> Flat:
    """What the forecast of a case depends on, as known on its as-of date."""
    q, known = case.question, case.as_known(case.question.as_of)
    learned = bool(known.base_rate.reference_class)
    base = {k: getattr(known.base_rate, k) for k in (_LEARNED if learned else _ELICITED)}
    if not learned:
        base["held"] = _cell(base["held"])
    nodes: Iterable[Indicator | Actor] = (*known.indicators, *known.actors)
    return {
        "question": {"": {"proposed": q.proposed, "as_of": q.as_of, "horizon": q.horizon}},
        "base_rate": {"": base},
        "fit": {"": {"fit": KeptFit(case.fit, case.fit.digest if case.fit else "")}},
        "scenarios": {s.id: {"share": s.share and _cell(s.share), "days_to_open": s.days_to_open}
                      for s in known.scenarios},
        "nodes": {n.id: _node(n, known.scenarios) for n in nodes},
        "events": {e.id: _event(known, e) for e in known.events},
        "silences": dict(_silences(known)),
        "announcements": {n.id: {"kind": n.kind, "opens": n.opens, "what": _Words(n.what), "place": place,
                                 "reports": tuple(_report(known, r) for r in n.reports)}
                          for place, n in enumerate(known.announcements)},
        # a source of the case's own goes before an outlet of that id
        "sources": {str(s.id): {"reliability": s.reliability}
                    for s in (*known.outlets, *known.sources)},
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptFit:
    """A fit, the same as any other of its digest."""

    fit: Any = field(compare=False)
    digest: str


@dataclass(frozen=True, slots=True)
class _Words:
    """Text, which no forecast depends on."""

    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A part as it stands in the case; its judgements are laid out beside it."""

    part: Any = field(compare=False)


def _node(part: Indicator | Actor, scenarios: Iterable[Scenario]) -> Part:
    out: Part = {"part": _Whole(part), "half_life": getattr(part, "half_life", None)}
    out |= {k: getattr(part, k, None) or None for k in FORM}
    for name in TABLES:
        table = getattr(part, name, None)
        if table is not None:
            out[name] = dict(_by_scenario(table, scenarios))
    return out


def _by_scenario(
    table: Mapping[str, Judgement], scenarios: Iterable[Scenario]
) -> Iterator[tuple[str, Cell]]:
    for s in scenarios:
        chosen = parts.pick(table, s)
        if chosen is not None:
            name = next(k for k, v in table.items() if v is chosen)
            yield s.id, _cell(chosen, name if len(table) > 1 else "")


def _event(case: Case, event: parts.Event) -> Part:
    if_false, if_true = case.likelihoods(event)
    own = event.if_true is not None
    giver = ("own", event.id) if own else ("watch", event.answers) if event.answers else (
        ("type", event.type)
    )  # fmt: skip
    return {
        "what": _Words(event.what), "giver": giver, "node": case.node_of(event),
        "date": event.date[1], "answers": event.answers,
        "if_true": _cell(if_true), "if_false": _cell(if_false),
        # published as early as can be: whether it is known is what the change is about
        "reports": tuple(sorted((_report(case, r, dt.date.min) for r in event.reports), key=repr)),
    }  # fmt: skip


def _report(case: Case, report: Report, published: dt.date | None = None) -> Report:
    """A report without what is only for readers."""
    return Report.model_construct(
        source=_plain(report.source), via=tuple(map(_plain, report.via)),
        published=published or report.published, origin=case.origin(report), denies=report.denies,
    )  # fmt: skip


def _plain(source: str | Source) -> str | Source:
    if isinstance(source, str):
        return source
    return Source.model_construct(name=source.name, reliability=source.reliability)


def _silences(case: Case) -> Iterator[tuple[str, Part]]:
    """Watches that weigh and whose day has passed."""
    for w in case.watch:
        if w.bears_on and w.by <= case.question.as_of:
            if_false, if_true = case.likelihoods(w)
            yield w.id, {"what": _Words(w.what), "giver": ("watch", w.id), "node": w.bears_on,
                         "date": w.by, "if_true": _cell(if_true), "if_false": _cell(if_false)}  # fmt: skip


# --- a mixture as a case ---


def named(part: Part) -> set[str]:
    """Ids of the sources that its reports name."""
    return {s for r in part["reports"] for s in (r.source, *r.via) if isinstance(s, str)}


def put(state: Flat, path: tuple[str, ...], value: Any) -> None:
    """Put a value in its place: a part under its section and id, None taking it out, or a field.

    What `state` holds is not changed, only what it holds by section.
    """
    section, x, *rest = path
    if not rest:
        state[section] = {k: v for k, v in state[section].items() if k != x}
        if value is not None:
            state[section][x] = value
        return
    if x not in state[section]:
        return  # taken out
    part = dict(state[section][x])
    if len(rest) == 1:
        part[rest[0]] = value
    else:
        part[rest[0]] = part[rest[0]] | {rest[1]: value}
    state[section][x] = part


def settle_places(a: dict[str, Part], b: dict[str, Part]) -> None:
    """One order of the announcements of both; where they disagree, each keeps its own."""
    orders = []
    for f, g in ((a, b), (b, a)):
        order = list(f)
        for before, x in zip((None, *g), g, strict=False):
            if x not in f:
                order.insert(order.index(before) + 1 if before in order else 0, x)
        orders.append(order)
    agree = [x for x in a if x in b] == [x for x in b if x in a]
    for f, order in zip((a, b), (orders[0], orders[0] if agree else orders[1]), strict=True):
        for x in f:
            f[x] = f[x] | {"place": order.index(x)}


def assemble(case: Case, state: Flat, only: Collection[str] | None = None) -> Case:
    """The case that these values are; `case` gives its name and the order of its scenarios.

    Parameters
    ----------
    only : collection of str, optional
        The nodes to have, with the evidence on them.
    """
    q = case.question.model_copy(update=state["question"][""])
    base = {k: _bare(v) for k, v in state["base_rate"][""].items()}
    there = {n: x for n, x in state["nodes"].items() if only is None or n in only}
    nodes = [_node_part(x) for x in there.values()]
    # also by an event on another node: an id may have meant another watch before
    answered = {e["answers"] for e in state["events"].values() if e["node"] in state["nodes"]}
    return Case.model_construct(
        name=case.name,
        question=q,
        base_rate=parts.BaseRate.model_construct(**base, why="", leave_out=()),
        scenarios=tuple(
            s.model_copy(update={k: _bare(v) for k, v in state["scenarios"][s.id].items()})
            for s in case.scenarios
        ),
        indicators=tuple(n for n in nodes if isinstance(n, Indicator)),
        actors=tuple(n for n in nodes if isinstance(n, Actor)),
        sources=tuple(
            Source.model_construct(id=i, name=i, **x) for i, x in state["sources"].items()
        ),
        events=tuple(
            parts.Event.model_construct(id=i, date=(x["date"], x["date"]), what="", bears_on=x["node"],
                                  answers=x["answers"], reports=x["reports"], **_likelihoods(x))
            for i, x in state["events"].items() if x["node"] in there
        ),
        watch=tuple(
            parts.Watch.model_construct(id=i, what="", by=min(x["date"], q.as_of), bears_on=x["node"],
                                  **_likelihoods(x))
            for i, x in state["silences"].items() if x["node"] in there and i not in answered
        ),
        announcements=tuple(
            parts.Announcement.model_construct(id=i, what="", kind=x["kind"], opens=x["opens"],
                                         reports=tuple(_heard(r, q.as_of) for r in x["reports"]))
            # of one day, the later in the file supersedes
            for i, x in sorted(state["announcements"].items(),
                               key=lambda n: (min((r.published for r in n[1]["reports"] if not r.denies), default=dt.date.max),
                                              n[1]["place"]))
        ),
        fit=state["fit"][""]["fit"].fit,
    )  # fmt: skip


def _heard(report: Report, as_of: dt.date) -> Report:
    """A report that has been heard: if it is of a later day, on the as-of date."""
    return report.model_copy(update={"published": min(report.published, as_of)})


def _likelihoods(part: Part) -> Part:
    return {k: part[k].mean for k in ("if_true", "if_false")}


def _bare(value: Any) -> Any:
    return value.mean if isinstance(value, Cell) else value


def _node_part(x: Part) -> Indicator | Actor:
    part: Indicator | Actor = x["part"].part
    update = {k: {s: c.mean for s, c in x[k].items()} for k in TABLES if x.get(k) is not None}
    if isinstance(part, Indicator):
        update["half_life"] = x["half_life"]
    return part.model_copy(update=update)


# --- what no forecast depends on ---

_TEXTS = ("title", "text", "yes_if", "no_if", "void_if", "attends_if", "deadlines", "headline", "why",
          "article", "leave_out", "label", "first_signs", "statement", "name", "role", "what")  # fmt: skip


def texts_changed(a: Case, b: Case) -> Iterator[str]:
    """Where two versions differ without effect: texts, deadlines, what is watched for later."""
    for section in ("question", "base_rate"):
        for k in _TEXTS:
            if getattr(getattr(a, section), k, None) != getattr(getattr(b, section), k, None):
                yield f"{section}: {k}"
    for section in ("scenarios", "indicators", "actors", "events", "announcements"):
        one, two = ({x.id: x for x in getattr(c, section)} for c in (a, b))
        for x in [x for x in one if x in two]:
            for k in _TEXTS:
                if getattr(one[x], k, None) != getattr(two[x], k, None):
                    yield f"{x}: {k}"
    ahead = [{w.id: w for w in c.watch if w.by > c.question.as_of} for c in (a, b)]
    for x in dict.fromkeys((*ahead[0], *ahead[1])):
        if (x in ahead[0] and x in ahead[1] and ahead[0][x] != ahead[1][x]) or x not in {
            w.id for w in (a if x in ahead[1] else b).watch
        }:
            yield f"watch {x}"
    for section in ("documents", "context"):
        if getattr(a, section) != getattr(b, section):
            yield section
