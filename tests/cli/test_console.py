"""What is printed fits a terminal between its words, is never cut, and is plain in a pipe."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest

from runbook_lib.cli.console import print_table, print_text

ARN = "arn:aws:iam::123456789012:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
LONG_FAILURE = f"""✗ 04_deploy, cell 8, section 'The bundle and the release':
    Failed: deployment d-JWE4L18XV failed: HEALTH_CONSTRAINTS. The overall deployment failed because too many servers
      | [stderr]once: {ARN} may not read the secret that the release line needs
      → Correct webapp/ and apply 04_deploy again."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch):
    """Returns what a print shows on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    def show(print_something, *args, **options):
        with redirect_stdout(Terminal()) as out, redirect_stderr(out):
            print_something(*args, **options)
        return out.getvalue()

    return show


def test_a_long_failure_is_wrapped_between_words(shown):
    text = shown(print_text, LONG_FAILURE, error=True)
    assert text.split() == LONG_FAILURE.split()
    assert [line for line in text.splitlines() if len(line) > 80] == [f"          {ARN}"], "only what no line can hold"
    assert "overall\n        deployment failed because too many servers\n" in text, (
        "a continued line is indented further"
    )


def test_a_long_last_column_is_wrapped_between_words_below_itself(shown):
    names = ", ".join(f"log_group.number-{n}" for n in range(9))
    first, *more = shown(print_table, [("03_compute", "+", f"role.web, {ARN}, {names}")], 12, 1, 0).splitlines()
    assert first == "03_compute   + role.web,"
    assert more[0] == f"{' ' * 15}{ARN},"
    assert all(line.startswith(" " * 15) and len(line) <= 80 for line in more[1:])


def test_in_a_log_a_line_of_many_names_is_wrapped_where_the_table_says_so(capsys):
    """A notebook creates forty things: as one line, nobody can read their names."""
    print_table([("01_network", "+", ", ".join(f"subnet.private-{n}" for n in range(40)))], 12, 1, 0, max_width=100)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 100


def test_in_a_pipe_a_failure_stays_as_it_is(capsys):
    print_text(LONG_FAILURE)
    assert capsys.readouterr().out == f"{LONG_FAILURE}\n"


def test_escapes_of_others_are_shown_and_not_sent_to_the_terminal(shown):
    """A server's script wrote them; they would move the cursor."""
    text = shown(print_text, "✗ failed: \x1b[2J\x1b[1;1Hrun by somebody else\rok")
    assert text == "✗ failed: \\x1b[2J\\x1b[1;1Hrun by somebody else ok\n"


def test_symbols_are_coloured_on_a_terminal_only(shown, monkeypatch, capsys):
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31m-\x1b[0m vpc.main" in shown(print_table, [("01_network", "-", "vpc.main")], 12, 1, 0)
    assert "\x1b[31m✗ It failed.\x1b[0m\n    Because" in shown(print_text, "✗ It failed.\n    Because of this.")
    print_table([("01_network", "-", "vpc.main")], 12, 1, 0)
    assert capsys.readouterr().out == "01_network   - vpc.main\n"
