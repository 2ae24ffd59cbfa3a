"""Fuzz the files of a case: `python -m benchmarks.fuzz [N] [--seed S]`, in the project's folder.

Valid files are read into their tree of values, changed by what people and editors do to files,
written and loaded. Every input must either load, and then give probabilities that are coherent and,
where the case is small, those of brute force; or be refused with clean messages. Input number `i`
depends on the seed and `i` alone: what is found can be made again.
"""

# ruff: noqa: E402 (the tests lend their makers of cases, and lie in no package)

from __future__ import annotations

import argparse
import datetime as dt
import faulthandler
import json
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

PROJECT = Path(__file__).parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

from enumeration import MOST_AXES, enumerate_worlds, random_case
from test_resolution import RESOLUTION
from wrong_files import CASE, EVENTS

import forecast
from benchmarks.mutating import MILD, TREE, Rng, Tree, harm, one, toml
from forecast.case import Case
from forecast.loading import CaseError, load
from forecast.pooling import analysts, pool
from forecast.resolution import load_resolution

SECONDS = 20
"""Most that one input may take."""
LONGEST_MESSAGE = 400
MEMORY = 6 * 2**30

# --- inputs ---

ANALYST = """
label = "A second opinion"
weight = 2.0
[[judgements]]
of = "soon: share"
value = [0.1, 0.3]
why = "x"
[[judgements]]
of = "guild: willing.held"
value = "roughly even"
why = "x"
[[judgements]]
of = "house_let: if true"
value = 0.5
why = "x"
"""
NAMES = ("case.toml", "events.toml", "resolution.toml", "analysts/other.toml")
SMALL = {
    "case.toml": CASE,
    # the shipped rubric and outlets in place of those of the tests
    "events.toml": EVENTS.replace('"declaration"', '"statement_of_readiness"').replace('"wire"', '"reuters"'),
    "resolution.toml": RESOLUTION,
    "analysts/other.toml": ANALYST,
}  # fmt: skip


def random_files(rng: Rng) -> dict[str, Tree]:
    """A random valid case in its two files."""
    made = random_case(rng)
    dumped = json.loads(
        made.model_dump_json(exclude_none=True, exclude_defaults=True), parse_float=float
    )
    tree: Tree = days(dumped)
    for k in ("name", "event_types"):
        tree.pop(k, None)
    events = tree.pop("events", [])
    for e in events:
        if "type" in e:
            e["type"] = "statement_of_readiness" if e["type"] == "speaks_for" else "refusal"
    return {"case.toml": tree, "events.toml": {"events": events}}


def days(value: Any) -> Any:
    """JSON with its dates as dates."""
    if isinstance(value, dict):
        return {k: days(v) for k, v in value.items()}
    if isinstance(value, list):
        return [days(v) for v in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return dt.date.fromisoformat(value)
    return value


def originals(rng: Rng, kind: str) -> dict[str, Tree]:
    if kind == "random":
        return random_files(rng)
    if kind == "small":
        return {name: tomllib.loads(text) for name, text in SMALL.items()}
    folder = forecast.loading.seeds() / kind
    out = {n: tomllib.loads((folder / n).read_text("utf-8")) for n in NAMES[:3] if (folder / n).exists()}
    second = sorted((folder / "analysts").glob("*.toml"))
    if second:
        out[NAMES[3]] = tomllib.loads(one(rng, second).read_text("utf-8"))
    return out


@dataclass(frozen=True)
class Mutant:
    """The files of one input, and what was done to make them."""

    kind: str
    files: dict[str, bytes]
    done: tuple[str, ...]
    others: tuple[Path, ...] = field(default=())

    def write(self, folder: Path) -> None:
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for path in self.others:
            (folder / path.name).write_bytes(path.read_bytes())


def mutant(seed: int, i: int) -> Mutant:
    """Input number `i`: the first of a hundred are as valid as they were."""
    rng = np.random.default_rng([seed, i])
    kind = str(rng.choice(["small", "random", "shipped"], p=[0.5, 0.44, 0.06]))
    if kind == "shipped":
        kind = one(rng, forecast.shipped())
    trees = originals(rng, kind)
    chance = {"case.toml": 0.5, "events.toml": 0.3, "resolution.toml": 0.1, "analysts/other.toml": 0.1}
    p = np.array([chance[n] for n in trees])
    done, changes = [], MILD if rng.random() < 0.45 else TREE
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.02, 0.6, 0.25, 0.13]))):
        name = str(rng.choice(list(trees), p=p / p.sum()))
        change = changes[int(rng.integers(len(changes)))]
        change(rng, trees[name])
        done.append(f"{name}: {change.__name__}")
    inline = bool(rng.random() < 0.2)
    # Python will not print a number of more than 4300 digits
    sys.set_int_max_str_digits(0)
    texts = {name: toml(tree, inline) for name, tree in trees.items()}
    sys.set_int_max_str_digits(4300)
    files = {name: text.encode("utf-8", "replace") for name, text in texts.items()}
    if rng.random() < 0.2:
        name = str(rng.choice(list(trees), p=p / p.sum()))
        files[name] = harm(rng, texts[name])
        done.append(f"{name}: bytes")
    fit = forecast.loading.seeds() / kind / "fit.json"
    return Mutant(kind, files, tuple(done), (fit,) if fit.exists() else ())


