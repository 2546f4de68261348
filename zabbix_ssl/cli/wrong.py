"""What can be wrong with the words of a command line: one line each, with what to do."""

from __future__ import annotations

WRONG = {
    "no_command": "name a command: {commands}",
    "command": "there is no command {is_}: {near}",
    "option": "there is no option {is_}: {near}",
    "words": "{is_} is one word too many: {program} --help tells how",
    "argparse": "{message}: {program} --help tells how",
    "get_words": "--get takes three words, DOMAIN PORT METRIC, and has {count}",
    "metric": "there is no metric {is_}: {near}",
    "modes": "{one} and {other} exclude each other: leave one out",
    "seconds": "{is_} is not a time: write seconds, from {least} to {most}",
    "count": "{is_} is not a number: write a whole number from {least} to {most}",
    "days": "{is_} is not a number of days: write one from 0 to {most}",
    "order": "{critical} days are more than {warning}: give --critical fewer than --warning",
    "host": "no host: name it with -H HOST",
    "hosts": "{count} hosts: name one, with -H HOST",
    "finding": "there is no finding {is_}: {near}",
    "file": "{is_} cannot be read ({why}): name a readable file",
    "no_certificate": "{is_} holds no certificate: name a PEM file",
    "folder": "{is_} cannot be used ({why}): name a directory",
    "folder_write": "{is_} cannot be written to ({why}): allow it, or name another directory",
    "empty": "the value is empty: leave the option out, or give it one",
    "key_alone": "--key without --cert: name the certificate's file too",
    "language": "{is_} is no language that is spoken here: write one of {known}",
    "alone": "{option} has nothing to work on: add {needed}",
    "one_of": "{is_} is none of {known}: write one of them",
    "secret": "the first line of {is_} is empty: write the secret there",
    "which_zabbix": "which Zabbix? Set ZABBIX_URL, or give --url",
    "who": "who are you? Set ZABBIX_TOKEN, or give --token-file; or set ZABBIX_USER and "
           "ZABBIX_PASSWORD",
    "no_daemon": "no configuration of a Zabbix server or proxy is here: name it with --zabbix-conf",
    "as_root": "{path} cannot be read ({why}): run this as root",
    "no_server": "--server names no server: write HOST or HOST:PORT",
    "tls_beside": "{option} is missing: TLS takes it beside {other}",
    "listen": "{is_} lacks a port: write ADDRESS:PORT, [IPv6]:PORT, or :PORT for all addresses",
    "source": "there is no source {is_}: {near}",
    "no_source": "from what? Add --from SOURCE: {known}",
    "what_to_read": "name what to read: --from {name} {path}",
    "ca_only": "--ca-only trusts a file alone, and none is given: add --ca-file FILE",
}


class WrongUse(Exception):
    """The words make no sense; says what, where and what to do in one line."""


def wrong(code: str, **detail: object) -> WrongUse:
    """The error of a row of WRONG."""
    return WrongUse(WRONG[code].format(**detail))


def near(word: str, known: list[str], otherwise: str) -> str:
    """The known words that may have been meant, or else where all of them are told."""
    import difflib  # on use: only a mistake pays for it

    close = difflib.get_close_matches(word, known, 3, 0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"{otherwise} tells which there are"
