"""The log of forecasts: what was said, on what grounds, when; made so that it can be made again.

Each forecast is one line of a JSON Lines file (`forecast.appending`). Beside the file, in a
folder of its own, lies every case that was logged, as it was known, and every fit: named by
their digests, written once. So a line can be run again after the case has gone on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from forecast import fits, loading
from forecast.appending import Line, append, chain_broken, lines
from forecast.case import Case
from forecast.keeping import keep, kept_case
from forecast.updating import Forecast, update
from forecast.wording import clean

NAME = "log.jsonl"
"""The log's name where no other is given."""
NOTE = 1000
"""Most characters of a note."""
SAME = 1e-9
"""Probabilities that differ by less were made by the same program from the same case."""
_KEYS = ("time", "case", "as_of", "digest", "seed", "draws", "headline", "held", "scenarios",
         "indicators", "actors")  # fmt: skip
_TOLD = ("held", "scenarios", "indicators", "actors")


@dataclass(frozen=True)
class Entry:
    """A line of a log.

    Parameters
    ----------
    path : path
        The log.
    line : Line
    record : mapping
        `time` (UTC), `case`, `digest` of the case as known, `as_of`, `version` and `code`
        (SHA-256 of the program's source), `fit` (its digest, or none), `model` (version of
        the models it was made by), `seed`, `draws`, `headline`, `note`, and the
        probabilities as `Forecast.to_dict` gives them.
    """

    path: Path
    line: Line
    record: Mapping[str, Any]

    @property
    def as_of(self) -> dt.date:
        return dt.date.fromisoformat(self.record["as_of"])

    def __str__(self) -> str:
        return f"{self.path.name} line {self.line.number}"


@dataclass(frozen=True)
class Checked:
    """What became of a log.

    Parameters
    ----------
    entries : int
        Lines that are whole.
    torn : tuple of str
        Lines that a killed writer left; they lose nothing that was finished.
    problems : tuple of str
        Lines that were changed, moved or taken out, and cases that are no longer kept.
    digest : str
        Of the last line.
    """

    entries: int
    torn: tuple[str, ...]
    problems: tuple[str, ...]
    digest: str


def default_path(case: Case, reading: bool = False) -> Path:
    """The log of a case: in its folder, or, where that cannot be written, in the working folder.

    A case that lies inside the installed package is logged in the working folder too.

    Parameters
    ----------
    reading : bool
        Whether a log that is there will do, though it cannot be written.
    """
    folder = Path(case.folder or ".")
    own = folder / NAME
    inside = Path(__file__).resolve().parent in folder.resolve().parents
    if not inside and reading and own.exists():
        return own
    needed = [x for x in (own, kept_folder(own)) if x.exists()] or [folder]
    return own if not inside and all(map(_writable, needed)) else Path(NAME)


def _writable(path: Path) -> bool:
    how = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def kept_folder(log: Path) -> Path:
    """Where the cases and fits of a log are kept: `log.cases` beside `log.jsonl`."""
    return log.with_suffix(".cases")


def log(f: Forecast, path: str | os.PathLike[str], note: str = "") -> Entry:
    """Append a forecast to a log, and keep its case and fit beside it.

    Parameters
    ----------
    f : Forecast
    path : path
        Ends in `.jsonl`; made if it does not exist.
    note : str, optional
        At most `NOTE` characters.

    Raises
    ------
    ValueError
        If the note is too long, or the name is no log's.
    OSError
        If it cannot be written.
    """
    place = log_path(path)
    if len(note) > NOTE:
        raise ValueError(f"note: {len(note)} characters; at most {NOTE:,} are kept")
    record = as_record(f, note)
    if place.parent.is_dir():  # else the log says that it is not
        keep(f.case, kept_folder(place))
    return Entry(place, *_with_record(append(place, record)))


def _with_record(line: Line) -> tuple[Line, Mapping[str, Any]]:
    assert line.record is not None  # it was just made
    return line, line.record


