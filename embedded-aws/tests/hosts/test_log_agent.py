"""The logs of hosts are sent to CloudWatch Logs, as the configuration says that the user data wrote."""

import json
import os
from threading import RLock

import pytest
from moto import mock_aws

from embedded_aws import services
from embedded_aws.account import backends, log_streams, pickling
from embedded_aws.hosts import log_agent
from embedded_aws.hosts.cloud_init import parse_user_data
from embedded_aws.hosts.fleet import Fleet
from embedded_aws.hosts.host import Host
from embedded_aws.hosts.log_agent import LogAgent, start_agent
from hosts.bundle import zipped
from hosts.cloud import Cloud
from hosts.host import user_data
from tests.support.trusted_keys import trust

APP, SERVER = "/local/web/app", "/local/web/server"
WEB = "__var_log_webapp_web.log"
GROUPS = [f"arn:aws:logs:us-west-2:123456789012:log-group:{name}:*" for name in (APP, SERVER)]


class Account(Cloud):
    """An account with the log groups, whose hosts may write to them."""

    def __init__(self, folder, registry, monkeypatch):
        self.lock = RLock()
        super().__init__(folder, registry, monkeypatch)
        iam = self.client("iam")
        iam.create_role(RoleName="app", AssumeRolePolicyDocument=trust("ec2"))
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="app")
        self.iam, self.logs = iam, self.client("logs")
        for name in (APP, SERVER):
            self.logs.create_log_group(logGroupName=name)
        self.allow(GROUPS)

    def new_fleet(self, monkeypatch):
        self.agent = LogAgent(self.lock, lambda: self.fleet.hosts())
        monkeypatch.setattr(log_agent, "SEND_SECONDS", 0.0)
        url = "http://127.0.0.1:1"
        self.use_fleet(Fleet(self.folder, self.registry, lambda: url, on_end=self.agent.send_rest), monkeypatch)

    def allow(self, resources):
        statement = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="app", PolicyName="logs", PolicyDocument=document)

    def tick(self):
        with self.lock:
            super().tick()
            self.agent.tick()

    def lines(self, stream, group=APP, **more):
        """All lines of the streams that begin so."""
        found = self.logs.filter_log_events(logGroupName=group, logStreamNamePrefix=stream, **more)["events"]
        return [event["message"] for event in found]


@pytest.fixture
def account(tmp_path, registry, monkeypatch):
    services.install()
    with mock_aws():
        account = Account(tmp_path / "machines", registry, monkeypatch)
        yield account
        account.fleet.stop()


class Server:
    """A host of an instance without processes; a test writes its logs."""

    def __init__(self, account, folder, root):
        account.create()
        self.account, self.id = account, next(iter(account.members()))
        self.host = Host(self.id, "us-west-2a", folder / self.id, 1)
        self.host.create()
        files = {file.path: file.content for file in parse_user_data(user_data(root), {}).files}
        path = self.host.path("/etc/webapp/log-agent.json")
        path.parent.mkdir(parents=True)
        path.write_text(files["etc/webapp/log-agent.json"])
        start_agent(self.host, "/etc/webapp/log-agent.json")
        self.log = self.host.path("/var/log/webapp/web.log")
        self.log.parent.mkdir(parents=True)
        self.new_agent()

    def new_agent(self):
        """As a restarted server has."""
        self.agent = LogAgent(self.account.lock, lambda: {self.id: self.host})

    def write(self, text, path=None):
        with (path or self.log).open("a") as file:
            file.write(text)

    def sent(self, stream=WEB):
        """What is there after the agent has looked once more."""
        self.agent.tick()
        return self.account.lines(f"{self.id}{stream}")


@pytest.fixture
def server(account, tmp_path, request):
    return Server(account, tmp_path / "disks", request.config.rootpath)


def test_the_last_line_of_a_killed_server_is_kept(account, request):
    """Also its boot, and what CodeDeploy's agent did; by the configuration that is really in the user data."""
    account.launch(user_data(request.config.rootpath))
    one, _ = account.up()
    start = '#!/bin/sh\nmkdir -p "$WEBAPP_ROOT/var/log/webapp"\n'
    assert account.ended(account.deploy(zipped(ApplicationStart=start, ApplicationStop=None)))["status"] == "Succeeded"
    log = account.fleet.hosts()[one].path("/var/log/webapp/web.log")
    log.write_text("first\nabout to break")
    account.fleet.kill(one)
    account.ec2.terminate_instances(InstanceIds=[one])
    account.until(lambda: not (account.folder / one).exists())
    assert account.lines(one + WEB) == ["first", "about to break"]
    assert any(
        "not executed: /usr/local/sbin/install-programs" in line for line in account.lines(f"{one}_cloud-init", SERVER)
    )
    agent = "\n".join(account.lines(f"{one}_codedeploy-agent", SERVER))
    assert "AfterInstall begins" in agent
    assert "ValidateService succeeded" in agent


