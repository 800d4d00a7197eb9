"""A plan as a reviewer reads it beside a pull request."""

from runbook_lib.cli.plan_markdown import LONGEST, plan_markdown
from runbook_lib.journal.summary import Summary


def found(notebook, *changes, fingerprint="0123456789abcdef"):
    count = {}
    for change in changes:
        count[change["action"]] = count.get(change["action"], 0) + 1
    return Summary(notebook, {"keep": 7, **count}, changes, fingerprint, {}, {}, None, "", 0)


def change(key, action="create", **fields):
    return {"key": key, "action": action, "fields": {name: list(pair) for name, pair in fields.items()}}


UPDATE = change("subnet.a", "update", cidr=("10.0.0.0/24", "10.0.1.0/24"))


def test_it_tells_each_change_and_what_approves_it():
    text = plan_markdown("prod", "r1", [found("01_network", change("vpc.main"), UPDATE), found("02_data")])
    assert text.startswith("### Plan for `prod`: 2 changes\n")
    assert "| 01_network | `0123456789abcdef` | 1 to create, 1 to update |" in text
    assert "| 02_data | `0123456789abcdef` | nothing to do |" in text
    assert "````diff\n+ vpc.main\n~ subnet.a\n      cidr: 10.0.0.0/24 → 10.0.1.0/24\n````" in text
    assert "`runbook apply --env prod --approved 0123456789abcdef`" in text
    assert text.count("<details>") == 1


def test_nothing_to_do_is_said_and_approved_by_nothing():
    text = plan_markdown("prod", "r1", [found("01_network")])
    assert text.startswith("### Plan for `prod`: nothing to do\n")
    assert "--approved" not in text


def test_a_value_cannot_get_out_of_its_block():
    """Whatever a parameter holds: it neither mentions anybody nor makes a link."""
    value = "x\n````\n@everyone <script>\n# head"
    text = plan_markdown("prod", "r1", [found("01_network", change("it.a", "update", said=("", value)))])
    inside = text.partition("````diff\n")[2].partition("\n````")[0]
    assert inside == "~ it.a\n      said:  → x ```` @everyone <script> # head"


def test_a_long_plan_is_cut_to_what_a_comment_holds():
    """The fingerprints are always there: they are what is approved."""
    many = [change(f"subnet.{n:05}") for n in range(5000)]
    text = plan_markdown("prod", "r1", [found("01_network", *many)])
    assert len(text) < LONGEST
    assert "--approved 0123456789abcdef" in text
    assert "see the evidence of r1" in text
