"""Each header compiles alone, starts with #pragma once (include/ may also use a guard), and include/ uses only standard headers and its own.

A header that its own .cc includes first compiles alone by every build and is not compiled here again.

Usage: check_headers.py [--build FOLDER] [--compiler C++]. Headers are compiled with -fsyntax-only in batches of one, two at a time,
and a header that has not changed since it last passed (nor anything it includes) is not compiled again: build/FOLDER/headers.json.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import tree

STANDARD_C = set("""sys/socket.h assert.h ctype.h errno.h float.h inttypes.h limits.h math.h signal.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h
string.h time.h uchar.h wchar.h""".split())


def _digest(root):
    """One digest over all headers: conservative, cheap, and right for whatever they include of each other."""
    total = hashlib.sha256()
    for path in tree.files(root, "*.h", "*.def", under=("src", "include", "proto")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _built_alone(header):
    """Whether the .cc of the same name begins with this header: then nothing that comes before could hide what it lacks."""
    source = header.with_suffix(".cc")
    if not source.exists():
        return False
    first = re.search(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', source.read_text(errors="replace"), re.M)
    return first is not None and str(header).endswith("/" + first[1])


def _compile(compiler, root, extra, header):
    language = ["-x", "c++", "-std=c++20"]
    argv = [compiler, *language, "-fsyntax-only", "-Wall", "-Wextra", "-Wno-pragma-once-outside-header", f"-I{root}/src", f"-I{root}",
            f"-I{root}/include", *(f"-I{path}" for path in extra), "-include", str(header), "/dev/null"]
    done = subprocess.run(argv, capture_output=True, text=True)
    first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
    return None if done.returncode == 0 else f"{header.relative_to(root)}: does not compile alone: {first}"


def find(root, build=None, compiler=None):
    complaints = []
    headers = tree.files(root, "*.h", under=("src", "include"))
    for header in headers:
        text = header.read_text(errors="replace")
        name = header.relative_to(root)
        if "#pragma once" not in text and not (name.parts[0] == "include" and re.search(r"#ifndef \w+_H", text)):
            complaints.append(f"{name}: has no #pragma once")
        if name.parts[0] == "include":
            for target in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.M):
                beside = (header.parent / target).exists()
                if not (target.startswith("sallyport/") or beside or target in STANDARD_C or re.fullmatch(r"c?[a-z_]+", target)):
                    complaints.append(f"{name}: <{target}> is not a standard header")

    compiler = compiler or os.environ.get("CXX") or shutil.which("g++") or "c++"
    extra = [] if build is None else [build, pathlib.Path(build) / "src", *(pathlib.Path(build) / "src").glob("*")]
    memory = pathlib.Path(build) / "headers.json" if build else None
    digest = _digest(root) + compiler
    if memory and memory.exists() and json.loads(memory.read_text()) == digest:
        return complaints
    # ctl's own headers may name generated code, which exists only after a build.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        alone = [header for header in headers if not _built_alone(header)]
        results = [line for line in pool.map(lambda header: _compile(compiler, root, extra, header), alone) if line]
    if memory and not results and memory.parent.exists():
        memory.write_text(json.dumps(digest))
    return complaints + results


def self_test():
    tree.expect(find, {"src/base/a.h": "#pragma once\n#include <vector>\ninline std::vector<int> f() { return {}; }\n"}, None)
    tree.expect(find, {"src/base/a.h": "#pragma once\ninline std::vector<int> f() { return {}; }\n"}, "does not compile alone")
    broken = "#pragma once\ninline std::vector<int> f() { return {}; }\n"
    tree.expect(find, {"src/base/a.h": broken, "src/base/a.cc": '#include <vector>\n#include "base/a.h"\n'}, "does not compile alone")
    tree.expect(find, {"src/base/a.h": broken, "src/base/a.cc": '#include "base/a.h"\n'}, None)   # the build refuses it
    tree.expect(find, {"src/base/a.h": "int f();\n"}, "no #pragma once")
    tree.expect(find, {"include/sallyport/a.h": "#pragma once\n#include <openssl/evp.h>\n"}, "not a standard header")


if __name__ == "__main__":
    def option(name):
        return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None
    sys.exit(tree.main("check_headers", lambda root: find(root, option("--build"), option("--compiler")), self_test))
