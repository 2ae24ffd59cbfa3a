"""Writes `docs/case_file.md` from the models that check the files: `make docs`.

Field, type, default and meaning are those of the models' JSON Schema; the examples stand here, and
`tests/test_docs.py` reads each with its model and sees that no field is without one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from forecast.fields import Day, Days, Grade, Id, Period, Table
from forecast.judgement import GRADES, WORDS, JudgementField
from forecast.parts import CaseFile, EventsFile, EventType
from forecast.pooling import AnalystFile
from forecast.resolution import Resolution

PAGE = Path(__file__).with_suffix(".md")

FILES: dict[str, tuple[Any, str]] = {
    "case.toml": (
        CaseFile,
        "The case itself. Only `question`, `base_rate` and two scenarios must be there.",
    ),
    "events.toml": (EventsFile, "What was reported. A case without news needs none."),
    "resolution.toml": (Resolution, "What really happened. Scoring opens it, and nothing else."),
    "analysts/NAME.toml": (AnalystFile, "Where another analyst judges otherwise than the case."),
}
"""File in the folder of a case -> its model, and what it is for."""

EXAMPLES: dict[str, str] = {
    "Question": """
[question]
title = "Harbour talks"
text = "Will the port and the union meet by {deadline}?"
yes_if = "One session with delegates of both has opened."
no_if = "A telephone call, or a meeting of one side with the minister."
void_if = "The port closes for good before the first deadline."
attends_if = "present at one session at least"
proposed = 2025-03-01
as_of = 2025-03-20
deadlines = [2025-04-30, 2025-06-30]
headline = 2025-04-30
horizon = 2025-12-31
""",
    "BaseRate": """
[base_rate]                      # elicited ...
held = [0.4, 0.8]
days_to_open = [10, 120]
why = "12 of 20 such offers since 2010 led to talks, most within two months."
---
[base_rate]                      # ... or learned
reference_class = "peace_talks"
stage = "floated"
convener_type = "regional-org"
row_type = "relaunch"
conflict = "Sudan"
leave_out = ["sdn-2023-jeddah-2"]
why = "An idea so far, by a body of the region, after talks that broke off."
article = { document = "port_weekly", paragraph = 3 }
""",
    "Scenario": """
[[scenarios]]
id = "soon"
held = true
share = "likely"                 # of P(held); the other held scenario takes the rest
days_to_open = [5, 40]
label = "They meet at once"
first_signs = "Hotel rooms are booked."
why = "Both sides lose money by the day."
article = { document = "port_weekly", paragraph = 4 }
""",
    "Indicator": """
[[indicators]]
id = "port_pressed"
statement = "The port's customers press it to settle"
chance = { held = "very likely", not_held = "unlikely" }
half_life = 60
why = "Only lost cargo has moved the port before."
article = { document = "port_weekly", paragraph = 5 }
---
[[indicators]]
id = "port_professes"
statement = "The port says that it wants to talk"
given = "port_pressed"
if_true = "almost certain"
if_false = { soon = "likely", otherwise = "roughly even" }
why = "Talk is cheap."
""",
    "Actor": """
[[actors]]
id = "minister"
name = "The labour minister"
role = "mediator"
attends_if = "present in person"
willing = { held = "likely", otherwise = "unlikely" }
attends_if_willing = [0.7, 0.95]
attends_if_unwilling = "remote"
part_of = "ministry"
why = "He came to two of the last three rounds."
article = { document = "port_weekly", paragraph = 6 }
---
[[actors]]
id = "ministry"
name = "The ministry, as a body"
given = "port_pressed"
willing_if_true = "likely"
willing_if_false = "unlikely"
attends_if_willing = 0.9
attends_if_unwilling = 0.05
why = "It is called when cargo is lost."
---
[[actors]]
id = "union"
name = "The union"
willing = "very likely"
required = true                  # without it there is no meeting
why = "It is one of the two sides."
---
[[actors]]
id = "un_envoy"
name = "An envoy"
attends_like = "un_envoy"        # instead of judgements
why = "As such envoys came to earlier talks."
""",
    "Source": """
[[sources]]
id = "port_weekly"
name = "Port Weekly"
reliability = "C"
why = "Close to the port's management."
url = "https://example.org"
""",
    "Document": """
[[documents]]
id = "port_weekly"
title = "Quiet on the quays"
author = "A. Writer"
url = "https://example.org/quiet"
published = 2025-03-18
note = "Read in translation."
""",
    "Passage": """
article = { document = "port_weekly", paragraph = 9, locator = "ready for a dialogue" }
""",
    "Watch": """
