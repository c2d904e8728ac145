"""The rules that mend writing, by hand."""

from __future__ import annotations

import pytest

from tokengym.envs.repair import mended


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("spelling", "The compnay will invest 12 million.", "The company will invest 12 million."),
        ("spelling", "Residents of Radthrope waited.", "Residents of Radthrope waited."),  # names are no affair of a dictionary
        ("spelling", "the the train", "the the train"),
        ("grammar", "They found an broken pipe.", "They found a broken pipe."),
        ("grammar", "It was a open door.", "It was an open door."),
        ("grammar", "About 40 person was hurt.", "About 40 people were hurt."),
        ("grammar", "Work will started on May.", "Work will start in May."),
        ("grammar", "It opens opens in Friday.", "It opens on Friday."),
    ],
)
def test_english(kind: str, wrong: str, right: str) -> None:
    assert mended(wrong, kind, "en") == right


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("spelling", "至少有8人受商。", "至少有8人受伤。"),
        ("spelling", "至少有8人受伤。", "至少有8人受伤。"),
        ("grammar", "工程将在在五月开始。", "工程将在五月开始。"),
    ],
)
def test_chinese(kind: str, wrong: str, right: str) -> None:
    assert mended(wrong, kind, "zh") == right
