"""Markup to plain text: what a reader would see, on one line, within limits."""

from __future__ import annotations

import html
import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_MARKUP_CHARS: Final = 2_000_000
MAX_TEXT_CHARS: Final = 50_000
MAX_TITLE_CHARS: Final = 1_000
_MAX_DEPTH: Final = 100

_INLINE: Final = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn",
    "em", "font", "i", "ins", "kbd", "label", "mark", "nobr", "q", "rp", "rt", "ruby", "s",
    "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
})  # fmt: skip
_BLOCK: Final = frozenset({
    "address", "applet", "area", "article", "aside", "audio", "base", "basefont", "bgsound",
    "blink", "blockquote", "body", "br", "button", "canvas", "caption", "center", "col",
    "colgroup", "command", "dd", "details", "dialog", "dir", "div", "dl", "dt", "embed",
    "fieldset", "figcaption", "figure", "footer", "form", "frame", "frameset", "h1", "h2", "h3",
    "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "iframe", "image", "img",
    "input", "keygen", "layer", "legend", "li", "link", "listing", "main", "map", "marquee",
    "math", "menu", "meta", "meter", "multicol", "nav", "noembed", "noframes", "noscript",
    "object", "ol", "optgroup", "option", "output", "p", "param", "picture", "pre", "progress",
    "script", "search", "section", "select", "slot", "source", "spacer", "style", "summary",
    "svg", "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "title",
    "tr", "track", "ul", "video", "xml", "xmp",
})  # fmt: skip
_HIDDEN: Final = frozenset({
    "audio", "canvas", "head", "iframe", "math", "noscript", "script", "select", "style", "svg",
    "template", "textarea", "video",
})  # fmt: skip
# Elements that a parser of HTML ends at their end tag alone, whatever comes before it.
_SWALLOWING: Final = _HIDDEN | {"noembed", "noframes", "title", "xmp"}

