"""Messages of connections and handshakes, by their English words.

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

MESSAGES = {**_NETWORK, **_HANDSHAKE}
