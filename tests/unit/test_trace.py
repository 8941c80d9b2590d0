import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.errors import HarnessError, StoreError
from harness.files import written_aside
from harness.recording.trace import Trace, TraceRecorder, load_trace, save_trace
from harness.types import SimState


def _trace(steps: int = 3, seed: int = 0) -> Trace:
    generator = np.random.default_rng(seed)
    return Trace(
        time_s=np.arange(steps + 1) * 0.05,
        qpos=generator.normal(size=(steps + 1, 5)),
        qvel=generator.normal(size=(steps + 1, 4)),
        actions=generator.normal(size=(steps, 7)),
    )


def _bits(trace: Trace) -> list[tuple[tuple[int, ...], bytes]]:
    return [(a.shape, a.tobytes()) for a in (trace.time_s, trace.qpos, trace.qvel, trace.actions)]


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    steps, nq, nv, dim = (draw(st.integers(0, 4)) for _ in range(4))

    def array(*shape: int) -> np.ndarray:
        return draw(hnp.arrays(np.float64, shape, elements=st.floats(width=64)))

    return Trace(array(steps + 1), array(steps + 1, nq), array(steps + 1, nv), array(steps, dim))


@settings(max_examples=60, deadline=None)
@given(trace=traces())
def test_a_trace_comes_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, trace: Trace) -> None:
    path = tmp_path_factory.mktemp("trace") / "a.npz"
    save_trace(path, trace)
    assert _bits(load_trace(path)) == _bits(trace)


def test_the_file_holds_four_float64_arrays_under_their_names(tmp_path: Path) -> None:
    trace = _trace()
    save_trace(tmp_path / "a.npz", trace)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"time", "qpos", "qvel", "actions"}
        assert all(archive[name].dtype == np.float64 for name in archive.files)
        np.testing.assert_array_equal(archive["time"], trace.time_s)
        np.testing.assert_array_equal(archive["qvel"], trace.qvel)


def test_equal_traces_give_equal_bytes_and_other_traces_do_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        save_trace(tmp_path / f"{name}.npz", _trace(seed=seed))
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b != c
    with zipfile.ZipFile(io.BytesIO(a)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_saving_makes_the_folder_replaces_an_older_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "traces" / "a.npz"
    save_trace(path, _trace(seed=1))
    save_trace(path, _trace(seed=2))
    assert _bits(load_trace(path)) == _bits(_trace(seed=2))
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_moved_into_place_is_removed(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(StoreError, match=r"a\.npz cannot be written"):
        save_trace(tmp_path / "a.npz", _trace())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_a_block_that_raises_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with written_aside(path) as aside:
            aside.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_recorder_keeps_copies_of_what_it_is_given() -> None:
    recorder = TraceRecorder()
    action, qpos, qvel = np.array([1.0, 2.0]), np.array([3.0]), np.array([4.0, 5.0])
    recorder.begin(SimState(0.0, qpos, qvel))
    recorder.add(action, SimState(0.05, qpos + 1, qvel + 1))
    action[:], qpos[:], qvel[:] = -1, -1, -1
    trace = recorder.trace()
    np.testing.assert_array_equal(trace.time_s, [0.0, 0.05])
    np.testing.assert_array_equal(trace.qpos, [[3.0], [4.0]])
    np.testing.assert_array_equal(trace.qvel, [[4.0, 5.0], [5.0, 6.0]])
    np.testing.assert_array_equal(trace.actions, [[1.0, 2.0]])


def test_the_recorder_counts_actions_and_forgets_them_when_an_episode_begins() -> None:
    recorder = TraceRecorder()
    state = SimState(0.0, np.zeros(2), np.zeros(2))
    recorder.begin(state)
    recorder.add([0.0], state)
    recorder.add([0.0], state)
    assert len(recorder) == 2
    recorder.begin(state)
    assert len(recorder) == 0
    assert recorder.trace().actions.shape == (0, 0)
    assert recorder.trace().qpos.shape == (1, 2)


def test_the_recorder_needs_a_first_state() -> None:
    recorder = TraceRecorder()
    with pytest.raises(HarnessError, match="begin"):
        recorder.add([0.0], SimState(0.0, np.zeros(1), np.zeros(1)))
    with pytest.raises(HarnessError, match="begin"):
        recorder.trace()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("time", np.zeros((4, 1))),
        ("qpos", np.zeros((3, 5))),
        ("qvel", np.zeros(4)),
        ("actions", np.zeros((4, 7))),
        ("actions", np.float64(0.0)),
        ("qpos", np.zeros((4, 5), dtype=np.float32)),
        ("actions", np.array([[None] * 7] * 3)),
    ],
)
def test_a_file_with_wrong_arrays_is_refused(tmp_path: Path, name: str, array: np.ndarray) -> None:
    good = _trace()
    arrays = {"time": good.time_s, "qpos": good.qpos, "qvel": good.qvel, "actions": good.actions, name: array}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(HarnessError, match=r"a\.npz"):
        load_trace(tmp_path / "a.npz")


def test_a_file_that_is_no_trace_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "lacks_qpos.npz", time=np.zeros(1))
    np.save(tmp_path / "one_array.npy", np.zeros(3))
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("lacks_qpos.npz", "one_array.npy", "empty.npz", "missing.npz"):
        with pytest.raises(HarnessError, match=name):
            load_trace(tmp_path / name)


@settings(max_examples=150, deadline=None)
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4))
def test_a_damaged_file_is_refused_or_read_as_a_whole_trace(
    tmp_path_factory: pytest.TempPathFactory, cut: float, flips: list[tuple[float, int]]
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.npz"
    save_trace(path, _trace())
    content = bytearray(path.read_bytes())
    for place, mask in flips:
        content[int(place * (len(content) - 1))] ^= mask
    path.write_bytes(content[: round(cut * len(content))] if not flips else content)
    try:
        trace = load_trace(path)
    except HarnessError:
        return
    assert _bits(trace) == _bits(_trace())  # each array has a checksum: damage is noticed, or was outside the arrays
