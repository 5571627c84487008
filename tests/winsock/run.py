"""Programs written for Windows Sockets compile with every compiler and language level that is supported, without a warning, and run.

Usage: run.py LIBRARY LETTER_CASE_HEADERS [-fsanitize=…]. Sockets are loopback's, with ports that the system chooses. Standard
library only.
"""
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
HEADERS = HERE.parents[1] / "include/sallyport/windows"
PATIENCE = 120  # seconds
WARNINGS = ("-Wall", "-Wextra", "-Werror")
RUN = {"plain.c": (), "background.c": (), "formats.c": ("grüße",), "secure.c": (), "overloads.cc": (), "system_first.cc": (), "system_first.c": ()}


def compile_one(compiler, level, source, target, library, cases, more, flags=()):
    argv = [compiler, f"-std={level}", "-O1", "-g", *WARNINGS, *flags, f"-I{HEADERS}", f"-I{cases}", str(HERE / source), "-o", str(target),
            f"-L{library.parent}", "-lsallyport", f"-Wl,-rpath,{library.parent}", *more]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stderr}"


def run(argv, **more):
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=PATIENCE, env=environment, **more)
    assert done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def echo(server, client, version):
    """A conversation of the two programs, each from its own build."""
    flags = ["-v6"] if version == 6 else []
    running = subprocess.Popen([str(server), *flags, "2"], stdout=subprocess.PIPE, text=True)
    try:
        port = running.stdout.readline().strip()
        for _ in range(2):
            out = run([client, *flags, "::1" if version == 6 else "127.0.0.1", port, "grüße"])
            assert "24 octets: grüße 103079215104" in out, out
        rest, _ = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0 and "Finished" in rest, rest
    finally:
        running.kill()


def has_ipv6():
    return pathlib.Path("/proc/net/if_inet6").exists() and "00000001 01" in pathlib.Path("/proc/net/if_inet6").read_text()


def main():
    library, cases = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    more = sys.argv[3:]
    # A sanitized library needs its run time in the program: then one compiler is enough.
    compilers = [("gcc", "g++")] if more else [pair for pair in (("gcc", "g++"), ("clang", "clang++")) if shutil.which(pair[0])]
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        jobs = []
        for (c, cpp), level in itertools.product(compilers, ("c11", "gnu11", "c++20")):
            is_cpp = level == "c++20"
            for source in [path.name for path in sorted(HERE.glob("*.cc" if is_cpp else "*.c"))]:
                flags = ["-DUNICODE", "-D_UNICODE"] if source.startswith("echo") else []
                target = folder / f"{source}-{c}-{level}"
                jobs.append(pool.submit(compile_one, cpp if is_cpp else c, level, source, target, library, cases, more, flags))
        for job in jobs:
            job.result()
        print(f"{len(jobs)} programs compiled", flush=True)
        for (c, _), level in itertools.product(compilers, ("c11", "gnu11")):
            for source, words in RUN.items():
                if source.endswith(".c"):
                    run([folder / f"{source}-{c}-{level}", *words])
            for version in (4, 6) if has_ipv6() else (4,):
                echo(folder / f"echo_server.c-{c}-{level}", folder / f"echo_client.c-{c}-{level}", version)
        for c, _ in compilers:
            for source in RUN:
                if source.endswith(".cc"):
                    run([folder / f"{source}-{c}-c++20"])
        out = run([folder / f"formats.c-{compilers[0][0]}-c11", "grüße"])
        assert out == "one two… three four ä\nformats: ok\n", out
        spare = folder / "tcpcommon"  # a program's own header under another case than its file has
        spare.mkdir()
        (spare / "tcpcommon.h").write_text("#pragma once\nenum { kOwn = 0 };\n")
        (spare / "own.c").write_text("#include <Winsock2.h>\n#include \"Tcpcommon.h\"\nint wmain(void) { return kOwn; }\n")
        compile_one(compilers[0][0], "c11", spare / "own.c", spare / "own", library, cases, [*more, f"-I{spare}"])
        run([spare / "own"])
        empty = spare / "empty.c"
        empty.write_text("int nothing;\n")
        compile_one(compilers[0][0], "c11", empty, spare / "empty", library, cases, more)
        done = subprocess.run([str(spare / "empty")], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 127 and "neither" in done.stderr, done
    print("winsock: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
