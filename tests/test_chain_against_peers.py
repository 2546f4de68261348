"""Our verdict beside that of OpenSSL and curl, on the same certificates.

OpenSSL is asked as curl on Debian asks it: security level 2, and any trusted certificate may end a
chain. Where the peers refuse what we accept, ours must say so by a ``client_difference`` that names
OpenSSL; where they accept what we refuse, it is the common name of a certificate without SAN.
"""

from __future__ import annotations

import re
import socket
import subprocess
import warnings
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from ipaddress import ip_address
from pathlib import Path

import pytest
from chains import CASES, INTERMEDIATE, NOW, ROOT, Case

from testbed.openssl import s_server
from testbed.pki import Issued, pem
from testbed.serving import Dialogue, serve
from zabbix_ssl.probing.chain import judge
from zabbix_ssl.probing.trust import trusting

#: What OpenSSL says for each chain_error, where it says one thing for it.
OPENSSL_SAYS = {
    "self_signed": "self-signed certificate", "expired": "certificate has expired",
    "not_yet_valid": "not yet valid", "not_a_ca": "invalid CA certificate",
    "path_length": "path length constraint exceeded", "purpose": "certificate purpose",
    "name_constraints": "subtree violation|unsupported name constraint",
    "weak_signature": "signature digest algorithm too weak", "weak_key": "certificate key too weak",
    "critical_extension": "unhandled critical extension",
    "missing_intermediate": "unable to get local issuer certificate",
    "untrusted_root": "unable to get (local )?issuer certificate|self-signed certificate in",
    "bad_signature": "signature failure|unable to get local issuer certificate"}


def expected(case: Case) -> bool:
    """Does OpenSSL accept it?"""
    return case.accepted if case.openssl is None else case.openssl


def name_is_common_name(case: Case) -> bool:
    return not judge(case.served, trusting(*case.anchors), case.host, NOW)[0].san


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.files])
def test_openssl_agrees(name: str, tmp_path: Path, needs: Callable[[str], str]) -> None:
    """``openssl verify`` accepts what we accept, and refuses for the same reason what we refuse."""
    case = CASES[name]
    leaf, others, anchors = tmp_path / "leaf.pem", tmp_path / "others.pem", tmp_path / "ca.pem"
    leaf.write_bytes(pem(case.served[0]))
    others.write_bytes(pem(*case.served[1:]))
    anchors.write_bytes(pem(*case.anchors))
    argv = [needs("openssl"), "verify", "-purpose", "sslserver", "-auth_level", "2",
            "-partial_chain", "-no-CApath", "-no-CAstore", "-CAfile", str(anchors),
            "-verify_ip" if is_address(case.host) else "-verify_hostname", case.host]
    if case.served[1:]:
        argv += ["-untrusted", str(others)]
    ran = subprocess.run([*argv, str(leaf)], capture_output=True, text=True)
    said = ran.stdout + ran.stderr
    assert (ran.returncode == 0) is expected(case), said
    if ran.returncode and case.openssl is None and case.error in OPENSSL_SAYS:
        assert re.search(OPENSSL_SAYS[case.error], said)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.curl])
def test_curl_agrees(name: str, tmp_path: Path, needs: Callable[[str], str]) -> None:
    """curl, over a real connection to a server that sends the chain, accepts what we accept."""
    case = CASES[name]
    curl = needs("curl")
    anchors = tmp_path / "ca.pem"
    anchors.write_bytes(pem(*case.anchors))
    written = case.leaf.write(tmp_path, "leaf", chain=case.served[:1])
    options = ["-www", "-cipher", "ALL:@SECLEVEL=0", "-cert", str(written.certificate),
               "-key", str(written.key)]
    if case.served[1:]:
        above = tmp_path / "above.pem"
        above.write_bytes(pem(*case.served[1:]))
        options += ["-cert_chain", str(above)]
    with s_server(tmp_path, *options) as port:
        ran = subprocess.run(
            [curl, "-sS", "--max-time", "10", "--noproxy", "*", "--capath", str(tmp_path / "none"),
             "--cacert", str(anchors), "--resolve", f"{case.host}:{port}:127.0.0.1",
             f"https://{case.host}:{port}/"], capture_output=True, text=True)
    assert (ran.returncode == 0) is expected(case), ran.stderr
    # 35: it did not get as far as judging the chain, for a certificate could not be used at all
    assert ran.returncode in (0, 60, 35), ran.stderr


@pytest.mark.parametrize("unreadable", [False, True])
def test_curl_refuses_a_certificate_that_it_cannot_read(
        unreadable: bool, tmp_path: Path, needs: Callable[[str], str]) -> None:
    """OpenSSL's servers cannot be made to send one, so tlslite-ng does."""
    curl = needs("curl")
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    issued = INTERMEDIATE.leaf("a.example", key="rsa2048")
    chain = (*issued.chain, issued.chain[1][:-5]) if unreadable else issued.chain
    with serve(sending(issued, chain)) as port:
        ran = subprocess.run(
            [curl, "-sS", "--max-time", "10", "--noproxy", "*", "--capath", str(tmp_path / "none"),
             "--cacert", str(tmp_path / "ca.pem"), "--resolve", f"a.example:{port}:127.0.0.1",
             f"https://a.example:{port}/"], capture_output=True, text=True)
    assert (ran.returncode == 0) is not unreadable, ran.stderr


def sending(issued: Issued, chain: tuple[bytes, ...]) -> Dialogue:
    """A TLS 1.2 server that sends any bytes as its certificates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports asyncore, gone in 3.12
        from tlslite.api import (
            HandshakeSettings,
            TLSConnection,
            TLSError,
            X509CertChain,
            parsePEMKey,
        )
    sent = X509CertChain()
    sent.parsePemList(issued.pem.decode())
    for encoded in chain[len(issued.chain):]:
        other = copy(sent.x509List[-1])
        other.bytes = bytearray(encoded)
        sent.x509List.append(other)
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 3)
    settings.versions = [(3, 3)]
    key = parsePEMKey(issued.key_pem.decode(), private=True)

    def dialogue(connection: socket.socket) -> None:
        with suppress(TLSError):
            tls = TLSConnection(connection)
            tls.handshakeServer(certChain=sent, privateKey=key, settings=settings)
            if tls.read(max=65536):
                tls.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            tls.close()

    return dialogue


@pytest.mark.parametrize("name", [name for name, case in CASES.items()
                                  if expected(case) != case.accepted])
def test_a_difference_is_told(name: str) -> None:
    """Where OpenSSL refuses what we accept a finding says so; where it accepts what we refuse it
    believes a common name."""
    case = CASES[name]
    chain = judge(case.served, trusting(*case.anchors), case.host, NOW)[1]
    clients = [str(f.detail["clients"]) for f in chain.faults if f.code == "client_difference"]
    if case.accepted:
        assert any("OpenSSL" in told for told in clients)
    else:
        assert name_is_common_name(case) and not chain.hostname_match


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
