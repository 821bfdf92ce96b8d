# SPDX-License-Identifier: Apache-2.0
"""Streams over links of changing bandwidth: they fill the link, never more, and follow it; videos go in and out."""

import itertools
import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from glimpse.errors import GlimpseError, UsageError
from glimpse.streaming.link import Sent, TraceLink
from glimpse.streaming.rate import RateControl
from glimpse.streaming.session import StreamFrame, over_node, over_trace
from glimpse.streaming.trace import Trace, constant, read_trace
from glimpse.streaming.video import check_video_name, open_video, thinned, write_video
from glimpse.streaming.y4m import from_rgb, to_rgb
from hypothesis import given, settings
from hypothesis import strategies as st
from support.typed import Glimpse

PAYLOAD, WINDOW = 51, 1.0
TRACES = {
    "down": Trace((0, 10), (4000, 800)),
    "up": Trace((0, 10), (500, 5000)),
    "outage": Trace((0, 10, 15), (2000, 0, 2000)),
    "nothing": constant(0),
    "slow": constant(25),
}


class Counter:
    """A viewer that only counts."""

    def show(self, frame: StreamFrame, packets: list[bytes]) -> None:
        frame.packets, frame.bytes = len(packets), sum(map(len, packets))


def encode(photo: object, most: int) -> list[bytes]:
    """A node whose frames have 3 kB, in packets of PAYLOAD bytes."""
    sizes = [PAYLOAD] * (min(most, 3000) // PAYLOAD) + [min(most, 3000) % PAYLOAD]
    return [bytes(size) for size in sizes if size >= 11]


class Watched(TraceLink):
    """Remembers what went through."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace)
        self.sent: list[Sent] = []

    def advance(self, now: float) -> list[Sent]:
        done = super().advance(now)
        self.sent += done
        return done


def stream(trace: Trace, fps: float, seconds: float) -> tuple[list[StreamFrame], Watched]:
    link = Watched(trace)
    photos = itertools.repeat(None, int(seconds * fps))
    return list(over_trace(photos, encode, link, RateControl(1 / fps, WINDOW), Counter())), link


@pytest.mark.parametrize("fps", [2.0, 3.7, 15.0])
@pytest.mark.parametrize("name", TRACES)
def test_a_stream_never_exceeds_its_link_and_is_the_same_again(name: str, fps: float):
    trace = TRACES[name]
    frames, link = stream(trace, fps, 20)
    assert [frame.index for frame in frames] == list(range(int(20 * fps)))
    for start in np.arange(0, 21, 0.25):
        inside = sum(len(s.packet) for s in link.sent if s.start >= start and s.end <= start + WINDOW)
        assert inside <= trace.carried(start, start + WINDOW) + 1e-6
    assert sum(frame.bytes for frame in frames) <= sum(len(s.packet) for s in link.sent)
    again, _ = stream(trace, fps, 20)
    assert [(f.plan, f.bytes) for f in again] == [(f.plan, f.bytes) for f in frames]


@pytest.mark.parametrize("fps", [2.0, 3.7, 15.0])
@pytest.mark.parametrize("name", ["down", "up", "outage"])
def test_a_change_of_the_link_is_followed_within_the_window(name: str, fps: float):
    trace = TRACES[name]
    frames, _ = stream(trace, fps, 20)
    changed = 15 if name == "outage" else 10
    for begin, end in ((3, 10), (changed + WINDOW, 20)):
        chosen = [frame for frame in frames if begin <= frame.time < end - 1]
        planned = sum(frame.planned for frame in chosen) / (end - 1 - begin)
        rate = trace.rate(begin)
        # Frames are left out as a whole: one of them more or less is within the rule.
        slack = max(frame.planned for frame in chosen) / (end - 1 - begin)
        assert 0.7 * rate - slack <= planned <= rate + slack, (begin, planned)
        assert all(frame.bytes == frame.planned for frame in chosen)
        assert all(frame.plan.rate == pytest.approx(rate) for frame in chosen)


def test_without_bandwidth_nothing_piles_up():
    frames, link = stream(TRACES["nothing"], 15, 20)
    assert sum(frame.bytes for frame in frames) == 0 and sum(frame.planned for frame in frames) <= 200
    assert link.waiting <= PAYLOAD


def test_a_link_too_slow_for_every_frame_carries_some_of_them_whole():
    frames, _ = stream(TRACES["slow"], 2, 60)
    came = [frame for frame in frames if frame.bytes]
    assert 6 <= len(came) <= 9 and all(frame.bytes == 200 for frame in came[1:])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 5), st.one_of(st.just(0.0), st.floats(1, 1e5))), min_size=1, max_size=6),
    st.floats(0.5, 30),
)
def test_any_trace_is_kept_to_and_ends(steps: list[tuple[float, float]], fps: float):
    times = np.cumsum([0, *(length for length, _ in steps[:-1])])
    trace = Trace(tuple(times.tolist()), tuple(rate for _, rate in steps))
    frames, link = stream(trace, fps, 5)
    assert len(frames) == int(5 * fps)
    for one, two in itertools.pairwise(link.sent):
        assert one.end <= two.start
    for sent in link.sent:
        assert len(sent.packet) == pytest.approx(trace.carried(sent.start, sent.end), rel=1e-6, abs=1e-6)
    given_up = sum(link.given_up.values())
    assert sum(f.planned for f in frames) == sum(len(s.packet) for s in link.sent) + given_up + link.waiting


def test_a_measured_link_sets_the_size_of_frames():
    now = [100.0]

    def capture(photo: object, most: int, take) -> None:
        now[0] += 0.1  # the network
        for packet in encode(photo, most):
            now[0] += len(packet) / 2000
            take(packet)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    frames = list(over_node(itertools.repeat(None, 8), capture, RateControl(0.5), Counter(), lambda: now[0], sleep))
    assert frames[0].plan.bytes == 200
    assert all(frame.plan.rate == pytest.approx(2000) and frame.bytes in (899, 900) for frame in frames[1:])
    assert [frame.time for frame in frames[1:]] == pytest.approx([0.55 * k - 0.05 for k in range(1, 8)], abs=0.06)


def test_traces_are_read(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text("seconds,bytes per second\n0,100\n\n2.5, 0\n4,50\n")
    trace = read_trace(file)
    assert trace == Trace((0, 2.5, 4), (100, 0, 50))
    assert [trace.rate(t) for t in (-1, 0, 2.5, 99)] == [100, 100, 0, 50]
    assert trace.carried(2, 5) == 100 and trace.finish(2, 100) == 5 and trace.finish(0, 50) == 0.5
    assert constant(0).finish(1, 1) == math.inf


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no bandwidth"),
        ("0,1\n0,2", "line 2: times must rise"),
        ("0,-1", "rates be 0 or more"),
        ("0,nan", "rates be 0 or more"),
        ("0,1\na,b", "line 2: 'a,b' is not"),
        ("0,1,2\n0;1", "line 2"),
    ],
)
def test_odd_traces_get_a_sentence(tmp_path: Path, text: str, sentence: str):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(GlimpseError, match=sentence):
        read_trace(tmp_path / "t.csv")


def clip(count: int, side: int = 48) -> list[np.ndarray]:
    """A bright square that moves."""
    pictures = []
    for number in range(count):
        picture = np.full((side, side, 3), (30, 90, 160), np.uint8)
        picture[10:30, 4 + 2 * number : 24 + 2 * number] = (220, 180, 40)
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize(("name", "worst"), [("a.y4m", 2), ("a.mp4", 40)])
def test_videos_come_back_as_they_were_written(tmp_path: Path, name: str, worst: int):
    pictures = clip(6)
    writer = write_video(tmp_path / name, Fraction(15, 2))
    for picture in pictures:
        writer.add(picture)
    writer.close()
    reader = open_video(tmp_path / name)
    back = list(reader)
    reader.close()
    assert float(reader.rate) == 7.5 and len(back) == 6
    for one, two in zip(pictures, back, strict=True):
        error = np.abs(one.astype(int) - two.astype(int))
        assert error.mean() <= worst / 10 + 1 and np.percentile(error, 90) <= worst


def test_colours_are_those_of_the_recommendation():
    """ITU-R BT.601: white, black, and full red in 8 bits."""
    picture = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], np.uint8)
    assert [plane.tolist() for plane in from_rgb(picture)] == [[[235, 16, 81]], [[128, 128, 90]], [[128, 128, 240]]]
    assert np.abs(to_rgb(*from_rgb(picture)).astype(int) - picture).max() <= 1


@pytest.mark.parametrize("form", ["420jpeg", "422", "444", "mono", "411"])
def test_every_chroma_form_is_read(tmp_path: Path, form: str):
    width, height = 6, 4
    columns, rows = {"420jpeg": (3, 2), "422": (3, 4), "444": (6, 4), "mono": (0, 0), "411": (2, 4)}[form]
    planes = bytes([126]) * (width * height) + bytes([128]) * (2 * rows * columns)
    header = f"YUV4MPEG2 W{width} H{height} F25:1 C{form} XCOLORRANGE=LIMITED\n".encode()
    (tmp_path / "a.y4m").write_bytes(header + b"FRAME Ixyz\n" + planes + b"FRAME\n" + planes[:-1])
    reader = open_video(tmp_path / "a.y4m")
    (picture,) = reader
    reader.close()
    assert picture.shape == (height, width, 3) and (picture == 128).all()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"YUV4MPEG2 ", b"YUV4MPEG2 W4 H4 F9:1 C420\nFRAME\n"]))
def test_hostile_videos_never_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes):
    file = tmp_path_factory.getbasetemp() / "hostile.y4m"
    file.write_bytes(head + data)
    try:
        reader = open_video(file)
    except GlimpseError:
        return
    try:
        assert all(picture.shape[2] == 3 for picture in itertools.islice(reader, 50))
    except GlimpseError:
        pass
    finally:
        reader.close()


def test_names_and_missing_packages_get_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match=r"end it in \.y4m or \.mp4"):
        check_video_name(tmp_path / "a.gif")
    (tmp_path / "a.mp4").write_bytes(b"not a video" * 20)
    with pytest.raises(GlimpseError, match="is not a video that can be read"):
        open_video(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(GlimpseError, match=r"need PyAV; type: pip install 'glimpse-lpwan\[video\]'"):
        open_video(tmp_path / "a.mp4")


def test_fewer_pictures_a_second_are_the_right_ones():
    assert list(thinned(iter(range(10)), 10, 5)) == [0, 2, 4, 6, 8]
    assert list(thinned(iter(range(25)), 25, 3.7)) == [0, 6, 13, 20]


def test_a_video_over_a_trace_as_a_person_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glimpse: Glimpse):
    writer = write_video(tmp_path / "in.y4m", Fraction(8))
    for picture in clip(12, 224):
        writer.add(picture)
    writer.close()
    (tmp_path / "t.csv").write_text("0,4000\n0.5,0\n1.0,4000\n")
    monkeypatch.chdir(tmp_path)
    words = ["stream", "in.y4m", "--link", "t.csv", "--fps", "8", "--record", "out.y4m", "--json", "n.json", "-o", "s"]
    code, out, error = glimpse(*words)
    assert code == 0, error
    numbers = json.loads((tmp_path / "n.json").read_text())
    frames = numbers["frames"]
    assert len(frames) == 12 and numbers["fps"] == 8 and numbers["carried_bytes"] == 4000
    assert "left out: the link is busy" in out and "where the link carries 4,000" in out
    assert sum(frame["bytes"] for frame in frames) <= 4000
    came = [frame for frame in frames if frame["bytes"]]
    assert all(frame["shown"] == frame["frame"] and frame["psnr_db"] > 10 for frame in came)
    assert all(1 <= frame["channels"] <= 12 for frame in came)
    assert frames[-1]["psnr_db"] > frames[0]["psnr_db"] + 5, "more bytes, more picture"
    left_out = [frame for frame in frames if not frame["budget"]]
    assert left_out and all(frame["shown"] < frame["frame"] and frame["psnr_db"] > 5 for frame in left_out)
    reader = open_video(tmp_path / "out.y4m")
    assert len(list(reader)) == 12 and reader.rate == 8
    reader.close()
    assert glimpse("stream", "in.y4m", "--record", "a.gif")[0] == 2
