"""A database in a network, made by plain calls."""

import json

CREATE = {
    "DBInstanceIdentifier": "app",
    "DBInstanceClass": "db.t4g.micro",
    "Engine": "mysql",
    "EngineVersion": "8.4",
    "AllocatedStorage": 20,
    "StorageType": "gp3",
    "MasterUsername": "app_admin",
    "ManageMasterUserPassword": True,
}


class Database:
    """A subnet group and a parameter group `app`, and a database `app` of them on demand."""

    def __init__(self, network):
        self.network, self.rds = network, network.aws.client("rds")
        network.linked_role("rds")
        self.rds.create_db_subnet_group(
            DBSubnetGroupName="app", DBSubnetGroupDescription="app", SubnetIds=network.subnets
        )
        self.rds.create_db_parameter_group(
            DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app"
        )

    def create(self, **changes):
        """Make one; as RDS describes it afterwards."""
        asked = {"DBSubnetGroupName": "app", "DBParameterGroupName": "app", "VpcSecurityGroupIds": [self.network.group]}
        name = self.rds.create_db_instance(**(CREATE | asked | changes))["DBInstance"]["DBInstanceIdentifier"]
        return self.described(name)

    def modify(self, **changes):
        """Change it at once; as RDS describes it afterwards."""
        self.rds.modify_db_instance(DBInstanceIdentifier="app", ApplyImmediately=True, **changes)
        return self.described()

    def described(self, name="app"):
        (found,) = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return found

    def delete(self, **how):
        self.rds.delete_db_instance(**({"DBInstanceIdentifier": "app", "SkipFinalSnapshot": True} | how))

    def secrets(self):
        """What Secrets Manager holds, by name."""
        manager = self.network.aws.client("secretsmanager")
        listed = manager.list_secrets()["SecretList"]
        return {
            one["Name"]: json.loads(manager.get_secret_value(SecretId=one["ARN"])["SecretString"]) for one in listed
        }
