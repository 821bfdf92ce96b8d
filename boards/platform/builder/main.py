# SPDX-License-Identifier: Apache-2.0
"""How a program is built and started for a board of this repository (run by SCons inside PlatformIO)."""

import shutil
import sys
from pathlib import Path

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Builder, Default, DefaultEnvironment, Return

env = DefaultEnvironment()
PROJECT = Path(env.subst("$PROJECT_DIR"))
BUILD = Path(env.subst("$BUILD_DIR"))
sys.path.insert(0, str(PROJECT / "boards" / "platform" / "tools"))

import built_in_model  # noqa: E402
import upload  # noqa: E402

native = "BOARD" not in env
testing = "test" in env.GetBuildType()
board = None if native else env.BoardConfig()
variant = "native" if native else board.get("build.variant")
firmware = PROJECT / "firmware"
dependencies = PROJECT / ".deps"

if not native and board.get("build.mcu") == "k210":  # MicroPython scripts and a network: nothing to compile
    env.SConscript("maix.py", exports="env")
    Return()

# ---- compilers

if native:
    env.Replace(AR="ar", AS="gcc", CC="gcc", CXX="g++", LINK="gcc", RANLIB="ranlib", GDB="gdb")
    env.Replace(SIZETOOL="size", SIZEPRINTCMD="$SIZETOOL $SOURCES", PROGSUFFIX="", PROGNAME="program")
    machine = []
    if testing:
        machine = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
else:
    prefix = "arm-none-eabi-"
    env.Replace(AR=prefix + "gcc-ar", AS=prefix + "gcc", CC=prefix + "gcc", CXX=prefix + "g++")
    env.Replace(LINK=prefix + "gcc", RANLIB=prefix + "gcc-ranlib", OBJCOPY=prefix + "objcopy")
    env.Replace(GDB=shutil.which(prefix + "gdb") or shutil.which("gdb-multiarch") or prefix + "gdb")
    env.Replace(PROGSUFFIX=".elf", PROGNAME="firmware", SIZETOOL=prefix + "size")
    env.Replace(
        SIZEPROGREGEXP=r"^(?:\.vectors|\.text|\.ARM\.extab|\.ARM\.exidx|\.init_array|\.data)\s+(\d+).*",
        SIZEDATAREGEXP=r"^(?:\.stack|\.data|\.bss|\.noinit)\s+(\d+).*",
        SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
        SIZEPRINTCMD="$SIZETOOL -A -d $SOURCES",
    )
    machine = ["-mthumb", "-mcpu=" + board.get("build.cpu"), "-mfpu=" + board.get("build.fpu"), "-mfloat-abi=hard"]

if testing:  # tests must not take the place of the firmware that other tools find here
    env.Replace(PROGNAME="unit_test")

# Debug information names files below the repository, wherever that lies: the same source gives the same bytes.
machine_and_paths = [*machine, f"-ffile-prefix-map={PROJECT}/="]
env.Append(
    ASFLAGS=machine,
    CCFLAGS=[*machine_and_paths, "-O2", "-g", "-ffunction-sections", "-fdata-sections"],
    LINKFLAGS=[*machine, "-Wl,--gc-sections", "-Wl,-Map=" + str(BUILD / "${PROGNAME}.map")],
    CPPPATH=[str(firmware), str(PROJECT / "boards" / variant), str(BUILD / "generated")],
)
env.Replace(ARFLAGS=["rcD"])
if not native:
    env.Append(
        CPPDEFINES=board.get("build.defines", "").split(),
        CXXFLAGS=["-fno-threadsafe-statics", "-fno-use-cxa-atexit"],
        LINKFLAGS=["-nostartfiles", "--specs=nano.specs", "-Wl,--no-warn-rwx-segments"],
        LIBS=["c", "m", "gcc"],
        LIBPATH=[str(firmware / "ports" / "cortexm")],
    )
    env.Replace(LDSCRIPT_PATH=str(PROJECT / "boards" / variant / "linker.ld"))

# Headers of others: -isystem keeps our warnings out of them.
for name in ("cmsis_nn",) if native else ("cmsis_nn", "cmsis_core", "stm32f7"):
    env.Append(CCFLAGS=["-isystem", str(dependencies / name / "Include")])
env.Append(CCFLAGS=["-isystem", str(dependencies / "monocypher")])
for name, title in (("cmsis_nn", "CMSIS-NN"), ("monocypher", "Monocypher")):
    if not (dependencies / name).is_dir():
        sys.stderr.write(f"Error: the {title} sources are not there yet; run `make setup`.\n")
        env.Exit(1)

# ---- CMSIS-NN: only the files that firmware/nn names, and those that an image asks for besides, without our warnings

kernels = env.Clone()
kernels.Append(CCFLAGS=["-w"])
lists = [firmware / "nn" / "cmsis_nn_sources.txt"]
lists += [PROJECT / name for name in env.GetProjectOption("custom_cmsis_nn", "").split()]
objects = [
    kernels.StaticObject(str(BUILD / "cmsis_nn" / (path + ".o")), str(dependencies / "cmsis_nn" / path))
    for path in (line.strip() for file in lists for line in file.read_text().split("\n"))
    if path and not path.startswith("#")
]
env.Prepend(LIBS=[kernels.StaticLibrary(str(BUILD / "cmsis_nn" / "cmsis_nn"), objects)])

