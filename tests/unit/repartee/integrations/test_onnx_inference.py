from repartee.integrations.onnx_inference import batches, padded


def test_batches_hold_every_text_once_and_stay_small():
    lengths = [3, 256, 9, 256, 256, 256, 256, *[5] * 100]
    made = list(batches(lengths))
    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) <= 32
        assert max(lengths[index] for index in batch) * len(batch) <= 1_024


def test_nothing_makes_no_batch():
    assert list(batches([])) == []


def test_rows_are_filled_up_to_the_longest():
    assert padded([[1], [2, 3]], filler=9).tolist() == [[1, 9], [2, 3]]
