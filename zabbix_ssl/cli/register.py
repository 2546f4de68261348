"""``zabbix-ssl register``: the configured targets in Zabbix, through its API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..plain import printable, show
from . import options
from .options import OPTIONS, Asked, Call, Option, text
from .output import note, out
from .speech import LANG, language, tell
from .targets import load
from .wrong import wrong

if TYPE_CHECKING:
    from ..languages import Language
    from ..zabbix.api import Api, Credentials
    from ..zabbix.register import Change, Plan
    from ..zabbix.wanted import Host, Wish

USAGE = "[options]"
ABOUT = """\
Makes Zabbix as domains.json wants it: imports the templates and proves that they are there, makes
or updates host groups, hosts and macros. What is there already stays; a run that was broken off is
simply started again.

The address is --url or $ZABBIX_URL. Credentials are $ZABBIX_TOKEN or --token-file, or $ZABBIX_USER
with $ZABBIX_PASSWORD or --password-file; never on the command line, where others can read it.

Ends with 0 when Zabbix is as wanted, 1 when it could not be made so, 3 when the words are wrong."""

DONE, FAILED = 0, 1
MOST_SECRET = 4096  # characters of a file with a token or password


def _one_of(*words: str) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in words:
            raise wrong("one_of", is_=show(word), known=", ".join(words))
        return word
    return read


def _secret(word: str) -> str:
    """The first line of a file."""
    try:
        with open(text(word), encoding="utf-8") as file:
            line = file.read(MOST_SECRET).partition("\n")[0].strip()
    except (OSError, UnicodeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise wrong("file", is_=show(word), why=why) from None
    if not line:
        raise wrong("secret", is_=show(word))
    return line


OWN = (
    Option("--url", "URL", text, "of the frontend, the address that shows the login page "
           "($ZABBIX_URL)"),
    Option("--token-file", "FILE", _secret, "a file with an API token in its first line"),
    Option("--password-file", "FILE", _secret, "a file with the password of $ZABBIX_USER"),
    *(option._replace(help="trust the certificates of this PEM file for the frontend's own TLS, in "
                           "place of the usual") for option in OPTIONS
      if option.name == "--ca-file"),
    Option("--layout", "one|sites", _one_of("one", "sites"), "one host with all targets, made by "
           "low-level discovery (default), or a host for each target"),
    Option("--method", "external|push", _one_of("external", "push"), "for one host: external "
           "checks (default), or values from zabbix-ssl push"),
    Option("--host", "NAME", text, "name of the one host (default: SSL certificates)"),
    Option("--group", "NAME", text, "host group (default: SSL certificates)"),
    Option("--proxy", "NAME", lambda word: word, "the proxy that checks; '' for the server itself"),
    Option("--proxy-group", "NAME", text, "the proxy group that checks (Zabbix 7.0)"),
    Option("--prune", "", None, "remove hosts that this command made and nobody wants any more"),
    Option("--dry-run", "", None, "only say what is to be done"),
    LANG,
)
_SHARED = tuple(option for option in OPTIONS if option.name in ("--config", "--timeout"))
_SECONDS = 60.0  # for one answer of the API: an import takes a while


def run(call: Call) -> int:
    """The command; returns its exit code."""
    asked = options.read(call, USAGE, ABOUT, OWN, _SHARED, timeout=_SECONDS)
    if asked.words:
        raise wrong("words", is_=asked.words[0], program=call.program)
    from ..outputs.discovery import left_out
    from ..zabbix import room, wanted
    from ..zabbix.api import WRONG, ApiError, connected

    wish = _wish(asked)
    targets, _ = load(asked)
    hosts = wanted.hosts(targets, wish)
    shared = wanted.shared_thresholds(targets) if wish.layout == wanted.ONE else []
    for line in (*left_out(targets), *shared, *room.wanted_of_server(targets)):
        tell(call, line)
    speech = language(asked, "register", api=WRONG)
    try:
        with connected(url(asked), credentials(asked), asked.settings.ca_file,
                       asked.settings.timeout) as api:
            return _register(asked, api, hosts, wish, speech)
    except ApiError as error:
        note(f"{call.program}: {printable(speech.say(str(error)))}")
        return FAILED


def _wish(asked: Asked) -> Wish:
    from ..zabbix.wanted import SITES, Wish

    given = {name: value for name, value in asked.given.items() if name in Wish._fields}
    wish = Wish(**given)
    if wish.proxy is not None and wish.proxy_group is not None:
        raise wrong("modes", one="--proxy", other="--proxy-group")
    if wish.layout == SITES and {"method", "host"} & given.keys():
        raise wrong("modes", one="--layout sites", other="--method" if "method" in given else
                    "--host")
    return wish


def url(asked: Asked) -> str:
    """The address of the frontend."""
    address: str = asked.given.get("url") or asked.call.environ.get("ZABBIX_URL") or ""
    if not address:
        raise wrong("which_zabbix")
    return address


def credentials(asked: Asked) -> Credentials:
    """A token, or a user and password."""
    from ..zabbix.api import Credentials

    environ = asked.call.environ
    token = asked.given.get("token_file") or environ.get("ZABBIX_TOKEN", "")
    if token:
        return Credentials(token=token)
    user = environ.get("ZABBIX_USER", "")
    password = asked.given.get("password_file") or environ.get("ZABBIX_PASSWORD", "")
    if user and password:
        return Credentials(user=user, password=password)
    raise wrong("who")


def _register(asked: Asked, api: Api, hosts: tuple[Host, ...], wish: Wish, speech: Language
              ) -> int:
    from ..zabbix.register import plan

    prune = bool(asked.given.get("prune"))
    found = plan(api, hosts, wish, prune)
    _tell_notes(found, speech)
    if asked.given.get("dry_run"):
        for change in found.changes:
            _tell(change, speech)
        out(_said(speech, f"{_count(found)} to be made at {api.url}"))
        return DONE
    for change in found.changes:
        change.do(api)
        _tell(change, speech)
    left = plan(api, hosts, wish, prune)
    if left.changes:
        line = (f"afterwards Zabbix does not show this user {_count(left)}, the first is "
                f"{left.changes[0].what}: look at the user's permissions")
        note(f"{asked.call.program}: {printable(speech.say(line))}")
        return FAILED
    out(_said(speech, f"{_count(found)} made; {api.url} is as {asked.config} wants it"))
    return DONE


def _tell_notes(found: Plan, speech: Language) -> None:
    for line in found.notes:
        out(f"! {_said(speech, line)}")


def _tell(change: Change, speech: Language) -> None:
    """A line for the thing, and one for each part of it that is new or other."""
    out(f"{change.sign} {_said(speech, change.what)}")
    for detail in change.details:
        out(f"    {_said(speech, detail)}")


def _said(speech: Language, line: str) -> str:
    return f"{printable(speech.say(line))}\n"


def _count(found: Plan) -> str:
    count = len(found.changes)
    return "no change" if not count else "1 change" if count == 1 else f"{count} changes"
