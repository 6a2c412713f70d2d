"""What stands where DynamoDB would be: an nginx that answers every call at once, or a server that takes its time."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

from service import START_LIMIT_S, free_port

CONTENT_TYPE = "application/x-amz-json-1.0"
ANSWER = "{}"
CHECKSUM = zlib.crc32(ANSWER.encode())  # DynamoDB sends it, and SDKs check it

# One worker: it is never what is waited for, and the more of the two cores is left to what is measured.
NGINX = """
daemon off;
worker_processes 1;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    default_type {type};
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_body_buffer_size 1m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        add_header x-amz-crc32 {checksum};
        location / {{ return 200 '{answer}'; }}
    }}
}}
"""


def _wait(port: int, process: subprocess.Popen) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit and process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args[0]} does not listen on port {port}")


@contextmanager
def _listening(command: list, port: int):
    process = subprocess.Popen(command)
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def nginx(folder: Path):
    """Answers 200 and {} at once; yields its URL."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    settings = folder / "nginx.conf"
    text = NGINX.format(folder=folder, port=port, type=CONTENT_TYPE, checksum=CHECKSUM, answer=ANSWER)
    settings.write_text(text, encoding="utf-8")
    # Debian has it in /usr/sbin, which is not in everybody's PATH.
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    with _listening([program, "-e", "stderr", "-p", folder, "-c", settings], port) as url:
        yield url


@contextmanager
def slow(delay_s: float):
    """Answers 200 and {} after a while; yields its URL."""
    port = free_port()
    with _listening([sys.executable, __file__, str(port), str(delay_s)], port) as url:
        yield url


async def _serve(port: int, delay_s: float) -> None:
    answer = (f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nx-amz-crc32: {CHECKSUM}\r\n"
              f"Content-Length: {len(ANSWER)}\r\n\r\n{ANSWER}").encode()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
                await reader.readexactly(length)
                await asyncio.sleep(delay_s)
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
