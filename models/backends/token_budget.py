"""How many tokens a batch may hold: found by trying, made smaller when memory runs out.

It decides; `models.backends.packed_runs` runs what it says.
"""

MARGIN = 0.8
"""Share of what fitted that is used, once it is known where memory ends: others use it too."""


class TokenBudget:
    """The budget of one model on one device. It shrinks and does not grow again: what took the
    memory may come back, and a batch that is run twice costs more than a small one."""

    def __init__(self, tokens: int, least: int, most: int) -> None:
        """Begin with `tokens`, never below `least` (the longest text) nor above `most`."""
        self.least, self.most = least, max(least, most)
        self.tokens = max(least, min(tokens, self.most))
        """What a batch may hold now."""
        self._fitted = 0
        self._next: int | None = self.tokens

    def next_trial(self) -> int | None:
        """So many tokens are to be tried next; None: `tokens` stands."""
        return self._next

    def fitted(self, tokens: int) -> None:
        """A trial went well: twice as many come next, up to the most."""
        self.tokens = self._fitted = tokens
        self._next = min(2 * tokens, self.most) if tokens < self.most else None

    def ran_out(self, tokens: int) -> bool:
        """Take less, since a batch of `tokens` did not fit; False if there is nothing less."""
        if self._next is not None and self._fitted:
            self.tokens, self._next = max(self.least, int(self._fitted * MARGIN)), None
            return True
        less = max(self.least, min(self.tokens, tokens) // 2)
        if less >= tokens:
            return False
        self.tokens = less
        if self._next is not None:
            self._next = less
        return True
