from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.exchange import Mode
from gateway.config import ConfigErrors, load, load_file
from gateway.config_errors import Finding
from gateway.config_load import load_bytes
from gateway.settings import Settings, needs_key

LOCAL = "http://127.0.0.1:11434/v1"
ONLY_HOME = """\
upstreams:
  o: {kind: openai_compatible, base_url: "http://127.0.0.1:11434/v1"}
modes:
  resting: {upstream: o, model: m}
"""
ONLY_BURST = """\
upstreams:
  c: {kind: anthropic, api_key_env: K}
modes:
  burst: {upstream: c, model: m}
"""
HOUSE = f"""\
upstreams:
  ollama: {{kind: openai_compatible, base_url: "{LOCAL}"}}
  claude: {{kind: anthropic, api_key_env: ANTHROPIC_API_KEY}}
modes:
  resting: {{upstream: ollama, model: small}}
  burst: {{upstream: claude, model: sonnet}}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load_bytes(text.encode(), "m.yaml")
    return list(caught.value.lines)


def test_a_whole_file_becomes_settings(tmp_path: Path) -> None:
    file = tmp_path / "majordomo.yaml"
    file.write_text(HOUSE + "escalation:\n  default: burst\n")
    settings = load(file)
    assert settings.escalation.default is Mode.BURST
    assert settings.upstreams["ollama"].base_url == LOCAL
    loaded = load_file(file)
    assert loaded.generation == 1
    assert len(loaded.source_hash) == 64


def test_json_is_yaml_too() -> None:
    assert load_bytes(b'{"version": 1, "server": {"port": 0}}', "f").settings.server.port == 0


def test_sections_and_fields_left_empty_keep_their_defaults() -> None:
    text = """\
server:
escalation:
  rules:
  default:
upstreams:
  house: {kind: house, models: {tiny: }}
"""
    settings = load_bytes(text.encode(), "f").settings
    assert settings.server == Settings().server
    assert settings.escalation == Settings().escalation
    assert list(settings.upstreams["house"].models) == ["tiny"]


def test_one_word_stands_for_a_list_of_one() -> None:
    text = (
        HOUSE
        + """\
escalation:
  fallback: burst
  rules:
    - name: r
      when: {model: auto, tools: terminal, key: laptop, skill: code*, conversation_mode: burst}
      then: burst
"""
    )
    escalation = load_bytes(text.encode(), "f").settings.escalation
    when = escalation.rules[0].when
    assert escalation.fallback == (Mode.BURST,)
    assert (when.model, when.tools, when.key) == (("auto",), ("terminal",), ("laptop",))
    assert (when.skill, when.conversation_mode) == (("code*",), (Mode.BURST,))


def test_header_names_are_lower_case_once_loaded() -> None:
    text = (
        "escalation: {rules: [{name: r, when: {header: {X-Batch: true, X-A: b*}}, then: active}]}"
    )
    when = load_bytes(text.encode(), "f").settings.escalation.rules[0].when
    assert when.header == {"x-batch": True, "x-a": "b*"}


def test_every_fault_is_told_at_once_in_order_with_its_place_and_a_suggestion() -> None:
    text = """\
version: 1
server: {hots: 127.0.0.1, port: 99999}
upstreams:
  ollama: {kind: openai_compatable, base_url: "http://169.254.169.254/v1"}
  Claude: {kind: anthropic, api_key_env: ANTHROPIC_API_KEY}
  house: {kind: house, base_url: "http://x"}
  ok: {kind: openai_compatible, base_url: "http://127.0.0.1:1/v1", models: {b: {context_lenght: 5}}}
modes:
  resting: {upstream: olama, model: a}
  active: {upstream: ok}
models:
  auto: {upstream: ok, model: a}
escalation:
  default: restin
  rules:
    - name: A b
      then: burst
    - name: one
      when: {modle: x, min_input_tokens: 10, max_input_tokens: 5}
    - {name: one, when: {model: [autoo]}, then: burst}
  budget: {day_usd: -1}
