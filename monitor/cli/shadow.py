"""`undertone shadow`: a challenger beside the model in service."""

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.settings import Settings
from monitor.shadow_report import ShadowReport, shadow_reports
from monitor.store.engine import open_store


@click.command()
@configured
@as_json
def shadow(settings: Settings, as_json: bool) -> None:
    """Show how a challenger's answers on live texts agree with those of the model in service.

    A challenger is named in the configuration; it never touches counts or alerts:

    \b
        models:
          shadow: {english: our-model, fraction: 0.1}

    Kappa is agreement beyond chance: 1 is perfect, 0 is none. Where people have labelled texts that
    both scored (`undertone labels`), it also says which of the two is right more often, and whose
    confidence can be believed (calibration error, 0 is best).
    """
    prepare_data_dir(settings)
    reports = shadow_reports(open_store(settings.store_url))
    if as_json:
        for report in reports:
            print_json(report.as_json())
        return
    console = Console()
    if not reports:
        console.print("No challenger has scored anything yet; name one in models.shadow.")
    for report in reports:
        console.print(_summary(report))
        table = Table("live \\ challenger", *report.confusion, box=None)
        for live, row in report.confusion.items():
            table.add_row(live, *(str(count) for count in row.values()))
        console.print(table, "")


def _summary(report: ShadowReport) -> Table:
    table = Table(
        box=None, show_header=False, title=f"{report.language}: {report.live_model} and "
        f"{report.model}", title_justify="left",
    )  # fmt: skip
    table.add_row("texts", str(report.texts))
    table.add_row(
        "agreement",
        f"{report.agreement:.1%} (95% interval {report.lower:.1%} to {report.upper:.1%})",
    )
    table.add_row("kappa", "-" if report.kappa is None else f"{report.kappa:.3f}")
    table.add_row(
        "mean confidence", f"live {report.live_confidence:.3f}, challenger {report.confidence:.3f}"
    )
    found = report.corrected
    if found is None:
        table.add_row("labelled by people", "none")
        return table
    table.add_row("labelled by people", str(found.texts))
    table.add_row("  right", f"live {found.live_accuracy:.1%}, challenger {found.accuracy:.1%}")
    table.add_row(
        "  calibration error",
        f"live {found.live_calibration_error:.3f}, challenger {found.calibration_error:.3f}",
    )
    return table
