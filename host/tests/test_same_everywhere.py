# SPDX-License-Identifier: Apache-2.0
"""The same bytes from every node: this process, the emulated Cortex-M7 and the emulated Cortex-M33."""

import dataclasses
import json
import random

import numpy as np
import pytest
from glimpse import binding, regression, zoo
from glimpse.binding.control import Downlink, Set, write_downlink
from glimpse.export.blob import CodecSpec, build_blob
from glimpse.export.tflite_reader import read_network
from glimpse.targets import open_node
from glimpse.targets.sim import ENVIRONMENTS, SimNode
from support.networks import codec_for
from support.nodes import ProgramNode
from support.photos import test_photos as make_photos
from support.random_networks import build_tflite, random_plan, saliency_plan
from typer.testing import CliRunner

CORES = ["cortex-m7", "cortex-m33"]
PHOTOS, NETWORKS = 100, 20


@dataclasses.dataclass
class BlobModel:
    """A bare blob in the place of a model folder."""

    blob: bytes

    def __post_init__(self):
        self.binding = binding.Model(self.blob)


def transparent(encoder):
    """A model whose raw packets are its int8 latent, value for value, so that latents can be compared over the air."""
    network = read_network(encoder)
    channels = network.layers[network.latent].out_shape[2]
    spec = CodecSpec(
        model=30,
        revision=0,
        name="transparent",
        levels=256,
        order="interleaved",
        stride=1,
        offset=0,
        minimum=[-128 * 256] * channels,
        step=[256] * channels,
        cumulative=None,
    )
    return BlobModel(build_blob(encoder, spec))


def latent_of(model, packets):
    symbols, received = (np.zeros(model.binding.latent_shape, np.uint8) for _ in range(2))
    for packet in packets:
        model.binding.unpack(packet, symbols, received)
    assert received.all()
    return (symbols.astype(np.int16) - 128).astype(np.int8)


@pytest.mark.parametrize("core", CORES)
def test_latents_of_photos(core):
    model = transparent((zoo.load().folder / "encoder.tflite").read_bytes())
    rows, columns = model.binding.photo_height, model.binding.photo_width
    with SimNode(ENVIRONMENTS[core], model) as node:
        for photo in make_photos(rows, columns, PHOTOS):
            packets = node.capture(photo, payload=242, coding="raw").packets
            np.testing.assert_array_equal(latent_of(model, packets), model.binding.encode_latent(photo))


@pytest.mark.parametrize("core", CORES)
def test_latents_of_random_networks(core):
    done = seed = 0
    while done < NETWORKS:
        seed += 1
        model = transparent(build_tflite(random_plan(np.random.default_rng(seed)), seed))
        if model.binding.buffer_bytes > 20480 or model.binding.symbol_count > 9408:
            continue  # more than the node's build offers
        done += 1
        photo = make_photos(model.binding.photo_height, model.binding.photo_width, 25)[-1]
        with SimNode(ENVIRONMENTS[core], model) as node:
            packets = node.capture(photo, payload=242, coding="raw").packets
        np.testing.assert_array_equal(latent_of(model, packets), model.binding.encode_latent(photo))


@pytest.mark.parametrize("core", CORES)
def test_packets_with_contexts_in_the_order_of_saliency(core):
    encoder = build_tflite(saliency_plan((56, 72), channels=9), 5)
    model = BlobModel(build_blob(encoder, codec_for(encoder, contexts=True, saliency=(5, 6))))
    photos = make_photos(model.binding.photo_height, model.binding.photo_width, 4)
    by_rank = 0
    with SimNode(ENVIRONMENTS[core], model) as node:
        for photo, payload, coding in zip(photos, (11, 51, 222, 51), ("range", "range", "range", "raw"), strict=True):
            latent, side = model.binding.encode_outputs(photo)
            symbols = model.binding.quantise(latent)
            capture = node.capture(photo, payload=payload, coding=coding)
            assert capture.packets == model.binding.pack(symbols, payload=payload, coding=coding, saliency=side)
            assert capture.stats.symbols == model.binding.symbol_count
            if payload > 11:  # in the smallest ones, gain decides more than so flat a map
                by_rank += capture.packets == model.binding.pack(symbols, payload=payload, coding=coding)
    assert by_rank == 0  # the map decides