"""
    told = [line.removeprefix("m.yaml:") for line in faults(text)]
    expected = [
        "2:10: there is no field `hots` in `server`; did you mean `host`?",
        "2:33: `server.port` must be 65535 or less, not `99999`",
        "4:18: not `openai_compatable`; did you mean `openai_compatible`?",
        "4:47: `upstreams.ollama.base_url` must not point to 169.254.169.254",
        "5:3: `Claude` is no name",
        "6:24: a `house` upstream has no `base_url`: Majordomo runs it itself",
        "7:81: there is no field `context_lenght` in `upstreams.ok.models.b`; did you mean",
        "9:23: there is no upstream `olama`; did you mean `ollama`?",
        "10:3: `modes.active` needs the field `model`",
        "12:3: `auto` already means something; choose another name for this model",
        "14:12: not `restin`; did you mean `resting`?",
        "16:13: `escalation.rules[0].name` must be a name",
        "18:7: rule `one` does nothing: give it `then: MODE` or `private: true`",
        "19:14: there is no field `modle` in `escalation.rules[1].when`; did you mean `model`?",
        "19:42: no prompt is both at least 10 and at most 5 tokens",
        "20:14: an earlier rule is called `one` too; names must differ",
        "20:33: no client can ask for `autoo`; did you mean `auto`?",
        "21:21: `escalation.budget.day_usd` must be 0.0 or more, not `-1`",
    ]
    places = [line.split(": ")[0] for line in told]
    assert places == [line.split(": ")[0] for line in expected]
    for line, wanted in zip(told, expected, strict=True):
        assert wanted.partition(": ")[2] in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log: {level: verbose}", "must be `debug` or `info` or `warning` or `error`"),
        ("server: {port: eighty}", "`server.port` must be a whole number, not `eighty`"),
        ("retries: {budget_ratio: lots}", "must be a number"),
        ("escalation: {rules: {name: a}}", "`escalation.rules` must be a list"),
        ("escalation: {rules: [a]}", "`escalation.rules[0]` must hold fields"),
        ("upstreams: [a]", "`upstreams` must hold named entries"),
        ("- a", "`the file` must hold fields"),
        ("just words", "`the file` must hold fields"),
        ("escalation: {budget: {day_usd: .inf}}", "must be a finite number"),
        ("escalation: {rules: [{name: r, when: {key: 5}, then: burst}]}", "must be text in quotes"),
        ("escalation: {rules: [{name: r, when: {tools: 'yes'}, then: burst}]}", "must be true"),
        ("escalation: {rules: [{name: r, when: {tools: [1]}}]}", "must be true, false"),
        ("escalation: {rules: [{name: r, when: {model: []}, then: burst}]}", "is empty"),
        ("escalation: {rules: [{name: r, when: {header: {Cookie: a}}}]}", "credential"),
        ("escalation: {rules: [{name: r, when: {header: {X-My-Token: a}}}]}", "credential"),
        ("escalation: {rules: [{name: r, when: {header: {Host: a}}}]}", "rules see"),
        ("escalation: {rules: [{name: r, when: {header: {'a b': a}}}]}", "no header name"),
        ("escalation: {rules: [{name: r, when: {header: {a: 5}}}]}", "must be a value in quotes"),
        ("escalation: {rules: [{name: r, when: {header: a}}]}", "must map header names"),
        ("server: {host: 'http://x'}", "must be an address or a host name alone"),
        ("server: {allowed_hosts: ['*.lan']}", "must be a host name alone"),
        ("version: 2", "must be `1`"),
        ("sever: {port: 1}", "there is no field `sever`; did you mean `server`?"),
        ("zzz: 1", "there is no field `zzz`; there are `version`, `server`"),
    ],
)  # fmt: skip
def test_faults_are_told_in_plain_words(text: str, words: str) -> None:
    assert any(words in line for line in faults(text)), faults(text)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/", "http://user:hunter2@127.0.0.1/v1",
        "http://127.0.0.1/v1?key=hunter2", "http://127.0.0.1/#x", "http://", "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/", "http://2852039166/", "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1%25eth0]/", "http://a b/", "http://[::1", "127.0.0.1:11434",
    ],
)  # fmt: skip
def test_addresses_that_are_unsafe_or_none_are_refused(url: str) -> None:
    lines = faults(f"upstreams: {{u: {{kind: openai_compatible, base_url: '{url}'}}}}")
    assert len(lines) == 1
    assert "`upstreams.u.base_url`" in lines[0]
    assert "hunter2" not in lines[0]


@pytest.mark.parametrize("pasted", ["sk-ant-api03-hunter2hunter2", "hunter2 with spaces"])
def test_a_key_pasted_for_its_variable_is_not_repeated(pasted: str) -> None:
    lines = faults(f"upstreams: {{c: {{kind: anthropic, api_key_env: '{pasted}'}}}}")
    assert "must be the NAME of an environment variable" in lines[0]
    assert "hunter2" not in lines[0]


def test_a_key_written_into_the_file_is_not_repeated_and_its_field_is_suggested() -> None:
    lines = faults("upstreams: {c: {kind: anthropic, api_key_env: A, api_key: hunter2}}")
    assert lines == [
        "m.yaml:1:50: there is no field `api_key` in `upstreams.c`; did you mean `api_key_env`?"
    ]


OURS = "upstreams: {h: {kind: house}}\n"
FAR = "upstreams: {far: {kind: openai_compatible, base_url: https://models.example.com/v1}}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("upstreams: {u: {kind: openai_compatible}}", "`u` needs a `base_url`"),
        ("upstreams: {u: {kind: mlx_lm}}", "`u` needs a `base_url`"),
        ("upstreams: {c: {kind: anthropic}}", "`c` needs `api_key_env: ANTHROPIC_API_KEY`"),
        ("upstreams: {h: {kind: house}, i: {kind: house}}", "only one upstream may be of kind"),
        (
            "upstreams: {h: {kind: house, api_key_env: A}}",
            "a `house` upstream has no `api_key_env`",
        ),
        ("models: {burst: {upstream: u, model: m}}", "`burst` already means something"),
        ("modes: {resting: {upstream: u, model: m}}", "there is no upstream `u`"),
        (
            "capture: {recall: {embedding: {upstream: u, model: m}}}",
            "m.yaml:1:42: there is no upstream `u`",
        ),
        (
            FAR + "capture: {recall: {embedding: {upstream: far, model: m}}}",
            "2:42: `far` is not at",
        ),
        (FAR + "capture: {recall: {distill: {upstream: far, model: m}}}", "2:40: `far` is not at"),
        (
            OURS + "capture: {recall: {embedding: {upstream: h, model: m}}}",
            "m.yaml:2:42: `h` is of kind `house`, and this needs `openai_compatible`",
        ),
        (
            "trainer: {judges: {hired: [{upstream: u, model: m}]}}",
            "m.yaml:1:39: there is no upstream `u`",
        ),
        (
            OURS + "trainer: {judges: {hired: [{upstream: h, model: m}]}}",
            "`h` is of kind `house`, which cannot judge",
        ),
        (
            FAR + "trainer: {judges: {local: [{upstream: far, model: m}]}}",
            "`far` is not at home; name it under `hired`",
        ),
        ("trainer: {judges: {chosen_at: 4}}", "`rejected_at` must be below `chosen_at`"),
        ("escalation: {rules: [{name: r}]}", "rule `r` does nothing"),
    ],
)
def test_sections_that_contradict_each_other_are_told(text: str, words: str) -> None:
    assert any(words in line for line in faults(text)), faults(text)


def test_a_fault_in_an_upstream_does_not_make_its_uses_wrong() -> None:
    text = "upstreams: {u: {kind: nonsense}}\nmodes: {resting: {upstream: u, model: m}}"
    assert len(faults(text)) == 1


def test_checks_across_sections_point_past_broken_rules() -> None:
    text = """\
