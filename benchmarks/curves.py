"""The learning-curve picture: reward against training tokens, one panel per environment, mean over seeds with a band."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokengym.benchmarks.records import Record

__all__ = ["Curve", "curves", "draw"]

Values = NDArray[np.float64]

# Okabe and Ito's palette, which colour-blind readers tell apart; the line styles differ too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STYLES = ("-", "--", "-.", ":")
_INK, _MUTED, _GRID = "#222222", "#6B6B6B", "#E4E4E4"
_POINTS = 200


class Curve(NamedTuple):
    """One agent's curve on one environment.

    Attributes:
        tokens: (P,) training tokens, those of the agent it starts from not counted.
        seeds: (S, P) reward of each seed at these points.
    """

    tokens: Values
    seeds: Values

    @property
    def mean(self) -> Values:
        """(P,) mean over the seeds."""
        return np.asarray(self.seeds.mean(axis=0), dtype=np.float64)


def curves(records: Sequence[Record]) -> tuple[str, dict[str, dict[str, Curve]]]:
    """(what was measured, environment -> agent -> curve) of the agents whose training kept a reward.

    "validation" (greedy, clean held-out references) where every such agent has it, "reward" (sampled, on training labels) otherwise.
    """
    trained = [r for r in records if r["status"] == "done" and any(name in r["training"] for name in ("reward", "validation"))]
    online = [r for r in trained if "reward" in r["training"]]
    chosen = online or trained
    kind = "validation" if chosen and all("validation" in r["training"] for r in chosen) else "reward"
    grouped: dict[str, dict[str, list[Record]]] = {}
    for record in chosen:
        grouped.setdefault(record["env"]["id"], {}).setdefault(record["agent"]["name"], []).append(record)
    return kind, {env: {agent: _joined(rows, kind) for agent, rows in agents.items()} for env, agents in grouped.items()}


def _joined(records: Sequence[Record], kind: str) -> Curve:
    """Seeds on one grid of tokens, over the stretch that all of them have, linearly interpolated."""
    lines = [(np.asarray(r["training"][f"{kind}_tokens"], float), np.asarray(r["training"][kind], float)) for r in records]
    first, last = max(x[0] for x, _ in lines), min(x[-1] for x, _ in lines)
    grid = np.linspace(first, max(first, last), _POINTS)
    return Curve(grid, np.stack([np.interp(grid, x, y) for x, y in lines]))


def _level(records: Sequence[Record], env: str, agent: str) -> float | None:
    values = [
        v for r in records if r["env"]["id"] == env and r["agent"]["name"] == agent and r["status"] == "done" for v in r["eval"]["reward"]
    ]
    return float(np.mean(values)) if values else None


def _panel(axes: Any, env: str, lines: dict[str, Curve], colours: dict[str, int], levels: Sequence[tuple[str, float, Any]]) -> None:
    for agent, curve in lines.items():
        number = colours[agent]
        colour = _COLOURS[number % len(_COLOURS)]
        if len(curve.seeds) > 1:
            axes.fill_between(curve.tokens, curve.seeds.min(axis=0), curve.seeds.max(axis=0), color=colour, alpha=0.16, linewidth=0)
        axes.plot(curve.tokens, curve.mean, color=colour, linestyle=_STYLES[number % len(_STYLES)], linewidth=2, label=agent, zorder=3)
    for label, level, style in levels:
        axes.axhline(level, color=_MUTED, linewidth=1.1, linestyle=style, label=label, zorder=2)
    axes.set_title(env.replace("$", r"\$"), fontsize=11, color=_INK, loc="left", fontweight="bold")
    axes.set_xlabel("training tokens", fontsize=9.5, color=_INK)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if value else "0")
    axes.xaxis.get_major_locator().set_params(nbins=5)
    axes.margins(x=0.01, y=0.08)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_MUTED, labelsize=8.5, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#BBBBBB")


def draw(records: Sequence[Record], dots_per_inch: int = 160) -> bytes | None:
    """The picture as PNG bytes; None where no agent kept a training or validation reward.

    The baseline's and the oracle's test scores stand as horizontal lines. The band spans the seeds.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind, found = curves(records)
    if not found:
        return None
    agents = list(dict.fromkeys(agent for lines in found.values() for agent in lines))
    colours = {agent: number for number, agent in enumerate(agents)}
    baseline = records[0].get("suite", {}).get("baseline", "")
    figure = Figure(figsize=(max(4.6 * len(found), 5.2), 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    handles: dict[str, Any] = {}
    for axes, (env, lines) in zip(panels, found.items(), strict=True):
        wanted = ((f"{baseline} (test)", baseline, (0, (4, 2))), ("oracle (test)", "oracle", (0, (1, 1.5))))
        levels = [(label, level, style) for label, agent, style in wanted if agent and (level := _level(records, env, agent)) is not None]
        _panel(axes, env, lines, colours, levels)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    seeds = max(len(curve.seeds) for lines in found.values() for curve in lines.values())
    what = "validation reward, greedy" if kind == "validation" else "training reward, sampled"
    panels[0].set_ylabel(what, fontsize=9.5, color=_INK)
    names = [name.replace("$", r"\$") for name in handles]  # a dollar sign begins a formula there
    figure.legend(handles.values(), names, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9.5)
    caption = f"mean of {seeds} seeds, band from the lowest to the highest" if seeds > 1 else "one seed"
    figure.suptitle(caption, fontsize=8.5, color=_MUTED, x=0.995, ha="right")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dots_per_inch, facecolor="white", metadata={"Software": None})
    return out.getvalue()
