"""Judgements in words: from a label such as `khatib: willing.otherwise` to what a reader understands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from forecast.case import Case
from forecast.markup import Html, h, short, text

_GROUPS = {
    "held": "if it is held",
    "not_held": "if it is not held",
    "otherwise": "in the other futures",
}


def names(case: Case) -> dict[str, str]:
    """What each indicator states, and the name of each actor."""
    return {i.id: i.statement for i in case.indicators} | {a.id: a.name for a in case.actors}


def origin(case: Case, of: str) -> Html:
    """A source's name; the watch that is silent; or, in quotes, what the case calls an utterance or document."""
    kind, _, watch = of.partition(": ")
    silent = {w.id: w.what for w in case.watch}
    if kind == "silence" and watch in silent:
        return h("{}<small>silence</small>", text(short(silent[watch], 110)))
    called = {str(s.id): s.name for s in (*case.outlets, *case.sources)}
    # a source that stands in its report has no id: its name is the origin
    if of in called or not re.fullmatch(r"[a-z0-9_]+", of):
        return text(called.get(of, of))
    return text(f"“{of.replace('_', ' ')}”")


def when(case: Case, key: str) -> str:
    """What a key of a table of judgements means: `in “Broad talks”`."""
    labels = {s.id: f"“{short(s.label, 50)}”" for s in case.scenarios}
    return _GROUPS.get(key) or f"in {labels[key]}"


def state(case: Case, of: str, true: bool) -> str:
    """That an indicator is or is not so, that an actor would or would not come."""
    name = short(names(case)[of], 50)
    if any(of == a.id for a in case.actors):
        return f"{name} {'would come' if true else 'would not come'}"
    return f"{'it is so' if true else 'it is not so'} that “{name}”"


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
