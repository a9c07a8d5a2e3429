"""What a training run is to do."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from models.backends.options import TORCH
from models.labels import TOPICS
from models.manifest import DataSource, Manifest
from models.training.adapters import Method
from models.training.examples import Example
from models.training.fit import Schedule
from models.training.lessons import Distillation
from models.training.start import Start


@dataclass(frozen=True, slots=True)
class BornAgain:
    """A second training: the model that came out of the first goes on and learns its own answers
    beside the labels (Furlanello et al. 2018, "Born Again Neural Networks")."""

    epochs: int
    learning_rate: float
    train: Sequence[Example]
    """What it reads: the training texts, and others that the first model can answer."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Everything that a run hangs on."""

    name: str
    languages: tuple[str, ...]
    start: Start
    method: Method | Literal["linear"]
    rank: int
    """Of the low-rank methods."""
    schedule: Schedule
    train: Sequence[Example]
    valid: Sequence[Example]
    sources: tuple[DataSource, ...]
    command: str
    device: str = "cpu"
    topics: tuple[str, ...] = TOPICS
    distillation: Distillation | None = None
    """The teacher, where the model learns from one."""
    born_again: BornAgain | None = None
    """A second training, where there is one."""
    held_out: Sequence[Example] = ()
    """Real texts that neither train nor validate: errors are counted on them; on the validation
    part where there are none."""
    refit: bool = False
    """Whether the run, once it knows how many epochs are best and how it is calibrated, trains
    anew on the validation part too."""
    wide: bool = False
    """Whether n-grams are put beside the encoder, if they help (`models.training.wide`)."""
    wide_learns_all: bool = False
    """Whether they learn from the validation part too, once it has said what they weigh."""

    def digest(self) -> str:
        """A hash over all that the outcome hangs on: runs that share it may go on from each
        other's checkpoints."""
        told = [self.name, self.method, str(self.rank), self.start.identity, str(self.topics)]
        told += [str(asdict(self.schedule)), str(self.refit)]
        told += [str(self.wide), str(self.wide_learns_all)]
        if self.distillation is not None:
            told.append(self.distillation.identity)
        read = [*self.train, *self.valid]
        if self.born_again is not None:
            told.append(str((self.born_again.epochs, self.born_again.learning_rate)))
            read += self.born_again.train
        for example in read:
            # The order of a set differs from process to process.
            topics = None if example.topics is None else sorted(example.topics)
            told.append(repr((replace(example, topics=None), topics)))
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def second(self, first: Path, made: Manifest) -> "TrainingPlan":
        """What follows once the first training has made a model, which lies in `first`."""
        assert self.born_again is not None
        again = self.born_again
        # Not whatever is fastest: a run that is killed would ask another backend when it goes on.
        own = Distillation(first, made.identifier, own=True, backend=TORCH)
        schedule = replace(self.schedule, epochs=again.epochs, learning_rate=again.learning_rate)
        return replace(
            self,
            start=replace(
                self.start, directory=first, is_model=True, reads_companies=made.reads_companies
            ),
            schedule=schedule,
            # One that reads no companies cannot say what it makes of them.
            train=[item for item in again.train if made.reads_companies or not item.company],
            distillation=own,
            born_again=None,
        )
