"""What the command line shows: tables, and one clear message where something is wrong.

Text of a case, of a log or of a file is data: without control characters, and never markup.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer


@contextmanager
def friendly() -> Iterator[None]:
    """Turn what a user can put right into one message a problem and exit code 1."""
    from forecast.loading import CaseError

    try:
        yield
    except CaseError as e:
        for problem in e.problems:
            typer.secho(printable(str(problem)), fg="red", err=True)
        many = len(e.problems)
        typer.secho(f"{many} problem{'s' if many > 1 else ''} found.", err=True)
        raise typer.Exit(1) from None
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        typer.secho(printable(f"{where}{(e.strerror or str(e)).lower()}"), fg="red", err=True)
        raise typer.Exit(1) from None
    except (ValueError, RuntimeError) as e:
        typer.secho(printable(str(e)), fg="red", err=True)
        raise typer.Exit(1) from None


def show(f: Any) -> None:
    """Show a forecast."""
    from forecast.tables import sections

    show_tables(f"{f.case.question.title}, as of {f.as_of}", sections(f))


def show_tables(
    heading: str,
    sections: Iterable[tuple[str, tuple[str, ...], list[tuple[str, ...]]]],
    left: Collection[str] = (),
) -> None:
    """Show tables, each a title, header and rows, below a heading.

    Parameters
    ----------
    left : collection of str
        Columns of words, besides the first of each table.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    console.print(Text(printable(heading), style="bold"))
    for title, header, rows in sections:
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for i, name in enumerate(header):
            words = not i or name in left
            table.add_column(name, justify="left" if words else "right", header_style="dim")
        for row in rows:
            # Text, not markup: what a case says is data
            table.add_row(*(Text(printable(cell)) for cell in row))
        console.print()
        console.print(table)


def show_replay(past: Any, case: Any) -> None:
    """Show a replay, a row for each date."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from forecast.replaying import as_dict
    from forecast.tables import percent

    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    full = "#" if console.options.ascii_only else "\u2588"
    console.print(Text(printable(f"{case.question.title}, day by day"), style="bold"))
    table = Table(box=None, pad_edge=False)
    table.add_column("as of", header_style="dim", no_wrap=True)
    for deadline in case.question.deadlines:
        table.add_column(f"by {deadline}", justify="right", header_style="dim", min_width=10)
    table.add_column(f"{case.headline}", header_style="dim", no_wrap=True)
    table.add_column("new since the row before", header_style="dim", no_wrap=True)
    headline = case.question.deadlines.index(case.headline)
    later = False
    for row in as_dict(past, case)["dates"]:
        held = ["passed" if x["by"] <= row["as_of"] else percent(x["probability"]) for x in row["held"]]
        bar = full * round(10 * row["held"][headline]["probability"])
        more = f" +{len(row['new']) - 1}" if row["new"][1:] else ""
        shown = "".join(row["new"][:1]) + more
        mark = "*" if row["after_as_of"] else ""
        later |= row["after_as_of"]
        cells = (row["as_of"] + mark, *held, bar, shown)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)
    if later:
        console.print(Text(f"* after {case.question.as_of}, the as-of date of the case: by what was "
                           "published later, up to that date."))  # fmt: skip


def counted(n: int, one: str) -> str:
    """A number of things: `1 event`, `2 events`."""
    return f"{n} {one}{'' if n == 1 else 's'}"


def printable(text: str) -> str:
    """Without control characters, which could repaint the terminal."""
    return "".join(x if x.isprintable() or x == "\n" else "?" for x in text)
