# SPDX-License-Identifier: Apache-2.0
"""kmodels for the K210: the file, the simulator of its accelerator, the direct writer, nncase's way where it runs."""

import json
import random
import struct
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from glimpse.commands.export_kmodel import renew
from glimpse.errors import GlimpseError
from glimpse.export.tflite_reader import read_network
from glimpse.kmodel import from_tflite, nncase
from glimpse.kmodel.calibration import calibration_patches
from glimpse.kmodel.float_tflite import float_encoder
from glimpse.kmodel.layout import (
    LAYER_NAMES,
    POOLS,
    ConvLayer,
    Dequantize,
    Kmodel,
    OtherLayer,
    Output,
    Requantize,
    parse,
    write,
)
from glimpse.kmodel.registers import (
    KPU_MEMORY,
    Activation,
    BatchNorm,
    Registers,
    lines_of,
    read_activation,
    read_batch_norm,
    read_registers,
    rows_of,
    write_activation,
    write_batch_norm,
    write_registers,
)
from glimpse.kmodel.repack import repack
from glimpse.kmodel.simulator import Simulator, activate
from hypothesis import given, settings
from hypothesis import strategies as st
from support import slow_kpu
from support.kpu_networks import kpu_plan, read_vectors
from support.networks import LiteRt
from support.photos import test_photos
from support.random_networks import NONE, RELU, RELU6, Plan, Step, build_tflite, starfish
from support.typed import Glimpse

STARFISH = Path(__file__).resolve().parents[2] / "models" / "starfish"
ENCODER = (STARFISH / "encoder.tflite").read_bytes()
needs_nncase = pytest.mark.skipif(
    nncase.ready() is None, reason="no nncase: glimpse export starfish --kmodel --nncase -o /dev/null installs it"
)


