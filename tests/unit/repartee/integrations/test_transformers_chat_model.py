"""A model in this process, with a real model of 0.4 million parameters that was never trained."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from repartee.application.ports import Completion, Prompt, PromptMessage, Sampling
from repartee.domain.errors import (
    ConfigurationError,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
)
from repartee.integrations.transformers_chat_model import TransformersChatModel
from repartee.integrations.transformers_pieces import Pieces, TokenPenalties
from repartee.integrations.transport import Upstream
from tests.contract.test_chat_model import PROMPT, make_prompt
from tests.fakes import FakeTelemetry
from tests.tiny_chat_model import write_tiny_chat_model

GREEDY = Sampling(temperature=0, max_tokens=24)
SEEDED = Sampling(temperature=1.0, max_tokens=24, seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_chat_model(tmp_path_factory.mktemp("tiny") / "tiny", positions=512)


def opened(folder: Path, **changed) -> TransformersChatModel:
    upstream = Upstream("model", changed.pop("telemetry", FakeTelemetry()), attempts=1)
    return TransformersChatModel(folder, upstream, threads=1, **changed)


@pytest.fixture
async def model(folder: Path) -> AsyncIterator[TransformersChatModel]:
    made = opened(folder)
    yield made
    await made.close()


def expected(folder: Path, prompt: Prompt, tokens: int, seed: int | None = None) -> tuple[list[int], str]:
    """Return the tokens and their text as transformers itself gives them: the greedy ones without a seed."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = AutoModelForCausalLM.from_pretrained(folder)
    chat = [{"role": part.role, "content": part.content} for part in prompt.messages]
    asked = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    torch.manual_seed(seed or 0)
    ids = plain.generate(**asked, max_new_tokens=tokens, do_sample=seed is not None, pad_token_id=0)
    new = ids[0, asked["input_ids"].shape[1] :].tolist()
    return new, tokenizer.decode(new, skip_special_tokens=True)


async def test_it_says_what_transformers_says(folder: Path, model: TransformersChatModel) -> None:
    tokens, text = expected(folder, PROMPT, 24)
    completion = await model.complete(PROMPT, GREEDY)
    assert completion.text == text
    assert (completion.model, completion.finish_reason) == ("tiny", "length")
    assert completion.usage.completion_tokens == len(tokens) == 24
    assert completion.usage.prompt_tokens > 20


async def test_an_end_token_ends_it(folder: Path, tmp_path: Path) -> None:
    tokens, _ = expected(folder, PROMPT, 24, seed=7)
    place = next(place for place in range(4, 24) if tokens[place] not in tokens[:place])
    copy = shutil.copytree(folder, tmp_path / "copy")
    settings = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps(settings | {"eos_token_id": tokens[place]}))
    made = opened(copy)
    completion = await made.complete(PROMPT, SEEDED)
    await made.close()
    assert completion.finish_reason == "stop"
    assert completion.usage.completion_tokens == place + 1


async def test_a_stop_string_is_taken_out_and_never_shown(folder: Path, model: TransformersChatModel) -> None:
    _, text = expected(folder, PROMPT, 24, seed=7)
    stop = next(text[at : at + 3] for at in range(5, 30) if text.find(text[at : at + 3]) == at)
    *pieces, whole = [piece async for piece in model.stream(PROMPT, replace(SEEDED, stop=("ZZZ", stop)))]
    assert isinstance(whole, Completion)
    assert whole.text == "".join(map(str, pieces)) == text[: text.index(stop)]
    assert whole.finish_reason == "stop"
    assert whole.usage.completion_tokens < 24


async def test_the_same_seed_says_the_same_and_another_choice_something_else(
    model: TransformersChatModel,
) -> None:
    hot = Sampling(temperature=1.0, max_tokens=16, seed=7)
    first, again = await model.complete(PROMPT, hot), await model.complete(PROMPT, hot)
    other = await model.complete(PROMPT, replace(hot, choice=1))
    assert first.text == again.text != other.text
    narrow = await model.complete(PROMPT, replace(hot, top_p=1e-6))
    assert narrow.text == (await model.complete(PROMPT, replace(GREEDY, max_tokens=16))).text


async def test_answers_to_choose_from_differ_though_the_folder_says_greedy(
    model: TransformersChatModel,
) -> None:
    plain = Sampling(max_tokens=16)
    texts = {(await model.complete(PROMPT, replace(plain, choice=place))).text for place in range(3)}
    assert len(texts) == 3


async def test_whoever_leaves_frees_the_model_at_once(model: TransformersChatModel) -> None:
    """A reply of 400 tokens takes 0.5 s and more; what is left after three pieces costs a token or two."""
    long = Sampling(temperature=0, max_tokens=400)
    async with aclosing(model.stream(PROMPT, long)) as pieces:
        for _ in range(3):
            await anext(pieces)
    left = next(iter(model._taken))
    await model.complete(PROMPT, replace(GREEDY, max_tokens=1))
    assert len(left.tokens) < 100


