# SPDX-License-Identifier: Apache-2.0
"""Models sent to a node: signed where it demands that, on trial until they have made a photo, power cuts or not."""

import subprocess
from pathlib import Path

import pytest
from glimpse import binding
from glimpse.binding import signing
from glimpse.errors import GlimpseError
from glimpse.export.header import header_text
from glimpse.signing import Signer, make_signer, read_signer, split_signed
from support.core_library import FIRMWARE, MONOCYPHER, SANITIZERS, WARNINGS, build_monocypher
from support.networks import CMSIS_NN, kernel_sources
from support.nodes import ProgramNode
from support.small_models import tiny_model

NATIVE = FIRMWARE.parent / "boards" / "native"

BUILT_IN = binding.protocol("NODE_BUILTIN_MODEL")


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return make_signer(tmp_path / "owner")


@pytest.fixture
def node(program: Path, tmp_path: Path):
    with ProgramNode(program, tmp_path) as running:
        yield running


def check_of(blob: bytes) -> int:
    return int.from_bytes(blob[12:16], "little")


def photo(node: ProgramNode) -> None:
    node.capture(None, pattern=True, coding="raw")


# ---- signatures


def test_what_is_signed_holds_and_nothing_else(tmp_path: Path):
    signer = make_signer(tmp_path / "s")
    signature = signing.sign(signer.seed, b"a model")
    assert signing.check(signature, signer.public, b"a model")
    for at in range(0, 512, 37):
        bit = bytes(1 << at % 8 if byte == at // 8 else 0 for byte in range(64))
        assert not signing.check(bytes(a ^ b for a, b in zip(signature, bit, strict=True)), signer.public, b"a model")
    assert not signing.check(signature, signer.public, b"b model")
    assert not signing.check(signature, make_signer(tmp_path / "t").public, b"a model")
    assert not signing.check(signature[:-1], signer.public, b"a model")


def test_a_signer_is_a_file_of_its_owners(tmp_path: Path):
    made = make_signer(tmp_path / "s")
    assert read_signer(tmp_path / "s") == made and made.seed.hex() not in repr(made)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    for text in ("", "glimpse-signer 1\nseed 12\n", "glimpse-signer 2\nseed " + made.seed.hex(), "\xff"):
        (tmp_path / "s").write_text(text, "latin-1")
        with pytest.raises(GlimpseError, match="not a signer's file, or damaged") as caught:
            read_signer(tmp_path / "s")
        assert made.seed.hex()[:8] not in str(caught.value)
    (tmp_path / "s").chmod(0o640)
    with pytest.raises(GlimpseError, match="may be read by others"):
        read_signer(tmp_path / "s")


def test_signed_files_come_apart(signer: Signer):
    blob = tiny_model(1)
    signed = signer.sign(blob)
    whole, signature = split_signed(signed)
    assert whole == blob and signature is not None and signing.check(signature, signer.public, blob)
    assert split_signed(blob) == (blob, None)
    for damaged in (b"", blob[:-1], signed[:-1], signed + b"\0", blob + b"GLPX" + signed[-64:]):
        with pytest.raises(GlimpseError, match="not a signed model"):
            split_signed(damaged)


# ---- on a node


def test_a_node_that_has_a_key_takes_signed_models_only(node: ProgramNode, signer: Signer, tmp_path: Path):
    other = make_signer(tmp_path / "other")
    node.trust(signer.public)
    assert node.health().model_key
    blob = tiny_model(1)
    signed = signer.sign(blob)
    flipped = [bytearray(signed) for _ in range(3)]
    for copy, at in zip(flipped, (40, len(blob) + 1, len(signed) - 1), strict=True):
        copy[at] ^= 4
    huge = bytearray(signed)
    huge[8:12] = (0x3FFFC).to_bytes(4, "little")
    for wrong in (blob, other.sign(blob), *map(bytes, flipped), bytes(huge), tiny_model(2) + signed[len(blob) :]):
        with pytest.raises(GlimpseError, match="not signed with the key that this node demands"):
            node.update_model(wrong)
        assert node.identify().slot is None
    node.update_model(signed)
    assert (node.identify().slot, node.identify().model_check) == (0, check_of(blob))


def test_a_key_stays_until_its_owner_gives_another(program: Path, tmp_path: Path, signer: Signer):
    thief, heir = make_signer(tmp_path / "thief"), make_signer(tmp_path / "heir")
    with ProgramNode(program, tmp_path) as node:
        with pytest.raises(GlimpseError, match="out of range"):
            node.trust(bytes(32))
        node.trust(signer.public)
        node.trust(signer.public)  # again: nothing
    with ProgramNode(program, tmp_path) as node:
        for endorsed in (None, thief.endorse(thief.public), signer.endorse(heir.public)):
            with pytest.raises(GlimpseError, match="not signed"):
                node.trust(thief.public, endorsed)
        node.trust(heir.public, signer.endorse(heir.public))
        with pytest.raises(GlimpseError, match="not signed"):
            node.update_model(signer.sign(tiny_model(1)))
        node.update_model(heir.sign(tiny_model(1)))
        photo(node)
        with pytest.raises(GlimpseError, match="not signed"):  # the model in use would be lost with the next start
            node.trust(thief.public, heir.endorse(thief.public))
        assert node.identify().slot == 0


def test_a_key_is_refused_while_an_unsigned_model_is_in_use(node: ProgramNode, signer: Signer):
    node.update_model(tiny_model(1))
    with pytest.raises(GlimpseError, match="not signed"):
        node.trust(signer.public)
    assert not node.health().model_key
    node.select(BUILT_IN)
    node.trust(signer.public)


def test_an_older_revision_is_taken_only_when_asked_for(node: ProgramNode):
    node.update_model(tiny_model(5))
    photo(node)
    with pytest.raises(GlimpseError, match="older revision"):
        node.update_model(tiny_model(4))
    assert (node.identify().revision, node.health().model_state) == (5, "proven")
    node.update_model(tiny_model(4), older=True)
    assert node.identify().revision == 4
    photo(node)
    node.select(0, older=False)
    assert node.identify().revision == 5


def test_a_model_is_on_trial_until_it_has_made_a_photo(node: ProgramNode):
    for revision in (1, 2):
        node.update_model(tiny_model(revision))
        assert node.health().model_state == "on trial"
        if revision == 2:
            with pytest.raises(GlimpseError, match="has not made a photo yet"):
                node.update_model(tiny_model(3))
        photo(node)
        assert node.health().model_state == "proven"
    node.update_model(tiny_model(3))
    assert (node.identify().slot, node.identify().revision) == (0, 3)
    node.select(1, older=True)  # back to the one before: that one needs no trial
    assert node.health().model_state == "proven"


def test_a_model_that_makes_no_photo_is_given_up_after_three_starts(node: ProgramNode):
    node.update_model(tiny_model(1))
    photo(node)
    node.update_model(tiny_model(2))
    for start in range(4):
        assert (node.identify().revision, node.health().model_state) == (2, "on trial"), start
        node.request("NODE_RESET")
    assert (node.identify().revision, node.health().model_state) == (1, "given up")


def test_a_slot_that_was_damaged_during_the_trial_brings_the_one_before_back(program: Path, tmp_path: Path):
    with ProgramNode(program, tmp_path) as node:
        node.update_model(tiny_model(1))
        photo(node)
        node.update_model(tiny_model(2))
    slot = tmp_path / "slot1.bin"
    slot.write_bytes(bytes(100) + slot.read_bytes()[100:])
    with ProgramNode(program, tmp_path) as node:
        assert (node.identify().revision, node.health().model_state) == (1, "given up")


def test_looking_for_a_model_touches_none(node: ProgramNode):
    """Which models are stored is asked, not tried: what is in use and what it would fall back to stay."""
    first, second = tiny_model(1), tiny_model(2)
    node.update_model(first)
    photo(node)
    assert [node.stored(slot) for slot in (0, 1, 2)] == [check_of(first), None, None]
    node.use_model(second, check_of(second))
    photo(node)
    node.use_model(first, check_of(first))
    assert [node.stored(slot) for slot in (0, 1)] == [check_of(first), check_of(second)]
    assert node.identify().slot == 0


# ---- power cuts


def build(folder: Path, built_in: bytes) -> Path:
    """The whole node over flash that loses its power; what is not app/ was tried with the sanitizers elsewhere."""
    (folder / "glimpse_builtin_model.h").write_text(header_text(built_in, "a test"))
    rooms = [source for room in ("core", "nn", "link") for source in sorted((FIRMWARE / room).glob("*.c"))]
    app = [source for source in sorted((FIRMWARE / "app").glob("*.c")) if source.name != "main.c"]
    headers = [
        "-I",
        folder,
        "-I",
        FIRMWARE,
        "-I",
        NATIVE,
        "-isystem",
        CMSIS_NN / "Include",
        "-isystem",
        MONOCYPHER,
    ]
    subprocess.run(["gcc", "-w", "-O1", *headers, "-c", *rooms, *kernel_sources()], cwd=folder, check=True)
    build_monocypher(folder)
    ours = [FIRMWARE / "test" / "faults" / "update.c", *app, *folder.glob("*.o")]
    command = ["gcc", *WARNINGS, "-O1", "-g", *SANITIZERS, *headers, *ours, "-o", folder / "update"]
    subprocess.run(command, check=True)
    return folder / "update"


def test_no_power_cut_leaves_a_node_without_its_models_keys_or_counters(tmp_path: Path, signer: Signer):
    blobs = [tiny_model(1), signer.sign(tiny_model(2)), signer.sign(tiny_model(3)), signer.public]
    files = [tmp_path / f"{at}.bin" for at in range(4)]
    for file, data in zip(files, blobs, strict=True):
        file.write_bytes(data)
    run = subprocess.run([build(tmp_path, blobs[0]), *files], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = {what: int(number) for what, number in map(str.split, run.stdout.splitlines())}
    assert min(counts.values()) >= 1 and counts["cuts"] > 100, counts
