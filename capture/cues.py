"""How people open a turn when the last answer was wrong, or right. A few languages, no model.

Only openings count: what stands further inside a turn is mostly about something else. Pure.
"""

from __future__ import annotations

import re

_NO = re.compile(
    r"(?:no|nope|nah|nein|nee|non|нет|nej|não|いいえ|いや|아니(?:요|야)?)"
    r"(?=\s*(?:$|[-,.!;:\u2013\u2014])|\s+(?:that|this|it|i|you|not|wrong|don'?t|wait|the|das|so|ich|nicht"
    r"|c'?est|je|pas|eso|es|quiero|é)\b)"
    r"(?!\s*[,.!]?\s*(?:thanks|thank|problem|worries|need|danke|merci|gracias|grazie|obrigad))"
)
_CORRECTION = re.compile(
    r"(?:"
    r"(?:that|this|it|which)(?:'s|s| is| was| looks)(?: still| just| simply| totally| completely)?"
    r" (?:not|wrong|incorrect|false)"
    r"|(?:that|this|it) (?:isn'?t|wasn'?t|doesn'?t|didn'?t)"
    r"|(?:wrong|incorrect|actually|doesn'?t work|didn'?t work|try again|undo)\b"
    r"|not (?:quite|right|correct|what|that|like)\b|still (?:not|wrong|broken|fail|does)"
    r"|i (?:meant|said|wanted|asked (?:for|you)|didn'?t (?:mean|ask|want|say))\b"
    r"|you (?:misunderst|forgot|missed|didn'?t|got (?:it|that) wrong|were supposed)"
    r"|falsch|stimmt (?:so )?nicht|nicht (?:das|so|richtig)\b|eigentlich\b"
    r"|das (?:ist|war|stimmt) (?:so )?(?:falsch|nicht)|ich (?:meinte|wollte|sagte)\b"
    r"|faux\b|pas (?:ça|ca|cela|exactement)|(?:ce n|c)'est (?:pas|faux)|je (?:voulais|parlais)\b"
    r"|en fait\b|incorrecto|eso no\b|no es (?:eso|correcto|lo que)|me refer[ií]a|está mal"
    r"|sbagliato|non è (?:quello|corretto|giusto)|intendevo|errado|não (?:é|era) isso"
    r"|неправильно|неверно|не то\b|не так\b|я имел"
    r"|不对|不是这|错了|違(?:う|い)|ちがう|틀렸|그게 아니"
    r")"
)
_THANKS = re.compile(
    r"(?:thanks|thank you|thx|cheers|danke|vielen dank|merci|gracias|grazie|obrigad[oa]|tack\b"
    r"|спасибо|谢谢|謝謝|ありがとう|고마워|감사)"
)
_PRAISE = re.compile(
    r"(?:perfect(?:ly)?|great|excellent|awesome|amazing|brilliant|wonderful|fantastic|lovely|nice"
    r"|good|well done|exactly|correct|right|that'?s (?:it|right|correct|perfect|great|better)"
    r"|that worked|(?:that|it) works|works|looks (?:good|great|right)|lgtm"
    r"|yes[,!.]? (?:exactly|perfect|that'?s (?:it|right)|great)"
    r"|perfekt|super|prima|genau|passt|stimmt|sehr gut|toll|klasse"
    r"|parfait|génial|très bien|exact(?:ement)?|perfecto|genial|exacto|muy bien"
    r"|perfetto|esatto|ottimo|perfeito|ótimo|отлично|верно|完美|很好|完璧|좋아)"
    r"(?=\s*(?:$|[-,.!;:)\u2013\u2014])| (?:job|work|thanks|thank|now)\b)"
)
_BUT = re.compile(r"\b(?:but|however|except|aber|mais|pero|però|mas|но)\b|但")
_WORDS = re.compile(r"\w+")
_BREAKS = " ,.!;:-\u2013\u2014"
_NEAR = 80
"""Characters of a turn in which a `but` takes thanks back."""
_FEWEST_WORDS = 4
_SAME_SHARE = 0.7


def opening_of(text: str) -> str:
    """A turn as the cues read it."""
    return text.strip().lstrip("\"'*_>( ").lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def corrects(text: str, *, answers_question: bool = False) -> bool:
    """Whether a turn opens by saying that the last reply was wrong. After a question of ours a bare
    no is an answer."""
    opening = opening_of(text)
    if _CORRECTION.match(opening):
        return not approves(opening.removeprefix("actually").lstrip(" ,"))
    if (thanks := _THANKS.match(opening) or _PRAISE.match(opening)) is not None:
        but = _BUT.search(opening, thanks.end(), thanks.end() + _NEAR)
        return but is not None and _CORRECTION.match(opening[but.end() :].lstrip(" ,")) is not None
    if (no := _NO.match(opening)) is None:
        return False
    rest = opening[no.end() :].lstrip(_BREAKS)
    return not answers_question or _CORRECTION.match(rest) is not None


def approves(text: str) -> bool:
    """Whether a turn opens with thanks or praise that it does not take back at once."""
    opening = opening_of(text)
    found = _THANKS.match(opening) or _PRAISE.match(opening)
    return found is not None and not _BUT.search(opening, found.end(), found.end() + _NEAR)


def asks_again(text: str, before: str) -> bool:
    """Whether a turn asks what the one before it asked: the same words, or all of them with some
    added or left out. Another value in the same sentence is another request."""
    words, earlier = (_WORDS.findall(opening_of(said)) for said in (text, before))
    if min(len(words), len(earlier)) < _FEWEST_WORDS:
        return False
    if words == earlier:
        return True
    small, large = sorted((set(words), set(earlier)), key=len)
    added = large - small
    if not small <= large or any(any(c.isdigit() for c in word) for word in added):
        return False
    return len(small) / len(large) >= _SAME_SHARE
