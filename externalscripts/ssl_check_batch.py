#!/usr/bin/env python3
"""What Zabbix runs as an external check, and cron and people too. ``--help`` tells how.

Runs installed (pip install), as a file of a checkout, and through a symbolic link to either.
"""

import sys

if sys.path[0].endswith("/externalscripts"):  # the folder of this file, links resolved
    sys.path[0] = sys.path[0][: -len("/externalscripts")]

from zabbix_ssl.external import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