def _chw(photo: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(photo.transpose(2, 0, 1))


@cache
def _wide() -> np.ndarray:
    """uint8 [8, 12, 65, 3]: constant ones, noise and photos; cut to any width."""
    return np.array(test_photos(12, 65, 22)[::3])


def _conv(kernel: int = 3, channels: int = 4, activation: int = NONE, after: int = -1) -> Step:
    return Step("conv", (kernel, kernel), (1, 1), True, channels, activation, after)


def _pool(channels: int, after: int, side: int = 2) -> Step:
    return Step("max_pool", (side, side), (side, side), True, channels, NONE, after)


def _built(*steps: Step, photo: tuple[int, int] = (8, 12), seed: int = 1) -> bytes:
    return build_tflite(Plan(photo, list(steps), [len(steps) - 1]), seed)


def _small() -> bytes:
    return _built(_conv(3, 2, RELU), _pool(2, 0), _conv(1, 2, after=1))


# ---- the direct writer


def test_the_shipped_file_is_what_the_writer_gives() -> None:
    assert (STARFISH / "encoder.kmodel").read_bytes() == from_tflite.write(ENCODER)


def test_starfish_is_within_one_of_tensorflow_lite() -> None:
    simulator, reference = Simulator(parse(from_tflite.write(ENCODER))), LiteRt(ENCODER, fast=True)
    equal = []
    for photo in test_photos(112, 112, 50):
        wanted = reference.run(photo)[0].astype(int).transpose(2, 0, 1) + 128
        off = np.abs(simulator.run(_chw(photo)) - wanted)
        assert off.max() <= 1
        equal.append(np.mean(off == 0))
    assert np.mean(equal) > 0.99


@pytest.mark.parametrize("activation", [NONE, RELU, RELU6])
def test_single_layers_are_within_one_of_tensorflow_lite(activation: int) -> None:
    for seed, kernel in enumerate((1, 3, 3)):
        for width in (5, 16, 30, 65):
            channels = seed * 7 + 3
            steps = [_conv(kernel, channels, activation)] + ([_pool(channels, 0)] if width % 2 == 0 else [])
            encoder = _built(*steps, photo=(12, width), seed=seed + width)
            simulator, reference = Simulator(parse(from_tflite.write(encoder))), LiteRt(encoder)
            for photo in _wide()[:, :, :width]:
                wanted = reference.run(photo)[0].astype(int).transpose(2, 0, 1) + 128
                assert np.abs(simulator.run(_chw(photo)) - wanted).max() <= 1


def test_deep_networks_stay_near_tensorflow_lite() -> None:
    # One value that differs inside may move several behind it, and here weights are large.
    off = []
    for seed in range(12):
        plan = kpu_plan(np.random.default_rng(seed))
        encoder = build_tflite(plan, seed)
        simulator, reference = Simulator(parse(from_tflite.write(encoder))), LiteRt(encoder)
        for photo in np.random.default_rng(seed).integers(0, 256, (3, *plan.photo, 3)).astype(np.uint8):
            wanted = reference.run(photo)[0].astype(int).transpose(2, 0, 1) + 128
            off.append(np.abs(simulator.run(_chw(photo)) - wanted).ravel())
    assert np.mean(np.concatenate(off) > 0) < 0.01 and np.concatenate(off).max() <= 3


def test_files_do_not_depend_on_how_halves_are_rounded() -> None:
    layer = parse(from_tflite.write(_built(_conv(3, 5, NONE)))).layers[0]
    table = layer.activation
    for piece in (1, 2):
        first, last = table.start[piece] + 1, table.start[piece + 1]
        product = (np.arange(first, min(last, first + (1 << 25)), 3) - table.start[piece]) * table.mul[piece]
        half = (1 << table.shift[piece]) // 2
        assert not np.any(product % (1 << table.shift[piece]) == half)


def test_the_variant_for_all_firmware_gives_the_same_numbers_as_floats() -> None:
    photo = _chw(test_photos(8, 12, 12)[11])
    plain = Simulator(parse(from_tflite.write(_small()))).run(photo)
    floats = Simulator(parse(from_tflite.write(_small(), dequantize=True))).run(photo)
    assert floats.dtype == np.float32 and np.array_equal(floats, plain)


def test_pictures_never_overlap_in_the_accelerator() -> None:
    for layer in parse(from_tflite.write(ENCODER)).layers:
        size = {
            "in": 64 * lines_of(layer.in_channels, layer.in_height, layer.in_width),
            "out": 64 * lines_of(layer.out_channels, layer.out_height, layer.out_width),
        }
        assert layer.kpu_in + size["in"] <= layer.kpu_out or layer.kpu_out + size["out"] <= layer.kpu_in


@pytest.mark.parametrize(("patches", "lines"), [(1, 17_920), (2, 4_480), (4, 1_120)])
def test_starfish_fits_the_accelerator_whole_and_in_patches(patches: int, lines: int) -> None:
    layers = parse(from_tflite.write(build_tflite(starfish(patches), 1))).layers
    used = [
        lines_of(layer.in_channels, layer.in_height, layer.in_width)
        + lines_of(layer.out_channels, layer.out_height, layer.out_width)
        for layer in layers
    ]
    assert max(used) == lines


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        (_built(_conv(5)), "its kernel is 5 x 5"),
        (_built(Step("conv", (3, 3), (2, 2), True, 4, NONE, -1)), "its stride is not 1"),
        (_built(Step("conv", (3, 3), (1, 1), False, 4, NONE, -1)), "use SAME padding"),
        (_built(_conv(1, 1025)), "it has 1025 channels, more than 1024"),
        (_built(_conv(1, 2), photo=(3, 8)), "its input is 3 x 8, outside 4 x 4"),
        (_built(_conv(1, 2), photo=(4, 513)), "its input is 4 x 513"),
        (
            _built(_conv(1, 64), photo=(224, 224)),
            "take 3,842,048 bytes of the 2,097,152",
        ),
        (_built(_conv(1, 512), _conv(3, 1024, after=0), photo=(4, 4)), "its weights are loaded in 171 parts"),
        (_built(_conv(3, 2), Step("max_pool", (3, 3), (2, 2), True, 2, NONE, 0)), "its window is not 2 x 2"),
        (_built(_conv(3, 2), _pool(2, 0), photo=(7, 8)), "its last window reaches beyond the edge"),
        (_built(_pool(3, -1)), "no convolution stands directly before it"),
        (_built(_conv(3, 2), Step("depthwise", (3, 3), (1, 1), True, 2, NONE, 0)), "is a depthwise convolution"),
        (build_tflite(Plan((8, 8), [_conv(), _conv(after=0)], [0, 1]), 1), "has a branch beside its latent"),
        (build_tflite(Plan((8, 8), [_conv(), _conv(after=-1)], [1]), 1), "does not read the layer before it"),
        (b"no model", "not a .tflite file"),
    ],
)
def test_what_the_accelerator_cannot_run_is_refused_by_name(encoder: bytes, words: str) -> None:
    with pytest.raises(GlimpseError, match=words):
        from_tflite.write(encoder)


