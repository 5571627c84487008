"""A protected echo, both sides.

    echo.py server PORT CONNECTIONS
    echo.py client ADDRESS PORT NAME TEXT      NAME: whom the text is for; nobody else gets it
"""
import socket
import sys

import sallyport


def serve(port, connections):
    with socket.socket(socket.AF_INET6) as listener:
        sallyport.secure(listener)  # before bind
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # after secure(), which clears it
        listener.bind(("::", port))
        listener.listen()
        print("listening", flush=True)
        for _ in range(connections):
            connection, _address = listener.accept()
            with connection:
                peer = sallyport.query(connection).identity
                print(peer.principal if peer else "nobody", flush=True)
                while octets := connection.recv(4096):
                    connection.sendall(octets)


def ask(address, port, name, text):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as connection:
        sallyport.secure(connection)
        sallyport.expect(connection, name)
        connection.connect((address, port))
        state = sallyport.query(connection)
        print(f"{state.identity.principal}, {'encrypted' if state.encrypted else 'not encrypted'}")
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        print(b"".join(iter(lambda: connection.recv(4096), b"")).decode())


def main():
    match sys.argv[1:]:
        case ["server", port, connections]:
            serve(int(port), int(connections))
        case ["client", address, port, name, text]:
            ask(address, int(port), name, text)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
