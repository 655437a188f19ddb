"""Runs Microsoft's own tests of its client of digital twins against one instance, which they wipe.

Takes one JSON object on standard input: tests (the files), twins (URL), login (URL), tenant and ca (file). Prints what became of
every test: its id, its outcome ("passed", "failed", "skipped"), for a skipped one the reason, and whether that is the reason of a
mark of its own. What pytest has to say goes to standard error.
"""

import contextlib
import json
import os
import sys

import pytest

# This folder is first on the path, so its devtools_testutils is the one that the tests import.
from devtools_testutils import fixtures


class Outcomes:
    """A plugin of pytest that notes what became of every test."""

    def __init__(self):
        self.tests = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        # A test is set up, called and torn down: it passed when all three did.
        noted = self.tests.setdefault(item.nodeid, {"id": item.nodeid, "outcome": "passed"})
        if not report.passed and noted["outcome"] != "failed":
            noted["outcome"] = report.outcome
        if report.skipped:
            noted["reason"] = report.longrepr[2].removeprefix("Skipped: ")
            marks = [*item.iter_markers("skip"), *item.iter_markers("skipif")]
            noted["marked"] = any(noted["reason"] in (*mark.args, mark.kwargs.get("reason")) for mark in marks)
        return report


def main():
    given = json.load(sys.stdin)
    # Nothing that the machine tells pytest elsewhere has a say.
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    os.environ.update(
        AZURE_DIGITALTWINS_URL=given["twins"].rstrip("/"),
        AZURE_AUTHORITY_HOST=given["login"].rstrip("/"),
        AZURE_TENANT_ID=given["tenant"],
        AZURE_CLIENT_ID="a-tester",
        AZURE_CLIENT_SECRET="any",
        AZURE_CA_BUNDLE=given["ca"],
    )
    outcomes = Outcomes()
    options = ["-c", os.devnull, "-p", "no:cacheprovider", "--tb=short", "-q"]
    options += ["-o", "asyncio_default_fixture_loop_scope=function"]
    with contextlib.redirect_stdout(sys.stderr):
        ended = pytest.main([*options, *given["tests"]], plugins=[outcomes, fixtures])
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(f"pytest ended with {ended!r}")
    print(json.dumps(list(outcomes.tests.values())))


main()
