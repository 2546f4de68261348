"""Messages of the command line, by their English words."""
# ruff: noqa: RUF001

from __future__ import annotations

#: Parts of what is wrong with words and files, and of what is told on the way.
MESSAGES = {
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
    "Name or service not known": "未知的名称或服务",
    "Temporary failure in name resolution": "名称解析暂时失败",
    "No address associated with hostname": "该主机名没有地址",
    "Connection refused": "连接被拒绝", "Connection timed out": "连接超时",
    "Connection reset by peer": "连接被对方重置", "No route to host": "没有到主机的路由",
    "Network is unreachable": "网络不可达", "Too many open files": "打开的文件过多",
    "Read-only file system": "只读文件系统", "Operation not permitted": "不允许的操作",
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
    "{missing}: install what is missing with pip install zabbix-ssl ({python})":
        "{missing}：请用 pip install zabbix-ssl 安装缺少的包（{python}）",
    "going on without the configuration: {why}": "不使用配置文件继续：{why}",
}
