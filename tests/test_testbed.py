"""The testbed's servers do what they say, seen by clients that are not ours."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed import faults, pki, proxies, tls, zabbix_packages
from testbed.nginx import ANY_CIPHER, Site, nginx
from testbed.openssl import s_server
from testbed.process import DidNotStart, program
from testbed.serving import serve

ROOT = Path(__file__).parent.parent
AUTHORITY = pki.Authority("Testbed Root")


def handshake(port: int, name: str = "a.example", address: str = "127.0.0.1",
              authority: pki.Issued = AUTHORITY) -> tuple[str, float]:
    """The version negotiated with a server that AUTHORITY vouches for, and the seconds it took."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    started = time.monotonic()
    with (socket.create_connection((address, port), 10) as connection,
          context.wrap_socket(connection, server_hostname=name) as secured):
        return secured.version() or "", time.monotonic() - started


def s_client(port: int, *options: str) -> str:
    """What ``openssl s_client`` reports of a server."""
    done = subprocess.run(
        [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


def test_nginx_serves_sites_by_port_and_by_name(tmp_path: Path) -> None:
    """Each port has its own certificates, and SNI chooses among those of one port."""
    one, two, three = (AUTHORITY.leaf(f"{name}.example").write(tmp_path) for name in "abc")
    with nginx(tmp_path, Site(one), (Site(two), Site(three, ("c.example",)))) as server:
        first, second = server.ports
        assert handshake(first)[0] == "TLSv1.3"
        assert handshake(second, "b.example")
        assert handshake(second, "c.example")
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(first, "b.example")
    with pytest.raises(ConnectionRefusedError):
        handshake(first)


def test_nginx_speaks_only_the_versions_it_is_told(tmp_path: Path) -> None:
    """TLS 1.0 is there when asked for, at the security level that allows it, and else is not."""
    files = AUTHORITY.leaf("a.example", key="rsa2048").write(tmp_path)
    with nginx(tmp_path, Site(files, versions="TLSv1", ciphers=ANY_CIPHER),
               Site(files, versions="TLSv1.2")) as server:
        weak, strong = server.ports
        assert "TLSv1\n" in s_client(weak, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
        assert "alert protocol version" in s_client(strong, "-tls1", "-cipher", "ALL:@SECLEVEL=0")


def test_nginx_takes_a_renewed_certificate_over(tmp_path: Path) -> None:
    """After reload() the new file is served, not before."""
    other = pki.Authority("Another Root")
    files = AUTHORITY.leaf("a.example").write(tmp_path, "site")
    with nginx(tmp_path, Site(files)) as server:
        other.leaf("a.example").write(tmp_path, "site")
        assert handshake(server.ports[0])
        server.reload()
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(server.ports[0])


def test_a_wrong_directive_is_told(tmp_path: Path) -> None:
    """nginx that does not start says why."""
    files = AUTHORITY.leaf("a.example").write(tmp_path)
    with (pytest.raises(DidNotStart, match="no_such_directive"),
          nginx(tmp_path, Site(files, directives="no_such_directive on;"))):
        pass


def test_servers_die_with_a_killed_python(tmp_path: Path) -> None:
    """kill -9 on the Python that started nginx leaves no nginx behind."""
    program("nginx")
    script = (
        "import sys, time, pathlib\n"
        "from testbed import pki; from testbed.nginx import Site, nginx\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "site = Site(pki.self_signed('a.example').write(folder))\n"
        "with nginx(folder, site) as server:\n"
        "    pid = server.process.pid\n"
        "    children = pathlib.Path(f'/proc/{pid}/task/{pid}/children')\n"
        "    while not children.read_text(): time.sleep(0.01)\n"  # it listens before it forks
        "    print(pid, children.read_text(), flush=True); time.sleep(60)\n")
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE,
                          text=True, cwd=ROOT) as python:
        assert python.stdout is not None
        master, worker = map(int, python.stdout.readline().split())
        os.kill(worker, 0)
        python.send_signal(signal.SIGKILL)
        python.wait()
        assert _gone(master)
        assert _gone(worker)


@pytest.mark.parametrize("version", zabbix_packages.VERSIONS)
def test_zabbix_dies_with_a_killed_python(version: str) -> None:
    """kill -9 leaves nothing of a Zabbix: neither the database nor the server's children, which
    would wait for each other."""
    zabbix_packages.unpacked(version)
    script = ("import sys, time; from testbed.zabbix import running\n"
              "with running(sys.argv[1]) as zabbix:\n"
              "    print(zabbix.folder, flush=True); time.sleep(60)\n")
    with subprocess.Popen([sys.executable, "-c", script, version], stdout=subprocess.PIPE,
                          text=True, cwd=ROOT) as python:
        assert python.stdout is not None
        folder = Path(python.stdout.readline().strip())
        deadline = time.monotonic() + 30
        while len(started := _descendants(python.pid)) < 30:  # all of the server's children
            assert time.monotonic() < deadline
            time.sleep(0.1)
        python.send_signal(signal.SIGKILL)
        python.wait()
    try:
        assert all(_gone(process, seconds=30) for process in started)
    finally:
        shutil.rmtree(folder)


def _descendants(process: int) -> list[int]:
    children = [int(word) for path in Path(f"/proc/{process}/task").glob("*/children")
                for word in path.read_text().split()]
    return children + [one for child in children for one in _descendants(child)]


def _gone(process: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_s_server(tmp_path: Path) -> None:
    """openssl's own server, with its own options."""
    files = AUTHORITY.leaf("a.example").write(tmp_path)
    with s_server(tmp_path, "-tls1_2", files=files) as port:
        assert handshake(port)[0] == "TLSv1.2"


def test_modern(tmp_path: Path) -> None:
    """pyOpenSSL serves the versions it is told, and can demand a client certificate."""
    issued = AUTHORITY.leaf("a.example", key="rsa2048")
    with serve(tls.modern(issued)) as port:
        assert handshake(port)[0] == "TLSv1.3"
    with serve(tls.modern(issued, oldest="TLSv1.0", newest="TLSv1.1")) as port:
        assert "TLSv1.1" in s_client(port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            handshake(port)
    with serve(tls.modern(issued, newest="TLSv1.2", client_certificate=True)) as port, \
            pytest.raises(ssl.SSLError):
        handshake(port)
    with serve(tls.modern(issued, staple=b"not an answer")) as port:
        assert "OCSP response" in s_client(port, "-status")


@pytest.mark.parametrize(("version", "cipher", "name"), [
    ("TLSv1.0", "rc4", "TLS_RSA_WITH_RC4_128_SHA"), ("TLSv1.2", "null", "TLS_RSA_WITH_NULL_SHA")])
def test_old_ciphers(version: str, cipher: str, name: str) -> None:
    """tlslite-ng still completes a handshake with a dead cipher, seen by nmap."""
    with serve(tls.old(AUTHORITY.leaf("a.example", key="rsa2048"), oldest=version, newest=version,
                       ciphers=(cipher,))) as port:
        seen = scan("nmap", "-Pn", "--script", "ssl-enum-ciphers", "-p", str(port), "127.0.0.1")
    assert version in seen
    assert name in seen
    assert "AES" not in seen


def test_old_versions() -> None:
    """tlslite-ng still speaks SSLv3, seen by sslscan."""
    with serve(tls.old(AUTHORITY.leaf("a.example", key="rsa2048"), newest="SSLv3")) as port:
        seen = scan("sslscan", "--no-colour", f"127.0.0.1:{port}")
    assert re.search(r"SSLv3 +enabled", seen)
    assert re.search(r"TLSv1.0 +disabled", seen)


def scan(name: str, *options: str) -> str:
    return subprocess.run([program(name), *options], capture_output=True, text=True, timeout=120,
                          check=True).stdout


def test_refusing_and_unanswered() -> None:
    """One port answers a SYN by a reset, the other by nothing."""
    with faults.refusing() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
    with faults.unanswered() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), 0.5)


@pytest.mark.parametrize(("dialogue", "error"), [
    (faults.closing, "EOF"), (faults.resetting, "reset"),
    (faults.http, "WRONG_VERSION_NUMBER"), (faults.ssh, "WRONG_VERSION_NUMBER"),
    (faults.garbage(3), "WRONG_VERSION_NUMBER|RECORD_LAYER|record layer"),
    (faults.endless_empty, "RECORD_TOO_SMALL|record too small"),
    (faults.huge_certificate(), "EXCESSIVE_MESSAGE_SIZE|excessive message size"),
    (faults.choosing(0x0003), "HANDSHAKE_FAILURE")])
def test_faults_break_a_handshake(dialogue: Callable[[socket.socket], None], error: str) -> None:
    """OpenSSL fails on each in its own way."""
    with serve(dialogue) as port, pytest.raises(OSError, match=error):
        handshake(port)


def test_delay_of_a_handshake(tmp_path: Path) -> None:
    """Through the proxy TLS 1.3 costs two round trips and TLS 1.2 three, TCP's own included."""
    issued = AUTHORITY.leaf("a.example")
    for newest, trips in (("TLSv1.3", 2), ("TLSv1.2", 3)):
        with serve(tls.modern(issued, newest=newest)) as port, proxies.delayed(port, 0.1) as far:
            assert handshake(port)[1] < 0.2
            assert handshake(far)[1] >= trips * 0.2


def test_trickle_and_spoil() -> None:
    """A trickled handshake arrives whole; a spoilt one does not."""
    issued = AUTHORITY.leaf("a.example")
    with serve(tls.modern(issued)) as port:
        with serve(proxies.trickling(port, 0.0001)) as slow:
            assert handshake(slow)[0] == "TLSv1.3"
        with serve(proxies.spoiling(port, lambda flight: flight[:50] + b"\xff" + flight[51:])) as (
                bad), pytest.raises(ssl.SSLError):
            handshake(bad)
