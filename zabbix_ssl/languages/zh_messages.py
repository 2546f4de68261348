"""The messages of checking in Simplified Chinese, by their English words.

The names of the holes are of no account but that both sides have the same. What a server or an
operating system says in words of its own stays in them.
"""
# ruff: noqa: RUF001

from __future__ import annotations

#: Connections and name resolution.
_NETWORK = {
    "the connection was refused: nothing listens on this port, or a firewall rejects it":
        "连接被拒绝：该端口没有服务在监听，或被防火墙拒绝",
    "the server reset the connection": "服务器重置了连接",
    "the connection was aborted": "连接被中止",
    "no route to the host: it is down, or a router rejects it":
        "没有到主机的路由：主机已停机，或被路由器拒绝",
    "the host is down": "主机已停机",
    "no route to the network from here": "本机没有到该网络的路由",
    "the network is down here": "本机网络已断开",
    "no local address or port left to connect from": "本机没有可用于连接的地址或端口",
    "this address family is not available here": "本机不支持这种地址类型",
    "the address cannot be connected to": "该地址无法连接",
    "a firewall on this machine forbids the connection": "本机防火墙禁止此连接",
    "the connection timed out": "连接超时",
    "too many open files here: lower --concurrency, or raise ulimit -n":
        "本进程打开的文件过多：请降低 --concurrency，或提高 ulimit -n",
    "too many open files on this machine": "本机打开的文件过多",
    "there is no network interface {scope} here": "本机没有网络接口 {scope}",
    "the name {host} cannot be looked up: {error}": "无法解析名称 {host}：{error}",
    "the connection was not answered: the host is down, or a firewall drops the packets":
        "连接没有应答：主机已停机，或防火墙丢弃了数据包",
    "the server does not take what is sent": "服务器不接收发送的数据",
    "the server did not answer in time": "服务器没有及时应答",
    "no answer": "没有应答",
    "the name {host} does not exist": "名称 {host} 不存在",
    "the name {host} has no address": "名称 {host} 没有地址",
    "the name server does not answer for {host}": "域名服务器对 {host} 没有应答",
    "the name server failed for {host}": "域名服务器解析 {host} 失败",
    "no answer in {seconds} s: another check of {target} was under way all the time":
        "{seconds} 秒内没有应答：一直有对 {target} 的另一次检查在进行",
    "a fault in zabbix-ssl, please report it: {error}": "zabbix-ssl 的缺陷，请报告：{error}",
    "no answer from the engine": "引擎没有应答",
    "a worker process died before its work was done": "一个工作进程在完成之前退出了",
}

