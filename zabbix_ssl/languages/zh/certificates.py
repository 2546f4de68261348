"""Messages of certificates, their chains and their files, by their English words."""
# ruff: noqa: RUF001

from __future__ import annotations

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

#: Certificates on disk.
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

MESSAGES = {**_CHAIN, **_READING, **_TRUST, **_FILES}
