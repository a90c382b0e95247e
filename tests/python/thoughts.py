"""A bot that shows a thought and reads it back, by what docs/rooms.md and docs/socket.md say, and nothing else.

Run as: thoughts.py HOST:PORT ACCOUNT TOKEN. It prints the frame it read, as JSON.
"""

import asyncio
import json
import sys
import urllib.error
import urllib.request

import websockets


def tell(host: str, account: str, token: str, message: dict) -> dict:
    """Hands a message in, and returns the place it got."""
    request = urllib.request.Request(
        f"http://{host}/api/v1/rooms/{account}/messages",
        data=json.dumps(message).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="POST",
    )
    # No proxy of the environment: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        assert answer.status == 201, answer.status
        return json.load(answer)


async def hear(socket, kind: str) -> dict:
    """The next frame of a type. Others are passed over."""
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), 20))
        assert frame["v"] == 1, frame
        if frame["type"] == kind:
            return frame


async def main(host: str, account: str, token: str) -> None:
    room = f"paper_trading_{account}"
    async with websockets.connect(f"ws://{host}/api/v1/socket", proxy=None) as socket:
        # A token that opens nothing is refused, and the socket stays.
        await socket.send(json.dumps({"v": 1, "type": "join", "room": room, "token": "0" * 64}))
        assert "reason" in (await hear(socket, "refused"))["data"]
        await socket.send(json.dumps({"v": 1, "type": "join", "room": room, "token": token}))
        joined = await hear(socket, "joined")
        assert joined["data"]["recovered"] is False, joined
        thought = {
            "type": "thought_log_created",
            "id": "7f3a",
            "data": {"bot": "dip-buyer", "decision": "hold", "reasoning": "The base fee is twice its median."},
        }
        placed = await asyncio.to_thread(tell, host, account, token, thought)
        again = await asyncio.to_thread(tell, host, account, token, thought)
        assert placed == again, (placed, again)
        heard = await hear(socket, "thought_log_created")
        assert (heard["epoch"], heard["offset"]) == (placed["epoch"], placed["offset"]), heard
        assert heard["data"] == thought["data"], heard
    # Back after a lost connection: what was missed follows.
    missed = await asyncio.to_thread(tell, host, account, token, {**thought, "id": "7f3b"})
    async with websockets.connect(f"ws://{host}/api/v1/socket", proxy=None) as socket:
        place = {"epoch": heard["epoch"], "offset": heard["offset"]}
        await socket.send(json.dumps({"v": 1, "type": "join", "room": room, "token": token, **place}))
        assert (await hear(socket, "joined"))["data"]["recovered"] is True
        assert (await hear(socket, "thought_log_created"))["offset"] == missed["offset"]
    print(json.dumps(heard))


asyncio.run(main(*sys.argv[1:]))
