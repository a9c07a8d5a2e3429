"""Which language a text is in, as far as routing to a model needs it."""

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")


def detect_language(text: str, stated: str = "") -> str:
    """The ISO 639-1 code of a text by its script: "zh", "ja" or "ko", else `stated` or "en".

    A text that mixes scripts goes to the script that carries it: a Han character says about as
    much as half an English word, so a Chinese headline full of English names stays Chinese, and
    an English one that quotes a Chinese name stays English. A stated language is believed only
    where the script does not contradict it.
    """
    han = len(_HAN.findall(text))
    kana = len(_KANA.findall(text))
    hangul = len(_HANGUL.findall(text))
    words = len(_LATIN_WORD.findall(text))
    if kana > 1 and kana * 4 > han and kana + han > words:
        return "ja"
    if hangul > max(han, words):
        return "ko"
    if han > words:
        return "zh"
    stated = stated.lower().replace("_", "-").split("-")[0]
    if words and stated in ("zh", "ja", "ko"):
        return "en"
    return stated or "en"


def route(language: str) -> str:
    """The bundled model's language that reads a language best."""
    return "zh" if language in ("zh", "ja") else "en"
