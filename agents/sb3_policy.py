"""A causal language model as the policy of Stable-Baselines3's PPO and A2C, and of sb3-contrib's MaskablePPO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from tokengym.agents.freeze import train_only as learn_only
from tokengym.agents.lora import LoRA
from tokengym.agents.optim import tell_of_low_precision
from tokengym.agents.policy import CausalLMPolicy
from tokengym.agents.sb3 import check_observation
from tokengym.agents.venv import check_width

__all__ = ["CausalLMActorCritic", "MaskableCausalLMActorCritic"]

Ints = NDArray[np.int64]

_DECODERS = 2  # numbers of rows whose caches are kept: those of training and those of evaluation


class _LastHidden(BaseFeaturesExtractor):
    """The language model's hidden state of each row's last token.

    Without gradients (rollouts, predictions) only what is new since the last call goes through the model. With them Stable-Baselines3
    hands over single steps in any order: those of one episode are beginnings of one text, which goes through the model once.
    """

    def __init__(self, observation_space: spaces.Dict, policy: CausalLMPolicy) -> None:
        super().__init__(observation_space, policy.value_head.in_features)
        self.causal_lm = policy
        self._decoders: dict[tuple[Any, ...], Any] = {}

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """(B, H) from a batch of observations, which Stable-Baselines3 hands over as floats; zeros for a row without a token."""
        ids, lengths = observations["input_ids"].long(), observations["attention_mask"].sum(dim=1).long()  # (B, L), (B,)
        if torch.is_grad_enabled():
            ids = ids[:, : max(1, int(lengths.max()))]
            longest, which = (torch.from_numpy(x).to(ids.device) for x in _beginnings(ids.cpu().numpy(), lengths.cpu().numpy()))
            hidden = self.causal_lm.backbone.hidden(ids[longest])  # (R, W, H); right padding: no token sees a pad
            return hidden[which, lengths.sub(1).clamp(min=0)] * (lengths > 0)[:, None]
        decoder = self._decoder(ids)
        known = lengths.cpu().numpy()
        rows = np.flatnonzero(known)
        if len(rows) == len(known):
            return self._advance(decoder, ids, known, rows)
        found = torch.zeros(len(ids), self.features_dim, dtype=self.causal_lm.backbone.dtype, device=ids.device)
        if len(rows):
            found[torch.from_numpy(rows).to(ids.device)] = self._advance(decoder, ids, known, rows)
        return found

    def _decoder(self, ids: Tensor) -> Any:
        """The cache for rows of this shape, and for the model where it is now; the one that was used last stays longest."""
        key = (*ids.shape, ids.device, self.causal_lm.backbone.dtype)
        found = self._decoders.pop(key, None) or self.causal_lm.decoder(*ids.shape)
        while len(self._decoders) >= _DECODERS:
            del self._decoders[next(iter(self._decoders))]
        self._decoders[key] = found
        return found

    def _advance(self, decoder: Any, ids: Tensor, lengths: Ints, rows: Ints) -> Tensor:
        hidden: Tensor = decoder.advance(ids.cpu().numpy(), lengths, rows, self.causal_lm.version())
        return hidden.clone()  # an ordinary tensor: what a decoder gives belongs to inference mode

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_decoders": {}}  # caches are no part of a copy


def _beginnings(ids: Ints, lengths: Ints) -> tuple[Ints, Ints]:
    """Which rows (B, W), right-padded, are the beginning of another one.

    Returns:
        (R,) the rows that are of none, and (B,) the place in them of the row that each begins, or is.
    """
    rows, width = ids.shape
    there = np.arange(width) < lengths[:, None]
    words = np.where(there, ids + 1, 0).astype(">u4")  # big-endian, padding lowest: bytes in order are texts in order
    order = np.argsort(words.view(f"S{4 * width}")[:, 0], kind="stable")
    # In this order a row that begins any other one begins the next.
    begins = np.zeros(rows, dtype=np.bool_)
    begins[:-1] = ((words[order[1:]] == words[order[:-1]]) | ~there[order[:-1]]).all(axis=1)
    longest = np.flatnonzero(~begins)
    which = np.empty(rows, dtype=np.int64)
    which[order] = np.searchsorted(longest, np.arange(rows))
    return order[longest], which


class _CausalLM:
    """What both policies share. Actor: the model's own logits. Critic: a linear value head on the same hidden state, zero at the start."""

    features_extractor: _LastHidden
    observation_space: spaces.Dict
    action_space: spaces.Discrete

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Callable[[float], float],
        model: str | CausalLMPolicy = "builtin:tiny",
        lora: LoRA | None = None,
        dtype: str = "float32",
        train_only: str = "",
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
        use_sde: bool = False,
    ) -> None:
        check_observation(observation_space)
        if not isinstance(action_space, spaces.Discrete) or action_space.start != 0:
            raise ValueError(f"action_space={action_space}; a language model chooses tokens: expected Discrete, from 0 on")
        if not isinstance(model, (str, CausalLMPolicy)):
            raise TypeError(f"model is a {type(model).__name__}; expected a name such as 'builtin:tiny', or a CausalLMPolicy")
        if not isinstance(model, str) and (lora is not None or dtype != "float32"):
            name = "dtype" if lora is None else "lora"
            raise ValueError(f"{name} goes with a model by name; give CausalLMPolicy.from_pretrained(name, {name}=...) as the model")
        if not isinstance(train_only, str):
            raise TypeError(f"train_only={train_only!r}; expected parts with commas between them, such as 'lm_head,layers.28-29'")
        if use_sde:
            raise ValueError("use_sde=True is noise for continuous actions; a language model draws tokens from its own distribution")
        policy = CausalLMPolicy.from_pretrained(model, device="cpu", dtype=dtype, lora=lora) if isinstance(model, str) else model
        _match(policy, observation_space, int(action_space.n))
        if train_only:
            learn_only(policy, train_only)
        tell_of_low_precision([(name, x) for name, x in policy.named_parameters() if x.requires_grad])
        self._given = {"model": model, "lora": lora, "dtype": dtype, "train_only": train_only}
        super().__init__(  # type: ignore[call-arg]
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            features_extractor_class=_LastHidden,
            features_extractor_kwargs={"policy": policy},
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
        )

    @property
    def causal_lm(self) -> CausalLMPolicy:
        """The language model with its value head; ``causal_lm.save(folder)`` writes what transformers loads."""
        return self.features_extractor.causal_lm

    def action_net(self, hidden: Tensor) -> Tensor:
        """(B, V) float32 logits of the next token."""
        return self.causal_lm.logits(hidden)[:, : int(self.action_space.n)].float()

    def value_net(self, hidden: Tensor) -> Tensor:
        """(B, 1) float32 values."""
        return self.causal_lm.values(hidden)[:, None]

    def _build(self, lr_schedule: Callable[[float], float]) -> None:
        """Nothing is initialized anew: the model comes with its weights."""
        self._build_mlp_extractor()  # type: ignore[attr-defined]  # without layers
        kwargs = self.optimizer_kwargs  # type: ignore[attr-defined]
        self.optimizer = self.optimizer_class(self.causal_lm.trainable_parameters(), lr=lr_schedule(1), **kwargs)  # type: ignore[attr-defined]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        known = super()._get_constructor_parameters()  # type: ignore[misc]
        kept = ("observation_space", "action_space", "lr_schedule", "optimizer_class", "optimizer_kwargs")
        return {**{name: known[name] for name in kept}, **self._given}


