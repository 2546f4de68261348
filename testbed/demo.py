"""``make demo``: real TLS endpoints on loopback, audited by the script that Zabbix calls.

Ends with 1 when a verdict is not the one that the endpoint was made for.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from .endpoints import ENDPOINTS, Running, running
from .external import ExternalCheck


def main() -> int:
    """Shows the demo on stdout; gives the exit code."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    with tempfile.TemporaryDirectory(prefix="zabbix-ssl-demo-") as name:
        folder = Path(name)
        with running(ENDPOINTS, folder) as endpoints:
            print(f"{len(endpoints)} TLS endpoints are up on loopback addresses of this machine.")
            zabbix = ExternalCheck(folder / "domains.json", folder / "cache")
            show_entries(endpoints)
            show_external_checks(zabbix, endpoints, width)
            wrong = show_verdicts(zabbix, endpoints, width)
            wrong += show_offline(zabbix, endpoints)
            return 1 if wrong else 0


def show_entries(endpoints: list[Running]) -> None:
    """How domains.json says what is not simply TLS at one address."""
    print("\nSome are not simply open to everybody at one address; domains.json says of these:")
    for one in endpoints:
        if one.endpoint.more or one.endpoint.nodes > 1:
            print(json.dumps(one.entry))


def show_external_checks(zabbix: ExternalCheck, endpoints: list[Running], width: int) -> None:
    """What Zabbix asks, and the answers as it gets them."""
    expiring = next(one for one in endpoints if one.endpoint.name == "expiring")
    target = (expiring.endpoint.domain, str(expiring.port))
    for why, words in (
            ("Zabbix discovers them", ("--discover",)),
            ("asks for one value of one", ("--get", *target, "remain_days")),
            ("or for all at once, for dependent items", ("--get", *target, "all"))):
        print(f"\n{why}:\n$ ssl_check_batch.py {' '.join(words)}")
        text = zabbix(*words).text
        print(text if len(text) <= 2 * width else f"{text[:2 * width - 4]} ...")


def show_verdicts(zabbix: ExternalCheck, endpoints: list[Running], width: int) -> int:
    """Audits all, shows each verdict beside the endpoint; gives how many are not as expected."""
    started = time.monotonic()
    answer = zabbix().text
    seconds = time.monotonic() - started
    try:
        results = {(one["domain"], one["port"]): one for one in json.loads(answer)}
    except ValueError:
        print(f"\nssl_check_batch.py did not answer with JSON:\n{answer}")
        return 1
    print(f"\nAll of them, with everything that is looked at:\n"
          "$ ssl_check_batch.py\n"
          f"({len(answer)} characters of JSON after {seconds:.1f} s; in short:)\n")
    print(f"{'ENDPOINT':14} {'RISK':6} {'DAYS':>4}  FINDING")
    wrong = 0
    for one in endpoints:
        result = results[one.endpoint.domain, one.port]
        print(in_short(one, result, width))
        fault = difference(one, result)
        if fault:
            wrong += 1
            print(f"{'':27} WRONG: {fault}")
    print(f"\n{len(endpoints) - wrong} of {len(endpoints)} verdicts are as they must be.")
    return wrong


def show_offline(zabbix: ExternalCheck, endpoints: list[Running]) -> int:
    """Asks nobody whether a certificate is revoked, but for a file; gives how many are wrong."""
    revoked = next(one for one in endpoints if one.endpoint.name == "revoked")
    words = ("--get", revoked.endpoint.domain, str(revoked.port), "revocation_status", "--offline",
             "--crl-dir", str(revoked.folder / "crls"))
    answer = zabbix(*words).text
    print(f"\nAnd from the CA's revocation list as a file, with nobody asked:\n"
          f"$ ssl_check_batch.py {' '.join(words)}\n{answer}")
    return 0 if answer == "revoked" else 1


def in_short(one: Running, result: dict[str, Any], width: int) -> str:
    """A row of the table; its sentences wrapped under each other."""
    days = result["validity"].get("remain_days", "-")
    sentences = [finding["message"] for finding in result["findings"]]
    sentences = sentences or [f"nothing to mend: {one.endpoint.what}"]
    head = f"{one.endpoint.name:14} {result['risk_level']:6} {days:>4}  "
    indent = " " * len(head)
    lines = [line for sentence in sentences for line in textwrap.wrap(
        sentence, max(40, width - len(head)), subsequent_indent="  ", break_on_hyphens=False)]
    return head + f"\n{indent}".join(lines)


def difference(one: Running, result: dict[str, Any]) -> str:
    """How a verdict differs from what the endpoint was made for; "" when it does not."""
    wanted = one.endpoint
    expected = (wanted.risk, wanted.error_reason, *sorted(wanted.codes | wanted.remarks))
    actual = (result["risk_level"], result["error_reason"],
              *sorted(finding["code"] for finding in result["findings"]))
    return "" if actual == expected else f"expected {expected}, found {actual}"


if __name__ == "__main__":
    sys.exit(main())
