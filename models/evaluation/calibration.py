"""Which answers of a model are held against their probabilities, task by task."""

from models.evaluation.questions import Judged
from models.reliability import Bin, reliability


def calibration(judged: Judged) -> tuple[str, tuple[Bin, ...]]:
    """What was counted, and its bins; none where the answers are no probabilities.

    Of exclusive classes it is the likeliest class of each text. Of topics it is every topic of
    every text, pooled; where the set names one topic a text, the absence of the others says
    little, so only the likeliest counts.
    """
    question, probabilities = judged.question, judged.probabilities
    if probabilities is None:
        return "", ()
    if question.exclusive:
        return "texts", reliability(probabilities.max(-1), judged.right)
    full = ~question.names_one
    if full.any():
        return "topic marks", reliability(probabilities[full].ravel(), question.truth[full].ravel())
    kept = question.counted
    return "likeliest topics", reliability(probabilities[kept].max(-1), judged.right[kept])
