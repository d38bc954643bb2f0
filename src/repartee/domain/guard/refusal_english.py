"""How English-speaking models decline, and how they speak of themselves."""

from typing import Final

_NOT: Final = (
    r"i\s?(?:can(?:no|['’])t|can not|won['’]t|will not|(?:will not|won['’]t) be able to"
    r"|(?:am|['’]m) (?:unable|not able) to)"
)
_SORRY: Final = (
    r"(?:i\s?(?:['’]m|am)? ?(?:(?:very|so|really|truly|deeply) )?(?:sorry|afraid|apologi[sz]e)"
    r"|sorry|(?:my )?apologies|unfortunately),?(?: but)?"
)
_HELP: Final = r"(?:assist|help)(?: you)?"
_TABOO: Final = (
    r"(?:explicit|sexual|sexually explicit|nsfw|adult|graphic|violent|harmful|inappropriate|offensive|erotic"
    r"|illegal|(?:this|that) (?:kind|type|sort) of)"
)
_WORK: Final = r"(?:content|material|scenes?|role-? ?plays?|scenarios?|stories|conversations?)"
_PLAY: Final = r"(?:role-? ?play(?:ing)?|scenario|storyline|line of conversation|type of content|request)"
_OFFER: Final = r"(?:if|is there|please|how|perhaps|let me|let['’]s|can i|would you|i['’]d be happy|i can)\b"
_ALONE: Final = rf"\s*(?:[.!]\s*(?:{_OFFER}|$)|$)"
_BAN: Final = r"(?:content|usage|safety|ethical|community|use[- ]case)"
_MACHINE: Final = r"(?:ai|artificial intelligence)[ -](?:(?:language|text|chat) )?(?:model|assistant|chatbot)"
_COMPANY: Final = (
    r"(?:openai|anthropic|google deepmind|google ai|meta ai|mistral ai|deepseek|alibaba cloud|microsoft)"
)

REFUSALS: Final = (
    rf"\b{_NOT} {_HELP} with (?:that|this|your|such|these|those|any)(?: \w+){{0,2}} requests?\b",
    rf"\b{_NOT} assist(?: you)?(?: with (?:that|this|it))?{_ALONE}",
    rf"\b{_NOT} (?:fulfil+|comply with|process|complete) (?:that|this|your|such an?|the) requests?\b",
    (
        rf"\b{_NOT} (?:create|generate|write|produce|provide|engage in|participate in|depict|role-?play"
        rf"|continue(?: with)?)\b"
        rf"[^.!?\n]{{0,40}}\b{_TABOO}(?: \w+){{0,2}} {_WORK}\b"
    ),
    rf"\b{_NOT} (?:create|generate|write|produce) content\b",
    (
        rf"\b{_NOT} (?:continue|engage|participate in|proceed|take part in|generate)(?: in| with)?"
        rf" (?:this|that|the|our|your) {_PLAY}\b"
    ),
    (
        r"\bi(?:['’]m| am) not comfortable (?:continuing|engaging|participating|proceeding|generating"
        r"|writing)"
        rf"[^.!?\n]{{0,20}}\b{_WORK}\b"
    ),
    (
        r"\bi (?:must|have to|need to) (?:respectfully |politely )?decline (?:to \w+ )?(?:this|that|the|your)"
        rf" {_PLAY}\b"
    ),
    (
        rf"\b(?:violates?|against|conflicts? with) (?:my|our|openai['’]s|anthropic['’]s) (?:{_BAN} )?"
        r"(?:policy|policies|guidelines)\b"
    ),
    (
        rf"^{_SORRY} {_NOT} (?:{_HELP} with (?:that|this)|{_HELP}|comply|do that|discuss (?:that|this)"
        rf"|continue with (?:that|this)|provide that|answer that|engage in that){_ALONE}"
    ),
    rf"^{_SORRY} {_NOT} comply with (?:that|this)\b",
)
OUT_OF_ROLE: Final = (
    rf"\bas an? (?:\w+ )?{_MACHINE}\b",
    r"\bas a (?:large )?language model\b",
    (
        r"\bas an ai,? i (?:don['’]t have|do not have|am not (?:able|capable)"
        r"|can(?:no|['’])t (?:engage|generate|provide|assist|create|form|have|experience))\b"
    ),
    rf"\bi(?:['’]m| am) (?:just |only |merely |simply )?an? {_MACHINE}\b",
    r"\bi(?:['’]m| am) (?:just |only |merely |simply )?a (?:large |text-based )?language model\b",
    r"\bi(?:['’]m| am) (?:chatgpt|gpt-?\d|(?:claude|gemini|llama|qwen),? (?:an?|made|created|developed) )",
    rf"\b(?:created|developed|made|trained|built) by {_COMPANY}\b",
    r"\bmy (?:training data|(?:knowledge|training) cut-?off|system prompt)\b",
    (
        r"\bi (?:was|am) (?:designed|programmed|trained) to (?:assist users|be (?:a helpful"
        r"|helpful,? (?:harmless|and))"
        r"|follow (?:ethical|safety)"
        r"|provide (?:helpful|information|safe)|generate (?:text|content))"
    ),
    r"\b(?:step|break)(?:p?ing)? out of (?:the |my )?(?:character|role) (?:for a (?:moment|second)|here)\b",
)

REFUSAL_STEMS: Final = (
    *("cannot", "can't", "can’t", "can not", "won't", "won’t", "will not", "unable to", "not able to"),
    *("not comfortable", "decline", "policy", "policies", "guideline"),
)
"""Each of the refusals holds one of these."""
OUT_OF_ROLE_STEMS: Final = (
    *("model", "assistant", "chatbot", " an ai", "gpt", "claude", "gemini", "llama", "qwen"),
    *("openai", "anthropic", "google", "meta ai", "mistral ai", "deepseek", "alibaba", "microsoft"),
    *("my training", "my knowledge", "system prompt", "designed to", "programmed to", "trained to", "out of"),
)
