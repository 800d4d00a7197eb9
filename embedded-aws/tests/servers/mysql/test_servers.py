"""An RDS instance of MySQL is a server of this machine, opened by its master's secret and by nothing else."""

import re
import ssl

import psutil
import pymysql
import pytest

from embedded_aws.testing import eventually
from servers.mysql.rehearsal import PATIENCE, ask

LOST = (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError)


def test_it_is_creating_until_its_server_answers(rehearsal):
    """Without an address before, and with the forwarder's after; the port that was asked for stays asked for."""
    sent = {"DBInstanceIdentifier": "app", "DBInstanceClass": "db.t4g.micro", "Engine": "mysql", "AllocatedStorage": 20}
    made = rehearsal.rds.create_db_instance(**sent, MasterUsername="admin", ManageMasterUserPassword=True)["DBInstance"]
    assert (made["DBInstanceStatus"], "Endpoint" in made) == ("creating", False)
    found = rehearsal.available()
    assert found["Endpoint"]["Address"] == "localhost"
    assert found["Endpoint"]["Port"] != 3306
    assert found["PendingModifiedValues"] == {"Port": 3306}
    (status,) = rehearsal.told()["status"]
    assert status["endpoint"] == f"localhost:{found['Endpoint']['Port']}"
    assert "private server" in status["what"]


def test_the_secret_opens_it_over_tls_only(rehearsal):
    """With the certificate checked by name; by address as well."""
    rehearsal.rds.create_db_parameter_group(
        DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app"
    )
    strict = {"ParameterName": "require_secure_transport", "ParameterValue": "1", "ApplyMethod": "immediate"}
    rehearsal.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=[strict])
    rehearsal.create(DBParameterGroupName="app")
    assert rehearsal.run("SHOW STATUS LIKE 'Ssl_version'")[0][1].startswith("TLSv1.")
    assert rehearsal.run("SELECT 1", host="127.0.0.1") == ((1,),)
    assert not opens(rehearsal, tls=False)
    lax = {**strict, "ParameterValue": "0"}  # the rule is the group's, and the only reason
    rehearsal.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=[lax])
    eventually(lambda: opens(rehearsal, tls=False))


def test_nobody_else_gets_in(rehearsal):
    """Neither with a wrong password, nor as an administrator, nor as nobody; and no other certificate will do."""
    rehearsal.create()
    for user, password in (("app_admin", "wrong"), ("root", ""), ("rdsadmin", ""), ("", ""), ("mariadb.sys", "")):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            rehearsal.connect(user=user, password=password, database=None)
    known = {user for (user,) in rehearsal.run("SELECT user FROM mysql.user")}
    assert known - {"PUBLIC", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema"} == {
        "app_admin",
        "rdsadmin",
    }
    with pytest.raises(pymysql.err.OperationalError, match="certificate verify failed"):
        rehearsal.connect(ssl=ssl.create_default_context())


def test_the_master_is_no_superuser(rehearsal):
    """As on RDS: it may make users and schemas, but reads no file of this machine."""
    rehearsal.create()
    rehearsal.run("CREATE DATABASE other")
    rehearsal.run("CREATE USER visitor@'%%' IDENTIFIED BY 'Visitor-1'")
    with pytest.raises(pymysql.err.MySQLError):
        rehearsal.run("SELECT 1 INTO OUTFILE '/tmp/never'")
    with pytest.raises(pymysql.err.MySQLError):
        rehearsal.run("SET GLOBAL general_log = 1")


def test_passwords_are_on_no_command_line_and_in_no_file(rehearsal):
    """Also not in the logs, even if the parameter group asks for all statements; the folder is ours alone."""
    rehearsal.rds.create_db_parameter_group(
        DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app"
    )
    chatty = [("general_log", "1"), ("slow_query_log", "1"), ("long_query_time", "0"), ("log_output", "FILE")]
    parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "immediate"} for n, v in chatty]
    rehearsal.rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=parameters)
    rehearsal.create(DBParameterGroupName="app")
    before = rehearsal.secret()["password"]
    rotate(rehearsal)
    passwords = [before.encode(), rehearsal.secret()["password"].encode()]
    files = [file for file in rehearsal.files() if file.is_file()]
    assert [str(file) for file in files if any(word in file.read_bytes() for word in passwords)] == []
    (server,) = rehearsal.servers()
    assert not any(word.decode() in " ".join(server.cmdline()) for word in passwords)
    assert not any(word.decode() in str(server.environ()) for word in passwords)
    (instance,) = (rehearsal.folder / "instances").iterdir()
    assert [folder.stat().st_mode & 0o777 for folder in (rehearsal.folder, instance, instance / "data")] == [0o700] * 3
    assert {link.laddr.ip for link in server.net_connections() if link.status == psutil.CONN_LISTEN} <= {"127.0.0.1"}


