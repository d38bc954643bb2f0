"""Settings, dependency container, logging and telemetry."""
