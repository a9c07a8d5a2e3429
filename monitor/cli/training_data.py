"""What the commands that train read: a recipe's sets, or a desk's own labels."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.init import TEMPLATES
from monitor.failures import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.training.examples import Example
    from models.training.recipes import Corpus, Recipe

_SHOWN_MISSING = 20


def recipe_corpus(recipe: Recipe, data: Path | None, texts: Path | None) -> Corpus:
    """The sets of a recipe: `data` holds those that are public, `texts` the archives with the items
    that are labelled by hash. Raises UsageError, LabelledDataError."""
    if data is None and recipe.language == "en":
        raise UsageError(
            "--recipe en needs --data: the folder with tfns-sentiment, tfns-topic, sentfin "
            "and newsmtsc"
        )
    return recipe.corpus(data or Path(), _found_texts(recipe.labelled_items, texts))


def student_reading(corpus: Corpus, unlabelled: Sequence[Example]) -> list[Example]:
    """What a student reads of a corpus and of unlabelled texts, with the companies asked about that
    are on the watchlist that `undertone init` writes."""
    from models.training.study import reading
    from models.watchlist import Watchlist
    from monitor.watchlist_file import load_watchlist

    named = Watchlist(load_watchlist(TEMPLATES / "watchlist.yaml").companies)
    return reading(corpus, unlabelled, named)


def own_corpus(
    train_files: tuple[Path, ...],
    valid_files: tuple[Path, ...],
    folder: Path | None,
    licence: str,
    own_topics: bool,
    seed: int,
) -> Corpus:
    """A desk's own labels, with what validates held apart; `folder` holds the archives with the
    texts of rows that have none. Raises DataError, UsageError, LabelledDataError."""
    from models.manifest import DataSource, file_sha256
    from models.training.by_hash import labelled_hashes
    from models.training.labelled_files import read_labelled
    from models.training.recipes import Corpus
    from models.training.splitting import hold_out, without_near

    texts = None
    if folder is not None:
        files = (*train_files, *valid_files)
        labelled = {key: row for path in files for key, row in labelled_hashes(path).items()}
        if not labelled:
            click.secho(
                f"--texts {folder} is not read: every row has its text", fg="yellow", err=True
            )
        texts = _found_texts(labelled, folder)
    sources, examples = [], []
    for path in train_files:
        found = read_labelled(path, own_topics, texts)
        examples += found
        sources.append(DataSource(path.name, len(found), licence, file_sha256(path)))
    valid = [row for path in valid_files for row in read_labelled(path, own_topics, texts)]
    for name, rows, wanted in (("--train", examples, True), ("--valid", valid, valid_files)):
        if wanted and not rows:
            raise DataError(f"{name}: not one of its texts is in {folder}")
    if valid:
        examples = without_near(examples, valid)
    else:
        examples, valid = hold_out(examples, seed)
    return Corpus(examples, valid, {}, tuple(sources))


def _found_texts(labelled: Mapping[str, Mapping[str, Any]], folder: Path | None) -> dict[str, str]:
    """The texts of labelled items, with a word on those that were not found."""
    from monitor.labelled_texts import texts_by_hash

    found = texts_by_hash(folder, labelled.keys()) if folder and labelled else {}
    missing = {digest: row for digest, row in labelled.items() if digest not in found}
    if missing:
        reason = f"not in {folder}" if folder else "give --texts DIR, with the archives"
        click.secho(f"{len(missing)} labelled items are left out: {reason}", fg="yellow", err=True)
    for digest, row in islice(missing.items(), _SHOWN_MISSING if folder else 0):
        known = (row.get(name) for name in ("published", "source"))
        click.echo("  " + " ".join([*(str(value) for value in known if value), digest]), err=True)
    return found
