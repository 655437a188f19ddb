//! What the libraries' errors mean for the person at the terminal: exit code, stable code, hint.

use journal::Error;
use workflows::deploy;

use crate::{exit::Exit, failure::Failure};

/// A failure of the journal.
pub(crate) fn journal(tried: impl Into<String>, error: &Error) -> Failure {
    let (exit, code) = match error {
        Error::Locked { .. } => (Exit::Locked, Some("locked")),
        Error::NoJournal { .. } => (Exit::Error, Some("no-journal")),
        Error::Damaged { .. } => (Exit::JournalDamaged, Some("journal-damaged")),
        Error::Unreadable { .. } => (Exit::JournalDamaged, Some("journal-unreadable")),
        Error::Definition { .. } => (Exit::JournalDamaged, Some("journal-damaged")),
        Error::NewerFormat { .. } => (Exit::Error, Some("journal-too-new")),
        _ => (Exit::Error, None),
    };
    let failure = Failure::of(exit, tried, error);
    let failure = match code {
        Some(code) => failure.code(code),
        None => failure,
    };
    match error {
        // What can be done depends on what the store said.
        Error::Unreadable { remedy, .. } => failure.hint(remedy),
        // The records hold: verifying them would find nothing.
        Error::Definition { .. } => failure.hint(
            "restore `definitions` of the state folder from a copy; `twinctl run` with unchanged project files also writes it",
        ),
        _ => failure,
    }
}

/// A failure of a deployment while or before it was worked on.
pub(crate) fn deploy(tried: impl Into<String>, error: &deploy::Error) -> Failure {
    match error {
        deploy::Error::Journal(source) => journal(tried, source),
        deploy::Error::Engine(source) => engine(tried, source),
        deploy::Error::Nothing(_) => Failure::of(Exit::Error, tried, error).code("no-journal"),
        deploy::Error::Unsupported(_) => Failure::of(Exit::InvalidProject, tried, error).code("cloud-not-supported"),
        deploy::Error::Definition(_) => Failure::of(Exit::Error, tried, error),
    }
}

fn engine(tried: impl Into<String>, error: &engine::Error) -> Failure {
    use engine::Error as Engine;
    match error {
        Engine::Journal(source) => {
            let failure = journal(tried, source);
            match failure.exit {
                // The run stands where its last record says, as after a crash.
                Exit::Error => Failure { exit: Exit::Interrupted, ..failure }.hint("`twinctl resume` goes on"),
                _ => failure,
            }
        }
        Engine::Unfinished { .. } => Failure::of(Exit::Failed, tried, error).code("unfinished-run"),
        Engine::Unacceptable { .. } => Failure::of(Exit::Usage, tried, error)
            .hint("`twinctl drift --revert` puts it back; `--accept --step STEP` accepts others alone"),
        Engine::Skip { .. } => Failure::of(Exit::Usage, tried, error).code("unknown-step"),
        Engine::NoRun { .. } | Engine::Definition(_) | Engine::UnknownStep { .. } => {
            Failure::of(Exit::Error, tried, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_journal_has_its_own_exit_code() {
        let failure = journal("deploy", &Error::Locked { owner: None });
        assert_eq!((failure.exit, failure.code.as_deref()), (Exit::Locked, Some("locked")));
        assert!(failure.hint.is_some());
    }

    #[test]
    fn an_unreadable_store_says_what_can_be_done() {
        let error = Error::Unreadable { what: "bad magic".into(), remedy: "restore a copy".into() };
        let failure = journal("read", &error);
        assert_eq!((failure.exit, failure.hint.as_deref()), (Exit::JournalDamaged, Some("restore a copy")));
    }

    #[test]
    fn a_run_whose_journal_fails_is_as_if_it_had_crashed() {
        let error = engine::Error::Journal(Error::Broken("no space".into()));
        let failure = engine("deploy", &error);
        assert_eq!(failure.exit, Exit::Interrupted);
        assert!(failure.hint.unwrap().contains("resume"));
    }
}