#: The handshake, and the questions for old protocols and weak ciphers.
_HANDSHAKE = {
    "the server closed the connection during the handshake": "服务器在握手过程中关闭了连接",
    "the server closed the connection without an answer": "服务器没有应答就关闭了连接",
    "the server does not come to an end with its handshake": "服务器的握手没有完结",
    "the server refuses the handshake: {alert}": "服务器拒绝握手：{alert}",
    "the handshake failed: {why}": "握手失败：{why}",
    "no reason given": "没有给出原因",
    "the server sends more certificates than a client accepts":
        "服务器发送的证书多于客户端所能接受的",
    "the server has no protocol version in common with modern clients":
        "服务器与现代客户端没有共同的协议版本",
    "the server answers with a protocol version that no client knows":
        "服务器用没有客户端认识的协议版本应答",
    "the port is open, but {who} answers, not TLS": "端口是开放的，但应答的是{who}，而不是 TLS",
    "{who} answered": "应答的是{who}",
    "something that is not TLS": "非 TLS 的服务",
    "an HTTP server": " HTTP 服务器", "an SSH server": " SSH 服务器",
    "an FTP server": " FTP 服务器", "an SMTP server": " SMTP 服务器",
    "an NNTP server": " NNTP 服务器", "an IMAP server": " IMAP 服务器",
    "a Redis server": " Redis 服务器", "a POP3 server": " POP3 服务器",
    "a ManageSieve server": " ManageSieve 服务器", "an XMPP server": " XMPP 服务器",
    "a VNC server": " VNC 服务器", "an AMQP server": " AMQP 服务器",
    "a PostgreSQL error": " PostgreSQL 的错误", "a Remote Desktop server": "远程桌面服务器",
    "a telnet server": " telnet 服务器", "a MySQL server": " MySQL 服务器",
    "the server answered with {what}": "服务器的应答是{what}",
    "the server answered with {version}, which was not offered": "服务器用未提供的 {version} 应答",
    "the server answered with a cipher that was not offered": "服务器用未提供的加密套件应答",
    "the server answered with what was not offered": "服务器用未提供的内容应答",
    "the alert {name}": "警报 {name}",
    "an SSLv2 error: {what}": "SSLv2 错误：{what}",
    "no cipher in common": "没有共同的加密套件", "no certificate": "没有证书",
    "bad certificate": "证书有误", "unsupported certificate type": "不支持的证书类型",
    "SSLv2 and {count} cipher kinds": " SSLv2 和 {count} 种加密套件",
    "version 0x{code}, which nobody knows": "未知的版本 0x{code}",
    "a ServerHello with fields that do not fit into it": "字段装不下的 ServerHello",
    "a ServerHello with extensions that do not fit into it": "扩展装不下的 ServerHello",
    "an SSLv2 SERVER-HELLO with fields that do not fit into it": "字段装不下的 SSLv2 SERVER-HELLO",
    "a handshake message in the place of a ServerHello": "不是 ServerHello 的握手消息",
    "a handshake message that has no place here": "位置不对的握手消息",
    "{what}, whose certificates do not come in clear text": "{what}，其证书不以明文发送",
    "two ServerHellos": "两个 ServerHello",
    "certificates out of their place": "位置不对的证书",
    "a broken list of certificates": "损坏的证书列表",
    "more than {count} certificates": "超过 {count} 张证书",
    "a handshake message of {count} bytes": "长 {count} 字节的握手消息",
    "a record that has no place in a handshake": "不属于握手的记录",
    "a record of {count} bytes, more than TLS allows": "长 {count} 字节的记录，超出 TLS 允许的长度",
    "an answer that does not come to an end": "没有完结的应答",
    "a server name is longer than 255 characters": "服务器名称超过 255 个字符",
    "closed in the middle of its answer": "应答中途关闭了连接",
    "closed without an answer": "没有应答就关闭了连接",
    "does not come to an end with its answer": "应答没有完结",
    "not asked: the time was up": "没有询问：时间已到",
    "not told by the server": "服务器没有告知",
}

#: What is spoken before TLS.
_STARTTLS = {
    "{message}, in {protocol} before TLS": "{message}（TLS 之前的 {protocol} 对话中）",
    "this is no {protocol} server: {why}": "这不是 {protocol} 服务器：{why}",
    "it speaks TLS from the first byte: set starttls to \"none\"":
        "它从第一个字节起就使用 TLS：请把 starttls 设为 \"none\"",
    "it said {words}: look at the port and at starttls": "它说的是 {words}：请检查端口和 starttls",
    "the {protocol} server closed the connection without a greeting":
        "{protocol} 服务器没有问候就关闭了连接",
    "the {protocol} server closed the connection after {asked}":
        "{protocol} 服务器在 {asked} 之后关闭了连接",
    "the {protocol} server does not offer {command}: give it a certificate and turn TLS on":
        "{protocol} 服务器不提供 {command}：请为它配置证书并打开 TLS",
    "the {protocol} server does not offer {command} ({why}): give it a certificate and turn TLS on":
        "{protocol} 服务器不提供 {command}（{why}）：请为它配置证书并打开 TLS",
    "the {protocol} server refused {asked}: {words}": "{protocol} 服务器拒绝了{asked}：{words}",
    "the connection": "连接", "a TLS connection": " TLS 连接", "the opening of a stream": "打开流",
    "it answers {asked} with {words}": "它对 {asked} 的应答是 {words}",
    "a firewall on the way masks what it offers: turn its SMTP inspection off":
        "沿途的防火墙遮盖了它提供的功能：请关闭防火墙的 SMTP 检查",
    "it knows RDP's own security only": "它只支持 RDP 自身的安全机制",
    "it chose RDP's own security": "它选择了 RDP 自身的安全机制",
    "it speaks XMPP from before version 1.0": "它使用 1.0 之前的 XMPP",
    "the {protocol} server says more than {count} KiB without getting to TLS":
        "{protocol} 服务器说了超过 {count} KiB 仍未进入 TLS",
    "the {protocol} server says more than {count} lines without getting to TLS":
        "{protocol} 服务器说了超过 {count} 行仍未进入 TLS",
    "the {protocol} server sends a line of more than {count} bytes":
        "{protocol} 服务器发送了超过 {count} 字节的行",
    "the {protocol} server sends a message of more than {count} bytes":
        "{protocol} 服务器发送了超过 {count} 字节的消息",
    "the {protocol} server sends an option of more than {count} bytes":
        "{protocol} 服务器发送了超过 {count} 字节的选项",
    "the {protocol} server sent bytes before the TLS handshake, behind its go-ahead: {bytes} "
    "(somebody on the way may have put them there)":
        "{protocol} 服务器在允许之后、TLS 握手之前发送了数据：{bytes}（可能是沿途有人插入的）",
    "the {protocol} server has us logged in from the start (PREAUTH), and then there is no "
    "STARTTLS":
        "{protocol} 服务器一开始就让我们处于登录状态（PREAUTH），此时没有 STARTTLS",
    "the {protocol} server ended the stream after {asked}":
        "{protocol} 服务器在 {asked} 之后结束了流",
    "the {protocol} server sends a document type, which XMPP forbids":
        "{protocol} 服务器发送了 XMPP 禁止的文档类型",
    "the MSSQL server broke off the TLS handshake with bytes that are neither TLS nor TDS: {bytes}":
        "MSSQL 服务器用既非 TLS 也非 TDS 的数据中断了 TLS 握手：{bytes}",
}

