"""Whether a directory is a model and nothing but a model; asked at each load.

Whoever hands over a directory is not trusted: it may hold only the files that its method needs,
each with the hash that the manifest states, and a manifest whose values are within bounds. What the
files themselves say is checked by `models.backbone_config`, `models.tensor_file` and
`models.network_file`.
"""

import math
import os
import re
import stat
from pathlib import Path

from models.confusion import TASKS, Confusion
from models.labels import SENTIMENTS
from models.layout import DOCUMENTS, LAYOUTS
from models.manifest import MANIFEST, Manifest, ModelError, read_manifest

MAX_DIRECTORY_BYTES = 4 * 2**30
MAX_FILES = 32
MAX_TOKENIZER_BYTES = 64 * 2**20
MAX_TOPICS = 200
MAX_TOKENS = 8_192
MAX_COUNTED_TEXTS = 10**8
POOLINGS = ("mean", "cls")
NAME_PATTERN = r"\w[\w .+-]{0,79}"
"""Of a model's name, which becomes the name of a folder."""

_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".onnx", ".npz")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def verified(directory: Path) -> Manifest:
    """The manifest of a directory that holds what its method needs, unchanged, and nothing else.

    Raises ModelError, naming the file and the key.
    """
    try:
        found = _plain_files(directory)
        manifest = read_manifest(directory)
    except OSError as error:
        raise ModelError(f"{directory}: {error.strerror or error}") from None
    _check_files(directory, found, manifest)
    _check_fields(directory / MANIFEST, manifest)
    return manifest


def _plain_files(directory: Path) -> set[str]:
    """The names in a directory that holds plain files alone, not too many and not too large."""
    if not directory.is_dir():
        raise ModelError(f"{directory}: no such model directory")
    names: set[str] = set()
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            path = directory / entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                raise ModelError(f"{path}: a symbolic link; a model holds files only")
            if not stat.S_ISREG(mode):
                kind = "a folder" if stat.S_ISDIR(mode) else "no plain file"
                raise ModelError(f"{path}: {kind}; a model holds files only")
            if path.suffix.lower() in _PICKLES:
                raise ModelError(f"{path}: weights are read from safetensors files only")
            names.add(entry.name)
            size = entry.stat(follow_symlinks=False).st_size
            if entry.name == "tokenizer.json" and size > MAX_TOKENIZER_BYTES:
                raise ModelError(f"{path}: {size} bytes, at most {MAX_TOKENIZER_BYTES} are read")
            total += size
            if len(names) > MAX_FILES:
                raise ModelError(f"{directory}: more than {MAX_FILES} files")
    if total > MAX_DIRECTORY_BYTES:
        raise ModelError(f"{directory}: {total} bytes, at most {MAX_DIRECTORY_BYTES} are read")
    return names


def _check_files(directory: Path, found: set[str], manifest: Manifest) -> None:
    for name in sorted(found - {MANIFEST} - set(manifest.files)):
        raise ModelError(f"{directory / name}: not in the manifest; take it out")
    layouts = LAYOUTS.get(manifest.method)
    if layouts is None:
        known = ", ".join(sorted(LAYOUTS))
        raise ModelError(
            f"{directory / MANIFEST}: 'method' is '{manifest.method}'; known are {known}"
        )
    listed = frozenset(manifest.files) - DOCUMENTS
    if listed in layouts:
        return
    # The layout that comes nearest says best what is wrong.
    nearest = min(layouts, key=lambda layout: len(layout ^ listed))
    for name in sorted(listed - nearest):
        raise ModelError(
            f"{directory / MANIFEST}: 'files' lists '{name}', which a model of the method "
            f"'{manifest.method}' does not hold"
        )
    for name in sorted(nearest - listed):
        raise ModelError(
            f"{directory / name}: missing; a model of the method '{manifest.method}' holds one"
        )


def _check_fields(path: Path, manifest: Manifest) -> None:
    def refuse(key: str, reason: str) -> None:
        raise ModelError(f"{path}: '{key}' {reason}")

    for name, digest in manifest.files.items():
        if not _SHA256.fullmatch(digest):
            refuse("files", f"gives no SHA-256 for '{name}'")
    if not re.fullmatch(NAME_PATTERN, manifest.name):
        refuse("name", "is 1 to 80 letters, digits, spaces and . _ + -")
    if not manifest.languages:
        refuse("languages", "is empty")
    for language in manifest.languages:
        if not _LANGUAGE.fullmatch(language):
            refuse("languages", f"holds '{language[:20]}', which is no ISO 639 code")
    if manifest.pooling not in POOLINGS:
        refuse("pooling", f"is '{manifest.pooling[:20]}'; known are {', '.join(POOLINGS)}")
    if manifest.sentiments != SENTIMENTS:
        refuse("sentiments", f"are not {', '.join(SENTIMENTS)}")
    if not 1 <= len(set(manifest.topics)) == len(manifest.topics) <= MAX_TOPICS:
        refuse("topics", f"are not 1 to {MAX_TOPICS} different names")
    if not 8 <= manifest.max_tokens <= MAX_TOKENS:
        refuse("max_tokens", f"is {manifest.max_tokens}, not from 8 to {MAX_TOKENS}")
    if not (math.isfinite(manifest.temperature) and 0.01 <= manifest.temperature <= 100):
        refuse("temperature", f"is {manifest.temperature}, not from 0.01 to 100")
    for topic, threshold in manifest.topic_thresholds.items():
        if topic not in manifest.topics:
            refuse("topic_thresholds", f"names '{topic[:60]}', which is not among its topics")
        if not 0 <= threshold <= 1:
            refuse("topic_thresholds", f"is {threshold} for '{topic}', not from 0 to 1")
    if manifest.confusion is not None:
        problem = _confusion_problem(manifest.confusion)
        if problem:
            refuse("confusion", problem)
    if manifest.base.package and not _SHA256.fullmatch(manifest.base.sha256):
        refuse("base", "names a package and no SHA-256 of its weights")


def _confusion_problem(confusion: Confusion) -> str:
    for task, by_language in confusion.counts.items():
        if task not in TASKS:
            return f"has a task '{task[:20]}'; known are {', '.join(TASKS)}"
        for language, table in by_language.items():
            if not _LANGUAGE.fullmatch(language):
                return f"holds '{language[:20]}', which is no ISO 639 code"
            for truth, said in table.items():
                if {truth, *said} - set(SENTIMENTS):
                    return f"counts other than {', '.join(SENTIMENTS)}"
                if any(not 0 <= count <= MAX_COUNTED_TEXTS for count in said.values()):
                    return f"has a count that is not from 0 to {MAX_COUNTED_TEXTS}"
    return ""
