"""The arithmetic of formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasrepro.suite.claims.formula import bounds, evaluate, half_digit, names_in
from nasrepro.suite.errors import NasreproError

pytestmark = pytest.mark.usefixtures("few_seeds_count")


def test_formulas():
    assert evaluate("100 * (1 - ours / theirs)", {"ours": 3.6, "theirs": 6.9}) == pytest.approx(
        47.826, abs=1e-3
    )
    assert evaluate("-a + 2", {"a": 0.5}) == 1.5
    assert names_in("a * (b - 1) / a") == {"a", "b"}
    assert bounds("a / b", {"a": 10, "b": 5}, {"a": 1, "b": 1}) == (9 / 6, 11 / 4)
    assert [half_digit(value) for value in (6.9, 384, 0.45, 1.5)] == pytest.approx(
        [0.05, 0.5, 0.005, 0.05]
    )


@given(
    st.lists(st.integers(-9, 9), min_size=3, max_size=3),
    st.sampled_from(["a + b * c", "(a - b) * c", "a - b - c", "-a * (b + c)"]),
)
def test_formulas_are_pythons_arithmetic(numbers, formula):
    values = dict(zip("abc", map(float, numbers), strict=True))
    assert evaluate(formula, values) == eval(formula, {}, values)


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os')",
        "a.real",
        "a ** 9",
        "a[0]",
        "f(1)",
        "1 if a else 2",
        "'a'",
        "a, a",
        "a <",
        "True",
    ],
)
def test_a_formula_is_arithmetic_or_refused(formula):
    with pytest.raises(NasreproError, match="formula"):
        evaluate(formula, {"a": 1.0})


def test_a_formula_without_a_value_says_so():
    with pytest.raises(NasreproError, match="b has no value"):
        evaluate("a / b", {"a": 1.0})
    with pytest.raises(NasreproError, match="divides by zero"):
        evaluate("a / b", {"a": 1.0, "b": 0.0})
