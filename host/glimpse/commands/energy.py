# SPDX-License-Identifier: Apache-2.0
"""`glimpse energy`: what a picture costs a node, by a meter or by the model.

JSON: meter, label (measured or estimated), images, partial (left out), volts (null: the meter's own),
stages {acquire, network, pack, rest; with --images computing, rest: {mj, mas, seconds, each {value, low, high}}},
image_mj {value, low, high} (all stages; without the rest when the radio is by formula), radio (null: measured with the
rest; else {label, link, packets, mj {value, low, high}}), total_mj {value, low, high}, bytes (null: not known),
uj_a_delivered_byte {value, low, high} (null), life (null; else {every_s, images_a_day, sleep_ma, battery_days
{value, low, high}}). Of measurements low and high are the cheapest and the dearest picture.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from glimpse import bench as benchmark
from glimpse import binding, zoo
from glimpse.binding import MAX_PAYLOAD, MIN_PAYLOAD
from glimpse.commands.options import JsonOption, ModelOption
from glimpse.commands.plan import milliseconds, region_named
from glimpse.energy.account import REST, Account, by_marks, estimated, shared
from glimpse.energy.meters import ADDRESSES, open_meter
from glimpse.energy.model import CORES, Range, Way, cut, radio_mj
from glimpse.energy.trace import Trace, write_trace
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import write_json
from glimpse.glp import read_packets
from glimpse.photo import fit_photo, load_photo
from glimpse.planning.picture import Picture
from glimpse.planning.plan import Link, Power, choose_rate
from glimpse.planning.plan import plan as make_plan
from glimpse.targets import open_node

_POWER = Power()
SLEEP_MA = {"cortex-m7": 25.0}
"""mA of a core that waits, where not the planner's; assumed: an STM32F746 keeps all other clocks (docs/field.md)."""
LEAD_S = 0.5  # the meter runs before the node is asked for a picture


