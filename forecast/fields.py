"""Kinds of field in a case file: ids, texts, days, periods, tables by scenario."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from forecast.judgement import JudgementField

Id = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64),
    Field(description="Lower case letters, digits and underscores."),
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Grade = Literal["A", "B", "C", "D", "E", "F"]

GROUPS = ("held", "not_held", "otherwise")
"""Keys of a table by scenario that stand for several scenarios."""

FIRST, LAST = dt.date(1700, 1, 1), dt.date(2200, 12, 31)
"""Labels of days count nanoseconds, which end in 1677 and 2262."""


def _one_for_all(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"otherwise": value}


def _plain_date(value: Any) -> Any:
    # TOML has date-times too; a case knows days only. Text is for JSON: left alone, pydantic
    # would read digits as seconds since 1970.
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return value
    if type(value) is not dt.date:
        raise ValueError("expected a day such as 2014-12-04, without a time or quotation marks")
    return value


def _on_record(day: dt.date) -> dt.date:
    if not FIRST <= day <= LAST:
        raise ValueError(f"expected a day from {FIRST} to {LAST}")
    return day


def _day_or_days(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value, value)


def _in_order(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if pair[0] > pair[1]:
        raise ValueError("the earlier or smaller end comes first")
    return pair


def _apart(pair: tuple[float, float]) -> tuple[float, float]:
    if not pair[0] < pair[1]:
        raise ValueError("the low end of an interval comes first and is the smaller one")
    return pair


def _web(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address starts with http:// or https://")
    return url


def _one_blank(question: str) -> str:
    for name in re.findall(r"\{(\w+)\}", question):
        if name != "deadline":
            raise ValueError(f"only {{deadline}} is filled in; found {{{name}}}")
    return question


def _short(locator: str) -> str:
    if len(locator.split()) > 8:
        raise ValueError("a locator has at most eight words: it finds a passage, it does not quote")
    return locator


Day = Annotated[dt.date, BeforeValidator(_plain_date), AfterValidator(_on_record)]
Period = Annotated[
    tuple[Day, Day],
    BeforeValidator(_day_or_days, json_schema_input_type=Day | tuple[Day, Day]),
    AfterValidator(_in_order),
    Field(description="A day, or [first, last]."),
]
Positive = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Days = Annotated[
    tuple[Positive, Positive],
    AfterValidator(_apart),
    Field(description="Days: the central 90 % of a log-normal."),
]
Table = Annotated[
    dict[str, JudgementField],
    BeforeValidator(_one_for_all, json_schema_input_type=JudgementField | dict[str, JudgementField]),
    Field(description="One judgement for all scenarios, or one by scenario id, "
                      "`held`, `not_held` or `otherwise`."),
]  # fmt: skip
Locator = Annotated[Text, AfterValidator(_short)]
Url = Annotated[Text, AfterValidator(_web)]
Asked = Annotated[Text, AfterValidator(_one_blank)]
