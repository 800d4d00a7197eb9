"""What stock clients see of a database: lines in its log groups, and a description that is true of its engine."""

import time
from pathlib import Path

from embedded_aws.testing import eventually
from services.database import CREATE

GROUP = "/aws/rds/instance/app/{}"


def tail(simulation, group):
    """What `aws logs tail` shows, by the call that it makes: only version 2 of the CLI has it, and pip has 1.

    https://github.com/aws/aws-cli/blob/v2/awscli/customizations/logs/tail.py
    """
    pages = simulation.aws.client("logs").get_paginator("filter_log_events")
    since = int((time.time() - 600) * 1000)
    answers = pages.paginate(logGroupName=group, interleaved=True, startTime=since)
    return "\n".join(event["message"] for page in answers for event in page["events"])


def has_group(simulation, kind):
    groups = simulation.aws.client("logs").describe_log_groups(logGroupNamePrefix=GROUP.format(kind))["logGroups"]
    return bool(groups)


def test_the_log_groups_of_a_database_have_its_lines(simulation):
    """RDS creates a group that does not exist, keeps the retention of one that does, and tells of slow queries."""
    logs = simulation.aws.client("logs")
    logs.create_log_group(logGroupName=GROUP.format("error"))
    logs.put_retention_policy(logGroupName=GROUP.format("error"), retentionInDays=7)
    simulation.rds.create_db_parameter_group(
        DBParameterGroupName="slow", DBParameterGroupFamily="mysql8.4", Description="slow"
    )
    given = {"slow_query_log": "1", "long_query_time": "0.05", "log_output": "FILE"}
    parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "immediate"} for n, v in given.items()]
    simulation.rds.modify_db_parameter_group(DBParameterGroupName="slow", Parameters=parameters)
    simulation.create(EnableCloudwatchLogsExports=["error", "slowquery"], DBParameterGroupName="slow")
    simulation.run("SELECT SLEEP(0.1)")
    eventually(lambda: has_group(simulation, "slowquery"))
    eventually(lambda: "SELECT SLEEP(0.1)" in tail(simulation, GROUP.format("slowquery")))
    assert "ready for connections" in tail(simulation, GROUP.format("error"))
    streams = logs.describe_log_streams(logGroupName=GROUP.format("error"))["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["app"]
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/rds/instance/app/")["logGroups"]
    assert [group.get("retentionInDays") for group in groups] == [7, None]


def test_no_log_has_the_master_user_s_password(simulation):
    """Though every statement counts as slow: the embedded AWS keeps its own out of all logs."""
    simulation.rds.create_db_parameter_group(
        DBParameterGroupName="all", DBParameterGroupFamily="mysql8.4", Description="all"
    )
    given = {"slow_query_log": "1", "long_query_time": "0", "log_output": "FILE"}
    parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "immediate"} for n, v in given.items()]
    simulation.rds.modify_db_parameter_group(DBParameterGroupName="all", Parameters=parameters)
    simulation.create(EnableCloudwatchLogsExports=["error", "slowquery"], DBParameterGroupName="all")
    simulation.run("SELECT 'ours'")
    eventually(lambda: has_group(simulation, "slowquery"))
    eventually(lambda: "SELECT 'ours'" in tail(simulation, GROUP.format("slowquery")))
    texts = [tail(simulation, GROUP.format(kind)) for kind in ("error", "slowquery")]
    assert not [text for text in texts if simulation.secret()["password"] in text]


def test_a_database_that_exports_nothing_has_no_groups(simulation):
    simulation.create()
    simulation.run("SELECT 1")
    assert simulation.aws.client("logs").describe_log_groups()["logGroups"] == []


def test_what_rds_describes_is_what_the_engine_says(simulation):
    """User, first database, address, port and parameters; docs/rehearsal.md says where MariaDB differs."""
    simulation.rds.create_db_parameter_group(
        DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app"
    )
    given = {"max_connections": "77", "character_set_server": "utf8mb4", "time_zone": "UTC", "wait_timeout": "600"}
    parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "pending-reboot"} for n, v in given.items()]
    simulation.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=parameters)
    described = simulation.create(DBParameterGroupName="app")
    assert simulation.run("SELECT SUBSTRING_INDEX(USER(), '@', 1), DATABASE()") == (
        (described["MasterUsername"], described["DBName"]),
    )
    assert described["MasterUsername"] == CREATE["MasterUsername"]
    values = simulation.run(
        "SELECT @@max_connections, @@character_set_server, @@global.time_zone, @@global.wait_timeout"
    )
    assert values == ((77, "utf8mb4", "+00:00", 600),)
    (version,), page = simulation.run("SELECT VERSION()")[0], Path(__file__).parents[4] / "docs" / "rehearsal.md"
    if "MariaDB" in version:
        assert "`VERSION()`" in page.read_text(encoding="utf-8")
    else:
        assert version.startswith(described["EngineVersion"].rpartition(".")[0])
