# SPDX-License-Identifier: Apache-2.0
"""`glimpse contact`: what a classifier recognises of what arrives while there is contact.

LimitNet's Table 6 (a satellite in sight for 0.74 s a minute, 2.5 kB/s, packets lost) and its Figure 13 (gamma
distributed bandwidth). What is assumed of a contact stands in glimpse.evaluation.contact.

JSON:

- command, data, fit, size [width, height], payloads, contact_s, rate (bytes a second), losses, burst (null: each packet
  is lost alone), delay_s, seeds, gamma_shape, codecs {name: title}, models: names of those that are Glimpse's;
- photos: names; skipped [{image, reason}];
- means [{codec, payload, link ("fixed" or "gamma"), rate, loss, policy ("once" or "resend"), photos, sent_bytes,
  received_bytes, lost, ms_ssim; with a classifier top1, top1_ten, and with a loss kept_top1 and kept_top1_ten with
  *_low and *_high}], see glimpse.evaluation.contact_measure.summarise;
- reference [{codec, payload, pkt_len, loss, photos, of, bytes, ms_ssim, psnr_db}]: what others measured, see
  glimpse.evaluation.measured, which also has the columns of such a table; empty without --reference;
- rows [{codec, image, payload, link, rate, loss, policy, seed, sent_bytes, received_bytes, transmissions, lost,
  ms_ssim, and with a classifier top1, top1_ten}]: every photo in every contact.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from glimpse.binding import MAX_PAYLOAD, MIN_PAYLOAD
from glimpse.commands.lists import list_names, read_percentages, spread_out
from glimpse.commands.options import EvaluationFit, JsonOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation.classify import Classifier
from glimpse.evaluation.contact_measure import ContactRow, Setting, numbers_of, photo_rows, summarise
from glimpse.evaluation.contact_table import similarity_table, table, write_plot
from glimpse.evaluation.measure import photos_in, shape_of
from glimpse.evaluation.measured import read_table, within
from glimpse.evaluation.shipment import ModelSource
from glimpse.evaluation.sources import source_named
from glimpse.files import check_place, write_json
from glimpse.progress import progress

MOST_BYTES = 1_000_000  # of one contact; a photo has far fewer


def contact(
    data: Annotated[
        Path, typer.Option(help="Folder of photos, with a classifier of class folders.", show_default=False)
    ],
    classifier: Annotated[
        Path | None, typer.Option(help="TensorFlow Lite classifier; without: MS-SSIM alone.", show_default=False)
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Its labels, one a line.", show_default=False)] = None,
    codecs: Annotated[
        str, typer.Option(help="Models, progressive (:QUALITY), wavelet, wavelet-rs; separated by commas.")
    ] = "mcucoder,limitnet,starfish,progressive,wavelet,wavelet-rs",
    payloads: Annotated[str, typer.Option(help="Most bytes of a packet; several, separated by commas.")] = "222,51",
    loss: Annotated[str, typer.Option(help="Percentages of packets lost.")] = "0,10,40,70",
    burst: Annotated[float | None, typer.Option(min=1, help="Mean losses in a row; without: none together.")] = None,
    seconds: Annotated[float, typer.Option(min=0.001, max=86400, help="Length of the contact.")] = 0.74,
    rate: Annotated[float, typer.Option(min=1, max=1e6, help="Bytes a second.")] = 2500,
    delay: Annotated[float, typer.Option(min=0, max=3600, help="Seconds until the node knows of a loss.")] = 0.05,
    means: Annotated[
        str, typer.Option(help="Mean bytes a second of gamma distributed bandwidth; none: leave it out.")
    ] = "625,1250,2500,5000",
    shape: Annotated[float, typer.Option(min=0.05, max=1000, help="Of that distribution.")] = 2,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Draws of each loss and bandwidth.")] = 1,
    fit: Annotated[EvaluationFit, typer.Option(help="crop the middle, or squash.")] = EvaluationFit.CROP,
    limit: Annotated[int | None, typer.Option(min=1, help="Most photos, spread over the folder.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="CSV table of what others measured, set beside ours.", show_default=False)
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG to draw.", show_default=False)] = None,
    json: JsonOption = None,
) -> None:
    """What is seen and recognised of what arrives within one contact of a link that loses packets."""
    console = Console(file=sys.stderr) if json == "-" else Console()
    for place in (plot, None if json in (None, "-") else Path(json)):
        if place is not None:
            check_place(place)
    losses = tuple(sorted(read_percentages(loss)))
    if 0 not in losses:
        raise UsageError(f"what a loss costs is told against a contact without any; add 0 to --loss {loss}")
    mean_rates = _numbers(means, "--means", 1, 1e6)
    if seconds * max(rate, *mean_rates, 0) > MOST_BYTES:
        raise UsageError(f"a contact of over {MOST_BYTES:,} bytes takes any photo; lower --seconds, --rate or --means")
    sizes = tuple(int(size) for size in _numbers(payloads, "--payloads", MIN_PAYLOAD, MAX_PAYLOAD))
    if not sizes:
        raise UsageError("packets need a size; give --payloads such as 222,51")
    if (classifier is None) != (labels is None):
        raise UsageError("accuracy needs both --classifier and --labels; give the missing one")
    others = within(read_table(reference), sizes, int(seconds * rate)) if reference else []
    if reference and not others:
        raise GlimpseError(f"nothing in {reference} fits {seconds * rate:.0f} bytes; take a longer contact")
    setting = Setting(sizes, losses, burst, seconds, rate, delay, seeds, mean_rates, shape)
    for each in losses:
        setting.loss(each)
    files = spread_out(photos_in(data), limit)
    sources = [source_named(name) for name in list_names(codecs)]
    if not sources:
        raise UsageError("there is nothing to send photos with; name --codecs")
    models = tuple(source.name for source in sources if isinstance(source, ModelSource))
    size = shape_of(tuple(str(source.model.folder) for source in sources if isinstance(source, ModelSource)))
    judge = Classifier(classifier, labels, {file.parent.name for file in files}) if classifier and labels else None
    rows: list[ContactRow] = []
    skipped: list[dict[str, str]] = []
    with progress(f"0 of {len(files)} photos", len(files)) as task:
        for count, file in enumerate(files, 1):
            image = str(file.relative_to(data))
            try:
                rows += photo_rows(sources, setting, file, image, size, fit.value, judge)
            except GlimpseError as error:
                skipped.append({"image": image, "reason": str(error)})
            task.advance()
            task.say(f"{count} of {len(files)} photos: {image}")
    if not rows:
        raise GlimpseError(f"none of the {len(files)} photos in {data} can be used; the first: {skipped[0]['reason']}")
    numbers: dict[str, Any] = {
        "command": shlex.join(["glimpse", *sys.argv[1:]]),
        "data": str(data),
        "fit": fit.value,
        "size": [size[1], size[0]],
        "payloads": list(sizes),
        "contact_s": seconds,
        "rate": rate,
        "losses": list(losses),
        "burst": burst,
        "delay_s": delay,
        "seeds": seeds,
        "gamma_shape": shape,
        "codecs": {source.name: source.title for source in sources},
        "models": list(models),
        "photos": list(dict.fromkeys(row.image for row in rows)),
        "skipped": skipped,
        "means": summarise(rows),
        "reference": others,
        "rows": numbers_of(rows),
    }
    for each in skipped:
        console.print(f"{each['image']}: {each['reason']}", style="dim", highlight=False, markup=False)
    if judge is not None:
        console.print(table(numbers))
    console.print(similarity_table(numbers))
    if plot is not None:
        console.print(f"{write_plot(numbers, plot)}", highlight=False, markup=False)
    if json is not None:
        write_json(json, numbers)


def _numbers(text: str, option: str, least: float, most: float) -> tuple[float, ...]:
    """Different numbers of an option, in the order given; none at all for "none"."""
    try:
        values = [float(word) for word in list_names(text)]
    except ValueError as error:
        raise UsageError(f"{option} takes numbers separated by commas, not {text!r}") from error
    if not all(least <= value <= most for value in values):
        raise UsageError(f"{option} takes numbers from {least:g} to {most:g}, not {text!r}")
    return tuple(dict.fromkeys(values))
