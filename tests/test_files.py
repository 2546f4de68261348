"""Certificates on disk: ``file:`` targets of every format, and serves_file."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed import pki
from testbed.nginx import Site, nginx
from testbed.process import program
from zabbix_ssl import check, config
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache
from zabbix_ssl.cli import main
from zabbix_ssl.external import kept_answer
from zabbix_ssl.mistakes import ConfigError
from zabbix_ssl.model import Result, Settings, Target
from zabbix_ssl.names import split_target
from zabbix_ssl.outputs.discovery import discovery_json
from zabbix_ssl.outputs.prometheus import labels_of
from zabbix_ssl.probing.keystores import _jks, _Odd

NOW = int(time.time())
DAY = 86400
ROOT = pki.Authority("Files Root")
INTERMEDIATE = ROOT.authority("Files Intermediate", issuer_url="http://127.0.0.1:9/i.cer")
LEAF = INTERMEDIATE.leaf("a.example", issuer_url="http://127.0.0.1:9/i.cer")
OTHER = INTERMEDIATE.leaf("b.example")
PASSWORD = "correct horse"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root.pem").write_bytes(ROOT.certificate_pem)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "wrong").write_text("battery staple\n")
    (tmp_path / "full.pem").write_bytes(LEAF.pem)
    (tmp_path / "key.pem").write_bytes(LEAF.key_pem)
    return tmp_path


def audited(path: Path, root: Path | None = None, **fields: Any) -> Result:
    """The result of a file, offline."""
    target = Target(f"file:{path}", 0, ca_file=str(root or path.parent / "root.pem"), **fields)
    ((_, result),) = check.run((target,), Settings(offline=True), None)
    return result


def codes(result: Result) -> list[str]:
    return [finding.code for finding in result.findings]


def openssl(folder: Path, *words: str) -> None:
    subprocess.run([program("openssl"), *words], cwd=folder, check=True, capture_output=True)


def keytool(folder: Path, *words: str) -> None:
    subprocess.run([program("keytool"), *words], cwd=folder, check=True, capture_output=True)


# Formats, each made by the program that people make it with

def test_pem_with_key_and_noise(folder: Path) -> None:
    """Text around, a key in front, the chain behind: trusted, for the name that is asked for."""
    (folder / "all.pem").write_bytes(b"Bag Attributes\n" + LEAF.key_pem + LEAF.pem)
    result = audited(folder / "all.pem", hostname="a.example")
    assert not result.failed and not result.findings
    known = {name: result.values[name] for name in (
        "chain_trusted", "chain_complete", "hostname_match", "subject", "error", "is_valid")}
    assert known == {"chain_trusted": True, "chain_complete": True, "hostname_match": True,
                     "subject": "CN=a.example", "error": "", "is_valid": True}
    assert "private" not in json.dumps(result.values)


def make_der(folder: Path) -> None:
    openssl(folder, "x509", "-in", "full.pem", "-outform", "DER", "-out", "made")


def make_trusted(folder: Path) -> None:
    openssl(folder, "x509", "-in", "full.pem", "-trustout", "-addtrust", "serverAuth", "-out",
            "made")


def make_pkcs7(form: str) -> Callable[[Path], None]:
    return lambda folder: openssl(folder, "crl2pkcs7", "-nocrl", "-certfile", "full.pem",
                                  "-outform", form, "-out", "made")


def make_pkcs12(folder: Path) -> None:
    openssl(folder, "pkcs12", "-export", "-in", "full.pem", "-inkey", "key.pem", "-name", "site",
            "-out", "made", "-passout", f"pass:{PASSWORD}")


def make_keystore(kind: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        make_pkcs12(folder)
        (folder / "made").rename(folder / "site.p12")
        keytool(folder, "-importkeystore", "-srckeystore", "site.p12", "-srcstorepass", PASSWORD,
                "-destkeystore", "made", "-deststoretype", kind, "-deststorepass", PASSWORD)
    return make


FORMATS = {"DER": make_der, "trusted": make_trusted, "PKCS7": make_pkcs7("PEM"),
           "PKCS7 DER": make_pkcs7("DER"), "PKCS12": make_pkcs12, "JKS": make_keystore("JKS"),
           "JCEKS": make_keystore("JCEKS"), "Java PKCS12": make_keystore("PKCS12")}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, folder: Path) -> None:
    """The same certificate in whatever holds it; with its chain, where the format has one."""
    FORMATS[name](folder)
    result = audited(folder / "made", password_file=str(folder / "password"),
                     hostname="a.example")
    assert (result.values["error"], codes(result)) == ("", [])
    assert result.values["subject"] == "CN=a.example"
    if name not in ("DER", "trusted"):
        assert result.values["chain_trusted"] is True
    wrong = audited(folder / "made", password_file=str(folder / "wrong"))
    if name in ("PKCS12", "JKS", "JCEKS", "Java PKCS12"):
        assert wrong.values["error_reason"] == "config"
        assert "password" in str(wrong.values["error"])
    else:
        assert not wrong.failed


def test_passwords_that_are_not_there(folder: Path) -> None:
    """PKCS#12 needs one; a JKS shows its certificates without."""
    make_keystore("JKS")(folder)
    assert audited(folder / "made").values["chain_trusted"] is True
    told = audited(folder / "site.p12")
    assert told.failed and "name a file with it as password_file" in str(told.values["error"])
    gone = audited(folder / "site.p12", password_file=str(folder / "gone"))
    assert "gone does not exist" in str(gone.values["error"])


