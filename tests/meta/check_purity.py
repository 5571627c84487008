"""The archives of the pure rooms use no clock, socket, file, thread or random symbol: what decides takes time and bytes as values.

Reads `nm -uC` of each archive. Usage: check_purity.py --build FOLDER [--self-test]. A folder that has no archive of any pure
room fails, so that a wrong path is not taken for purity.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import tree

PURE = ["base", "model", "wire", "ike", "ipsec", "policy", "config", "stack"]

FORBIDDEN = [
    ("clock", r"(clock_gettime|gettimeofday|time|timespec_get|clock|nanosleep|usleep|sleep|std::chrono::_V2::(system|steady)_clock::now.*)"),
    ("socket", r"(socket|bind|connect|listen|accept4?|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|getaddrinfo|ioctl|poll|"
               r"ppoll|select|epoll_\w+)"),
    ("file", r"(open(64)?|openat(64)?|creat|read|write|pread(64)?|pwrite(64)?|fopen(64)?|fread|fwrite|fputs|fputc|puts|putchar|printf|fprintf|"
             r"__printf_chk|__fprintf_chk|unlink|rename|stat(64)?|mmap(64)?|std::basic_[io]?f?stream<.*>::.*open.*|std::basic_filebuf.*|"
             r"std::filesystem::.*|std::cout|std::cerr|std::clog|syslog)"),
    ("thread", r"(pthread_create|pthread_mutex_\w+|pthread_cond_\w+|std::thread::.*|std::condition_variable::.*|sem_\w+|fork|vfork|execv\w*|"
               r"posix_spawnp?)"),
    ("randomness", r"(rand|srand|random|srandom|drand48|getrandom|getentropy|arc4random\w*|std::random_device::.*)"),
]
PATTERNS = [(kind, re.compile(rf"^{expression}(@.*)?(\(.*)?$")) for kind, expression in FORBIDDEN]

# toml++ opens files in functions of its own header that config never calls; GCC keeps the stream's references. The room is
# held to everything else.
EXEMPT = {"config": {"file"}}


def symbols(archive):
    listed = subprocess.run(["nm", "-uC", "--no-sort", str(archive)], capture_output=True, text=True)
    member = archive.name
    for line in listed.stdout.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif match := re.match(r"\s+U (.*)$", line):
            yield member, match.group(1).strip()


def find_in(build):
    complaints, seen = [], 0
    for room in PURE:
        for archive in sorted(pathlib.Path(build).glob(f"**/libsallyport_{room}.a")):
            seen += 1
            for member, symbol in symbols(archive):
                for kind, pattern in PATTERNS:
                    if pattern.match(symbol) and kind not in EXEMPT.get(room, ()):
                        complaints.append(f"{room} ({member}) uses a {kind}: {symbol}")
    if not seen:
        complaints.append(f"{build} has no archive of a pure room")
    return sorted(set(complaints))


def self_test():
    bad = {"clock": "#include <chrono>\nlong f() { return std::chrono::steady_clock::now().time_since_epoch().count(); }",
           "socket": "#include <sys/socket.h>\nint f() { return socket(1, 2, 3); }",
           "file": '#include <fcntl.h>\nint f() { return open("x", 0); }',
           "thread": "#include <thread>\nvoid f() { std::thread t([] {}); t.join(); }",
           "randomness": "#include <random>\nunsigned f() { return std::random_device{}(); }"}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # One archive with every sin keeps this quick; each kind must be named.
        for kind, code in bad.items():
            source = folder / f"{kind}.cc"
            source.write_text(code + "\n")
        objects = [str(folder / f"{kind}.o") for kind in bad]
        subprocess.run(["g++", "-std=c++20", "-c", *(str(folder / f"{kind}.cc") for kind in bad)], check=True, cwd=folder)
        subprocess.run(["ar", "rc", str(folder / "libsallyport_wire.a"), *objects], check=True)
        complaints = find_in(folder)
        for kind in bad:
            assert any(f"({kind}.o) uses a {kind}" in line for line in complaints), (kind, complaints)
    with tempfile.TemporaryDirectory() as folder:
        assert find_in(folder), "an empty folder must fail"


if __name__ == "__main__":
    build = sys.argv[sys.argv.index("--build") + 1] if "--build" in sys.argv else tree.ROOT / "build" / "release"
    sys.exit(tree.main("check_purity", lambda _root: find_in(build), self_test))