def rotate(rehearsal):
    """Another password, in the secret and in the database."""
    rehearsal.rds.modify_db_instance(DBInstanceIdentifier="app", RotateMasterUserPassword=True, ApplyImmediately=True)
    eventually(lambda: opens(rehearsal), PATIENCE)


def opens(rehearsal, name="app", **changes):
    """Whether somebody gets in; nothing but a refusal counts as no."""
    try:
        rehearsal.connect(name, **changes).close()
    except LOST:
        return False
    return True


def test_a_rotation_is_followed(rehearsal):
    """The new password opens it and the old one does not; who is in stays in."""
    rehearsal.create()
    old = rehearsal.secret()["password"]
    with rehearsal.connect() as link:
        rotate(rehearsal)
        assert rehearsal.secret()["password"] != old
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            rehearsal.connect(password=old)
        assert ask(link, "SELECT 1") == ((1,),)


def test_two_databases_are_two_servers(rehearsal):
    """Each with its own data, password and port."""
    first, second = rehearsal.create("one"), rehearsal.create("two")
    assert first["Endpoint"]["Port"] != second["Endpoint"]["Port"]
    rehearsal.run("CREATE TABLE mine (id int)", "one")
    assert rehearsal.run("SHOW TABLES", "two") == ()
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        rehearsal.connect("one", password=rehearsal.secret("two")["password"])
    assert len(rehearsal.servers()) == 2


def test_much_comes_through_whole(rehearsal):
    """In both directions."""
    rehearsal.create()
    much = "0123456789" * 500_000
    assert rehearsal.run(f"SELECT CONCAT('{much}', '!')")[0][0] == f"{much}!"


def test_another_port_is_another_endpoint(rehearsal):
    """As on RDS, whoever has the old address finds nobody there; the data is the same."""
    before = rehearsal.create()["Endpoint"]["Port"]
    rehearsal.run("CREATE TABLE mine (id int)")
    rehearsal.rds.modify_db_instance(DBInstanceIdentifier="app", DBPortNumber=3307, ApplyImmediately=True)
    eventually(lambda: rehearsal.described()["Endpoint"]["Port"] != before)
    assert rehearsal.described()["PendingModifiedValues"] == {"Port": 3307}
    assert rehearsal.run("SHOW TABLES") == (("mine",),)
    assert not opens(rehearsal, port=before)


def test_a_reboot_ends_connections_and_keeps_data(rehearsal):
    """Other changes have to wait for its end."""
    before = rehearsal.create()
    rehearsal.run("CREATE TABLE mine (id int)")
    with rehearsal.connect() as link:
        said = rehearsal.rds.reboot_db_instance(DBInstanceIdentifier="app")["DBInstance"]
        assert said["DBInstanceStatus"] == "rebooting"
        with pytest.raises(Exception, match="InvalidDBInstanceState"):
            rehearsal.rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=3)
        after = rehearsal.available()
        with pytest.raises(LOST):
            ask(link, "SELECT 1")
    assert after["Endpoint"] == before["Endpoint"]
    assert rehearsal.run("SHOW TABLES") == (("mine",),)


def test_a_server_that_dies_comes_back(rehearsal):
    """With its data, at the same address."""
    rehearsal.create()
    rehearsal.run("CREATE TABLE mine (id int)")
    (server,) = rehearsal.servers()
    server.kill()
    eventually(lambda: [one.pid for one in rehearsal.servers() if one.pid != server.pid] and opens(rehearsal), PATIENCE)
    assert rehearsal.run("SHOW TABLES") == (("mine",),)


