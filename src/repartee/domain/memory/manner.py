"""How something was said: in earnest, or as a question, a supposition, a quotation, a joke, a part in a play.

These are rules of thumb for English and Russian; in other languages only punctuation and asterisks count.
They drop rather than keep: what is left out can be said again, what is wrongly remembered stays for months.
"""

import re
from typing import Final

from repartee.domain.memory.turns import Passage

_HYPOTHETICAL: Final = re.compile(
    r"\bif (?:i|we) (?:had|were|was|could|would|ever|lived|worked|won|got|owned)\b|\bif only\b|\bwhat if\b"
    r"|\bsuppos(?:e|ing)\b|\b(?:i|we) (?:would|could|might) have\b|\bhypothetically\b|\bi wish\b"
    r"|\bесли бы\b|\bвот бы\b|\bдопустим\b|\bпредположим\b|\bбудь у меня\b|\bа что,? если\b|\bгипотетически\b"
)
_WISH: Final = re.compile(
    r"\b(?:wish|want|dream|would|hope|like to|love to|хоч|хотел|мечта|желает|надеет)\w*", re.IGNORECASE
)
_PRETENCE: Final = re.compile(
    r"\b(?:let'?s|we|i'?ll|just) (?:pretend|imagine|say)\b|\bpretend\b|\brole-?play|\bin (?:this|our|the) "
    r"(?:story|game|campaign|scene|rp)\b|\bmy (?:character|oc|persona)\b|\bimagine\b|\bonce upon a time\b"
    r"|\bas a fictional\b"
    r"|\bдавай(?:те)? (?:представим|притворимся|сыграем|поиграем)|\bпредставь(?:те)?,? что\b"
    r"|\bв (?:этой|нашей) (?:истории|игре|сцене)\b|\bмой персонаж\b|\bролев\w+|\bпо сюжету\b|\bжили-были\b"
)
_TO_YOU: Final = re.compile(
    r"\bi (?:\w+ly )?(?:hug|kiss|smile|look|nod|wink|grin|lean|reach|grab|take|hand|pull|push|walk|step|sit|"
    r"bow|stare|whisper|point|pour|draw|raise)\b[^.!?]*\b(?:you|your|towards?|sword|blade|wand)\b"
    r"|\bя (?:обнимаю|целую|улыбаюсь|смотрю на|киваю|подмигиваю|подхожу|сажусь рядом|беру (?:тебя|вас)|"
    r"протягиваю|шепчу|кланяюсь|обнажаю|достаю меч)"
)
_SARCASM: Final = re.compile(
    r"(?:^|\s)/s\b|\byeah,? right\b|\bas if\b|\boh,? (?:great|joy|sure|wonderful)\b|\bjust what i needed\b"
    r"|\bnot\s*!+$|🙄|\bага,? конечно\b|\bну да,? конечно\b|\bкак же,|\bмечтать не вредно\b"
    r"|\b(?:всю жизнь|только об этом) мечтал|/сарказм|\bсарказм\b|\bsarcasm\b"
)
_QUOTED: Final = re.compile(r'"[^"\n]{3,}"')
_SPEAKING: Final = re.compile(
    r"\b(?:said|says|told|tells|asked|asks|wrote|writes|texted|goes|like|quote|claims?|shouted|"
    r"сказал\w*|говорит|говорил\w*|спросил\w*|написал\w*|пишет|ответил\w*|крикнул\w*|заявил\w*)\b"
)


def is_question(passage: Passage) -> bool:
    """Tell whether the piece itself is asked; a question that follows after a comma or a dash is another."""
    rest = passage.closing
    return rest.rstrip("\"' \n").endswith(("?", "？")) and not re.search(r"[,;:–—-]\s", rest)


def is_hypothetical(passage: Passage, statement: str) -> bool:
    """Tell a supposition, unless what is stated is itself a wish."""
    return bool(_HYPOTHETICAL.search(passage.sentence)) and not _WISH.search(statement)


def is_sarcastic(passage: Passage) -> bool:
    """Tell an open mark of sarcasm in the sentence or right after it."""
    return bool(_SARCASM.search(f"{passage.sentence}{passage.after[len(passage.closing) :][:12]}"))


def is_quoted(passage: Passage) -> bool:
    """Tell whether the piece stands between the quotation marks of somebody who is said to speak."""
    whole = f"{passage.before}{passage.text}{passage.after}"
    start, end = len(passage.before), len(passage.before) + len(passage.text)
    around = f"{passage.opening} {passage.closing}"
    return any(quote.start() <= start and end <= quote.end() for quote in _QUOTED.finditer(whole)) and bool(
        _SPEAKING.search(around)
    )


def is_pretended(passage: Passage) -> bool:
    """Tell a part that is played: announced earlier in the message, or an action done to the character."""
    return bool(_PRETENCE.search(f"{passage.before}{passage.text}") or _TO_YOU.search(passage.sentence))