async def test_cancelling_a_waiting_call_gives_its_place_back(folder: Path) -> None:
    model = opened(folder, queue=1)
    long = Sampling(temperature=0, max_tokens=300)
    running = model.stream(PROMPT, long)
    await anext(running)
    waiting = asyncio.create_task(model.complete(PROMPT, GREEDY))
    await asyncio.sleep(0.01)
    with pytest.raises(UpstreamRateLimited) as refused:
        await model.complete(PROMPT, GREEDY)
    assert refused.value.retry_after
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    last = asyncio.create_task(model.complete(PROMPT, GREEDY))
    await asyncio.sleep(0.01)
    await running.aclose()
    assert (await last).text
    await model.close()


async def test_another_model_is_not_answered_for(model: TransformersChatModel) -> None:
    assert (await model.complete(PROMPT, replace(GREEDY, model="tiny"))).text
    with pytest.raises(UpstreamMisconfigured, match="only tiny"):
        await model.complete(PROMPT, replace(GREEDY, model="gpt-99"))


async def test_a_model_that_takes_too_long_is_a_timeout(folder: Path) -> None:
    telemetry = FakeTelemetry()
    model = opened(folder, attempt_timeout=0.05, telemetry=telemetry)
    with pytest.raises(UpstreamTimeout):
        await model.complete(PROMPT, Sampling(temperature=0, max_tokens=400))
    assert telemetry.upstreams == [("model", "upstream_timeout")]
    await model.close()


async def test_a_prompt_that_is_too_long_is_refused_and_a_long_one_leaves_less_room(
    model: TransformersChatModel,
) -> None:
    with pytest.raises(UpstreamRefusedRequest, match="too long"):
        await model.complete(make_prompt("a tea, please, " * 200), GREEDY)
    spent = (await model.complete(PROMPT, replace(GREEDY, max_tokens=500))).usage
    assert spent.prompt_tokens + spent.completion_tokens <= 512


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21 asks for it
async def test_an_adapter_is_put_on_its_base(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(folder)
    tuned = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(tmp_path / "adapter")
    with pytest.raises(ConfigurationError, match="BASE_FOLDER"):
        opened(tmp_path / "adapter")
    model = opened(tmp_path / "adapter", base=folder, name="gen-1")
    completion = await model.complete(PROMPT, GREEDY)
    await model.close()
    assert completion.model == "gen-1"
    assert completion.text != expected(folder, PROMPT, 24)[1]


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors", "chat_template.jinja"])
def test_a_folder_that_is_no_chat_model_is_one_clear_line(folder: Path, tmp_path: Path, broken: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / broken).unlink()
    with pytest.raises(ConfigurationError) as error:
        opened(copy)
    assert str(copy) in error.value.message
    assert "\n" not in error.value.message


async def test_a_template_that_refuses_the_roles_is_a_refused_request(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "chat_template.jinja").write_text("{{ raise_exception('roles must alternate') }}")
    model = opened(copy)
    with pytest.raises(UpstreamRefusedRequest, match="MODEL_PROFILES"):
        await model.complete(PROMPT, GREEDY)
    await model.close()


@pytest.mark.parametrize("text", ["Чай? 🫖 Да, «чай» — 茶.", "plain words"])
def test_pieces_are_whole_characters_however_tokens_cut_them(folder: Path, text: str) -> None:
    told: list[str] = []
    pieces = fed(folder, text, (), told.append)
    assert pieces.close() == "".join(told) == text
    assert not any("\ufffd" in piece for piece in told)


def test_a_stop_string_is_held_back_until_it_is_none(folder: Path) -> None:
    told: list[str] = []
    pieces = fed(folder, "one END of ENDING", ("ENDING", "END!"), told.append)
    assert pieces.stopped
    assert "".join(told) == pieces.text == "one END of "


def test_nothing_is_told_before_the_first_word(folder: Path) -> None:
    told: list[str] = []
    assert fed(folder, "\n\n  ", (), told.append).close() == ""
    assert told == []


def fed(folder: Path, text: str, stops: tuple[str, ...], tell: Callable[[str], None]) -> Pieces:
    """Return pieces that were given the prompt and then the text, token by token."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pieces = Pieces(tokenizer, stops, tell)
    pieces.put(torch.tensor([[1, 2, 3]]))
    for token in tokenizer(text, add_special_tokens=False)["input_ids"]:
        pieces.put(torch.tensor([token]))
    return pieces


def test_penalties_count_what_was_said_and_not_the_prompt() -> None:
    penalties = TokenPenalties.of(Sampling(presence_penalty=1.0, frequency_penalty=0.5), prompt_tokens=2)
    scores = penalties(torch.tensor([[0, 0, 1, 1, 2]]), torch.zeros(1, 4))
    assert scores.tolist() == [[0.0, -2.0, -1.5, 0.0]]


async def test_messages_of_every_role_reach_the_template(model: TransformersChatModel) -> None:
    longer = replace(
        PROMPT, messages=(*PROMPT.messages, PromptMessage("assistant", "Yes."), PROMPT.messages[1])
    )
    short, long = await model.complete(PROMPT, GREEDY), await model.complete(longer, GREEDY)
    assert long.usage.prompt_tokens > short.usage.prompt_tokens + 10
