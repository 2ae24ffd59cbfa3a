"""The command line: check a case, forecast it, report on it. Thin, on top of everything."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="forecast",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Scenario forecasting that can be checked: from one case file to probabilities and a report.",
)

CaseArg = Annotated[str, typer.Argument(help="A shipped case, or the folder of a case.", metavar="CASE")]
AsOf = Annotated[
    dt.datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD",
        help="Last day whose news counts; the case's own by default.",
    ),
]  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        from forecast import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read the options that every command shares."""


@app.command(epilog="Example: forecast check my_case --article article.txt")
def check(
    case: CaseArg,
    article: Annotated[
        Path | None, typer.Option(help="Text of a document: find every paragraph and locator in it.")
    ] = None,
    document: Annotated[
        str | None, typer.Option(help="Id of that document, if the case has several.")
    ] = None,
) -> None:
    """Check a case: every problem at once, each with its place and what was expected."""
    from forecast.loading import CaseError, check_article, load

    with _friendly():
        c = load(case)
        if article is not None:
            try:
                text = article.read_text("utf-8-sig")
            except UnicodeDecodeError as e:
                raise ValueError(f"{article}: not UTF-8; save the file as UTF-8") from e
            if problems := check_article(c, text, document):
                raise CaseError(problems)
        told = [r for e in c.events for r in e.reports]
        late = sum(r.published > c.question.as_of for r in told)
        later = f"; {_counted(late, 'report')} later than as_of, not used" if late else ""
        learned = f"; learns from {c.reference_class} as known on {c.fit.as_of}" if c.fit else ""
        found = "; every paragraph and locator found" if article else ""
        typer.echo(_printable(
            f"{c.question.title}: {_counted(len(c.scenarios), 'scenario')}, "
            f"{_counted(len(c.indicators), 'indicator')}, {_counted(len(c.actors), 'actor')}, "
            f"{_counted(len(c.events), 'event')} in {_counted(len(told), 'report')}, "
            f"{len(c.watch)} watched{later}{learned}. No problem found{found}."
        ))  # fmt: skip


@app.command(
    epilog="Examples: forecast run my_case   |   forecast run my_case --as-of 2014-11-20 --json"
)
def run(
    case: CaseArg,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one tidy table as CSV.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the input ranges.")] = 1,
) -> None:
    """Forecast a case: the meeting by each deadline, its scenarios, who takes part."""
    from forecast import tables
    from forecast.loading import load
    from forecast.updating import update

    with _friendly():
        if as_json and as_csv:
            raise ValueError("--json and --csv: expected one of them")
        f = update(load(case), as_of.date() if as_of else None, seed=seed)
        if as_json:
            typer.echo(json.dumps(f.to_dict(), indent=2, ensure_ascii=False))
        elif as_csv:
            typer.echo(tables.as_csv(f), nl=False)
        else:
            _show(f)


@app.command(epilog="Example: forecast report my_case -o reports --open")
def report(
    case: CaseArg,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the page.")] = Path("."),
    as_of: AsOf = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the ranges and of the sampler.")] = 1,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write the report of a case: one HTML page that opens offline."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from forecast.loading import load
    from forecast.report import make_report

    with _friendly():
        load(case)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("starting", total=None)

            def step(index: int, total: int, title: str) -> None:
                progress.update(bar, completed=index, total=total, description=_printable(title)[:60])

            page = make_report(case, output, as_of.date() if as_of else None, seed, step)
        typer.echo(f"The report is in {page}")
        if open_it:
            typer.launch(str(page.resolve()))


@app.command(epilog="Example: forecast fit my_case")
def fit(
    case: CaseArg,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sampler.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Learn what a case needs from history, as known on the day of the proposal, and store it."""
    from forecast import fits, fitting
    from forecast.loading import load

    with _friendly():
        c = load(case, fitted=False)
        if not c.learns and not any(w.announces for w in c.watch):
            raise ValueError(f"{case}: nothing in this case is learned from history: it has no "
                             "reference_class, no attends_like, no announcement and no watch that "
                             "announces")  # fmt: skip
        path = c.folder / "fit.json"
        typer.echo(_printable(
            f"Learning from {c.reference_class} as known on {c.question.proposed}: two models, "
            "some minutes at most."
        ), err=True)  # fmt: skip
        learned = fitting.fit(
            c.reference_class, c.question.proposed, c.base_rate.leave_out, seed, progress=not quiet
        )
        fits.write(learned, path)
        typer.echo(_printable(f"The fit is in {path}"))


@app.command(epilog="Example: forecast schema > case.schema.json")
def schema(
    file: Annotated[str, typer.Argument(help="case or events: which of the two files.")] = "case",
) -> None:
    """Print the JSON Schema of a case's files, for completion and checks in an editor."""
    from forecast.parts import CaseFile, EventsFile

    with _friendly():
        models: dict[str, Any] = {"case": CaseFile, "events": EventsFile}
        if file not in models:
            raise ValueError(f"{file}: expected case or events")
        typer.echo(json.dumps(models[file].model_json_schema(), indent=2))


@contextmanager
def _friendly() -> Iterator[None]:
    """Turn what a user can put right into one message a problem and exit code 1."""
    from forecast.loading import CaseError

    try:
        yield
    except CaseError as e:
        for problem in e.problems:
            typer.secho(_printable(str(problem)), fg="red", err=True)
        many = len(e.problems)
        typer.secho(f"{many} problem{'s' if many > 1 else ''} found.", err=True)
        raise typer.Exit(1) from None
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        typer.secho(_printable(f"{where}{(e.strerror or str(e)).lower()}"), fg="red", err=True)
        raise typer.Exit(1) from None
    except (ValueError, RuntimeError) as e:
        typer.secho(_printable(str(e)), fg="red", err=True)
        raise typer.Exit(1) from None


def _show(f: Any) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from forecast.tables import sections

    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    console.print(Text(_printable(f"{f.case.question.title}, as of {f.as_of}"), style="bold"))
    for title, header, rows in sections(f):
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for i, name in enumerate(header):
            table.add_column(name, justify="right" if i else "left", header_style="dim")
        for row in rows:
            # Text, not markup: what a case says is data
            table.add_row(*(Text(_printable(cell)) for cell in row))
        console.print()
        console.print(table)


def _counted(n: int, one: str) -> str:
    return f"{n} {one}{'' if n == 1 else 's'}"


def _printable(text: str) -> str:
    """Without control characters, which could repaint the terminal."""
    return "".join(x if x.isprintable() or x == "\n" else "?" for x in text)
