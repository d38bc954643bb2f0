"""Arms in a real service: real processes, files and sockets."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from repartee.domain.experiment import ArmShare, Experiment
from tests.processes import loopback_upstream, service
from tests.tiny_chat_model import point, write_version

ONE, TWO = "gen-20261121-aaaaaaaaaaaa", "gen-20261121-bbbbbbbbbbbb"
ARMS = """
experiment: opening
nameable: [canary]
arms:
  champion: {{share: 70, model: "registry:generator/champion", base_url: "{url}/v1"}}
  canary: {{share: 30, model: "registry:generator/canary", base_url: "{url}/v1"}}
shadow: {{}}
"""


def body(user: str | None, **more: object) -> dict[str, object]:
    return {
        "messages": [{"role": "user", "text": "evening"}],
        "user": {"id": user},
        "character": "blaze",
        **more,
    }


def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_users_stay_in_their_arm_and_a_promotion_reaches_a_running_service(tmp_path: Path) -> None:
    registry = tmp_path / "var" / "registry"
    for version in (ONE, TWO):
        write_version(registry, version)
    point(registry, champion=ONE, canary=TWO)
    drawing = Experiment("opening", (ArmShare("champion", 70), ArmShare("canary", 30)), "champion")
    with loopback_upstream() as url:
        (tmp_path / "arms.yaml").write_text(ARMS.format(url=url))
        settings = {
            "REPARTEE_ARMS__FILE": str(tmp_path / "arms.yaml"),
            "REPARTEE_EVENTS__ENABLED": "true",
            "REPARTEE_REGISTRY__POLL_SECONDS": "0.1",
        }
        with service(tmp_path / "var", **settings) as running:
            seen = Counter()
            for number in range(30):
                reply = running.post("/generate", body(f"u{number}")).body
                assert reply["arm"] == drawing.arm_of(f"u{number}")
                assert reply["version"] == {"champion": ONE, "canary": TWO}[reply["arm"]]
                seen[reply["arm"]] += 1
            assert set(seen) == {"champion", "canary"}

            assert running.post("/generate", body(None)).body["arm"] == "champion"
            assert running.post("/generate", body("u0", arm="canary")).body["version"] == TWO
            refused = running.post("/generate", body("u0", arm="champion"))
            assert (refused.status, refused.body["errors"][0]["field"]) == (422, "arm")

            ids = [model["id"] for model in running.get("/v1/models").body["data"]]
            assert "arm/canary" in ids
            assert "arm/champion" not in ids
            chat = {"messages": [{"role": "user", "content": "evening"}], "user": "u0"}
            named = running.post("/v1/chat/completions", chat | {"model": "arm/canary"})
            assert (named.headers["x-repartee-arm"], named.headers["x-repartee-version"]) == ("canary", TWO)
            assert (named.body["repartee"]["arm"], named.body["repartee"]["version"]) == ("canary", TWO)
            as_blaze = running.post(
                "/v1/chat/completions", chat | {"model": "blaze", "repartee": {"arm": "canary"}}
            )
            assert as_blaze.headers["x-repartee-arm"] == "canary"
            streamed = running.post("/v1/chat/completions", chat | {"model": "blaze", "stream": True})
            assert streamed.headers["x-repartee-version"] in {ONE, TWO}
            unknown = running.post("/v1/chat/completions", chat | {"model": "arm/champion"})
            assert (unknown.status, unknown.body["error"]["code"]) == (404, "model_not_found")

            point(registry, champion=TWO)  # promoted, and with it the trial is over
            until(lambda: running.post("/generate", body("u0")).body["version"] == TWO)
            until(lambda: running.post("/generate", body("u1", arm="canary")).status == 422)
            assert {running.post("/generate", body(f"u{n}")).body["arm"] for n in range(9)} == {"champion"}

            metrics = running.get("/metrics").body
            assert 'repartee_arm_seconds_count{arm="canary",outcome="ok"}' in metrics
            until(lambda: "repartee_shadow_total" in running.get("/metrics").body)
        logs = (tmp_path / "var" / "events").iterdir()
        logged = [json.loads(line) for path in logs for line in path.read_text().splitlines()]
    replies = {event["reply"]["id"]: event["reply"]["arm"] for event in logged if event["type"] == "reply"}
    shadows = [event for event in logged if event["type"] == "shadow"]
    assert len(shadows) == len(replies)
    assert all(event["answered_by"] == replies[event["reply_id"]] for event in shadows)
    assert {event["arm"] for event in shadows} == {"shadow"}
