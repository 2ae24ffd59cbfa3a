"""Tables of proposals: what is wrong with one gets its message, what came later stays out."""

from __future__ import annotations

import datetime as dt
import io
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import fits, history
from forecast.history import ROLES, as_known, digest, proposals, select
from forecast.loading import CaseError, seeds

# Two held (one a month later than proposed), one cancelled, one whose stage is not known.
COLUMNS = (
    "id,conflict,region,name,convener_type,row_type,stage,first_proposed,first_target,opened,held,"
    "days_to_open,censored_on,att_government,att_main_opposition,att_tolerated_opposition,"
    "att_minority_party,att_regional_patrons,att_un_envoy"
)
ROWS = """\
oslo,Alba,europe-caucasus,Oslo talks,neutral-state,new_initiative,dated,2020-01-01,2020-01-20,2020-01-31,1,30,,yes,partial,,,no,
quay,Alba,europe-caucasus,Quay round,UN,follow_up_round,floated,2020-02-10,2020-03-15,2020-03-21,1,40,,no,yes,,,,
lake,Borra,middle-east,Lake summit,US-led,relaunch,window,2020-03-01,2020-04-01,,0,,2020-03-11,,,,,,
cape,Borra,middle-east,Cape consultation,domestic,consultation,,2020-04-01,,2020-04-01,1,0,,,,,,,
"""
CODES_OF = "; expected one of "


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(source: str | Path) -> list[str]:
    with pytest.raises(CaseError) as caught:
        proposals(source)
    said = [str(p) for p in caught.value.problems]
    assert all(text.isprintable() and len(text) < 400 for text in said)
    return said


@pytest.fixture
def small(tmp_path: Path) -> pd.DataFrame:
    return proposals(write(tmp_path, f"{COLUMNS}\n{ROWS}"))


# --- what is wrong with a table ---

# What is replaced (it stands there once), by what, and every message.
WRONG = [
    # a date out of order
    ("2020-01-31,1,30", "2019-12-31,1,30",
     'row 2 "oslo": opened: "2019-12-31" is before first_proposed, 2020-01-01',
     'row 2 "oslo": days_to_open: "30", but opened is -1 days after first_proposed'),
    ("2020-03-11,", "2020-02-29,",
     'row 4 "lake": censored_on: "2020-02-29" is before first_proposed, 2020-03-01'),
    ("2020-04-01,,0", "2020-02-01,,0",
     'row 4 "lake": first_target: "2020-02-01" is before first_proposed, 2020-03-01'),
    # a date that is none, or is written so that it could be two
    ("2020-02-10", "2020-02-30",
     'row 3 "quay": first_proposed: "2020-02-30"; expected a day such as 2014-11-11'),
    ("2020-02-10", "10-2-2020",
     'row 3 "quay": first_proposed: "10-2-2020"; expected a day such as 2014-11-11'),
    ("2020-02-10", "", 'row 3 "quay": first_proposed: missing'),
    # a code that is none, with the one that was meant or with all
    ("neutral-state", "neutral_state",
     'row 2 "oslo": convener_type: "neutral_state" is no code; did you mean "neutral-state"?'),
    (",relaunch,", ",restart,",
     'row 4 "lake": row_type: "restart" is no code' + CODES_OF + ", ".join(history.CODES["row_type"])),
    ("US-led", "", 'row 4 "lake": convener_type: missing' + CODES_OF
     + ", ".join(history.CODES["convener_type"])),
    ("window", "windows", 'row 4 "lake": stage: "windows" is no code; did you mean "window"?'),
    ("partial", "partly",
     'row 2 "oslo": att_main_opposition: "partly" is no code; did you mean "partial"?'),
    # one id for two rows, and none
    ("cape,", "oslo,", 'row 5 "oslo": id: "oslo" is already used by row 2'),
    ("cape,", ",", "row 5: id: missing"),
    # held, opened and censored_on say the same
    ("2020-01-31,1,30", ",1,",
     'row 2 "oslo": opened: missing, though held is 1'),
    (",,0,,2020-03-11", ",2020-03-09,0,,2020-03-11",
     'row 4 "lake": opened: "2020-03-09", though held is 0'),
    ("2020-03-11", "", 'row 4 "lake": censored_on: missing, though held is 0'),
    ("1,40,,no", "1,40,2020-05-01,no", 'row 3 "quay": censored_on: "2020-05-01", though held is 1'),
    ("1,40,", "yes,40,", 'row 3 "quay": held: "yes"; expected 0 or 1'),
    ("2020-03-11,,", "2020-03-11,yes,", 'row 4 "lake": att_government: "yes", though held is 0'),
    # days that the dates do not give
    ("1,40,", "1,39,", 'row 3 "quay": days_to_open: "39", but opened is 40 days after first_proposed'),
    (",,0,,2020", ",,0,10,2020", 'row 4 "lake": days_to_open: "10", though held is 0'),
    # one conflict in two regions
    ("Borra,middle-east,Cape", "Borra,north-africa,Cape",
     'row 5 "cape": region: "north-africa", but "Borra" lies in middle-east in other rows'),
    # not a table of this kind
    ("censored_on", "censored", 'no column censored_on; did you mean "censored"?'),
    ("att_un_envoy", "held",
     "no column att_un_envoy", 'column "held": stands there twice'),
    ("Quay round", "Quay, round", "row 3: 20 cells; the header has 19"),
    # two mistakes, two messages, in the order of the rows
    ("floated,2020-02-10,2020-03-15", "float,2020-02-10,soon",
     'row 3 "quay": stage: "float" is no code; did you mean "floated"?',
     'row 3 "quay": first_target: "soon"; expected a day such as 2014-11-11'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "messages"), [(w[0], w[1], list(w[2:])) for w in WRONG])
