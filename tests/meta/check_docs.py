"""The documents know what the program knows: every configuration key, proposal word, verb, option and exit code has its place in
docs/ and in the manual pages, and no proposal word is documented that the parser does not have.

Keys are the first texts that the readers of src/config hand to a Section, words are the rows of src/model/proposal_words.cc, verbs
and options what src/cli declares and src/daemon/main.cc compares.
"""
import re
import shutil
import subprocess
import sys

import tree

KEY = re.compile(r'\b(?:read\w*|find|has|part_of)\(\s*(?:[a-z_]+,\s*)?"([a-z_]+)"')
WORD = re.compile(r'\{"([a-z0-9]+)", T::\w+')
VERB = re.compile(r'add_subcommand\("([a-z]+)"')
OPTION = re.compile(r'add_(?:option|flag)\(\s*"([^"]+)"')
DAEMON_OPTION = re.compile(r'word (?:==|!=) "(--[a-z-]+)"')
PAGES = {"sallyportd.8": "docs/man/sallyportd.8", "sallyport.1": "docs/man/sallyport.1", "sallyport.toml.5": "docs/man/sallyport.toml.5"}


def _text(root, *names):
    return "\n".join((root / name).read_text(errors="replace") for name in names if (root / name).is_file())


def _sources(root, folder):
    return "\n".join(path.read_text(errors="replace") for path in sorted((root / "src" / folder).glob("*.cc")))


def _words(page):
    # mdoc writes an option --json as "Fl -json".
    return set(re.findall(r"[\w-]+", page)) | {"-" + option for option in re.findall(r"\bFl (-?[\w-]+)", page)}


def find(root):
    complaints = []

    def require(names, text, what, where):
        known = _words(text)
        complaints.extend(f"{where} does not name the {what} {name}" for name in sorted(set(names)) if name not in known)

    pages = {name: _text(root, path) for name, path in PAGES.items()}
    reference = _text(root, "docs/configuration.md")
    keys = KEY.findall(_sources(root, "config"))
    if not keys:
        complaints.append("no configuration key was found in src/config")
    require(keys, reference, "key", "docs/configuration.md")
    require(keys, pages["sallyport.toml.5"], "key", "sallyport.toml.5")

    words = set(WORD.findall(_text(root, "src/model/proposal_words.cc")))
    section = reference.partition("## Words of proposals")[2]
    listed = set(re.findall(r"`([a-z0-9]+)`", "\n".join(line for line in section.splitlines() if line.startswith("|"))))
    listed -= {"ike", "esp", "ah"}
    complaints += [f"docs/configuration.md does not list the proposal word {word}" for word in sorted(words - listed)]
    complaints += [f"docs/configuration.md lists {word}, which is no proposal word" for word in sorted(listed - words)]

    command = _sources(root, "cli")
    require(VERB.findall(command), pages["sallyport.1"], "verb", "sallyport.1")
    options = [word for words_ in OPTION.findall(command) for word in words_.split(",") if word.startswith("-")]
    require(options, pages["sallyport.1"], "option", "sallyport.1")
    require(DAEMON_OPTION.findall(_text(root, "src/daemon/main.cc")), pages["sallyportd.8"], "option", "sallyportd.8")
    for number, name in re.findall(r"^\| (\d+) \| `([a-z_]+)` \|", _text(root, "docs/exit-codes.md"), re.M):
        if f".It {number} {name}\n" not in pages["sallyport.1"]:
            complaints.append(f"sallyport.1 does not list the exit code {number} {name}")
    return complaints + _rendered(root)


def _rendered(root):
    """What groff complains about, where it is installed."""
    if not shutil.which("groff"):
        return []
    complaints = []
    for path in PAGES.values():
        if not (root / path).is_file():
            complaints.append(f"{path} is missing")
            continue
        done = subprocess.run(["groff", "-mdoc", "-Tutf8", "-ww", "-z", str(root / path)], capture_output=True, text=True)
        complaints += [f"{path}: {line}" for line in done.stderr.splitlines() if "warning" in line or "error" in line]
    return complaints


def self_test():
    page = ".Dd $Mdocdate$\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n"
    good = {"src/config/read.cc": 'section.read("mtu", x); read_list(section, "local", y);',
            "src/model/proposal_words.cc": '{"aes128", T::ENCR, 1, 2},',
            "src/cli/cmd_up.cc": 'app.add_subcommand("up", ""); verb->add_flag("-f,--follow", x); verb->add_option("target", y);',
            "src/daemon/main.cc": 'if (word == "--check") {}',
            "docs/configuration.md": "`mtu` `local`\n## Words of proposals\n| `aes128` (`ike`) |\n",
            "docs/exit-codes.md": "| 0 | `ok` | done |\n",
            "docs/man/sallyportd.8": page + ".Fl -check\n", "docs/man/sallyport.toml.5": page + "mtu local\n",
            "docs/man/sallyport.1": page + ".Bl -tag -width x\n.It 0 ok\n.Cm up\n.Fl f , Fl -follow\n.El\n"}
    tree.expect(find, good, None)
    for name, old, new, fragment in (
            ("docs/configuration.md", "`mtu`", "", "configuration.md does not name the key mtu"),
            ("docs/man/sallyport.toml.5", "local", "", "sallyport.toml.5 does not name the key local"),
            ("docs/configuration.md", "`aes128`", "", "does not list the proposal word aes128"),
            ("docs/configuration.md", "`aes128`", "`aes128` `des`", "lists des"),
            ("docs/man/sallyport.1", ".Cm up\n", "", "verb up"),
            ("docs/man/sallyport.1", "-follow", "x", "option --follow"),
            ("docs/man/sallyport.1", ".It 0 ok\n", "", "exit code 0 ok"),
            ("docs/man/sallyportd.8", ".Fl -check\n", "", "option --check")):
        tree.expect(find, {**good, name: good[name].replace(old, new)}, fragment)


if __name__ == "__main__":
    sys.exit(tree.main("check_docs", find, self_test))
