"""Trust anchors of files, directories and the system; and stores that cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest

from testbed import der
from testbed.pki import Authority, pem
from zabbix_ssl.probing import trust
from zabbix_ssl.probing.trust import load, system_store, trusting

ONE, TWO = Authority("Root One"), Authority("Root Two")


def holds(store: trust.TrustStore, authority: Authority) -> bool:
    return (authority.der, True) in store.issuers(authority.name) or (
        (authority.der, False) in store.issuers(authority.name))


def written(folder: Path, content: bytes, name: str = "roots.pem") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# Files that somebody names


def test_a_pem_file_may_hold_several_anchors(tmp_path: Path) -> None:
    """With text between them, Windows line ends and one of them twice."""
    content = b"# first\r\n" + pem(ONE.der).replace(b"\n", b"\r\n") + b"second\n" + pem(TWO.der)
    store = load(written(tmp_path, content + pem(ONE.der)))
    assert holds(store, ONE) and holds(store, TWO)
    assert store.size == 2 and store.problem == ""


def test_what_is_not_in_the_file_is_not_trusted(tmp_path: Path) -> None:
    """The twin: neither another root, nor another of the same name."""
    store = load(written(tmp_path, ONE.pem))
    assert not holds(store, TWO)
    assert not holds(store, Authority("Root One"))


def test_a_der_file_holds_one_anchor(tmp_path: Path) -> None:
    """As Windows and appliances export it."""
    assert holds(load(written(tmp_path, ONE.der, "root.crt")), ONE)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "holds no certificate"),
    (b"nothing of the kind\n", "holds no certificate"),
    (ONE.key_pem, "holds a private key and no certificate"),
    (pem(ONE.der)[:-40], "holds no certificate"),
    (pem(ONE.der) + pem(TWO.der[:100]), "certificate 2 of 2 is damaged"),
    (pem(b"garbage"), "certificate 1 of 1 is damaged"),
    (pem(ONE.der).replace(b"MII", b"M"), "certificate 1 of 1 is damaged"),
    (ONE.der[:-1], "neither PEM nor one certificate as DER"),
    (ONE.der + TWO.der, "neither PEM nor one certificate as DER"),
    (b"x" * (17 << 20), "larger than 16 MiB"),
], ids=["empty", "text", "key", "cut off", "second damaged", "garbage", "base64", "der cut off",
        "two ders", "huge"])
def test_a_bad_file_gets_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    """What file, what is wrong with it, and what to do."""
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    told = str(caught.value)
    assert told.startswith(f"{path}: ") and "\n" not in told
    assert any(advice in told for advice in ("give a file", "copy it again", "convert it"))


def test_a_file_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    """A directory too: that is what --ca-file does not take."""
    with pytest.raises(ValueError, match=r"missing\.pem: cannot be read: No such file"):
        load(tmp_path / "missing.pem")
    with pytest.raises(ValueError, match="is a directory"):
        load(tmp_path)


@pytest.mark.parametrize(("options", "trusted"), [
    ([], True), (["-addtrust", "serverAuth"], True), (["-addtrust", "anyExtendedKeyUsage"], True),
    (["-addtrust", "emailProtection"], False), (["-addreject", "serverAuth"], False),
    (["-addreject", "emailProtection"], True)])
def test_trusted_certificate_blocks_are_heeded(
        tmp_path: Path, needs: Callable[[str], str], options: list[str], trusted: bool) -> None:
    """OpenSSL's TRUSTED CERTIFICATE, which says what for: only anchors for TLS servers count."""
    made = subprocess.run([needs("openssl"), "x509", "-trustout", *options], input=ONE.pem,
                          capture_output=True, check=True).stdout
    assert b"BEGIN TRUSTED CERTIFICATE" in made
    store = load(written(tmp_path, made + TWO.pem))
    assert holds(store, ONE) is trusted
    assert holds(store, TWO)


# Memory


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    """Ten thousand targets share a store; a service that runs for months picks up the new file."""
    path = written(tmp_path, ONE.pem)
    first = load(path)
    assert load(path) is first
    path.write_bytes(TWO.pem)
    os.utime(path, ns=(1, 1))
    assert holds(load(path), TWO) and not holds(load(path), ONE)
    path.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        load(path)


def test_a_file_that_was_bad_and_is_mended_is_read_again(tmp_path: Path) -> None:
    """A failure is not remembered."""
    path = written(tmp_path, b"")
    with pytest.raises(ValueError, match="no certificate"):
        load(path)
    path.write_bytes(ONE.pem)
    assert holds(load(path), ONE)


# Looking up


def test_anchors_are_found_by_a_name_that_is_encoded_otherwise(tmp_path: Path) -> None:
    """Letter case, white space and string type do not count (RFC 5280 7.1), where that is asked."""
    name = der.name(("2.5.4.3", "ROOT  one", der.PRINTABLE))
    store = trusting(ONE.der, TWO.der)
    assert list(store.issuers(name)) == []
    assert list(store.issuers(name, alike=True)) == [(ONE.der, False)]
    assert list(store.issuers(der.name(("2.5.4.3", "Root Three", der.UTF8)), alike=True)) == []


