"""What becomes of an alert when articles behind it were corrected, retracted or rescored."""

import msgspec


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """An alert recomputed with its articles as they are now. Shares are in [0, 1]."""

    changed: dict[str, int]
    """Stories of the alert by what happened to them: corrected, retracted or rescored."""
    value: float
    """Negative share of the window's stories now; corrected where the rule corrects it."""
    lower: float
    upper: float
    stories: int
    negative: int
    would_be_over: bool
    """Also the condition that ends such an alert holds; else it would not have begun, but go on."""
