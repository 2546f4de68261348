"""What servers say before TLS: the bytes of real ones and of the RFCs, good, bad and hostile."""

from __future__ import annotations

from typing import NamedTuple

HOST = "a.example"


class Talk(NamedTuple):
    """A dialogue. ``turns``: what we must have said, and what the server says to that."""

    protocol: str
    name: str
    turns: tuple[tuple[bytes, bytes], ...]
    returns: bytes = b""  # to be sent before TLS
    failure: str = ""  # a part of the sentence; "" where the dialogue leads to TLS
    reason: str = "starttls"


def _ldap(result: int, text: bytes = b"", rest: bytes = b"") -> bytes:
    body = bytes([0x0A, 1, result, 4, 0, 4, len(text)]) + text + rest
    return bytes([0x30, len(body) + 5, 2, 1, 1, 0x78, len(body)]) + body


def _mysql(payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def _prelogin(encryption: int) -> bytes:
    return bytes.fromhex("0401002b00000100" "00001a0006" "0100200001" "0200210001" "0300220000"
                         "0400220001" "ff" "0f0007d00000") + bytes([encryption]) + b"\0\0"


def _connection_confirm(negotiation: str) -> bytes:
    rest = bytes.fromhex("d00000123400" + negotiation)
    return bytes([3, 0, 0, 5 + len(rest), len(rest)]) + rest


EHLO, LHLO, STARTTLS = b"EHLO [127.0.0.1]\r\n", b"LHLO [127.0.0.1]\r\n", b"STARTTLS\r\n"
POSTFIX = (b"250-a.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n"
           b"250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n"
           b"250 CHUNKING\r\n")
GREETED = (b"", b"220 a.example ESMTP Postfix\r\n")
SMTP_GO = (STARTTLS, b"220 2.0.0 Ready to start TLS\r\n")

LDAP_REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
STREAMS, TLS_NAMESPACE = "http://etherx.jabber.org/streams", "urn:ietf:params:xml:ns:xmpp-tls"


def _open(content: str) -> bytes:
    return (f"<?xml version='1.0'?><stream:stream xmlns='{content}' xmlns:stream='{STREAMS}' "
            f"to='{HOST}' version='1.0'>").encode()


def _xmpp(features: str, version: str = " version='1.0'") -> bytes:
    return (f"<?xml version='1.0'?><stream:stream{version} from='{HOST}' xmlns:stream='{STREAMS}' "
            f"xmlns='jabber:client' id='bb43' xml:lang='en'>{features}").encode()


OPEN_CLIENT, OPEN_SERVER = _open("jabber:client"), _open("jabber:server")
FEATURES = _xmpp(f"<stream:features><starttls xmlns='{TLS_NAMESPACE}'><required/></starttls>"
                 "</stream:features>")
XMPP_STARTTLS = f"<starttls xmlns='{TLS_NAMESPACE}'/>".encode()
PROCEED = f"<proceed xmlns='{TLS_NAMESPACE}'/>".encode()

IMAP_CAPABLE = (b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ "
                b"STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n")
DOVECOT_SIEVE = (b'"IMPLEMENTATION" "Dovecot (Debian) Pigeonhole"\r\n"SIEVE" "fileinto reject"\r\n'
                 b'"NOTIFY" "mailto"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\n"VERSION" "1.0"\r\n'
                 b'OK "Dovecot (Debian) ready."\r\n')
IRC_REQUEST = b"CAP LS\r\nSTARTTLS\r\n"
IRC_CAP = b":irc.example CAP * LS :account-notify multi-prefix tls \r\n"
IRC_GO = b":irc.example 670 * :STARTTLS successful, go ahead with TLS handshake\r\n"

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
MYSQL_8 = _mysql(b"\x0a8.0.36\0" + bytes.fromhex("0b0000003a5b2c1f6e3f2a1100ffffff0200ffdf15")
                 + bytes(10) + b"0123456789ab\0caching_sha2_password\0")
MYSQL_REQUEST = bytes.fromhex("20000001" "05aa0800" "00000001" "21") + bytes(23)
MARIADB = _mysql(b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1\0" + bytes.fromhex(
    "04000000253e4628315b5b3700feff080200ff8115000000000000" "1d000000") + b"?uPqh6r_dWg~\0"
    b"mysql_native_password\0")

