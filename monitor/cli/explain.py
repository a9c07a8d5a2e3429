"""`undertone explain`: why an alert fired, and whether the store still says so."""

from collections import Counter

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.channels.terminal import panel
from alerts.messages import Message, corrected, covered, moved, one_line
from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.explanation import Explanation
from monitor.explanation import explain as explained
from monitor.failures import DataError, UsageError
from monitor.roles import alert_link
from monitor.settings import Settings
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store

EXIT_NOT_EQUAL = 4


@click.command()
@click.argument("alert_id", metavar="ALERT", required=False)
@click.option("--all", "every", is_flag=True, help="Every alert in the store, one line each.")
@click.option(
    "--stories",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="So many stories of the window, the most negative ahead.",
)
@configured
@as_json
@click.pass_context
def explain(
    context: click.Context,
    settings: Settings,
    alert_id: str | None,
    every: bool,
    stories: int,
    as_json: bool,
) -> None:
    """Recompute an alert from the store as it was when it fired, and say equal or not.

    The beginning of the id is enough. Exit code 0: equal; 4: not equal, with what differs.
    """
    if every == (alert_id is not None):
        raise UsageError("name one alert, or write --all")
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    if alert_id is None:
        chosen = alert_store.listing(engine)
    else:
        found = alert_store.find(engine, alert_id)
        if found is None:
            raise DataError(f"no alert, or more than one, has an id that begins with '{alert_id}'")
        chosen = [found]
    console, equal = Console(), True
    for alert in chosen:
        explanation = explained(engine, settings.rule_file.rules, alert)
        equal = equal and explanation.equal
        if as_json:
            print_json(explanation.as_json())
        elif every:
            console.print(Text(f"{alert.id}  "), _verdict(explanation), sep="")
        else:
            _show(console, settings, explanation, stories)
    if not equal:
        context.exit(EXIT_NOT_EQUAL)


def _verdict(explanation: Explanation) -> Text:
    if explanation.equal:
        return Text("equal", "green")
    return Text("not equal: " + ", ".join(item.field for item in explanation.differences), "red")


def _show(console: Console, settings: Settings, explanation: Explanation, stories: int) -> None:
    alert = explanation.alert
    console.print(panel(Message("firing", alert, alert_link(settings, alert.id))))
    facts = Table.grid(padding=(0, 2))
    rule = explanation.rule
    for name, value in (
        ("numerator", f"{alert.negative} negative stories"),
        ("denominator", f"{alert.stories} stories"),
        ("interval", f"{alert.lower:.4f} to {alert.upper:.4f}, share {alert.value:.4f}"),
        ("baseline", f"{alert.baseline:.4f}, {alert.expected_negative:.2f} negative stories"),
        ("corrected", corrected(alert)),
        ("moved by", moved(alert)),
        ("coverage", covered(alert)),
        ("score", f"{alert.score:g}"),
        ("run length", explanation.run_length()),
        ("models", ", ".join(alert.models)),
        ("rule", f"{alert.rule} {alert.rule_hash}" + ("" if rule else ", which is no more")),
        ("fired", f"{explanation.fired:%Y-%m-%d %H:%M:%S}"),
        (
            "folded from",
            "the state kept with it: its share was corrected by what was known of the models then"
            if explanation.from_last_step and alert.correction is not None
            else "the state kept with it: older news is not all there any more, or was rescored"
            if explanation.from_last_step
            else "all that came before",
        ),
    ):
        if value:
            facts.add_row(Text(name, style="dim"), Text(value))
    if explanation.late:
        facts.add_row(
            Text("left out", style="dim"),
            Text(f"{len(explanation.late)} articles of the window that came too late"),
        )
    for reason, count in sorted(Counter(explanation.changed.values()).items()):
        facts.add_row(
            Text(f"{reason} since", style="dim"),
            Text(f"{count} articles of the window; they are shown as they were"),
        )
    console.print(facts)
    table = Table("negative", "reads as", "published", "source", "story", box=None)
    ranked = explanation.stories()
    for item in ranked[:stories]:
        table.add_row(
            f"{item.negative:.2f}",
            item.label,
            f"{item.published:%m-%d %H:%M}",
            Text(item.source),
            Text(one_line(item.title)),
        )
    console.print(table)
    if len(ranked) > stories:
        console.print(Text(f"and {len(ranked) - stories} more stories", "dim"))
    console.print(_verdict(explanation))
    for difference in explanation.differences:
        console.print(
            Text(f"  {difference.field}: stored {difference.stored},"),
            Text(f"recomputed {difference.recomputed}"),
        )
