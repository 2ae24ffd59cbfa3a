"""The command line: check a case, forecast it, report on it. Thin, on top of everything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from forecast import terminal
from forecast.terminal import friendly, plain_json, printable, show, show_replay, show_tables

app = typer.Typer(
    name="forecast",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Scenario forecasting that can be checked: from one case file to probabilities and a report.",
)


def _named(case: str) -> str:
    if not case.strip():  # a path of no letters would be the working folder
        raise typer.BadParameter("empty; expected a case (is a shell variable not set?)")
    return case


CaseArg = Annotated[str, typer.Argument(help="A shipped case, or the folder of a case.",
                                        metavar="CASE", callback=_named)]  # fmt: skip
CaseOrCases = Annotated[str, typer.Argument(
    help="A shipped case, the folder of a case, or a folder of folders of cases.", metavar="CASE",
    callback=_named,
)]  # fmt: skip
Output = Annotated[Path | None, typer.Option(
    "-o", "--output", metavar="FILE.jsonl", help="Results of a folder of cases; what is done stays done."
)]  # fmt: skip
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes for a folder; one a core by default.")]
Dask = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Cluster for a folder of cases.")]
AsOf = Annotated[
    dt.datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD",
        help="Last day whose news counts; the case's own by default.",
    ),
]  # fmt: skip

Figure = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: a file .svg or .png.")]


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
    terminal.check_streams()


@app.command(epilog="Example: forecast new my_case   |   forecast new my_case --folder cases")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the case, and of its new folder.")],
    folder: Annotated[Path, typer.Option(help="Where the new folder is made.")] = Path("."),
) -> None:
    """Make a new case: two commented files that pass `check` and say what to fill in."""
    from forecast import authoring

    with friendly():
        made = authoring.new(name, folder, dt.date.today())
        typer.echo(printable(f"The case is in {made}. Fill in what says {authoring.PLACEHOLDER}, then: "
                             f"forecast check {made}"))  # fmt: skip


@app.command(epilog="Example: forecast check my_case --article article.txt")
def check(
    case: CaseArg,
    article: Annotated[
        Path | None, typer.Option(help="Text of a document: find every paragraph and locator in it.")
    ] = None,
    document: Annotated[
        str | None, typer.Option(help="Id of that document, if the case has several.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on advice too.")] = False,
) -> None:
    """Check a case: every problem at once, then advice, each with its place and a way out."""
    with friendly():
        advice = terminal.show_check(case, article, document)
    if advice and strict:
        raise typer.Exit(1)


@app.command("show", epilog="Example: forecast show my_case --figure tree.svg")
def show_case(case: CaseArg, as_of: AsOf = None, figure: Figure = None) -> None:
    """Show the tree of a case: scenarios, then indicators and actors with judgements and events."""
    from forecast import drawing
    from forecast.loading import load
    from forecast.updating import update

    with friendly():
        terminal.check_figure(figure)
        f = update(load(case), as_of.date() if as_of else None, draws=0)
        if figure is None:
            terminal.show_tree(drawing.terminal(f))
        else:
            from forecast import reading_plots

            reading_plots.save(drawing.tree(f), figure)
            typer.echo(printable(f"The figure is in {figure}"), err=True)


@app.command(
    epilog="Examples: forecast run my_case   |   forecast run my_case --as-of 2014-11-20 --json"
)
def run(
    case: CaseOrCases,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one tidy table as CSV.")] = False,
    as_hub: Annotated[
        bool, typer.Option("--hub", help="Print a table of model output (hubverse) as CSV.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the input ranges.")] = 1,
    output: Output = None,
    jobs: Jobs = None,
    dask: Dask = None,
) -> None:
    """Forecast a case, or a folder of cases: the meeting by each deadline, scenarios, who takes part."""
    from forecast import many, tables
    from forecast.loading import load
    from forecast.updating import update

    day = as_of.date() if as_of else None
    if many.command(
        many.Task("run", day, seed), case, output, jobs, dask, as_json + as_csv + as_hub > 0
    ):
        return
    with friendly():
        if as_json + as_csv + as_hub > 1:
            raise ValueError("--json, --csv and --hub: expected one of them")
        f = update(load(case), day, seed=seed)
        if as_json:
            typer.echo(plain_json(f.to_dict()))
        elif as_csv:
            typer.echo(tables.as_csv(f), nl=False)
        elif as_hub:
            from forecast import hub

            typer.echo(hub.as_csv(hub.to_hub(f)), nl=False)
        else:
            show(f)


@app.command(
    epilog="Examples: forecast replay my_case --every 7   |   forecast replay my_case --figure replay.svg"
)
def replay(
    case: CaseArg,
    first: Annotated[
        dt.datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD",
                     help="First date; the day of the proposal by default."),
    ] = None,
    last: Annotated[
        dt.datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD",
                     help="Last date; the case's as-of date by default. A later one hears later news."),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, metavar="DAYS",
                     help="Days from date to date; by default each day with news, and each week."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one tidy table as CSV.")] = False,
    figure: Figure = None,
) -> None:  # fmt: skip
    """Replay a case: the forecast on each date, by what was known on that date."""
    from forecast import replaying
    from forecast.loading import load

    with friendly():
        if as_json and as_csv:
            raise ValueError("--json and --csv: expected one of them")
        terminal.check_figure(figure)
        c = load(case)
        start = first.date() if first else c.question.proposed
        end = last.date() if last else max(c.question.as_of, start)
        if start > end:
            raise ValueError(f"--from: {start} is after --to, {end}")
        if every:
            dates = {start + dt.timedelta(n) for n in range(0, (end - start).days + 1, every)}
        else:
            dates = {d for d in replaying.news_days(c, end) if d >= start}
        days = sorted(dates | {start, end})
        past = replaying.replay(c, terminal.counted_off(days, "replaying"))
        if figure is not None:
            from forecast import reading_plots

            reading_plots.save(reading_plots.replay(past, c), figure)
        if as_json:
            typer.echo(plain_json(replaying.as_dict(past, c)))
        elif as_csv:
            typer.echo(replaying.as_csv(past, c), nl=False)
        else:
            show_replay(past, c)
        if figure is not None:
            typer.echo(printable(f"The figure is in {figure}"), err=True)


@app.command(
    epilog="Examples: forecast score my_case   |   forecast score my_case --table theirs.csv --csv"
)
def score(
    case: CaseOrCases,
    as_of: AsOf = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Score the forecasts in this table of model output (hubverse)."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one tidy table as CSV.")] = False,
    oracle: Annotated[
        bool,
        typer.Option("--oracle", help="Print the resolution as a table of oracle output (hubverse)."),
    ] = False,
    output: Output = None,
    jobs: Jobs = None,
    dask: Dask = None,
) -> None:
    """Score a resolved case or a folder of them: beside base rate and constant, and what misled it."""
    from forecast import many, scorecard
    from forecast.loading import load

    day, other = as_of.date() if as_of else None, as_json or as_csv or oracle or table is not None
    if many.command(many.Task("score", day), case, output, jobs, dask, other):
        return
    with friendly():
        forms = [k for k, on in (("json", as_json), ("csv", as_csv), ("oracle", oracle)) if on]
        if len(forms) > 1 or (table is not None and (oracle or as_of)):
            raise ValueError("expected one of --json, --csv and --oracle, and with --table neither "
                             "--oracle nor --as-of: the table has its own dates")  # fmt: skip
        typer.echo(scorecard.as_text(load(case), day, table, *forms), nl=False)


@app.command(
    epilog='Example: forecast log my_case --note "Before the visit"   |   forecast log my_case --show'
)
def log(
    case: CaseArg,
    as_of: AsOf = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="The log; log.jsonl in the case's folder by default, or "
                     "here where that cannot be written."),
    ] = None,
    note: Annotated[str, typer.Option(help="A remark that is kept with it.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the input ranges.")] = 1,
    show_it: Annotated[bool, typer.Option("--show", help="Print the log; add nothing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no line was changed; add nothing.")
    ] = False,
    rerun: Annotated[
        int | None,
        typer.Option(metavar="LINE", help="Make a logged forecast again and compare; add nothing."),
    ] = None,
) -> None:  # fmt: skip
    """Log a forecast: append it to a file of lines that nobody changes, with what it was made from."""
    from forecast import logbook, logtexts
    from forecast.loading import load
    from forecast.updating import update

    with friendly():
        reading = show_it or verify or rerun is not None
        logtexts.check_options(as_of, note, show_it, verify, rerun)
        path = file or logbook.default_path(load(case), reading)
        elsewhere = file is None and str(path) == logbook.NAME
        if show_it:
            rows, problems = logtexts.rows(path)
            show_tables(str(path), [("", logtexts.HEADER, rows)], left=logtexts.HEADER)
            for problem in problems:
                typer.echo(printable(problem), err=True)
        elif verify:
            typer.echo(printable(logtexts.verified(path)))
        elif rerun is not None:
            typer.echo(printable(logtexts.rerun_text(logbook.entry(path, rerun))))
        else:
            f = update(load(case), as_of.date() if as_of else None, seed=seed)
            typer.echo(printable(logtexts.logged(logbook.log(f, path, note), elsewhere)))


@app.command(
    epilog="Examples: forecast diff my_case@2014-11-20 my_case   |   forecast diff log.jsonl:1 log.jsonl"
)
def diff(
    a: Annotated[str, typer.Argument(
        metavar="A", help="A case, CASE@YYYY-MM-DD, or a line of a log: FILE.jsonl:N, N from 1 or, "
        "from the end, -1 (the default).", callback=_named)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other, likewise.", callback=_named)],
    by: Annotated[
        dt.datetime | None,
        typer.Option("--by", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD",
                     help="Explain the chance that it opens by this day; B's headline by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:  # fmt: skip
    """Compare two forecasts: what changed, and which change did how much."""
    from forecast import differences

    with friendly():
        found = differences.diff(a, b, by.date() if by else None)
        if as_json:
            typer.echo(plain_json(found.to_dict()))
        else:
            show_tables(found.summary(), found.sections(), left=("kind", "from", "to"))


@app.command(epilog="Example: forecast report my_case -o reports --open")
def report(
    case: CaseArg,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the page.")] = Path("."),
    as_of: AsOf = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the ranges and of the sampler.")] = 1,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write the report of a case: one HTML page that opens offline."""
    from forecast.loading import load
    from forecast.report import make_report
    from forecast.updating import update

    with friendly():
        day = as_of.date() if as_of else None
        update(load(case), day, draws=0)  # what is wrong is said at once, and in plain words
        with terminal.stepping() as step:
            page = make_report(case, output, day, seed, step)
        typer.echo(printable(f"The report is in {page}"))
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

    with friendly():
        c = load(case, fitted=False)
        if not c.learns and not any(w.announces for w in c.watch):
            raise ValueError(f"{case}: nothing in this case is learned from history: it has no "
                             "reference_class, no attends_like, no announcement and no watch that "
                             "announces")  # fmt: skip
        path = c.folder / "fit.json"
        typer.echo(printable(
            f"Learning from {c.reference_class} as known on {c.question.proposed}: two models, "
            "some minutes at most."
        ), err=True)  # fmt: skip
        learned = fitting.fit(
            c.reference_class, c.question.proposed, c.base_rate.leave_out, seed, progress=not quiet
        )
        fits.write(learned, path)
        typer.echo(printable(f"The fit is in {path}"))


@app.command(epilog="Example: forecast analysts my_case")
def analysts(case: CaseArg, as_of: AsOf = None) -> None:
    """Compare the analysts of a case: each one's forecast, the pooled one, and what divides them."""
    from forecast import pooling
    from forecast.loading import load

    with friendly():
        d = pooling.disagreement(pooling.analysts(load(case)), as_of.date() if as_of else None)
        show_tables(d.pooled.question.title, d.sections())


@app.command(epilog="Example: forecast schema > case.schema.json")
def schema(
    file: Annotated[str, typer.Argument(help="case or events: which of the two files.")] = "case",
) -> None:
    """Print the JSON Schema of a case's files, for completion and checks in an editor."""
    from forecast import authoring

    with friendly():
        typer.echo(authoring.schema(file))
