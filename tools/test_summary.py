#!/usr/bin/env python3
"""Says which tests passed, failed and were skipped, and why.

    tools/test_summary.py CTEST_JUNIT.xml [--counts FILE]     one run: prints the summary, writes "passed failed skipped"
    tools/test_summary.py --total COUNTS_FILE...              several runs: prints "N passed, N failed", nothing after it

A test says why it skipped by printing a line `SKIP: reason`, whether the whole test skips or only one of its rows.
With CI=true a skip counts as a failure unless its reason begins with one of ALLOWED. Exit status 1: something failed.
"""

import argparse
import collections
import os
import pathlib
import re
import sys
import xml.etree.ElementTree

ALLOWED = ["no GPU", "no such CPU feature", "not root", "no network namespace", "no container engine"]
ALLOWED_PATTERN = re.compile("(" + "|".join(ALLOWED) + r")\b")
SKIP_PATTERN = re.compile(r"^\s*SKIP: *(.*?)\s*$", re.MULTILINE)


def read_tests(path):
    """Yields (name, passed, [reason of each skip]) for each test of a ctest JUnit file."""
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        reasons = SKIP_PATTERN.findall(case.findtext("system-out") or "")
        if case.get("status") in ("notrun", "disabled"):
            yield case.get("name"), True, sorted(set(reasons)) or ["no reason given"]
        else:
            yield case.get("name"), case.get("status") == "run", sorted(set(reasons))


def summarise(path, counts_path):
    in_ci = os.environ.get("CI") == "true"
    passed, failed, skips, refused = [], [], collections.defaultdict(list), []
    for name, good, reasons in read_tests(path):
        bad_reasons = [reason for reason in reasons if in_ci and not ALLOWED_PATTERN.match(reason)]
        refused += [(name, reason) for reason in bad_reasons]
        for reason in reasons:
            skips[reason].append(name)
        if not good or bad_reasons:
            failed.append(name)
        elif not reasons:
            passed.append(name)
    skipped = len({name for names in skips.values() for name in names} - set(failed))
    print(f"\nsummary: {len(passed)} passed, {len(failed)} failed, {skipped} skipped")
    for reason, names in sorted(skips.items()):
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        print(f"  skipped, {reason}: {shown}")
    for name in failed:
        print(f"  failed: {name}")
    if counts_path:
        pathlib.Path(counts_path).write_text(f"{len(passed)} {len(failed)} {skipped}\n")
    if refused:
        print("with CI=true these reasons do not excuse a skip:")
        for name, reason in refused:
            print(f"  {name}: {reason}")
        print(f"{len(passed)} passed, {len(failed)} failed")
        return 1
    print()
    return 0


def total(paths):
    passed = failed = 0
    for path in paths:
        try:
            numbers = [int(word) for word in pathlib.Path(path).read_text().split()]
        except OSError:
            numbers = [0, 1, 0]  # the part ended before it could count: one failure
        passed, failed = passed + numbers[0], failed + numbers[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("junit", nargs="?")
    parser.add_argument("--counts")
    parser.add_argument("--total", nargs="+")
    arguments = parser.parse_args()
    if arguments.total:
        return total(arguments.total)
    try:
        return summarise(arguments.junit, arguments.counts)
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print(f"test_summary: ctest left no readable result: {error}\n0 passed, 1 failed")
        return 1


if __name__ == "__main__":
    sys.exit(main())
