"""What secrets and personal data look like: the rules as data, the most telling first.

A rule's pattern is tried only where one of its hints stands, and finds its group. Patterns go on to
the end of a token, so that no half of one is left. Formats are their issuers' own, as published or
as their keys show them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from capture import redact_checks as checks
from capture.linear import Pattern


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing that is taken out."""

    kind: str
    """Its word in the placeholder: lower-case letters, digits and `-`."""
    pattern: Pattern
    hints: tuple[str, ...]
    """In lower case: any text it can match has one of them."""
    check: Callable[[str], bool] | None = None
    """Whether what was found is such a thing; None when the pattern says enough."""
    personal: bool = False
    """Personal data, redacted on the level `all` alone."""


DIGITS = tuple("0123456789")
"""The hints of what has a digit in it, and nothing else that tells."""
_BEFORE = r"(?:^|[^A-Za-z0-9_-]|\\[nrtbf]|%[0-9A-Fa-f]{2})"
"""Where a token may begin: also after an escaped line's end, and in an address."""
_SET = r"""["'\x60\\\]]{0,9}\s{0,4}(?::=|=>|[:=])\s{0,4}["'\x60\\]{0,9}"""
"""Between a name and its value, in any notation: `a=b`, `"a": "b"`, `\\"a\\": \\"b\\"`."""


def _token(
    kind: str, pattern: str, *hints: str, check: Callable[[str], bool] | None = None
) -> Rule:
    """A secret that is known by its own look."""
    return Rule(kind, Pattern(pattern), hints or DIGITS, check)


def _named(kind: str, names: str, value: str, *hints: str) -> Rule:
    """A secret that is known by what it is called."""
    pattern = rf"(?i)(?:{names})[a-z0-9_ .-]{{0,24}}{_SET}({value})"
    return Rule(kind, Pattern(pattern), hints, checks.mixed)


def _personal(kind: str, pattern: str, check: Callable[[str], bool], *hints: str) -> Rule:
    return Rule(kind, Pattern(pattern), hints or DIGITS, check, personal=True)


_T = r"[A-Za-z0-9_-]"
_PEM = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_PEM_LINES = r"[A-Za-z0-9+/=\s\\:,._()-]*"

