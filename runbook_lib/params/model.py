"""The model of ``params/<env>.yaml``.

Rules for one field are here; rules for several fields are in :mod:`.rules`, so that one wrong
field does not hide the problems of another.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from .app import App
from .controls import Controls
from .fields import (
    CLOCK,
    DAY,
    DOMAIN,
    ENV,
    POLICY,
    REPOSITORY,
    REVISION,
    Adopted,
    Cidr,
    Count,
    Strict,
    Switch,
    TagValue,
    check_public_key,
    check_retention,
)
from .regions import check_region
from .scaling import Alarms, Scaling, Schedule
from .signing import Approval, Evidence


class Tags(Strict):
    """Additional tags, for cost reports: these two, and any others."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, TagValue] = Field(init=False)

    project: TagValue = "webapp"
    owner: TagValue = "platform"


class Guards(Strict):
    """Protection against a destroy, and what it leaves behind."""

    deletion_protection: Switch = Field(default=True, description="AWS refuses to delete database and load balancer")
    final_snapshot: Switch = Field(default=True, description="a destroy takes a last snapshot of the database")
    keep_bucket: Switch = Field(default=True, description="a destroy keeps the bucket with the evidence")


class Zone(Strict):
    """The two subnets of one availability zone."""

    public: Cidr
    private: Cidr


