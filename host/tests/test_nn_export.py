# SPDX-License-Identifier: Apache-2.0
"""From .tflite to blob and header: what is refused and how, what is written, that it is the same every time."""

import itertools
import math
import struct
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from glimpse.binding import Model, ModelError
from glimpse.errors import GlimpseError
from glimpse.export.blob import banded_stride, build_blob, interleaving_stride, quantise_multiplier
from glimpse.export.folder import blob_from_folder
from glimpse.export.header import main as header_main
from glimpse.export.tflite_reader import read_network
from hypothesis import given
from hypothesis import strategies as st
from support import random_networks
from support.networks import codec_for
from support.random_networks import Plan, Step, build_tflite

SMALL = Plan(
    (16, 12), [Step("conv", (3, 3), (2, 2), True, 4, 1, -1), Step("depthwise", (3, 3), (1, 1), True, 4, 0, 0)], [1]
)


def _built(plan: Plan = SMALL, seed: int = 3) -> bytes:
    return build_tflite(plan, seed)


# ---- reading


def test_layers_are_read_with_their_padding_and_quantisation() -> None:
    network = read_network(_built())
    first, second = network.layers
    assert (network.photo_shape, network.latent, network.side) == ((16, 12, 3), 1, None)
    assert (first.kind, first.input, first.out_shape, first.pad) == ("conv", -1, (8, 6, 4), (0, 0))
    assert (second.kind, second.input, second.out_shape, second.pad) == ("depthwise", 0, (8, 6, 4), (1, 1))
    assert first.minimum == max(first.out_quantisation.zero, -128) and first.maximum == 127
    assert first.weights is not None and first.weights.shape == (4, 3, 3, 3)
    assert second.weights is not None and second.weights.shape == (3, 3, 4)


def test_lone_relu_is_joined_to_the_layer_before_it() -> None:
    plan = Plan((9, 9), [Step("conv", (3, 3), (1, 1), True, 2, -1, -1)], [0])
    network = read_network(_built(plan))
    assert len(network.layers) == 1
    assert network.layers[0].minimum == network.layers[0].out_quantisation.zero


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (lambda tensors, operators: setattr(tensors[0], "scales", [1 / 127]), "scale 1/255"),
        (lambda tensors, operators: setattr(tensors[0], "zero", 0), "zero point"),
        (lambda tensors, operators: setattr(tensors[0], "kind", random_networks.tflite.TensorType.FLOAT32), "not int8"),
        (lambda tensors, operators: setattr(tensors[1], "kind", random_networks.tflite.TensorType.FLOAT32), "int8"),
        (lambda tensors, operators: setattr(tensors[1], "zero", 3), "symmetrically"),
        (lambda tensors, operators: setattr(tensors[1], "axis", 3), "scales along dimension"),
        (lambda tensors, operators: setattr(tensors[3], "scales", [0.1, 0.2]), "per tensor"),
        (lambda tensors, operators: setattr(tensors[2], "kind", random_networks.tflite.TensorType.INT8), "bias"),
        (lambda tensors, operators: setattr(tensors[3], "shape", (1, 7, 6, 4)), "should give 8 x 6"),
        (lambda tensors, operators: setattr(operators[0].step, "activation", 4), "TANH"),
        (lambda tensors, operators: setattr(tensors[3], "scales", [1e-9]), "could overflow|power"),
    ],
)
def test_what_nodes_cannot_run_is_refused_with_a_sentence(damage, sentence, monkeypatch) -> None:
    write = random_networks._write

    def damaged(tensors, operators, outputs):
        damage(tensors, operators)
        return write(tensors, operators, outputs)

    monkeypatch.setattr(random_networks, "_write", damaged)
    encoder = _built(Plan(SMALL.photo, [replace(step) for step in SMALL.steps], [1]))
    with pytest.raises(GlimpseError, match=sentence):
        build_blob(encoder, codec_for(_undamaged()))


def _undamaged() -> bytes:
    tensors = random_networks._Network(SMALL, np.random.default_rng(3))
    return _ORIGINAL_WRITE(tensors.tensors, tensors.operators, tensors.outputs)


