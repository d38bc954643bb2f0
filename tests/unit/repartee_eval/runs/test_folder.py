import json
import subprocess
import sys
from pathlib import Path

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.runs.folder import open_run, read_run
from repartee_eval.runs.lock import RunLocked
from repartee_eval.runs.manifest import JudgeSection, Manifest, RunChanged, read_manifest

JUDGE = JudgeSection(id="j1", model="gpt", prompts={"pairwise": "aaa"})
MANIFEST = Manifest(
    command="compare",
    config={"window": {"messages": 20, "focus": 5}},
    prompts={"reply": "p" * 64},
    data={"a.jsonl": "d" * 64},
    judges=(JUDGE,),
)


def made(folder: Path) -> Path:
    with open_run(folder, MANIFEST) as run:
        assert not run.resumed
    return folder


def test_the_same_command_resumes_and_keeps_the_manifest(tmp_path: Path) -> None:
    made(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    with open_run(tmp_path, MANIFEST.model_copy(update={"created": read_manifest(tmp_path).created})) as run:
        assert run.resumed
        assert run.manifest.versions["python"]
    assert (tmp_path / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": {"window": {"messages": 20, "focus": 4}}}, r"config\.window\.focus \(5 → 4\)"),
        ({"prompts": {"reply": "q" * 64}}, r"prompts\.reply \(p{20}… → q{20}…\)"),
        ({"data": {"a.jsonl": "e" * 64}}, r"data\.a\.jsonl \(d{20}… → e{20}…\)"),
        ({"data": {}}, r"data\.a\.jsonl \(d{20}… → not set\)"),
        ({"seed": 7}, r"seed \(0 → 7\)"),
        ({"command": "rollout"}, r"command \(compare → rollout\)"),
        (
            {"judges": (JUDGE.model_copy(update={"prompts": {"pairwise": "bbb"}}),)},
            r"judges\.j1\.prompts\.pairwise \(aaa → bbb\)",
        ),
    ],
)
def test_a_change_refuses_to_resume_and_says_what_changed(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    made(tmp_path)
    with (
        pytest.raises(RunChanged, match=said),
        open_run(tmp_path, MANIFEST.model_copy(update=change), rejudge=True),
    ):
        pass


def test_another_judge_joins_only_when_asked_for(tmp_path: Path) -> None:
    made(tmp_path)
    other = MANIFEST.model_copy(update={"judges": (JudgeSection(id="j2", model="claude"),)})
    with pytest.raises(RunChanged, match=r"judge j2 is new \(--rejudge"), open_run(tmp_path, other):
        pass
    with open_run(tmp_path, other, rejudge=True) as run:
        assert [judge.id for judge in run.manifest.judges] == ["j1", "j2"]
    for again in (MANIFEST, other):
        with open_run(tmp_path, again) as run:
            assert len(run.manifest.judges) == 2


def test_a_second_process_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from repartee_eval.runs.folder import open_run
from repartee_eval.runs.manifest import Manifest
with open_run(Path({str(tmp_path)!r}), Manifest(command="compare")):
    print("open", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        with (
            pytest.raises(RunLocked, match=rf"process {holder.pid} on .+, since 20\d\d-"),
            open_run(tmp_path, Manifest(command="compare")),
        ):
            pass
        with read_run(tmp_path) as (manifest, _):
            assert manifest.command == "compare"
        holder.kill()
    with open_run(tmp_path, Manifest(command="compare")) as run:
        assert run.resumed, "the lock of a dead process holds nobody back"


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    made(tmp_path)
    text = json.loads((tmp_path / "run.json").read_text()) | {"colour": 1}
    (tmp_path / "run.json").write_text(json.dumps(text))
    with pytest.raises(EvalError, match=r"run\.json: colour: Extra"), open_run(tmp_path, MANIFEST):
        pass


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"holds no run: run\.json is missing"), read_run(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvalError, match="cannot be made"), open_run(tmp_path / "file" / "run", MANIFEST):
        pass


def test_the_manifest_names_the_commit_of_the_code(tmp_path: Path) -> None:
    made(tmp_path)
    revision = read_manifest(tmp_path).git_revision
    assert revision is None or len(revision.rstrip("+")) == 40