_TAG_LIKE = re.compile(
    r"""<(?: !--
          | !doctype\b
          | [?][a-z]
          | /? (?P<name> [a-z][a-z0-9]* (?:[:-][a-z0-9_.:-]*)? )
            (?=[\s/>])
            (?: [^<>]{0,4000} | (?: [^<>"'] | "[^"]{0,4000}" | '[^']{0,4000}' ){0,4000} ) >
        )""",
    re.IGNORECASE | re.VERBOSE,
)
_CUT_OFF_TAG = re.compile(r"<(?:[a-z][a-z0-9]*\s[^=]*=|!--)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
# Controls other than white space, zero-width and direction marks, lone surrogates,
# noncharacters. The joiners U+200C and U+200D stay: Persian and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def plain_text(value: str, *, markup: bool = True, max_chars: int = MAX_TEXT_CHARS) -> str:
    """`value` as plain text on one line, at most `max_chars` long.

    With `markup`, tags go, scripts and styles go with their content, entities are decoded once.
    A "<" that opens no HTML tag is text: "P/E < 5 & rising" and "<NVDA>" come out as they are.
    Without `markup` the characters are taken literally.
    """
    value = value[:MAX_MARKUP_CHARS]
    if markup:
        value = _from_markup(value)
    cleaned = _SPACE.sub(" ", _INVISIBLE.sub("", value)).strip()
    return cleaned if len(cleaned) <= max_chars else _cut(cleaned, max_chars)


def first_words(text: str, max_chars: int = 100) -> str:
    """A stand-in title: the start of `text`, cut at a sentence end, else a word, with "…"."""
    if len(text) <= max_chars:
        return text
    ends = [found.end() for found in re.finditer(r"[。！？]|[.!?](?=\s)", text[:max_chars])]
    return text[: ends[-1]] if ends and ends[-1] >= 15 else _cut(text, max_chars)


def language_code(value: str) -> str:
    """The ISO 639-1 code in a language tag ("zh-CN", "en_US", "chi"); "" where there is none."""
    primary = re.split(r"[-_\s;,]", value.strip().lower(), maxsplit=1)[0]
    primary = _LANGUAGE_NAMES.get(primary, primary)
    return primary if re.fullmatch(r"[a-z]{2}", primary) else ""


_LANGUAGE_NAMES: Final = {
    "eng": "en", "english": "en", "zho": "zh", "chi": "zh", "cmn": "zh", "yue": "zh", "chs": "zh",
    "cht": "zh", "cn": "zh", "chinese": "zh", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr",
    "jpn": "ja", "kor": "ko", "spa": "es", "ita": "it", "por": "pt", "rus": "ru", "und": "",
}  # fmt: skip


def _cut(text: str, max_chars: int) -> str:
    head = text[: max_chars - 1]
    space = head.rfind(" ", max_chars * 3 // 4)
    return (head[:space] if space > 0 else head).rstrip(" ,;:，；：、") + "…"


def _from_markup(value: str) -> str:
    if "<" not in value:
        return html.unescape(value) if "&" in value else value
    if "<![CDATA[" in value:  # escaped twice by its sender
        value = value.replace("<![CDATA[", "").replace("]]>", "")
    last = value.rfind("<")
    if ">" not in value[last:] and _CUT_OFF_TAG.match(value, last):
        value = value[:last]  # a summary that its sender cut within a tag
    value, has_tags = _simplified(value)
    if not has_tags:
        return html.unescape(value)
    body = LexborHTMLParser(value).body
    return "" if body is None else _visible_text(body)


def _simplified(value: str) -> tuple[str, bool]:
    """Markup with the same text: a "<" that opens no tag known to HTML escaped, inline tags left
    out, blocks nested too deep turned into spaces; and whether any other tag is left.

    HTML's tree construction takes quadratic time in the depth, and copies open inline elements
    into every later block: either is a way to keep a reader busy for minutes.
    """
    pieces: list[str] = []
    depth = at = 0
    has_tags = False
    lower = value.lower()
    ends_at: dict[str, int] = {}
    while (angle := value.find("<", at)) >= 0:
        pieces.append(value[at:angle])
        found = _TAG_LIKE.match(value, angle)
        name = (found["name"] or "").lower() if found is not None else ""
        if found is None or not _is_known(name):
            pieces.append("&lt;")
            at = angle + 1
            continue
        at = found.end()
        if name in _INLINE:
            continue
        if name in _SWALLOWING and value[angle + 1] != "/":
            if name not in ends_at:
                ends_at[name] = lower.rfind(f"</{name}")
            # XHTML's <iframe/>, or one that was never closed: it has no content to drop. Code
            # is dropped all the same.
            is_code = name in ("script", "style")
            if found[0].endswith("/>") or (ends_at[name] < angle and not is_code):
                pieces.append(" ")
                continue
        if name:
            depth = max(0, depth - 1) if value[angle + 1] == "/" else depth + 1
        if depth > _MAX_DEPTH and name not in _HIDDEN:
            pieces.append(" ")
            continue
        if depth > _MAX_DEPTH * 10:
            return "".join(pieces), has_tags
        pieces.append(found[0])
        has_tags = True
    pieces.append(value[at:])
    return "".join(pieces), has_tags


def _is_known(name: str) -> bool:
    # No name: a comment, a document type, a processing instruction. Custom elements (x-card) and
    # office markup (o:p) are tags, if unknown ones.
    return not name or name in _INLINE or name in _BLOCK or "-" in name or ":" in name


def _visible_text(root: LexborNode) -> str:
    """Text of the tree with a space where an element begins or ends (inline ones are gone by
    now, so that "Un<b>der</b>tone" stays one word). Iterative: depth is the sender's choice."""
    pieces: list[str] = []
    node: LexborNode | None = root.child
    while node is not None:
        tag = node.tag or ""
        if tag == "-text":
            pieces.append(node.text_content or "")
        else:
            pieces.append(" ")
        child = None if tag in _HIDDEN else node.child
        if child is not None:
            node = child
            continue
        while node is not None and node.next is None:
            node = node.parent
            if node is None or node.mem_id == root.mem_id:
                return "".join(pieces)
            pieces.append(" ")
        node = node.next if node is not None else None
    return "".join(pieces)
