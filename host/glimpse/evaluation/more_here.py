# SPDX-License-Identifier: Apache-2.0
"""Bytes that "more here" saves inside the region that the receiver asks for, and what the rest of the picture pays.

    python -m glimpse.evaluation.more_here --data saliency --limit 24 --json more-here.json

The receiver looks after some packets and asks for the box around what people marked in the photo: it is a person or a
detector that knows what it wants to see. Both ways the node's own schedule makes the packets, nothing is lost, and
every byte counts: headers, checks, and the downlink.

JSON: command, data, model, payload, asked_after (packets), downlink_bytes, photos [{image, region [top, bottom, left,
right] of the latent, plain and asked [{bytes, inside, whole}] (MS-SSIM of the region's pixels and of all)}], skipped
[sentences], savings [{share (of the frame's bytes in plain order), inside (mean MS-SSIM there), plain_bytes,
asked_bytes (for the same inside), saved (share, mean over photos), saved_low, saved_high (95 %, bootstrap over photos),
whole_plain, whole_asked (MS-SSIM of the whole picture at those bytes)}].
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.binding.schedule import Schedule
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError
from glimpse.evaluation.share import json_lines
from glimpse.feedback import DOWNLINK_BYTES, Region
from glimpse.files import write_whole
from glimpse.quality import SMALLEST_SIDE, Reference
from glimpse.reassemble import Assembly
from glimpse.training.saliency_data import find_pairs, load_pairs
from glimpse.zoo import ZooModel

SHARES = (0.25, 0.5, 0.75)
LARGEST = 0.5  # of the picture's area: whoever wants more than that wants the picture
RESAMPLES = 1000


def box(mask: np.ndarray, shape: tuple[int, int]) -> Region | None:
    """The smallest region of the latent that holds a mask, made as large as MS-SSIM needs.

    Args:
        mask: [height, width], not 0 where marked.
        shape: rows and columns of the latent.

    Returns:
        None where nothing is marked.
    """
    sides: list[int] = []
    for axis, cells in enumerate(shape):
        marked = np.flatnonzero((mask > 127).any(axis=1 - axis))
        if not marked.size:
            return None
        pixels = mask.shape[axis] // cells
        low, high = int(marked[0]) // pixels, int(marked[-1]) // pixels + 1
        least = -(-SMALLEST_SIDE // pixels)
        low = max(0, min(low, (low + high - least) // 2))
        high = min(cells, max(high, low + least))
        sides += [min(low, high - least), high]
    return Region(*sides)


def track(
    model: ZooModel, decoder: PictureDecoder, photo: np.ndarray, region: Region, payload: int, asked_after: int | None
) -> list[dict[str, float]]:
    """One photo, looked at after every packet.

    Args:
        model: that orders by saliency.
        decoder: its decoder.
        photo: uint8 [photo_height, photo_width, 3].
        region: of the latent.
        payload: most bytes of a packet.
        asked_after: packets after which the region is asked for; None: never.

    Returns:
        Dictionaries {bytes, inside, whole}.
    """
    latent, side = model.binding.encode_outputs(photo)
    schedule = Schedule(model.binding, model.binding.quantise(latent), side=side)
    pixels = photo.shape[0] // latent.shape[0]
    rows = slice(region.top * pixels, region.bottom * pixels)
    columns = slice(region.left * pixels, region.right * pixels)
    inside, whole = Reference(photo[rows, columns]), Reference(photo)
    assembly, size, points = Assembly(model, decoder=decoder), 0, []
    while (packet := schedule.next(0, payload)) is not None:
        assembly.add(packet)
        size += len(packet)
        picture = assembly.picture()
        points.append({
            "bytes": size,
            "inside": round(inside.ms_ssim(picture[rows, columns]), 4),
            "whole": round(whole.ms_ssim(picture), 4),
        })  # fmt: skip
        if len(points) == asked_after:
            if not schedule.want(region.top, region.bottom, region.left, region.right):
                raise GlimpseError(
                    f"packets of model {model.name} lie all over the picture; take one that orders by saliency"
                )
            size += DOWNLINK_BYTES
    return points


def _at(points: list[dict[str, float]], what: str, size: float) -> float:
    """A value at so many bytes, straight between the looks."""
    return float(np.interp(size, [each["bytes"] for each in points], [each[what] for each in points]))


def _bytes_for(points: list[dict[str, float]], goal: float) -> float:
    """The fewest bytes after which `inside` is at least so much, straight between the looks; all where it never is."""
    best = np.maximum.accumulate([each["inside"] for each in points])
    if goal <= best[0]:
        return points[0]["bytes"]
    at = int(np.argmax(best >= goal)) or len(points) - 1
    low, high = points[at - 1], points[at]
    share = min((goal - best[at - 1]) / max(best[at] - best[at - 1], 1e-9), 1.0)
    return low["bytes"] + share * (high["bytes"] - low["bytes"])


def savings(photos: list[dict[str, Any]]) -> list[dict[str, float]]:
    """What asking saves, at the quality inside that plain order has at some shares of its bytes."""
    result = []
    for share in SHARES:
        rows = []
        for each in photos:
            plain, asked = each["plain"], each["asked"]
            size = share * plain[-1]["bytes"]
            goal = _at(plain, "inside", size)
            size = _bytes_for(plain, goal)  # where it first was as good
            other = _bytes_for(asked, goal)
            rows.append((goal, size, other, 1 - other / size, _at(plain, "whole", size), _at(asked, "whole", other)))
        goal, size, other, saved, whole, whole_asked = (float(value) for value in np.mean(rows, axis=0))
        picks = np.random.default_rng(1).integers(0, len(rows), (RESAMPLES, len(rows)))
        low, high = np.percentile(np.array(rows)[:, 3][picks].mean(axis=1), [2.5, 97.5])
        result.append({
            "share": share,
            "inside": round(goal, 4),
            "plain_bytes": round(size, 1),
            "asked_bytes": round(other, 1),
            "saved": round(saved, 4),
            "saved_low": round(float(low), 4),
            "saved_high": round(float(high), 4),
            "whole_plain": round(whole, 4),
            "whole_asked": round(whole_asked, 4),
        })  # fmt: skip
    return result


def measure(
    data: Path, model: ZooModel, payload: int, asked_after: int, limit: int | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Photos of the folder's "val" split, spread over it, and sentences on those left out.

    Raises:
        GlimpseError: no such photos, or a model that does not order by saliency.
    """
    pairs = find_pairs(data).get("val", [])
    if not pairs:
        raise GlimpseError(f"{data} has no photos in its val split; name a folder with img/, mask/ and a manifest")
    wanted = len(pairs) if limit is None else min(limit, len(pairs))
    decoder, shape = PictureDecoder(model), model.binding.latent_shape[:2]
    photos: list[dict[str, Any]] = []
    skipped: list[str] = []
    for number in range(wanted):
        pair = pairs[number * len(pairs) // wanted]
        (photo,), (mask,) = load_pairs([pair], model.binding.photo_width)
        region = box(mask, shape)
        area = 0.0 if region is None else (region.bottom - region.top) * (region.right - region.left) / np.prod(shape)
        if region is None or area > LARGEST:
            skipped.append(f"{pair.photo.stem}: the marked part is {100 * area:.0f} % of the picture")
            continue
        plain, asked = (track(model, decoder, photo, region, payload, after) for after in (None, asked_after))
        box_ = [region.top, region.bottom, region.left, region.right]
        photos.append({"image": pair.photo.stem, "region": box_, "plain": plain, "asked": asked})
    if not photos:
        raise GlimpseError(f"none of the {wanted} photos has a marked part of at most {100 * LARGEST:.0f} %; take more")
    return photos, skipped


def table(found: list[dict[str, float]]) -> str:
    """Markdown."""
    lines = [
        "| MS-SSIM inside | plain | asked for | saved | whole picture, plain | asked for |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        low, high = 100 * each["saved_low"], 100 * each["saved_high"]
        lines.append(
            f"| {each['inside']:.3f} | {each['plain_bytes']:.0f} B | {each['asked_bytes']:.0f} B | "
            f"{100 * each['saved']:.0f} % ({low:.0f} to {high:.0f}) | {each['whole_plain']:.3f} | "
            f"{each['whole_asked']:.3f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with img/, mask/ and a manifest")
    parser.add_argument("--model", default="limitnet")
    parser.add_argument("--payload", type=int, default=222)
    parser.add_argument("--asked-after", type=int, default=2, help="packets")
    parser.add_argument("--limit", type=int, help="most photos, spread over the val split")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        model = zoo.load(options.model)
        photos, skipped = measure(options.data, model, options.payload, options.asked_after, options.limit)
        found = savings(photos)
        print(table(found))
        print(f"{len(photos)} photos, {len(skipped)} left out", file=sys.stderr)
        if options.json:
            numbers = {
                "command": f"python -m glimpse.evaluation.more_here {' '.join(sys.argv[1:])}",
                "data": str(options.data),
                "model": model.name,
                "payload": options.payload,
                "asked_after": options.asked_after,
                "downlink_bytes": DOWNLINK_BYTES,
                "savings": found,
                "photos": photos,
                "skipped": skipped,
            }
            write_whole(options.json, json_lines(numbers))
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
