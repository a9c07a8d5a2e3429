"""One alert in words: for a terminal, an email, a Slack channel."""

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from alerts.alert import Alert, Event, TopStory
from alerts.follow_up import FollowUp

SLACK_HEADER_CHARACTERS = 150
SLACK_SECTION_CHARACTERS = 3_000
SLACK_FIELD_CHARACTERS = 2_000
TITLE_CHARACTERS = 500
LINK_CHARACTERS = 1_000
MAX_STORIES = 10
SOURCE_CHARACTERS = 40
_DIMENSIONS = {
    "topic": "topic",
    "entity": "company",
    "theme": "theme",
    "source": "source",
    "language": "language",
}
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Message:
    """What is said about an alert; `link` leads to it in the console, "" where there is none.

    With `follow_up` it is what has become of an alert that was told of before.
    """

    event: Event | Literal["follow-up"]
    alert: Alert
    link: str = ""
    follow_up: FollowUp | None = None
    group: tuple[Alert, ...] = ()
    """Those that tell of one event with it, itself among them; none: it stands alone."""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """It, then the others of its group in the order in which they started."""
        return self.alert, *(item for item in self.group if item.id != self.alert.id)


def where(alert: Alert) -> str:
    """What the alert is about, in words."""
    if alert.dimension == "all":
        return "all news"
    key = alert.key.replace("_", " ") if alert.dimension == "topic" else alert.key
    return f"{_DIMENSIONS.get(alert.dimension, alert.dimension)} {one_line(key)}"


def headline(message: Message) -> str:
    """One line: what, where, how bad."""
    alert = message.alert
    if message.follow_up is not None:
        return _hindsight(alert, message.follow_up)
    if alert.detector == "critical":
        if message.event == "resolved":
            return f"Resolved: no further critical story on {where(alert)}"
        told = "a story" if alert.stories == 1 else f"{alert.stories} stories"
        return f"{alert.severity.capitalize()}: {told} on {where(alert)} reads as surely negative"
    if message.event == "resolved":
        return f"Resolved: negative news on {where(alert)} is back to usual"
    stories = "all stories" if alert.dimension == "all" else f"stories on {where(alert)}"
    return (
        f"{alert.severity.capitalize()}: {alert.value:.0%} of {stories} "
        f"are negative ({_counted(alert)})"
    )


def facts(message: Message) -> list[tuple[str, str]]:
    """What a reader at 3 a.m. asks, with the answers."""
    alert = message.alert
    if message.follow_up is not None:
        return _comparison(alert, message.follow_up)
    interval = f"{alert.value:.1%} (95% interval {alert.lower:.1%} to {alert.upper:.1%})"
    usual = (
        f"limit {alert.baseline:.0%}"
        if alert.detector == "threshold"
        else f"usually {alert.baseline:.1%}, {alert.expected_negative:.1f} negative stories"
    )
    rows = [
        ("Since", moment(min(item.started for item in message.alerts))),
        ("Negative share", f"{interval} over {duration(alert.window_seconds)}"),
        ("Against", usual),
        ("Stories", f"{alert.negative} negative of {alert.stories}"),
        *_named("Corrected", corrected(alert)),
        *_named("Moved by", moved(alert)),
        *_named("Coverage", covered(alert)),
        _rules(message.alerts),
    ]
    if alert.detector == "critical":
        surely = f"{alert.baseline:.0%} sure or more that it is negative"
        rows = [rows[0], ("Against", surely), *rows[3:]]
    ends = [item.resolved for item in message.alerts if item.resolved is not None]
    if len(ends) == len(message.alerts):
        rows.insert(1, ("Until", moment(max(ends))))
    return rows


def corrected(alert: Alert) -> str:
    """What the share was corrected by; "" where the rule does not ask for it."""
    told = alert.correction
    if told is None:
        return ""
    if told.sensitivity is None or told.specificity is None:
        return f"not: the models' errors are known for {told.known:.0%} of the articles only"
    rest = "" if told.known == 1 else f", as far as known ({told.known:.0%} of the articles)"
    return (
        f"read as {told.apparent:.1%}; the models find {told.sensitivity:.0%} of what is negative "
        f"and pass {told.specificity:.0%} of the rest{rest}"
    )


