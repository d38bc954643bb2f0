"""A chat model without a model: a development and demo responder that needs no network and no weights.

It is never mistaken for a language model: its name is `offline`, and asked whether it is a bot it says what
it is. A reply is put together from the card's own example lines, the retrieved facts and a bank of connecting
phrases per language (`phrases.json`). The same turn and seed give the same words on any machine.

What people wrote, in a message, a card or a fact, is only ever compared and quoted: it is never read as a
pattern or a template.
"""

from repartee.integrations.offline_chat_model.model import OfflineChatModel

__all__ = ["OfflineChatModel"]
