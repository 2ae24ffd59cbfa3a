"""What came of it, on the page: the only section that looks beyond the as-of date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from forecast import scorecard, svg
from forecast.case import Case
from forecast.hindsight import lessons
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    fold,
    h,
    join,
    long_date,
    percent,
    short,
    short_date,
    table,
    text,
)
from forecast.scoring import NAMES, is_resolved, last_day, load_resolution, score, summary
from forecast.summary import what_happened
from forecast.updating import Forecast

_ABOVE = ("Opened by", "Took part, if it was held", "Together (0 is perfect; log in nats)")
_SLIGHT = 0.0005  # a difference that three digits do not show
_OUTCOME = {"yes": 1.0, "no": 0.0}


def outcome(f: Forecast, case: Case) -> Section:
    """The answers, the scores beside the base rate and a coin toss, and the post-mortem.

    Parameters
    ----------
    f : Forecast
    case : Case
        As loaded: with the news that is later than the forecast, which the path of the scores needs.
    """
    title = "What came of it"
    if not is_resolved(case):
        says = "<p>Not resolved yet: once it is, the forecast is scored here beside its base rate and a coin toss.</p>"
        return Section("outcome", title, Html(says))
    r = load_resolution(case)
    if f.as_of > last_day(case, r):
        return Section(
            "outcome",
            title,
            h("<p>Resolved before the as-of date: there was nothing left to forecast.</p>"),
        )
    scores = score(case, r, f.as_of)
    names = {a.id: a.name for a in case.actors}
    body = [
        _verdict(scores, float(lessons(case, r, f.as_of)["all"].sum())),
        _answers(scores, "held", "by", "Opened by", names),
        _answers(scores, "attends", "actor", "Took part, given that it was held", names),
        _means(scores),
    ]
    said = [
        (_dated(caption), _scored(caption, header, rows, f))
        for caption, header, rows in scorecard.sections(case, r, f.as_of)
        if caption not in _ABOVE
    ]
    folds = join(fold(caption, shown) for caption, shown in said)
    opened = f"It opened on {long_date(r.opened)}." if r.opened else "It was not held."
    lead = (f"Later than the as-of date: nothing of this was used above. {opened} One resolved case can show that a "
            "forecast was wrong by much; it cannot show that a forecaster is good.")  # fmt: skip
    return Section("outcome", title, h("{}{}", join(body), folds), lead)


def _scored(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], f: Forecast) -> Html:
    """A table of the scorecard: days and events in words; only what is no number breaks over lines."""
    what, first = what_happened(f), "w" if header[0] == "as of" else ""
    columns = [Column(x.capitalize() or "Question", "" if x == "why" else "n" if i else first)
               for i, x in enumerate(header)]  # fmt: skip

    def cell(of: str, x: str) -> Any:
        return text(x) if of == "why" else x.replace("-", "−")

    told = [
        (h("{}", short_date(row[0], True)) if first else text(short(what.get(row[0]) or _dated(row[0]), 90)),
         *(cell(of, x) for of, x in zip(header[1:], row[1:], strict=True)))
        for row in rows
    ]  # fmt: skip
    return table(_dated(caption), columns, told, kind="cards text" if "why" in header else "cards brief")


def _dated(words: str) -> str:
    """Days of the calendar in words."""
    return re.sub(r"\b\d{4}-\d\d-\d\d\b", lambda m: long_date(m[0]), words)


def _verdict(scores: pd.DataFrame, gained: float) -> Html:
    """Three sentences: the timing, who took part, and whether the reports made it better."""
    means = summary(scores).droplevel("origin_date").rename(NAMES)
    said = []
    for key, of, score_ in (
        ("rps", "On when it opens", "ranked probability score"),
        ("attends_brier", "On who takes part", "mean Brier score"),
    ):
        if means[key].isna().all():
            continue
        mine, base, coin = (float(means[key][m]) for m in NAMES.values())
        said.append(f"{of} the forecast did {_against(mine, base, coin)}: {score_} {mine:.3f}, against "
                    f"{base:.3f} and {coin:.3f}; less is better.")  # fmt: skip
    over = "Together, on the meeting and on each who could take part," if len(said) > 1 else "Together"
    if abs(gained) < _SLIGHT:
        said.append(f"{over} the reports made it neither better nor worse.")
    else:
        better, did = ("better", "saved") if gained > 0 else ("worse", "cost")
        said.append(
            f"{over} the reports made it {better} than the base rate: they {did} {abs(gained):.2f} of the log score."
        )
    return h("<p>{}</p>", " ".join(said))


def _against(mine: float, base: float, coin: float) -> str:
    better = [mine < x - _SLIGHT for x in (base, coin)]
    worse = [mine > x + _SLIGHT for x in (base, coin)]
    if all(better) or all(worse):
        return f"{'better' if all(better) else 'worse'} than the base rate and than a coin toss"
    one, other = (
        "better" if b else "worse" if w else "as well" for b, w in zip(better, worse, strict=True)
    )
    return f"{one} {'as' if one == 'as well' else 'than'} the base rate and {other} {'as' if other == 'as well' else 'than'} a coin toss"


def _answers(scores: pd.DataFrame, target: str, key: str, caption: str, names: dict[str, str]) -> Html:
    some = scores[scores["target"] == target]
    if some.empty:
        return Html("")
    mine, base = (some[some["model_id"] == m].set_index(key) for m in list(NAMES)[:2])
    rows = []
    row: Any  # a named tuple
    for row in mine.join(base.add_suffix("_base")).itertuples():
        said = names.get(str(row.Index)) or long_date(row.Index)
        label = f"{said}: {row.answer}; forecast {percent(row.probability)}, base rate {percent(row.probability_base)}"  # fmt: skip
        marks: list[svg.Mark] = [("tick", row.probability_base), ("ring", _OUTCOME[row.answer]),
                                 ("dot", row.probability, "accent")]  # fmt: skip
        rows.append((text(said), svg.strip(marks, label), row.answer, percent(row.probability),
                     percent(row.probability_base), f"{row.brier:.2f}", f"{row.brier_base:.2f}"))  # fmt: skip
    columns = [Column(caption if target == "held" else "Actor"), Column(svg.axis(), "pic"), Column("Answer", "n"),
               Column("Forecast", "n"), Column("Base rate", "n"), Column("Brier score", "n"),
               Column("Of the base rate", "n")]  # fmt: skip
    return h("{}{}", table(f"{caption}: what happened, and what had been said", columns, rows, kind="cards"),
             Html('<p class="key"><span class="k ring"></span> what happened, at 0 or 100'
                  f'{NBSP}% <span class="k dot"></span> forecast <span class="k tick"></span> base rate</p>'))  # fmt: skip


def _means(scores: pd.DataFrame) -> Html:
    means = summary(scores).droplevel("origin_date").rename(NAMES)
    rows = []
    for key, label in scorecard.MEANS.items():
        if means[key].isna().all():
            continue
        values = {m: float(means[key][m]) for m in NAMES.values()}
        end = max(values.values()) or 1.0
        best = min(values, key=values.__getitem__)
        marks: list[svg.Mark] = [
            ("bar", 0, values["forecast"] / end, "accent"),
            ("tick", values["base rate"] / end),
        ]
        picture = svg.strip(marks, f"{label}: forecast {values['forecast']:.3f}, base rate {values['base rate']:.3f}, "
                                   f"coin toss {values['constant']:.3f}")  # fmt: skip
        rows.append(
            (
                label,
                picture,
                *(
                    h("{} <small>best</small>", f"{v:.3f}") if m == best else f"{v:.3f}"
                    for m, v in values.items()
                ),
            )
        )
    columns = [
        Column("Score"),
        Column("", "pic"),
        Column("Forecast", "n"),
        Column("Base rate", "n"),
        Column("Coin toss", "n"),
    ]
    note = ('<p class="fine">0 is perfect; log scores in nats; a full bar is the worst of its '
            "row, the line the base rate. A coin toss says 50\u00a0% to each question and the same to each period. The deadlines are nested and "
            "the actors go together: these are a few questions, not many.</p>")  # fmt: skip
    return h("{}{}", table("Scores: less is better", columns, rows, kind="cards"), Html(note))
