"""How fast scoring is here, alone and from bus to tallies, beside the usual ways to do it."""
