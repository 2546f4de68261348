"""The values that pass from floor to floor. Standard library only; nothing here does I/O.

Two rules run through all of them. Facts never depend on trust: an expired or untrusted certificate
has the same facts as a good one. Unknown is not no: what was not learnt is None (or absent), and
the reason stands beside it.

NamedTuple and not dataclass: immutable either way, and importing dataclasses costs 15 ms of CPU
that every cold external check would pay.
"""

from __future__ import annotations

from typing import NamedTuple

#: Why a target could not be checked; the values of the metric ``error_reason``.
ERROR_REASONS = (
    "dns",  # the name does not resolve
    "refused",  # nothing listens on the port (TCP RST to the SYN)
    "unreachable",  # no route, network or host unreachable
    "timeout",  # no answer inside the deadline
    "reset",  # the connection was reset
    "closed",  # the connection was closed before the handshake was done
    "not_tls",  # the server speaks something else on this port
    "alert",  # the server refused the handshake with a TLS alert
    "handshake",  # the handshake failed on our side: nothing in common, or nonsense from the server
    "starttls",  # the server did not get as far as TLS: no STARTTLS, refused, or nonsense
    "proxy",  # the proxy on the way refused, failed or could not be reached
    "config",  # a file that the check was told to use cannot be used: client certificate, password
    "internal",  # our own fault: please report
)

#: Every protocol version that is asked for, oldest first.
TLS_VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")

#: Versions that must not be offered any more (RFC 6176, RFC 7568, RFC 8996).
WEAK_TLS_VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")

#: Protocols that can be spoken before TLS: the words of ``starttls``, beside "none".
PROTOCOL_NAMES = (
    "smtp", "lmtp", "submission", "imap", "pop3", "ftp", "ldap", "xmpp", "xmpp-server", "nntp",
    "sieve", "irc", "postgres", "mysql", "mssql", "rdp", "telnet",
)

#: Well-known ports where one of them is spoken unless the target says otherwise.
DEFAULT_PORTS = {
    21: "ftp", 25: "smtp", 110: "pop3", 119: "nntp", 143: "imap", 389: "ldap", 587: "smtp",
    1433: "mssql", 3306: "mysql", 3389: "rdp", 4190: "sieve", 5222: "xmpp", 5269: "xmpp-server",
    5432: "postgres", 6667: "irc",
}

#: Versions of the PROXY protocol: the words of ``proxy_protocol``.
PROXY_PROTOCOLS = ("v1", "v2")

#: Kinds of proxies: the schemes of ``proxy``. socks5h is another word for socks5.
PROXY_SCHEMES = ("http", "socks5", "socks5h")

#: Fields of Target that say how it is reached; Settings has them too, and there they are stronger.
WAYS = ("address", "sni", "starttls", "source_address", "alpn", "cert", "key", "proxy",
        "proxy_protocol", "all_addresses")


#: How the domain of a target begins that is a file on this machine, with its path behind.
FILE = "file:"


