"""TLS to the trapper of a Zabbix server or proxy, by certificates or by a pre-shared key, with the
files that agents and senders use (TLSCAFile, TLSCertFile, TLSKeyFile, TLSPSKFile).
"""

from __future__ import annotations

import ssl
from typing import Any

#: Suites that every Zabbix with TLS takes for a pre-shared key, whatever library it was built on.
_PSK_CIPHERS = "kECDHEPSK+AES128:kPSK+AES128"
_MOST_PSK = 512  # hexadecimal digits, as in Zabbix


def by_certificate(ca_file: str, cert_file: str, key_file: str) -> ssl.SSLContext:
    """The server's certificate must come from a CA of ``ca_file``; its name is not looked at, as
    Zabbix's own programs do not. Raises ValueError: one line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # SSLError is one
        raise ValueError(f"{ca_file} holds no CA certificates: {_why(error)}") from None
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except (OSError, ValueError) as error:
        raise ValueError(f"{cert_file} and {key_file} are no certificate and its key: "
                         f"{_why(error)}") from None
    return context


def by_psk(identity: str, file: str) -> ssl.SSLContext:
    """A pre-shared key: the hexadecimal digits in a file. Raises ValueError: one line."""
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not hasattr(context, "set_psk_client_callback"):
        raise ValueError("a pre-shared key takes Python 3.13 or later: use certificates "
                         "(--tls-cert-file), or send to a proxy on this machine")
    key = _psk(file)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # who has the key is the one
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # what Python's keys are made for
    context.set_ciphers(_PSK_CIPHERS)
    context.set_psk_client_callback(lambda hint: (identity, key))
    return context  # type: ignore[no-any-return]


def _psk(file: str) -> bytes:
    try:
        with open(file, encoding="ascii") as opened:
            text = opened.read(_MOST_PSK + 2).strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {_why(error)}") from None
    except ValueError:
        key = b""
    if not 16 <= len(key) <= _MOST_PSK // 2:
        raise ValueError(f"{file} holds no key: Zabbix's have 32 to 512 hexadecimal digits, made "
                         "with openssl rand -hex 32")
    return key


def _no_password() -> str:
    """In place of asking at the terminal."""
    raise ValueError("the key has a password, which nobody is there to enter")


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
