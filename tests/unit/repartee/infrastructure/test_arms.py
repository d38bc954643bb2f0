"""The arms of a container, made from settings and files as an operator writes them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repartee.application.arms import Arms
from repartee.application.ports import ChatModel
from repartee.application.shadow_replies import ShadowReplies
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import Settings, shipped_folder
from tests.contract.test_chat_model import PROMPT, SHORT
from tests.tiny_chat_model import point, write_tiny_chat_model, write_version

VERSION = "gen-20261121-aaaaaaaaaaaa"
SERVER = "http://127.0.0.1:9/v1"


def settings(tmp_path: Path, text: str = "", **sections: dict) -> Settings:
    if text:
        (tmp_path / "arms.yaml").write_text(text)
        sections.setdefault("arms", {})["file"] = tmp_path / "arms.yaml"
    return Settings(_env_file=None, data_dir=tmp_path, **sections)


async def test_without_a_file_one_arm_answers_everybody(tmp_path: Path) -> None:
    container = make_container(settings(tmp_path))
    arms = await container.get(Arms)
    assert {arms.chosen(user, None, None).name for user in ("a", "b", None)} == {"default"}
    assert await container.get(ShadowReplies | None) is None
    await container.close()


async def test_arms_have_their_model_their_version_and_their_prompts(tmp_path: Path) -> None:
    write_version(tmp_path / "registry", VERSION)
    point(tmp_path / "registry", canary=VERSION)
    shutil.copytree(shipped_folder("prompts"), tmp_path / "short")
    (tmp_path / "short" / "tail.mako").write_text("Be short.")
    container = make_container(
        settings(
            tmp_path,
            f"""
experiment: x
nameable: [canary, short]
arms:
  champion: {{share: 90}}
  canary: {{share: 5, model: "registry:generator/canary", base_url: "{SERVER}"}}
  short: {{share: 5, prompts: short}}
""",
        )
    )
    arms = await container.get(Arms)
    champion, canary, short = (arms.chosen(None, name, None) for name in (None, "canary", "short"))
    assert (champion.model.name, champion.version) == ("offline", None)
    assert (canary.model.name, canary.version) == (VERSION, VERSION)
    assert short.compose_prompt.fingerprint != champion.compose_prompt.fingerprint
    assert canary.compose_prompt.fingerprint == champion.compose_prompt.fingerprint
    await container.close()


async def test_a_model_of_the_registry_runs_in_this_process_under_its_version(tmp_path: Path) -> None:
    write_tiny_chat_model(write_version(tmp_path / "registry", VERSION))
    point(tmp_path / "registry", champion=VERSION)
    llm = {"kind": "transformers", "folder": "registry:generator/champion", "threads": 1}
    container = make_container(settings(tmp_path, llm=llm))
    chosen = (await container.get(Arms)).chosen("ann", None, None)
    assert chosen.version == VERSION
    assert (await chosen.model.complete(PROMPT, SHORT)).model == VERSION
    assert (await container.get(ChatModel)).name == "registry:generator/champion"
    await container.close()


def test_without_a_model_in_this_process_torch_is_not_imported(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from repartee.application.arms import Arms
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import Settings

async def opened() -> None:
    container = make_container(Settings(_env_file=None, data_dir=Path(sys.argv[1])))
    await container.get(Arms)
    await container.close()

asyncio.run(opened())
print({"torch", "transformers", "peft"} & set(sys.modules))
"""
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "set()"


async def test_a_key_goes_to_its_own_server_only(tmp_path: Path) -> None:
    text = f"""
experiment: x
nameable: [own, other, keyed]
arms:
  own: {{share: 100, model: gen-1}}
  other: {{share: 0, base_url: "{SERVER}", model: m}}
  keyed: {{share: 0, base_url: "{SERVER}", model: m}}
"""
    llm = {"api_key": "sk-own", "base_url": "http://127.0.0.1:8/v1"}
    container = make_container(settings(tmp_path, text, llm=llm, arms={"api_keys": "keyed=sk-keyed"}))
    arms = await container.get(Arms)
    keys = {name: arms.chosen(None, name, None).model._client.api_key for name in arms.names}
    assert keys == {"own": "sk-own", "other": "none", "keyed": "sk-keyed"}
    await container.close()


@pytest.mark.parametrize(
    ("text", "sections", "words"),
    [
        ("experiment: x\narms: {a: {share: 100}}\nshadow: {}", {}, "EVENTS__ENABLED"),
        ("experiment: x\narms: {a: {share: 100, model: m}}", {}, "a: model needs base_url"),
        ("experiment: x\narms: {a: {share: 100, folder: none}}", {}, "none is no model"),
        ("experiment: x\narms: {a: {share: 100, prompts: none}}", {}, "a: prompt template"),
        (
            "experiment: x\narms: {a: {share: 100, folder: 'registry:generator/champion'}}",
            {},
            "repartee-tune registry promote",
        ),
        ("experiment: x\narms: {a: {share: 100}}", {"arms": {"api_keys": "b=sk"}}, "b is no arm"),
        ("", {"arms": {"api_keys": "b=sk"}}, "b is no arm"),
    ],
)
async def test_what_cannot_be_served_stops_the_start(
    tmp_path: Path, text: str, sections: dict, words: str
) -> None:
    container = make_container(settings(tmp_path, text, **sections))
    with pytest.raises(ConfigurationError, match=words):
        await container.get(Arms)
        await container.get(ShadowReplies | None)
    await container.close()


async def test_a_trial_that_has_no_version_yet_starts_and_leaves_its_users_to_the_default(
    tmp_path: Path,
) -> None:
    text = """
experiment: x
arms:
  champion: {share: 1}
  canary: {share: 99, folder: "registry:generator/canary"}
"""
    container = make_container(settings(tmp_path, text))
    arms = await container.get(Arms)
    assert {arms.chosen(f"u{number}", None, None).name for number in range(20)} == {"champion"}
    await container.close()
