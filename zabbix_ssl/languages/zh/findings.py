"""What is found, by the codes of findings.TABLE."""
# ruff: noqa: RUF001

from __future__ import annotations

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
