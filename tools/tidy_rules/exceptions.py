"""tools/tidy_exceptions.txt: what may differ from a rule, and why. One line each: `rule path [function]  # reason`."""

import collections

from tidy_rules.tree import Finding

FILE = "tools/tidy_exceptions.txt"
LIMIT = 20

_Row = collections.namedtuple("_Row", "line rule path word")


class Exceptions:
    def __init__(self, tree):
        self.findings, self.rows = [], []
        lines = tree.text(FILE).splitlines() if FILE in tree.files else []
        for number, line in enumerate(lines, 1):
            fields, _, reason = line.partition("#")
            words = fields.split()
            if not words:
                continue
            if len(words) > 3 or len(words) < 2 or len(reason.split()) < 3:
                self._complain(number, "a row is `rule path [function]  # reason`", "give the reason in a few words")
                continue
            self.rows.append(_Row(number, words[0], words[1], words[2] if len(words) == 3 else ""))
        if len(self.rows) > LIMIT:
            self._complain(self.rows[LIMIT].line, f"{len(self.rows)} exceptions; {LIMIT} are allowed", "mend some")

    def _complain(self, line, wrong, fix):
        self.findings.append(Finding(FILE, line, "exceptions", wrong, fix))

    def apply(self, findings, with_links):
        """Returns the findings that no row covers, and a finding for each row that covers none."""
        used, left = set(), []
        for finding in findings:
            row = next((row for row in self.rows if (row.rule, row.path) == (finding.rule, finding.path) and
                        (not row.word or row.word in finding.wrong.split())), None)
            if row:
                used.add(row)
            else:
                left.append(finding)
        for row in self.rows:
            if row not in used and (with_links or row.rule != "link"):
                self._complain(row.line, f"nothing at {row.path} needs the exception from {row.rule}", "delete the row")
        return left + self.findings
