"""Arithmetic with names, evaluated without `eval`: numbers, names, + - * / and brackets."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Mapping

from nasrepro.suite.errors import NasreproError

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def names_in(formula: str) -> set[str]:
    """The names that a formula uses.

    Raises:
        NasreproError: it is no arithmetic.
    """
    return {node.id for node in ast.walk(_parsed(formula)) if isinstance(node, ast.Name)}


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """The formula's value where `values` gives each of its names a number.

    Raises:
        NasreproError: it is no arithmetic, a name has no value, or it divides by zero.
    """

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp):
            return _BINARY[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        if isinstance(node, ast.Name):
            return values[node.id]
        assert isinstance(node, ast.Constant)
        return float(node.value)  # type: ignore[arg-type]

    body = _parsed(formula)
    try:
        return value(body)
    except KeyError as error:
        raise NasreproError(
            f"formula {formula!r}: {error.args[0]} has no value (there are: {', '.join(values)})"
        ) from error
    except ZeroDivisionError as error:
        raise NasreproError(f"formula {formula!r} divides by zero") from error


def bounds(
    formula: str, values: Mapping[str, float], within: Mapping[str, float]
) -> tuple[float, float]:
    """The least and the greatest value where each number lies within `within` of its value.

    Taken over the corners: exact for formulas that rise or fall in each name, which +, -, * and /
    do away from zero.
    """
    corners = itertools.product(
        *((values[name] - within[name], values[name] + within[name]) for name in values)
    )
    found = [evaluate(formula, dict(zip(values, corner, strict=True))) for corner in corners]
    return min(found), max(found)


def half_digit(value: float) -> float:
    """Half a unit of the last digit that a published number is written with.

    0.05 for 6.9, 0.5 for 384.
    """
    _, _, digits = f"{value:.10g}".partition(".")
    return 0.5 * 10.0 ** -len(digits)


def _parsed(formula: str) -> ast.expr:
    try:
        body = ast.parse(formula.strip(), mode="eval").body
    except SyntaxError as error:
        raise NasreproError(f"formula {formula!r} is not arithmetic: {error.msg}") from error
    for node in ast.walk(body):
        good = (
            (isinstance(node, ast.BinOp) and type(node.op) in _BINARY)
            or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub))
            or (isinstance(node, ast.Constant) and type(node.value) in (int, float))
            or isinstance(node, ast.Name | ast.operator | ast.unaryop | ast.expr_context)
        )
        if not good:
            raise NasreproError(
                f"formula {formula!r}: {type(node).__name__} is not allowed; use numbers, names, "
                f"+ - * / and brackets"
            )
    return body
