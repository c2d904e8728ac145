"""Sentences are cut where they end, titles apart; words are counted once; Chinese by character."""

from __future__ import annotations

from tokengym.envs.sentences import overlap, sentences, words


def test_sentences_end_at_marks_but_not_after_titles() -> None:
    text = 'It rained. "Bad luck," said Dr. Ada Lin, who left. 12 people stayed! Why?'
    assert sentences(text) == ["It rained.", '"Bad luck," said Dr. Ada Lin, who left.', "12 people stayed!", "Why?"]


def test_chinese_sentences() -> None:
    assert sentences("下雨了。他走了!好吗?") == ["下雨了。", "他走了!", "好吗?"]


def test_words_and_overlap() -> None:
    assert words("The 3 Cats, the 下雨") == {"the", "3", "cats", "下", "雨"}
    assert overlap("where are the cats", "The cats sleep") == 2
