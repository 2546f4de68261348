"""The API of Zabbix 6.0 and later through pyzabbix, with every way to fail told in one line.

pyzabbix raises what requests raises, takes a bad token for a good one, and knows no timeout of its
own; here each failure is an ApiError that says what to do.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

OLDEST = (6, 0)

WRONG = {
    "url": "{url} is no address of a Zabbix frontend: write one like https://zabbix.example.com or "
           "https://example.com/zabbix",
    "old": "{url} is Zabbix {version}: 6.0 is the oldest that is supported",
    "tls": "{url}: the certificate is not trusted ({why}): name its CA with --ca-file",
    "ca_file": "the CAs of --ca-file {ca_file} cannot be loaded ({why}): name a PEM file",
    "connect": "{url} cannot be reached ({why}): look at the address, and whether the frontend runs"
               "",
    "timeout": "{url} did not answer {method} within {seconds:g} s: run it again, what is done "
               "stays done; a longer time is --timeout",
    "redirect": "{url} leads to {to}: use that address",
    "http": "{url} answered {method} with HTTP {status}: look at the log of the web server and of "
            "PHP, then run it again",
    "no_api": "{url} has no API of Zabbix (HTTP {status}): give the address that shows the login "
              "page",
    "nonsense": "{url} answered {method} with something that is not JSON: look at the address, and "
                "at the log of PHP",
    "login": "{url} refuses the user or password of ZABBIX_USER and ZABBIX_PASSWORD: {why}",
    "token": "{url} refuses the token: {why}: make one under Users, API tokens",
    "session": "{url} ended the session: {why}: run it again",
    "permission": "{url} does not allow this user to call {method}: {why}",
    "absent": "{url} has no {what}: there are {names}",
    "no_groups": "{url} is Zabbix {version}, and proxy groups came with 7.0: use --proxy",
    "refused": "{url} refused {method}: {why}",
}
_ENDED = ("session terminated", "not authori", "re-login", "api token", "token expired")
_FORBIDDEN = ("no permissions", "permissions to referred object", "not permitted")


class ApiError(Exception):
    """What went wrong with the API, and what to do: one line. ``code`` is the row of WRONG."""

    def __init__(self, code: str, **detail: object) -> None:
        super().__init__(WRONG[code].format_map(_Shown(detail)))
        self.code = code


class _Shown(dict[str, object]):
    """Details on one line."""

    def __getitem__(self, key: str) -> object:
        value = super().__getitem__(key)
        return " ".join(value.split())[:500] if isinstance(value, str) else value


class Credentials(NamedTuple):
    """A token, or a user and password."""

    token: str = ""
    user: str = ""
    password: str = ""


class Api:
    """A session. Made by ``connected``."""

    def __init__(self, url: str, ca_file: str | None, timeout: float) -> None:
        from pyzabbix.api import ZabbixAPI
        from requests import Session
        from requests.utils import get_environ_proxies

        self.url = url
        self.version = (0, 0)
        self._ca_file = ca_file
        self._timeout = timeout
        session = Session()
        # The environment would put other CAs over --ca-file, and ~/.netrc other credentials over
        # ours; of what it says only the proxies are meant.
        session.trust_env = False
        session.proxies.update(get_environ_proxies(url))
        session.verify = ca_file or _system_cas()
        session.max_redirects = 0  # else credentials would go wherever they are sent
        self._zabbix = ZabbixAPI(url, session=session, timeout=timeout)

    def call(self, method: str, params: Mapping[str, Any] | list[Any] | None = None, /,
             **fields: Any) -> Any:
        """Calls ``method`` ("host.get") with ``params`` or fields. Raises ApiError."""
        from pyzabbix.api import ZabbixAPIException
        from requests import RequestException

        try:
            return self._zabbix.do_request(method, params or fields)["result"]
        except ZabbixAPIException as error:
            raise self._refused(method, error) from None
        except RequestException as error:
            raise self._failed(method, error) from None
        except (OSError, ValueError) as error:  # requests raises the first for a bad --ca-file
            if self._ca_file and isinstance(error, OSError):
                raise ApiError("ca_file", ca_file=self._ca_file, why=str(error)) from None
            raise ApiError("url", url=self.url) from None

    def log_in(self, credentials: Credentials) -> None:
        """Asks for the version, logs in, and makes a first call, which alone shows a bad token."""
        from packaging.version import InvalidVersion, Version

        text = str(self.call("apiinfo.version"))
        try:
            found = Version(text)
        except InvalidVersion:
            raise ApiError("nonsense", url=self.url, method="apiinfo.version") from None
        self.version = (found.major, found.minor)
        if self.version < OLDEST:
            raise ApiError("old", url=self.url, version=text)
        self._zabbix.version = found  # has the token sent as this version wants it
        if credentials.token:
            self._zabbix.use_api_token = True
            self._zabbix.auth = credentials.token
        else:
            self._log_in(credentials)
        self._first_call(bool(credentials.token))

    def log_out(self) -> None:
        """Ends the session of a user who logged in by password."""
        if self._zabbix.auth and not self._zabbix.use_api_token:
            with suppress(ApiError):
                self.call("user.logout", [])

    def _log_in(self, credentials: Credentials) -> None:
        try:
            self._zabbix.auth = self.call("user.login", username=credentials.user,
                                          password=credentials.password)
        except ApiError as error:
            if error.code in ("refused", "permission", "session"):
                raise ApiError("login", url=self.url, why=error.__notes__[0]) from None
            raise

    def _first_call(self, by_token: bool) -> None:
        try:
            self.call("hostgroup.get", countOutput=True)
        except ApiError as error:
            if by_token and error.code == "session":
                raise ApiError("token", url=self.url, why=error.__notes__[0]) from None
            raise

    def _refused(self, method: str, error: Exception) -> ApiError:
        told = getattr(error, "error", None)
        if not told:  # pyzabbix could not read it
            return ApiError("nonsense", url=self.url, method=method)
        why = str(told.get("data") or told.get("message"))
        lower = why.lower()
        code = ("session" if any(text in lower for text in _ENDED) else
                "permission" if any(text in lower for text in _FORBIDDEN) else "refused")
        made = ApiError(code, url=self.url, method=method, why=why.rstrip("."))
        made.add_note(why.rstrip("."))
        return made

    def _failed(self, method: str, error: Exception) -> ApiError:
        import requests

        detail: dict[str, object] = {"url": self.url, "method": method, "seconds": self._timeout}
        if isinstance(error, requests.exceptions.SSLError):
            return ApiError("tls", **detail, why=_innermost(error))
        if isinstance(error, requests.ReadTimeout):
            return ApiError("timeout", **detail)
        if isinstance(error, requests.Timeout):
            return ApiError("connect", **detail, why=f"no answer within {self._timeout:g} s")
        if isinstance(error, requests.TooManyRedirects) and error.response is not None:
            return ApiError("redirect", **detail, to=_frontend(error.response))
        if isinstance(error, requests.HTTPError) and error.response is not None:
            status = error.response.status_code
            return ApiError("no_api" if status in (403, 404, 405, 412) else "http", **detail,
                            status=status)
        if isinstance(error, requests.ConnectionError):
            return ApiError("connect", **detail, why=_innermost(error))
        return ApiError("url", **detail)


@contextmanager
def connected(url: str, credentials: Credentials, ca_file: str | None = None,
              timeout: float = 60.0) -> Iterator[Api]:
    """A session with the frontend at ``url``; ``timeout`` is for one answer, in seconds.

    Raises ApiError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError("url", url=url)
    if parts.username or parts.password:
        raise ApiError("url", url=f"{parts.scheme}://***@{parts.hostname}")
    api = Api(url, ca_file, timeout)
    try:
        api.log_in(credentials)
        yield api
    finally:
        api.log_out()


def _system_cas() -> str | bool:
    """The CAs that this system trusts, for an intranet's own is there; else those of certifi."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    return paths.capath if paths.capath and os.listdir(paths.capath) else True


def _frontend(response: Any) -> str:
    """Where a redirection leads, without the API's file name."""
    return str(response.headers.get("location", "?")).removesuffix("/api_jsonrpc.php")


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of what requests and urllib3 wrap."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if isinstance(error.args[:1], tuple) and error.args and isinstance(error.args[0],
                                                                           BaseException):
            inner = error.args[0]
        if not isinstance(inner, BaseException):
            break
        error = inner
    return str(getattr(error, "verify_message", "") or getattr(error, "strerror", "") or error)