#: Ways to servers: proxies, client certificates, the PROXY protocol, source addresses.
_WAYS = {
    "HTTP proxy {where}": " HTTP 代理 {where}", "SOCKS5 proxy {where}": " SOCKS5 代理 {where}",
    "the HTTP proxy {where}: {message}": "HTTP 代理 {where}：{message}",
    "the SOCKS5 proxy {where}: {message}": "SOCKS5 代理 {where}：{message}",
    "the {proxy} is none: it said {words}; look at its port and kind":
        "{proxy} 不是代理：它说的是 {words}；请检查其端口和类型",
    "the {proxy} refuses our user name and password: correct them":
        "{proxy} 拒绝了用户名和密码：请更正",
    "the {proxy} wants a user name and password: give them with --proxy-auth FILE":
        "{proxy} 需要用户名和密码：请用 --proxy-auth FILE 给出",
    "the {proxy} did not answer in time: it, or the server behind it, is down":
        "{proxy} 没有及时应答：它或其后的服务器已停机",
    "the {proxy} does not allow connections to {where}: have them allowed there":
        "{proxy} 不允许连接 {where}：请在代理上放行",
    "the {proxy} does not allow connections to {where}: have them allowed there ({words})":
        "{proxy} 不允许连接 {where}：请在代理上放行（{words}）",
    "the {proxy} does not find {where} ({words})": "{proxy} 找不到 {where}（{words}）",
    "the {proxy} does not connect to other servers at all (CONNECT) ({words})":
        "{proxy} 根本不转接其他服务器（CONNECT）（{words}）",
    "the {proxy} cannot connect to {where} ({words})": "{proxy} 无法连接 {where}（{words}）",
    "general failure: the name does not resolve there, or the server does not answer":
        "一般故障：代理无法解析该名称，或服务器没有应答",
    "the {proxy} has no route to the network of {where}": "{proxy} 没有到 {where} 所在网络的路由",
    "the {proxy} has no route to {where}, or cannot resolve it":
        "{proxy} 没有到 {where} 的路由，或无法解析它",
    "the {proxy} was refused by {where}: nothing listens there":
        "{proxy} 被 {where} 拒绝：那里没有服务在监听",
    "the {proxy} has no answer from {where} in time": "{proxy} 没有及时得到 {where} 的应答",
    "the {proxy} does not connect to other servers": "{proxy} 不转接其他服务器",
    "the {proxy} does not know this kind of address, {where}": "{proxy} 不支持这种地址 {where}",
    "the {proxy} answers with code {code} for {where}": "{proxy} 对 {where} 以代码 {code} 应答",
    "the {proxy} chose a way to sign in that was not offered ({method})":
        "{proxy} 选择了未提供的登录方式（{method}）",
    "the {proxy} closed the connection after {asked}": "{proxy} 在 {asked} 之后关闭了连接",
    "the proxy's user and password, {path}: {why}": "代理的用户名和密码，{path}：{why}",
    "write user:password": "请写 user:password",
    "the {name} has characters that do not print, or over {count} bytes":
        "{name} 含有不可打印的字符，或超过 {count} 字节",
    "user name": "用户名", "password": "密码",
    "the proxy connects to the server, and does not tell at which address":
        "由代理连接服务器，代理不告知其地址",
    "client certificate or password, {path}: {why}": "客户端证书或密码，{path}：{why}",
    "the key does not belong to the certificate in {path}": "该密钥不属于 {path} 中的证书",
    "cannot be read ({why})": "无法读取（{why}）",
    "is over 1 MiB": "超过 1 MiB", "is not UTF-8": "不是 UTF-8",
    "holds no certificate that can be read": "其中没有可读的证书",
    "the key is encrypted: give its password with --key-password FILE":
        "密钥已加密：请用 --key-password FILE 给出密码",
    "holds no private key that can be read with this password": "其中没有可用此密码读取的私钥",
    "holds no private key that can be read: name its file with --key":
        "其中没有可读的私钥：请用 --key 指定其文件",
    "is neither PEM nor a PKCS#12 file that opens with this password":
        "既不是 PEM，也不是可用此密码打开的 PKCS#12 文件",
    "is neither PEM nor a PKCS#12 file that opens without a password: give it with --key-password "
    "FILE": "既不是 PEM，也不是无需密码的 PKCS#12 文件：请用 --key-password FILE 给出密码",
    "holds no certificate with its private key": "其中没有带私钥的证书",
    "the server closed the connection": "服务器关闭了连接",
    "{message} (after our client certificate: does the server trust who issued it?)":
        "{message}（在我们发送客户端证书之后：服务器是否信任其签发者？）",
    "{message} (we began with a PROXY protocol header: does the server expect one?)":
        "{message}（我们以 PROXY 协议头开始：服务器是否需要它？）",
    "cannot connect from {address}: it is no address of this machine":
        "无法从 {address} 连接：它不是本机地址",
    "cannot connect from {address}: there is no address of the same kind to connect to, but "
    "{other}": "无法从 {address} 连接：目标没有同类地址，只有 {other}",
}

