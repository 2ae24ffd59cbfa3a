"""What the command line shows: tables, and one clear message where something is wrong.

Text of a case, of a log or of a file is data: without control characters, and never markup.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer


def check_streams() -> None:
    """Refuse to work for nobody, and let no letter that an encoding has not stop the output."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.set_inheritable(sys.stderr.fileno(), True)
    if sys.stdout is None:
        typer.secho("standard output is closed; expected a place to write to", fg="red", err=True)
        raise typer.Exit(1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def plain_json(value: Any) -> str:
    """JSON, with escapes where standard output lacks a letter: what is read back is the same."""
    words = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        words.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=2)
    return words


@contextmanager
def friendly(interrupted: str = "nothing was written") -> Iterator[None]:
    """Turn what a user can put right into one message a problem and exit code 1.

    Parameters
    ----------
    interrupted : str, optional
        What is said to who interrupts it, with exit code 130.
    """
    from forecast.loading import CaseError

    try:
        yield
    except KeyboardInterrupt:
        typer.secho(f"Interrupted; {interrupted}.", fg="red", err=True)
        raise typer.Exit(130) from None
    except CaseError as e:
        for problem in e.problems:
            typer.secho(printable(str(problem)), fg="red", err=True)
        many = len(e.problems)
        typer.secho(f"{many} problem{'s' if many > 1 else ''} found.", err=True)
        raise typer.Exit(1) from None
    except BrokenPipeError:  # who reads has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
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
    """Show tables; see `as_text`."""
    typer.echo(as_text(heading, sections, left), nl=False)


def as_text(
    heading: str,
    sections: Iterable[tuple[str, tuple[str, ...], list[tuple[str, ...]]]],
    left: Collection[str] = (),
    width: int = 110,
) -> str:
    """Tables, each a title, header and rows, below a heading, in the width of the terminal.

    Parameters
    ----------
    left : collection of str
        Columns of words, besides the first of each table.
    width : int
        Where the output is no terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else width, highlight=False)
    narrow = console.width < 100
    with console.capture() as captured:
        console.print(Text(printable(heading), style="bold"))
        for title, header, rows in sections:
            table = Table(
                title=title, title_justify="left", title_style="bold", box=None, pad_edge=False,
                collapse_padding=narrow,
            )  # fmt: skip
            longest = max((len(row[0]) for row in rows), default=0)
            for i, name in enumerate(header):
                words = not i or name in left
                table.add_column(  # a name or a day is never cut
                    name, justify="left" if words else "right", header_style="dim",
                    min_width=None if i or narrow else min(longest, 20),
                    no_wrap=not i and longest <= 12,
                )  # fmt: skip
            for row in rows:
                # Text, not markup: what a case says is data
                table.add_row(*(Text(printable(cell)) for cell in row))
            console.print()
            console.print(table)
    return captured.get()


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
    # a narrow terminal has no room for the bar beside the news
    wide = console.width >= 60 + 10 * len(case.question.deadlines)
    if wide:
        table.add_column(f"{case.headline}", header_style="dim", no_wrap=True)
    table.add_column("new since the row before", header_style="dim", no_wrap=True)
    headline = case.question.deadlines.index(case.headline)
    named, later = {a.id for a in case.announcements}, False
    for row in as_dict(past, case)["dates"]:
        held = ["passed" if x["by"] <= row["as_of"] else percent(x["probability"]) for x in row["held"]]
        bar = full * round(10 * row["held"][headline]["probability"])
        new = sorted(row["new"], key=lambda x: x not in named)  # a day named says most
        shown = "".join(new[:1]) + (f" and {len(new) - 1} more" if new[1:] else "")
        mark = "*" if row["after_as_of"] else ""
        later |= row["after_as_of"]
        cells = (row["as_of"] + mark, *held, *([bar] if wide else []), shown)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)
    if later:
        console.print(Text(f"* after {case.question.as_of}, the as-of date of the case: by what was "
                           "published later, up to that date."))  # fmt: skip


def show_check(case: str, article: Path | None, document: str | None) -> int:
    """Check a case, and a document's text where it is at hand; show what it holds, and advice.

    Returns
    -------
    int
        How many pieces of advice there are.
    """
    from forecast.advice import advise
    from forecast.loading import MAX_BYTES, CaseError, check_article, load
    from forecast.pooling import analysts

    if document is not None and article is None:
        raise ValueError("--document says which document the text of --article is; expected both")
    try:
        c = load(case)
    except CaseError as e:
        if all(p.file == "fit.json" for p in e.problems):  # a draft: its words can be read
            for piece in advise(load(case, fitted=False)):
                typer.secho(printable(str(piece)), fg="yellow")
        raise
    if article is not None:
        with article.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"{article}: a text of at most {MAX_BYTES:,} bytes was expected")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as e:
            raise ValueError(f"{article}: not UTF-8; save the file as UTF-8") from e
        if problems := check_article(c, text, document):
            raise CaseError(problems)
    views = analysts(c)  # their files are checked too
    told = [r for e in c.events for r in e.reports]
    late = sum(r.published > c.question.as_of for r in told)
    later = f"; {counted(late, 'report')} later than as_of, not used" if late else ""
    learned = f"; learns from {c.reference_class} as known on {c.fit.as_of}" if c.fit else ""
    others = f"; {counted(len(views) - 1, 'other analyst')}" if views else ""
    found = "; every paragraph and locator found" if article else ""
    typer.echo(printable(
        f"{c.question.title}: {counted(len(c.scenarios), 'scenario')}, "
        f"{counted(len(c.indicators), 'indicator')}, {counted(len(c.actors), 'actor')}, "
        f"{counted(len(c.events), 'event')} in {counted(len(told), 'report')}, "
        f"{len(c.watch)} watched{later}{learned}{others}. No problem found{found}."
    ))  # fmt: skip
    advice = advise(c)
    for piece in advice:
        typer.secho(printable(str(piece)), fg="yellow")
    if advice:
        pieces = "1 piece" if len(advice) == 1 else f"{len(advice)} pieces"
        typer.echo(f"{pieces} of advice: not a problem, to be weighed and followed or left.")
    return len(advice)


def show_tree(tree: Any) -> None:
    """Show a tree of rich."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 150, highlight=False).print(tree)


