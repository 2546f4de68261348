"""Simplified Chinese. What the product is called in Chinese texts on TLS is kept: OCSP, CRL, SNI.

CATALOGUE has a table for each English one, with the same keys and the same holes in its sentences.
Messages that stand in no table are in zh_messages.py.
"""
# ruff: noqa: RUF001

from __future__ import annotations

from .zh_messages import MESSAGES as MESSAGES

FINDINGS = {
    # availability
    "handshake_failed": "无法检查：{message}",
    "slow_handshake": "TLS 握手用时 {handshake_ms} 毫秒（超过 {limit} 毫秒）："
                      "请检查服务器负载和沿途网络",
    # nodes
    "nodes_failed": "{total} 个节点中有 {count} 个无法检查：{why}：请修复，或把它们从 DNS 中移除",
    "nodes_family": "{broken} 不通，{fine} 正常：{why}：请修复，或从 DNS 中移除 {records} 记录",
    "nodes_older": "{total} 个节点中有 {count} 个仍在使用旧证书（{how}）：{addresses}："
                   "请在这些节点上也安装新证书，并重新加载服务器",
    "nodes_other": "{total} 个节点中有 {count} 个使用另一张证书（{how}）：{addresses}："
                   "请在所有节点上安装同一张证书",
    "nodes_high": "在 {addresses}：{message}",
    "nodes_medium": "在 {addresses}：{message}",
    "nodes_low": "在 {addresses}：{message}",
    "nodes_weak": "{total} 个节点中只有 {count} 个接受弱版本或弱套件：{addresses}："
                  "请改用与其他节点相同的配置",
    "nodes_skipped": "{total} 个节点中有 {count} 个没有检查，因为本机无法到达：{addresses}："
                     "请另从也有 {family} 的机器检查",
    "nodes_many": "该名称有 {total} 个地址，只检查了前 {most} 个：其余请用 --address 检查",
    # files
    "file_missing_intermediate": "文件中没有中间证书 {issuer}{where}："
                                 "如果服务器发送的就是此文件，请将其加入",
    "file_several": "文件中有 {count} 张证书：这里说的是最需要关注的 {subject}",
    "serves_file_older": "磁盘上已续期，但守护进程没有重新加载：{file} 中的证书有效期至 {disk}，"
                         "服务器仍在使用有效期至 {served} 的证书：请重新加载",
    "serves_file_other": "服务器使用的证书（有效期至 {served}）与 {file} 中的（有效期至 {disk}）"
                         "不同：请检查服务器配置了哪个文件",
    "serves_file_unknown": "无法将服务器使用的证书与其文件比较：{why}",
    # validity
    "expired": "证书已于 {date} 过期，已过 {days} 天：请立即续期",
    "not_yet_valid": "证书自 {date} 起才有效：请检查时钟，或安装当前有效的证书",
    "expiring": "证书将在 {days} 天后（{date}）过期：请续期",
    # chain: the codes of chain_error
    "chain_self_signed": "证书是自签名的：请安装由客户端信任的 CA 签发的证书，"
                         "或用 --ca-file 指定其文件",
    "chain_untrusted_root": "证书链止于 {subject}，{how}：请安装由受信任的 CA 签发的证书，"
                            "或用 --ca-file 指定根证书",
    "chain_missing_intermediate": "服务器没有发送中间证书 {issuer}{where}："
                                  "请把它加入服务器的证书文件；浏览器也许能自行找到，其他客户端不能",
    "chain_expired": "证书链中的 {subject} 已于 {date} 过期：请更换",
    "chain_not_yet_valid": "证书链中的 {subject} 自 {date} 起才有效：请检查时钟",
    "chain_name_constraints": "{subject} 无权为 {name} 签发证书（名称约束）：请向另一家 CA 申请",
    "chain_path_length": "{subject} 允许的下级中间证书少于实际数量：请向正确的 CA 申请证书",
    "chain_purpose": "证书 {subject} 不能用于 TLS 服务器（扩展密钥用途或密钥用途）："
                     "请换用可以的证书",
    "chain_not_a_ca": "{subject} 在证书链中签发了证书，但它不是 CA：请更换该证书",
    "chain_bad_signature": "{subject} 上的签名不是由名为其签发者 {issuer} 的证书所签："
                           "请重新安装 CA 提供的这两张证书",
    "chain_weak_signature": "客户端拒绝该证书链：{subject} 用 {algorithm} 签名："
                            "请用 SHA-256 或更强的算法重新签发",
    "chain_weak_key": "客户端拒绝该证书链：{subject} 的密钥太弱（{why}）：请用更强的密钥重新签发",
    "chain_critical_extension": "{subject} 含有客户端不认识的关键扩展（{oid}）：请去掉它重新签发",
    "chain_other": "证书链不受信任：{why}",
    "chain_unknown": "无法得知证书链是否受信任：{why}",
    # chain: remarks
    "wrong_host": "证书对 {name} 无效；证书中的名称是：{names}：请安装正确的证书，"
                  "或检查服务器的 SNI 配置",
    "chain_order": "证书的发送顺序不对：请把服务器证书放在最前，每个签发者放在它所签发的证书之后",
    "chain_extra": "服务器发送了 {count} 张不需要的证书（{subject}）：请删除",
    "chain_root_included": "服务器发送了根证书 {subject}，客户端要么已有它，要么不信任它：请删除",
    "chain_stale_cross_sign": "服务器发送了由 {issuer} 交叉签名的 {subject}，"
                              "该证书已于 {date} 过期：请删除，旧客户端（OpenSSL 1.0）会因此失败",
    "chain_expires_first": "证书链中的 {subject} 将在 {days} 天后（{date}）过期，早于证书本身："
                           "请安装新的证书链",
    "client_difference": "部分客户端接受，但{clients}拒绝：{why}",
    # security
    "weak_tls": "服务器仍接受 {versions}：请关闭",
    "weak_cipher": "服务器仍接受弱加密套件（{ciphers}）：请关闭",
    "weak_key": "证书的密钥太弱（{why}）：请用 2048 位以上的 RSA 或 EC P-256 重新签发",
    "weak_signature": "证书的签名太弱（{why}）：请用 SHA-256 或更强的算法重新签发",
    # revocation
    "revoked": "{subject} 已于 {date} 被吊销（{reason}；信息来源：{source}）："
               "请立即更换，并使用新密钥",
    "must_staple_violated": "证书要求装订（staple）OCSP 应答，浏览器会强制执行（{why}）："
                            "请在服务器上打开 OCSP 装订，或换用没有 must-staple 的证书",
    "bad_staple": "服务器装订的 OCSP 应答会被客户端拒绝（{why}）："
                  "请检查服务器能否访问 OCSP 服务器，并重启它",
    "revocation_unknown": "无法得知 {subject} 是否被吊销：{why}",
}