#: The chain: what is wrong, and who minds.
_CHAIN = {
    "not trusted here": "在此不受信任",
    "neither sent nor trusted here": "既没有发送，在此也不受信任",
    "it is longer than {count} certificates": "它的长度超过 {count} 张证书",
    "the signature on {subject} ({algorithm}) cannot be checked here":
        "{subject} 上的签名（{algorithm}）在此无法验证",
    "the server sends more cross-signed certificates than are tried: remove some":
        "服务器发送的交叉签名证书太多，无法逐一尝试：请删除一些",
    "{names} and {count} more": "{names} 等（另有 {count} 个）",
    "no host in its subjectAltName": "其 subjectAltName 中没有主机",
    "no host in its subjectAltName (the common name, {name}, does not count for browsers)":
        "其 subjectAltName 中没有主机（浏览器不看通用名 {name}）",
    "(no subject, serial {serial})": "（没有主题，序列号 {serial}）",
    "as many names as these": "这么多名称",
    "anything: it has bounds that are not allowed": "任何名称：它含有不允许的界限",
    "a name of kind {kind}": "类型为 {kind} 的名称",
    "the name constraints of {subject} are malformed": "{subject} 的名称约束格式有误",
    "{subject} cannot be used: {what}: have it reissued": "{subject} 不能使用：{what}：请重新签发",
    "RSA, {bits} bits": "RSA，{bits} 位", "DSA, {bits} bits": "DSA，{bits} 位",
    "EC, {curve}, {bits} bits": "EC，{curve}，{bits} 位",
    "RSA with an exponent that protects nothing": "RSA 的指数起不到保护作用",
    "EC with its own curve": "使用自定义曲线的 EC",
    "web browsers": "浏览器", "Chrome and Edge": " Chrome 和 Edge ",
    "all clients but those made for it": "专用客户端以外的所有客户端",
    "most clients": "大多数客户端",
    "web browsers and programs that use OpenSSL": "浏览器和使用 OpenSSL 的程序",
    "programs that use OpenSSL, and those written in Go": "使用 OpenSSL 的程序和 Go 语言编写的程序",
    "programs that use OpenSSL (curl, Python, PHP)": "使用 OpenSSL 的程序（curl、Python、PHP）",
    "programs that use a current OpenSSL (curl, Python, PHP), and Apple's":
        "使用新版 OpenSSL 的程序（curl、Python、PHP）和苹果的程序",
    "programs with OpenSSL's defaults (wget, Ruby, Python before 3.13)":
        "使用 OpenSSL 默认设置的程序（wget、Ruby、3.13 之前的 Python）",
    "programs written in Go": " Go 语言编写的程序",
    "Apple's clients and Chrome": "苹果的客户端和 Chrome ",
    "certificate {place} of those sent is unreadable ({why}): remove it":
        "所发送的第 {place} 张证书无法读取（{why}）：请删除",
    "its key is {what}: give the server a second certificate, with EC P-256 or RSA, if such "
    "clients are to connect":
        "其密钥是 {what}：若要支持这些客户端，请为服务器增加一张 EC P-256 或 RSA 证书",
    "what is trusted here, {subject}, is no root: trust its root":
        "在此受信任的 {subject} 不是根证书：请信任它的根证书",
    "it is valid for {days} days, and a public certificate of its date may be for {limit}: have it "
    "reissued": "它的有效期为 {days} 天，而该日期的公共证书最多 {limit} 天：请重新签发",
    "{subject} names another key of its issuer than the one that signed it: have it reissued":
        "{subject} 指明的签发者密钥不是签署它的那个：请重新签发",
    "another {subject}, with another key, is sent in front of the right one: remove it":
        "在正确的 {subject} 之前发送了另一张密钥不同的同名证书：请删除",
    "the key of {subject} is weak ({why}): have it reissued with a stronger one":
        "{subject} 的密钥太弱（{why}）：请用更强的密钥重新签发",
    "the serial number of {subject} is negative: have it reissued":
        "{subject} 的序列号为负数：请重新签发",
}

