"""Articles made of texts: as many as are wanted, each another one to the product."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ingest.article import Article
from ingest.identity import article_id, content_hash

SOURCES = 40
SPAN = timedelta(days=1)


def made_articles(
    texts: Sequence[str], turn: int, count: int, language: str, now: datetime
) -> list[Article]:
    """`count` articles from SOURCES sources, published over SPAN before `now`, which is in UTC.

    Titles and ids differ among themselves and from those of all other turns: no article is a copy
    of another, and no score is kept from before.
    """
    articles = []
    for index in range(count):
        again, at = divmod(index, len(texts))
        title = f"{turn}.{again} {texts[at]}" if again else f"{turn} {texts[at]}"
        source = f"bench-{index % SOURCES}"
        url = f"https://bench.invalid/{turn}/{index}"
        articles.append(
            Article(
                id=article_id(source, url, title, ""),
                source=source,
                url=url,
                title=title,
                text="",
                language=language,
                published=now - SPAN * (count - index) / count,
                first_seen=now,
                published_is_estimate=False,
                content_hash=content_hash(title, ""),
            )
        )
    return articles