TDS_REQUEST = bytes.fromhex("1201002f00000100" "00001a0006" "0100200001" "0200210001" "0300220004"
                            "0400260001" "ff" "0d0000000000" "01" "00" "00000001" "00")
RDP_REQUEST = bytes.fromhex("030000130ee00000000000" "010008000b000000")

TELNET_DO, TELNET_WILL = b"\xff\xfd\x2e", b"\xff\xfb\x2e"
TELNET_FOLLOWS = b"\xff\xfa\x2e\x01\xff\xf0"

GOOD = (
    Talk("smtp", "postfix", (GREETED, (EHLO, POSTFIX), SMTP_GO)),
    Talk("smtp", "greeting of many lines", (
        (b"", b"220-mx.example ESMTP Exim 4.96\r\n220-We do not authorize the use\r\n220 of\r\n"),
        (EHLO, b"250-mx.example Hello [127.0.0.1]\r\n250-SIZE 52428800\r\n250 starttls\r\n"),
        (STARTTLS, b"220 TLS go ahead\r\n"))),
    Talk("smtp", "bare codes and line feeds", (
        (b"", b"220\n"), (EHLO, b"250-x\n250 STARTTLS\n"), (STARTTLS, b"220\n"))),
    Talk("submission", "exchange", (
        (b"", b"220 EX1.a.example Microsoft ESMTP MAIL Service ready at Mon, 6 Oct 2025\r\n"),
        (EHLO, b"250-EX1.a.example Hello [192.0.2.1]\r\n250-SIZE 37748736\r\n250-STARTTLS\r\n"
               b"250-AUTH GSSAPI NTLM\r\n250 XRDST\r\n"),
        (STARTTLS, b"220 2.0.0 SMTP server ready\r\n"))),
    Talk("lmtp", "dovecot", (
        (b"", b"220 vm Dovecot (Debian) ready.\r\n"),
        (LHLO, b"250-vm\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
        (STARTTLS, b"220 2.0.0 Begin TLS negotiation now.\r\n"))),
    Talk("imap", "dovecot, capabilities in the greeting", (
        (b"", IMAP_CAPABLE), (b"b STARTTLS\r\n", b"b OK Begin TLS negotiation now.\r\n"))),
    Talk("imap", "exchange, capabilities on demand", (
        (b"", b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"),
        (b"a CAPABILITY\r\n", b"* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS UIDPLUS ID\r\n"
                              b"a OK CAPABILITY completed.\r\n"),
        (b"b STARTTLS\r\n", b"* OK still here\r\nb OK Begin TLS negotiation now.\r\n"))),
    Talk("pop3", "dovecot", (
        (b"", b"+OK Dovecot (Debian) ready.\r\n"),
        (b"STLS\r\n", b"+OK Begin TLS negotiation now.\r\n"))),
    Talk("pop3", "nginx", ((b"", b"+OK POP3 ready\r\n"), (b"STLS\r\n", b"+OK\r\n"))),
    Talk("ftp", "proftpd", (
        (b"", b"220 ProFTPD Server (Debian) [::ffff:192.0.2.1]\r\n"),
        (b"AUTH TLS\r\n", b"234 AUTH TLS successful\r\n"))),
    Talk("ftp", "pure-ftpd, any text between first and last line", (
        (b"", b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n"
              b"220-You are user number 1 of 50 allowed.\r\n\r\n 220 not yet\r\n230 nor here\r\n"
              b"220 You will be disconnected after 15 minutes of inactivity.\r\n"),
        (b"AUTH TLS\r\n", b"234 AUTH TLS OK.\r\n"))),
    Talk("ldap", "openldap", ((LDAP_REQUEST, _ldap(0)),)),
    Talk("ldap", "active directory", ((LDAP_REQUEST, bytes.fromhex(
        "308400000028" "020101" "78840000001f" "0a0100" "0400" "0400" "8a16")
        + b"1.3.6.1.4.1.1466.20037"),)),
    Talk("xmpp", "prosody", ((OPEN_CLIENT, FEATURES), (XMPP_STARTTLS, PROCEED))),
    Talk("xmpp", "other prefixes, other spelling", (
        (OPEN_CLIENT,
         f"<s:stream xmlns:s=\"{STREAMS}\" version='1.0'>\n<!-- > --><s:features a='>'>"
         f"<t:starttls xmlns:t='{TLS_NAMESPACE}'></t:starttls></s:features>".encode()),
        (XMPP_STARTTLS, f"\n<proceed xmlns='{TLS_NAMESPACE}'></proceed>".encode()))),
    Talk("xmpp-server", "ejabberd", (
        (OPEN_SERVER, FEATURES.replace(b"jabber:client", b"jabber:server")),
        (XMPP_STARTTLS, PROCEED))),
    Talk("nntp", "inn", (
        (b"", b"200 news.example InterNetNews NNRP server INN 2.7.1 ready (posting ok)\r\n"),
        (STARTTLS, b"382 Begin TLS negotiation now\r\n"))),
    Talk("nntp", "no posting", (
        (b"", b"201 news.example ready (no posting)\r\n"), (STARTTLS, b"382 Continue\r\n"))),
    Talk("sieve", "dovecot", (
        (b"", DOVECOT_SIEVE), (STARTTLS, b'OK "Begin TLS negotiation now."\r\n'))),
    Talk("sieve", "literals", (
        (b"", b'{14}\r\nIMPLEMENTATION {5}\r\nOK\r\nx\r\n{8+}\r\nstarttls\r\nok {2}\r\nhi\r\n'),
        (STARTTLS, b"OK (WARNINGS) {0}\r\n\r\n"))),
    Talk("irc", "inspircd", ((IRC_REQUEST, IRC_CAP + IRC_GO),)),
    Talk("irc", "notices, a ping and no CAP", (
        (IRC_REQUEST, b"NOTICE AUTH :*** Looking up your hostname...\r\n\r\n"
                      b"@time=2025-10-06 :irc.example 451 * CAP :You have not registered\r\n"
                      b"PING :a1b2c3\r\n"),
        (b"PONG :a1b2c3\r\n", IRC_GO))),
    Talk("postgres", "with TLS", ((SSL_REQUEST, b"S"),)),
    Talk("mysql", "mysql 8", ((b"", MYSQL_8),), MYSQL_REQUEST),
    Talk("mysql", "mariadb", ((b"", MARIADB),), MYSQL_REQUEST),
    Talk("mssql", "encryption on", ((TDS_REQUEST, _prelogin(1)),)),
    Talk("mssql", "encryption of the login only", ((TDS_REQUEST, _prelogin(0)),)),
    Talk("mssql", "encryption required, in two packets", (
        (TDS_REQUEST, bytes.fromhex("0400001200000100") + _prelogin(3)[8:18]
         + bytes.fromhex("0401002100000200") + _prelogin(3)[18:]),)),
    Talk("rdp", "xrdp", ((RDP_REQUEST, _connection_confirm("0201080001000000")),)),
    Talk("rdp", "windows, CredSSP", ((RDP_REQUEST, _connection_confirm("021f080008000000")),)),
    Talk("telnet", "z/os", ((b"", TELNET_DO), (TELNET_WILL + TELNET_FOLLOWS, TELNET_FOLLOWS))),
    Talk("telnet", "asked first", (
        (b"", b"\xff\xfd\x18\xff\xfb\x01\xff\xf1Welcome\r\n"),
        (b"\xff\xfc\x18\xff\xfe\x01" + TELNET_WILL, b"\xff\xfd\x18" + TELNET_DO),
        (TELNET_FOLLOWS, b"\xff\xfa\x18\x01\xff\xf0" + TELNET_FOLLOWS))),
)

NOT_OFFERED = "does not offer"
BAD = (
    Talk("smtp", "turned away", ((b"", b"554-mx.example\r\n554 No SMTP service here\r\n"),),
         failure="the SMTP server refused the connection: 554-mx.example No SMTP service here"),
    Talk("smtp", "busy", ((b"", b"421 4.7.0 Too many connections\r\n"),),
         failure="refused the connection: 421 4.7.0 Too many connections"),
    Talk("smtp", "no STARTTLS", (GREETED, (EHLO, POSTFIX.replace(b"250-STARTTLS\r\n", b""))),
         failure="the SMTP server does not offer STARTTLS: give it a certificate and turn TLS on"),
    Talk("smtp", "STARTTLS is the name of the host",
         (GREETED, (EHLO, b"250-STARTTLS\r\n250 PIPELINING\r\n")), failure=NOT_OFFERED),
    Talk("smtp", "knows HELO only", (GREETED, (EHLO, b"502 Command not implemented\r\n")),
         failure="does not offer STARTTLS (it answers EHLO with 502 Command not implemented)"),
    Talk("smtp", "EHLO refused", (GREETED, (EHLO, b"550 5.7.1 Access denied\r\n")),
         failure="refused EHLO: 550 5.7.1 Access denied"),
    Talk("smtp", "masked by a firewall", (
        (b"", b"220 ****************\r\n"), (EHLO, b"250-mx\r\n250-XXXXXXXA\r\n250 XXXB\r\n")),
         failure="a firewall on the way masks what it offers"),
    Talk("smtp", "TLS not available", (
        GREETED, (EHLO, POSTFIX),
        (STARTTLS, b"454 4.7.0 TLS not available due to local problem\r\n")),
         failure="refused STARTTLS: 454 4.7.0 TLS not available due to local problem"),
    Talk("smtp", "wrong code", (GREETED, (EHLO, POSTFIX), (STARTTLS, b"250 ok\r\n")),
         failure="this is no SMTP server: it said 250 ok"),
    Talk("smtp", "codes that change", ((b"", b"220-mx\r\n250 mx\r\n"),),
         failure="this is no SMTP server"),
    Talk("smtp", "ssh", ((b"", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"),),
         failure="this is no SMTP server"),
    Talk("smtp", "news", ((b"", b"200 news.example ready\r\n"),),
         failure="this is no SMTP server: it said 200 news.example ready: look at the port"),
    Talk("smtp", "mysql", ((b"", b"\x64" + MARIADB[1:]),), failure="this is no SMTP server"),
    Talk("smtp", "TLS from the first byte", ((b"", bytes.fromhex("15030100020246")),),
         failure='speaks TLS from the first byte: set starttls to "none"'),
    Talk("smtp", "a code and no blank", ((b"", b"220x\r\n"),), failure="this is no SMTP server"),
    Talk("smtp", "control characters", (
        (b"", b"554 \x1b[2J\x1b]0;owned\x07 \xe2\x80\xaegnp.exe\x00\x9b31m \xff n\xc3\xa9e\t!"
              b"\r\n"),),
         failure="refused the connection: 554 [2J ]0;owned gnp.exe 31m née !"),
    Talk("lmtp", "is SMTP", (GREETED, (LHLO, b"502 5.5.2 Error: command not recognized\r\n")),
         failure="the LMTP server does not offer STARTTLS (it answers LHLO with 502 5.5.2"),
    Talk("imap", "no STARTTLS in the greeting", (
        (b"", IMAP_CAPABLE.replace(b"STARTTLS ", b"")),), failure=NOT_OFFERED),
    Talk("imap", "STARTTLS outside the list", (
        (b"", b"* OK [CAPABILITY IMAP4rev1] no STARTTLS here\r\n"),), failure=NOT_OFFERED),
    Talk("imap", "no STARTTLS on demand", (
        (b"", b"* OK IMAP4 ready\r\n"),
        (b"a CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 UIDPLUS\r\na OK completed\r\n")),
         failure=NOT_OFFERED),
    Talk("imap", "logged in from the start", ((b"", b"* PREAUTH IMAP4rev1 server ready\r\n"),),
         failure="has us logged in from the start (PREAUTH), and then there is no STARTTLS"),
    Talk("imap", "bye", ((b"", b"* BYE Too many connections from your address\r\n"),),
         failure="refused the connection: * BYE Too many connections"),
    Talk("imap", "bye later", (
        (b"", IMAP_CAPABLE), (b"b STARTTLS\r\n", b"* BYE Shutting down\r\n")),
         failure="refused STARTTLS: * BYE Shutting down"),
    Talk("imap", "refused", ((b"", IMAP_CAPABLE), (b"b STARTTLS\r\n", b"b BAD TLS is broken\r\n")),
         failure="refused STARTTLS: b BAD TLS is broken"),
    Talk("imap", "nonsense", ((b"", IMAP_CAPABLE), (b"b STARTTLS\r\n", b"b MAYBE\r\n")),
         failure="this is no IMAP server"),
    Talk("imap", "pop3", ((b"", b"+OK ready\r\n"),), failure="this is no IMAP server"),
    Talk("imap", "half a greeting", ((b"", b"* \r\n"),), failure="this is no IMAP server"),
    Talk("pop3", "no STLS", (
        (b"", b"+OK ready\r\n"), (b"STLS\r\n", b"-ERR TLS support isn't enabled.\r\n")),
         failure="the POP3 server refused STLS: -ERR TLS support isn't enabled."),
    Talk("pop3", "turned away", ((b"", b"-ERR [SYS/TEMP] try later\r\n"),),
         failure="refused the connection: -ERR [SYS/TEMP] try later"),
    Talk("pop3", "almost", ((b"", b"+OKAY\r\n"),), failure="this is no POP3 server: it said +OKAY"),
    Talk("ftp", "no TLS", (
        (b"", b"220 (vsFTPd 3.0.3)\r\n"), (b"AUTH TLS\r\n", b"530 Please login with USER.\r\n")),
         failure="the FTP server refused AUTH TLS: 530 Please login with USER."),
    Talk("ftp", "busy", ((b"", b"421 There are too many connected users.\r\n"),),
         failure="refused the connection: 421 There are too many"),
    Talk("ldap", "no TLS", ((LDAP_REQUEST, _ldap(2, b"unsupported extended operation")),),
         failure="does not offer StartTLS (protocolError (2) unsupported extended operation)"),
    Talk("ldap", "no certificate", (
        (LDAP_REQUEST, _ldap(52, b"00000000: LdapErr: DSID-0C090F78, comment: Error initializing "
                                 b"SSL/TLS, data 0\0")),),
         failure="refused StartTLS: unavailable (52) 00000000: LdapErr: DSID-0C090F78, comment: "
                 "Error initializing SSL/TLS, data 0"),
    Talk("ldap", "unknown result", ((LDAP_REQUEST, _ldap(99)),), failure="StartTLS: result (99)"),
    Talk("ldap", "http", ((LDAP_REQUEST, b"HTTP/1.1 400 Bad Request\r\n\r\n"),),
         failure="this is no LDAP server"),
    Talk("ldap", "another answer", ((LDAP_REQUEST, bytes.fromhex("300c02010161070a010004000400")),),
         failure="this is no LDAP server"),
    Talk("ldap", "indefinite length", ((LDAP_REQUEST, bytes.fromhex("308002010100000000")),),
         failure="this is no LDAP server"),
    Talk("ldap", "lengths that lie", (
        (LDAP_REQUEST, bytes.fromhex("300c0201017870a010004000400f")),),
         failure="this is no LDAP server"),
    Talk("ldap", "a string longer than its message", (
        (LDAP_REQUEST, bytes.fromhex("300c02010178070a010004000405")),),
         failure="this is no LDAP server"),
    Talk("ldap", "endless message", ((LDAP_REQUEST, bytes.fromhex("3084ffffffff02")),),
         failure="sends a message of more than 4096 bytes"),
    Talk("xmpp", "no STARTTLS", ((OPEN_CLIENT, _xmpp(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>")
        ),), failure=NOT_OFFERED),
    Talk("xmpp", "starttls of another namespace", ((OPEN_CLIENT, _xmpp(
        "<stream:features><starttls xmlns='urn:x'/></stream:features>")),), failure=NOT_OFFERED),
    Talk("xmpp", "unknown host", ((OPEN_CLIENT, _xmpp(
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        "</stream:error></stream:stream>")),),
         failure="the XMPP server refused the opening of a stream: error host-unknown"),
    Talk("xmpp", "refused", (
        (OPEN_CLIENT, FEATURES),
        (XMPP_STARTTLS, f"<failure xmlns='{TLS_NAMESPACE}'/></stream:stream>".encode())),
         failure="refused STARTTLS: failure"),
    Talk("xmpp", "ends the stream", ((OPEN_CLIENT, _xmpp("</stream:stream>")),),
         failure="ended the stream after the opening of a stream"),
    Talk("xmpp", "before version 1.0", ((OPEN_CLIENT, _xmpp("", "")),),
         failure="does not offer STARTTLS (it speaks XMPP from before version 1.0)"),
    Talk("xmpp", "web page", ((OPEN_CLIENT, b"<html><body>400 Bad Request</body></html>"),),
         failure="this is no XMPP server"),
    Talk("xmpp", "not even that", ((OPEN_CLIENT, b"HTTP/1.1 400 Bad Request\r\n\r\n"),),
         failure="this is no XMPP server"),
    Talk("xmpp", "a million laughs", ((OPEN_CLIENT,
         b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>"
         + _xmpp("")[21:]),), failure="sends a document type, which XMPP forbids"),
    Talk("xmpp", "mismatched tags", ((OPEN_CLIENT, _xmpp("<stream:features></starttls>")),),
         failure="this is no XMPP server"),
    Talk("nntp", "unavailable", ((b"", b"400 NNTP server unavailable.  Try later!\r\n"),),
         failure="the NNTP server refused the connection: 400 NNTP server unavailable. Try later!"),
    Talk("nntp", "no TLS", (
        (b"", b"200 ready\r\n"), (STARTTLS, b"580 Can not initiate TLS negotiation\r\n")),
         failure="refused STARTTLS: 580 Can not initiate TLS negotiation"),
    Talk("sieve", "no STARTTLS", ((b"", DOVECOT_SIEVE.replace(b'"STARTTLS"\r\n', b"")),),
         failure="the ManageSieve server does not offer STARTTLS"),
    Talk("sieve", "STARTTLS as a value", ((b"", b'"NOTIFY" "STARTTLS"\r\nOK\r\n'),),
         failure=NOT_OFFERED),
    Talk("sieve", "bye", ((b"", b'BYE (TRYLATER) "Too many connections"\r\n'),),
         failure='refused the connection: BYE (TRYLATER) "Too many connections"'),
    Talk("sieve", "refused", ((b"", DOVECOT_SIEVE), (STARTTLS, b"NO {11}\r\nNo TLS here\r\n")),
         failure="refused STARTTLS: NO {11} No TLS here"),
    Talk("sieve", "imap", ((b"", IMAP_CAPABLE),), failure="this is no ManageSieve server"),
    Talk("sieve", "a word", ((b"", b"Nonsense\r\n"),), failure="this is no ManageSieve server"),
    Talk("sieve", "a literal that does not end its line", ((b"", b"OK {2}\r\nhi\rx"),),
         failure="this is no ManageSieve server"),
    Talk("sieve", "endless literal", ((b"", b'"SIEVE" {99999999999}\r\n'),),
         failure="sends a message of more than 4096 bytes"),
    Talk("irc", "not in the list", (
        (IRC_REQUEST, b":irc.example CAP * LS :multi-prefix\r\n"),), failure=NOT_OFFERED),
    Talk("irc", "unknown command", (
        (IRC_REQUEST, b":irc.example 421 * CAP :Unknown command\r\n"
                      b":irc.example 421 * STARTTLS :Unknown command\r\n"),),
         failure="does not offer STARTTLS (* STARTTLS :Unknown command)"),
    Talk("irc", "broken", (
        (IRC_REQUEST, IRC_CAP + b":irc.example 691 * :STARTTLS is not configured\r\n"),),
         failure="refused STARTTLS: * :STARTTLS is not configured"),
    Talk("irc", "banned", ((IRC_REQUEST, b"ERROR :Closing Link: (Z-lined)\r\n"),),
         failure="refused STARTTLS: :Closing Link: (Z-lined)"),
    Talk("irc", "http", ((IRC_REQUEST, b"HTTP/1.1 400 Bad Request\r\n"),),
         failure="this is no IRC server"),
    Talk("postgres", "without TLS", ((SSL_REQUEST, b"N"),),
         failure="the PostgreSQL server does not offer TLS"),
    Talk("postgres", "an error", ((SSL_REQUEST, b"E\0\0\0\x33SFATAL\0C53300\0Msorry, too many "
                                                b"clients already\0\0"),),
         failure="refused SSLRequest: sorry, too many clients already"),
    Talk("postgres", "an old error", ((SSL_REQUEST, b"Eunsupported frontend protocol\n\0"),),
         failure="refused SSLRequest: "),
    Talk("postgres", "http", ((SSL_REQUEST, b"HTTP/1.1 400 Bad Request\r\n"),),
         failure="this is no PostgreSQL server"),
    Talk("postgres", "TLS", ((SSL_REQUEST, bytes.fromhex("15030100020246")),),
         failure='speaks TLS from the first byte: set starttls to "none"'),
    Talk("mysql", "without TLS", ((b"", MARIADB.replace(b"\xfe\xff", b"\xfe\xf7")),),
         failure="the MySQL server does not offer TLS"),
    Talk("mysql", "host blocked", (
        (b"", _mysql(b"\xff\x69\x04Host '192.0.2.1' is blocked because of many connection errors; "
                     b"unblock with 'mysqladmin flush-hosts'")),),
         failure="refused the connection: 1129 Host '192.0.2.1' is blocked because of many"),
    Talk("mysql", "too many, with a state", (
        (b"", _mysql(b"\xff\x10\x04#08004Too many connections")),),
         failure="refused the connection: 1040 Too many connections"),
    Talk("mysql", "version 9", ((b"", _mysql(b"\x093.20.1\0" + bytes(20))),),
         failure="this is no MySQL server"),
    Talk("mysql", "cut short", ((b"", _mysql(b"\x0a8.0.36\0abcd")),),
         failure="this is no MySQL server"),
    Talk("mysql", "smtp", (GREETED,), failure="this is no MySQL server: it said 220"),
    Talk("mssql", "without TLS", ((TDS_REQUEST, _prelogin(2)),),
         failure="the MSSQL server does not offer TLS (ENCRYPT_NOT_SUP)"),
    Talk("mssql", "nonsense", ((TDS_REQUEST, _prelogin(9)),), failure="this is no MSSQL server"),
    Talk("mssql", "no option", ((TDS_REQUEST, bytes.fromhex("0401000900000100ff")),),
         failure="this is no MSSQL server"),
    Talk("mssql", "an option outside", (
        (TDS_REQUEST, bytes.fromhex("0401000e00000100" "01ffff0001ff")),),
         failure="this is no MSSQL server"),
    Talk("mssql", "endless", ((TDS_REQUEST, bytes.fromhex("0400ffff00000100")),),
         failure="sends a message of more than 4096 bytes"),
    Talk("mssql", "http", ((TDS_REQUEST, b"HTTP/1.1 400 Bad Request\r\n"),),
         failure="this is no MSSQL server"),
    Talk("rdp", "its own security, old", ((RDP_REQUEST, _connection_confirm("")),),
         failure="the RDP server does not offer TLS (it knows RDP's own security only)"),
    Talk("rdp", "its own security, new", (
        (RDP_REQUEST, _connection_confirm("0200080000000000")),),
         failure="does not offer TLS (it chose RDP's own security)"),
    Talk("rdp", "no certificate", ((RDP_REQUEST, _connection_confirm("0300080003000000")),),
         failure="refused a TLS connection: SSL_CERT_NOT_ON_SERVER (3)"),
    Talk("rdp", "something unasked", ((RDP_REQUEST, _connection_confirm("0200080004000000")),),
         failure="this is no RDP server"),
    Talk("rdp", "half a negotiation", ((RDP_REQUEST, _connection_confirm("0200")),),
         failure="this is no RDP server"),
    Talk("rdp", "disconnected", ((RDP_REQUEST, bytes.fromhex("0300000b068000000000" "00")),),
         failure="this is no RDP server"),
    Talk("rdp", "http", ((RDP_REQUEST, b"HTTP/1.1 400 Bad Request\r\n"),),
         failure="this is no RDP server"),
    Talk("telnet", "linux telnetd", (
        (b"", b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"),
        (b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27" + TELNET_WILL,
         b"\xff\xfe\x2elogin: ")),
         failure="the telnet server does not offer START_TLS"),
    Talk("telnet", "endless option", ((b"", b"\xff\xfa\x2e" + bytes(4096)),),
         failure="sends an option of more than 4096 bytes"),
)

#: Good dialogues with bytes behind the go-ahead, in the same segment.
INJECTED = tuple(
    talk._replace(turns=(*talk.turns[:-1], (talk.turns[-1][0], talk.turns[-1][1] + behind)),
                  failure="sent bytes before the TLS handshake")
    for talk in GOOD for behind in (b"\n", b"E0003\xc3\r\n", bytes.fromhex("160303002a")))