def covered(alert: Alert) -> str:
    """Which of the usual sources are silent; "" where none is usual."""
    told = alert.coverage
    if told is None or not told.usual:
        return ""
    sources = f"{told.usual} usual source{'s' if told.usual > 1 else ''}"
    if not told.silent:
        return f"none of {sources} is silent"
    names = ", ".join(_cut(one_line(item.source), SOURCE_CHARACTERS) for item in told.silent[:3])
    more = f" and {len(told.silent) - 3} more" if len(told.silent) > 3 else ""
    return (
        f"{len(told.silent)} of {sources} silent, {told.missing:.0%} of the usual articles: "
        f"{told.confidence} confidence ({names}{more})"
    )


def moved(alert: Alert) -> str:
    """The share's move, as change of tone and of mix; "" where there is none to tell of."""
    told = alert.move
    if told is None:
        return ""
    return (
        f"{100 * (told.tone + told.mix):+.0f} points in {duration(told.since_seconds)} "
        f"(from {told.share:.0%} of {told.stories}): "
        f"{100 * told.tone:+.0f} tone of the sources, {100 * told.mix:+.0f} which sources speak"
    )


def colour(message: Message) -> Literal["red", "green", "yellow"]:
    """Bad news, the end of it, or that it was none."""
    if message.follow_up is not None:
        return "yellow"
    return "green" if message.event == "resolved" else "red"


def _hindsight(alert: Alert, now: FollowUp) -> str:
    verdict = "it would not have fired"
    if alert.detector == "critical":
        share = f"of {alert.stories} surely negative stories {now.stories} are left"
    else:
        share = f"{now.value:.0%} of its stories are negative (was {alert.value:.0%})"
    return f"Follow-up: {where(alert)}: {_happened(now)}; {share}; {verdict}"


def _happened(now: FollowUp) -> str:
    """What happened to how many of its stories, in words."""
    told = [
        f"{count} {'story was' if count == 1 else 'stories were'} {reason}"
        for reason, count in now.changed.items()
    ]
    return ", ".join(told) or "its stories changed"


def _comparison(alert: Alert, now: FollowUp) -> list[tuple[str, str]]:
    rows = [
        ("Alert since", moment(alert.started)),
        ("Changed", _happened(now)),
        (
            "Negative share now",
            f"{now.value:.1%} (95% interval {now.lower:.1%} to {now.upper:.1%}), "
            f"{now.negative} of {now.stories} stories",
        ),
        (
            "When it fired",
            f"{alert.value:.1%} (95% interval {alert.lower:.1%} to {alert.upper:.1%}), "
            f"{alert.negative} of {alert.stories} stories",
        ),
        (
            "Verdict",
            "with these stories it would not have fired"
            + (", and would be over by now" if now.would_be_over else ""),
        ),
        ("Rule", f"{alert.rule} ({alert.detector})"),
    ]
    if alert.detector == "critical":
        rows[2] = ("Surely negative now", f"{now.stories}")
        rows[3] = ("When it fired", f"{alert.stories}")
    return rows


_MARKUP_COLOURS = {"green": "#1a7f37", "red": "#b42318", "yellow": "#9a6700"}


def top_stories(alerts: Sequence[Alert]) -> list[TopStory]:
    """The stories behind alerts that tell of one event, each once, the most negative ahead."""
    by_title: dict[tuple[str, str], TopStory] = {}
    for story in (story for alert in alerts for story in alert.top):
        by_title.setdefault((story.title, story.source), story)
    ranked = sorted(by_title.values(), key=lambda item: (-item.probability, item.published))
    return ranked[:MAX_STORIES]


def text(message: Message) -> str:
    """Plain text."""
    lines = [headline(message), ""]
    lines += [f"{name}: {value}" for name, value in facts(message)]
    stories = top_stories(message.alerts)
    if stories:
        lines += ["", f"{_headlines(message)}:"]
        for story in stories:
            lines.append(f"- {title(story)} ({origin(story)})")
            if safe_link(story.url):
                lines.append(f"  {story.url}")
    if safe_link(message.link):
        lines += ["", f"Alert {message.alert.id}: {message.link}"]
    return "\n".join(lines) + "\n"


