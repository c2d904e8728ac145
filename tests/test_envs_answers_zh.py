"""envs/answers_zh.py: the kind of thing that a Chinese question asks for, by hand and on the builtin data."""

from __future__ import annotations

import numpy as np
import pytest

from tokengym.benchmarks.probe import findings
from tokengym.envs.answers_zh import answer_in
from tokengym.envs.qa import TextQA

NEWS = (
    "星期一,安北谷发生火灾,居民受到惊吓。2006年,高明津的火灾使16人受伤。医院说,安北谷有40人受伤。"
    "据警方说,火灾由电线老化引起。市长王小明说,将在三月重建。"
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("安北谷有多少人受伤?", "40"),
        ("安北谷发生火灾的原因是什么?", "电线老化"),
        ("星期一的火灾发生在哪里?", "安北谷"),
        ("什么时候重建?", "三月"),
        ("市长是谁?", "王小明"),
        ("哪家公司来了?", "星期一,安北谷发生火灾,居民受到惊吓。"),  # no company is named: the sentence that fits best
    ],
)
def test_answers_by_hand(question: str, answer: str) -> None:
    assert answer_in(NEWS, question) == answer


def test_numbers_scores_companies_and_teams() -> None:
    match = "两队上次的比分是3比1。高石港队以6比0战胜景石津队。现场有17400名观众。"
    assert answer_in(match, "高石港队和景石津队的比分是多少?") == "6比0"
    assert answer_in(match, "现场有多少名观众?") == "17400"
    assert answer_in(match, "哪支球队战胜了景石津队?") == "高石港队"
    assert answer_in("华远银行将在三河州建一座仓库。", "哪家公司将建仓库?") == "华远银行"
    assert answer_in("", "谁?") == ""


def test_the_task_asks_it_and_never_reads_the_answer() -> None:
    task = TextQA(TextQA.Options(language="zh"))
    rows = task.builtin("validation", 300)
    hidden = [task.heuristic(type(e)(e.id, e.prompt, ("?",), {"question": e.meta["question"]})) for e in rows]
    assert hidden == [task.heuristic(e) for e in rows]
    right = np.mean([answer == e.meta["answer"] for answer, e in zip(hidden, rows, strict=True)])
    assert 0.7 < right < 0.9


def test_anchors_stand_in_order() -> None:
    found = {row.policy: row for row in findings("TextQA-v0", examples=200, cheats=(), language="zh").rows}
    assert found["oracle"].gain.low > 0 > found["random"].gain.high
    assert found["oracle"].reward.mean == pytest.approx(1.0)
