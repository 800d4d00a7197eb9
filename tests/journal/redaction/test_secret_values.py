"""Which values of AWS's requests and answers are secrets, and what of them is searched for."""

import json

import pytest

from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.journal.redaction.secret_values import (
    is_placeholder,
    is_secret_field,
    labelled_secrets,
    searchable_parts,
)

SECRET_FIELDS = [
    "password",
    "Password",
    "db_password",
    "DB-Password",
    "MasterUserPassword",
    "master.password",
    "passwd",
    "passphrase",
    "Passphrase",
    "pwd",
    "private_key",
    "PrivateKey",
    "private-key",
    "client_secret",
    "clientSecret",
    "api_key",
    "apikey",
    "API-Key",
    "secret_access_key",
    "SecretAccessKey",
    "secret_key",
    "SecretString",
    "secret_string",
    "SecretBinary",
    "key_material",
    "KeyMaterial",
    "auth_token",
    "AuthToken",
    "session_token",
    "SessionToken",
    "SecurityToken",
    "access_token",
    "refresh-token",
    "id_token",
    "secret",
    "app_secret",
    "Secret",
    "MasterUserSecret",
    "authorization_token",
    "AuthorizationToken",
    "authorizationToken",
    "Plaintext",
    "plaintext",
    "2password",
    "/app/password",
    "DB password",
    "API key",
    "authorization token",
    "public_key_material_password",
]
OPEN_FIELDS = [
    "passwords",
    "password_hint",
    "managed_password_enabled",
    "xpassword2",
    "token",
    "token_count",
    "NextToken",
    "PublicKeyMaterial",
    "public_key_material",
    "public-key-material",
    "Public key material",
    "key",
    "Key",
    "name",
    "secrets",
    "secret_arn",
    "SecretArn",
    "SecretId",
    "app_secret_name",
    "authorization",
    "keypassx",
    "cryptopwdx",
    "impwd2",
    "ClientToken",
]


@pytest.mark.parametrize("name", SECRET_FIELDS)
def test_a_field_for_secrets_is_known_in_every_spelling(name):
    assert is_secret_field(name)


@pytest.mark.parametrize("name", OPEN_FIELDS)
def test_other_fields_are_not_for_secrets(name):
    assert not is_secret_field(name)


PLACES = ["arn:aws:x:y", "arn:aws-cn:x", "{{resolve:secretsmanager:x}}", "true", "False", "NONE", "null", "–", "-", ""]
NAMES = ["local/app", "a-1/b.c/d_e-f", "random_secret.web", "a.b/c-d"]


@pytest.mark.parametrize("text", PLACES)
def test_where_a_secret_is_stored_is_none(text):
    assert is_placeholder("password", text)
    assert is_placeholder("secret", text)


@pytest.mark.parametrize(
    "text", ["arn:aws:", "x arn:aws:x:y", "{{resolve:", "trues", "--", "hunter2", "a/", "A/b", "1.b"]
)
def test_any_other_text_is_a_secret(text):
    assert not is_placeholder("password", text)
    assert not is_placeholder("secret", text)


@pytest.mark.parametrize("text", NAMES)
def test_a_field_secret_may_hold_the_name_of_one(text):
    assert is_placeholder("app_secret", text)
    assert is_placeholder("MasterUserSecret", text)
    assert not is_placeholder("password", text)


def test_the_secrets_of_an_answer_are_found_at_every_depth():
    answer = {
        "Items": [{"Name": "a", "Password": "first-one"}, ({"AuthToken": b"second-one"}, [{"pwd": "third-one"}])],
        "Parameters": [
            {"Type": "SecureString", "Value": "fourth-one"},
            {"Type": "String", "Value": "open"},
            {"Type": "SecureString"},
            {"Value": "open"},
        ],
        "Secret": {"Password": "fifth-one", "Arn": "open"},
        "password": ["open", {"password": "sixth-one"}],
        "secret": "local/app",
        "password2": "open",
        "SessionToken": "arn:aws:x:y",
        "private_key": b"arn:aws:x:y",
        3: "open",
        "secret_key": None,
        "api_key": 4,
    }
    expected = ["first-one", b"second-one", "third-one", "fourth-one", "fifth-one", "sixth-one", b"arn:aws:x:y"]
    assert list(labelled_secrets(answer)) == expected
    assert list(labelled_secrets("password")) == []


