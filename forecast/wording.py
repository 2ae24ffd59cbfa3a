"""What is wrong with a file, in the words of the person who wrote it.

Two libraries find most of what is wrong with a file, the TOML parser and pydantic. Here, and
only here, what they say is turned into what was found and what was expected.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from html import escape
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from forecast.judgement import did_you_mean


def clean(text: object, width: int = 120) -> str:
    """Without control characters, which could repaint a terminal, and not too long."""
    return "".join(x if x.isprintable() else "?" for x in str(text)[: width + 1])[:width]


_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], "\ufffd")
# what turns the text around is told by its number; the marks, which nobody sees, are left out
_TURNS = {c: f"[U+{c:04X}]" for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_CONTROL |= _TURNS | dict.fromkeys((0x061C, 0x200E, 0x200F), "")


def legible(text: object) -> str:
    """Text without the control characters that neither HTML nor SVG may hold, or that turn it."""
    return str(text).translate(_CONTROL)


def escaped(text: object) -> str:
    """Text as HTML or SVG has it."""
    return escape(legible(text))


def shown(value: Any) -> str:
    """A value much as it stands in the file, on one line; tables by their name only."""
    if isinstance(value, str):
        text = f'"{clean(value)}"'
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int) and abs(value) >= 10**30:  # printing it may be refused
        text = "a huge number"
    elif isinstance(value, Mapping):
        text = "a table"
    elif isinstance(value, list | tuple):
        # an inner list by a sign: TOML may nest them deeper than Python can print
        inner = ["[...]" if isinstance(x, list) else shown(x) for x in value[:10]]
        text = f"[{', '.join(inner)}{', ...' if len(value) > 10 else ''}]"
    elif isinstance(value, dt.datetime):
        text = value.isoformat(" ")
    else:
        text = clean(value)
    return text if len(text) <= 80 else f"{text[:76]} ..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that `did_you_mean` would suggest."""
    return next(iter(get_close_matches(name, list(known), n=1)), None)


# --- what pydantic says ---

_A_DAY = "expected a day such as 2014-12-04, without a time or quotation marks"
_PLAIN = {
    "bool_parsing": "expected true or false, without quotation marks",
    "bool_type": "expected true or false, without quotation marks",
    "date_from_datetime_inexact": _A_DAY,
    "date_from_datetime_parsing": _A_DAY,
    "date_parsing": _A_DAY,
    "date_type": _A_DAY,
    "dict_type": "expected a table by scenario",
    "finite_number": "expected a finite number",
    "float_parsing": "expected a number, without quotation marks",
    "float_type": "expected a number, without quotation marks",
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected {ge} or more",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number",
    "int_type": "expected a whole number",
    "less_than_equal": "expected {le} or less",
    "literal_error": "expected {expected}",
    "string_pattern_mismatch": "expected lower case letters, digits and underscores, first a letter",
    "string_too_long": "expected at most {max_length} characters",
    "string_too_short": "expected some text",
    "string_type": "expected text in quotation marks",
    "too_long": "expected two values in square brackets",
    "too_short": "expected at least one entry",
    "tuple_type": "expected a list in square brackets",
}
"""Type of a pydantic error -> what was expected. What is not here keeps pydantic's words."""


def messages(error: ValidationError, entry: Mapping[str, Any], model: type[BaseModel]) -> Iterator[str]:
    """One message a problem: the path below the entry, what was found, what was expected."""
    found = [(e, _follow(e["loc"], entry, model)) for e in error.errors(include_url=False)]
    # a key that is misspelt, or stands below the wrong header, is not missing as well
    explained: set[tuple[str, str]] = set()
    for e, (steps, _, fields, _) in found:
        if e["type"] == "extra_forbidden" and (meant := nearest(steps[-1], fields)):
            explained.add((_path(steps[:-1]), meant))
        if _misplaced(e["type"], steps, fields, model):
            explained.add(("", steps[-1]))
    seen = set()
    for e, (steps, value, fields, branch) in found:
        path, kind = _path(steps), e["type"]
        if kind == "missing" and (_path(steps[:-1]), steps[-1]) in explained:
            continue
        if branch is not None and _other_branch(*branch):
            continue
        if kind == "too_short" and value:  # pydantic counts the valid ones, which are told of
            continue
        text = _expected(e, steps, value, fields, model, branch)
        text = f"{path}: {text}" if path else text
        if text not in seen:
            seen.add(text)
            yield text


def _expected(
    e: Any, steps: list[str], value: Any, fields: tuple[str, ...], model: type[BaseModel], branch: Any
) -> str:
    kind = e["type"]
    if _misplaced(kind, steps, fields, model):
        return (
            f"{shown(value)}: this key belongs to the entry itself; "
            f"move it above the header of {_path(steps[:-1])}"
        )
    if kind == "extra_forbidden":
        hint = did_you_mean(steps[-1], fields) or f"; the keys here are {', '.join(fields)}"
        return f"unknown key{hint}"
    if kind == "missing" and isinstance(e["loc"][-1], str):
        return "missing"
    if kind == "missing":  # the second of two values
        expected = _PLAIN["too_long"]
    elif kind in ("model_type", "model_attributes_type", "dict_type") or (
        branch is not None and not isinstance(value, str | Mapping)
    ):
        either = "the id of a source, or " if branch is not None else ""
        expected = (
            f"expected {either}a table with {', '.join(fields)}" if fields else _PLAIN["dict_type"]
        )
    elif kind in _PLAIN:
        expected = _PLAIN[kind].format(**e.get("ctx", {})).replace("'", '"')
        if kind == "string_pattern_mismatch" and (near := _as_id(value)):
            expected += f', such as "{near}"'
        if kind == "literal_error" and isinstance(value, str):
            expected += did_you_mean(value, re.findall(r'"([^"]+)"', expected))
    else:
        text = e["msg"].removeprefix("Value error, ")
        expected = text[0].lower() + text[1:]
    # what a whole entry breaks is said of the entry
    return f"{shown(value)}: {expected}" if steps else expected


