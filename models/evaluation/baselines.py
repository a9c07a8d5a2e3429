"""What a model must beat: the majority class, TF-IDF with logistic regression, and VADER.

The first two learn from texts that are given, less those that stand in the set; without any, from
the set itself by cross-validation. VADER (Hutto and Gilbert 2014) learns nothing.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.companies import clauses_naming, spans_of
from models.evaluation.questions import Judged, Question, carrying, marks
from models.languages import route
from models.manifest import ModelError
from models.training.examples import Example, fingerprint, without

FOLDS = 5
MAJORITY = "majority class"
VADER_CUT = 0.05
"""The published thresholds on VADER's compound score."""
INVERSE_REGULARISATION = 10.0
RARE_BELOW = 2
"""N-grams of fewer texts are left out, once there are MANY_TEXTS."""
MANY_TEXTS = 1000
_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")

Learner = Callable[
    [Sequence[Example], NDArray[np.bool_], Sequence[Example], bool], NDArray[np.float32]
]
"""Probabilities (m, C) of m texts, from n texts with their marks (n, C); whether a text has exactly
one class."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's answers to a question, and how it was made."""

    name: str
    how: str
    judged: Judged


def baselines(
    question: Question, examples: Sequence[Example], train: Sequence[Example] = ()
) -> list[Baseline]:
    """The baselines of a question. `examples` are the set's, `train` what they may learn from.

    A baseline that cannot answer is left out: VADER where no text is English, the other two where
    `train` holds no label of the task. Of a company that is asked about they are shown the clauses
    that name it. Raises ModelError where scikit-learn or vaderSentiment are not installed.
    """
    require()
    asked = [examples[row] for row in question.rows]
    known = without(train, asked)
    known = [known[row] for row in carrying(question.task, known)]
    found = []
    for name, learn, cut in LEARNERS:
        if known:
            truth = marks(known, question.task, question.classes)
            how = f"trained on {len(known)} texts"
            probabilities = learn(known, truth, asked, question.exclusive)
        elif not train and len(_folds(asked)) > 1:
            how = f"trained on the set itself, {FOLDS}-fold cross-validation"
            probabilities = _crossed(learn, question, asked)
        else:
            continue
        passed = None if question.exclusive or cut is None else probabilities >= cut
        found.append(Baseline(name, how, question.answered(probabilities, passed)))
    english = np.array([example.language == "en" for example in asked])
    if question.exclusive and english.any():
        texts = [_shown(example) for example in asked if example.language == "en"]
        judged = question.only(english).answered(_vader(texts), calibrated=False)
        found.append(Baseline("VADER", "not trained; English texts alone", judged))
    return found


def require() -> None:
    """Raise ModelError, with a message for the user, where what baselines need is missing."""
    try:
        import sklearn.linear_model  # noqa: F401
        import vaderSentiment.vaderSentiment  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"--baselines needs scikit-learn and vaderSentiment ({error.name} is missing):"
            " pip install 'undertone-monitor[train]'"
        ) from None


def _crossed(learn: Learner, question: Question, asked: Sequence[Example]) -> NDArray[np.float32]:
    """Each fold answered by what was learned from the others."""
    answers = np.zeros(question.truth.shape, dtype=np.float32)
    for rows in _folds(asked):
        rest = np.setdiff1d(np.arange(len(asked)), rows)
        answers[rows] = learn(
            [asked[row] for row in rest],
            question.truth[rest],
            [asked[row] for row in rows],
            question.exclusive,
        )
    return answers


def _folds(examples: Sequence[Example]) -> list[NDArray[np.int_]]:
    """Rows by fingerprint: copies of a text are in one fold. Empty folds are left out."""
    numbers = np.array([int(fingerprint(example.text)[:8], 16) % FOLDS for example in examples])
    return [rows for fold in range(FOLDS) if len(rows := np.flatnonzero(numbers == fold))]


def _shares(
    known: Sequence[Example],
    truth: NDArray[np.bool_],
    asked: Sequence[Example],
    exclusive: bool,
) -> NDArray[np.float32]:
    """The share of each class, whatever the text."""
    return np.tile(truth.mean(0, dtype=np.float32), (len(asked), 1))


def _tfidf(
    known: Sequence[Example],
    truth: NDArray[np.bool_],
    asked: Sequence[Example],
    exclusive: bool,
) -> NDArray[np.float32]:
    """Logistic regression on TF-IDF: multinomial for exclusive classes, else one against the rest.

    Topics are rare, so the latter weighs both sides alike: without it few topics reach one half.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    varied = np.flatnonzero(truth.any(0) & ~truth.all(0))
    answers = _shares(known, truth, asked, exclusive)
    if not len(varied):
        return answers
    vectors = TfidfVectorizer(
        analyzer=_grams,
        sublinear_tf=True,
        min_df=RARE_BELOW if len(known) >= MANY_TEXTS else 1,
        dtype=np.float32,
    )
    seen, shown = vectors.fit_transform(known), vectors.transform(asked)
    if exclusive:
        model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
        model.fit(seen, truth.argmax(-1))
        answers[:, model.classes_] = model.predict_proba(shown)
        return answers
    for column in varied:
        model = LogisticRegression(
            C=INVERSE_REGULARISATION, class_weight="balanced", solver="liblinear"
        )
        model.fit(seen, truth[:, column])
        answers[:, column] = model.predict_proba(shown)[:, 1]
    return answers


LEARNERS: tuple[tuple[str, Learner, float | None], ...] = (
    (MAJORITY, _shares, None),
    ("TF-IDF + logistic regression", _tfidf, 0.5),
)
"""By name, with the probability from which a topic is given; without one the likeliest is."""


def _grams(example: Example) -> list[str]:
    """One and two words on end; in Chinese and Japanese, which put no spaces, one to three
    characters. A text without any has the empty one."""
    text = _shown(example).lower()
    if route(example.language) == "zh":
        text = _SPACE.sub("", text)
        grams = [text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1)]
    else:
        words = _WORD.findall(text)
        grams = [*words, *(" ".join(pair) for pair in itertools.pairwise(words))]
    return grams or [""]


def _vader(texts: Sequence[str]) -> NDArray[np.float32]:
    """One for the sentiment that VADER's compound score stands for, (n, 3)."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    scores = np.array([analyzer.polarity_scores(text)["compound"] for text in texts])
    columns = 1 + (scores >= VADER_CUT).astype(int) - (scores <= -VADER_CUT).astype(int)
    found = np.zeros((len(texts), 3), dtype=np.float32)
    found[np.arange(len(texts)), columns] = 1
    return found


def _shown(example: Example) -> str:
    if not example.company:
        return example.text
    return clauses_naming(example.text, spans_of(example.text, example.company))