def test_a_truststore_of_java(folder: Path) -> None:
    """Certificates that stand alone, made by keytool: a CA is looked at by its dates."""
    (folder / "i.pem").write_bytes(INTERMEDIATE.certificate_pem)
    for name in ("root", "i"):
        keytool(folder, "-importcert", "-noprompt", "-alias", name, "-file", f"{name}.pem",
                "-keystore", "trust.jks", "-storetype", "JKS", "-storepass", PASSWORD)
    result = audited(folder / "trust.jks")
    assert not result.failed and result.values["is_valid"] is True
    assert "certificate of a CA" in result.unknown["chain_trusted"]


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """The bytes of a real JKS."""
    folder = tmp_path_factory.mktemp("jks")
    (folder / "full.pem").write_bytes(LEAF.pem)
    (folder / "key.pem").write_bytes(LEAF.key_pem)
    make_keystore("JKS")(folder)
    yield (folder / "made").read_bytes()


@settings(max_examples=150, deadline=None, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_keystore_is_told(keystore: bytes, data: st.DataObject) -> None:
    """Cut off or changed at any place: certificates or one reason, and never another exception;
    with the password, every change is noticed."""
    place = data.draw(st.integers(0, len(keystore) - 1))
    changed = bytearray(keystore)
    changed[place] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(changed), keystore[:place]):
        try:
            _jks(damaged, None)
        except _Odd as error:
            assert str(error)
        with pytest.raises(_Odd):
            _jks(damaged, PASSWORD.encode())
    assert len(_jks(keystore, PASSWORD.encode())) == 2


@pytest.mark.parametrize(("content", "why"), [
    (b"", "neither PEM"), (b"hello", "neither PEM"), (LEAF.key_pem, "holds no certificate"),
    (b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "PEM block that is damaged"),
    (bytes.fromhex("30 0d 06 09 2a864886f70d010702 a0 00"), "PKCS#7 that holds no"),
    (bytes.fromhex("30 03 02 01 03"), "PKCS#12"), (b"\x30\x82\xff\xff", "is damaged"),
    (b"\x30\x00", "is damaged"),
    (b"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n", "cannot be read"),
    (b"\xfe\xed\xfe\xed\x00\x00\x00\x09" + bytes(24), "version 9"),
    (b"\xfe\xed\xfe\xed\x00\x00\x00\x02\xff\xff\xff\xff" + bytes(20), "ends too early"),
    (b"\x00" * ((16 << 20) + 1), "over 16 MiB"),
])
def test_what_is_no_certificate_fails_with_a_reason(folder: Path, content: bytes, why: str) -> None:
    """status failed, error_reason config, and a sentence that names the file."""
    (folder / "odd").write_bytes(content)
    result = audited(folder / "odd")
    assert result.values["error_reason"] == "config"
    assert why in str(result.values["error"]) and str(folder / "odd") in str(result.values["error"])
    assert codes(result) == ["handshake_failed"]


