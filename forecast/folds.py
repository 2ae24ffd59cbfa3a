"""The folds of a backtest: what each refit may know, and what is asked of it.

Two schemes, and what each is for:

**left out**: the conflicts are dealt into groups; a group is predicted by what all the others
taught, whenever that was. Tells whether one conflict teaches about another.

**as known**: every half year the models are refitted to what was known on that day; a proposal
is predicted by the last refit *before the day it was made*, at all landmarks. So nothing later
than the landmark enters, and its own waiting is counted once: not as a row of the table and
again as "not opened yet".

The question, at a landmark of L days and with a window of w: *of a proposal that has not opened
L days after it was made, and is not known to be dead, will it open within the next w days?*
The window starts at the landmark, not at the proposal. What died inside the window is a no:
in these tables a second try is a row of its own. A proposal whose window ends after the last
day of the table is left out, whatever became of it: those of the last months are in the table
mostly because they ended quickly.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from forecast import history

LANDMARKS = (0, 30, 60, 90)
"""Days after the proposal."""
WINDOWS = (60, 120, 180, 365)
"""Days after the landmark."""
GROUPS = 16
LEAST = 30
"""Rows that must be known before anything is predicted as known on a date."""


@dataclass(frozen=True)
class Fold:
    """One refit and what it predicts.

    Parameters
    ----------
    scheme : {"left out", "as known"}
    name : str
        Unique in its scheme.
    day : date
        The last day whose news the refit may know.
    conflicts : tuple of str
        Conflicts of which the refit knows no row.
    rows : tuple of str
        Proposals that it predicts.
    """

    scheme: str
    name: str
    day: dt.date
    conflicts: tuple[str, ...]
    rows: tuple[str, ...]


def last_day(table: pd.DataFrame) -> dt.date:
    """The last day of which a table of proposals tells anything that happened."""
    day: dt.date = table[["first_proposed", "opened", "censored_on"]].max().max().date()
    return day


def left_out(table: pd.DataFrame, groups: int = GROUPS) -> list[Fold]:
    """Folds that leave conflicts out, each conflict in one of them.

    The largest conflict is dealt first, each to the group with the fewest rows so far: with 16
    groups of the shipped table, a conflict with many rows is alone, and small ones share.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.proposals`.
    groups : int
        At most the number of conflicts, which leaves each out alone.
    """
    sizes = table["conflict"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if not 2 <= groups <= len(sizes):
        raise ValueError(f"groups: {groups}; expected 2 to {len(sizes)}, the number of conflicts")
    dealt: list[list[str]] = [[] for _ in range(groups)]
    load = [0] * groups
    for conflict, size in sizes.items():
        least = load.index(min(load))
        dealt[least].append(str(conflict))
        load[least] += size
    day = last_day(table)
    return [
        Fold("left out", f"{i:02d}", day, tuple(names),
             tuple(table.index[table["conflict"].isin(names)]))
        for i, names in enumerate(dealt, 1)
    ]  # fmt: skip


def as_known(table: pd.DataFrame, least: int = LEAST) -> list[Fold]:
    """Folds as known on the last days of June and December, each before the proposals it predicts.

    Parameters
    ----------
    table : DataFrame
        From `forecast.history.proposals`.
    least : int
        A refit that would know fewer rows is not made; what it would predict is left out.
    """
    found = []
    # the half year before the day of the proposal: of 30 June itself, the one that ended in December
    ends = table["first_proposed"].map(lambda d: d - pd.offsets.QuarterEnd(1, startingMonth=6))
    ends = ends.where(ends.dt.month.isin((6, 12)), ends - pd.offsets.QuarterEnd(1))
    for end, rows in table.groupby(ends):
        if (table["first_proposed"] <= end).sum() >= least:
            found.append(Fold("as known", str(end.date()), end.date(), (), tuple(rows.index)))
    return found


def training(table: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """What the refit of a fold is made from: rows as known on its day, without its conflicts."""
    return history.as_known(table[~table["conflict"].isin(fold.conflicts)], fold.day)


def question(known: pd.DataFrame, day: dt.date, landmark: int, window: int) -> pd.DataFrame:
    """Of the proposals still waiting at a landmark, which opened within the window.

    Parameters
    ----------
    known : DataFrame
        From `forecast.history.as_known`, or `training`.
    day : date
        The same day.
    landmark, window : int
        In days: after the proposal, after the landmark.

    Returns
    -------
    DataFrame
        Of those that had neither opened nor died `landmark` days after they were made:
        `held`, whether it opened in the window; `died`, whether it died in it; `over`, whether
        the window had passed by the day. What is not over is not to be counted, even if it
        has ended: only the quick ones have.
    """
    waits = (known["status"] == "open") | (known["days"] > landmark)
    rows = known[waits]
    inside = rows["days"] <= landmark + window
    return pd.DataFrame({
        "held": inside & (rows["status"] == "held"),
        "died": inside & (rows["status"] == "dead"),
        "over": rows["first_proposed"] + pd.Timedelta(days=landmark + window) <= pd.Timestamp(day),
    })  # fmt: skip
