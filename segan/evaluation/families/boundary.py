"""The boundary family: how well edges are drawn, as shares of edge pixels and as distances."""

from dataclasses import dataclass

from segan.evaluation.boundary import (
    BAND_RATIO,
    TOLERANCES_PX,
    BandCounts,
    BoundaryCounts,
    band_counts,
    boundary_counts,
    boundary_f1,
    boundary_iou,
)
from segan.evaluation.edges import edge_distances
from segan.evaluation.families.family import Family, Figure, Figures, Observed
from segan.evaluation.sums import Sums, divide
from segan.evaluation.surfaces import SurfaceSums, mean_assd, mean_hd95, surface_sums


@dataclass(frozen=True, eq=False)
class BoundarySums(Sums):
    """What is kept of an image's edges."""

    edges: BoundaryCounts
    bands: BandCounts
    surfaces: SurfaceSums


def _measure(observed: Observed) -> BoundarySums:
    masks = observed.mask, observed.truth, observed.num_classes
    distances = edge_distances(*masks)
    return BoundarySums(boundary_counts(distances), band_counts(*masks), surface_sums(distances))


def _one_sided(sums: BoundarySums) -> Figures:
    surfaces = sums.surfaces
    return divide(surfaces.one_sided, surfaces.scored + surfaces.one_sided)


def _f1_figure(column: int, tolerance: float, over_images: bool) -> Figure:
    how = "mean over the images that have an edge of the class" if over_images else "edge pixels pooled over images"
    same = "the same pixel" if tolerance == 0 else f"at most {tolerance:g} px away"
    return Figure(
        lambda sums: boundary_f1(sums.edges)[..., column],
        f"F1 of edge pixels that have one of the other mask {same}; {how} (Csurka et al. 2013, Perazzi et al. 2016).",
        over_images=over_images,
    )


FIGURES = {
    **{f"boundary_f1_{px:g}px": _f1_figure(column, px, False) for column, px in enumerate(TOLERANCES_PX)},
    **{f"boundary_f1_{px:g}px_of_images": _f1_figure(column, px, True) for column, px in enumerate(TOLERANCES_PX)},
    "boundary_iou": Figure(
        lambda sums: boundary_iou(sums.bands),
        f"IoU of the bands along the edges, {100 * BAND_RATIO:g} % of the diagonal wide, pooled (Cheng et al. 2021).",
    ),
    "hd95_px": Figure(
        lambda sums: mean_hd95(sums.surfaces),
        "The larger of the two directed 95th percentiles of distances between edges, mean over images with both edges; "
        "lower is better.",
    ),
    "hd95_penalized_px": Figure(
        lambda sums: mean_hd95(sums.surfaces, penalize=True),
        "The same, but an image where one mask alone has an edge counts with the image's diagonal.",
    ),
    "assd_px": Figure(
        lambda sums: mean_assd(sums.surfaces),
        "Average distance between edges over the edge pixels of both masks, mean over images with both edges.",
    ),
    "assd_penalized_px": Figure(
        lambda sums: mean_assd(sums.surfaces, penalize=True),
        "The same, but an image where one mask alone has an edge counts with the image's diagonal.",
    ),
    "one_sided": Figure(_one_sided, "Share of images where one mask alone has an edge: those that hd95_px leaves out."),
}

BOUNDARY = Family(
    "edges: boundary F1 at 0, 1, 2, 3, 5 px, boundary IoU, HD95, average surface distance",
    BoundarySums,
    _measure,
    FIGURES,
    "An edge pixel is a pixel of the class beside a pixel of another class (4 neighbours), or at the border of the "
    "image. There is no edge towards ignored pixels. A class with an edge in neither mask has no score.",
    columns={
        "F1 at 2 px": "boundary_f1_2px",
        "boundary IoU": "boundary_iou",
        "HD95 px": "hd95_px",
        "ASSD px": "assd_px",
    },
)