class Target(NamedTuple):
    """One endpoint to audit, as configured. ``domain`` keeps the spelling it was given in."""

    domain: str  # host name (Unicode or xn--), or an IP address without brackets
    port: int = 443
    # Connect there; domain stays for SNI and the hostname check. Of several, with commas between
    # them, each is audited as a node.
    address: str | None = None
    sni: str | None = None  # server name to send in place of domain; "none" to send none
    starttls: str | None = None  # protocol spoken before TLS
    ca_file: str | None = None  # PEM file of trust anchors for this target
    timeout: float | None = None  # seconds, the whole check
    group: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    warning_days: int | None = None  # expiry warning in place of 30 days
    source_address: str | None = None  # IP address of this machine to connect from
    alpn: str | None = None  # application protocols to offer, "h2,http/1.1"; "none" for none
    cert: str | None = None  # client certificate: PEM file, or PKCS#12 with its key
    key: str | None = None  # PEM file of its private key, where cert does not hold it
    key_password: str | None = None  # file that holds the password of the key
    proxy: str | None = None  # http://host:port or socks5://host:port
    proxy_auth: str | None = None  # file that holds user:password for the proxy
    proxy_protocol: str | None = None  # of PROXY_PROTOCOLS: the header to send before all else
    all_addresses: bool = False  # audit each address of domain, unless there is an ``address``
    password_file: str | None = None  # file that holds the password of a PKCS#12 or JKS
    hostname: str | None = None  # of a file: target: the name to look for in its certificate
    serves_file: str | None = None  # file whose certificate the server should serve
    crl_dir: str | None = None  # local CRLs
    #: Networks, else refused, that pointers in certificates may lead to.
    allow_private_revocation: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The path of a ``file:`` target; "" for one that is reached over the network."""
        return self.domain[len(FILE):] if self.domain.startswith(FILE) else ""

    @property
    def host(self) -> str:
        """``domain`` as it goes on the wire: an IP address, or an ASCII host name in lower case."""
        return self.domain if self.file else ascii_host(self.domain)

    def __str__(self) -> str:
        if self.file:
            return self.domain
        domain = f"[{self.domain}]" if ":" in self.domain else self.domain
        return f"{domain}:{self.port}"


def protocol_for(port: int, asked: str | None) -> str | None:
    """The protocol to speak before TLS: what was asked for ("none" for none), else the port's own.

    None: TLS from the first byte.
    """
    if asked is None:
        return DEFAULT_PORTS.get(port)
    return None if asked == "none" else asked


def ascii_host(name: str) -> str:
    """``name`` in lower case, without a final dot, with international labels as xn-- (RFC 5891).

    Of an IPv6 address the scope id stays as it is.

    Raises ValueError for a name that has no such form.
    """
    if ":" in name:  # the scope id of an IPv6 address names an interface, in its own spelling
        address, mark, interface = name.partition("%")
        return address.lower() + mark + interface
    name = name.rstrip(".").lower() if name != "." else name
    if name.isascii():
        return name
    import idna  # on use: most names are ASCII

    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"{name!r} is not a valid international name: {error}") from error


class Settings(NamedTuple):
    """What a run is asked to do, beside its targets. Times in seconds."""

    timeout: float = 10.0  # the whole check of one target
    address: str | None = None  # override of Target.address
    starttls: str | None = None  # override of Target.starttls
    # Overrides of the fields of Target:
    sni: str | None = None
    source_address: str | None = None
    alpn: str | None = None
    cert: str | None = None
    key: str | None = None
    key_password: str | None = None
    proxy: str | None = None
    proxy_auth: str | None = None
    proxy_protocol: str | None = None
    all_addresses: bool = False
    password_file: str | None = None
    serves_file: str | None = None
    ca_file: str | None = None  # PEM file of more trust anchors
    ca_only: bool = False  # trust ca_file alone, not the system's store
    crl_dir: str | None = None  # local CRLs
    offline: bool = False  # fetch nothing: no OCSP, CRL or AIA over the network
    allow_private_revocation: tuple[str, ...] = ()  # beside what a target allows
    answers_dir: str | None = None  # where OCSP answers and CRLs are kept; None: in memory alone
    connections: int = 5  # open at once to one target
    concurrency: int = 1000  # targets in flight in one process
    workers: int = 1  # processes
    # From the environment, which only the command line reads:
    system_ca_file: str | None = None  # SSL_CERT_FILE: in place of the system's store
    system_ca_dir: str | None = None  # SSL_CERT_DIR: likewise
    http_proxy: str | None = None  # URL of the proxy for OCSP, CRL and AIA fetches
    no_proxy: tuple[str, ...] = ()  # hosts, domains and networks that are fetched from directly
    proxy_secret: str | None = None  # user:password for the proxy of the audit
    key_secret: str | None = None  # password of the client certificate's key


class Failure(NamedTuple):
    """Why something was not learnt: a reason of a fixed vocabulary, and a sentence for people."""

    reason: str
    message: str


class Handshake(NamedTuple):
    """What the full handshake told, as far as it came. Durations in milliseconds."""

    address: str  # the IP address connected to
    dns_ms: float
    connect_ms: float
    handshake_ms: float | None  # ClientHello sent to handshake done; None when it was not done
    version: str = ""  # of TLS_VERSIONS; "" when not negotiated
    cipher: str = ""  # IANA name
    group: str = ""  # key exchange group, "" for RSA key exchange
    alpn: str = ""
    client_certificate_requested: bool = False
    stapled: bytes | None = None  # OCSPResponse, DER
    served: tuple[bytes, ...] = ()  # certificates as sent, DER, leaf first


class Certificate(NamedTuple):
    """Facts of one certificate (RFC 5280). Times are Unix seconds."""

    der: bytes
    subject: str  # RFC 4514, most specific first
    issuer: str
    serial: str  # hexadecimal, upper case, "-" in front when negative
    fingerprint_sha256: str  # hexadecimal, upper case, no separators
    not_before: int
    not_after: int  # the last second of validity
    san: tuple[str, ...]  # DNS names as written, IP addresses in their canonical text
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    key_type: str  # RSA, EC, Ed25519, Ed448, DSA, ML-DSA ..., or the OID of what we do not know
    key_bits: int | None
    signature_algorithm: str  # sha256WithRSAEncryption ..., or the OID
    weak_key: str  # why the key is weak, "" when it is not
    weak_signature: str  # why the signature is weak, "" when it is not
    self_issued: bool  # issuer and subject are the same name
    self_signed: bool  # and its own key verifies its signature
    is_ca: bool
    must_staple: bool  # RFC 7633
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()  # AIA caIssuers


class Fault(NamedTuple):
    """Something to say: a row of ``findings.TABLE`` and what fills its sentence."""

    code: str
    detail: dict[str, str | int | float] = {}


class Chain(NamedTuple):
    """The verdict on the certificates served, against a trust store."""

    trusted: bool | None  # of the chain alone: hostname and revocation stand beside it
    complete: bool | None  # what was served reaches a trusted root
    error: str  # the fault to mend first, "" when all is well
    faults: tuple[Fault, ...]  # everything found, chain errors and remarks
    hostname_match: bool | None  # None: there is no name to look for
    self_signed: bool  # the leaf is its own issuer
    path: tuple[Certificate, ...]  # leaf first, to the trust anchor where one was reached
    expires: int  # the soonest not_after on path, Unix seconds


class Offer(NamedTuple):
    """Does the server accept this? None: not learnt, and why."""

    accepted: bool | None
    reason: str = ""


class Security(NamedTuple):
    """Protocol versions and weak ciphers that the server accepts. Slow to change."""

    versions: dict[str, Offer]  # every one of TLS_VERSIONS
    weak_ciphers: tuple[str, ...]  # IANA names
    weak_unknown: str  # why weak_ciphers may lack some, "" when it is whole
    checked_at: int  # Unix seconds
    nodes: dict[str, Security] = {}  # by address, where each of a name's was asked: all of them


class Revocation(NamedTuple):
    """Is the certificate, or one above it, revoked?"""

    status: str  # good, revoked, unknown, not_applicable
    source: str  # stapled, ocsp, crl, crl_dir, "" when nothing answered
    reason: str  # revoked: keyCompromise ...; unknown: why; not_applicable: why
    must_staple_violated: bool | None
    faults: tuple[Fault, ...] = ()
    subject: str = ""  # of the certificate that this is about: the leaf, or one above it
    message: str = ""  # unknown and not_applicable: why, for people
    this_update: int = 0  # of the answer; these times are Unix seconds, 0 when not given
    next_update: int = 0
    revoked_at: int = 0


class Missing(NamedTuple):
    """A certificate that a server forgot to send."""

    subject: str
    url: str  # where it was fetched from
    pem: str


class Node(NamedTuple):
    """One address of a name, and what answers there."""

    address: str
    failure: Failure | None = None
    skipped: str = ""  # why it was not asked, where that is no fault of its own
    fingerprint_sha256: str = ""
    not_after: int = 0  # Unix seconds
    weak: tuple[str, ...] = ()  # versions and ciphers that it should not accept


class Nodes(NamedTuple):
    """Every address of a name, audited each for itself and compared."""

    every: tuple[Node, ...]
    disagree: tuple[str, ...]  # addresses that serve another certificate than the one to be served
    faults: tuple[Fault, ...]
    seen: dict[str, Observation] = {}  # by address, what was learnt of each

    @property
    def failed(self) -> tuple[Node, ...]:
        """Those that were asked and could not be checked."""
        return tuple(node for node in self.every if node.failure and not node.skipped)


class Disk(NamedTuple):
    """What files on this machine's disk have to say of a certificate."""

    match: bool | None  # the server serves what its file holds; None: not compared
    faults: tuple[Fault, ...] = ()


