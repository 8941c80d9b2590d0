import io
import os
import pickle
import pickletools
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.envs.libero import init_states as module
from harness.envs.libero.init_states import count_init_states, load_init_states
from harness.envs.libero.installation import libero_root, missing_packages
from harness.errors import InitStateError

STATES = np.arange(12, dtype=np.float64).reshape(3, 4) / 8
TORCH_MAGIC = 0x1950A86A20F9469CFC6C
installed = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")


def zipped(data, name="archive/data.pkl", method=zipfile.ZIP_STORED, extra=()):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, data)
        for more in extra:
            archive.writestr(more, data)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def load(tmp_path, data):
    path = tmp_path / "task.pruned_init"
    path.write_bytes(data)
    return load_init_states(path)


class Calls:
    """Pickles into a call of anything."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@installed
def test_all_installed_files_hold_fifty_states_each():
    files = sorted(libero_root().glob("init_files/*/*.pruned_init"))
    assert len(files) == 130
    for file in files:
        states = load_init_states(file)
        assert states.shape[0] == 50
        assert 40 < states.shape[1] < 200
        assert states.dtype == np.float64


@installed
def test_an_installed_file_gives_the_numbers_that_are_in_it():
    file = sorted(libero_root().glob("init_files/libero_goal/*.pruned_init"))[0]
    with zipfile.ZipFile(file) as archive:
        data = archive.read("archive/data.pkl")
    texts = [argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "BINUNICODE"]
    numbers = np.frombuffer(max(texts, key=len).encode("latin1"))
    np.testing.assert_array_equal(load_init_states(file).ravel(), numbers)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_pickled_arrays_of_every_protocol_in_band_are_read(tmp_path, protocol):
    np.testing.assert_array_equal(load(tmp_path, pickle.dumps(STATES, protocol=protocol)), STATES)


def test_a_file_of_torch_before_zip_is_read(tmp_path):
    sizes = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = (TORCH_MAGIC, 1001, sizes, STATES, [])
    data = b"".join(pickle.dumps(part, protocol=2) for part in parts)
    np.testing.assert_array_equal(load(tmp_path, data), STATES)


def test_npz_files_with_one_array_are_read(tmp_path):
    np.testing.assert_array_equal(load(tmp_path, zipped(npy(STATES), "states.npy", zipfile.ZIP_DEFLATED)), STATES)


floats = hnp.arrays(
    st.sampled_from(["<f8", ">f8", "<f4", "<f2"]),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.floats(-1000, 1000, width=16),
)


@given(array=floats, fortran=st.booleans(), form=st.sampled_from(["zip", "pickle", "npy"]))
@settings(max_examples=100, deadline=None)
def test_what_is_saved_is_what_is_loaded(tmp_path_factory, array, fortran, form):
    array = np.asfortranarray(array) if fortran else array
    data = {"zip": zipped(pickle.dumps(array, protocol=2)), "pickle": pickle.dumps(array, protocol=4), "npy": npy(array)}[
        form
    ]
    states = load(tmp_path_factory.mktemp("states"), data)
    assert states.dtype == np.float64
    assert states.dtype.isnative
    np.testing.assert_array_equal(states, array)


@given(
    form=st.sampled_from([zipped(pickle.dumps(STATES, protocol=2)), pickle.dumps(STATES, protocol=2), npy(STATES)]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | st.floats(0, 1),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_file_gives_states_or_our_error_and_nothing_else(tmp_path_factory, form, changes, cut):
    data = bytearray(form)
    for where, value in changes:
        data[int(where * len(data))] = value
    try:
        states = load(tmp_path_factory.mktemp("damaged"), bytes(data[: int(cut * len(data))] if cut is not None else data))
    except InitStateError:
        return
    assert states.ndim == 2
    assert np.isfinite(states).all()


@pytest.mark.parametrize("wrap", [lambda data: data, zipped], ids=["pickle", "zip"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_runs_nothing(tmp_path, wrap, protocol):
    trace = tmp_path / "was_here"
    attack = pickle.dumps([STATES, Calls(os.system, f"touch {trace}")], protocol=protocol)
    with pytest.raises(InitStateError, match=r"task\.pruned_init.*refused: it asks for (posix|os)\.system"):
        load(tmp_path, wrap(attack))
    assert not trace.exists()


def test_the_same_pickle_would_do_harm_if_it_were_trusted(tmp_path):
    trace = tmp_path / "was_here"
    pickle.loads(pickle.dumps([STATES, Calls(os.system, f"touch {trace}")], protocol=2))
    assert trace.exists()


@pytest.mark.parametrize(
    "name",
    ["builtins eval", "numpy load", "numpy ndarray.tofile", "numpy.core.multiarray scalar", "_codecs decode", "numpy f2py"],
)
def test_names_that_no_array_needs_are_refused_by_name(tmp_path, name):
    module_name, attribute = name.split()
    data = b"\x80\x04\x8c" + bytes([len(module_name)]) + module_name.encode()
    data += b"\x8c" + bytes([len(attribute)]) + attribute.encode() + b"\x93."
    with pytest.raises(InitStateError, match=rf"refused: it asks for {module_name}\.{attribute}"):
        load(tmp_path, data)


@pytest.mark.parametrize("encoding", ["rot13", "utf-8", "zlib_codec", "unicode_escape"])
def test_encode_serves_latin1_only(tmp_path, encoding):
    data = b"c_codecs\nencode\n(Vabc\nV" + encoding.encode() + b"\ntR."
    with pytest.raises(InitStateError, match="other than latin1"):
        load(tmp_path, data)


def test_an_array_of_objects_is_refused(tmp_path):
    with pytest.raises(InitStateError, match="type 'O8'"):
        load(tmp_path, pickle.dumps(np.array([[1.0, None]], dtype=object), protocol=2))
    with pytest.raises(InitStateError, match="npy"):
        load(tmp_path, npy(np.array([[1.0, None]], dtype=object)))


def test_references_to_data_outside_the_pickle_are_refused(tmp_path):
    with pytest.raises(InitStateError, match="instruction PERSID"):
        load(tmp_path, b"Pstorage\n.")
    with pytest.raises(InitStateError, match="instruction BINPERSID"):
        load(tmp_path, zipped(b"\x80\x02]Q."))


def test_a_claimed_memo_of_gigabytes_is_refused_before_it_is_made(tmp_path):
    with pytest.raises(InitStateError, match="fewer than 1000"):
        load(tmp_path, b"\x80\x02Nr\xff\xff\xff\x7f.")


def test_a_pickle_of_endless_instructions_is_refused(tmp_path):
    with pytest.raises(InitStateError, match="fewer than 1000"):
        load(tmp_path, b"\x80\x02" + b"(" * 100_000 + b".")


@pytest.mark.parametrize(
    "name", ["numpy.core.multiarray\n_reconstruct", "numpy\nndarray", "numpy\ndtype", "_codecs\nencode"]
)
def test_a_pickle_cannot_leave_changes_for_the_next_file(tmp_path, name):
    # BUILD with a pair sets attributes of whatever was named.
    attack = b"c" + name.encode() + b"\n(N(dV__setstate__\nI1\nstb."
    with pytest.raises(InitStateError):
        load(tmp_path, attack)
    np.testing.assert_array_equal(load(tmp_path, pickle.dumps(STATES, protocol=2)), STATES)


def test_a_shape_that_the_data_does_not_fill_is_refused(tmp_path):
    data = pickle.dumps(STATES, protocol=2).replace(b"K\x03K\x04\x86", b"K\x7fK\x7f\x86")
    with pytest.raises(InitStateError, match="wrong length for the shape"):
        load(tmp_path, data)


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2**20)
    bomb = zipped(b"\0" * (2**20 + 1), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 10_000
    with pytest.raises(InitStateError, match="unpacks to more than 1048576 bytes"):
        load(tmp_path, bomb)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(InitStateError, match="files of initial states may have 100"):
        load(tmp_path, pickle.dumps(STATES, protocol=2))


def test_other_zip_compressions_are_refused(tmp_path):
    with pytest.raises(InitStateError, match="other than deflate"):
        load(tmp_path, zipped(pickle.dumps(STATES, protocol=2), method=zipfile.ZIP_BZIP2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged or not a file"),
        (b"PK\x03\x04 and then nothing", "damaged zip"),
        (zipped(b"text", "readme.txt"), "zip with 0 arrays"),
        (zipped(npy(STATES), "a.npy", extra=("b.npy",)), "zip with 2 arrays"),
        (b"\x93NUMPY\x01\x00", "npy"),
        (pickle.dumps([1, 2], protocol=2), "holds list, not a numpy array"),
        (pickle.dumps(STATES[0], protocol=2), r"shape \(4,\)"),
        (npy(STATES[:0]), r"shape \(0, 4\)"),
        (npy(STATES.astype(int)), "type int64"),
        (pickle.dumps(STATES.astype(int), protocol=2), "type 'i8'"),
        (npy(np.where(STATES == 1.0, np.nan, STATES)), "state 2 of .* not finite"),
        (zipped(pickle.dumps(STATES, protocol=2))[:300], "damaged zip"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path, data, message):
    with pytest.raises(InitStateError, match=message) as caught:
        load(tmp_path, data)
    assert str(tmp_path / "task.pruned_init") in str(caught.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(InitStateError, match="gone"):
        load_init_states(tmp_path / "gone.pruned_init")


def test_states_are_counted(tmp_path):
    path = tmp_path / "states.npy"
    np.save(path, STATES)
    assert count_init_states(path) == 3
