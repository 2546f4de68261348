"""What a service tells systemd (sd_notify(3)): that it is ready, alive, about to end.

A datagram to the socket that systemd names; where it names none, nothing is done.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping


def notify(environ: Mapping[str, str], *assignments: str) -> None:
    """Send assignments such as READY=1, WATCHDOG=1, STOPPING=1, STATUS=text of one line."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(1)
            sender.sendto("\n".join(assignments).encode("utf-8", "replace"),
                          address.replace("@", "\0", 1) if address[0] == "@" else address)
    except OSError:
        pass  # it will see by itself what becomes of us


def watchdog_seconds(environ: Mapping[str, str], process: int) -> float | None:
    """How often WATCHDOG=1 is to be sent: half of what systemd waits. None: it does not wait."""
    text = environ.get("WATCHDOG_USEC", "")
    meant = environ.get("WATCHDOG_PID", str(process)) == str(process)
    return int(text) / 2e6 if meant and text.isascii() and text.isdigit() and int(text) else None
