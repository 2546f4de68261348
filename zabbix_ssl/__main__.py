"""``python -m zabbix_ssl``, where the script ``zabbix-ssl`` is not on the way."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
