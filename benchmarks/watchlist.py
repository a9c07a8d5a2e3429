"""How many titles a second a watchlist is looked for in, by its size.

    python -m benchmarks.watchlist titles.txt

Every line of the file is a title. The list is the one that `undertone init` writes, filled up with
invented companies.
"""

import itertools
import time
from pathlib import Path

import click

from models.watched import Company
from models.watchlist import Watchlist
from monitor.cli.init import TEMPLATES
from monitor.watchlist_file import load_watchlist

SIZES = (500, 5_000, 50_000)
SYLLABLES = ("bar", "cor", "del", "fen", "gol", "har", "lum", "mor", "nes", "pol", "quin", "tor")
HAN = "安博长德恒方国华嘉金科联明南平瑞盛泰维新兴永正中"


def invented(count: int) -> list[Company]:
    """Companies that nobody has founded, each with a Chinese name and a ticker."""
    latin = ("".join(parts).capitalize() for parts in itertools.product(SYLLABLES, repeat=5))
    chinese = ("".join(parts) + "实业" for parts in itertools.product(HAN, repeat=4))
    tickers = ("".join(parts) for parts in itertools.product("QXZJVWKY", repeat=6))
    return [
        Company(name=name, aliases=(f"{name} Holdings", han), tickers=(ticker,))
        for name, han, ticker in itertools.islice(zip(latin, chinese, tickers, strict=False), count)
    ]


@click.command()
@click.argument("titles", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(titles: Path) -> None:
    """Print the rate for each size of list."""
    texts = titles.read_text(encoding="utf-8").splitlines()
    known = load_watchlist(TEMPLATES / "watchlist.yaml").companies
    for size in SIZES:
        companies = [*known[:size], *invented(max(size - len(known), 0))]
        started = time.perf_counter()
        watchlist = Watchlist(companies)
        built = time.perf_counter() - started
        started = time.perf_counter()
        found = sum(len(watchlist.find_spans(text)) for text in texts)
        rate = len(texts) / (time.perf_counter() - started)
        click.echo(
            f"{len(companies):6} companies, built in {built:.2f} s: "
            f"{rate:,.0f} titles/s, {found} mentions in {len(texts)} titles"
        )


if __name__ == "__main__":
    main()
