# Raw frames on a link of the namespace that this runs in (packet(7)); tests/box/raw-frames.ts makes and reads them.
#   raw-frames.py send LINK HEX...    sends these frames
#   raw-frames.py listen LINK         prints "ready", then each frame that comes in by the link, in hexadecimal
import socket
import sys

ETH_P_ALL = 3
PACKET_OUTGOING = 4

mode, link, *frames = sys.argv[1:]
# A socket that only sends has no protocol: nothing is queued for it.
packets = socket.socket(
    socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL) if mode == "listen" else 0
)
packets.bind((link, 0))
if mode == "send":
    for frame in frames:
        packets.send(bytes.fromhex(frame))
else:
    print("ready", flush=True)
    while True:
        frame, (_, _, kind, _, _) = packets.recvfrom(65536)
        if kind != PACKET_OUTGOING:
            print(frame.hex(), flush=True)
