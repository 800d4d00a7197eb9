"""The key of this machine is made once, is nobody else's to read, and is known by what ssh-keygen would call it."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP521R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner

import runbook_lib
from runbook_lib.errors import EvidenceError, RequestRejected, WrongUsage
from runbook_lib.evidence.attestation import dsse as signing
from runbook_lib.evidence.attestation import keys

KIND = "urn:test:v1"
STATEMENT = signing.statement(KIND, [signing.subject("a", "0" * 64)], {"who": "me"})


def test_the_key_is_made_at_first_use_and_is_its_owner_s_alone(tmp_path):
    made = keys.machine_key(tmp_path)
    folder = tmp_path / ".runbook" / "keys"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "evidence.pem").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["evidence.pem", "evidence.pub"]
    assert keys.public_key((folder / "evidence.pub").read_text()).keyid == made.public_key.keyid


def test_it_stays_the_same(tmp_path):
    assert keys.machine_key(tmp_path).public_key.keyid == keys.machine_key(tmp_path).public_key.keyid


def test_processes_that_come_at_once_get_the_same_key(tmp_path):
    code = (
        "import sys; from pathlib import Path; from runbook_lib.evidence.attestation import keys;"
        f"print(keys.own(Path({str(tmp_path)!r})).public_key.keyid)"
    )
    root = Path(runbook_lib.__file__).parents[1]
    several = [subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate(timeout=60)[0] for process in several}) == 1


def test_a_key_that_others_can_read_is_not_used(tmp_path):
    keys.machine_key(tmp_path)
    (tmp_path / ".runbook" / "keys" / "evidence.pem").chmod(0o640)
    with pytest.raises(EvidenceError, match="others than its owner may read this key") as caught:
        keys.machine_key(tmp_path)
    assert caught.value.fix.startswith("chmod 600 ")


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_private_key_is_told_without_its_content(tmp_path, text):
    path = tmp_path / "key.pem"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(EvidenceError, match=r"key\.pem is no private key that signs here"):
        keys.from_file(path)


def test_a_key_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(WrongUsage, match="cannot be read: No such file"):
        keys.from_file(tmp_path / "none")


@pytest.mark.parametrize(
    "make", [CryptoSigner.generate_ed25519, CryptoSigner.generate_ecdsa, CryptoSigner.generate_rsa]
)
def test_a_public_key_is_one_line_and_read_back_from_it(make):
    public = make().public_key
    line = keys.format_public_key(public)
    assert "\n" not in line
    assert keys.public_key(f"{line} ann@example\n").keyid == public.keyid


def test_a_public_key_is_read_from_pem_too():
    signer = CryptoSigner.generate_ecdsa()
    assert keys.public_key(signer.public_key.keyval["public"]).keyid == signer.public_key.keyid


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----"])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(EvidenceError, match="is no public key"):
        keys.public_key(text)


def test_a_kind_of_key_that_nothing_here_signs_with_is_refused():
    private = generate_private_key(SECP521R1())
    line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert keys.public_key(line).scheme == "ecdsa-sha2-nistp521"


def test_it_is_called_as_ssh_keygen_calls_it():
    """So that two people can compare it over the telephone: of a key that OpenSSH once made."""
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICuFKBJ7naHX81UxdPvLuL/ec7tixRSetpDYhfONeMDH"
    assert keys.fingerprint(keys.public_key(line)) == "SHA256:NWDXVmRaoK01e7xex+LxUnzKAUrMWZ1jh+xAyeXXgsY"


class TestKms:
    """A key in AWS KMS, through the library's own door."""

    def made(self, aws, spec):
        key = aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)
        return key["KeyMetadata"]["Arn"]

    @pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "RSA_2048"])
    def test_what_it_signs_is_believed_by_its_public_key_alone(self, aws, door, spec):
        signer = keys.KmsSigner(door.kms, self.made(aws, spec))
        known = {"kms": keys.public_key(keys.format_public_key(signer.public_key))}
        opened = signing.verify(signing.sign(STATEMENT, signer), known, KIND)
        assert (opened.by, opened.why) == ("kms", "")

    def test_a_key_that_cannot_sign_so_is_refused(self, aws, door):
        with pytest.raises(EvidenceError, match="signs with none of ECDSA_SHA_256"):
            keys.KmsSigner(door.kms, self.made(aws, "ECC_NIST_P521"))

    def test_a_key_that_is_not_there_is_told_as_aws_tells_it(self, door):
        with pytest.raises(RequestRejected, match="GetPublicKey was refused: NotFoundException"):
            keys.KmsSigner(door.kms, "arn:aws:kms:us-west-2:123456789012:key/00000000-0000-0000-0000-000000000000")
