"""What a person can get wrong in a target or in domains.json, and what to do about it.

Every row is one line for a person. {is_} is what was found, safe to show.
"""

from __future__ import annotations

import os

MISTAKES = {
    # the file
    "absent": "the file does not exist: write it (docs/domains.md), or name another with --config",
    "directory": "this is a directory: name the file in it",
    "unreadable": "the file cannot be read by user {user}: allow it with chmod or chgrp",
    "os": "the file cannot be read: {why}",
    "too_big": "the file is over 16 MiB: split it, and give each part to its own run",
    "empty": "the file is empty: write at least []",
    "encoding": "the file is not UTF-8 ({why}): save it as UTF-8",
    "json": "this is not JSON: {why} at line {line}, column {column}: correct it there",
    "json_end": "this is not JSON: the file ends too early, at line {line}: it was half written, "
                "or a bracket or quote is missing",
    "json_number": "this is not JSON: {why}",
    "constant": "{is_} is not JSON: write a number",
    "nesting": "the JSON is nested too deeply: a list of targets needs three levels",
    "double_key": "{key} stands twice in {entry}: keep one",
    "shape": 'the file holds {is_}: write a list of targets, or {{"targets": [...]}}',
    "no_targets": '"targets" is missing: write {{"targets": [...]}}',
    "targets": '"targets" is {is_}: write a list',
    "defaults": '"defaults" is {is_}: write an object',
    "entry": 'this is {is_}: write "example.com" or {{"domain": "example.com"}}',
    "no_domain": 'the domain is missing: write "domain": "example.com"',
    "unknown_key": "there is no key {is_}: {near}",
    "default_domain": '"domain" cannot be a default: give it in each entry',
    "duplicate": "this is the same domain, port and address as entry {other}: remove one of them, "
                 'or give it an "address" of its own',
    # domains and addresses
    "domain_type": "the domain is {is_}: write a host name or an IP address in quotes",
    "domain_empty": "the domain is empty: write a host name or an IP address",
    "domain_long": "the domain has {length} characters, and a host name has at most 253: {is_}",
    "label_long": "a part of {is_} has {length} characters between its dots, and at most 63 are "
                  "allowed",
    "label_empty": "{is_} has two dots in a row or begins with one: remove the extra dot",
    "label_hyphen": "a part of {is_} begins or ends with a hyphen, which no host name does",
    "hyphen": "{is_} begins with a hyphen, which no host name does",
    "character": "{is_} contains {character}, which no host name does: write a host name or an IP "
                 "address",
    "macro": "{is_} is a macro that Zabbix has not filled in: look at the host's macros and at the "
             "discovery rule",
    "wildcard": "{is_} is a pattern and not a host: name a host that it stands for",
    "with_port": "{is_} has a port in it: give the port separately",
    "idn": "{is_} is not a valid international name: {why}",
    "numbers": "{is_} looks like an IP address but is none: write four numbers from 0 to 255",
    "ipv6": "{is_} is not an IPv6 address: write it like 2001:db8::1, or with a port like "
            "[2001:db8::1]:443",
    "scope": "{is_} ends in something that is not the name of a network interface: write it like "
             "fe80::1%eth0",
    "bracket": "{is_} has brackets in the wrong place: write an IPv6 address with a port like "
               "[2001:db8::1]:443",
    "target_empty": "the target is empty: write DOMAIN, DOMAIN:PORT or [IPv6]:PORT",
    "scheme": "{is_} is a URL of another protocol: write HOST:PORT",
    "userinfo": "the URL {is_} holds a user name: write HOST:PORT",
    "path": "{is_} holds a path or a network: write HOST:PORT",
    "address": "the address is {is_}: write an IP address like 192.0.2.1 or 2001:db8::1",
    "address_twice": "the address {is_} stands twice in the list: keep one",
    "addresses_many": "the list has {count} addresses: write at most {most}, and the rest as a "
                      "target of its own",
    # the other keys
    "port": "the port is {is_}: write a whole number from 1 to 65535",
    "port_text": "the port is {is_} in quotes: write {bare} without",
    "sni": "the server name (sni) is {is_}: write a host name in quotes, or none to send none",
    "starttls": "the STARTTLS protocol is {is_}: write one of {known}, or "
                "none",
    "ca_file": "ca_file is {is_}: write the name of a PEM file in quotes",
    "own_file": "{name} is {is_}: write the name of a file in quotes",
    "file": "the file is {is_}: write file:/PATH/TO/FILE in quotes",
    "file_key": "{key} means nothing for a file: leave it out",
    "file_pattern": "{is_} is a pattern: name one file, such as {file}",
    "file_many": "the pattern {is_} stands for over {most} files: name fewer",
    "key_alone": "a key without a certificate: name the certificate's file as cert too",
    "alpn": "the application protocols (alpn) are {is_}: write them with commas, h2,http/1.1, or "
            "none to offer none",
    "proxy": "the proxy is {is_}: write http://HOST:PORT or socks5://HOST:PORT",
    "proxy_userinfo": "the proxy {is_} holds a user name, which others could see: write "
                      "http://HOST:PORT, and the user and password into a file named as proxy_auth",
    "proxy_protocol": "proxy_protocol is {is_}: write v1 or v2",
    "all_addresses": "all_addresses is {is_}: write true or false, without quotes",
    "crl_dir": "crl_dir is {is_}: write the name of a directory in quotes",
    "allow_private_revocation": "allow_private_revocation is {is_}: write true for the private "
                                "networks, or networks in quotes, 10.0.0.0/8",
    "network": "{is_} is not a network: write one like 10.0.0.0/8, several with commas",
    "timeout": "the timeout is {is_}: write seconds, more than 0 and at most 600",
    "group": "the group is {is_}: write a text of at most 255 characters",
    "tags": 'the tags are {is_}: write an object of texts like {{"env": "production"}}',
    "tag_name": "the tag name {is_} does not fit: write a letter and then at most 63 letters, "
                "digits, dots, hyphens or underscores",
    "tag_value": "the tag \"{name}\" is {is_}: write a text of at most 255 characters",
    "tag_twice": "the tags {name} and {other} become the same macro {macro} in Zabbix: rename one",
    "backslash": "{is_} ends with a backslash, which Zabbix does not keep: remove it",
    "warning_days": "warning_days is {is_}: write whole days from 0 to 3650",
}


class ConfigError(ValueError):
    """What is wrong with a target or a file of targets, and what to do: one line. ``code`` is the
    row of MISTAKES."""

    def __init__(self, code: str, line: str) -> None:
        super().__init__(line)
        self.code = code

    def within(self, place: str) -> ConfigError:
        """The same, with the place in front: a file, an entry."""
        return ConfigError(self.code, f"{place}: {self}")


def user_name() -> str:
    """Who this process is, for what is wrong with permissions: the name, or else the number."""
    import pwd  # on use

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def mistake(code: str, **detail: object) -> ConfigError:
    """The error of a row of MISTAKES."""
    return ConfigError(code, MISTAKES[code].format(**detail))
