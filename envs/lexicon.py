"""The builtin world's words and names in English and Chinese: what a fact is called in either language.

Names are composed of syllables, and each syllable has its own sound in Chinese (Radthorpe: Rad 拉德, thorpe 索普), so that a name
which was never seen can be translated by whoever has learned the syllables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

__all__ = ["DAYS", "FIRMS", "GIVEN", "MONTHS", "NAMED", "THINGS", "chinese", "names_in_chinese", "spelled"]


def _table(text: str) -> dict[str, str]:
    """The mapping that is written as "a=b c=d"; "_" stands for a blank."""
    return {left.replace("_", " "): right for left, _, right in (pair.partition("=") for pair in text.split())}


NAMED = frozenset("place near end person owner star doubter mayor critic coach firm rival team".split())
"""Slots of the events that hold a name. A name belongs to one split, so a text with one of them cannot stand in two."""

_PLACE_HEADS = _table(
    "Ald=奥尔 Ash=阿什 Bar=巴尔 Bel=贝尔 Birk=伯克 Bran=布兰 Brid=布里德 Cal=卡尔 Car=卡 Chel=切尔 Cor=科尔 Crow=克罗 Dal=达尔 Den=登"
    " Dor=多尔 Dun=邓 East=伊斯 Elm=埃尔姆 Fal=法尔 Fen=芬 Gar=加尔 Glen=格伦 Gran=格兰 Hal=哈尔 Har=哈 Hart=哈特 Hazel=黑兹尔"
    " Hol=霍尔 Hur=赫尔 Ing=英 Kel=凯尔 Ken=肯 Kir=基尔 Lan=兰 Lin=林 Lor=洛尔 Lud=勒德 Mar=马尔 Mel=梅尔 Mid=米德 Mor=莫尔 Nor=诺尔"
    " Oak=奥克 Old=奥尔德 Pel=佩尔 Pen=彭 Quar=夸尔 Rad=拉德 Raven=雷文 Red=雷德 Ros=罗斯 Rud=鲁德 Sal=萨尔 Sel=塞尔 Sher=谢尔"
    " Stan=斯坦 Stoke=斯托克 Sun=桑 Tam=塔姆 Thorn=索恩 Til=蒂尔 Tor=托尔 Ul=乌尔 Var=瓦尔 Wal=沃尔 War=沃 Wes=韦斯 Whit=惠特 Win=温"
    " Wood=伍德 Yar=亚尔"
)
_PLACE_TAILS = _table(
    "bury=伯里 by=比 combe=库姆 cott=科特 dale=代尔 den=丹 don=敦 field=菲尔德 ford=福德 gate=盖特 ham=汉姆 haven=黑文 holm=霍姆"
    " hurst=赫斯特 land=兰德 leigh=利 low=洛 mere=米尔 minster=明斯特 mouth=茅斯 ness=内斯 port=波特 ridge=里奇 shaw=肖 stead=斯特德"
    " ster=斯特 stock=斯托 stone=斯通 thorpe=索普 ton=顿 vale=韦尔 ville=维尔 wade=韦德 water=沃特 well=威尔 wick=威克 wood=伍德"
    " worth=沃思 ay=艾 ick=伊克 erby=厄比 ingham=英厄姆 ington=英顿 over=奥弗 enby=恩比 eth=埃思 ora=奥拉 ano=阿诺 illa=伊拉"
    " ente=恩特 osk=奥斯克 isk=伊斯克 una=乌纳 ara=阿拉 ovo=奥沃"
)
GIVEN: Mapping[str, str] = _table(
    "Ada=艾达 Alan=艾伦 Alice=艾丽斯 Amir=阿米尔 Ana=安娜 Ben=本 Bruno=布鲁诺 Carla=卡尔拉 Cara=卡拉 Chen=晨 Clara=克拉拉"
    " Daniel=丹尼尔 David=大卫 Dina=迪娜 Elena=埃琳娜 Emil=埃米尔 Emma=艾玛 Erik=埃里克 Eva=伊娃 Farid=法里德 Felix=费利克斯"
    " Fiona=菲奥娜 Gina=吉娜 Grace=格蕾丝 Hana=哈娜 Hassan=哈桑 Helen=海伦 Henry=亨利 Ida=伊达 Igor=伊戈尔 Ines=伊内斯 Ivan=伊万"
    " Jack=杰克 Jane=简 Jin=金 Joan=琼 Jonas=约纳斯 Julia=朱莉娅 Kamal=卡迈勒 Karin=卡琳 Kofi=科菲 Lara=拉拉 Laura=劳拉 Leo=利奥"
    " Lena=莱娜 Lin=琳 Lucas=卢卡斯 Lucy=露西 Maria=玛丽亚 Mark=马克 Marta=玛尔塔 Max=马克斯 Maya=玛雅 Mei=梅 Mila=米拉 Mina=米娜"
    " Nadia=纳迪娅 Nina=妮娜 Noah=诺亚 Nora=诺拉 Olga=奥尔加 Omar=奥马尔 Oscar=奥斯卡 Paul=保罗 Petra=佩特拉 Rana=拉娜 Ravi=拉维"
    " Rosa=罗莎 Ruth=露丝 Samir=萨米尔 Sara=萨拉 Sofia=索菲娅 Stefan=斯特凡 Tara=塔拉 Theo=西奥 Tina=蒂娜 Tom=汤姆 Vera=薇拉"
    " Victor=维克托 Yara=亚拉 Yusuf=优素福 Zoe=佐伊"
)
_FAMILY_HEADS = _table(
    "Ab=阿布 Al=阿尔 An=安 Bak=巴克 Ban=班 Bas=巴斯 Ber=贝 Bor=博 Bru=布鲁 Cam=卡姆 Cas=卡斯 Cor=科 Dab=达布 Dal=达 Das=达斯 Der=德"
    " Dov=多夫 Eber=埃伯 Ek=埃克 Fal=法 Fer=费 For=福 Gal=加 Gar=嘎 Gor=戈 Had=哈德 Hal=哈尔 Has=哈斯 Hol=霍 Hu=胡 Jan=扬 Jor=约"
    " Kal=卡尔 Kar=卡 Kov=科夫 Kra=克拉 Lam=拉姆 Lar=拉尔 Len=伦 Lin=林 Lo=洛 Mal=马尔 Man=曼 Mar=马 Men=门 Mir=米尔 Mo=莫 Nak=纳克"
    " Nav=纳夫 Nor=诺 Ok=奥克 Ol=奥尔 Or=奥 Pal=帕尔 Par=帕 Per=佩 Pet=佩特 Ram=兰姆 Ras=拉斯 Ros=罗斯 Sal=萨尔 San=桑 Sch=施"
    " Sem=塞姆 Sil=西尔 Sol=索尔 Tak=塔克 Tan=坦 Tor=托 Val=瓦尔 Var=瓦 Vel=韦尔 Wal=沃尔 Wei=魏 Yam=亚姆 Zan=赞 Zel=泽尔"
)
_FAMILY_TAILS = _table(
    "ler=勒 ner=纳 man=曼 sen=森 son=松 berg=贝格 stein=施泰因 ski=斯基 ov=奥夫 ova=奥娃 ez=埃斯 ini=伊尼 etti=埃蒂 ano=阿诺 ado=阿多"
    " era=埃拉 ali=阿利 ari=阿里 eri=埃里 oni=奥尼 uki=乌基 ato=阿托 ura=乌拉 ami=阿米 ek=埃克 ic=伊奇 er=厄 ford=福德 well=维尔"
    " mont=蒙特 ard=阿德 elli=埃利 aux=奥 ier=耶 olt=奥尔特 und=翁德 ager=阿格 ost=奥斯特 anth=安思 ell=埃尔 ine=因"
)
FIRMS: Mapping[str, str] = _table(
    "Bank=银行 Energy=能源 Foods=食品 Group=集团 Motors=汽车 Rail=铁路 Steel=钢铁 Media=传媒 Airways=航空 Textiles=纺织"
    " Robotics=机器人 Foundation=基金会 Insurance=保险 Telecom=电信 Logistics=物流 Chemicals=化工"
)
_TEAMS = _table(
    "Rovers=流浪者 United=联合 Athletic=竞技 Rangers=游骑兵 City=城市 Wanderers=漫游者 Albion=阿尔比恩 Stars=群星 Lions=雄狮"
    " Eagles=雄鹰 Bears=黑熊 Sharks=鲨鱼"
)
DAYS: Mapping[str, str] = _table(
    "Monday=星期一 Tuesday=星期二 Wednesday=星期三 Thursday=星期四 Friday=星期五 Saturday=星期六 Sunday=星期日"
)
MONTHS: Mapping[str, str] = _table(
    "January=一月 February=二月 March=三月 April=四月 May=五月 June=六月 July=七月 August=八月 September=九月 October=十月"
    " November=十一月 December=十二月"
)
THINGS: Mapping[str, str] = _table(
    "two=两 three=三 four=四 five=五 six=六 seven=七 flood=洪水 a_broken_dam=大坝决口 blocked_drains=排水管堵塞"
    " three_days_of_rain=三天的降雨 a_high_tide=涨潮 fire=火灾 a_faulty_heater=有故障的取暖器 an_unattended_stove=无人看管的炉子"
    " a_lightning_strike=雷击 a_careless_smoker=粗心的吸烟者 landslide=山体滑坡 heavy_rain=大雨 an_old_quarry=旧采石场"
    " gas_leak=煤气泄漏 a_cracked_pipe=破裂的管道 a_broken_valve=损坏的阀门 power_cut=停电 an_overloaded_cable=过载的电缆"
    " a_fallen_tree=倒下的大树 blast=爆炸 a_leaking_tank=漏油的储罐 a_welding_spark=焊接火花 battery_plant=电池厂"
    " data_center=数据中心 paper_mill=造纸厂 bicycle_factory=自行车厂 solar_farm=太阳能电站 bakery=面包厂 call_center=呼叫中心"
    " glass_works=玻璃厂 shoe_factory=鞋厂 research_lab=研究实验室 chip_plant=芯片厂 warehouse=仓库 tram_line=电车线路"
    " swimming_pool=游泳馆 public_library=公共图书馆 flood_wall=防洪墙 bus_station=汽车站 city_park=城市公园 primary_school=小学"
    " car-free_market=无车集市 concert_hall=音乐厅 bridge_repair=大桥维修工程 fire_station=消防站 skate_park=滑板公园"
    " short_naps=短暂的午睡 cold_baths=冷水浴 daily_walks=每天散步 green_tea=绿茶 slow_breathing=慢呼吸 playing_chess=下棋"
    " morning_light=晨光 folk_dancing=民间舞蹈 fewer_screens=少看屏幕 oat_bran=燕麦麸 choir_singing=合唱 garden_work=园艺劳动"
    " back_pain=背痛 stress=压力 memory_loss=记忆衰退 headaches=头痛 high_blood_pressure=高血压 poor_sleep=睡眠不佳"
    " asthma_attacks=哮喘发作 joint_pain=关节痛 low_mood=情绪低落 hay_fever=花粉症 jazz_festival=爵士音乐节 book_fair=书展"
    " film_festival=电影节 kite_festival=风筝节 poetry_week=诗歌周 food_fair=美食节 light_show=灯光秀 puppet_festival=木偶节"
    " photo_exhibition=摄影展 dance_festival=舞蹈节 comic_fair=漫画展 flower_show=花展 paintings=油画 racing_bikes=赛车"
    " silver_coins=银币 violins=小提琴 rare_stamps=珍贵邮票 laptops=笔记本电脑 gold_watches=金表 vintage_wines=陈年葡萄酒"
    " old_maps=古地图 copper_cables=铜缆 diamonds=钻石 carpets=地毯 museum=博物馆 gallery=画廊 train_depot=火车车库"
    " private_house=私人住宅 jewelry_shop=珠宝店 university=大学 harbor_office=港务办公室 railway=铁路 ferry_route=轮渡航线"
    " tunnel=隧道 motorway=高速公路 bus_line=公交线路 cable_car=缆车"
)
_COUNTS = re.compile(r"(\d+)(?:-| to )(\d+)")  # a score or a vote


def chinese(value: str) -> str:
    """The Chinese for a word, number or name of the builtin world's English events.

    Raises:
        ValueError: the world has no such word or name.
    """
    known = THINGS.get(value) or DAYS.get(value) or MONTHS.get(value)
    if known or value.isdigit():
        return known or value
    counts = _COUNTS.fullmatch(value)
    if counts:
        return f"{counts[1]}比{counts[2]}"
    first, _, last = value.partition(" ")
    try:
        if last in FIRMS:
            return spelled(first, "family") + FIRMS[last]
        if last in _TEAMS:
            return f"{spelled(first, 'place')}{_TEAMS[last]}队"
        return f"{GIVEN[first]}·{spelled(last, 'family')}" if last else spelled(first, "place")
    except KeyError:
        raise ValueError(f"{value!r} is no word or name of the builtin world") from None


def spelled(name: str, kind: str) -> str:
    """A name in Chinese, syllable by syllable. ``kind`` is "place" or "family"; KeyError for a name that cannot be composed."""
    return names_in_chinese(kind)[name]


@cache
def names_in_chinese(kind: str) -> Mapping[str, str]:
    """Every name that can be composed, of kind "place", "family" or "team" (only what follows the place)."""
    if kind == "team":
        return {name: f"{said}队" for name, said in _TEAMS.items()}
    heads, tails = (_PLACE_HEADS, _PLACE_TAILS) if kind == "place" else (_FAMILY_HEADS, _FAMILY_TAILS)
    return {head + tail: said + end for head, said in heads.items() for tail, end in tails.items()}
