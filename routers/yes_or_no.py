"""Whether a message is a plain yes or a plain no. A few languages, no model. Pure.

Only what says nothing else is one: `yes, but with the other file` is a new request, and whoever
takes it for a yes spends money on the old one. `capture.cues` reads the same languages.
"""

from __future__ import annotations

import re

_YES = (
    r"y|yes|yep|yeah|yup|sure|ok|okay|go ahead|go for it|do it|do that|please do|approved?|allow"
    r"|of course|certainly|absolutely|sounds good|fine|that'?s fine"
    r"|ja|jawohl|jo|klar|gerne|mach(?: das| es)?|einverstanden|natürlich|passt|in ordnung"
    r"|oui|ouais|d'accord|vas-y|allez-y|bien sûr|s[ií]|claro|vale|adelante|de acuerdo|por supuesto"
    r"|sì|certo|va bene|d'accordo|sim|pode ser|está bem|tá|ja tack|да|давай|конечно|хорошо|ладно"
    r"|是|是的|好|好的|可以|行|同意|はい|うん|いいよ|お願いします|네|예|응|그래|좋아"
)
_NO = (
    r"n|no|nope|nah|no way|don'?t|do not|do not do (?:it|that)|don'?t do (?:it|that)|stop|cancel"
    r"|deny|denied|never ?mind|not now|stay (?:at )?home|keep it (?:at )?home"
    r"|nein|nee|nö|lass(?: das| es)?|lieber nicht|nicht|bleib(?: zu ?hause)?"
    r"|non|pas maintenant|surtout pas|mejor no|ahora no|para nada|no,? grazie|meglio di no"
    r"|não|agora não|nej|нет|не надо|не сейчас"
    r"|不|不是|不用|不要|不行|否|いいえ|いや|やめて|だめ|아니|아니요|아니오|안 돼|안돼"
)
_POLITE = (
    r"please|thanks|thank you|thx|bitte|danke|gern|s'il (?:te|vous) pla[iî]t|merci|por favor"
    r"|gracias|per favore|grazie|por favor|obrigad[oa]|tack|пожалуйста|спасибо|谢谢|ありがとう"
    r"|this time|diesmal"
)
_BETWEEN = r"[\s,.!;:\u2026\u3002\u3001\uff01\uff0c\u2013\u2014\-]*"
_THUMB = {"\N{THUMBS UP SIGN}": True, "\N{THUMBS DOWN SIGN}": False, "+1": True, "-1": False}
_MOST = 60
"""Characters of the longest plain word."""


def _plain(words: str) -> re.Pattern[str]:
    """One of these words or more, with nothing but politeness about them."""
    some = rf"(?:{_POLITE}){_BETWEEN}"
    said = rf"(?:(?:{words}){_BETWEEN}){{1,3}}"
    return re.compile(rf"{_BETWEEN}(?:{some}){{0,2}}{said}(?:{some}){{0,2}}")


_SAYS_YES, _SAYS_NO = _plain(_YES), _plain(_NO)


def yes_or_no(text: str) -> bool | None:
    """Whether a message says yes (True) or no (False) and nothing else; None for any other."""
    said = text.strip().strip("\"'*_`>() ").lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if not said or len(said) > _MOST:
        return None
    if said in _THUMB:
        return _THUMB[said]
    if _SAYS_NO.fullmatch(said):
        return False
    return True if _SAYS_YES.fullmatch(said) else None
