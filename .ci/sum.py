"""Add up the test counts of several pytest runs and print them as one line.

    sum.py BROKEN_STEPS RESULT.xml...

Exits with 1 if anything failed.  A step that broke without a failed test (lint, types, a run that never
reported) counts as one failure, so that the line never looks green when the run was not.
"""

import sys
import xml.etree.ElementTree as tree
from pathlib import Path


def main(broken: int, files: list[Path]) -> int:
    total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    missing = [file for file in files if not file.exists()]
    for file in files:
        for suite in tree.parse(file).iter("testsuite") if file.exists() else ():
            for name in total:
                total[name] += int(suite.get(name, 0))
    bad = total["failures"] + total["errors"]
    passed = total["tests"] - bad - total["skipped"]
    failed = max(bad, broken, len(missing))
    print(f"{passed} passed, {failed} failed, {total['skipped']} skipped")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), [Path(file) for file in sys.argv[2:]]))
