"""What the walks in src/README.md name exists: every `file`, `room::Type::function` and `function` between back-quotes in the
sections whose heading contains "walk".

A word with a slash or a file suffix is a path below src/ (`.*` and a missing suffix mean .h or .cc); a qualified name must have
its last part declared or defined in some source file, within a file that also names its other parts.
"""
import re
import sys

import tree


def _walks(text):
    """(line number, word) of back-quoted words in the sections about walks."""
    inside = level = 0
    for number, line in enumerate(text.split("\n"), 1):
        heading = re.match(r"(#+)\s+(.*)", line)
        if heading:
            if "walk" in heading.group(2).lower():
                inside, level = 1, len(heading.group(1))
            elif inside and len(heading.group(1)) <= level:
                inside = 0
        elif inside:
            for word in re.findall(r"`([^`]+)`", line):
                yield number, word


def _path_exists(root, word):
    if word.startswith("src/"):
        word = word[4:]
    base = root / "src" / word.removesuffix(".*").rstrip("/")
    candidates = [base, base.with_name(base.name + ".h"), base.with_name(base.name + ".cc"), root / word]
    # A bare file name may lie in any room.
    return any(path.exists() for path in candidates) or ("/" not in word and any((root / "src").rglob(word)))


def find(root):
    map_file = root / "src" / "README.md"
    if not map_file.exists():
        return ["src/README.md is missing"]
    sources = {path: path.read_text(errors="replace") for path in tree.files(root, "*.h", "*.cc", under=("src",))}
    complaints, named = [], 0
    for number, word in _walks(map_file.read_text()):
        named += 1
        plain = re.sub(r"\(.*\)$", "", word).strip()
        if re.search(r"\.(h|cc|def|proto|md|\*)$", plain) or "/" in plain:
            if not _path_exists(root, plain):
                complaints.append(f"src/README.md:{number}: there is no file {word}")
        elif re.fullmatch(r"[A-Za-z_]\w*(::~?[A-Za-z_]\w*)*", plain):
            parts = [part for part in plain.split("::") if part != "sallyport"]
            rooms = [part for part in parts[:-1] if part in tree.ARROWS]
            needed = [part for part in parts if part not in tree.ARROWS] or parts
            found = any(all(re.search(rf"\b{part}\b", text) for part in needed) for path, text in sources.items()
                        if not rooms or path.relative_to(root / "src").parts[0] == rooms[0])
            if not found and not ((root / "src" / plain).is_dir()):
                complaints.append(f"src/README.md:{number}: nothing is named {word}")
    if not named:
        complaints.append("src/README.md has no walk that names anything")
    return complaints


def self_test():
    source = {"src/stack/dataplane.h": "class Dataplane { void handle_tun_packets(); };\n"}
    tree.expect(find, {**source, "src/README.md": "## The walks\n`stack/dataplane.h` `stack::Dataplane::handle_tun_packets`\n"}, None)
    tree.expect(find, {**source, "src/README.md": "## The walks\n`stack::Dataplane::handle_nothing`\n"}, "nothing is named")
    tree.expect(find, {**source, "src/README.md": "## The walks\n`stack/other.cc`\n"}, "there is no file")
    tree.expect(find, {**source, "src/README.md": "## The rooms\n`stack/other.cc`\n"}, "no walk")


if __name__ == "__main__":
    sys.exit(tree.main("check_walks", find, self_test))
