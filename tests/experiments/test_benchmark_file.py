import pytest
import torch
import yaml
from toy_benchmark import toy_tree, write_toy

from segan.config import load_config
from segan.errors import ConfigError, UsageError
from segan.experiments.benchmark_file import load_benchmark, parse_roots
from segan.experiments.cells import plan_cells
from segan.models import build_generator
from segan.resources import benchmark_names, benchmark_path, config_names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": {}}, "  - method: unknown key. Did you mean methods?"),
        ({"datasets": {"toy": {"rot": "x"}}}, "datasets.toy.rot: unknown key. Did you mean datasets.toy.root?"),
        ({"datasets": {"toy": {"drawn": {"tran": 1}}}}, "Did you mean datasets.toy.drawn.train?"),
        ({"methods": {"unet": {"seed": [1]}}}, "methods.unet.seed: unknown key. Did you mean methods.unet.seeds?"),
        ({"methods": {"unet": {"zzz": 1}}}, "Known here: baseline, max_images, config, set, seeds, modes."),
        ({"datasets": {"toy": {"root": "x", "drawn": {}}}}, "root and drawn are both given: expected one of them"),
        ({"methods": {"a": {"max_images": 5}}}, "max_images is given without baseline"),
        ({"methods": {"a": {"baseline": "otsu", "modes": ["pixel"]}}}, "config, set or modes is given beside baseline"),
        ({"methods": {"a b": {}}}, "String should match pattern"),
        ({"seeds": []}, "at least 1 item"),
        ({"modes": ["pixle"]}, "'pixel' or 'adversarial'"),
    ],
)
def test_each_mistake_is_told(changes, message, tmp_path):
    path = write_toy(tmp_path / "toy.yaml", **changes)
    with pytest.raises(ConfigError, match=r"toy.yaml has problems:") as caught:
        load_benchmark(str(path))
    assert message in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    path = write_toy(tmp_path / "toy.yaml", method={}, seedz=[1])
    with pytest.raises(ConfigError) as caught:
        load_benchmark(str(path))
    assert str(caught.value).count("unknown key") == 2


def test_files_that_are_none_are_told(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(ConfigError, match=r"cannot be read (?s:.*) expected a YAML file"):
        load_benchmark(str(broken))
    broken.write_text("- a")
    with pytest.raises(ConfigError, match="seen a list, expected keys and values"):
        load_benchmark(str(broken))
    with pytest.raises(ConfigError, match=r"benchmark quik: not found.* Did you mean quick?"):
        load_benchmark("quik")


def test_folders_of_the_command_line_win(tmp_path):
    path = str(write_toy(tmp_path / "toy.yaml"))
    entry = load_benchmark(path, {"toy": "elsewhere"}).datasets["toy"]
    assert (entry.root, entry.drawn) == ("elsewhere", None)
    assert load_benchmark(path).datasets["toy"].drawn is not None
    with pytest.raises(ConfigError, match=r"--data tox: unknown, expected one of 1 names. Did you mean toy?"):
        load_benchmark(path, {"tox": "elsewhere"})
    with pytest.raises(UsageError, match="--data toy: seen no NAME=DIR"):
        parse_roots(("toy",))


@pytest.mark.parametrize("name", benchmark_names())
def test_shipped_benchmarks_plan(name, monkeypatch):
    monkeypatch.setattr("segan.experiments.cells.BASELINES", dict.fromkeys(["otsu", "kmeans"]))
    cells = plan_cells(load_benchmark(name))
    assert all(cell.config.generator.weights == "none" for cell in cells if cell.baseline is None)
    header = benchmark_path(name).read_text().splitlines()
    words = ["command:", "data:", "machine:", "measured:"]
    assert [line.split()[1] for line in header if line.startswith("#   ")] == words
    assert f"segan benchmark {name} --out" in next(line for line in header if "command:" in line)


def test_the_cpu_benchmark_is_the_one_that_was_asked_for(monkeypatch):
    monkeypatch.setattr("segan.experiments.cells.BASELINES", dict.fromkeys(["otsu"]))
    cells = plan_cells(load_benchmark("camvid_membrane_cpu"))
    for dataset in ("camvid", "membrane"):
        networks = [cell for cell in cells if cell.dataset == dataset and cell.baseline is None]
        assert {cell.method for cell in networks} == {"fcn", "segnet", "unet", "deeplabv3plus", "pspnet"}
        assert {cell.config.generator.architecture for cell in networks} == {cell.method for cell in networks}
        assert all(cell.config.training.max_minutes is None for cell in networks)
        lengths = {(cell.method, cell.config.training.steps) for cell in networks}
        assert len(lengths) == 5, "a network takes as many steps in both modes"
        seeds = [cell.seed for cell in networks if cell.label == "unet-adversarial"]
        assert (len(networks), seeds) == (14, [0, 1, 2])


def test_names_of_benchmarks_are_no_names_of_configs():
    assert not set(benchmark_names()) & set(config_names())


def test_a_config_over_another(tmp_path):
    over = tmp_path / "over.yaml"
    over.write_text(yaml.safe_dump({"generator": {"architecture": "unet", "options": {}}, "training": {"steps": 7}}))
    config = load_config(str(over), base="camvid_cpu", extra={"generator.options": {}})
    assert (config.generator.architecture, config.generator.options) == ("unet", {})
    assert (config.training.steps, config.data.card, config.loss.class_weights) == (7, "camvid", "sqrt")


def test_the_toy_is_whole(tmp_path):
    assert load_benchmark(str(write_toy(tmp_path / "toy.yaml"))).model_dump(mode="json")["seeds"] == toy_tree()["seeds"]


@pytest.mark.slow
@pytest.mark.parametrize("name", benchmark_names())
def test_networks_of_shipped_benchmarks_build(name, monkeypatch):
    monkeypatch.setattr("segan.experiments.cells.BASELINES", dict.fromkeys([]))
    parts = {str(cell.config.generator): cell.config.generator for cell in plan_cells(load_benchmark(name))}
    image = torch.zeros(1, 3, 72, 104)
    for part in parts.values():
        network = build_generator(part.architecture, part.encoder, num_classes=3, options=part.options).eval()
        with torch.inference_mode():
            assert network(image).shape == (1, 3, 72, 104)
