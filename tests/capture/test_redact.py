"""Redaction: what is found however it is written, what is left alone, and that it stays linear."""

from __future__ import annotations

import base64
import json
import re
import time
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.redact import Redactor
from capture.redact_rules import EVERYTHING
from capture.replies import ReplyReader
from capture.trainable import assistant_message
from tests.support.planted import PERSONAL, TOKENS, said
from tests.support.turns import REDACTOR

ALL = Redactor("all", b"the salt of a test")
SAID = said()
MARK = re.compile(r"\[redacted:[a-z0-9-]+:[0-9a-f]{8}\]")


def test_there_are_about_forty_kinds_of_secrets() -> None:
    assert len({rule.kind for rule in EVERYTHING.rules if not rule.personal}) >= 40
    assert {rule.kind for rule in EVERYTHING.rules if rule.personal} == {
        *("mail", "phone", "card", "iban", "ip", "user")
    }


@pytest.mark.parametrize("name", SAID)
def test_a_secret_is_found_in_plain_text_and_named_by_its_kind(name: str) -> None:
    text, secret = SAID[name]
    found = REDACTOR.text(text)
    assert secret not in found
    assert f"[redacted:{name.split(',')[0]}:" in found
    assert len(MARK.findall(found)) == 1


@pytest.mark.parametrize("name", SAID)
def test_a_secret_is_found_in_json_and_in_json_in_json(name: str) -> None:
    text, secret = SAID[name]
    for _ in range(3):
        text = json.dumps({"output": text, "exit_code": 0})
        assert secret not in json.loads(REDACTOR.said(text))["output"]
        assert secret not in REDACTOR.said(text)
        assert secret not in REDACTOR.text(text), "also where it is no more than text"
        assert json.loads(REDACTOR.said(text))["exit_code"] == 0


@pytest.mark.parametrize("name", SAID)
def test_a_secret_is_found_in_json_that_escapes_every_character(name: str) -> None:
    text, secret = SAID[name]
    escaped = "".join(f"\\u{ord(character):04x}" for character in text)
    assert secret not in json.loads(REDACTOR.said(f'{{"output": "{escaped}"}}'))["output"]


