"""The builtin world in two languages: sentences that tell one fact, each with several wordings in English and in Chinese.

The events are those of the English news (``events_en``), so every name, number and thing stands in both languages. All wordings of a
:class:`Fact` mean the same: any of one language is a translation of any of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokengym.envs.draw import Draw
from tokengym.envs.genre import Genre
from tokengym.envs.genres_en import ENGLISH
from tokengym.envs.lexicon import NAMED, chinese
from tokengym.envs.names import SPLITS, Names

__all__ = ["FACTS", "Fact", "Told", "told"]


@dataclass(frozen=True)
class Fact:
    """One fact of a genre's events: templates (see :meth:`tokengym.envs.draw.Draw.text`) in English and in Chinese."""

    en: tuple[str, ...]
    zh: tuple[str, ...]

    def of(self, language: str) -> tuple[str, ...]:
        return self.zh if language == "zh" else self.en


def _fact(en: str, zh: str) -> Fact:
    return Fact(tuple(en.split(" // ")), tuple(zh.split(" // ")))


FACTS: Mapping[str, tuple[Fact, ...]] = {
    "disaster": (
        _fact(
            "A {kind} [hit|struck] {place} on {day}. // On {day}, {place} was hit by a {kind}. // There was a {kind} in {place} on {day}.",
            "{day},{place}发生了{kind}。 // {place}{day}发生{kind}。 // {place}在{day}遭遇了{kind}。",
        ),
        _fact(
            "The {kind} [injured|hurt] {hurt} people. // {hurt} people were [injured|hurt] in the {kind}.",
            "{kind}造成{hurt}人受伤。 // 有{hurt}人在{kind}中受伤。 // {hurt}人因{kind}受伤。",
        ),
        _fact(
            "The {kind} in {place} was caused by {cause}. // {cause} caused the {kind} in {place}.",
            "{place}的{kind}由{cause}引起。 // {cause}引起了{place}的{kind}。",
        ),
        _fact(
            "In {place}, about {moved} people had to leave their homes. // "
            "About {moved} people in {place} were forced to leave their homes.",
            "{place}约有{moved}人被迫离开家园。 // 在{place},大约{moved}人不得不离开家。",
        ),
        _fact(
            "In {year}, a {kind} in {near} injured {oldhurt} people. // {oldhurt} people were injured by a {kind} in {near} in {year}.",
            "{year}年,{near}的{kind}造成{oldhurt}人受伤。 // {year}年{near}发生{kind},{oldhurt}人受伤。",
        ),
        _fact(
            "According to {person}, {other} was suspected at first. // {person} said that {other} was suspected at first.",
            "{person}说,起初怀疑是{other}。 // 据{person}说,起初怀疑是{other}。",
        ),
    ),
    "business": (
        _fact(
            "{firm} will build a {what} in {place}. // A {what} of {firm} will be built in {place}.",
            "{firm}将在{place}建一座{what}。 // {firm}的{what}将建在{place}。 // 在{place},{firm}将建一座{what}。",
        ),
        _fact(
            "The new {what} will [create|bring] {jobs} jobs. // {jobs} jobs will be created by the new {what}.",
            "新的{what}将带来{jobs}个工作岗位。 // 新{what}将创造{jobs}个岗位。",
        ),
        _fact(
            "{firm} will invest {money} million in {place}. // In {place}, {firm} will invest {money} million.",
            "{firm}将在{place}投资{money}00万。 // 在{place},{firm}将投资{money}00万。",
        ),
        _fact(
            "In {month}, {rival} [cut|axed] {oldjobs} jobs in {near}. // {rival} cut {oldjobs} jobs in {near} in {month}.",
            "{month},{rival}在{near}裁掉了{oldjobs}个岗位。 // {rival}{month}在{near}裁减了{oldjobs}个岗位。",
        ),
        _fact(
            "{person} is the director of {firm}. // The director of {firm} is {person}. // {firm} is led by director {person}.",
            "{person}是{firm}的负责人。 // {firm}的负责人是{person}。",
        ),
    ),
    "sport": (
        _fact(
            "{team} [beat|defeated] {rival} {score} on {day}. // On {day}, {rival} lost {score} to {team}.",
            "{day},{team}以{score}战胜{rival}。 // {team}{day}以{score}击败{rival}。",
        ),
        _fact(
            "{person} scored the [winning|deciding] goal in minute {minute}. // "
            "The winning goal was scored by {person} in minute {minute}.",
            "{person}在第{minute}分钟打进制胜球。 // 制胜球由{person}在第{minute}分钟打进。",
        ),
        _fact(
            "{crowd} fans watched the match between {team} and {rival}. // The match between {team} and {rival} was seen by {crowd} fans.",
            "{crowd}名球迷观看了{team}与{rival}的比赛。 // {team}和{rival}的比赛有{crowd}名球迷观看。",
        ),
        _fact(
            "The last match of {team} ended {oldscore}. // {team} [finished|ended] the last match {oldscore}.",
            "{team}的上一场比赛以{oldscore}结束。 // {team}上一场比赛的比分是{oldscore}。",
        ),
        _fact(
            "{coach}, the coach of {rival}, was sent off. // The coach of {rival}, {coach}, was sent off.",
            "{rival}的教练{coach}被罚下场。 // {rival}教练{coach}被罚下了场。",
        ),
    ),
    "council": (
        _fact(
            "{place} will get a {what} in {month}. // In {month}, {place} will get a {what}.",
            "{place}将在{month}有一座{what}。 // {month},{place}将有自己的{what}。",
        ),
        _fact(
            "The {what} in {place} will cost {cost} million. // {place} will pay {cost} million for the {what}.",
            "{place}的{what}将花费{cost}00万。 // {place}将为{what}支付{cost}00万。",
        ),
        _fact(
            "The council of {place} approved the {what} by {vote}. // By {vote}, the council of {place} voted for the {what}.",
            "{place}议会以{vote}通过了{what}。 // {place}议会以{vote}投票支持{what}。",
        ),
        _fact(
            "{near} [paid|spent] {oldcost} million for a similar {what}. // A similar {what} in {near} cost {oldcost} million.",
            "{near}的类似{what}花了{oldcost}00万。 // {near}为类似的{what}花费了{oldcost}00万。",
        ),
        _fact(
            "{critic} wants to wait until {late}, but mayor {mayor} does not. // "
            "Mayor {mayor} does not want to wait until {late}, but {critic} does.",
            "{critic}想等到{late},但市长{mayor}不想。 // 市长{mayor}不想等到{late},但{critic}想。",
        ),
    ),
    "science": (
        _fact(
            "Researchers at the University of {place} [tested|studied] {habit}. // "
            "At the University of {place}, researchers tested {habit}.",
            "{place}大学的研究人员测试了{habit}。 // {place}大学的研究人员研究了{habit}。",
        ),
        _fact(
            "With {habit}, {what} fell by {cut} percent. // {habit} [cut|reduced] {what} by {cut} percent.",
            "{habit}使{what}减少了百分之{cut}。 // 通过{habit},{what}下降了百分之{cut}。",
        ),
        _fact(
            "{person} led the study with {sample} people. // The study with {sample} people was led by {person}.",
            "{person}领导了这项有{sample}人参加的研究。 // 这项有{sample}人参加的研究由{person}领导。",
        ),
        _fact(
            "{doubter} of the University of {near} recommends {habit2}. // "
            "{doubter}, who works at the University of {near}, recommends {habit2}.",
            "{near}大学的{doubter}推荐{habit2}。 // 在{near}大学工作的{doubter}推荐{habit2}。",
        ),
        _fact(
            "An older study in {near} found {oldcut} percent less {what}. // In {near}, an older study found {oldcut} percent less {what}.",
            "{near}的一项旧研究发现,{what}减少了百分之{oldcut}。 // 在{near},一项旧研究发现{what}减少百分之{oldcut}。",
        ),
    ),
    "culture": (
        _fact(
            "The {what} in {place} [opens|begins] on {day}. // On {day}, the {what} opens in {place}.",
            "{place}的{what}{day}开幕。 // {day},{what}在{place}开幕。",
        ),
        _fact(
            "{place} expects {guests} guests at the {what}. // {guests} guests are expected at the {what} in {place}.",
            "{place}的{what}预计有{guests}名客人。 // {place}预计有{guests}名客人来参加{what}。",
        ),
        _fact(
            "{firm} [pays for|sponsors] the {what}. // The {what} is sponsored by {firm}. // The sponsor of the {what} is {firm}.",
            "{firm}赞助了{what}。 // {what}由{firm}赞助。 // {what}的赞助商是{firm}。",
        ),
        _fact(
            "{star} will [appear|perform] in {place} on {day2}. // On {day2}, {star} will perform in {place}.",
            "{star}{day2}将在{place}登台。 // {day2},{star}将在{place}登台。",
        ),
        _fact(
            "Last year, {oldguests} guests came to {near}. // {oldguests} guests came to {near} last year.",
            "去年有{oldguests}名客人来到{near}。 // 去年,{oldguests}名客人来到了{near}。",
        ),
    ),
    "crime": (
        _fact(
            "On {day}, the police arrested {count} people in {place}. // {count} people were arrested in {place} on {day}.",
            "{day},警方在{place}逮捕了{count}人。 // {place}警方{day}逮捕了{count}人。",
        ),
        _fact(
            "The {what} from the {site} are worth {worth}. // The value of the {what} from the {site} is {worth}.",
            "{site}的{what}价值{worth}。 // {site}里的{what}值{worth}。",
        ),
        _fact(
            "The {what} had been stolen from a {site} in {place}. // Thieves had [stolen|taken] the {what} from a {site} in {place}.",
            "{what}是从{place}的一家{site}被偷走的。 // 小偷从{place}的一家{site}偷走了{what}。",
        ),
        _fact(
            "Last year, {oldcount} people were [jailed|caught] in {near}. // In {near}, {oldcount} people were caught last year.",
            "去年有{oldcount}人在{near}被抓。 // 去年,{near}有{oldcount}人被捕。",
        ),
        _fact(
            "Detective {person} thanked {owner}, who owns the {what}. // {owner}, who owns the {what}, was thanked by detective {person}.",
            "侦探{person}感谢了{what}的主人{owner}。 // {what}的主人{owner}得到了侦探{person}的感谢。",
        ),
    ),
    "transport": (
        _fact(
            "A new {what} [links|connects] {place} with {end}. // {place} and {end} are linked by a new {what}.",
            "一条新的{what}连接{place}和{end}。 // 新的{what}把{place}与{end}连接起来。",
        ),
        _fact(
            "From {place}, the trip to {end} takes {fast} minutes. // The trip from {place} to {end} [takes|lasts] {fast} minutes.",
            "从{place}到{end}需要{fast}分钟。 // {place}到{end}的行程需要{fast}分钟。",
        ),
        _fact(
            "{firm} [runs|operates] the {what} from {month}. // From {month}, the {what} is run by {firm}.",
            "{firm}从{month}起经营这条{what}。 // 从{month}起,这条{what}由{firm}经营。",
        ),
        _fact(
            "The {what} is {length} kilometers long and cost {cost} million. // {length} kilometers long, the {what} cost {cost} million.",
            "这条{what}长{length}公里,花费{cost}00万。 // {what}全长{length}公里,花了{cost}00万。",
        ),
        _fact(
            "Before, the trip via {near} took {slow} minutes. // The trip via {near} took {slow} minutes before.",
            "以前,经过{near}的行程需要{slow}分钟。 // 经过{near}的行程以前需要{slow}分钟。",
        ),
    ),
}


