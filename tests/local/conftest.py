"""The embedded servers that these tests share."""

from tests.local.server import aws, aws_server  # noqa: F401
