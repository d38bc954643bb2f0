"""A run's curves as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

PANELS: Mapping[str, Sequence[str]] = {
    "loss": ("loss", "eval_loss"),
    "margin of chosen over rejected": ("rewards/margins", "eval_rewards/margins", "margin", "eval_margin"),
    "reward": ("eval_rewards/chosen", "eval_rewards/rejected"),
    "learning rate": ("learning_rate",),
}


def plot_run(metrics: Sequence[Mapping[str, Any]], out: Path) -> list[Path]:
    """Write `curves.png` and `curves.svg` under `out`: a panel for each group of metrics that was logged."""
    panels = {
        title: keys for title, keys in PANELS.items() if any(k in line for line in metrics for k in keys)
    }
    figure = Figure(figsize=(5.0 * max(1, len(panels)), 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    for position, (title, keys) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), position, title=title, xlabel="step")
        for key in keys:
            points = [(line["step"], line[key]) for line in metrics if key in line]
            if points:
                axes.plot(*zip(*points, strict=True), marker=".", label=key)
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / "curves.png", out / "curves.svg"]
    for path in paths:
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths
