# SPDX-License-Identifier: Apache-2.0
"""What becomes of lost packets, three policies under a deadline: `python -m glimpse.evaluation.resend`.

The sample photos over the emulated link of `glimpse trial`, one after another and each with its own deadline, the
receiver answering every packet it hears, losses in both directions (after LimitNet's Figure 6). A policy meets the same
seeds as the others. Prints the table of docs/sending.md.

JSON: command, region, data_rate, loss, deadlines (s), seeds, photos (names), rows [{model, resend, deadline, ms_ssim
(mean; 0 where nothing came), received (mean share of the symbols), behind (mean MS-SSIM that it lacks against
"importance" with the same photo and seed), behind_95 (half of the 95 % interval, from the scatter over the photos and
seeds)}].
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.binding.schedule import RESEND
from glimpse.errors import GlimpseError
from glimpse.evaluation.share import json_lines
from glimpse.files import write_whole
from glimpse.links import IidLoss
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import Reference
from glimpse.receiving.answer import Rules
from glimpse.samples import sample_photos
from glimpse.trial.node import Photo
from glimpse.trial.run import Setup, Trial

SENDS = 255  # while an answer is missing: the deadline ends it


def measure(model: zoo.ZooModel, photos: list[Path], setups: dict[Any, Setup], seeds: int) -> dict[Any, np.ndarray]:
    """Every photo with every setup and seed.

    Returns:
        By the setups' keys: MS-SSIM and share of the symbols received, [photos x seeds, 2].
    """
    m, found = model.binding, {key: [] for key in setups}
    for place in photos:
        photo = fit_photo(load_photo(place), m.photo_width, m.photo_height)
        original, encoded = Reference(photo), Photo(*m.encode_outputs(photo))
        for key, setup in setups.items():
            for seed in range(seeds):
                trial = Trial(replace(setup, seed=seed))
                trial.run([encoded])
                (frame,) = trial.frames
                seen = (original.ms_ssim(frame.picture()), float(frame.coverage().mean())) if frame else (0.0, 0.0)
                found[key].append(seen)
    return {key: np.array(values) for key, values in found.items()}


def rows(model: zoo.ZooModel, photos: list[Path], deadlines: list[float], seeds: int, **link: Any) -> list[dict]:
    """As the JSON's rows, of one model."""
    setups = {
        (resend, deadline): Setup(model, sends=SENDS, resend=resend, deadline=deadline, answers=Rules(every=1), **link)
        for resend in RESEND
        for deadline in deadlines
    }
    found, result = measure(model, photos, setups, seeds), []
    for (resend, deadline), values in found.items():
        behind = found["importance", deadline][:, 0] - values[:, 0]
        result.append({
            "model": model.name,
            "resend": resend,
            "deadline": deadline,
            "ms_ssim": round(float(values[:, 0].mean()), 4),
            "received": round(float(values[:, 1].mean()), 4),
            "behind": round(float(behind.mean()), 4),
            "behind_95": round(float(1.96 * behind.std(ddof=1) / np.sqrt(len(behind))), 4) if len(behind) > 1 else None,
        })  # fmt: skip
    return result


def table(found: list[dict], deadlines: list[float]) -> str:
    """Markdown: MS-SSIM and share of the symbols at each deadline."""
    lines = ["| model | resend | " + " | ".join(f"{each:g} s" for each in deadlines) + " |"]
    lines.append("|---|---|" + "---|" * len(deadlines))
    for name in dict.fromkeys(row["model"] for row in found):
        for resend in RESEND:
            own = [row for row in found if (row["model"], row["resend"]) == (name, resend)]
            cells = [f"{row['ms_ssim']:.3f}, {100 * row['received']:.0f} %" for row in own]
            lines.append(f"| {name} | {resend} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.evaluation.resend", description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="limitnet,mcucoder")
    parser.add_argument("--region", default="EU868", help="EU868 or US915")
    parser.add_argument("--dr", type=int, default=3, help="data rate")
    parser.add_argument("--loss", type=float, default=40, help="percent of transmissions, both ways")
    parser.add_argument("--deadlines", type=float, nargs="+", default=[30, 60, 90], help="seconds")
    parser.add_argument("--seeds", type=int, default=10, help="draws of the losses")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        samples = sample_photos()
        link = {"region": options.region, "rate": options.dr, "loss": IidLoss(options.loss / 100)}
        found: list[dict] = []
        for name in options.models.split(","):
            found += rows(zoo.load(name), list(samples.values()), options.deadlines, options.seeds, **link)
        print(table(found, options.deadlines))
        if options.json:
            numbers = {
                "command": " ".join(["python -m glimpse.evaluation.resend", *sys.argv[1:]]),
                "region": options.region,
                "data_rate": options.dr,
                "loss": options.loss / 100,
                "deadlines": options.deadlines,
                "seeds": options.seeds,
                "photos": list(samples),
                "rows": found,
            }
            write_whole(options.json, json_lines(numbers))
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
