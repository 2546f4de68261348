#!/usr/bin/env python3
"""What Zabbix runs as an external check, and cron and people too. ``--help`` tells how.

Runs installed (pip install), as a file of a checkout, and through a symbolic link to either. In a
checkout whose .venv alone has the dependencies it goes on under the Python there. Old versions of
Python can read it, to be told that they are old.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # of a checkout, if it is one
VENV = os.path.join(ROOT, ".venv")
WENT_ON = "ZABBIX_SSL_WENT_ON"  # set in the environment of the second start: there is no third


def main() -> int:
    if not getattr(sys.flags, "safe_path", False):  # else the folder of this file comes first,
        in_checkout = os.path.exists(os.path.join(ROOT, "zabbix_ssl", "__init__.py"))
        sys.path[:1] = [ROOT] if in_checkout else []  # where scripts of any name may lie
    try:
        if sys.version_info < (3, 11):  # noqa: UP036
            raise ImportError("Python 3.11 or later is needed")
        from zabbix_ssl.external import main

        return main(sys.argv[1:], os.environ)
    except ImportError as missing:
        return go_on_elsewhere(str(missing))
    except Exception as error:
        return say(f"a fault in zabbix-ssl, please report it: {error!r}")


def go_on_elsewhere(why: str) -> int:
    """Runs anew under the checkout's own Python, or says what to install."""
    python = os.path.join(VENV, "bin", "python")
    if os.path.lexists(python) and WENT_ON not in os.environ:
        try:
            os.execve(python, [python, os.path.realpath(__file__), *sys.argv[1:]],
                      dict(os.environ, **{WENT_ON: "1"}))
        except OSError as error:
            return say(f"{why} ({sys.executable}), and {python} cannot be run: {error.strerror}")
    return say(f"{why} ({sys.executable}): install zabbix-ssl for it with pip")


def say(text: str) -> int:
    """One line, on the pipe that Zabbix reads."""
    print("zabbix-ssl: " + " ".join(text.split()))
    return 1


if __name__ == "__main__":
    sys.exit(main())
