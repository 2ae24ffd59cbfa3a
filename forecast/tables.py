"""A forecast as tables, as plain numbers, and in words: one rounding for all of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.judgement import WORDS, word_for
from forecast.tree import weigh
from forecast.wording import clean, escaped

if TYPE_CHECKING:
    from forecast.case import Case
    from forecast.updating import Forecast

OF = ("held", "opening", "scenarios", "indicators", "actors")


def table(f: Forecast, of: str) -> pd.DataFrame:
    """One of the results as a pandas table.

    Parameters
    ----------
    f : Forecast
    of : {"held", "opening", "scenarios", "indicators", "actors"}

    Returns
    -------
    DataFrame
        Probabilities as numbers from 0 to 1. `held` has a last row for the horizon;
        `actors` one column for each deadline.
    """
    if of not in OF:
        raise ValueError(f"of: {of!r}; expected one of {', '.join(OF)}")
    rows: pd.DataFrame
    if of == "held":
        rows = f.held.to_dataframe()
        rows.loc[pd.Timestamp(f.case.question.horizon)] = f.ever.to_array().to_series()
        return rows
    if of == "actors":
        plain = f.actors.drop_dims("deadline").to_dataframe()
        plain.insert(0, "name", [a.name for a in f.case.actors])
        by = f.actors.by.to_pandas()
        return plain.join(by.rename(columns=lambda d: f"by {d:%Y-%m-%d}"))
    rows = getattr(f, of).to_dataframe()
    if of == "scenarios":
        rows.insert(0, "label", [s.label for s in f.case.scenarios])
        rows.insert(1, "held", [s.held for s in f.case.scenarios])
    if of == "indicators":
        rows.insert(0, "statement", [i.statement for i in f.case.indicators])
    return rows


def as_dict(f: Forecast) -> dict[str, Any]:
    """The forecast in plain numbers, with what is needed to make it again."""
    from forecast import __version__

    days = [str(d) for d in dict.fromkeys((*f.case.question.deadlines, f.case.question.horizon))]
    held = table(f, "held").reset_index(drop=True)
    span = [k for k in ("low", "high") if k in held]
    return {
        "case": f.case.name,
        "digest": f.case.digest,
        "as_of": str(f.as_of),
        "version": __version__,
        "seed": f.seed,
        "held": [
            {"by": day} | {k: float(row[k]) for k in ("probability", *span)}
            for day, (_, row) in zip(days, held.iterrows(), strict=True)
        ],
        "scenarios": _prior_and_posterior(f.scenarios, "scenario"),
        "indicators": _prior_and_posterior(f.indicators, "indicator"),
        "actors": {
            a.id: {
                "given_held": or_none(f.actors.given_held[i]),
                "by": [
                    {"by": day, "probability": float(p)}
                    for day, p in zip(days, f.actors.by.values[i], strict=False)
                ],
            }
            for i, a in enumerate(f.case.actors)
        },
    }


def or_none(p: Any) -> float | None:
    """A number for JSON, which has no nan."""
    return float(p) if np.isfinite(p) else None


def compare(forecasts: Mapping[str, Forecast]) -> pd.DataFrame:
    """P(held by each deadline) of several forecasts, a row for each."""
    rows = {name: table(f, "held").probability for name, f in forecasts.items()}
    return pd.DataFrame(rows).T.rename(columns=lambda day: f"by {day:%Y-%m-%d}")


def evidence(f: Forecast) -> pd.DataFrame:
    """The events known on the date, and what their reports are worth on the spot.

    Returns
    -------
    DataFrame
        Indexed by event: `date`, `what`, `bears_on`, `reports`, `origins`, `if_true` and
        `if_false` (means), `event_ratio` (of the two), and `ratio`: of the likelihoods of
        its reports, after grades, origins, denials and age. Silences are not in it.
    """
    tree, theta = f.compiled.tree, f.compiled.theta
    log_lam = weigh(tree, theta)
    events = {e.id: e for e in f.case.events}
    rows = [
        (
            name, events[name].date[1], events[name].what, f.compiled.bears_on[i],
            len(events[name].reports), len({f.case.origin(r) for r in events[name].reports}),
            *theta[tree.event_chance[i, ::-1]], float(np.exp(log_lam[i, 1] - log_lam[i, 0])),
        )
        for i, name in enumerate(f.compiled.events) if name in events
    ]  # fmt: skip
    columns = ["event", "date", "what", "bears_on", "reports", "origins",
               "if_true", "if_false", "ratio"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).set_index("event")
    frame.insert(7, "event_ratio", frame.if_true / frame.if_false)
    return frame


def coverage(case: Case, document: str) -> pd.DataFrame:
    """What became of each claim of a document: event, ground of a judgement, or context.

    Returns
    -------
    DataFrame
        A row for each passage, in the order of the text: `paragraph`, `locator`,
        `coded_as`, `id` and `what`.
    """
    rows = []
    sections: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("base rate", (case.base_rate,)),
        ("ground of a scenario", case.scenarios),
        ("ground of an indicator", case.indicators),
        ("ground of an actor", case.actors),
        ("context", case.context),
    )
    for coded_as, parts in sections:
        for part in parts:
            if part.article and part.article.document == document:
                what = next(str(getattr(part, k)) for k in ("what", "label", "statement", "name", "why")
                            if hasattr(part, k))  # fmt: skip
                rows.append((part.article, coded_as, getattr(part, "id", ""), what))
    rows += [
        (report.article, "event", event.id, event.what)
        for event in case.events
        for report in event.reports
        if report.article and report.article.document == document
    ]
    rows.sort(key=lambda row: row[0].paragraph)
    return pd.DataFrame(
        [(p.paragraph, p.locator, *rest) for p, *rest in rows],
        columns=["paragraph", "locator", "coded_as", "id", "what"],
    )


def _prior_and_posterior(data: Any, dim: str) -> dict[str, dict[str, float]]:
    return {
        str(name): {"prior": float(a), "probability": float(b)}
        for name, a, b in zip(data[dim].values, data.prior.values, data.probability.values, strict=True)
    }


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """Text for a cell of CSV: a spreadsheet would run what begins like a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def as_csv(f: Forecast) -> str:
    """The forecast in one tidy table: of, id, by, probability, prior, low, high."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["case", "as_of", "of", "id", "by", "probability", "prior", "low", "high"])
    head = [cell(f.case.name), str(f.as_of)]
    columns = ["probability", "prior", "low", "high"]

    def numbers(row: pd.Series, names: Sequence[str] = columns) -> list[Any]:
        return [repr(float(row[n])) if n in row else "" for n in names]

    for day, row in table(f, "held").iterrows():
        writer.writerow([*head, "held", "", f"{day:%Y-%m-%d}", *numbers(row)])
    for of, dim in (("scenarios", "scenario"), ("indicators", "indicator")):
        for name, row in table(f, of).iterrows():
            writer.writerow([*head, dim, name, "", *numbers(row)])
    for name, row in table(f, "actors").iterrows():
        given = numbers(row, ["given_held", "prior", "low", "high"])
        writer.writerow([*head, "attends_given_held", name, "", *given])
        for day in f.case.question.deadlines:
            joint = repr(float(row[f"by {day}"]))
            writer.writerow([*head, "held_and_attends", name, str(day), joint, "", "", ""])
    return out.getvalue()


def percent(p: float) -> str:
    """A probability in whole per cents, never 0 % or 100 %."""
    if not np.isfinite(p):
        return "-"
    if p < 0.005:
        return "<1 %"
    return ">99 %" if p >= 0.995 else f"{100 * p:.0f} %"


def in_hundred(p: float) -> int:
    """A probability as a whole number of 100, from 1 to 99."""
    return int(np.clip(np.floor(100 * p + 0.5), 1, 99))


def rounded(parts: Sequence[float], total: int = 100) -> list[int]:
    """Whole numbers nearest to `parts` that add up to `total` (largest remainder).

    Parameters
    ----------
    parts : sequence of float
        In any unit; only their ratios count.
    """
    exact = np.asarray(parts, float)
    exact = exact if exact.any() else np.ones(len(exact))  # nothing is left to tell them apart
    exact = exact * total / exact.sum()
    whole = np.floor(exact).astype(int)
    for i in np.argsort(whole - exact, kind="stable")[: total - whole.sum()]:
        whole[i] += 1
    return [int(x) for x in whole]


def whole_scenarios(f: Forecast, of: str = "probability") -> list[int]:
    """Whole per cents of the scenarios that add up to 100; the held ones to P(ever held)."""
    held = np.array([s.held for s in f.case.scenarios])
    p = f.scenarios[of].values
    ever = in_hundred(float(f.ever[of]))
    out = np.empty(len(held), int)
    for side, total in ((held, ever), (~held, 100 - ever)):
        out[side] = rounded(p[side].tolist(), total)
    return [int(x) for x in out]


def worded(p: float) -> str:
    """A probability as a word with its range: `likely (55-80 %)`."""
    word = word_for(p)
    low, high = WORDS[word]
    return f"{word} ({100 * low:g}-{100 * high:g} %)"


def span(row: Any) -> str:
    """An input range: `18-35 %`, or nothing where there are no draws."""
    if "low" not in row:
        return ""
    return f"{percent(float(row['low']))[:-2]}-{percent(float(row['high']))}"


def rows_held(f: Forecast) -> list[tuple[str, ...]]:
    """The meeting: deadline, probability, word, input range, base rate."""
    return [
        (f"{day:%Y-%m-%d}", "passed", "", "", "") if pd.Timestamp(str(day)).date() <= f.as_of else
        (f"{day:%Y-%m-%d}", percent(r.probability), word_for(r.probability), span(r),
         percent(r.prior))
        for day, r in table(f, "held").iterrows()
    ]  # fmt: skip


def rows_actors(f: Forecast) -> list[tuple[str, ...]]:
    """Actors: name, given held, input range, base rate, held by the headline's deadline and attends."""
    joint = f"by {f.case.headline}"
    asked = zip(f.case.actors, table(f, "actors").iterrows(), strict=True)
    return [
        (a.name, "required", "", "", percent(r[joint])) if a.required else
        (a.name, percent(r["given_held"]), span(r), percent(r["prior"]), percent(r[joint]))
        for a, (_, r) in asked
    ]  # fmt: skip


