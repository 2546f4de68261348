"""How a target is reached and greeted, where that is not plainly TCP and then TLS.

Each setting is a field of Target, and of Settings, where it is stronger (``model.WAYS``). A target
without any of them costs nothing here: its way is None.
"""

from __future__ import annotations

from typing import NamedTuple

from OpenSSL import SSL

from ..model import Settings, Target, ascii_host, protocol_for
from . import client
from .handshake import Outcome, client_context
from .loop import Steps, Task
from .network import Address, Failed, Stream, connect, is_address, numeric_address
from .prelude import Prelude, introduced, starttls, through
from .tunnel import Proxy, with_credentials

_WEB = "h2,http/1.1"

#: Failures that a server shows to whom it did not expect to begin with a PROXY header.
_PUZZLED = ("not_tls", "alert", "closed", "reset", "handshake")
_HINT = " (we began with a PROXY protocol header: does the server expect one?)"


class Way(NamedTuple):
    """The way to one target."""

    preludes: tuple[Prelude, ...]
    source: Address | None = None  # connect from there
    proxy: Proxy | None = None  # the addresses to connect to are its own
    address: str = ""  # of the server behind the proxy, where we and not the proxy know it
    introduced: bool = False  # a header of the PROXY protocol is sent
    spoken: bool = False  # another protocol than that of the web comes before TLS

    def open(self, task: Task, addresses: tuple[Address, ...], deadline: float) -> Steps[Stream]:
        """A connection on which TLS begins with the next byte, in place of network.connect."""
        try:
            stream = yield from connect(task, self._from_source(addresses), deadline, self.source)
        except Failed as failed:
            raise self.told(failed) from None
        try:
            for prelude in self.preludes:
                yield from prelude(stream)
        except BaseException:
            stream.close()
            raise
        return stream

    def _from_source(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        if self.source is None:
            return addresses
        same = tuple(address for address in addresses if address[0] == self.source[0])
        if not same:
            raise Failed("unreachable", f"cannot connect from {self.source[1][0]}: there is no "
                         f"address of the same kind to connect to, but {addresses[0][1][0]}")
        return same

    def told(self, failed: Failed) -> Failed:
        """A failure on the way to the proxy, as one of the proxy."""
        if self.proxy is None:
            return failed
        return Failed("proxy", f"the {self.proxy.label}: {failed.failure.message}")

    def seen(self, outcome: Outcome) -> Outcome:
        """What a handshake on this way came to, with what only the way knows of it."""
        handshake, failure = outcome
        if self.proxy:
            handshake = handshake._replace(address=self.address)
        if failure and self.introduced and failure.reason in _PUZZLED:
            failure = failure._replace(message=failure.message + _HINT)
        return Outcome(handshake, failure)


def way_of(target: Target, settings: Settings, address: str | None) -> Way | None:
    """The way to a target whose server is at ``address`` (None: what its name resolves to); None
    where TLS begins at once on a plain connection. Raises Failed (config)."""
    protocol = protocol_for(target.port, settings.starttls or target.starttls)
    source = settings.source_address or target.source_address
    url = settings.proxy or target.proxy
    version = settings.proxy_protocol or target.proxy_protocol
    if not (protocol or source or url or version):
        return None
    preludes: list[Prelude] = []
    proxy = None
    if url:
        proxy = _proxy(url, target, settings)
        preludes.append(through(proxy, address or target.host, target.port))
    if version:
        preludes.append(introduced(version, proxy is not None))
    if protocol:
        preludes.append(starttls(protocol, target.host))
    return Way(tuple(preludes), numeric_address(source, 0) if source else None, proxy,
               (address or target.host) if proxy and is_address(address or target.host) else "",
               bool(version), protocol is not None)


def _proxy(url: str, target: Target, settings: Settings) -> Proxy:
    """The proxy of a URL that names.check_proxy has let pass, with who we are there."""
    scheme, _, place = url.partition("://")
    host, _, port = place.rstrip("/").rpartition(":")
    proxy = Proxy(scheme, ascii_host(host.strip("[]")), int(port))
    # Another proxy than the configured one does not get the password that is meant for that one.
    path = settings.proxy_auth or (None if settings.proxy else target.proxy_auth)
    pair = client.secret(path) if path else settings.proxy_secret
    if not pair:
        return proxy
    try:
        return with_credentials(proxy, pair)
    except ValueError as error:
        where = path or "$ZABBIX_SSL_PROXY_AUTH"
        raise Failed("config", f"the proxy's user and password, {where}: {error}") from None


def server_name(target: Target, settings: Settings, host: str) -> str | None:
    """The name to send as SNI; None to send none."""
    name = settings.sni or target.sni
    if name is None:
        return None if is_address(host) else host
    return None if name == "none" else ascii_host(name)


class Contexts:
    """The contexts of a run, each made once: what is offered, and what is shown of us."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[tuple[object, ...], SSL.Context] = {}

    def of(self, target: Target, spoken: bool) -> tuple[SSL.Context, bool]:
        """The context of a target, and whether it shows a client certificate. ``spoken``: another
        protocol than that of the web comes before TLS. Raises Failed (config)."""
        settings = self._settings
        alpn = settings.alpn or target.alpn or ("none" if spoken else _WEB)
        where = settings if settings.cert else target
        files = (where.cert, where.key, settings.key_password or where.key_password)
        key = (alpn, *files, *client.state(*files)) if files[0] else (alpn,)
        context = self._made.get(key)
        if context is None:
            context = self._made[key] = self._make(alpn, *files)
        return context, bool(files[0])

    def _make(self, alpn: str, cert: str | None, key: str | None, password: str | None
              ) -> SSL.Context:
        offered = () if alpn == "none" else tuple(name.encode() for name in alpn.split(","))
        context = client_context(offered)
        if cert:
            secret = client.secret(password) if password else self._settings.key_secret
            client.load(cert, key, secret).show_in(context)
        return context
