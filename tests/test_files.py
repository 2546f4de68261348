"""Certificates on disk: ``file:`` targets of every format, and serves_file."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import command
import pytest
from exporters import exporter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed import pki
from testbed.nginx import Site, nginx
from testbed.process import NotInstalled, program
from zabbix_ssl import check, config
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache
from zabbix_ssl.cli import main
from zabbix_ssl.exporter import allowed
from zabbix_ssl.external import kept_answer
from zabbix_ssl.mistakes import ConfigError
from zabbix_ssl.model import Result, Settings, Target
from zabbix_ssl.names import split_target
from zabbix_ssl.outputs.discovery import discovery_json
from zabbix_ssl.outputs.prometheus import labels_of
from zabbix_ssl.probing.keystores import _jks, _Odd
from zabbix_ssl.zabbix import install
from zabbix_ssl.zabbix.daemons import Daemon
from zabbix_ssl.zabbix.kinds import SCRIPT

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


def test_an_entry_of_its_own_is_stronger_than_a_pattern(folder: Path) -> None:
    """Whichever comes first, and whenever the file comes to be there: else a file that appears on
    the disk would make the whole configuration wrong."""
    own = {"file": "full.pem", "warning_days": 20}
    for entries_ in (("file:*.pem", own), (own, "file:*.pem"), ("file:f*.pem", own, "file:*l.pem")):
        found = [target for target in parse(folder, *entries_) if target.file.endswith("full.pem")]
        assert [target.warning_days for target in found] == [20]
    assert len(parse(folder, own, "file:*.pem")) == 2  # with root.pem
    with pytest.raises(ConfigError, match="same domain"):
        parse(folder, own, "file:*.pem", "file:full.pem")


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


def test_one_value_is_of_one_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A pattern is told, with a file that it stands for; where it stands for none, that."""
    (folder / "d.json").write_text("[]")
    words = ("0", "remain_days", "--no-cache", "--config", str(folder / "d.json"))
    code, printed = told(capfd, "get", f"file:{folder}/f*.pem", *words)
    assert code == 1
    assert printed.startswith(f'"file:{folder}/f*.pem"'[:60])
    assert printed.endswith(f" is a pattern: name one file, such as file:{folder}/full.pem\n")
    code, printed = told(capfd, "get", f"file:{folder}/n*.pem", *words)
    assert code == 1
    assert "matches no file" in printed
    assert told(capfd, "get", f"file:{folder}/full.pem", *words)[0] == 0


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


# In every command

def told(capfd: pytest.CaptureFixture[str], *words: str, **environ: str) -> tuple[int, str]:
    """Exit code and stdout of a command that says nothing else."""
    code = main(words, {"ZABBIX_SSL_CONFIG": "/nonexistent", **environ})
    printed, said = capfd.readouterr()
    assert not said
    return code, printed