def test_two_anchors_of_one_name_are_both_found() -> None:
    """A CA that has a new key, or a new certificate for the old one."""
    again = Authority("Root One")
    store = trusting(ONE.der, again.der)
    assert [certificate for certificate, _ in store.issuers(ONE.name)] == [ONE.der, again.der]


def test_stores_are_joined() -> None:
    """Anchors of both; whether each is the system's stays known."""
    both = trusting(ONE.der, system=True).joined(trusting(TWO.der))
    assert list(both.issuers(ONE.name)) == [(ONE.der, True)]
    assert list(both.issuers(TWO.name)) == [(TWO.der, False)]
    assert both.size == 2


def test_a_joined_store_keeps_the_problem_of_a_part(tmp_path: Path) -> None:
    """Its anchors count, and it is known that others could not be had."""
    both = system_store(str(tmp_path / "missing")).joined(trusting(ONE.der))
    assert holds(both, ONE)
    assert "missing" in both.problem


# The system's


def test_the_system_store_is_that_of_the_arguments(tmp_path: Path) -> None:
    """SSL_CERT_FILE and SSL_CERT_DIR, as the caller has read them: both, and nothing else."""
    file = written(tmp_path, ONE.pem)
    folder = tmp_path / "certs"
    folder.mkdir()
    written(folder, TWO.pem, "0123abcd.0")
    store = system_store(str(file), str(folder))
    assert list(store.issuers(ONE.name)) == [(ONE.der, True)]
    assert list(store.issuers(TWO.name)) == [(TWO.der, True)]
    assert store.size == 2 and store.problem == ""
    assert not holds(system_store(str(file)), TWO)


def test_a_directory_is_read_as_openssl_reads_it(tmp_path: Path, needs: Callable[[str], str]
                                                 ) -> None:
    """By the names that ``openssl rehash`` gives, several directories with colons between them."""
    first, second = tmp_path / "one", tmp_path / "two"
    for folder, authority in ((first, ONE), (second, TWO)):
        folder.mkdir()
        written(folder, authority.pem)
    places = f"{first}{os.pathsep}{second}"
    unhashed = system_store(directory=places)
    assert unhashed.size == 0 and "openssl rehash" in unhashed.problem
    for folder in (first, second):
        subprocess.run([needs("openssl"), "rehash", folder], check=True)
        written(folder, b"garbage", "ffffffff.0")
    store = system_store(directory=places)
    assert holds(store, ONE) and holds(store, TWO) and store.problem == ""


@pytest.mark.parametrize(("content", "why"), [
    (None, "cannot be read: No such file or directory"), (b"", "holds no certificate")])
def test_a_system_store_that_cannot_be_had_says_so(tmp_path: Path, content: bytes | None,
                                                   why: str) -> None:
    """It is a value with a problem, and no exception."""
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_bytes(content)
    store = system_store(str(path))
    assert store.size == 0 and why in store.problem and str(path) in store.problem


def test_a_damaged_root_does_not_cost_the_others(tmp_path: Path) -> None:
    """The system's bundle is nobody's to mend; of --ca-file it is an error (see above)."""
    store = system_store(str(written(tmp_path, pem(b"garbage", ONE.der))))
    assert holds(store, ONE) and store.problem == ""


def test_the_usual_places_are_tried_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                            ) -> None:
    """Files before directories, one that holds nothing is passed over, certifi comes last."""
    empty, full = written(tmp_path, b"", "empty.pem"), written(tmp_path, ONE.pem, "full.pem")
    folder = tmp_path / "certs"
    folder.mkdir()
    written(folder, TWO.pem, "0123abcd.0")
    monkeypatch.setattr(trust, "SYSTEM_DIRECTORIES", (str(folder),))
    monkeypatch.setattr(trust, "SYSTEM_FILES", (str(tmp_path / "no"), str(empty), str(full)))
    assert holds(system_store(), ONE) and system_store().size == 1
    monkeypatch.setattr(trust, "SYSTEM_FILES", (str(empty),))
    assert holds(system_store(), TWO) and system_store().size == 1
    monkeypatch.setattr(trust, "SYSTEM_DIRECTORIES", ())
    assert system_store().size == Path(certifi.where()).read_text().count("BEGIN CERTIFICATE")


def test_a_system_without_any_roots_has_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is to install the package ca-certificates."""
    monkeypatch.setattr(trust, "SYSTEM_FILES", ())
    monkeypatch.setattr(trust, "SYSTEM_DIRECTORIES", ())
    monkeypatch.setitem(sys.modules, "certifi", None)
    store = system_store()
    assert store.size == 0 and "ca-certificates" in store.problem
