# SPDX-License-Identifier: Apache-2.0
"""Coverage-guided fuzzing of every parser of the core with libFuzzer, address and undefined-behaviour sanitizers.

    python -m support.libfuzzer --minutes 10 --jobs 2 [TARGET ...]     (in host/tests)

runs the targets, adds to the committed corpus what reaches new code, and counts the processor time that each has had in
firmware/test/fuzz/fuzzed.json: on a busy machine it is less than the minutes given. An input that breaks something is
kept in build/fuzz/ and named.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FIRMWARE = ROOT / "firmware"
FUZZ = FIRMWARE / "test" / "fuzz"
MONOCYPHER = ROOT / ".deps" / "monocypher"
CORPUS, HOURS, BUILD = FUZZ / "corpus", FUZZ / "fuzzed.json", ROOT / "build" / "fuzz"
FLAGS = ["-std=c11", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
LARGEST_CORPUS = 150  # files of a target; it is committed


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        source: file in firmware/test/fuzz with LLVMFuzzerTestOneInput.
        longest: bytes of an input.
        define: value of GLIMPSE_LIBFUZZER.
        rooms: folders of firmware whose sources it needs.
        network: it needs CMSIS-NN's kernels, too.
        sealing: it needs the ciphers, too.
        with_files: further sources below firmware.
    """

    source: str
    longest: int
    define: str = "1"
    rooms: tuple[str, ...] = ("core",)
    network: bool = False
    sealing: bool = False
    with_files: tuple[str, ...] = ()


MODEM = ("link/at_answer.c", "link/at_dialect.c", "link/at_modem.c", "link/at_step.c", "link/at_text.c", "link/link.c")
TARGETS = {
    "packet": Target("fuzz_core.c", 244, "TARGET_PACKET"),
    "serial": Target("fuzz_core.c", 400, "TARGET_SERIAL"),
    "blob": Target("fuzz_model.c", 4096, rooms=("core", "nn"), network=True),
    "parity": Target("fuzz_parity.c", 1500),
    "difference": Target("fuzz_difference.c", 800),
    "sealed": Target("fuzz_sealed.c", 1500, sealing=True, with_files=("link/seal.c",)),
    "schedule": Target("fuzz_schedule.c", 800),
    "budget": Target("fuzz_budget.c", 800),
    "modem": Target("fuzz_modem.c", 1500, with_files=MODEM),
    "control": Target("fuzz_control.c", 600),
    "settings": Target("fuzz_settings.c", 1500, with_files=("app/settings.c",)),
    "remote": Target("fuzz_remote.c", 1500, with_files=("app/remote.c", "app/settings.c", "app/trial.c")),
}


def compiler() -> str | None:
    """A clang with libFuzzer, None when there is none."""
    names = ["clang", *(f"clang-{version}" for version in range(25, 13, -1))]
    for name in names:
        if shutil.which(name) is None:
            continue
        found = subprocess.run([name, "-print-file-name=libclang_rt.fuzzer-x86_64.a"], capture_output=True, text=True)
        other = subprocess.run([name, "-print-file-name=libclang_rt.fuzzer.a"], capture_output=True, text=True)
        if any(Path(run.stdout.strip()).is_file() for run in (found, other)):
            return name
    return None