def test_a_mistake_gets_its_message(tmp_path: Path, old: str, new: str, messages: list[str]) -> None:
    text = f"{COLUMNS}\n{ROWS}"
    assert text.count(old) == 1, "the row does not say what it changes"
    assert problems(write(tmp_path, text.replace(old, new))) == [f"mine.csv: {m}" for m in messages]


UNREADABLE = [
    # nothing, nothing but the header, and blank lines
    (b"", "the file is empty"),
    (COLUMNS.encode(), "the table has no rows"),
    (f"\n{COLUMNS}\n\n\n".encode(), "the table has no rows"),
    # another encoding, and not a table
    (f"{COLUMNS}\n{ROWS}".replace("Quay", "Qu\xe4y").encode("latin-1"),
     "line 3: not UTF-8 (byte 0xe4); save the file as UTF-8"),
    (f'{COLUMNS}\n"oslo'.encode(), "not a table of comma-separated values: unexpected end of data"),
    (b"x" * 5_000_001, "5,000,001 bytes; a file of at most 5,000,000 was expected"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), UNREADABLE)
def test_what_is_no_table_is_said_so(tmp_path: Path, data: bytes, message: str) -> None:
    assert problems(write(tmp_path, data)) == [f"mine.csv: {message}"]


def test_no_such_table(tmp_path: Path) -> None:
    assert problems("peace_talk") == [
        'peace_talk: no such reference class; did you mean "peace_talks"? (shipped: peace_talks)'
    ]
    assert problems(tmp_path / "none.csv") == ["none.csv: cannot be read: No such file or directory"]
    assert problems("../peace_talks")[0].startswith("../peace_talks: no such reference class")


def test_small_table_loads_whatever_the_line_ends_and_marks(tmp_path: Path, small: pd.DataFrame) -> None:
    text = f"{COLUMNS}\n{ROWS}".replace("\n", "\r\n").replace(",Oslo talks,", ', "Oslo talks" ,')
    text = text.replace(', "Oslo', ',"Oslo')  # a quotation mark opens a cell only at its start
    text = text.replace('talks" ,', 'talks",')
    pd.testing.assert_frame_equal(proposals(write(tmp_path, b"\xef\xbb\xbf" + text.encode())), small)
    assert small.index.to_list() == ["oslo", "quay", "lake", "cape"]
    assert small.held.to_list() == [True, True, False, True]
    assert small.stage.isna().to_list() == [False, False, False, True]
    assert small.opened.isna().to_list() == [False, False, True, False]


def test_columns_that_no_model_needs_may_be_left_out(tmp_path: Path) -> None:
    frame = pd.read_csv(io.StringIO(f"{COLUMNS}\n{ROWS}"), dtype=str, keep_default_na=False)
    path = write(tmp_path, frame.drop(columns="days_to_open").to_csv(index=False))
    assert len(proposals(path)) == 4


# --- as known on a date ---

