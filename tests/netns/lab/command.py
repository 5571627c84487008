"""The command line of what runs cases, and the running: a word that it does not know is refused, and so is a case that there is not."""
import argparse
import difflib

SKIPPED = 77


def parser(description):
    words = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--list", action="store_true", help="print the names of the cases, and run none")
    words.add_argument("--case", action="append", default=[], metavar="NAME", help="run this one (may be repeated); without: all")
    words.add_argument("--keep", action="store_true", help="leave the namespaces and folders of each case behind")
    return words


def refuse_unknown(words, wanted, known):
    """Ends with 2 where one of the wanted cases is none, naming the nearest."""
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            words.error(f"no case is called {name}" + (f"; did you mean {near[0]}?" if near else ""))


def play(cases, wanted):
    """Plays those of `cases` that are wanted (all: none is named), in the order of `cases`: a name, and what plays it and
    returns whether it passed and what was seen. How many failed."""
    failed = 0
    for name, case in cases.items():
        if wanted and name not in wanted:
            continue
        passed, text = case()
        print(f"{'ok  ' if passed else 'FAIL'} {name}: {text}", flush=True)
        failed += not passed
    return failed
