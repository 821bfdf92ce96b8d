# SPDX-License-Identifier: Apache-2.0
"""Any model can be built into a firmware and benched: one as large as Starfish, one with LimitNet's side branch."""

from pathlib import Path

import pytest
from glimpse import bench, firmware, zoo
from glimpse.errors import GlimpseError
from glimpse.export import tflm
from glimpse.export.cost import cost_of, network_cost
from glimpse.export.tflite_reader import read_network
from glimpse.targets import open_node
from glimpse.targets.sim import ENVIRONMENTS, SimNode
from glimpse.zoo import ZooModel
from support.model_folders import limitnet_folder, starfish_folder, write_folder
from support.nodes import ProgramNode, build_node_program
from support.photos import test_photos as make_photos
from support.random_networks import PUBLISHED_TRUNK, Plan, Step, build_tflite

PAYLOAD = 242
MOST_COUNTING = 0.006
"""Of the network's instructions: what it costs to count each layer, and another memcpy; 0.004 of the standard model."""
FOLDERS = firmware.root() / ".pio" / "test_models"
"""Not a temporary folder: an image is kept for every place of a model."""


@pytest.fixture(scope="module")
def starfish() -> ZooModel:
    return starfish_folder(FOLDERS / "starfish")


@pytest.fixture(scope="module")
def limitnet() -> ZooModel:
    return limitnet_folder(FOLDERS / "limitnet")


def _photo(model: ZooModel):
    return make_photos(model.binding.photo_height, model.binding.photo_width, 25)[-1]


def _expected(model: ZooModel) -> list[bytes]:
    """Raw packets of these models are their latents, value for value."""
    with open_node("native", model) as node:
        return node.capture(_photo(model), payload=PAYLOAD, coding="raw").packets


def test_starfish_on_an_emulated_core(starfish: ZooModel) -> None:
    numbers = bench.measure("sim:cortex-m7", starfish, _photo(starfish), frames=1, coding="raw", whole_tensor=True)
    assert numbers["model"] == "starfish"
    assert numbers["ram_bytes"]["buffers"] == starfish.binding.buffer_bytes > 20480
    assert numbers["ram_bytes"]["latent"] == 28 * 28 * 8
    assert numbers["flash_bytes"]["model"] == len(starfish.blob)
    assert numbers["whole_tensor"] is None
    assert numbers["macs"] < numbers["instructions"] < 3 * numbers["macs"]
    with open_node("sim:cortex-m7", starfish) as node:
        info = node.identify()
        assert (info.slot, info.buffer_bytes) == (None, starfish.binding.buffer_bytes)
        assert node.capture(_photo(starfish), payload=PAYLOAD, coding="raw").packets == _expected(starfish)


def test_starfish_in_a_node_program(starfish: ZooModel, tmp_path: Path) -> None:
    program = build_node_program(tmp_path, starfish.folder)
    with ProgramNode(program, tmp_path) as node:
        assert node.capture(_photo(starfish), payload=PAYLOAD, coding="raw").packets == _expected(starfish)


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m33"])
def test_a_side_branch_on_emulated_cores(limitnet: ZooModel, core: str) -> None:
    numbers = bench.measure(f"sim:{core}", limitnet, _photo(limitnet), frames=2, coding="raw", whole_tensor=True)
    assert limitnet.binding.side_bytes == 28 * 28
    assert numbers["ram_bytes"]["buffers"] == limitnet.binding.buffer_bytes
    assert numbers["ram_bytes"]["total"] <= 36 * 1024
    assert len(set(numbers["counts"])) == 1
    whole = numbers["whole_tensor"]
    assert whole["same_latent"] and whole["same_side"]
    assert len(whole["by_layer"]) == 8
    network = numbers["network_by_layer"]
    assert [layer["whole_tensor"] for layer in network["layers"]] == whole["by_layer"]
    assert sum(layer["macs"] for layer in network["layers"]) == numbers["macs"]
    counted = sum(layer["instructions"] for layer in network["layers"]) + network["between"]
    assert counted == pytest.approx(network["instructions"], abs=9)
    stage = numbers["instructions_by_stage"]["network"]
    assert 0 < network["more_than_node"] == network["instructions"] - stage < MOST_COUNTING * stage
    assert numbers["instructions"] < whole["instructions"]
    with open_node(f"sim:{core}", limitnet) as node:  # map and order too: both are in the packets
        assert node.capture(_photo(limitnet), payload=PAYLOAD, coding="raw").packets == _expected(limitnet)