@pytest.mark.parametrize("name", SAID)
def test_a_secret_split_over_chunks_at_any_point_is_found_in_the_reply(name: str) -> None:
    text, secret = SAID[name]
    begin = text.index(secret)
    for cut in range(begin, begin + len(secret), max(1, len(secret) // 40)):
        for field in ("content", "reasoning_content"):
            assert secret not in json.dumps(_reply(field, text[:cut], text[cut:]))


@pytest.mark.parametrize("name", SAID)
def test_a_secret_split_over_the_chunks_of_a_call_s_arguments_is_found(name: str) -> None:
    text, secret = SAID[name]
    arguments = json.dumps({"command": text, "background": False})
    for cut in range(0, len(arguments), max(1, len(arguments) // 40)):
        reply = _called(arguments[:cut], arguments[cut:])
        assert secret not in json.dumps(reply)
        decoded = json.loads(reply["tool_calls"][0]["function"]["arguments"])
        assert secret not in decoded["command"]
        assert decoded["background"] is False


def _reply(field: str, *pieces: str) -> Any:
    """What trains of a reply that came in these pieces."""
    return _assembled([{"delta": {field: piece}} for piece in pieces])


def _called(*pieces: str) -> Any:
    function = {"name": "terminal", "arguments": pieces[0]}
    first = {"index": 0, "id": "call_1", "function": function}
    more = [{"index": 0, "function": {"arguments": piece}} for piece in pieces[1:]]
    return _assembled([{"delta": {"tool_calls": [piece]}} for piece in (first, *more)])


def _assembled(choices: list[dict[str, Any]]) -> Any:
    reader = ReplyReader()
    for choice in choices:
        reader.feed(b"data: " + orjson.dumps({"choices": [{"index": 0, **choice}]}) + b"\n\n")
    reader.feed(b"data: [DONE]\n\n")
    message = reader.finish().message
    assert message is not None
    return REDACTOR.json(assistant_message(message))


@pytest.mark.parametrize("name", TOKENS)
def test_a_secret_is_found_in_addresses_and_beside_all_that_tokens_stand_beside(name: str) -> None:
    token = TOKENS[name]
    for text in (
        f"https://api.example/v1/x?sig=1&k={token}&n=2",
        f"https://api.example/hook/{token}",
        f"https://{token}@github.example/a/b.git",
        f"redirect=https%3A%2F%2Fapi.example%2F%3Fk%3D{token}%26n%3D2",
        f"'{token}'",
        f"({token}).",
        f"key={token},",
        f"line\\n{token}\\nline",
        f"\u00e9{token}\u00e9",
        f"<b>{token}</b>",
    ):
        assert token not in REDACTOR.text(text), text


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "/x/y/"])
def test_a_secret_is_found_in_base64_wherever_it_begins(name: str, before: str) -> None:
    clear = f"{before}export A={TOKENS[name]}\nexport B=1\n".encode()
    plain, safe = base64.b64encode(clear).decode(), base64.urlsafe_b64encode(clear).decode()
    wrapped = base64.encodebytes(clear).decode().strip()
    for encoded in (plain, safe, f"data/{plain}", wrapped, wrapped.replace("\n", "\\n")):
        found = REDACTOR.text(f"it says {encoded} there")
        assert re.fullmatch(rf"it says (data)?/?{MARK.pattern} there", found) or (
            encoded.startswith("data/") and MARK.search(found) and plain not in found
        )


@pytest.mark.parametrize("name", SAID)
def test_a_secret_split_over_the_parts_of_a_message_is_found(name: str) -> None:
    text, secret = SAID[name]
    at = text.index(secret) + len(secret) // 2
    for cuts in ([at], [at - 1, at], [at, at, at + 1]):
        edges = [0, *cuts, len(text)]
        pieces = [text[a:b] for a, b in pairwise(edges)]
        parts = [{"type": "text", "text": piece} for piece in pieces]
        cleaned = REDACTOR.json({"role": "user", "content": parts})["content"]
        joined = "".join(part["text"] for part in cleaned)
        assert len(cleaned) == len(parts)
        assert joined == REDACTOR.text(text)


def test_a_field_whose_name_says_so_is_a_secret_in_json_and_its_name_stays() -> None:
    value = {"user": "anna", "Db_Password": "kX9-plum-tree", "items": [{"apiKey": "abc123def456"}]}
    cleaned = REDACTOR.json(value)
    assert MARK.fullmatch(cleaned["Db_Password"])
    assert MARK.fullmatch(cleaned["items"][0]["apiKey"])
    assert cleaned["user"] == "anna"
    assert list(cleaned) == list(value)


def test_a_secret_reads_the_same_everywhere_in_one_house_and_otherwise_in_another() -> None:
    token = TOKENS["github-token"]
    (plain,) = MARK.findall(REDACTOR.text(f"a {token} b"))
    assert plain in REDACTOR.text(f"https://anna:{token}@github.example/")
    assert plain in REDACTOR.text(f"GITHUB_TOKEN={token}")
    assert REDACTOR.json({"github_token": token}) == {"github_token": plain}
    other = Redactor("secrets", b"another salt").text(token)
    assert other != plain
    assert other.startswith("[redacted:github-token:")
    assert "another" not in repr(Redactor("secrets", b"another salt"))


@pytest.mark.parametrize("name", PERSONAL)
def test_personal_data_is_redacted_on_the_level_all_alone(name: str) -> None:
    for text in (f"reach me: {PERSONAL[name]} or so", f'{{"x": "{PERSONAL[name]}"}}'):
        assert REDACTOR.said(text) == text
        cleaned = ALL.said(text)
        assert PERSONAL[name] not in cleaned
        assert f"[redacted:{name.split(',')[0]}:" in cleaned


def test_of_a_path_only_the_user_s_name_is_taken_and_a_card_s_number_also_as_a_number() -> None:
    for path in ("/home/anna/notes", "C:\\Users\\anna\\notes", "/Users/anna/notes"):
        cleaned = ALL.text(f"open {path}")
        assert "anna" not in cleaned
        assert cleaned.endswith("notes")
        assert cleaned.startswith("open " + path.split("anna")[0])
    assert ALL.text("/home/user/x and /Users/Shared/y") == "/home/user/x and /Users/Shared/y"
    assert MARK.fullmatch(ALL.json({"number": 4111111111111111})["number"])
    assert ALL.json({"at_ns": 1763700000123456789}) == {"at_ns": 1763700000123456789}


LOOK_ALIKES = [
    "commit d6b7a2f1c0e9d8b7a6f5e4d3c2b1a0f9e8d7c6b5 on 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "request 550e8400-e29b-41d4-a716-446655440000 took 1234567890123 ns, 3.14159265358979",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "numpy==2.3.1, torch 2.9.0+cu128, Chrome/120.0.6099.109, v1.2.3.4, kernel 6.1.0-37-amd64",
    "tokens in / out: 61240 / 1904; max_tokens=8192; token_count: 12345678; tokenizer.json",
    "password = getpass.getpass()",
    "def login(self, password: str, token: str | None = None) -> Session:",
    "token = request.headers['authorization']",
    "secret=os.environ['APP_SECRET_KEY_2']; api_key=settings.openai_api_key_2",
    "API_KEY=${API_KEY2} TOKEN=$TOKEN_1 password=<your-password-1> key: {{ secret_key_1 }}",
    "password=changeme",
    "the password is the one we agreed on; the secret: patience",
    "import sk_learn; task-550e8400e29b41d4a716446655440000; risk-management-of-banks-2026",
    "sk-learn-based-classification-of-1000-documents",
    "ssh git@github.com:anna/house.git; see https://example.com:8443/a/b@2.0.1",
    "key-value store, key-0123456789, hf_hub_download, npm_config_registry, ghp_ and xoxb- tokens",
    "The eyJ prefix and AKIA ids; BEGIN PUBLIC KEY; -----BEGIN CERTIFICATE-----\nMIIB\n",
    "x = {'secret': 'string', 'token': 'a short one', 'credentials': 'same-origin'}",
    "git log --oneline; --password-file /run/secrets/db; --token-file=token-1.txt",
    '{"type":"object","properties":{"password":{"type":"string"},"token":{"type":"string"}}}',
    "/usr/lib/python3.11/site-packages/transformers/models/qwen3/tokenization_qwen3.py",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA",
    "10.0.0.7:8300, 127.0.0.1, 192.168.1.20, ::1, fe80::1, 12:34:56, aa:bb:cc:dd:ee:ff",
    "order 4111-2222, 2026-11-21 18:30:05, 1,234,567.89, 0x7fff5fbff8c0, page 13 of 19",
]


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    for redactor in (REDACTOR, ALL):
        assert redactor.text(text) == text
        assert redactor.said(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "OPENAI_API_KEY=sk-pro...EFGH",
        "api_key: ghp_ab...wxyz",
        "password: ***",
        "Authorization: Bearer ***",
        "[REDACTED PRIVATE KEY]",
        "token=\u00abredacted-vault-secret\u00bb",
        "https://anna:***@db.example/x",
        '{"password": "[REDACTED]", "token": "***"}',
    ],
)
def test_what_hermes_has_masked_already_stays_as_it_is(text: str) -> None:
    for redactor in (REDACTOR, ALL):
        assert redactor.said(text) == text


def test_nothing_hides_behind_a_placeholder_that_somebody_wrote() -> None:
    token = TOKENS["github-token"]
    mark = "[redacted:jwt:0123abcd]"
    for text in (f"https://anna:{mark}{token}@db.example/x", f"token={mark}{token}", mark + token):
        cleaned = REDACTOR.text(text)
        assert token not in cleaned
        assert mark in cleaned


def test_off_changes_nothing_and_untouched_values_are_equal_to_the_byte() -> None:
    off = Redactor("off", b"")
    everything = " ".join([*TOKENS.values(), *PERSONAL.values()])
    assert off.text(everything) == everything
    assert off.json({"password": "kX9-plum-tree"}) == {"password": "kX9-plum-tree"}
    spaced = '{ "path" :  "notes.txt",\n"n":1.0 }'
    assert REDACTOR.said(spaced) == spaced


PIECES = [
    *TOKENS.values(),
    *PERSONAL.values(),
    *(text for text, _ in SAID.values()),
    *("password=", "token: ", '"', "'", "\\", "\n", " ", "-", "_", ".", "@", "=", "/", "a", "7"),
    *("{", "}", "[", "]", ":", ",", "[redacted:jwt:0123abcd]", "\u00e9", "\ud800"),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("".join)


@given(TEXTS)
def test_redacting_redacted_text_changes_nothing(text: str) -> None:
    for redactor in (REDACTOR, ALL):
        once = redactor.text(text)
        assert redactor.text(once) == once


@given(
    st.recursive(
        TEXTS | st.none() | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["password", "text", "x"]), inner, max_size=3)
            | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=3)
            | inner.map(lambda value: json.dumps(value))
        ),
        max_leaves=6,
    )
)
def test_redacting_redacted_json_changes_nothing(value: Any) -> None:
    once = ALL.json(value)
    assert ALL.json(once) == once


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_parts_joined_read_as_their_whole_text_redacted(parts: list[str]) -> None:
    cleaned = ALL.texts(parts)
    assert len(cleaned) == len(parts)
    assert "".join(cleaned) == ALL.text("".join(parts))


