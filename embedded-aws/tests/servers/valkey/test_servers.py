"""Each cache is a server of this machine: reached where ElastiCache says, as ElastiCache lets it be reached."""

import hashlib
from contextlib import contextmanager

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from shiftlog.config import Cache
from shiftlog.sessions import CacheSessions, store

from embedded_aws.servers.ca import Authority
from embedded_aws.servers.processes import Children
from embedded_aws.servers.server import ServerFailed
from embedded_aws.servers.valkey.programs import find
from embedded_aws.servers.valkey.server import Server
from embedded_aws.testing import eventually
from servers.valkey.rehearsal import PATIENCE, TOKEN
from tests.support.programs import require


def test_it_is_created_until_it_answers(rehearsal):
    """First without an endpoint, then at one of this machine, for writing and for reading, with TLS only."""
    found = rehearsal.elasticache.create_replication_group(
        ReplicationGroupId="sessions",
        ReplicationGroupDescription="sessions",
        CacheNodeType="cache.t4g.micro",
        Engine="valkey",
        TransitEncryptionEnabled=True,
    )["ReplicationGroup"]
    assert (found["Status"], found["NodeGroups"]) == ("creating", [])
    rehearsal.available()
    assert rehearsal.endpoint()["Address"] == "localhost"
    rehearsal.connect().set("mine", "1")
    assert rehearsal.connect(endpoint=rehearsal.endpoint(kind="ReaderEndpoint")).get("mine") == "1"
    assert not rehearsal.opens(tls=False)
    (told,) = rehearsal.told()["status"]
    assert told["endpoint"] == f"localhost:{rehearsal.endpoint()['Port']}"
    assert told["what"].endswith("a private server of this machine")


def test_a_token_opens_it(rehearsal):
    """Nothing else does; two do while they are rotated; none of them is anywhere to be read."""
    rehearsal.create(AuthToken=TOKEN)
    assert rehearsal.opens(password=TOKEN)
    assert not rehearsal.opens()
    assert not rehearsal.opens(password=TOKEN.upper())
    rehearsal.modify(AuthToken=TOKEN[::-1], AuthTokenUpdateStrategy="ROTATE")
    assert rehearsal.opens(password=TOKEN)
    assert rehearsal.opens(password=TOKEN[::-1])
    rehearsal.modify(AuthToken=TOKEN[::-1], AuthTokenUpdateStrategy="SET")
    assert not rehearsal.opens(password=TOKEN)
    assert rehearsal.opens(password=TOKEN[::-1])
    written = [file.read_bytes() for file in rehearsal.root.rglob("*") if file.is_file()]
    assert not [text for text in written if TOKEN.encode() in text or TOKEN[::-1].encode() in text]


def test_what_elasticache_restricts_is_restricted(rehearsal):
    """A client cannot have it write files, or end it; https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SupportedCommands.html."""
    rehearsal.create()
    link = rehearsal.connect()
    for command in ("CONFIG SET dir /tmp", "SHUTDOWN", "ACL SETUSER mine on nopass", "REPLICAOF NO ONE"):
        with pytest.raises(redis.exceptions.ResponseError):
            link.execute_command(*command.split())
    assert link.execute_command("ACL WHOAMI") == "default"


def test_the_parameter_group_counts(rehearsal):
    """At once, also what is changed later."""
    elasticache = rehearsal.elasticache

    def put(value):
        elasticache.modify_cache_parameter_group(
            CacheParameterGroupName="mine",
            ParameterNameValues=[{"ParameterName": "maxmemory-policy", "ParameterValue": value}],
        )

    elasticache.create_cache_parameter_group(
        CacheParameterGroupName="mine", CacheParameterGroupFamily="valkey8", Description="mine"
    )
    put("noeviction")
    rehearsal.create(CacheParameterGroupName="mine")
    link = rehearsal.connect()
    assert link.info("memory")["maxmemory_policy"] == "noeviction"
    put("allkeys-lru")
    eventually(lambda: link.info("memory")["maxmemory_policy"] == "allkeys-lru")


@contextmanager
def lost(link):
    """What goes through this connection is cut meanwhile."""
    link.ping()
    with link.pubsub() as open_one:
        open_one.subscribe("news")
        assert open_one.get_message(timeout=5)["type"] == "subscribe"
        yield
        with pytest.raises(redis.exceptions.ConnectionError):
            open_one.connection.read_response()


def test_a_cut_rule_cuts_connections(rehearsal):
    """Open ones break, new ones are refused, and mended they come in again; the cache does not notice."""
    rehearsal.create()
    rehearsal.connect().set("mine", "1")
    closed = rehearsal.root / "closed-sessions"
    with lost(rehearsal.connect()):
        closed.touch()
        eventually(lambda: not rehearsal.opens())
    assert rehearsal.described()["Status"] == "available"
    closed.unlink()
    eventually(rehearsal.opens)
    assert rehearsal.connect().get("mine") == "1"


