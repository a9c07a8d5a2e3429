"""What a student of a teacher reads: labelled texts, and others, asked in more ways."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from models.training.examples import Example, fingerprint, without
from models.training.recipes import Corpus
from models.watchlist import Watchlist

LONGEST_NAMED_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class FastRecipe:
    """How the fast model of a language is made from its accurate one."""

    layers: str
    neurons: int
    """Kept of each feed-forward layer; 0 are all."""
    learning_rate: float
    epochs: int
    batch_size: int


FAST_RECIPES = {
    "en": FastRecipe("6", neurons=576, learning_rate=2e-4, epochs=4, batch_size=64),
    "zh": FastRecipe("4", neurons=1_280, learning_rate=1e-4, epochs=2, batch_size=64),
}


def reading(corpus: Corpus, unlabelled: Sequence[Example], watchlist: Watchlist) -> list[Example]:
    """What a student reads: the training part, what a recipe left out, and unlabelled texts, none
    of which is held out.

    A text that is only there with a company asked for is read as a whole too, and one that names a
    company of the watchlist is asked about it too: both without a label of their own, since the
    teacher answers.
    """
    held_out = corpus.held_out
    more = [_silent(example) for example in (*corpus.left_out, *unlabelled)]
    known = [*corpus.train, *without(more, held_out)]
    whole = {fingerprint(example.text) for example in known if not example.company}
    asked = {fingerprint(example.text) for example in known if example.company}
    added: list[Example] = []
    for example in known:
        mark = fingerprint(example.text)
        if mark not in whole:
            whole.add(mark)
            added.append(replace(_silent(example), company=""))
        if mark not in asked:
            asked.add(mark)
            added += _naming(example, watchlist)
    return known + added


def _naming(example: Example, watchlist: Watchlist) -> Iterable[Example]:
    """The text with the company asked for that it names first, if it names one."""
    text = example.text
    if len(text) > LONGEST_NAMED_CHARACTERS:
        return
    for spans in watchlist.find_spans(text).values():
        start, end = spans[0]
        yield replace(_silent(example), company=text[start:end])
        return


def _silent(example: Example) -> Example:
    return replace(example, sentiment=None, topics=None, single_topic=False)