KEYS: tuple[Rule, ...] = (
    _token("private-key", rf"{_PEM}{_PEM_LINES}", "private key"),
    _token("private-key", r"Private-Lines: \d+(?:\s|\\+[rn])+[A-Za-z0-9+/=\s\\]+", "private-lines"),
    _token("age-key", r"AGE-(?:SECRET-KEY|PLUGIN-[A-Z0-9]+)-1[0-9A-Z]{30,}", "age-"),
    _token("majordomo-key", rf"mjd_{_T}{{32,}}", "mjd_"),
    _token("anthropic-key", rf"sk-ant-{_T}{{16,}}", "sk-ant-"),
    _token("openrouter-key", r"sk-or-(?:v1-)?[A-Za-z0-9-]{24,}", "sk-or-"),
    _token(
        "openai-key",
        rf"{_BEFORE}(sk-(?:[A-Za-z0-9]{{2,16}}-){{0,3}}[A-Za-z0-9_]{{20,}}{_T}*|sk-proj-{_T}{{20,}})",
        "sk-",
        check=checks.mixed,
    ),
    _token("github-token", r"gh[pousr]_[A-Za-z0-9_]{30,}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _token("github-token", r"github_pat_[A-Za-z0-9_]{22,}", "github_pat_"),
    _token(
        "gitlab-token",
        r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_.-]{20,}",
        *("glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-"),
        *("glagent-", "glsoat-", "glffct-", "glwt-"),
    ),
    _token("aws-key-id", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}", "akia", "asia", "abia", "acca"),
    _token("aws-secret", rf"(?i)secret_?access_?key{_SET}([A-Za-z0-9/+]{{40}}={{0,2}})", "secret"),
    _token("slack-token", r"xox[abceoprs]-[A-Za-z0-9-]{10,}", "xox"),
    _token("slack-token", r"xapp-\d-[A-Za-z0-9-]{10,}", "xapp-"),
    _token(
        "slack-webhook",
        r"hooks\.slack\.com(?:/|\\/)+(?:services|workflows|triggers)((?:/|\\/)[A-Za-z0-9/\\+_-]{20,})",
        "hooks.slack.com",
    ),
    _token("stripe-key", r"[sr]k_(?:live|test)_[A-Za-z0-9_]{16,}", "k_live_", "k_test_"),
    _token("stripe-key", r"whsec_[A-Za-z0-9+/=]{24,}", "whsec_"),
    _token("google-key", rf"AIza{_T}{{35,}}", "aiza"),
    _token("google-token", rf"ya29\.{_T}{{20,}}", "ya29."),
    _token("google-token", rf"GOCSPX-{_T}{{20,}}", "gocspx-"),
    _token("google-token", rf"1//0{_T}{{30,}}", "1//0"),
    _token("azure-key", r"(?i)(?:Account|SharedAccess)Key=([A-Za-z0-9+/]{40,}={0,2})", "key="),
    _token("azure-key", r"[?&]sig=([A-Za-z0-9%+/=_-]{40,})", "sig="),
    _token("azure-key", r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,}", "7q~", "8q~"),
    _token("huggingface-token", r"hf_[A-Za-z0-9]{30,}", "hf_"),
    _token("npm-token", r"npm_[A-Za-z0-9]{36,}", "npm_"),
    _token("pypi-token", rf"pypi-{_T}{{40,}}", "pypi-"),
    _token("rubygems-key", r"rubygems_[0-9a-f]{40,}", "rubygems_"),
    _token("telegram-token", rf"[0-9]{{8,10}}:AA{_T}{{32,}}", ":aa"),
    _token(
        "discord-token",
        rf"{_BEFORE}([MNO]{_T}{{22,28}}\.{_T}{{6}}\.{_T}{{27,}})",
        check=checks.mixed,
    ),
    _token("discord-webhook", rf"(?:/|\\/)webhooks(?:/|\\/)\d+(?:/|\\/)({_T}{{60,}})", "webhooks"),
    _token("twilio-key", _BEFORE + r"(SK[0-9a-f]{32})"),
    _token("sendgrid-key", rf"SG\.{_T}{{16,}}\.{_T}{{16,}}", "sg."),
    _token("mailgun-key", _BEFORE + r"(key-[0-9a-f]{32,})", "key-", check=checks.mixed),
    _token(
        "mailgun-key", _BEFORE + r"([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b)", check=checks.mixed
    ),
    _token("mailchimp-key", _BEFORE + r"([0-9a-f]{32}-us[0-9]{1,2}\b)", "-us"),
    _token("digitalocean-token", r"do[opr]_v1_[0-9a-f]{60,}", "_v1_"),
    _token("heroku-key", rf"HRKU-{_T}{{30,}}", "hrku-"),
    _token("shopify-token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}", "shp"),
    _token("square-token", rf"sq0(?:atp|csp|idp)-{_T}{{22,}}", "sq0"),
    _token("databricks-token", _BEFORE + r"(dapi[0-9a-f]{32,}(?:-\d)?)", "dapi"),
    _token("docker-token", rf"dckr_(?:pat|oat)_{_T}{{20,}}", "dckr_"),
    _token("terraform-token", rf"[A-Za-z0-9]{{14}}\.atlasv1\.{_T}{{60,}}", ".atlasv1."),
    _token("vault-token", rf"{_BEFORE}(hv[sbr]\.{_T}{{24,}})", "hvs.", "hvb.", "hvr."),
    _token("1password-token", rf"ops_eyJ{_T}{{50,}}", "ops_eyj"),
    _token("1password-key", _BEFORE + r"(A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,5}\b)", "a3-"),
    _token(
        "newrelic-key",
        _BEFORE + r"(NR(?:AK|JS|II|RA)-[A-Za-z0-9_-]{19,})",
        "nrak-",
        "nrjs-",
        "nrii-",
        "nrra-",
    ),
    _token("newrelic-key", _BEFORE + r"([0-9a-f]{36}NRAL\b)", "nral"),
    _token("sentry-token", r"sntry[su]_[A-Za-z0-9+/=_-]{40,}", "sntry"),
    _token("sentry-dsn", r"https?:(?:/|\\/){2}([0-9a-f]{32}(?::[0-9a-f]{32})?)@", "http"),
    _token("grafana-token", r"gl(?:c|sa)_[A-Za-z0-9+/=_]{32,}", "glc_", "glsa_"),
    _token("postman-key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", "pmak-"),
    _token("linear-key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}", "lin_"),
    _token("notion-token", _BEFORE + r"(ntn_[A-Za-z0-9]{40,})", "ntn_"),
    _token(
        "doppler-token", _BEFORE + r"(dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,})", "dp."
    ),
    _token("pulumi-token", r"pul-[0-9a-f]{40,}", "pul-"),
    _token("figma-token", rf"figd_{_T}{{40,}}", "figd_"),
    _token("tailscale-key", r"tskey-[a-z]+-[A-Za-z0-9-]{16,}", "tskey-"),
    _token("atlassian-token", r"AT(?:ATT3|CTT3)[A-Za-z0-9_=-]{50,}", "tt3"),
    _token("airtable-token", _BEFORE + r"(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})", "pat"),
    _token("supabase-key", rf"sb(?:p_[0-9a-f]{{40}}|_secret_{_T}{{20,}})", "sbp_", "sb_secret_"),
    _token("planetscale-token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}", "pscale_"),
    _token("facebook-token", _BEFORE + r"(EAA[A-Za-z0-9]{80,})", "eaa"),
    _token("groq-key", r"gsk_[A-Za-z0-9]{40,}", "gsk_"),
    _token("xai-key", r"xai-[A-Za-z0-9_-]{60,}", "xai-"),
    _token("perplexity-key", r"pplx-[A-Za-z0-9]{40,}", "pplx-"),
    _token("replicate-token", _BEFORE + r"(r8_[A-Za-z0-9]{37,})", "r8_"),
    _token("nvidia-key", rf"nvapi-{_T}{{60,}}", "nvapi-"),
    _token("jwt", rf"eyJ{_T}{{8,}}\.eyJ{_T}{{8,}}(?:\.{_T}*){{0,3}}", "eyj"),
    _token("jwt", rf"eyJ{_T}{{8,}}(?:\.{_T}*){{3}}\.{_T}+", "eyj"),
    _token(
        "url-password",
        r"[A-Za-z0-9+.-]:(?:/|\\/){2}[^\s:/@\"'\\<>]*:([^\s/@\"'\\]+)@",
        "://",
        ":\\/\\/",
        check=checks.url_password,
    ),
    _token(
        "authorization",
        rf"(?i)authorization{_SET}(?:bearer|basic|token|apikey|digest)\s+([A-Za-z0-9._~+/=-]{{8,}})",
        "authorization",
    ),
    _token(
        "authorization",
        r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})",
        "bearer",
        check=checks.mixed,
    ),
    _token("netrc", r"(?i)\blogin\s+[^\s]+\s+password\s+([^\s]+)", "login"),
    _named("cloudflare-token", "cloudflare|cf_", r"[A-Za-z0-9_-]{37,}", "cloudflare", "cf_"),
    _named("datadog-key", "datadog|dd_", r"[0-9a-f]{32,}", "datadog", "dd_"),
    _named("heroku-key", "heroku", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "heroku"),
    _named("twilio-token", "twilio", r"[0-9a-f]{32}", "twilio"),
)
"""Secrets that stand out by themselves; base64 is looked into for these."""

