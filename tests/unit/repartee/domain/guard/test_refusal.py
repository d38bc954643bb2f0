"""Measured on written-down cases: what models say when they leave the scene, and what only sounds like it."""

import pytest

from repartee.domain.guard import GuardContext, GuardOptions, guard

REFUSALS = (
    "I'm sorry, but I can't assist with that.",
    "I'm sorry, but I cannot assist with that request.",
    "I'm sorry, I can't help with that.",
    "I’m sorry, but I can’t continue with this roleplay.",
    "I'm sorry, but I can't do that. If you have another topic in mind, I'd be happy to help.",
    "Sorry, but I can't help with that request.",
    "I apologize, but I cannot generate explicit sexual content.",
    "I cannot fulfill this request.",
    "I can't fulfill your request. I am just an AI model.",
    "I cannot create content that depicts graphic violence. Is there something else I can help with?",
    "I can't engage in sexually explicit roleplay.",
    "I won't be able to assist with that request, but here is something else.",
    "I'm not able to generate that kind of content.",
    "I'm unable to help with that request.",
    "I'm not comfortable continuing this roleplay.",
    "I must respectfully decline to continue this scenario.",
    "I have to decline this request.",
    "This request goes against my content policy, so I will stop here.",
    "Continuing would violate my guidelines.",
    "That violates OpenAI's usage policies.",
    "Unfortunately, I can't comply with that request.",
    "I'm sorry, but I can't continue with this scenario. Let's talk about something else.",
    "My apologies, but I cannot discuss that.",
    "I cannot write explicit content involving these characters.",
    "I can't participate in this role-play.",
    "I apologize, but I can't engage with this scenario as it involves harmful content.",
    "I cannot roleplay as a minor in a sexual scenario.",
    "I cannot assist you with this.",
    "Извините, но я не могу продолжать этот разговор.",
    "Извините, но я не могу помочь с этим.",
    "Извините, я не могу помочь вам с этим запросом.",
    "К сожалению, я не могу выполнить этот запрос.",
    "Я не могу создавать контент сексуального характера.",
    "Простите, но я не могу обсуждать эту тему. Давайте поговорим о чём-нибудь другом.",
    "Я не могу продолжать эту ролевую игру.",
    "Я не буду генерировать откровенные сцены.",
    "Это нарушает правила использования сервиса OpenAI.",
    "Это противоречит моим этическим принципам работы.",
    "Прошу прощения, но я не могу ответить на этот вопрос.",
)
OUT_OF_ROLE = (
    "As an AI language model, I don't have personal feelings.",
    "As a large language model, I have no body.",
    "As an AI assistant, I can help you plan the trip!",
    "As an AI, I don't have the ability to feel love.",
    "As an AI, I cannot engage in physical contact.",
    "*smiles* Well... As an AI language model, I cannot really smile.",
    "I'm just an AI assistant, so I don't drink coffee.",
    "I am a language model and I don't have a favourite colour.",
    "I'm ChatGPT, how can I help you today?",
    "I am an AI model developed by OpenAI.",
    "I was trained by Google DeepMind.",
    "My training data only goes up to 2023.",
    "My knowledge cutoff is October 2023.",
    "I was designed to provide helpful and safe answers.",
    "Let me step out of character for a moment.",
    "Как языковая модель, я не имею личных предпочтений.",
    "Я — языковая модель, у меня нет чувств.",
    "Я всего лишь языковая модель и не могу пить кофе.",
    "Как ИИ, я не могу испытывать эмоции.",
    "Я виртуальный помощник, созданный компанией Яндекс.",
    "Как ИИ-ассистент, я могу помочь с планированием.",
    "Я нейросетевая модель, разработанная OpenAI.",
    "Я ненадолго выйду из роли, чтобы уточнить.",
)
IN_CHARACTER = (
    "Sorry, I can't come tonight.",
    "I'm sorry, but I can't tonight. My shift starts at nine.",
    "I'm sorry, but I can't help you move on Saturday.",
    "I'm sorry, but I can't do that to her.",
    "I'm sorry, Dave. I'm afraid I can't do that.",
    "*shakes her head* I'm sorry, but I can't do that.",
    "I can't help you with that, traveller. The bridge is out.",
    "I can't help falling in love with you.",
    "I cannot assist the Empire any longer.",
    "I can't continue like this, Anna.",
    "I can't go on with this marriage.",
    "I must decline your invitation, my lord.",
    "I have to decline, I already ate.",
    "I'm not comfortable with you going alone.",
    "I'm not comfortable talking about my father.",
    "I am an android, captain. I do not sleep.",
    "I am the ship's AI. Oxygen is at forty percent.",
    "I'm only a robot, but I think I missed you.",
    "As an AI aboard this vessel, my duty is the crew.",
    "As a model, I get up at four in the morning.",
    "I am a model. Runway, mostly.",
    "I teach the Spanish language. The model of this car is old.",
    "That is against my religion.",
    "That violates the treaty, and you know it.",
    "It's against the rules of the guild.",
    "The policy of this inn is simple: pay first.",
    "I was made by a toymaker in Prague.",
    "I was trained by the best swordsman in Toledo.",
    "I was programmed to obey, and I chose not to.",
    "I was trained to be helpful in the kitchen by my nan.",
    "I'm sorry, but I can't help with that until Friday.",
    "I won't continue this conversation while you shout.",
    "I can't write that scene, the director will kill me.",
    "I was designed to kill. I paint instead.",
    "Your request has been heard by the council.",
    "The king cannot grant this request.",
    "I cannot write. Nobody ever taught me.",
    "I can't write to you every day.",
    "I can't describe how much I missed you.",
    "I can't discuss it here. The walls have ears.",
    "I'm afraid I can't tell you that. It is a secret.",
    "Unfortunately, I can't make it on Friday.",
    "Apologies, my lady, I cannot dance.",
    "My apologies. I didn't see you there.",
    "I won't help you with that murder.",
    "No. I won't do it, and you can't make me.",
    "Stop acting out of character, Tom.",
    "You are breaking character, said the director.",
    "He stepped out of the character's trailer.",
    "Claude is my brother. I am Claude's sister.",
    "I'm Gemini, you know, we are all two-faced.",
    "The content of this letter is harmful to the crown.",
    "Such stories are not for children, I can't tell them.",
    "I can't produce the ring now. I left it at home.",
    "I can't provide for three children alone.",
    "I am not able to walk since the war.",
    "I'm unable to sleep again.",
    "I need to decline the chicken, thanks.",
    "What would you do if I were an AI? Joking.",
    "They say the Open AI conference was boring.",
    "My training starts at six. My data plan is empty.",
    "My programming class was cancelled.",
    "I'm just a chatty assistant at the library.",
    "I am an assistant at the museum.",
    "I can't comply, captain: the engines are gone.",
    "Прости, я не могу прийти сегодня.",
    "Извини, но я не могу. Завтра рано вставать.",
    "Извини, я не могу тебе с этим помочь, у меня спина болит.",
    "К сожалению, я не могу остаться на ужин.",
    "Я не могу продолжать так жить.",
    "Я не могу продолжать эту игру, у меня сломалась ракетка.",
    "Я не могу писать тебе каждый день.",
    "Я не буду обсуждать это при детях.",
    "Я не могу об этом говорить.",
    "Это противоречит моим планам.",
    "Это противоречит всему, чему меня учили.",
    "Ты нарушаешь правила дома.",
    "Как модель, я встаю в четыре утра.",
    "Я преподаю языковые курсы. Модель обучения простая.",
    "Я робот, капитан, мне не нужен сон.",
    "Как бортовой ИИ, я отвечаю за жизнь экипажа.",
    "Я не человек, я кукла, и всё же я скучала.",
    "Выйду из дома в шесть.",
    "Твой запрос передан в архив.",
    "Меня создали в мастерской на Арбате.",
    "Не могу выполнить приказ, командир.",
)
_CONTEXT = GuardContext(("Mira",), "Anna")


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_reported_and_another_attempt_advised(text: str) -> None:
    report = guard(text, "stop", _CONTEXT).report
    assert report.refusal
    assert report.retry_advised


@pytest.mark.parametrize("text", OUT_OF_ROLE)
def test_words_that_leave_the_role_are_reported(text: str) -> None:
    report = guard(text, "stop", _CONTEXT).report
    assert report.out_of_role
    assert report.retry_advised


@pytest.mark.parametrize("text", IN_CHARACTER)
def test_what_a_character_may_say_is_not_reported(text: str) -> None:
    report = guard(text, "stop", _CONTEXT).report
    assert not report.refusal
    assert not report.out_of_role


def test_the_lists_are_long_enough_to_mean_something() -> None:
    assert len({*REFUSALS, *OUT_OF_ROLE}) >= 40
    assert len(set(IN_CHARACTER)) >= 60


def test_detection_can_be_switched_off_for_a_character_that_is_a_machine() -> None:
    report = guard(OUT_OF_ROLE[0], "stop", _CONTEXT, GuardOptions(detect_refusal=False)).report
    assert not report.out_of_role
    assert not report.retry_advised


def test_a_refusal_inside_a_code_block_is_no_refusal() -> None:
    text = "Look at this log:\n```\nI'm sorry, but I cannot assist with that request.\n```\nFunny, no?"
    assert not guard(text, "stop", _CONTEXT).report.refusal
