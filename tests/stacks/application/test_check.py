"""`runbook app check`: everything that can be known before a deployment."""

import pytest

from runbook_lib.stacks.application import check as module
from runbook_lib.stacks.application import wheels
from runbook_lib.stacks.application.check import check, describe
from runbook_lib.stacks.application.targets import Target
from runbook_lib.stacks.application.wheels import Wheelhouse

from .conftest import FILES

ARM = Target("3.11", "Linux", "aarch64")


@pytest.fixture
def warnings(app, server, tmp_path):
    """The warnings about an application with this Procfile."""

    def find(command, packages=(), name="web", **more):
        lines = f"{name}: {command}\n" + ("" if name == "web" else "web: ./bin/tool\n")
        contents = check(
            app("one", FILES | {"Procfile": lines} | more), packages=packages, cache=tmp_path / "cache", server=server
        )
        assert not [each for each in contents.findings if each.is_problem]
        return [(each.place, each.what, each.fix) for each in contents.findings]

    return find


@pytest.mark.parametrize(
    ("command", "packages"),
    [
        ("python3 -m http.server $PORT", ()),
        ("./bin/tool", ()),
        ("/opt/webapp/bin/tool", ()),
        ("exec env A=1 B=2 ./bin/tool --listen :$PORT", ()),
        ("node index.js", ("nodejs22",)),
        ("npm start", ("nodejs22",)),
        ("php -S 0.0.0.0:$PORT", ("php8.4",)),
        ("java -jar app.jar", ("java-21-amazon-corretto-headless",)),
        ("nginx -c nginx.conf", ("nginx",)),
        ("/usr/bin/anything", ()),
        ("$RUNNER", ()),
    ],
)
def test_a_program_that_the_servers_have_is_right(warnings, command, packages):
    assert warnings(command, packages) == []


@pytest.mark.parametrize(
    ("command", "packages", "what", "fix"),
    [
        ("node index.js", (), "node is neither in the bundle nor on a server", "app.packages, e.g. nodejs22"),
        ("node index.js", ("php8.4",), "node is neither", "nodejs"),
        ("gunicorn app:app", (), "gunicorn is neither", "or lock the package of Python"),
        ("A=1 python app.py", (), "python is neither", "app.packages"),
        ("./bin/other", (), "./bin/other is not in the bundle", "path"),
        ("./app/main.py", (), "./app/main.py is not executable", "chmod +x app/main.py"),
        ("sh -c 'a", (), "quotes", "Close"),
    ],
)
def test_a_program_that_the_servers_lack_is_a_warning_with_its_line(warnings, command, packages, what, fix):
    found = warnings(command, packages, name="worker")
    assert [each[0] for each in found] == ["Procfile:1"]
    assert what in found[0][1]
    assert fix in found[0][2]


def test_a_program_of_a_wheel_or_of_a_package_of_npm_is_right(warnings, index, monkeypatch):
    monkeypatch.setattr(Wheelhouse.choose, "__defaults__", ((ARM,),))
    monkeypatch.setattr(wheels, "required_targets", lambda architectures: (ARM,))
    digest = index.add("gunicorn", scripts=["gunicorn"])
    lock = {"requirements.txt": f"gunicorn==1.0 --hash=sha256:{digest}\n"}
    assert warnings("gunicorn --bind 0.0.0.0:$PORT app:app", **lock) == []
    assert warnings("python app.py", **lock) == []
    assert warnings("serve -l $PORT", **{"node_modules/.bin/serve": "#!/bin/sh\n"}) == []


@pytest.mark.parametrize(
    ("command", "fixed"),
    [
        ("./bin/tool --bind 0.0.0.0:8000", "8000"),
        ("./bin/tool --port 8080", "8080"),
        ("./bin/tool --port=8080", "8080"),
        ("./bin/tool -p 3000", "3000"),
        ("python3 -m http.server 8080", "8080"),
        ("./bin/tool --port $PORT", None),
        ("./bin/tool --bind 0.0.0.0:${PORT} --timeout 3000", None),
        ("./bin/tool --workers 4", None),
        ("./bin/tool --timeout 3000", None),
    ],
)
def test_a_fixed_port_of_the_web_process_is_a_warning(warnings, command, fixed):
    found = [(place, fix) for place, what, fix in warnings(command) if "fixed port" in what]
    assert found == ([("Procfile:1", f"Write $PORT for {fixed}.")] if fixed else [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_that_the_load_balancer_cannot_reach_is_a_warning(warnings, host):
    assert [each[2] for each in warnings(f"./bin/tool --bind {host}:$PORT")] == [f"Write 0.0.0.0 for {host}."]


def test_a_bundle_that_s3_does_not_take_is_a_problem(app, server, tmp_path, monkeypatch):
    """Told before anything is packed."""
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    found = check(app(), cache=tmp_path / "cache", server=server).findings
    assert [(each.place, each.is_problem) for each in found] == [("bundle", True)]
    assert ".bundleignore" in found[0].fix


def test_the_table_has_what_is_right_and_what_is_wrong(app, server, tmp_path):
    one = app("one", {"Procfile": "web: node app.js\nworker\n", "requirements.txt": "flask\n", ".env": "A=1"})
    rows = describe(check(one, cache=tmp_path / "cache", server=server))
    assert [row[:2] for row in rows] == [
        ("ok", "files"), ("ok", "bundle"), ("✗", "Procfile:2"), ("✗", "requirements.txt:1"), ("!", "Procfile:1"),
    ]  # fmt: skip
    assert rows[0][2].startswith("2 packed, 0.0 MB; 1 left out")
    assert "Run `runbook lock`" in rows[3][2]


def test_what_is_right_is_named(app, server, tmp_path):
    rows = describe(
        check(app("one", FILES | {"Procfile": "web: ./bin/tool\nmail: sh\n"}), cache=tmp_path, server=server)
    )
    assert rows[0] == ("ok", "Procfile", "web, mail")
    assert {row[0] for row in rows} == {"ok"}
