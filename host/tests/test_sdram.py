# SPDX-License-Identifier: Apache-2.0
"""The Discovery board's SDRAM, which TFLM's tensors need: set up by the port's code, with the board's linker script."""

import subprocess

import pytest
from glimpse.firmware import root
from support.unicorn_board import BoardError, UnicornBoard

PROGRAM = r"""
#include "ports/cortexm/cortexm.h"
#include "ports/port.h"
#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/sdram.h"
#include "stm32f7xx.h"

#define WORDS (8u * 1024u * 1024u / 4u)
static volatile uint32_t all[WORDS] __attribute__((section(".external")));

int main(void)
{
    clock_start();
    if (START && !sdram_start()) {
        return 1;
    }
    all[0] = 0x12345678u;
    all[WORDS - 1u] = 0x9ABCDEF0u;
    cortexm_system_reset();
}

void board_interrupt(uint32_t number) { (void)number; }
void board_non_maskable_interrupt(void) {}
void board_before_reset(uint32_t cause) { (void)cause; }
void port_text(const char *text) { (void)text; }
void board_after_fault(void) { for (;;) {} }
void port_exit(int code) { (void)code; for (;;) {} }
"""


def build(folder, start):
    """An ELF of PROGRAM; start: 0: it uses the memory without setting it up."""
    firmware = root() / "firmware"
    (folder / "main.c").write_text(PROGRAM)
    sources = [firmware / "ports" / name for name in ("stm32f7/sdram.c", "stm32f7/clock.c", "cortexm/startup.c")]
    sources += [firmware / "ports/cortexm" / name for name in ("fault.c", "memory.c")]
    board = root() / "boards/stm32f746g_disco"
    flags = ["-mcpu=cortex-m7", "-mthumb", "-std=gnu11", "-O2", "-nostdlib", "-ffreestanding", "-DSTM32F746xx"]
    for name in ("stm32f7", "cmsis_core"):
        flags += ["-isystem", root() / ".deps" / name / "Include"]
    flags += ["-I", firmware, "-I", board, "-T", board / "linker.ld", "-L", firmware / "ports/cortexm"]
    program = [folder / "main.c", *sources, f"-DSTART={start}", "-o", folder / "sdram.elf"]
    subprocess.run(["arm-none-eabi-gcc", *flags, *program], check=True)
    return folder / "sdram.elf"


def test_the_memory_is_there_at_both_ends(tmp_path):
    board = UnicornBoard(build(tmp_path, 1), "stm32f746g_disco")
    board.run(until=lambda b: b.reset_requested)
    ends = [bytes(board.machine.mem_read(address, 4)) for address in (0x60000000, 0x607FFFFC)]
    assert [int.from_bytes(end, "little") for end in ends] == [0x12345678, 0x9ABCDEF0]


def test_without_it_nothing_is_there(tmp_path):
    board = UnicornBoard(build(tmp_path, 0), "stm32f746g_disco")
    with pytest.raises(BoardError, match="0x60000000"):
        board.run(until=lambda b: b.reset_requested)
