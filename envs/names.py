"""Names of the builtin world: places, people and organizations, composed from syllables and shared out over the splits.

Every name of a place, a family or an organization belongs to exactly one split, so no fact that holds one of them can
stand in two splits. Composition gives about 3,900 places, 3,150 families and 50,000 organizations in English.
"""

from __future__ import annotations

from functools import cache

from tokengym.envs.draw import Draw

__all__ = ["SPLITS", "Names"]

SPLITS = ("train", "validation", "test")
_SHARE = {"train": range(0, 8), "validation": range(8, 9), "test": range(9, 10)}  # tenths of every pool

_PLACE_HEAD = (
    "Ald Ash Bar Bel Birk Bran Brid Cal Car Chel Cor Crow Dal Den Dor Dun East Elm Fal Fen Gar Glen Gran Hal Har Hart Hazel Hol"
    " Hur Ing Kel Ken Kir Lan Lin Lor Lud Mar Mel Mid Mor Nor Oak Old Pel Pen Quar Rad Raven Red Ros Rud Sal Sel Sher Stan Stoke"
    " Sun Tam Thorn Til Tor Ul Var Wal War Wes Whit Win Wood Yar"
).split()
_PLACE_TAIL = (
    "bury by combe cott dale den don field ford gate ham haven holm hurst land leigh low mere minster mouth ness port ridge"
    " shaw stead ster stock stone thorpe ton vale ville wade water well wick wood worth ay ick erby ingham ington over enby eth"
    " ora ano illa ente osk isk una ara ovo"
).split()
_GIVEN = (
    "Ada Alan Alice Amir Ana Ben Bruno Carla Cara Chen Clara Daniel David Dina Elena Emil Emma Erik Eva Farid Felix Fiona Gina"
    " Grace Hana Hassan Helen Henry Ida Igor Ines Ivan Jack Jane Jin Joan Jonas Julia Kamal Karin Kofi Lara Laura Leo Lena Lin"
    " Lucas Lucy Maria Mark Marta Max Maya Mei Mila Mina Nadia Nina Noah Nora Olga Omar Oscar Paul Petra Rana Ravi Rosa Ruth"
    " Samir Sara Sofia Stefan Tara Theo Tina Tom Vera Victor Yara Yusuf Zoe"
).split()
_FAMILY_HEAD = (
    "Ab Al An Bak Ban Bas Ber Bor Bru Cam Cas Cor Dab Dal Das Der Dov Eber Ek Fal Fer For Gal Gar Gor Had Hal Has Hol Hu Jan Jor"
    " Kal Kar Kov Kra Lam Lar Len Lin Lo Mal Man Mar Men Mir Mo Nak Nav Nor Ok Ol Or Pal Par Per Pet Ram Ras Ros Sal San Sch Sem"
    " Sil Sol Tak Tan Tor Val Var Vel Wal Wei Yam Zan Zel"
).split()
_FAMILY_TAIL = (
    "ler ner man sen son berg stein ski ov ova ez ini etti ano ado era ali ari eri oni uki ato ura ami ova ek ic er ford well"
    " mont ard elli aux ier olt und ager ost anth ell ine"
).split()
_FIRM_KIND = (
    "Bank|Energy|Foods|Group|Motors|Rail|Steel|Media|Airways|Textiles|Robotics|Foundation|Insurance|Telecom|Logistics|Chemicals"
).split("|")
_ZH_PLACE = "安白北长东凤高广海河华怀金景康临龙明南宁平清泉荣三山上石顺松泰天万文西新兴永玉云"
_ZH_PLACE_TAIL = "城山州江阳口港川宁水桥湾岭湖原镇门坪谷津"
_ZH_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_ZH_GIVEN = "安彬斌博超晨成诚川达丹东芳飞峰刚光国海航浩红宏华欢辉慧佳建健杰洁静娟军俊凯康兰磊丽力立亮林琳玲龙梅美敏明娜宁萍琴庆泉荣瑞珊胜诗帅思涛婷伟文霞翔晓欣新秀旭雪雅艳阳洋怡英勇宇玉元月云泽哲珍志忠"
_ZH_FIRM_HEAD = "华远恒信中天宏达金鼎新海东方盛世联合大地长江星河同济瑞丰嘉禾"
_ZH_FIRM_KIND = "银行|能源|食品|集团|汽车|钢铁|传媒|航空|纺织|机器人公司|基金会|保险|电信|物流|化工".split("|")


@cache
def _pool(kind: str, split: str) -> tuple[str, ...]:
    """Every name of ``kind`` that belongs to ``split``, by its position in a drawn order of the whole pool."""
    names = {
        "place": [head + tail for head in _PLACE_HEAD for tail in _PLACE_TAIL],
        "family": [head + tail for head in _FAMILY_HEAD for tail in _FAMILY_TAIL],
        "zh_place": [a + b + tail for a in _ZH_PLACE for b in _ZH_PLACE for tail in _ZH_PLACE_TAIL if a != b],
        "zh_person": [family + given + last for family in _ZH_FAMILY for given in _ZH_GIVEN for last in _ZH_GIVEN[::17]],
        "zh_firm": [a + b + kind for a in _ZH_FIRM_HEAD for b in _ZH_FIRM_HEAD for kind in _ZH_FIRM_KIND if a != b],
    }[kind]
    unique = list(dict.fromkeys(names))
    shuffled = Draw(f"names/{kind}").some(unique, len(unique))
    return tuple(name for position, name in enumerate(shuffled) if position % 10 in _SHARE[split])


class Names:
    """Draws names that belong to one split.

    Args:
        draw: where the choices come from.
        split: "train", "validation" or "test".
    """

    def __init__(self, draw: Draw, split: str) -> None:
        self._draw = draw
        self._split = split

    def place(self) -> str:
        return self._draw.pick(_pool("place", self._split))

    def person(self) -> str:
        return f"{self._draw.pick(_GIVEN)} {self.family()}"

    def family(self) -> str:
        return self._draw.pick(_pool("family", self._split))

    def firm(self) -> str:
        return f"{self.family()} {self._draw.pick(_FIRM_KIND)}"

    def zh_place(self) -> str:
        return self._draw.pick(_pool("zh_place", self._split))

    def zh_person(self) -> str:
        return self._draw.pick(_pool("zh_person", self._split))

    def zh_firm(self) -> str:
        return self._draw.pick(_pool("zh_firm", self._split))
