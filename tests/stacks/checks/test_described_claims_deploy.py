"""Claims 9 and 10, of what a new instance gets and what a push can do, proved from what AWS would describe."""

import pytest

from runbook_lib.stacks.checks.claims_of_deploy import current_revision, push_deploys
from tests.stacks.checks.described_site import Site, told

HOOK, OTHER_HOOK = "CodeDeploy-managed-hook", "CodeDeploy-managed-hook-of-another"
LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
COMMIT = {"revisionType": "GitHub", "gitHubLocation": {"repository": "owner/name", "commitId": "77cfdfe"}}
NO_GROUP = "there is no deployment group, or no Auto Scaling group"
PLACE = "s3://local-bucket/bundles/1.zip"


def stored(key="bundles/1.zip", bucket="local-bucket"):
    return {"revisionType": "S3", "s3Location": {"bucket": bucket, "key": key, "bundleType": "zip"}}


def describe(site, info):
    """What CodeDeploy answers about the group; ``None`` where it does not know it."""
    answer = {"deploymentGroupInfo": info} if isinstance(info, dict) else info
    site.answer(
        "codedeploy", "get_deployment_group", answer, applicationName="local-app", deploymentGroupName="local-web"
    )


def hooks(site, *found):
    found = [{"LifecycleHookName": name, "LifecycleTransition": transition} for name, transition in found]
    site.answer("autoscaling", "describe_lifecycle_hooks", {"LifecycleHooks": found}, AutoScalingGroupName="local-web")


def deployed(site, revision):
    """The revision of the last deployment; a text is CodeDeploy's error."""
    answer = revision if isinstance(revision, str) else {"deploymentInfo": revision}
    site.answer("codedeploy", "get_deployment", answer, deploymentId="d-1")


def keep(site, *keys):
    site.answer("s3", "list_objects_v2", {"Contents": [{"Key": key} for key in keys]}, Bucket="local-bucket",
                Prefix="bundles/1.zip")  # fmt: skip


INFO = {
    "deploymentGroupId": "dg-1", "deploymentGroupName": "local-web",
    "autoScalingGroups": [{"name": "another", "hook": OTHER_HOOK}, {"name": "local-web", "hook": HOOK}],
    "lastSuccessfulDeployment": {"deploymentId": "d-1", "status": "Succeeded"},
}  # fmt: skip


def ready(site):
    site.see("application", "local-app")
    site.see("deployment_group", "local-web")
    site.see("bucket", "local-bucket")
    describe(site, INFO)
    hooks(site, (OTHER_HOOK, LAUNCHING), (HOOK, LAUNCHING))
    deployed(site, {"revision": stored()})
    keep(site, "bundles/1.zip")
    return site


@pytest.fixture
def site():
    return ready(Site())


def test_a_new_instance_gets_the_last_bundle(site):
    finding = current_revision(site.account())
    assert told(finding) == ("pass", [f"local-web gets {PLACE}, of d-1"])
    assert finding.looked_at == ("dg-1", "local-web", HOOK, "d-1", PLACE)


def test_a_new_instance_gets_a_commit(site):
    deployed(site, {"revision": COMMIT})
    site.see("bucket", None)
    finding = current_revision(site.account())
    assert told(finding) == ("pass", ["local-web gets owner/name@77cfdfe, of d-1"])
    assert finding.looked_at[-1] == "owner/name@77cfdfe"


@pytest.mark.parametrize("gone", ["deployment_group", "auto_scaling_group", "application"])
def test_there_is_nothing_to_deploy_to(site, gone):
    site.see(gone, None)
    finding = current_revision(site.account())
    assert told(finding) == ("fail", [NO_GROUP])
    assert finding.looked_at == ()


@pytest.mark.parametrize("error", ["ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"])
def test_codedeploy_does_not_know_the_group_any_more(site, error):
    describe(site, error)
    assert told(current_revision(site.account())) == ("fail", [NO_GROUP])


@pytest.mark.parametrize("attached", [None, [], [{"name": "another", "hook": HOOK}]])
def test_the_group_is_not_bound_to_the_servers(site, attached):
    info = {name: value for name, value in INFO.items() if name != "autoScalingGroups"}
    describe(site, info if attached is None else {**info, "autoScalingGroups": attached})
    finding = current_revision(site.account())
    assert told(finding) == ("fail", ["local-web is not bound to local-web"])
    assert finding.looked_at == ("dg-1", "local-web", "d-1", PLACE)


@pytest.mark.parametrize("found", [(), [(HOOK, TERMINATING)], [(OTHER_HOOK, LAUNCHING), (HOOK, TERMINATING)]])
def test_without_its_hook_no_launch_is_noticed(site, found):
    hooks(site, *found)
    assert told(current_revision(site.account())) == ("fail", ["local-web lacks CodeDeploy's launch hook"])
    site.answer("autoscaling", "describe_lifecycle_hooks", "ValidationError", AutoScalingGroupName="local-web")
    assert told(current_revision(site.account())) == ("fail", ["local-web lacks CodeDeploy's launch hook"])


