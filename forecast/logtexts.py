"""A log in words: as a table, as checked, as made again. What it says is shown, never obeyed."""

from __future__ import annotations

import os

import numpy as np

from forecast import tables
from forecast.keeping import short
from forecast.logbook import (
    SAME,
    Entry,
    code,
    departure,
    entries,
    kept_folder,
    rerun,
    verify,
    what_is_wrong,
)  # fmt: skip
from forecast.wording import clean


def rows(path: str | os.PathLike[str]) -> tuple[list[tuple[str, ...]], list[str]]:
    """A log as cells of a table, and what is wrong with lines that are not in it.

    Returns
    -------
    rows : list of tuple of str
        Line, time, case, as-of date, P(held by the headline), that day, digest, note.
    problems : list of str
    """
    out: list[tuple[str, ...]] = []
    problems = []
    for x in entries(path):
        if not isinstance(x, Entry) or x.line.changed:
            line = x.line if isinstance(x, Entry) else x
            problem = "changed since it was written" if line.changed else what_is_wrong(line)
            problems.append(f"line {line.number}: {problem}; skipped")
            continue
        r = x.record
        p = next((h["probability"] for h in r["held"] if h["by"] == r["headline"]), np.nan)
        out.append((str(x.line.number), r["time"], r["case"], r["as_of"], tables.percent(p),
                    r["headline"], short(r["digest"]), escaped(r.get("note", ""))))  # fmt: skip
    return out, problems


def logged(x: Entry, elsewhere: bool = False) -> str:
    """Where a forecast was logged, in words; `elsewhere` than in its case's folder, unasked."""
    why = " (the case's folder is not to be written)" if elsewhere else ""
    return (f"Logged as line {x.line.number} of {x.path.resolve()}{why}; its case is kept in "
            f"{kept_folder(x.path).name}. Digest of the line: {x.line.digest}")  # fmt: skip


def verified(path: str | os.PathLike[str]) -> str:
    """That a log is whole, in words.

    Raises
    ------
    ValueError
        With every problem, if it is not.
    """
    found = verify(path)
    if found.problems:
        raise ValueError("\n".join([*found.torn, *found.problems]))
    lines_ = f"{found.entries} line{'' if found.entries == 1 else 's'}"
    whole = f"{clean(path)}: {lines_}, each as it was written and in its place, with its case."
    return "\n".join([*found.torn, whole, f"Digest of the last line: {found.digest}"])


def rerun_text(x: Entry) -> str:
    """That a logged forecast can be made again, in words.

    Raises
    ------
    ValueError
        If it cannot, or comes out otherwise.
    """
    gap = departure(x, rerun(x))
    if gap > SAME:
        other = "" if x.record.get("code") == code() else (
            f": it was made by another program, version {clean(x.record.get('version'))} "
            f"({short(str(x.record.get('code')))}; this is {short(code())})"
        )  # fmt: skip
        size = "" if np.isinf(gap) else f", by up to {gap:.2g}"
        raise ValueError(f"{x}: made again, its probabilities differ{size}{other}")
    return f"{x}: made again, every probability is the same to {max(gap, 1e-15):.0e}."


def check_options(as_of: object, note: str, show: bool, verify: bool, rerun: int | None) -> None:
    """Refuse options of the command that contradict each other.

    Raises
    ------
    ValueError
    """
    reading = [name for name, on in (("--show", show), ("--verify", verify),
                                     ("--rerun", rerun is not None)) if on]  # fmt: skip
    if len(reading) > 1:
        raise ValueError(f"{' and '.join(reading)}: expected one of them")
    if reading and (as_of or note):
        raise ValueError(f"{reading[0]} adds nothing to the log: leave out --as-of and --note")


HEADER = ("line", "time", "case", "as of", "chance", "held by", "digest", "note")
"""Header of `rows`."""


def escaped(text: str) -> str:
    r"""Text on one line, control characters as `\x1b`: shown, not obeyed."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