def test_a_file_beyond_its_place_in_flash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_tflite, "MOST_FILE", 1000)
    with pytest.raises(GlimpseError, match="more than the 1,000 of its place in flash"):
        from_tflite.write(_small())


# ---- the file


def test_files_are_parsed_to_what_was_written() -> None:
    for vector in read_vectors():
        assert write(parse(vector.kmodel)) == vector.kmodel
    file = from_tflite.write(ENCODER, dequantize=True)
    kmodel = parse(file)
    assert write(kmodel) == file
    shapes = [(x.in_channels, x.in_height, x.out_channels, x.out_height, x.kernel, x.pool) for x in kmodel.layers[:-1]]
    assert shapes == [
        (3, 112, 64, 56, 3, "max2"),
        (64, 56, 64, 28, 3, "max2"),
        (64, 28, 64, 14, 3, "max2"),
        (64, 14, 8, 14, 3, "none"),
    ]
    assert kmodel.outputs == [Output(1568, 4 * 1568)] and kmodel.main_memory == 5 * 1568
    assert sum(len(layer.weights_data) for layer in kmodel.layers[:-1]) == 80_064


def test_published_layer_types_are_described() -> None:
    body = struct.pack("<6i", 1, 2, 3, 4, 5, 6)
    conv = parse(from_tflite.write(_small())).layers
    for kind, name in LAYER_NAMES.items():
        if kind not in (12, 13, 10240):
            layer = parse(write(Kmodel([*conv, OtherLayer(kind, body)], [Output(0, 8)], 64))).layers[-1]
            assert isinstance(layer, OtherLayer) and layer.name == name
    upload = parse(write(Kmodel([*conv, OtherLayer(10243, body)], [Output(0, 8)], 64))).layers[-1]
    assert upload.fields == {
        "flags": 1,
        "main_memory_in": 2,
        "kpu_memory_out": 3,
        "width": 4,
        "height": 5,
        "channels": 6,
    }
    unknown = parse(write(Kmodel([*conv, OtherLayer(777, body)], [Output(0, 8)], 64)))
    assert unknown.layers[-1].name == "unknown type 777"
    with pytest.raises(GlimpseError, match="layer 3 of the kmodel, unknown type 777, is not simulated"):
        Simulator(unknown)


@pytest.mark.parametrize("version", [4, 5])
def test_later_versions_are_refused_by_number(version: int) -> None:
    with pytest.raises(GlimpseError, match=f"it is a kmodel of version {version}, which MaixPy v1 does not load"):
        parse(b"LDMK" + struct.pack("<I", version) + bytes(100))


def test_a_file_cut_short_anywhere_is_refused() -> None:
    file = from_tflite.write(_small(), dequantize=True)
    for length in range(len(file)):
        with pytest.raises(GlimpseError, match=r"^x\.kmodel cannot be used: "):
            parse(file[:length], "x.kmodel")
    with pytest.raises(GlimpseError, match="3 bytes lie behind its last layer"):
        parse(file + bytes(3))


