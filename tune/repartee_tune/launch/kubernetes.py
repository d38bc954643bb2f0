"""A Kubernetes Job for a run: one pod with as many GPUs as processes, the folders on a claim.

accelerate's configuration comes along as a ConfigMap: where the image keeps the package is its own affair.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from repartee_tune.errors import TuneError
from repartee_tune.launch.command import CONFIGURATIONS, Strategy, TrainCommand, command_line
from repartee_tune.training_exit import INTERRUPTED

MOUNTED = Path("/etc/repartee/accelerate")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class KubernetesJob:
    """What a cluster has to know. `grace` is in seconds: a step and a save must fit into it."""

    name: str
    image: str
    claim: str
    mount: str = "/var/lib/repartee"
    memory: str = "64Gi"
    grace: int = 600


def kubernetes_job(job: KubernetesJob, command: TrainCommand, strategy: Strategy, processes: int) -> str:
    """Return the manifest as YAML: the Job, and a ConfigMap before it where several processes are launched.

    A pod that is moved saves and ends with status 75, which counts as no failure: the next one goes on from
    there. Raises TuneError for a name that Kubernetes would refuse.
    """
    if not _NAME.fullmatch(job.name):
        raise TuneError(f"--name {job.name}: Kubernetes takes up to 63 of a-z, 0-9 and - (not at the ends)")
    container = {
        "name": "train",
        "image": job.image,
        "command": command_line(command, strategy, processes, MOUNTED),
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
        "resources": {
            "requests": {"memory": job.memory},
            "limits": {"nvidia.com/gpu": str(processes), "memory": job.memory},
        },
        "volumeMounts": [
            {"name": "work", "mountPath": job.mount},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - the pod's own shared memory
            *([{"name": "accelerate", "mountPath": str(MOUNTED)}] if processes > 1 else []),
        ],
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": job.grace,
        "containers": [container],
        "volumes": [
            {"name": "work", "persistentVolumeClaim": {"claimName": job.claim}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},  # NCCL shares memory between processes
            *([{"name": "accelerate", "configMap": {"name": job.name}}] if processes > 1 else []),
        ],
    }
    moved = [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [INTERRUPTED]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
    ]
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job.name},
        "spec": {"backoffLimit": 3, "podFailurePolicy": {"rules": moved}, "template": {"spec": pod}},
    }
    parts = [_configuration(job.name, strategy), manifest] if processes > 1 else [manifest]
    return yaml.safe_dump_all(parts, sort_keys=False)


def _configuration(name: str, strategy: Strategy) -> dict[str, Any]:
    content = (CONFIGURATIONS / f"{strategy}.yaml").read_text("utf-8")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {f"{strategy}.yaml": content},
    }