class Network(Strict):
    """Addresses, zones, and the networks of administrators."""

    vpc_cidr: Cidr
    zones: dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$")], Zone] = Field(
        min_length=2, description="subnets by zone; at least two, so that the site stays up when one is lost"
    )
    nat: Literal["single", "per_zone", "none"] = Field(
        default="single",
        description="one NAT gateway, or one in each zone; none: no way to the internet, but endpoints of AWS",
    )
    admin_cidrs: tuple[Cidr, ...] = Field(description="networks that may reach port 22 of the bastion", min_length=1)
    public_key: str | None = Field(default=None, description="an OpenSSH public key; null: a key pair is created")
    flow_log_days: Count = 30

    _days = field_validator("flow_log_days")(check_retention)

    @field_validator("public_key")
    @classmethod
    def _is_public(cls, key: str | None) -> str | None:
        if key is None:
            return None
        if not key.strip().startswith(("ssh-ed25519 ", "ssh-rsa ")):
            raise ValueError("not an OpenSSH public key that EC2 takes; it starts with ssh-ed25519 or ssh-rsa")
        return check_public_key(key)

    @field_validator("admin_cidrs")
    @classmethod
    def _not_the_world(cls, cidrs: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
        for number, cidr in enumerate(cidrs):
            if cidr in cidrs[:number]:
                raise ValueError(f"lists {cidr} twice")
            # 0.0.0.0/1 and 128.0.0.0/1 together are all addresses; no organisation has more than a /8.
            if cidr.prefixlen < 8:
                raise ValueError(f"{cidr} opens SSH to the world; give the networks that administrators come from")
        return cidrs


# AWS creates no new nodes of these types; r6gd requires data tiering, which sessions do not need.
# https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
_UNAVAILABLE_NODES = ("cache.t1.", "cache.m1.", "cache.m2.", "cache.m3.", "cache.c1.", "cache.r3.", "cache.r6gd.")


class Sessions(Strict):
    """Where the application stores sessions."""

    store: Literal["cookie", "elasticache"] = Field(
        default="cookie",
        description="a signed cookie, or Valkey, where a sign-out ends the session on the server",
    )
    node_type: Annotated[str, StringConstraints(pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$")] = "cache.t4g.micro"
    replicas: Annotated[int, Field(strict=True, ge=0, le=5)] = Field(
        default=1, description="replicas in other zones; with 0, losing the node signs all users out"
    )

    @field_validator("node_type")
    @classmethod
    def _is_available(cls, name: str) -> str:
        if name.startswith(_UNAVAILABLE_NODES):
            raise ValueError(f"AWS does not offer {name} for this cache; use cache.t4g.micro or larger")
        return name


class Data(Strict):
    """The database, and the sessions of the application."""

    engine_version: Annotated[str, StringConstraints(strict=True, pattern=r"^8\.4(\.[0-9]+)?$")] = "8.4"
    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")] = "db.t4g.micro"
    storage_gb: Annotated[int, Field(strict=True, ge=20, le=65536)] = 20
    multi_az: Switch = False
    backup_days: Annotated[int, Field(strict=True, ge=1, le=35)] = 7
    backup_window: Annotated[str, StringConstraints(pattern=f"^{CLOCK}-{CLOCK}$")] = "08:00-08:30"
    maintenance_window: Annotated[str, StringConstraints(pattern=f"^{DAY}:{CLOCK}-{DAY}:{CLOCK}$")] = (
        "sun:09:00-sun:09:30"
    )
    minor_upgrades: Switch = True
    log_exports: tuple[Literal["audit", "error", "general", "slowquery"], ...] = ("error", "slowquery")
    log_days: Count = 30
    monitoring_seconds: Literal[0, 1, 5, 10, 15, 30, 60] = 60
    sessions: Sessions = Sessions()

    _days = field_validator("log_days")(check_retention)

    @field_validator("instance_class")
    @classmethod
    def _is_offered(cls, name: str) -> str:
        if name.startswith(("db.t2.", "db.m4.", "db.r4.")):
            raise ValueError(f"AWS has retired {name}; use db.t4g.micro or larger")
        return name


class Certificate(Strict):
    """Exactly one of: an existing certificate, one for a domain in Route 53, or a self-signed one."""

    arn: (
        Annotated[str, StringConstraints(pattern=r"^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$")]
        | None
    ) = None
    domain: Annotated[str, StringConstraints(pattern=f"^{DOMAIN}$")] | None = None
    hosted_zone: Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]+$")] | None = None
    # ub-common-name: https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1
    self_signed: Annotated[str, StringConstraints(max_length=64)] | None = None

    @field_validator("self_signed")
    @classmethod
    def _is_full(cls, name: str | None) -> str | None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html."""
        if name is not None and not re.fullmatch(DOMAIN, name):
            raise ValueError(
                "write a full domain name in small letters, e.g. web.dev.test: load balancers refuse others"
            )
        return name

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(map(bool, (self.arn, self.domain, self.self_signed))) != 1:
            raise ValueError("give exactly one of arn, domain (with hosted_zone) or self_signed")
        if bool(self.domain) != bool(self.hosted_zone):
            raise ValueError("domain and hosted_zone belong together: the domain is validated in the hosted zone")
        return self


HealthPath = Annotated[str, StringConstraints(pattern=r"^/[!-~]{0,1023}$")]


class HealthCheck(Strict):
    """When a web server counts as healthy (times in seconds)."""

    path: HealthPath = "/healthz"
    former_path: HealthPath | None = Field(
        default=None,
        description="to change path: the present one, once the deployed version answers at both",
    )
    interval: Annotated[int, Field(strict=True, ge=5, le=300)] = 15
    healthy: Annotated[int, Field(strict=True, ge=2, le=10)] = 2
    unhealthy: Annotated[int, Field(strict=True, ge=2, le=10)] = 2


NEWEST = "newest"
"""The machine image that AWS has published last."""
BAKED = "baked"
"""An image that is made of that, with the servers' programs in it."""


class Compute(Strict):
    """Load balancer, web servers and bastion."""

    certificate: Certificate
    instance_type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")] = "t4g.small"
    architecture: Literal["arm64", "x86_64"] = "arm64"
    image: Annotated[str, StringConstraints(pattern=rf"^({NEWEST}|{BAKED}|ami-[0-9a-f]{{8,17}})$")] | None = Field(
        default=None,
        description="the machine image; null: the newest Amazon Linux 2023 at first, then the one in use is kept;"
        " newest: each apply takes the newest; baked: each apply makes one of the newest, with packages and agents",
    )
    volume_gb: Annotated[int, Field(strict=True, ge=8, le=16384)] = 8
    app_port: Annotated[int, Field(strict=True, ge=1024, le=65535)] = 8080
    health_check: HealthCheck = HealthCheck()
    grace_seconds: Annotated[int, Field(strict=True, ge=60, le=7200)] = 300
    deregistration_seconds: Annotated[int, Field(strict=True, ge=10, le=3600)] = Field(
        default=60, description="at least as long as the longest request of the application"
    )
    max_per_zone: Annotated[int, Field(strict=True, ge=1, le=20)] = 2
    scaling: Scaling | None = Field(default=None, description="null: one server in each zone, whatever the load")
    schedules: tuple[Schedule, ...] = Field(default=(), description="sizes from a time of day or week on")
    access_log_days: Annotated[int, Field(strict=True, ge=1, le=3650)] = 90
    bastion: Literal["ssh", "ssm", "instance_connect_endpoint", "none"] = Field(
        default="ssh",
        description="ssh: a server open to admin_cidrs; ssm: one without an open port, by Session Manager;"
        " instance_connect_endpoint: SSH through an endpoint of EC2, without a server",
    )
    bastion_type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")] = "t4g.nano"


class GitHubRevision(Strict):
    """A commit that CodeDeploy fetches from GitHub; authorise it once in the console."""

    repository: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    commit: Annotated[str, StringConstraints(strict=True, pattern="^[0-9a-f]{40}$")]


class Deploy(Strict):
    """How a revision reaches the web servers."""

    source: Literal["s3", "github"] = "s3"
    github: GitHubRevision | None = None
    configuration: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+=,@-]+$")] = "CodeDeployDefault.OneAtATime"
    revision: Annotated[str, StringConstraints(strict=True, pattern=REVISION)] | None = Field(
        default=None,
        description="an earlier revision, in place of webapp/ or of github.commit: the SHA-256 of a stored bundle, or"
        " owner/name@commit; `runbook rollback` sets it for its own run",
    )

    rollback_alarms: tuple[Annotated[str, StringConstraints(strict=True, pattern=r"^[^:]{1,255}$")], ...] = Field(
        default=(),
        max_length=10,  # https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
        description="names of CloudWatch alarms; one that is active stops a deployment, which is rolled back",
    )

    rollback_function: Switch = Field(
        default=False,
        description="a Lambda function deploys the last revision that worked when a deployment ends without every"
        " server having it, and CodeDeploy does not roll back",
    )

    @field_validator("rollback_alarms")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for number, name in enumerate(names):
            if name in names[:number]:
                raise ValueError(f"lists {name} twice")
        return names

    @field_validator("configuration")
    @classmethod
    def _some_server_stays(cls, name: str) -> str:
        # https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
        if name == "CodeDeployDefault.AllAtOnce":
            raise ValueError(
                "takes every server out of the load balancer at the same time, so the site is down during a deployment;"
                " use CodeDeployDefault.OneAtATime or CodeDeployDefault.HalfAtATime"
            )
        return name

    @model_validator(mode="after")
    def _github_matches_source(self) -> Self:
        if (self.source == "github") != (self.github is not None):
            raise ValueError("source: github and github: {repository, commit} belong together")
        return self


class GitHub(Strict):
    """The GitHub workflows that may deploy here, without access keys, by their OIDC tokens."""

    repository: Annotated[str, StringConstraints(pattern=REPOSITORY)] = Field(
        description="owner/name, or owner@id/name@id when the tokens have ids"
    )
    environments: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=255)], ...] = Field(
        description="GitHub environments whose jobs may deploy here; their protection rules apply", min_length=1
    )