_ORIGINAL_WRITE = random_networks._write


def test_unknown_operator_is_named(monkeypatch) -> None:
    operators = {**random_networks._OPERATORS, "depthwise": random_networks.tflite.BuiltinOperator.LOGISTIC}
    monkeypatch.setattr(random_networks, "_OPERATORS", operators)
    with pytest.raises(GlimpseError, match="LOGISTIC"):
        read_network(_built())


@given(st.binary(max_size=200))
def test_noise_is_no_network(noise: bytes) -> None:
    for content in (noise, b"\x1c\0\0\0TFL3" + noise):
        with pytest.raises(GlimpseError):
            read_network(content)


def test_damaged_files_are_refused_or_read_but_never_break() -> None:
    encoder = _built()
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(encoder)
        for _ in range(int(rng.integers(1, 4))):
            damaged[int(rng.integers(0, len(damaged)))] = int(rng.integers(0, 256))
        try:
            build_blob(bytes(damaged), codec_for(encoder))
        except GlimpseError as error:
            assert str(error).endswith(".")


# ---- the blob


def test_same_input_gives_the_same_bytes() -> None:
    encoder = _built()
    assert build_blob(encoder, codec_for(encoder)) == build_blob(encoder, codec_for(encoder))


def test_blob_says_what_it_was_made_from() -> None:
    encoder = _built()
    blob = build_blob(encoder, codec_for(encoder, tables=True))
    model = Model(blob)
    assert (model.name, model.id, model.revision, model.bits) == ("test", 3, 1, 6)
    assert (model.photo_height, model.photo_width, model.latent_shape) == (16, 12, (8, 6, 4))
    assert model.has_range_tables and model.check == zlib.crc32(blob[16:])
    assert struct.unpack_from("<4sHHI", blob) == (b"GLPM", 3, 0, len(blob)) and len(blob) % 4 == 0


def test_blob_may_lie_in_a_larger_slot() -> None:
    encoder = _built()
    assert Model(build_blob(encoder, codec_for(encoder)) + b"\xff" * 1000).name == "test"


def test_every_damaged_byte_is_noticed() -> None:
    encoder = _built()
    blob = build_blob(encoder, codec_for(encoder))
    for at in range(0, len(blob), 7):
        damaged = bytearray(blob)
        damaged[at] ^= 0x10
        with pytest.raises(ModelError):
            Model(bytes(damaged))


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"model": 32}, "model id 32"),
        ({"name": "sixteen letters!"}, "1..15 bytes"),
        ({"levels": 257}, "257 levels"),
        ({"order": "spiral"}, "spiral"),
        ({"stride": 6}, "coprime"),
        ({"offset": 48}, "offset"),
        ({"step": [1, 2, 3]}, "3 steps for 4 channels"),
        ({"step": [1, 2, 3, 0]}, "1..65535"),
        ({"cumulative": [[0, 4096]] * 4}, "cumulative"),
    ],
)
def test_impossible_codecs_are_refused(change: dict, sentence: str) -> None:
    encoder = _built()
    with pytest.raises(GlimpseError, match=sentence):
        build_blob(encoder, replace(codec_for(encoder), **change))


@given(st.floats(min_value=2.0**-29, max_value=2.0**20))
def test_multiplier_is_the_scale_in_31_bits(scale: float) -> None:
    multiplier, shift = quantise_multiplier(scale)
    assert 1 << 30 <= multiplier < 1 << 31
    assert math.isclose(math.ldexp(multiplier, shift - 31), scale, rel_tol=2.0**-31)


# ---- strides


@pytest.mark.parametrize("height, width, stride", [(28, 28, 57), (8, 8, 17), (1, 1, 1), (3, 5, 11), (5, 2, 3)])
def test_banded_stride_is_two_rows_and_a_column(height: int, width: int, stride: int) -> None:
    assert banded_stride(height, width) == stride


