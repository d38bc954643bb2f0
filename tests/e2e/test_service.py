import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.processes import Service, call, environment, loopback_upstream, service

ANN = {"id": "ann", "name": "Ann", "age": 30}


def _say(text: str, **changed) -> dict:
    return {"messages": [{"role": "user", "text": text}], "user": ANN, "character": "blaze"} | changed


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with service(tmp_path_factory.mktemp("run") / "var") as started:
        yield started


def test_a_fresh_service_greets_remembers_and_answers_with_the_fact(running: Service) -> None:
    greeting = running.post("/generate", {"character": "blaze", "user": ANN}).body
    assert greeting["finish_reason"] == "greeting"
    added = running.post("/users/ann/facts", {"facts": [{"text": "Has a tabby cat named Pickle"}]})
    assert added.status == 200
    reply = running.post("/generate", _say("my cat knocked the vase over again")).body
    assert reply["model"] == "offline"
    assert reply["retrieval"]["status"] == "ok"
    assert [fact["text"] for fact in reply["facts"]] == ["Has a tabby cat named Pickle"]


def test_small_talk_brings_no_fact_and_says_so(running: Service) -> None:
    running.post("/users/smalltalk/facts", {"facts": [{"text": "Works as a bridge engineer"}]})
    body = _say("haha yeah", user={"id": "smalltalk", "name": "S"})
    assert running.post("/generate", body).body["retrieval"]["status"] == "below_threshold"


def test_a_russian_character_answers_in_russian_with_a_russian_fact(running: Service) -> None:
    running.post("/users/katya/facts", {"facts": [{"text": "Держит рыжего кота по кличке Персик"}]})
    body = _say("мой кот опять разбил вазу", character="vera", user={"id": "katya", "name": "Катя"})
    reply = running.post("/generate", body).body
    letters = [char for char in reply["text"] if char.isalpha()]
    assert sum("Ѐ" <= char <= "ӿ" for char in letters) > 0.9 * len(letters)
    assert [fact["text"] for fact in reply["facts"]] == ["Держит рыжего кота по кличке Персик"]


def test_two_users_on_one_topic_never_mix_under_concurrent_load(running: Service) -> None:
    users = [f"tenant{number}" for number in range(12)]
    for user in users:
        facts = {"facts": [{"text": f"Has a dog named Zed{user}"}, {"text": f"Lives in town{user}"}]}
        assert running.post(f"/users/{user}/facts", facts).status == 200

    def ask(user: str) -> tuple[str, str]:
        body = _say("what is my dog called?", user={"id": user, "name": "X"}, dry_run=True)
        return user, json.dumps(running.post("/generate", body).body)

    with ThreadPoolExecutor(8) as pool:
        for user, answer in pool.map(ask, users * 5):
            assert f"Zed{user}" in answer
            assert [other for other in users if other != user and f'Zed{other}"' in answer] == []


def test_forgetting_is_complete(running: Service) -> None:
    running.post("/users/gone/facts", {"facts": [{"text": f"Fact number {n}"} for n in range(70)]})
    assert running.delete("/users/gone/facts").body == {"deleted": 70}
    assert running.get("/users/gone/facts").body == {"facts": [], "next": None}
    assert running.get("/users/gone/facts/search?q=fact").body["candidates"] == []


def test_a_stream_over_a_real_socket_ends_with_done(running: Service) -> None:
    answer = running.post("/generate", _say("tell me a story", stream=True))
    names = [line.removeprefix("event: ") for line in answer.body.split("\n") if line.startswith("event: ")]
    assert names[0] == "facts"
    assert names[-1] == "done"
    assert names.count("done") == 1
    assert set(names[1:-1]) == {"delta"}


def test_no_word_of_a_user_and_no_key_reaches_the_logs(tmp_path: Path) -> None:
    canary = "canary-77ab"
    with (
        loopback_upstream() as upstream,
        service(
            tmp_path / "var",
            REPARTEE_LLM__BASE_URL=f"{upstream}/v1",
            REPARTEE_LLM__API_KEY="sk-or-v1-canary-77ab",
            REPARTEE_API__KEYS="door-canary-77ab",
            REPARTEE_LOG__LEVEL="debug",
        ) as running,
    ):
        key = {"authorization": "Bearer door-canary-77ab"}
        user = {"id": "ann", "name": canary}
        assert running.post("/users/ann/facts", {"facts": [{"text": canary}]}, **key).status == 200
        assert running.post("/generate", _say(canary, user=user), **key).status == 200
        assert running.post("/generate", _say(canary, user=user)).status == 401
        assert running.post("/generate", _say(canary, x=canary), **key).status == 422
        for faults in (["status=500", "status=500"], ["status=401"], ["html"], ["truncated-json"]):
            call("POST", f"{upstream}/loopback/script", {"endpoint": "chat", "faults": faults})
            failed = running.post("/generate", _say(canary, user=user), **key)
            assert failed.status == 502
            assert canary not in json.dumps(failed.body)
        running.stop()
        assert canary not in running.output()


def test_a_real_openai_compatible_server_gets_chat_roles_and_the_key(tmp_path: Path) -> None:
    with (
        loopback_upstream() as upstream,
        service(
            tmp_path / "var", REPARTEE_LLM__BASE_URL=f"{upstream}/v1", REPARTEE_LLM__API_KEY="sk-1"
        ) as running,
    ):
        reply = running.post("/generate", _say("hello over the wire")).body
        assert reply["model"] == "loopback-model"
        assert "hello over the wire" in reply["text"]
        streamed = running.post("/generate", _say("hello over the wire", stream=True)).body
        assert "event: done" in streamed
        requests = call("GET", f"{upstream}/loopback/requests").body["requests"]
        chats = [request for request in requests if request["path"].endswith("/chat/completions")]
        assert [message["role"] for message in chats[0]["body"]["messages"]] == ["system", "user", "system"]
        assert chats[0]["headers"]["authorization"] == "Bearer sk-1"


