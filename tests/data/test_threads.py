import pytest

from segan.data.threads import map_in_threads


def test_threads_keep_the_order_and_pass_errors_on():
    assert map_in_threads(lambda value: value * 2, range(50), 4) == [value * 2 for value in range(50)]
    with pytest.raises(ZeroDivisionError):
        map_in_threads(lambda value: 1 // value, [1, 0, 1], 2)
