"""Predict many images: reading, predicting and writing overlap; a bad file is noted, a killed run goes on."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.images import image_size, read_image, show_path
from segan.data.row_source import RowSource, open_rows
from segan.data.statistics import count_values
from segan.errors import DataError, SeganError, StoppedError
from segan.files import StagedFile, file_state, flush_folder, remove_parts, write_text_atomically
from segan.inference.inputs import Job, collect_jobs, take_shard
from segan.inference.interrupts import Interrupted, raise_on_signals
from segan.inference.manifest import (
    DONE,
    FAILED,
    Entry,
    Journal,
    Row,
    entry_key,
    fingerprint,
    write_manifest,
)
from segan.inference.outputs import MaskFormat, OutputPlan, ProbabilityType, stage_outputs, write_coco
from segan.inference.pipeline import NotPredictedError, Pipeline
from segan.inference.row_outputs import RowOutputs
from segan.inference.segmenter import Prediction, Segmenter
from segan.inference.streaming import Strip

# What the indices mean, for an evaluation; not beside the masks, where it would describe them as files of a dataset.
LABELS_PLACE = Path(".segan", "labels.yaml")

# Smaller images are read whole: their pixels take less memory than a row of tiles.
BY_ROWS_FROM_PX = 32_000_000

Report = Callable[[int, int, Row], None]


@dataclass(frozen=True)
class PredictionSummary:
    """What a folder prediction did.

    Args:
        manifest: The table of all results.
        rows: One for each image of this shard, in order.
        kept: Images that were done before and are unchanged.
        seconds: Wall time, from when the inputs are listed.
    """

    manifest: Path
    rows: tuple[Row, ...]
    kept: int
    seconds: float

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows of the images that could not be predicted."""
        return tuple(row for row in self.rows if row.status == FAILED)

    @property
    def images_per_s(self) -> float:
        """Images predicted now, not counting kept ones, for each second."""
        return (len(self.rows) - self.kept) / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class _Task:
    """What stays the same from image to image.

    Args:
        segmenter: The model.
        plan: Where results go.
        journal: Takes the rows.
        settings: All that the results depend on beside the image.
        fresh: Whether there is nothing yet from an earlier prediction.
        states: Of the files of images that are being predicted, before they were read.
    """

    segmenter: Segmenter
    plan: OutputPlan
    journal: Journal
    settings: str
    fresh: bool
    states: dict[Job, str] = field(default_factory=dict)

    def kept_row(self, job: Job, entries: Mapping[str, Entry]) -> Row | None:
        """Return the row of an earlier run if it still holds."""
        entry = entries.get(entry_key(job.path, job.name))
        if entry is None or (entry.row.status, entry.settings) != (DONE, self.settings):
            return None
        states = {self._name(path): file_state(path) for path in self.plan.files(job.name) if path.is_file()}
        holds = job.path.is_file() and entry.source == file_state(job.path) and entry.results == states
        return replace(entry.row, input=str(job.path)) if holds else None

    def row_of_other(self, job: Job, entries: Mapping[str, Entry]) -> Row | None:
        """Return the row that another shard has written, done or failed."""
        entry = entries.get(entry_key(job.path, job.name))
        return entry.row if entry is not None and entry.settings == self.settings else None

    def read(self, job: Job) -> NDArray[np.uint8]:
        """Read an image and note the state of its file before that."""
        if job.conflict is not None:
            raise DataError(
                f"{show_path(job.path)}: its result would have the name of that of {show_path(job.conflict)}, expected "
                "different names. Rename one of them, or use another --out for it."
            )
        self.states[job] = file_state(job.path) if job.path.exists() else ""  # What is missing is told by the reader.
        return read_image(job.path, sixteen_bit=self.segmenter.sixteen_bit)

    def write(self, job: Job, image: NDArray[np.uint8], prediction: Prediction, seconds: float) -> Row:
        """Write the results of one image.

        Its line in the journal comes before the files take their names, so that whatever is there when a run is killed
        has one; a line whose files never came does not hold.
        """
        begun = time.perf_counter()
        staged = stage_outputs(self.plan, job.name, image, prediction, self.segmenter.labels)
        size, counts = (image.shape[0], image.shape[1]), count_values(prediction.mask)
        seconds += time.perf_counter() - begun
        return self._keep(job, staged, self._row(job, size, counts, prediction.confidence, seconds))

    def is_large(self, job: Job) -> bool:
        """Tell whether an image is so large that several at once would not fit into the memory."""
        if job.conflict is not None:
            return False
        try:
            height, width = image_size(job.path)
        except DataError:
            return job.path.is_file()  # It may be too large for that; what else is wrong is told when it is read.
        return height * width >= BY_ROWS_FROM_PX

    def open_rows(self, job: Job) -> RowSource | None:
        """Open a large image to read it by rows, unless something that is wanted looks at the whole mask."""
        if self.plan.outlines or self.plan.coco or not job.path.is_file():
            return None
        state = file_state(job.path)
        rows = open_rows(job.path, sixteen_bit=self.segmenter.sixteen_bit)
        if rows is not None:
            self.states[job] = state
        return rows

    def write_rows(self, job: Job, size: tuple[int, int], strips: Iterator[Strip]) -> Row:
        """Write the results of an image as its rows come; see `write`."""
        begun = time.perf_counter()
        with RowOutputs(self.plan, job.name, size, self.segmenter.labels) as outputs:
            for strip in strips:
                outputs.append(strip)
            staged = outputs.stage()
        confidence, seconds = outputs.confidence / (size[0] * size[1]), time.perf_counter() - begun
        return self._keep(job, staged, self._row(job, size, outputs.counts, confidence, seconds))

    def _row(
        self, job: Job, size: tuple[int, int], counts: NDArray[np.int64], confidence: float, seconds: float
    ) -> Row:
        classes = len(self.segmenter.labels.classes)
        return Row(
            input=str(job.path),
            output=self._name(self.plan.files(job.name)[0]),
            status=DONE,
            height=size[0],
            width=size[1],
            shares=tuple((counts[:classes] / (size[0] * size[1])).tolist()),
            quality=confidence,
            seconds=seconds,
        )

    def _keep(self, job: Job, staged: Sequence[StagedFile], row: Row) -> Row:
        """Write the line of the journal, then let the files take their names."""
        self.record(job, self.states.pop(job), row, {self._name(file.path): file.state for file in staged})
        for path in () if self.fresh else self.plan.unwanted_files(job.name):
            path.unlink(missing_ok=True)
        for file in staged:
            file.commit(flush=False)  # `flush_results` comes once, and a name lost before it is noticed and redone.
        return row

    def flush_results(self, jobs: Sequence[Job]) -> None:
        """Let the names of all results survive a power cut, those of a run that was stopped too."""
        folders = {path.parent for job in jobs for path in self.plan.files(job.name)}
        between = {above for folder in folders for above in folder.parents if self.plan.out in above.parents}
        for place in folders | between:
            flush_folder(place)

    def record(self, job: Job, source: str, row: Row, results: Mapping[str, str] | None = None) -> Row:
        """Write a row to the journal."""
        self.journal.append(Entry(entry_key(job.path, job.name), source, self.settings, row, results or {}))
        return row

    def _name(self, path: Path) -> str:
        return path.relative_to(self.plan.out).as_posix()