def test_the_last_body_may_lack_its_padding_as_in_published_files() -> None:
    body = struct.pack("<5I", 1, 0, 0, 4, 0)
    file = write(Kmodel([*parse(from_tflite.write(_small())).layers, OtherLayer(25, body)], [Output(0, 8)], 64))
    assert parse(file[:-4]).layers[-1].body == body


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel_type": 2}, "kernel type 2 is neither"),
        ({"pool_type": 10}, "pooling type 10 is unknown"),
        ({"o_row_wid": 4}, "8 x 12 values do not become 4 x 5"),
        ({"image_src_addr": (1 << 15) - 1}, "the input lies outside the KPU's memory"),
        ({"image_dst_addr": (1 << 15) - 1}, "the output lies outside the KPU's memory"),
        ({"coef_group": 1}, "the input's rows do not lie"),
        ({"wb_group": 1}, "the output's rows do not lie"),
        ({"para_size": 5}, "the weights are not loaded whole"),
        ({"depth_wise_layer": 1}, "other channels out than in"),
    ],
)
def test_registers_that_contradict_each_other_are_refused(change: dict[str, int], words: str) -> None:
    kmodel = parse(from_tflite.write(_small()))
    first = kmodel.layers[0]
    broken = replace(first, registers=replace(first.registers, **change))
    with pytest.raises(GlimpseError, match=f"in layer 1, k210 conv, .*{words}"):
        parse(write(replace(kmodel, layers=[broken, *kmodel.layers[1:]])))


def test_a_hundred_thousand_mutations_break_nothing() -> None:
    file = from_tflite.write(_small(), dequantize=True)
    rng = random.Random(210)
    used = [place for place in range(len(file)) if file[place]]
    accepted = 0
    for number in range(100_000):
        broken = bytearray(file)
        for _ in range(rng.choice((1, 1, 2, 8))):
            # Mostly where something stands: between the parts lie hundreds of zeros.
            place = rng.choice(used) if rng.random() < 0.7 else rng.randrange(len(file))
            broken[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, broken[place] ^ 1 << rng.randrange(8)))
        if number % 10 == 0:
            del broken[rng.randrange(len(file)) :]
        try:
            kmodel = parse(bytes(broken))
            accepted += 1
            if accepted % 50 == 0:
                simulator = Simulator(kmodel)
                simulator.run(np.zeros(simulator.in_shape, np.uint8))
        except GlimpseError as error:
            assert "\n" not in str(error)
    assert 1000 < accepted < 95_000


