"""Judgements: the scale of words, the Beta behind an interval, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from forecast.judgement import (
    GRADES,
    WORDS,
    Judgement,
    JudgementField,
    did_you_mean,
    draw,
    fit_beta,
    means,
    parse_judgement,
    quantile,
    spanning,
    word_for,
    written,
)

# --- reading ---

READ = [
    # value, low, high, word, as a person reads it
    ("likely", 0.55, 0.80, "likely", "likely (55-80 %)"),
    # case and spaces are forgiven
    ("  Very   Unlikely ", 0.05, 0.20, "very unlikely", "very unlikely (5-20 %)"),
    ([0.2, 0.45], 0.2, 0.45, None, "20-45 %"),
    ((0.125, 0.5), 0.125, 0.5, None, "12.5-50 %"),
    # a plain number is certain
    (0.6, 0.6, 0.6, None, "0.6"),
]


@pytest.mark.parametrize(("value", "low", "high", "word", "shown"), READ)
def test_reading(value: Any, low: float, high: float, word: str | None, shown: str) -> None:
    j = parse_judgement(value)
    assert (j.low, j.high, j.word) == (low, high, word)
    assert j.certain == (low == high)
    assert str(j) == shown
    assert parse_judgement(written(j)) == j
    assert parse_judgement(j) is j


REFUSED = [
    # nothing is impossible or certain
    (0, "between 0 and 1, both excluded"),
    (1, "between 0 and 1, both excluded"),
    (1.0, "between 0 and 1, both excluded"),
    (-0.2, "between 0 and 1, both excluded"),
    (60, "between 0 and 1, both excluded"),
    (float("nan"), "between 0 and 1, both excluded"),
    (float("inf"), "between 0 and 1, both excluded"),
    ([0, 0.5], "ends of an interval lie between 0 and 1"),
    ([0.5, 1], "ends of an interval lie between 0 and 1"),
    ([float("nan"), 0.5], "ends of an interval lie between 0 and 1"),
    # intervals have an order and a width
    ([0.5, 0.2], "the low end of an interval comes first"),
    ([0.5, 0.5], "the low end of an interval comes first"),
    # ends for which no Beta is found
    ([1e-300, 0.5], "no distribution fits ends so near to each other, or to 0 or 1"),
    ([0.5, 1 - 1e-13], "no distribution fits ends so near"),
    ([0.5, 0.5 + 1e-9], "no distribution fits ends so near"),
    # a word with a slip gets the nearest one, and all that there are
    ("likly", 'did you mean "likely"\\?'),
    ("almost certian", 'did you mean "almost certain"\\?'),
    ("zzz", "no such word of probability; the words are remote, very unlikely, unlikely"),
    ("0.6", "no such word of probability"),
    ("", "no such word of probability"),
    # neither word, number nor interval
    ([0.5], "expected a word such as 'likely', a number such as 0.6, or an interval"),
    ([0.1, 0.2, 0.3], "expected a word"),
    ([], "expected a word"),
    (["likely", 0.9], "expected a word"),
    ([True, False], "expected a word"),
    (True, "expected a word"),
    (None, "expected a word"),
    ({"likely": 1}, "expected a word"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_what_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_judgement(value)


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0.2, 0.6, (0.2, 0.6)),
        (0.3, 0.3, (0.3, 0.3)),  # a number stays one
        (0.5, 0.5 + 2e-10, (0.5 + 1e-10, 0.5 + 1e-10)),  # hardly an interval: its middle
        (1e-200, 0.4, (1e-12, 0.4)),  # ends that no Beta has
    ],
)
def test_ends_that_were_computed_have_a_mean(low: float, high: float, ends: tuple[float, float]) -> None:
    made = spanning(low, high)
    assert (made.low, made.high) == pytest.approx(ends, rel=1e-15)
    assert low <= float(means([made])[0]) <= high


def test_schema_says_what_is_accepted() -> None:
    import jsonschema

    schema = TypeAdapter(JudgementField).json_schema()
    for value, *_ in READ[2:3] + READ[4:]:
        jsonschema.validate(value, schema)
    for word in WORDS:
        jsonschema.validate(word, schema)
    for value in (0, 1.5, [0.1], "likly", [0, 0.5], None):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, schema)


# --- words ---

BORDERS = [
    # inside, at the ends of the scale, beyond them, and where two words meet: the higher one
    (0.03, "remote"),
    (0.01, "remote"),
    (0.0, "remote"),
    (0.05, "very unlikely"),
    (0.0449999, "remote"),
    (0.0450001, "very unlikely"),
    (0.20, "unlikely"),
    (0.45, "roughly even"),
    (0.50, "roughly even"),
    (0.55, "likely"),
    (0.5449999, "roughly even"),
    (0.545, "likely"),
    (0.80, "very likely"),
    (0.95, "almost certain"),
    (0.99, "almost certain"),
    (1.0, "almost certain"),
]


@pytest.mark.parametrize(("p", "word"), BORDERS)
def test_word_for_a_probability(p: float, word: str) -> None:
    assert word_for(p) == word


def test_words_are_icd_203() -> None:
    # the ranges meet, and leave out only what is under 1 and over 99 per cent
    ends = list(WORDS.values())
    assert [high for _, high in ends[:-1]] == [low for low, _ in ends[1:]]
    assert (ends[0][0], ends[-1][1]) == (0.01, 0.99)
    # mirrored around one half
    assert [(round(1 - h, 2), round(1 - lo, 2)) for lo, h in reversed(ends)] == ends


def test_grades_are_ordered_and_unknown_is_between() -> None:
    # the letters' order, with F (cannot be judged) between C and D
    assert [g for g, _ in sorted(GRADES.items(), key=lambda x: x[1])] == list("ABCFDE")
    assert all(0 < phi < 1 for phi in GRADES.values())


# --- the Beta of an interval ---


def test_fit_beta_has_the_quantiles_on_random_intervals() -> None:
    rng = np.random.default_rng(3)
    low, high = np.sort(rng.uniform(0.005, 0.995, (2, 500)), axis=0)
    keep = high - low > 0.003
    low, high = low[keep], high[keep]
    a, b = fit_beta(low, high)
    assert stats.beta.cdf(low, a, b) == pytest.approx(0.05, abs=1e-8)
    assert stats.beta.cdf(high, a, b) == pytest.approx(0.95, abs=1e-8)
    assert stats.beta.ppf(0.05, a, b) == pytest.approx(low, abs=1e-8)
    assert stats.beta.ppf(0.95, a, b) == pytest.approx(high, abs=1e-8)


EXTREMES = [
    # low, high
    (0.001, 0.999),  # knows nothing: a bathtub
    (0.001, 0.002),
    (0.998, 0.999),
    (0.4999, 0.5001),  # all but certain
    (0.0001, 0.5),
    (0.5, 0.9999),
    (0.01, 0.99),
]


@pytest.mark.parametrize(("low", "high"), EXTREMES)
def test_fit_beta_at_extremes(low: float, high: float) -> None:
    a, b = fit_beta([low], [high])
    assert stats.beta.cdf([low, high], a, b) == pytest.approx([0.05, 0.95], abs=1e-8)


KNOWN = [
    # low, high, a, b: Beta distributions whose quantiles have a closed form; the uniform first
    (0.05, 0.95, 1.0, 1.0),
    # Beta(2, 1) has distribution function x^2, Beta(1, 3) has 1 - (1 - x)^3
    (0.05**0.5, 0.95**0.5, 2.0, 1.0),
    (1 - 0.95 ** (1 / 3), 1 - 0.05 ** (1 / 3), 1.0, 3.0),
    # arcsine: (2/pi) asin sqrt x
    (np.sin(0.05 * np.pi / 2) ** 2, np.sin(0.95 * np.pi / 2) ** 2, 0.5, 0.5),
]


@pytest.mark.parametrize(("low", "high", "a", "b"), KNOWN)
def test_fit_beta_in_closed_form(low: float, high: float, a: float, b: float) -> None:
    assert np.ravel(fit_beta([low], [high])) == pytest.approx([a, b], rel=1e-8)


def test_fit_beta_is_symmetric_and_keeps_order() -> None:
    low, high = [0.1, 0.3, 0.3, 0.6], [0.2, 0.3, 0.7, 0.61]
    a, b = fit_beta(low, high)
    mirrored_b, mirrored_a = fit_beta(1 - np.array(high), 1 - np.array(low))
    assert a == pytest.approx(mirrored_a, rel=1e-7)
    assert b == pytest.approx(mirrored_b, rel=1e-7)
    # an interval without width is certain, and the same interval has one fit wherever it stands
    assert np.isinf(a).tolist() == [False, True, False, False]
    assert np.array_equal(fit_beta(low[::-1], high[::-1])[0], a[::-1])
    assert all(x.shape == (0,) for x in fit_beta([], []))


intervals = st.tuples(st.floats(0.01, 0.98), st.floats(0.01, 0.98)).map(sorted).filter(
    lambda x: x[1] - x[0] > 0.002
)  # fmt: skip


@given(st.lists(intervals, min_size=1, max_size=5))
def test_means_and_quantiles_are_those_of_scipy(ends: list[list[float]]) -> None:
    judgements = [Judgement(low, high) for low, high in ends]
    a, b = fit_beta(*np.transpose(ends))
    assert means(judgements) == pytest.approx(stats.beta.mean(a, b), rel=1e-10)
    assert quantile(judgements, 0.05) == pytest.approx(np.array(ends)[:, 0], abs=1e-7)
    assert quantile(judgements, 0.95) == pytest.approx(np.array(ends)[:, 1], abs=1e-7)
    assert quantile(judgements, 0.3) == pytest.approx(stats.beta.ppf(0.3, a, b), abs=1e-10)


def test_means_and_quantiles_of_numbers_are_the_numbers() -> None:
    mixed = [parse_judgement(x) for x in (0.3, "likely", 0.9)]
    m = means(mixed)
    assert (m[0], m[2]) == (0.3, 0.9)
    assert 0.55 < m[1] < 0.80
    for q in (0.05, 0.5, 0.95):
        assert quantile(mixed, q)[[0, 2]].tolist() == [0.3, 0.9]
    assert means([]).shape == (0,)


def test_draws_are_from_the_fitted_beta() -> None:
    judgements = [parse_judgement(x) for x in ("likely", 0.3, [0.01, 0.6], "remote")]
    draws = draw(judgements, 20_000, np.random.default_rng(5))
    assert draws.shape == (4, 20_000)
    assert np.all(draws[1] == 0.3)
    assert np.all((draws > 0) & (draws < 1))
    a, b = fit_beta([j.low for j in judgements], [j.high for j in judgements])
    for i in (0, 2, 3):
        error = stats.beta.std(a[i], b[i]) / np.sqrt(20_000)
        assert abs(draws[i].mean() - means(judgements)[i]) < 4 * error
        # Kolmogorov's distance, against its 0.1 per mille point
        assert stats.kstest(draws[i], stats.beta(a[i], b[i]).cdf).statistic < 2.2 / np.sqrt(20_000)
    assert abs(np.corrcoef(draws[[0, 2, 3]])[np.triu_indices(3, 1)]).max() < 0.03


def test_draws_follow_the_seed() -> None:
    js = [parse_judgement("likely"), parse_judgement([0.1, 0.3])]
    once, again, other = (draw(js, 5, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


NEAR = [
    # name, known, what is suggested
    ("damascus_wiling", ["damascus_willing", "khatib"], '; did you mean "damascus_willing"?'),
    ("xyz", ["damascus_willing"], ""),
    ("a", [], ""),
]


@pytest.mark.parametrize(("name", "known", "hint"), NEAR)
def test_did_you_mean(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint
