"""Judgements: how an elicited probability is written, and what it is worth.

A judgement is written as a word of the ICD 203 scale, as an interval or as a
number. A word is an interval. An interval is a central 90 % interval and is
read as a Beta distribution; a number is certain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from scipy.special import betainc, betaincinv, ndtri

WORDS: dict[str, tuple[float, float]] = {
    "remote": (0.01, 0.05),
    "very unlikely": (0.05, 0.20),
    "unlikely": (0.20, 0.45),
    "roughly even": (0.45, 0.55),
    "likely": (0.55, 0.80),
    "very likely": (0.80, 0.95),
    "almost certain": (0.95, 0.99),
}
"""Words of the US Intelligence Community Directive 203 (2015), each with its range."""

GRADES: dict[str, float] = {"A": 0.03, "B": 0.10, "C": 0.25, "D": 0.55, "E": 0.90, "F": 0.40}
"""Admiralty grade of a source -> phi, the probability of its report when the event did
not happen relative to when it did. A judgement: no calibration of the grades against
truth has been published."""

COVERAGE = 0.90
"""Central coverage of every elicited interval."""
_TAIL = (1 - COVERAGE) / 2
_MANY = 300
_NEAREST, _NARROWEST = 1e-12, 1e-6
"""To 0 or 1, and relative to it: beyond, no Beta with these ends is found in floating point."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """An elicited probability.

    Parameters
    ----------
    low, high : float
        Central 90 % interval, 0 < low <= high < 1. Equal ends mean a certain number.
    word : str or None
        The word it was written as.
    """

    low: float
    high: float
    word: str | None = None

    @property
    def certain(self) -> bool:
        return self.low == self.high

    def __str__(self) -> str:
        if self.certain:
            return f"{self.low:g}"
        span = f"{100 * self.low:g}-{100 * self.high:g} %"
        return f"{self.word} ({span})" if self.word else span


def parse_judgement(value: Any) -> Judgement:
    """Read a judgement as it stands in a case file.

    Parameters
    ----------
    value : str, float or [float, float]
        A word of the scale, a number, or a central 90 % interval, inside (0, 1).

    Raises
    ------
    ValueError
        With what was expected, if `value` is none of these.
    """
    if isinstance(value, Judgement):
        return value
    if isinstance(value, str):
        word = " ".join(value.lower().split())
        if word in WORDS:
            return Judgement(*WORDS[word], word=word)
        hint = did_you_mean(word, WORDS) or f"; the words are {', '.join(WORDS)}"
        raise ValueError(f"no such word of probability{hint}")
    if _is_number(value):
        if not 0 < value < 1:
            raise ValueError("a probability lies between 0 and 1, both excluded: " + (_per_cent(value)
                             or "nothing that is asked about is impossible or certain"))  # fmt: skip
        return Judgement(float(value), float(value))
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value)):
        low, high = map(float, value)
        if not 0 < low < 1 or not 0 < high < 1:
            raise ValueError("the ends of an interval lie between 0 and 1, both excluded"
                             + (f": {hint}" if (hint := _per_cent(low, high)) else ""))  # fmt: skip
        if not low < high:
            raise ValueError("the low end of an interval comes first and is the smaller one")
        if _narrow(low, high) or low < _NEAREST or high > 1 - _NEAREST:
            raise ValueError("no distribution fits ends so near to each other, or to 0 or 1; "
                             "what is certain is written as one number")  # fmt: skip
        return Judgement(low, high)
    raise ValueError("expected a word such as 'likely', a number such as 0.6, "
                     "or an interval such as [0.5, 0.7]")  # fmt: skip


def _per_cent(*numbers: float) -> str:
    """How numbers that look like per cent are written."""
    if not all(2 <= x < 100 for x in numbers):
        return ""
    first, *rest = (f"{x / 100:g}" for x in numbers)
    return (
        f"{numbers[0]:g} per cent is written {first}"
        if not rest
        else f"per cent are written [{first}, {rest[0]}]"
    )


def spanning(low: float, high: float) -> Judgement:
    """The judgement with ends that were computed: a number where they are too near for a Beta."""
    if low == high:
        return Judgement(low, high)
    low, high = max(low, _NEAREST), min(high, 1 - _NEAREST)
    if _narrow(low, high):
        low = high = (low + high) / 2
    return Judgement(low, high)


def _narrow(low: float, high: float) -> bool:
    return high - low < _NARROWEST * min(high, 1 - low)


def written(judgement: Judgement) -> str | float | list[float]:
    """The judgement in the form of the case file."""
    if judgement.word:
        return judgement.word
    return judgement.low if judgement.certain else [judgement.low, judgement.high]


def word_for(probability: float) -> str:
    """The word of the scale whose range holds `probability`; beyond the ends, the last word.

    Of the whole per cents that are shown beside it: 44.6 % is shown as 45 %, and is roughly even.
    """
    probability = math.floor(100 * probability + 0.5) / 100
    for word, (_, high) in WORDS.items():
        if probability < high:
            return word
    return "almost certain"


_UNIT = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
JudgementField = Annotated[
    Judgement,
    PlainValidator(parse_judgement),
    PlainSerializer(written),
    WithJsonSchema(
        {
            "description": "A word of ICD 203, a central 90 % interval, or a certain number.",
            "anyOf": [
                {"enum": list(WORDS)},
                _UNIT,
                {"type": "array", "items": _UNIT, "minItems": 2, "maxItems": 2},
            ],
        }
    ),
]


def fit_beta(low: ArrayLike, high: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """The Beta distributions whose 5 % and 95 % points are `low` and `high`.

    Parameters
    ----------
    low, high : array_like, shape (n,)
        Inside (0, 1). Where they are equal, both parameters are infinite.

    Returns
    -------
    a, b : ndarray, shape (n,)

    Notes
    -----
    Newton's method in (log a, log b), all intervals at once; the residual is taken on the
    normal scale, where it is nearly linear. `tests/test_judgement.py` compares with SciPy.
    """
    low, high = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    a, b = np.full(low.shape, np.inf), np.full(low.shape, np.inf)
    wide = low < high
    if not wide.any():
        return a, b
    # each distinct interval once: a case repeats the seven words many times
    ends, where = np.unique(np.stack([low[wide], high[wide]]), axis=1, return_inverse=True)
    middle = ends.mean(0)
    spread = (ends[1] - ends[0]) / (2 * ndtri(1 - _TAIL))
    size = np.maximum(middle * (1 - middle) / spread**2 - 1, 0.2)
    x = np.log(np.stack([middle * size, (1 - middle) * size]))
    target = ndtri([[_TAIL], [1 - _TAIL]])

    def miss(x: NDArray[Any]) -> NDArray[Any]:
        p = betainc(np.exp(x[0]), np.exp(x[1]), ends)
        return np.asarray(ndtri(np.clip(p, 1e-300, 1 - 1e-16)) - target)

    step = 1e-6
    for _ in range(60):
        f = miss(x)
        if np.abs(f).max() < 1e-11:
            break
        da, db = ((miss(x + step * unit) - f) / step for unit in np.eye(2)[:, :, None])
        det = da[0] * db[1] - da[1] * db[0]
        move = np.stack([f[0] * db[1] - f[1] * db[0], f[1] * da[0] - f[0] * da[1]]) / det
        x = x - np.clip(move, -1, 1)
    a[wide], b[wide] = np.exp(x[0])[where], np.exp(x[1])[where]
    return a, b


def means(judgements: Iterable[Judgement]) -> NDArray[Any]:
    """Means of the judgements' distributions, shape (n,)."""
    low, high = _ends(judgements)
    a, b = fit_beta(low, high)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isinf(a), low, a / (a + b)))


