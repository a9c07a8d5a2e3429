"""Words beside a name that tell that it is a company: `Target Corp`, `shares of Gap`, 万科股价"""

import re


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_COMPANY = _words(
    "inc incorporated corp corporation plc ltd limited llc ag se sa nv group holdings",
    "share shares stock stocks bond bonds investor investors shareholder shareholders",
    "ceo cfo coo chairman chairwoman analyst analysts employees",
    "profit profits earnings revenue revenues results dividend guidance",
    "quarterly q1 q2 q3 q4 ipo buyback takeover bankruptcy",
)
_NEXT = _COMPANY | _words(
    "says said reports reported posts posted unveils launches plans warns cuts raises beats",
    "misses buys sells sues faces agrees expects announces announced names appoints hires invests",
    "recalls wins loses slashes settles acquires acquired sees eyes seeks reveals denies considers",
    "pays joins files halts suspends resumes shuts plunges soars jumps slumps surges tumbles",
)
_TO_DO = _words(
    "launch buy sell cut open build pay invest acquire appoint hire raise offer exit sue recall",
    "settle merge spin",
)
_BEFORE = _COMPANY | _words("retailer oilmaker automaker lender carmaker")
_JOINING = _words("of in at for by from")
_PARTING = _JOINING | _words("to and or the a an on as with between")

_HAN_AFTER = (
    "公司|集团|股份|控股|股价|股票|股东|市值|财报|业绩|营收|净利|利润|年报|季报|中报|季度|财季|"
    "首席|董事|总裁|高管|CEO|CFO|Q[1-4]|A股|H股|美股|港股|债券|美元债|评级|盘前|盘后|目标价"
)
_HAN_NEXT = (
    "发布|官宣|宣布|推出|回应|表示|称|收购|裁员|起诉|被诉|被罚|被调查|计划|预计|上调|下调|获批"
)
_HAN_BEFORE = "公司|集团|巨头|巨擘|厂商|制造商|运营商|零售商|房企|险企|车企|银行|美股|港股|A股"

_WORD = r"[0-9A-Za-z\u00c0-\u024f]+"
_TWO_AFTER = re.compile(rf"(?:'s?)?[ ]({_WORD})(?:[ -]({_WORD}))?")
_TWO_BEFORE = re.compile(rf"(?:({_WORD})[ ])?({_WORD})[ ]$")
_COMPANY_AFTER_HAN = re.compile(
    rf"[ ]?(?:[^，。；：、！？,.;:!? ]{{0,2}}?(?:{_HAN_AFTER})|(?:{_HAN_NEXT}))"
)
_COMPANY_BEFORE_HAN = re.compile(rf"(?:{_HAN_BEFORE})[ ]?$")
_REACH_CHARACTERS = 40


def company_word_beside(text: str, start: int, end: int) -> bool:
    """Whether a word that is said of companies stands next to text[start:end]."""
    before, after = text[max(start - _REACH_CHARACTERS, 0) : start], text[end:][:_REACH_CHARACTERS]
    if _COMPANY_AFTER_HAN.match(after) or _COMPANY_BEFORE_HAN.search(before):
        return True
    if found := _TWO_AFTER.match(after):
        first, second = (word.lower() if word else "" for word in found.groups())
        if first in _NEXT or (first == "to" and second in _TO_DO):
            return True
        if first not in _PARTING and second in _COMPANY:
            return True
    if found := _TWO_BEFORE.search(before):
        second, first = (word.lower() if word else "" for word in found.groups())
        return first in _BEFORE or (first in _JOINING and second in _BEFORE)
    return False