def test_half_the_ranks_of_a_banded_stride_hold_neighbours_in_every_row() -> None:
    def first_half(stride: int) -> np.ndarray:
        ranks = np.empty(784, int)
        ranks[np.arange(784) * stride % 784] = np.arange(784)
        return ranks.reshape(28, 28) < 392

    def together(half: np.ndarray) -> float:
        return float((half[:, 1:] == half[:, :-1]).mean())

    half = first_half(banded_stride(28, 28))
    assert together(half) > 0.8 > together(first_half(325))
    assert half.sum(axis=1).min() >= 10 and half.sum(axis=1).max() <= 18


def test_banded_stride_of_nothing() -> None:
    with pytest.raises(GlimpseError):
        banded_stride(0, 4)


@pytest.mark.parametrize("shape, stride", [((28, 28, 8), 57), ((7, 9, 5), 16), ((1, 1, 4), 1), ((3, 5, 1), 11)])
def test_interleaving_stride_meets_every_channel_in_turn(shape: tuple[int, int, int], stride: int) -> None:
    assert interleaving_stride(*shape) == stride
    count = math.prod(shape)
    walk = np.arange(count) * stride % count
    assert sorted(walk) == list(range(count)) and set(np.diff(walk % shape[2]) % shape[2]) <= {1 % shape[2]}


def test_interleaving_stride_of_nothing() -> None:
    with pytest.raises(GlimpseError):
        interleaving_stride(0, 3, 1)


# ---- folders and headers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "small"
    made.mkdir()
    (made / "encoder.tflite").write_bytes(_built())
    (made / "model.toml").write_text(
        '[model]\nname = "small"\nid = 4\nrevision = 2\n[codec]\nbits = 5\norder = "channel"\nstride = 7\noffset = 3\n'
    )
    (made / "tables.json").write_text('{"minimum": [0, 1, 2, 3], "step": [256, 256, 256, 256], "cumulative": null}')
    return made


def test_folder_becomes_a_blob(folder: Path) -> None:
    model = Model(blob_from_folder(folder))
    assert (model.name, model.id, model.revision, list(model.minimum)) == ("small", 4, 2, [0, 1, 2, 3])


@pytest.mark.parametrize(
    "file, content",
    [
        ("model.toml", "[model"),
        ("model.toml", "[model]\nname = 1\n"),
        ("tables.json", "{}"),
        ("tables.json", "["),
        ("encoder.tflite", "nothing"),
    ],
)
def test_malformed_folders_are_refused_with_a_sentence(folder: Path, file: str, content: str) -> None:
    (folder / file).write_text(content)
    with pytest.raises(GlimpseError):
        blob_from_folder(folder)
    (folder / file).unlink()
    with pytest.raises(GlimpseError, match=file):
        blob_from_folder(folder)


@pytest.mark.parametrize("compiler, language", [("gcc", "c11"), ("g++", "c++17")])
def test_header_compiles_and_holds_the_blob(folder: Path, compiler: str, language: str) -> None:
    header = folder / "glimpse_builtin_model.h"
    assert header_main([str(folder), str(header)]) == 0
    source = folder / ("main.c" if compiler == "gcc" else "main.cc")
    source.write_text(
        '#include "glimpse_builtin_model.h"\n#include <stdio.h>\n'
        "int main(void) { return fwrite(glimpse_builtin_model, 1, sizeof glimpse_builtin_model, stdout)"
        " != sizeof glimpse_builtin_model; }\n"
    )
    subprocess.run([compiler, f"-std={language}", "-Wall", "-Werror", source, "-o", folder / "main"], check=True)
    written = subprocess.run([folder / "main"], capture_output=True, check=True).stdout
    assert written == blob_from_folder(folder)


def test_header_is_left_alone_when_nothing_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = folder / "out.h"
    assert header_main([str(folder), str(header)]) == 0
    before = header.stat().st_mtime_ns
    assert header_main([str(folder), str(header)]) == 0
    assert header.stat().st_mtime_ns == before
    assert header_main([str(folder)]) == 2
    assert header_main([str(folder / "none"), str(header)]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_lines_of_the_header_are_short(folder: Path) -> None:
    header_main([str(folder), str(folder / "out.h")])
    lines = (folder / "out.h").read_text().splitlines()
    assert max(map(len, lines)) <= 120
    assert len(list(itertools.takewhile(lambda line: "uint8_t glimpse" not in line, lines))) < 20