def sampler(
    judgements: Iterable[Judgement],
) -> Callable[[int, np.random.Generator], NDArray[Any]]:
    """A function of a size and a generator that gives independent draws, shape (n, size)."""
    low, high = _ends(judgements)
    a, b = fit_beta(low, high)
    wide = np.isfinite(a)

    def take(size: int, rng: np.random.Generator) -> NDArray[Any]:
        draws = np.repeat(low[:, None], size, axis=1)
        draws[wide] = rng.beta(a[wide, None], b[wide, None], (int(wide.sum()), size))
        # the ends belong to no judgement, but floating point can round a draw to them
        return np.asarray(np.clip(draws, 1e-300, 1 - 1e-16))

    return take


def draw(judgements: Iterable[Judgement], size: int, rng: np.random.Generator) -> NDArray[Any]:
    """Independent draws of the judgements, shape (n, size)."""
    return sampler(judgements)(size, rng)


def quantile(judgements: Iterable[Judgement], q: float) -> NDArray[Any]:
    """The `q` quantiles of the judgements' distributions, shape (n,)."""
    low, high = _ends(judgements)
    a, b = fit_beta(low, high)
    wide = np.isfinite(a)
    at = betaincinv(np.where(wide, a, 1), np.where(wide, b, 1), q)
    return np.asarray(np.where(wide, at, low))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the known name nearest to `name`, or nothing."""
    names = tuple(known)
    if len(names) > _MANY:  # to compare all with all would take minutes
        names = tuple(x for x in names if x[:2] == name[:2])
    return _nearest(name, names) if len(names) <= _MANY else ""


@lru_cache(maxsize=1000)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def _ends(judgements: Iterable[Judgement]) -> tuple[NDArray[Any], NDArray[Any]]:
    pairs = np.array([(j.low, j.high) for j in judgements], float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
