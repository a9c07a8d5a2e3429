"""`undertone init`: a configuration to start from."""

from pathlib import Path

import click

from monitor.failures import UsageError

TEMPLATES = Path(__file__).resolve().parent / "templates"
FILES = ("undertone.yaml", "watchlist.yaml", "rules.yaml")


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Write undertone.yaml, watchlist.yaml and rules.yaml, with comments, into FOLDER.

    They switch the sample off. Files that exist are never overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    existing = [name for name in FILES if (folder / name).exists()]
    if existing:
        raise UsageError(f"{folder / existing[0]} exists already; move it away, or choose a folder")
    for name in FILES:
        content = (TEMPLATES / name).read_text(encoding="utf-8")
        (folder / name).write_text(content, encoding="utf-8")
        click.echo(f"wrote {folder / name}")
    click.echo(
        "Edit them, then start: undertone run"
        + ("" if folder == Path() else f" --config {folder / 'undertone.yaml'}")
    )
