"""Messages of revocation, by their English words."""
# ruff: noqa: RUF001

from __future__ import annotations

#: Revocation: whom to ask, and why there is no answer.
MESSAGES = {
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