def test_the_same_glp_from_the_command_line(tmp_path):
    from glimpse.cli import app
    from PIL import Image

    Image.fromarray(make_photos(300, 400, 20)[-1]).save(tmp_path / "photo.png")
    files = []
    for target in ("native", "sim:cortex-m7", "sim:cortex-m33"):
        out = tmp_path / f"{len(files)}.glp"
        result = CliRunner().invoke(app, ["encode", str(tmp_path / "photo.png"), "-o", str(out), "--target", target])
        assert result.exit_code == 0, result.output
        files.append(out.read_bytes())
    assert len(files[0]) > 1000
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize("core", CORES)
def test_resources(core, tmp_path):
    from glimpse.cli import app

    out = tmp_path / "bench.json"
    result = CliRunner().invoke(app, ["bench", "--target", f"sim:{core}", "--json", str(out)])
    assert result.exit_code == 0, result.output
    numbers = json.loads(out.read_text())
    assert len(set(numbers["counts"])) == 1, "instructions must repeat to the unit"
    assert numbers["ram_bytes"]["total"] <= 32 * 1024
    assert numbers["ram_bytes"]["stack_peak"] > 0
    assert numbers["flash_bytes"]["total"] <= 96 * 1024
    assert numbers["whole_tensor"]["same_latent"]
    # 102.8 M is the same trunk whole-tensor on the Cortex-M7, measured apart from this repository.
    changes = regression.against_ceiling("mcucoder", core, numbers)
    assert not regression.worse(changes), regression.sentence(changes)
    assert numbers["jpeg"]["files"], "libstb-dev is not installed"
    assert numbers["instructions"] <= 1.05 * min(102.8e6, numbers["whole_tensor"]["instructions"])


@pytest.mark.parametrize("core", CORES)
def test_a_camera_of_another_size_is_cut_as_on_any_node(core, program, tmp_path):
    picture = make_photos(300, 400, 20)[-1]
    packets = []
    with SimNode(ENVIRONMENTS[core], zoo.load()) as sim, ProgramNode(program, tmp_path) as native:
        for node, folder in ((sim, sim.folder), (native, tmp_path)):
            (folder / "camera.ppm").write_bytes(b"P6\n400 300\n255\n" + picture.tobytes())
            node.downlink(write_downlink(Downlink(1, (Set({"crop": (20, 230, 40, 200)}),))))
            packets.append(super(SimNode, sim).capture(None).packets if node is sim else node.capture(None).packets)
    assert packets[0] == packets[1] and len(packets[0]) > 3


@pytest.mark.parametrize("core", CORES)
def test_uploads_over_the_emulated_serial_line_polled_and_by_interrupt(core):
    model = transparent(build_tflite(random_plan(np.random.default_rng(1)), 1))
    photo = make_photos(model.binding.photo_height, model.binding.photo_width, 25)[-1]
    with SimNode(ENVIRONMENTS[core], zoo.load()) as node:
        node.send_model(model.blob, 0)
        for mode in (0, 1, 0, 1):  # bytes taken by polling, by interrupt, and nothing lost in between
            node.request("NODE_LINE", bytes((mode,)))
            packets = super(SimNode, node).capture(photo, payload=242, coding="raw").packets
            np.testing.assert_array_equal(latent_of(model, packets), model.binding.encode_latent(photo))
            assert node.health().serial_overruns == 0


@pytest.mark.parametrize("core", CORES)
def test_survives_garbage_on_the_emulated_line(core):
    model = zoo.load()
    rng = random.Random(5)
    with SimNode(ENVIRONMENTS[core], model) as node:
        for _ in range(100):
            node.stream.write(rng.randbytes(rng.randrange(1, 200)))
        node.stream.write(b"\0")
        health = node.health()
        assert health.broken_frames > 0
        assert health.boots == 1
        photo = make_photos(224, 224, 25)[-1]
        assert node.capture(photo).packets == open_node("native", model).capture(photo).packets
