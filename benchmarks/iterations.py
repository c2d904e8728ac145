"""One training iteration of our agents, and of TRL's trainers on the same model, prompts and reward; what throughput train times."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

import tokengym  # noqa: F401  (registers the ids)
from tokengym._models import model_folder
from tokengym.envs import TextTokenizer
from tokengym.rewards import Sample, make_reward

__all__ = ["BETA", "ENV", "GROUP", "MICRO_BATCH", "MODEL", "REWARD", "Lap", "our_learner", "quiet_threads", "sb3_learner", "trl_laps"]

ENV, REWARD, MODEL = "TextSumm-v0", "rouge_l", "builtin:tiny"
GROUP, BETA = 8, 0.02  # completions of a prompt; weight of the KL
MICRO_BATCH = 32  # completions that TRL sends through the model at once
_LEARNING_RATE = 1e-6  # so small that the model stays what it is while it is timed
_NEVER = "<pad>"  # ends an answer here: the model was taught never to say it, so that all answers have the full length


class Lap(NamedTuple):
    """One iteration: completion tokens, seconds, seconds of the processor; where it is ours, those of rollout, environment and update."""

    tokens: int
    seconds: float
    cpu: float
    parts: tuple[float, float, float] | None = None


class _Clocked(gymnasium.vector.VectorWrapper):
    """Adds up the seconds that a vector environment takes."""

    def __init__(self, venv: Any) -> None:
        super().__init__(venv)
        self.taken = 0.0

    def reset(self, **keywords: Any) -> Any:
        start = time.perf_counter()
        found = self.env.reset(**keywords)
        self.taken += time.perf_counter() - start
        return found

    def step(self, actions: Any) -> Any:
        start = time.perf_counter()
        found = self.env.step(actions)
        self.taken += time.perf_counter() - start
        return found


def _tokenizer() -> TextTokenizer:
    from tokenizers import Tokenizer

    file = Path(model_folder(MODEL)) / "tokenizer.json"
    known = TextTokenizer(Tokenizer.from_file(str(file)), name=MODEL)
    return TextTokenizer(Tokenizer.from_file(str(file)), name=MODEL, special={"eos_token": _NEVER}, fingerprint=known.fingerprint)


def _venv(completions: int, tokens: int) -> Any:
    keywords: dict[str, Any] = {"reward": REWARD, "max_new_tokens": tokens, "size": 1_000, "tokenizer": _tokenizer(), "metrics": False}
    return gymnasium.make_vec(ENV, num_envs=completions, deal="shared", group_size=GROUP, **keywords)


def our_learner(name: str, completions: int, tokens: int) -> Callable[[], Lap]:
    """A learner of ours; each call is one iteration."""
    from tokengym.agents import AGENTS, CausalLMPolicy

    options: dict[str, dict[str, Any]] = {
        "grpo": {"kl": "k3", "clip_high": 0.2},
        "reinforce": {"kl": "k1", "baseline": "leave_one_out"},
        "ppo": {"epochs": 1},
    }
    kind = AGENTS.find(name)
    shared = {"episodes_per_update": completions, "group_size": GROUP, "kl_beta": BETA, "learning_rate": _LEARNING_RATE}
    venv = _Clocked(_venv(completions, tokens))
    agent = kind(CausalLMPolicy.from_pretrained(MODEL, device="cpu", dtype="float32"), venv, config=kind.Config(**shared, **options[name]))
    spent = {"rollout": 0.0}
    collect = agent.collect

    def timed_collect() -> Any:
        start = time.perf_counter()
        rollout = collect()
        spent["rollout"] = time.perf_counter() - start
        return rollout

    agent.collect = timed_collect

    def iterate() -> Lap:
        venv.taken = 0.0
        start, cpu = time.perf_counter(), time.process_time()
        said = int(agent.update()["tokens"])
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        return Lap(said, seconds, cpu, (spent["rollout"], venv.taken, seconds - spent["rollout"]))

    return iterate


def sb3_learner(completions: int, tokens: int) -> Callable[[], Lap]:
    """Stable-Baselines3's PPO with the same model as its policy, all steps in one minibatch; each call is one iteration."""
    from stable_baselines3 import PPO

    from tokengym.agents import CausalLMActorCritic, SB3VecEnv

    venv, policy_kwargs = SB3VecEnv(_venv(completions, tokens)), {"model": MODEL}
    options: dict[str, Any] = {"n_steps": tokens, "batch_size": completions * tokens, "n_epochs": 1, "gamma": 1.0, "vf_coef": 0.1}
    agent = PPO(CausalLMActorCritic, venv, learning_rate=_LEARNING_RATE, policy_kwargs=policy_kwargs, device="cpu", **options)

    def iterate() -> Lap:
        start, cpu, said = time.perf_counter(), time.process_time(), agent.num_timesteps
        agent.learn(completions * tokens, reset_num_timesteps=False)
        return Lap(agent.num_timesteps - said, time.perf_counter() - start, time.process_time() - cpu)

    return iterate