def test_a_failover_cuts_connections_and_keeps_the_data(rehearsal):
    """Another node is the primary, at the same endpoint, and the events tell."""
    before = rehearsal.create()
    rehearsal.connect().set("mine", "1")
    with lost(rehearsal.connect()):
        rehearsal.elasticache.test_failover(ReplicationGroupId="sessions", NodeGroupId="0001")
        after = rehearsal.available()
    assert _primary(before) == "sessions-001"
    assert _primary(after) == "sessions-002"
    assert before["NodeGroups"][0]["PrimaryEndpoint"] == after["NodeGroups"][0]["PrimaryEndpoint"]
    assert rehearsal.connect().get("mine") == "1"
    events = rehearsal.elasticache.describe_events(SourceIdentifier="sessions")["Events"]
    assert events[-1]["Message"] == "Failover from master node sessions-001 to replica node sessions-002 completed"


def _primary(group):
    members = group["NodeGroups"][0]["NodeGroupMembers"]
    return next(member["CacheClusterId"] for member in members if member["CurrentRole"] == "primary")


def test_a_server_that_dies_comes_back(rehearsal):
    """At the same address."""
    rehearsal.create()
    (server,) = rehearsal.servers()
    server.kill()
    eventually(lambda: [one.pid for one in rehearsal.servers() if one.pid != server.pid], PATIENCE)
    eventually(rehearsal.opens)


def test_a_deleted_cache_leaves_nothing(rehearsal):
    """Neither a process nor a file; and a cache of the same name has nothing of it."""
    port = rehearsal.create()["NodeGroups"][0]["PrimaryEndpoint"]["Port"]
    rehearsal.connect().set("mine", "1")
    rehearsal.elasticache.delete_replication_group(ReplicationGroupId="sessions")
    eventually(lambda: not rehearsal.servers() and not rehearsal.files(), PATIENCE)
    assert not rehearsal.opens(endpoint={"Address": "127.0.0.1", "Port": port})
    eventually(lambda: not rehearsal.elasticache.describe_replication_groups()["ReplicationGroups"])
    rehearsal.create()
    assert rehearsal.connect().get("mine") is None


def test_a_single_node_is_a_server_too(rehearsal):
    """Without TLS where none is asked for; it can be rebooted."""
    elasticache = rehearsal.elasticache
    elasticache.create_cache_cluster(CacheClusterId="one", Engine="redis", CacheNodeType="cache.t4g.micro")

    def found():
        return elasticache.describe_cache_clusters(CacheClusterId="one", ShowCacheNodeInfo=True)["CacheClusters"][0]

    eventually(lambda: found()["CacheClusterStatus"] == "available", PATIENCE)
    link = rehearsal.connect(tls=False, endpoint=found()["CacheNodes"][0]["Endpoint"])
    before = link.info("server")["run_id"]
    elasticache.reboot_cache_cluster(CacheClusterId="one", CacheNodeIdsToReboot=["0001"])
    eventually(lambda: found()["CacheClusterStatus"] == "available", PATIENCE)
    assert link.info("server")["run_id"] != before


def test_it_outlives_the_emulator(rehearsal):
    """Its address and its memory are there again when the emulator is."""
    before = rehearsal.create()
    rehearsal.connect().set("mine", "1")
    rehearsal.aws.control("again")
    assert rehearsal.available()["NodeGroups"] == before["NodeGroups"]
    assert rehearsal.connect().get("mine") == "1"


def test_where_none_is_installed_nothing_answers_and_the_status_says_so(rehearsal):
    """The endpoint is a name of AWS's, in the right region."""
    (rehearsal.root / "path").write_text("")
    rehearsal.aws.control("again")
    rehearsal.create()
    assert rehearsal.endpoint()["Address"].startswith("master.sessions.")
    assert rehearsal.endpoint()["Address"].endswith(".usw2.cache.amazonaws.com")
    told = rehearsal.told()
    assert "no Valkey or Redis" in told["status"][0]["what"]
    assert (told["status"][0]["endpoint"], told["environment"], rehearsal.servers()) == ("", {}, [])


@pytest.fixture
def server(tmp_path):
    """A server by itself."""
    require("valkey-server")
    made = Server(tmp_path, find(), Authority(tmp_path / "authority"), Children().start)
    yield made
    made.end()


def test_a_server_that_cannot_start_says_why(server):
    """In its own words, which hold no token."""
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    with pytest.raises(ServerFailed, match="databases") as raised:
        server.run(tls=True, tokens=[token], parameters={"databases": "none"})
    assert token not in str(raised.value)


def test_the_application_uses_it(rehearsal, monkeypatch):
    """Unchanged, with nothing but the machine's environment; without it, it trusts nobody who vouches for the cache."""
    rehearsal.create()
    there = rehearsal.endpoint()
    client = store(Cache(host=there["Address"], port=there["Port"]))
    client.set_retry(Retry(NoBackoff(), 0))  # what it does when it fails is not the question here
    sessions = CacheSessions(client)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(redis.RedisError, match="CERTIFICATE_VERIFY_FAILED"):
        sessions.ready()
    trust = rehearsal.told()["environment"]
    assert set(trust) == {"SSL_CERT_FILE"}
    monkeypatch.setenv("SSL_CERT_FILE", trust["SSL_CERT_FILE"])
    sessions.ready()
