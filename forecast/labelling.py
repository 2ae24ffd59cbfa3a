"""Judgements in words: from a label such as `khatib: willing.otherwise` to what a reader understands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from forecast.case import Case
from forecast.markup import Html, h, inside, percent, role_words, short, text
from forecast.parts import Actor

_GROUPS = {
    "held": "if it is held",
    "not_held": "if it is not held",
    "otherwise": "in the other futures",
}


def names(case: Case) -> dict[str, str]:
    """What each indicator states, and the name of each actor."""
    return {i.id: i.statement for i in case.indicators} | {a.id: a.name for a in case.actors}


def about(case: Case, of: str) -> str:
    """The same after a word such as `on`."""
    name = names(case)[of]
    return inside(name) if any(of == a.id for a in case.actors) else name


def origin(case: Case, of: str) -> Html:
    """A source's name; the watch that is silent; or, in quotes, what the case calls an utterance or document."""
    kind, _, watch = of.partition(": ")
    silent = {w.id: w.what for w in case.watch}
    if kind == "silence" and watch in silent:
        return h("{}<small>silence</small>", text(short(silent[watch], 110)))
    name = named(case, of)
    return text(name if _is_name(case, of) else f"“{name}”")


def named(case: Case, of: str) -> str:
    """A source's name, or what the case calls an utterance or document."""
    called = {str(s.id): s.name for s in (*case.outlets, *case.sources)}
    return called.get(of, of) if _is_name(case, of) else of.replace("_", " ")


def _is_name(case: Case, of: str) -> bool:
    # a source that stands in its report has no id: its name is the origin
    known = {s.id for s in (*case.outlets, *case.sources)}
    return of in known or not re.fullmatch(r"[a-z0-9_]+", of)


def when(case: Case, key: str) -> str:
    """What a key of a table of judgements means: `in “Broad talks”`."""
    labels = {s.id: f"“{short(s.label, 50)}”" for s in case.scenarios}
    return _GROUPS.get(key) or f"in {labels[key]}"


def state(case: Case, of: str, true: bool) -> str:
    """That an indicator is or is not so, that an actor would or would not come."""
    name = short(names(case)[of], 50)
    if any(of == a.id for a in case.actors):
        return f"{inside(name)} {'would come' if true else 'would not come'}"
    return f"{'it is so' if true else 'it is not so'} that “{name}”"


def like_history(case: Case, actor: Actor) -> str:
    """That an actor's attendance is learned and not judged: from which role, and the rate."""
    rate = percent(case.in_history(actor))
    return f"not judged, but learned from history: of invited parties like it ({role_words(actor.attends_like)}) {rate} came"


def judgement_words(case: Case) -> Callable[[str], tuple[str, str]]:
    """A function from a judgement's label (`Compiled.labels`) to whose it is, and what it is of."""
    called = names(case)
    parts: tuple[Any, ...] = (*case.indicators, *case.actors)
    given = {p.id: p.given for p in parts}
    told: tuple[Any, ...] = (*case.watch, *case.events)
    what, node = {x.id: x.what for x in told}, {x.id: case.node_of(x) for x in told}

    def said(label: str) -> tuple[str, str]:
        owner, rest = label.split(": ", 1)
        found = re.fullmatch(r"(chance|willing|attends)(?: if (\w+))?(?:\.(\w+))?", rest)
        if not found:  # a likelihood
            if owner not in what:
                return rest, owner
            return short(
                what[owner], 80
            ), f"chance of such an event if {state(case, str(node[owner]), rest == 'if true')}"
        kind, condition, key = found.groups()
        parts = {
            "chance": ["chance"], "willing": ["would come"], "attends": [f"comes, if {condition}"],
        }[kind]  # fmt: skip
        if key:
            parts.append(when(case, key))
        if kind != "attends" and condition:
            parts.append(f"if {state(case, str(given[owner]), condition == 'true')}")
        return short(called[owner], 80), ", ".join(parts)

    return said
