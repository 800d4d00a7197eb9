"""A connection serves many requests, and no request is taken for another."""

import http.client

import pytest


@pytest.fixture
def connection(aws):
    connection = http.client.HTTPConnection("127.0.0.1", aws.address.port, timeout=10)
    yield connection
    connection.close()


@pytest.fixture
def at(aws):
    """Gives the signed address of an operation on an object."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})

    def address(operation, key):
        url = s3.generate_presigned_url(operation, {"Bucket": "kept", "Key": key})
        return url.removeprefix(aws.connection.endpoint_url)

    return address


def answer(connection, method, path, body=None, **headers):
    """Send one request on the connection; return its status, its headers and its body."""
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def test_a_client_keeps_its_connection(connection, at):
    """Through reads and writes, with bodies and without."""
    assert answer(connection, "PUT", at("put_object", "key"), b"twelve bytes")[0] == 200
    first = connection.sock
    status, headers, body = answer(connection, "HEAD", at("head_object", "key"))
    assert (status, headers["Content-Length"], body) == (200, "12", b"")
    assert answer(connection, "DELETE", at("delete_object", "other"))[0] == 204
    assert answer(connection, "GET", at("get_object", "key"))[2] == b"twelve bytes"
    assert answer(connection, "GET", at("get_object", "other"))[0] == 404
    assert connection.sock is first


def test_what_is_left_of_a_rejected_request_is_no_request(connection):
    """A body that nobody read ends the connection with the answer."""
    hidden = b"POST /_local/reset HTTP/1.1\r\nHost: localhost\r\n\r\n"
    status, headers, _ = answer(connection, "POST", "/", hidden, Origin="https://example.com")
    assert (status, headers["Connection"]) == (403, "close")
    assert connection.sock is None


def test_a_client_that_asks_first_may_send_its_body(connection, at):
    """As boto3 does before it uploads a file: Expect: 100-continue."""
    assert answer(connection, "PUT", at("put_object", "key"), b"late", Expect="100-continue")[0] == 200
    assert answer(connection, "GET", at("get_object", "key"))[2] == b"late"
