"""Servers may read the master user's secret only until a release has made the application's database user."""

from dataclasses import replace

from tests.resources.cases_deploy import access, configuration, release

IDS = {
    access.role: "arn:aws:iam::123456789012:role/runbook/test/test-web", configuration: "/test/web/config",
    access.on[0][1]: "arn:aws:secretsmanager:us-west-2:123456789012:secret:rds!db-1",
}  # fmt: skip


class Account:
    """Answers with the policy and the tags that it has, and takes both away."""

    is_survey = False

    def __init__(self, policy=None, user=""):
        self.policy, self.tags = policy, [{"Key": "database-user", "Value": user}] if user else []
        self.aws, self.env, self.iam, self.ssm = self, "test", self, self

    def name(self, resource):
        return f"test-{resource.name}"

    def get(self, service, operation, **request):
        if operation == "list_tags_for_resource":
            return {"TagList": self.tags}
        return {"PolicyDocument": self.policy} if self.policy else None

    def list_tags_for_resource(self, **request):
        return {"TagList": self.tags}

    def add_tags_to_resource(self, **request):
        self.tags = request["Tags"]

    def delete_role_policy(self, **request):
        self.policy = None


GIVEN = access._document(IDS)


def test_it_is_given_for_the_first_release():
    assert access.observe(Account(), IDS) is None
    assert access.observe(Account(GIVEN), IDS).state == access.desired(IDS)


def test_what_a_release_has_withdrawn_is_as_it_should_be():
    account = Account(GIVEN)
    access.withdraw(account, IDS)
    assert account.policy is None
    observed = access.observe(account, IDS)
    assert (observed.state, observed.status) == (access.desired(IDS), "withdrawn")
    assert not access.is_given(account, IDS)


def test_another_user_is_made_with_it_again():
    account = Account(user="webapp")
    assert access.observe(account, IDS) is not None
    renamed = replace(access, configuration=replace(configuration, user="other"))
    assert renamed.observe(account, {**IDS, renamed.configuration: "/test/web/config"}) is None


def test_a_release_withdraws_it_after_the_deployment():
    """The plan of a release says so; the same call deploys as long as the revision differs."""
    wanted = release(b"one", access=access)
    assert wanted.desired(IDS)["master_access"] == "no server may read the master user's secret"
    account = Account(GIVEN)
    wanted.update(account, IDS, None or _observed(), frozenset({"master_access"}))
    assert account.policy is None


def _observed():
    from runbook_lib.resources.base import Observed

    return Observed("d-1", {})
