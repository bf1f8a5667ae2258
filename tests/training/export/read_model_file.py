#!/usr/bin/python3
"""read_model_file.py FILE: reads a .pt or .npz file as its format's description says, without
PyTorch and NumPy, and prints "NAME SHAPE CRC-32" for each tensor, then what the file says of itself.
With PyTorch here, torch.load() must find the same; with NumPy, numpy.load()."""

import ast
import collections
import io
import pickle
import sys
import zipfile
import zlib


class Storage:
    def __init__(self, data):
        self.data = data


def rebuild_tensor(storage, offset, size, stride, requires_grad, hooks):
    expected = 1
    for extent, step in reversed(list(zip(size, stride))):
        assert step == expected, f"stride {stride} of {size} is not row-major"
        expected *= extent
    assert offset == 0 and requires_grad is False and hooks == {}
    assert len(storage.data) == 4 * expected
    return size, storage.data


class Unpickler(pickle.Unpickler):
    def __init__(self, archive):
        super().__init__(io.BytesIO(archive.read("model/data.pkl")))
        self.archive = archive

    def find_class(self, module, name):
        allowed = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
            ("torch", "FloatStorage"): "float",
        }
        return allowed[module, name]

    def persistent_load(self, found):
        kind, storage_type, key, location, count = found
        assert (kind, storage_type, location) == ("storage", "float", "cpu")
        data = self.archive.read(f"model/data/{key}")
        assert len(data) == 4 * count
        return Storage(data)


def read_array(data):
    assert data[:8] == b"\x93NUMPY\x01\x00"
    end = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:end].decode())
    assert end % 64 == 0 and header["descr"] == "<f4" and header["fortran_order"] is False
    return header["shape"], data[end:]


def tensors_of(path, archive):
    if path.endswith(".npz"):
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name[:-4]: read_array(archive.read(name)) for name in names}
    assert archive.read("model/version") == b"3\n"
    return Unpickler(archive).load()


def compare_with_libraries(path, tensors):
    if path.endswith(".npz"):
        try:
            import numpy
        except ImportError:
            return
        found = numpy.load(path)
        found = {name: found[name] for name in found.files if name != "dynavg.json"}
    else:
        try:
            import torch
        except ImportError:
            return
        found = {name: tensor.numpy() for name, tensor in torch.load(path).items()}
    assert list(found) == list(tensors)
    for name, (shape, data) in tensors.items():
        assert found[name].shape == tuple(shape) and found[name].tobytes() == data, name


path = sys.argv[1]
with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None
    for entry in archive.infolist():
        assert entry.compress_type == zipfile.ZIP_STORED
        # Where the bytes begin: behind name and padding, which only the entry's own header tells.
        archive.fp.seek(entry.header_offset + 26)
        header = archive.fp.read(4)
        begin = entry.header_offset + 30 + int.from_bytes(header[:2], "little")
        assert (begin + int.from_bytes(header[2:], "little")) % 64 == 0, entry.filename
    tensors = tensors_of(path, archive)
    about = [name for name in archive.namelist() if name.endswith("dynavg.json")]
    compare_with_libraries(path, tensors)
    for name, (shape, data) in tensors.items():
        print(name, "x".join(map(str, shape)), zlib.crc32(data))
    print(archive.read(about[0]).decode(), end="")
