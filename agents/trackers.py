"""Where the figures of a training run go besides the terminal: TensorBoard files, W&B, MLflow or trackio, through Accelerate."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from tokengym._registry import unknown

__all__ = ["TRACKERS", "Tracker"]

# name -> (Accelerate's class, what pip installs)
TRACKERS = {
    "mlflow": ("MLflowTracker", "mlflow"),
    "tensorboard": ("TensorBoardTracker", "tensorboard"),
    "trackio": ("TrackioTracker", "trackio"),
    "wandb": ("WandBTracker", "wandb"),
}
_PROJECT = "tokengym"


class Tracker:
    """One run in one tracker; steps are training tokens.

    Args:
        name: a row of ``TRACKERS``.
        folder: of its files; those that keep theirs elsewhere (their own settings say where) get it for what they write locally.
        title: what the run is called.
        config: the agent's options.
        begin: tokens trained on so far; TensorBoard forgets what a killed run logged beyond them.
    Raises:
        ValueError: an unknown name.
        ImportError: the tracker's package is not installed.
    """

    def __init__(self, name: str, folder: str, title: str, config: Mapping[str, Any], begin: int = 0) -> None:
        if name not in TRACKERS:
            raise unknown("tracker", name, TRACKERS)
        kind, package = TRACKERS[name]
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"tracker={name!r} needs the package {package}; run: pip install {package} (or take tracker='tensorboard')")
        from accelerate import PartialState, tracking

        PartialState()  # Accelerate's trackers log through it, and not all of them make it themselves
        if name == "tensorboard":  # its files stand in the folder itself
            made = tracking.TensorBoardTracker("", logging_dir=folder, purge_step=begin + 1 if begin else None)
        elif name == "mlflow":
            made = tracking.MLflowTracker(_PROJECT, run_name=title)
        elif name == "wandb":
            made = tracking.WandBTracker(_PROJECT, name=title, dir=folder)
        else:
            made = getattr(tracking, kind)(_PROJECT, name=title)
        self._name = name
        self._tracker: Any = made
        self._tracker.start()
        if name == "tensorboard":  # which would open a second folder for options
            self._tracker.log({"config": _table(["option", "value"], list(config.items()))}, step=begin)
        else:
            self._tracker.store_init_configuration({key: value if value is not None else "None" for key, value in config.items()})

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Figures of one update, as "train/<name>"."""
        self._tracker.log({f"train/{name}": value for name, value in figures.items()}, step=step)

    def text(self, name: str, text: str, step: int) -> None:
        """A few words, where the tracker takes words."""
        if self._name != "mlflow":
            self._tracker.log({name: text}, step=step)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], step: int) -> None:
        """A table of texts and numbers."""
        if self._name == "wandb":
            self._tracker.log_table(name, columns=list(columns), data=[list(row) for row in rows], step=step)
        else:
            self.text(name, _table(columns, rows), step)

    def close(self) -> None:
        self._tracker.finish()


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown, which TensorBoard renders."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", "<br>") for cell in line) + " |" for line in lines)
