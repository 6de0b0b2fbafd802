"""What the Python package promises beyond the C++ library's own tests: arrays, lifetimes, threads, errors."""

import gc
import signal
import threading

import numpy as np
import octet
import pytest


def test_an_engine_computes_what_the_reference_does(network, images):
    context = octet.build(network, max_batch=4).create_context()
    (expected,) = octet.run_reference(network, images[:4])
    got = context.run(images[:4])
    assert got.shape == expected.shape and got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_outputs_go_where_the_caller_says(network, images):
    context = octet.build(network, max_batch=4).create_context()
    out = np.full((2, *network.outputs[0].shape[1:]), np.nan, np.float32)
    assert context.run(images[:2], out) is out
    np.testing.assert_array_equal(out, context.run(images[:2]))
    whole = np.zeros((4, *network.outputs[0].shape[1:]), np.float32)
    context.run(images[:2], whole[2:])  # a view: the memory itself is written
    np.testing.assert_array_equal(whole[2:], out)
    assert not whole[:2].any()


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda a: a.astype(np.float64), "float64"),
        (lambda a: np.asfortranarray(a), "not contiguous"),
        (lambda a: a[:, :, ::2], "expected"),
        (lambda a: a[0], "expected"),
        (lambda a: a[:0], "a batch of 0"),
        (lambda a: np.concatenate([a, a]), "a batch of 8"),
        (lambda a: a.tolist(), "expected"),
        (lambda a: np.frombuffer(b"-" + a.tobytes(), np.float32, offset=1).reshape(a.shape), "not aligned"),
        (lambda a: a.astype(">f4"), ">f4"),
    ],
)
def test_an_array_that_would_have_to_be_copied_is_refused(network, images, spoil, said):
    context = octet.build(network, max_batch=4).create_context()
    with pytest.raises(octet.Error, match=said) as caught:
        context.run(spoil(images[:4]))
    assert caught.value.code == "invalid_argument"


def test_a_read_only_output_is_refused(network, images):
    out = np.zeros((1, *network.outputs[0].shape[1:]), np.float32)
    out.flags.writeable = False
    with pytest.raises(octet.Error, match="read-only"):
        octet.build(network).create_context().run(images[:1], out)


def test_an_output_in_the_memory_of_an_input_is_refused(network, images):
    shape = (1, *network.outputs[0].shape[1:])
    image = images[:1].copy()
    context = octet.build(network).create_context()
    with pytest.raises(octet.Error, match="also that of an input"):
        context.run(image, image.reshape(-1)[-int(np.prod(shape)) :].reshape(shape))
    np.testing.assert_array_equal(image, images[:1])


def test_int8_agrees_with_fp32_and_takes_pixels(network, images, calibration):
    batch = len(images)
    fp32 = octet.build(network, max_batch=batch).create_context().run(images)
    int8 = octet.build(network, precision="int8", calibration=calibration, max_batch=batch)
    got = int8.create_context().run(images)
    assert (got.reshape(batch, -1).argmax(1) == fp32.reshape(batch, -1).argmax(1)).mean() >= 0.9
    pixels = octet.build(network, precision="int8", calibration=calibration, max_batch=batch, pixel_input=True)
    as_bytes = np.ascontiguousarray((images + 128).astype(np.uint8).transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(pixels.create_context().run(as_bytes), got)


def test_calibration_reads_lists_batches_and_generators_alike(network, images, calibration):
    def one_by_one():
        yield from images

    for given in (images, [images[:5], images[5:]], one_by_one()):
        again = octet.calibrate(network, given, pixel_mean=[128, 128, 128])
        assert again.hash() == calibration.hash()
    assert calibration.images == len(images)


def test_what_goes_wrong_in_the_callers_generator_reaches_the_caller(network, images):
    class Broken:
        def __iter__(self):
            yield images[0]
            raise ZeroDivisionError("the caller's own")

    with pytest.raises(ZeroDivisionError, match="the caller's own"):
        octet.calibrate(network, Broken())
    with pytest.raises(octet.Error, match="expected arrays of the input's shape"):
        octet.calibrate(network, [images[0][:, :20]])
    with pytest.raises(octet.Error, match="there are no images"):
        octet.calibrate(network, [])


def test_an_interrupt_stops_a_calibration(network, images):
    taken = []

    class Many:
        def __iter__(self):
            for i in range(100000):
                if i == 20:
                    signal.raise_signal(signal.SIGINT)
                taken.append(i)
                yield images[i % len(images)]

    with pytest.raises(KeyboardInterrupt):
        octet.calibrate(network, Many())
    assert 20 <= len(taken) < 1000


def test_calibrations_and_engines_survive_files(tmp_path, network, images, calibration):
    calibration.save(tmp_path / "c.json")
    loaded = octet.Calibration.load(tmp_path / "c.json")
    assert loaded.hash() == calibration.hash() == octet.Calibration.from_json(calibration.to_json()).hash()
    engine = octet.build(network, precision="int8", calibration=loaded, max_batch=2)
    engine.save(tmp_path / "e.octet", {"by": "test"})
    again = octet.load_engine(tmp_path / "e.octet")
    assert again.notes["by"] == "test"
    np.testing.assert_array_equal(again.create_context().run(images[:2]), engine.create_context().run(images[:2]))


def test_a_context_keeps_its_engine_alive(network, images):
    context = octet.build(octet.zoo("octet-20")).create_context()
    gc.collect()
    (expected,) = octet.run_reference(network, images[:1])
    np.testing.assert_allclose(context.run(images[:1]), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_threads_run_at_once_each_with_a_context(network, images):
    engine = octet.build(network, threads=1, pinning="none")
    expected = engine.create_context().run(images[:1])
    results = []

    def work():
        context = engine.create_context()
        results.extend(np.array_equal(context.run(images[:1]), expected) for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 200 and all(results)


def test_accuracy_counts(network, images):
    engine = octet.build(network, max_batch=4)
    classes = engine.create_context().run(images[:4]).reshape(4, -1).argsort(1)[:, ::-1]
    right = octet.accuracy(engine, [(images[:4], classes[:, 0])])
    assert (right.images, right.top1_correct, right.top5_correct) == (4, 4, 4)
    fifth = octet.accuracy(engine, [(images[:2], classes[:2, 4]), (images[2:4], classes[2:, 5])])
    assert (fifth.top1_correct, fifth.top5_correct) == (0, 2)
    low, high = right.interval(right.top1_correct)
    assert 0.5 < low < high and high == pytest.approx(1)
    with pytest.raises(ValueError, match="labels must be"):
        octet.accuracy(engine, [(images[:1], np.array([20]))])


def test_a_profile_has_a_row_for_each_step(network, images):
    engine = octet.build(network, max_batch=4)
    rows = engine.create_context().profile(images[:4], iterations=3)
    assert [row["layer"] for row in rows] == [row["layer"] for row in engine.steps()]
    assert sum(row["macs"] for row in rows) == sum(layer["macs"] for layer in network.layers())
    assert all(row["ms"] >= 0 for row in rows)


def test_errors_say_what_and_where(tmp_path):
    with pytest.raises(octet.Error, match="no-such") as caught:
        octet.zoo("no-such")
    assert caught.value.code == "not_found"
    (tmp_path / "bad.prototxt").write_text('layer { name: }\n', encoding="utf-8")
    with pytest.raises(octet.Error, match=r"bad\.prototxt:1") as caught:
        octet.load(tmp_path / "bad.prototxt")
    assert caught.value.code == "parse"
