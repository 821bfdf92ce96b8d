/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a node and whoever holds its serial line. docs/serial-protocol.md is the specification.
   A message is type, sequence number, body; numbers are little endian; a serial frame (core/serial.h) carries it.
   A reply repeats the request's sequence number. */
#ifndef GLIMPSE_APP_PROTOCOL_H
#define GLIMPSE_APP_PROTOCOL_H

enum {
    NODE_PROTOCOL_VERSION = 1,
    NODE_MESSAGE_HEADER_BYTES = 2,
    NODE_MAX_MESSAGE_BYTES = 1024, /* that a node takes or sends, header included */
    NODE_NO_BUDGET = 0,            /* in a capture request: send the whole frame */
    NODE_NEXT_FRAME = 255,         /* in a capture request: the node counts frames itself */
    NODE_OWN_SETTINGS = 0,         /* in a capture request in place of the payload: the node's settings decide */
    NODE_BUILTIN_MODEL = 255,      /* in place of a slot number */
    NODE_RESET_BY_WATCHDOG = 1,    /* in a reset request: by doing nothing until it bites */
    NODE_NAME_BYTES = 16
};

/* Requests. */
enum {
    NODE_IDENTIFY = 0x01,    /* - */
    NODE_CAPTURE = 0x02,     /* source u8, coding u8, frame u8, payload u8, budget u32 */
    NODE_ROW = 0x03,         /* photo_width * 3 bytes RGB888; only while an uploaded frame is in progress */
    NODE_STATUS = 0x04,      /* - */
    NODE_SELECT = 0x05,      /* slot u8, maybe NODE_SELECT_... u8: use the model there from now on */
    NODE_MODEL_ERASE = 0x06, /* slot u8 */
    NODE_MODEL_WRITE = 0x07, /* slot u8, zero u8, zero u16, offset u32, bytes: a multiple of 4 into an erased slot */
    NODE_RESET = 0x08,       /* nothing, or NODE_RESET_BY_WATCHDOG: accepted, then the node starts again */
    NODE_LINE = 0x09,        /* mode u8: take bytes by polling (0) or by interrupt (1) and answer then */
    NODE_DOWNLINK = 0x0A,    /* payload u8, a downlink packet: answered by telemetry packets */
    NODE_TELEMETRY = 0x0B,   /* payload u8: telemetry packets of at most so many bytes */
    NODE_MODEM = 0x0C,       /* dialect u8, port u8, data rate u8, flags u8, region u8, source u8: see node_link */
    NODE_STORED = 0x0D,      /* slot u8: which model is there */
    NODE_KEY = 0x20,         /* key 32 bytes, device 8 bytes, NODE_SEAL_... u8: never given back in any reply */
    NODE_NAME = 0x22,        /* UTF-8 text of at most NODE_NAME_BYTES, no length before it; none: no name */
    NODE_MODEL_KEY = 0x21 /* public key 32 bytes, its signature by the key before it 64 bytes (zeros: there is none) */
};

/* Replies. */
enum {
    NODE_IDENTITY = 0x81, /* also sent once, with sequence 0, when a node starts */
    NODE_PACKET = 0x82,   /* a radio payload */
    NODE_DONE = 0x83,     /* after a frame's last packet */
    NODE_NEXT_ROW = 0x84, /* row u16: send this row of the uploaded frame */
    NODE_HEALTH = 0x85,   /* the answer to NODE_STATUS */
    NODE_ACCEPTED = 0x86, /* - */
    NODE_REFUSED = 0x87,  /* status i8 (glimpse_status) */
    NODE_MODEL = 0x88     /* model present u8, check u32 as its blob states it: the answer to NODE_STORED */
};

/* Of a NODE_SELECT request: also where that is an older revision of the model in use. */
enum { NODE_SELECT_OLDER = 1 };

/* What is known of the model in use. */
enum {
    NODE_MODEL_PROVEN = 0,   /* it has made a photo, or is built in */
    NODE_MODEL_ON_TRIAL = 1, /* not yet: the node goes back to the one before if that fails */
    NODE_MODEL_GIVEN_UP = 2  /* it is the one before: the one that was on trial failed */
};

/* What a node does to the packets that it sends (link/seal.h). */
enum { NODE_SEAL_OFF = 0, NODE_SEAL_AUTHENTIC = 1, NODE_SEAL_SECRET = 2 };

/* The modem of a node that is on its own, and how it is used. */
enum { NODE_MODEM_NONE = 0, NODE_MODEM_E5 = 1, NODE_MODEM_RAK3172 = 2 };
enum {
    NODE_MODEM_ADAPTIVE = 1,  /* the network may change the data rate */
    NODE_MODEM_CONFIRMED = 2, /* the modem asks for an acknowledgement of every packet */
    NODE_MODEM_FAIR_USE = 4   /* the network's fair use policy counts too */
};

/* Where a frame comes from. */
enum { NODE_SOURCE_CAMERA = 0, NODE_SOURCE_UPLOAD = 1, NODE_SOURCE_PATTERN = 2 };

/* Stages whose counts a NODE_DONE reports, in this order, each u32 in the port's unit; 0xFFFFFFFF: at least so many. */
enum {
    NODE_STAGE_ACQUIRE = 0, /* waiting for and fetching rows */
    NODE_STAGE_NETWORK = 1,
    NODE_STAGE_QUANTISE = 2,
    NODE_STAGE_PACK = 3,
    NODE_STAGES = 4
};

#endif