[[watch]]
id = "union_names_delegates"
what = "The union names its delegates."
by = 2025-04-10
bears_on = "union"
if_true = "likely"
if_false = "very unlikely"
why = "In 2019 it named them two weeks ahead."
---
[[watch]]
id = "date_announced"
what = "The minister names a day."
by = 2025-04-10
announces = true                 # an announcement, not evidence on an indicator
""",
    "Context": """
[[context]]
what = "The union's chairman retires in May."
why_not_evidence = "Known before the offer: the base rate has it."
article = { document = "port_weekly", paragraph = 2 }
""",
    "Event": """
[[events]]                       # likelihoods from the rubric ...
id = "cargo_diverted"
date = 2025-03-15
what = "A shipping line moves its cargo to another port."
bears_on = "port_pressed"
type = "pressure_to_settle"
reports = [{ source = "reuters", published = 2025-03-16 }]
---
[[events]]                       # ... or the case's own ...
id = "port_says_ready"
date = [2025-03-10, 2025-03-12]
what = "The port's director tells a visitor that he would talk."
bears_on = "port_professes"
if_true = "likely"
if_false = "unlikely"
why = "He had said nothing for a month."
reports = [{ source = "port_weekly", published = 2025-03-18 }]
---
[[events]]                       # ... or those of the watch that it answers
id = "union_names_three"
date = 2025-04-02
what = "The union names three delegates."
answers = "union_names_delegates"
reports = [{ source = "reuters", published = 2025-04-02 }]
""",
    "Report": """
[[events.reports]]
source = { name = "The visitor", reliability = "B" }
via = "port_weekly"
published = 2025-03-18
origin = "visitor"               # other reports of what he said are the same report
article = { document = "port_weekly", paragraph = 9 }
---
[[events.reports]]
source = "reuters"
published = 2025-03-19
url = "https://example.org/denial"
denies = true
""",
    "Announcement": """
[[announcements]]
id = "april_named"
what = "The minister expects the two sides in the last week of April."
kind = "window"
opens = [2025-04-24, 2025-04-30]
reports = [{ source = "reuters", published = 2025-03-19 }]
""",
    "Resolution": """
resolved = 2025-07-02
note = "Only the first session is answered for."
""",
    "Meeting": """
[meeting]
opened = 2025-05-06
days = [2025-05-06, 2025-05-07]
sure = "almost certain"
why = "Delegates of both sat in one room on both days."
sources = ["reuters_06"]
few = "The other papers printed the wire."
""",
    "DeadlineAnswer": """
[[deadlines]]
by = 2025-04-30
answer = "no"
sure = "almost certain"
why = "Nothing had opened."
sources = ["reuters_06"]
few = "Later accounts only repeat it."
""",
    "ActorAnswer": """
[[actors]]
id = "minister"
answer = "void"
why = "One account has him there and one in the capital."
sources = ["reuters_06", "port_weekly_08"]
---
[[actors]]
id = "ministry"
answer = "yes"
sure = "very likely"
why = "Two of its officials spoke at the first session."
sources = ["port_weekly_08"]
few = "No other paper names who was there."
""",
    "ResolutionSource": """
[[sources]]
id = "reuters_06"
name = "Reuters"
url = "https://example.org/opened"
published = 2025-05-06
note = "First of its kind."
""",
    "AnalystFile": """
label = "A sceptic"
weight = 0.5
""",
    "Override": """
[[judgements]]
of = "port_pressed: chance.held"
value = "likely"
why = "The customers have contracts until June."
""",
    "EventType": """
[[event_types]]
id = "statement_of_readiness"
label = "Statement of readiness"
direction = "for"
if_true = "likely"
if_false = [0.30, 0.60]
ratio = 1.5
ground = "Talk is cheap."
""",
}
"""Model -> one table, or several divided by a line of three hyphens, that use its every field."""

_KNOWN = {
    "day": Day, "day, or [first, last]": Period, "[low, high] in days": Days, "id": Id,
    "judgement": JudgementField, "judgement, or by scenario": Table, "grade": Grade,
}  # fmt: skip

HEAD = """<!-- Written by `make docs` from the models in forecast/. Do not edit. -->
# The files of a case

A case is a folder. Its files are TOML, in UTF-8; a day is written `2025-03-01`, without quotation marks.
A key that is not listed here is an error. `forecast check FOLDER` names every problem at once;
`forecast schema > case.schema.json` and `forecast schema events` print the JSON Schema of the first two
files, for an editor. What the model makes of it is in [model.md](model.md).