def test_it_stops_and_starts(rehearsal):
    """A stopped database has no process."""
    rehearsal.create()
    rehearsal.run("CREATE TABLE mine (id int)")
    rehearsal.rds.stop_db_instance(DBInstanceIdentifier="app")
    eventually(lambda: not rehearsal.servers(), PATIENCE)
    assert not opens(rehearsal)
    assert rehearsal.status() == "stopped"
    rehearsal.rds.start_db_instance(DBInstanceIdentifier="app")
    rehearsal.available()
    assert rehearsal.run("SHOW TABLES") == (("mine",),)


def test_a_cut_rule_cuts_connections(rehearsal):
    """Open ones break, new ones are refused, others are untouched; mended, they come in again."""
    for name in ("app", "other"):
        rehearsal.create(name)
    closed = rehearsal.root / "closed-app"
    with rehearsal.connect() as link, rehearsal.connect("other") as untouched:
        closed.touch()
        eventually(lambda: not opens(rehearsal))
        with pytest.raises(LOST):
            ask(link, "SELECT 1")
        assert ask(untouched, "SELECT 1") == ((1,),)
    assert rehearsal.status() == "available"
    closed.unlink()
    eventually(lambda: opens(rehearsal))


def test_a_deleted_database_leaves_nothing(rehearsal):
    """Neither a process nor a file; its port is closed."""
    port = rehearsal.create()["Endpoint"]["Port"]
    rehearsal.rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    eventually(lambda: not rehearsal.servers() and not rehearsal.files(), PATIENCE)
    with pytest.raises(LOST):
        pymysql.connect(host="127.0.0.1", port=port, user="app_admin", connect_timeout=2)


def test_a_database_that_is_deleted_while_it_is_made_leaves_nothing(rehearsal):
    """Nobody waits for its server then."""
    sent = {"DBInstanceIdentifier": "app", "DBInstanceClass": "db.t4g.micro", "Engine": "mysql", "AllocatedStorage": 20}
    rehearsal.rds.create_db_instance(**sent, MasterUsername="admin", ManageMasterUserPassword=True)
    eventually(rehearsal.files)
    rehearsal.rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    eventually(lambda: not rehearsal.servers() and not rehearsal.files(), PATIENCE)


def test_a_final_snapshot_keeps_the_data(rehearsal):
    """A database that is restored from it has them; once the snapshot goes, so do they."""
    rehearsal.create()
    rehearsal.run("CREATE TABLE mine (id int)")
    rehearsal.rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="last")
    eventually(lambda: not rehearsal.servers() and rehearsal.files(), PATIENCE)
    rehearsal.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="next", DBSnapshotIdentifier="last")
    rehearsal.available("next")
    assert rehearsal.run("SHOW TABLES", "next") == (("mine",),)
    rehearsal.rds.delete_db_instance(DBInstanceIdentifier="next", SkipFinalSnapshot=True)
    rehearsal.rds.delete_db_snapshot(DBSnapshotIdentifier="last")
    eventually(lambda: not rehearsal.files(), PATIENCE)


def test_the_parameter_group_counts(rehearsal):
    """At once where the server can; MySQL's collation becomes its sibling; a bad value is told when it cannot start."""
    rds = rehearsal.rds
    rds.create_db_parameter_group(DBParameterGroupName="app", DBParameterGroupFamily="mysql8.4", Description="app")

    def put(**values):
        parameters = [{"ParameterName": n, "ParameterValue": v, "ApplyMethod": "immediate"} for n, v in values.items()]
        rds.modify_db_parameter_group(DBParameterGroupName="app", Parameters=parameters)

    put(collation_server="utf8mb4_0900_ai_ci", max_connections="77")
    rehearsal.create(DBParameterGroupName="app")
    assert re.match("utf8mb4_(uca1400|0900)_ai_ci", rehearsal.run("SELECT @@collation_server")[0][0])
    put(max_connections="88")
    eventually(lambda: rehearsal.run("SELECT @@max_connections") == ((88,),))
    put(character_set_server="no_such_set")
    rds.reboot_db_instance(DBInstanceIdentifier="app")
    eventually(lambda: rehearsal.status() == "incompatible-parameters", PATIENCE)
    events = rds.describe_events(SourceType="db-instance", SourceIdentifier="app")["Events"]
    assert "no_such_set" in events[-1]["Message"]
    put(character_set_server="utf8mb4")
    rehearsal.available()
