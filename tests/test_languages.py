"""English and Chinese: every sentence in both, and each answer in the language that was asked for.
"""
# ruff: noqa: RUF001

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

import pytest
from audits import DAY, observed
from command import SCRIPT, Site, site
from hypothesis import given
from hypothesis import strategies as st
from test_readme import plain, report

from zabbix_ssl import findings, languages, mistakes
from zabbix_ssl.cli import doctor, main
from zabbix_ssl.cli.wrong import WRONG
from zabbix_ssl.languages import of_locale, speak, template, zh
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Failure, Fault, Finding, Observation, Target
from zabbix_ssl.outputs import html, nagios, people
from zabbix_ssl.plain import columns
from zabbix_ssl.zabbix import api, install

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "zabbix_ssl"
NOW = 1795503600  # 2026-11-24T07:00:00Z

#: Every table of English sentences, by its name in the catalogue.
TABLES: dict[str, Mapping[str, str]] = {
    "findings": {code: row[1] for code, row in findings.TABLE.items()},
    "mistakes": mistakes.MISTAKES, "wrong": WRONG, "people": people.WORDS, "html": html.WORDS,
    "nagios": nagios.WORDS, "doctor": doctor.WORDS, "install": install.WORDS, "api": api.WRONG,
}
CHINESE = speak("zh", mistakes=mistakes.MISTAKES, wrong=WRONG)
SAID_BY = {"": CHINESE} | {own: speak("zh", own, mistakes=mistakes.MISTAKES, wrong=WRONG,
                                      api=api.WRONG) for own in zh.OWN}
HAN = re.compile("[\u4e00-\u9fff\uff00-\uffef]")  # and the punctuation that goes with it

#: Words that are the same in both.
SAME = {("people", "tls"), ("people", "comma"), ("doctor", "package"), ("doctor", "told"),
        ("people", "fingerprint"), ("html", "language")}
SAME_MESSAGES = {("proxy {name}", "Proxy {name}")}