@given(st.binary(max_size=400), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_parsed_or_refused(data: bytes, headed: bool) -> None:
    header = struct.pack("<7I", 3, 1, 0, 1, 0, 64, 1) + struct.pack("<2I", 0, 8) if headed else b""
    try:
        parse(header + data)
    except GlimpseError as error:
        assert str(error).startswith("the kmodel cannot be used")


# ---- words


@given(st.integers(0, (1 << 64) - 1).flatmap(lambda seed: st.just(random.Random(seed))))
@settings(max_examples=100, deadline=None)
def test_words_survive_being_written(rng: random.Random) -> None:
    words = bytes(rng.randrange(256) for _ in range(96))
    registers = read_registers(words, 0)
    assert read_registers(write_registers(registers), 0) == registers
    norm = read_batch_norm(words)
    again = read_batch_norm(write_batch_norm(norm))
    assert all(np.array_equal(a, b) for a, b in zip(vars(norm).values(), vars(again).values(), strict=True))
    table = Activation(
        tuple(sorted(rng.randrange(-(1 << 35), 1 << 35) for _ in range(16))),
        tuple(rng.randrange(-(1 << 15), 1 << 15) for _ in range(16)),
        tuple(rng.randrange(44) for _ in range(16)),
        tuple(rng.randrange(256) for _ in range(16)),
    )
    assert read_activation(write_activation(table), 0) == table


def test_what_does_not_fit_its_bits_is_named() -> None:
    with pytest.raises(ValueError, match="i_ch_num = 1024 does not fit 10 bits"):
        write_registers(Registers(i_ch_num=1024))
    kmodel = parse(from_tflite.write(_small()))
    wide = replace(kmodel.layers[0], registers=replace(kmodel.layers[0].registers, arg_x=1 << 23))
    with pytest.raises(GlimpseError, match="layer 1 cannot be written as a kmodel: arg_x = 8388608"):
        write(replace(kmodel, layers=[wide]))


# ---- the simulator


@pytest.mark.parametrize("vector", read_vectors(), ids=lambda vector: vector.name)
def test_the_simulator_gives_what_nncase_gives(vector: object) -> None:
    simulator = Simulator(parse(vector.kmodel))
    pictures = np.frombuffer(vector.pictures, np.uint8).reshape(-1, *simulator.in_shape)
    results = np.frombuffer(vector.results, np.uint8).reshape(-1, *simulator.out_shape)
    for picture, result in zip(pictures, results, strict=True):
        assert np.array_equal(simulator.run(picture), result)


def _any_layer(rng: np.random.Generator, pool: int) -> ConvLayer:
    """A layer with numbers that no compiler would choose."""
    depthwise = bool(rng.random() < 0.3)
    channels = int(rng.integers(1, 6))
    out = channels if depthwise else int(rng.integers(1, 6))
    height, width = (int(rng.integers(4, 10)) for _ in range(2))
    side = int(rng.choice([1, 3]))
    stride = POOLS[pool][2]
    out_height, out_width = height // stride, width // stride
    rows, out_rows = rows_of(width), rows_of(out_width)
    weights = rng.integers(0, 256, (out, 1 if depthwise else channels, side, side)).astype(np.uint8)
    registers = Registers(
        depth_wise_layer=int(depthwise),
        image_dst_addr=(KPU_MEMORY >> 6) - lines_of(out, out_height, out_width),
        i_ch_num=channels - 1,
        o_ch_num=out - 1,
        o_ch_num_coef=out - 1,
        i_row_wid=width - 1,
        i_col_high=height - 1,
        o_row_wid=out_width - 1,
        o_col_high=out_height - 1,
        kernel_type=side // 2,
        pool_type=pool,
        pad_value=int(rng.integers(256)),
        para_size=weights.size,
        channel_switch_addr=rows.lines * height,
        row_switch_addr=rows.lines,
        coef_group=rows.groups,
        wb_channel_switch_addr=out_rows.lines * out_height,
        wb_row_switch_addr=out_rows.lines,
        wb_group=out_rows.groups,
        arg_x=int(rng.integers(-(1 << 20), 1 << 20)),
        shr_x=int(rng.integers(10, 16)),
        arg_w=int(rng.integers(-(1 << 20), 1 << 20)),
        shr_w=int(rng.integers(10, 16)),
        arg_add=int(rng.integers(-(1 << 16), 1 << 16)),
        dma_total_byte=out * out_height * out_width - 1,
    )
    norm = BatchNorm(
        rng.integers(-(1 << 12), 1 << 12, out), rng.integers(0, 16, out), rng.integers(-(1 << 20), 1 << 20, out)
    )
    table = Activation(
        (-(1 << 35), *sorted(int(v) for v in rng.integers(-(1 << 26), 1 << 26, 15))),
        tuple(int(v) for v in rng.integers(-(1 << 15), 1 << 15, 16)),
        tuple(int(v) for v in rng.integers(0, 44, 16)),
        tuple(int(v) for v in rng.integers(0, 256, 16)),
    )
    return ConvLayer(registers, weights.tobytes(), write_batch_norm(norm), table, main_memory_out=0)


@pytest.mark.parametrize("pool", range(len(POOLS)), ids=[name for name, _, _ in POOLS])
def test_any_layer_is_run_as_the_page_says(pool: int) -> None:
    rng = np.random.default_rng(pool)
    for _ in range(6):
        layer = _any_layer(rng, pool)
        memory = -(-layer.out_bytes // 8) * 8
        simulator = Simulator(parse(write(Kmodel([layer], [Output(0, layer.out_bytes)], memory))))
        picture = rng.integers(0, 256, simulator.in_shape).astype(np.uint8)
        assert np.array_equal(simulator.run(picture), slow_kpu.run(layer, picture))


def test_halves_and_edges_of_pieces() -> None:
    starts = (-(1 << 35), 0, 100, *[(1 << 35) - 1] * 13)
    table = Activation(starts, (0, 1, -3, *[0] * 13), (0, 1, 2, *[0] * 13), (7, 10, 60, *[0] * 13))
    values = np.array([-(1 << 35), -1, 0, 1, 2, 3, 5, 99, 100, 101, 102, 103])
    expected = [slow_kpu.active(table, int(value)) for value in values]
    assert activate(table, values).tolist() == expected
    # 0.5 to 10, 1.5 and 2.5 to 12; a value at a start still belongs to the piece before.
    assert expected[:9] == [7, 7, 7, 10, 11, 12, 12, 60, 60]


def test_bytes_go_through_a_table_and_to_floats() -> None:
    kmodel = parse(from_tflite.write(_small()))
    size = kmodel.outputs[0].size
    picture = _chw(test_photos(8, 12, 12)[11])
    plain = Simulator(kmodel).run(picture)
    table = Requantize(0, 0, size, bytes(255 - i for i in range(256)))
    turned = replace(kmodel, layers=[*kmodel.layers, table])
    assert np.array_equal(Simulator(parse(write(turned))).run(picture), 255 - plain)
    real = replace(kmodel, layers=[*kmodel.layers, Dequantize(0, size, size, 0.5, -3.0)], main_memory=5 * size)
    floats = Simulator(parse(write(replace(real, outputs=[Output(size, 4 * size)])))).run(picture)
    assert np.array_equal(floats, plain * np.float32(0.5) - 3)


def test_sums_beyond_the_accelerators_bits_are_an_error() -> None:
    kmodel = parse(from_tflite.write(_small()))
    layer = replace(kmodel.layers[0], registers=replace(kmodel.layers[0].registers, arg_add=1 << 38))
    with pytest.raises(GlimpseError, match="the sums of the kmodel's layer 1 leave the KPU's 36 bits"):
        Simulator(replace(kmodel, layers=[layer, *kmodel.layers[1:]])).run(np.zeros((3, 8, 12), np.uint8))
    with pytest.raises(GlimpseError, match=r"the kmodel takes uint8 \[3, 8, 12\]"):
        Simulator(kmodel).run(np.zeros((3, 8, 8), np.uint8))


# ---- nncase


def test_a_compiled_file_of_version_5_becomes_version_3() -> None:
    vector = read_vectors()[0]
    assert write(repack(vector.version5)) == vector.kmodel
    rng = random.Random(5)
    for _ in range(2000):
        broken = bytearray(vector.version5[: rng.choice((len(vector.version5), rng.randrange(len(vector.version5))))])
        if broken:
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            repack(bytes(broken))
        except GlimpseError as error:
            assert "nncase" in str(error)


def test_the_float_network_is_the_int8_one_without_rounding() -> None:
    from ai_edge_litert.interpreter import Interpreter

    network = read_network(ENCODER)
    interpreter, reference = Interpreter(model_content=float_encoder(network)), LiteRt(ENCODER)
    interpreter.allocate_tensors()
    quantisation = network.layers[-1].out_quantisation
    for photo in test_photos(112, 112, 26)[20:]:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo[None].astype(np.float32) / 255)
        interpreter.invoke()
        real = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        found = (reference.run(photo)[0].astype(int) - quantisation.zero) * quantisation.scale
        assert 10 * np.log10(np.mean(real**2) / np.mean((real - found) ** 2)) > 30


@needs_nncase
def test_nncase_and_the_simulator_agree_where_nncase_runs() -> None:
    from support.make_vectors_kmodel import compiled

    for seed in (50, 51, 52):
        compiled(seed)  # refuses when a single byte differs


@needs_nncase
def test_both_ways_give_the_same_latent() -> None:
    calibration = calibration_patches(224, 2)
    compiled = Simulator(parse(nncase.write_with_nncase(ENCODER, calibration)))
    direct = Simulator(parse(from_tflite.write(ENCODER)))
    zero = read_network(ENCODER).layers[-1].out_quantisation.zero + 128
    pictures = [_chw(patch) for patch in calibration[:8]]
    wanted = np.array([direct.run(picture) for picture in pictures]) - float(zero)
    found = np.array([compiled.run(picture) for picture in pictures]) - float(zero)
    assert 10 * np.log10(np.mean(wanted**2) / np.mean((wanted - found) ** 2)) > 28  # on 50 photos: results/kmodel.json


def test_the_measured_numbers_keep_their_promises() -> None:
    numbers = json.loads((STARFISH / "results" / "kmodel.json").read_text())
    assert numbers["photos"] >= 50 and numbers["direct"]["largest"] <= 1
    other = numbers["nncase"]
    assert other["bit_exact"] == numbers["executions"] and other["snr_db"] >= 30
    assert abs(other["ms_ssim_difference"]["mean"]) <= 0.005


def _program(place: Path, says: str, code: int = 0) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho '{says}'\necho '{says}' >&2\nexit {code}\n")
    place.chmod(0o755)


def test_a_python_is_taken_only_if_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    _program(tmp_path / "shims" / "python3.10", "python3.10: not installed", 127)
    _program(tmp_path / "shims" / "python3.9", "Python 3.11.2")
    assert nncase.interpreter() is None
    real = tmp_path / "versions" / "3.9.18" / "bin" / "python"
    _program(real, "Python 3.9.18")
    assert nncase.interpreter() == real


def test_an_environment_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    _program(broken, "no module named venv", 1)
    monkeypatch.setattr(nncase, "environment_folder", lambda: tmp_path / "environment")
    monkeypatch.setattr(nncase, "interpreter", lambda: broken)
    with pytest.raises(GlimpseError, match=r"an environment for nncase cannot be made \(no module named venv\)"):
        nncase.environment_python()
    assert nncase.ready() is None


def test_without_a_python_for_it_nncase_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nncase, "environment_folder", lambda: tmp_path / "none")
    monkeypatch.setattr(nncase, "interpreter", lambda: None)
    with pytest.raises(GlimpseError, match=r"Python 3\.9 and 3\.10 only and neither is on PATH"):
        nncase.write_with_nncase(ENCODER, np.zeros((1, 112, 112, 3), np.uint8))