def rows_scenarios(f: Forecast) -> list[tuple[str, ...]]:
    """Scenarios: label, probability, input range, base rate; the rows add up to 100."""
    frame = table(f, "scenarios")
    after, before = (
        [f"{n} %" if n else "<1 %" for n in whole_scenarios(f, k)] for k in ("probability", "prior")
    )
    return [
        (str(r["label"]), p, span(r), q)
        for (_, r), p, q in zip(frame.iterrows(), after, before, strict=True)
    ]


def sections(f: Forecast) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Title, header and rows of the three tables that every view of a forecast shows."""
    out = [
        ("It opens by", ("deadline", "chance", "word", "input range", "base rate"), rows_held(f)),
        ("Scenarios", ("scenario", "chance", "input range", "base rate"), rows_scenarios(f)),
    ]
    if f.case.actors:
        header = (
            "actor",
            "if held",
            "input range",
            "base rate",
            f"held by {f.case.headline} and attends",
        )
        out.append(("Who takes part", header, rows_actors(f)))
    return out


def as_text(f: Forecast) -> str:
    """The forecast in lines of text."""
    lines = [f"{clean(f.case.question.title, 4000)}, as of {f.as_of}"]
    for title, header, told in sections(f):
        rows = [tuple(clean(x, 4000) for x in row) for row in told]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines += ["", title]
        for row in (header, *rows):
            lines.append("  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip())
    return "\n".join(lines)


def as_html(f: Forecast) -> str:
    """The forecast as a fragment of HTML, everything from the case escaped."""
    parts = [f"<p><strong>{escaped(f.case.question.title)}</strong>, as of {f.as_of}</p>"]
    for title, header, rows in sections(f):
        parts.append(html_table(title, header, rows))
    return f'<div class="forecast">{"".join(parts)}</div>'


def html_table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], numeric: bool = True
) -> str:
    """A table of text cells, each escaped; all but the first column are numbers."""
    kind = ' class="n"' if numeric else ""
    head = "".join(f'<th scope="col"{kind if i else ""}>{escaped(h)}</th>' for i, h in enumerate(header))
    body = "".join(
        f'<tr><th scope="row">{escaped(row[0])}</th>'
        + "".join(f"<td{kind}>{escaped(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{escaped(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