def test_a_group_that_names_no_hook(site):
    describe(site, {**INFO, "autoScalingGroups": [{"name": "local-web"}]})
    finding = current_revision(site.account())
    assert told(finding) == ("fail", ["local-web lacks CodeDeploy's launch hook"])
    assert finding.looked_at == ("dg-1", "local-web", "d-1", PLACE)


@pytest.mark.parametrize("last", [None, {}])
def test_nothing_was_deployed_yet(site, last):
    info = {name: value for name, value in INFO.items() if name != "lastSuccessfulDeployment"}
    describe(site, info if last is None else {**info, "lastSuccessfulDeployment": last})
    finding = current_revision(site.account())
    assert told(finding) == ("fail", ["no deployment has succeeded yet"])
    assert finding.looked_at == ("dg-1", "local-web", HOOK)
    hooks(site)
    assert told(current_revision(site.account())) == ("fail", [
        "local-web lacks CodeDeploy's launch hook", "no deployment has succeeded yet",
    ])  # fmt: skip


@pytest.mark.parametrize(
    "answer", ["DeploymentDoesNotExistException", {}, {"revision": {}}, {"revision": {"revisionType": "String"}}]
)
def test_codedeploy_does_not_know_the_revision(site, answer):
    deployed(site, answer)
    finding = current_revision(site.account())
    assert told(finding) == ("fail", ["CodeDeploy does not know the revision of d-1"])
    assert finding.looked_at == ("dg-1", "local-web", HOOK, "d-1")


def test_a_bundle_of_another_bucket(site):
    deployed(site, {"revision": stored(bucket="elsewhere")})
    finding = current_revision(site.account())
    place = PLACE.replace("local-bucket", "elsewhere")
    assert told(finding) == ("fail", [f"the revision {place} is not in the environment's bucket"])
    assert finding.looked_at == ("dg-1", "local-web", HOOK, "d-1", place)
    deployed(site, {"revision": stored()})
    site.see("bucket", None)
    assert told(current_revision(site.account())) == (
        "fail", [f"the revision {PLACE} is not in the environment's bucket"]
    )  # fmt: skip


@pytest.mark.parametrize("keys", [(), ("bundles/1.zip.sig", "bundles/1.zip2")])
def test_a_bundle_that_is_not_stored_any_more(site, keys):
    keep(site, *keys)
    finding = current_revision(site.account())
    assert told(finding) == ("fail", [f"the revision {PLACE} is no longer stored"])
    assert finding.looked_at == ("dg-1", "local-web", HOOK, "d-1", PLACE)
    keep(site, *keys, "bundles/1.zip")
    assert current_revision(site.account()).result == "pass"


ISSUER, SUBJECT = "token.actions.githubusercontent.com", "repo:owner/name:environment:local-deploy"
PROVIDER, ROLE = (
    f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}",
    "arn:aws:iam::123456789012:role/local-github-deploy",
)
EVERY = f"trusts every workflow of {ISSUER} that no exact subject excludes"


