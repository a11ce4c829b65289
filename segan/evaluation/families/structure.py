"""The structure family: whether what is connected stays connected."""

from dataclasses import dataclass

from segan.evaluation.centerline import CenterlineCounts, centerline_counts, cl_dice
from segan.evaluation.families.family import Family, Figure, Observed
from segan.evaluation.sums import Sums, divide
from segan.evaluation.topology import TopologyCounts, betti_0_error, betti_1_error, component_error, topology_counts


@dataclass(frozen=True, eq=False)
class StructureSums(Sums):
    """What is kept of an image's skeletons and components."""

    lines: CenterlineCounts
    topology: TopologyCounts


def _measure(observed: Observed) -> StructureSums:
    masks = observed.mask, observed.truth, observed.num_classes
    return StructureSums(centerline_counts(*masks), topology_counts(*masks))


FIGURES = {
    "cl_dice": Figure(
        lambda sums: cl_dice(sums.lines), "Harmonic mean of the shares of each skeleton inside the other mask, pooled."
    ),
    "cl_dice_of_images": Figure(
        lambda sums: cl_dice(sums.lines), "The same, mean over images as in Shit et al. (2021).", over_images=True
    ),
    "betti_0_error": Figure(
        lambda sums: betti_0_error(sums.topology),
        "|components predicted - components true|, mean over images in which the class occurs (Hu et al. 2019).",
    ),
    "betti_1_error": Figure(
        lambda sums: betti_1_error(sums.topology),
        "|holes predicted - holes true|, mean over images in which the class occurs.",
    ),
    "component_error": Figure(
        lambda sums: component_error(sums.topology),
        "Components without a common pixel in the other mask, as a share of the components of both, pooled.",
    ),
    "splits_per_component": Figure(
        lambda sums: divide(sums.topology.splits, sums.topology.true),
        "Predicted components beyond the first that touch a true one, per true component, pooled.",
    ),
    "merges_per_component": Figure(
        lambda sums: divide(sums.topology.merges, sums.topology.predicted),
        "True components beyond the first that touch a predicted one, per predicted component, pooled.",
    ),
}

STRUCTURE = Family(
    "connection: clDice, Betti errors, components missed, invented, split and merged",
    StructureSums,
    _measure,
    FIGURES,
    "Areas are connected over 8 neighbours, what surrounds them over 4. Whole images are counted, not patches. Ignored "
    "pixels belong to no class. A class in neither mask has no score.",
    columns={
        "clDice": "cl_dice",
        "Betti 0": "betti_0_error",
        "Betti 1": "betti_1_error",
        "components": "component_error",
    },
)