MISTAKES = {
    # the file
    "absent": "文件不存在：请编写它（docs/domains.md），或用 --config 指定另一个",
    "directory": "这是一个目录：请指定其中的文件",
    "unreadable": "用户 {user} 不能读取该文件：请用 chmod 或 chgrp 授权",
    "os": "文件无法读取：{why}",
    "too_big": "文件超过 16 MiB：请拆分，分多次运行",
    "empty": "文件是空的：至少写上 []",
    "encoding": "文件不是 UTF-8（{why}）：请保存为 UTF-8",
    "json": "这不是 JSON：第 {line} 行第 {column} 列 {why}：请改正",
    "json_end": "这不是 JSON：文件在第 {line} 行过早结束：可能只写了一半，或少了括号、引号",
    "json_number": "这不是 JSON：{why}",
    "constant": "{is_} 不是 JSON：请写一个数字",
    "nesting": "JSON 嵌套太深：目标列表三层就够",
    "double_key": "{key} 在{entry}中出现了两次：请只保留一个",
    "shape": "文件内容是{is_}：请写目标列表，或 {{\"targets\": [...]}}",
    "no_targets": "缺少 \"targets\"：请写 {{\"targets\": [...]}}",
    "targets": "\"targets\" 是{is_}：请写一个列表",
    "defaults": "\"defaults\" 是{is_}：请写一个对象",
    "entry": "这是{is_}：请写 \"example.com\" 或 {{\"domain\": \"example.com\"}}",
    "no_domain": "缺少域名：请写 \"domain\": \"example.com\"",
    "unknown_key": "没有名为 {is_} 的键：{near}",
    "default_domain": "\"domain\" 不能作为默认值：请在每一项中给出",
    "duplicate": "与第 {other} 项的域名、端口和地址相同：请删除其中一个，或给它单独的 \"address\"",
    # domains and addresses
    "domain_type": "域名是{is_}：请写带引号的主机名或 IP 地址",
    "domain_empty": "域名为空：请写主机名或 IP 地址",
    "domain_long": "域名有 {length} 个字符，而主机名最多 253 个：{is_}",
    "label_long": "{is_} 中有一段（两点之间）长 {length} 个字符，最多允许 63 个",
    "label_empty": "{is_} 有两个相连的点，或以点开头：请删除多余的点",
    "label_hyphen": "{is_} 中有一段以连字符开头或结尾，主机名不能这样",
    "hyphen": "{is_} 以连字符开头，主机名不能这样",
    "character": "{is_} 含有{character}，主机名中不能有：请写主机名或 IP 地址",
    "macro": "{is_} 是 Zabbix 没有替换的宏：请检查主机的宏和发现规则",
    "wildcard": "{is_} 是通配模式而不是主机：请写一个具体的主机",
    "with_port": "{is_} 里带有端口：请把端口单独给出",
    "idn": "{is_} 不是有效的国际化域名：{why}",
    "numbers": "{is_} 看起来像 IP 地址但不是：请写四个 0 到 255 的数字",
    "ipv6": "{is_} 不是 IPv6 地址：请写成 2001:db8::1，带端口时写成 [2001:db8::1]:443",
    "scope": "{is_} 的结尾不是网络接口的名称：请写成 fe80::1%eth0",
    "bracket": "{is_} 的方括号位置不对：带端口的 IPv6 地址请写成 [2001:db8::1]:443",
    "target_empty": "目标为空：请写 DOMAIN、DOMAIN:PORT 或 [IPv6]:PORT",
    "scheme": "{is_} 是其他协议的 URL：请写 HOST:PORT",
    "userinfo": "URL {is_} 中带有用户名：请写 HOST:PORT",
    "path": "{is_} 中带有路径或网段：请写 HOST:PORT",
    "address": "地址是 {is_}：请写 IP 地址，如 192.0.2.1 或 2001:db8::1",
    "address_twice": "地址 {is_} 在列表中出现两次：请只保留一个",
    "addresses_many": "列表中有 {count} 个地址：请最多写 {most} 个，其余的另写一个目标",
    # the other keys
    "port": "端口是 {is_}：请写 1 到 65535 的整数",
    "port_text": "端口 {is_} 带了引号：请写 {bare}，不带引号",
    "sni": "服务器名称（sni）是 {is_}：请写带引号的主机名，或写 none 表示不发送",
    "own_file": "{name} 是 {is_}：请写带引号的文件名",
    "file": "文件是 {is_}：请写带引号的 file:/PATH/TO/FILE",
    "file_key": "{key} 对文件没有意义：请去掉",
    "file_many": "模式 {is_} 对应的文件超过 {most} 个：请减少",
    "key_alone": "有密钥但没有证书：请同时用 cert 指定证书文件",
    "alpn": "应用层协议（alpn）是 {is_}：请用逗号分隔，如 h2,http/1.1，或写 none 表示不提供",
    "proxy": "代理是 {is_}：请写 http://HOST:PORT 或 socks5://HOST:PORT",
    "proxy_userinfo": "代理 {is_} 中带有用户名，会被他人看到：请写 http://HOST:PORT，"
                      "并把用户名和密码写入由 proxy_auth 指定的文件",
    "proxy_protocol": "proxy_protocol 是 {is_}：请写 v1 或 v2",
    "all_addresses": "all_addresses 是 {is_}：请写 true 或 false，不带引号",
    "starttls": "STARTTLS 协议是 {is_}：请写 {known} 之一，或 none",
    "ca_file": "ca_file 是 {is_}：请写带引号的 PEM 文件名",
    "crl_dir": "crl_dir 是 {is_}：请写带引号的目录名",
    "allow_private_revocation": "allow_private_revocation 是 {is_}：请写 true 表示所有私有网段，"
                                "或写带引号的网段，如 10.0.0.0/8",
    "network": "{is_} 不是网段：请写成 10.0.0.0/8，多个用逗号分隔",
    "timeout": "超时是 {is_}：请写秒数，大于 0，最多 600",
    "group": "组是 {is_}：请写最多 255 个字符的文本",
    "tags": "标签是 {is_}：请写值为文本的对象，如 {{\"env\": \"production\"}}",
    "tag_name": "标签名 {is_} 不合适：请以字母开头，后面最多 63 个字母、数字、点、连字符或下划线",
    "tag_value": "标签 \"{name}\" 是 {is_}：请写最多 255 个字符的文本",
    "tag_twice": "标签 {name} 和 {other} 在 Zabbix 中会成为同一个宏 {macro}：请改名",
    "backslash": "{is_} 以反斜杠结尾，Zabbix 不会保留它：请删除",
    "warning_days": "warning_days 是 {is_}：请写 0 到 3650 的整天数",
}

