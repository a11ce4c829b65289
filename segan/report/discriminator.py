"""The discriminator of a run, for its page: realism maps of the shown images, and its quality on held-out ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.labels import Labels
from segan.errors import UsageError
from segan.evaluation.discriminator import judge_samples
from segan.explain.maps import Explainer
from segan.explain.realism import realism_map
from segan.inference.discriminator_file import TrainedDiscriminator, discriminator_path, load_discriminator
from segan.inference.model_file import find_model_file
from segan.inference.segmenter import Prediction, Segmenter
from segan.report.pictures import ImageMap

JUDGED_IMAGES = 50  # Each has to be predicted again: enough for intervals, and seconds rather than minutes.


def find_discriminator(root: Path, segmenter: Segmenter) -> TrainedDiscriminator | None:
    """Load the discriminator of a run; `None` where there is none, or it cannot say anything.

    Raises:
        CheckpointError: Its file is damaged.
    """
    if not discriminator_path(find_model_file(root)).is_file():
        return None
    try:
        return load_discriminator(root, segmenter)
    except UsageError:  # It has never learnt, or only to compare features, or the one of this model is not yet saved.
        return None


def fits_page(quality: Mapping[str, Any], segmenter: Segmenter, split: str) -> bool:
    """Tell whether a recorded measurement is of this model on this split."""
    facts = quality.get("discriminator")
    model = facts.get("model") if isinstance(facts, Mapping) else None
    return bool(quality) and (model, quality.get("split")) == (segmenter.identity, split)


def realism_maps(discriminator: TrainedDiscriminator, segmenter: Segmenter) -> dict[str, ImageMap]:
    """Give the map of realism for the pictures of the page, by its title."""
    explainer = Explainer(segmenter, ())

    def compute(image: NDArray[np.uint8], prediction: Prediction) -> NDArray[np.float32]:
        return realism_map(discriminator, segmenter, explainer.fit(image))

    return {"Realism": compute}


def judge_some(
    discriminator: TrainedDiscriminator, segmenter: Segmenter, samples: Sequence[Sample], labels: Labels, split: str
) -> Mapping[str, Any]:
    """Measure the discriminator on at most `JUDGED_IMAGES` samples, evenly spaced in their order.

    Returns:
        As `DiscriminatorQuality.to_json`.
    """
    places = np.linspace(0, len(samples) - 1, min(len(samples), JUDGED_IMAGES)).round().astype(int)
    chosen = [samples[place] for place in places]
    return judge_samples(discriminator, segmenter, chosen, labels, split=split).to_json()