def holes(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


class TestCatalogue:
    """Both languages have the same sentences with the same holes."""

    @pytest.mark.parametrize("name", TABLES)
    def test_every_row_has_both(self, name: str) -> None:
        """No row is missing, none is left over, and each says in Chinese what has been filled in.
        """
        english, chinese = TABLES[name], zh.CATALOGUE[name]
        assert set(chinese) == set(english)
        for key, sentence in english.items():
            assert holes(chinese[key]) == holes(sentence), key
            if (name, key) not in SAME:
                assert HAN.search(chinese[key]), key

    def test_no_table_is_forgotten(self) -> None:
        """The catalogue has these tables and what joins sentences."""
        assert set(zh.CATALOGUE) == {*TABLES, ""}

    def test_messages_have_the_same_holes(self) -> None:
        """And between two holes stands something by which the first one ends."""
        messages = [*zh.MESSAGES.items(), *(row for own in zh.OWN.values() for row in own.items())]
        for english, chinese in messages:
            assert holes(english) == holes(chinese), english
            assert HAN.search(chinese) or (english, chinese) in SAME_MESSAGES, english
        tables = (mistakes.MISTAKES, WRONG, install.WORDS, api.WRONG)
        for sentence in (*dict(messages), *(text for table in tables for text in table.values())):
            made_by = template(sentence)
            assert all(after for _, after in made_by.holes[:-1]), sentence

    def test_what_is_recognised_has_no_format_of_its_own(self) -> None:
        """Only texts are left of what has filled a sentence that is recognised."""
        for sentence in (*zh.MESSAGES.values(), *zh.CATALOGUE["install"].values(),
                         *zh.CATALOGUE["api"].values(), *zh.CATALOGUE["wrong"].values(),
                         *zh.CATALOGUE["mistakes"].values()):
            assert not any(spec for _, _, spec, _ in Formatter().parse(sentence)), sentence

    def test_words_fit_their_columns(self) -> None:
        """A verdict of either language is no wider than the column of verdicts."""
        assert all(columns(zh.CATALOGUE["people"][name]) <= people._VERDICT_COLUMNS
                   for name in people.VERDICTS)

    def test_a_table_for_two_has_no_key_twice(self) -> None:
        """The words of the page and of the plugin stand beside those of the terminal."""
        assert not set(people.WORDS) & set(html.WORDS)
        assert not set(people.WORDS) & set(nagios.WORDS)


# Every message of the code

#: Where messages come from that people read; those of the second are looked for by one command.
SOURCES = [*((path, "") for path in sorted((PACKAGE / "probing").rglob("*.py"))), *(
    (PACKAGE / name, own) for name, own in (
        ("check.py", ""), ("workers.py", ""), ("cache.py", ""), ("config.py", ""), ("names.py", ""),
        ("entry.py", ""), ("file_targets.py", ""), ("cli/__init__.py", ""), ("cli/check.py", ""),
        ("cli/doctor.py", ""), ("cli/get.py", ""), ("cli/install.py", ""), ("cli/nagios.py", ""),
        ("cli/options.py", ""), ("cli/output.py", ""), ("cli/saving.py", ""), ("cli/stream.py", ""),
        ("cli/targets.py", ""), ("outputs/discovery.py", ""), ("zabbix/encryption.py", ""),
        ("zabbix/install.py", ""), ("zabbix/wanted.py", ""), ("cli/register.py", "register"),
        ("zabbix/api.py", "register"), ("zabbix/imported.py", "register"),
        ("zabbix/register.py", "register"), ("cli/push.py", "push"), ("resident.py", "push"),
        ("zabbix/delivery.py", "push"), ("zabbix/push.py", "push"), ("zabbix/spool.py", "push"),
        ("zabbix/trapper.py", "push"), ("cli/sources.py", "targets"))), *(
    (path, "targets") for path in sorted((PACKAGE / "sources").glob("*.py")))]

#: Texts in them that no person gets to read, or only inside of another that stands below.
NOT_TOLD = {
    # exceptions that are caught:
    "another element, or a part of one", "counts that are not ours",
    "database disk image is malformed",
    # looked for in what others say:
    "permissions to referred object", "file is encrypted",
    "Set by zabbix-ssl register.",  # a description in Zabbix, by which it is found again
    "usage: zabbix-ssl COMMAND ...\n\nX1\nzabbix-ssl COMMAND --help tells more of each.\n",
    # put together of parts, and known as a whole:
    "closed the connection X1",
    "stopped by X1: X3 of X5 targets were not checkedX7",
}

#: Sentences that a text of the code may be a part of.
AROUND = (
    "{}", "the file X1 {}",
    "the server answered with {}", "the answer {}", "its {} is malformed", "X1{}", "{}X1",
    "the X1 server {}", "the X1 server closed the connection {}", "the X1 server {} without a "
    "greeting", "the X1 server refused {}: X2", "the HTTP proxy X1 {}", "the HTTP proxy X1 {} (X2)",
    "the X1 server does not offer X2 ({}): give it a certificate and turn TLS on",
    "the OCSP answer is signed by X1, {}", "it names neither an OCSP responder nor a CRL{}",
    "no host in its subjectAltName{}", "X1 is {}, which is refused: see --allow-private-revocation",
    "stopped by X1: X2 of X3 targets were not checked{}", "the server closed the connection{}",
)


#: Tables of sentences that are no messages: what explains a vocabulary, the help of a command and
#: its options, and those that TestCatalogue compares row by row.
TABLES_OF_OTHERS = ("REASONS", "ABOUT", "SCRIPT_ABOUT", "USAGE", "OWN", "OPTIONS", "COMMANDS",
                    "WORDS", "WRONG", "MAX_AGE", "PER_ADDRESS", "SOURCES")


def texts(source: bytes) -> Iterator[str]:
    """The sentences in a module, with X1, X2 ... in their holes: neither docstrings nor keys, nor
    what stands in TABLES_OF_OTHERS."""
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(id(node.value))
        elif isinstance(node, ast.Dict):
            skipped.update(id(key) for key in node.keys)
        elif isinstance(node, ast.JoinedStr):
            skipped.update(id(part) for part in ast.walk(node) if part is not node)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in TABLES_OF_OTHERS:
            skipped.update(id(part) for part in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) not in skipped:
            text = _text(node)
            if re.search("[a-z]{2,} [a-z]", text):
                yield text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\w+\}", "X9", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else f"X{number}"
                       for number, part in enumerate(node.values))
    return ""


def is_known(text: str, own: str = "") -> bool:
    """Is it Chinese all through, alone or as a part of one of the sentences around?"""
    for around in AROUND:
        said = SAID_BY[own].say(around.replace("{}", text.replace("{}", "")))
        said = said.replace("pip install zabbix-ssl", "")  # a command
        if HAN.search(said) and not re.search("[a-z]{2,} [a-z]{2,} [a-z]{2,}", said):
            return True
    return False