WRONG = {
    "no_command": "请给出一个命令：{commands}",
    "command": "没有命令 {is_}：{near}",
    "option": "没有选项 {is_}：{near}",
    "words": "多了一个词 {is_}：用法见 {program} --help",
    "argparse": "{message}：用法见 {program} --help",
    "get_words": "--get 需要三个词 DOMAIN PORT METRIC，现在有 {count} 个",
    "metric": "没有指标 {is_}：{near}",
    "modes": "{one} 和 {other} 不能同时使用：请去掉一个",
    "seconds": "{is_} 不是时间：请写秒数，{least} 到 {most}",
    "count": "{is_} 不是数量：请写 {least} 到 {most} 的整数",
    "days": "{is_} 不是天数：请写 0 到 {most} 之间的数",
    "order": "{critical} 天大于 {warning} 天：--critical 的天数应少于 --warning",
    "host": "没有主机：请用 -H HOST 指定",
    "hosts": "有 {count} 个主机：请用 -H HOST 指定一个",
    "finding": "没有问题代码 {is_}：{near}",
    "file": "{is_} 无法读取（{why}）：请指定可读的文件",
    "no_certificate": "{is_} 中没有证书：请指定 PEM 文件",
    "folder": "{is_} 无法使用（{why}）：请指定一个目录",
    "folder_write": "{is_} 无法写入（{why}）：请授权，或指定另一个目录",
    "empty": "值为空：请去掉该选项，或给它一个值",
    "key_alone": "有 --key 而没有 --cert：请同时指定证书文件",
    "language": "{is_} 不是这里使用的语言：请写 {known} 之一",
    "alone": "{option} 没有作用对象：请加上 {needed}",
    "ca_only": "--ca-only 只信任指定的文件，但没有指定：请加上 --ca-file FILE",
}

