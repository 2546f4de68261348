"""Results to text. Every module here is pure: values in, text out, no I/O. The names of metrics,
their groups, kinds and units come from ``metrics.TABLE``.

    objects.py     the JSON object of a target, for batch and check --json
    discovery.py   low-level discovery for Zabbix
    csv.py         one line a target: domain, port, days left
    prometheus.py  the text exposition format
    people.py      the terminal: a report of one target, a table of many
"""
