"""Programs that do with a secured socket what programs do; the answer to a text is the text in capitals.

holder.py server KEEP ADDRESS PORT       KEEP: dup, fork, exec or passed, which is done with each connection before it is answered
holder.py answer FD                      of exec
holder.py stream ADDRESS PORT SECONDS    sends until the time is over; tells what ended it
holder.py sink ADDRESS PORT              takes what comes; never ends by itself
holder.py race ADDRESS PORT ROUNDS       secures a socket while another thread connects it
holder.py identify ADDRESS PORT          one caller, and who it is for the thread
holder.py ways-round IPV4 IPV6 BROADCAST  sends by every way round the device
holder.py within PROTOCOL ADDRESS PORT   each kind of client with each kind of server on this host, in one process
holder.py local-rights ADDRESS PORT      root's program has another of root's call, and takes the rights that account_map gives it
holder.py echo ADDRESS PORT              answers whoever calls by TCP or UDP, one after the other, for good
holder.py earlier ADDRESS PORT           has sockets in every state; then, for each line on its input, uses them and tells what came of it
holder.py get ADDRESS PORT PATH          one HTTP request
"""
import errno
import json
import os
import random
import socket
import struct
import sys
import threading
import time

import sallyport

STRANGER = 2  # another user than nobody


def say(**words):
    print(json.dumps(words), flush=True)


def made(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)


def become_nobody():
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def listening(address, port):
    s = made(address)
    sallyport.secure(s)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(16)
    say(bound=True)
    return s


def answer(c):
    state = sallyport.query(c)
    c.sendall(c.recv(2000).upper())
    c.recv(1)
    return state


def by_dup(c):
    copy = socket.socket(fileno=os.dup(c.fileno()))
    c.close()
    answer(copy)


def by_fork(c):
    if os.fork() == 0:
        answer(c)
        os._exit(0)
    c.close()


def by_exec(c):
    if os.fork() == 0:
        os.set_inheritable(c.fileno(), True)
        os.execv(sys.executable, [sys.executable, __file__, "answer", str(c.fileno())])
    c.close()


def by_stranger(way):
    def passed(c):
        socket.send_fds(way, [b"x"], [c.fileno()])
        c.close()
    return passed


