"""Plans as Markdown, for a review in a pull request."""

from dataclasses import replace

from runbook_lib.cli.plan_markdown import MAX_LENGTH, plan_markdown
from runbook_lib.journal.summary import Summary


def plan_of(notebook, *changes, fingerprint="0123456789abcdef"):
    count = {}
    for change in changes:
        count[change["action"]] = count.get(change["action"], 0) + 1
    return Summary(notebook, {"keep": 7, **count}, changes, fingerprint, {}, {}, None, "", ())


def change(key, action="create", **fields):
    return {"key": key, "action": action, "fields": {name: list(pair) for name, pair in fields.items()}}


UPDATE = change("subnet.a", "update", cidr=("10.0.0.0/24", "10.0.1.0/24"))


def test_it_lists_each_change_and_the_approval_option():
    text = plan_markdown(
        "prod",
        "r1",
        [plan_of("01_network", change("vpc.main", cidr=(None, "10.0.0.0/16")), UPDATE), plan_of("02_data")],
    )
    assert text.startswith("### Plan for `prod`: 2 changes\n")
    assert "| 01_network | `0123456789abcdef` | 1 to create, 1 to update |" in text
    assert "| 02_data | `0123456789abcdef` | nothing to do |" in text
    assert (
        "````diff\n+ vpc.main\n      cidr: 10.0.0.0/16\n~ subnet.a\n      cidr: 10.0.0.0/24 → 10.0.1.0/24\n````" in text
    )
    assert "`runbook apply --env prod --approved 0123456789abcdef`" in text
    assert text.count("<details>") == 1


def test_a_plan_without_changes_has_no_approval_option():
    text = plan_markdown("prod", "r1", [plan_of("01_network")])
    assert text.startswith("### Plan for `prod`: nothing to do\n")
    assert "--approved" not in text


def test_a_value_cannot_end_the_code_block():
    """It cannot mention anybody or make a link."""
    value = "x\n````\n@everyone <script>\n# head"
    text = plan_markdown("prod", "r1", [plan_of("01_network", change("it.a", "update", said=("", value)))])
    inside = text.partition("````diff\n")[2].partition("\n````")[0]
    assert inside == '~ it.a\n      said: "" → "x\\n````\\n@everyone <script>\\n# head"'


def test_a_blocked_plan_has_its_reason_and_no_fingerprint():
    """So nobody approves it."""
    plan = plan_of("01_network", change("subnet.a", "blocked", cidr=("10.0.0.0/24", "10.0.1.0/24")))
    text = plan_markdown("prod", "r1", [replace(plan, reasons={"subnet.a": "AWS cannot change cidr in place"})])
    assert "! subnet.a  (AWS cannot change cidr in place)" in text
    assert "**Blocked: this plan cannot be applied.**" in text
    assert "0123456789abcdef" not in text


def test_long_values_are_shown_whole():
    """A policy and a script: every line that differs, with one line around it."""
    script = [f"command {number}" for number in range(30)]
    old, new = "\n".join(script), "\n".join([*script[:7], "command seven", *script[8:]])
    policy = {"actions": [f"s3:Action{number}" for number in range(20)]}
    changes = [change("a.b", "update", script=(old, new)), change("c.d", policy=(None, policy))]
    lines = plan_markdown("prod", "r1", [plan_of("01_network", *changes)]).splitlines()
    at = lines.index("      script:")
    assert lines[at + 1 : at + 5] == [
        "          command 6",
        "        - command 7",
        "        + command seven",
        "          command 8",
    ]
    assert "          - s3:Action19" in lines


def test_a_long_plan_is_cut_to_the_length_of_a_comment():
    """The fingerprints are always included."""
    many = [change(f"subnet.{n:05}") for n in range(5000)]
    text = plan_markdown("prod", "r1", [plan_of("01_network", *many)])
    assert len(text) < MAX_LENGTH
    assert "--approved 0123456789abcdef" in text
    assert "see the evidence of r1" in text


def test_a_removal_shows_what_goes():
    """A rule whose network left the parameters."""
    rule = change("security_group_rule.bastion-ssh-203.0.113.0/24", "delete", source=("203.0.113.0/24", None))
    text = plan_markdown("prod", "r1", [replace(plan_of("01_network", rule), reasons={rule["key"]: "no longer asked"})])
    assert "| 01_network | `0123456789abcdef` | 1 to delete |" in text
    lines = ["- security_group_rule.bastion-ssh-203.0.113.0/24  (no longer asked)", "      source: 203.0.113.0/24"]
    assert "\n".join(lines) in text


def test_what_a_script_wrote_is_no_line_of_the_plan():
    """The reason of a failed deployment has its last lines: they neither end the block nor look like a change."""
    blocked = {"key": "release.web", "action": "blocked", "fields": {}}
    reason = "AWS reports it as failed: exit 1\n+ vpc.forged\n````\n\x1b[2Jdone"
    summary = replace(plan_of("04_deploy", blocked), reasons={"release.web": reason})
    text = plan_markdown("prod", "r1", [summary])
    block = text[text.index("````diff") : text.index("\n````\n\n</details>")].splitlines()[1:]
    assert block == [
        "! release.web  (AWS reports it as failed: exit 1",
        "        + vpc.forged",
        "        ````",
        "        \\x1b[2Jdone)",
    ]
