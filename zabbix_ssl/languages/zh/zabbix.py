"""What is said around Zabbix: installing, registering, pushing. Terms are those of the Chinese
frontend of Zabbix; a proxy of Zabbix is called Proxy there, which keeps it apart from other ones.
"""
# ruff: noqa: RUF001

from __future__ import annotations

#: By the keys of zabbix.install.WORDS.
INSTALL = {
    "placed": "{link} 指向 {source}",
    "to_place": "{link} 将指向 {source}",
    "not_there": "{link} 不存在：请以 root 运行 zabbix-ssl install",
    "foreign": "{link} 已存在，但不是我们的：请把它移走，然后重新运行",
    "no_right": "无法创建 {path}（{why}）：请以 root 运行",
    "no_user": "没有用户 {user}：请先安装 Zabbix，或用 --user 指定用户",
    "not_that_user": "没有以用户 {user} 试运行：请以 root 运行",
    "closed": "用户 {user} 无法进入 {path}：请把 zabbix-ssl 安装在人人可读的位置，"
              "例如用 /usr/bin/python3 -m venv /opt/zabbix-ssl",
    "runs": "以用户 {user} 运行，列出了 {count} 个目标，用时 {seconds} 秒",
    "answers": "以用户 {user} 运行，检查了 {target}，用时 {seconds} 秒",
    "late": "以用户 {user} 运行，没有在 {config} 的 Timeout={timeout} 内结束："
            "请在那里设置更长的 Timeout，最大 30",
    "wrong": "以用户 {user} 运行，它的输出是：{text}",
    "room": "{config} 给配置缓存留了 {size} MB，不够 {count} 个目标使用："
            "请在那里设置 CacheSize={wanted}M 或更大并重启，否则缓存满时它会终止",
    "cache": "{path} 属于用户 {user}",
    "cache_made": "已为用户 {user} 创建 {path}",
    "cache_to_make": "将为用户 {user} 创建 {path}",
    "cache_other": "用户 {user} 不能写入 {path}：chown {user} {path}",
}

#: By the keys of zabbix.api.WRONG.
API = {
    "url": "{url} 不是 Zabbix 前端的地址：请写成 https://zabbix.example.com 或 "
           "https://example.com/zabbix",
    "old": "{url} 是 Zabbix {version}：最低支持 6.0",
    "tls": "{url}：证书不受信任（{why}）：请用 --ca-file 指定其 CA",
    "ca_file": "无法加载 --ca-file {ca_file} 中的 CA（{why}）：请指定 PEM 文件",
    "connect": "无法连接 {url}（{why}）：请检查地址，以及前端是否在运行",
    "timeout": "{url} 在 {seconds} 秒内没有应答 {method}：请重新运行，已完成的部分会保留；"
               "更长的时间用 --timeout",
    "redirect": "{url} 转到 {to}：请使用该地址",
    "http": "{url} 对 {method} 以 HTTP {status} 应答：请查看 Web 服务器和 PHP 的日志，然后重新运行",
    "no_api": "{url} 没有 Zabbix 的 API（HTTP {status}）：请给出显示登录页面的地址",
    "nonsense": "{url} 对 {method} 的应答不是 JSON：请检查地址，并查看 PHP 的日志",
    "login": "{url} 拒绝了 ZABBIX_USER 的用户名或 ZABBIX_PASSWORD 的密码：{why}",
    "token": "{url} 拒绝了令牌：{why}：请在“用户”下的“API tokens”中创建一个",
    "session": "{url} 结束了会话：{why}：请重新运行",
    "permission": "{url} 不允许该用户调用 {method}：{why}",
    "absent": "{url} 没有 {what}：现有的是 {names}",
    "no_groups": "{url} 是 Zabbix {version}，Proxy 组从 7.0 起才有：请用 --proxy",
    "refused": "{url} 拒绝了 {method}：{why}",
}

