"""The examples talk to each other on loopback, over a stand-in for the library. Usage: examples_test.py PREFIX-OF-PROGRAMS"""
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = sys.argv[1]
PATIENCE = 30  # seconds
PYTHON = [sys.executable, str(ROOT / "examples/echo.py")]
SERVERS = {"C": lambda port: [PREFIX + "echo_server", port, "1"], "Asio": lambda port: [PREFIX + "asio_echo", "server", port, "1"],
           "Python": lambda port: [*PYTHON, "server", port, "1"]}
CLIENTS = {"C": [PREFIX + "echo_client"], "Asio": [PREFIX + "asio_echo", "client"], "Python": [*PYTHON, "client"]}


def free_port():
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::", 0))
        return str(probe.getsockname()[1])


def started(argv):
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline().strip()
    assert line == "listening", f"{argv}: {line}"
    return server


def ended(server):
    try:
        out, _ = server.communicate(timeout=PATIENCE)
    finally:
        server.kill()
    assert server.returncode == 0, f"{server.args}: exit {server.returncode}"
    return out.strip()


def echo(server, client):
    port = free_port()
    running = started(SERVERS[server](port))
    done = subprocess.run([*CLIENTS[client], "127.0.0.1", port, "server.example", "hello"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{client} to {server}: {done.stderr}"
    assert done.stdout == "server.example, encrypted\nhello\n", f"{client} to {server}: {done.stdout}"
    assert ended(running).startswith("client.example"), server


def ask(port, path):
    with socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return b"".join(iter(lambda: s.recv(4096), b"")).decode()


def http():
    port = free_port()
    running = started([PREFIX + "http_server", port, "3", "client.example"])
    assert "200 OK" in ask(port, "/") and "You are client.example." in ask(port, "/secret")
    assert "404" in ask(port, "/else")
    ended(running)
    port = free_port()
    running = started([PREFIX + "http_server", port, "2", "somebody.example"])
    assert "403 Forbidden" in ask(port, "/secret") and "200 OK" in ask(port, "/")
    ended(running)


def readme():
    """The program that README shows compiles as it stands there."""
    text = (ROOT / "README.md").read_text().split("## Ten lines that know the peer", 1)[1]
    program = text.split("```c\n", 1)[1].split("```", 1)[0]
    argv = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}/include", "-x", "c", "-"]
    done = subprocess.run(argv, input=program, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def main():
    readme()
    for server in SERVERS:
        for client in CLIENTS:
            echo(server, client)
            print(f"{client} to {server}: ok", flush=True)
    http()
    print("http: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
