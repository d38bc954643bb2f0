"""The files under deploy/ and docker-compose.yml agree with the service: settings, paths, metrics, times."""

import json
import re
from pathlib import Path

import pytest
import yaml

from repartee.infrastructure.settings import Settings
from repartee.infrastructure.telemetry import PrometheusTelemetry
from scripts.check_docs import variables

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "src/repartee/presentation/api/server.py"
KUBERNETES = ROOT / "deploy" / "kubernetes"
METRIC = re.compile(r"\brepartee_[a-z_]+")


def documents(path: Path) -> list[dict]:
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def resources() -> list[dict]:
    named = documents(KUBERNETES / "kustomization.yaml")[0]["resources"]
    return [document for name in named for document in documents(KUBERNETES / name)]


def of_kind(kind: str) -> dict:
    [found] = [one for one in resources() if one["kind"] == kind]
    return found


def known_metrics() -> set[str]:
    families = PrometheusTelemetry()._registry.collect()
    return {
        name
        for family in families
        for name in (
            family.name,
            f"{family.name}_total",
            f"{family.name}_bucket",
            f"{family.name}_count",
            f"{family.name}_sum",
        )
    }


def test_the_kustomization_names_every_manifest_but_the_example() -> None:
    named = set(documents(KUBERNETES / "kustomization.yaml")[0]["resources"])
    there = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert named == there - {"kustomization.yaml", "secret.example.yaml"}


def test_every_variable_of_the_manifests_is_a_setting() -> None:
    given = {*of_kind("ConfigMap")["data"], *documents(KUBERNETES / "secret.example.yaml")[0]["stringData"]}
    assert given
    assert given <= set(variables())


def test_the_configuration_is_one_that_the_service_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in of_kind("ConfigMap")["data"].items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert settings.qdrant.replication == 2
    assert settings.api.drain_seconds == 10


def test_the_grace_is_long_enough_to_drain_and_to_end_the_longest_reply() -> None:
    data = of_kind("ConfigMap")["data"]
    needed = float(data["REPARTEE_API__DRAIN_SECONDS"]) + float(data["REPARTEE_REPLY__DEADLINE_SECONDS"])
    assert of_kind("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= needed + 2


def test_readiness_is_noticed_before_the_drain_ends() -> None:
    [container] = of_kind("Deployment")["spec"]["template"]["spec"]["containers"]
    probe = container["readinessProbe"]
    noticed = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert noticed < float(of_kind("ConfigMap")["data"]["REPARTEE_API__DRAIN_SECONDS"])


def test_probes_ask_paths_that_there_are_and_selectors_find_the_pods() -> None:
    deployment = of_kind("Deployment")["spec"]
    [container] = deployment["template"]["spec"]["containers"]
    health = (ROOT / "src/repartee/presentation/api/health.py").read_text("utf-8")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert f'"{container[probe]["httpGet"]["path"]}"' in health
        assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]
    labels = deployment["template"]["metadata"]["labels"]
    for selector in (
        deployment["selector"]["matchLabels"],
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    assert (
        of_kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"]
        == of_kind("Deployment")["metadata"]["name"]
    )


@pytest.mark.parametrize(
    "path",
    ["deploy/grafana/dashboard.json", "deploy/prometheus/alerts.yml", "deploy/kubernetes/autoscaling.yaml"],
)
def test_every_metric_named_is_one_that_the_service_has(path: str) -> None:
    named = set(METRIC.findall((ROOT / path).read_text("utf-8")))
    assert named
    assert named <= known_metrics()


def test_the_dashboard_has_panels_with_queries_and_places_of_their_own() -> None:
    panels = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text("utf-8"))["panels"]
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_has_an_expression_a_time_and_a_summary() -> None:
    [group] = documents(ROOT / "deploy/prometheus/alerts.yml")[0]["groups"]
    for rule in group["rules"]:
        assert {"alert", "expr", "for", "labels", "annotations"} <= rule.keys()
        assert rule["annotations"]["summary"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"])


def test_compose_names_services_volumes_and_settings_that_there_are() -> None:
    compose = documents(ROOT / "docker-compose.yml")[0]
    for service in compose["services"].values():
        needed = service.get("depends_on", [])
        assert set(needed) <= compose["services"].keys()
        given = {name for name in service.get("environment", {}) if name.startswith("REPARTEE_")}
        assert given <= set(variables())
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).exists()
        assert "latest" not in service["image"]


def test_the_proxy_closes_idle_connections_before_the_replicas_do() -> None:
    proxy = (ROOT / "deploy/haproxy/haproxy.cfg").read_text("utf-8")
    [idle] = re.findall(r"timeout http-keep-alive (\d+)s", proxy)
    [kept] = re.findall(r"timeout_keep_alive=(\d+)", SERVER.read_text("utf-8"))
    assert int(idle) < int(kept)
    [server] = re.findall(r"timeout server (\d+)s", proxy)
    assert int(server) > Settings(_env_file=None).reply.deadline_seconds