#: Of register, in addition to API.
REGISTER = {
    "templates": "模板",
    "there is no template {name}": "没有模板 {name}",
    "template {name} is of another version": "模板 {name} 是另一个版本",
    "template {name} lacks {count} of its parts": "模板 {name} 缺少 {count} 个组成部分",
    "it said yes, but afterwards {why}: import the file of zabbix-ssl template by hand":
        "它应答成功，但之后{why}：请手动导入 zabbix-ssl template 输出的文件",
    "host group {name}": "主机群组 {name}",
    "host {name}": "主机 {name}",
    "the server": "服务器",
    "proxy {name}": "Proxy {name}",
    "proxy group {name}": "Proxy 组 {name}",
    "none that this user may see": "该用户一个也看不到",
    "template {name}": "模板 {name}",
    "groups {names}": "主机群组 {names}",
    "macro {name} = {value}": "宏 {name} = {value}",
    "monitored by {who}": "监测方：{who}",
    "template {name} removed, with its items": "移除模板 {name} 及其监控项",
    "template {name} added": "添加模板 {name}",
    "group {name} added": "加入主机群组 {name}",
    "tag {name}: {value}": "标签 {name}：{value}",
    "an interface, which external checks want": "一个接口，外部检查需要它",
    "macro {name}: {old} -> {new}": "宏 {name}：{old} -> {new}",
    "macro {name} = {value} removed": "移除宏 {name} = {value}",
    "{host}: macro {name} was set by hand to {value} and stays so; wanted is {wanted}":
        "{host}：宏 {name} 已被手动设为 {value}，保持不变；应为 {wanted}",
    "registered before and no longer configured: {names}: --prune removes them":
        "以前注册过、现在已不在配置中：{names}：可用 --prune 移除",
    "no change": "没有更改", "1 change": "1 项更改", "{count} changes": "{count} 项更改",
    "{changes} to be made at {url}": "在 {url} 待进行：{changes}",
    "{changes} made; {url} is as {config} wants it": "已完成：{changes}；{url} 与 {config} 一致",
    "afterwards Zabbix does not show this user {changes}, the first is {what}: look at the user's "
    "permissions": "之后该用户在 Zabbix 中看不到 {changes}，第一项是 {what}：请检查该用户的权限",
}

#: Why a server or proxy takes no values, behind its name.
_AWAY = {
    "cannot be found: the name {host} has no address": "找不到：名称 {host} 没有地址",
    "cannot be reached: {why}": "无法到达：{why}",
    "refuses the connection: nothing listens there": "拒绝连接：那里没有服务在监听",
    "does not answer": "没有应答",
    "does not answer in time": "没有及时应答",
    "does not agree on TLS: {why}": "TLS 协商失败：{why}",
    "closes the connection without an answer: does it take what comes from here, and as it comes "
    "(TLS or not)?": "没有应答就关闭了连接：它是否接收来自本机的数据，以及这种连接方式"
                     "（是否 TLS）？",
    "refuses the packet: {why}": "拒绝了数据包：{why}",
    "breaks the connection: {why}": "中断了连接：{why}",
    "proxies of a group send us in circles": "Proxy 组中的 Proxy 让我们转来转去",
    "gives an answer that makes no sense: is it the trapper port of a server or proxy?":
        "应答没有意义：这是服务器或 Proxy 的采集器（trapper）端口吗？",
}

#: The log of push.
PUSH = {
    **_AWAY,
    **{f"{{node}} {english}": f"{{node}} {chinese}" for english, chinese in _AWAY.items()},
    "{node} {reason}. Values are kept until it is back": "{node} {reason}。数据会保留到它恢复为止",
    "{node} is back after {seconds} s; {count} values waited for it":
        "{node} 在 {seconds} 秒后恢复；有 {count} 个值在等待它",
    "{node} takes values of host {host}": "{node} 接收主机 {host} 的值",
    "{node} takes no values of host {host}: is it there and enabled, with the template {template}, "
    "monitored by that very server or proxy, and does {macro} name this machine? Values are kept "
    "until it does":
        "{node} 不接收主机 {host} 的值：该主机是否存在并已启用，是否链接了模板 {template}，"
        "是否由这个服务器或 Proxy 监测，{macro} 是否包含本机？数据会保留到它接收为止",
    "{node} has had no item for {count} targets for {minutes} minutes ({keys}): their values are "
    "dropped until it has. Look at the host's discovery rule: its filter, its errors":
        "{node} 已有 {minutes} 分钟没有 {count} 个目标的监控项（{keys}）："
        "在有之前它们的值将被丢弃。请检查该主机的自动发现规则：其过滤器和错误",
    "{node} refused {count} of {sent} values: their items have been removed or disabled, or are "
    "not there yet":
        "{node} 拒绝了 {sent} 个值中的 {count} 个：它们的监控项已被删除或停用，或尚未创建",
    "the spool can be used again": "暂存区可以再次使用",
    "the spool cannot be used ({error}): nothing is sent until it can":
        "暂存区无法使用（{error}）：恢复之前不发送任何数据",
    "the spool cannot be used": "暂存区无法使用",
    "the spool cannot be written to ({error}): the last {count} values are held in memory until it "
    "can, and lost if this process ends":
        "无法写入暂存区（{error}）：最后 {count} 个值保存在内存中，直到可以写入；若进程结束则丢失",
    "the spool can be written to again": "暂存区可以再次写入",
    "no room for all that waits: the {count} oldest values were dropped. --spool-size gives more":
        "等待的数据放不下：已丢弃最旧的 {count} 个值。可用 --spool-size 增大空间",
    "{path} was damaged: what it held is lost, the file is kept as {other}":
        "{path} 已损坏：其中的内容已丢失，该文件保留为 {other}",
    "{node} is not named any more: {count} values that waited for it {fate}":
        "{node} 不再被指定：等待它的 {count} 个值{fate}",
    "go to {names}": "转给 {names}", "are dropped": "已丢弃",
    "{count} targets every {seconds} s, to {nodes}":
        "{count} 个目标，每 {seconds} 秒一次，发往 {nodes}",
    "stopped after {checks} checks, the latest of which began {seconds} s late; {count} values are "
    "kept for the next start":
        "已停止，共检查 {checks} 次，最晚的一次迟了 {seconds} 秒；{count} 个值留待下次启动",
    "{count} targets, {checks} checks, {waiting} values wait":
        "{count} 个目标，已检查 {checks} 次，{waiting} 个值在等待",
    "takes values": "正在接收", "not reached yet": "尚未连接",
    "host {host} takes no values": "主机 {host} 不接收值",
    "checks begin {seconds} s late: this machine was busy or asleep, or --interval is too short "
    "for so many targets":
        "检查迟了 {seconds} 秒：本机繁忙或曾休眠，或者对这么多目标来说 --interval 太短",
    "checks begin in time again": "检查恢复按时进行",
    "{error} (going on with the {count} targets of before)":
        "{error}（继续使用之前的 {count} 个目标）",
    "the configuration has changed: {count} targets, {new} of them new or changed, {gone} of "
    "before gone or changed":
        "配置已更改：共 {count} 个目标，其中 {new} 个是新的或有变动，之前的有 {gone} 个移除或变动",
}

