"""Tables in and out: ours fit the hubverse's convention, and what comes back scores the same."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_resolution import NO_MEETING, RESOLUTION, Write, write  # noqa: F401  # a fixture
from typer.testing import CliRunner

import forecast
from forecast import hub, scoring
from forecast.cli import app
from forecast.loading import CaseError, load
from forecast.scoring import load_resolution, score, score_table

HEADER = ",".join(hub.COLUMNS)


@pytest.fixture
def table(tmp_path: Path):
    def make(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "theirs.csv"
        path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
        return path

    return make


# --- out ---


def test_model_output_keeps_to_the_convention() -> None:
    case = forecast.load("moscow_i")
    f = forecast.update(case, draws=0)
    frame = hub.to_hub(f, together=True)
    assert tuple(frame.columns) == hub.COLUMNS
    assert set(frame["output_type"]) == {"pmf", "cdf"}
    assert frame["value"].between(0, 1).all()
    # a pmf adds up to 1 within each combination of task ids, all combinations of actors too
    task = ["target", "actor", "target_end_date"]
    pmf = frame[frame["output_type"] == "pmf"].groupby(task)["value"].sum()
    np.testing.assert_allclose(pmf, 1, atol=1e-12)
    # a cdf is listed from low to high and does not fall
    cdf = frame[frame["output_type"] == "cdf"]
    assert cdf["output_type_id"].is_monotonic_increasing
    assert cdf["value"].is_monotonic_increasing
    # days in ISO 8601, a model id of team and model
    for column in ("origin_date", "target_end_date"):
        assert frame[column].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert frame["model_id"].str.fullmatch(r"\w+-\w+").all()
    # the numbers are the forecast's own
    values = frame.set_index(["target", "actor", "target_end_date", "output_type_id"])["value"]
    assert values[("held", "", "2015-03-31", "yes")] == float(f.held.probability[2])
    assert values[("attends", "khatib", "2016-11-11", "no")] == 1 - float(
        f.actors.given_held.sel(actor="khatib")
    )
    # what one actor does alone is the sum over the combinations with him
    some = frame[frame["target"] == "attendance"]
    with_him = some["output_type_id"].str.split("+").map(lambda ids: "khatib" in ids)
    assert some.loc[with_him, "value"].sum() == pytest.approx(
        float(f.actors.given_held.sel(actor="khatib")), abs=1e-12
    )


def test_a_deadline_that_is_past_has_no_row() -> None:
    case = forecast.load("moscow_i")
    f = forecast.update(case, pd.Timestamp("2014-12-31").date(), draws=0)
    frame = hub.to_hub(f)
    assert "2014-12-31" not in set(frame["target_end_date"]) | set(frame["output_type_id"])


def test_oracle_is_the_forecast_of_one_who_knew(write: Write) -> None:  # noqa: F811
    case = load(write(RESOLUTION))
    oracle = hub.to_oracle(load_resolution(case), case.name, case.question.horizon)
    assert list(oracle.columns) == [*hub.COLUMNS[2:-1], "oracle_value"]
    # merged with a forecast, each value meets the one that it is held against
    ours = hub.to_hub(forecast.update(case, draws=0))
    both = ours.merge(oracle, on=list(hub.COLUMNS[2:-1]))
    assert len(both) == len(ours) - 2  # the void pilot has no row
    # and scored as a forecast it is perfect: each score is 0
    knew = both.assign(value=both["oracle_value"].astype(float)).drop(columns="oracle_value")
    s = score_table(knew, load_resolution(case))
    assert len(s) == 4
    assert np.nansum(s[["brier", "log", "rps"]].to_numpy()) == 0


def test_no_cell_is_a_formula(write: Write, table) -> None:  # noqa: F811
    case = load(write(RESOLUTION)).model_copy(update={"name": "=HYPERLINK(A1)"})
    f = forecast.update(case, draws=0)
    for model in ("+cmd", "-1-1", "@SUM(1)", "\tx", "  =1"):
        text = hub.as_csv(hub.to_hub(f, model_id=model))
        rows = list(csv.DictReader(io.StringIO(text)))
        assert all(r["case"] == "'=HYPERLINK(A1)" and r["model_id"] == f"'{model}" for r in rows)
        for row in rows:
            assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in row.values())
        # and it is taken away again
        path = table()
        path.write_text(text, "utf-8")
        back = hub.read_hub(path)
        assert set(back["case"]) == {"=HYPERLINK(A1)"}
        assert {m.strip() for m in back["model_id"]} == {model.strip()}


# --- out, in, and scored ---


@pytest.mark.parametrize("day", [None, "2015-01-05"])
def test_round_trip_scores_the_same(tmp_path: Path, day: str | None) -> None:
    # to 1e-12, and both ways to the joint: the vector alone, and out of all its combinations
    case = forecast.load("moscow_i")
    f = forecast.update(case, pd.Timestamp(day).date() if day else None, draws=0)
    path = tmp_path / "ours.csv"
    frame = pd.concat([hub.to_hub(f, together=True), hub.to_hub(f, "prior", together=True)])
    path.write_text(hub.as_csv(frame), "utf-8")
    back = hub.read_hub(path)
    pd.testing.assert_frame_equal(back, frame.reset_index(drop=True), check_exact=True)
    keys = ["model_id", "target", "actor", "by"]
    table = score_table(back, load_resolution(case), case.name).set_index(keys)
    direct = score(case, as_of=f.as_of).set_index(keys)
    direct = direct.drop(index=scoring.CONSTANT, level="model_id")
    assert len(direct) == len(table) == 2 * (len(f.case.question.deadlines) - bool(day) + 1 + 11 + 1)
    pd.testing.assert_frame_equal(
        table.sort_index(), direct.sort_index(), check_exact=False, rtol=0, atol=1e-12
    )


def test_command_writes_and_scores_tables(write: Write, tmp_path: Path) -> None:  # noqa: F811
    folder = str(write(RESOLUTION))
    run = CliRunner().invoke
    mine = run(app, ["run", folder, "--hub"]).output
    path = tmp_path / "theirs.csv"
    path.write_text(mine.replace("forecast-tree", "them-model"), "utf-8")
    text = run(app, ["score", folder, "--table", str(path)]).output
    assert "them-model" in text
    out = run(app, ["score", folder, "--table", str(path), "--csv"]).output
    rows = list(csv.DictReader(io.StringIO(out)))
    # the same forecast under another name: the same scores as the case's own beside it
    theirs, own = (
        [r["brier"] for r in rows if r["model_id"] == m and r["target"] in ("held", "attends")]
        for m in ("them-model", "forecast-tree")
    )
    assert theirs == own != []
    oracle = run(app, ["score", folder, "--oracle"]).output
    assert oracle.splitlines()[0] == ",".join([*hub.COLUMNS[2:-1], "oracle_value"])
    done = run(app, ["score", folder, "--table", str(tmp_path)])
    assert done.exit_code == 1
    assert "is a directory" in done.output


# --- in ---

GOOD = ("m-1,2020-02-01,harbour,held,,2020-03-01,pmf,yes,0.25",
        "m-1,2020-02-01,harbour,held,,2020-03-01,pmf,no,0.75")  # fmt: skip


def test_other_people_s_tables_are_read(table) -> None:
    # without our optional columns, with theirs, in another order, missing values as NA, a byte order mark
    rows = ("1,NA,2020-02-01,held,2020-03-01,pmf,yes,0.25", "1,NA,2020-02-01,held,2020-03-01,pmf,no,.75")
    header = "\ufeffhorizon,actor,origin_date,target,target_end_date,output_type,output_type_id,value"
    frame = hub.read_hub(table(*rows, header=header))
    assert frame.to_dict("records")[1] == {
        "model_id": "theirs", "origin_date": "2020-02-01", "case": "", "target": "held", "actor": "",
        "target_end_date": "2020-03-01", "output_type": "pmf", "output_type_id": "no", "value": 0.75,
    }  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), [
    # a column that is missing
    ("origin_date", "origin_day", 'header: no column "origin_date"; did you mean "origin_day"?'),
    # days
    ("m-1,2020-02-01,harbour,held,,2020-03-01,pmf,yes", "m-1,1/2/2020,harbour,held,,2020-03-01,pmf,yes",
     'line 2: origin_date: "1/2/2020": expected a day such as 2014-12-04'),
    ("2020-03-01,pmf,yes", "20200301,pmf,yes",
     'line 2: target_end_date: "20200301": expected a day such as 2014-12-04'),
    # targets, types, categories
    ("held,,2020-03-01,pmf,yes", "hold,,2020-03-01,pmf,yes", 'line 2: target: no "hold"; did you mean "held"?'),
    ("pmf,yes", "quantile,yes", 'line 2: output_type: "quantile": expected pmf for held'),
    ("pmf,yes", "pmf,Yes", 'line 2: output_type_id: "Yes": expected yes or no'),
    ("held,,2020-03-01,pmf,yes", "held,guild,2020-03-01,pmf,yes", 'line 2: actor: "guild": expected none for held'),
    ("held,,2020-03-01,pmf,yes", "attends,,2020-03-01,pmf,yes", 'line 2: actor: "": expected the id of an actor'),
    # values
    ("yes,0.25", "yes,25 %", 'line 2: value: "25 %": expected a probability from 0 to 1'),
    ("yes,0.25", "yes,1.25", 'line 2: value: "1.25": expected a probability from 0 to 1'),
    ("yes,0.25", "yes,nan", 'line 2: value: "nan": expected a probability from 0 to 1'),
    # rows that do not go together
    ("pmf,no", "pmf,yes", "line 3: the same probability stands there twice"),
    ("no,0.75", "no,0.7", "line 2: held: the probabilities of all categories add up to 1; found 0.95 over yes, no"),
])  # fmt: skip
def test_a_wrong_table_gets_its_message(table, old: str, new: str, message: str) -> None:
    text = "\n".join((HEADER, *GOOD))
    assert text.count(old) == 1, "the row does not say what it changes"
    path = table()
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(CaseError) as caught:
        hub.read_hub(path)
    assert str(caught.value) == f"theirs.csv: {message}"


def test_a_chance_of_having_opened_does_not_fall(table) -> None:
    rows = [f"m-1,2020-02-01,harbour,opening,,2021-01-01,cdf,{d},{p}"
            for d, p in (("2020-06-01", 0.2), ("2020-03-01", 0.3))]  # fmt: skip
    with pytest.raises(CaseError, match="line 2: opening: the chance of having opened falls"):
        hub.read_hub(table(*rows))


def test_what_is_no_table_gets_a_message(table, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no row; expected one for each probability"):
        hub.read_hub(table())
    path = table()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not UTF-8"):
        hub.read_hub(path)
    # a great many wrong rows are not all told
    wrong = [
        GOOD[0].replace("0.25", "x").replace("2020-03-01", f"2020-03-{d:02d}") for d in range(1, 31)
    ]
    with pytest.raises(CaseError) as caught:
        hub.read_hub(table(*wrong))
    assert len(caught.value.problems) == 21
    assert str(caught.value.problems[-1]) == "theirs.csv: 10 more like these"
    with pytest.raises(OSError, match="No such file"):
        hub.read_hub(tmp_path / "none.csv")


def test_tables_of_several_cases_are_kept_apart(write: Write) -> None:  # noqa: F811
    case = load(write(RESOLUTION))
    ours = hub.to_hub(forecast.update(case, draws=0))
    both = pd.concat([ours, ours.assign(case="other", value=0.5)])
    r = load_resolution(case)
    pd.testing.assert_frame_equal(score_table(both, r, "harbour"), score_table(ours, r))
    with pytest.raises(CaseError, match="several: harbour, other; say which one"):
        score_table(both, r)


def test_too_many_combinations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_TOGETHER", 12)
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    with pytest.raises(ValueError, match="13 actors have 2\\^13 combinations; at most 12"):
        hub.to_hub(f, together=True)
    with pytest.raises(ValueError, match="expected probability or prior"):
        hub.to_hub(f, of="odds")


def test_oracle_of_no_meeting_has_no_attendance(write: Write) -> None:  # noqa: F811
    text = NO_MEETING.replace('by = 2020-06-01\nanswer = "yes"', 'by = 2020-06-01\nanswer = "no"')
    text = text.replace('"guild"\nanswer = "yes"', '"guild"\nanswer = "no"').replace(
        "2020-04", "2020-06"
    )
    case = load(write(text))
    oracle = hub.to_oracle(load_resolution(case), case.name, case.question.horizon)
    assert set(oracle["target"]) == {"held", "opening"}
    assert oracle.loc[oracle["output_type_id"] == "yes", "oracle_value"].sum() == 0
