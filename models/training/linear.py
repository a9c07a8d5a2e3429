"""Training the linear model: logistic regression over TF-IDF of hashed n-grams."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from models.labels import SENTIMENTS
from models.layout import LINEAR
from models.linear import load_weights, logits
from models.manifest import Manifest
from models.ngrams import BUCKETS, grams
from models.training.calibration import Calibration, calibrate
from models.training.examples import Example
from models.training.losses import topic_targets

RARE_TEXTS = 2
"""An n-gram that fewer texts have says nothing."""
STRENGTHS = (1.0, 3.0, 10.0, 30.0)
"""Inverse regularisation that is tried; the best by validation macro-F1 stays."""
NEVER = -30.0
"""Bias of a class that training did not see."""


def fit_linear(
    train: Sequence[Example],
    valid: Sequence[Example],
    topics: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, of: None,
    strengths: Sequence[float] = STRENGTHS,
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """The tensors `idf`, `weight` and `bias` of a model (see `models.linear`), and which of the
    strengths did best on the validation part. `progress` hears how many regressions are done, and
    of how many.

    Texts about one company are left out: the model cannot see which company is asked for.
    """
    whole = [example for example in train if not example.company]
    matrix, idf = _matrix([grams(example.text) for example in whole])
    held = [example for example in valid if not example.company]
    tested, _ = _matrix([grams(example.text) for example in held], idf)
    used = np.flatnonzero(idf)
    matrix, tested = matrix[:, used], tested[:, used]
    weights = np.zeros((BUCKETS, 3 + len(topics)), dtype=np.float32)
    bias = np.zeros(3 + len(topics), dtype=np.float32)
    bias[3:] = NEVER
    steps = len(strengths) + len(topics)
    rows = [index for index, example in enumerate(whole) if example.sentiment is not None]
    if len({whole[row].sentiment for row in rows}) > 1:
        truth = np.array([SENTIMENTS.index(whole[row].sentiment) for row in rows])
        kept = [index for index, example in enumerate(held) if example.sentiment is not None]
        wanted = np.array([SENTIMENTS.index(held[row].sentiment) for row in kept])
        model, strength = _best(
            matrix[rows],
            truth,
            _weights(whole, rows),
            tested[kept],
            wanted,
            strengths,
            lambda done: progress(done, steps),
        )
        _put_sentiment(model, used, weights, bias)
    else:
        strength = strengths[0]
        bias[: len(SENTIMENTS)] = 0.0
    rows = [index for index, example in enumerate(whole) if example.topics is not None]
    if rows:
        target = topic_targets([whole[row] for row in rows], topics).numpy()
        for number in range(len(topics)):
            if len(np.unique(target[:, number])) == 2:
                model = LogisticRegression(C=10.0, solver="liblinear")
                model.fit(matrix[rows], target[:, number], _weights(whole, rows))
                weights[used, 3 + number], bias[3 + number] = model.coef_[0], model.intercept_[0]
            progress(len(strengths) + number + 1, steps)
    progress(steps, steps)
    return {"idf": idf, "weight": weights, "bias": bias}, strength


def save_linear(
    tensors: dict[str, NDArray[np.float32]],
    directory: Path,
    found: Calibration | None = None,
) -> None:
    """Write a model's tensors, with what of its calibration goes into them."""
    weight, bias = tensors["weight"].copy(), tensors["bias"].copy()
    if found is not None:
        bias[: len(SENTIMENTS)] += found.sentiment_shift
        weight[:, len(SENTIMENTS) :] /= found.topics_temperature
        bias[len(SENTIMENTS) :] /= found.topics_temperature
    shipped: dict[str, NDArray[Any]] = {
        "idf": tensors["idf"],
        "weight": weight.astype(np.float16),
        "bias": bias,
    }
    save_file(shipped, directory / LINEAR)


def linear_calibration(
    directory: Path, manifest: Manifest, valid: Sequence[Example]
) -> Calibration:
    """What a model directory needs to be calibrated on a validation part."""
    idf, weights, bias = load_weights(directory / LINEAR, 3 + len(manifest.topics))
    held = [example for example in valid if not example.company]
    found = torch.from_numpy(logits([grams(item.text) for item in held], idf, weights, bias))
    return calibrate(found[:, :3], found[:, 3:], held, manifest.topics)


def _best(
    matrix: Any,
    truth: NDArray[np.int_],
    importance: NDArray[np.float64],
    tested: Any,
    wanted: NDArray[np.int_],
    strengths: Sequence[float],
    progress: Callable[[int], None],
) -> tuple[Any, float]:
    """The regression whose strength does best on the validation part, and that strength."""
    tried = []
    for strength in strengths:
        model = LogisticRegression(C=strength, max_iter=500, tol=1e-4)
        model.fit(matrix, truth, importance)
        found = model.predict(tested)
        figure = f1_score(wanted, found, average="macro", zero_division=0.0)
        tried.append((figure, model, strength))
        progress(len(tried))
    _, model, strength = max(tried, key=lambda one: one[0])
    return model, strength


def _put_sentiment(
    model: Any,
    used: NDArray[np.int_],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> None:
    """One column a sentiment; a class that training did not see is never answered."""
    bias[: len(SENTIMENTS)] = NEVER
    if len(model.classes_) == 2:
        low, high = model.classes_
        weights[used, high], bias[high] = model.coef_[0], model.intercept_[0]
        bias[low] = 0.0
        return
    for row, number in enumerate(model.classes_):
        weights[used, number], bias[number] = model.coef_[row], model.intercept_[row]


def _weights(examples: Sequence[Example], rows: Sequence[int]) -> NDArray[np.float64]:
    return np.array([examples[row].weight for row in rows])


def _matrix(
    features: Sequence[list[int]], idf: NDArray[np.float32] | None = None
) -> tuple[Any, NDArray[np.float32]]:
    """Rows of TF-IDF values of length one, and the inverse document frequencies, made if none are
    given."""
    pointers = np.cumsum([0, *(len(item) for item in features)])
    indices = np.concatenate([np.asarray(item, dtype=np.int64) for item in features])
    if idf is None:
        counts = np.bincount(indices, minlength=BUCKETS)
        idf = (np.log((1 + len(features)) / (1 + counts)) + 1).astype(np.float32)
        idf[counts < RARE_TEXTS] = 0.0
    values = idf[indices]
    lengths = np.sqrt(np.add.reduceat(values * values, pointers[:-1]))
    values = values / np.repeat(np.maximum(lengths, 1e-6), np.diff(pointers))
    matrix = csr_matrix((values, indices, pointers), shape=(len(features), BUCKETS))
    return matrix, idf