def test_files_that_cannot_be_read(folder: Path) -> None:
    """Absent, a folder, a pipe that nobody writes to, a pattern that nothing matches."""
    os.mkfifo(folder / "pipe")
    for path, why in ((folder / "gone", "does not exist"), (folder, "no regular file"),
                      (folder / "pipe", "no regular file"), (folder / "*.none", "matches no file")):
        result = audited(path, folder / "root.pem")
        assert result.values["error_reason"] == "config" and why in str(result.values["error"])


# Verdicts

def test_what_only_a_server_has_is_not_known_and_says_so(folder: Path) -> None:
    """No handshake, no versions, no ciphers: absent, with the reason; nothing is made up."""
    result = audited(folder / "full.pem")
    for name in ("handshake_ms", "tls_version", "cipher", "has_weak_tls", "weak_ciphers",
                 "address"):
        assert name not in result.values
        assert "no server behind it" in result.unknown[name]
    assert "no domain is given" in result.unknown["hostname_match"]
    assert result.values["chain_trusted"] is True and not result.findings


def test_a_wrong_name_and_an_expired_certificate(folder: Path) -> None:
    """The same findings as for a server."""
    assert codes(audited(folder / "full.pem", hostname="wrong.example")) == ["wrong_host"]
    old = INTERMEDIATE.leaf("a.example", not_before=NOW - 500 * DAY, not_after=NOW - 400 * DAY)
    (folder / "old.pem").write_bytes(old.pem)
    assert "expired" in codes(audited(folder / "old.pem"))
    weak = INTERMEDIATE.leaf("a.example", key="rsa1024")
    (folder / "weak.pem").write_bytes(weak.pem)
    assert "weak_key" in codes(audited(folder / "weak.pem"))


def test_a_certificate_alone_is_no_fault_of_its_file(folder: Path) -> None:
    """Its intermediates may stand in another file: not known. Half a chain is a fault."""
    (folder / "cert.pem").write_bytes(LEAF.certificate_pem)
    alone = audited(folder / "cert.pem")
    assert not alone.findings
    assert "no intermediate certificate" in alone.unknown["chain_trusted"]
    lower = INTERMEDIATE.authority("Lower", issuer_url="http://127.0.0.1:9/i.cer")
    (folder / "half.pem").write_bytes(pki.pem(lower.leaf("a.example").der, lower.der))
    half = audited(folder / "half.pem")
    assert half.values["chain_trusted"] is False
    assert set(codes(half)) & {"file_missing_intermediate", "chain_untrusted_root"}
    assert "server does not send" not in str(half.values["risk_msg"])


def test_a_root_in_the_file_and_any_order_are_fine(folder: Path) -> None:
    """What keystores hold is no remark on how a server sends it."""
    (folder / "odd.pem").write_bytes(pki.pem(ROOT.der, INTERMEDIATE.der, LEAF.der))
    result = audited(folder / "odd.pem")
    assert (codes(result), result.values["subject"]) == ([], "CN=a.example")


def test_of_several_the_one_that_needs_looking_at(folder: Path) -> None:
    """The worst is reported, and how many there are."""
    old = INTERMEDIATE.leaf("old.example", not_before=NOW - 500 * DAY, not_after=NOW - 400 * DAY)
    (folder / "two.pem").write_bytes(pki.pem(LEAF.der, old.der, OTHER.der, INTERMEDIATE.der))
    result = audited(folder / "two.pem")
    assert result.values["subject"] == "CN=old.example"
    assert "expired" in codes(result) and "file_several" in codes(result)
    assert "holds 3 certificates" in str(result.values["risk_msg"])


