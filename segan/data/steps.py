"""The preprocessing steps by name, with the parameters each takes, their defaults and their bounds."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segan.errors import ConfigError

Positive = Annotated[float, Field(gt=0.0, le=1e6)]
Pixels = Annotated[int, Field(ge=1, le=65536)]
Triple = tuple[float, float, float]


class Step(BaseModel):
    """One named step; unknown parameters and values outside the bounds are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str

    def parameters(self) -> dict[str, Any]:
        """Return the parameters without the name."""
        return self.model_dump(exclude={"name"})


class Resize(Step):
    """Change the size; `crop` trains on random crops and predicts the whole image."""

    mode: Literal["letterbox", "stretch", "crop", "scale"]
    height: Pixels | None = Field(None, description="Pixels; unused by `scale`.")
    width: Pixels | None = Field(None, description="Pixels; unused by `scale`.")
    factor: Annotated[float, Field(ge=0.01, le=100.0)] | None = Field(
        None, description="Scale of `scale`; for `crop` the scale before cropping, `null`: 1."
    )

    @model_validator(mode="after")
    def _check_relations(self) -> Self:
        sized = self.height is not None and self.width is not None
        if self.mode == "scale":
            if self.factor is None or self.height is not None or self.width is not None:
                raise ValueError("mode scale takes `factor`, and neither `height` nor `width`")
        elif not sized:
            raise ValueError(f"mode {self.mode} needs `height` and `width`")
        elif self.factor is not None and self.mode != "crop":
            raise ValueError(f"mode {self.mode} takes no `factor`")
        return self


class RandomScale(Step):
    """Scale training samples by a random factor; the identity at prediction."""

    min: Annotated[float, Field(ge=0.05, le=20.0)] = 0.75
    max: Annotated[float, Field(ge=0.05, le=20.0)] = 1.5

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"`min` {self.min} is above `max` {self.max}")
        return self


class Clahe(Step):
    """Contrast-limited adaptive histogram equalisation of the lightness."""

    clip_limit: Positive = 2.0
    tile_px: Annotated[int, Field(ge=8, le=65536)] = 64


class Median(Step):
    """Median filter; removes salt and pepper."""

    size: Annotated[int, Field(ge=3, le=255)] = 3

    @model_validator(mode="after")
    def _check_odd(self) -> Self:
        if self.size % 2 == 0:
            raise ValueError(f"`size` {self.size} is even, expected an odd number")
        return self


class Bilateral(Step):
    """Edge-preserving smoothing."""

    diameter: Annotated[int, Field(ge=1, le=51)] = 5
    sigma_color: Positive = 30.0
    sigma_space: Positive = 3.0


class NonLocalMeans(Step):
    """Non-local means denoising; slow, about 1 s a megapixel."""

    strength: Positive = 5.0
    patch_px: Annotated[int, Field(ge=3, le=31)] = 5
    search_px: Annotated[int, Field(ge=3, le=101)] = 15


class FlattenIllumination(Step):
    """Divide by the slowly varying brightness."""

    sigma_px: Positive = 40.0


class Gamma(Step):
    """Raise the intensities, from 0 to 1, to a power."""

    gamma: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0


class Channels(Step):
    """Keep one channel, repeated three times so that pretrained encoders still fit."""

    select: Literal["rgb", "grey", "red", "green", "blue", "hue", "saturation", "value", "lightness"] = "rgb"


class Normalize(Step):
    """Shift and scale intensities, from 0 to 1, by fixed figures, or by those of each image."""

    mode: Literal["fixed", "image"] = "fixed"
    mean: Triple = Field((0.485, 0.456, 0.406), description="Of `fixed`; the default is ImageNet's.")
    std: tuple[Positive, Positive, Positive] = Field((0.229, 0.224, 0.225), description="Of `fixed`; ImageNet's.")


STEPS: dict[str, type[Step]] = {
    "resize": Resize,
    "random_scale": RandomScale,
    "clahe": Clahe,
    "median": Median,
    "bilateral": Bilateral,
    "nlmeans": NonLocalMeans,
    "flatten_illumination": FlattenIllumination,
    "gamma": Gamma,
    "channels": Channels,
    "normalize": Normalize,
}


def parse_steps(entries: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Check every entry of a chain and return the steps.

    Args:
        entries: `{"name": ..., parameter: value, ...}` for each step, in order.

    Raises:
        ConfigError: Unknown steps or parameters, wrong values or a wrong order; all of them, one line each.
    """
    steps: list[Step] = []
    problems: list[str] = []
    for position, entry in enumerate(entries):
        try:
            steps.append(_parse_step(entry))
        except ConfigError as error:
            problems += [f"preprocessing[{position}]{line}" for line in str(error).splitlines()]
    if not problems:
        problems = _order_problems(steps)
    if problems:
        raise ConfigError("\n".join(["The preprocessing chain has problems:", *(f"  - {line}" for line in problems)]))
    return tuple(steps)


def _parse_step(entry: Mapping[str, Any]) -> Step:
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise ConfigError(f": seen {entry!r}, expected a mapping with `name`. Write for example `- name: normalize`.")
    name = str(entry["name"])
    if name not in STEPS:
        mode = name in {"letterbox", "stretch", "crop", "scale"}
        advice = f" Write `name: resize, mode: {name}`." if mode else _suggestion(name, STEPS)
        raise ConfigError(f": unknown step {name!r}, expected one of {', '.join(STEPS)}.{advice}")
    try:
        return STEPS[name].model_validate(dict(entry))
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(name, problem) for problem in error.errors())) from error


def _describe(name: str, problem: Any) -> str:
    parameter = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = [field for field in STEPS[name].model_fields if field != "name"]
        advice = _suggestion(parameter, known)
        return f" {name}: unknown parameter {parameter!r}, expected one of {', '.join(known)}.{advice}"
    message = problem["msg"].removeprefix("Value error, ")
    if not parameter:
        return f" {name}: {message}. Correct the step."
    seen = "nothing" if problem["type"] == "missing" else repr(problem["input"])
    return f" {name}.{parameter}: seen {seen}; {message}. Correct the value."


def _suggestion(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""


def _order_problems(steps: Sequence[Step]) -> list[str]:
    names = [step.name for step in steps]
    problems = [
        f"{name}: seen {names.count(name)} times, expected once at most. Remove the others."
        for name in ("resize", "random_scale", "normalize")
        if names.count(name) > 1
    ]
    if not names or names[-1] != "normalize":
        last = names[-1] if names else "nothing"
        problems.append(f"last step: seen {last}, expected normalize. Add `- name: normalize` at the end.")
    return problems
