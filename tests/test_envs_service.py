"""Conversations: good replies name the facts, which stand in the record; mixed ones do not; vague ones name none."""

from __future__ import annotations

from tokengym.envs.service import conversation


def test_good_replies_name_all_facts_of_the_record() -> None:
    for index in range(300):
        talk = conversation("train", f"t/{index}")
        for reply in talk.replies:
            assert all(fact.lower() in reply.lower() for fact in talk.facts), (reply, talk.facts)
        assert all(fact.lower() in talk.record.lower() for fact in talk.facts)
        assert not any(fact.lower() in talk.vague.lower() for fact in talk.facts)


def test_mixed_replies_mostly_miss_a_fact() -> None:
    talks = [conversation("train", f"t/{index}") for index in range(300)]
    missing = [not all(fact.lower() in talk.mixed.lower() for fact in talk.facts) for talk in talks]
    assert sum(missing) / len(missing) > 0.9  # now and then both items have the same detail


def test_the_customer_speaks_last_and_speakers_alternate() -> None:
    talk = conversation("test", "t/1")
    assert [turn.role for turn in talk.turns] == ["user", "assistant", "user"]
    assert [turn.role for turn in talk.follow] == ["user", "assistant", "user"]


def test_same_key_same_conversation() -> None:
    assert conversation("test", "t/7").record == conversation("test", "t/7").record
    assert len({conversation("test", f"t/{i}").record for i in range(200)}) > 190
