"""Plans as Markdown, for a review in a pull request."""

from runbook_lib.cli.plan_markdown import MAX_LENGTH, plan_markdown
from runbook_lib.journal.summary import Summary


def plan_of(notebook, *changes, fingerprint="0123456789abcdef"):
    count = {}
    for change in changes:
        count[change["action"]] = count.get(change["action"], 0) + 1
    return Summary(notebook, {"keep": 7, **count}, changes, fingerprint, {}, {}, None, "", 0)


def change(key, action="create", **fields):
    return {"key": key, "action": action, "fields": {name: list(pair) for name, pair in fields.items()}}


UPDATE = change("subnet.a", "update", cidr=("10.0.0.0/24", "10.0.1.0/24"))


def test_it_lists_each_change_and_the_approval_option():
    text = plan_markdown("prod", "r1", [plan_of("01_network", change("vpc.main"), UPDATE), plan_of("02_data")])
    assert text.startswith("### Plan for `prod`: 2 changes\n")
    assert "| 01_network | `0123456789abcdef` | 1 to create, 1 to update |" in text
    assert "| 02_data | `0123456789abcdef` | nothing to do |" in text
    assert "````diff\n+ vpc.main\n~ subnet.a\n      cidr: 10.0.0.0/24 → 10.0.1.0/24\n````" in text
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
    assert inside == "~ it.a\n      said:  → x ```` @everyone <script> # head"


def test_a_long_plan_is_cut_to_the_length_of_a_comment():
    """The fingerprints are always included."""
    many = [change(f"subnet.{n:05}") for n in range(5000)]
    text = plan_markdown("prod", "r1", [plan_of("01_network", *many)])
    assert len(text) < MAX_LENGTH
    assert "--approved 0123456789abcdef" in text
    assert "see the evidence of r1" in text