def statement(*subjects, audience="sts.amazonaws.com", **more):
    of = {f"{ISSUER}:aud": audience, f"{ISSUER}:sub": list(subjects) if len(subjects) > 1 else subjects[0]}
    return {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Condition": {"StringEquals": of}, **more}


def trust(site, *statements, **more):
    document = more or {"Statement": statements[0] if len(statements) == 1 else list(statements)}
    site.answer("iam", "get_role", {"Role": {"AssumeRolePolicyDocument": document}}, RoleName="local-github-deploy")


def pushing(site):
    ready(site)
    site.see("open_id_connect_provider", PROVIDER)
    site.see("federated_role", ROLE, name="local-github-deploy")
    trust(site, statement(SUBJECT))
    return site


@pytest.fixture
def push():
    return pushing(Site(("local-deploy",)))


def test_a_push_deploys(push):
    finding = push_deploys(push.account())
    assert told(finding) == ("pass", [f"local-github-deploy trusts {SUBJECT} only"])
    assert finding.looked_at == (ROLE, PROVIDER, "local-bucket")


def test_without_a_repository_nothing_deploys_by_a_push(site):
    finding = push_deploys(site.account())
    assert told(finding) == ("exception", ["the parameters name no repository: nothing deploys by a push"])
    assert finding.looked_at == ()


def test_the_role_does_not_exist(push):
    push.see("federated_role", None)
    finding = push_deploys(push.account())
    assert told(finding) == ("fail", ["federated_role.github-deploy does not exist"])
    assert finding.looked_at == ()


def test_the_provider_does_not_exist(push):
    """The role trusts what is not there."""
    push.see("open_id_connect_provider", None)
    finding = push_deploys(push.account())
    assert told(finding) == ("fail", ["open_id_connect_provider.github does not exist"])
    assert finding.looked_at == (ROLE, "local-bucket")


def test_there_is_nothing_that_a_push_deploys_to(push):
    push.see("deployment_group", None)
    push.see("bucket", None)
    finding = push_deploys(push.account())
    assert told(finding) == ("fail", [
        "there is no deployment group to deploy to", "there is no bucket for the bundle",
    ])  # fmt: skip
    assert finding.looked_at == (ROLE, PROVIDER)


def test_what_is_deployed_from_github_needs_no_bucket(push):
    push.see("bucket", None)
    source = push.params.deploy.model_copy(update={"source": "github"})
    push.params = push.params.model_copy(update={"deploy": source})
    finding = push_deploys(push.account())
    assert told(finding) == ("pass", [f"local-github-deploy trusts {SUBJECT} only"])
    assert finding.looked_at == (ROLE, PROVIDER)


@pytest.mark.parametrize("answer", ["NoSuchEntity", {"Role": {}}, {"Role": {"AssumeRolePolicyDocument": {}}}])
def test_a_role_that_trusts_nobody(push, answer):
    push.answer("iam", "get_role", answer, RoleName="local-github-deploy")
    assert push_deploys(push.account()).result == "fail"
    assert told(push_deploys(push.account()))[1][-1] == f"local-github-deploy does not trust {SUBJECT}"


STRANGER = "repo:owner/name:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("statements", "problems"),
    [
        ([statement(SUBJECT)], []),
        ([statement(SUBJECT, Principal={"Federated": [PROVIDER]})], []),
        ([statement(SUBJECT, audience=["sts.amazonaws.com"])], []),
        ([statement(SUBJECT), statement(SUBJECT)], []),
        ([], [f"does not trust {SUBJECT}"]),
        ([statement(STRANGER)], [f"trusts {STRANGER}", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, STRANGER)], [f"trusts {STRANGER}"]),
        ([statement(*"hgfedcba", SUBJECT)], [f"trusts {letter}" for letter in "abcdefgh"]),
        ([statement(SUBJECT, Effect="Deny")], ["denies what a push needs", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, Effect="Deny"), statement(SUBJECT)], ["denies what a push needs"]),
        ([{"Principal": {"Federated": PROVIDER}}], ["denies what a push needs", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, Principal="*")], ["trusts *", f"does not trust {SUBJECT}"]),
        ([{"Effect": "Allow"}], ["trusts None", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, Principal={"AWS": "*"}), statement(SUBJECT)], ["trusts {'AWS': '*'}"]),
        ([statement(SUBJECT, Principal={"Federated": PROVIDER, "AWS": "*"})],
         [f"trusts {{'Federated': '{PROVIDER}', 'AWS': '*'}}", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, Principal={"Federated": [PROVIDER, "arn:other"]})],
         [f"trusts {{'Federated': ['{PROVIDER}', 'arn:other']}}", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, Principal={})], ["trusts {}", f"does not trust {SUBJECT}"]),
        ([statement(SUBJECT, audience="another")], ["accepts tokens for another audience"]),
        ([statement(SUBJECT, audience=["sts.amazonaws.com", "another"])], ["accepts tokens for another audience"]),
        ([statement(SUBJECT, Condition={})],
         [EVERY, "accepts tokens for another audience", f"does not trust {SUBJECT}"]),
        ([{name: value for name, value in statement(SUBJECT).items() if name != "Condition"}, statement(SUBJECT)],
         [EVERY, "accepts tokens for another audience"]),
        ([statement(SUBJECT, Condition={"StringLike": {f"{ISSUER}:sub": SUBJECT}})],
         [EVERY, "accepts tokens for another audience", f"does not trust {SUBJECT}"]),
    ],
)  # fmt: skip
def test_whom_the_role_trusts(push, statements, problems):
    trust(push, *statements)
    result, why = told(push_deploys(push.account()))
    expected = [f"local-github-deploy {each}" for each in problems]
    assert (result, why) == ("fail", expected) if problems else result == "pass"


def test_a_role_for_several_environments():
    """It has to trust each of them."""
    site = pushing(Site(tuple("hgfedcba")))
    subjects = [f"repo:owner/name:environment:{name}" for name in "hgfedcba"]
    trust(site, statement(*subjects))
    (role,) = site.keyed("federated_role")
    assert told(push_deploys(site.account())) == (
        "pass", [f"local-github-deploy trusts {', '.join(role.subjects)} only"],
    )  # fmt: skip
    trust(site, statement(subjects[0]), statement(*subjects[2:4]))
    assert told(push_deploys(site.account())) == ("fail", [
        f"local-github-deploy does not trust repo:owner/name:environment:{name}" for name in "abcdg"
    ])  # fmt: skip
