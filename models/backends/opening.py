"""Opening the way to run a network that the settings name, or the one that is best here."""

import importlib.metadata
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from models.backends.choice import (
    LEAST_AGREEMENT,
    Choice,
    measure,
    read_choice,
    this_machine,
    write_choice,
)
from models.backends.openvino_backend import OpenVinoBackend, export
from models.backends.options import (
    BACKENDS,
    OPENVINO,
    PACKED,
    TORCH,
    BackendOptions,
    Precision,
)
from models.backends.packed import CannotPack, PackedBackend
from models.backends.protocol import Backend, Logits
from models.backends.torch_backend import TorchBackend
from models.encoder import TwoHeadEncoder
from models.languages import route
from models.manifest import ModelError, file_sha256

LOG = logging.getLogger(__name__)
PROBE_TEXTS = 384
EXPORTED = "model.xml"
_WRITTEN = Path(__file__).parent.parent / "data"
_PRODUCTS = "openvino", "torch"
_EXPORT = 3
"""Raised when networks come to be exported or run otherwise: what was kept and measured before is
then made anew."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A backend, and why it was taken."""

    backend: Backend
    reason: str


def open_backend(
    network: TwoHeadEncoder,
    identifier: str,
    languages: Sequence[str],
    max_tokens: int,
    options: BackendOptions,
    tokenise: Callable[[Sequence[str]], list[list[int]]],
    labels: Callable[[Logits], tuple[NDArray[np.int_], NDArray[np.bool_]]],
) -> Opened:
    """Open the backend that the options name. `labels` reads sentiments (n,) and topics (n, t) off
    logits.

    On a GPU that is torch with texts one behind the other, where it can run the network so. A way
    whose labels differ from torch's on more than 1 text in 200, or, on a CPU, whose scores hang on
    the texts beside, is refused, and torch runs texts of one length together, with a warning.
    Raises ModelError for a name that is none of BACKENDS.
    """
    if options.backend not in BACKENDS:
        raise ModelError(f"backend '{options.backend}': {', '.join(BACKENDS)} are known")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    plain = TorchBackend(network, options.device, options.batch_tokens)
    if options.backend == TORCH:
        return Opened(plain, f"{plain.name}, as set")
    if options.backend == PACKED or options.device != "cpu":
        probe = tokenise(probe_texts(languages))
        opened_packed = open_packed(network, plain, max_tokens, options, probe, labels)
        if opened_packed.backend is plain:
            LOG.warning("models: %s: %s", identifier, opened_packed.reason)
        return opened_packed
    try:
        with _folder(options.cache, identifier) as folder:
            name, reason = options.backend, f"{options.backend}, as set"
            threads = torch.get_num_threads()

            def opened(wanted: str) -> Backend:
                if wanted == TORCH:
                    return plain
                precision = cast("Precision", wanted.removeprefix("openvino-"))
                return OpenVinoBackend(folder / EXPORTED, precision, options.batch_tokens, threads)

            versions = " ".join(f"{item} {importlib.metadata.version(item)}" for item in _PRODUCTS)
            machine = this_machine(threads, f"{versions} export {_EXPORT}")
            choice = read_choice(folder, machine, identifier)
            if choice is None:
                export(network, folder / EXPORTED)
                found = measure(
                    {way: partial(opened, way) for way in (TORCH, *OPENVINO)},
                    tokenise(probe_texts(languages)),
                    lambda one, other: _alike(labels(one), labels(other)),
                )
                files = {file.name: file_sha256(file) for file in folder.glob("model.*")}
                choice = Choice(machine, identifier, found, files)
                write_choice(folder, choice)
            if name == "auto":
                name, reason = choice.best, choice.reason
            problem = choice.measured[name].problem
            if problem and name != TORCH:
                name, reason = TORCH, f"{name} is refused: {problem}"
                LOG.warning("models: %s: %s", identifier, reason)
            return Opened(opened(name), reason)
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        LOG.warning("models: %s: OpenVINO cannot run it, torch does: %s", identifier, error)
        return Opened(plain, f"torch, since OpenVINO cannot run it: {error}")


def open_packed(
    network: TwoHeadEncoder,
    plain: TorchBackend,
    max_tokens: int,
    options: BackendOptions,
    probe: Sequence[list[int]],
    labels: Callable[[Logits], tuple[NDArray[np.int_], NDArray[np.bool_]]],
) -> Opened:
    """Torch with texts one behind the other where it runs and labels the probe as `plain` does,
    else `plain`."""
    try:
        packed = PackedBackend(network, options.device, options.batch_tokens, max_tokens)
        alike = _alike(labels(plain.logits(probe)), labels(packed.logits(probe)))
    except (CannotPack, RuntimeError) as error:
        problem = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Opened(plain, f"{plain.name}, by length: {problem}")
    if alike < LEAST_AGREEMENT:
        problem = f"one behind the other only {alike:.1%} of the labels were the same"
        return Opened(plain, f"{plain.name}, by length: {problem}")
    return Opened(
        packed,
        f"{packed.name}: {packed.budget.tokens:,} tokens a batch, "
        f"{alike:.1%} of the labels as by length",
    )


def probe_texts(languages: Sequence[str]) -> list[str]:
    """Texts of the project's own, in a model's languages, on which its backends are measured."""
    wanted = {route(language) for language in languages}
    texts = [
        json.loads(line)["text"]
        for path in sorted(_WRITTEN.glob("*.jsonl"))
        if path.name[:2] in wanted
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    step = max(1, len(texts) // PROBE_TEXTS)
    return texts[::step][:PROBE_TEXTS]


@contextmanager
def _folder(cache: Path | None, identifier: str) -> Iterator[Path]:
    """Where a model's export lies: in the cache, or, where none can be written, for the moment."""
    if cache is not None:
        folder = cache / identifier.replace("/", "_")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writable = os.access(folder, os.W_OK)
        except OSError:
            writable = False
        if writable:
            yield folder
            return
        LOG.warning("models: %s cannot be written: each start measures anew", folder)
    with tempfile.TemporaryDirectory(prefix="undertone-") as made:
        yield Path(made)


def _alike(
    one: tuple[NDArray[np.int_], NDArray[np.bool_]],
    other: tuple[NDArray[np.int_], NDArray[np.bool_]],
) -> float:
    """The lower of the shares of sentiments and of topics that are the same."""
    return float(min((one[0] == other[0]).mean(), (one[1] == other[1]).mean()))
