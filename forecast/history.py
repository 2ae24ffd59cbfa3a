"""The reference class: proposals of talks, and what became of them, as known on a date."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.fits import LEVELS
from forecast.judgement import did_you_mean
from forecast.loading import MAX_BYTES, CaseError, seeds
from forecast.rules import Problem
from forecast.wording import clean, shown

CODES: dict[str, tuple[str, ...]] = {
    "region": (
        "middle-east", "north-africa", "sub-saharan-africa", "europe-caucasus",
        "south-central-asia", "east-asia-pacific", "latin-america",
    ),
    "convener_type": LEVELS["convener"],
    "row_type": LEVELS["kind"],
    "stage": LEVELS["stage"],
    "date_precision": ("day", "month"),
    "confidence": ("high", "medium", "low"),
}  # fmt: skip
"""Codes of the columns that a model reads; `stage` may be empty: not known."""

ROLES: dict[str, str] = {
    "government": "att_government",
    "main_opposition": "att_main_opposition",
    "tolerated_opposition": "att_tolerated_opposition",
    "minority_party": "att_minority_party",
    "regional_patron": "att_regional_patrons",
    "un_envoy": "att_un_envoy",
}
"""Role of an actor -> column of the table that tells whether such a party came."""

ATTENDANCE = ("yes", "partial", "no", "not_invited")
_DATES = ("first_proposed", "first_target", "opened", "censored_on")
_COLUMNS = (
    "id", "conflict", "region", "name", "convener_type", "row_type", "stage", *_DATES,
    "held", *ROLES.values(),
)  # fmt: skip
_READ = (
    "conflict", "region", "convener_type", "row_type", "stage", *_DATES, "date_precision", "status",
    "days", "named", *ROLES.values(),
)  # fmt: skip
"""What the models read of a table as known on a date."""
_MAY_BE_EMPTY = ("stage", *ROLES.values())
_HINDSIGHT = (
    "days_to_open", "downgraded", "host_country", "note", "relaunch_of", "source_urls", "confidence",
)  # fmt: skip
"""Written with the outcome in view. So may be `name` and `convener`: labels, that no model reads."""


def reference_classes() -> list[str]:
    """Names of the shipped reference classes."""
    return sorted(p.parent.name for p in seeds().glob("*/proposals.csv"))


def proposals(source: str | Path) -> pd.DataFrame:
    """Read and check a table of proposals.

    Parameters
    ----------
    source : str or path
        A shipped reference class, or a CSV file with the columns of the shipped one's
        data dictionary (`seeds/peace_talks/README.md`).

    Returns
    -------
    DataFrame
        Indexed by `id`; dates as timestamps, missing ones NaT; `held` as a bool; a `stage`
        that is not known as a missing value; everything else as text.

    Raises
    ------
    CaseError
        With every problem, by row and column.
    """
    path = Path(source)
    if path.suffix != ".csv":
        known = reference_classes()
        if str(source) not in known:
            hint = f"{did_you_mean(str(source), known)} (shipped: {', '.join(known) or 'none'})"
            raise CaseError([Problem("", clean(source), f"no such reference class{hint}")])
        path = seeds() / str(source) / "proposals.csv"
    raw, found = _read(path)
    found = found or _check(raw)
    if found:
        raise CaseError([Problem(clean(path.name), "", message) for message in found])
    table = raw.set_index("id")
    for column in _DATES:
        table[column] = _days(table[column])
    table["held"] = table["held"] == "1"
    table["stage"] = table["stage"].where(table["stage"] != "")
    return table


def _read(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The cells as text, each row by its number in the file (the header is row 1)."""
    data, none = b"", pd.DataFrame()
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            return none, [f"{path.stat().st_size:,} bytes; a file of at most {MAX_BYTES:,} was expected"]
        data = path.read_bytes()
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError as e:
        line = data[: e.start].count(b"\n") + 1
        return none, [f"line {line}: not UTF-8 (byte 0x{data[e.start]:02x}); save the file as UTF-8"]
    except csv.Error as e:
        return none, [f"not a table of comma-separated values: {e}"]
    except OSError as e:
        return none, [f"cannot be read: {e.strerror}"]
    rows = {i: [cell.strip() for cell in line] for i, line in enumerate(lines, 1) if any(line)}
    if not rows:
        return none, ["the file is empty"]
    names = rows.pop(next(iter(rows)))
    free = [name for name in names if name not in _COLUMNS]
    problems = [f"no column {c}{did_you_mean(c, free)}" for c in _COLUMNS if c not in names]
    problems += [
        f"column {shown(c)}: stands there twice" for c in dict.fromkeys(names) if names.count(c) > 1
    ]
    problems += [f"row {i}: {len(row)} cells; the header has {len(names)}"
                 for i, row in rows.items() if len(row) != len(names)]  # fmt: skip
    if not rows and not problems:
        problems = ["the table has no rows"]
    if problems:
        return none, problems
    return pd.DataFrame(list(rows.values()), columns=names, index=list(rows)), []


def _days(column: pd.Series) -> pd.Series:
    # what is not written in this very way is no day: 5-1-2014 could be in January or in May
    written = column.where(column.str.fullmatch(r"\d{4}-\d\d-\d\d"))
    return pd.to_datetime(written, format="%Y-%m-%d", errors="coerce")