def predict_folder(
    segmenter: Segmenter,
    inputs: Sequence[str | Path],
    out: Path,
    *,
    overlay: bool = False,
    probabilities: ProbabilityType = "none",
    outlines: bool = False,
    coco: bool = False,
    mask_format: MaskFormat = "png",
    shard: tuple[int, int] = (1, 1),
    resume: bool = True,
    report: Report | None = None,
) -> PredictionSummary:
    """Predict images and folders of images into `out/masks/` and list them in `out/manifest.csv`.

    Args:
        segmenter: The model.
        inputs: Image files and folders; sub-folders are mirrored.
        out: Folder of the results, outside the input folders.
        overlay: Also write `overlays/`.
        probabilities: Also write `probabilities/`, of this type.
        outlines: Also write `outlines/`.
        coco: Also write `annotations.json`, when all parts have ended.
        mask_format: Of the masks.
        shard: Part and number of parts, from 1; the last part to end writes the manifest of all.
        resume: Keep results whose image, model and options are unchanged.
        report: Called with (images done, images in all, row) for each image, kept ones included.

    Raises:
        UsageError: An input does not exist, or results would be written where inputs or other files lie.
        DataError: A folder of inputs cannot be read.
        SeganError: The results cannot be written.
        StoppedError: SIGTERM or Ctrl-C came; all that was begun is whole.
    """
    plan = OutputPlan(out, overlay, probabilities, outlines, coco, mask_format)
    return predict_jobs(segmenter, collect_jobs(inputs, plan), plan, shard=shard, resume=resume, report=report)