escalation:
  rules:
    - {nmae: broken, then: burst}
    - {name: ok, then: burst}
    - {name: idle}
"""
    assert [line.partition(": ")[0] for line in faults(text)] == [
        "m.yaml:3:7",
        "m.yaml:3:8",
        "m.yaml:5:7",
    ]


TWO_AT_HOME = (
    HOUSE.replace("model: small", "model: qwen3-8b")
    + "  active: {upstream: ollama, model: qwen3-14b}\nescalation: {verify: agreement}\n"
)
WARNED = [
    ("", "every request will be refused"),
    (HOUSE + "  active: {upstream: far, model: m}", "active is not at home"),
    (HOUSE.replace("claude, model", "ollama, model"), "upstream `claude` is used by no mode"),
    (HOUSE + "escalation: {default: active}", "no model serves the default, active"),
    (ONLY_HOME + "escalation: {default: learned}", "to burst, which no model serves"),
    (ONLY_BURST + "escalation: {default: learned}", "`learned` has no local mode to learn about"),
    (HOUSE + "escalation: {fallback: [active]}", "nothing falls back to it"),
    (HOUSE + "escalation: {verify: agreement}", "`agreement` needs two local models"),
    (TWO_AT_HOME, "both of the family `qwen`"),
    (TWO_AT_HOME + "retries: {attempts: 2}", "`agreement` asks three places"),
    (HOUSE + "escalation: {fallback: [burst, burst]}", "burst is listed before"),
    (HOUSE + "escalation: {rules: [{name: r, then: active}]}", "no model serves active"),
    (
        HOUSE + "escalation: {rules: [{name: r, then: burst}, {name: s, then: resting}]}",
        "never reached: rule `r` before it always applies",
    ),
    (
        HOUSE + "escalation: {rules: [{name: r, when: {key: a}, then: burst, private: true}]}",
        "this rule never reaches burst",
    ),
    (HOUSE + "escalation: {budget: {day_usd: 5, month_usd: 1}}", "above the month's never matters"),
    (HOUSE + "models: {m: {upstream: far, model: m}}", "crosses the network unencrypted"),
    (HOUSE + "models: {m: {upstream: mine, model: m}}", "private requests will go to 8.8.8.8"),
]


@pytest.mark.parametrize(("text", "words"), WARNED)
def test_what_is_probably_not_meant_is_a_warning_with_its_place(text: str, words: str) -> None:
    more = """\
  far: {kind: openai_compatible, base_url: "http://far.example.com/v1", api_key_env: FAR_KEY}
  mine: {kind: openai_compatible, base_url: "https://8.8.8.8/v1", local: true}