# TFLM comes as a library, and PlatformIO compiles libraries with the flags of the program: without our warnings then.
tflm = env.GetProjectOption("custom_encoder", "") == "tflm"
flatbuffer = BUILD / "generated" / "glimpse_builtin_tflite.h"
if tflm:
    env.Append(
        CCFLAGS=["-w", "-isystem", str(dependencies / "cmsis_nn")],
        CPPDEFINES=["CMSIS_NN", "NDEBUG", "TF_LITE_STATIC_MEMORY", "TF_LITE_STRIP_ERROR_STRINGS"],
    )
    if not env.GetOption("clean"):
        built_in_model.make(env, PROJECT, flatbuffer, needed=True, exporter="glimpse.export.tflm")

# ---- our own sources

env.Append(
    CFLAGS=["-std=c11"],
    CXXFLAGS=["-std=c++17", "-fno-exceptions", "-fno-rtti"],
    CCFLAGS=[] if tflm else ["-Wall", "-Wextra", "-Wconversion", "-Werror"],
)
if testing:  # the test brings its own main
    env.Append(SRC_FILTER=["-<app/main.c>"])
if not env.GetOption("clean"):
    header = BUILD / "generated" / "glimpse_builtin_model.h"
    built_in_model.make(env, PROJECT, header, needed=not testing)
    # What a node on its own needs besides a host's takes about 20 kB of flash; TFLM takes its own, and the model twice.
    code = 94 * 1024 if tflm else 70 * 1024
    model = built_in_model.size(header) + (built_in_model.size(flatbuffer) if tflm else 0)
    if not native and not testing and model > board.get("upload.maximum_size") - code:
        print("Built-in model: so large that the node works for a host only (firmware/app/hosted)")
        replaced = ["field", "field_frame", "camera", "trial", "update"]
        unused = ["airtime", "budget", "region"]
        left_out = [*(f"-<app/{name}.c>" for name in replaced), *(f"-<core/{name}.c>" for name in unused)]
        env.Append(SRC_FILTER=[*left_out, "+<app/hosted/>"])
        env.Append(CPPDEFINES=[("NODE_SIGNED_MODELS", 0)])
        env.Replace(CCFLAGS=["-Os" if flag == "-O2" else flag for flag in env["CCFLAGS"]])  # the kernels stay fast

# ---- Monocypher: rolled up, BLAKE2b takes 2 kB of flash in place of 15

ciphers = env.Clone()
# Addresses stay checked in tests: it reads and writes our buffers. For undefined behaviour it would compile for 13 s.
unchecked = ["-fno-sanitize=undefined"] if native and testing else []
ciphers.Append(CCFLAGS=["-w", "-Os", *unchecked], CPPDEFINES=["BLAKE2_NO_UNROLLING"])
objects = [ciphers.StaticObject(str(BUILD / "monocypher.o"), str(dependencies / "monocypher" / "monocypher.c"))]
env.Prepend(LIBS=[ciphers.StaticLibrary(str(BUILD / "monocypher"), objects)])

# What waits for lines, flash and radio is small, and so is what only calls kernels; kernels, symbols and image packets
# are fast.
CORE = (
    "airtime budget change codec difference_packer downlink galois grid packet parity protection reference "
    "region runs saliency scale schedule serial setting telemetry"
)
PORTS = "camera clock fault flash modem port sccb sdram semihosting serial sleep startup"
SMALL = ["app/*", "link/*", "nn/encoder.c", "nn/layer_check.c", "nn/model.c"]
SMALL += [f"core/{name}.c" for name in CORE.split()] + [f"ports/*/{name}.c" for name in PORTS.split()]
SMALL = [f"*/firmware/{files}" for files in SMALL]
SMALL += ["*/tensorflow/lite/*"]  # a frame's time goes into CMSIS-NN, which TFLM calls once a layer


def compile_small(env, node):
    """One source, with the size in mind."""
    return env.Object(node, CCFLAGS=["-Os" if flag == "-O2" else flag for flag in env["CCFLAGS"]])


if not native:
    for files in SMALL:
        env.AddBuildMiddleware(compile_small, files)

if native:
    program = env.BuildProgram()
    image = program
    Default(program)
else:
    env.Append(
        BUILDERS={
            "ElfToBin": Builder(
                action=env.VerboseAction("$OBJCOPY -O binary $SOURCES $TARGET", "Building $TARGET"), suffix=".bin"
            ),
            "ElfToHex": Builder(
                action=env.VerboseAction("$OBJCOPY -O ihex $SOURCES $TARGET", "Building $TARGET"), suffix=".hex"
            ),
        }
    )
    if "nobuild" in COMMAND_LINE_TARGETS:
        program = env.subst("$BUILD_DIR/${PROGNAME}.elf")
        image = env.subst("$BUILD_DIR/${PROGNAME}.hex")
    else:
        program = env.BuildProgram()
        env.Depends(program, str(PROJECT / "boards" / variant / "linker.ld"))
        env.Depends(program, str(firmware / "ports" / "cortexm" / "sections.ld"))
        binary = env.ElfToBin("$BUILD_DIR/${PROGNAME}", program)
        image = env.ElfToHex("$BUILD_DIR/${PROGNAME}", program)
        env.Depends(image, "checkprogsize")
        env.Depends(image, binary)
        Default([program, binary, image])

AlwaysBuild(env.Alias("nobuild", image))
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE")))
start = env.VerboseAction(lambda target, source, env: upload.start(env, variant, str(source[0])), "Starting $SOURCE")
AlwaysBuild(env.Alias("upload", [program, image], start))
