"""The include graph obeys the order of the house: a room includes itself and the rooms its arrows name; siblings are strangers.

Also: outside libraries appear only in the room that owns them, and inside ike the versions never see each other.
"""
import re
import sys

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Outside library -> rooms that may include it.
OWNERS = [
    (re.compile(r"^openssl/"), {"crypto"}),
    (re.compile(r"^(ipsec-mb|intel-ipsec-mb)"), {"crypto"}),
    (re.compile(r"^(google/protobuf/|.*\.pb\.h$)"), {"ctl"}),
    (re.compile(r"^toml\+\+/"), {"config"}),
    (re.compile(r"^boost/json/"), {"cli"}),
    (re.compile(r"^boost/(?!json/)"), {"runtime"}),
    (re.compile(r"^pcap"), {"runtime"}),
    (re.compile(r"^(spdlog|fmt)/"), {"runtime", "daemon"}),
    (re.compile(r"^CLI/"), {"cli"}),
    (re.compile(r"^tl/expected"), {"base"}),
]
# Inside ike: each version sees the common files and its own; v1 and authip share isakmp.
VERSIONS = {"v2": {"v2"}, "v1": {"v1", "isakmp"}, "authip": {"authip", "isakmp"}, "isakmp": {"isakmp"}}


def _refusal(room, inner, kind, target):
    parts = target.split("/")
    if kind == "<":
        for pattern, rooms in OWNERS:
            if pattern.search(target) and room not in rooms:
                return f"<{target}> belongs to {', '.join(sorted(rooms))} only"
        return None
    for pattern, rooms in OWNERS:
        if pattern.search(target) and room not in rooms:
            return f'"{target}" belongs to {", ".join(sorted(rooms))} only'
    if parts[0] in tree.ARROWS and len(parts) > 1:
        if parts[0] != room and parts[0] not in tree.ARROWS[room]:
            return f'"{target}": {room} must not know {parts[0]}'
        if room == "ike" and inner in VERSIONS and parts[0] == "ike" and len(parts) > 2 and parts[1] in VERSIONS:
            if parts[1] not in VERSIONS[inner]:
                return f'"{target}": ike/{inner} must not know ike/{parts[1]}'
        return None
    if "/" in target and parts[0] == "..":
        return f'"{target}": includes start at src/'
    return None


def find(root):
    complaints = []
    for path in tree.files(root, "*.h", "*.cc", under=("src",)):
        parts = path.relative_to(root / "src").parts
        room = parts[0]
        if len(parts) < 2 or room not in tree.ARROWS:
            complaints.append(f"{path.relative_to(root)}: is in no room of the house")
            continue
        text = path.read_text(errors="replace")
        for match in INCLUDE.finditer(text):
            why = _refusal(room, parts[1], *match.groups())
            if why:
                complaints.append(f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start(2)) + 1}: {why}")
    return complaints


def self_test():
    expect = tree.expect
    expect(find, {"src/ike/a.cc": '#include "wire/ike2/sa.h"\n#include <vector>\n#include "ike/v2/b.h"\n'}, None)
    expect(find, {"src/ike/a.cc": '#include "ipsec/sad.h"\n'}, "ike must not know ipsec")
    expect(find, {"src/wire/a.h": '#pragma once\n#include "crypto/aead.h"\n'}, "src/wire/a.h:2: ")
    expect(find, {"src/base/a.h": '#include "model/ids.h"\n'}, "base must not know model")
    expect(find, {"src/ike/v2/a.cc": '#include "ike/v1/main_mode.h"\n'}, "ike/v2 must not know ike/v1")
    expect(find, {"src/wire/a.cc": "#include <openssl/evp.h>\n"}, "belongs to crypto only")
    expect(find, {"src/api/a.cc": '#include <boost/asio.hpp>\n'}, "belongs to runtime only")
    expect(find, {"src/other/a.cc": "\n"}, "no room")


if __name__ == "__main__":
    sys.exit(tree.main("check_layers", find, self_test))
