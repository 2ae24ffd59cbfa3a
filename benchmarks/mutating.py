"""What people and editors do to files: changes of a tree of values, a writer of TOML, harm to bytes.

A change takes a generator and a tree, which it alters in place; where it finds nothing to do it does
nothing. `benchmarks.fuzz` makes its inputs with them.
"""

from __future__ import annotations

import copy
import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Tree = dict[str, Any]

# --- TOML, written by hand: what no library would write has to be written too ---


def toml(tree: Tree, inline: bool) -> str:
    """A file: sections below headers, all else inline; or, where asked, one line a section."""
    top = [f"{key(k)} = {literal(v)}\n" for k, v in tree.items() if inline or not _section(v)]
    rest = []
    for k, v in tree.items():
        if inline or not _section(v):
            continue
        for entry in v if isinstance(v, list) else [v]:
            header = f"[[{key(k)}]]" if isinstance(v, list) else f"[{key(k)}]"
            rest.append("\n".join([header, *(f"{key(a)} = {literal(b)}" for a, b in entry.items()), ""]))
    return "\n".join([*top, *rest])


def _section(value: Any) -> bool:
    many = isinstance(value, list) and bool(value) and all(isinstance(x, dict) for x in value)
    return isinstance(value, dict) or many


def key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else literal(name)


def literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(_character(c) for c in value) + '"'
    if isinstance(value, float):
        return (
            "nan"
            if math.isnan(value)
            else ("-inf" if value < 0 else "inf")
            if math.isinf(value)
            else repr(value)
        )
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key(k)} = {literal(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return str(value)


def _character(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"


# --- what is changed in the tree of values ---

Place = tuple[Any, Any]
"""A container and the key or index in it."""


def places(tree: Any) -> list[Place]:
    out: list[Place] = []
    todo = [tree]
    while todo:
        at = todo.pop()
        for k, v in at.items() if isinstance(at, dict) else enumerate(at):
            out.append((at, k))
            if isinstance(v, dict | list):
                todo.append(v)
    return out


def one(rng: Rng, values: list[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def some(rng: Rng, tree: Tree, test: Callable[[Any], bool] = lambda v: True) -> Place | None:
    found = [(at, k) for at, k in places(tree) if test(at[k])]
    return one(rng, found) if found else None


WORDS = (
    "remote",
    "very unlikely",
    "unlikely",
    "roughly even",
    "likely",
    "very likely",
    "almost certain",
)
TEXTS = ("", " ", "\n", "\t \u00a0", "\x00", "\x1b[2J\x1b]0;x\x07", "\u202e\u2066rtl", "\ufeff", "a" * 70_000,
         "\u0301" * 500, "<script>alert(1)</script>", "=1+1", "{deadline}", "{x} {0} {", "%s %n", "../../x",
         "otherwise", "held", "not_held", "nan", "null", "2020-02-30", "2020-02-01", "\U0001f54a", "a\\u0000b",
         "Ignore all that was said", "é" * 4000, "x y z " * 700, "A", "constrained-str", "Source", "id")  # fmt: skip
NUMBERS = (0, 1, -1, 2, 0.0, -0.0, 1.0, 0.5, -0.5, 1e-320, 1e-300, 1e-12, 1 - 1e-12, 1 - 1e-16, 1e300, 1.8e308,
           float("inf"), float("-inf"), float("nan"), 10**18, 2**63, -(2**63), 10**40, 10**5000, 366, 99_999,
           0.3, 0.049999, 100_001)  # fmt: skip
DATES = (dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1970, 1, 1), dt.date(2020, 1, 1),
         dt.date(2020, 2, 29), dt.date(2400, 1, 1), dt.datetime(2020, 1, 1), dt.time(1, 2),
         dt.datetime(2020, 1, 1, tzinfo=dt.UTC))  # fmt: skip
INTERVALS = ([0.6, 0.2], [0.2, 0.2], [1e-9, 1 - 1e-9], [0.5, 0.5 + 1e-13], [1e-300, 0.999], [0, 1], [0.1],
             [0.1, 0.2, 0.3], [], [0.999999, 0.9999999], [1e-12, 1e-11], ["likely", "likely"], [30, 5],
             [1e-9, 1e9], [1, 1.0000000001], [1e-300, 1e300])  # fmt: skip


def delete(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree):
        del at[0][at[1]]


def rename(rng: Rng, tree: Tree) -> None:
    """A key with a typing mistake, or another key's name."""
    keys = [(a, k) for a, k in places(tree) if isinstance(a, dict)]
    if not keys:
        return
    at, old = one(rng, keys)
    n = int(rng.integers(max(len(old), 1)))
    new = one(rng, [old[:n] + old[n + 1 :], old[:n] + old[n : n + 1] * 2 + old[n + 1 :], old.upper(),
                    old.replace("_", "-"), old + "s", one(rng, keys)[1], one(rng, list(TEXTS))[:300]])  # fmt: skip
    changed = {(new if k == old else k): v for k, v in at.items()}
    at.clear()
    at.update(changed)


def retype(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree):
        pools: list[Any] = [
            TEXTS,
            NUMBERS,
            DATES,
            INTERVALS,
            WORDS,
            (True, False),
            ({}, [], [[]], [{}], {"x": 1}),
        ]
        at[0][at[1]] = copy.deepcopy(one(rng, list(one(rng, pools))))


def number(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree, lambda v: isinstance(v, int | float) and not isinstance(v, bool)):
        old = at[0][at[1]]
        at[0][at[1]] = one(rng, [*NUMBERS, -old, old * 1.01, 1 - old, old / 7])


def date(rng: Rng, tree: Tree) -> None:
    """Swap two days, move one, or put another in its place."""
    days = [(a, k) for a, k in places(tree) if type(a[k]) is dt.date]
    if not days:
        return
    (a, i), (b, j) = one(rng, days), one(rng, days)
    if rng.random() < 0.4:
        a[i], b[j] = b[j], a[i]
    elif rng.random() < 0.7:
        far = int(one(rng, [-1, 1, -30, 30, 400, -400, 3000, 40_000, 1_000_000]))
        moved = a[i].toordinal() + far
        a[i] = dt.date.fromordinal(min(max(moved, 1), dt.date.max.toordinal()))
    else:
        a[i] = one(rng, [*DATES, str(a[i]), [a[i], b[j]], [b[j], a[i], a[i]]])


def words(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree, lambda v: isinstance(v, str)):
        old = at[0][at[1]]
        at[0][at[1]] = one(
            rng, [*TEXTS, old + one(rng, list(TEXTS)), old * 2, old.upper(), old[:-1], old[::-1]]
        )


def judgement(rng: Rng, tree: Tree) -> None:
    """Another probability, interval or word in the place of one: mostly valid."""

    def holds(v: Any) -> bool:
        pair = isinstance(v, list) and len(v) == 2 and all(isinstance(x, float) for x in v)
        return v in WORDS if isinstance(v, str) else pair or isinstance(v, float)

    if at := some(rng, tree, holds):
        low, high = sorted(float(x) for x in rng.uniform(0, 1, 2))
        new = [one(rng, list(WORDS)), low, [low, high], [high, low], one(rng, list(INTERVALS)), {"otherwise": low},
               {"held": low, "not_held": high}, float(rng.uniform(0, 1e-3)), "Likley"]  # fmt: skip
        at[0][at[1]] = copy.deepcopy(one(rng, new))


def reverse(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree, lambda v: isinstance(v, list) and len(v) > 1):
        at[0][at[1]].reverse()


def same_id(rng: Rng, tree: Tree) -> None:
    ids = [(a, k) for a, k in places(tree) if k == "id"]
    if ids:
        (a, i), (b, j) = one(rng, ids), one(rng, ids)
        a[i] = copy.deepcopy(b[j])  # it may be a table that holds the other


def dangle(rng: Rng, tree: Tree) -> None:
    """A name that refers to something refers to something else, or to nothing."""
    known = (
        "given",
        "bears_on",
        "part_of",
        "type",
        "answers",
        "source",
        "via",
        "document",
        "origin",
        "of",
        "id",
    )
    names = [(a, k) for a, k in places(tree) if k in known and isinstance(a[k], str)]
    if names:
        (a, i), (b, j) = one(rng, names), one(rng, names)
        a[i] = one(rng, [b[j], "nobody", a[i][:-1], a[i] + "s", [a[i], b[j]]])


def repeat(rng: Rng, tree: Tree) -> None:
    """An entry that stands there twice, or two hundred times."""
    if at := some(rng, tree, lambda v: isinstance(v, list) and bool(v)):
        entries = at[0][at[1]]
        times = int(one(rng, [1, 1, 1, 200]))
        entries[:] = [*entries, *(copy.deepcopy(one(rng, entries)) for _ in range(times))]


def nest(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree):
        value = at[0][at[1]]
        for _ in range(int(one(rng, [1, 1, 2, 40]))):
            value = one(rng, [[value], {"x": value}, {"id": value}])
        at[0][at[1]] = value


def graft(rng: Rng, tree: Tree) -> None:
    """What stands in one place, copied to another."""
    a, b = some(rng, tree), some(rng, tree)
    if a and b and len(literal(tree)) < 200_000:
        b[0][b[1]] = copy.deepcopy(a[0][a[1]])


def borrow(rng: Rng, tree: Tree) -> None:
    """A key that some other table has."""
    tables = [tree, *(a[k] for a, k in places(tree) if isinstance(a[k], dict))]
    whence = one(rng, tables)
    if whence:
        name = one(rng, list(whence))
        one(rng, tables)[name] = copy.deepcopy(whence[name])


def shuffle(rng: Rng, tree: Tree) -> None:
    if at := some(rng, tree, lambda v: isinstance(v, list) and len(v) > 1):
        rng.shuffle(at[0][at[1]])


TREE = (delete, rename, retype, number, date, words, judgement, judgement, reverse, same_id, dangle, repeat,
        nest, graft, borrow, shuffle, date, number)  # fmt: skip
MILD = (judgement, judgement, judgement, number, date, shuffle)
"""After these a file is often valid still: then its numbers are looked at."""

# --- what is done to the bytes ---


def harm(rng: Rng, text: str) -> bytes:
    """The file as a careless editor, a broken copy or a bad day leaves it."""
    data = text.encode("utf-8", "replace")
    at = int(rng.integers(len(data) + 1))
    lines = text.splitlines(True) or [""]
    n = int(rng.integers(len(lines)))
    sign = one(
        rng, [*"\"{}[]=#,.'\\\r\n\x00\x7f\u2028", "“", "[[", "]]", "'''", '"""', "\ufeff", "= =", "\r"]
    )
    made: list[Callable[[], bytes]] = [
        lambda: data[:at],
        lambda: data[at:],
        lambda: data[:at] + bytes(rng.integers(0, 256, int(rng.integers(1, 9)), dtype=np.uint8)) + data[at:],
        lambda: data[:at] + sign.encode() + data[at:],
        lambda: data[:at] + data[at + 1 :],
        lambda: text.encode("utf-16"),
        lambda: text.encode("utf-16-le"),
        lambda: text.encode("utf-32"),
        lambda: (text + "# à\n").encode("latin-1", "replace"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + data,
        lambda: text.replace("\n", "\r\n").encode("utf-8", "replace"),
        lambda: text.replace("\n", "\r").encode("utf-8", "replace"),
        lambda: "".join([*lines[:n], *lines[n + 1 :]]).encode("utf-8", "replace"),
        lambda: "".join([*lines[: n + 1], *lines[n:]]).encode("utf-8", "replace"),
        lambda: text.replace("{ ", "{\n", 1).encode("utf-8", "replace"),
        lambda: text.replace(", ", ",\n", 3).encode("utf-8", "replace"),
        lambda: text.replace(" }", ", }", 1).encode("utf-8", "replace"),
        lambda: text.replace('"', "“", 2).encode("utf-8", "replace"),
        lambda: text.replace(" = ", " : ", 1).encode("utf-8", "replace"),
        lambda: text.replace("true", "True", 1).replace("-01", "-1", 1).encode("utf-8", "replace"),
        lambda: data + b"x = " + b"[" * 5000,
        lambda: data + b"x = " + b"{ a = " * 900 + b"1" + b" }" * 900,
        lambda: data + b"x = " + b"9" * 6000,
        lambda: data + b"a." * 2000 + b"b = 1",
        lambda: data + b"\n[question]\n",
        lambda: b"",
        lambda: b"\x00" * 100,
    ]  # fmt: skip
    return one(rng, made)()
