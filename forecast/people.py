"""Who takes part: each actor, how many, and who together."""

from __future__ import annotations

import pandas as pd

from forecast import attendance, svg, tables
from forecast.judgement import word_for
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    counted,
    h,
    join,
    long_date,
    percent,
    row_span,
    table,
    text,
    whole,
)
from forecast.parts import Actor
from forecast.updating import Forecast

_HISTORY = Html(
    "<p>In history: of the parties of that role that were invited to talks which were held, as learned from the "
    "reference class. It stands for comparison; it enters only where a case says attends_like. * No refusal is on record: the number rests on the prior.</p>"
)


def actors(f: Forecast) -> Section:
    """Each actor: if it is held, and overall."""
    case, day = f.case, f.case.headline
    names = {a.id: a.name for a in case.actors}
    frame = tables.table(f, "actors")
    by = f.actors.by.sel(deadline=pd.Timestamp(day)).values
    silent = case.fit.diagnostics.get("without_refusals", ()) if case.fit else ()

    def past(a: Actor) -> tuple[str, ...]:
        rate = case.in_history(a)
        star = "*" if (a.attends_like or a.role) in silent else ""
        return () if not case.fit else ("",) if rate != rate else (f"{percent(rate)}{star}",)

    rows = []
    for a, (_, r), overall in zip(case.actors, frame.iterrows(), by, strict=True):
        notes = [] if not a.role else [a.role.replace("_", " ")]
        if a.part_of:
            notes.append(f"only with {names[a.part_of]}")
        if a.attends_if:
            notes.append(f"counts if {a.attends_if}")
        small = h("<small>{}</small>", text("; ".join(notes))) if notes else ""
        name = h("{}{}", text(a.name), Html(small))
        if a.required:
            picture = svg.strip([("ring", overall)], f"{a.name}: required; overall {percent(overall)}")
            rows.append((name, picture, "required", "", "", "", *past(a), percent(overall)))
            continue
        marks: list[svg.Mark] = [("range", r["low"], r["high"])] if "low" in r else []
        marks += [("tick", r["prior"]), ("ring", overall), ("dot", r["given_held"], "accent")]
        label = (f"{a.name}: {percent(r['given_held'])} if it is held, input range "
                 f"{row_span(r) or 'none'}, base rate {percent(r['prior'])}, overall {percent(overall)}")  # fmt: skip
        rows.append((name, svg.strip(marks, label), percent(r["given_held"]), word_for(r["given_held"]),
                     row_span(r), percent(r["prior"]), *past(a), percent(overall)))  # fmt: skip
    if not rows:
        return Section("actors", "Who takes part", Html("<p>The case asks about no actor.</p>"))
    columns = [Column("Actor"), Column(svg.axis(), "pic"), Column("If held", "n"), Column("In words", "w"),
               Column("Input range", "n"), Column("Base rate", "n"),
               *([Column("In history", "n")] if case.fit else []), Column("Overall", "n")]  # fmt: skip
    body = h(
        "{}"
        '<p class="key"><span class="k dot"></span> if it is held, with input range '
        '<span class="k ring"></span> overall: it opens by {} and the actor takes part '
        '<span class="k tick"></span> base rate: if it is held, without any report</p>'
        "<p>Takes part: {}.{}</p>{}",
        table(f"The chance that each takes part; overall by {long_date(day)}", columns, rows, kind="cards"),
        long_date(day), text(case.question.attends_if.removesuffix(".")),
        " Without a required actor the meeting would not be this meeting." if any(a.required for a in case.actors)
        else "", _HISTORY if case.fit else "",
    )  # fmt: skip
    return Section("actors", "Who takes part", body,
                   "The first number supposes that the meeting is held; the last one does not.")  # fmt: skip


def together(f: Forecast) -> Section:
    """How many of the opposition come, and who comes together."""
    group = attendance.opposition(f.case)
    if not group:
        return Section("together", "Who comes together", Html("<p>The case asks about no actor.</p>"))
    number = f.count()
    p = number.values / number.values.sum()
    mean = float((number.number.values * p).sum())
    shown = tables.rounded([float(x) for x in p])
    rows = [
        (h("{} of {}", n, len(group)), svg.strip([("bar", 0, x, "accent")], f"{n} of {len(group)}: {whole(k)}"),
         whole(k))
        for n, (x, k) in enumerate(zip(p, shown, strict=True))
    ]  # fmt: skip
    columns = [Column("They come"), Column(svg.axis(), "pic"), Column("Chance", "n")]
    names = join((text(a.name) for a in group), ", ")
    body = h(
        '<p>If it is held, <b>{:.1f}</b> of {} are expected: {}.</p>{}'.replace("{:.1f}", f"{mean:.1f}"),
        counted(len(group), *_kind(f)), names,
        table("How many of them come, if it is held; the rows add up to 100 %", columns, rows,
              ("All", "", f"100{NBSP}%"), "cards"),
    )  # fmt: skip
    return Section("together", "Who comes together", h("{}{}", body, _partition(f)),
                   "Actors share scenarios, so their choices go together: these numbers are exact "
                   "joint ones, not products.")  # fmt: skip


def _kind(f: Forecast) -> tuple[str, str]:
    """What the counted actors are called, one and many."""
    if any(a.role in attendance.OPPOSITION for a in f.case.actors):
        return "opposition figure or body", "opposition figures and bodies"
    return "actor", "actors"


def partition(f: Forecast) -> list[tuple[str, int]]:
    """Not held, and held with both, one or neither of the two least certain actors.

    Whole per cents by the horizon that add up to 100, and, but for the first, to P(ever held).
    """
    asked = [a for a in f.case.actors if not a.required and not a.part_of]
    given = {
        str(n): float(v) for n, v in zip(f.actors.actor.values, f.actors.given_held.values, strict=True)
    }
    asked = sorted(asked, key=lambda a: abs(given[a.id] - 0.5))[:2]
    ever = tables.in_hundred(float(f.ever.probability))
    out = [("Not held", 100 - ever)]
    if len(asked) == 2:
        first, second = asked
        patterns: list[tuple[str, tuple[bool, ...]]] = [
            (f"Held with both {first.name} and {second.name}", (True, True)),
            (f"Held with {first.name}, without {second.name}", (True, False)),
            (f"Held with {second.name}, without {first.name}", (False, True)),
            (f"Held with neither {first.name} nor {second.name}", (False, False)),
        ]
    elif asked:
        patterns = [(f"Held with {asked[0].name}", (True,)), (f"Held without {asked[0].name}", (False,))]
    else:
        return [*out, ("Held", ever)]
    ids = [a.id for a in asked]
    joint = [f.attendance(dict(zip(ids, comes, strict=True))) for _, comes in patterns]
    return out + list(zip([name for name, _ in patterns], tables.rounded(joint, ever), strict=True))


def _partition(f: Forecast) -> Html:
    parts = partition(f)
    rows = [
        (text(name), svg.strip([("bar", 0, n / 100, "accent" if i else "neutral")], f"{name}: {whole(n)}"), whole(n))
        for i, (name, n) in enumerate(parts)
    ]  # fmt: skip
    columns = [Column("What happens"), Column(svg.axis(), "pic"), Column("Chance", "n")]
    caption = (f"The meeting and its two least certain guests, by {long_date(f.case.question.horizon)}; "
               "the rows add up to 100 %")  # fmt: skip
    assert sum(n for _, n in parts) == 100
    return h("<h3>The two least certain together</h3>{}",
             table(caption, columns, rows, ("All", "", f"100{NBSP}%"), "cards"))  # fmt: skip
