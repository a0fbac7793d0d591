"""Whether what a rule of redaction found is what it looks like. Pure."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter

LEAST = 8
"""Characters of a value that may be a credential for its name alone."""
LEAST_BITS = 2.4
"""Shannon entropy per character of such a value; `aaaaaaa1` has 0.5, `hunter2!` 3."""
_TEMPLATE = re.compile(
    r"^[$%<{]|\$\{|\{\{|\.\.\.|\*\*\*|x{4}|X{4}|\u2026|\u2022|://|^\.{0,2}/|(?i:redacted)"
)
"""What stands for a value, masks one, or is a place: `${TOKEN}`, `<key>`, `sk-...cdef`, `./x`."""
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAME = re.compile(r"[A-Za-z_]\w*")
_LOWER, _UPPER, _DIGIT = re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]")
_SYMBOL = re.compile(r"[^A-Za-z0-9_./:-]")
_SHARED_USERS = frozenset(
    (
        *("admin", "all", "all_users", "default", "guest", "linuxbrew", "me", "name", "node"),
        *("public", "root", "runner", "shared", "ubuntu", "user", "username", "vagrant", "vscode"),
        *("you", "your_name", "your-name"),
    )
)
"""Names of directories among users' that are nobody's."""
_CARD_STARTS = re.compile(r"4|5[1-5]|2[2-7]|3[4-8]|30|6(?:0|2|4|5)")


def mixed(text: str) -> bool:
    """Letters and digits both, as in nearly every token and in few words."""
    return bool(_DIGIT.search(text) and (_LOWER.search(text) or _UPPER.search(text)))


def credential(text: str) -> bool:
    """Whether a value that something called a password, secret or token may well be one."""
    if len(text) < LEAST or _TEMPLATE.search(text) or any(map(str.isspace, text)):
        return False
    if _DOTTED.fullmatch(text) and len(text) < 32:
        return False  # a name in some program
    kinds = sum(bool(kind.search(text)) for kind in (_LOWER, _UPPER, _DIGIT, _SYMBOL))
    return (mixed(text) or kinds >= 3) and _bits(text) >= LEAST_BITS


def bare_credential(text: str) -> bool:
    """The same for a value without quotes, which in a program is mostly a name."""
    if "_" in text and _NAME.fullmatch(text):
        every = all(kind.search(text) for kind in (_LOWER, _UPPER, _DIGIT))
        return len(text) >= 20 and every and credential(text)
    return credential(text)


def url_password(text: str) -> bool:
    """Whether the password of an address may be one, and no template of one."""
    return len(text) > 1 and not _TEMPLATE.search(text)


def card(text: str) -> bool:
    """A number of a payment card: a known issuer, and Luhn's check digit (ISO/IEC 7812-1)."""
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    if not _CARD_STARTS.match("".join(map(str, digits))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """An international bank account number: its two check digits fit (ISO 13616, mod 97)."""
    bare = text.replace(" ", "").upper()
    if not 15 <= len(bare) <= 34 or not bare[4:].isalnum():
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def phone(text: str) -> bool:
    """As many digits as telephone numbers have (E.164), and no date."""
    digits = sum(c.isdigit() for c in text)
    return 8 <= digits <= 15 and not re.search(r"(?:19|20)\d\d[-/ ][01]?\d[-/ ]", text)


def public_address(text: str) -> bool:
    """An IP address that the whole internet can tell from others. Those of one's own house and
    machine, and of documentation, say nothing of anybody."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def person(text: str) -> bool:
    """A user's name in a path, and not one that every such machine has."""
    return text.lower() not in _SHARED_USERS and text.strip(".") != ""


def mail(text: str) -> bool:
    """An address of somebody; `git@` is how code hosts are spoken to."""
    return not text.startswith("git@")


def _bits(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
