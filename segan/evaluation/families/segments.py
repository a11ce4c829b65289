"""The segments family: cells between membranes."""

from segan.evaluation.families.family import Family, Figure, Figures, Observed
from segan.evaluation.segments import SegmentSums, mean_information, mean_rand_error, segment_sums


def _measure(observed: Observed) -> SegmentSums:
    assert observed.divider is not None
    return segment_sums(observed.mask, observed.truth, observed.divider)


def _variation(sums: SegmentSums) -> Figures:
    split, merge = mean_information(sums)
    return split + merge


FIGURES = {
    "rand_error": Figure(
        mean_rand_error,
        "Adapted Rand error 1 - F1 of the pairs of pixels, mean over images (Arganda-Carreras et al. 2015).",
        per_class=False,
    ),
    "variation_of_information_bits": Figure(
        _variation, "H(prediction | truth) + H(truth | prediction), mean over images (Meilă 2007).", per_class=False
    ),
    "split_information_bits": Figure(
        lambda sums: mean_information(sums)[0],
        "H(prediction | truth), which false splits raise, mean over images.",
        per_class=False,
    ),
    "merge_information_bits": Figure(
        lambda sums: mean_information(sums)[1],
        "H(truth | prediction), which false merges raise, mean over images.",
        per_class=False,
    ),
}

SEGMENTS = Family(
    "cells between membranes: adapted Rand error, variation of information",
    SegmentSums,
    _measure,
    FIGURES,
    "A segment is a component, over 4 neighbours, of the pixels that are not of the dividing class. Only pixels inside "
    "a true segment count; predicted membrane in there is a segment of its own.",
    rows={
        "adapted Rand error": "rand_error",
        "variation of information, bits": "variation_of_information_bits",
        "of which false splits": "split_information_bits",
        "of which false merges": "merge_information_bits",
    },
    needs=("divider",),
)
