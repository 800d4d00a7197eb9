"""A MySQL instance of RDS is a server of this machine; only its master user can log in."""

import re
import ssl

import psutil
import pymysql
import pytest

from embedded_aws.testing import eventually
from servers.mysql.simulation import PATIENCE, ask

LOST = (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError)


@pytest.mark.exhaustive
def test_it_is_creating_until_its_server_is_ready(simulation):
    """First without an endpoint, then with the forwarder's; the requested port stays as requested."""
    sent = {"DBInstanceIdentifier": "app", "DBInstanceClass": "db.t4g.micro", "Engine": "mysql", "AllocatedStorage": 20}
    made = simulation.rds.create_db_instance(**sent, MasterUsername="admin", ManageMasterUserPassword=True)[
        "DBInstance"
    ]
    assert (made["DBInstanceStatus"], "Endpoint" in made) == ("creating", False)
    found = simulation.available()
    assert found["Endpoint"]["Address"] == "localhost"
    assert found["Endpoint"]["Port"] != 3306
    assert found["PendingModifiedValues"] == {"Port": 3306}
    (status,) = simulation.report()["status"]
    assert status["endpoint"] == f"localhost:{found['Endpoint']['Port']}"
    assert "private server" in status["what"]


def test_the_secret_opens_it_over_tls_only(simulation):
    """With the certificate verified by name and by address."""
    simulation.rds.create_db_parameter_group(
        DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app"
    )
    strict = {"ParameterName": "require_secure_transport", "ParameterValue": "1", "ApplyMethod": "immediate"}
    simulation.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=[strict])
    simulation.create(DBParameterGroupName="app")
    assert simulation.run("SHOW STATUS LIKE 'Ssl_version'")[0][1].startswith("TLSv1.")
    assert simulation.run("SELECT 1", host="127.0.0.1") == ((1,),)
    assert not opens(simulation, tls=False)
    lax = {**strict, "ParameterValue": "0"}  # the rule is the group's, and the only reason
    simulation.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=[lax])
    eventually(lambda: opens(simulation, tls=False))


def test_no_other_login_is_accepted(simulation):
    """Neither a wrong password, nor an administrator, nor an anonymous user; and no other certificate is valid."""
    simulation.create()
    for user, password in (("app_admin", "wrong"), ("root", ""), ("rdsadmin", ""), ("", ""), ("mariadb.sys", "")):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            simulation.connect(user=user, password=password, database=None)
    known = {user for (user,) in simulation.run("SELECT user FROM mysql.user")}
    assert known - {"PUBLIC", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema"} == {
        "app_admin",
        "rdsadmin",
    }
    with pytest.raises(pymysql.err.OperationalError, match="certificate verify failed"):
        simulation.connect(ssl=ssl.create_default_context())


def test_the_master_user_is_not_a_superuser(simulation):
    """As on RDS: it can create users and schemas, but reads no file of this machine."""
    simulation.create()
    simulation.run("CREATE DATABASE other")
    simulation.run("CREATE USER visitor@'%%' IDENTIFIED BY 'Visitor-1'")
    with pytest.raises(pymysql.err.MySQLError):
        simulation.run("SELECT 1 INTO OUTFILE '/tmp/never'")
    with pytest.raises(pymysql.err.MySQLError):
        simulation.run("SET GLOBAL general_log = 1")


