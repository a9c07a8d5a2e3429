"""How far a key's news moves from span to span beyond chance, fitted by key.

Over past spans, side by side on the clock, of n stories of which c are negative, where the usual
share and the season let expect n p, and e negative stories in all:

- *tone*: (c - n p)^2 / (n p (1 - p)) - 1 is (n - 1) x correlation on average, where the share of
  a span is Beta-distributed around p (the intra-class correlation; Williams, Applied Statistics
  31, 1982);
- *volume*: (c - e)^2 - c is e^2 x variation^2 on average, where the span's mean is
  Gamma-distributed around e (Anscombe, Biometrika 36, 1949).

Each is shrunk towards a prior, which weighs as much as some spans of the key's news, but never of
less than one negative story: spans that hold nothing tell nothing of either.

The fit forgets more slowly than the usual itself. Spans that an alert touches are left out.
"""

import math
from collections.abc import Callable

import msgspec

PRIOR_SPANS = 8.0
TONE_PRIOR_SPANS = 3.0
"""Fewer: of busy keys, a likeness that is small makes much."""
BURST = 0.5
"""Negative stories that one brings along, where nothing is known."""
HEAVY = 5.0
"""Of windows' counts, measured on streams like real ones (`benchmarks/bursty_detection.py`)."""
MEMORIES = 4.0
"""Time constants of the key's memory that the fit reaches back."""
LONGEST_SILENCE = 400
"""Spans of silence that are counted one by one."""


class Variation(msgspec.Struct):
    """The span that is being counted, and the moments of those before."""

    place: int | None = None
    """Number on the clock of the span that is being counted."""
    whole: bool = False
    """Whether it was counted from its beginning on."""
    stories: int = 0
    negative: int = 0
    likely: float = 0.0
    """Negative stories that were to be expected of so many stories."""
    spans: float = 0.0
    told_spans: float = 0.0
    """That held two stories or more."""
    told_stories: float = 0.0
    pairs: float = 0.0
    tone_excess: float = 0.0
    squares: float = 0.0
    volume_excess: float = 0.0

    def leave_out(self) -> None:
        """Leave out the span that is being counted, and what it holds yet."""
        self.place, self.whole = None, False
        self.stories, self.negative, self.likely = 0, 0, 0.0

    def advance(self, place: int, expected: Callable[[int], float], fade: float) -> None:
        """Begin the span `place`; `expected` negative stories were usual for one that is over."""
        if self.place is None:
            self.place = place
        if place - self.place > LONGEST_SILENCE:
            # What held nothing for so long tells of the last spans what it tells of all.
            self.leave_out()
            self.place, self.whole = place - LONGEST_SILENCE, True
        while self.place < place:
            if self.whole:
                self._close(expected(self.place), fade)
            self.stories, self.negative, self.likely = 0, 0, 0.0
            self.place, self.whole = self.place + 1, True

    def add(self, stories: int, negative: int, likely: float) -> None:
        """Count news of the present span."""
        self.stories += stories
        self.negative += negative
        self.likely += likely

    def _close(self, expected: float, fade: float) -> None:
        told = self.stories > 1
        self.spans = self.spans * fade + 1
        self.told_spans = self.told_spans * fade + told
        self.squares = self.squares * fade + expected**2
        self.volume_excess *= fade
        self.volume_excess += (self.negative - expected) ** 2 - self.negative
        self.told_stories *= fade
        self.pairs *= fade
        self.tone_excess *= fade
        if told:
            share = min(0.99, max(0.01, self.likely / self.stories))
            self.told_stories += self.stories
            self.pairs += self.stories * (self.stories - 1)
            spread = self.stories * share * (1 - share)
            self.tone_excess += (self.negative - self.likely) ** 2 / spread - 1

    def correlation(self, prior: float) -> float:
        """Of the tone of two stories of one span, in [0, 0.9]."""
        others = self.told_stories - self.told_spans
        weight = TONE_PRIOR_SPANS * max(1.0, others / max(1.0, self.told_spans))
        return min(0.9, max(0.0, (prior * weight + self.tone_excess) / (weight + others)))

    @property
    def others(self) -> float:
        """Stories that one has beside it in its span, on average."""
        return self.pairs / self.told_stories if self.told_stories else 0.0

    def variation_squared(
        self, prior: float, expected: float, prior_spans: float = PRIOR_SPANS
    ) -> float:
        """Relative variance of a span's mean; `prior` a relative standard deviation."""
        weight = prior_spans * max(1.0, expected**2)
        # Stories bring stories: a variance in proportion to the mean, the more beside a small one.
        usual = prior**2 + BURST / max(0.01, expected)
        return max(0.0, (usual * weight + self.volume_excess) / (weight + self.squares))

    def doubt(self, limit: float, heaviness: float = 1.0) -> float:
        """What the variance is to be taken times, for a tail of `limit` to be as rare as that.

        A variance known from so many spans makes a normal tail a Student's: to first order
        z^2 / 2 = ln(1 / limit) over the degrees of freedom is to be added. `heaviness` times that
        where the counts' own tails are heavier than their law's, and the variance known the less.
        """
        return 1 + heaviness * math.log(1 / limit) / (PRIOR_SPANS + self.spans)