@pytest.mark.parametrize(("path", "own"), SOURCES,
                         ids=[str(path.relative_to(PACKAGE)) for path, _ in SOURCES])
def test_every_message_of_the_code_is_known(path: Path, own: str) -> None:
    """Whatever may be told of a server, a file, this machine or Zabbix has its row."""
    unknown = [text for text in texts(path.read_bytes())
               if text not in NOT_TOLD and not is_known(text, own)]
    assert not unknown, "add them to zabbix_ssl/languages/zh"


def test_a_message_that_is_not_known_is_found() -> None:
    """The twin of the test above."""
    source = b'"a docstring of words"\nraise Failed("dns", f"the moon is {phase} and in the way")'
    assert list(texts(source)) == ["the moon is X1 and in the way"]
    assert not is_known("the moon is X1 and in the way")
    assert is_known("the server reset the connection")


# Saying it


class TestSaying:
    """A sentence is recognised by the row that made it."""

    @pytest.mark.parametrize(("english", "chinese"), [
        ("the name a.example does not exist", "名称 a.example 不存在"),
        ("OCSP at http://x/: the name x does not exist; CRL at http://y/z: no answer in time",
         "OCSP（http://x/）：名称 x 不存在；CRL（http://y/z）：没有及时应答"),
        ("the port is open, but an HTTP server answers, not TLS",
         "端口是开放的，但应答的是 HTTP 服务器，而不是 TLS"),
        ("SSLv2: the server reset the connection", "SSLv2：服务器重置了连接"),
        ("the connection was refused: nothing listens on this port, or a firewall rejects it, in "
         "SMTP before TLS",
         "连接被拒绝：该端口没有服务在监听，或被防火墙拒绝（TLS 之前的 SMTP 对话中）"),
        ('/etc/x.json: entry 2 (b): there is no key "prot": did you mean "port"?',
         '/etc/x.json：第 2 项（b）：没有名为 "prot" 的键：是否想写 "port"？'),
        ("--timeout: \"x\" is not a time: write seconds, from 0.1 to 600",
         "--timeout：\"x\" 不是时间：请写秒数，0.1 到 600"),
        ("the SMTP server refused STARTTLS: 454 4.7.0 try later",
         "SMTP 服务器拒绝了STARTTLS：454 4.7.0 try later"),
    ])
    def test_messages(self, english: str, chinese: str) -> None:
        """Alone, behind what they are about, several in one, and one in another."""
        assert CHINESE.say(english) == chinese

    @pytest.mark.parametrize("text", ["", "x", ": ", "; ", "a server's own words: hello", "50 {x}"])
    def test_what_no_row_made_stays(self, text: str) -> None:
        """Untranslated is better than lost."""
        assert CHINESE.say(text) == text

    def test_english_is_left_alone(self) -> None:
        """Nothing is touched, and nothing is loaded for it."""
        result = judge(observed(Target("a.example"), days=5, check_time=NOW))
        english = speak("en")
        assert english.result(result) is result
        assert english.say("the host is down") == "the host is down"
        assert english.words("people", people.WORDS) == people.WORDS

    @given(st.text(alphabet=st.sampled_from("ab;:(){} \n,的"), max_size=200))
    def test_any_text_can_be_said(self, text: str) -> None:
        """Whatever a server says, nothing is raised."""
        assert isinstance(CHINESE.say(text), str)
        assert isinstance(CHINESE.say(f"the name {text} does not exist"), str)

    @given(st.sampled_from(sorted(findings.TABLE)), st.data())
    def test_findings(self, code: str, data: st.DataObject) -> None:
        """Of every row, with whatever fills it: the Chinese sentence has the same in its holes."""
        sentence = findings.TABLE[code][1]
        detail: dict[str, str | int | float] = {
            name: data.draw(st.sampled_from((1, 500))) if name == "handshake_ms" else
            data.draw(st.text("abcäöü中文0123", min_size=1)) for name in holes(sentence)}
        finding = Finding(code, findings.TABLE[code][0], findings.tell(Fault(code, detail)))
        result = judge(Observation(Target("a.example"), NOW))._replace(findings=(finding,))
        said = CHINESE.result(result).findings[0]
        assert said == finding._replace(message=zh.CATALOGUE["findings"][code].format(**detail))

    def test_a_result(self) -> None:
        """Its sentences change, nothing else does: what programs compare stays."""
        seen = Observation(Target("a.example"), NOW, Failure("dns", "the host is down"))
        result = judge(seen)
        said = CHINESE.result(result)
        assert said.values["error"] == "主机已停机"
        assert said.values["risk_msg"] == "无法检查：主机已停机"
        assert said.unknown["not_after"] == "主机已停机"
        assert {name for name in result.values if result.values[name] != said.values[name]} == {
            "error", "risk_msg"}
        assert [(f.code, f.severity) for f in said.findings] == [("handshake_failed", "high")]

    def test_several_findings_are_joined(self) -> None:
        """risk_msg is made of the sentences in that language."""
        observation = observed(Target("a.example"), days=5, check_time=NOW)
        assert observation.chain
        result = judge(observation._replace(
            chain=observation.chain._replace(faults=(Fault("chain_order"),))))
        old = result.findings
        assert [finding.code for finding in old] == ["chain_order"]
        certificate = observation.certificate
        assert certificate
        result = judge(observation._replace(
            certificate=certificate._replace(not_before=NOW - 200 * DAY),
            chain=observation.chain._replace(faults=(Fault("chain_order"),))))
        assert CHINESE.result(result).values["risk_msg"] == (
            "证书将在 5 天后（2026-11-29）过期：请续期；"
            "证书的发送顺序不对：请把服务器证书放在最前，每个签发者放在它所签发的证书之后")

    def test_a_code_of_a_newer_version_stays_english(self) -> None:
        """As it may come out of a cache that others write to."""
        result = judge(Observation(Target("a.example"), NOW))
        new = result._replace(findings=(Finding("new", "low", "Something new"),))
        assert CHINESE.result(new).findings == new.findings