A **judgement** is an elicited probability, in one of three forms:

| form | example | means |
|---|---|---|
| a word | `"likely"` | its interval: {words} |
| an interval | `[0.3, 0.6]` | central 90 % of a Beta distribution |
| a number | `0.25` | certain |

**By scenario**: one judgement for all, or a table with the keys `held`, `not_held`, `otherwise` or the id of
a scenario, such as `{{ held = "likely", otherwise = "remote" }}`. The most specific key wins.

**Grades** of sources, and φ, the chance of a report of what did not happen over that of what did: {grades}.
"""


def parts(model: Any) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Each table of a file: its heading, its schema, the definitions that it refers to."""
    whole = model.model_json_schema()
    of = whole.get("$defs", {})
    todo, seen = [("", whole)], set()
    while todo:
        heading, schema = todo.pop(0)
        yield heading, schema, of
        for name, field in schema["properties"].items():
            for ref in sorted(set(_refs(field))):
                table = f"[[{name}]]" if field.get("type") == "array" else f"[{name}]"
                inner = heading.strip("[]")
                if ref not in seen:
                    seen.add(ref)
                    path = f"{inner}.{name}" if inner else name
                    todo.append((table.replace(name, path), of[ref]))


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        schema = list(schema.values())
    if isinstance(schema, list):
        for x in schema:
            yield from _refs(x)


def _bare(schema: Any) -> str:
    """A schema without its prose, to compare."""
    if isinstance(schema, Mapping):
        return json.dumps(
            {k: _bare(v) for k, v in schema.items() if k not in ("description", "title", "default")},
            sort_keys=True,
        )
    return json.dumps([_bare(x) for x in schema] if isinstance(schema, list) else schema)


KNOWN = {_bare(TypeAdapter(t).json_schema()): name for name, t in _KNOWN.items()}


def kind(schema: Mapping[str, Any]) -> str:
    """The type of a field in words."""
    if (found := KNOWN.get(_bare(schema))) is not None:
        return found
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2].lower()
    if "anyOf" in schema:
        every = [kind(x) for x in schema["anyOf"] if x.get("type") != "null"]
        # one, or several of them: said once
        return " or ".join("a list" if x.startswith("list of ") and len(every) > 1 else x for x in every)
    if "enum" in schema:
        return " / ".join(f"`{x}`" for x in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}s"
    return {"string": "text", "boolean": "true or false", "number": "number above 0",
            "integer": "whole number"}[schema["type"]]  # fmt: skip


def _default(name: str, schema: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    if name in schema.get("required", ()):
        return "**required**"
    value = field.get("default")
    return "" if value in (None, []) else f"`{json.dumps(value)}`"


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in schema["properties"].items():
        means = field.get("description", "")
        yield f"| `{name}` | {kind(field)} | {_default(name, schema, field)} | {means} |"


def markdown() -> str:
    """The page."""
    words = ", ".join(f"*{w}* {100 * a:g}-{100 * b:g} %" for w, (a, b) in WORDS.items())
    grades = ", ".join(f"{g} {phi:g}" for g, phi in GRADES.items())
    lines, told = [HEAD.format(words=words, grades=grades)], set[str]()
    for file, (model, purpose) in FILES.items():
        lines += [f"\n## `{file}`\n", purpose]
        for heading, schema, of in parts(model):
            plain = {k: v for k, v in schema["properties"].items() if not set(_refs(v)) & set(of)}
            name = schema["title"] if heading else model.__name__
            if name in told or (not heading and not plain):
                continue
            told.add(name)
            inline = "." in heading and not heading.startswith("[[")
            title = f"`{heading.rpartition('.')[2][:-1]}`, in line" if inline else f"`{heading}`"
            lines += [f"\n### {title}\n" if heading else "\n### At the top\n"]
            lines += (
                [schema["description"].split("\n\n")[0].replace("\n", " ") + "\n"] if heading else []
            )
            lines += _table(schema if heading else {**schema, "properties": plain})
            lines += ["", "```toml", EXAMPLES[name].strip().replace("\n---\n", "\n\n"), "```"]
    lines += ["\n## `seeds/event_types.toml`: the rubric, for all cases\n",
              "The likelihoods of kinds of event, judged once, before any outcome was looked at.\n",
              "### `[[event_types]]`\n", *_table(EventType.model_json_schema()), "", "```toml",
              EXAMPLES["EventType"].strip(), "```"]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(markdown(), "utf-8")
    print(f"Written: {PAGE.parent.name}/{PAGE.name}")
