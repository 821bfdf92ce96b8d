# SPDX-License-Identifier: Apache-2.0
# AT commands and what modems answer, by patterns that are data.
from ubinascii import hexlify, unhexlify

_MAX_DIGITS = 9


# A command with its values; None where there is no packet.
def command(pattern, packet, port, data_rate, adaptive, confirmed):
    line = pattern.replace("%p", str(port)).replace("%d", str(data_rate)).replace("%c", str(int(confirmed)))
    line = line.replace("%a", str(int(adaptive))).replace("%A", "ON" if adaptive else "OFF")
    if packet is not None:
        line = line.replace("%x", hexlify(packet).decode().upper())
    return (line + "\r\n").encode()


# What a line tells, {letter: number or bytes}, if it starts as the pattern says; None otherwise.
def scan(pattern, line):
    found = {}
    at = i = 0
    while i < len(pattern):
        letter = pattern[i]
        i += 1
        if letter != "%":
            if at >= len(line) or line[at] != letter:
                return None
            at += 1
            continue
        name = pattern[i]
        i += 1
        if name == "w":
            end = line.find(":", at)
            at = len(line) if end < 0 else end
        elif name == "x":
            found[name] = _bytes(line[at:])
            return None if found[name] is None else found
        else:
            start = at
            if at < len(line) and line[at] == "-":
                at += 1
            first = at
            while at < len(line) and line[at] in "0123456789":
                at += 1
            if not 0 < at - first <= _MAX_DIGITS:
                return None
            found[name] = int(line[start:at])
    return found


# Pairs of digits, with spaces between pairs or not, up to a quotation mark or the end.
def _bytes(text):
    end = text.find('"')
    try:
        return b"".join([unhexlify(pairs) for pairs in (text if end < 0 else text[:end]).split(" ")])
    except ValueError:
        return None
