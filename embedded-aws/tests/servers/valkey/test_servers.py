"""A cache is a server of this machine, reachable at the endpoint and under the rules of ElastiCache."""

import hashlib
from contextlib import contextmanager

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from embedded_aws.servers.ca import CertificateAuthority
from embedded_aws.servers.processes import ChildProcesses
from embedded_aws.servers.server import ServerFailed
from embedded_aws.servers.valkey.programs import find_program
from embedded_aws.servers.valkey.server import CacheServer
from embedded_aws.testing import eventually
from servers.valkey.simulation import PATIENCE, TOKEN
from tests.support.programs import require


@pytest.mark.exhaustive
def test_it_is_creating_until_its_server_is_ready(simulation):
    """First without an endpoint, then with one for writing and one for reading, with TLS only."""
    found = simulation.elasticache.create_replication_group(
        ReplicationGroupId="sessions",
        ReplicationGroupDescription="sessions",
        CacheNodeType="cache.t4g.micro",
        Engine="valkey",
        TransitEncryptionEnabled=True,
    )["ReplicationGroup"]
    assert (found["Status"], found["NodeGroups"]) == ("creating", [])
    simulation.available()
    assert simulation.endpoint()["Address"] == "localhost"
    simulation.connect().set("mine", "1")
    assert simulation.connect(endpoint=simulation.endpoint(kind="ReaderEndpoint")).get("mine") == "1"
    assert not simulation.opens(tls=False)
    (told,) = simulation.report()["status"]
    assert told["endpoint"] == f"localhost:{simulation.endpoint()['Port']}"
    assert told["what"].endswith("a private server of this machine")


def test_only_its_tokens_are_accepted(simulation):
    """Two while they are rotated; none of them is readable anywhere."""
    simulation.create(AuthToken=TOKEN)
    assert simulation.opens(password=TOKEN)
    assert not simulation.opens()
    assert not simulation.opens(password=TOKEN.upper())
    simulation.modify(AuthToken=TOKEN[::-1], AuthTokenUpdateStrategy="ROTATE")
    assert simulation.opens(password=TOKEN)
    assert simulation.opens(password=TOKEN[::-1])
    simulation.modify(AuthToken=TOKEN[::-1], AuthTokenUpdateStrategy="SET")
    assert not simulation.opens(password=TOKEN)
    assert simulation.opens(password=TOKEN[::-1])
    written = [file.read_bytes() for file in simulation.root.rglob("*") if file.is_file()]
    assert not [text for text in written if TOKEN.encode() in text or TOKEN[::-1].encode() in text]


def test_what_elasticache_restricts_is_restricted(simulation):
    """Clients cannot write files, or end the server; https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SupportedCommands.html."""
    simulation.create()
    link = simulation.connect()
    for command in ("CONFIG SET dir /tmp", "SHUTDOWN", "ACL SETUSER mine on nopass", "REPLICAOF NO ONE"):
        with pytest.raises(redis.exceptions.ResponseError):
            link.execute_command(*command.split())
    assert link.execute_command("ACL WHOAMI") == "default"


def test_the_parameter_group_is_applied(simulation):
    """At the start and at run time."""
    elasticache = simulation.elasticache

    def put(value):
        elasticache.modify_cache_parameter_group(
            CacheParameterGroupName="mine",
            ParameterNameValues=[{"ParameterName": "maxmemory-policy", "ParameterValue": value}],
        )

    elasticache.create_cache_parameter_group(
        CacheParameterGroupName="mine", CacheParameterGroupFamily="valkey8", Description="mine"
    )
    put("noeviction")
    simulation.create(CacheParameterGroupName="mine")
    link = simulation.connect()
    assert link.info("memory")["maxmemory_policy"] == "noeviction"
    put("allkeys-lru")
    eventually(lambda: link.info("memory")["maxmemory_policy"] == "allkeys-lru")


@contextmanager
def lost(link):
    """Assert that this connection is cut meanwhile."""
    link.ping()
    with link.pubsub() as open_one:
        open_one.subscribe("news")
        assert open_one.get_message(timeout=5)["type"] == "subscribe"
        yield
        with pytest.raises(redis.exceptions.ConnectionError):
            open_one.connection.read_response()


def test_a_removed_rule_cuts_connections(simulation):
    """Open ones break and new ones are refused, until the rule is added again; the server keeps running."""
    simulation.create()
    simulation.connect().set("mine", "1")
    closed = simulation.root / "closed-sessions"
    with lost(simulation.connect()):
        closed.touch()
        eventually(lambda: not simulation.opens())
    assert simulation.described()["Status"] == "available"
    closed.unlink()
    eventually(simulation.opens)
    assert simulation.connect().get("mine") == "1"


