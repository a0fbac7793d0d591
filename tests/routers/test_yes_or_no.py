from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.yes_or_no import yes_or_no

YES = [
    "yes", "Yes, please!", "y", "OK", "sure, go ahead", "ja", "Ja, bitte.", "oui, vas-y !", "sí",
    "sì, grazie", "да, пожалуйста", "是的", "はい、お願いします", "네",
    "\N{THUMBS UP SIGN}", "**yes**",
]  # fmt: skip
NO = [
    "no", "No, thanks.", "n", "don\N{RIGHT SINGLE QUOTATION MARK}t", "not now", "keep it at home",
    "nein danke", "non merci", "ahora no", "не надо", "不用", "いいえ", "아니요", "-1",
]  # fmt: skip
NEITHER = [
    "", "yes, but use the other file", "no, the shed", "yes no", "nothing", "yesterday", "okra",
    "yes?  what would it cost", "is it ok", "/escalate", "yes " * 40,
]  # fmt: skip


@pytest.mark.parametrize("said", YES)
def test_a_plain_yes_is_one(said: str) -> None:
    assert yes_or_no(said) is True


@pytest.mark.parametrize("said", NO)
def test_a_plain_no_is_one(said: str) -> None:
    assert yes_or_no(said) is False


@pytest.mark.parametrize("said", NEITHER)
def test_what_says_more_is_neither(said: str) -> None:
    assert yes_or_no(said) is None


@given(st.sampled_from(YES + NO), st.text(alphabet="bcdfghjklm", min_size=2, max_size=8))
def test_nothing_can_be_added_to_a_word(said: str, more: str) -> None:
    assert yes_or_no(f"{said} {more}") is None
