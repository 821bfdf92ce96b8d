# SPDX-License-Identifier: Apache-2.0
# What differs between AT modems, as data (firmware/link/at_dialect.c has the same tables and their sources).

(
    OK,
    ERROR,
    BUSY,  # refused for now
    WAIT,  # refused for %n milliseconds
    WAIT_FOLLOWS,  # a refusal comes next, and it is for %n milliseconds
    TOO_LONG,
    TOO_SLOW,
    NOT_JOINED,
    JOINED,
    GOT_JOINED,  # and DONE follows
    JOIN_FAILED,
    STARTED,
    GOT_ACKNOWLEDGED,  # and DONE follows
    DONE,
    DONE_ACKNOWLEDGED,
    LIMIT,  # %n bytes may be sent now
    REGION,  # the region has number %n
    RATE,  # the data rate is %n
    DOWNLINK,  # %x came on %p
    SIGNAL,
    RESTARTED,
) = range(21)


class Dialect:
    # The first pattern that a line starts with decides what it means. settings: (command, start of the line that takes
    # it). limits: what to ask for the limit. regions: {number: most payload bytes at each data rate}.
    def __init__(
        self, name, baud, reset, joined, join, send, send_confirmed, flush, limits, settings, answers, regions
    ):
        self.name, self.baud = name, baud
        self.probe, self.reset, self.joined, self.join = "AT", reset, joined, join
        self.send, self.send_confirmed, self.flush = send, send_confirmed, flush
        self.limits, self.settings, self.answers, self.regions = limits, settings, answers, regions


# Commands: %x bytes as hexadecimal digits, %p port, %d data rate, %a 1 or 0 and %A ON or OFF where the network may
# change it, %c 1 or 0 for acknowledgements. Answers: %n %p %r %s numbers, %x bytes, %w anything up to a colon.
LORA_E5 = Dialect(
    "e5",
    9600,
    "AT+RESET",
    None,
    "AT+JOIN",
    'AT+MSGHEX="%x"',
    'AT+CMSGHEX="%x"',
    "AT+MSGHEX",
    ("AT+LW=LEN",),
    (
        ("AT+MODE=LWOTAA", "+MODE: LWOTAA"),
        ("AT+CLASS=A", "+CLASS: "),
        ("AT+ADR=%A", "+ADR: "),
        ("AT+DR=%d", "+DR: DR"),
        ("AT+PORT=%p", "+PORT: "),
    ),
    (
        ("+AT: OK", OK),
        ("+%w: ERROR(", ERROR),
        ("+JOIN: Network joined", GOT_JOINED),
        ("+JOIN: NetID", GOT_JOINED),
        ("+JOIN: Joined already", JOINED),
        ("+JOIN: Join failed", JOIN_FAILED),
        ("+JOIN: Not in OTAA mode", ERROR),
        ("+JOIN: Start", STARTED),
        ("+LW: LEN, %n", LIMIT),
        ("+RESET: OK", RESTARTED),
        ("+%w: LoRaWAN modem is busy", BUSY),
        ("+%w: No free channel", BUSY),
        ("+%w: No band in %nms", WAIT),
        ("+%w: DR error", TOO_SLOW),
        ("+%w: Length error", TOO_LONG),
        ("+%w: Please join network first", NOT_JOINED),
        ("+%w: Start", STARTED),
        ("+%w: ACK Received", GOT_ACKNOWLEDGED),
        ('+%w: PORT: %p; RX: "%x', DOWNLINK),
        ("+%w: RXWIN%n, RSSI %r, SNR %s", SIGNAL),
        ("+%w: Done", DONE),
    ),
    {},
)

RAK3172 = Dialect(
    "rak3172",
    115200,
    "ATZ",
    "AT+NJS=?",
    "AT+JOIN=1:0:8:0",
    "AT+SEND=%p:%x",
    "AT+SEND=%p:%x",
    None,
    ("AT+BAND=?", "AT+DR=?"),
    (("AT+NJM=1", "OK"), ("AT+CLASS=A", "OK"), ("AT+ADR=%a", "OK"), ("AT+DR=%d", "OK"), ("AT+CFM=%c", "OK")),
    (
        ("OK", OK),
        ("Restricted_Wait_%n", WAIT_FOLLOWS),
        ("AT_BUSY_ERROR", BUSY),
        ("AT_DUTYCYCLE_RESTRICTED", BUSY),
        ("AT_NO_NETWORK_JOINED", NOT_JOINED),
        ("AT_PARAM_ERROR", TOO_LONG),
        ("AT_", ERROR),
        ("AT+NJS=1", JOINED),
        ("AT+NJS=0", NOT_JOINED),
        ("AT+BAND=%n", REGION),
        ("AT+DR=%n", RATE),
        ("+EVT:JOINED", JOINED),
        ("+EVT:JOIN_FAILED", JOIN_FAILED),
        ("+EVT:JOIN FAILED", JOIN_FAILED),
        ("+EVT:TX_DONE", DONE),
        ("+EVT:SEND_CONFIRMED_OK", DONE_ACKNOWLEDGED),
        ("+EVT:SEND_CONFIRMED_FAILED", DONE),
        ("+EVT:RX_%w:%r:%s:%w:%p:%x", DOWNLINK),
        ("Current Work Mode", RESTARTED),
    ),
    {
        3: (51, 51, 51, 115, 242, 242, 0, 242),  # IN865
        4: (51, 51, 51, 115, 242, 242, 242, 242),  # EU868
        5: (11, 53, 125, 242, 242, 0, 0, 0),  # US915
        6: (51, 51, 51, 115, 242, 242, 242, 0),  # AU915
        7: (51, 51, 51, 115, 242, 242, 0, 0),  # KR920
    },
)

BY_NUMBER = {1: LORA_E5, 2: RAK3172}  # of a MODEM request
