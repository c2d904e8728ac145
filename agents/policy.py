"""A causal language model as a policy: log-probabilities and values of tokens, actions for observations, weights in and out."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from tokengym._models import model_folder
from tokengym._transformers import quiet, width_of
from tokengym.agents.allowed import Allowed, forbid
from tokengym.agents.attention import make_steady
from tokengym.agents.backbone import Backbone
from tokengym.agents.cache import FullDecoder, SlotDecoder
from tokengym.agents.causal import causal_mask, wants_mask
from tokengym.agents.folder import Vocabulary, file_of
from tokengym.agents.given import find_device
from tokengym.agents.linear import fast_linears
from tokengym.agents.logp import token_logp
from tokengym.agents.lora import LoRA, LoRAModel
from tokengym.agents.prefix import shared_hidden
from tokengym.agents.probe import slots_agree
from tokengym.agents.sampling import Sampling
from tokengym.agents.weights import load_value_head, restore_weights, save_weights

__all__ = ["CausalLMPolicy", "PolicyOutput"]


class PolicyOutput(NamedTuple):
    """What the policy says of each token of a batch; all float32, 0 where nothing was asked.

    Attributes:
        logp: (B, T) natural log-probability of token t given those before it; ``logp[:, 0]`` is 0.
        values: (B, T) value of the tokens before t, or None.
        entropy: (B, T) entropy, in nats, of the distribution that token t was drawn from, or None.
    """

    logp: Tensor
    values: Tensor | None = None
    entropy: Tensor | None = None


class CausalLMPolicy(nn.Module):
    """A transformers causal LM plus a scalar value head (zero at the start, float32) on its last hidden states.

    Dropout is off, always. Token ids from ``num_actions`` on have no probability. Small float32 Llamas on a CPU get ``attention.py``.

    Args:
        model: a transformers ``...ForCausalLM``.
        name: what results and errors call it.
        source: folder or hub id of its tokenizer's files, copied when the policy is saved; None if there are none.
        lora: train adapters instead of the model's own weights.

    Attributes:
        model: the transformers model (under LoRA with the adapters in its layers).
        value_head: linear, H -> 1.
        num_actions: tokens that may be chosen: the tokenizer's highest id + 1, else the model's vocabulary.
        tokenizer_fingerprint: sha256 of tokenizer.json, None if there is none.
        generator: of ``predict``'s random choices; ``policy.generator.manual_seed(seed)`` repeats them.
    """

    def __init__(self, model: nn.Module, name: str = "model", source: str | None = None, lora: LoRA | None = None) -> None:
        super().__init__()
        self.name = name
        self.source = source
        make_steady(model)
        fast_linears(model)
        self.lora = None if lora is None else LoRAModel(model, lora)
        self._adapter: str | None = None
        self._build(model, nn.Linear(width_of(model), 1))
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        self.generator = torch.Generator().manual_seed(0)
        file = None if source is None else file_of(source, "tokenizer.json")
        vocabulary = None if file is None else Vocabulary.read(file)
        self.tokenizer_fingerprint = None if vocabulary is None else vocabulary.fingerprint
        size = int(_text_config(model).vocab_size)
        self.num_actions = size if vocabulary is None else min(size, vocabulary.size)
        self._slots: bool | None = None

    def _build(self, model: nn.Module, value_head: nn.Linear) -> None:
        self.model: Any = model
        self.value_head = value_head.to(next(model.parameters()).device, torch.float32)
        self.backbone = Backbone(model)
        if self.lora is not None and self._adapter is not None:
            self.backbone.adapter = partial(self.lora.using, self._adapter)
        self.eval()

    @classmethod
    def from_pretrained(cls, name: str, device: str = "auto", dtype: str = "auto", lora: LoRA | None = None) -> CausalLMPolicy:
        """Loads a model, and the value head that a saved policy has beside it.

        Args:
            name: "builtin:tiny", "smollm2-135m", a local folder or a hub id.
            device: "auto" (CUDA where there is one, else the CPU), or a torch device.
            dtype: "float32", "bfloat16", "float16" or "auto": float32, since bfloat16 weights do not move at small learning rates,
                but bfloat16 for a base that LoRA freezes.
            lora: train adapters instead of the model's own weights.
        Raises:
            ValueError: nobody knows the name or the dtype, or the device is not there.
            FileNotFoundError: the model has a name here, but was not pulled yet.
        """
        source = model_folder(name)
        device = find_device(device)
        if dtype == "auto":
            dtype = "float32" if lora is None else "bfloat16"
        if dtype not in ("float32", "bfloat16", "float16"):
            raise ValueError(f"dtype={dtype!r}; expected 'auto', 'float32', 'bfloat16' or 'float16'")
        with quiet():
            model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, dtype), use_safetensors=True)
        policy = cls(model.to(device), name=name, source=source, lora=lora)
        load_value_head(policy, source)
        return policy

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.value_head.weight.device

    @property
    def eos_token_id(self) -> int | None:
        """The token that ends a response, the first one where the model names several."""
        eos = _text_config(self.model).eos_token_id
        first: int | None = eos[0] if isinstance(eos, list) else eos
        return first

    def train(self, mode: bool = True) -> CausalLMPolicy:
        """Leaves the modules in evaluation mode: dropout would make the log-probabilities of rollout and update differ."""
        return super().train(False)

    def trainable_parameters(self) -> list[nn.Parameter]:
        """The parameters that learn, the value head's among them; none of a reference."""
        if self._adapter is not None:  # a reference by adapter shares its modules with the policy that learns
            return []
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def version(self) -> tuple[int, float]:
        """Changes whenever an optimizer, an in-place operation or another tensor in its place changes a weight; caches are void then."""
        versions = sum(parameter._version + parameter.data_ptr() for parameter in self.model.parameters())
        # fused optimizers count no version: look at a small parameter that learns too
        learning = min((x for x in self.model.parameters() if x.requires_grad), key=Tensor.numel, default=None)
        return versions, 0.0 if learning is None else float(learning.detach().double().sum())

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        temperature: float = 1.0,
        with_values: bool = False,
        with_entropy: bool = False,
        mask: Tensor | None = None,
        allowed: Allowed | None = None,
    ) -> PolicyOutput:
        """Log-probabilities (and values, entropies) of the tokens of a batch.

        The vocabulary is only looked at where ``mask`` says, a chunk of tokens at a time, and computed again in the backward pass,
        so (B, T, V) never exists. With a mask, right-padded rows that share their prompt (the tokens before the first masked one)
        send it through the model once.

        Args:
            input_ids: (B, T) tokens.
            attention_mask: (B, T) 1 on tokens, 0 on padding, on either side.
            temperature: divides the logits; the same in rollout, update and reference.
            with_values: also the values.
            with_entropy: also the entropies.
            mask: (B, T) the tokens of interest, usually ``completion_mask``; default all tokens but the first of each row.
            allowed: what each token was chosen from, of shape (B, T); the others have no probability. None: everything.
        Returns:
            (B, T) tensors, 0 outside the mask.
        Raises:
            ValueError: shapes that do not fit.
        """
        given = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "mask": mask,
            "allowed": None if allowed is None else allowed.index,
        }
        shapes = {name: tuple(x.shape) for name, x in given.items() if x is not None}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"{', '.join(f'{name} {shape}' for name, shape in shapes.items())} must have one shape (B, T)")
        input_ids, real = input_ids.to(self.device, torch.int64), attention_mask.to(self.device, torch.bool)
        wanted = real.clone() if mask is None else mask.to(self.device, torch.bool) & real
        wanted[:, 0] = False
        wanted[:, 1:] &= real[:, :-1]  # the first token of a left-padded row follows nothing
        row, column = wanted.nonzero(as_tuple=True)  # (K,) the tokens asked for
        hidden = self._hidden_before(input_ids, real, wanted, row, column, share=mask is not None)
        sets = None if allowed is None else allowed.to(self.device).at(row, column)
        logp, entropy = token_logp(
            hidden, input_ids[row, column], self.logits, temperature, with_entropy, vocabulary=self.num_actions, allowed=sets
        )

        def spread(numbers: Tensor) -> Tensor:
            return torch.index_put(numbers.new_zeros(input_ids.shape), (row, column), numbers)

        values = spread(self.values(hidden)) if with_values else None
        return PolicyOutput(spread(logp), values, None if entropy is None else spread(entropy))

    def logp(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, T) natural log-probability, float32, of each token given those before it; ``[:, 0]`` and padding are 0."""
        out: PolicyOutput = self(input_ids, attention_mask)
        return out.logp

    def logits(self, hidden: Tensor) -> Tensor:
        """(K, num_actions) logits, by the model's own rule, of hidden states (K, H)."""
        return self.backbone.logits(hidden)[:, : self.num_actions]

    def values(self, hidden: Tensor) -> Tensor:
        """(K,) float32 values of hidden states (K, H)."""
        return torch.nn.functional.linear(hidden.float(), self.value_head.weight, self.value_head.bias)[:, 0]

    def _hidden_before(self, ids: Tensor, real: Tensor, wanted: Tensor, row: Tensor, column: Tensor, share: bool) -> Tensor:
        """Hidden states (K, H) from which the tokens (row, column) are predicted: those of the tokens before them."""
        if not len(row):
            return torch.zeros(0, self.value_head.in_features, dtype=self.backbone.dtype, device=self.device)
        padded_right = bool((real[:, 1:] <= real[:, :-1]).all())
        width = int(column.max())  # the hidden states of the last tokens tell of nothing that was asked
        if not padded_right:
            position = (real.long().cumsum(1) - 1).clamp(min=0)
            return self.backbone.hidden(ids[:, :width], real[:, :width].long(), position[:, :width])[row, column - 1]
        if share and len(ids) > 1 and self.slots():
            shared = shared_hidden(self.backbone, ids, wanted)
            if shared is not None:
                hidden, where, place = shared
                return hidden[where[row, column - 1], place[row, column - 1]]
        # Right padding: no token sees a pad, so the causal mask that the model makes by itself is all that is needed.
        mask = causal_mask(self.backbone, width, self.device) if wants_mask(self.backbone, self.device) and self.slots() else None
        return self.backbone.hidden(ids[:, :width], mask)[row, column - 1]

    def slots(self) -> bool:
        """Whether explicit masks and the slot cache give what a full forward pass gives; tried once, with one warning if not."""
        if self._slots is None:
            self._slots = self.backbone.slottable and slots_agree(self.backbone)
            if not self._slots:
                warnings.warn(
                    f"the KV cache of {self.name!r} ({type(self.model).__name__}) cannot be kept in slots; "
                    "rollouts take the slow path, one full forward pass per token",
                    stacklevel=2,
                )
        return self._slots

    def decoder(self, rows: int, width: int) -> SlotDecoder | FullDecoder:
        """What computes the hidden states of the last tokens of ``rows`` rows of up to ``width`` tokens."""
        return SlotDecoder(self.backbone, rows, width) if self.slots() else FullDecoder(self.backbone, rows, width)

    def match(self, actions: int) -> None:
        """Narrows ``num_actions`` to an environment's number of actions.

        Raises:
            ValueError: the environment has more actions than the model has tokens.
        """
        size = int(_text_config(self.model).vocab_size)
        if actions > size:
            raise ValueError(
                f"the environment has {actions} actions and the model {self.name!r} only {size} tokens; "
                f"make the environment with the model's own tokenizer, or, where it has that, give the model the tokens that it lacks: "
                f"model.resize_token_embeddings({actions})"
            )
        self.num_actions = actions

    @torch.inference_mode()
    def predict(
        self,
        obs: Mapping[str, NDArray[Any]],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
        action_masks: NDArray[Any] | None = None,
        sampling: Sampling | None = None,
    ) -> tuple[NDArray[np.int64], Any]:
        """Actions for observations, in Stable-Baselines3's manner.

        Args:
            obs: ``input_ids`` and ``attention_mask``, each (N, L), right-padded; (L,) for a single environment.
            state: what the last call returned; None forgets nothing that matters, and costs a prefill.
            episode_start: not needed: the state knows the tokens that it holds, and sees where they changed.
            deterministic: the likeliest token, else a sample at temperature 1.
            action_masks: (N, V), or (V,) for a single environment: 1 on what is allowed, as ``infos["action_mask"]`` has it.
            sampling: which tokens a sample is drawn from; None: all.
        Returns:
            actions (N,), 0 for rows without a token (idle rows), and the state for the next call.
        """
        ids, mask = np.asarray(obs["input_ids"]), np.asarray(obs["attention_mask"])
        masks = None if action_masks is None else np.asarray(action_masks)
        if ids.ndim == 1:
            rows_of_one = {"input_ids": ids[None], "attention_mask": mask[None]}
            masks = None if masks is None else masks.reshape(1, -1)
            actions, state = self.predict(rows_of_one, state, episode_start, deterministic, masks, sampling)
            return actions[0], state
        if not isinstance(state, (SlotDecoder, FullDecoder)) or state.shape != ids.shape or state.backbone is not self.backbone:
            state = self.decoder(*ids.shape)
        lengths = mask.sum(1, dtype=np.int64)
        rows = np.flatnonzero(lengths)
        chosen = np.zeros(len(ids), dtype=np.int64)
        if len(rows):
            logits = self.logits(state.advance(ids, lengths, rows, self.version())).float().cpu()
            if masks is not None:
                logits = forbid(logits, masks[rows])
            if deterministic:
                picks = logits.argmax(-1)
            else:
                cut = logits if sampling is None else sampling.cut(logits)
                picks = torch.multinomial(cut.softmax(-1), 1, generator=self.generator)[:, 0]
            chosen[rows] = picks.numpy()
        return chosen, state

    def reference(self) -> CausalLMPolicy:
        """A frozen copy of the policy as it is now; under LoRA a second frozen adapter on the same base."""
        twin = copy.copy(self)
        twin.__dict__ = {**self.__dict__, "_modules": dict(self._modules), "_parameters": {}, "_buffers": {}}
        head = copy.deepcopy(self.value_head).requires_grad_(False)
        if self.lora is not None:
            twin._adapter = self._adapter or self.lora.freeze_copy()
            twin._build(self.model, head)
        else:
            twin._build(copy.deepcopy(self.model).requires_grad_(False), head)
        twin.generator = torch.Generator().manual_seed(0)
        return twin

    def save(self, folder: str | Path) -> None:
        """Writes the policy so that ``AutoModelForCausalLM.from_pretrained(folder)`` and ``from_pretrained`` load it.

        The folder holds the model (under LoRA the merged one, in float32, and the adapter under adapter/), value_head.safetensors and
        the tokenizer's files. Each file appears whole or not at all; a folder that did not exist appears at once.
        """
        save_weights(self, Path(folder), self._adapter)

    def restore(self, folder: str | Path) -> None:
        """Sets the weights to those that ``save`` wrote, in place, so that optimizers keep their hold on them.

        Raises:
            FileNotFoundError: the folder holds no policy, or one that was not trained with LoRA while this one is.
        """
        restore_weights(self, Path(folder))


def _text_config(model: nn.Module) -> Any:
    config: Any = model.config
    return config.get_text_config()
