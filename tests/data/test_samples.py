import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import get_worker_info

from segan.data.cached import DecodedSamples
from segan.data.dataset import Sample
from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.data.samples import TrainingSamples, build_loader
from segan.errors import DataError

LABELS = build_labels(["ground", "thing", "rare"])
CROP = [{"name": "resize", "mode": "crop", "height": 24, "width": 32}, {"name": "random_scale"}, {"name": "normalize"}]


def write_pair(folder, name, size=(40, 50), seed=0):
    generator = np.random.default_rng(seed)
    image, mask = folder / f"{name}.png", folder / f"{name}_mask.png"
    Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)).save(image)
    Image.fromarray(generator.integers(0, 3, size, dtype=np.uint8)).save(mask)
    return Sample(name, image, mask)


@pytest.fixture
def pairs(tmp_path):
    return [write_pair(tmp_path, f"sample{k}", seed=k) for k in range(5)]


def samples_of(pairs, steps=CROP, **options):
    return TrainingSamples(pairs, LABELS, build_chain(steps), **options)


def batches_of(pairs, *, workers, start_step=0, steps=6, **options):
    samples = samples_of(pairs, preset="microscopy", rare_class_crops=0.5, seed=7, **options)
    with build_loader(samples, seed=3, start_step=start_step, steps=steps, batch_size=4, workers=workers) as loader:
        return list(loader)


def assert_equal(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        assert all(torch.equal(batch[key], other[key]) for key in ("image", "mask", "index"))


def test_a_sample_has_the_promised_form(pairs):
    item = samples_of(pairs)[(0, 3)]
    assert item["image"].shape == (3, 24, 32)
    assert item["image"].dtype == torch.float32
    assert item["mask"].shape == (24, 32)
    assert item["mask"].dtype == torch.uint8
    assert item["index"] == 3


def test_workers_a_restart_and_no_memory_change_nothing(pairs):
    plain = batches_of(pairs, workers=0)
    assert plain[0]["image"].shape == (4, 3, 24, 32)
    assert plain[0]["index"].dtype == torch.int64
    assert_equal(plain, batches_of(pairs, workers=2))
    assert_equal(plain[4:], batches_of(pairs, workers=0, start_step=4))
    assert_equal(plain, batches_of(pairs, workers=0, cache_mb=0))


def test_epochs_and_seeds_differ(pairs):
    samples = samples_of(pairs)
    assert not torch.equal(samples[(0, 1)]["image"], samples[(1, 1)]["image"])
    assert not torch.equal(samples[(0, 1)]["image"], samples_of(pairs, seed=1)[(0, 1)]["image"])
    assert torch.equal(samples[(0, 1)]["image"], samples[(0, 1)]["image"])


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_leaves_the_global_random_state(pairs, workers):
    before = torch.get_rng_state()
    batches_of(pairs, workers=workers, steps=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_whole_images_follow_the_resize(pairs):
    steps = [{"name": "resize", "mode": "letterbox", "height": 64, "width": 64}, {"name": "normalize"}]
    item = samples_of(pairs, steps)[(0, 0)]
    assert item["image"].shape == (3, 64, 64)
    assert int((item["mask"] != 255).sum()) == 51 * 64


def test_without_crop_and_augmentation_the_sample_is_the_file(pairs):
    item = samples_of(pairs, [{"name": "normalize"}])[(4, 2)]
    with Image.open(pairs[2].mask) as mask:
        np.testing.assert_array_equal(item["mask"].numpy(), np.asarray(mask))


def test_samples_do_not_write_into_the_memory(pairs):
    samples = samples_of(pairs, [{"name": "normalize"}])
    samples[(0, 0)]["mask"].fill_(9)
    assert int(samples[(0, 0)]["mask"].max()) <= 2


def test_image_normalisation_uses_the_whole_image(pairs):
    steps = [*CROP[:1], {"name": "normalize", "mode": "image"}]
    item = samples_of(pairs, steps)[(0, 0)]
    assert float(item["image"].mean().abs()) > 1e-4  # A crop's own figures would make it 0.
    assert float(item["image"].mean().abs()) < 0.2


def test_memory_is_bounded_and_shared_among_workers(pairs, monkeypatch):
    chain = build_chain([{"name": "normalize"}])
    big = DecodedSamples(pairs, LABELS, chain, cache_mb=1, sixteen_bit="percentile")
    assert big[0] is big[0]
    none = DecodedSamples(pairs, LABELS, chain, cache_mb=0, sixteen_bit="percentile")
    assert none[0] is not none[0]

    class Info:
        num_workers = 1000

    monkeypatch.setattr(f"{DecodedSamples.__module__}.{get_worker_info.__name__}", lambda: Info)
    share = DecodedSamples(pairs, LABELS, chain, cache_mb=1, sixteen_bit="percentile")
    assert share[0] is not share[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_stops_the_run_in_one_line(pairs, workers):
    pairs[1].image.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"sample1\.png") as caught:
        batches_of(pairs, workers=workers)
    assert "\n" not in str(caught.value)


def test_images_and_masks_of_different_size_are_refused(pairs, tmp_path):
    other = write_pair(tmp_path, "other", size=(20, 20))
    wrong = Sample("wrong", pairs[0].image, other.mask)
    with pytest.raises(DataError, match=r"other_mask.png: size \(20, 20\) \(height, width\) seen, expected \(40, 50\)"):
        samples_of([wrong])[(0, 0)]


def test_samples_of_different_size_cannot_form_a_batch(pairs, tmp_path):
    mixed = [pairs[0], write_pair(tmp_path, "other", size=(20, 20))]
    samples = samples_of(mixed, [{"name": "normalize"}])
    loader = build_loader(samples, seed=0, start_step=0, steps=1, batch_size=2, workers=0)
    with pytest.raises(DataError, match=r"samples of sizes \(20, 20\), \(40, 50\).*mode crop"):
        next(loader)


def test_a_training_split_needs_samples_with_masks(pairs):
    with pytest.raises(DataError, match="no samples seen"):
        samples_of([])
    with pytest.raises(DataError, match=r"images without masks.*\n.*bare.png: no mask"):
        samples_of([*pairs, Sample("bare", pairs[0].image.with_name("bare.png"), None)])


def _load_until_killed(pairs, folder):
    samples = samples_of(pairs)
    with build_loader(samples, seed=0, start_step=0, steps=10_000, batch_size=2, workers=2) as loader:
        next(loader)
        for child in multiprocessing.active_children():
            (folder / f"{child.pid}.pid").touch()
        (folder / "ready").touch()
        time.sleep(60)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_end_when_the_training_is_killed(pairs, tmp_path, method):
    process = multiprocessing.get_context(method).Process(target=_load_until_killed, args=(pairs, tmp_path))
    process.start()
    wait_until((tmp_path / "ready").exists, 60)
    process.kill()
    process.join()
    workers = [Path("/proc", path.stem) for path in tmp_path.glob("*.pid")]
    assert len(workers) == 2
    wait_until(lambda: not any(is_running(worker) for worker in workers), 10)


def is_running(process):
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
