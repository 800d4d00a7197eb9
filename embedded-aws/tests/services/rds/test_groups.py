"""Subnet groups and parameter groups of databases: created, described, validated and deleted."""

import pytest

from services.database import Database
from services.errors import raises


@pytest.fixture
def database(network):
    """The groups for a database, without a database."""
    return Database(network)


def parameters(database, **filters):
    """Return name, value and apply method of the parameters that are set in the group."""
    found = database.rds.describe_db_parameters(DBParameterGroupName="app", **filters)["Parameters"]
    return {
        (one["ParameterName"], one["ParameterValue"], one["ApplyMethod"]) for one in found if "ParameterValue" in one
    }


def test_a_subnet_group_covers_two_zones(database, network):
    """At its creation and after each change; its name is unique."""
    one_zone = {"SubnetIds": network.subnets[:1], "DBSubnetGroupDescription": "one"}
    with raises("DBSubnetGroupDoesNotCoverEnoughAZs", "Current AZ coverage: us-west-2a."):
        database.rds.create_db_subnet_group(DBSubnetGroupName="one", **one_zone)
    with raises("DBSubnetGroupDoesNotCoverEnoughAZs"):
        database.rds.modify_db_subnet_group(DBSubnetGroupName="app", **one_zone)
    with raises("DBSubnetGroupAlreadyExists"):
        database.rds.create_db_subnet_group(
            DBSubnetGroupName="APP", DBSubnetGroupDescription="app", SubnetIds=network.subnets
        )
    with raises("InvalidParameterValue", "Some input subnets"):
        database.rds.create_db_subnet_group(
            DBSubnetGroupName="none", DBSubnetGroupDescription="none", SubnetIds=["subnet-00000000"]
        )
    other = network.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    far = network.ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with raises("InvalidSubnet", "not all in a common VPC"):
        database.rds.create_db_subnet_group(
            DBSubnetGroupName="far", DBSubnetGroupDescription="far", SubnetIds=[network.subnets[0], far]
        )


def test_a_subnet_group_is_kept_after_a_change(database, network):
    """moto drops it."""
    database.rds.modify_db_subnet_group(
        DBSubnetGroupName="app", DBSubnetGroupDescription="new", SubnetIds=network.subnets
    )
    (found,) = database.rds.describe_db_subnet_groups(DBSubnetGroupName="app")["DBSubnetGroups"]
    assert found["DBSubnetGroupDescription"] == "new"
    assert {subnet["SubnetIdentifier"] for subnet in found["Subnets"]} == set(network.subnets)


def test_groups_in_use_cannot_be_deleted(database):
    """They can after the deletion of the database."""
    database.create()
    with raises("InvalidDBSubnetGroupStateFault", "at least one database instance: app is still using it"):
        database.rds.delete_db_subnet_group(DBSubnetGroupName="app")
    with raises("InvalidDBParameterGroupState", "still members of this parameter group app"):
        database.rds.delete_db_parameter_group(DBParameterGroupName="app")
    database.delete()
    database.rds.delete_db_subnet_group(DBSubnetGroupName="app")
    database.rds.delete_db_parameter_group(DBParameterGroupName="app")
    with raises("DBParameterGroupNotFound"):
        database.rds.describe_db_parameter_groups(DBParameterGroupName="app")


def test_a_parameter_group_has_a_family(database):
    """One that exists; the name of the group is unique."""
    with raises("InvalidParameterValue", "mysql9.9 is not a valid parameter group family"):
        database.rds.create_db_parameter_group(
            DBParameterGroupName="x", DBParameterGroupFamily="mysql9.9", Description="x"
        )
    with raises("DBParameterGroupAlreadyExists"):
        database.rds.create_db_parameter_group(
            DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="x"
        )


