import numpy as np

from segan.evaluation.result import Evaluation, ImageCounts
from segan.evaluation.tables import print_evaluation


def test_names_are_shown_as_they_are(capsys):
    counts = ImageCounts("a", (1, 1), np.eye(2, dtype=np.int64))
    print_evaluation(Evaluation(("[red]wall[/red]", "[/]"), (counts,), "[bold]"))
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("[red]wall[/red]", "[/]", "[bold]: 1 image, no intervals"))