# The day; then of each row that was known: its status and its days since the proposal.
KNOWN = [
    # nothing had been proposed
    ("2019-12-31", {}),
    # on the day of the proposal, and on the day before it opens
    ("2020-01-01", {"oslo": ("open", 0)}),
    ("2020-01-30", {"oslo": ("open", 29)}),
    # that day counts
    ("2020-01-31", {"oslo": ("held", 30)}),
    # a cancellation known on its day, an opening not yet
    ("2020-03-10", {"oslo": ("held", 30), "quay": ("open", 29), "lake": ("open", 9)}),
    ("2020-03-11", {"oslo": ("held", 30), "quay": ("open", 30), "lake": ("dead", 10)}),
    # everything
    ("2021-01-01", {"oslo": ("held", 30), "quay": ("held", 40), "lake": ("dead", 10), "cape": ("held", 0)}),
]  # fmt: skip


@pytest.mark.parametrize(("day", "rows"), KNOWN)
def test_status_on_a_day(small: pd.DataFrame, day: str, rows: dict[str, tuple[str, int]]) -> None:
    known = as_known(small, dt.date.fromisoformat(day))
    got = {str(i): (r.status, r.days) for i, r in known[["status", "days"]].iterrows()}
    assert got == rows
    assert (known.held == (known.status == "held")).all()


def test_outcomes_and_attendance_after_the_day_are_hidden(small: pd.DataFrame) -> None:
    known = as_known(small, dt.date(2020, 3, 10))
    assert known.opened.isna().to_dict() == {"oslo": False, "quay": True, "lake": True}
    assert known.censored_on.isna().all()
    assert known.loc["oslo", list(ROLES.values())].to_list() == ["yes", "partial", "", "", "no", ""]
    assert (known.loc[["quay", "lake"], list(ROLES.values())] == "").all(axis=None)


def test_only_a_dated_proposal_had_its_target_at_first(small: pd.DataFrame) -> None:
    known = as_known(small, dt.date(2021, 1, 1))
    assert known.first_target.dropna().to_dict() == {"oslo": pd.Timestamp(2020, 1, 20)}


# Row, day, and whether a day had been named for it: known of dead ones that had been floated.
NAMED = [
    # pending, then dead with a target
    ("pier", "2020-05-20", -1),
    ("pier", "2020-06-01", 1),
    # dead without one
    ("mole", "2020-06-01", 0),
    # held; or dead, but a window had been named at once
    ("quay", "2020-06-01", -1),
    ("lake", "2020-06-01", -1),
]


@pytest.mark.parametrize(("name", "day", "named"), NAMED)
def test_whether_a_day_had_been_named(tmp_path: Path, name: str, day: str, named: int) -> None:
    more = """\
pier,Alba,europe-caucasus,Pier,UN,relaunch,floated,2020-05-01,2020-05-25,,0,,2020-06-01,,,,,,
mole,Alba,europe-caucasus,Mole,UN,relaunch,floated,2020-05-01,,,0,,2020-05-30,,,,,,
"""
    known = as_known(proposals(write(tmp_path, f"{COLUMNS}\n{ROWS}{more}")), dt.date.fromisoformat(day))
    assert known.named[name] == named
    assert known.first_target[[i for i in known.index if i != "oslo"]].isna().all()


def test_a_row_can_be_left_out_and_a_misspelt_one_is_refused(small: pd.DataFrame) -> None:
    known = as_known(small, dt.date(2021, 1, 1), ("quay",))
    assert known.index.to_list() == ["oslo", "lake", "cape"]
    with pytest.raises(ValueError, match='"quai" to leave out; did you mean "quay"'):
        as_known(small, dt.date(2021, 1, 1), ("quai",))


