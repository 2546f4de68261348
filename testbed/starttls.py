"""Real servers that speak another protocol before TLS, each on free ports of loopback.

    with SERVERS["dovecot"](folder, leaf.write(folder)) as ports:
        ports["imap"]  # by protocol, as ``starttls`` names it
    with SERVERS["dovecot"](folder, None) as ports: ...  # the same without TLS

All work as root and as an ordinary user, but for Postfix, whose master wants root. A server that
is not installed raises NotInstalled ("needs dovecot"), one that does not start DidNotStart.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from .pki import Files
from .process import NotInstalled, child, program, reserved

#: Protocol to port.
Ports = dict[str, int]
Server = Callable[[Path, Files | None], AbstractContextManager[Ports]]


def _folder(parent: Path, name: str) -> Path:
    folder = Path(parent) / f"{name}-{time.monotonic_ns()}"
    folder.mkdir(parents=True)
    return folder


def _listens(*ports: int) -> bool:
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return False
    return True


@contextmanager
def _serving(folder: Path, names: tuple[str, ...],
             start: Callable[[Path, Ports], list[str]]) -> Iterator[Ports]:
    """A server on a free port a name. ``start`` writes its configuration and gives its argv."""
    with ExitStack() as stack:
        held = [stack.enter_context(reserved()) for _ in names]
        ports = {name: one.getsockname()[1] for name, one in zip(names, held, strict=True)}
        argv = start(folder, ports)
        stack.enter_context(child(argv, folder / "output.log", seconds=20, death=signal.SIGTERM,
                                  ready=lambda: _listens(*ports.values())))
        yield ports


def dovecot(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """IMAP, POP3, LMTP and ManageSieve."""
    binary = program("dovecot")
    user = getpass.getuser()
    own = "" if user == "root" else (
        f"default_internal_user = {user}\ndefault_login_user = {user}\n"
        f"default_internal_group = {_group()}\n")
    tls = "ssl = no\n" if files is None else (
        f"ssl = yes\nssl_cert = <{files.certificate}\nssl_key = <{files.key}\n")

    def start(folder: Path, ports: Ports) -> list[str]:
        services = "".join(
            f"service {service} {{\n{'  chroot =' if user != 'root' else ''}\n"
            f"  inet_listener {listener} {{\n    address = 127.0.0.1\n    port = {ports[name]}\n"
            "  }\n}\n"
            for name, service, listener in (
                ("imap", "imap-login", "imap"), ("pop3", "pop3-login", "pop3"),
                ("lmtp", "lmtp", "lmtp"), ("sieve", "managesieve-login", "sieve")))
        closed = "".join(f"service {kind}-login {{\n  inet_listener {kind}s {{\n    port = 0\n"
                         "  }\n}\n" for kind in ("imap", "pop3"))
        (folder / "dovecot.conf").write_text(
            f"protocols = imap pop3 lmtp sieve\nbase_dir = {folder}/run\nstate_dir = {folder}/run\n"
            f"log_path = {folder}/dovecot.log\nmail_location = maildir:{folder}/mail\n{own}{tls}"
            f"listen = 127.0.0.1\npassdb {{\n  driver = static\n}}\n{services}{closed}")
        return [binary, "-F", "-c", str(folder / "dovecot.conf")]

    return _serving(_folder(folder, "dovecot"), ("imap", "pop3", "lmtp", "sieve"), start)


def _group() -> str:
    import grp

    return grp.getgrgid(os.getgid()).gr_name


def postfix(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """SMTP."""
    return _postfix(folder, files, "smtp inet n - n - - smtpd")


def postscreen(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """SMTP behind Postfix's postscreen: half of the greeting, and after a second the other."""
    return _postfix(folder, files, "smtp inet n - n - 1 postscreen")


@contextmanager
def _postfix(folder: Path, files: Files | None, service: str) -> Iterator[Ports]:
    binary = program("postfix")
    if os.getuid():
        raise NotInstalled("needs root")
    master = Path(subprocess.check_output([program("postconf"), "-hd", "daemon_directory"],
                                          text=True).strip()) / "master"
    # Its processes run as postfix and want to reach all of this, so not below a folder of root's.
    with tempfile.TemporaryDirectory(prefix="postfix-") as own:
        os.chmod(own, 0o755)
        for name in ("queue", "data"):
            (Path(own) / name).mkdir()
        shutil.chown(Path(own) / "data", "postfix")

        def start(folder: Path, ports: Ports) -> list[str]:
            (folder / "main.cf").write_text(_postfix_main(Path(own), files))
            (folder / "master.cf").write_text(
                service.replace("smtp", f"127.0.0.1:{ports['smtp']}", 1) + _POSTFIX_SERVICES)
            subprocess.run([binary, "-c", str(folder), "check"], check=True, capture_output=True)
            return ["/bin/sh", "-c", _GUARD, "sh", str(master), "-c", str(folder), "-s"]

        with _serving(_folder(Path(own), "etc"), ("smtp",), start) as ports:
            yield ports