def test_parameters_are_set_and_reset(database):
    """With the source `user`."""
    wanted = {("slow_query_log", "1", "immediate"), ("require_secure_transport", "ON", "pending-reboot")}
    keys = ("ParameterName", "ParameterValue", "ApplyMethod")
    params = [dict(zip(keys, values, strict=True)) for values in wanted]
    database.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=params)
    assert parameters(database, Source="user") == wanted
    assert parameters(database, Source="engine-default") == set()
    one = {"ParameterName": "slow_query_log", "ApplyMethod": "immediate"}
    with raises("InvalidParameterCombination", "ResetAllParameters must be false"):
        database.rds.reset_db_parameter_group(DBParameterGroupName="app", Parameters=[one], ResetAllParameters=True)
    assert parameters(database, Source="user") == wanted
    database.rds.reset_db_parameter_group(DBParameterGroupName="app", Parameters=[one])
    assert [name for name, _, _ in parameters(database, Source="user")] == ["require_secure_transport"]
    database.rds.reset_db_parameter_group(DBParameterGroupName="app", ResetAllParameters=True)
    assert parameters(database, Source="user") == set()


def test_static_parameters_wait_for_a_reboot(database):
    """The group describes them before one is set; one request has at most twenty."""

    def change(*names, method="immediate"):
        entries = [{"ParameterName": name, "ParameterValue": "1", "ApplyMethod": method} for name in names]
        database.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=entries)

    with raises("InvalidParameterCombination", "cannot use immediate apply method for static parameter"):
        change("slow_query_log", "performance_schema")
    with raises("InvalidParameterValue", "maximum of 20 parameters"):
        change(*[f"slow_{number}" for number in range(21)])
    change("performance_schema", method="pending-reboot")
    change("slow_query_log")
    found = database.rds.describe_db_parameters(DBParameterGroupName="app")["Parameters"]
    types = {one["ParameterName"]: (one["ApplyType"], one["Source"]) for one in found}
    assert types["performance_schema"] == ("static", "user")
    assert types["slow_query_log"] == ("dynamic", "user")
    assert types["back_log"] == ("static", "engine-default")


def test_default_groups_cannot_be_changed(database):
    """A database without a parameter group has a default one."""
    database.rds.create_db_instance(
        DBInstanceIdentifier="plain",
        DBInstanceClass="db.t4g.micro",
        Engine="mysql",
        EngineVersion="8.4.6",
        AllocatedStorage=20,
        MasterUsername="app_admin",
        ManageMasterUserPassword=True,
        DBSubnetGroupName="app",
        VpcSecurityGroupIds=[database.network.group],
    )
    name = database.described("plain")["DBParameterGroups"][0]["DBParameterGroupName"]
    assert name == "default.mysql8.4"
    with raises("InvalidDBParameterGroupState", "Default DBParameterGroup cannot be deleted"):
        database.rds.delete_db_parameter_group(DBParameterGroupName=name)
    one = {"ParameterName": "slow_query_log", "ParameterValue": "1", "ApplyMethod": "immediate"}
    with raises("InvalidParameterValue", "Cannot modify a default parameter group."):
        database.rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[one])


def test_versions_and_classes_are_listed(database):
    """The default version, and whether a class is available."""
    (default,) = database.rds.describe_db_engine_versions(Engine="mysql", EngineVersion="8.4", DefaultOnly=True)[
        "DBEngineVersions"
    ]
    assert (default["EngineVersion"], default["DBParameterGroupFamily"]) == ("8.4.6", "mysql8.4")
    options = database.rds.describe_orderable_db_instance_options(
        Engine="mysql", EngineVersion="8.4.6", DBInstanceClass="db.t4g.micro"
    )["OrderableDBInstanceOptions"]
    assert {option["StorageType"] for option in options} == {"standard", "gp2", "gp3", "io1", "io2"}
    assert all(option["MultiAZCapable"] for option in options)
    none = database.rds.describe_orderable_db_instance_options(Engine="mysql", DBInstanceClass="db.t3.nonsense")
    assert none["OrderableDBInstanceOptions"] == []