def test_a_failover_cuts_connections_and_keeps_the_data(simulation):
    """Another node is the primary, at the same endpoint, and an event says so."""
    before = simulation.create()
    simulation.connect().set("mine", "1")
    with lost(simulation.connect()):
        simulation.elasticache.test_failover(ReplicationGroupId="sessions", NodeGroupId="0001")
        after = simulation.available()
    assert _primary(before) == "sessions-001"
    assert _primary(after) == "sessions-002"
    assert before["NodeGroups"][0]["PrimaryEndpoint"] == after["NodeGroups"][0]["PrimaryEndpoint"]
    assert simulation.connect().get("mine") == "1"
    events = simulation.elasticache.describe_events(SourceIdentifier="sessions")["Events"]
    assert events[-1]["Message"] == "Failover from master node sessions-001 to replica node sessions-002 completed"


def _primary(group):
    members = group["NodeGroups"][0]["NodeGroupMembers"]
    return next(member["CacheClusterId"] for member in members if member["CurrentRole"] == "primary")


def test_a_killed_server_is_restarted(simulation):
    """At the same endpoint."""
    simulation.create()
    (server,) = simulation.servers()
    server.kill()
    eventually(lambda: [one.pid for one in simulation.servers() if one.pid != server.pid], PATIENCE)
    eventually(simulation.opens)


def test_a_deleted_cache_leaves_nothing(simulation):
    """Neither a process nor a file; a new cache of the same name is empty."""
    port = simulation.create()["NodeGroups"][0]["PrimaryEndpoint"]["Port"]
    simulation.connect().set("mine", "1")
    simulation.elasticache.delete_replication_group(ReplicationGroupId="sessions")
    eventually(lambda: not simulation.servers() and not simulation.files(), PATIENCE)
    assert not simulation.opens(endpoint={"Address": "127.0.0.1", "Port": port})
    eventually(lambda: not simulation.elasticache.describe_replication_groups()["ReplicationGroups"])
    simulation.create()
    assert simulation.connect().get("mine") is None


def test_a_single_node_is_a_server_too(simulation):
    """Without TLS where none is requested; it can be rebooted."""
    elasticache = simulation.elasticache
    elasticache.create_cache_cluster(CacheClusterId="one", Engine="redis", CacheNodeType="cache.t4g.micro")

    def found():
        return elasticache.describe_cache_clusters(CacheClusterId="one", ShowCacheNodeInfo=True)["CacheClusters"][0]

    eventually(lambda: found()["CacheClusterStatus"] == "available", PATIENCE)
    link = simulation.connect(tls=False, endpoint=found()["CacheNodes"][0]["Endpoint"])
    before = link.info("server")["run_id"]
    elasticache.reboot_cache_cluster(CacheClusterId="one", CacheNodeIdsToReboot=["0001"])
    eventually(lambda: found()["CacheClusterStatus"] == "available", PATIENCE)
    assert link.info("server")["run_id"] != before


def test_it_survives_a_restart_of_the_emulator(simulation):
    """With the same endpoint and the same data."""
    before = simulation.create()
    simulation.connect().set("mine", "1")
    simulation.aws.control("again")
    assert simulation.available()["NodeGroups"] == before["NodeGroups"]
    assert simulation.connect().get("mine") == "1"


def test_without_a_server_the_status_says_so(simulation):
    """The endpoint is an AWS name in the right region; nothing answers there."""
    (simulation.root / "path").write_text("")
    simulation.aws.control("again")
    simulation.create()
    assert simulation.endpoint()["Address"].startswith("master.sessions.")
    assert simulation.endpoint()["Address"].endswith(".usw2.cache.amazonaws.com")
    told = simulation.report()
    assert "no Valkey or Redis" in told["status"][0]["what"]
    assert (told["status"][0]["endpoint"], told["environment"], simulation.servers()) == ("", {}, [])


@pytest.fixture
def server(tmp_path):
    """A server by itself."""
    require("valkey-server")
    made = CacheServer(tmp_path, find_program(), CertificateAuthority(tmp_path / "authority"), ChildProcesses().start)
    yield made
    made.end()


def test_a_failed_start_has_the_servers_message(server):
    """It contains no token."""
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    with pytest.raises(ServerFailed, match="databases") as raised:
        server.run(tls=True, tokens=[token], parameters={"databases": "none"})
    assert token not in str(raised.value)


def test_an_application_trusts_it_by_the_hosts_environment(simulation, monkeypatch):
    """An application that uses the machine's own trust, as on AWS, is unchanged; without the variable it refuses."""
    simulation.create()
    there = simulation.endpoint()
    client = redis.Redis(there["Address"], there["Port"], ssl=True, retry=Retry(NoBackoff(), 0))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(redis.RedisError, match="CERTIFICATE_VERIFY_FAILED"):
        client.ping()
    trust = simulation.report()["environment"]
    assert set(trust) == {"SSL_CERT_FILE"}
    monkeypatch.setenv("SSL_CERT_FILE", trust["SSL_CERT_FILE"])
    assert client.ping()
