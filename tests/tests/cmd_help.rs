//! `twinctl --help` and the help of each command, completions and the manual page.

use insta::assert_snapshot;
use tests::twinctl::{self, Ran};

fn twinctl(arguments: &[&str]) -> Ran {
    twinctl::run(twinctl::command(arguments))
}

#[test]
fn the_short_help_lists_commands_and_exit_codes() {
    assert_snapshot!(twinctl(&["-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Deploys a digital twin across clouds, live data included, and never loses its place

    Usage: twinctl [OPTIONS] <COMMAND>

    Commands:
      run          Deploy a project, or bring its deployment up to date
      resume       Go on with a run that was interrupted or failed
      rollback     Undo what the last run did
      destroy      Remove everything that the deployment created
      plan         Show what `run` would do; changes nothing
      validate     Check a project and report every problem; changes nothing
      status       Tell per layer whether everything is correctly deployed; changes nothing
      drift        Look whether the cloud is still as the last run left it; put it back or accept it
      send         Send one message, the way a device would
      simulate     Send realistic series from many devices, and tell whether the twins follow
      verify       Prove that live data arrives: one marked message per device
      twins        Show the twins as a tree with live values; changes nothing
      journal      Read, prove and export the record of every run
      schedule     Deploy again at fixed times, or look for drift
      serve        Keep the schedules, until it is stopped
      cloud        Manage the local cloud
      completions  Print shell completions
      man          Print the manual page
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more

    Exit codes: 0 done, 1 error, 2 usage, 3 invalid project, 10 failed, 11 interrupted, 12 rolled back,
    13 partially rolled back, 14 locked, 15 journal damaged, 16 drift, 17 not visible
    "#);
}

#[test]
fn run() {
    assert_snapshot!(twinctl(&["run", "-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Deploy a project, or bring its deployment up to date

    Usage: twinctl run [OPTIONS] [PROJECT]

    Arguments:
      [PROJECT]  The project folder [default: .]

    Options:
          --parallelism <N>      How many steps may run at the same time [default: 8]
          --adopt                Take over resources that somebody else made; they are never destroyed
          --rollback-on-failure  Undo the run at once if it fails
      -y, --yes                  Do not ask before real clouds are changed
      -h, --help                 Print help (see more with '--help')
      -V, --version              Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more
    "#);
}

#[test]
fn resume() {
    assert_snapshot!(twinctl(&["resume", "-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Go on with a run that was interrupted or failed

    Usage: twinctl resume [OPTIONS] [PROJECT]

    Arguments:
      [PROJECT]  The project folder [default: .]

    Options:
          --parallelism <N>  How many steps may run at the same time [default: 8]
          --plan             Show what would be done, and do nothing
          --adopt            Take over resources that somebody else made; they are never destroyed
      -y, --yes              Do not ask before real clouds are changed
      -h, --help             Print help (see more with '--help')
      -V, --version          Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more
    "#);
}

#[test]
fn rollback() {
    assert_snapshot!(twinctl(&["rollback", "-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Undo what the last run did

    Usage: twinctl rollback [OPTIONS] [PROJECT]

    Arguments:
      [PROJECT]  The project folder [default: .]

    Options:
          --skip <STEP>    Leave a step as it is; recorded with who and why (repeatable, each with its
                           own --reason)
          --reason <TEXT>  Why the step is skipped
      -y, --yes            Do not ask before real clouds are changed
      -h, --help           Print help (see more with '--help')
      -V, --version        Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more
    "#);
}

#[test]
fn destroy() {
    assert_snapshot!(twinctl(&["destroy", "-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Remove everything that the deployment created

    Usage: twinctl destroy [OPTIONS] [PROJECT]

    Arguments:
      [PROJECT]  The project folder [default: .]

    Options:
          --parallelism <N>  How many steps may run at the same time [default: 8]
      -y, --yes              Do not ask
      -h, --help             Print help (see more with '--help')
      -V, --version          Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more
    "#);
}

#[test]
fn journal() {
    assert_snapshot!(twinctl(&["journal", "-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Read, prove and export the record of every run

    Usage: twinctl journal [OPTIONS] <COMMAND>

    Commands:
      list        List the runs: when, who, what, how they ended
      show        Show one run: its steps with attempts, waits and outcomes
      records     Show records, all or those that fit
      tail        Show the newest records, and those that come
      diff        Show what two runs did differently
      at          Show what was deployed at a time
      verify      Check that the record is whole, and name the first record that does not hold
      checkpoint  Sign what the record holds now: kept elsewhere, it shows later whether anything was
                  taken away
      key         Print the key by which checkpoints are checked
      prove       Prove that a record is in a checkpoint, or that a checkpoint grew out of an earlier
                  one
      report      Write one run as a page to read and to print
      export      Write the records for other tools
      prune       Take old records out, after exporting them; the rest stays verifiable
      help        Print this message or the help of the given subcommand(s)

    Options:
          --stream <NAME>  Which deployment's stream to read [default: the only one]
      -h, --help           Print help (see more with '--help')
      -V, --version        Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more
    "#);
}

#[test]
fn cloud() {
    assert_snapshot!(twinctl(&["cloud", "-h"]).snapshot(), @r#"
    exit 0
    --- stdout
    Manage the local cloud

    Usage: twinctl cloud [OPTIONS] <COMMAND>

    Commands:
      up       Start the local cloud, unless it is up
      down     Stop the local cloud; its state stays
      status   Tell whether the local cloud is up, and where
      reset    Stop the local cloud and delete its state
      url      Print the base URL of a service: arm, adt, adt-http, aws and so on
      effects  List every mutating effect in order
      dump     Print the whole state in canonical form
      fault    Make the local cloud fail on purpose
      record   Write every request and its answer to a file, from now on
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
          --state-dir <DIR>  Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
          --cloud-dir <DIR>  Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
          --target <TARGET>  Where to deploy to [default: local; after a run: where that run went]
                             [possible values: local, cloud]
          --json             Write data as JSON to standard output
          --color <WHEN>     When to use colour (`NO_COLOR` is honoured) [default: auto] [possible
                             values: auto, always, never]
      -v, --verbose...       Log requests and more to standard error; repeat for more
    "#);
}

#[test]
fn every_command_has_help() {
    let plain: [&[&str]; 28] = [
        &["plan"],
        &["validate"],
        &["status"],
        &["send"],
        &["simulate"],
        &["verify"],
        &["twins"],
        &["journal", "list"],
        &["journal", "show"],
        &["journal", "records"],
        &["journal", "diff"],
        &["journal", "at"],
        &["journal", "checkpoint"],
        &["journal", "key"],
        &["journal", "prove"],
        &["journal", "export"],
        &["journal", "prune"],
        &["journal", "report"],
        &["drift"],
        &["journal", "verify"],
        &["journal", "tail"],
        &["cloud", "up"],
        &["cloud", "down"],
        &["cloud", "url"],
        &["cloud", "effects"],
        &["cloud", "dump"],
        &["cloud", "fault", "set"],
        &["completions"],
    ];
    for words in plain {
        let ran = twinctl(&[words, &["--help"]].concat());
        assert_eq!(ran.code, 0, "{ran:#?}");
        assert!(ran.stdout.contains(&format!("Usage: twinctl {}", words.join(" "))), "{ran:#?}");
    }
}

#[test]
fn the_long_help_documents_the_environment() {
    let help = twinctl(&["--help"]).code(0);
    for name in ["TWINCTL_STATE_DIR", "TWINCTL_CLOUD_DIR", "TWINCTL_LOG", "AWS_ENDPOINT_URL", "NO_COLOR"] {
        assert!(help.stdout.contains(name), "{name} is not in {}", help.stdout);
    }
}

#[test]
fn a_command_that_does_not_exist_is_a_usage_error() {
    assert_snapshot!(twinctl(&["rum"]).snapshot(), @r#"
    exit 2
    --- stderr
    error: unrecognized subcommand 'rum'

      tip: some similar subcommands exist: 'run', 'resume'

    Usage: twinctl [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
}

#[test]
fn every_shell_is_completed() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = twinctl(&["completions", shell]).code(0);
        assert!(ran.stdout.contains("twinctl") && ran.stdout.contains("rollback"), "{shell}: {}", ran.stdout);
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn the_manual_page_has_every_command_but_the_hidden_one() {
    let page = twinctl(&["man"]).code(0).stdout;
    for section in ["TWINCTL RUN", "TWINCTL JOURNAL VERIFY", "TWINCTL CLOUD FAULT SET"] {
        assert!(page.contains(&format!(".SH \"{section}\"")), "{section} is not in the page");
    }
    assert!(!page.contains("TWINCTL CLOUD SERVE"), "the hidden command is in the page");
}