#: What may be said elsewhere, too.
MESSAGES = {
    "{target} is configured {count} times, with {places}: Zabbix tells targets apart by domain and "
    "port, and gets the first of these alone: give the addresses in one entry, \"address\": "
    "\"{addresses}\", or each target a domains.json and a Zabbix host of its own":
        "{target} 配置了 {count} 次（{places}）：Zabbix 按域名和端口区分目标，只能得到其中第一个："
        "请在同一项中写出这些地址，\"address\": \"{addresses}\"，"
        "或让每个目标使用各自的 domains.json 和各自的 Zabbix 主机",
    "{domain} has {count} ports, and not the same warning_days for all of them: Zabbix knows one "
    "number for a domain, and gets the largest, {days}":
        "{domain} 有 {count} 个端口，而它们的 warning_days 不全相同："
        "Zabbix 对一个域名只有一个数值，取最大的 {days}",
    "{count} targets take {mb} MB of the server's configuration cache, and a server whose cache is "
    "full ends: see that its CacheSize is {wanted}M or more ({default}M unless its configuration "
    "says otherwise)":
        "{count} 个目标占用服务器配置缓存 {mb} MB，缓存满时服务器会终止："
        "请确认其 CacheSize 不小于 {wanted}M（配置中未设置时为 {default}M）",
    "no address of its own": "没有单独的地址",
    "no address of its own, {others}": "没有单独的地址，{others}",
    "{count} more targets are configured several times like this":
        "还有 {count} 个目标也这样重复配置",
    "{folder}: nothing can be kept there ({why}): allow it, or name another folder with "
    "--spool-dir": "{folder}：那里无法保存内容（{why}）：请授权，或用 --spool-dir 指定另一个目录",
    "{folder}: another zabbix-ssl push works there: stop it, or name another folder with "
    "--spool-dir":
        "{folder}：另一个 zabbix-ssl push 正在使用它：请停止那一个，"
        "或用 --spool-dir 指定另一个目录",
    "{folder}: the file {file} cannot be used ({error})":
        "{folder}：文件 {file} 无法使用（{error}）",
    "it is of another version of zabbix-ssl: let that one send what it holds, or remove the file":
        "它属于另一个版本的 zabbix-ssl：请让那个版本发送其中的内容，或删除该文件",
    "{file} holds no CA certificates: {why}": "{file} 中没有 CA 证书：{why}",
    "{cert} and {key} are no certificate and its key: {why}":
        "{cert} 和 {key} 不是证书及其密钥：{why}",
    "a pre-shared key takes Python 3.13 or later: use certificates (--tls-cert-file), or send to a "
    "proxy on this machine":
        "预共享密钥（PSK）需要 Python 3.13 或更高版本：请使用证书（--tls-cert-file），"
        "或发送到本机上的 Proxy",
    "{file} cannot be read: {why}": "{file} 无法读取：{why}",
    "{file} holds no key: Zabbix's have 32 to 512 hexadecimal digits, made with openssl rand -hex "
    "32": "{file} 中没有密钥：Zabbix 的密钥是 32 到 512 个十六进制数字，"
          "用 openssl rand -hex 32 生成",
    "the key has a password, which nobody is there to enter": "该密钥设有密码，而此处无人输入",
    "no answer within {seconds} s": "{seconds} 秒内没有应答",
    "it is no text": "它不是文本",
    "nothing at all": "（没有任何内容）",
}
