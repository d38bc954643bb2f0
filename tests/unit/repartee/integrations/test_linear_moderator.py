"""A classifier's folder is read with numpy alone, and refused where it is not whole."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from repartee.application.ports import EventLog
from repartee.application.text_classifier import RunFeatures
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import Settings
from repartee.integrations.linear_moderator import LinearModerator

FEATURES = RunFeatures(shortest=2, longest=3, buckets_log2=12, max_characters=100)


def write(folder: Path, **changes: Any) -> Path:
    """Write a classifier that finds `stab`."""
    folder.mkdir(exist_ok=True)
    weights = np.full((1, 4096), -1.0, np.float16)
    weights[0, FEATURES.counts("stab")[0]] = 9
    tensors = {"weights": weights, "bias": np.zeros(1, np.float32), "idf": np.ones(4096, np.float32)}
    content = save({**tensors, **changes.pop("tensors", {})})
    (folder / "model.safetensors").write_bytes(content)
    described = {
        "format": 1,
        "id": "linear-test",
        "shortest": 2,
        "longest": 3,
        "buckets_log2": 12,
        "max_characters": 100,
        "labels": [{"tag": "violence", "level": "mild", "threshold": 0.5}],
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        **changes,
    }
    (folder / "moderator.json").write_text(json.dumps(described), "utf-8")
    return folder


async def test_a_folder_is_read_and_asked(tmp_path: Path) -> None:
    moderator = LinearModerator(write(tmp_path / "model"))
    assert (moderator.name, moderator.tags) == ("linear-test", ("violence",))
    assert (await moderator.label("stab"))["violence"].level == "mild"
    assert (await moderator.label("good evening"))["violence"].level == "none"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights_sha256": "0" * 64}, "model.safetensors is damaged"),
        ({"labels": []}, "labels in .* cannot be used"),
        ({"buckets_log2": 9}, "weights in .* is not as described"),
        ({"tensors": {"idf": np.full(4096, np.nan, np.float32)}}, "idf in .* is not as described"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LinearModerator(write(tmp_path / "model", **changes))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REPARTEE_MODERATION__FOLDER has to hold"):
        LinearModerator(tmp_path)


async def test_labels_without_a_log_are_a_mistake(tmp_path: Path) -> None:
    folder = str(write(tmp_path / "model"))
    settings = Settings(_env_file=None, data_dir=tmp_path, moderation={"folder": folder})
    container = make_container(settings)
    with pytest.raises(ConfigurationError, match="set REPARTEE_EVENTS__ENABLED=true"):
        await container.get(EventLog | None)
    await container.close()


async def test_replies_in_the_services_log_are_labelled(tmp_path: Path) -> None:
    folder = str(write(tmp_path / "model"))
    settings = Settings(
        _env_file=None, data_dir=tmp_path, events={"enabled": True}, moderation={"folder": folder}
    )
    container = make_container(settings)
    log = await container.get(EventLog | None)
    await log.append({"type": "reply", "user": {"id": "maya"}, "reply": {"id": "r", "text": "stab"}})
    [event] = [event async for event in log.of_user("maya")]
    await container.close()
    assert event["moderation"]["tags"]["violence"]["level"] == "mild"
