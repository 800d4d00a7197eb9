"""The sample as its users have it: built by the runbook on an embedded AWS, used in a browser, released anew."""

import json
import re
import shutil
import time
from http.client import HTTPException

import pymysql
import pytest

from embedded_aws.client import process
from embedded_aws.testing import eventually
from runbook_lib.evidence.git import find_last_commit
from runbook_lib.stacks.application.contents import revision
from tests.notebooks import operator as people
from tests.notebooks.browser import DESKTOP, PHONE, barriers, browser, picture
from tests.notebooks.operator import REPOSITORY, Operator, Visitor

pytestmark = [pytest.mark.exhaustive, pytest.mark.needs("mariadbd", "mariadb-install-db", "mariadb", "ps")]


class Crowd(people.Crowd):
    """Every tenth visitor signs in, writes an entry and deletes it, again and again; the others read."""

    written = 0

    def visit(self, number):
        """Begins anew after a failure, which is noted; leaves no entry behind where nothing fails."""
        if number % 10:
            return super().visit(number)
        visitor, name, signed_in = Visitor(self.site, self.note), f"Visitor {number}", False
        while not self.over.wait(self.pause):
            try:
                signed_in = signed_in or visitor.submit("/sign-in", "/sign-in", name=name)[0] == 303
                visitor.submit("/", "/entries", title=f"Seen by {name}", body="", severity="note")
                self.over.wait(self.pause)
                own = re.search(r"/entries/\d+/delete", visitor.get()[1])
                assert own, "the entry that was just written is not there"
                self.written += visitor.submit(own[0], own[0])[0] == 303
            except (OSError, HTTPException):
                continue
            except AssertionError as error:
                self.note(repr(error))
        return None


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    """Somebody who has built the environment from this checkout."""
    root = tmp_path_factory.mktemp("operator")
    shutil.copytree(REPOSITORY / "params", root / "params")
    with pytest.MonkeyPatch.context() as patch:
        for switch in ("RUNBOOK_LOCAL_MACHINES", "RUNBOOK_LOCAL_SAVE"):
            patch.delenv(switch, raising=False)
        try:
            somebody = Operator(root)
            built = somebody.runbook("apply", "--env", "local")
            assert built.returncode == 0, built.stdout + built.stderr
            yield somebody
        finally:
            process.stop(root)


def test_a_server_tells_the_commit_that_it_runs(operator):
    """The one that last touched the application, as this checkout has it; none where that is not what was packed."""
    answer = json.loads(Visitor(operator.status()["sites"][0]).get("/version")[1])
    assert answer["revision"] == revision(REPOSITORY / "webapp")
    assert answer["commit"] == (find_last_commit(REPOSITORY, "webapp") or None)


def test_a_browser_signs_in_writes_searches_and_deletes(operator):
    """At the width of a desk and of a phone, without a barrier that axe finds."""
    (site,) = operator.status()["sites"]
    with browser(site, viewport=DESKTOP) as page:
        page.goto("/")
        found = barriers(page)
        page.get_by_role("link", name="Sign in").first.click()
        found += barriers(page)
        page.get_by_label("Your name").fill("Noor")
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        for title in ("The disk of i-42 is full", "Swapped the disk"):
            page.get_by_label("What happened").fill(title)
            page.get_by_role("button", name="Add to the log").click()
        picture(page, "log-desktop")
        found += barriers(page)
        page.set_viewport_size(PHONE)
        picture(page, "log-phone")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.get_by_label("Search the log").fill("swapped")
        page.get_by_role("button", name="Search").click()
        assert page.get_by_role("article").count() == 1
        found += barriers(page)
        page.get_by_role("link", name="Delete").click()
        found += barriers(page)
        page.get_by_role("button", name="Delete it").click()
        assert "The entry is deleted." in page.inner_text("main")
        assert "Swapped the disk" not in page.inner_text("main")
        assert "The disk of i-42 is full" in page.inner_text("main")
    assert found == []


def test_what_somebody_writes_is_in_the_database(operator):
    """In the private server at the endpoint that RDS names, readable by the master whose secret RDS manages."""
    visitor = Visitor(operator.status()["sites"][0])
    assert visitor.submit("/sign-in", "/sign-in", name="Amira")[0] == 303
    assert visitor.submit("/", "/entries", title="The pager is quiet", body="", severity="note")[0] == 303
    (database,) = operator.aws("rds").describe_db_instances()["DBInstances"]
    arn = database["MasterUserSecret"]["SecretArn"]
    secret = json.loads(operator.aws("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    there = {"host": database["Endpoint"]["Address"], "port": database["Endpoint"]["Port"]}
    trusted = str(operator.root / ".runbook/local/databases/authority/ca.pem")
    given = {"user": secret["username"], "password": secret["password"], "database": database["DBName"]}
    with pymysql.connect(**there, **given, ssl={"ca": trusted}) as link, link.cursor() as cursor:
        cursor.execute("SELECT title FROM entries WHERE author = 'Amira'")
        assert cursor.fetchall() == (("The pager is quiet",),)


def reword_it(webapp):
    """A release that differs in what it says."""
    page = webapp / "shiftlog" / "templates" / "log.html"
    page.write_text(page.read_text().replace("everybody may read", "anybody may read"))


def test_fifty_people_notice_nothing_of_a_new_release(operator, tmp_path):
    """For a minute and longer they ask, read for a second and ask again, while one server after the other changes.

    Five of them are signed in, write and delete: whichever server and version answers the next form, it fits.
    """
    (site,) = operator.status()["sites"]
    began, released = time.monotonic(), operator.edited(tmp_path, reword_it)
    with Crowd(site, visitors=50, pause=1.0) as crowd:
        done = released.runbook("apply", "--env", "local", "--only", "04_deploy")
        eventually(lambda: time.monotonic() - began > 60, within=61)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(crowd.answers) == {200, 303}
    assert crowd.answers.total() > 1000
    assert crowd.written > 20
    assert "Seen by" not in Visitor(site).get()[1]
    assert all("anybody may read" in Visitor(site).get()[1] for _ in range(4))