#: Certificates, CRLs and answers that cannot be read.
_READING = {
    "a certificate of {count} bytes is too large": "{count} 字节的证书太大",
    "not a certificate: {why}": "不是证书：{why}",
    "it names two signature algorithms": "它写了两种签名算法",
    "its signature is not made of whole bytes": "其签名不是整字节",
    "it has no validity": "它没有有效期",
    "it has no subject": "它没有主题",
    "an extension is not a name and a value": "有一个扩展不是名称加值",
    "it has the extension {oid} twice": "扩展 {oid} 出现了两次",
    "not a sequence": "不是序列", "not a bit string": "不是位串",
    "not an octet string": "不是字节串",
    "it is not a body, an algorithm and a signature": "它不是由主体、算法和签名组成",
    "its parts are not those of a certificate": "其组成部分不是证书的组成部分",
    "its {part} is malformed": "其 {part} 格式有误",
    "its validity is malformed": "其有效期格式有误",
    "its extensions are malformed": "其扩展格式有误",
    "public key": "公钥", "signature algorithm": "签名算法", "subject": "主题", "issuer": "签发者",
    "list of names (subjectAltName)": "名称列表（subjectAltName）",
    "list of CRLs (cRLDistributionPoints)": "CRL 列表（cRLDistributionPoints）",
    "Netscape certificate type": "Netscape 证书类型",
    "an algorithm is not named by an object identifier": "算法不是用对象标识符命名的",
    "the public key is not an algorithm and its bits": "公钥不是由算法和位串组成",
    "a name is not made of pairs of type and value": "名称不是由类型和值组成",
    "it ends in the middle of an element": "它在元素中间结束",
    "a length is missing or absurd": "长度缺失或荒谬",
    "an element is longer than what it stands in": "元素比包含它的还长",
    "an element of tag {tag} was expected": "此处应是标签为 {tag} 的元素",
    "a date cannot be read: {text}": "日期无法读取：{text}",
    "a date is impossible": "日期不可能存在",
    "it is no CRL": "它不是 CRL", "no CRL": "不是 CRL",
    "it lacks what every CRL has": "它缺少 CRL 必有的内容",
    "an entry does not begin with a serial number": "有一个条目不以序列号开头",
    "an entry is longer than what it stands in": "有一个条目比包含它的还长",
    "larger than any CRL": "比任何 CRL 都大", "a CRL without an end": "没有结尾的 CRL",
}

#: Files of trust anchors.
_TRUST = {
    "{path}: cannot be read: {why}: give a readable file of certificates":
        "{path}：无法读取：{why}：请给出可读的证书文件",
    "this system has no trusted root certificates: install its package ca-certificates, or give a "
    "file of roots": "本系统没有受信任的根证书：请安装 ca-certificates 软件包，或给出根证书文件",
    "the trusted roots in {place} cannot be read: {why}": "{place} 中的根证书无法读取：{why}",
    "{path}: is a directory: give one file of certificates": "{path}：是目录：请给出一个证书文件",
    "{path}: no trusted roots in it: run openssl rehash on it":
        "{path}：其中没有根证书：请对它运行 openssl rehash",
    "{path}: is larger than {size} MiB: give a file of certificates":
        "{path}：超过 {size} MiB：请给出证书文件",
    "{path}: is neither PEM nor one certificate as DER: convert it with openssl x509 or openssl "
    "pkcs12": "{path}：既不是 PEM，也不是单张 DER 证书：请用 openssl x509 或 openssl pkcs12 转换",
    "{path}: certificate {number} of {count} is damaged: copy it again":
        "{path}：第 {number} 张证书（共 {count} 张）已损坏：请重新复制",
    "{path}: holds no certificate: give a file with -----BEGIN CERTIFICATE----- in it":
        "{path}：其中没有证书：请给出含有 -----BEGIN CERTIFICATE----- 的文件",
    "{path}: holds a private key and no certificate: give a file with -----BEGIN CERTIFICATE----- "
    "in it": "{path}：其中有私钥而没有证书：请给出含有 -----BEGIN CERTIFICATE----- 的文件",
}

