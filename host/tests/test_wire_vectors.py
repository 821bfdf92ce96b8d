# SPDX-License-Identifier: Apache-2.0
"""docs/vectors/wire-v1.json: both implementations give its packets, and the specification's example is in it."""

import json
from itertools import chain, repeat

import pytest
from support import make_vectors
from support import wire_reference as reference
from support.core_library import CoreLibrary

VECTORS = json.loads(make_vectors.VECTORS.read_text())
SPECIFICATION = make_vectors.VECTORS.parents[1] / "wire-format.md"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> CoreLibrary:
    return CoreLibrary(tmp_path_factory.mktemp("core"))


def tuples(value: object) -> object:
    """JSON's lists as tuples, all the way down."""
    return tuple(tuples(part) for part in value) if isinstance(value, list) else value


def codec_of(fields: dict) -> reference.Codec:
    plain = {name: tuples(value) for name, value in fields.items()}
    contexts, saliency = fields["contexts"], fields["saliency"]
    if contexts:
        plain["contexts"] = tuple(
            reference.Context(**{name: tuples(value) for name, value in context.items()}) for context in contexts
        )
    if saliency:
        plain["saliency"] = reference.Saliency(**{name: tuples(value) for name, value in saliency.items()})
    return reference.Codec(**plain)


def test_file_is_what_the_reference_writes() -> None:
    assert make_vectors.VECTORS.read_text() == make_vectors.text()


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda vector: vector["name"])
def test_core_packs_and_unpacks_the_vector(core: CoreLibrary, vector: dict) -> None:
    codec, symbols = codec_of(vector["codec"]), bytes.fromhex(vector["symbols"])
    sizes = chain(vector["payloads"], repeat(vector["payloads"][-1]))
    packets = core.pack(codec, symbols, vector["frame"], vector["coding"], sizes, vector["side"])
    assert [packet.hex() for packet in packets] == vector["packets"]
    taken: dict[int, int] = {}
    for packet in reversed(packets):
        taken |= core.unpack(codec, vector["frame"], packet)
    assert bytes(taken[at] for at in range(codec.symbols)) == symbols


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=lambda vector: vector["name"])
def test_core_rejects_the_vector(core: CoreLibrary, vector: dict) -> None:
    codec = next(codec_of(frame["codec"]) for frame in VECTORS["frames"] if frame["name"] == vector["codec_of"])
    assert core.unpack(codec, 33, bytes.fromhex(vector["packet"])) == vector["reason"]


def test_quantiser_gives_the_example(core: CoreLibrary) -> None:
    latent = bytes(value % 256 for value in VECTORS["example_latent"])
    assert core.quantise(codec_of(VECTORS["frames"][0]["codec"]), latent).hex() == VECTORS["frames"][0]["symbols"]


def test_specification_shows_the_example() -> None:
    text = SPECIFICATION.read_text().replace(" ", "").lower()
    for vector in VECTORS["frames"][:4]:
        for packet in vector["packets"]:
            assert packet in text