def check_figure(figure: Path | None) -> None:
    """Refuse a file that cannot be a picture or cannot be made, before any work is done."""
    if figure is None:
        return
    if figure.suffix.lower() not in (".svg", ".png"):
        raise ValueError(f"--figure: {figure}: expected a name that ends in .svg or .png")
    if figure.is_dir():
        raise ValueError(f"--figure: {figure}: a folder; expected the name of a file")
    if not figure.parent.is_dir():
        raise ValueError(f"--figure: {figure}: no such folder: {figure.parent}")


def counted_off[T](items: Collection[T], what: str) -> Iterator[T]:
    """The items one by one, with a bar of progress where there are many."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=len(items) < 200) as progress:
        bar = progress.add_task(what, total=len(items))
        for item in items:
            yield item
            progress.advance(bar)


@contextmanager
def stepping() -> Iterator[Callable[[int, int, str], None]]:
    """A bar of progress, as a function of the step, of how many, and of its title."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    off = not console.is_terminal  # it would leave an empty line there
    with Progress(*columns, console=console, transient=True, disable=off) as progress:
        bar = progress.add_task("starting", total=None)

        def step(index: int, total: int, title: str) -> None:
            progress.update(bar, completed=index, total=total, description=printable(title)[:60])

        yield step


def counted(n: int, one: str) -> str:
    """A number of things: `1 event`, `2 events`."""
    return f"{n} {one}{'' if n == 1 else 's'}"


def printable(text: str) -> str:
    """Without control characters, which could repaint the terminal."""
    return "".join(x if x.isprintable() or x == "\n" else "?" for x in text)
