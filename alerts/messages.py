"""One alert in words: for a terminal, an email, a Slack channel."""

import html
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alerts.alert import Alert, Event, TopStory

SLACK_HEADER_CHARACTERS = 150
SLACK_SECTION_CHARACTERS = 3_000
_DIMENSIONS = {"topic": "topic", "entity": "company", "source": "source", "language": "language"}


@dataclass(frozen=True, slots=True)
class Message:
    """What is said about an alert; `link` leads to it in the console, "" where there is none."""

    event: Event
    alert: Alert
    link: str = ""


def where(alert: Alert) -> str:
    """What the alert is about, in words."""
    if alert.dimension == "all":
        return "all news"
    return f"{_DIMENSIONS[alert.dimension]} {alert.key}"


def headline(message: Message) -> str:
    """One line: what, where, how bad."""
    alert = message.alert
    if message.event == "resolved":
        return f"Resolved: negative news on {where(alert)} is back to usual"
    return (
        f"{alert.severity.capitalize()}: {alert.value:.0%} of stories on {where(alert)} "
        f"are negative ({alert.negative} of {alert.stories})"
    )


def facts(message: Message) -> list[tuple[str, str]]:
    """What a reader at 3 a.m. asks, with the answers."""
    alert = message.alert
    interval = f"{alert.value:.1%} (95% interval {alert.lower:.1%} to {alert.upper:.1%})"
    usual = (
        f"limit {alert.baseline:.0%}"
        if alert.detector == "threshold"
        else f"usually {alert.baseline:.1%}, {alert.expected_negative:.1f} negative stories"
    )
    rows = [
        ("Since", moment(alert.started)),
        ("Negative share", f"{interval} over {duration(alert.window_seconds)}"),
        ("Against", usual),
        ("Stories", f"{alert.negative} negative of {alert.stories}"),
        ("Rule", f"{alert.rule} ({alert.detector})"),
    ]
    if alert.resolved is not None:
        rows.insert(1, ("Until", moment(alert.resolved)))
    return rows


def text(message: Message) -> str:
    """Plain text."""
    lines = [headline(message), ""]
    lines += [f"{name}: {value}" for name, value in facts(message)]
    if message.alert.top:
        lines += ["", "Most negative headlines:"]
        for story in message.alert.top:
            lines.append(f"- {story.title} ({_origin(story)})")
            if safe_link(story.url):
                lines.append(f"  {story.url}")
    if message.link:
        lines += ["", f"Alert {message.alert.id}: {message.link}"]
    return "\n".join(lines) + "\n"


def markup(message: Message) -> str:
    """HTML for an email; all that came from outside is escaped."""
    colour = "#1a7f37" if message.event == "resolved" else "#b42318"
    rows = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#57606a">{html.escape(name)}</td>'
        f"<td>{html.escape(value)}</td></tr>"
        for name, value in facts(message)
    )
    stories = "".join(
        f'<li style="margin:6px 0">{_anchor(story)}<br>'
        f'<span style="color:#57606a">{html.escape(_origin(story))}</span></li>'
        for story in message.alert.top
    )
    listing = f"<h3>Most negative headlines</h3><ul>{stories}</ul>" if stories else ""
    footer = (
        f'<p><a href="{html.escape(message.link)}">Open alert {message.alert.id}</a></p>'
        if message.link
        else ""
    )
    return (
        '<html><body style="font-family:sans-serif;color:#1f2328">'
        f'<h2 style="color:{colour}">{html.escape(headline(message))}</h2>'
        f"<table>{rows}</table>{listing}{footer}</body></html>"
    )


def slack_payload(message: Message) -> dict[str, Any]:
    """Block Kit, within Slack's limits."""
    title = headline(message)
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _cut(title, SLACK_HEADER_CHARACTERS)},
        },
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": f"*{_slack(name)}*\n{_slack(value)}"}
                for name, value in facts(message)
            ],
        },
    ]
    for story in message.alert.top:
        name = _slack(_cut(story.title, 500))
        # A bar or an angle would end Slack's link early.
        address = story.url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
        line = f"<{_slack(address)}|{name}>" if safe_link(story.url) else name
        section = f"{line}\n{_slack(_origin(story))}"
        blocks.append(
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": _cut(section, SLACK_SECTION_CHARACTERS)},
            }
        )
    if message.link:
        blocks.append(
            {
                "type": "context",
                "elements": [
                    {"type": "mrkdwn", "text": f"<{message.link}|Open alert {message.alert.id}>"}
                ],
            }
        )
    return {"text": _slack(title), "blocks": blocks}


def safe_link(url: str) -> bool:
    """Whether an address may be shown as a link."""
    return url.startswith(("https://", "http://")) and not any(char.isspace() for char in url)


def moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _origin(story: TopStory) -> str:
    return f"{story.source}, {moment(story.published)}, {story.probability:.0%} negative"


def _anchor(story: TopStory) -> str:
    title = html.escape(story.title)
    if not safe_link(story.url):
        return title
    return f'<a href="{html.escape(story.url)}">{title}</a>'


def _slack(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1] + "…"