def strangers_end():
    """A process of another user, to whom descriptors are passed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    if os.fork() == 0:
        os.setgid(STRANGER)
        os.setuid(STRANGER)
        while True:
            _, [fd], _, _ = socket.recv_fds(theirs, 1, 1)
            answer(socket.socket(fileno=fd))
    return ours


def server(keep, address, port):
    way = by_stranger(strangers_end()) if keep == "passed" else {"dup": by_dup, "fork": by_fork, "exec": by_exec}[keep]
    become_nobody()
    s = listening(address, int(port))
    while True:
        way(s.accept()[0])


def why_over(s):
    """A number of winerror.h, or the error of the query itself."""
    try:
        return sallyport.query(s).negotiation_error
    except OSError as problem:
        return errno.errorcode[problem.errno]


def stream(address, port, duration):
    s = made(address)
    sallyport.secure(s)
    s.settimeout(15)
    s.connect((address, int(port)))
    say(connected=True)
    end, sent = time.monotonic() + float(duration), 0
    s.settimeout(1)
    while time.monotonic() < end:
        try:
            sent += s.send(b"a line that everybody could read\n" * 20)
            time.sleep(0.02)
        except TimeoutError:
            continue
        except OSError as ended:
            say(ended=errno.errorcode[ended.errno], sent=sent, why=why_over(s))
            return
    say(ended=None, sent=sent)


def sink(address, port):
    s = listening(address, int(port))
    c, _ = s.accept()
    try:
        while octets := c.recv(65536):
            say(got=len(octets))
    except OSError as ended:
        say(ended=errno.errorcode[ended.errno], why=why_over(c))
        return
    say(over=True)


def race(address, port, rounds):
    """Tells the ports of those that were secured, and how many were refused because the connect came first."""
    refused, ports = 0, []
    for _ in range(int(rounds)):
        s = made(address)
        s.setblocking(False)
        begun = threading.Barrier(2)

        def connect():
            begun.wait()
            time.sleep(random.random() / 1000)
            s.connect_ex((address, int(port)))
        other = threading.Thread(target=connect)
        other.start()
        begun.wait()
        try:
            sallyport.secure(s)
            secured = True
        except OSError as problem:
            if problem.errno not in (errno.EISCONN, errno.EINVAL):
                raise
            secured = False
        other.join()
        if secured:
            ports.append(s.getsockname()[1])
        refused += not secured
        s.close()
    say(refused=refused, ports=ports)


def ways_round(address, six, broadcast):
    """Every option that could choose another way than the device: what is sent says which it was."""
    become_nobody()
    four_level, six_level, wan = socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.if_nametoindex("wan")
    ip_pktinfo, ip_multicast_if, ip_unicast_if, ipv6_multicast_if, ipv6_unicast_if, so_mark = 8, 32, 50, 17, 76, 36
    choose = {"none": lambda s: None,
              "SO_BINDTODEVICE": lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wan\0"),
              "SO_DONTROUTE": lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1),
              "SO_BROADCAST": lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
              "SO_MARK": lambda s: s.setsockopt(socket.SOL_SOCKET, so_mark, 0),
              "IP_UNICAST_IF": lambda s: s.setsockopt(four_level, ip_unicast_if, struct.pack("!i", wan)),
              "IP_MULTICAST_IF": lambda s: s.setsockopt(four_level, ip_multicast_if, struct.pack("=4s4si", bytes(4), bytes(4), wan)),
              "IPV6_UNICAST_IF": lambda s: s.setsockopt(six_level, ipv6_unicast_if, struct.pack("!i", wan)),
              "IPV6_MULTICAST_IF": lambda s: s.setsockopt(six_level, ipv6_multicast_if, wan)}
    aims = [(socket.AF_INET, address), (socket.AF_INET, "239.1.2.3"), (socket.AF_INET, broadcast), (socket.AF_INET6, f"::ffff:{address}"),
            (socket.AF_INET6, six), (socket.AF_INET6, f"ff02::1234%{wan}")]
    tried = 0
    for option, set_option in choose.items():
        for family, aim in aims:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                s = socket.socket(family, kind)
                sallyport.secure(s)
                s.setblocking(False)
                try:
                    set_option(s)
                    where = (aim, 4000) if family == socket.AF_INET else socket.getaddrinfo(aim, 4000, family, kind, 0, socket.AI_NUMERICHOST)[0][4]
                    if kind == socket.SOCK_DGRAM:
                        s.sendto(f"by {option} to {aim}".encode(), where)
                    else:
                        s.connect(where)
                except BlockingIOError:
                    pass
                except OSError:
                    continue
                finally:
                    if kind == socket.SOCK_DGRAM:
                        s.close()
                tried += 1
    s = socket.socket(type=socket.SOCK_DGRAM)
    sallyport.secure(s)
    try:
        s.sendmsg([b"by IP_PKTINFO"], [(four_level, ip_pktinfo, struct.pack("=i4s4s", wan, bytes(4), bytes(4)))], 0, (address, 4000))
        tried += 1
    except OSError:
        pass
    say(tried=tried)
    time.sleep(2)


def identify(address, port):
    """Says what each step of identifying one caller shows."""
    become_nobody()
    s = listening(address, int(port))
    c, _ = s.accept()
    before = os.stat("/proc/thread-self").st_uid
    state = sallyport.query(c)
    with sallyport.impersonate(c):
        who = sallyport.impersonated()
        during = os.stat("/proc/thread-self").st_uid
    say(shown=state.identify_only, principal=who.principal, method=who.method, unchanged=before == during, over=sallyport.impersonated() is None)
    c.sendall(c.recv(2000).upper())


def made_as(kind, family, sort):
    s = socket.socket(family, sort)
    if kind != "plain":
        sallyport.secure(s, encrypt=kind == "encrypt", allow_insecure=kind == "insecure")
    if kind in ("named", "own-name"):
        sallyport.expect(s, "somebody.example" if kind == "named" else "host/localhost", ("127.0.0.1" if family == socket.AF_INET else "::1", 9) if sort == socket.SOCK_DGRAM else None)
    s.settimeout(1.2)
    return s


def spoken(server, client, sort):
    """Whether the text came back, and what each side knows of the other."""
    client.connect(server.getsockname()[:2])
    client.sendall(b"text")
    accepted, peer = (server.accept()[0], None) if sort == socket.SOCK_STREAM else (server, client.getsockname()[:2])
    accepted.settimeout(1.2)
    if sort == socket.SOCK_STREAM:
        accepted.sendall(accepted.recv(100).upper())
    else:
        accepted.sendto(accepted.recv(100).upper(), peer)
    known = [sallyport.query(accepted, peer), sallyport.query(client)]
    answered = client.recv(100) == b"TEXT"
    if sort == socket.SOCK_STREAM:
        accepted.close()
    return answered, [[state.secured, state.identity and [state.identity.principal, state.identity.method]] for state in known]


def within(protocol, address, port):
    """Rows of client, server, whether they spoke, and what they knew."""
    become_nobody()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sort = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    rows, port = [], int(port)
    for server_kind in ("secure", "insecure", "plain"):
        for client_kind in ("secure", "encrypt", "insecure", "named", "own-name", "plain"):
            port += 1
            server, client = made_as(server_kind, family, sort), made_as(client_kind, family, sort)
            server.bind((address, port))
            if sort == socket.SOCK_STREAM:
                server.listen(1)
            try:
                answered, known = spoken(server, client, sort)
            except OSError:
                answered, known = False, None
            rows.append([client_kind, server_kind, answered, known])
            server.close()
            client.close()
    say(rows=rows)


def local_rights(address, port):
    server, client = made(address), made(address)
    sallyport.secure(server)
    sallyport.secure(client)
    server.bind((address, int(port)))
    server.listen(1)
    client.connect((address, int(port)))
    accepted, _ = server.accept()
    with sallyport.impersonate(accepted):
        users = next(line for line in open("/proc/thread-self/status") if line.startswith("Uid:")).split()
        say(during=int(users[4]), who=sallyport.impersonated().principal)


def echo(address, port):
    """Of sockets that were secured once, by a program that never asks again."""
    datagrams = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sallyport.secure(datagrams)
    datagrams.bind((address, port))

    def answer_datagrams():
        while True:
            text, peer = datagrams.recvfrom(2000)
            datagrams.sendto(text.upper(), peer)
    threading.Thread(target=answer_datagrams, daemon=True).start()
    s = listening(address, port)
    while True:
        c, _ = s.accept()
        threading.Thread(target=lambda c=c: [c.sendall(text.upper()) for text in iter(lambda: c.recv(2000), b"")], daemon=True).start()


def used(s, target=None):
    try:
        if target:
            s.connect(target)
        s.sendall(b"text")
        return s.recv(2000).decode()
    except OSError as problem:
        return errno.errorcode.get(problem.errno, str(problem))


def earlier(address, port):
    target, family = (address, int(port)), socket.AF_INET6 if ":" in address else socket.AF_INET

    def secured(sort, allow_insecure=False):
        s = socket.socket(family, sort)
        sallyport.secure(s, encrypt=not allow_insecure, allow_insecure=allow_insecure)
        s.settimeout(15)
        return s
    standing, datagrams, fresh, named = secured(socket.SOCK_STREAM), secured(socket.SOCK_DGRAM), secured(socket.SOCK_STREAM), secured(socket.SOCK_STREAM)
    unused = secured(socket.SOCK_DGRAM)  # and first used without a daemon
    sallyport.expect(named, "somebody.example")
    named.settimeout(3)
    datagrams.connect(target)
    say(before=[used(standing, target), used(datagrams)])
    sys.stdin.readline()
    for s in (standing, datagrams, unused):
        s.settimeout(1)
    say(without=["TEXT" if used(*words) == "TEXT" else "no answer" for words in ((standing,), (datagrams,), (unused, target))])
    for s in (standing, datagrams):
        s.settimeout(15)
    sys.stdin.readline()
    say(after={"standing": used(standing), "datagrams": used(datagrams), "fresh": used(fresh, target), "named": used(named, target)})
    sys.stdin.readline()
    new = secured(socket.SOCK_STREAM)
    say(new=[used(new, target), used(datagrams)])


def get(address, port, path):
    s = made(address)
    sallyport.secure(s)
    s.settimeout(15)
    s.connect((address, int(port)))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    print(b"".join(iter(lambda: s.recv(4096), b"")).decode())


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "answer":
        answer(socket.socket(fileno=int(words[0])))
    else:
        {"server": server, "stream": stream, "sink": sink, "race": race, "identify": identify, "ways-round": ways_round, "within": within, "local-rights": local_rights, "echo": lambda address, port: echo(address, int(port)),
         "earlier": earlier, "get": get}[verb](*words)
