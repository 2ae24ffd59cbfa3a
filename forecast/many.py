"""Many cases: forecast or scored in parallel, each result kept as soon as it is there.

A folder that holds a `case.toml` is a case; one that does not is a folder of cases. Results are
lines of one file (`forecast.appending`), written whole or not at all by the process that was
started. A line carries a digest of all that it was made from: a run that was killed goes on
where it was, and what other files or another program made is made again. Of several lines with
one path the last counts. Only digests of the lines are held in memory.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from forecast.appending import append, lines
from forecast.loading import MAX_BYTES, CaseError, load, seeds, shipped
from forecast.logbook import code
from forecast.rules import Problem
from forecast.terminal import counted, friendly, printable
from forecast.wording import clean

_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx", "ucxx")
Told = Callable[[str, str], None]


@dataclass(frozen=True)
class Task:
    """What is done with each case: `what` is "run" or "score", the rest as for one case."""

    what: str = "run"
    as_of: dt.date | None = None
    seed: int = 1


def each[T, R](
    function: Callable[[T], R], items: Iterable[T], *, jobs: int = -1, dask: str | None = None
) -> Iterator[R]:
    """The results of a function, as they are completed; items are taken as they are needed.

    Parameters
    ----------
    function : callable
        Of one item; it, the items and the results must be fit to be sent to another process.
    items : iterable
    jobs : int, optional
        Processes on this machine; -1 for as many as it has cores. Within
        `joblib.parallel_config` of another backend, that one is used.
    dask : str, optional
        Address of the scheduler of a dask.distributed cluster, to use instead: what a lost
        worker had in hand goes to another. A path must mean the same on all its machines.

    Raises
    ------
    ValueError
        If dask.distributed is not installed, or the address is none.
    OSError
        If nobody answers there.
    RuntimeError
        If a process on this machine dies, or workers of a cluster die again and again.
    """
    if dask is None:
        import joblib

        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        with _safe_path():
            yield from parallel(joblib.delayed(function)(x) for x in items)
        return
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise ValueError("--dask: dask.distributed is not installed; it comes with: "
                         "pip install 'scenario-forecast[dask]'") from None  # fmt: skip
    left = iter(items)
    with Client(_address(dask), timeout=10, set_as_default=False) as client:
        # not pure: equal items are equal work, and each is done
        submit = partial(client.submit, function, pure=False)
        ahead = max(4 * sum(client.ncores().values()), 64)  # what a growing cluster waits for
        running = as_completed([submit(x) for x in islice(left, ahead)], loop=client.loop)
        for future in running:
            try:
                yield future.result()
            except KilledWorker as e:
                raise RuntimeError(f"workers died again and again of the same work: {e}") from e
            for x in islice(left, 1):
                running.add(submit(x))


@contextmanager
def _safe_path() -> Iterator[None]:
    """New processes of Python import nothing that lies in the working folder."""
    if os.environ.get("PYTHONSAFEPATH"):  # the user's own, or that of another run of this
        yield
        return
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        os.environ.pop("PYTHONSAFEPATH", None)


def _address(text: str) -> str:
    """The address of a scheduler, as it was given, if it can be one."""
    try:
        parts = urlsplit(text if "://" in text else f"tcp://{text}")
        whole = parts.scheme in _SCHEMES and parts.hostname and parts.port
    except ValueError:  # a port that is no number
        whole = False
    if not whole:
        raise ValueError(f"--dask: {clean(text)}: expected the address of a scheduler, such as "
                         "tcp://10.0.0.1:8786")  # fmt: skip
    return text


def cases(folder: Path, failed: Told | None = None) -> Iterator[Path]:
    """Folders of cases at or below a folder, in order of their names.

    Hidden folders are left out, and of links to folders those that are not themselves cases.
    `failed` is told of folders that cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            inside = {x.name: x for x in found}
    except OSError as e:
        if failed:
            failed(str(folder), (e.strerror or str(e)).lower())
        return
    if "case.toml" in inside:
        yield folder
        return
    for name in sorted(inside):
        path = folder / name
        if name.startswith(".") or not os.path.isdir(path):
            continue
        if not inside[name].is_symlink() or os.path.lexists(path / "case.toml"):  # links may go round
            yield from cases(path, failed)