"""
    full = text.replace("modes:", more + "modes:") if text else "version: 1"
    loaded = load_bytes(full.encode(), "m.yaml")
    assert any(words in line and line.startswith("m.yaml:") for line in loaded.warnings)


def test_an_ordinary_house_has_no_warnings() -> None:
    text = HOUSE + "escalation: {rules: [{name: r, when: {tools: true}, then: burst}]}"
    assert load_bytes(text.encode(), "f").warnings == ()


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="does not exist; `majordomo up` writes a first one"):
        load(tmp_path / "majordomo.yaml")


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(ConfigErrors, match="is not a file"):
            load(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.touch(mode=0)
    with pytest.raises(ConfigErrors, match="cannot be read"):
        load(file)


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# only words\n", b"\xef\xbb\xbf", b"---\n"])
def test_an_empty_file_says_so(text: bytes) -> None:
    with pytest.raises(ConfigErrors, match="holds no settings"):
        load_bytes(text, "m.yaml")


def test_a_file_that_is_not_utf_8_says_where() -> None:
    with pytest.raises(ConfigErrors, match=r"m\.yaml:2:3: is not UTF-8 text"):
        load_bytes(b"version: 1\n# \xff\n", "m.yaml")


def test_a_byte_order_mark_is_no_fault() -> None:
    assert load_bytes(b"\xef\xbb\xbfversion: 1", "f").settings.version == 1


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(50 * 1024 * 1024)
    with pytest.raises(ConfigErrors, match="larger than 256 KiB"):
        load(file)


keys = st.sampled_from(
    ["version", "server", "upstreams", "modes", "models", "escalation", "rules", "when", "name",
     "then", "kind", "base_url", "resting", "upstream", "model", "header", "tools", "x", "A b",
     "budget", "day_usd", "fallback", "capture", "log", "level", "deadlines", "port"]
)  # fmt: skip
leaves = st.sampled_from(
    [None, True, 0, 1, -5, 1.5, "auto", "burst", "house", "anthropic", "ollama", "http://x/v1", ""]
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(keys, trees, max_size=5))
def test_any_tree_is_settings_or_a_list_of_faults_with_places(tree: dict[str, object]) -> None:
    text = orjson.dumps(tree)  # a tree written as JSON is YAML
    findings: tuple[Finding, ...] = ()
    try:
        load_bytes(text, "f")
    except ConfigErrors as error:
        findings = error.findings
        assert findings, "refused without a reason"
    assert all(finding.mark.line == 1 for finding in findings)
    assert list(findings) == sorted(findings)


@pytest.mark.parametrize(
    ("host", "needed"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("[::1]", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.168.1.5", True),
        ("127.evil.com", True),
        ("majordomo.lan", True),
    ],
)
def test_only_a_loopback_address_is_served_without_a_key(host: str, needed: bool) -> None:
    assert needs_key(Settings.model_validate({"server": {"host": host}})) is needed