def energy(
    photo: Annotated[Path | None, typer.Argument(help="With --target: the photo; else the test pattern.")] = None,
    meter: Annotated[str, typer.Option(help=f"{ADDRESSES}.")] = "sim:cortex-m33",
    volts: Annotated[
        float | None, typer.Option(min=0.8, max=60, help="Of the supply, where it is not measured.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long a live meter records.")] = 10,
    save: Annotated[Path | None, typer.Option(help="Keep what a live meter recorded, as CSV.")] = None,
    target: Annotated[str | None, typer.Option(help="Node to ask for a picture while the meter records.")] = None,
    model: ModelOption = zoo.DEFAULT,
    payload: Annotated[
        int | None, typer.Option(min=MIN_PAYLOAD, max=MAX_PAYLOAD, help="Bytes of a packet; else as the link takes.")
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="Share the trace among so many pictures: without marks, or with one pin.")
    ] = None,
    delivered: Annotated[int | None, typer.Option("--bytes", min=1, help="Bytes of packets of a picture.")] = None,
    glp: Annotated[Path | None, typer.Option(help="A frame's packets, in the place of --bytes.")] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Add the radio by formula: EU868, US915, Sigfox or NB-IoT; else the meter saw it."),
    ] = None,
    sf: Annotated[int | None, typer.Option(help="Spreading factor.")] = None,
    dr: Annotated[int | None, typer.Option(min=0, help="Data rate instead of a spreading factor.")] = None,
    loss: Annotated[
        float, typer.Option(min=0, max=90, help="Percent of the packets that are lost, and sent again.")
    ] = 0,
    every: Annotated[str | None, typer.Option(help="Time between pictures: 30s, 10min, 1h, 1d.")] = None,
    battery: Annotated[float, typer.Option(min=1, help="mAh.")] = _POWER.battery_mah,
    sleep_ma: Annotated[
        float | None,
        typer.Option(min=0, help="mA while asleep; else what the core's rest is taken for.", show_default=False),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Energy of a picture and of a delivered byte, radio included, and how long a battery lasts."""
    sizes = [len(packet) for packet in read_packets(glp).packets] if glp else None
    way = _way(region, sf, dr, payload)
    kind, _, core = meter.partition(":")
    if kind == "sim":
        account, sizes, supply = _simulate(core, model, way, payload, sizes)
    else:
        if model != zoo.DEFAULT and not target:
            raise UsageError("a meter does not know models; --model is for sim and for --target")
        trace, came = _record(meter, volts, seconds, target, photo, model, way.payload if way else payload or 51)
        sizes, supply = sizes or came, volts
        if save:
            write_trace(save, trace)
        account = shared(trace, images) if images else by_marks(trace)
    if delivered and sizes is None:
        sizes = cut(delivered, way.payload if way else delivered)
    asleep = SLEEP_MA.get(core, _POWER.sleep_ma) if sleep_ma is None else sleep_ma
    numbers = _numbers(account, sizes, way, loss / 100, every, battery, asleep)
    numbers = {"meter": meter, "label": "measured" if account.measured else "estimated", "volts": supply, **numbers}
    _show(numbers, Console(stderr=json == "-", file=None if json != "-" else sys.stderr))
    if json:
        write_json(json, numbers)


def _way(region: str | None, sf: int | None, dr: int | None, payload: int | None) -> Way | None:
    if region is None:
        if sf is not None or dr is not None:
            raise UsageError("a spreading factor or a data rate is one of a region; name it with --region")
        return None
    where = region_named(region)
    rate = choose_rate(where, sf, dr)
    most = where.payload(rate.number)
    if most < MIN_PAYLOAD or (payload or 0) > most:
        raise UsageError(f"{where.name} DR{rate.number} takes packets of at most {most} bytes; change --payload")
    return Way(where, rate, payload or most)


def _simulate(
    core: str, name: str, way: Way | None, payload: int | None, sizes: list[int] | None
) -> tuple[Account, list[int], float]:
    if core not in CORES:
        raise UsageError(f"the model of the energy knows sim:{' and sim:'.join(CORES)}, not sim:{core}")
    model = zoo.load(name)
    loaded = model.binding
    coding = "range" if loaded.has_range_tables else "raw"
    size = way.payload if way else payload or 51
    pattern = binding.pattern(loaded.photo_width, loaded.photo_height)
    found = benchmark.measure(f"sim:{core}", model, pattern, frames=1, payload=size, coding=coding)
    volts = CORES[core].volts
    account = estimated(found["instructions_by_stage"], core, volts)
    return account, sizes or cut(found["bytes"], size), volts


def _record(
    meter: str, volts: float | None, seconds: float, target: str | None, photo: Path | None, name: str, payload: int
) -> tuple[Trace, list[int] | None]:
    opened = open_meter(meter, volts)
    if target is None:
        if photo:
            raise UsageError("a photo goes to a node; name it with --target")
        return opened.record(seconds), None
    if meter.startswith("trace:"):
        raise UsageError("a recorded trace holds its pictures already; leave --target out")
    model = zoo.load(name)
    m = model.binding
    rows = fit_photo(load_photo(photo), m.photo_width, m.photo_height, "crop") if photo else None
    traces: list[Trace | GlimpseError] = []

    def run() -> None:
        try:
            traces.append(opened.record(seconds))
        except GlimpseError as error:
            traces.append(error)

    with open_node(target, model) as node:
        recorder = threading.Thread(target=run, daemon=True)
        recorder.start()
        time.sleep(LEAD_S)
        capture = node.capture(rows, pattern=rows is None, payload=payload)
        recorder.join()
    if isinstance(traces[0], GlimpseError):
        raise traces[0]
    return traces[0], [len(packet) for packet in capture.packets]


def _numbers(
    account: Account,
    sizes: list[int] | None,
    way: Way | None,
    loss: float,
    every: str | None,
    battery: float,
    sleep_ma: float,
) -> dict[str, Any]:
    radio = None
    image = account.whole()
    if way is not None:
        if not sizes:
            raise UsageError("the radio's energy follows from the packets; give their bytes with --bytes or --glp")
        if REST in account.stages and len(account.stages) > 1:
            image = account.computing()  # what the meter saw of another radio, or of waiting, is not this link's
        mj = radio_mj(way, sizes) * (1 / (1 - loss))
        radio = {"label": "estimated", "link": way.name, "packets": len(sizes), "mj": mj.numbers()}
    total = image.mj + (Range(**radio["mj"]) if radio else Range(0, 0, 0))
    return {
        "images": account.images,
        "partial": account.partial,
        "stages": {
            name: {"mj": s.mj.numbers(4), "mas": s.mas.numbers(4), "seconds": s.seconds.numbers(6)}
            for name, s in account.stages.items()
        },
        "image_mj": image.mj.numbers(4),
        "radio": radio,
        "total_mj": total.numbers(4),
        "bytes": sum(sizes) if sizes else None,
        "uj_a_delivered_byte": (total * (1e3 / sum(sizes))).numbers() if sizes else None,
        "life": _life(image.mas, image.seconds, sizes, way, loss, every, battery, sleep_ma),
    }


def _life(
    mas: Range,
    seconds: Range,
    sizes: list[int] | None,
    way: Way | None,
    loss: float,
    every: str | None,
    battery: float,
    sleep_ma: float,
) -> dict[str, Any] | None:
    period = milliseconds(every)
    if period is None:
        return None
    sleep = max(sleep_ma, 1e-6)
    if way is None:  # the meter saw all but the sleep after the trace
        a_day = 86_400_000 / period
        days = {
            key: round(battery / (a_day * getattr(mas, other) / 3600 + 24 * sleep), 1)
            for key, other in (("value", "value"), ("low", "high"), ("high", "low"))
        }
        return {"every_s": period / 1000, "images_a_day": round(a_day, 2), "sleep_ma": sleep, "battery_days": days}
    # The planner knows a picture's computing as a time at one current: that of the charge that was found.
    size, packets = sum(sizes or []), len(sizes or [])
    busy = {key: getattr(mas, key) for key in ("value", "low", "high")}
    picture = Picture(size, packets, size, packets, 1.0, 1, {key: value * 1e3 for key, value in busy.items()})
    power = Power(compute_ma=1.0, sleep_ma=sleep, camera_ma=0.0, battery_mah=battery)
    link = Link(way.region, way.rate, way.payload, loss=loss, every_ms=period)
    found = make_plan(link, picture, power)
    return {
        "every_s": period / 1000,
        "images_a_day": found["images_a_day"],
        "sleep_ma": sleep,
        "battery_days": found["energy"]["battery_days"],
    }


def _show(n: dict[str, Any], console: Console) -> None:
    left_out = f", {n['partial']} not whole and left out" if n["partial"] else ""
    table = Table(
        title=f"{n['meter']}: {n['images']} picture{'s' * (n['images'] != 1)}{left_out}", title_justify="left"
    )
    table.add_column("")
    for title in ("mJ", "least .. most", "s", ""):
        table.add_column(title, justify="left" if title == "" else "right")
    for name, stage in n["stages"].items():
        left_out = ", left out" if name == REST and n["radio"] and len(n["stages"]) > 1 else ""
        table.add_row(name, *_cells(stage["mj"]), f"{stage['seconds']['value']:.4g}", n["label"] + left_out)
    if n["radio"]:
        table.add_row(
            f"radio, {n['radio']['packets']} packets, {n['radio']['link']}", *_cells(n["radio"]["mj"]), "", "estimated"
        )
    table.add_row("a picture", *_cells(n["total_mj"]), "", "")
    console.print(table)
    if n["uj_a_delivered_byte"]:
        each = n["uj_a_delivered_byte"]
        console.print(
            f"a delivered byte: {each['value']:.4g} uJ ({each['low']:.4g} .. {each['high']:.4g}), of {n['bytes']:,}",
            highlight=False,
        )
    if n["life"]:
        days = n["life"]["battery_days"]
        console.print(
            f"{n['life']['images_a_day']:g} pictures a day; battery: {days['value']:,.0f} days ({days['low']:,.0f} .. "
            f"{days['high']:,.0f}), estimated, asleep at {n['life']['sleep_ma']:g} mA",
            highlight=False,
        )


def _cells(mj: dict[str, float]) -> tuple[str, str]:
    return f"{mj['value']:,.4g}", f"{mj['low']:,.4g} .. {mj['high']:,.4g}"