_NAMES = (
    r"pass(?:word|wd|phrase|wort)|pwd|secret|token|credentials?|"
    r"(?:api|access|private|secret|auth|account|encryption|signing|master)[_-]?key"
)
NAMES = Pattern(rf"(?i).*(?:{_NAMES})[0-9]*")
"""What names a credential, as the name of a field: `db_password`, `X-Api-Key`, `clientSecret2`."""
_HINTS = ("pass", "pwd", "secret", "token", "credential", "key")
_STOPS = r"""\s"'\x60\\&;,<>(){}\[\]|"""

NAMED: tuple[Rule, ...] = (
    Rule(
        "credential",
        Pattern(
            rf"(?i)(?:{_NAMES})[0-9]*"
            r"""["'\\\]]{0,9}\s{0,4}(?::=|=>|[:=])\s{0,4}\\{0,9}["'\x60]([^\s"'\x60\\]{8,})"""
        ),
        _HINTS,
        checks.credential,
    ),
    Rule(
        "credential",
        Pattern(
            rf"(?i)(?:{_NAMES})[0-9]*"
            rf"""["'\\\]]{{0,9}}\s{{0,4}}(?::=|=>|[:=])\s{{0,4}}([^{_STOPS}]{{8,}})(?:$|[^A-Za-z0-9_(\[.])"""
        ),
        _HINTS,
        checks.bare_credential,
    ),
    Rule(
        "credential",
        Pattern(rf"(?i)--(?:[a-z0-9]+-)*(?:{_NAMES})[ =]+[\"'\\]{{0,9}}([^{_STOPS}]{{8,}})"),
        ("--",),
        checks.credential,
    ),
)
"""Values that only their name makes secret."""

