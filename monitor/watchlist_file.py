"""Watchlist files, YAML or CSV, with errors that name file, line and field."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from models.watched import MAX_COMPANIES, Company, Listed, WatchlistFile, conflicts
from monitor.csvfile import cell_values, csv_rows
from monitor.yamlfile import Problem, YamlFileError, checked, locate, read_yaml

COLUMNS = tuple(Company.model_fields)
LISTS = ("aliases", "tickers", "isin", "ambiguous", "cues", "not_in")


def load_watchlist(path: Path) -> WatchlistFile:
    """The companies and themes of a file: CSV where its name ends so, else YAML.

    YAML has a list of each. A CSV has a header of the fields' names, in any order, `kind` among
    them; lists are parted by `;` or `|`. Raises YamlFileError, with a problem a line.
    """
    if path.suffix.lower() == ".csv":
        return _from_csv(path)
    document = read_yaml(path)
    listed = checked(path, document, Listed)
    problems = []
    for index, field, message in conflicts(listed.entries()):
        among_themes = index - len(listed.companies)
        where = ("companies", index) if among_themes < 0 else ("themes", among_themes)
        _, line, column = locate(document, (*where, field))
        problems.append(
            Problem(str(path), line, column, f"{where[0]}.{where[1]}.{field}: {message}")
        )
    if problems:
        raise YamlFileError(sorted(problems, key=lambda problem: problem.line))
    return WatchlistFile(companies=listed.entries())


def _from_csv(path: Path) -> WatchlistFile:
    companies: list[Company] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for line, cells in csv_rows(path, COLUMNS, ("name",)):
        try:
            companies.append(Company.model_validate(cell_values(cells, LISTS)))
            lines.append(line)
        except ValidationError as error:
            problems += [
                Problem(str(path), line, 1, _message(item["loc"], item["msg"]))
                for item in error.errors(include_url=False, include_input=False)
            ]
    if len(companies) > MAX_COMPANIES:
        raise YamlFileError([Problem(str(path), 1, 1, f"more than {MAX_COMPANIES} companies")])
    problems += [
        Problem(str(path), lines[index], 1, f"{field}: {message}")
        for index, field, message in (conflicts(companies) if not problems else ())
    ]
    if problems:
        raise YamlFileError(sorted(problems, key=lambda problem: problem.line))
    return WatchlistFile(companies=tuple(companies))


def _message(location: Sequence[int | str], text: str) -> str:
    where = str(location[0]) + ": " if location else ""
    return where + text.removeprefix("Value error, ").removeprefix(where)