def test_the_standard_image_offers_what_it_always_did() -> None:
    with SimNode(ENVIRONMENTS["cortex-m7"], zoo.load()) as node:
        info = node.identify()
    assert (info.slot, info.buffer_bytes, info.latent_bytes) == (None, 20480, 9408)


def test_images_of_models_do_not_displace_each_other(starfish: ZooModel) -> None:
    standard = firmware.elf_path("qemu_cortex_m7")
    assert firmware.elf_path("qemu_cortex_m7", zoo.load().folder) == standard
    assert firmware.elf_path("qemu_cortex_m7", starfish.folder) != standard
    built = firmware.build("qemu_cortex_m7", starfish.folder)
    assert starfish.blob in built.read_bytes()
    assert zoo.load().blob in firmware.build("qemu_cortex_m7").read_bytes()


def test_naming_the_standard_model_keeps_what_is_built() -> None:
    """PlatformIO empties its folder when this file says something else than before."""
    seen = []
    for model in (None, zoo.load().folder):
        firmware.platformio("run", "-e", "native", "-t", "envdump", model=model)
        seen.append((firmware.build_folder() / "project.checksum").read_text())
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "plan, patches, lacking",
    [
        # 200,704 weights
        (Plan((16, 16), [Step("conv", (7, 7), (2, 2), True, 64), Step("conv", (7, 7), (1, 1), True, 64)]), 1, "flash"),
        # four windows of 88 * 9 * 100 bytes
        (Plan((64, 80), [Step("conv", (1, 1), (1, 1), True, 100), Step("conv", (9, 9), (4, 4), True, 1)]), 4, "RAM"),
    ],
)
def test_what_does_not_fit_a_board_is_said_in_a_sentence(plan: Plan, patches: int, lacking: str) -> None:
    for index, step in enumerate(plan.steps):
        step.input = index - 1
    plan.outputs = [len(plan.steps) - 1]
    model = write_folder(FOLDERS / "large", plan, patches=patches)
    with pytest.raises(GlimpseError, match=rf"^model large does not fit stm32f746g_disco: .* bytes more {lacking}"):
        firmware.build("stm32f746g_disco", model.folder)


def test_tflm_refuses_patches(starfish: ZooModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tflm.main([str(starfish.folder), str(tmp_path / "out.h")]) == 1
    assert "patches" in capsys.readouterr().err


def test_costs_of_the_published_networks(starfish: ZooModel, limitnet: ZooModel) -> None:
    trunk = network_cost(read_network(build_tflite(PUBLISHED_TRUNK, 1)))
    assert (trunk.macs, trunk.weights) == (35_875_840, 10_480)
    fish = cost_of(starfish.folder)
    # 3 -> 64 at 224 x 224, 64 -> 64 at 112 and 56, 64 -> 8 at 28: patches change nothing in this
    assert fish.macs == 9 * (3 * 64 * 224**2 + 64 * 64 * 112**2 + 64 * 64 * 56**2 + 64 * 8 * 28**2)
    assert fish.weights == 80_064 == 9 * (3 * 64 + 64 * 64 + 64 * 64 + 64 * 8)
    net = cost_of(limitnet.folder)
    branch = 9 * (12 * 16 + 16 * 16 + 16 * 8 + 8 * 4 + 4)
    assert (net.weights, net.macs) == (trunk.weights + branch, trunk.macs + 28 * 28 * branch)