def plugin(folder: Path, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    (folder / "d.json").write_text("[]")
    return told(capfd, "nagios", "--offline", "--ca-file", str(folder / "root.pem"), *words,
                ZABBIX_SSL_CONFIG=str(folder / "d.json"), ZABBIX_SSL_CACHE=str(folder / "cache"))


def test_the_plugin_takes_a_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As a host; OK for a good one, else the state of what is wrong; there is no port."""
    code, printed = plugin(folder, capfd, "-H", f"file:{folder}/full.pem")
    assert code == 0
    assert printed.startswith(f"SSL OK - file:{folder}/full.pem: ")
    assert " remain_days=" in printed
    old = INTERMEDIATE.leaf("a.example", not_before=NOW - 500 * DAY, not_after=NOW - 400 * DAY)
    (folder / "full.pem").write_bytes(old.pem)
    code, printed = plugin(folder, capfd, f"file:{folder}/full.pem")
    assert code == 2
    assert printed.startswith(f"SSL CRITICAL - file:{folder}/full.pem: The certificate expired ")
    code, printed = plugin(folder, capfd, "-H", f"file:{folder}/gone.pem")
    assert code == 3
    assert "gone.pem does not exist" in printed
    for words in (("-p", "443"), ("-P", "smtp")):
        code, printed = plugin(folder, capfd, "-H", f"file:{folder}/full.pem", *words)
        assert code == 3
        assert "means nothing for a file: leave it out" in printed


def test_the_plugin_takes_a_pattern(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The worst of the files makes the state and stands in the first line, each has a line below,
    and the counts are performance data; thresholds count for each."""
    for name, days in (("b", 100), ("a", 60), ("c", 90)):
        leaf = INTERMEDIATE.leaf(f"{name}.example", not_after=NOW + days * DAY + 3600)
        (folder / f"site-{name}.pem").write_bytes(leaf.pem)
    pattern = f"file:{folder}/site-*.pem"
    code, printed = plugin(folder, capfd, "-H", pattern)
    first, *more = printed.splitlines()
    assert code == 0
    assert first.startswith(f"SSL OK - {pattern}, 3 files, the first to expire is "
                            f"file:{folder}/site-a.pem: 60 days left")
    assert [line.partition(".pem: ")[0][-1] for line in more] == ["a", "c", "b"]
    assert " | files=3;;;0 ok=3;;;0 warning=0;;;0 critical=0;;;0 unknown=0;;;0 remain_days=60;" in (
        first)

    code, printed = plugin(folder, capfd, "-H", pattern, "-w", "95")
    first, *more = printed.splitlines()
    assert code == 1
    assert first.startswith(f"SSL WARNING - {pattern}, 2 of 3 files, the worst is "
                            f"file:{folder}/site-a.pem: The certificate expires in 60 days")
    assert "ok=1;;;0 warning=2;;;0" in first
    assert [line.partition(" ")[0] for line in more] == ["[WARNING]", "[WARNING]", "[OK]"]

    (folder / "site-d.pem").write_text("no certificate")
    code, printed = plugin(folder, capfd, "-H", pattern)  # not known is worse than good
    assert code == 3
    assert "1 of 4 files, the worst is " in printed and "neither PEM" in printed
    assert plugin(folder, capfd, "-H", pattern, "-w", "95")[0] == 1  # and better than bad


def test_a_pattern_takes_what_the_cache_has(folder: Path, capfd: pytest.CaptureFixture[str]
                                            ) -> None:
    """With --max-age; without it the files are read again."""
    for name in ("site-a.pem", "site-b.pem"):
        (folder / name).write_bytes(LEAF.pem)
    words = ("-H", f"file:{folder}/site-*.pem")
    assert plugin(folder, capfd, *words)[0] == 0
    (folder / "site-b.pem").write_text("no certificate")
    assert plugin(folder, capfd, *words, "--max-age", "600")[0] == 0
    assert plugin(folder, capfd, *words)[0] == 3


def test_the_doctor_looks_whether_files_can_be_read(
        folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """All that the configuration names; a file that is not there, or that this user may not read,
    is told with what to do."""
    config_ = folder / "d.json"
    words = ("doctor", "--no-cache", "--config", str(config_))
    good = {"file": str(folder / "full.pem"), "ca_file": str(folder / "root.pem")}
    config_.write_text(json.dumps([good]))
    _, printed = told(capfd, *words)
    assert "ok       files      1 files that it names can be read by user " in printed
    config_.write_text(json.dumps([good, {"file": str(folder / "gone.pem")},
                                   f"file:{folder}/none*.pem"]))
    code, printed = told(capfd, *words)
    assert code == 1
    lines = [line for line in printed.splitlines() if line[9:14] == "files"]
    assert len(lines) == 2 and all(line.startswith("PROBLEM") for line in lines)
    assert f"{folder}/gone.pem cannot be read by user " in lines[0]
    assert "(No such file or directory): allow it with chgrp, chmod or setfacl" in lines[0]
    assert f"{folder}/none*.pem matches no file: look at the pattern" in lines[1]


def test_the_doctor_tells_of_many_files_in_a_few_lines(
        folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Ten, and how many more."""
    (folder / "d.json").write_text(json.dumps([f"file:gone-{n}.pem" for n in range(30)]))
    _, printed = told(capfd, "doctor", "--no-cache", "--config", str(folder / "d.json"))
    lines = [line for line in printed.splitlines() if line[9:14] == "files"]
    assert len(lines) == 11
    assert "20 more files cannot be read by user" in lines[-1]


def test_the_script_is_tried_on_files(folder: Path, public_python: Path, public_folder: Path
                                      ) -> None:
    """As Zabbix's user: a file that he may not read is told, one that he may read is good."""
    if os.geteuid():
        raise NotInstalled("needs root, to be another user")
    (public_folder / "root.pem").write_bytes(ROOT.certificate_pem)
    (public_folder / "full.pem").write_bytes(LEAF.pem)
    (public_folder / "domains.json").write_text(json.dumps([
        {"file": "full.pem", "ca_file": "root.pem"}]))
    daemon = Daemon("conf", str(public_folder / "scripts"), 20, "nobody")
    assert install.place(daemon, str(public_python / SCRIPT), dry_run=False).ok
    environ = {"ZABBIX_SSL_CONFIG": str(public_folder / "domains.json"),
               "ZABBIX_SSL_CACHE": str(public_folder / "none")}
    targets = config.load(str(public_folder / "domains.json"))
    listed, checked = install.examine(daemon, targets, environ)
    assert listed.ok and "names 1 targets" in listed.text
    assert checked.ok and f"it checked file:{public_folder}/full.pem" in checked.text
    (public_folder / "full.pem").chmod(0o600)
    _, checked = install.examine(daemon, targets, environ)
    assert not checked.ok
    assert "may not be read by user nobody" in checked.text


def test_the_exporter_looks_at_configured_files_alone(folder: Path) -> None:
    """A stranger who reaches it can ask for files that are configured, as /targets lists them, and
    learns of no other whether it is there; --probe-allow lets nobody at files."""
    (folder / "secret.pem").write_bytes(OTHER.pem)
    (folder / "domains.json").write_text(json.dumps(
        {"targets": [{"file": "full.pem", "ca_file": "root.pem"}]}))
    with exporter(command.Site(folder, {}), "--probe-allow", "*:*", "--offline") as up:
        up.await_(lambda: up.samples().get("ssl_probe_success"))
        (listed,) = json.loads(up.ask("/targets").text)
        assert listed["targets"] == [f"file:{folder}/full.pem"]
        for word in (*listed["targets"], f"file://{folder}/full.pem", f"file:{folder}/./full.pem"):
            for more in ("", "&debug=true"):
                answer = up.ask(f"/probe?target={quote(word)}{more}")
                assert answer.status == 200
                assert f'ssl_probe_success{{domain="file:{folder}/full.pem",port="0"}} 1' in (
                    answer.text)
        for path in (folder / "secret.pem", folder / "gone.pem", folder, folder / "*.pem",
                     Path("/etc/passwd"), Path(f"{folder}/full.pem/../secret.pem")):
            for more in ("", "&debug=true"):
                answer = up.ask(f"/probe?target={quote(f'file:{path}')}{more}")
                assert answer.status == 403
                assert answer.text == f"file:{os.path.normpath(path)} is not among the " \
                    "configured targets: files are looked at for nobody else\n"
        for query in (f"file:{folder}/full.pem&address=127.0.0.1", f"FILE:{folder}/full.pem",
                      f"{folder}/full.pem", "file:", "file:%00", "file:%2f%2fhost%2fx"):
            assert up.ask(f"/probe?target={query}").status == 400, query


def test_no_pattern_of_the_exporter_fits_a_file() -> None:
    """Not even the one for everything; a server's target fits it."""
    everything = allowed.parse("*:*")
    assert allowed.fits(everything, Target("a.example"))
    assert not allowed.fits(everything, Target("file:/etc/passwd", 0))


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


def test_the_option_finds_what_was_not_reloaded(folder: Path, capfd: pytest.CaptureFixture[str]
                                                ) -> None:
    """--serves-file of every command that checks: a real nginx whose file was renewed serves the
    old certificate until it is reloaded; a --get of before or without the option is no answer."""
    current = INTERMEDIATE.leaf("a.example", not_before=NOW - 30 * DAY, not_after=NOW + 300 * DAY)
    newer = INTERMEDIATE.leaf("a.example", not_before=NOW - DAY, not_after=NOW + 360 * DAY)
    with nginx(folder, Site(current.write(folder, "site"))) as server:
        (port,) = server.ports
        disk = current.write(folder, "site").certificate
        (folder / "d.json").write_text(json.dumps([{
            "domain": "a.example", "port": port, "address": "127.0.0.1", "ca_file": "root.pem"}]))
        environ = {"ZABBIX_SSL_CONFIG": str(folder / "d.json"),
                   "ZABBIX_SSL_CACHE": str(folder / "cache")}
        option = ("--serves-file", str(disk))

        def get(*words: str) -> tuple[int, str]:
            return told(capfd, "get", "a.example", str(port), "serves_file_match", "--offline",
                        *words, **environ)

        def finds(expected: bool) -> None:
            code, printed = told(capfd, "check", "--offline", *option, f"a.example:{port}",
                                 **environ)
            assert (code == 2, "Renewed on disk, the daemon was not reloaded" in printed) == (
                expected, expected)
            code, printed = told(capfd, "nagios", "--offline", *option, f"a.example:{port}",
                                 **environ)
            assert code == (1 if expected else 0)
            code, printed = told(capfd, "batch", "--offline", *option, **environ)
            (found,) = json.loads(printed)
            assert found["certificate"]["serves_file_match"] is not expected

        finds(False)
        newer.write(folder, "site")
        finds(True)
        assert get(*option, "--max-age", "0") == (0, "0\n")
        code, printed = get()
        assert code == 1 and "no serves_file is configured" in printed
        server.reload()
        finds(False)
        assert get(*option) == (0, "1\n")  # batch has put it into the cache
        answer = kept_answer(("--get", "a.example", str(port), "serves_file_match", "--offline",
                              *option), environ)
        assert answer == (True, b"1")
        assert kept_answer(("--get", "a.example", str(port), "serves_file_match", "--offline",
                            "--serves-file", "/other"), environ) is None
    code, printed = get(*option, "--max-age", "0")  # it is down: that is the reason
    assert code == 1 and "refused" in printed


def test_the_option_is_stronger_and_not_for_files(folder: Path) -> None:
    """It takes the place of the key; what is in a file is served by nobody; of the nodes of a name
    the whole is compared, once; and the result is of the target that was asked for."""
    with nginx(folder, Site(LEAF.write(folder, "served"))) as server:
        (port,) = server.ports
        (folder / "other.pem").write_bytes(OTHER.pem)
        target = Target("a.example", port, address="127.0.0.1", serves_file=str(
            folder / "other.pem"), ca_file=str(folder / "root.pem"))
        file = Target(f"file:{folder}/full.pem", 0, ca_file=str(folder / "root.pem"))
        nodes = target._replace(address="127.0.0.1,127.0.0.1")
        for settings_, match in ((Settings(offline=True), False), (
                Settings(offline=True, serves_file=str(folder / "full.pem")), True)):
            results = dict(check.run((target, file, nodes), settings_, None))
            assert [results[n].target for n in range(3)] == [target, file, nodes]
            assert results[0].values["serves_file_match"] is match
            assert results[2].values["serves_file_match"] is match
            assert "serves_file_match" not in results[1].values


def test_without_serves_file_nothing_is_compared(folder: Path) -> None:
    """It is not known then, and says what to configure; of a server that is down, too."""
    result = audited(folder / "full.pem")
    assert "no serves_file is configured" in result.unknown["serves_file_match"]
    down = served(folder, 1, folder / "full.pem")
    assert down.failed and "refused" in down.unknown["serves_file_match"]