PEOPLE = {
    # verdicts
    "ok": "正常", "low": "提示", "medium": "中危", "high": "高危", "failed": "失败",
    # rows
    "validity": "有效期", "certificate": "证书", "chain": "证书链", "tls": "TLS",
    "revocation": "吊销", "handshake": "握手", "nodes": "节点",
    # facts
    "not_known": "未知：{why}",
    "days_left": "剩余 {days} 天，共 {lifetime} 天（{percent} %），{start} 至 {end}",
    "days_over": "已过期 {days} 天，{start} 至 {end}",
    "not_yet": "尚未生效，{start} 至 {end}",
    "issuer": "签发者 {issuer}",
    "empty_subject": "（主题为空）",
    "key": "{kind} {bits} 位，签名算法 {algorithm}",
    "key_fixed": "{kind}，签名算法 {algorithm}",
    "serial": "序列号 {serial}",
    "fingerprint": "SHA-256 {fingerprint}",
    "names": "适用于 {names}",
    "no_names": "不适用于任何名称",
    "more": "{names} 等（另有 {count} 个）",
    "trusted": "受信任", "not_trusted": "不受信任（{error}）",
    "trust_unknown": "是否受信任未知：{why}",
    "complete": "发送完整", "incomplete": "发送不完整",
    "match": "适用于此主机", "no_match": "不适用于此主机",
    "negotiated": "{version}，{cipher}", "group": "密钥交换 {group}",
    "accepts": "接受 {versions}", "accepts_none": "所问的版本都不接受",
    "weak_ciphers": "接受弱加密套件：{ciphers}",
    "no_weak_ciphers": "不接受弱加密套件",
    "good": "未吊销", "revoked": "已吊销", "unknown": "未知", "not_applicable": "不适用",
    "source": "（来源：{source}）", "because": "：{reason}",
    "no_pointer": "证书没有指明向谁查询",
    "short_lived": "证书寿命很短，无需查询",
    "self_signed": "证书由自己签发",
    "staple_missing": "证书要求装订应答，而服务器没有发送",
    "times": "{handshake} 毫秒，连接 {connect} 毫秒，域名解析 {dns} 毫秒",
    "client_certificate": "要求客户端证书",
    "connected": "，地址 {address}",
    "more_findings": "（另有 {count} 项）",
    # the lines of a table, and the one under it
    "days": "{days} 天",
    "targets": "{count} 个目标", "target": "1 个目标", "fine": "{count} 个正常",
    "count_low": "{count} 个有提示", "count_medium": "{count} 个中危",
    "count_high": "{count} 个高危", "count_failed": "{count} 个无法检查",
    "total": "{head}：{parts}", "comma": "，",
    # --show-fix and --watch
    "fix": "{target} 还应发送 {subject}，来自 {url}：",
    "fix_not_found": "{target} 还应发送的证书无法获取：请向 CA 索取",
    "fix_none": "{target} 发送了应发送的全部证书",
    "watching": "{time}，每 {every} 秒一次，按 Ctrl-C 结束",
    "new_certificate": "换了证书",
}

