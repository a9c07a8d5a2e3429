"""How good a model is on labelled texts.

The JSON of `undertone evaluate` is one object for each set, model and task. Its keys are stable;
more may be added:

- `set`, `model` (as it was named), `models` (identifiers with hashes), `task`: "sentiment",
  "topics" or "company" (sentiment towards a company that is named)
- `texts`, `accuracy`, `micro`, `macro`, `weighted`, `classes` (by name), each of the last four
  with `precision`, `recall`, `f1`, `support`. The accuracy of topics is that of the likeliest
  topic, over texts that have one
- `confusion`: truth, then answer; empty for topics
- `calibration_error`, `calibration_over` ("texts", "topic marks" or "likeliest topics") and
  `reliability`, its bins: `low`, `high`, `count`, `confidence`, `accuracy`
- `intervals`: `accuracy`, `macro_f1` and `classes` (F1 by name), each `low` and `high`
- `negative_or_not`: for sets that tell only negative from neutral, the same figures with every
  other answer counted as "not negative"; else null
- `baselines`: objects with `name`, `how` and the figures above
- `slices`: objects with `by`, `value` and the figures above. A slice's macro average is over the
  classes that stand in the slice
- `comparison` (on the second model's object): `a`, `b`, `on` (the task, or "negative or not"),
  `texts`, `only_a_right`, `only_b_right`, `p`, `accuracy_difference`, `accuracy_interval`,
  `macro_f1_difference`, `macro_f1_interval` (B less A) and `verdict`; else null
- `notes`: what a reader of the figures must know
"""

from models.evaluation.figures import ClassFigures, Evaluation, evaluate

__all__ = ["ClassFigures", "Evaluation", "evaluate"]
