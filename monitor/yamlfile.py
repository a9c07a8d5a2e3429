"""YAML files checked against a pydantic model, with errors that name file, line and column."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from monitor.failures import UsageError

MAX_FILE_BYTES = 5_000_000

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class YamlFileError(UsageError):
    """A YAML file that cannot be used, with everything that is wrong in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def read_limited(path: Path, limit_bytes: int) -> bytes:
    """A user's file. Raises YamlFileError for one that is missing, unreadable or too large."""

    def refuse(message: str) -> YamlFileError:
        return YamlFileError([Problem(str(path), 1, 1, message)])

    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refuse("no such file") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    if len(raw) > limit_bytes:
        raise refuse(f"{len(raw)} bytes, the limit is {limit_bytes}")
    return raw


def read_yaml(path: Path) -> CommentedMap:
    """The mapping in a YAML file, with positions; an empty file is an empty mapping.

    Raises YamlFileError for a file that is missing, too large, not UTF-8, not YAML or no mapping.
    """

    def refuse(message: str, line: int = 1, column: int = 1) -> YamlFileError:
        return YamlFileError([Problem(str(path), line, column, message)])

    raw = read_limited(path, MAX_FILE_BYTES)
    yaml = YAML(typ="rt")
    yaml.allow_duplicate_keys = False
    try:
        document = yaml.load(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise refuse(f"not UTF-8 at byte {error.start}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        text = " ".join((error.problem or "not YAML").split())
        raise refuse(text, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1) from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise refuse(f"not YAML: {type(error).__name__}") from None
    if document is None:
        return CommentedMap()
    if not isinstance(document, CommentedMap):
        raise refuse(f"a mapping (key: value) is wanted, this is {type(document).__name__}")
    return document


def load_yaml(path: Path, model: type[M]) -> M:
    """The file's content as `model`. Raises YamlFileError with a problem a line."""
    return checked(path, read_yaml(path), model)


def checked(path: Path, document: CommentedMap, model: type[M]) -> M:
    """What `read_yaml` gave of a file, as `model`. Raises YamlFileError with a problem a line."""
    try:
        return model.model_validate(plain(document))
    except ValidationError as error:
        raise YamlFileError(problems_of(error, path, document, model)) from None


def plain(node: Any) -> Any:
    """Plain dicts, lists and scalars of a YAML tree."""
    if isinstance(node, CommentedMap):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [plain(value) for value in node]
    return node


def problems_of(
    error: ValidationError, path: Path, document: CommentedMap, model: type[BaseModel]
) -> list[Problem]:
    """The errors of a validation, each at its place in the file."""
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        location = tuple(item["loc"])
        extra = item["type"] == "extra_forbidden"
        steps, line, column = locate(document, location, at_key=extra)
        where = ".".join(str(step) for step in steps)
        if extra:
            name = str(location[-1])
            message = f"unknown key '{name}'" + suggest(name, _allowed_keys(model, location))
        elif item["type"] == "missing":
            message = f"'{location[-1]}' is missing" + (f" in {where}" if where else "")
        else:
            text = item["msg"].removeprefix("Value error, ")
            message = f"{where}: {text}" if where else text
        problems.append(Problem(str(path), line, column, message))
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def locate(
    document: CommentedMap, location: Sequence[int | str], at_key: bool = False
) -> tuple[list[int | str], int, int]:
    """Walk as far as the location leads: the steps taken, and line and column, from 1.

    Pydantic adds union tags to a location, which are skipped.
    """
    node: Any = document
    line, column = 0, 0
    steps: list[int | str] = []
    for position, step in enumerate(location):
        last = position == len(location) - 1
        if isinstance(node, CommentedMap) and step in node:
            line, column = node.lc.key(step) if (at_key and last) else node.lc.value(step)
            if not (at_key and last) and isinstance(node[step], CommentedMap | CommentedSeq):
                line, column = node.lc.key(step)
            node = node[step]
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            line, column = node.lc.item(step)
            node = node[step]
        else:
            continue
        steps.append(step)
    return steps, line + 1, column + 1


def _allowed_keys(model: type[BaseModel], location: Sequence[int | str]) -> set[str]:
    """Keys that the models reached by the location accept; all candidates of a union count."""
    models: set[type[BaseModel]] = {model}
    for step in location[:-1]:
        reached = {
            found
            for candidate in models
            if isinstance(step, str) and step in candidate.model_fields
            for found in _models_in(candidate.model_fields[step].annotation)
        }
        models = reached or models
    return {
        field.alias or name
        for candidate in models
        for name, field in candidate.model_fields.items()
    }


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def suggest(name: str, allowed: Collection[str]) -> str:
    """What a misspelt name may have meant, to end a message with."""
    close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.6)
    if close:
        return f" (did you mean '{close[0]}'?)"
    return f" (known here: {', '.join(sorted(allowed))})"
