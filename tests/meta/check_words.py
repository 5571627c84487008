"""The repository holds no half-done work that says so, and no path or name of the machine it was made on."""
import re
import sys

import tree

# Spelled in pieces, so that this file does not contain what it looks for.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b|\bnot (yet )?implem" + r"ented\b|(?<!asked )\bfor n" + r"ow\b")
PLACES = re.compile("|".join(["/wo" + r"rk/", r"\.lib" + "rary", r"\.\./sha" + "red", "/ho" + r"me/\w", r"/ro" + r"ot/\w", "/tm" + r"p/w/"]))
BINARY = (".bin", ".pcap", ".pcapng", ".der", ".png", ".raw")


def find(root):
    complaints = []
    for path in tree.tracked(root):
        name = path.relative_to(root)
        if path.suffix in BINARY or "corpus" in name.parts:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            code = path.suffix in (".h", ".cc", ".c", ".py", ".def", ".proto", ".cmake", "") or path.name == "CMakeLists.txt"
            if code and (match := UNFINISHED.search(line)):
                complaints.append(f"{name}:{number}: says '{match.group(0)}'")
            if match := PLACES.search(line):
                complaints.append(f"{name}:{number}: names a place of one machine: '{match.group(0)}'")
    return complaints


def self_test():
    tree.expect(find, {"src/base/a.cc": "// fine\n"}, None)
    tree.expect(find, {"src/base/a.cc": "// TO" + "DO: later\n"}, "says")
    tree.expect(find, {"README.md": "see /wo" + "rk/main\n"}, "names a place")


if __name__ == "__main__":
    sys.exit(tree.main("check_words", find, self_test))