def test_each_process_has_a_stream(server):
    server.write("web\n")
    server.write("worker\n", server.log.with_name("my-worker.log"))
    server.write("rotated\n", server.log.with_name("web.log.1"))
    assert server.sent("_") == ["worker", "web"]
    assert server.sent("__var_log_webapp_my-worker.log") == ["worker"]


def test_only_whole_lines_are_sent_and_each_once(server):
    server.write("one\n\ntw")
    assert server.sent() == ["one"]
    server.write("o\r\n\tthree\n")
    assert server.sent() == ["one", "two", "\tthree"]
    assert server.sent() == ["one", "two", "\tthree"]


def test_a_restart_sends_nothing_twice_and_leaves_nothing_out(server):
    """How far a file was sent is saved with the events: what was lost with a killed server is read again."""
    server.write("one\n")
    server.sent()
    saved = pickling.dumps(backends.export_account())
    server.write("two\n")
    assert server.sent() == ["one", "two"]
    server.new_agent()
    assert server.sent() == ["one", "two"]
    backends.import_account(pickling.loads(saved))
    server.new_agent()
    assert server.sent() == ["one", "two"]


def test_a_truncated_and_a_renamed_file_go_on(server):
    """logrotate with copytruncate, and without."""
    server.write("long before\n")
    server.sent()
    os.truncate(server.log, 0)
    server.write("after\n")
    assert server.sent() == ["long before", "after"]
    server.write("late\n")
    server.log.rename(server.log.with_name("web.log.1"))
    server.write("new\n")
    assert server.sent() == ["long before", "after", "late", "new"]


def test_a_role_without_the_right_sends_nothing_until_it_has_it(account, server):
    account.allow(GROUPS[1:])
    server.write("one\n")
    server.agent.tick()
    assert server.id + WEB not in backends.backend("logs").groups[APP].streams
    account.allow(GROUPS)
    assert server.sent() == ["one"]


def test_without_a_log_group_nothing_is_lost(account, server):
    account.logs.delete_log_group(logGroupName=APP)
    server.write("one\n")
    server.agent.tick()
    account.logs.create_log_group(logGroupName=APP)
    assert server.sent() == ["one"]


def test_memory_is_bounded(server, monkeypatch):
    monkeypatch.setattr(log_streams, "STREAM_EVENTS", 5)
    server.write("".join(f"{n}\n" for n in range(12)))
    assert server.sent() == ["7", "8", "9", "10", "11"]
    monkeypatch.setattr(log_streams, "GROUP_EVENTS", 6)
    server.write("a\nb\nc\n", server.log.with_name("worker.log"))
    assert server.sent("_") == ["a", "b", "c"]


def test_a_line_without_an_end_is_cut(server, monkeypatch):
    monkeypatch.setattr(log_streams, "EVENT_BYTES", 4)
    server.write("abcdefghij")
    assert server.sent() == ["abcd", "efgh", "ij"]


def test_a_configuration_that_cannot_be_read_stops_nothing(server, caplog):
    server.host.path("/etc/webapp/log-agent.json").write_text("{")
    start_agent(server.host, "/etc/webapp/log-agent.json")
    server.agent.tick()
    server.agent.tick()
    assert [record.message for record in caplog.records if "cannot read file_log-agent.json" in record.message] == [
        record.message for record in caplog.records
    ][:1]


def test_the_account_is_saved_from_time_to_time(server, monkeypatch):
    """Not after each line; but before the disk of a host is deleted."""
    server.write("one\n")
    assert not server.agent.tick()
    monkeypatch.setattr(log_agent, "SAVE_SECONDS", 0.0)
    assert server.agent.tick()
    assert not server.agent.tick()
    monkeypatch.setattr(log_agent, "SAVE_SECONDS", 60.0)
    server.agent.send_rest(server.host)
    assert server.agent.tick()


def test_ids_are_unique_also_for_events_of_an_earlier_process(server, monkeypatch):
    """Pages of an answer are told apart by them."""
    server.write("".join(f"{n}\n" for n in range(5)))
    server.sent()
    logs, found, token = server.account.logs, [], {}
    while True:
        page = logs.filter_log_events(logGroupName=APP, limit=2, **token)
        found += page["events"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [event["message"] for event in found] == list("01234")
    ids = [event["eventId"] for event in found]
    assert len({*ids}) == 5
    assert int(ids[0]) > 10**18  # from the time, and not from 0
