"""Secrets that open nothing, one of each kind, put together at run time: none stands in a file, so
that nobody who looks for keys in repositories finds one here."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Mapping

import orjson

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
BASE64 = ALNUM + "+/"
URLSAFE = ALNUM + "_-"

_chance = random.Random(20261121)


def _some(alphabet: str, number: int) -> str:
    """Characters by chance, the same in every run; a letter and a digit first, as the checks for
    look-alikes want both."""
    letter = next(c for c in reversed(alphabet) if c.isalpha())
    return letter + "7" + "".join(_chance.choices(alphabet, k=number - 2))


def _url64(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _pem(kind: str) -> str:
    lines = "\n".join(_some(BASE64, 64) for _ in range(4))
    dashes = "-" * 5
    return f"{dashes}BEGIN {kind}{dashes}\n{lines}\n{dashes}END {kind}{dashes}"


_JWT = f"{_url64({'alg': 'HS256', 'typ': 'JWT'})}.{_url64({'sub': '1', 'name': 'A'})}"

TOKENS: Mapping[str, str] = {
    "anthropic-key": "sk-" + "ant-api03-" + _some(URLSAFE, 93),
    "openai-key": "sk-" + "proj-" + _some(URLSAFE, 64),
    "openai-key, old": "sk-" + _some(ALNUM, 48),
    "openrouter-key": "sk-" + "or-v1-" + _some(HEX, 64),
    "github-token": "ghp" + "_" + _some(ALNUM, 36),
    "github-token, fine": "github" + "_pat_" + _some(ALNUM, 22) + "_" + _some(ALNUM, 59),
    "gitlab-token": "gl" + "pat-" + _some(URLSAFE, 20),
    "aws-key-id": "AK" + "IA" + _some(UPPER, 16),
    "slack-token": "xo" + "xb-" + "123456789012-123456789012-" + _some(ALNUM, 24),
    "stripe-key": "sk" + "_live_" + _some(ALNUM, 24),
    "google-key": "AI" + "za" + _some(URLSAFE, 35),
    "google-token": "ya" + "29." + _some(URLSAFE, 60),
    "huggingface-token": "hf" + "_" + _some(ALNUM, 34),
    "npm-token": "np" + "m_" + _some(ALNUM, 36),
    "pypi-token": "py" + "pi-AgEIcHlwaS5vcmc" + _some(URLSAFE, 80),
    "rubygems-key": "ruby" + "gems_" + _some(HEX, 48),
    "telegram-token": "1234567890:" + "AA" + _some(URLSAFE, 33),
    "discord-token": "M" + _some(ALNUM, 25) + "." + _some(URLSAFE, 6) + "." + _some(URLSAFE, 38),
    "twilio-key": "S" + "K" + _some(HEX, 32),
    "sendgrid-key": "S" + "G." + _some(URLSAFE, 22) + "." + _some(URLSAFE, 43),
    "mailgun-key": "ke" + "y-" + _some(HEX, 32),
    "digitalocean-token": "do" + "p_v1_" + _some(HEX, 64),
    "heroku-key": "HR" + "KU-" + _some(URLSAFE, 60),
    "shopify-token": "sh" + "pat_" + _some(HEX, 32),
    "databricks-token": "da" + "pi" + _some(HEX, 32),
    "docker-token": "dc" + "kr_pat_" + _some(URLSAFE, 27),
    "vault-token": "hv" + "s." + _some(URLSAFE, 90),
    "1password-token": "op" + "s_" + _url64({"signInAddress": "x", "deviceUuid": "y", "n": 1}),
    "1password-key": "A3" + "-" + "-".join(_some(UPPER, n) for n in (6, 6, 5, 5, 5, 5)),
    "newrelic-key": "NR" + "AK-" + _some(UPPER, 27),
    "sentry-token": "sn" + "trys_" + _some(ALNUM, 64),
    "grafana-token": "gl" + "sa_" + _some(ALNUM, 32) + "_" + _some(HEX, 8),
    "postman-key": "PM" + "AK-" + _some(HEX, 24) + "-" + _some(HEX, 34),
    "linear-key": "li" + "n_api_" + _some(ALNUM, 40),
    "notion-token": "nt" + "n_" + _some(ALNUM, 46),
    "doppler-token": "dp" + ".pt." + _some(ALNUM, 43),
    "figma-token": "fi" + "gd_" + _some(URLSAFE, 40),
    "tailscale-key": "ts" + "key-auth-" + _some(ALNUM, 32),
    "atlassian-token": "AT" + "ATT3x" + _some(URLSAFE, 150),
    "groq-key": "gs" + "k_" + _some(ALNUM, 52),
    "xai-key": "xa" + "i-" + _some(ALNUM, 80),
    "replicate-token": "r8" + "_" + _some(ALNUM, 37),
    "nvidia-key": "nv" + "api-" + _some(URLSAFE, 64),
    "mailchimp-key": _some(HEX, 32) + "-u" + "s12",
    "square-token": "sq" + "0atp-" + _some(URLSAFE, 22),
    "terraform-token": _some(ALNUM, 14) + ".atlas" + "v1." + _some(URLSAFE, 67),
    "pulumi-token": "pu" + "l-" + _some(HEX, 40),
    "airtable-token": "pa" + "t" + _some(ALNUM, 14) + "." + _some(HEX, 64),
    "supabase-key": "sb" + "p_" + _some(HEX, 40),
    "planetscale-token": "ps" + "cale_tkn_" + _some(URLSAFE, 43),
    "perplexity-key": "pp" + "lx-" + _some(ALNUM, 48),
    "facebook-token": "EA" + "A" + _some(ALNUM, 120),
    "google-token, secret": "GOC" + "SPX-" + _some(URLSAFE, 28),
    "stripe-key, hook": "wh" + "sec_" + _some(ALNUM, 32),
    "slack-token, app": "xa" + "pp-1-A0AA1BB2C-" + _some(HEX, 64),
    "mailgun-key, new": "-".join(_some(HEX, n) for n in (32, 8, 8)),
    "newrelic-key, licence": _some(HEX, 36) + "NR" + "AL",
    "azure-key, secret": _some(ALNUM, 3) + "8Q" + "~" + _some(ALNUM, 34),
    "age-key": "AGE-" + "SECRET-KEY-1" + _some(UPPER, 58),
    "majordomo-key": "mj" + "d_" + _some(URLSAFE, 43),
    "jwt": f"{_JWT}." + _some(URLSAFE, 43),
}
"""One secret of each kind that is known by its own look: letters, digits, `_`, `-`, `.` and `:`."""

PHRASES: Mapping[str, tuple[str, str]] = {
    "private-key": (_pem("RSA PRIVATE KEY"), ""),
    "private-key, ssh": (_pem("OPENSSH PRIVATE KEY"), ""),
    "private-key, putty": ("Private-Lines: 8\n", _some(BASE64, 64)),
    "azure-key, signature": ("https://a.blob.example/x?sv=2&sig=", _some(ALNUM, 43) + "%3D"),
    "aws-secret": ("AWS_SECRET_ACCESS_KEY=", _some(BASE64, 40)),
    "azure-key": ("DefaultEndpointsProtocol=https;AccountKey=", _some(BASE64, 86) + "=="),
    "slack-webhook": (
        "https://hooks.slack.com/services",
        "/T0AA1BB2C/B0AA1BB2C/" + _some(ALNUM, 24),
    ),
    "discord-webhook": ("https://discord.com/api/webhooks/1234567890/", _some(URLSAFE, 68)),
    "url-password": ("postgres://anna:", "Tr0ub4dor-and-3"),
    "authorization": ("Authorization: Basic ", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    "authorization, bearer": ("curl -H 'authorization: bearer ", _some(ALNUM, 40)),
    "netrc": ("machine api.example login anna password ", "horse7staple"),
    "sentry-dsn": ("SENTRY_DSN=https://", _some(HEX, 32)),
    "cloudflare-token": ("CLOUDFLARE_API_TOKEN=", _some(URLSAFE, 40)),
    "datadog-key": ("DD_API_KEY: ", _some(HEX, 32)),
    "heroku-key": ("heroku_api_key = ", "a6f1d7c3-1b2c-4d5e-8f90-0123456789ab"),
    "twilio-token": ("TWILIO_AUTH_TOKEN=", _some(HEX, 32)),
    "credential": ("DB_PASSWORD=", "hunter2hunter3"),
    "credential, yaml": ("  client_secret: ", _some(ALNUM, 24)),
    "credential, query": ("https://api.example/v1?access_token=", _some(ALNUM, 24)),
    "credential, quoted": ('const apiKey = "', _some(ALNUM, 24)),
    "credential, option": ("mysql --password ", "s3cr3t!pass"),
}
"""What stands before a secret that is known by its place, and the secret; a key's text is both."""

AFTER: Mapping[str, str] = {"url-password": "@db.example/x", "sentry-dsn": "@o1.ingest.example/2"}
"""What has to follow it."""

PERSONAL: Mapping[str, str] = {
    "mail": "anna.berg" + "@" + "posteo.example",
    "phone": "+49 170 " + "1234567",
    "phone, american": "(415) 555" + "-2671",
    "phone, national": "030 " + "12345678",
    "card": "4111 1111 " + "1111 1111",
    "card, bare": "378282246" + "310005",
    "iban": "DE89 3704 0044 " + "0532 0130 00",
    "iban, bare": "GB82WEST1234" + "5698765432",
    "ip": "93.184." + "216.34",
    "ip, six": "2606:2800:220:1:" + "248:1893:25c8:1946",
}


def said() -> Mapping[str, tuple[str, str]]:
    """By name: a sentence that holds the secret, and what of it must be nowhere."""
    found = {name: (f"the key is {token} indeed", token) for name, token in TOKENS.items()}
    for name, (before, secret) in PHRASES.items():
        whole = before + secret + AFTER.get(name, "")
        found[name + ", named"] = (whole, secret or before.split("\n")[1])
    return found
