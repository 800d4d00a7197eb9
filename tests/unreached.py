"""Print each line with `raise` or `yield` that no test reached: `python -m tests.unreached`, after tests.measure.

It fails when the coverage is below what coverage_floor.txt says, and says when that can be raised.
"""

import ast
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import slipcover

FOLDER = Path(__file__).parents[1] / "build" / "coverage"
"""What each process has reached."""
FLOOR = Path(__file__).with_name("coverage_floor.txt")


def lines_of(source: str) -> Iterator[tuple[int, int]]:
    """Yield the number of the line where each `raise` and `yield` stands, and that of the statement it is part of."""
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Raise):
            yield statement.lineno, statement.lineno
        elif isinstance(statement, ast.Expr | ast.Assign) and isinstance(statement.value, ast.Yield | ast.YieldFrom):
            yield statement.value.lineno, statement.lineno


def main() -> int:
    """Print what the last run lacks with its source; returns 1 when the coverage is below the floor."""
    first, *others = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    for other in others:
        slipcover.merge_coverage(first, other)
    unreached = []
    for name, found in sorted(first["files"].items()):
        source = Path(name).read_text(encoding="utf-8")
        missing, text = set(found["missing_lines"]), source.splitlines()
        lines = sorted(line for line, statement in lines_of(source) if statement in missing)
        unreached += [f"{os.path.relpath(name)}:{line}: {text[line - 1].strip()}" for line in lines]
    head = f"{len(unreached)} lines with `raise` or `yield` that no test reached in its own process:"
    total, floor = first["summary"]["percent_covered"], int(FLOOR.read_text())
    sys.stdout.write("\n".join([head, *unreached, judge(total, floor), ""]))
    return int(total < floor)


def judge(total: float, floor: int) -> str:
    """What to say of the coverage; in whole percents, so that a line more or less does not matter."""
    if total < floor:
        return f"Covered: {total:.2f} % of statements and branches. {FLOOR.name} says {floor} %: test what is missing."
    more = f" Write {int(total)} into {FLOOR.name}." if int(total) > floor else ""
    return f"Covered: {total:.2f} % of statements and branches.{more}"


if __name__ == "__main__":
    sys.exit(main())
