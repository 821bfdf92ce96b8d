// SPDX-License-Identifier: Apache-2.0
// The emulated K210 node: MicroPython's WebAssembly port, with the board's own modules answered by stubs.
//
//     node runtime.mjs MICROPYTHON DISK SD MODEM REQUESTS ANSWERS
//
// MICROPYTHON: folder of the npm package. DISK: folder that is /flash; SD: folder that is /sd, or -. MODEM: terminal of
// the second serial line, or -. Standard input and output are the first serial line. REQUESTS, ANSWERS: file
// descriptors of two pipes to whoever plays camera and KPU (host/glimpse/targets/k210.py): a request is a byte, a
// length u32 and so many bytes; an answer a length i32 and bytes, or a negative length: refused, and a sentence.
// Everything is synchronous, as MicroPython's calls are.

import fs from "node:fs";
import path from "node:path";
import url from "node:url";

const [carrier, disk, sd, modem, requests, answers] = process.argv.slice(2);
const here = path.dirname(url.fileURLToPath(import.meta.url));
const NOTHING_MS = 2; // a poll that finds nothing takes so long, so that an idle node leaves the processor alone
const HEAP_BYTES = 512 * 1024; // MaixPy's default

// The package exports no view of its memory: it is taken where it is made.
let memory;
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...words) => {
    const made = await instantiate(...words);
    memory = Object.values((made.instance ?? made).exports).find((what) => what instanceof WebAssembly.Memory);
    return made;
};
const bytes = (at, count) => new Uint8Array(memory.buffer, at, count);

const clock = new Int32Array(new SharedArrayBuffer(4));
const rest = (ms) => Atomics.wait(clock, 0, 0, ms);

// ---- serial lines

class Line {
    constructor(input, output, ends) {
        Object.assign(this, { input, output, ends, waiting: Buffer.alloc(0) });
    }

    // Bytes that wait.
    any() {
        const chunk = Buffer.alloc(4096);
        let count = -1;
        try {
            count = fs.readSync(this.input, chunk, 0, chunk.length, null);
        } catch (error) {
            if (error.code === "EIO") {
                count = -1; // a terminal that nobody holds
            } else if (error.code !== "EAGAIN") {
                throw error;
            }
        }
        if (count > 0) {
            this.waiting = Buffer.concat([this.waiting, chunk.subarray(0, count)]);
        } else if (count === 0 && this.ends) {
            process.exit(0); // the host is gone
        } else if (this.waiting.length === 0) {
            rest(NOTHING_MS);
        }
        return this.waiting.length;
    }

    read(at, count) {
        const taken = this.waiting.subarray(0, count);
        bytes(at, taken.length).set(taken);
        this.waiting = this.waiting.subarray(taken.length);
        return taken.length;
    }

    write(at, count) {
        writeAll(this.output, Buffer.from(bytes(at, count)));
        return count;
    }
}

function writeAll(file, data) {
    for (let done = 0; done < data.length; ) {
        try {
            done += fs.writeSync(file, data, done);
        } catch (error) {
            if (error.code !== "EAGAIN") {
                process.exit(0);
            }
            rest(1);
        }
    }
}

function readAll(file, count) {
    const data = Buffer.alloc(count);
    for (let done = 0; done < count; ) {
        const got = fs.readSync(file, data, done, count - done, null);
        if (got === 0) {
            process.exit(0);
        }
        done += got;
    }
    return data;
}

const { O_RDONLY, O_RDWR, O_NONBLOCK, O_NOCTTY } = fs.constants;
const lines = [new Line(fs.openSync("/dev/stdin", O_RDONLY | O_NONBLOCK), 1, true)];
if (modem !== "-") {
    const terminal = fs.openSync(modem, O_RDWR | O_NONBLOCK | O_NOCTTY);
    lines.push(new Line(terminal, terminal, false));
}

// ---- what the stubs call; a string is an error

let refusal = "";
let kept = Buffer.alloc(0);
const roots = { flash: disk, sd };

// No path leads out of the folders.
function place(name) {
    const [, drive, ...rest] = name.split("/");
    return path.join(roots[drive], path.basename(rest.join("/")));
}

const host = {
    line_any: (line) => lines[line].any(),
    line_read: (line, at, count) => lines[line].read(at, count),
    line_write: (line, at, count) => lines[line].write(at, count),
    line_count: () => lines.length,
    console: (text) => process.stderr.write(text),

    // Camera and KPU: the answer's length, or -1; fetch and why give what is in it.
    ask(kind, at, count) {
        const head = Buffer.alloc(5);
        head.writeUInt8(kind, 0);
        head.writeUInt32LE(count, 1);
        writeAll(Number(requests), Buffer.concat([head, Buffer.from(bytes(at, count))]));
        const length = readAll(Number(answers), 4).readInt32LE(0);
        const answer = readAll(Number(answers), Math.abs(length));
        if (length < 0) {
            refusal = answer.toString("utf8");
            return -1;
        }
        kept = answer;
        return length;
    },
    fetch: (at) => bytes(at, kept.length).set(kept),
    why: () => refusal,

    // image.pix_to_ai: RGB565 as it lies in memory to three planes of 8 bits, rounded as the firmware's tables are.
    planar(from, pixels, to) {
        const pixel = bytes(from, 2 * pixels);
        const plane = bytes(to, 3 * pixels);
        for (let i = 0; i < pixels; i++) {
            const high = pixel[2 * i];
            const low = pixel[2 * i + 1];
            plane[i] = Math.round(((high >> 3) * 255) / 31);
            plane[pixels + i] = Math.round(((((high & 7) << 3) | (low >> 5)) * 255) / 63);
            plane[2 * pixels + i] = Math.round(((low & 31) * 255) / 31);
        }
    },

    // The disk, write by write, so that a node that is stopped leaves what a power cut would.
    size: (name) => fs.statSync(place(name), { throwIfNoEntry: false })?.size ?? -1,
    load: (name, at, count) => bytes(at, count).set(fs.readFileSync(place(name)).subarray(0, count)),
    empty: (name) => fs.writeFileSync(place(name), ""),
    append: (name, at, count) => fs.appendFileSync(place(name), Buffer.from(bytes(at, count))),
    rename: (from, to) => fs.renameSync(place(from), place(to)),
    remove: (name) => fs.rmSync(place(name)),
    list: (drive) => fs.readdirSync(roots[drive]).join("\n"),
    has_sd: () => sd !== "-",
};

// ---- starts, as often as the node resets itself

const { loadMicroPython } = await import(url.pathToFileURL(path.join(carrier, "micropython.mjs")));
for (let cause = "power"; ; ) {
    const board = await loadMicroPython({
        heapsize: HEAP_BYTES,
        linebuffer: false,
        stdout: (data) => process.stderr.write(data), // the first line is the node's alone
    });
    board.FS.mkdir("/stubs");
    for (const name of fs.readdirSync(path.join(here, "stubs"))) {
        board.FS.writeFile(`/stubs/${name}`, fs.readFileSync(path.join(here, "stubs", name)));
    }
    board.registerJsModule("host", { ...host, cause });
    try {
        board.runPython("import sys; sys.path.insert(0, '/stubs'); import boot");
        board.runPython("import boot; boot.finish()"); // between the two, and only there, this port collects garbage
        process.exit(0);
    } catch (error) {
        const reset = /SystemExit: (reset|watchdog)/.exec(error.message);
        if (reset === null) {
            process.stderr.write(`${error.message}\n`);
            process.exit(1);
        }
        cause = reset[1];
    }
}
