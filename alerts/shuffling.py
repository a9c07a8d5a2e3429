"""History with its labels shuffled in time: what news would look like if no trend ever turned."""

import random
from collections.abc import Sequence

from alerts.series import Bucket


def shuffled(buckets: Sequence[Bucket], source: random.Random) -> list[Bucket]:
    """The same stories at the same times, each with the label of another of them."""
    labels = [
        label
        for bucket in buckets
        for label, count in enumerate((bucket.negative, bucket.neutral, bucket.positive))
        for _ in range(count)
    ]
    source.shuffle(labels)
    dealt, taken = [], 0
    for bucket in buckets:
        own = labels[taken : taken + bucket.stories]
        taken += bucket.stories
        negative, neutral, positive = (own.count(label) for label in range(3))
        counts = bucket.stories, bucket.articles, negative, neutral, positive
        dealt.append(Bucket(bucket.start, *counts, bucket.mix))
    return dealt
