# SPDX-License-Identifier: Apache-2.0
"""`glimpse plan`: what a link will carry, before hardware is bought.

JSON: region, data_rate, spreading, bandwidth_khz, payload, loss, fair_use, every_s (null: one after another),
useful {ms_ssim, bytes, packets, seconds, waited_s, airtime_s}, full {the same without ms_ssim}, packet_bytes (mean),
packet_airtime_ms, images_a_day, measured_on_photos, energy {estimated, mah_a_picture {value, low, high}, mas_by_part,
sleep_ma, battery_days {value, low, high}}, model.
"""

import re
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from glimpse import zoo
from glimpse.binding import MIN_PAYLOAD
from glimpse.binding.schedule import Region, regions
from glimpse.commands.options import JsonOption, ModelOption
from glimpse.errors import UsageError
from glimpse.files import write_json
from glimpse.planning.picture import USEFUL_MS_SSIM, picture_of
from glimpse.planning.plan import Link, Power, choose_rate
from glimpse.planning.plan import plan as make_plan

_UNITS = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_POWER = Power()


def plan(
    region: Annotated[str, typer.Option(help="EU868, US915, Sigfox or NB-IoT.")] = "EU868",
    sf: Annotated[int | None, typer.Option(help="Spreading factor.")] = None,
    dr: Annotated[int | None, typer.Option(min=0, help="Data rate instead of a spreading factor.")] = None,
    payload: Annotated[int | None, typer.Option(help="Bytes of a packet; without it, as many as fit.")] = None,
    fopts: Annotated[int, typer.Option(min=0, max=15, help="Bytes of MAC commands beside each packet.")] = 0,
    model: ModelOption = "limitnet",
    loss: Annotated[
        float, typer.Option(min=0, max=90, help="Percent of the packets that are lost, and sent again.")
    ] = 0,
    every: Annotated[str | None, typer.Option(help="Time between pictures: 30s, 10min, 1h, 1d.")] = None,
    fair_use: Annotated[bool, typer.Option("--fair-use", help="30 s of uplink a day.")] = False,
    ms_ssim: Annotated[float, typer.Option(min=0, max=1, help="From where on a picture is useful.")] = USEFUL_MS_SSIM,
    battery: Annotated[float, typer.Option(min=1, help="mAh.")] = _POWER.battery_mah,
    tx_ma: Annotated[float, typer.Option(min=0, help="mA while sending.")] = _POWER.transmit_ma,
    rx_ma: Annotated[float, typer.Option(min=0, help="mA while listening.")] = _POWER.receive_ma,
    sleep_ma: Annotated[float, typer.Option(min=0, help="mA while asleep.")] = _POWER.sleep_ma,
    camera_ma: Annotated[
        float, typer.Option(min=0, help="mA of the camera, for a second a picture.")
    ] = _POWER.camera_ma,
    json: JsonOption = None,
) -> None:
    """Images a day, time to a picture, energy and battery life on a link."""
    where = region_named(region)
    rate = choose_rate(where, sf, dr)
    most = where.payload(rate.number, fopts)
    size = most if payload is None else payload
    if most < MIN_PAYLOAD:
        raise UsageError(
            f"{where.name} DR{rate.number} leaves {most} bytes beside {fopts} of MAC commands; use a faster one"
        )
    if not MIN_PAYLOAD <= size <= most:
        raise UsageError(
            f"{where.name} DR{rate.number} takes {MIN_PAYLOAD} to {most} bytes, not {size}; change --payload"
        )
    chosen = zoo.load(model)
    power = Power(
        transmit_ma=tx_ma, receive_ma=rx_ma, sleep_ma=max(sleep_ma, 1e-6), camera_ma=camera_ma, battery_mah=battery
    )
    link = Link(where, rate, size, fopts, loss / 100, milliseconds(every), fair_use)
    numbers = {**make_plan(link, picture_of(chosen.folder, size, ms_ssim), power), "model": chosen.name}
    _show(numbers, Console(stderr=json == "-"))
    if json:
        write_json(json, numbers)


def region_named(name: str) -> Region:
    """The region of that name, in any case; UsageError where there is none."""
    for region in regions():
        if region.name.lower() == name.lower():
            return region
    raise UsageError(f"there is no region {name!r}; choose {', '.join(region.name for region in regions())}")


def milliseconds(text: str | None) -> int | None:
    """A time as people write it; None for None, UsageError for what is none."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|h|d)", text)
    if not found or float(found[1]) <= 0:
        raise UsageError(f"{text!r} is no time; write 30s, 10min, 1h or 1d")
    return max(1, int(float(found[1]) * _UNITS[found[2]]))


def _time(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _show(n: dict[str, Any], console: Console) -> None:
    rate = f"SF{n['spreading']}, {n['bandwidth_khz']} kHz" if n["spreading"] else f"DR{n['data_rate']}"
    table = Table(
        title=f"{n['model']} over {n['region']}, {rate}, packets of {n['payload']} bytes", title_justify="left"
    )
    table.add_column("")
    table.add_column(f"useful (MS-SSIM {n['useful']['ms_ssim']:g})", justify="right")
    table.add_column("full", justify="right")
    both = (n["useful"], n["full"])
    table.add_row("bytes", *(f"{part['bytes']:,}" for part in both))
    table.add_row(f"packets ({100 * n['loss']:g} % lost)", *(str(part["packets"]) for part in both))
    for title, key in (
        ("airtime", "airtime_s"),
        ("waiting for the budget", "waited_s"),
        ("time to the picture", "seconds"),
    ):
        table.add_row(title, *(_time(part[key]) for part in both))
    console.print(table)
    energy = n["energy"]
    life, each = energy["battery_days"], energy["mah_a_picture"]
    console.print(f"images a day: {n['images_a_day']:g}", highlight=False)
    console.print(
        f"a full picture: {each['value']:.2f} mAh ({each['low']:.2f} .. {each['high']:.2f}), estimated", highlight=False
    )
    console.print(
        f"battery: {life['value']:.0f} days ({life['low']:.0f} .. {life['high']:.0f}), estimated, asleep at "
        f"{energy['sleep_ma']:g} mA",
        highlight=False,
    )
    console.print(
        f"Bytes: means of {n['measured_on_photos']} photos in the model's results/payloads.json. Times: on a node "
        "that was silent for a day before. Currents and intervals: docs/sending.md.",
        style="dim",
        highlight=False,
    )