class Params(Strict):
    """All parameters of one environment."""

    env: Annotated[str, StringConstraints(strict=True, pattern=ENV)]
    account: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{12}$")]
    region: Annotated[str, StringConstraints(strict=True), AfterValidator(check_region)]
    endpoint: Literal["embedded"] | None = None
    tags: Tags = Tags()
    approval: Approval = Approval()
    evidence: Evidence = Evidence()
    guards: Guards = Guards()
    network: Network
    data: Data = Data()
    compute: Compute
    app: App = App()
    deploy: Deploy = Deploy()
    controls: Controls = Controls()
    github: GitHub | None = None
    alarms: Alarms = Alarms()
    dashboard: Switch = Field(default=False, description="whether CloudWatch has a dashboard of the environment")
    permissions_boundary: Annotated[str, StringConstraints(pattern=POLICY)] | None = Field(
        default=None, description="the ARN of an IAM policy that limits every role the runbook creates"
    )

    adopt: Adopted = Field(
        default={},
        description="what becomes this environment's although it is not tagged so yet: its id, ARN or name by the"
        " resource's key; `runbook adopt` sets it for its own run",
    )

    @field_validator("account", mode="before")
    @classmethod
    def _is_account(cls, account: object) -> object:
        if isinstance(account, int):
            raise ValueError(
                'write it in quotes ("012345670123"): YAML reads it as a number, with a leading 0 as an octal one'
            )
        if isinstance(account, str) and not re.fullmatch("[0-9]{12}", account):
            raise ValueError("an account number has 12 digits")
        return account