# --- what must hold ---

LEAKS = ("Traceback", "validation error", "Input should be", "Value error", "pydantic", "dictionary", "NoneType",
         "object at 0x", "Error(", "KeyError", "TypeError", "constrained-str")  # fmt: skip


class Wrong(AssertionError):
    """A law that an input breaks."""


def require(good: bool, what: str) -> None:
    if not good:
        raise Wrong(what)


def check_messages(error: CaseError, folder: Path) -> None:
    require(bool(error.problems), "refused without a problem")
    for problem in error.problems:
        text = str(problem)
        require(text.isprintable(), f"control characters: {text!r}")
        require(len(text) <= LONGEST_MESSAGE, f"{len(text)} characters: {text[:200]}")
        require(
            bool(problem.message) and problem.file.endswith((".toml", "fit.json")),
            f"no place or no message: {text!r}",
        )
        for leak in LEAKS:
            if leak in text:  # unless the file says so itself
                planted = any(leak.encode() in p.read_bytes() for p in folder.rglob("*.toml"))
                require(planted, f"not in the user's words: {text}")


def check_forecast(case: Case) -> bool:
    """Whether brute force was at hand to compare with."""
    f = forecast.update(case, draws=0)
    by = f.held.probability.values
    ever = float(f.ever.probability)
    every = [by, f.held.prior.values, f.opening.probability.values, f.scenarios.probability.values,
             f.indicators.probability.values, f.indicators.prior.values, f.actors.by.values,
             f.actors.given_held.values, f.actors.prior.values]  # fmt: skip
    for values in every:
        require(bool(np.isfinite(values).all()), "not finite")
        require(bool(((values >= 0) & (values <= 1 + 1e-9)).all()), f"no probability: {values}")
    require(abs(float(f.scenarios.probability.sum()) - 1) < 1e-9, "scenarios do not add up to 1")
    require(abs(float(f.opening.probability.sum()) - ever) < 1e-9, "days do not add up to ever")
    held = sum(p for s, p in zip(case.scenarios, f.scenarios.probability.values, strict=True) if s.held)
    require(abs(float(held) - ever) < 1e-9, "held scenarios do not add up to ever")
    require(
        bool((np.diff(by) >= -1e-12).all()) and by[-1] <= ever + 1e-9, "a later deadline is less likely"
    )
    json.dumps(f.to_dict(), allow_nan=False)
    shown = str(f)
    require(all(c.isprintable() or c == "\n" for c in shown), "control characters in the table")
    known = case.as_known(case.question.as_of)
    axes = len(case.indicators) + 2 * len(case.actors) + 2 * (len(known.events) + len(case.watch))
    if case.fit or axes > MOST_AXES:
        return False
    worlds = enumerate_worlds(case)
    if worlds.total() < 1e-250:
        return False
    near: Any = {"rtol": 1e-7, "atol": 1e-9}
    np.testing.assert_allclose(f.log_evidence, worlds.log_evidence, **near)
    np.testing.assert_allclose(f.scenarios.probability, worlds.scenario(), **near)
    np.testing.assert_allclose(by, [worlds.held(d) for d in case.question.deadlines], **near)
    np.testing.assert_allclose(
        f.indicators.probability, [worlds.node(x.id) for x in case.indicators], **near
    )
    if ever > 1e-12:
        comes = [worlds.attendance({a.id: True}) / worlds.held() for a in case.actors]
        np.testing.assert_allclose(f.actors.given_held, comes, **near)
    return True


