import shlex
import sys
from pathlib import PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from repartee_tune.cli import cli
from repartee_tune.launch.command import CONFIGURATIONS, TrainCommand
from repartee_tune.launch.ray_train import ray_script

FOLDERS = ("--data", "/d", "--base", "/b", "--out", "/o")


def _launch(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["launch", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def _is_a_train_command(arguments: list[str]) -> bool:
    train = cli.commands["train"]
    known = [option for parameter in train.params for option in parameter.opts]
    return arguments[0] == "train" and all(a in known for a in arguments if a.startswith("--"))


def test_one_process_is_the_plain_command() -> None:
    command = shlex.split(_launch("local", "dpo-lora", *FOLDERS, "--set", "beta=0.2"))
    assert command[0] == "repartee-tune"
    assert _is_a_train_command(command[1:])
    assert "beta=0.2" in command


@pytest.mark.parametrize(
    ("strategy", "kind"), [("ddp", "MULTI_GPU"), ("fsdp2", "FSDP"), ("zero3", "DEEPSPEED")]
)
def test_several_processes_are_launched_and_their_number_is_checked(strategy: str, kind: str) -> None:
    command = shlex.split(_launch("local", "dpo-full", *FOLDERS, "--strategy", strategy, "--processes", "8"))
    assert command[:2] == ["accelerate", "launch"]
    configuration = yaml.safe_load((CONFIGURATIONS / f"{strategy}.yaml").read_text("utf-8"))
    assert configuration["distributed_type"] == kind
    assert command[command.index("--num_processes") + 1] == "8"
    train = command[command.index("repartee_tune") + 1 :]
    assert _is_a_train_command(train)
    assert train[-4:] == ["--strategy", strategy, "--world-size", "8"]


def test_a_strategy_that_contradicts_the_number_is_an_error() -> None:
    result = CliRunner().invoke(cli, ["launch", "local", "dpo-full", *FOLDERS, "--strategy", "fsdp2"])
    assert result.exit_code == 1
    assert "single is one, the others are several" in result.stderr


def test_a_kubernetes_job_survives_being_moved() -> None:
    _, manifest = yaml.safe_load_all(
        _launch("kubernetes", "dpo-lora", *FOLDERS, "--strategy", "ddp", "--processes", "4")
    )
    pod = manifest["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "4"  # quantities are text
    assert pod["terminationGracePeriodSeconds"] >= 300
    rule = manifest["spec"]["podFailurePolicy"]["rules"][0]
    assert rule == {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [75]}}


def test_a_job_brings_the_configuration_that_its_command_names() -> None:
    arguments = ("kubernetes", "dpo-full", *FOLDERS, "--strategy", "fsdp2", "--processes", "8")
    configuration, job = yaml.safe_load_all(_launch(*arguments))
    container = job["spec"]["template"]["spec"]["containers"][0]
    named = PurePosixPath(container["command"][container["command"].index("--config_file") + 1])
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in job["spec"]["template"]["spec"]["volumes"]}
    volume = volumes[mounts[str(named.parent)]]
    assert volume["configMap"]["name"] == configuration["metadata"]["name"]
    assert yaml.safe_load(configuration["data"][named.name])["distributed_type"] == "FSDP"


def test_one_process_needs_no_configuration_and_a_name_has_to_be_one() -> None:
    (job,) = yaml.safe_load_all(_launch("kubernetes", "dpo-lora", *FOLDERS))
    assert job["spec"]["template"]["spec"]["containers"][0]["command"][0] == "repartee-tune"
    result = CliRunner().invoke(cli, ["launch", "kubernetes", "dpo-lora", *FOLDERS, "--name", "My_Run"])
    assert result.exit_code == 1
    assert "--name My_Run: Kubernetes takes up to 63" in result.stderr


def test_the_ray_script_runs_the_command_in_every_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Trainer:
        def __init__(self, work: Any, **settings: Any) -> None:
            seen.update(settings, work=work)

        def fit(self) -> None:
            seen["work"]()

    train = ModuleType("ray.train")
    train.__dict__.update(dict.fromkeys(("FailureConfig", "RunConfig", "ScalingConfig"), SimpleNamespace))
    torch_part = ModuleType("ray.train.torch")
    torch_part.__dict__["TorchTrainer"] = Trainer
    modules = {"ray": ModuleType("ray"), "ray.train": train, "ray.train.torch": torch_part}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)

    def main(arguments: list[str], standalone_mode: bool) -> int:
        seen["arguments"] = arguments
        return 0

    monkeypatch.setattr(cli, "main", main)
    script = ray_script(TrainCommand("dpo-lora", "/d", "/b", "/o"), 2, storage="/shared")
    exec(compile(script, "train_on_ray.py", "exec"), {})  # noqa: S102 - our own script
    assert seen["scaling_config"].num_workers == 2
    assert _is_a_train_command(seen["arguments"])
    assert seen["arguments"][-2:] == ["--world-size", "2"]


def test_ray_refuses_sharding() -> None:
    arguments = ["launch", "ray", "dpo-full", *FOLDERS, "--strategy", "zero3", "--processes", "2"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "--strategy: Ray Train gives ddp here" in result.stderr
