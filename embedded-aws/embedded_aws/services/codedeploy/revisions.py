"""Revisions of an application: the bundles that are registered with it, and when they were used."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from embedded_aws.patching import attach_dict
from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.model import Fields, page

SORTED_BY = ("registerTime", "firstUsedTime", "lastUsedTime")


def revisions_of(backend: Any, application: str) -> list[Fields]:
    """Return the revisions of an application, in the order of their registration."""
    backend.get_application(application)
    entries: list[Fields] = attach_dict(backend, "revisions").setdefault(application, [])
    return entries


def register(backend: Any, application: str, revision: Fields, description: str | None = None) -> Fields:
    """Register a revision, if it is new; return its entry."""
    revision = {"revisionType": _revision_type(revision), **revision}
    for entry in revisions_of(backend, application):
        if entry["revisionLocation"] == revision:
            return entry
    info = {"registerTime": utcnow(), "deploymentGroups": [], "description": description}
    entry = {"revisionLocation": revision, "genericRevisionInfo": info}
    revisions_of(backend, application).append(entry)
    return entry


def record_use(backend: Any, application: str, group: str, revision: Fields) -> Fields:
    """Record the use of a revision in a group; return its complete location."""
    entry = register(backend, application, revision)
    info, now = entry["genericRevisionInfo"], utcnow()
    info.setdefault("firstUsedTime", now)
    info["lastUsedTime"] = now
    if group not in info["deploymentGroups"]:
        info["deploymentGroups"].append(group)
    location: Fields = entry["revisionLocation"]
    return location


def _revision_type(revision: Fields | None) -> str:
    for field, kind in (("s3Location", "S3"), ("gitHubLocation", "GitHub")):
        if (revision or {}).get(field):
            return kind
    raise ServiceError("InvalidRevisionException", "The revision names neither an S3 nor a GitHub location.")


class Revisions:
    """The operations on revisions."""

    codedeploy_backend: Any
    _get_param: Any

    def register_application_revision(self) -> EmptyResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_RegisterApplicationRevision.html."""
        arguments = (self._get_param("applicationName"), self._get_param("revision"), self._get_param("description"))
        register(self.codedeploy_backend, *arguments)
        return EmptyResult()

    def get_application_revision(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetApplicationRevision.html."""
        name, revision = self._get_param("applicationName"), self._get_param("revision")
        entry = self._entry(name, revision)
        if entry is None:
            raise ServiceError(
                "RevisionDoesNotExistException", "The revision does not exist with the user or AWS account."
            )
        info = entry["genericRevisionInfo"]
        return ActionResult({"applicationName": name, "revision": entry["revisionLocation"], "revisionInfo": info})

    def batch_get_application_revisions(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetApplicationRevisions.html."""
        name = self._get_param("applicationName")
        entries = [self._entry(name, revision) for revision in self._get_param("revisions")]
        return ActionResult({"applicationName": name, "revisions": [entry for entry in entries if entry]})

    def list_application_revisions(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListApplicationRevisions.html."""
        entries = [
            entry
            for entry in revisions_of(self.codedeploy_backend, self._get_param("applicationName"))
            if self._matches(entry)
        ]
        sort_by, never = self._get_param("sortBy"), utcnow().min
        if sort_by in SORTED_BY:
            order = self._get_param("sortOrder")
            entries.sort(
                key=lambda entry: entry["genericRevisionInfo"].get(sort_by, never), reverse=order == "descending"
            )
        locations, token = page([entry["revisionLocation"] for entry in entries], self._get_param("nextToken"))
        return ActionResult({"revisions": locations, "nextToken": token})

    def _entry(self, application: str, revision: Fields) -> Fields | None:
        wanted = {"revisionType": _revision_type(revision), **revision}
        entries = revisions_of(self.codedeploy_backend, application)
        return next((entry for entry in entries if entry["revisionLocation"] == wanted), None)

    def _matches(self, entry: Fields) -> bool:
        place = entry["revisionLocation"].get("s3Location", {})
        bucket, prefix = self._get_param("s3Bucket"), self._get_param("s3KeyPrefix")
        deployed, used = self._get_param("deployed"), "firstUsedTime" in entry["genericRevisionInfo"]
        if deployed in ("include", "exclude") and used != (deployed == "include"):
            return False
        return bucket in (None, place.get("bucket")) and place.get("key", "").startswith(prefix or "")