def test_cohere_embeds_documents_and_queries_in_their_own_modes_and_reranks(tmp_path: Path) -> None:
    with (
        loopback_upstream(dimension=1024) as upstream,
        service(
            tmp_path / "var",
            REPARTEE_COHERE__API_KEY="co-1",
            REPARTEE_COHERE__BASE_URL=upstream,
            REPARTEE_EMBEDDER__THRESHOLD="0.1",
        ) as running,
    ):
        running.post(
            "/users/ann/facts", {"facts": [{"text": "has a grey cat"}, {"text": "a grey cat sleeps"}]}
        )
        reply = running.post("/generate", _say("a grey cat")).body
        assert reply["retrieval"] == {"status": "ok", "threshold": 0.1, "rerank": "ok"}
        requests = call("GET", f"{upstream}/loopback/requests").body["requests"]
        modes = [r["body"]["input_type"] for r in requests if r["path"].endswith("/v2/embed")]
        assert modes[-2:] == ["search_document", "search_query"]
        assert any(r["path"].endswith("/v2/rerank") for r in requests)


def test_facts_survive_a_clean_stop_and_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "var"
    with service(data) as first:
        first.post("/users/ann/facts", {"facts": [{"text": "one"}]})
        assert first.stop() == 0
        assert not (data / "server.json").exists()
    with service(data) as second:
        second.post("/users/ann/facts", {"facts": [{"text": "two"}]})
        second.stop(signal.SIGKILL)
    with service(data) as third:
        facts = third.get("/users/ann/facts").body["facts"]
        assert {fact["text"] for fact in facts} == {"one", "two"}


def test_kill_9_while_facts_are_written_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    data, acknowledged = tmp_path / "var", set()
    for round_ in range(3):
        with service(data) as running:
            timer = threading.Timer(0.4 + 0.2 * round_, running.process.kill)
            timer.start()
            number = 0
            while True:
                texts = [f"round {round_} fact {number} part {part}" for part in range(4)]
                try:
                    body = {"facts": [{"text": text} for text in texts]}
                    answer = running.post("/users/ann/facts", body)
                except OSError:
                    break
                assert answer.status == 200
                acknowledged.update(texts)
                number += 1
            timer.join()
    with service(data) as running:
        found, after = set(), ""
        while after is not None:
            page = running.get(f"/users/ann/facts?limit=500{after and '&after=' + after}").body
            found.update(fact["text"] for fact in page["facts"])
            after = page["next"]
    assert acknowledged
    assert acknowledged - found == set()


def test_a_second_process_on_the_same_data_is_told_what_to_do_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "var"
    with service(data):
        done = subprocess.run(
            [sys.executable, "-m", "repartee", "serve", "--port", "0"],
            env=environment(data), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("error:")
    assert "REPARTEE_QDRANT__URL" in line


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"REPARTEE_API__HOST": "0.0.0.0"}, "REPARTEE_API__KEYS"),
        ({"REPARTEE_LLM__TEMPERATURE": "hot"}, "REPARTEE_LLM__TEMPERATURE"),
        ({"REPARTEE_EMBEDDER__FOLDER": "/nonexistent"}, "make encoder"),
        ({"REPARTEE_EMBEDDER__KIND": "openai"}, "REPARTEE_EMBEDDER__MODEL"),
        ({"REPARTEE_PROMPT__FOLDER": "/nonexistent"}, "REPARTEE_PROMPT__FOLDER"),
        ({"REPARTEE_LMM__API_KEY": "x"}, "REPARTEE_LMM__API_KEY"),
    ],
)
def test_an_operators_mistake_ends_the_start_with_one_line(
    tmp_path: Path, settings: dict, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "repartee", "serve", "--port", "0"],
        env=environment(tmp_path / "var", **settings),
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_event_log_joins_replies_and_feedback(tmp_path: Path) -> None:
    data = tmp_path / "var"
    with service(data, REPARTEE_EVENTS__ENABLED="true") as running:
        reply = running.post("/generate", _say("hello")).body
        assert running.post("/feedback", {"reply_id": reply["id"], "verdict": "dislike"}).status == 200
    [path] = (data / "events").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert [line["type"] for line in lines] == ["reply", "feedback"]
    assert lines[0]["reply"]["id"] == lines[1]["reply_id"] == reply["id"]


def test_a_model_server_that_is_down_is_503_and_readyz_names_it(tmp_path: Path) -> None:
    with service(tmp_path / "var", REPARTEE_LLM__BASE_URL="http://127.0.0.1:9/v1") as running:
        failed = running.post("/generate", _say("hello"))
        assert (failed.status, failed.body["code"]) == (503, "upstream_unreachable")
        ready = running.get("/readyz")
        assert (ready.status, ready.body["dependencies"]["model"]["status"]) == (503, "error")


def test_a_qdrant_server_that_is_down_gives_replies_without_facts_in_time(tmp_path: Path) -> None:
    with service(tmp_path / "var", REPARTEE_QDRANT__URL="http://127.0.0.1:9") as running:
        started = time.monotonic()
        reply = running.post("/generate", _say("hello"))
        assert (reply.status, reply.body["retrieval"]["status"]) == (200, "error")
        assert time.monotonic() - started < 5
        assert running.post("/users/ann/facts", {"facts": [{"text": "x"}]}).status in {502, 503, 504}
