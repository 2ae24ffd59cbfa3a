"""Judgements in words: from a label such as `khatib: willing.otherwise` to what a reader understands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from forecast.case import Case
from forecast.markup import short


def names(case: Case) -> dict[str, str]:
    """What each indicator states, and the name of each actor."""
    return {i.id: i.statement for i in case.indicators} | {a.id: a.name for a in case.actors}


def judgement_words(case: Case) -> Callable[[str], tuple[str, str]]:
    """A function from a judgement's label (`Compiled.labels`) to whose it is, and what it is of."""
    called, labels = names(case), {s.id: f"“{short(s.label, 50)}”" for s in case.scenarios}
    groups = {
        "held": "if it is held",
        "not_held": "if it is not held",
        "otherwise": "in the other futures",
    }
    actors = {a.id for a in case.actors}
    parts: tuple[Any, ...] = (*case.indicators, *case.actors)
    given = {p.id: p.given for p in parts}
    told: tuple[Any, ...] = (*case.watch, *case.events)
    what, node = {x.id: x.what for x in told}, {x.id: case.node_of(x) for x in told}

    def state(of: str, true: bool) -> str:
        name = short(called[of], 50)
        if of in actors:
            return f"{name} {'would come' if true else 'would not come'}"
        return f"{'it is so' if true else 'it is not so'} that “{name}”"

    def said(label: str) -> tuple[str, str]:
        owner, rest = label.split(": ", 1)
        found = re.fullmatch(r"(chance|willing|attends)(?: if (\w+))?(?:\.(\w+))?", rest)
        if not found:  # a likelihood
            if owner not in what:
                return rest, owner
            return short(
                what[owner], 80
            ), f"chance of such an event if {state(str(node[owner]), rest == 'if true')}"
        kind, condition, key = found.groups()
        parts = {
            "chance": ["chance"], "willing": ["would come"], "attends": [f"comes, if {condition}"],
        }[kind]  # fmt: skip
        if key:
            parts.append(groups.get(key) or f"in {labels[key]}")
        if kind != "attends" and condition:
            parts.append(f"if {state(str(given[owner]), condition == 'true')}")
        return short(called[owner], 80), ", ".join(parts)

    return said