def test_of_a_secret_in_json_its_fields_are_searched_for():
    """Also in lists, and in JSON within JSON; not what is no secret in it: RDS writes where the database is."""
    secret = {
        "username": "web-user", "User": "web-user", "engine": "mysql-community", "HOST": "db.there.us", "port": "3306",
        "dbname": "web-app", "dbInstanceIdentifier": "web-db", "dbClusterIdentifier": "web-db",
        "masterarn": "arn:aws:x",
        "proxyArn": "arn:aws:y", "proxyIdentifier": "a-proxy", "ssl": "required", "region": "us-west-2",
        "url": "https://db", "name": "web-name", "database": "web-data",
        "password": "first-one", "keys": ["second-one", {"k": "third-one"}, ["fourth-one"]],
        "more": json.dumps({"p": "fifth-one"}), "n": 12345, "flag": True,
    }  # fmt: skip
    expected = ["first-one", "second-one", "third-one", "fourth-one", "fifth-one"]
    assert list(searchable_parts(json.dumps(secret))) == expected
    assert list(searchable_parts(secret)) == expected
    assert list(searchable_parts(json.dumps(secret).encode())) == expected
    assert list(searchable_parts(json.dumps(["first-one", ["second-one"]]))) == expected[:2]
    assert list(searchable_parts(("first-one", "second-one"))) == expected[:2]


@pytest.mark.parametrize("text", ["123456", "true1", '"quoted"', "{not json}", "null-null", "1e999"])
def test_a_secret_that_is_no_json_object_is_searched_for_as_it_is(text):
    assert list(searchable_parts(text)) == [text]


@pytest.mark.parametrize("nothing", [None, 5, 1.5, True, object()])
def test_a_number_is_no_secret(nothing):
    assert list(searchable_parts(nothing)) == []


def test_bytes_that_are_no_text_are_searched_for_as_far_as_they_are():
    assert list(searchable_parts(b"secret\xff12")) == ["secret\ufffd12"]


@pytest.mark.parametrize(
    "text", ["abc", "", "true", "Admin", "ROOT", "test", "local", "prod", "mysql", "default", "testing", "none", "null",
             "false", "redacted", "[redacted", PLACEHOLDER],
)  # fmt: skip
def test_a_common_word_is_not_searched_for(text):
    """Every output holds it."""
    assert list(searchable_parts(text)) == []


@pytest.mark.parametrize("text", ["abcd", "adminx", "redactedx"])
def test_every_other_word_is_searched_for(text):
    assert list(searchable_parts(text)) == [text]


def test_of_a_long_secret_its_lines_are_searched_for():
    line = "0123456789abcdef"
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{line}\n  {line[:-1]} \n  {line}x  \n-----END RSA PRIVATE KEY-----\n"
    assert list(searchable_parts(text)) == [line, f"{line}x"]


@pytest.mark.parametrize("length", [256, 257, 271, 272, 512, 513, 600])
def test_a_long_line_is_searched_for_in_pieces(length):
    """A few letters that are left over are too many other words'."""
    text = "".join(chr(ord("a") + n % 23) for n in range(length))
    pieces = [text[at : at + 256] for at in range(0, length, 256)]
    assert list(searchable_parts(text)) == [piece for piece in pieces if len(piece) >= 16]


def test_a_line_of_256_letters_is_searched_for_as_it_is():
    """Only what is longer is a key or a certificate, whose first and last lines are no secret."""
    text = f" -----{'x' * 249} "
    assert list(searchable_parts(text)) == [text]
    assert list(searchable_parts(f"{text}x")) == []


def test_a_secret_in_a_json_list_of_an_answer_is_redacted():
    redactor = Redactor()
    redactor.add_secrets_of({"SecretString": json.dumps({"tokens": ["hunter2-one", "hunter2-two"]})})
    assert redactor.redact_text("hunter2-one, hunter2-two") == f"{PLACEHOLDER}, {PLACEHOLDER}"
