import cv2
import numpy as np
import pytest

from segan.baselines.codebook import Table, build_codebook, choose_codebook, cluster_rows, find_nearest


def draw_tables(images, seed=0):
    """Three groups of descriptors; the second and third are one class, the place says nothing."""
    random = np.random.default_rng(seed)
    tables = []
    for _ in range(images):
        group = random.integers(0, 3, 60)
        colors = np.array([10.0, 50.0, 90.0])[group] + random.normal(0, 2, 60)
        descriptors = np.stack([colors, *random.uniform(0, 100, (2, 60))], axis=1).astype(np.float32)
        tables.append(Table(descriptors, np.eye(2, dtype=np.int64)[(group > 0).astype(int)] * 7))
    return tables


def test_the_nearest_centre_is_found():
    random = np.random.default_rng(0)
    rows, centres = (random.normal(size=(count, 4)).astype(np.float32) for count in (500, 9))
    distances = ((rows[:, None] - centres) ** 2).sum(axis=2)
    assert find_nearest(rows, centres).tolist() == distances.argmin(axis=1).tolist()


def test_clusters_get_their_most_frequent_class():
    codebook, settings, score = choose_codebook(draw_tables(6), seed=0)
    assert settings["place_weight"] == 0.0
    assert score > 0.95
    (unseen,) = draw_tables(1, seed=1)
    found = codebook.classes[codebook.find(unseen.descriptors)]
    assert (found == unseen.counts.argmax(axis=1)).mean() > 0.95
    assert codebook.shares.min() > 0.9


def test_few_rows_are_their_own_centres():
    rows = np.array([[1.0, 2.0, 3.0]], np.float32)
    assert cluster_rows(rows, 4, seed=0).tolist() == rows.tolist()
    codebook = build_codebook([Table(rows, np.array([[0, 5]]))], 0.5, 4, seed=0)
    assert (codebook.classes.tolist(), codebook.shares.tolist()) == ([1], [1.0])


def test_images_without_labels_play_no_part():
    tables = draw_tables(4)
    blank = Table(tables[0].descriptors, np.zeros_like(tables[0].counts))
    with_blank, _, score = choose_codebook([tables[0], blank, *tables[1:], blank], seed=0)
    without, _, expected = choose_codebook(tables, seed=0)
    assert score == expected
    assert with_blank.centres.tolist() == without.centres.tolist()


def test_centres_depend_on_the_seed_and_not_on_threads():
    rows = np.random.default_rng(0).normal(size=(30_000, 6)).astype(np.float32)
    before = cv2.getNumThreads()
    try:
        found = []
        for threads, seed in ((1, 0), (4, 0), (1, 1)):
            cv2.setNumThreads(threads)
            found.append(cluster_rows(rows, 16, seed))
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert found[0].shape == (16, 6)


@pytest.mark.parametrize("images", [1, 2, 3])
def test_few_images_are_enough(images):
    assert choose_codebook(draw_tables(images), seed=0)[2] > 0.9