class Observation(NamedTuple):
    """All that one audit of one target learnt. A part that was not learnt is None."""

    target: Target
    check_time: int  # Unix seconds
    failure: Failure | None = None  # set when the handshake was not completed
    handshake: Handshake | None = None
    certificate: Certificate | None = None
    chain: Chain | None = None
    security: Security | None = None
    revocation: Revocation | None = None
    reasons: dict[str, str] = {}  # why a part is None, where the failure does not say it
    missing: tuple[Missing, ...] = ()  # what the server should send beside what it sends
    nodes: Nodes | None = None  # where each address was audited: the rest is of the worst of them
    disk: Disk | None = None  # where a file has something to say


class Finding(NamedTuple):
    """One thing to tell a person: what it is, how bad, and what to do."""

    code: str
    severity: str  # low, medium, high
    message: str


#: A metric's value: flag, number, text or list of texts.
Value = bool | int | float | str | tuple[str, ...]


class NodeResult(NamedTuple):
    """What one address of a name has of its own."""

    address: str
    disagrees: bool | None  # serves another certificate than the one to be served
    values: dict[str, Value]  # as in Result, of the metrics that ``metrics.OF_NODES`` names


class Result(NamedTuple):
    """What every output reads: the metrics of one target, judged."""

    target: Target
    check_time: int
    values: dict[str, Value]  # metric name to value; what is not known is absent
    unknown: dict[str, str]  # metric name to why it is absent
    findings: tuple[Finding, ...]  # worst first
    missing: tuple[Missing, ...] = ()  # what the server should send beside what it sends
    nodes: tuple[NodeResult, ...] = ()  # where each address was audited

    @property
    def failed(self) -> bool:
        """The handshake was not completed."""
        return not self.values["handshake_ok"]
