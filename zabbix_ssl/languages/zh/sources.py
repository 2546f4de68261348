"""What is said of configurations that targets are taken from, by the English words."""
# ruff: noqa: RUF001

from __future__ import annotations

#: Looked for by ``zabbix-ssl targets`` alone.
SOURCES = {
    # names and ports
    "{name} is filled in by {program}: name the host":
        "{name} 由 {program} 在运行时填入：请写出主机名",
    "{name} is not known here: name the host": "{name} 在此未知：请写出主机名",
    "{name} is a regular expression: name the hosts that it stands for":
        "{name} 是正则表达式：请写出它所代表的主机",
    "{name} is only a part of the name or a pattern ({how}): name the hosts that it stands for":
        "{name} 只是名称的一部分或通配模式（{how}）：请写出它所代表的主机",
    "port {port}: no host name is written there: give it with --domain NAME":
        "端口 {port}：那里没有写主机名：请用 --domain NAME 给出",
    "{address}: the port is not written there": "{address}：那里没有写端口",
    "listen {address}: the port is not written there": "listen {address}：那里没有写端口",
    "bind {address}: the port is not written there": "bind {address}：那里没有写端口",
    "<VirtualHost {address}>: the port is not written there":
        "<VirtualHost {address}>：那里没有写端口",
    "the port of {name} is {port}": "{name} 的端口是 {port}",
    "its port is {port}": "其端口是 {port}",
    "the port of a listener is {port}, and not a number": "监听端口是 {port}，不是数字",
    "the port of {name} is not known: write its target yourself":
        "{name} 的端口未知：请自行写出它的目标",
    "{url} is no URL: {why}": "{url} 不是 URL：{why}",
    "over {most} targets: this one is left out": "超过 {most} 个目标：略去此项",
    # what is not read
    "the macro {name} is not followed: look whether it makes hosts":
        "不展开宏 {name}：请检查它是否定义了主机",
    "{name}: the names stand in a map, which is not read": "{name}：名称写在 map 中，不予读取",
    "the names stand in {file}, which is not read": "名称写在 {file} 中，不予读取",
    "tls_server_sni_maps: the other names that certificates are served for are not read":
        "tls_server_sni_maps：不读取其中另外提供证书的名称",
    # files
    "a block is closed that was not opened: what follows may be misread":
        "关闭了没有打开的块：其后的内容可能被误读",
    "this block is not closed: the file was half written": "此块没有关闭：文件可能只写了一半",
    "a quote is not closed: the rest of the file is left out":
        "引号没有关闭：略去文件的其余部分",
    "{place}: blocks in over {most} blocks: this is no configuration of that program":
        "{place}：块的嵌套超过 {most} 层：这不是该程序的配置",
    "over {most} files are included: read them in parts": "包含的文件超过 {most} 个：请分几次读取",
    "the included file {file} does not exist": "被包含的文件 {file} 不存在",
    "{file} includes itself: left out": "{file} 包含了它自己：略去",
    "files in over {most} files: {file} is left out": "文件的包含超过 {most} 层：略去 {file}",
    "{folder}: there is no {names} in this directory: name the main file":
        "{folder}：此目录中没有 {names}：请指定主配置文件",
    "{folder}: there is no .cfg file in this directory: name the file":
        "{folder}：此目录中没有 .cfg 文件：请指定文件",
    "{folder}: there is no .yaml, .yml or .json file in this directory":
        "{folder}：此目录中没有 .yaml、.yml 或 .json 文件",
    "{file}: this is no regular file: name the configuration file":
        "{file}：不是普通文件：请指定配置文件",
    "{file}: the file does not exist: look at the path": "{file}：文件不存在：请检查路径",
    "{file}: user {user} may not read the file: run this as one who may":
        "{file}：用户 {user} 无权读取该文件：请以有权的用户运行",
    "{file}: the file cannot be read: {why}": "{file}：文件无法读取：{why}",
    "{file}: the file is over {most} MiB: this is no configuration":
        "{file}：文件超过 {most} MiB：这不是配置文件",
    "{file}: this cannot be read as YAML: {why}": "{file}：不能按 YAML 读取：{why}",
    "{place}: this is not YAML: {what}: {hint}": "{place}：这不是 YAML：{what}：{hint}",
    "it cannot be read": "无法读取",
    "render the template first, with helm template": "请先用 helm template 渲染模板",
    "correct it there": "请改正",
    "{file}: values in over {most} values: this is no manifest":
        "{file}：值的嵌套超过 {most} 层：这不是清单（manifest）",
    # CSV
    "over {most} lines: the rest is left out": "超过 {most} 行：略去其余部分",
    "this is not CSV ({why}): the rest is left out": "这不是 CSV（{why}）：略去其余部分",
    "the column {name} is no key of domains.json: left out":
        "列 {name} 不是 domains.json 的键：略去",
    "the domain is missing in this line": "此行缺少域名",
    # differences
    "starttls is {protocol} there": "那里的 starttls 是 {protocol}",
    "address is {address} there": "那里的 address 是 {address}",
    "not set": "（未设置）",
    "~ {entry}  ({changes})": "~ {entry}  （{changes}）",
}