def as_record(f: Forecast, note: str = "") -> dict[str, Any]:
    """What a line says of a forecast; see `Entry`."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"time": now} | f.to_dict() | {
        "fit": f.case.fit.digest if f.case.fit else None, "model": fits.MODEL, "code": code(),
        "draws": f.futures.draws.shape[1], "headline": str(f.case.headline), "note": note,
    }  # fmt: skip


def log_path(path: str | os.PathLike[str]) -> Path:
    """The path of a log, by its name.

    Raises
    ------
    ValueError
        If it does not end in `.jsonl`.
    """
    place = Path(path)
    if place.suffix != ".jsonl":
        raise ValueError(f"{clean(place)}: a log's name ends in .jsonl")
    return place


def entries(path: str | os.PathLike[str]) -> Iterator[Entry | Line]:
    """The lines of a log in order; one that is torn, or no forecast, as a bare `Line`."""
    place = log_path(path)
    for line in lines(place):
        whole = line.record is not None and all(k in line.record for k in _KEYS)
        yield Entry(place, *_with_record(line)) if whole else line


def entry(path: str | os.PathLike[str], number: int = -1) -> Entry:
    """One line of a log.

    Parameters
    ----------
    number : int
        From 1, as the lines stand in the file; or, from the end, -1, -2 ..., of those that
        are whole.

    Raises
    ------
    ValueError
        If there is no such line, or it is torn, no forecast, or changed.
    """
    place, found, size, whole = log_path(path), None, 0, 0
    last: list[Entry] = []
    for x in entries(place):
        size += 1
        if isinstance(x, Entry):
            whole += 1
            last = [*last, x][number:] if number < 0 else []
        if size == number:
            found = x
            break
    if number < 0 and len(last) == -number:
        found = last[0]
    if isinstance(found, Entry) and not found.line.changed:
        return found
    if isinstance(found, Entry):
        raise ValueError(f"{found}: the line has been changed since it was written")
    if found is not None:
        raise ValueError(f"{clean(place.name)} line {number}: {what_is_wrong(found)}")
    lines_ = f"{whole} whole line{'' if whole == 1 else 's'}" if number < 0 else (
        f"{size} line{'' if size == 1 else 's'}"
    )  # fmt: skip
    raise ValueError(f"{clean(place)}: no line {number}; the log has {lines_}")


def what_is_wrong(line: Line) -> str:
    """Why a line is no entry."""
    return "torn: its writer was stopped in the middle" if line.record is None else "no logged forecast"


def verify(path: str | os.PathLike[str]) -> Checked:
    """Whether every line of a log is as it was written, in its place, and its case is kept.

    Notes
    -----
    Lines taken from the end leave no trace in the file: compare `digest` with the one that
    was shown when the last line was logged.
    """
    before: Line | None = None
    torn, problems, count, seen = [], [], 0, set()
    for x in entries(path):
        line = x.line if isinstance(x, Entry) else x
        place = f"line {line.number}"
        if line.record is None:
            torn.append(f"{place}: {what_is_wrong(line)}; skipped")
        elif not isinstance(x, Entry):
            problems.append(f"{place}: {what_is_wrong(line)}")
        else:
            count += 1
            if line.changed:
                problems.append(f"{place}: changed since it was written")
            elif (x.record["digest"], x.record.get("fit")) not in seen:
                seen.add((x.record["digest"], x.record.get("fit")))
                try:
                    kept_case(kept_folder(x.path), str(x.record["digest"]))
                except ValueError as e:
                    problems.append(f"{place}: {e}")
        if chain_broken(before, line):
            problems.append(f"{place}: does not follow on the line before: one of the two was "
                            "changed, or lines were put in or taken out between them")  # fmt: skip
        before = line
    return Checked(count, tuple(torn), tuple(problems), before.digest if before else "")


def find_case(x: Entry, case: Case | None = None) -> Case:
    """The case of a line: as it is kept, or one at hand that was the same on that date.

    Parameters
    ----------
    case : Case, optional
        To look at first where it is not kept; then the one whose folder the log lies in, and
        the shipped one of that name.

    Raises
    ------
    ValueError
        If none has the digest of the line.
    """
    try:
        return kept_case(kept_folder(x.path), str(x.record["digest"]))
    except ValueError as e:
        missing = str(e)
    changed = False
    for place in (case, x.path.resolve().parent, str(x.record["case"])):
        try:
            found = place if isinstance(place, Case) else loading.load(place) if place else None
        except (ValueError, OSError):
            continue
        if found is not None:
            found = found.as_known(x.as_of)
            if found.digest == x.record["digest"]:
                return found
            changed |= found.name == x.record["case"]
    why = (
        f"the case {clean(x.record['case'])} has changed since, in what was known on {x.as_of}"
        if changed else f"no case {clean(x.record['case'])} with that digest is at hand"
    )  # fmt: skip
    raise ValueError(f"{x}: {missing}, and {why}")


def rerun(x: Entry, case: Case | None = None) -> Forecast:
    """The forecast of a line, made again from its case, date, seed and draws.

    Raises
    ------
    ValueError
        If its case is found nowhere; see `find_case`.
    """
    found = find_case(x, case)
    return update(found, x.as_of, draws=int(x.record["draws"]), seed=int(x.record["seed"]))


def departure(x: Entry, f: Forecast) -> float:
    """The largest difference between the probabilities of a line and of a forecast; inf if
    they do not speak of the same things.
    """
    then, now = ({k: r[k] for k in _TOLD} for r in (x.record, f.to_dict()))
    a, b = dict(_numbers(then)), dict(_numbers(now))
    if a.keys() != b.keys():
        return float("inf")
    return max((abs(a[k] - b[k]) for k in a), default=0.0)


def _numbers(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], float]]:
    if isinstance(value, Mapping | list):
        for k, v in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _numbers(v, (*at, k))
    elif isinstance(value, int | float):
        yield at, float(value)


@lru_cache(maxsize=1)
def code() -> str:
    """SHA-256 of the program's source: a version of the package may have had several."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