def test_self_signed(folder: Path) -> None:
    """It is one in a file as well; trusted where it is named as a root."""
    own = pki.self_signed("a.example")
    (folder / "own.pem").write_bytes(own.certificate_pem)
    assert codes(audited(folder / "own.pem")) == ["chain_self_signed"]
    assert audited(folder / "own.pem", folder / "own.pem").values["chain_trusted"] is True


# As a target among others

def parse(folder: Path, *targets: object, **defaults: object) -> tuple[Target, ...]:
    return config.parse(json.dumps({"targets": targets, "defaults": defaults}).encode(),
                        str(folder))


def test_the_configuration(folder: Path) -> None:
    """Patterns stand for files; domain is the name to look for; defaults of a connection are not
    for files."""
    (folder / "B.PEM").touch()
    found = parse(folder, "file:*.pem", "file:B.PEM", "a.example",
                  {"file": "none-*.pem", "domain": "n.example", "password_file": "password"},
                  port=8443, group="g")
    assert [(target.domain.removeprefix(f"file:{folder}/"), target.port) for target in found] == [
        ("full.pem", 0), ("root.pem", 0), ("B.PEM", 0), ("a.example", 8443),
        ("none-*.pem", 0)]
    assert found[-1].hostname == "n.example" and found[-1].group == "g"
    assert found[-1].password_file == str(folder / "password")
    assert parse(folder, {"domain": "file:full.pem"}) == parse(folder, "file:./full.pem")[:1]
    assert len(parse(folder, "file:f*.pem", "file:*l.pem")) == 1
    with pytest.raises(ConfigError, match="same domain"):
        parse(folder, "file:full.pem", "file:full.pem")


def test_a_pattern_passes_over_private_keys(folder: Path) -> None:
    """A file with nothing but a key, as certbot puts beside the certificate, is no target; one with
    a certificate too is, and so is a key that is named."""
    (folder / "both.pem").write_bytes(LEAF.key_pem + LEAF.pem)
    names = [Path(target.file).name for target in parse(folder, "file:*.pem")]
    assert names == ["both.pem", "full.pem", "root.pem"]
    (named,) = parse(folder, "file:key.pem")
    assert "holds no certificate" in str(audited(Path(named.file)).values["error"])


def test_a_pattern_for_too_many_files(folder: Path) -> None:
    """A thousand are taken, one more is a mistake."""
    many = folder / "many"
    many.mkdir()
    for number in range(1000):
        (many / f"{number}.pem").touch()
    assert len(parse(folder, "file:many/*.pem")) == 1000
    (many / "more.pem").touch()
    with pytest.raises(ConfigError, match="over 1000 files") as caught:
        parse(folder, "file:many/*.pem")
    assert caught.value.code == "file_many"


def test_strangers_cannot_ask_for_files() -> None:
    """The words that the exporter takes as a target mean servers alone."""
    for word in ("file:/etc/passwd", "file:///etc/passwd", "FILE:/etc/passwd"):
        with pytest.raises(ConfigError):
            split_target(word)


def test_names_of_a_file(folder: Path) -> None:
    """In discovery, in labels, in the cache's key, where capitals make another file."""
    (target,) = parse(folder, "file:full.pem")
    row = json.loads(discovery_json((target,)))["data"][0]
    assert (row["{#DOMAIN}"], row["{#PORT}"]) == (f"file:{folder}/full.pem", "0")
    assert labels_of(target) == f'domain="file:{folder}/full.pem",port="0"'
    assert str(target) == target.host == target.domain
    assert entries.key("file:/A.pem", 0, {}) != entries.key("file:/a.pem", 0, {})
    assert entries.key("A.example", 1, {}) == entries.key("a.example", 1, {})


