"""A server of OpenSSL 1.0.2e, which still speaks SSLv2, SSLv3, RC4, DES and EXPORT.

    python openssl102.py CERTIFICATE KEY CIPHERS [NO_PROTOCOL ...]

Prints its port and serves, a process a connection, until its input ends. The library is the one
that the package nassl carries; it is loaded into a process of its own, for two OpenSSLs in one do
not get on. NO_PROTOCOL: of NO_SSLv2, NO_SSLv3, NO_TLSv1, NO_TLSv1_1, NO_TLSv1_2.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import socket
import sys
import threading
from importlib.metadata import version
from pathlib import Path

_OPTIONS = {"NO_SSLv2": 0x01000000, "NO_SSLv3": 0x02000000, "NO_TLSv1": 0x04000000,
            "NO_TLSv1_1": 0x10000000, "NO_TLSv1_2": 0x08000000}
_SET_TMP_RSA, _SET_TMP_DH, _OPTIONS_CTRL, _ECDH_AUTO = 2, 3, 32, 94  # SSL_CTRL_... of ssl.h
_PEM, _F4 = 1, b"\1\0\1"
_SET_PDEATHSIG = 1  # prctl(2)
_DH_PRIME = (1 << 1024) - 105  # the largest prime of 1024 bits: nobody finishes a handshake here


def library() -> Path | None:
    """The shared object with OpenSSL 1.0.2 in it; None without nassl 1, later ones hide it."""
    spec = importlib.util.find_spec("nassl")
    if spec is None or not version("nassl").startswith("1."):
        return None
    folders = spec.submodule_search_locations or ()
    return next((path for folder in folders for path in Path(folder).glob("_nassl_legacy*.so")),
                None)


def context(certificate: str, key: str, ciphers: str, options: int) -> tuple[ctypes.CDLL, int]:
    """The library and a server's SSL_CTX."""
    path = library()
    assert path is not None
    ssl = ctypes.CDLL(str(path))
    for name in ("SSLv23_server_method", "SSL_CTX_new", "SSL_new", "RSA_new", "DH_new",
                 "BN_bin2bn"):
        getattr(ssl, name).restype = ctypes.c_void_p
    ssl.SSL_CTX_ctrl.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)
    ssl.SSL_library_init()
    made = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.SSLv23_server_method())))
    assert ssl.SSL_CTX_use_certificate_chain_file(made, certificate.encode()) == 1
    assert ssl.SSL_CTX_use_PrivateKey_file(made, key.encode(), _PEM) == 1
    assert ssl.SSL_CTX_set_cipher_list(made, ciphers.encode()) == 1
    ssl.SSL_CTX_ctrl(made, _OPTIONS_CTRL, options, None)
    ssl.SSL_CTX_ctrl(made, _ECDH_AUTO, 1, None)
    ssl.SSL_CTX_ctrl(made, _SET_TMP_RSA, 0, _rsa(ssl))
    ssl.SSL_CTX_ctrl(made, _SET_TMP_DH, 0, _dh(ssl))
    assert made.value is not None
    return ssl, made.value


def _rsa(ssl: ctypes.CDLL) -> int:
    """The short key of the EXPORT suites."""
    made = ssl.RSA_new()
    exponent = ssl.BN_bin2bn(_F4, len(_F4), None)
    assert ssl.RSA_generate_key_ex(ctypes.c_void_p(made), 512, ctypes.c_void_p(exponent), None) == 1
    return int(made)


def _dh(ssl: ctypes.CDLL) -> int:
    """struct dh_st: pad, version, p, g."""
    made = ssl.DH_new()
    numbers = (_DH_PRIME.to_bytes(128, "big"), b"\2")
    fields = ctypes.cast(made, ctypes.POINTER(ctypes.c_void_p))
    for index, number in enumerate(numbers, 1):
        fields[index] = ssl.BN_bin2bn(number, len(number), None)
    return int(made)


def main(certificate: str, key: str, ciphers: str, *without: str) -> None:
    ssl, made = context(certificate, key, ciphers, sum(_OPTIONS[name] for name in without))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
                signal.alarm(10)
                connection.settimeout(None)
                one = ctypes.c_void_p(ssl.SSL_new(ctypes.c_void_p(made)))
                ssl.SSL_set_fd(one, connection.fileno())
                ssl.SSL_accept(one)
                connection.shutdown(socket.SHUT_WR)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
