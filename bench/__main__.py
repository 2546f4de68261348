"""``python -m bench [NAME ...]``."""

from __future__ import annotations

import importlib
import sys

NAMES = ("audit", "scale", "external", "revocation", "exporter", "push", "starttls", "zabbix")


def main(names: list[str]) -> int:
    """Run the measurements of these names, or all."""
    wrong = [name for name in names if name not in NAMES]
    if wrong:
        print(f"bench: no measurement {wrong[0]}: there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in names or NAMES:
        module = importlib.import_module(f"bench.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
