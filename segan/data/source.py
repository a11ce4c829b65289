"""Where the data lie: a dataset folder, or a folder of images and one of masks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segan.data.dataset import Dataset, scan_dataset, scan_folders, validate_folders, validate_root
from segan.errors import UsageError


@dataclass(frozen=True)
class Source:
    """The folders of a dataset.

    Args:
        images: Folder of images, with or without folders of splits.
        masks: The same of masks.
        root: The dataset folder, where there is one.
    """

    images: Path
    masks: Path
    root: Path | None = None

    @classmethod
    def of_dataset(cls, root: Path) -> "Source":
        """Name the two folders of a dataset folder."""
        return cls(root / "images", root / "masks", root)

    @classmethod
    def choose(
        cls, root: Path | None, images: Path | None, masks: Path | None, *, option: str = "--data DIR"
    ) -> "Source":
        """Take the one form that the user gave: a dataset folder, or two plain folders.

        Args:
            root: The dataset folder.
            images: Folder of images.
            masks: Folder of masks.
            option: How the dataset folder is named on the command line, for messages.

        Raises:
            UsageError: Neither form is whole, or both are there.
        """
        if root is not None and images is None and masks is None:
            return cls.of_dataset(root)
        if root is None and images is not None and masks is not None:
            return cls(images, masks)
        places = {option.split()[0]: root, "--images": images, "--masks": masks}
        seen = " ".join(name for name, place in places.items() if place is not None) or "none"
        what = "no data are named" if root is None else "data are named twice"
        raise UsageError(
            f"{what}: seen {seen}, expected {option}, or --images DIR and --masks DIR. Give one of the two forms."
        )

    @property
    def shown(self) -> str:
        """The place for messages."""
        return str(self.root or self.images)

    @property
    def is_described(self) -> bool:
        """Whether a `dataset.yaml` lies there."""
        return self.root is not None and (self.root / "dataset.yaml").is_file()

    def validate(self) -> None:
        """Refuse folders that are missing.

        Raises:
            DataError: A folder is missing, or both are the same.
        """
        if self.root is not None:
            validate_root(self.root)
        else:
            validate_folders(self.images, self.masks)

    def scan(self, card: str | None, **options: Any) -> Dataset:
        """Scan the folders in their own way; the options are those of `scan_dataset`.

        Raises:
            DataError: As `scan_dataset`.
        """
        if self.root is not None:
            return scan_dataset(self.root, card=card, **options)
        return scan_folders(self.images, self.masks, card=card, **options)