def verdict(folder: Path) -> str:
    """What became of an input; raises where it breaks a law."""
    try:
        case = load(folder)
    except CaseError as e:
        check_messages(e, folder)
        return "refused"
    compared = check_forecast(case)
    if (folder / NAMES[2]).exists():
        try:
            load_resolution(case)
        except CaseError as e:
            check_messages(e, folder)
            return "resolution refused"
    try:
        views = analysts(case)
    except CaseError as e:
        check_messages(e, folder)
        return "analyst refused"
    if views:
        try:
            pooled = pool([a.case for a in views.values()], [a.weight for a in views.values()])
        except ValueError as e:
            require(str(e).startswith("pooled: ") and "\x1b" not in str(e), f"pool: {e}")
            return "pool refused"
        check_forecast(pooled)
    return "loaded, as brute force" if compared else "loaded"


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise `Wrong` where the block takes longer."""

    def late(*_: Any) -> None:
        raise Wrong(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(
    seed: int, numbers: range, folder: Path, seconds: float = SECONDS
) -> tuple[Counter[str], list[str]]:
    """Verdicts counted, and a line or more for each input that broke a law."""
    counts: Counter[str] = Counter()
    wrong = []
    for i in numbers:
        made = mutant(seed, i)
        place = folder / f"input_{i}"
        made.write(place)
        begin = time.perf_counter()
        try:
            with limit(seconds), np.errstate(all="ignore"):
                counts[verdict(place)] += 1
        except Exception as e:  # whatever it is, it is a finding
            where = traceback.extract_tb(e.__traceback__)[-1]
            wrong.append(f"input {i} of seed {seed} ({made.kind}; {', '.join(made.done)}): {type(e).__name__}: "
                         f"{str(e)[:600]} [{Path(where.filename).name}:{where.lineno}, "
                         f"{time.perf_counter() - begin:.1f} s]")  # fmt: skip
            counts["WRONG"] += 1
        for path in sorted(place.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        place.rmdir()
    return counts, wrong


CHUNK = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("n", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="the first input")
    parser.add_argument("--chunk", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    numbers = range(asked.start, asked.start + asked.n)
    if asked.chunk:
        # a process of its own: what neither Python nor an alarm can stop ends with its stack shown
        faulthandler.dump_traceback_later(CHUNK * 4, exit=True)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = run(asked.seed, numbers, Path(folder))
        print(json.dumps({"counts": counts, "wrong": wrong}))
        return 0
    begin, total, found = time.perf_counter(), Counter[str](), list[str]()
    for start in range(numbers.start, numbers.stop, CHUNK):
        size = min(CHUNK, numbers.stop - start)
        command = [sys.executable, "-m", "benchmarks.fuzz", str(size), "--seed", str(asked.seed),
                   "--start", str(start), "--chunk"]  # fmt: skip
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        told = {"counts": {}, "wrong": [f"inputs {start} to {start + size - 1}: the process ended with status "
                                        f"{done.returncode}:\n{done.stderr[-2000:]}"]}  # fmt: skip
        if not done.returncode:
            told = json.loads(done.stdout.splitlines()[-1])
        total.update(told["counts"])
        found += told["wrong"]
        for line in told["wrong"]:
            print(line, flush=True)
    print(f"{sum(total.values()):,} inputs in {time.perf_counter() - begin:.0f} s, seed {asked.seed}:")
    for what, n in total.most_common():
        print(f"  {n:6,} {what}")
    print(f"{len(found)} broke a law." if found else "None broke a law.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