def build(name: str, folder: Path) -> Path:
    """Compiles a target into `folder`, where object files of earlier targets are used again.

    Raises:
        RuntimeError: there is no compiler.
        subprocess.CalledProcessError: it fails.
    """
    target, clang = TARGETS[name], compiler()
    if clang is None:
        raise RuntimeError("no clang with libFuzzer; on Debian 12: apt-get install clang-14 libclang-rt-14-dev")
    sources = [FIRMWARE / file for file in target.with_files]
    headers = ["-I", FIRMWARE]
    for room in target.rooms:
        sources += sorted((FIRMWARE / room).glob("*.c"))
    if target.network:
        from support.networks import kernel_sources

        sources += kernel_sources()
        headers += ["-isystem", ROOT / ".deps" / "cmsis_nn" / "Include"]
    if target.sealing:
        sources.append(MONOCYPHER / "monocypher.c")
        headers += ["-isystem", MONOCYPHER]

    def compiled(source: Path) -> Path:
        file = folder / "objects" / f"{source.parent.name}-{source.stem}.o"
        if not file.is_file():
            subprocess.run([clang, *FLAGS, *headers, "-w", "-c", "-o", file, source], check=True)
        return file

    (folder / "objects").mkdir(exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        objects = [*pool.map(compiled, sources)]
    program, define = folder / name, f"-DGLIMPSE_LIBFUZZER={target.define}"
    own = FUZZ / target.source
    subprocess.run([clang, *FLAGS, *headers, define, "-w", "-o", program, own, *objects], check=True)
    return program


@dataclass(frozen=True)
class Ran:
    """What a target has been given.

    Attributes:
        inputs: how many.
        seconds: of a processor.
        reached: places in the code that the committed corpus reaches.
    """

    inputs: int
    seconds: float
    reached: int


def run(name: str, program: Path, seconds: int, grow: Path | None = None, seed: int = 1) -> Ran:
    """Fuzzes for a while from the committed corpus.

    Args:
        name: of the target.
        program: compiled.
        seconds: how long by the clock on the wall, beyond reading the corpus once.
        grow: folder for inputs that reach new code; None: one beside the program, that nobody reads.
        seed: of the mutations; 0: another one every time.

    Raises:
        AssertionError: an input broke something; the message holds the end of what libFuzzer said.
    """
    first = grow or program.parent / f"{name}.new"  # libFuzzer writes into the first folder: never the committed one
    first.mkdir(exist_ok=True)
    folders = [str(folder) for folder in (first, CORPUS / name) if folder.is_dir()]
    command = [program, f"-max_total_time={seconds}", f"-max_len={TARGETS[name].longest}", f"-seed={seed}"]
    # The peak of memory that the system reports survives exec, so the limit of libFuzzer would count what the process
    # that runs the tests holds. The targets allocate nothing themselves: one large allocation is what may be wrong.
    command += ["-rss_limit_mb=0", "-malloc_limit_mb=256", "-timeout=20"]
    command += ["-print_final_stats=1", f"-artifact_prefix={program.parent}/{name}-", *folders]
    log = program.parent / f"{name}.log"
    with log.open("w") as said:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        guard = threading.Timer(seconds + 300, child.kill)
        guard.start()
        _, status, used = os.wait4(child.pid, 0)  # unlike subprocess's own wait, it tells this child's processor time
        guard.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    if child.returncode != 0:
        raise AssertionError(f"{name}:\n{text[-4000:]}")
    inputs = int(re.findall(r"number_of_executed_units: (\d+)", text)[-1])
    reached = int(re.findall(r"INITED\s+cov: (\d+)", text)[-1])
    return Ran(inputs, used.ru_utime + used.ru_stime, reached)


def _merge(name: str, program: Path, grown: Path) -> None:
    """Few inputs that together reach what corpus and grown folder reach; of too many, some of every size."""
    merged = program.parent / f"{name}.merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    folders = [str(folder) for folder in (CORPUS / name, grown) if folder.is_dir()]
    command = [program, "-set_cover_merge=1", f"-max_len={TARGETS[name].longest}", merged, *folders]
    subprocess.run(command, capture_output=True, check=True)
    found = sorted(merged.iterdir(), key=lambda file: (file.stat().st_size, file.name))
    count = min(len(found), LARGEST_CORPUS)
    kept = [found[i * len(found) // count] for i in range(count)]
    shutil.rmtree(CORPUS / name, ignore_errors=True)
    (CORPUS / name).mkdir(parents=True)
    for file in kept:
        shutil.copyfile(file, CORPUS / name / file.name[:16])


def _count(name: str, ran: Ran) -> None:
    """Adds to what the target has had so far."""
    total = json.loads(HOURS.read_text()) if HOURS.is_file() else {}
    before = total.get(name, {"seconds": 0, "inputs": 0})
    total[name] = {"seconds": before["seconds"] + round(ran.seconds), "inputs": before["inputs"] + ran.inputs}
    HOURS.write_text(json.dumps(total, indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Fuzzes the targets named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=10, help="for each target, by the clock on the wall")
    parser.add_argument("--jobs", type=int, default=1, help="so many targets at a time")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    shutil.rmtree(BUILD / "objects", ignore_errors=True)  # sources may have changed
    BUILD.mkdir(parents=True, exist_ok=True)
    programs = {name: build(name, BUILD) for name in options.targets or TARGETS}
    alone = threading.Lock()

    def fuzz(name: str) -> None:
        grown = BUILD / f"{name}.new"
        grown.mkdir(exist_ok=True)
        ran = run(name, programs[name], round(60 * options.minutes), grown, seed=0)
        with alone:
            _merge(name, programs[name], grown)
            _count(name, ran)
            print(f"{name}: {ran.inputs:,} inputs in {ran.seconds:.0f} processor seconds, none broke it", flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(fuzz, programs))


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, AssertionError) as error:
        sys.exit(str(error))