def _prompts(count: int) -> list[dict[str, str]]:
    """Prompts of the environment, as text that TRL's tokenizer turns into the same tokens, with a reference each."""
    venv = gymnasium.make_vec(ENV, num_envs=count, deal="shared", reward=REWARD, size=1_000, tokenizer=_tokenizer(), metrics=False)
    obs, infos = venv.reset(seed=0)
    inner: Any = venv.unwrapped
    rows = []
    for ids, mask, index in zip(obs["input_ids"], obs["attention_mask"], infos["index"], strict=True):
        prompt = [int(i) for i in ids[: int(mask.sum())] if int(i) not in inner.tokenizer.special_ids]
        rows.append({"prompt": inner.tokenizer.decode(prompt), "reference": inner.examples[int(index)].references[0]})
    venv.close()
    return rows


def trl_laps(name: str, completions: int, tokens: int, turns: int, between: Callable[[], None], folder: str) -> list[Lap]:
    """Iterations of TRL's trainer, the warm-ups too; ``between`` is called after each."""
    import trl
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback

    laps: list[Lap] = []
    said: list[int] = []
    score = make_reward(REWARD)

    def reward(prompts: list[str], completions: list[str], completion_ids: Any, reference: list[str], **_: Any) -> list[float]:
        said.append(sum(map(len, completion_ids)))
        answers = zip(prompts, completions, reference, strict=True)
        return [float(x) for x in score([Sample(prompt=p, response=c, references=(r,), meta={}, finished=True) for p, c, r in answers])]

    class Watch(TrainerCallback):  # type: ignore[misc, name-defined, unused-ignore]
        """Times what lies between the beginning and the end of a step: sampling, scoring, forward, backward, the optimizer."""

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start, self.cpu = time.perf_counter(), time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            laps.append(Lap(sum(said), time.perf_counter() - self.start, time.process_time() - self.cpu))
            said.clear()
            between()

    batch = min(completions, MICRO_BATCH)
    settings: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": completions // batch,
        "num_generations": GROUP,
        "max_completion_length": tokens,
        "max_steps": turns,
        "beta": BETA,
        "learning_rate": _LEARNING_RATE,
        "lr_scheduler_type": "constant",
        "adam_epsilon": 1e-5,
        "gradient_checkpointing": False,
        "generation_kwargs": {"use_cache": True},
        "pad_to_multiple_of": None,
        "bf16": False,
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "no",
    }
    if name == "GRPO":
        settings |= {"loss_type": "dr_grpo", "scale_rewards": "none", "epsilon": 0.2}
    folder_of_model = model_folder(MODEL)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(Path(folder_of_model) / "tokenizer.json"), eos_token=_NEVER, pad_token=_NEVER, padding_side="left"
    )
    model = AutoModelForCausalLM.from_pretrained(folder_of_model)
    model.generation_config.eos_token_id = tokenizer.eos_token_id  # or "<eos>" ends its answers, and not ours
    trainer = getattr(trl, f"{name}Trainer")(
        model=model,
        reward_funcs=reward,
        args=getattr(trl, f"{name}Config")(**settings),
        train_dataset=Dataset.from_list(_prompts(max(64, completions))),
        processing_class=tokenizer,
        callbacks=[Watch()],
    )
    trainer.remove_callback(_printer())
    trainer.train()
    return laps


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


@contextmanager
def quiet_threads(count: int) -> Iterator[None]:
    """Inside, torch uses so many threads, and warnings of other packages are not shown."""
    import torch

    from tokengym._transformers import quiet

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(before)