def _as_id(value: Any) -> str:
    """A name in the letters of an id."""
    return re.sub(r"[^a-z0-9]+", "_", str(value).lower()).lstrip("_0123456789").rstrip("_")[:64]


def _misplaced(kind: str, steps: list[str], fields: tuple[str, ...], model: type[BaseModel]) -> bool:
    """A key of the entry below the header of one of its tables: in TOML a header goes on."""
    inside = len(steps) > 1 and steps[-1] in model.model_fields
    return inside and (kind == "extra_forbidden" or (kind == "value_error" and not fields))


def _other_branch(tag: str, tried: Any) -> bool:
    """A source is an id or a table: the errors of the one that was not meant are not told."""
    return isinstance(tried, str | Mapping) and (tag == "Source") != isinstance(tried, Mapping)


def _follow(
    loc: tuple[int | str, ...], entry: Any, model: Any
) -> tuple[list[str], Any, tuple[str, ...], tuple[str, Any] | None]:
    """Follow pydantic's location through what the user wrote.

    Returns the steps, the value there, the keys that belong there, and, in a union, which
    branch of it the error is from, with the value that was tried.
    """
    steps: list[str] = []
    value, fields = entry, tuple(model.model_fields)
    branch: tuple[str, Any] | None = None
    for step in loc:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
            steps.append(f"[{step + 1}]")
        elif isinstance(step, str) and isinstance(value, Mapping) and step in value:
            inner = getattr(model, "model_fields", {}).get(step)
            steps.append(clean(step))
            value = value[step]
            if inner:
                model = _model_in(inner.annotation)
                fields = tuple(getattr(model, "model_fields", ()))
        elif step in fields and isinstance(value, Mapping):
            steps.append(str(step))
            value = None
        elif step == "Source" or str(step).startswith("constrained-str"):
            branch = (str(step), value)
    return steps, value, fields, branch


def _path(steps: list[str]) -> str:
    return ".".join(steps).replace(".[", "[")


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a))), None)


# --- what the TOML parser says ---

_HINTS = (
    (r"^(Cannot overwrite|Cannot mutate)", "", "the key or header stands there twice"),
    (
        r"^Cannot declare",
        "",
        "the header stands there twice; of several entries each has [[two brackets]]",
    ),
    (r"^Unescaped", "", "a backslash is written \\\\"),
    (r"^Illegal character '\\n'", "", "close the quotation mark on its line, or use three of them"),
    (r"", r"=\s*\d{4}-\d{1,2}-\d{1,2}|=\s*\d{1,2}[./]\d{1,2}[./]\d", "a day is written 2014-12-04"),
    (r"", r"=\s*(True|False|TRUE|FALSE)\b", "true and false are in small letters"),
    (r"", r"=.*[“”„«»‘’]", 'the quotation marks of TOML are straight: "..."'),
    (r"", r"=\s*\[?\s*(\.\d|\d+\s*%|\d+,\d+\s*(#|$))", "a probability is written as in 0.6"),
    (r"", r",\s*\}", "no comma before a closing brace"),
    (r"^Invalid value", r"=\s*[^\W\d]", "text stands in quotation marks"),
    (r"^Expected '='", "", "a line is key = value"),
)
"""Beginning of the parser's message, what stands in the line, and what to do."""


def toml_message(text: str, message: str) -> str:
    """The parser's message with the line; where an inline table was broken, what to do."""
    lines = text.removesuffix("\n").split("\n")
    at = re.search(r"at line (\d+)", message)
    number = min(int(at[1]), len(lines)) if at else len(lines)
    # the parser stops at the end of the line with the open brace, or at the next
    for n in (number, number - 1):
        line = lines[n - 1] if n >= 1 else ""
        bare = re.sub(r'"(?:\\.|[^"\\])*"|\'[^\']*\'', "", line).split("#")[0]
        if bare.count("{") > bare.count("}"):
            return (
                f"line {n}: an inline table {{ ... }} has to stand on one line; put it on "
                "one line, or write its keys below a [header] of their own"
            )
    line, said = lines[number - 1].strip(), re.sub(r" \(at .*\)$", "", message)
    hint = next((f"; {do}" for start, there, do in _HINTS
                 if re.search(start, said) and re.search(there, line)), "")  # fmt: skip
    said = f"not TOML: {said[0].lower()}{said[1:]}{hint}"
    if not at:
        return clean(f"{said}, at the end of the file; is a quotation mark or a bracket missing?", 300)
    return clean(f"line {number}: {shown(line)[1:-1]}: {said}", 300)
