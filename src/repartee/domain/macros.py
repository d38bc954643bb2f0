"""Card macros: `{{char}}`, `{{user}}` and their old spellings, replaced in one pass.

A value that itself looks like a macro is never expanded again, and nothing here is a template engine.
Source of the names: Character Card V2 (`{{char}}`/`<BOT>`, `{{user}}`/`<USER>`, any letter case).
"""

import re

_MACRO = re.compile(r"\{\{\s*(char|user)\s*\}\}|<(USER|BOT|CHAR)>", re.IGNORECASE)


def expand_macros(text: str, char: str, user: str) -> str:
    """Return `text` with the names put in.

    >>> expand_macros("{{user}}, I am {{char}}.", char="Blaze", user="Ann")
    'Ann, I am Blaze.'
    """

    def name_of(match: re.Match[str]) -> str:
        macro = (match[1] or match[2]).lower()
        return user if macro == "user" else char

    return _MACRO.sub(name_of, text)
