"""Mandarin days and times: 下周三, 上个月二十号, 大后天, 三月五号, 昨天晚上八点半, 差五分九点."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from ivr.speech.hearing import readings
from ivr.speech.hearing.numbers_zh import DIGITS, cardinal, figures
from ivr.speech.hearing.readings import LOOSE, Reading

_NUMBER: Final = "[零一二三四五六七八九十两百]{1,5}"
RELATIVE_DAYS: Final = {
    "今天": 0, "今日": 0, "今儿": 0, "今早": 0, "今晚": 0, "当天": 0, "明天": 1, "明日": 1, "明早": 1, "明晚": 1,
    "后天": 2, "大后天": 3, "昨天": -1, "昨日": -1, "昨晚": -1, "昨儿": -1, "前天": -2, "大前天": -3,
}  # fmt: skip
_YEARS: Final = {"今年": 0, "本年": 0, "当年": 0, "明年": 1, "后年": 2, "去年": -1, "前年": -2, "大前年": -3}
_MONTHS: Final = {
    "上上个月": -2, "上个月": -1, "上月": -1, "这个月": 0, "这月": 0, "本月": 0, "当月": 0, "下个月": 1, "下月": 1,
    "下下个月": 2,
}  # fmt: skip
_WEEKS: Final = {
    "上上": -2, "上上个": -2, "上": -1, "上个": -1, "这": 0, "这个": 0, "本": 0, "下": 1, "下个": 1, "下下": 2,
    "下下个": 2,
}  # fmt: skip
_WEEKDAYS: Final = dict(zip("一二三四五六日天", (0, 1, 2, 3, 4, 5, 6, 6), strict=True))


def _any(names: dict[str, int]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


#: Which half of the day each part of it means.
HALVES: Final = {
    "凌晨": "am", "清晨": "am", "清早": "am", "一早": "am", "早晨": "am", "早上": "am", "早": "am", "上午": "am",
    "中午": "pm", "下午": "pm", "午后": "pm", "傍晚": "pm", "晚上": "pm", "晚": "pm",
    "夜里": "night", "半夜": "night", "夜间": "night", "深夜": "night",
}  # fmt: skip
_PART: Final = "|".join(sorted(HALVES, key=len, reverse=True))
_HOUR: Final = f"(?P<hour>{_NUMBER})(?:点钟|点整|点|时)"
_MINUTE: Final = f"(?:(?P<half>半)|(?P<quarters>[一三])刻|过?(?P<minute>{_NUMBER})分?|)(?:钟|整|左右)?"
_TIME: Final = re.compile(
    f"(?P<part>{_PART})?的?(?:(?P<noon>正?中午|正午)|(?P<midnight>午夜|半夜)|"
    f"(?:差(?P<before>{_NUMBER}|一刻)(?:分钟?)?(?:到)?)?{_HOUR}(?:差(?P<after>{_NUMBER}|一刻)(?:分钟?)?|{_MINUTE}))"
)
_TAIL: Final = f"(?:的?(?:{_PART})?(?:{_TIME.pattern})?)".replace("?P<", "?P<t_")
_DATE: Final = re.compile(
    "(?:农历)?"
    f"(?:(?P<years>{_any(_YEARS)})的?|(?P<year>[零一二三四五六七八九]{{4}}|[零一二三四五六七八九]{{2}}|[一两二]千{_NUMBER}|两千)年的?)?"
    f"(?:(?P<months>{_any(_MONTHS)})的?|(?P<month>{_NUMBER})月份?的?)?"
    f"(?:(?P<day>{_NUMBER})[号日]?|(?P<last>月底|底|最后一天))?"
    f"(?:(?:星期|礼拜|周)[一二三四五六日天])?{_TAIL}"
)
_RELATIVE: Final = re.compile(f"(?P<name>{_any(RELATIVE_DAYS)}){_TAIL}")
_WEEKDAY: Final = re.compile(
    f"(?P<week>{_any(_WEEKS)})?(?:星期|礼拜|周)(?P<weekday>[一二三四五六日天]|末){_TAIL}"
)
_AGO: Final = re.compile(
    f"(?P<count>{_NUMBER}|半)(?P<unit>天|周|个?星期|个?礼拜|个月|年)(?P<way>以前|之前|前|以后|之后|后){_TAIL}"
)


def days(text: str, today: date, future: bool) -> tuple[Reading, ...]:
    """The days that a text of numbers and words (see `numbers_zh.same`) may mean. A time behind it is passed over."""
    readers = (_relative, _weekday, _ago, _calendar)
    found = [reading for reader in readers for reading in reader(text, today, future)]
    return readings.best_first([*found, *readings.typed_days(figures(text), today, future)])


def _as_readings(*found: tuple[date | None, float]) -> tuple[Reading, ...]:
    return tuple(Reading(readings.day_key(day), weight) for day, weight in found if day is not None)


def _relative(text: str, today: date, future: bool) -> tuple[Reading, ...]:
    match = _RELATIVE.fullmatch(text)
    return _as_readings((readings.moved(today, RELATIVE_DAYS[match["name"]]), 1.0)) if match else ()


def _weekday(text: str, today: date, future: bool) -> tuple[Reading, ...]:
    """下周三 is the Wednesday of the week that begins next Monday; 周三 alone is the nearest one."""
    match = _WEEKDAY.fullmatch(text)
    if match is None or match["weekday"] == "末":
        return ()
    weekday = _WEEKDAYS[match["weekday"]]
    if match["week"] is None:
        return _as_readings((readings.nearest_weekday(today, weekday, future), 1.0))
    return _as_readings((readings.weekday_of_week(today, weekday, _WEEKS[match["week"]]), 1.0))


def _ago(text: str, today: date, future: bool) -> tuple[Reading, ...]:
    match = _AGO.fullmatch(text)
    if match is None or match["count"] == "半":
        return ()
    count = cardinal(match["count"])
    if count is None:
        return ()
    count = -count if match["way"].endswith("前") else count
    match match["unit"]:
        case "天":
            day = readings.moved(today, count)
        case "个月":
            day = readings.same_day_of(today, count)
        case "年":
            day = readings.same_day_of(today, count * 12)
        case _:
            day = readings.moved(today, count * 7)
    return _as_readings((day, 1.0))


def _calendar(text: str, today: date, future: bool) -> tuple[Reading, ...]:
    """Year, month and day as far as they were said."""
    match = _DATE.fullmatch(text)
    if match is None or not (match["day"] or match["last"]):
        return ()
    day = 99 if match["last"] else cardinal(match["day"])
    year = _year(match, today, future)
    if day is None or year is None:
        return ()
    if match["months"]:
        return () if year else _of_month(readings.shifted_month(today, _MONTHS[match["months"]]), day)
    month = cardinal(match["month"]) if match["month"] else None
    if year:
        return _of_month((year, month), day) if month and 1 <= month <= 12 else ()
    if month is None:
        return (
            ()
            if day == 99 or not _said_as_day(text)
            else _as_readings((readings.day_of_month(day, today, future), 1.0))
        )
    return _nearest(month, day, today, future)


def _said_as_day(text: str) -> bool:
    return "号" in text or "日" in text


def _nearest(month: int, day: int, today: date, future: bool) -> tuple[Reading, ...]:
    """A day without its year. The other way in time is kept as a further reading."""
    if day == 99:
        return ()
    day_, other = (readings.nearest_day(month, day, today, way) for way in (future, not future))
    return _as_readings((day_, 1.0), *([] if other == day_ else [(other, 0.2)]))


def _of_month(month: tuple[int, int], day: int) -> tuple[Reading, ...]:
    if day == 99:
        first = readings.make_day(*month, 1)
        following = first and readings.shifted_month(first, 1)
        last = following and readings.make_day(*following, 1)
        return _as_readings((last and readings.moved(last, -1), LOOSE))
    return _as_readings((readings.make_day(*month, day), 1.0))


def _year(match: re.Match[str], today: date, future: bool) -> int | None:
    """The year said; 0 if none was; None if it is none."""
    if match["years"]:
        return today.year + _YEARS[match["years"]]
    said = match["year"]
    if not said:
        return 0
    if "千" in said:
        return cardinal(said)
    number = int(figures(said))
    return readings.full_year(number, today, future) if len(said) == 2 else number


def times(text: str) -> tuple[Reading, ...]:
    """The times of day that a text may mean. A day before it is passed over."""
    found = [reading for start in _time_starts(text) for reading in _time(text[start:], text[:start])]
    return readings.best_first([*found, *_typed(figures(text))])


def _time_starts(text: str) -> list[int]:
    """Where a time may begin: at the start, and behind a day."""
    heads = "|".join((_any(RELATIVE_DAYS), r".*?[号日]", r".*?(?:星期|礼拜|周)[一二三四五六日天]"))
    match = re.match(f"(?:{heads})的?", text)
    starts = [0] if match is None else [match.end(), 0]
    if match and match[0] in ("今晚", "昨晚", "明晚", "今早", "明早"):
        starts.insert(0, match.end() - 1)
    return starts


def _time(text: str, before: str) -> tuple[Reading, ...]:
    match = _TIME.fullmatch(text)
    if match is None:
        return ()
    if match["noon"] or match["midnight"]:
        return (Reading("1200" if match["noon"] else "0000"),)
    hour = cardinal(match["hour"])
    minute = _minute(match)
    if hour is None or minute is None or hour > 24:
        return ()
    early = match["before"] or match["after"]
    if early:
        minute = 60 - (15 if early == "一刻" else cardinal(early) or 0)
        hour -= 1
        if hour < 0 or not 0 < minute < 60:
            return ()
    return _in_part(hour, minute, match["part"] or "")


def _minute(match: re.Match[str]) -> int | None:
    if match["half"]:
        return 30
    if match["quarters"]:
        return 15 * DIGITS[match["quarters"]]
    return cardinal(match["minute"]) if match["minute"] else 0


def _in_part(hour: int, minute: int, part: str) -> tuple[Reading, ...]:
    """晚上十二点 is midnight, 中午十一点 is before noon, 凌晨十二点 is 0 o'clock, 夜里 is by the hour."""
    half = HALVES.get(part, "")
    if part in ("晚上", "晚") and (hour == 12 or 1 <= hour <= 4):
        return (Reading(readings.time_key(hour % 12, minute)),)
    if half == "night":
        half = "pm" if 6 <= hour <= 11 else "am"
    if part == "中午" and hour in (10, 11):
        half = "am"
    if part in ("上午", "早上") and hour == 12:
        half = "pm"
    if not half and hour in (0, 24):
        return readings.clock_readings(hour, minute, "")
    return readings.clock_readings(hour, minute, half)


def _typed(typed: str) -> tuple[Reading, ...]:
    """A time read figure by figure, as it would be typed."""
    if len(typed) != 4 or not (int(typed[:2]) < 24 and int(typed[2:]) < 60):
        return ()
    return (Reading(typed, LOOSE),)