#: Revocation: whom to ask, and why there is no answer.
_REVOCATION = {
    "OCSP at {url}": "OCSP（{url}）", "CRL at {url}": "CRL（{url}）",
    "issuer at {url}": "签发者证书（{url}）",
    "it names neither an OCSP responder nor a CRL": "它既没有指明 OCSP 服务器，也没有指明 CRL",
    "it names neither an OCSP responder nor a CRL, and {why}":
        "它既没有指明 OCSP 服务器，也没有指明 CRL，而且{why}",
    "it is its own issuer": "它由自己签发",
    "it lives so briefly that it needs no revocation": "它的寿命很短，无需吊销",
    "the issuer's certificate is not known": "签发者的证书未知",
    "the certificate of its issuer is not known": "其签发者的证书未知",
    "nothing is fetched under --offline": "使用 --offline 时不获取任何内容",
    "{url} is not followed: only HTTP is": "{url} 不予访问：只支持 HTTP",
    "none was sent": "没有发送",
    "the answer did not come in time": "没有及时得到应答",
    "no answer in time": "没有及时应答",
    "others are asking, and there is no answer yet": "已有其他检查在询问，尚无应答",
    "nobody can be asked about such a certificate: {error}": "无从查询这样的证书：{error}",
    "the answer cannot be kept: {why}": "应答无法保存：{why}",
    "there is no certificate to be read": "其中没有可读的证书",
    "it is another certificate": "它是另一张证书",
    # what a fetch comes to
    "it is no URL that can be followed": "这不是可以访问的 URL",
    "it redirects again and again": "它反复重定向",
    "it redirects to another scheme, or to no URL": "它重定向到另一种协议，或不是 URL",
    "it answers with HTTP status {status}": "它以 HTTP 状态码 {status} 应答",
    "it sends a content encoding that was not asked for": "它使用了未要求的内容编码",
    "it sends less than it announces": "它发送的内容少于所声明的",
    "it sends more than {count} bytes": "它发送了超过 {count} 字节",
    "it sends more than any honest server": "它发送的内容超出任何正常的服务器",
    "what it sends is not HTTP": "它发送的不是 HTTP",
    "the certificate of {host} is not trusted: {why}": "{host} 的证书不受信任：{why}",
    "no TLS with {host}: {why}": "无法与 {host} 建立 TLS：{why}",
    "{host} is {kind} ({address}), which is refused: see --allow-private-revocation":
        "{host} 是{kind}（{address}），不予访问：见 --allow-private-revocation",
    "{host} is {kind}, which is refused: see --allow-private-revocation":
        "{host} 是{kind}，不予访问：见 --allow-private-revocation",
    "this machine itself, or the cloud's metadata": "本机或云平台的元数据",
    "the cloud's metadata": "云平台的元数据",
    "an address of no public network": "非公共网络的地址",
    "a {kind} address": " {kind} 地址",
    "the proxy of the environment is not an HTTP proxy": "环境变量中的代理不是 HTTP 代理",
    "the proxy gives no tunnel": "代理没有建立隧道",
    "the proxy gives no tunnel to {where}": "代理没有建立到 {where} 的隧道",
    # OCSP
    "the responder calls the request malformed": "OCSP 服务器认为请求格式有误",
    "the responder has an internal error": "OCSP 服务器内部错误",
    "the responder says to try later": "OCSP 服务器要求稍后再试",
    "the responder answers only to signed requests": "OCSP 服务器只应答已签名的请求",
    "the responder is not authorized to answer for this certificate":
        "OCSP 服务器无权为此证书应答",
    "the responder does not know the certificate": "OCSP 服务器不认识此证书",
    "the OCSP answer has over {count} bytes": "OCSP 应答超过 {count} 字节",
    "the OCSP answer is about another certificate": "OCSP 应答针对的是另一张证书",
    "the OCSP answer is signed neither by the issuer of the certificate nor by a responder that "
    "the issuer appointed": "OCSP 应答既不是由证书的签发者签名，也不是由签发者授权的服务器签名",
    "the OCSP answer is signed by {signer}, {why}": "OCSP 应答由 {signer} 签名，{why}",
    "whose certificate is not issued by the issuer of the certificate":
        "而其证书不是由该证书的签发者签发",
    "whose certificate is not believed: {why}": "而其证书不可信：{why}",
    "whose certificate is not meant for OCSP signing": "而其证书不能用于 OCSP 签名",
    "whose certificate is not yet valid": "而其证书尚未生效",
    "whose certificate has expired": "而其证书已过期",
    "the OCSP answer is not believed: {why}": "OCSP 应答不可信：{why}",
    "the OCSP answer cannot be verified: {why}": "OCSP 应答无法验证：{why}",
    "the OCSP answer cannot be read: {why}": "OCSP 应答无法读取：{why}",
    "the OCSP answer has a critical extension that is not known ({oid})":
        "OCSP 应答含有未知的关键扩展（{oid}）",
    "the OCSP answer is to another question: its nonce is not the one that was sent":
        "OCSP 应答针对另一个请求：其随机数（nonce）不是所发送的",
    "it is signed with {algorithm}, which can be forged": "它用可以伪造的 {algorithm} 签名",
    "a signature of {algorithm} by the key of {signer} cannot be verified here":
        "{signer} 的密钥所作的 {algorithm} 签名在此无法验证",
    "its signature does not verify": "其签名验证失败",
    "the answer ends before it begins": "应答的截止时间早于开始时间",
    "the answer is valid only from {date}": "应答自 {date} 起才有效",
    "the answer was due to be replaced on {date}": "应答早应在 {date} 更新",
    "the answer is of {date} and does not say how long it holds":
        "应答日期为 {date}，没有说明有效多久",
    # CRLs
    "{path} cannot be read: {why}": "{path} 无法读取：{why}",
    "there is no CRL of its issuer": "没有其签发者的 CRL",
    "there is no CRL of its issuer, and these cannot be read: {files}":
        "没有其签发者的 CRL，而且这些文件无法读取：{files}",
    "the CRL cannot be read: {why}": "CRL 无法读取：{why}",
    "the CRL's entry cannot be read: {why}": "CRL 的条目无法读取：{why}",
    "the CRL is of another issuer: {issuer}": "CRL 属于另一个签发者：{issuer}",
    "its serial numbers are made to collide": "其序列号被刻意构造成相互冲突",
    "the CRL is an indirect one of over {count} entries": "CRL 是超过 {count} 个条目的间接 CRL",
    "{signer} may not sign CRLs": "{signer} 无权签发 CRL",
    "the CRL is not believed: {why}": "CRL 不可信：{why}",
    "the CRL has a critical extension that is not known ({oid})": "CRL 含有未知的关键扩展（{oid}）",
    "the CRL does not speak for the certificate: {why}": "CRL 不涉及该证书：{why}",
    "it is of another issuer, and not an indirect one": "它属于另一个签发者，且不是间接 CRL",
    "it is for another distribution point": "它用于另一个分发点",
    "it lists attribute certificates alone": "它只列出属性证书",
    "it does not list CAs": "它不列出 CA", "it lists CAs alone": "它只列出 CA",
    "there are only delta CRLs, without their base": "只有增量 CRL，没有基础 CRL",
    "only CRLs for some reasons were found, and they do not list it; none for: {reasons}":
        "只找到针对部分原因的 CRL，其中没有该证书；缺少的原因：{reasons}",
}

