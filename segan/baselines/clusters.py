"""Methods whose clusters are matched over all training images: of pixels, or of the regions of each image."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from segan.baselines.codebook import Table, choose_codebook
from segan.baselines.descriptors import describe_pixels, describe_regions
from segan.baselines.matching import count_classes
from segan.baselines.method import Fitted
from segan.baselines.regions import Regions
from segan.baselines.training import Image, Training
from segan.baselines.two_segments import list_settings
from segan.data.labels import IGNORE
from segan.inference.segmenter import Prediction

_PIXELS = 1000  # Drawn from each image for k-means.


def fit_pixel_clusters(training: Training) -> Fitted:
    """Cluster the colour and place of drawn pixels of all images; each pixel takes the class of its cluster."""
    random = training.generator()
    tables = []
    for image, mask in training.pairs():
        (labelled,) = np.nonzero(mask.ravel() != IGNORE)
        drawn = random.choice(labelled, min(_PIXELS, labelled.size), replace=False)
        shape = (drawn.size, training.num_classes)
        counts = count_classes(np.arange(drawn.size), mask.ravel()[drawn], shape)
        tables.append(Table(describe_pixels(image)[drawn], counts))
    codebook, settings, _ = choose_codebook(tables, training.seed)

    def predict(image: Image) -> Prediction:
        nearest = codebook.find(describe_pixels(image))
        mask = codebook.classes[nearest].reshape(image.shape[:2])
        return Prediction(mask, float(codebook.shares[nearest].mean()))

    return Fitted(predict, settings)


def fit_region_clusters(
    training: Training, divide: Callable[..., Regions], choices: Mapping[str, Sequence[Any]]
) -> Fitted:
    """Cluster the regions of all images by their descriptors; each region takes the class of its cluster.

    Args:
        training: The images.
        divide: From an image and settings to regions.
        choices: Values of each setting; all combinations are tried, and the first of equal ones is kept.
    """
    grid = list_settings(choices)
    tables: list[list[Table]] = [[] for _ in grid]
    for image, mask in training.pairs():
        for index, settings in enumerate(grid):
            regions = divide(image, **settings)
            descriptors = describe_regions(image, regions)
            tables[index].append(
                Table(descriptors, count_classes(regions, mask, (len(descriptors), training.num_classes)))
            )
    found = [choose_codebook(table, training.seed) for table in tables]
    best = max(range(len(grid)), key=lambda index: found[index][2])
    codebook, settings, chosen = found[best][0], found[best][1], grid[best]

    def predict(image: Image) -> Prediction:
        regions = divide(image, **chosen)
        nearest = codebook.find(describe_regions(image, regions))
        confidence = codebook.shares[nearest][regions].mean()
        return Prediction(codebook.classes[nearest][regions], float(confidence))

    return Fitted(predict, {**chosen, **settings})