def made_from(task: Task, root: Path, path: Path) -> str:
    """SHA-256 of the task, the program, and the bytes of all files that are read for a case."""
    what = json.dumps([str(path.relative_to(root)), *astuple(task), code()], default=str)
    total = hashlib.sha256(what.encode())
    names = ["case.toml", "events.toml", "fit.json"]
    if task.what == "score":
        from forecast.scoring import FILE

        names.append(FILE)
    shared = [seeds() / "event_types.toml", seeds() / "sources.toml", *seeds().glob("*/proposals.csv")]
    for file in [path / name for name in names] + sorted(shared):
        total.update(f"\n{file.name}\n".encode())
        with suppress(OSError):  # what is wrong with a file is told by who reads the case
            if file.is_file() and file.stat().st_size <= MAX_BYTES:
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def one(task: Task, root: Path, path: Path) -> tuple[str, dict[str, Any] | None, str]:
    """The path of a case below the root, and its record or what is wrong with it."""
    name = path.relative_to(root).as_posix()
    try:
        made = made_from(task, root, path)
        if task.what == "score":
            from forecast import scorecard

            record = scorecard.record(load(path), as_of=task.as_of)
        else:
            from forecast.updating import update

            record = update(load(path), task.as_of, seed=task.seed).to_dict()
        # JSON has no word for what is not a number
        record = json.loads(json.dumps(record), parse_constant=lambda _: None)
        return name, {"path": name, "made_from": made} | record, ""
    except Exception as e:  # whatever it is, it is the matter of this case alone
        return name, None, str(e) if isinstance(e, ValueError) else f"{type(e).__name__}: {e}"


def run(
    folder: Path,
    output: Path,
    task: Task = Task(),
    *,
    jobs: int = -1,
    dask: str | None = None,
    failed: Told = lambda path, message: None,
    progress: bool = False,
) -> Counter[str]:
    """Forecast or score all cases in a folder that are not done yet.

    Parameters
    ----------
    folder : path
        See `cases`.
    output : path
        JSON Lines, made or added to: for each case what `forecast run --json` or `forecast
        score --json` prints, with its `path` below the folder, and `made_from`.
    task : Task
    jobs, dask
        See `each`.
    failed : callable
        Is told the path of each case that failed, and what is wrong with it.
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    Counter
        How many cases were `made` now, were `kept` from before, and `failed`.

    Raises
    ------
    CaseError
        If there is no case in the folder.
    ValueError, OSError
        If the output is no such file, or cannot be written.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    root, done, console = folder.resolve(), _finished(output), Console(stderr=True)
    counts: Counter[str] = Counter()
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not (progress and console.is_terminal)
    ) as bar:
        at = bar.add_task("cases", total=sum(1 for _ in cases(root)))

        def told(path: str, message: str) -> None:
            counts["failed"] += 1
            failed(path, message)

        def todo() -> Iterator[Path]:
            for path in cases(root, told):
                if done and made_from(task, root, path) in done:
                    counts["kept"] += 1
                    bar.advance(at)
                else:
                    yield path

        for name, record, message in each(partial(one, task, root), todo(), jobs=jobs, dask=dask):
            if record is None:
                told(name, message)
            else:
                append(output, record)
                counts["made"] += 1
            bar.advance(at)
    if not counts:
        found = "the folder has no case.toml, nor has a folder in it"
        raise CaseError([Problem("", clean(str(folder)) or ".", found)])
    return counts


def _finished(output: Path) -> set[str]:
    """What the lines of a file of results were made from; nothing of lines torn or changed."""
    if output.suffix != ".jsonl":
        raise ValueError(f"--output: {output}: expected a name that ends in .jsonl")
    if not output.parent.is_dir():
        raise ValueError(f"--output: {output}: no such folder: {output.parent}")
    found = set()
    for line in lines(output) if output.exists() else ():
        if line.record is not None and "made_from" not in line.record:
            raise ValueError(f"--output: {output}: line {line.number} is no result; name another file")
        if line.record is not None and not line.changed:
            found.add(str(line.record["made_from"]))
    return found


def command(
    task: Task, case: str, output: Path | None, jobs: int | None, dask: str | None, for_one: bool
) -> bool:
    """What `forecast run` and `forecast score` do with a folder of cases; false if it is none.

    `for_one` says that an option was given which is for a single case. A case that failed, or a
    wrong call, ends the program with status 1.
    """
    folder = Path(case)
    with friendly("what was done by then is kept"):
        if case in shipped() or "\0" in case or not folder.is_dir() or (folder / "case.toml").exists():
            if output or jobs or dask is not None:
                raise ValueError("--output, --jobs and --dask are for a folder of cases")
            return False
        if for_one:
            raise ValueError(f"{case}: not a case but a folder of cases: results are JSON Lines, in the "
                             "file that --output names; other forms are for one case")  # fmt: skip

        def failed(path: str, message: str) -> None:
            for line in message.splitlines():
                typer.secho(printable(f"{path}: {line}"), fg="red", err=True)

        into = output or Path("scores.jsonl" if task.what == "score" else "forecasts.jsonl")
        counts = run(folder, into, task, jobs=jobs or -1, dask=dask, failed=failed, progress=True)
        kept = f", {counts['kept']} kept from before" if counts["kept"] else ""
        bad = f", {counts['failed']} failed" if counts["failed"] else ""
        where = f"; results: {into}" if into.exists() else ""
        typer.echo(printable(f"{counted(counts['made'], 'case')} done{kept}{bad}{where}"))
    if counts["failed"]:
        raise typer.Exit(1)
    return True
