"""The conditions of a statement.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

#: A key has one value, or several; keys are in lower case.
Context = Mapping[str, str | Sequence[str]]

# Where a call comes from is not the same here as on AWS. Such a condition never refuses a call.
UNKNOWN_KEYS = {"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"}

VARIABLE = re.compile(r"\$\{([^}]*)\}")
LITERAL = {"*": "[*]", "?": "[?]", "$": "$"}


class UnknownVariableError(Exception):
    """A policy variable without a value: its statement does not apply."""


def many(value: Any) -> list[Any]:
    """Return a value of a policy as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def fill(text: str, context: Context) -> str:
    """Fill in the policy variables of a text.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

    Raises:
        UnknownVariableError: A variable has no value, and the text has no default for it.
    """

    def value(match: re.Match[str]) -> str:
        name, _, default = (part.strip() for part in match[1].partition(","))
        known = LITERAL.get(name) or context.get(name.lower()) or default.strip("'")
        if not known or not isinstance(known, str):
            raise UnknownVariableError(name)
        return known

    return VARIABLE.sub(value, text)


@lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    """Compile a pattern with * and ?; [*] and [?] are these two characters."""
    parts = re.split(r"(\[\*\]|\[\?\]|\*|\?)", text)
    known = {"*": ".*", "?": ".", "[*]": r"\*", "[?]": r"\?"}
    return re.compile(
        "".join(known.get(part, re.escape(part)) for part in parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    )


def matches(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """Whether a text matches a pattern with * and ?."""
    return _pattern(pattern, ignore_case).fullmatch(text) is not None


def _is_true(text: str) -> bool:
    return text.lower() == "true"


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _arn_matches(pattern: str, arn: str) -> bool:
    """Whether each part of an ARN matches; a * does not reach beyond its colon, except in the last part."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(
        matches(one, part) for one, part in zip(patterns, parts, strict=True)
    )


Test = Callable[[str, str], bool]  # of the policy's value and the actual one

OPERATORS: dict[str, Test] = {
    "stringequals": lambda wanted, actual: wanted == actual,
    "stringequalsignorecase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "stringlike": matches,
    "arnequals": _arn_matches,
    "arnlike": _arn_matches,
    "bool": lambda wanted, actual: _is_true(wanted) == _is_true(actual),
    "numericequals": lambda wanted, actual: float(actual) == float(wanted),
    "numericlessthan": lambda wanted, actual: float(actual) < float(wanted),
    "numericlessthanequals": lambda wanted, actual: float(actual) <= float(wanted),
    "numericgreaterthan": lambda wanted, actual: float(actual) > float(wanted),
    "numericgreaterthanequals": lambda wanted, actual: float(actual) >= float(wanted),
    "dateequals": lambda wanted, actual: _seconds(actual) == _seconds(wanted),
    "datelessthan": lambda wanted, actual: _seconds(actual) < _seconds(wanted),
    "datelessthanequals": lambda wanted, actual: _seconds(actual) <= _seconds(wanted),
    "dategreaterthan": lambda wanted, actual: _seconds(actual) > _seconds(wanted),
    "dategreaterthanequals": lambda wanted, actual: _seconds(actual) >= _seconds(wanted),
}
# The negated form of each: it holds where no value matches, also where the key is absent.
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}


def hold(conditions: Mapping[str, Mapping[str, Any]], context: Context, unknown: bool) -> bool:
    """Whether all conditions of a statement hold.

    Args:
        unknown: What to return for a condition that cannot be judged here.
    """
    return all(
        _holds(operator, key, [_text(value) for value in many(values)], context, unknown)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _text(value: Any) -> str:
    """Return a value as IAM compares it; a policy may have `true` instead of `"true"`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _holds(operator: str, key: str, wanted: list[str], context: Context, unknown: bool) -> bool:
    quantifier, _, name = operator.lower().rpartition(":")
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if key.lower() in UNKNOWN_KEYS:
        return unknown
    actual = context.get(key.lower())
    if name == "null":
        return all(_is_true(value) == (actual is None) for value in wanted)
    negated = name in NEGATED
    test = OPERATORS.get(NEGATED.get(name, name))
    if test is None:  # an operator that this evaluator does not have
        return unknown
    if actual is None:
        return if_exists or negated or quantifier == "forallvalues"
    values = [fill(value, context) for value in wanted]

    def matched(one: str) -> bool:
        try:
            hit = any(test(value, one) for value in values)
        except ValueError:  # not a number or a date
            hit = False
        return hit != negated

    results = [matched(one) for one in many(actual)]
    return all(results) if quantifier == "forallvalues" or (negated and not quantifier) else any(results)
