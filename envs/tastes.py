"""Rankings by a reader's hidden taste: books that were liked, and new ones of which the reader likes some."""

from __future__ import annotations

from collections.abc import Mapping

from tokengym.envs.draw import Draw
from tokengym.envs.names import Names
from tokengym.envs.searches import Ranking

__all__ = ["taste"]

_LIKED = 3  # books in the history
_Traits = Mapping[str, Mapping[str, tuple[str, ...]]]  # trait: value: phrases for it
_ENGLISH: _Traits = {
    "genre": {
        "crime": ("a crime story", "a detective's last case"),
        "love": ("a love story", "a romance"),
        "future": ("science fiction", "a tale of the future"),
        "magic": ("a fairy tale", "a story of wizards"),
        "war": ("a war novel", "a soldier's story"),
        "travel": ("a travel diary", "notes of a journey"),
    },
    "setting": {
        "sea": ("at sea", "on board a ship"),
        "mountain": ("in the mountains", "on a glacier"),
        "city": ("in a big city", "in the streets of a capital"),
        "village": ("in a village", "on a farm"),
        "desert": ("in the desert", "among sand dunes"),
        "school": ("in a school", "in a classroom"),
    },
    "tone": {
        "funny": ("funny", "full of jokes"),
        "sad": ("sad", "to be read with a handkerchief"),
        "dark": ("dark", "gloomy"),
        "calm": ("calm", "slow and quiet"),
        "tense": ("thrilling", "full of suspense"),
    },
    "hero": {
        "child": ("with a girl of nine", "about a boy and his friends"),
        "old": ("with a grandmother", "about an old man"),
        "animal": ("with a talking dog", "about a clever cat"),
        "doctor": ("with a doctor", "about a surgeon"),
        "artist": ("with a painter", "about a musician"),
    },
}
_CHINESE: _Traits = {
    "genre": {
        "crime": ("侦探小说", "破案故事"),
        "love": ("爱情小说", "恋爱故事"),
        "future": ("科幻小说", "未来世界的故事"),
        "magic": ("童话", "魔法故事"),
        "war": ("战争小说", "士兵的故事"),
        "travel": ("游记", "旅行日记"),
    },
    "setting": {
        "sea": ("发生在海上", "发生在一艘船上"),
        "mountain": ("发生在山里", "发生在冰川上"),
        "city": ("发生在大城市", "发生在首都街头"),
        "village": ("发生在乡村", "发生在农场"),
        "desert": ("发生在沙漠", "发生在沙丘之间"),
        "school": ("发生在学校", "发生在教室里"),
    },
    "tone": {
        "funny": ("幽默", "笑话很多"),
        "sad": ("悲伤", "催人泪下"),
        "dark": ("阴暗", "气氛压抑"),
        "calm": ("平静", "节奏缓慢"),
        "tense": ("紧张", "充满悬念"),
    },
    "hero": {
        "child": ("主角是小女孩", "讲一个男孩和他的朋友"),
        "old": ("主角是老奶奶", "讲一位老人"),
        "animal": ("主角是会说话的狗", "讲一只聪明的猫"),
        "doctor": ("主角是医生", "讲一位外科大夫"),
        "artist": ("主角是画家", "讲一位音乐家"),
    },
}
_TITLES = {
    "en": (
        "[The Road|The Way|A Letter] to {place}",
        "[The Secret|The Garden|The Last Night] of {place}",
        "{place} [in Winter|by Night|and After]",
    ),
    "zh": ("《[通往|告别|寻找]{place}》", "《{place}的[秘密|花园|最后一夜]》", "《{place}[之冬|之夜|往事]》"),
}
_TELLINGS = {
    "en": ("{title}: {genre} {setting}, {hero}; {tone}", "{title}: {tone}, {genre} {hero}, {setting}"),
    "zh": ("{title}:{genre},{setting},{hero},{tone}", "{title}:{tone},{hero},{setting},{genre}"),
}
_LIKES = {"en": "Books that the reader liked:", "zh": "读者喜欢的书:"}


def taste(split: str, key: str, language: str, count: int) -> Ranking:
    """The reader with this key: three books of the history, and ``count`` new ones, graded 0 to 3 by the reader's taste.

    Two traits make the taste: the first one is worth 2 and all liked books have it, the other one is worth 1 and two of them have
    it. All other traits are chance. Each trait is told in one of two phrases that share hardly a word, so that the taste must be
    understood and cannot be counted. Among the new books one has both traits, one only the first and one only the second.
    """
    draw = Draw(f"taste/{language}/{split}/{key}")
    names = Names(draw, split)
    traits = _ENGLISH if language == "en" else _CHINESE
    main, side = draw.some(list(traits), 2)
    liked = {trait: draw.pick(list(traits[trait])) for trait in (main, side)}
    history = [_book(draw, names, language, liked, {main: True, side: number < 2}) for number in range(_LIKED)]
    having = [(True, True), (True, False), (False, True), *((False, False) for _ in range(count - 3))][:count]
    having = draw.some(having, count)
    books = [_book(draw, names, language, liked, {main: first, side: second}) for first, second in having]
    query = "\n".join((_LIKES[language], *(f"- {book}" for book in draw.some(history, _LIKED))))
    return Ranking(query, tuple(books), tuple(2 * first + second for first, second in having), draw)


def _book(draw: Draw, names: Names, language: str, liked: Mapping[str, str], has: Mapping[str, bool]) -> str:
    """A book whose traits are the liked values where ``has`` says so, and others else."""
    slots = {}
    for trait, values in (_ENGLISH if language == "en" else _CHINESE).items():
        value = liked[trait] if has.get(trait) else draw.pick([value for value in values if value != liked.get(trait)])
        slots[trait] = draw.pick(values[value])
    title = draw.text(draw.pick(_TITLES[language]), {"place": names.place() if language == "en" else names.zh_place()})
    return draw.text(draw.pick(_TELLINGS[language]), {**slots, "title": title})
