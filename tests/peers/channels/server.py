"""A group of Django Channels: what is posted to /tell goes to everybody who is connected.

`daphne server:application` with FOOLSCAP_PEER_REDIS, the URL of a Redis, set.
"""

import os

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # It waits five seconds for something to read, which is when redis-py itself gives up by default.
            "CONFIG": {"hosts": [{"address": os.environ["FOOLSCAP_PEER_REDIS"], "socket_timeout": 30}]},
        }
    },
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of nobody",
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path


class Reader(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard("room", self.channel_name)

    async def told(self, event):
        await self.send(text_data=event["text"])


async def tell(request):
    text = request.body.decode()
    await get_channel_layer().group_send("room", {"type": "told", "text": text})
    return HttpResponse(status=201, headers={"content-length": "0"})


urlpatterns = [path("tell", tell)]
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("socket", Reader.as_asgi())])}
)
