"""The builtin world in Chinese: every word and name of its events has one, and no two names of a kind share theirs."""

from __future__ import annotations

import pytest

from tokengym.envs.lexicon import GIVEN, NAMED, THINGS, chinese, names_in_chinese, spelled
from tokengym.envs.world import report


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("Radthorpe", "拉德索普"),
        ("a faulty heater", "有故障的取暖器"),
        ("Friday", "星期五"),
        ("3-1", "3比1"),
        ("9 to 4", "9比4"),
        ("780", "780"),
        ("Ada Moler", "艾达·莫勒"),
        ("Balberg Bank", ""),  # no syllable "Bal" among families
        ("Banberg Bank", "班贝格银行"),
        ("Radthorpe Lions", "拉德索普雄狮队"),
    ],
)
def test_by_hand(english: str, said: str) -> None:
    if said:
        assert chinese(english) == said
    else:
        with pytest.raises(ValueError, match="Balberg Bank.*no word or name"):
            chinese(english)


def test_every_slot_of_every_event_has_a_translation() -> None:
    for split in ("train", "validation", "test"):
        for index in range(400):
            for value in report(split, f"lexicon/{index}").slots.values():
                said = chinese(value)
                assert said and not any("A" <= letter.upper() <= "Z" for letter in said)


def test_names_and_things_can_be_taken_back() -> None:
    for table in (names_in_chinese("place"), names_in_chinese("family"), names_in_chinese("team"), GIVEN, THINGS):
        assert len(set(table.values())) == len(table)
    assert spelled("Moler", "family") == "莫勒"


def test_named_slots_hold_what_begins_with_a_capital() -> None:
    for index in range(200):
        slots = report("train", f"lexicon/{index}").slots
        assert all(slots[name][0].isupper() for name in NAMED & set(slots))