def markup(message: Message) -> str:
    """HTML for an email; all that came from outside is escaped."""
    rows = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#57606a">{html.escape(name)}</td>'
        f"<td>{html.escape(value)}</td></tr>"
        for name, value in facts(message)
    )
    stories = "".join(
        f'<li style="margin:6px 0">{_anchor(story)}<br>'
        f'<span style="color:#57606a">{html.escape(origin(story))}</span></li>'
        for story in top_stories(message.alerts)
    )
    listing = f"<h3>{_headlines(message)}</h3><ul>{stories}</ul>" if stories else ""
    footer = (
        f'<p><a href="{html.escape(message.link)}">Open alert {message.alert.id}</a></p>'
        if safe_link(message.link)
        else ""
    )
    tone = _MARKUP_COLOURS[colour(message)]
    return (
        '<html><body style="font-family:sans-serif;color:#1f2328">'
        f'<h2 style="color:{tone}">{html.escape(headline(message))}</h2>'
        f"<table>{rows}</table>{listing}{footer}</body></html>"
    )


def slack_payload(message: Message) -> dict[str, Any]:
    """Block Kit, within Slack's limits."""
    first = headline(message)
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {
                "type": "plain_text",
                "text": _cut(first, SLACK_HEADER_CHARACTERS),
                "emoji": False,
            },
        },
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": _slack_field(name, value)}
                for name, value in facts(message)
            ],
        },
    ]
    for story in top_stories(message.alerts):
        line = _slack_link(story.url, title(story))
        section = f"{line}\n{_slack(_cut(origin(story), 200))}"
        if len(section) > SLACK_SECTION_CHARACTERS:
            # Escaping made it longer; cut before it, never inside a link or an entity.
            section = _slack(_cut(title(story), 400))
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": section}})
    if safe_link(message.link):
        blocks.append(
            {
                "type": "context",
                "elements": [
                    {
                        "type": "mrkdwn",
                        "text": _slack_link(message.link, f"Open alert {message.alert.id}"),
                    }
                ],
            }
        )
    return {"text": _slack(first), "blocks": blocks}


def _headlines(message: Message) -> str:
    told = "Most negative headlines"
    return told if message.follow_up is None else f"{told}, as they were then"


def safe_link(url: str) -> bool:
    """Whether an address may be shown as a link: of the web, printable, without spaces."""
    return (
        url.startswith(("https://", "http://"))
        and url.isprintable()
        and " " not in url
        and len(url) <= LINK_CHARACTERS
    )


def one_line(value: str) -> str:
    """Text from outside on one line, without what could steer a terminal or a mail.

    Control characters, line ends, lone surrogates and changes of writing direction become spaces.
    """
    kept = (" " if _steers(char) else char for char in value)
    return " ".join("".join(kept).split())


def title(story: TopStory) -> str:
    """The story's headline, safe to show and of bounded length."""
    return _cut(one_line(story.title), TITLE_CHARACTERS) or "(no title)"


def origin(story: TopStory) -> str:
    """Who said it, when, and how surely it is negative."""
    source = one_line(story.source)
    return f"{source}, {moment(story.published)}, {story.probability:.0%} negative"


def moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _counted(alert: Alert) -> str:
    """The counts; they do not make the share where that was corrected."""
    read = alert.correction is not None and alert.correction.sensitivity is not None
    return f"{alert.negative} of {alert.stories}{' read so' if read else ''}"


def _named(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []


def _rules(alerts: Sequence[Alert]) -> tuple[str, str]:
    """The rules that announced it, each once, after what they are called."""
    named = list(dict.fromkeys(f"{alert.rule} ({alert.detector})" for alert in alerts))
    return "Rule" if len(named) == 1 else "Rules", ", ".join(named)


def _anchor(story: TopStory) -> str:
    shown = html.escape(title(story))
    if not safe_link(story.url):
        return shown
    return f'<a href="{html.escape(story.url)}">{shown}</a>'


def _slack(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_field(name: str, value: str) -> str:
    return f"*{_slack(name)}*\n{_slack(_cut(value, SLACK_FIELD_CHARACTERS // 6))}"


def _slack_link(url: str, shown: str) -> str:
    """A link, or the text alone. A bar or an angle in the address would end the link early."""
    if not safe_link(url):
        return _slack(shown)
    address = url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
    return f"<{_slack(address)}|{_slack(shown)}>"


def _steers(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _DIRECTIONS


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"
