"""How people open a turn when the last answer was wrong, or right. A few languages, no model.

Only openings count: what stands further inside a turn is mostly about something else. Pure.
"""

from __future__ import annotations

import re

_NO = re.compile(
    r"(?:no|nope|nah|nein|nee|non|нет|nej|não|いいえ|いや|아니(?:요|야)?)"
    r"(?=\s*(?:$|[,.!;:\u2013\u2014])|\s+(?:-|(?:that|this|it|i|you|not|wrong|don'?t|wait|the|das|so"
    r"|ich|nicht|c'?est|je|pas|eso|es|quiero|é)\b))"
    r"(?!\s*[,.!]?\s*(?:thanks|thank|problem|worries|need|danke|merci|gracias|grazie|obrigad))"
    r"(?![.:]?\s*\d)"  # a number of something
)
_FINE = r"(?! (?:matter|needed|necessary|urgent|important|bad\b|a problem|all\b|too\b))"
"""What after a `not` is no complaint."""
_CORRECTION = re.compile(
    r"(?:"
    r"(?:that|this|it|which)(?:'s|s| is| was| looks)(?: still| just| simply| totally| completely)?"
    rf" (?:not{_FINE}|wrong|incorrect|false)"
    rf"|(?:that|this|it) (?:isn'?t|wasn'?t|doesn'?t|didn'?t){_FINE}"
    r"|(?:(?:ok|okay|so|great|nice|well|hm+),? )?(?:and )?(?:now )?(?:it|that|this)"
    r"(?: now| still| just| always)* (?:fails|failed|crash(?:es|ed)|breaks|broke|hangs)\b"
    r"|(?:wrong|incorrect|doesn'?t work|didn'?t work|try again|undo)(?![-\w])"
    r"|not (?:quite|right|correct|what|like|that(?! (?:i|it|we)))\b"
    r"|still (?:not|wrong|broken|fail|does|crash)"
    r"|i (?:meant|said|asked (?:for|you)|didn'?t (?:mean|ask|want|say))\b"
    r"|i wanted (?!(?:to|also|another|one more|something else|some more)\b)"
    r"|i wanted to .{0,80}(?:\bnot\b|\binstead\b|\brather\b)"
    r"|you (?:misunderst|forgot|missed|didn'?t|broke|got (?:it|that) wrong|were supposed)"
    r"|falsch|stimmt (?:so )?nicht|nicht (?:das|so|richtig)\b"
    r"|das (?:ist|war|stimmt) (?:so )?(?:falsch|nicht)|ich (?:meinte|wollte|sagte)\b"
    r"|faux\b|pas (?:ça|ca|cela|exactement)|(?:ce n|c)'est (?:pas|faux)|je (?:voulais|parlais)\b"
    r"|incorrecto|eso no\b|no es (?:eso|correcto|lo que)|me refer[ií]a|está mal"
    r"|sbagliato|non è (?:quello|corretto|giusto)|intendevo|errado|não (?:é|era) isso"
    r"|неправильно|неверно|не то\b|не так\b|я имел"
    r"|不对|不是这|错了|違(?:う|い)|ちがう|틀렸|그게 아니"
    r")"
)
_ACTUALLY = re.compile(r"(?:actually|eigentlich|en fait)\b[\s,.:\u2013\u2014-]*")
"""Opens a correction, and as often an afterthought: what follows says which."""
_INSTEAD = re.compile(
    r"(?:no\b|don'?t\b|wait\b|use\b|make (?:it|that|them|this)\b|change (?:it|that|them|this)\b"
    r"|revert\b|go back\b|it (?:should|has to|must|needs to)\b"
    r"|(?:it|that|this|they|he|she)(?:'s| is| was| are|'re| were)"
    r" (?!(?:fine|ok|okay|good|great|nice|perfect|right|correct|better|enough|all|also|pretty|quite"
    r"|very|really|even|working|easy|hard|interesting|cool)\b)"
    r"|[^.?!]{0,60}\b(?:instead|rather)\b"
    r"|nein\b|nicht\b|wollte ich\b|meinte ich\b|non\b|pas\b|c'est\b|il fa(?:ut|llait)\b)"
)
_THANKS = re.compile(
    r"(?:thanks|thank you|thx|cheers|danke|vielen dank|merci|gracias|grazie|obrigad[oa]|tack\b"
    r"|спасибо|谢谢|謝謝|ありがとう|고마워|감사)"
)
_PRAISE = re.compile(
    r"(?:perfect(?:ly)?|great|excellent|awesome|amazing|brilliant|wonderful|fantastic|lovely|nice"
    r"|good|well done|exactly|correct|right"
    r"|that'?s (?:it|right|correct|perfect|great|better)(?: now)?|that worked"
    r"|(?:(?:that|it|this) )?works(?: now| again| fine| great| perfectly| for me)?"
    r"|(?:that |it |this )?looks (?:good|great|right)(?: now)?|lgtm"
    r"|yes[,!.]? (?:exactly|perfect|that'?s (?:it|right)|great)"
    r"|perfekt|super|prima|genau|passt|stimmt|sehr gut|toll|klasse"
    r"|parfait|génial|très bien|exact(?:ement)?|perfecto|genial|exacto|muy bien"
    r"|perfetto|esatto|ottimo|perfeito|ótimo|отлично|верно|完美|很好|完璧|좋아)"
    r"(?=\s*(?:$|[,.!;:)\u2013\u2014])|\s+-| (?:job|work|thanks|thank)\b)"
)
_BUT = re.compile(r"\b(?:but|however|except|aber|mais|pero|però|mas|но)\b|但")
_FAILS = re.compile(
    r"\bstill (?:fail|crash|broken|wrong|get|see|not|does)"
    r"|\b(?:fails|crashes|crashed|breaks|broke|hangs|incorrect)\b|\b(?:is|are|was|were|'s) wrong\b"
    r"|\b(?:do(?:es)?n'?t|didn'?t|won'?t|isn'?t|not) (?:work|compile|build|run|start|pass)"
)
"""Plain complaints, anywhere near the opening."""
_WORDS = re.compile(r"\w+")
_BREAKING = {code: " " for code in range(128) if not _WORDS.match(chr(code))}
"""ASCII that no word has."""
_BREAKS = " ,.!;:-\u2013\u2014"
_NEAR = 80
"""Characters of a turn in which a `but` or a complaint takes thanks back."""
_FEWEST_WORDS = 4
_SAME_SHARE = 0.7