PERSONAL: tuple[Rule, ...] = (
    _personal("mail", r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}", checks.mail, "@"),
    _personal(
        "iban", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", checks.iban
    ),
    _personal("card", r"\b[0-9](?:[ -]?[0-9]){12,18}\b", checks.card),
    _personal(
        "phone",
        r"(?:^|[^A-Za-z0-9+])(\+[1-9][0-9]{0,2}(?:[ .\-/]?\(?[0-9]{1,5}\)?){2,6})",
        checks.phone,
        "+",
    ),
    _personal(
        "phone", r"(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[.-])[0-9]{3}[.-][0-9]{4}\b", checks.phone
    ),
    _personal("phone", r"\b0[0-9]{2,4}[ /-][0-9]{3,9}(?:[ -][0-9]{2,6}){0,3}\b", checks.phone),
    _personal(
        "ip",
        r"(?:^|[^A-Za-z0-9_./-]|//)((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:$|[^A-Za-z0-9_.-]|\.(?:$|\s))",
        checks.public_address,
        ".",
    ),
    _personal(
        "ip",
        r"\b[23][0-9A-Fa-f]{3}(?:(?::[0-9A-Fa-f]{1,4}){7}|(?::[0-9A-Fa-f]{1,4}){0,5}:(?::[0-9A-Fa-f]{1,4}){1,6})",
        checks.public_address,
    ),
    _personal(
        "user",
        r"(?:(?:^|[^A-Za-z0-9._-]|\\[nrt])(?:/home/|/Users/)|[A-Za-z]:[\\/]{1,4}Users[\\/]{1,4})([A-Za-z0-9._-]+)",
        checks.person,
        "/home/",
        "users",
    ),
)


class Table(NamedTuple):
    """Rules that are tried together."""

    rules: tuple[Rule, ...]
    hints: Mapping[str, Sequence[int]]
    """Every hint, and the places of the rules it is of."""


def _table(*rules: Rule) -> Table:
    places: dict[str, list[int]] = {}
    for place, rule in enumerate(rules):
        for hint in rule.hints:
            places.setdefault(hint, []).append(place)
    return Table(rules, places)


SECRETS = _table(*KEYS, *NAMED)
EVERYTHING = _table(*KEYS, *NAMED, *PERSONAL)
ENCODED = _table(*KEYS)
"""What base64 is looked into for."""
DIGITS_ONLY = _table(*(rule for rule in KEYS if rule.hints == DIGITS))
TELLING = Pattern("|".join(re.escape(hint) for hint in ENCODED.hints if hint not in DIGITS))
"""Any hint of a key that is more than a digit, in lower case: without one, only the rules that need
no more are tried on what was base64."""
