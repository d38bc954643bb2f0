"""A Kubernetes Job for a run: one pod with as many GPUs as processes, the folders on a claim."""

from dataclasses import dataclass

import yaml

from repartee_tune.launch.command import Strategy, TrainCommand, command_line
from repartee_tune.training_exit import INTERRUPTED


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
    """Return the manifest as YAML.

    A pod that is moved saves and ends with status 75, which counts as no failure: the next one goes on from
    there.
    """
    container = {
        "name": "train",
        "image": job.image,
        "command": command_line(command, strategy, processes),
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
        "resources": {
            "requests": {"memory": job.memory},
            "limits": {"nvidia.com/gpu": processes, "memory": job.memory},
        },
        "volumeMounts": [
            {"name": "work", "mountPath": job.mount},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - the pod's own shared memory
        ],
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": job.grace,
        "containers": [container],
        "volumes": [
            {"name": "work", "persistentVolumeClaim": {"claimName": job.claim}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},  # NCCL shares memory between processes
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
    return yaml.safe_dump(manifest, sort_keys=False)
