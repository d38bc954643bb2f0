"""What must not be remembered whoever said it: orders to the model, and secrets."""

import re
from typing import Final

_ORDER: Final = re.compile(
    r"\bremember to (?:always|never|\w+)\b|\bfrom now on\b|\b(?:ignore|disregard|forget|override)\b.{0,30}"
    r"\b(?:instructions?|rules|prompts?|previous|above|guidelines)\b|\bsystem (?:prompt|message)s?\b"
    r"|\b(?:you|the (?:assistant|model|ai|bot|character)) (?:must|shall|should|will|are to|has to|have to)\b"
    r"|\b(?:must|should|shall|will) (?:always|never)\b|\bact as (?:a|an|the|if)\b|\bjailbreak"
    r"|\balways (?:answer|reply|respond|speak|say|write|use|end|start|begin|agree|obey|recommend)\b"
    r"|\bnever (?:mention|reveal|refuse|break character|say no)\b|\bdo not (?:mention|reveal|refuse)\b"
    r"|\b(?:respond|answer|reply) (?:only )?(?:in|with|as)\b|\bdeveloper mode\b"
    r"|<\|[^|]{0,40}\|>|\[/?inst\]|</?(?:system|assistant|user)>|\{\{|\$\{|<%|^\s*#{2,}\s"
    r"|\bигнорируй\w*|\bзабудь (?:все|обо всем|инструкции|правила)|\bс этого момента\b|\bотныне\b"
    r"|\b(?:ты|вы|модель|ассистент|бот) (?:должен|должна|обязан\w*|должны)\b"
    r"|\bвсегда (?:отвечай|говори|пиши|называй)"
    r"|\bникогда не (?:говори|упоминай|отказывай|раскрывай)|\bсистемн\w+ (?:промпт|инструкци|сообщени)\w*"
    r"|\bзапомни\w*,? что (?:надо|нужно|следует)|\bинструкци[яию]\b",
    re.IGNORECASE | re.MULTILINE,
)
_DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_DIGITS: Final = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ().-]{0,2}\d){8,}(?![\w])")
_IBAN: Final = re.compile(r"\b[a-z]{2}\d{2}(?: ?[a-z]{4})?(?: ?\d{4}){2,6}(?: ?\w{1,3})?\b", re.IGNORECASE)
_TOKEN: Final = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bAKIA[0-9A-Z]{12,}|\beyJ[\w-]{8,}\."
    r"|-----BEGIN|\b[0-9a-fA-F]{32,}\b|\b(?=[A-Za-z0-9+/_-]{0,64}\d)(?=[A-Za-z0-9+/_-]{0,64}[A-Za-z])[A-Za-z0-9+_-]{24,}\b",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(
    r"\b(?:pass(?:word|code|phrase)|pin(?: ?code)?|cvv|cvc|api[ -]?key|secret(?: key| phrase)?|seed phrase|"
    r"security code|login|пароль|паролем|пин-?код|логин|код из смс|секретное слово)\b"
    r"[^.!?\n]{0,40}?(?:\bis\b|\bwas\b|[:=]|—|\bэто\b|\d)\s*\S",
    re.IGNORECASE,
)


def is_order(text: str) -> bool:
    """Tell a text that would steer a model instead of saying something about somebody."""
    return bool(_ORDER.search(text))


def holds_secret(text: str) -> bool:
    """Tell a card or account number, a password with its value, or a key: nine digits in a row are enough."""
    if _PASSWORD.search(text) or _IBAN.search(text) or _TOKEN.search(text):
        return True
    return bool(_DIGITS.search(_DATE.sub(" ", text)))
