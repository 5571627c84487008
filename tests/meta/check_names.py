"""Words that say nothing are not names of files, folders or types: util, common, misc, helpers, manager, handler, processor.

WFP's own terms are exempt. Also: files are snake_case, types CamelCase.
"""
import re
import sys

import tree

WORDS = ("util", "utils", "common", "misc", "helper", "helpers", "manager", "handler", "processor")
EXEMPT_TYPES = set()
TYPE = re.compile(r"^\s*(?:enum\s+class|enum|class|struct|union)\s+(?:\[\[\w+\]\]\s+)?(\w+)\s*(?:final\s*)?(?:[:{]|$)", re.M)


def _words(name):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def find(root):
    complaints = []
    paths = tree.files(root, "*.h", "*.cc", "*.py", "*.def", "*.proto", "*.md", under=("src", "include", "tests", "bench", "proto"))
    seen = set()
    for path in paths:
        name = path.relative_to(root)
        for part in (*name.parts[:-1], name.stem):
            for word in sorted(_words(part) & set(WORDS)):
                complaint = f"{name}: '{part}' contains the word '{word}'"
                if complaint not in seen:
                    seen.add(complaint)
                    complaints.append(complaint)
        if path.suffix in (".h", ".cc"):
            if not re.fullmatch(r"[a-z0-9_]+", name.stem):
                complaints.append(f"{name}: file names are snake_case")
            for match in TYPE.finditer(path.read_text(errors="replace")):
                found = sorted(_words(match.group(1)) & set(WORDS))
                if found and match.group(1) not in EXEMPT_TYPES:
                    complaints.append(f"{name}: type {match.group(1)} contains the word '{found[0]}'")
    return complaints


def self_test():
    tree.expect(find, {"src/ike/endpoint.cc": "class Endpoint {\n};\n// the manager of nothing\n"}, None)
    tree.expect(find, {"src/base/string_util.cc": ""}, "'string_util' contains the word 'util'")
    tree.expect(find, {"src/common/a.cc": ""}, "'common'")
    tree.expect(find, {"src/ike/a.h": "class SaManager {\n};\n"}, "SaManager")
    tree.expect(find, {"src/ike/a.h": "struct PacketHandler;\n"}, None)
    tree.expect(find, {"src/ike/Endpoint.cc": ""}, "snake_case")


if __name__ == "__main__":
    sys.exit(tree.main("check_names", find, self_test))