# ---- the command


def test_export_writes_a_kmodel(glimpse: Glimpse, tmp_path: Path) -> None:
    place = tmp_path / "node.kmodel"
    code, out, _ = glimpse("export", "starfish", "--kmodel", "-o", place, "--json", tmp_path / "numbers.json")
    assert code == 0 and "83,600 bytes, version 3" in out
    assert place.read_bytes() == from_tflite.write(ENCODER)
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert (numbers["way"], numbers["executions"], numbers["weights_bytes"]) == ("direct", 4, 80_064)
    code, _, _ = glimpse("export", "starfish", "--kmodel", "--dequantize", "-o", place)
    assert code == 0 and isinstance(parse(place.read_bytes()).layers[-1], Dequantize)


def test_a_new_encoder_takes_the_kmodel_with_it(tmp_path: Path) -> None:
    (tmp_path / "encoder.tflite").write_bytes(_small())
    renew(tmp_path)
    assert not (tmp_path / "encoder.kmodel").exists()
    (tmp_path / "encoder.kmodel").write_bytes(b"of the old one")
    renew(tmp_path)
    assert (tmp_path / "encoder.kmodel").read_bytes() == from_tflite.write(_small())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("mcucoder", "--kmodel"), 1, "its kernel is 7 x 7"),
        (("nothing", "--kmodel"), 1, "there is no model 'nothing'"),
        (("run", "--nncase"), 2, "add --kmodel"),
        (("run",), 2, "needs --data PHOTOS and --out FOLDER"),
        (("starfish", "--kmodel", "--archive", "old"), 2, "--header and --archive are for the export of a training"),
    ],
)
def test_export_says_what_is_wrong(glimpse: Glimpse, words: tuple[str, ...], code: int, sentence: str) -> None:
    found, _, err = glimpse("export", *words)
    assert found == code and sentence in err and "Traceback" not in err