def predict_jobs(
    segmenter: Segmenter,
    all_jobs: Sequence[Job],
    plan: OutputPlan,
    *,
    shard: tuple[int, int] = (1, 1),
    resume: bool = True,
    report: Report | None = None,
) -> PredictionSummary:
    """Predict images that `collect_jobs` has found for this plan; see `predict_folder`.

    Raises:
        UsageError: The shard is none.
        SeganError: The results cannot be written.
        StoppedError: SIGTERM or Ctrl-C came; all that was begun is whole.
    """
    started = time.perf_counter()
    jobs = take_shard(all_jobs, shard)
    journal_name = "journal" if shard[1] == 1 else f"journal-{shard[0]}-of-{shard[1]}"
    fresh = not any(plan.record.glob("*.jsonl"))
    manifest, rows = plan.out / "manifest.csv", dict[Job, Row]()
    try:
        with raise_on_signals(), Journal(plan.record, journal_name) as journal:
            if shard[1] == 1:  # Nobody else is writing here.
                _remove_parts(plan, jobs)
            plan.annotations.unlink(missing_ok=True)  # Of other results than those that are here now.
            write_text_atomically(plan.out / LABELS_PLACE, segmenter.labels.to_yaml())
            task = _Task(segmenter, plan, journal, _settings(segmenter, plan), fresh)
            entries = journal.read() if resume and segmenter.identity else {}
            kept = {job: row for job in jobs if (row := task.kept_row(job, entries)) is not None}
            with contextlib.closing(_run(task, jobs, kept)) as results:
                for job, row in results:
                    rows[job] = row
                    if report is not None:
                        report(len(rows), len(jobs), row)
            task.flush_results(jobs)
            entries = journal.read_in_turn()
            found = [rows.get(job) or task.row_of_other(job, entries) for job in all_jobs]
            write_manifest(manifest, segmenter.labels.classes, [row for row in found if row is not None])
            write_coco(plan, segmenter.labels, all_jobs, found)
    except Interrupted as interrupt:
        message = f"stopped after {len(rows)} of {len(jobs)} images. Run the same command again to go on."
        raise StoppedError(interrupt.signal_number, message) from None
    except OSError as error:
        raise SeganError(
            f"--out {plan.out}: cannot be written ({error.strerror or error}), expected free space and the right to "
            "write. Make room and run the same command again; what is done is kept."
        ) from error
    ordered = tuple(rows[job] for job in jobs)
    return PredictionSummary(manifest, ordered, len(kept), time.perf_counter() - started)


def _settings(segmenter: Segmenter, plan: OutputPlan) -> str:
    """Identify all that the results depend on beside the image, but for the order in which numbers are added up."""
    names = ("identity", "tile_px", "overlap", "tta", "min_area_px")
    values = {name: getattr(segmenter, name) for name in names}
    own = {"backend": segmenter.engine.backend, "precision": segmenter.engine.precision}
    return fingerprint({**values, **own, **plan.settings()})


def _run(task: _Task, jobs: Sequence[Job], kept: Mapping[Job, Row]) -> Generator[tuple[Job, Row], None, None]:
    """Give the row of each job.

    Raises:
        OSError: A result cannot be written.
    """
    yield from kept.items()
    todo = [job for job in jobs if job not in kept]
    pipeline = Pipeline(
        task.segmenter,
        task.read,
        task.write,
        probabilities=task.plan.wants_probabilities,
        is_large=task.is_large,
        open_rows=task.open_rows,
        write_rows=task.write_rows,
    )
    with contextlib.closing(pipeline.run(todo)) as results:
        for job, writing in results:
            try:
                yield job, writing.result()
            except NotPredictedError as error:
                if job.conflict is None:
                    _remove_results(task.plan, job)
                yield job, task.record(job, "", _failed_row(job, error.__cause__ or error))


def _remove_parts(plan: OutputPlan, jobs: Sequence[Job]) -> None:
    """Remove what a killed run left half written."""
    for folder in {plan.out, plan.record, *(path.parent for job in jobs for path in plan.files(job.name))}:
        remove_parts(folder)


def _remove_results(plan: OutputPlan, job: Job) -> None:
    """Remove what an earlier run wrote for an image that fails now, so that nobody scores it."""
    for path in (*plan.files(job.name), *plan.unwanted_files(job.name)):
        path.unlink(missing_ok=True)


def _failed_row(job: Job, error: BaseException) -> Row:
    message = str(error) if isinstance(error, SeganError) else f"{show_path(job.path)}: {type(error).__name__}: {error}"
    return Row(input=str(job.path), output="", status=FAILED, message=" ".join(message.split()))