def _postfix_main(folder: Path, files: Files | None) -> str:
    tls = "smtpd_tls_security_level = none\n" if files is None else (
        f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {files.key}, "
        f"{files.certificate}\n")
    return (f"compatibility_level = 3.6\nqueue_directory = {folder}/queue\n"
            f"data_directory = {folder}/data\nmyhostname = a.example\nmydestination =\n"
            f"maillog_file = {folder}/mail.log\nmaillog_file_prefixes = {folder}\n"
            "inet_interfaces = 127.0.0.1\nalias_maps =\nlocal_recipient_maps =\n"
            f"{tls}postscreen_cache_map =\npostscreen_access_list =\npostscreen_greet_wait = 1s\n")


# Postfix's master changes its identity, upon which the kernel forgets that it should die with us.
_GUARD = 'trap "kill \\$child; wait; exit" TERM; "$@" & child=$!; wait'

_POSTFIX_SERVICES = """
smtpd pass - - n - - smtpd
tlsproxy unix - - n - 0 tlsproxy
dnsblog unix - - n - 0 dnsblog
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
bounce unix - - n - 0 bounce
"""


def nginx_mail(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """The mail proxy of nginx: SMTP, IMAP and POP3."""
    binary = program("nginx")
    modules = list(Path("/usr/lib/nginx/modules").glob("ngx_mail_module.so"))
    if not modules:
        raise NotInstalled("needs libnginx-mod-mail")

    tls = "starttls off;" if files is None else (
        f"starttls on;\n  ssl_certificate {files.certificate};\n"
        f"  ssl_certificate_key {files.key};")

    def start(folder: Path, ports: Ports) -> list[str]:
        servers = "".join(f"  server {{ listen 127.0.0.1:{port}; protocol {name}; }}\n"
                          for name, port in ports.items())
        (folder / "nginx.conf").write_text(
            f"daemon off;\nworker_processes 1;\nload_module {modules[0]};\n"
            f"user {getpass.getuser()} {_group()};\npid {folder}/nginx.pid;\nevents {{}}\n"
            f"error_log {folder}/error.log;\nmail {{\n  server_name a.example;\n"
            f"  auth_http 127.0.0.1:1/;\n  {tls}\n{servers}}}\n")
        return [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e",
                str(folder / "error.log")]

    return _serving(_folder(folder, "nginx"), ("smtp", "imap", "pop3"), start)


def vsftpd(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """FTP."""
    binary = program("vsftpd")
    tls = "ssl_enable=NO\n" if files is None else (
        f"ssl_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={files.certificate}\n"
        f"rsa_private_key_file={files.key}\nssl_ciphers=HIGH\n")

    def start(folder: Path, ports: Ports) -> list[str]:
        (folder / "empty").mkdir()
        (folder / "banner").write_text("Two\n lines.\n")
        configuration = folder / "vsftpd.conf"
        configuration.write_text(
            f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={ports['ftp']}\nbackground=NO\n"
            "run_as_launching_user=YES\nanonymous_enable=YES\nlocal_enable=NO\n"
            f"secure_chroot_dir={folder}/empty\nbanner_file={folder}/banner\n"
            f"seccomp_sandbox=NO\n{tls}")
        return [binary, str(configuration)]

    return _serving(_folder(folder, "vsftpd"), ("ftp",), start)


def slapd(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """LDAP."""
    binary = program("slapd")
    tls = "" if files is None else (
        f"TLSCertificateFile {files.certificate}\nTLSCertificateKeyFile {files.key}\n"
        f"TLSCACertificateFile {files.certificate}\n")

    def start(folder: Path, ports: Ports) -> list[str]:
        configuration = folder / "slapd.conf"
        configuration.write_text(
            f"{tls}pidfile {folder}/slapd.pid\nargsfile {folder}/slapd.args\n")
        return [binary, "-d", "0", "-h", f"ldap://127.0.0.1:{ports['ldap']}", "-f",
                str(configuration)]

    return _serving(_folder(folder, "slapd"), ("ldap",), start)


def prosody(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """XMPP for clients and for servers, of the domain a.example."""
    binary = program("prosody")
    tls = "" if files is None else (
        f'ssl = {{ certificate = "{files.certificate}", key = "{files.key}" }}\n')
    modules = '"saslauth", "dialback", "disco"' + ("" if files is None else ', "tls"')

    def start(folder: Path, ports: Ports) -> list[str]:
        (folder / "data").mkdir()
        (folder / "prosody.cfg.lua").write_text(
            f'run_as_root = true\npidfile = "{folder}/prosody.pid"\ndata_path = "{folder}/data"\n'
            f'modules_enabled = {{ {modules} }}\n'
            f'interfaces = {{ "127.0.0.1" }}\nc2s_ports = {{ {ports["xmpp"]} }}\n'
            f'c2s_require_encryption = {_lua(files)}\n'
            f's2s_ports = {{ {ports["xmpp-server"]} }}\ns2s_require_encryption = {_lua(files)}\n'
            f'log = {{ info = "{folder}/prosody.log" }}\n'
            f'{tls}VirtualHost "a.example"\n')
        return [binary, "--config", str(folder / "prosody.cfg.lua"), "-F"]

    return _serving(_folder(folder, "prosody"), ("xmpp", "xmpp-server"), start)


def _lua(files: Files | None) -> str:
    return "false" if files is None else "true"


def inspircd(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """IRC."""
    binary = program("inspircd")
    tls = "" if files is None else (
        '<module name="ssl_gnutls">\n<module name="starttls">\n<sslprofile name="tls" '
        f'provider="gnutls" certfile="{files.certificate}" keyfile="{files.key}">\n')

    def start(folder: Path, ports: Ports) -> list[str]:
        configuration = folder / "inspircd.conf"
        configuration.write_text(
            f'<path configdir="{folder}" datadir="{folder}" logdir="{folder}" '
            f'runtimedir="{folder}">\n<pid file="{folder}/inspircd.pid">\n'
            '<server name="a.example" description="test" network="test" id="001">\n'
            '<admin name="a" nick="a" email="a@a.example">\n'
            f'<module name="cap">\n{tls}'
            f'<bind address="127.0.0.1" port="{ports["irc"]}" type="clients">\n'
            '<connect allow="*" resolvehostnames="no" useident="no">\n'
            f'<log method="file" type="*" level="default" target="{folder}/inspircd.log">\n'
            '<dns server="127.0.0.1" timeout="1">\n')
        return [binary, "--nofork", "--runasroot", "--config", str(configuration)]

    return _serving(_folder(folder, "inspircd"), ("irc",), start)


def xrdp(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """RDP."""
    binary = program("xrdp")
    tls = "security_layer=rdp\n" if files is None else (
        f"security_layer=negotiate\ncertificate={files.certificate}\nkey_file={files.key}\n"
        "ssl_protocols=TLSv1.2, TLSv1.3\n")

    def start(folder: Path, ports: Ports) -> list[str]:
        configuration = folder / "xrdp.ini"
        configuration.write_text(
            f"[Globals]\nini_version=1\nfork=true\nport=tcp://127.0.0.1:{ports['rdp']}\n"
            f"{tls}max_bpp=32\n"
            f"[Logging]\nLogFile={folder}/xrdp.log\nLogLevel=INFO\nEnableSyslog=false\n"
            "[Channels]\n[Xorg]\nname=Xorg\nlib=libxup.so\n")
        return [binary, "--nodaemon", "--config", str(configuration)]

    return _serving(_folder(folder, "xrdp"), ("rdp",), start)


def mariadb(folder: Path, files: Files | None) -> AbstractContextManager[Ports]:
    """MySQL."""
    binary = program("mariadbd")
    tls = ["--skip-ssl"] if files is None else [f"--ssl-cert={files.certificate}",
                                                f"--ssl-key={files.key}"]

    def start(folder: Path, ports: Ports) -> list[str]:
        (folder / "data").mkdir()
        return [binary, "--no-defaults", f"--datadir={folder}/data", f"--port={ports['mysql']}",
                "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--user={getpass.getuser()}",
                f"--pid-file={folder}/pid", "--skip-grant-tables", "--skip-networking=0",
                "--skip-innodb", "--max-connections=10", "--default-storage-engine=MyISAM", *tls]

    return _serving(_folder(folder, "mariadb"), ("mysql",), start)


@contextmanager
def postgresql(folder: Path, files: Files | None) -> Iterator[Ports]:
    """PostgreSQL, which does not run as root: as nobody then."""
    bindir = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
    if bindir is None:
        raise NotInstalled("needs postgresql")
    run = ["setpriv", "--pdeathsig=KILL"]
    if not os.getuid():
        run += ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="postgresql-") as own:
        data = Path(own) / "data"
        tls = ["-c", "ssl=off"] if files is None else [
            "-c", "ssl=on", "-c", f"ssl_cert_file={own}/certificate", "-c",
            f"ssl_key_file={own}/key"]
        for name, path in (files._asdict() if files else {}).items():
            (Path(own) / name).write_bytes(path.read_bytes())
            (Path(own) / name).chmod(0o600)
        if not os.getuid():
            for path in (Path(own), *Path(own).iterdir()):
                shutil.chown(path, "nobody", "nogroup")
        subprocess.run([*run, str(bindir), "-D", str(data), "-A", "trust", "-N"], check=True,
                       cwd="/", stdout=subprocess.DEVNULL)

        def start(folder: Path, ports: Ports) -> list[str]:
            return [*run, str(bindir.with_name("postgres")), "-D", str(data), "-k", own, "-p",
                    str(ports["postgres"]), "-c", "listen_addresses=127.0.0.1", "-F", "-c",
                    "shared_buffers=1MB", *tls]

        with _serving(_folder(folder, "postgresql"), ("postgres",), start) as ports:
            yield ports


#: By the name of the program; what each speaks is in its docstring.
SERVERS: dict[str, Server] = {
    "dovecot": dovecot, "postfix": postfix, "postscreen": postscreen, "nginx": nginx_mail,
    "vsftpd": vsftpd, "slapd": slapd, "prosody": prosody, "inspircd": inspircd, "xrdp": xrdp,
    "mariadb": mariadb, "postgresql": postgresql,
}