def test_passwords_are_on_no_command_line_and_in_no_file(simulation):
    """Nor in the logs, even if the parameter group enables them; only the owner can read the folder."""
    simulation.rds.create_db_parameter_group(
        DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app"
    )
    chatty = [("general_log", "1"), ("slow_query_log", "1"), ("long_query_time", "0"), ("log_output", "FILE")]
    parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "immediate"} for n, v in chatty]
    simulation.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=parameters)
    simulation.create(DBParameterGroupName="app")
    before = simulation.secret()["password"]
    rotate(simulation)
    passwords = [before.encode(), simulation.secret()["password"].encode()]
    files = [file for file in simulation.files() if file.is_file()]
    assert [str(file) for file in files if any(word in file.read_bytes() for word in passwords)] == []
    (server,) = simulation.servers()
    assert not any(word.decode() in " ".join(server.cmdline()) for word in passwords)
    assert not any(word.decode() in str(server.environ()) for word in passwords)
    (instance,) = (simulation.folder / "instances").iterdir()
    assert [folder.stat().st_mode & 0o777 for folder in (simulation.folder, instance, instance / "data")] == [0o700] * 3
    assert {link.laddr.ip for link in server.net_connections() if link.status == psutil.CONN_LISTEN} <= {"127.0.0.1"}


def rotate(simulation):
    """Set another password, in the secret and in the database."""
    simulation.rds.modify_db_instance(DBInstanceIdentifier="app", RotateMasterUserPassword=True, ApplyImmediately=True)
    eventually(lambda: opens(simulation), PATIENCE)


def opens(simulation, name="app", **changes):
    """Whether a login succeeds; any error but a rejection fails the test."""
    try:
        simulation.connect(name, **changes).close()
    except LOST:
        return False
    return True


@pytest.mark.exhaustive
def test_a_rotation_is_followed(simulation):
    """The new password is valid and the old one is not; open connections stay."""
    simulation.create()
    old = simulation.secret()["password"]
    with simulation.connect() as link:
        rotate(simulation)
        assert simulation.secret()["password"] != old
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            simulation.connect(password=old)
        assert ask(link, "SELECT 1") == ((1,),)


@pytest.mark.exhaustive
def test_two_databases_are_two_servers(simulation):
    """Each with its own data, password and port."""
    first, second = simulation.create("one"), simulation.create("two")
    assert first["Endpoint"]["Port"] != second["Endpoint"]["Port"]
    simulation.run("CREATE TABLE mine (id int)", "one")
    assert simulation.run("SHOW TABLES", "two") == ()
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        simulation.connect("one", password=simulation.secret("two")["password"])
    assert len(simulation.servers()) == 2


def test_large_data_passes_unchanged(simulation):
    """In both directions."""
    simulation.create()
    much = "0123456789" * 500_000
    assert simulation.run(f"SELECT CONCAT('{much}', '!')")[0][0] == f"{much}!"


def test_another_port_is_another_endpoint(simulation):
    """As on RDS, nothing answers at the old one; the data stays."""
    before = simulation.create()["Endpoint"]["Port"]
    simulation.run("CREATE TABLE mine (id int)")
    simulation.rds.modify_db_instance(DBInstanceIdentifier="app", DBPortNumber=3307, ApplyImmediately=True)
    eventually(lambda: simulation.described()["Endpoint"]["Port"] != before)
    assert simulation.described()["PendingModifiedValues"] == {"Port": 3307}
    assert simulation.run("SHOW TABLES") == (("mine",),)
    assert not opens(simulation, port=before)


def test_a_reboot_ends_connections_and_keeps_data(simulation):
    """Other changes have to wait for its end."""
    before = simulation.create()
    simulation.run("CREATE TABLE mine (id int)")
    with simulation.connect() as link:
        said = simulation.rds.reboot_db_instance(DBInstanceIdentifier="app")["DBInstance"]
        assert said["DBInstanceStatus"] == "rebooting"
        with pytest.raises(Exception, match="InvalidDBInstanceState"):
            simulation.rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=3)
        after = simulation.available()
        with pytest.raises(LOST):
            ask(link, "SELECT 1")
    assert after["Endpoint"] == before["Endpoint"]
    assert simulation.run("SHOW TABLES") == (("mine",),)


def test_a_killed_server_is_restarted(simulation):
    """With its data, at the same endpoint."""
    simulation.create()
    simulation.run("CREATE TABLE mine (id int)")
    (server,) = simulation.servers()
    server.kill()
    eventually(
        lambda: [one.pid for one in simulation.servers() if one.pid != server.pid] and opens(simulation), PATIENCE
    )
    assert simulation.run("SHOW TABLES") == (("mine",),)


