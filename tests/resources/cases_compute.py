"""What the contract is tested with, kind by kind: as first wanted, and as wanted later."""

from runbook_lib.resources.auto_scaling_group import AutoScalingGroup
from runbook_lib.resources.baked_image import BakedImage
from runbook_lib.resources.bucket import Bucket
from runbook_lib.resources.certificate import GivenCertificate
from runbook_lib.resources.dashboard import Dashboard
from runbook_lib.resources.hosted_zone import HostedZone
from runbook_lib.resources.imported_certificate import ImportedCertificate
from runbook_lib.resources.instance import Instance
from runbook_lib.resources.instance_profile import InstanceProfile
from runbook_lib.resources.instance_refresh import InstanceRefresh
from runbook_lib.resources.key_pair import KeyPair
from runbook_lib.resources.launch_template import LaunchTemplate
from runbook_lib.resources.listener import Listener, RedirectListener
from runbook_lib.resources.load_balancer import LoadBalancer
from runbook_lib.resources.machine_image import MachineImage
from runbook_lib.resources.requested_certificate import RequestedCertificate
from runbook_lib.resources.role import Role
from runbook_lib.resources.route import Route
from runbook_lib.resources.scaling_policy import ScalingPolicy
from runbook_lib.resources.scheduled_action import ScheduledAction
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.resources.target_group import TargetGroup
from tests.resources.cases_network import A, B, alb, gateway, nat, private, public, ssh_key, table, vpc, web
from tests.support.changeable import SECRET, Changed

