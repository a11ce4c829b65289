from collections import Counter

from segan.data.order import batch_indices


def test_batches_follow_one_another_through_whole_epochs():
    seen = [pair for step in range(14) for pair in batch_indices(3, step, 7, 4)]
    assert len(seen) == 56
    assert [epoch for epoch, _ in seen] == sorted(epoch for epoch, _ in seen)
    assert Counter(seen) == Counter((epoch, index) for epoch in range(8) for index in range(7))


def test_the_order_depends_on_seed_and_epoch_alone():
    first = batch_indices(0, 0, 50, 50)
    batch_indices(1, 9, 20, 3)
    assert batch_indices(0, 0, 50, 50) == first
    assert [index for _, index in batch_indices(0, 1, 50, 50)] != [index for _, index in first]
    assert batch_indices(1, 0, 50, 50) != first


def test_a_batch_may_exceed_the_data():
    batch = batch_indices(0, 0, 2, 5)
    assert [epoch for epoch, _ in batch] == [0, 0, 1, 1, 2]
    assert all(type(index) is int for _, index in batch)
