# SPDX-License-Identifier: Apache-2.0
"""What a fixed camera saves when both ends know the scene: frames as images, and as differences.

The same frames go twice through the node's code, with the same budget for every frame and the same chance of losing a
packet. As images each frame stands alone. With prior knowledge the receiver acknowledges all that it has after each
frame, the acknowledgement is lost with the packets' chance, and the sender chooses (firmware/core/reference.h). Bytes
are averages over all frames, also the first one, which is always an image; acknowledgements, which travel the other
way, are not counted. A frame of which nothing came leaves the picture as it was.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glimpse import binding
from glimpse.decoder import PictureDecoder
from glimpse.difference import DifferenceAssembly, References, Source
from glimpse.errors import GlimpseError
from glimpse.evaluation.curves import MOST_DB, Mean, bd_rate
from glimpse.evaluation.measure import photos_in
from glimpse.photo import Fit, fit_photo, load_photo
from glimpse.quality import Reference, to_db
from glimpse.zoo import ZooModel

HOLD = 1.0
PATIENCE = 4
BUDGETS = (200, 400, 800, None)  # bytes of a frame; None: all of it
FRAMES = binding.MAX_FRAME + 1


def frames_of(path: Path, every: int = 1, limit: int | None = None) -> Iterator[Image.Image]:
    """Frames in their order: photos of a folder by name, or a film.

    Args:
        path: folder, or file that PyAV reads.
        every: one frame of so many is taken.
        limit: most frames; None: all.

    Raises:
        GlimpseError: nothing there, not a film, or PyAV is missing.
    """
    pictures = map(load_photo, photos_in(path)[::every]) if path.is_dir() else _film(path, every)
    for number, picture in enumerate(pictures):
        if number == limit:
            return
        yield picture


def _film(path: Path, every: int) -> Iterator[Image.Image]:
    if not path.is_file():
        raise GlimpseError(f"there is no {path}; name a folder of photos or a film")
    try:
        import av
    except ImportError as error:
        raise GlimpseError(
            "reading a film needs PyAV; pip install 'glimpse-lpwan[video]', or name a folder of photos"
        ) from error
    try:
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number % every == 0:
                    yield frame.to_image()
    except (av.error.FFmpegError, IndexError) as error:
        raise GlimpseError(f"{path} is not a film that can be read; name another, or a folder of photos") from error


@dataclass(frozen=True)
class Link:
    """What carries the frames.

    Attributes:
        payload: most bytes of a packet, header and check included.
        loss: chance of losing a packet, 0..1; of an acknowledgement too.
        budget: most bytes of a frame; None: no limit.
        seed: of the chance.
    """

    payload: int
    loss: float
    budget: int | None
    seed: int = 0


@dataclass(frozen=True)
class Sent:
    """What became of all frames in one setting, averages.

    Attributes:
        bytes: sent for a frame.
        psnr_db: of the receiver's pictures.
        ms_ssim: 0..1.
        ms_ssim_db: average of the frames' values.
        images: how many frames were sent as images.
        old: share of the symbols shown that are the reference's.
    """

    bytes: float
    psnr_db: float
    ms_ssim: float
    ms_ssim_db: float
    images: int
    old: float


class Scene:
    """Frames of one camera through one model.

    Args:
        model: of the zoo.
        pictures: frames in their order.
        fit: how they become the model's pixels.
    """

    def __init__(self, model: ZooModel, pictures: list[Image.Image], fit: Fit = "crop") -> None:
        self.model = model
        coder = model.binding
        photos = [fit_photo(picture, coder.photo_width, coder.photo_height, fit) for picture in pictures]
        self.outputs = [coder.encode_outputs(photo) for photo in photos]
        self._judges = [Reference(photo) for photo in photos]
        self._decoder = PictureDecoder(model)

    def send(self, link: Link, hold: float | None) -> Sent:
        """All frames over a link.

        Args:
            link: that carries them.
            hold: how many quantiser steps a latent value may lie from the reference before it counts as changed;
                None: every frame is an image.
        """
        references, keeper = References(self.model), binding.Keeper(self.model.binding, PATIENCE)
        random = np.random.default_rng(link.seed)
        shown = self._decoder.decode(*DifferenceAssembly(self.model, references).latent())
        sent: np.ndarray | None = None
        seen, old, size, images = [], 0.0, 0, 0
        for number in range(len(self.outputs)):
            frame = number % FRAMES
            keeper.update(sent)
            sent, packets, is_image = self._packets(number, keeper, link, hold)
            images += is_image
            size += sum(map(len, packets))
            assembly = DifferenceAssembly(self.model, references, frame, self._decoder)
            for packet in packets:
                if random.random() >= link.loss:
                    assembly.add(packet)
            if assembly.used:  # else the viewer goes on showing what it showed
                shown = assembly.picture()
            seen.append(self._judges[number].compare(shown))
            old += float(np.mean(assembly.sources() == Source.OLD)) if assembly.used else 1.0
            runs = assembly.acknowledge()
            if random.random() >= link.loss:
                keeper.acknowledge(frame, runs)
        count = len(self.outputs)
        return Sent(
            bytes=size / count,
            psnr_db=float(np.mean([min(each.psnr_db, MOST_DB) for each in seen])),
            ms_ssim=float(np.mean([each.ms_ssim for each in seen])),
            ms_ssim_db=float(np.mean([min(to_db(each.ms_ssim), MOST_DB) for each in seen])),
            images=images,
            old=old / count,
        )

    def _packets(
        self, number: int, keeper: binding.Keeper, link: Link, hold: float | None
    ) -> tuple[np.ndarray, list[bytes], bool]:
        """Symbols and packets of a frame, and whether it is sent as an image."""
        coder, (latent, side), frame = self.model.binding, self.outputs[number], number % FRAMES
        symbols, held = coder.quantise(latent), keeper.reference
        if hold is not None:
            settled = symbols if held is None else binding.settle(coder, held, latent, hold)
            if keeper.chooses_difference(frame, settled, link.payload) and held is not None:
                options = {"frame": frame, "payload": link.payload, "budget": link.budget}
                return settled, binding.pack_difference(coder, held, settled, **options), False
        coding = "range" if coder.has_range_tables else "raw"
        packets = coder.pack(
            symbols, frame=frame, coding=coding, payload=link.payload, budget=link.budget, saliency=side
        )
        return symbols, packets, True


def measure(
    scene: Scene,
    payload: int,
    losses: tuple[float, ...],
    hold: float = HOLD,
    on_point: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Both ways at every loss and budget.

    Returns:
        Keys as glimpse.commands.evaluate lists them under sequence.
    """
    rows, savings = [], []
    pixels = scene.model.binding.photo_width * scene.model.binding.photo_height
    for loss in losses:
        curves: dict[str, list[Mean]] = {}
        for way, value in (("images", None), ("prior", hold)):
            curves[way] = []
            for budget in BUDGETS:
                sent = scene.send(Link(payload, loss, budget, zlib.crc32(f"{loss} {budget}".encode())), value)
                on_point()
                row = {"way": way, "loss": loss, "budget": budget, **vars(sent)}
                rows.append(row)
                bpp = 8 * sent.bytes / pixels
                curves[way].append(
                    Mean(
                        budget or 0,
                        len(scene.outputs),
                        sent.bytes,
                        bpp,
                        sent.psnr_db,
                        sent.ms_ssim,
                        sent.ms_ssim_db,
                    )
                )
        savings.append({"loss": loss, **_saved(curves["images"], curves["prior"])})
    return {"model": scene.model.name, "payload": payload, "hold": hold, "rows": rows, "savings": savings}


def _saved(images: list[Mean], prior: list[Mean]) -> dict[str, float | None]:
    """Bytes saved, %: over the range of MS-SSIM that both reach, and at that of whole image frames."""
    try:
        percent: float | None = -bd_rate(images, prior, "ms_ssim_db")
    except GlimpseError:
        percent = None
    whole = images[-1]
    better = sorted((each.ms_ssim_db, each.bytes) for each in prior)
    quality, size = zip(*better, strict=True)
    at_whole = (
        float(np.interp(whole.ms_ssim_db, quality, size)) if quality[0] <= whole.ms_ssim_db <= quality[-1] else None
    )
    return {
        "percent": percent,
        "percent_at_whole_images": None if at_whole is None else 100 * (1 - at_whole / whole.bytes),
        "whole_image_bytes": whole.bytes,
        "whole_image_ms_ssim_db": whole.ms_ssim_db,
        "prior_most_ms_ssim_db": quality[-1],
        "prior_whole_bytes": prior[-1].bytes,
        "prior_whole_ms_ssim_db": prior[-1].ms_ssim_db,
    }
