"""Names that nobody answers for, among good ones: a name server of our own in a mount namespace."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import tls
from testbed.pki import Authority
from testbed.serving import serve

NAME_SERVER = "127.0.0.153"
DEAD, ALIVE = 700, 20

AUDIT = """
import json, sys
from zabbix_ssl.model import Settings, Target
from zabbix_ssl.probing import audit_all
dead, alive, port = map(int, sys.argv[1:])
names = [f"dead{n}.example" for n in range(dead)] + [f"alive{n}.example" for n in range(alive)]
names += ["absent.example"]
seen = {}
for index, one in audit_all([(Target(name, port), None) for name in names], Settings(timeout=4)):
    seen[names[index]] = one.failure
print(json.dumps(seen))
"""


def answer(query: bytes) -> bytes | None:
    """The answer to a DNS query (RFC 1035 section 4): an address for alive names, for absent ones
    that they do not exist, for dead ones silence."""
    end = query.index(b"\0", 12) + 5
    first = query[13:13 + query[12]]
    if first.startswith(b"dead"):
        return None
    kind, = struct.unpack_from(">H", query, end - 4)
    found = first.startswith(b"alive") and kind == 1
    code = 0 if first.startswith(b"alive") else 3
    head = query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, int(found), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("127.0.0.1")
    return head + query[12:end] + (record if found else b"")


@pytest.fixture
def name_server() -> Iterator[None]:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root (to put a resolv.conf into a mount namespace)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((NAME_SERVER, 53))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

        def work() -> None:
            while True:
                query, client = sock.recvfrom(4096)
                if query == b"stop":
                    return
                reply = answer(query)
                if reply:
                    sock.sendto(reply, client)

        thread = threading.Thread(target=work)
        thread.start()
        yield
        sock.sendto(b"stop", (NAME_SERVER, 53))
        thread.join()


def test_good_names_do_not_stand_in_line_behind_dead_ones(name_server: None, tmp_path: Path
                                                          ) -> None:
    """700 names without an answer and 20 good ones at once: the good ones are audited."""
    (tmp_path / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    mounts = "".join(f"mount --bind {tmp_path / name} /etc/{name} && "
                     for name in ("resolv.conf", "nsswitch.conf"))
    leaf = Authority("DNS Root").leaf("alive.example")
    with serve(tls.modern(leaf)) as port:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mounts + 'exec "$@"', "sh", sys.executable, "-c", AUDIT,
             str(DEAD), str(ALIVE), str(port)],
            capture_output=True, text=True, timeout=60, check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)})
    seen = json.loads(done.stdout)
    assert {name for name, failure in seen.items() if failure is None} == {
        f"alive{n}.example" for n in range(ALIVE)}
    assert {failure[0] for failure in seen.values() if failure} == {"dns"}
    assert "does not answer" in seen["dead1.example"][1]
    assert seen["absent.example"][1] == "the name absent.example does not exist"
