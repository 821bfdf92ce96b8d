# SPDX-License-Identifier: Apache-2.0
"""A K210 board becomes a node: MaixPy and the network into its flash, the node's files onto its disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from glimpse.errors import GlimpseError, UsageError
from glimpse.files import read_bytes, write_whole
from glimpse.maix import kflash, kfpkg, raw_repl
from glimpse.maix.disk import SETTINGS, kmodel_name, node_files, settings, write_card
from glimpse.targets.k210 import kmodel_of
from glimpse.targets.serial_port import PortStream
from glimpse.zoo import ZooModel

LEAST_FIRMWARE = 256 << 10
"""Bytes: the smallest MaixPy v1 has half a million."""
MOST_FIRMWARE = kfpkg.KMODEL_ADDRESS - kfpkg.WRAPPING


@dataclass(frozen=True)
class Plan:
    """What to do with a board.

    Attributes:
        port: its serial port; None: it is not here.
        model: what it shall run.
        firmware: a file with MaixPy; None: the board has it.
        card: folder that its SD card is mounted on; None: the files go over the serial line.
        package: file to keep the .kfpkg in.
        board: kflash's name for it; None: the usual one.
        baud: speed at which kflash writes.
    """

    port: str | None
    model: ZooModel
    firmware: Path | None = None
    card: Path | None = None
    package: Path | None = None
    board: str | None = None
    baud: int = kflash.DEFAULT_BAUD


def flash_maix(plan: Plan) -> Iterator[str]:
    """Does it step by step; yields what has been done, in a line each.

    Raises:
        UsageError: nothing to do, or no such board.
        GlimpseError: a file is missing or is another kind of file, a port or card cannot be used, or no board answers.
    """
    board = kflash.check_board(plan.board or kflash.DEFAULT_BOARD)
    if not (plan.port or plan.card or plan.package):
        raise UsageError("say where to: --target maix:/dev/ttyUSB0, --sd DIR or --kfpkg FILE")
    if plan.port:
        kflash.command()  # before anything is written anywhere
    package = kfpkg.write(parts(plan.model, plan.firmware))
    address = None if plan.card else kfpkg.KMODEL_ADDRESS
    files = node_files(plan.model, address) if plan.port or plan.card else {}
    if plan.package:
        write_whole(plan.package, package)
        how = f"kflash -b {plan.baud} -B {board} {plan.package}"
        yield f"wrote {plan.package}, {len(package):,} bytes; {how} programs it"
    if plan.card:
        write_card(plan.card, plan.model, files)
        yield f"wrote {len(files)} files and settings to {plan.card}; unmount the card before you take it out"
    if plan.port:
        kflash.program(plan.port, package, board, plan.baud)
        network = f"{plan.model.name} revision {plan.model.binding.revision}"
        what = f"{plan.firmware.name} and {network}" if plan.firmware else network
        yield f"programmed the board on {plan.port}: {what}"
        if not plan.card:
            yield _send(plan.port, plan.model, files)


def parts(model: ZooModel, firmware: Path | None) -> list[kfpkg.Part]:
    """What of a node lies in flash outside its disk.

    Raises:
        GlimpseError: the firmware cannot be read or is no MaixPy, or the K210 cannot run the model.
    """
    network = kfpkg.Part(kmodel_name(model), kfpkg.KMODEL_ADDRESS, kmodel_of(model.folder))
    if firmware is None:
        return [network]
    return [kfpkg.Part("maixpy.bin", kfpkg.FIRMWARE_ADDRESS, read_firmware(firmware), program=True), network]


def read_firmware(file: Path) -> bytes:
    """A MaixPy v1 image, as far as one can be told: it has no mark of its own.

    Raises:
        GlimpseError: it cannot be read, or is a kind of file that is often taken for one.
    """
    data = read_bytes(file, "MaixPy firmware", kfpkg.FLASH_BYTES)
    if data.startswith(b"PK"):
        raise GlimpseError(f"{file} is a package; unzip it and give the .bin with MaixPy in it")
    if data.startswith(b"\x7fELF"):
        raise GlimpseError(f"{file} is an ELF file; give the .bin that was built beside it")
    if data[:4] in (b"\x03\0\0\0", b"LDMK"):
        raise GlimpseError(f"{file} is a network, not a firmware; give MaixPy's .bin")
    if len(data) < LEAST_FIRMWARE:
        raise GlimpseError(f"{file} has {len(data):,} bytes, too few for MaixPy; give maixpy_v0.6.*.bin or newer")
    if len(data) > MOST_FIRMWARE:
        raise GlimpseError(
            f"{file} has {len(data):,} bytes, but the network lies at 3 MB; use a minimum build of MaixPy v1"
        )
    return data


def _send(port: str, model: ZooModel, files: dict[str, bytes]) -> str:
    change = partial(settings, model, kfpkg.KMODEL_ADDRESS)
    stream = PortStream(port, let_go=True)
    try:
        folder = raw_repl.put(raw_repl.RawRepl(stream, f"the board on {port}"), files, (SETTINGS, change))
    finally:
        stream.close()
    return f"wrote {len(files)} files and settings to {folder} of the board; it starts now"