@pytest.mark.parametrize(("environ", "code"), [
    ({}, "en"), ({"LANG": "C.UTF-8"}, "en"), ({"LANG": "de_DE.UTF-8"}, "en"),
    ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN"}, "zh"), ({"LANG": "zh"}, "zh"),
    ({"LANG": "zh_SG.utf8"}, "zh"), ({"LANG": "zh_Hans_CN.UTF-8"}, "zh"),
    ({"LANG": "zh_CN.GB18030@x"}, "zh"), ({"LANG": "zh_TW.UTF-8"}, "en"),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"), ({"LANG": "C", "LC_MESSAGES": "zh_CN"}, "zh"),
    ({"LANG": "zh_CN", "LC_MESSAGES": "en_US"}, "en"), ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
])
def test_locale(environ: dict[str, str], code: str) -> None:
    """LC_ALL, else LC_MESSAGES, else LANG; traditional Chinese is another language."""
    assert of_locale(environ) == code


# The commands

IN_CHINESE = {"LANG": "zh_CN.UTF-8"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), "expiring", "down") as up:
        yield up


def test_people_are_answered_in_their_language(demo: Site) -> None:
    """By the locale, or --lang, which is stronger."""
    for options, environ, chinese in (
            ((), {}, False), ((), IN_CHINESE, True), (("--lang", "zh"), {}, True),
            (("--lang=en",), IN_CHINESE, False)):
        done = demo.run("check", demo.target("expiring"), *options, environ=environ)
        assert done.returncode == 2
        assert ("中危    expiring.demo.example" in done.stdout) is chinese
        assert ("证书将在 10 天后" in done.stdout) is chinese
        assert ("MEDIUM  expiring.demo.example" in done.stdout) is not chinese
        assert ("expires in 10 days" in done.stdout) is not chinese


def test_programs_are_answered_in_english_unless_asked_otherwise(demo: Site) -> None:
    """The locale of a service or of cron must not change what programs read."""
    for command in (("check", "--json"), ("batch",), ("batch", "--csv")):
        for options, chinese in (((), False), (("--lang", "zh"), True)):
            done = demo.run(*command, demo.target("expiring"), *options, environ=IN_CHINESE)
            assert ("证书将在 10 天后" in done.stdout) is chinese, command
            assert ("The certificate expires in 10 days" in done.stdout) is not chinese, command


def test_one_value_in_chinese(demo: Site) -> None:
    """Zabbix gets it by ``--lang zh`` in the item's key; the cache has it in no language."""
    where = (demo.domain("down"), demo.port("down"))
    for _ in range(2):
        for options, text in ((("--lang", "zh"), "无法检查：连接被拒绝："),
                              ((), "Cannot check: the connection was refused: ")):
            done = demo.run("--get", *where, "risk_msg", *options, program=SCRIPT,
                            environ=IN_CHINESE)
            assert done.stdout.startswith(text)
    done = demo.run("--get", *where, "all", "--lang", "zh", program=SCRIPT)
    assert json.loads(done.stdout)["risk_msg"].startswith("无法检查：")


