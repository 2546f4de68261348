"""The words around results: on a terminal, in a page, of the plugin, and of the doctor."""
# ruff: noqa: RUF001

from __future__ import annotations

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
    "trust_file": "{count} 个受信任的根证书，包括 {path} 中的",
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
