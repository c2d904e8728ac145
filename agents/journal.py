"""What a training run tells: a bar in the terminal, figures to a tracker, sample answers to a file, alarms to everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tokengym.agents.config import AgentConfig
from tokengym.agents.progress import Progress
from tokengym.agents.samples import SampleLog
from tokengym.agents.trackers import Tracker

__all__ = ["Journal"]


class Journal:
    """A context manager around a training run.

    Args:
        title: what is trained, such as "PPO TextSumm-v0".
        config: of the agent; its ``log_dir``, ``tracker`` and ``samples`` count here.
        options: the config as a dict, for the tracker.
        show: False prints nothing.
        write: False writes nothing either: another process of the same training does.
        update, timesteps: of the agent as the run begins; what a killed run logged beyond them is forgotten.
    """

    def __init__(
        self, title: str, config: AgentConfig, options: Mapping[str, Any], show: bool, write: bool, update: int, timesteps: int
    ) -> None:
        self._bar = Progress(title, show and write)
        self._tracker: Tracker | None = None
        self._samples: SampleLog | None = None
        if config.log_dir and write:
            self._tracker = Tracker(config.tracker, config.log_dir, title, options, timesteps)
            self._samples = SampleLog(config.log_dir, update) if config.samples else None

    def __enter__(self) -> Journal:
        self._bar.__enter__()
        return self

    def update(self, share: float, timesteps: int, stats: Mapping[str, float]) -> None:
        """Shows and logs one update's figures, with ``share`` of the run done."""
        if self._tracker is not None:
            self._tracker.log(stats, timesteps)
        self._bar.update(share, timesteps, stats)

    def say(self, text: str) -> None:
        """Prints a line that a person should read."""
        self._bar.say(text)

    def alarm(self, name: str, text: str, update: int, timesteps: int) -> None:
        """Prints and logs an alarm."""
        self.say(f"Alarm at update {update:,}: {text}")
        if self._tracker is not None:
            self._tracker.text(f"alarm/{name}", text, timesteps)

    def samples(self, update: int, timesteps: int, samples: Sequence[Mapping[str, Any]]) -> None:
        """Logs the answers of a validation."""
        if self._samples is None or self._tracker is None or not samples:
            return
        self._samples.write(update, timesteps, samples)
        rows = [[s["prompt"], s["response"], " / ".join(s["references"]), f"{s['reward']:.3f}"] for s in samples]
        self._tracker.table("samples", ["prompt", "response", "references", "reward"], rows, timesteps)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.__exit__(kind, error, trace)
        if self._tracker is not None:
            self._tracker.close()