def test_what_is_wrong_with_the_words_is_told_in_chinese(demo: Site) -> None:
    """Before they are understood; but what Zabbix reads stays English."""
    done = demo.run("check", "--timeout", "x", environ=IN_CHINESE)
    assert (done.returncode, done.stderr) == (
        3, 'zabbix-ssl check: --timeout："x" 不是时间：请写秒数，0.1 到 600\n')
    done = demo.run("check", "--lang", "tlh", environ=IN_CHINESE)
    assert done.stderr == 'zabbix-ssl check: --lang："tlh" 不是这里使用的语言：请写 en, zh 之一\n'
    done = demo.run("--get", "a.example", "0", "all", program=SCRIPT, environ=IN_CHINESE)
    assert done.stdout == 'the port is "0": write a whole number from 1 to 65535\n'


def test_doctor_in_chinese(demo: Site) -> None:
    """Line by line the same verdicts."""
    english, chinese = (demo.run("doctor", "--lang", code) for code in languages.LANGUAGES)
    assert english.returncode == chinese.returncode
    assert len(english.stdout.splitlines()) == len(chinese.stdout.splitlines())
    assert all(HAN.search(line) for line in chinese.stdout.splitlines())


def test_what_a_configuration_does_not_tell_in_chinese(
        tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The remarks of ``targets`` and what differs; the document is the same."""
    (tmp_path / "nginx.conf").write_text(
        "http { server { listen 443 ssl; server_name a.example ~^b; }\n"
        "server { listen 993 ssl; server_name $host; }\n"
        "include none.conf; include none.d/none.conf; }")
    (tmp_path / "domains.json").write_text('[{"domain": "a.example", "starttls": "imap"}]')
    words = ("targets", "--from", "nginx", str(tmp_path / "nginx.conf"), "--config",
             str(tmp_path / "domains.json"))
    said = {}
    for code in languages.LANGUAGES:
        assert main([*words, "--lang", code], {}) == 0
        document, remarks = capfd.readouterr()
        main([*words, "--lang", code, "--diff"], {})
        said[code] = (document, remarks.splitlines(), capfd.readouterr().out)
    assert said["zh"][0] == said["en"][0]
    assert len(said["zh"][1]) == len(said["en"][1]) >= 3
    assert all(HAN.search(line) for line in said["zh"][1])
    assert not any(HAN.search(line) for line in said["en"][1])
    assert "那里的 starttls 是 imap" in said["zh"][2]
    assert "starttls is imap there" in said["en"][2]
    assert main(["targets", "--from", "nginx", str(tmp_path / "gone")], IN_CHINESE) == 1
    assert "文件不存在：请检查路径" in capfd.readouterr().err


# The page for Chinese readers


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_session_of_the_chinese_readme(tmp_path: Path) -> None:
    """Its first command prints the report that it shows."""
    command, _, shown = blocks((ROOT / "README.zh-CN.md").read_text(), "console")[0].partition("\n")
    code, said = report(command, tmp_path)
    assert code == 2, said
    assert same_everywhere(said) == same_everywhere(shown)


def same_everywhere(text: str) -> str:
    """Without what differs from day to day, and without white space: Chinese lines are broken
    between any two characters."""
    text = re.sub(r"\d+ 毫秒", "N 毫秒", plain(text))
    return re.sub(r"\s|密钥交换 \w+", "", text)


def test_chinese_readme_is_in_step() -> None:
    """The same commands and configurations, the same links, and a table row for each row."""
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    assert blocks(chinese, "json") == blocks(english, "json")
    for one, other in zip(blocks(english, "sh"), blocks(chinese, "sh"), strict=True):
        assert re.sub(r" *#.*", "", one) == re.sub(r" *#.*", "", other)
    links = [re.findall(r"\]\(([^)]+\.md)\)", page) for page in (english, chinese)]
    assert set(links[0]) - {"README.zh-CN.md"} == set(links[1]) - {"README.md"}
    assert "README.zh-CN.md" in links[0]
    assert "README.md" in links[1]
    for pattern in (r"^\|", r"^## "):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(
            re.findall(pattern, chinese, re.MULTILINE)), pattern
