"""Who may deploy from GitHub, as the deploy stack wants it."""

import json

from runbook_lib.aws.client import Aws
from runbook_lib.resources.federated_role import FederatedRole
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.stacks.deploy import deploy
from tests.stacks.test_deploy import BUNDLE
from tests.stacks.test_network import PARAMS, load

GITHUB = {"repository": "example/web", "environments": ["prod", "prod-hotfix"]}


def params(**changed):
    found = load(PARAMS / "prod.yaml")
    return type(found).model_validate(found.model_dump(mode="json") | {"github": GITHUB} | changed)


def test_nothing_is_made_where_no_repository_is_named():
    assert list(deploy(params(github=None), BUNDLE).github) == []


def test_only_the_named_environments_of_the_named_repository_are_trusted():
    role = deploy(params(), BUNDLE).github.the(FederatedRole)
    assert role.subjects == ("repo:example/web:environment:prod", "repo:example/web:environment:prod-hotfix")
    assert role.policies == ()


def test_what_it_may_write_is_a_bundle_the_lock_and_a_deployment():
    """No policy, no role, no server, no database: those are for somebody with more rights."""
    reads = ("Describe", "Get", "List", "BatchGet")
    actions = {a for policy in deploy(params(), BUNDLE).github.every(RolePolicy) for a in policy.actions}
    assert {a for a in actions if not a.partition(":")[2].startswith(reads)} == {
        "s3:PutObject", "s3:DeleteObject", "codedeploy:CreateDeployment", "codedeploy:RegisterApplicationRevision",
    }  # fmt: skip
    assert not [a for a in actions if "*" in a]
    assert not [a for a in actions if a.startswith(("secretsmanager:GetSecret", "kms:", "iam:Pass"))]


def test_from_github_there_is_no_bundle_to_write():
    commit = {"repository": "example/web", "commit": "0123456789abcdef0123456789abcdef01234567"}
    app = deploy(params(deploy={"source": "github", "github": commit}))
    assert "role_policy.github-bundle" not in {r.key for r in app.github}


def test_a_cache_is_looked_at_where_there_is_one():
    def actions(**data):
        wanted = params(data=load(PARAMS / "prod.yaml").data.model_dump(mode="json") | data)
        return {a for policy in deploy(wanted, BUNDLE).github.every(RolePolicy) for a in policy.actions}

    more = actions(sessions={"store": "elasticache"}) - actions()
    assert {action.partition(":")[0] for action in more} == {"elasticache"}


def test_all_of_it_fits_into_a_role():
    """Also with the longest names: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
    wanted = params(env="x" * 28, data={"sessions": {"store": "elasticache"}})
    aws = Aws(env=wanted.env, region=wanted.region, account=wanted.account)
    app = deploy(wanted, BUNDLE)
    ids = {r: f"arn:aws:something:{wanted.region}:{wanted.account}:{aws.name(r)}{'x' * 40}" for r in app}
    size = sum(len(json.dumps(p._document(ids), separators=(",", ":"))) for p in app.github.every(RolePolicy))
    assert size < 10_240