@dataclass(frozen=True)
class Told:
    """Facts of one event. ``draw`` goes on where the telling ended, for whatever is derived next."""

    genre: Genre
    slots: Mapping[str, Mapping[str, str]]  # language to slots
    facts: tuple[Fact, ...]
    draw: Draw

    def tell(self, language: str, wording: int, swap: Mapping[str, str] | None = None) -> str:
        """All facts in one language; ``wording`` picks among each fact's templates, ``swap`` puts one slot's value in another's place."""
        slots = self.slots[language]
        slots = {**slots, **{fact: slots[other] for fact, other in (swap or {}).items()}}
        said = [self.draw.text(fact.of(language)[wording % len(fact.of(language))], slots) for fact in self.facts]
        return ("" if language == "zh" else " ").join(said)

    def wordings(self, language: str) -> list[str]:
        """One telling for each template, no two the same, in drawn order."""
        count = max(len(fact.of(language)) for fact in self.facts)
        return list(dict.fromkeys(self.tell(language, wording) for wording in self.draw.some(range(count), count)))


def told(split: str, key: str, facts: int = 1) -> Told:
    """``facts`` facts of the event with this key, the first with a name in it. Same arguments, same event.

    Raises:
        ValueError: unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r}: the builtin world has splits {SPLITS}")
    draw = Draw(f"bilingual/{split}/{key}")
    genre = draw.pick(ENGLISH)
    slots = genre.slots(draw, Names(draw, split))
    first = draw.pick([fact for fact in FACTS[genre.name] if any(f"{{{slot}}}" in fact.en[0] for slot in NAMED)])
    others = draw.some([fact for fact in FACTS[genre.name] if fact is not first], facts - 1)
    chosen = tuple(draw.some((first, *others), facts))
    return Told(genre, {"en": slots, "zh": {name: chinese(value) for name, value in slots.items()}}, chosen, draw)
