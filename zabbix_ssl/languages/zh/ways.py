"""Messages of what comes before TLS and on the way to it, by their English words."""
# ruff: noqa: RUF001

from __future__ import annotations

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

MESSAGES = {**_STARTTLS, **_WAYS}
