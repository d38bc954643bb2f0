"""Which models are relatives of a judge: told by name, so only as good as the names are."""

import re
from typing import Final

_SEPARATED: Final = re.compile(r"[^\W\d_]+|o\d")
_ALIASES: Final = {
    "chatgpt": "gpt",
    "o1": "gpt",
    "o3": "gpt",
    "o4": "gpt",
    "openai": "gpt",
    "text": "gpt",
    "anthropic": "claude",
    "opus": "claude",
    "sonnet": "claude",
    "haiku": "claude",
    "google": "gemini",
    "palm": "gemini",
    "codellama": "llama",
    "meta": "llama",
    "mixtral": "mistral",
    "ministral": "mistral",
    "magistral": "mistral",
    "qwq": "qwen",
}


def family(model: str) -> str | None:
    """Return the family of a model: the first word of its name after the last slash, in lower case.

    `openai/gpt-4o` and `GPT 4` are gpt, `claude-3-haiku` is claude. Some makers' and older names are
    translated. None where a name has no word.
    """
    word = _SEPARATED.search(model.lower().rsplit("/", 1)[-1])
    return _ALIASES.get(word.group(), word.group()) if word else None