@pytest.mark.exhaustive
def test_it_stops_and_starts(simulation):
    """A stopped database has no process."""
    simulation.create()
    simulation.run("CREATE TABLE mine (id int)")
    simulation.rds.stop_db_instance(DBInstanceIdentifier="app")
    eventually(lambda: not simulation.servers(), PATIENCE)
    assert not opens(simulation)
    assert simulation.status() == "stopped"
    simulation.rds.start_db_instance(DBInstanceIdentifier="app")
    simulation.available()
    assert simulation.run("SHOW TABLES") == (("mine",),)


def test_a_removed_rule_cuts_connections(simulation):
    """Open ones break and new ones are refused, until the rule is added again."""
    for name in ("app", "other"):
        simulation.create(name)
    closed = simulation.root / "closed-app"
    with simulation.connect() as link, simulation.connect("other") as untouched:
        closed.touch()
        eventually(lambda: not opens(simulation))
        with pytest.raises(LOST):
            ask(link, "SELECT 1")
        assert ask(untouched, "SELECT 1") == ((1,),)
    assert simulation.status() == "available"
    closed.unlink()
    eventually(lambda: opens(simulation))


def test_a_deleted_database_leaves_nothing(simulation):
    """Neither a process nor a file; its port is closed."""
    port = simulation.create()["Endpoint"]["Port"]
    simulation.rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    eventually(lambda: not simulation.servers() and not simulation.files(), PATIENCE)
    with pytest.raises(LOST):
        pymysql.connect(host="127.0.0.1", port=port, user="app_admin", connect_timeout=2)


def test_a_database_deleted_during_creation_leaves_nothing(simulation):
    sent = {"DBInstanceIdentifier": "app", "DBInstanceClass": "db.t4g.micro", "Engine": "mysql", "AllocatedStorage": 20}
    simulation.rds.create_db_instance(**sent, MasterUsername="admin", ManageMasterUserPassword=True)
    eventually(simulation.files)
    simulation.rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    eventually(lambda: not simulation.servers() and not simulation.files(), PATIENCE)


def test_a_final_snapshot_keeps_the_data(simulation):
    """A database restored from it has the data; it is deleted with the snapshot."""
    simulation.create()
    simulation.run("CREATE TABLE mine (id int)")
    simulation.rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="last")
    eventually(lambda: not simulation.servers() and simulation.files(), PATIENCE)
    simulation.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="next", DBSnapshotIdentifier="last")
    simulation.available("next")
    assert simulation.run("SHOW TABLES", "next") == (("mine",),)
    simulation.rds.delete_db_instance(DBInstanceIdentifier="next", SkipFinalSnapshot=True)
    simulation.rds.delete_db_snapshot(DBSnapshotIdentifier="last")
    eventually(lambda: not simulation.files(), PATIENCE)


def test_the_parameter_group_is_applied(simulation):
    """At run time where possible; an invalid value is reported when the server cannot start."""
    rds = simulation.rds
    rds.create_db_parameter_group(DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app")

    def put(**values):
        parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "immediate"} for n, v in values.items()]
        rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=parameters)

    put(collation_server="utf8mb4_0900_ai_ci", max_connections="77")
    simulation.create(DBParameterGroupName="app")
    assert re.match("utf8mb4_(uca1400|0900)_ai_ci", simulation.run("SELECT @@collation_server")[0][0])
    put(max_connections="88")
    eventually(lambda: simulation.run("SELECT @@max_connections") == ((88,),))
    put(character_set_server="no_such_set")
    rds.reboot_db_instance(DBInstanceIdentifier="app")
    eventually(lambda: simulation.status() == "incompatible-parameters", PATIENCE)
    events = rds.describe_events(SourceType="db-instance", SourceIdentifier="app")["Events"]
    assert "no_such_set" in events[-1]["Message"]
    put(character_set_server="utf8mb4")
    simulation.available()