role = Role(name="web", service="ec2.amazonaws.com")
other_role = Role(name="other", service="ec2.amazonaws.com")
profile = InstanceProfile(name="web", role=role)
bucket = Bucket(name="runbook", kept=False)
image = MachineImage(name="al2023", parameter="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
certificate = ImportedCertificate(name="web", domain="web.example.test")
other_certificate = ImportedCertificate(name="other", domain="other.example.test")
GIVEN = "arn:aws:acm:us-west-2:123456789012:certificate/11112222-3333-4444-5555-666677778888"
BOTH = (public[A], public[B])
way_out = Route(name="private-a", table=table, via=nat)
key_pair = KeyPair(name="bastion", public=ssh_key)


def baked(**changed):
    given = {"base": image, "instance_type": "t4g.small", "subnet": private[A], "groups": (web,), "profile": profile}
    recipe = "#cloud-config\npower_state: {mode: poweroff}\n"
    return BakedImage(**{"name": "web", "recipe": recipe, "way_out": (way_out,)} | given | changed)


def balancer(**changed):
    return LoadBalancer(
        **{"name": "web", "subnets": BOTH, "gateway": gateway, "groups": (alb,), "logs": bucket, "protected": False}
        | changed
    )


def targets(**changed):
    return TargetGroup(**{"name": "web", "vpc": vpc, "port": 8080, "path": "/healthz"} | changed)


def template(**changed):
    given = {"image": image, "instance_type": "t4g.small", "profile": profile, "groups": (web,), "volume_gb": 8}
    return LaunchTemplate(**{"name": "web", "user_data": "#cloud-config\n"} | given | changed)


def servers(**changed):
    given = {"template": template(), "target_group": targets(), "subnets": (private[A], private[B])}
    sizes = {"least": 2, "most": 4, "grace_seconds": 300}
    return AutoScalingGroup(**{"name": "web", "way_out": (way_out,)} | given | sizes | changed)


def bastion(**changed):
    given = {"image": image, "instance_type": "t4g.nano", "subnet": public[A], "key_pair": key_pair}
    return Instance(**{"name": "bastion", "groups": (web,), "profile": profile} | given | changed)


def https(**changed):
    given = {"balancer": balancer(), "port": 443, "certificate": certificate, "target_group": targets()}
    return Listener(**{"name": "https"} | given | changed)


def scheduled(**changed):
    given = {"servers": servers(), "recurrence": "0 7 * * *", "minimum": 3, "maximum": 4, "time_zone": "Europe/Zurich"}
    return ScheduledAction(name="morning", **given | changed)


def graphs(title):
    requests = ("AWS/ApplicationELB RequestCount", (("LoadBalancer", "{}", balancer()),))
    return Dashboard(name="overview", region="us-west-2", graphs=((title, "Sum", (requests,)),))


CASES = {
    "machine image": (image, None),
    # Another recipe makes another image and keeps this one, so going back changes nothing: see test_baked_image.py.
    "baked image": (baked(), None),
    "instance profile": (profile, InstanceProfile(name="web", role=other_role)),
    "random secret": (RandomSecret(name="web/session", random="key"), None),
    "imported certificate": (certificate, None),
    "given certificate": (GivenCertificate(name="web", known_as=GIVEN), None),
    "hosted zone": (HostedZone(name="web", known_as="Z0123456789EXAMPLE"), None),
    "requested certificate": (RequestedCertificate(name="web", domain="www.example.com"), None),
    "load balancer": (balancer(), balancer(groups=(alb, web))),
    "target group": (
        targets(),
        targets(path="/other", former_path="/healthz", interval=30, healthy=3, deregistration_seconds=5),
    ),
    "https listener": (https(), https(certificate=other_certificate)),
    "http listener": (
        RedirectListener(name="http", balancer=balancer(), port=80),
        RedirectListener(name="http", balancer=balancer(), port=80, to_port=8443),
    ),
    "launch template": (template(), template(instance_type="t4g.medium", volume_gb=20, user_data="#cloud-config\n\n")),
    "auto scaling group": (servers(), servers(most=6, grace_seconds=120)),
    "instance refresh": (InstanceRefresh(name="web", servers=servers(), template=template()), None),
    "instance": (bastion(), bastion(groups=(web, alb))),
    "instance without a key": (
        bastion(name="bastion-ssm", key_pair=None, subnet=private[A], public=False),
        bastion(name="bastion-ssm", key_pair=None, subnet=private[A], public=False, groups=(web, alb)),
    ),
    "auto scaling group with a schedule": (servers(scheduled=((4, 8),)), servers(scheduled=((4, 8),), most=6)),
    "scaling policy": (
        ScalingPolicy(name="web", servers=servers(), metric="cpu", target=50),
        ScalingPolicy(name="web", servers=servers(), metric="requests_per_target", target=1000.5, listener=https()),
    ),
    "scheduled action": (scheduled(), scheduled(recurrence="0 8 * * MON-FRI", maximum=5, capacity=3)),
    "dashboard": (graphs("Requests"), graphs("All requests")),
}

# What a person can change of each, and what of that is compared: tests/support/changeable.py.
_RULES = {"of network load balancers": "AlpnPolicy", "headers of answers, and a call more": "ModifyListenerAttributes"}
_CERTIFICATE = Changed(
    "acm", "CertificateArn", {}, {"whether the certificate is in public logs, or may be exported": "Options"}
)
BY_HAND = {
    AutoScalingGroup: Changed(
        "autoscaling", "AutoScalingGroupName",
        {"hooks": "PutLifecycleHook", "template": "LaunchTemplate LaunchConfigurationName MixedInstancesPolicy",
         "least": "MinSize", "most": "MaxSize", "health": "HealthCheckType", "grace_seconds": "HealthCheckGracePeriod",
         "subnets": "VPCZoneIdentifier AvailabilityZones AvailabilityZoneIds", "spread": "AvailabilityZoneDistribution",
         "settings": "DefaultCooldown TerminationPolicies NewInstancesProtectedFromScaleIn MaxInstanceLifetime"
         " CapacityRebalance DefaultInstanceWarmup"},
        {"scaling's own, between the least and the most": "SetDesiredCapacity DesiredCapacity",
         "one server's, gone with it": "SetInstanceProtection",
         "another resource of ours compares it": "PutScalingPolicy PutScheduledUpdateGroupAction",
         "who is told": "PutNotificationConfiguration", "a call more; it holds spare servers only": "PutWarmPool",
         "changes no server that there is": "PlacementGroup ServiceLinkedRoleARN Context DesiredCapacityType"
         " InstanceMaintenancePolicy AvailabilityZoneImpairmentPolicy CapacityReservationSpecification"
         " InstanceLifecyclePolicy DeletionProtection"},
    ),
    BakedImage: Changed(
        "ec2", "ImageId", {}, {"nobody but this account is to use it, and it holds no secret":
                               "ModifyImageAttribute",
                               "for which types it is offered first": "ReplaceImageInstanceTypeSpecification"},
    ),
    Dashboard: Changed("cloudwatch", "DashboardName", {"body": "DashboardBody"}),
    ImportedCertificate: _CERTIFICATE,
    RequestedCertificate: _CERTIFICATE,
    Instance: Changed(
        "ec2", "InstanceId",
        {"groups": "Groups", "instance_type": "InstanceType",
         "imds": "HttpTokens HttpPutResponseHopLimit HttpEndpoint InstanceMetadataTags"},
        {"a call for each in every plan; the bastion holds nothing": "Value SourceDestCheck EnclaveOptions"
         " DisableApiStop BlockDeviceMappings DisableApiTermination Kernel Ramdisk UserData"
         " InstanceInitiatedShutdownBehavior"
         " EbsOptimized SriovNetSupport EnaSupport ModifyInstanceCapacityReservationAttributes"
         " ModifyInstanceCpuOptions ModifyInstanceMaintenanceOptions HttpProtocolIpv6"
         " ModifyInstanceNetworkPerformanceOptions ModifyInstancePlacement ModifyPrivateDnsNameOptions",
         "a date of AWS's, not a setting": "ModifyInstanceEventStartTime"},
    ),
    InstanceProfile: Changed("iam", "InstanceProfileName"),
    InstanceRefresh: Changed(),
    LaunchTemplate: Changed(
        "ec2", "LaunchTemplateId LaunchTemplateName", {"user_data": "DefaultVersion"}, also="ModifyLaunchTemplate"
    ),
    Listener: Changed(
        "elbv2", "ListenerArn",
        {"port": "Port", "protocol": "Protocol", "policy": "SslPolicy", "certificate": "Certificates",
         "target_group": "DefaultActions"},
        _RULES | {"asks clients for a certificate: they notice": "MutualAuthentication"},
    ),
    RedirectListener: Changed(
        "elbv2", "ListenerArn", {"port": "Port", "to_port": "DefaultActions Protocol"},
        _RULES | {"of HTTPS": "SslPolicy Certificates MutualAuthentication"},
    ),
    LoadBalancer: Changed(
        "elbv2", "LoadBalancerArn",
        {"groups": "SecurityGroups", "subnets": "Subnets SubnetMappings", "attributes": "Attributes"},
        {"of network load balancers": "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
         " EnablePrefixForIpv6SourceNat",
         "needs IPv6 ranges or address pools, which there are none of": "SetIpAddressType IpAddressType ModifyIpPools",
         "capacity that is paid for: it keeps nobody out": "ModifyCapacityReservation"},
    ),
    RandomSecret: SECRET,
    ScalingPolicy: Changed(
        "autoscaling", "PolicyName",
        {"servers": "AutoScalingGroupName", "metric": "PolicyType TargetTrackingConfiguration", "enabled": "Enabled"},
        {"of other types of policies": "AdjustmentType MinAdjustmentStep MinAdjustmentMagnitude ScalingAdjustment"
         " Cooldown MetricAggregationType StepAdjustments PredictiveScalingConfiguration",
         "only delays scaling": "EstimatedInstanceWarmup"},
    ),
    ScheduledAction: Changed(
        "autoscaling", "ScheduledActionName",
        {"servers": "AutoScalingGroupName", "recurrence": "Recurrence", "minimum": "MinSize", "maximum": "MaxSize",
         "capacity": "DesiredCapacity", "time_zone": "TimeZone"},
        {"AWS sets them to the next time": "Time StartTime EndTime"},
    ),
    TargetGroup: Changed(
        "elbv2", "TargetGroupArn",
        {"attributes": "Attributes HealthCheckProtocol HealthCheckPort", "path": "HealthCheckPath",
         "interval": "HealthCheckIntervalSeconds", "timeout": "HealthCheckTimeoutSeconds",
         "healthy": "HealthyThresholdCount", "unhealthy": "UnhealthyThresholdCount", "codes": "Matcher"},
        {"AWS always checks instances": "HealthCheckEnabled"},
    ),
}  # fmt: skip
