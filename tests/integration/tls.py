"""TLS on the loopback interface, by an authority that only those know who are told of it."""

import asyncio
import contextlib
import queue
import ssl
import subprocess
import threading
import urllib.parse

from relay import relay_to


class Certificate:
    """A certificate of 127.0.0.1 that is its own authority; `file` is what others are to trust."""

    def __init__(self, folder):
        self.file = folder / "cert.pem"
        self.key = folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.file],
            check=True, capture_output=True)

    def context(self):
        """A server's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


@contextlib.contextmanager
def https_in_front_of(url, certificate):
    """A server that takes the TLS off and passes all on to `url`; gives its own."""
    there = urllib.parse.urlsplit(url)
    started = queue.Queue()

    async def serve():
        server = await asyncio.start_server(
            relay_to(there.hostname, there.port), "127.0.0.1", 0, ssl=certificate.context())
        stop = asyncio.Event()
        started.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    port, loop, stop = started.get(timeout=60)
    yield f"https://127.0.0.1:{port}"
    loop.call_soon_threadsafe(stop.set)
    thread.join()
