"""Trains the builtin tokenizer, byte-level BPE of 1,024 entries, and writes it to tokengym/builtin; same output on every run.

python scripts/train_tokenizer.py [folder]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

sys.path.insert(0, str(Path(__file__).parent))
from corpus import document, documents

SPECIAL = ["<pad>", "<bos>", "<eos>", "<sep>"]
CHAT = (
    "{% for message in messages %}{{ '<sep>' + message['role'] + '\n' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<sep>assistant\n' }}{% endif %}"
)


def train(entries: int = 1024, size: int = 12_000) -> Tokenizer:
    """Byte-level BPE over ``size`` documents; digits stand alone, so that numbers are copied digit by digit."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=entries, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    labels = ["Summary:", "Question:", "Answer:", "Record:", "Customer:", "Clerk:", "摘要:", "问题:", "回答:"]
    text = [*documents(0, size), *(" ".join(labels) for _ in range(200))]
    tokenizer.train_from_iterator(text, trainer)
    return tokenizer


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "tokengym" / "builtin")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "sep_token": "<sep>",
        "model_max_length": 1024,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    sample = [document(index) for index in range(500)]
    lengths = sorted(len(tokenizer.encode(text).ids) for text in sample)
    print(f"{tokenizer.get_vocab_size()} entries; documents: median {lengths[250]} tokens, longest of 500 {lengths[-1]}")


if __name__ == "__main__":
    main()
