"""Word-by-word translation between English and Chinese with the builtin world's dictionary: what a rule without grammar can do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from tokengym.envs.lexicon import DAYS, FIRMS, GIVEN, MONTHS, THINGS, names_in_chinese

__all__ = ["gloss"]

# English words and what a pocket dictionary says; "" is left out. Of several English words for one Chinese word the first is taken back.
_WORDS = (
    "a=|an=|the=|was=|were=|is=|are=|be=|been=|had=|have=|that=|which=|who=|it=|did=|does=|do=|by=由|in=在|on=在|at=在|of=的|to=到|"
    "from=从|with=与|for=为|and=和|but=但|will=将|not=不|before=以前|about=约|between=之间|via=经过|at first=起初|last year=去年|"
    "according to=据|people=人|injured=受伤|hurt=受伤|hit=发生|struck=发生|caused=引起|had to leave=不得不离开|"
    "were forced to leave=被迫离开|their homes=家|homes=家园|suspected=怀疑|said=说|build=建|open=开设|opened=建在|built=建|new=新的|"
    "create=创造|created=创造|bring=带来|jobs=个岗位|invest=投资|million=00万|cut=裁掉了|axed=裁减了|director=负责人|beat=战胜|"
    "defeated=击败|lost=负于|scored=打进|the winning goal=制胜球|winning goal=制胜球|deciding goal=制胜球|minute=分钟|fans=名球迷|"
    "watched=观看了|match=比赛|seen=观看|last=上一场|ended=结束|finished=结束|coach=教练|sent off=罚下场|get=有|cost=花费|pay=支付|"
    "paid=花了|spent=花费了|council=议会|approved=通过了|voted=投票|similar=类似的|wants to wait=想等|want to wait=想等|until=到|"
    "mayor=市长|researchers=研究人员|university=大学|tested=测试了|studied=研究了|fell=下降了|reduced=减少了|percent=百分之|"
    "less=减少|led=领导了|study=研究|recommends=推荐|works=工作|older=旧|found=发现|opens=开幕|begins=开幕|expects=预计|"
    "expected=预计|guests=名客人|pays for=赞助了|sponsors=赞助了|sponsored=赞助|sponsor=赞助商|perform=登台|appear=登台|came=来到|"
    "police=警方|arrested=逮捕了|are worth=价值|worth=价值|value=价值|stolen=偷走了|taken=偷走了|thieves=小偷|jailed=被捕|"
    "caught=被抓|detective=侦探|thanked=感谢了|owns=主人|links=连接|connects=连接|linked=连接|trip=行程|takes=需要|took=需要|"
    "lasts=需要|minutes=分钟|runs=经营|operates=经营|run=经营|is run=经营|long=长|kilometers=公里|no=没有"
)
_LONGEST = 5  # words of the longest entry
_TOKEN = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*|\d+|[^\sA-Za-z\d]")
_MARKS = {".": "。", ",": ",", "。": "."}


@cache
def _english() -> Mapping[str, str]:
    """Lower-case English to Chinese, names left out."""
    words = dict(entry.split("=") for entry in _WORDS.split("|"))
    return {**words, **{english.lower(): said for table in (THINGS, DAYS, MONTHS) for english, said in table.items()}}


@cache
def _chinese() -> Mapping[str, str]:
    """Chinese to English, names included; a name of a place is taken before a family's."""
    found: dict[str, str] = {}
    for kind in ("place", "family", "team"):
        for name, said in names_in_chinese(kind).items():
            found.setdefault(said, name)
    for table in (FIRMS, DAYS, MONTHS, THINGS):
        found.update({said: english for english, said in table.items()})
    for english, said in _english().items():
        if said:
            found.setdefault(said, english)
    return found


def gloss(text: str, language: str) -> str:
    """``text``, which is in ``language`` ("en" or "zh"), word by word in the other language, in the order in which it stands."""
    return _from_chinese(text) if language == "zh" else _from_english(text)


def _from_english(text: str) -> str:
    words, known = _TOKEN.findall(text), _english()
    places, families, teams = (names_in_chinese(kind) for kind in ("place", "family", "team"))
    said: list[str] = []
    place = 0
    while place < len(words):
        word, after = words[place], words[place + 1] if place + 1 < len(words) else ""
        for size in range(min(_LONGEST, len(words) - place), 0, -1):
            phrase = " ".join(words[place : place + size]).lower()
            if phrase in known:
                said.append(known[phrase])
                place += size
                break
        else:
            if word in GIVEN and after in families:
                said.append(f"{GIVEN[word]}·{families[after]}")
                place += 1
            elif after in FIRMS and word in families:
                said.append(families[word] + FIRMS[after])
                place += 1
            else:
                said.append(places.get(word) or families.get(word) or teams.get(word) or _MARKS.get(word) or word)
            place += 1
    return "".join(said)


def _from_chinese(text: str) -> str:
    known, families = _chinese(), {said: name for name, said in names_in_chinese("family").items()}
    given = {f"{said}·": name for name, said in GIVEN.items()}
    longest = 12
    said: list[str] = []
    place = 0
    while place < len(text):
        digits = None if text.startswith("00万", place) else re.match(r"\d+(?=00万)|\d+", text[place:])
        if digits:
            said.append(digits[0])
            place += len(digits[0])
            continue
        for size in range(longest, 0, -1):
            piece = text[place : place + size]
            named = given.get(piece) or (families.get(piece) if place and text[place - 1] == "·" else None) or known.get(piece)
            if named is not None:
                said.append(named)
                place += len(piece)
                break
        else:
            said.append(_MARKS.get(text[place], "" if text[place] > "\u3000" else text[place]))
            place += 1
    joined = re.sub(r"\s+([.,])", r"\1", " ".join(word for word in said if word))
    return joined[:1].upper() + joined[1:]
