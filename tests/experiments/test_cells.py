import pytest
from toy_benchmark import TINY, toy_cells, toy_tree

from segan.errors import ConfigError
from segan.experiments.benchmark_file import BenchmarkFile
from segan.experiments.cells import Cell, changed_keys, plan_cells


@pytest.fixture
def baselines(monkeypatch):
    monkeypatch.setattr("segan.experiments.cells.BASELINES", {"otsu": None, "kmeans": None})


def test_first_seeds_come_first():
    assert [cell.id for cell in toy_cells()] == [
        "toy/unet-pixel/seed_0",
        "toy/unet-adversarial/seed_0",
        "toy/unet-pixel/seed_1",
        "toy/unet-adversarial/seed_1",
    ]
    datasets = {"b": {"root": "b"}, "a": {"root": "a"}}
    cells = toy_cells(datasets=datasets, modes=["pixel"], methods={"unet": {"seeds": [4, 5]}, "fpn": {"seeds": [7]}})
    ids = [cell.id for cell in cells]
    assert ids[:4] == ["b/unet-pixel/seed_4", "b/fpn-pixel/seed_7", "a/unet-pixel/seed_4", "a/fpn-pixel/seed_7"]
    assert ids[4:] == ["b/unet-pixel/seed_5", "a/unet-pixel/seed_5"]


def test_modes_and_seeds_differ_in_their_own_keys_alone():
    pixel, adversarial, again, _ = (cell.config.model_dump() for cell in toy_cells())
    assert not pixel["loss"]["adversarial_weight"]
    assert adversarial["loss"]["adversarial_weight"] == 0.1
    adversarial["loss"]["adversarial_weight"] = 0.0
    assert pixel == adversarial
    assert (pixel.pop("seed"), again.pop("seed")) == (0, 1)
    assert pixel == again


def test_later_keys_win(tmp_path):
    over = tmp_path / "method.yaml"
    over.write_text("training: {steps: 1, batch_size: 1, epochs: 1}\nloss: {dice_weight: 0.5}")
    steps = "training.steps"
    tree = toy_tree(
        set={**TINY, steps: 2, "training.batch_size": 2},
        datasets={"toy": {"root": "x", "config": "demo", "set": {steps: 3, "seed": 99}}},
        methods={"unet": {"config": str(over), "set": {"training.epochs": 4}}},
    )
    config = plan_cells(BenchmarkFile.model_validate(tree))[0].config
    assert (config.training.steps, config.training.batch_size, config.training.epochs) == (3, 2, 4)
    assert (config.loss.dice_weight, config.data.card, config.data.root, config.seed) == (0.5, "demo", "x", 0)
    assert plan_cells(BenchmarkFile.model_validate(tree), [f"{steps}=9"])[0].config.training.steps == 9


def test_options_of_one_method_do_not_reach_the_next():
    shared = {**TINY, "generator.options": {}}
    methods = {"a": {"set": {"generator.options.encoder_depth": 4}}, "b": {}}
    cells = toy_cells(set=shared, methods=methods, modes=["pixel"], seeds=[0])
    assert [cell.config.generator.options for cell in cells] == [{"encoder_depth": 4}, {}]


def test_a_section_over_a_key_in_it_wins_as_any_later_layer():
    data = {"toy": {"root": "toy", "set": {"generator.options.encoder_depth": 3}}}
    method = {"unet": {"set": {"generator.options": {"encoder_depth": 4}}}}
    (cell,) = toy_cells(
        set={**TINY, "generator.options": {}}, datasets=data, methods=method, modes=["pixel"], seeds=[0]
    )
    assert cell.config.generator.options == {"encoder_depth": 4}


def test_networks_keys_do_not_change_a_baseline(baselines):
    tree = {"methods": {"otsu": {"baseline": "otsu"}}}
    before, now = toy_cells(**tree)[0], toy_cells(**tree, set={**TINY, "training.steps": 9})[0]
    assert changed_keys(before.to_json(), now.to_json()) == []
    other = toy_cells(**tree, set={**TINY, "data.sixteen_bit": "full"})[0]
    assert len(changed_keys(before.to_json(), other.to_json())) == 1


def test_all_wrong_keys_of_all_methods_are_told():
    methods = {"one": {"set": {"training.stepz": 1}}, "two": {"set": {"loss.dice_weight": -1}}, "good": {}}
    with pytest.raises(ConfigError, match="The benchmark has problems:") as caught:
        toy_cells(methods=methods)
    assert "methods.one: training.stepz: unknown key. Did you mean training.steps?" in str(caught.value)
    assert "methods.two: loss.dice_weight: seen -1;" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": {"unet": {"set": {"loss.adversarial_weight": 0}}}}, "seen 0 in the mode adversarial, expected"),
        ({"methods": {"unet": {"seeds": [1, 1]}}}, "toy/unet-pixel/seed_1: named twice, expected once"),
        (
            {"methods": {"a": {"set": {"data.split.seed": 1}}, "b": {}}},
            "datasets.toy: methods with 2 values of data.card or data.split seen, expected one",
        ),
        ({"methods": {"a": {"config": "demoo"}}}, "config demoo: not found"),
    ],
)
def test_cells_that_cannot_be_are_told(changes, message):
    with pytest.raises(ConfigError) as caught:
        toy_cells(**changes)
    assert message in str(caught.value)


def test_overrides_need_a_value():
    with pytest.raises(ConfigError, match=r"--set 'training.steps': no '=' found, expected key=value"):
        plan_cells(BenchmarkFile.model_validate(toy_tree()), ["training.steps"])


def test_all_baselines_and_one_by_name(baselines):
    methods = {"classical": {"baseline": "all"}, "few": {"baseline": "kmeans", "max_images": 3, "seeds": [0, 1]}}
    cells = toy_cells(methods=methods)
    found = [(cell.id, cell.baseline, cell.max_images, cell.mode) for cell in cells]
    assert found == [
        ("toy/otsu/seed_0", "otsu", None, "baseline"),
        ("toy/kmeans/seed_0", "kmeans", None, "baseline"),
        ("toy/few/seed_0", "kmeans", 3, "baseline"),
        ("toy/few/seed_1", "kmeans", 3, "baseline"),
    ]
    with pytest.raises(ConfigError, match=r"methods.a.baseline otsuu: unknown, .*Did you mean otsu?"):
        toy_cells(methods={"a": {"baseline": "otsuu"}})


def test_cells_are_read_back():
    for cell in toy_cells():
        assert Cell.from_json(cell.to_json()) == cell


def test_only_what_matters_is_a_change():
    before = toy_cells()[0].to_json()
    free = toy_cells(set={**TINY, "data.workers": 2, "training.checkpoint_every_s": 5})[0].to_json()
    assert changed_keys(before, free) == []
    assert changed_keys(before, toy_cells(set={**TINY, "training.max_minutes": 4})[0].to_json()) == [
        "config.training.max_minutes: None then, 4.0 now"
    ]
