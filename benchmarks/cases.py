"""Made-up cases of any size, to measure on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from forecast.case import Case

_WORDS = ("very unlikely", "unlikely", "roughly even", "likely", "very likely")


def synthetic(
    events: int = 35,
    reports: int = 45,
    scenarios: int = 7,
    indicators: int = 14,
    actors: int = 13,
    seed: int = 1,
) -> Case:
    """A case of the size of the first shipped one, or with more events; valid, meaningless.

    A third of the indicators are `given` another, one in five ages, one in twenty events
    is denied by a second report.
    """
    rng = np.random.default_rng(seed)
    start = dt.date(2020, 1, 1)

    def words() -> dict[str, str]:
        return {f"s{i}": str(rng.choice(_WORDS)) for i in range(scenarios)}

    def pair() -> dict[str, Any]:
        low = rng.uniform(0.05, 0.5)
        return {"if_false": [low, low + 0.2], "if_true": [low + 0.15, low + 0.4]}

    futures: list[dict[str, Any]] = []
    for i in range(scenarios):
        side = "held" if i < 2 else "not held"
        share = None if i in (1, scenarios - 1) else min(0.15, 0.9 / scenarios)
        futures.append({"id": f"s{i}", "held": side == "held", "label": f"{side} {i}", "share": share})
    conditions: list[dict[str, Any]] = []
    for i in range(indicators):
        part: dict[str, Any] = {"id": f"i{i}", "statement": f"Condition {i}", "why": "made up"}
        if i % 3 == 2:
            part |= {"given": f"i{i - 1}", "if_true": "very likely", "if_false": "unlikely"}
        else:
            part["chance"] = words()
        if i % 5 == 0:
            part["half_life"] = 60
        conditions.append(part)
    people = [
        {"id": f"a{i}", "name": f"Actor {i}", "why": "made up", "willing": words(),
         "attends_if_willing": [0.7, 0.95], "attends_if_unwilling": "remote"}
        for i in range(actors)
    ]  # fmt: skip
    nodes = [f"i{i}" for i in range(indicators)] + [f"a{i}" for i in range(actors)]
    second = set(np.linspace(0, events - 1, max(reports - events, 0)).astype(int).tolist())
    news: list[dict[str, Any]] = []
    for i in range(events):
        day = start + dt.timedelta(days=int(rng.integers(0, 60)))
        said = [{"source": f"o{i % 6}", "published": day, "origin": f"first{i}"}]
        if i in second:
            said.append({"source": f"o{(i + 1) % 6}", "published": day, "origin": f"second{i}",
                         "denies": i % 20 == 0})  # fmt: skip
        news.append({"id": f"e{i}", "date": day, "what": f"Event {i}", "bears_on": nodes[i % len(nodes)],
                     "why": "made up", "reports": said} | pair())  # fmt: skip
    return Case.model_validate({
        "name": f"synthetic_{events}",
        "question": {"title": "Made up", "text": "Open by {deadline}?", "yes_if": "It opens.",
                     "proposed": start, "as_of": start + dt.timedelta(days=60),
                     "deadlines": [start + dt.timedelta(days=d) for d in (90, 180, 365)],
                     "horizon": start + dt.timedelta(days=730)},
        "base_rate": {"held": [0.15, 0.55], "days_to_open": [30, 400], "why": "made up"},
        "scenarios": futures,
        "indicators": conditions,
        "actors": people,
        "sources": [{"id": f"o{i}", "name": f"Outlet {i}", "reliability": "ABCDEF"[i]} for i in range(6)],
        "events": news,
    })  # fmt: skip
