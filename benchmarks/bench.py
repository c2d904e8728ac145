"""The command ``tokengym bench``: from options to a suite, its run, and the tables on the terminal."""

from __future__ import annotations

from pathlib import Path

from tokengym.benchmarks import SUITES
from tokengym.benchmarks.players import check_model, is_import_path, resolve
from tokengym.benchmarks.runner import run_suite
from tokengym.benchmarks.show import print_records
from tokengym.benchmarks.suites import Entrant, Suite
from tokengym.benchmarks.training_options import Bench

__all__ = ["bench", "build_suite"]


def build_suite(options: Bench) -> Suite:
    """The suite that the options ask for.

    Raises:
        ValueError: an unknown suite, environment, agent, or count.
    """
    suite = _suite(options.suite)
    if options.model:
        check_model(options.model, "--model")
    own = []
    for path in options.agent:
        resolve(path)
        budget = options.agent_budget or suite.outside_budget
        own.append(Entrant(name=path.partition(":")[2], kind="custom", source=path, budget=budget, note=f"from {path}"))
    narrowed = suite.narrowed(
        envs=options.envs,
        agents=options.agents,
        seeds=options.seeds,
        examples=options.examples,
        model=options.model or None,
        label_noise=_share(options.label_noise) if options.label_noise else None,
    )
    return narrowed.narrowed(extra=own)


def _suite(name: str) -> Suite:
    """The suite called ``name``, or that stands at "module:attribute"."""
    if not is_import_path(name):
        return SUITES.find(name)
    found = resolve(name)
    if not isinstance(found, Suite):
        raise ValueError(f"--suite {name!r} is a {type(found).__name__}; expected a tokengym.benchmarks.suites.Suite")
    return found


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"--label-noise {text!r}; expected a share between 0 and 1, as in --label-noise 0.25")
    return share


def bench(options: Bench, line: str) -> None:
    """Runs the suite, and prints the tables.

    Args:
        options: of the command.
        line: the command as it was typed, for the message that says how to go on.
    """
    suite = build_suite(options)
    folder = Path(options.out or f"results/{suite.name}")
    picture = folder.absolute() / "curves.png"  # an agent may change the working folder
    command = line.replace(" --overwrite", "").replace(" --resume", "")
    run = run_suite(
        suite, folder, resume=options.resume, overwrite=options.overwrite, workers=options.workers, quiet=options.quiet, command=command
    )
    if not options.quiet:
        print_records(run)
        print(f"\nWritten to {folder}: results.jsonl, table.md, table.tex, table.csv" + (", curves.png" if picture.exists() else ""))
    failed = [record for record in run if record["status"] != "done"]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(run)} agents failed; {folder}/errors.log holds their tracebacks, and --resume tries them again"
        )
