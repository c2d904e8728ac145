"""Word-by-word translation, by hand."""

from __future__ import annotations

import pytest

from tokengym.envs.gloss import gloss


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("A flood hit Radthorpe on Friday.", "洪水发生拉德索普在星期五。"),
        ("The tunnel cost 90 million.", "隧道花费9000万。"),
        ("Banberg Bank cut 780 jobs.", "班贝格银行裁掉了780个岗位。"),
        ("Ada Moler led the study.", "艾达·莫勒领导了研究。"),
        ("Xyz", "Xyz"),
    ],
)
def test_english_to_chinese(english: str, chinese: str) -> None:
    assert gloss(english, "en") == chinese


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("星期五,拉德索普有洪水。", "Friday, Radthorpe get flood."),
        ("隧道花费9000万。", "Tunnel cost 90 million."),
        ("艾达·莫勒领导了研究。", "Ada Moler led study."),
        ("在拉德索普,班贝格银行裁掉了780个岗位。", "In Radthorpe, Banberg Bank cut 780 jobs."),
    ],
)
def test_chinese_to_english(chinese: str, english: str) -> None:
    assert gloss(chinese, "zh") == english
