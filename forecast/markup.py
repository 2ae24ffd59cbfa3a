"""HTML from values: the one place where text is escaped.

Everything that is not `Html` already is data, and `h` escapes it. Nothing of a case is
ever read as mark-up, as a formula or as a template.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import tables
from forecast.wording import escaped

NBSP = "\u00a0"
_STYLE = Path(__file__).parent / "templates" / "forecast" / "elements.css"


class Html(str):
    """Text that is mark-up already."""

    __slots__ = ()


def h(template: str, /, *values: Any) -> Html:
    """A literal template with `{}` filled in; values that are not `Html` are escaped."""
    return Html(template.format(*(v if isinstance(v, Html) else escaped(v) for v in values)))


def join(parts: Iterable[Any], by: str = "") -> Html:
    """Parts one after another, each escaped unless it is `Html`."""
    return Html(escaped(by).join(h("{}", p) for p in parts))


def text(value: str) -> Html:
    """Text of a case, isolated from the direction of the text around it."""
    return h("<bdi>{}</bdi>", value)


@dataclass(frozen=True)
class Section:
    """A part of the page, with its own heading; notebooks show it as HTML."""

    id: str
    title: str
    body: Html
    lead: str = ""
    level: int = 2

    def _repr_html_(self) -> str:
        if self.level == 1:
            head = h("")
        else:
            lead = h('<p class="lead">{}</p>', self.lead) if self.lead else ""
            head = h('<h2 id="{}-title">{}</h2>{}', self.id, self.title, Html(lead))
        # any of them may be the only one that a notebook shows; the exporter keeps one style
        return style() + h('<section class="fx" id="{}" aria-labelledby="{}-title">{}{}</section>',
                           self.id, self.id, head, self.body)  # fmt: skip

    def __repr__(self) -> str:
        return f"<{self.title}>"


def style() -> Html:
    """The style of the parts, for a notebook; the exported page has it in its head."""
    return Html(f"<style data-forecast>{_STYLE.read_text('utf-8')}</style>")


@dataclass(frozen=True)
class Column:
    """A column of a table: `kind` is `n` (numbers), `pic` (a picture) or empty (text)."""

    label: Any
    kind: str = ""


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    foot: Sequence[Any] | None = None,
    kind: str = "",
) -> Html:
    """A table that becomes a list of cards on a narrow screen."""
    head = join(h('<th scope="col" class="{}">{}</th>', c.kind, c.label) for c in columns)
    body = join(_row(columns, row) for row in rows)
    tail = h("<tfoot>{}</tfoot>", _row(columns, foot)) if foot else ""
    return h('<table class="{}"><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody>{}</table>',
             kind, caption, head, body, Html(tail))  # fmt: skip


def _row(columns: Sequence[Column], row: Sequence[Any]) -> Html:
    first, *rest = row
    cells = join(
        h('<td class="{}" data-label="{}">{}</td>', c.kind, "" if c.kind == "pic" else c.label, cell)
        if cell != ""
        else h('<td class="{} none"></td>', c.kind)
        for c, cell in zip(columns[1:], rest, strict=True)
    )
    if first == "":  # a header has to say something
        return h('<tr><td class="{} none"></td>{}</tr>', columns[0].kind, cells)
    return h('<tr><th scope="row" class="{}">{}</th>{}</tr>', columns[0].kind, first, cells)


def fold(summary: str, body: Html) -> Html:
    """Something to open; paper shows it open."""
    return h("<details><summary>{}</summary>{}</details>", summary, body)


def figure(picture: Html, caption: Any = "", kind: str = "") -> Html:
    """A picture with its caption; the picture carries its own alternative text."""
    note = h("<figcaption>{}</figcaption>", caption) if caption else ""
    return h('<figure class="{}">{}{}</figure>', kind, picture, Html(note))


def link(url: str, label: str | None = None) -> Html:
    """A link to an address of the web; anything else is shown as text."""
    if url.lower().startswith(("https://", "http://")):
        return h('<a href="{}" rel="noopener noreferrer">{}</a>', url, text(label or url))
    return text(label or url)


# --- numbers and dates in words ---


def percent(p: float) -> str:
    """As `forecast.tables.percent`, not broken over lines."""
    return tables.percent(float(p)).replace(" ", NBSP)


def whole(n: int) -> str:
    """Whole per cents that were rounded with others: `26 %`, and never 0 % or 100 %."""
    if n <= 0:
        return f"<1{NBSP}%"
    return f">99{NBSP}%" if n >= 100 else f"{n}{NBSP}%"


def span(low: float, high: float) -> str:
    """An input range: `18–35 %`."""
    return f"{tables.percent(float(low))[:-2]}–{percent(high)}"


def row_span(row: Any) -> str:
    """The input range of a row of a table; nothing without draws."""
    return span(row["low"], row["high"]) if "low" in row else ""


def signed(x: float, digits: int = 1) -> str:
    """A number with its sign: `+2.3`, `−0.4`, `0.0`."""
    shown = f"{abs(x):.{digits}f}"
    if float(shown) == 0:
        return shown
    return f"{'+' if x > 0 else '−'}{shown}"


def toned(x: float, digits: int = 1) -> Html:
    """A number with its sign and the colour that goes with it."""
    tone = {"+": "up", "−": "down"}.get(signed(x, digits)[0], "flat")
    return h('<span class="{}">{}</span>', tone, signed(x, digits))


def tenths(values: Sequence[float]) -> list[float]:
    """Numbers rounded to tenths so that they add up to their rounded sum (largest remainder)."""
    exact = [10 * float(v) for v in values]
    down = [int(x // 1) for x in exact]
    short = round(sum(exact)) - sum(down)
    order = sorted(range(len(exact)), key=lambda i: down[i] - exact[i])
    for i in order[:short]:
        down[i] += 1
    return [n / 10 for n in down]


def long_date(day: Any) -> str:
    """`4 December 2014`."""
    d = pd.Timestamp(day)
    return f"{d.day}{NBSP}{_MONTHS[d.month - 1]}{NBSP}{d.year}"


def short_date(day: Any, year: bool = False) -> str:
    """`4 Dec`, or `4 Dec 2014`."""
    d = pd.Timestamp(day)
    return f"{d.day}{NBSP}{_MONTHS[d.month - 1][:3]}" + (f"{NBSP}{d.year}" if year else "")


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip


def period(days: tuple[dt.date, dt.date]) -> str:
    """A day, or the first and the last."""
    first, last = days
    if first == last:
        return short_date(first, year=True)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{short_date(last, year=True)}"
    return f"{short_date(first, first.year != last.year)}–{short_date(last, year=True)}"


def role_words(role: Any) -> str:
    """`main opposition`, `UN envoy`: a role of the table in words."""
    return str(role).replace("_", " ").replace("un envoy", "UN envoy")


_CONVENERS = {
    "state-patron-of-belligerent": "a state that backs one side", "neutral-state": "a neutral state",
    "regional-org": "a regional organisation", "UN": "the UN", "US-led": "the US or a group that it leads",
    "domestic": "someone in the country itself", "other": "anyone",
}  # fmt: skip


def convener_words(convener: Any) -> str:
    """`a neutral state`: a type of convener of the table in words."""
    return _CONVENERS.get(str(convener), str(convener))


def inside(name: str) -> str:
    """A name inside a sentence: `the Taliban`."""
    return f"the{name[3:]}" if name.startswith("The ") else name


def short(words: str, size: int = 60) -> str:
    """The beginning of a text, cut at a word, without its full stop."""
    words = " ".join(words.split()).removesuffix(".")
    if len(words) <= size:
        return words
    cut = words[: size - 1].rsplit(" ", 1)[0]
    return (cut if len(cut) > size // 2 else words[: size - 1]) + "…"


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 report`, `3 reports`."""
    return f"{n}{NBSP}{one if n == 1 else many or one + 's'}"