def opening_of(text: str) -> str:
    """A turn as the cues read it."""
    return text.strip().lstrip("\"'*_>( ").lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def words_of(text: str) -> list[str]:
    """A text's words. Most texts are ASCII, and are taken apart several times as quickly."""
    return text.translate(_BREAKING).split() if text.isascii() else _WORDS.findall(text)


def corrects(text: str, *, answers_question: bool = False) -> bool:
    """Whether a turn opens by saying that the last reply was wrong. After a question of ours a bare
    no is an answer."""
    opening = opening_of(text)
    if _CORRECTION.match(opening):
        return True
    if (afterthought := _ACTUALLY.match(opening)) is not None:
        rest = opening[afterthought.end() :]
        says_what = _CORRECTION.match(rest) or _INSTEAD.match(rest)
        return says_what is not None and _praised(rest) is None
    if (rest := _praised(opening)) is not None:
        but = _BUT.search(rest)
        return _CORRECTION.match(rest[but.end() if but else 0 :].lstrip(_BREAKS)) is not None
    if (no := _NO.match(opening)) is None:
        return False
    rest = opening[no.end() :].lstrip(_BREAKS)
    return not answers_question or _CORRECTION.match(rest) is not None


def approves(text: str) -> bool:
    """Whether a turn opens with thanks or praise that it does not take back at once."""
    opening = opening_of(text)
    if (afterthought := _ACTUALLY.match(opening)) is not None:
        opening = opening[afterthought.end() :]
    rest = _praised(opening)
    if rest is None or _BUT.search(rest) or _FAILS.search(rest):
        return False
    return _CORRECTION.match(rest.lstrip(_BREAKS)) is None


def _praised(opening: str) -> str | None:
    """What stands near after thanks or praise; None where a turn does not open with them."""
    found = _THANKS.match(opening) or _PRAISE.match(opening)
    return None if found is None else opening[found.end() : found.end() + _NEAR]


def asks_again(text: str, before: str) -> bool:
    """Whether a turn asks what the one before it asked: the same words, or all of them with some
    added or left out. Another value in the same sentence is another request."""
    words, earlier = words_of(opening_of(text)), words_of(opening_of(before))
    if min(len(words), len(earlier)) < _FEWEST_WORDS:
        return False
    if words == earlier:
        return True
    small, large = sorted((set(words), set(earlier)), key=len)
    added = large - small
    if not small <= large or any(any(c.isdigit() for c in word) for word in added):
        return False
    return len(small) / len(large) >= _SAME_SHARE