class CausalLMActorCritic(_CausalLM, ActorCriticPolicy):  # type: ignore[misc]
    """A causal language model as the policy of Stable-Baselines3's PPO and A2C.

    Usage::

        env = SB3VecEnv("TextSumm-v0", num_envs=32)
        model = PPO(CausalLMActorCritic, env, policy_kwargs={"model": "builtin:tiny"}, learning_rate=1e-5)

    Rollouts keep the model's keys and values between steps, as ours do. An update sends the steps of a minibatch that belong to one
    episode through the model once. Stable-Baselines3 draws minibatches from all steps of the rollout, so the larger ``batch_size``, the
    less is computed twice; with all steps in one, each text is computed once, as in :class:`tokengym.agents.PPO`.

    Args:
        observation_space: the environment's Dict of ``input_ids``, ``attention_mask`` and ``completion_mask``, (L,) each.
        action_space: Discrete(V), the tokens.
        lr_schedule: given by Stable-Baselines3.
        model: a name for :meth:`CausalLMPolicy.from_pretrained`, or a policy, which is then trained itself.
        lora: train adapters instead of the model's own weights, of a model by name.
        dtype: of a model by name, as :meth:`CausalLMPolicy.from_pretrained` takes it. In bfloat16 a base under adapters takes half the
            memory, but rollout and update round differently: before the first step ratios are off by up to 0.07, where they should be 1.
        train_only: which parts learn, such as "lm_head,layers.28-29"; "": all.
        optimizer_class, optimizer_kwargs: as in Stable-Baselines3's own policies.
        use_sde: must be False.
    Raises:
        TypeError: a model that is neither.
        ValueError: spaces that are not those of a token environment, have another number of tokens than the model's tokenizer (which
            tokens they are, spaces do not tell), or are wider than the model's table of positions; no such model.
    """


class MaskableCausalLMActorCritic(_CausalLM, MaskableActorCriticPolicy):  # type: ignore[misc]
    """The same for sb3-contrib's MaskablePPO, on environments that constrain the answer (labels, rankings); see CausalLMActorCritic."""


def _match(policy: CausalLMPolicy, space: spaces.Space[Any], actions: int) -> None:
    """Narrows the policy to the environment's actions. Raises ValueError where the two speak of other tokens."""
    if policy.tokenizer_fingerprint is not None and policy.num_actions != actions:
        raise ValueError(
            f"the environment has {actions} actions and the tokenizer of {policy.name!r} has {policy.num_actions} tokens; "
            f"make the environment with tokenizer={policy.name!r}"
        )
    policy.match(actions)
    check_width(policy, space["input_ids"].shape[0], "an episode of the environment")  # type: ignore[index]