def _check(raw: pd.DataFrame) -> list[str]:
    """Every problem, in the order of the rows; each rule looks at all rows at once."""
    found: list[tuple[int, str]] = []

    def refuse(bad: Any, column: str, but: str | Callable[[Any], str]) -> None:
        for i in np.flatnonzero(bad):
            row = raw.iloc[i]
            name = f" {shown(row['id'])}" if row["id"] else ""
            value = shown(row[column]) if row[column] else "missing"
            says = but if isinstance(but, str) else but(row)
            found.append((int(i), f"row {row.name}{name}: {column}: {value}{says}"))

    for column in ("id", "conflict", "name", "first_proposed"):
        refuse(raw[column] == "", column, "")
    first = dict(zip(raw["id"][::-1], raw.index[::-1], strict=True))
    refuse(raw["id"].duplicated() & (raw["id"] != ""), "id",
           lambda row: f" is already used by row {first[row['id']]}")  # fmt: skip
    for column, codes in (CODES | dict.fromkeys(ROLES.values(), ATTENDANCE)).items():
        if column in raw:
            allowed = [*codes, ""] if column in _MAY_BE_EMPTY else codes
            refuse(~raw[column].isin(allowed), column, partial(_no_code, column, codes))
    region = raw["region"].where(raw["region"].isin(CODES["region"]))
    usual = region.groupby(raw["conflict"]).transform("first")
    refuse(region.notna() & (region != usual) & (raw["conflict"] != ""), "region",
           lambda row: f", but {shown(row['conflict'])} lies in {usual[row.name]} in other rows")  # fmt: skip

    day = {c: _days(raw[c]) for c in _DATES}
    for column in _DATES:
        refuse((raw[column] != "") & day[column].isna(), column, "; expected a day such as 2014-11-11")
        refuse(day[column] < day["first_proposed"], column,
               lambda row: f" is before first_proposed, {row['first_proposed']}")  # fmt: skip
    held, unheld = raw["held"] == "1", raw["held"] == "0"
    refuse(~held & ~unheld, "held", "; expected 0 or 1")
    for column, one, other in (("opened", held, unheld), ("censored_on", unheld, held)):
        wrong = (one & (raw[column] == "")) | (other & (raw[column] != ""))
        refuse(wrong, column, lambda row: f", though held is {row['held']}")
    for column in ROLES.values():
        refuse(unheld & (raw[column] != ""), column, ", though held is 0")
    if "days_to_open" in raw:
        stated, apart = raw["days_to_open"], (day["opened"] - day["first_proposed"]).dt.days
        refuse((stated != "") & apart.notna() & (stated != apart.map("{:.0f}".format)), "days_to_open",
               lambda row: f", but opened is {apart[row.name]:.0f} days after first_proposed")  # fmt: skip
        refuse((stated != "") & unheld, "days_to_open", ", though held is 0")
    return [message for _, message in sorted(found, key=lambda x: x[0])]


def _no_code(column: str, codes: tuple[str, ...], row: Any) -> str:
    near = did_you_mean(row[column], codes) or f"; expected one of {', '.join(codes)}"
    return f" is no code{near}" if row[column] else near


def digest(table: pd.DataFrame) -> str:
    """SHA-256 of what the models read of a table as known on a date, whatever the order of rows."""
    read = table[[c for c in _READ if c in table]].sort_index()
    text = read.to_csv(date_format="%Y-%m-%d", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def as_known(table: pd.DataFrame, day: dt.date, without: Collection[str] = ()) -> pd.DataFrame:
    """The table as it could have been written on a day.

    Later proposals are dropped. Of the others it says what had become of them by then:
    `status` is `held`, `dead` (cancelled, superseded or given up) or `open`, and `days`
    how long after the proposal that was, or how long it had been open. `named` says of a
    dead proposal that had been floated without a day whether one was named for it, 1 or 0;
    of all others -1. Nothing that became known later is left in it, nor are the rows that
    are named in `without`.

    Parameters
    ----------
    table : DataFrame
        From `proposals`.
    day : date
        The last day whose news counts, that day included.
    without : collection of str
        Ids of rows to leave out, such as a case's own question.

    Raises
    ------
    ValueError
        If the table has no row of that id: a row misspelt would stay in.
    """
    for name in without:
        if name not in table.index:
            near = did_you_mean(name, map(str, table.index))
            raise ValueError(f"no proposal {shown(name)} to leave out{near}")
    stamp = pd.Timestamp(day)
    known = table.loc[(table["first_proposed"] <= stamp) & ~table.index.isin(list(without))].copy()
    opened, died = known["opened"] <= stamp, known["censored_on"] <= stamp
    known["status"] = np.select([opened, died], ["held", "dead"], "open")
    end = known["opened"].where(opened, known["censored_on"].where(died, stamp))
    known["days"] = (end - known["first_proposed"]).dt.days
    known["held"] = opened
    known["opened"] = known["opened"].where(opened)
    known["censored_on"] = known["censored_on"].where(died)
    # when a floated proposal got its target the table does not say; one that is dead had got it by then
    tells = died & ~opened & (known["stage"] == "floated")
    known["named"] = np.where(tells, known["first_target"].notna(), -1).astype(int)
    known["first_target"] = known["first_target"].where(known["stage"] == "dated")
    for column in ROLES.values():
        known[column] = known[column].where(opened, "")
    return known.drop(columns=[c for c in _HINDSIGHT if c in known])


def select(table: pd.DataFrame, keep: Callable[[pd.DataFrame], Any], what: str) -> pd.DataFrame:
    """Rows of a class; an empty one is an error that says which."""
    chosen: pd.DataFrame = table.loc[keep(table)]
    if chosen.empty:
        raise ValueError(f"no proposal in the table is {what}")
    return chosen
