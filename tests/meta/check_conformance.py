"""The conformance pages in docs/conformance/: each row says met, n/a or gap, a met row names tests, and every test named exists.

A test is named between back-quotes as `suite: part of its name`, the suite being the TEST_SUITE of a doctest file; the part must
stand in the name of a TEST_CASE of that suite. A row that is n/a or a gap gives its reason.
"""
import re
import sys

import tree

SUITE = re.compile(r'TEST_SUITE(?:_BEGIN)?\(\s*"([^"]+)"')
CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
STATES = ("met", "n/a", "gap")


def _tests(root):
    """{suite: [names]} of every doctest file; adjacent string literals are one name."""
    found = {}
    for path in tree.files(root, "*_test.cc", under=("tests",)):
        text = path.read_text(errors="replace")
        suites = SUITE.findall(text)
        for match in CASE.finditer(text):
            name = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1)))
            for suite in suites:
                found.setdefault(suite, []).append(name)
    return found


def find(root):
    complaints, rows = [], 0
    tests = _tests(root)
    for page in sorted((root / "docs" / "conformance").glob("*.md")):
        for number, line in enumerate(page.read_text().split("\n"), 1):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|") or len(cells) != 4 or cells[0] in ("Section", "---"):
                continue
            rows += 1
            where = f"docs/conformance/{page.name}:{number}"
            state, shown = cells[2], cells[3]
            named = re.findall(r"`([^`:]+): ([^`]+)`", shown)
            if state not in STATES:
                complaints.append(f"{where}: the state is '{state}', not one of {', '.join(STATES)}")
            if state == "met" and not named:
                complaints.append(f"{where}: met, but no test is named")
            if state != "met" and not re.sub(r"`[^`]*`", "", shown).strip(" ;"):
                complaints.append(f"{where}: {state} without a reason")
            for suite, part in named:
                if not any(part in name for name in tests.get(suite, [])):
                    complaints.append(f"{where}: no test of {suite} has '{part}' in its name")
    if not rows:
        complaints.append("docs/conformance/ has no page with rows")
    return complaints


def self_test():
    test = {"tests/unit/a/b_test.cc": 'TEST_SUITE_BEGIN("a/b");\nTEST_CASE("[RFC1 2] one thing "\n          "or another") {}\n'}
    row = "| Section | Requirement | State | Shown by |\n|---|---|---|---|\n| 1 | text | {} | {} |\n"

    def page(state, shown):
        return {**test, "docs/conformance/rfc1.md": row.format(state, shown)}

    tree.expect(find, page("met", "`a/b: thing or another`"), None)
    tree.expect(find, page("met", "`a/b: nothing`"), "no test of a/b has 'nothing'")
    tree.expect(find, page("met", "`a/c: thing`"), "no test of a/c")
    tree.expect(find, page("met", "words"), "no test is named")
    tree.expect(find, page("gap", "`a/b: thing`"), "without a reason")
    tree.expect(find, page("gap", "nobody has built it"), None)
    tree.expect(find, page("maybe", "words"), "the state is 'maybe'")
    tree.expect(find, test, "no page with rows")


if __name__ == "__main__":
    sys.exit(tree.main("check_conformance", find, self_test))