#: Parts of what is wrong with words and files, and of what is told on the way.
_COMMAND_LINE = {
    "a list": "一个列表", "an object": "一个对象", "one object": "一个对象",
    "entry {number} ({domain})": "第 {number} 项（{domain}）", "entry {number}": "第 {number} 项",
    "the entry of {domain}": " {domain} 的项", "the keys are {keys}": "可用的键有 {keys}",
    "did you mean {word}?": "是否想写 {word}？",
    "{command} tells which there are": "有哪些见 {command}",
    "did you mean {one} or {other}?": "是否想写 {one} 或 {other}？",
    "did you mean {one} or {other} or {third}?": "是否想写 {one}、{other} 或 {third}？",
    "expected one argument": "需要一个值",
    "it is UTF-16": "它是 UTF-16", "byte {byte} in line {line}": "第 {line} 行的字节 {byte}",
    "a space": "空格", "the character {character}": "字符 {character}",
    "the unprintable character {character}": "不可打印的字符 {character}",
    "No such file or directory": "没有这个文件或目录", "Permission denied": "权限不够",
    "Is a directory": "是目录", "Not a directory": "不是目录",
    "No space left on device": "磁盘空间不足",
    "everybody may write to it": "任何人都可写入", "it belongs to another user": "它属于另一个用户",
    "{path}: {why}: nothing is kept there": "{path}：{why}：那里不保存任何内容",
    "{path}: what was written cannot be read again": "{path}：写入的内容无法再读出",
    "the result has {count} bytes, too many to be kept": "结果有 {count} 字节，太大而无法保存",
    "cannot remove {path}: {why}: remove it, or the disk fills up":
        "无法删除 {path}：{why}：请删除它，否则磁盘会写满",
    "cannot write to standard output: {why}": "无法写到标准输出：{why}", "it is closed": "它已关闭",
    "cannot save to {folder}: {why}: nothing was saved there, make room":
        "无法保存到 {folder}：{why}：没有保存任何内容，请腾出空间",
    "stopped by {signal}: {count} of {total} targets were not checked":
        "被 {signal} 中止：{total} 个目标中有 {count} 个没有检查",
    "stopped by {signal}: {count} of {total} targets were not checked, and nothing was saved":
        "被 {signal} 中止：{total} 个目标中有 {count} 个没有检查，且没有保存任何内容",
    "going on without the configuration: {why}": "不使用配置文件继续：{why}",
}

