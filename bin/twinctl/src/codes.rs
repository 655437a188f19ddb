//! The stable error codes of the command line and of runs: code → hint. Each has a page `docs/errors/<code>.md`.
//!
//! Problems of a project have codes of their own, which the workflows define and whose remedies come with them.

/// One code and the hint that is shown with it.
struct Code {
    code: &'static str,
    hint: &'static str,
}

const fn code(code: &'static str, hint: &'static str) -> Code {
    Code { code, hint }
}

/// Sorted by code.
const CODES: &[Code] = &[
    code(
        "aws-emulator-failed",
        "its log says why; `twinctl cloud down` ends what is left of it, `twinctl cloud up` starts it again",
    ),
    code(
        "bad-checkpoint",
        "use the checkpoint as it was printed, with the key that `twinctl journal key` printed then; a forged one proves nothing",
    ),
    code(
        "bad-message",
        "a message is one JSON object, such as '{\"temperature\": 21.5}'; `-` reads standard input, `@FILE` a file",
    ),
    code("bad-schedule", "a pattern has five fields, such as '0 3 * * *'; `twinctl schedule add --help` has examples"),
    code("bucket-elsewhere", "the bucket is in another region: use that region, or another twin's name"),
    code("bucket-not-empty", "stop what still writes into it, then run the same command again"),
    code("bucket-not-ours", "somebody else may have the bucket's name; another `digital_twin_name` gives other names"),
    code("cloud-not-supported", "`config_providers.json` says which cloud each layer is on"),
    code("cloud-not-up", "`twinctl cloud up` starts the local cloud"),
    code("deadline", "`twinctl resume` tries again with a new deadline, `twinctl rollback` undoes the run"),
    code("device-key", "look at the file that is named: owner, mode, space; then `twinctl resume`"),
    code("function-not-indexed", "`twinctl resume` asks again"),
    code("gate-closed", "`twinctl status` shows what is missing; `twinctl resume` asks again"),
    code("group-not-empty", "move or delete what is not ours, then run the same command again"),
    code(
        "journal-damaged",
        "`twinctl journal verify` names the first record that does not hold; restore the state folder from a copy",
    ),
    code("journal-too-new", "use the twinctl that wrote it, or a newer one"),
    code("journal-unreadable", "restore the state folder from a copy; nothing was repaired"),
    code("live-data-missing", "`twinctl status` shows whether hub, subscription and function stand"),
    code("locked", "wait for the owner to end; `twinctl journal tail --follow` shows what it does"),
    code("message-refused", "`twinctl status` shows whether the hub and its devices stand"),
    code("model-changed", "give the changed model a new version"),
    code("no-account", "write it into the section of its cloud in `config_credentials.json`"),
    code("no-aws", "`twinctl run` defines the deployment anew, with the account that is logged in"),
    code(
        "no-aws-emulator",
        "`TWINCTL_MINISTACK` names ministack's executable; without it the usual places are searched",
    ),
    code(
        "no-credentials",
        "log in to AWS (`aws sso login`, `AWS_PROFILE`, ...), or write the keys into `config_credentials.json`",
    ),
    code("no-functions-program", "`just package` builds it; `TWINCTL_FUNCTIONS` names another one"),
    code("no-journal", "`twinctl run` makes the first deployment; `--state-dir` names another state folder"),
    code("no-login", "`az login`, or credentials in the environment or in `config_credentials.json`"),
    code("no-project", "name the project's folder, or change to it"),
    code("not-confirmed", "add `--yes` where nobody can be asked"),
    code("not-deployed", "`twinctl run` deploys it; after a failed run `twinctl resume` goes on"),
    code("not-ours", "`--adopt` takes it over (it is then never destroyed); otherwise remove or rename it"),
    code("schedule-exists", "`--name` gives it another name; `twinctl schedule remove` removes the one that is there"),
    code("served", "stop the other one first; schedules that are added meanwhile are kept by it"),
    code("step-unbuildable", "use the version of twinctl that made the deployment"),
    code(
        "table-key-fixed",
        "a table's key cannot be changed; `twinctl destroy` and `twinctl run` make it anew, without its data",
    ),
    code("table-unseen", "DynamoDB is still making the table; `twinctl resume` asks again"),
    code("twins-unreadable", "`twinctl status` shows whether the twin instance stands, and whether you may read it"),
    code("unfinished-run", "`twinctl resume` finishes it, `twinctl rollback` undoes it"),
    code("unknown-device", "`config_iot_devices.json` names the devices; `twinctl run` deploys new ones"),
    code("unknown-run", "`twinctl journal list` shows the runs"),
    code("unknown-schedule", "`twinctl schedule list` shows the schedules of this state folder"),
    code("unknown-step", "`twinctl journal show last` names the steps"),
    code("wrong-account", "log in to the account that is named, then `twinctl resume`"),
    code("wrong-key", "restore the key file of the state folder from a copy"),
];

/// The hint of a code, if it is one of ours.
pub(crate) fn hint(code: &str) -> Option<&'static str> {
    let place = CODES.binary_search_by(|entry| entry.code.cmp(code)).ok()?;
    Some(CODES[place].hint)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
    }

    #[test]
    fn every_code_has_its_page() {
        let problems = workflows::problem::Code::ALL.iter().map(|code| code.as_str());
        let ours = CODES.iter().map(|entry| entry.code);
        for code in ours.chain(problems) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/errors/{code}.md"));
            let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for heading in [&format!("# {code}\n"), "## What happened", "## How to fix it", "## Common mistakes"] {
                assert!(page.contains(heading), "{} lacks {heading}", path.display());
            }
        }
    }
}