def test_json_nested_too_deep_to_look_into_is_taken_out_whole() -> None:
    value: Any = TOKENS["jwt"]
    for _ in range(900):
        value = [value]
    assert TOKENS["jwt"] not in repr(REDACTOR.json(value))
    assert TOKENS["jwt"] not in REDACTOR.said("[" * 5000 + f'"{TOKENS["jwt"]}"' + "]" * 5000)


HOSTILE = [
    *(
        "a",
        "0",
        " ",
        "-",
        "eyJ",
        "sk-",
        "AKIA",
        "A" * 30 + ".",
        "://",
        "a:",
        "@",
        "a@",
        "a@a.",
        "0 ",
    ),
    *("password=", 'password="', "password: \\", "bearer ", "authorization: basic ", "login a "),
    *("-" * 5 + "BEGIN PRIVATE KEY" + "-" * 5, "0-", "+1 ", "(415) ", "1.", "1:", "a::", "A1 "),
    *(
        "machine a login b ",
        "http://a:",
        "http://a:b",
        "ghp_",
        "A" * 76 + "\n",
        "[redacted:",
        "/home/",
    ),
    *(
        "MAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAA.",
        "AB12 ",
        "4111 ",
        "[redacted:jwt:0123abcd]",
        "key-0",
        "{",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
def test_ten_times_the_text_takes_about_ten_times_as_long_whatever_it_is(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        began = time.process_time()
        ALL.said(text)
        return time.process_time() - began

    seconds(1000)
    small = min(seconds(100_000) for _ in range(3))
    assert seconds(1_000_000) < 30 * max(small, 0.005)