def test_get_and_the_short_way_to_the_cache(folder: Path, capfd: pytest.CaptureFixture[str]
                                            ) -> None:
    """--get prints a value, and the next one comes from the cache."""
    environ = {"ZABBIX_SSL_CACHE": str(folder / "cache"), "ZABBIX_SSL_CONFIG": str(folder / "d")}
    (folder / "d").write_text(json.dumps(["file:full.pem"]))
    words = (f"file:{folder}/full.pem", "0", "remain_days")
    assert kept_answer(("--get", *words), environ) is None
    assert main(("get", *words), environ) == 0
    printed = capfd.readouterr().out
    assert int(printed) > 0
    assert kept_answer(("--get", *words), environ) == (True, printed.strip().encode())
    assert main(("get", f"file:{folder}/full.pem", "0", "tls_version"), environ) == 1
    assert "no server behind it" in capfd.readouterr().out
    assert main(("get", "a.example", "0", "remain_days"), environ) == 1


def test_the_command_line_takes_files_and_patterns(folder: Path,
                                                  capfd: pytest.CaptureFixture[str]) -> None:
    """Status success for a file; one that is not there is a failure."""
    environ = {"ZABBIX_SSL_CONFIG": str(folder / "d")}
    (folder / "d").write_text("[]")
    words = ("check", "--json", "--no-cache", "--offline", "--ca-file", str(folder / "root.pem"))
    main((*words, f"file:{folder}/f*.pem", f"file:{folder}/gone"), environ)
    good, gone = json.loads(capfd.readouterr().out)
    assert (good["status"], good["domain"], good["port"], good["handshake"]) == (
        "success", f"file:{folder}/full.pem", 0, {"handshake_ok": True})
    assert (gone["status"], gone["error_reason"]) == ("failed", "config")


# serves_file

def served(folder: Path, port: int, file: Path, cache: Cache | None = None) -> Result:
    target = Target("a.example", port, address="127.0.0.1", serves_file=str(file),
                    ca_file=str(folder / "root.pem"))
    ((_, result),) = check.run((target,), Settings(offline=True), cache)
    return result


def test_renewed_on_disk_and_not_reloaded(folder: Path) -> None:
    """The same certificate matches; a newer one names both dates; another one, or a file that
    cannot be read, is told apart."""
    current = INTERMEDIATE.leaf("a.example", not_before=NOW - 30 * DAY, not_after=NOW + 300 * DAY)
    newer = INTERMEDIATE.leaf("a.example", not_before=NOW - DAY, not_after=NOW + 360 * DAY)
    older = INTERMEDIATE.leaf("a.example", not_before=NOW - 90 * DAY, not_after=NOW + 30 * DAY)
    disk = folder / "disk.pem"
    with nginx(folder, Site(current.write(folder, "served"))) as server:
        (port,) = server.ports
        disk.write_bytes(current.pem)
        assert served(folder, port, disk).values["serves_file_match"] is True
        disk.write_bytes(newer.pem)
        result = served(folder, port, disk)
        assert result.values["serves_file_match"] is False
        (finding,) = [one for one in result.findings if one.code.startswith("serves_file")]
        assert finding.code == "serves_file_older"
        assert "the daemon was not reloaded" in finding.message
        for seconds in (NOW + 300 * DAY, NOW + 360 * DAY):
            assert time.strftime("%Y-%m-%d", time.gmtime(seconds)) in finding.message
        disk.write_bytes(older.pem)
        assert "serves_file_other" in codes(served(folder, port, disk))
        disk.unlink()
        gone = served(folder, port, disk)
        assert "serves_file_match" not in gone.values and not gone.failed
        assert "serves_file_unknown" in codes(gone)
        assert "does not exist" in gone.unknown["serves_file_match"]


def test_without_serves_file_nothing_is_compared(folder: Path) -> None:
    """It is not known then, and says what to configure; of a server that is down, too."""
    result = audited(folder / "full.pem")
    assert "no serves_file is configured" in result.unknown["serves_file_match"]
    down = served(folder, 1, folder / "full.pem")
    assert down.failed and "refused" in down.unknown["serves_file_match"]
