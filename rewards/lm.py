"""A causal language model that tells how likely texts are, many at once, without ever holding the logits of a whole batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tokengym._transformers import head_of
from tokengym.rewards.base import Values
from tokengym.rewards.loading import encode, load, micro_batches, plain_tokenizer
from tokengym.rewards.weights import State, state

__all__ = ["LanguageModel", "Likelihood", "Text", "Window", "joined", "language_model", "per_token"]

_KEPT = 8192  # likelihoods per model
_LOGITS = {"cpu": 1 << 22, "cuda": 1 << 26}  # logits held at once, in numbers: 16 and 256 MiB of float32
_ENDLESS = 2048  # window in tokens of a model that names no longest input


class Text(NamedTuple):
    """A text whose tokens are scored, given the pieces that stand before it; each piece is cut into tokens on its own, as in a rollout."""

    before: tuple[str, ...]
    scored: str


class Likelihood(NamedTuple):
    """``logp``: (B,) summed natural log-probabilities of the scored tokens; ``tokens``: (B,) how many there are."""

    logp: Values
    tokens: Values

    def mean(self) -> Values:
        """(B,) nats per token, NaN where there is no token."""
        return per_token(self.logp, self.tokens)


def per_token(sums: Values, tokens: Values) -> Values:
    """(B,) means, NaN where there is no token."""
    means = np.full(len(sums), np.nan)
    np.divide(sums, tokens, out=means, where=tokens > 0)
    return means


def joined(*pieces: str) -> Text:
    """The last piece, stripped, scored after the others; one space between two pieces where there is no white space yet.

    Pieces without text are left out. So environments join a prompt and its answer.
    """
    before: list[str] = []
    for place, piece in enumerate(pieces):
        last = place == len(pieces) - 1
        text = piece.strip() if last else piece
        if not last and not text.strip():
            continue
        if text and before and not before[-1][-1].isspace() and not text[0].isspace():
            text = " " + text
        before.append(text)
    return Text(tuple(before[:-1]), before[-1])


class Window(NamedTuple):
    """A stretch of a text that the model reads at once."""

    row: int  # the text it belongs to
    ids: list[int]  # what the model reads, and the last token, which it only predicts
    scored: int  # how many of the last tokens are scored


class LanguageModel:
    """A causal language model and its tokenizer, ready to score.

    Every text begins with the model's BOS token (its EOS token where it has none). Special tokens that somebody wrote into a text are plain
    characters. Padding is on the right, where a causal model cannot see it.

    A text longer than the model's window of L tokens is read through overlapping windows of L tokens, moved by L/2: each token is predicted
    from all tokens before it or from at least the L/2 nearest ones, and each window begins with BOS.

    Args:
        name: as :func:`tokengym._models.model_folder` takes it.
        device: "auto" or a torch device.
    Attributes:
        bos: the token that every text begins with.
        window: tokens that the model reads at once.
        vocabulary: V, the size of its logits.
        chunk: hidden states whose logits are held at once.
    Raises:
        ImportError: torch or transformers is not installed.
        RuntimeError: the model cannot be loaded or cannot score texts.
    """

    def __init__(self, name: str, device: str) -> None:
        model, tokenizer = load(name, "AutoModelForCausalLM", device)
        self.name = name
        self.device = str(model.device)
        self.tokenizer = plain_tokenizer(tokenizer)
        config = model.config.get_text_config()
        start = next((i for i in (config.bos_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None), None)
        self._trunk: Any = getattr(model, model.base_model_prefix, None)
        if start is None or self._trunk is None or self._trunk is model:
            raise RuntimeError(f"no reward can score with {name!r}: it has no token to begin a text with, or no trunk apart from its head")
        self.bos: int = start
        self.window: int = getattr(config, "max_position_embeddings", None) or _ENDLESS
        self.vocabulary: int = config.vocab_size
        self.chunk = max(16, _LOGITS["cuda" if self.device.startswith("cuda") else "cpu"] // self.vocabulary)
        # the model's own rule from hidden states to logits (a scale, a soft cap), run on some of them at a time
        self._head: Any = head_of(model)
        self._kept: OrderedDict[Text, tuple[float, int]] = OrderedDict()

    def likelihood(self, texts: Sequence[Text]) -> Likelihood:
        """How likely the scored part of each text is; a text that was asked for lately is not computed again."""
        import torch
        from torch.nn.functional import cross_entropy

        kept = self._kept
        new = [text for text in dict.fromkeys(texts) if text not in kept]
        sums = np.zeros(len(new))
        windows = self.windows(new)
        with torch.inference_mode():
            for places, ids, rows, columns in self.batches(windows):
                states = self.hidden(ids)[rows, columns].split(self.chunk)  # (k, H) each
                targets = ids[rows, columns + 1].split(self.chunk)  # (k,) each
                logp = [-cross_entropy(self.logits(h), y, reduction="none") for h, y in zip(states, targets, strict=True)]
                np.add.at(sums, np.array(places)[rows.cpu().numpy()], torch.cat(logp).double().cpu().numpy())
        counts = np.zeros(len(new), dtype=np.int64)
        np.add.at(counts, [window.row for window in windows], [window.scored for window in windows])
        kept.update(zip(new, zip(sums.tolist(), counts.tolist(), strict=True), strict=True))
        found = [kept[text] for text in texts]
        for text in texts:
            kept.move_to_end(text)
        while len(kept) > _KEPT:
            kept.popitem(last=False)
        return Likelihood(np.array([logp for logp, _ in found]), np.array([float(count) for _, count in found]))

    def windows(self, texts: Sequence[Text], limit: int | None = None) -> list[Window]:
        """What the model must read to score each text once, at most ``limit`` tokens at a time; nothing for a text without tokens."""
        limit = self.window if limit is None else limit
        found: list[Window] = []
        for row, text in enumerate(texts):
            before = [i for piece in text.before for i in encode(self.tokenizer, piece)]
            ids = [*before, *encode(self.tokenizer, text.scored)]
            done, whole, step = len(before), len(ids), max(1, limit // 2)
            end = min(whole, limit if done < limit else done + step)
            while done < whole:
                found.append(Window(row, [self.bos, *ids[max(0, end - limit) : end]], end - done))
                done, end = end, min(whole, end + step)
        return found

    def batches(self, windows: Sequence[Window]) -> Iterator[tuple[list[int], Any, Any, Any]]:
        """For each micro-batch: the texts' rows (b,), ids (b, T) on the device, and row (K,) and column (K,) of the states that predict."""
        import torch

        for batch in micro_batches([len(window.ids) for window in windows], self.device):
            some = [windows[index] for index in batch]
            ids = torch.full((len(some), len(some[0].ids)), self.bos)
            for row, window in enumerate(some):
                ids[row, : len(window.ids)] = torch.tensor(window.ids)
            scored = torch.tensor([window.scored for window in some])
            ends = torch.tensor([len(window.ids) - 1 for window in some])
            rows = torch.repeat_interleave(torch.arange(len(some)), scored)
            columns = torch.repeat_interleave(ends - scored.cumsum(0), scored) + torch.arange(len(rows))
            yield [window.row for window in some], ids.to(self.device), rows.to(self.device), columns.to(self.device)

    def hidden(self, ids: Any) -> Any:
        """Hidden states (b, T - 1, H) of all tokens but the last, which nobody needs."""
        return self._trunk(input_ids=ids[:, :-1], use_cache=False).last_hidden_state

    def logits(self, hidden: Any) -> Any:
        """Float32 logits (k, V) of hidden states (k, H); give it ``chunk`` of them at a time."""
        return self._head(inputs_embeds=hidden[None], use_cache=False).logits[0].float()


def language_model(name: str, device: str) -> LanguageModel:
    """The model of that name, shared by all rewards; loaded once, and again where the weights in a local folder were written anew."""
    return _loaded(name, device, state(name))


@lru_cache(maxsize=4)
def _loaded(name: str, device: str, now: State) -> LanguageModel:
    return LanguageModel(name, device)