def planted(table: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """The table, with absurd rows proposed after the day, and absurd endings after it."""
    later = table.copy()
    later.index = pd.Index([f"later-{i}" for i in later.index], name="id")
    for column in ("first_proposed", "first_target", "opened", "censored_on"):
        later[column] = later[column] + pd.Timedelta(days=20_000)
    out = pd.concat([later, table])
    after = ~(out.opened <= day) & ~(out.censored_on <= day) & (out.first_proposed <= day)
    out.loc[after, "opened"] = day + pd.Timedelta(days=1)
    out.loc[after, "held"] = True
    out.loc[after, "censored_on"] = pd.NaT
    out.loc[after, list(ROLES.values())] = "no"
    # of what had died, it was known whether a day had been named
    out.loc[(out.stage != "dated") & ~(out.censored_on <= day), "first_target"] = pd.Timestamp(
        2199, 1, 1
    )
    for column, value in (("note", "absurd"), ("downgraded", "1"), ("host_country", "Atlantis")):
        if column in out:
            out[column] = value
    return out


@pytest.mark.parametrize("day", ["2003-01-01", "2014-11-11", "2020-03-10", "2024-06-30"])
def test_nothing_later_changes_what_was_known(small: pd.DataFrame, day: str) -> None:
    stamp = pd.Timestamp(day)
    for table in (small, proposals("peace_talks")):
        before, after = (as_known(t, stamp.date()) for t in (table, planted(table, stamp)))
        pd.testing.assert_frame_equal(before, after)
        assert digest(before) == digest(after)


def test_digest_is_of_what_the_models_read(small: pd.DataFrame) -> None:
    known = as_known(small, dt.date(2021, 1, 1))
    same = known.iloc[::-1].assign(name="another", convener="another")[sorted([*known, "convener"])]
    assert digest(same) == digest(known)
    for column, value in (("days", 31), ("status", "dead"), ("stage", "window"), ("conflict", "Alb"),
                          ("att_government", "no"), ("opened", pd.Timestamp(2020, 2, 1))):  # fmt: skip
        other = known.copy()
        other.loc["oslo", column] = value
        assert digest(other) != digest(known), column


def test_an_empty_class_is_named(small: pd.DataFrame) -> None:
    assert select(small, lambda t: t.stage == "dated", "dated").index.to_list() == ["oslo"]
    with pytest.raises(ValueError, match="no proposal in the table is of Carra"):
        select(small, lambda t: t.conflict == "Carra", "of Carra")


# --- the shipped table ---


def test_shipped_table_agrees_with_its_dictionary() -> None:
    table = proposals("peace_talks")
    assert (len(table), table.held.sum(), table.first_proposed.dt.year.min()) == (183, 116, 1977)
    assert history.reference_classes() == ["peace_talks"]
    assert table.source_urls.str.startswith("http").all()
    again = table.relaunch_of[table.relaunch_of != ""]
    assert set(again) <= set(table.index[~table.held])
    text = (seeds() / "peace_talks" / "README.md").read_text("utf-8")
    assert {f"`{c}`" for c in ["id", *table]} - set(text.replace("|", " ").split()) == set()
    # its frequencies are those of the text
    for column in ("stage", "row_type", "convener_type", "region"):
        for code, n in table[column].value_counts().items():
            assert f"`{code}` {n}" in text, code


def test_columns_without_a_refusal_are_those_that_the_readme_names() -> None:
    table = proposals("peace_talks")
    without = {c for c in ROLES.values() if not (table[c] == "no").any()}
    assert without == {"att_regional_patrons", "att_un_envoy"}


def test_roles_and_regions_are_those_of_a_fit() -> None:
    assert tuple(ROLES) == fits.LEVELS["role"]
    assert set(fits.COMPLETE) < set(history.CODES["region"])


def test_counts_of_the_first_case_are_those_it_states() -> None:
    why = tomllib.loads((seeds() / "moscow_i" / "case.toml").read_text("utf-8"))["base_rate"]["why"]
    known = as_known(proposals("peace_talks"), dt.date(2014, 12, 4), ("syr-2015-moscow-1",))
    floated = known[known.stage == "floated"]
    patron = floated[floated.convener_type == "state-patron-of-belligerent"]
    syria = floated[floated.conflict == "Syria"]

    def held_of(rows: pd.DataFrame) -> str:
        return f"{rows.held.sum()} of {len(rows)}"

    def days_of(rows: pd.DataFrame) -> list[int]:
        return [int(x) for x in np.quantile(rows.days[rows.held], [0.5, 0.05, 0.95]).round()]

    assert (len(known), known.held.sum()) == (68, 39)
    assert [held_of(x) for x in (floated, patron, syria)] == ["13 of 24", "3 of 8", "3 of 11"]
    assert (days_of(known), days_of(floated)) == ([42, 7, 341], [35, 13, 375])
    for stated in ("68 earlier proposals", "13 of 24", "3 of 8", "3 of 11", "all 39 held",
                   "median 42, central 90 % 7 to 341", "median 35, 13 to 375"):  # fmt: skip
        assert stated in why