_FILES = {
    "the file {path} {what}": "文件 {path} {what}",
    "holds no certificate: name a file with one": "不含证书：请指定含证书的文件",
    "holds over {most} certificates: split it": "含有超过 {most} 张证书：请拆分",
    "is no regular file: name the file with the certificate":
        "不是普通文件：请指定证书所在的文件",
    "matches no file: look at the pattern": "没有匹配任何文件：请检查模式",
    "does not exist: look at the path": "不存在：请检查路径",
    "may not be read by user {user}: allow it with chmod or chgrp, or name a file with the "
    "certificates alone":
        "用户 {user} 无权读取：请用 chmod 或 chgrp 允许，或指定只含证书的文件",
    "cannot be read ({why})": "无法读取（{why}）",
    "is over {most} MiB: this is no file of certificates": "超过 {most} MiB：这不是证书文件",
    "is neither PEM, DER, PKCS#7, PKCS#12 nor JKS: name a file of one of these":
        "不是 PEM、DER、PKCS#7、PKCS#12 或 JKS：请指定其中一种文件",
    "is damaged: write it again": "已损坏：请重新写入",
    "holds a PEM block that is damaged: write it again": "含有损坏的 PEM 块：请重新写入",
    "is PKCS#7 that holds no certificates, or is damaged": "是不含证书的 PKCS#7，或已损坏",
    "is PKCS#12 in a way that cannot be read ({why}): write it anew with AES":
        "是无法读取的 PKCS#12（{why}）：请改用 AES 重新写入",
    "is PKCS#12, and does not open with the password in password_file: look at its first line":
        "是 PKCS#12，用 password_file 中的密码无法打开：请检查其第一行",
    "is PKCS#12, and does not open without a password: name a file with it as password_file":
        "是 PKCS#12，没有密码无法打开：请用 password_file 指定存有密码的文件",
    "does not fit the password in password_file, or is damaged: look at its first line":
        "与 password_file 中的密码不符，或已损坏：请检查其第一行",
    "is a keystore of Java of version {version}, which is not known":
        "是版本为 {version} 的 Java 密钥库，无法识别",
    "holds a secret key, behind which nothing can be read: write it as PKCS#12":
        "含有对称密钥，其后的内容无法读取：请改写为 PKCS#12",
    "is a keystore of Java that ends too early: it was half written":
        "是提前结束的 Java 密钥库：只写了一半",
    "the file {path} could not be read in time": "未能及时读取文件 {path}",
    "the certificate in the file {path} cannot be read: {why}":
        "文件 {path} 中的证书无法读取：{why}",
    "a file has no handshake: there is no server behind it": "文件没有握手：它背后没有服务器",
    "no domain is given to look for in the certificate": "没有给出要在证书中查找的域名",
    "the file holds no intermediate certificate: whether the chain holds shows where it is served":
        "文件中没有中间证书：链是否成立要看使用它的服务器",
    "this is the certificate of a CA: its dates and strength are looked at, and no chain":
        "这是 CA 的证书：只检查其日期和强度，不检查链",
    "a file staples nothing": "文件没有装订任何内容",
    "no serves_file is configured to compare with": "没有配置用来比较的 serves_file",
}

MESSAGES = {**_NETWORK, **_HANDSHAKE, **_STARTTLS, **_WAYS, **_CHAIN, **_READING, **_TRUST,
            **_REVOCATION, **_COMMAND_LINE, **_FILES}
