"""An HTTP proxy on loopback that answers CONNECT: device SDKs insist on port 8883, the local cloud takes a free one."""

import socket
import threading


def start(port):
    """Leads every connection to this port of this machine, whatever host and port were asked for; returns the proxy's port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, port), daemon=True).start()
    return listener.getsockname()[1]


def _accept(listener, port):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_connect, args=(client, port), daemon=True).start()


def _connect(client, port):
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return
        request += byte
    assert request.startswith(b"CONNECT "), request
    server = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=_relay, args=(client, server), daemon=True).start()
    _relay(server, client)


def _relay(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
