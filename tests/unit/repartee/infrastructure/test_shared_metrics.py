"""Several workers count, any of them shows the sum; the counting is done in real processes."""

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.shared_metrics import SharedMetrics

_WORKER = """
import sys
from pathlib import Path
from repartee.infrastructure.shared_metrics import SharedMetrics
SharedMetrics(Path(sys.argv[1])).take(int(sys.argv[2]))
from repartee.infrastructure.telemetry import PrometheusTelemetry
telemetry = PrometheusTelemetry()
telemetry.request_started()
telemetry.request_finished("/generate", "POST", 200, 0.02)
telemetry.request_started()
telemetry.circuit("model", "open" if sys.argv[2] == "1" else "closed")
sys.stdout.write(telemetry.exposition().decode())
"""


def counted(folder: Path, number: int) -> str:
    """Let a worker count one request, and leave another one in progress."""
    command = [sys.executable, "-c", _WORKER, str(folder), str(number)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_counters_add_up_past_a_death_and_what_was_in_progress_dies_with_its_worker() -> None:
    with SharedMetrics.made(2) as metrics:
        counted(metrics.folder, 1)
        both = counted(metrics.folder, 2)
        assert 'repartee_requests_total{method="POST",route="/generate",status="200"} 2.0' in both
        assert 'repartee_request_seconds_bucket{le="0.025",route="/generate"} 2.0' in both
        assert "repartee_requests_in_flight 2.0" in both
        assert 'repartee_circuit_state{dependency="model"} 2.0' in both, "the worst of all workers"
        metrics.forget(1)
        metrics.forget(2)
        after = counted(metrics.folder, 2)
        assert 'repartee_requests_total{method="POST",route="/generate",status="200"} 3.0' in after
        assert "repartee_requests_in_flight 1.0" in after
        assert 'repartee_circuit_state{dependency="model"} 0.0' in after
        assert len(list(metrics.folder.iterdir())) == 8
    assert not metrics.folder.exists()


def test_files_have_their_room_from_the_start_so_that_a_full_disk_kills_nobody() -> None:
    with SharedMetrics.made(1) as metrics:
        assert all(file.stat().st_blocks * 512 >= 1_048_576 for file in metrics.folder.iterdir())


def test_no_folder_to_write_is_a_mistake_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    with pytest.raises(ConfigurationError, match="TMPDIR"), SharedMetrics.made(2):
        pass


def test_a_file_that_is_made_anew_can_be_read_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            assert "repartee_requests_total" in _shown_by(metrics)
            return file.write(content)

    with SharedMetrics.made(2) as metrics:
        counted(metrics.folder, 1)
        monkeypatch.setattr(Path, "write_bytes", slowly)
        metrics.forget(1)
        assert "repartee_requests_in_flight 0.0" not in _shown_by(metrics)


def _shown_by(metrics: SharedMetrics) -> str:
    of_all = CollectorRegistry()
    MultiProcessCollector(of_all, str(metrics.folder))  # type: ignore[no-untyped-call]
    return generate_latest(of_all).decode()