HTML = {
    "language": "zh-CN",
    "title": "TLS 证书",
    "checked": "{targets}，由 zabbix-ssl {version} 检查于 {time} UTC",
    "checked_none": "没有目标，zabbix-ssl {version}",
    "all": "全部",
    "expiry": "到期分布",
    "expired": "已过期", "within": "{days} 天内", "later": "更晚",
    "days_unknown": "未知",
    "no_findings": "无需处理",
    "of_group": "组",
}

NAGIOS = {
    "valid": "剩余 {days} 天，有效期至 {date}",
    "nothing": "无需处理",
    "ignored": "忽略",
    "all_files": "{pattern}，{count} 个文件，最先到期的是 {file}",
    "some_files": "{pattern}，{count} 个文件中有 {wrong} 个有问题，最严重的是 {file}",
}

DOCTOR = {
    "ok": "正常", "note": "注意", "problem": "有问题", "told": "{why}",
    "python": "zabbix-ssl {version}，Python {python}（{executable}），用户 {user}",
    "package": "{name} {version}",
    "no_package": "缺少 {name}（{why}）：{executable} -m pip install {name}",
    "config": "{path}：{count} 个目标",
    "config_empty": "{path} 没有目标：请添加（docs/domains.md）",
    "named": "用户 {user} 可以读取配置中指定的 {count} 个文件",
    "unreadable": "用户 {user} 不能读取 {path}（{why}）：请用 chgrp、chmod 或 setfacl 授权，"
                  "或指定另一个文件",
    "no_match": "{path} 没有匹配任何文件：请检查模式",
    "unreadable_more": "还有 {count} 个文件用户 {user} 不能读取",
    "cache": "用户 {user} 可以使用 {path}",
    "cache_own": "只有用户 {user} 可以使用 {path}；要与他人共用："
                 "install -d -o zabbix -m 755 /var/cache/zabbix-ssl",
    "no_cache": "{why}；请用 --cache-dir 或 ${variable} 指定另一个目录，或修复它："
                "install -d -o {user} -m 755 DIR",
    "cache_off": "按要求不使用",
    "trust": "{count} 个受信任的根证书",
    "trust_wrong": "{count} 个受信任的根证书：{why}",
    "files": "可打开 {count} 个文件：足够同时检查 {targets} 个目标",
    "files_few": "只能打开 {count} 个文件，仅够同时检查 {targets} 个目标："
                 "请提高限制（ulimit -n，systemd 的 LimitNOFILE=），或降低 --concurrency",
    "zabbix": "{path}：Timeout={timeout}，检查在 {budget:g} 秒内应答",
    "zabbix_short": "{path}：Timeout={timeout} 对于 {budget:g} 秒太短：请设 Timeout={enough}，"
                    "或给检查更短的 --timeout",
    "resolved": "{name} 是 {addresses}",
    "unresolved": "{name} 无法解析（{why}）：请检查 /etc/resolv.conf 和该名称",
    "unresolved_late": "{name} 在 {seconds:g} 秒内没有应答：请检查 /etc/resolv.conf",
    "checked": "{target} 在 {seconds:.2f} 秒内应答：剩余 {days} 天",
    "not_checked": "{target} 无法检查（{reason}）：{error}",
}

#: How several messages become one, and a message one of what it is about.
JOINED = {"and": "；", "about": "{subject}：{said}"}

CATALOGUE = {
    "": JOINED, "findings": FINDINGS, "mistakes": MISTAKES, "wrong": WRONG, "people": PEOPLE,
    "html": HTML, "nagios": NAGIOS, "doctor": DOCTOR,
}
