"""Sentiment, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokengym.rewards import Sample
from tokengym.rewards.sentiment import Sentiment, polarity


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("A superb day.", 1.0),
        ("A good day.", 0.7),
        ("A GOOD day!", 0.7),
        ("a fine day", 0.5),
        ("a dull day", -0.4),
        ("a horrible day", -1.0),
        ("very good", 0.7 * 1.4),
        ("very superb", 1.0),  # the end of the scale
        ("slightly dull", -0.4 * 0.5),
        ("not good", 0.7 * -0.6),
        ("not bad at all", 0.7 * 0.6),
        ("It wasn’t good", 0.7 * -0.6),
        ("not very good", 0.7 * 1.4 * -0.6),
        ("never not good", 0.7 * 0.36),
        ("I do not think it is good", 0.7),  # too far away
        ("not, as I said, good", 0.7),  # punctuation between
        ("not only good", 0.7),
        ("not new but good", 0.7),
        ("good food, bad service", 0.0),
        ("good and superb", 0.85),
        ("Amazed! He loved it and loves her, happily.", (1.0 + 1.0 + 1.0 + 0.7) / 4),  # forms of words
        ("非常好", 0.7 * 1.4),
        ("味道一般，但是服务热情。", (-0.4 + 0.7) / 2),
        ("这家店不好", 0.7 * -0.6),
        ("不错", 0.7),  # a word of its own, not a negation
        ("不但好，而且漂亮", 0.7),
        ("服务很差", -0.7 * 1.4),
        ("The table has four legs.", 0.0),
        ("桌子有四条腿。", 0.0),
        ("", 0.0),
        ("🙂 שלום عليكم", 0.0),
    ],
)
def test_by_hand(text: str, score: float) -> None:
    assert polarity(text) == pytest.approx(score, abs=1e-12)


def test_the_target_is_the_sign() -> None:
    batch = [Sample("", text) for text in ("superb", "horrible", "", "not good")]
    assert Sentiment().explain(batch).scores.tolist() == pytest.approx([1.0, -1.0, 0.0, -0.42])
    assert Sentiment(target="negative").explain(batch).scores.tolist() == pytest.approx([-1.0, 1.0, 0.0, 0.42])
    with pytest.raises(ValueError, match="expected 'positive' or 'negative'"):
        Sentiment(target="happy")


@given(st.lists(st.sampled_from("very not good superb awful the but , 不 好 糟糕 非常".split()), max_size=10), st.integers(1, 5))
def test_repetition_earns_nothing_and_the_range_is_kept(words: list[str], times: int) -> None:
    text = " ".join(words)
    assert -1.0 <= polarity(text) <= 1.0
    assert polarity(f"{text}. " * times) == pytest.approx(polarity(text), abs=1e-12)


def test_it_tells_praise_from_blame() -> None:
    praise = [
        "The staff were friendly and the rooms spotless; we would happily come back.",
        "A moving, beautifully acted film that never loses its charm.",
        "Delivery was quick and the quality is great.",
        "I can't recommend this place enough, it is wonderful.",
        "房间干净，老板很热情，推荐！",
        "电影非常精彩，演员出色。",
    ]
    blame = [
        "The room was dirty, the staff rude, and nobody helped.",
        "A tedious film with a stupid plot; I regret every minute.",
        "It broke after two days and the seller refused a refund: a waste of money.",
        "Not a good place to eat, and terribly overpriced.",
        "房间又脏又吵闹，服务很差。",
        "剧情无聊，浪费时间，太失望了。",
    ]
    assert sum(polarity(text) > 0 for text in praise) == 6
    assert sum(polarity(text) < 0 for text in blame) == 6
