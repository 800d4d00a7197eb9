"""Every operation that the embedded AWS changes or adds has somebody who calls it."""

import json
import re
from pathlib import Path

import botocore.session
from botocore import xform_name

from runbook_lib import paths

# Operations that neither the library, a notebook, the web application nor a document names, by who calls them.
# An ordinary stack of the hashicorp/aws provider 5.100:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs
TERRAFORM = {
    "aws_autoscaling_group": "autoscaling.enable_metrics_collection "
    "autoscaling.resume_processes autoscaling.set_desired_capacity autoscaling.cancel_instance_refresh "
    "autoscaling.describe_instance_refreshes autoscaling.rollback_instance_refresh",
    "aws_autoscaling_lifecycle_hook": "autoscaling.put_lifecycle_hook autoscaling.delete_lifecycle_hook",
    "aws_eip_association": "ec2.associate_address ec2.disassociate_address",
    "aws_iam_instance_profile": "iam.list_instance_profiles iam.list_instance_profile_tags",
    "aws_instance": "ec2.monitor_instances ec2.unmonitor_instances ec2.stop_instances",
    "aws_network_interface": "ec2.delete_network_interface",
    "aws_security_group": "ec2.update_security_group_rule_descriptions_egress "
    "ec2.update_security_group_rule_descriptions_ingress",
    "aws_elasticache_cluster": "elasticache.create_cache_cluster elasticache.modify_cache_cluster "
    "elasticache.reboot_cache_cluster elasticache.delete_cache_cluster elasticache.remove_tags_from_resource",
    "aws_elasticache_parameter_group": "elasticache.create_cache_parameter_group "
    "elasticache.describe_cache_parameter_groups elasticache.describe_cache_parameters "
    "elasticache.modify_cache_parameter_group elasticache.reset_cache_parameter_group "
    "elasticache.delete_cache_parameter_group",
    "aws_elasticache_engine_version": "elasticache.describe_cache_engine_versions",
    "aws_lb_listener_rule": "elbv2.create_rule elbv2.modify_rule elbv2.delete_rule",
    "aws_lb_target_group_attachment": "elbv2.register_targets",
    "aws_rds_engine_version": "rds.describe_db_engine_versions",
    "aws_rds_orderable_db_instance": "rds.describe_orderable_db_instance_options",
    "aws_db_instance": "rds.restore_db_instance_from_db_snapshot",
    "aws_route53_zone": "route53.create_hosted_zone",
    "aws_secretsmanager_secret": "secretsmanager.put_resource_policy secretsmanager.untag_resource "
    "secretsmanager.update_secret",
    "aws_secretsmanager_secret_rotation": "secretsmanager.rotate_secret",
    "aws_secretsmanager_secret_version": "secretsmanager.put_secret_value secretsmanager.update_secret_version_stage",
}
OTHERS = {
    "CodeDeploy's launch hook": "autoscaling.record_lifecycle_action_heartbeat",
    "alarms that act on a group": "autoscaling.execute_policy",
    "aws ec2 reboot-instances, in an exercise": "ec2.reboot_instances",
    "aws cloudwatch set-alarm-state and describe-alarm-history, in an exercise": "cloudwatch.set_alarm_state "
    "cloudwatch.describe_alarm_history",
}
PRODUCT = ("runbook_lib", "notebooks", "docs", "embedded-aws/embedded_aws/cli", "embedded-aws/README.md")
TEXT = {".py", ".ipynb", ".md", ".sh"}


def called_by_others():
    return {operation for group in (TERRAFORM, OTHERS) for names in group.values() for operation in names.split()}


def changed_operations():
    """The AWS operations among the patched methods, as `service.operation` with all spellings of their names."""
    session = botocore.session.get_session()
    services = session.get_available_services()
    chains = json.loads(Path(__file__).with_name("golden").joinpath("patch_chains.json").read_text())["chains"]
    operations = {}
    for method in chains:
        service, name = method.split(".")[1], method.rpartition(".")[2].removeprefix("+")
        if service in services:
            known = {xform_name(one): one for one in session.get_service_model(service).operation_names}
            if name in known:
                operations[f"{service}.{name}"] = {name, known[name], name.replace("_", "-")}
    return operations


def words_of_the_product():
    root = paths.checkout()
    files = [file for part in PRODUCT for file in (root / part, *(root / part).rglob("*"))]
    text = "\n".join(file.read_text() for file in files if file.suffix in TEXT)
    return set(re.findall(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*", text))


def test_every_changed_operation_is_called_by_somebody():
    """What nobody calls is removed from the embedded AWS."""
    operations, words = changed_operations(), words_of_the_product()
    assert len(operations) > 100
    unused = {name for name, spellings in operations.items() if not spellings & words}
    assert unused - called_by_others() == set()


def test_the_tables_name_only_what_is_changed():
    assert called_by_others() - changed_operations().keys() == set()
