"""Is a certificate for this host? (RFC 9525, and what clients make of it.)

- Only the subjectAltName counts. curl and OpenSSL still look at the common name of a certificate
  that has none; browsers and Go do not, so neither do we.
- "*" stands for one whole label, the left-most one, of any kind (xn-- too), and at least two labels
  follow it: curl, OpenSSL and browsers refuse "*.com". (Browsers also refuse "*.co.uk", by a list
  of public suffixes; no public CA issues that.)
- "f*.example.com" matches nothing but itself: OpenSSL takes it for a wildcard, curl and browsers
  do not.
- A final dot, of the host or of the name, counts for nothing.
- An IP address is matched by an iPAddress alone, in whatever spelling, never by a dNSName.
"""

from __future__ import annotations

from ipaddress import ip_address

from ..model import Certificate


def matches(certificate: Certificate, host: str) -> bool:
    """Is the certificate valid for ``host``, an IP address or a name in ASCII?"""
    address = _address(host)
    if address is not None:
        return address in certificate.ip_addresses
    host = host.lower().removesuffix(".")
    if not host or host.rpartition(".")[2].isdigit():
        return False  # empty, or "192.0.2.1.5" and "1": no name ends in a number (WHATWG URL 3.5)
    above = host.partition(".")[2]
    for name in certificate.dns_names:
        name = name.lower().removesuffix(".")
        if name == host or (name[:2] == "*." and name[2:] == above and _wide_enough(host)):
            return True
    return False


def _address(host: str) -> str | None:
    """The canonical text of an IP address, without its scope; None for anything else."""
    if ":" not in host and not host[-1:].isdigit():
        return None  # nearly every host
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return None


def _wide_enough(host: str) -> bool:
    """Has the host a label for the "*", and two that follow it?"""
    label, _, above = host.partition(".")
    return bool(label) and "." in above.strip(".")
