"""All mutants of a file: each is one small change of the program text."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

_COMPARISONS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
_BOUNDARIES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}
_TWINS = {"any": "all", "all": "any", "min": "max", "max": "min"}
_EITHER_WAY = {"min", "max", "suppress"}
"""Functions whose arguments may stand in any order."""
_TRANSPARENT = {"sorted", "frozenset", "set", "tuple", "list"}
_PIECES = re.compile(r"(?<!\\)(?:\^|\$|\\b|[*+?](?![+?:=!<>P])|\\[sdw]|\((?:\?:)?|\|[^|()\\]+)")


@dataclass(frozen=True)
class Mutant:
    """One change of a file.

    Args:
        file: The path below the library's package.
        kind: The operator's name.
        start, end: The changed bytes of the file.
        old, new: The text there, before and after.
        line: The number of the first changed line.
        place: The function that holds it; empty at the top of the module.
        context: The whole line, which identifies an equivalent mutant when lines move.
    """

    file: str
    kind: str
    start: int
    end: int
    old: str
    new: str
    line: int
    last_line: int
    place: str
    context: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a list of equivalent mutants names: not the line's number, which moves."""
        return self.file, self.context, _one_line(self.old), _one_line(self.new)

    def __str__(self) -> str:
        return f"{self.file}:{self.line} [{self.kind}] {_one_line(self.old)}  ->  {_one_line(self.new)}"

    def apply(self, source: bytes) -> bytes:
        """The file with this change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def mutants_of(file: str, source: str) -> list[Mutant]:
    """All mutants of a file's text that can be compiled, in their order."""
    finder = _Finder(file, source)
    finder.visit(ast.parse(source))
    raw = source.encode()
    unique = {(m.start, m.end, m.new): m for m in finder.mutants if m.new != m.old}
    return [mutant for mutant in unique.values() if _compiles(mutant.apply(raw))]


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


class _Finder(ast.NodeVisitor):
    """Collects the mutants of one syntax tree."""

    def __init__(self, file: str, source: str) -> None:
        self._file, self._source = file, source
        self._lines = source.splitlines()
        self._offsets = [0]
        for line in source.encode().splitlines(keepends=True):
            self._offsets.append(self._offsets[-1] + len(line))
        self._raw = source.encode()
        self._places: list[str] = []
        self.mutants: list[Mutant] = []

    def _add(self, kind: str, node: ast.AST, new: str | ast.AST, until: ast.AST | None = None) -> None:
        start, end = self._span(node)[0], self._span(until or node)[1]
        text = new if isinstance(new, str) else f"({ast.unparse(new)})"
        old = self._raw[start:end].decode()
        line, last = node.lineno, (until or node).end_lineno
        context = self._lines[line - 1].strip()
        self.mutants.append(
            Mutant(self._file, kind, start, end, old, text, line, last, ".".join(self._places), context)
        )

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return self._offsets[node.lineno - 1] + node.col_offset, self._offsets[
            node.end_lineno - 1
        ] + node.end_col_offset

    # What has no behaviour, or no positions on all versions of Python.

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Python 3.11 does not know the positions within an f-string."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """An annotation has no behaviour."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._enter(node, node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._enter(node, node.name)

    def _enter(self, node: ast.ClassDef | ast.FunctionDef, name: str) -> None:
        self._places.append(name)
        if isinstance(node, ast.FunctionDef):
            for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
                self.visit(default)
        self._body(node.body)
        self._places.pop()

    def _body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring
            self.visit(statement)

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node.body)

    def visit_Import(self, node: ast.Import) -> None:
        """A missing import is noticed by the linter."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """A missing import is noticed by the linter."""

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        if not isinstance(test, (ast.Compare, ast.UnaryOp)):
            self._add("negation", test, ast.UnaryOp(ast.Not(), test))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add("negation", node, node.operand)
        elif isinstance(node.op, ast.USub):
            self._add("arithmetic", node, node.operand)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for table, kind in ((_COMPARISONS, "comparison"), (_BOUNDARIES, "boundary")):
            for at, operator in enumerate(node.ops):
                if new := table.get(type(operator)):
                    self._add(
                        kind,
                        node,
                        ast.Compare(node.left, [*node.ops[:at], new(), *node.ops[at + 1 :]], node.comparators),
                    )
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if new := _ARITHMETIC.get(type(node.op)):
            self._add("arithmetic", node, ast.BinOp(node.left, new(), node.right))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._add("and/or", node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        for at in range(len(node.values)):
            rest = [*node.values[:at], *node.values[at + 1 :]]
            self._add("operand", node, rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        # None instead of False, 0 or "" is the type checker's to notice: all of them are false.
        if node.value and not (isinstance(node.value, ast.Constant) and not node.value.value):
            self._add("return", node, "return None")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add("raise", node, "pass")
        if node.exc:
            self.visit(node.exc)  # not what it is raised from

    def visit_Expr(self, node: ast.Expr) -> None:
        self._add("call", node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets):
            self._add("assignment", node, "pass")
        elif all(isinstance(target, ast.Name) for target in node.targets) and self._places:
            self._add("assignment", node.value, "None")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add("assignment", node, "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add("loop", node, "break")

    def visit_Break(self, node: ast.Break) -> None:
        self._add("loop", node, "continue")

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._add("constant", node, repr(not value))
        elif isinstance(value, (int, float)):
            self._add("constant", node, repr(value + 1))
        elif isinstance(value, str) and not re.search(r"\s", value.strip()):
            self._add("constant", node, repr("XX" + value) if value else "'XX'")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if isinstance(node.type, ast.Tuple):
            for at in range(len(node.type.elts)):
                rest = [*node.type.elts[:at], *node.type.elts[at + 1 :]]
                self._add("exception", node.type, ast.Tuple(rest, ast.Load()))
        elif node.type:
            self._add("exception", node.type, "()")
        for statement in node.body:
            self.visit(statement)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._add("filter", test, "True")
            self._negate(test)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _TWINS:
            self._add("any/all", node.func, _TWINS[name])
        if name in _TRANSPARENT and len(node.args) == 1 and not node.keywords:
            self._add("transparent", node, node.args[0])
        if len(node.args) > 1 and not any(isinstance(arg, ast.Starred) for arg in node.args[:2]):
            first, second = node.args[:2]
            if ast.dump(first) != ast.dump(second) and ast.unparse(node.func) not in _EITHER_WAY:
                self._add("arguments", node, ast.Call(node.func, [second, first, *node.args[2:]], node.keywords))
        for at, keyword in enumerate(node.keywords):
            if keyword.arg and keyword.arg != "strict":  # of zip: it asserts, and changes nothing
                rest = [*node.keywords[:at], *node.keywords[at + 1 :]]
                self._add("keyword", node, ast.Call(node.func, node.args, rest))
        if _is_regex_call(node.func):
            self._pieces(node)
        self.generic_visit(node)

    def _pieces(self, call: ast.Call) -> None:
        """A regular expression without one of its pieces."""
        for node in ast.walk(call):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                start, end = self._span(node)
                text = self._raw[start:end].decode()
                for match in _PIECES.finditer(text):
                    piece = match[0]
                    new = {"\\s": "\\S", "\\d": "\\D", "\\w": "\\W", "*": "+", "(": None, "(?:": None}.get(piece, "")
                    if new is not None:
                        changed = text[: match.start()] + new + text[match.end() :]
                        self._add("regex", node, changed if "\n" not in text else text)


def _is_regex_call(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.value.id == "re"
        and func.attr != "escape"
    )
