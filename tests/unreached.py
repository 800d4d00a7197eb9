"""Print each line with `raise` or `yield` that no test reached: `python -m tests.unreached`, after a run with --cov.

The floor that the coverage may not fall below is in coverage_floor.txt; it is said when it can be raised.
"""

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import coverage

FLOOR = Path(__file__).with_name("coverage_floor.txt")


def lines_of(source: str) -> Iterator[tuple[int, int]]:
    """Yield the number of the line where each `raise` and `yield` stands, and that of the statement it is part of."""
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Raise):
            yield statement.lineno, statement.lineno
        elif isinstance(statement, ast.Expr | ast.Assign) and isinstance(statement.value, ast.Yield | ast.YieldFrom):
            yield statement.value.lineno, statement.lineno


def main() -> None:
    """Read the data of the last run, and print what it lacks with its source."""
    data = coverage.Coverage()
    data.load()
    unreached = []
    for name in sorted(data.get_data().measured_files()):
        source = Path(name).read_text(encoding="utf-8")
        missing = set(data.analysis2(name)[3])
        text = source.splitlines()
        place = Path(name).relative_to(Path.cwd())
        found = sorted(line for line, statement in lines_of(source) if statement in missing)
        unreached += [f"{place}:{line}: {text[line - 1].strip()}" for line in found]
    head = f"{len(unreached)} lines with `raise` or `yield` that no test reached in its own process:"
    sys.stdout.write("\n".join([head, *unreached, *_advice(data), ""]))


def _advice(data: coverage.Coverage) -> list[str]:
    """What to write into the file with the floor: the floor itself is held by pytest-cov."""
    total = int(data.report(file=io.StringIO()))
    return [f"Covered: {total} %. Write {total} into {FLOOR.name}."] if total > int(FLOOR.read_text()) else []


if __name__ == "__main__":
    main()
