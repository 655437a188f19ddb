//! The exit codes: a published interface, described in `docs/exit-codes.md`.

use std::process::ExitCode;

/// How the program ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was asked for is done (or was done already).
    Done = 0,
    /// Something kept the command from being carried out; no run was begun and nothing was changed.
    Error = 1,
    /// The command line is wrong. (clap uses the same code.)
    Usage = 2,
    /// The project has problems; they were reported.
    InvalidProject = 3,
    /// The run failed: `resume` or `rollback`.
    Failed = 10,
    /// The run was interrupted: `resume` or `rollback`.
    Interrupted = 11,
    /// The run failed and was rolled back, as asked for.
    RolledBack = 12,
    /// A rollback could not undo everything: `rollback` again goes on.
    PartiallyRolledBack = 13,
    /// A living owner holds the deployment.
    Locked = 14,
    /// The journal does not hold, or cannot be read.
    JournalDamaged = 15,
    /// The cloud is not as the journal says.
    Drift = 16,
    /// Live data did not arrive: a twin does not show what was sent, within the deadline.
    NotVisible = 17,
    /// A second signal stopped the program at once, as a crash would.
    Stopped = 130,
}

impl Exit {
    /// The code as a number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Exit] = &[
        Exit::Done,
        Exit::Error,
        Exit::Usage,
        Exit::InvalidProject,
        Exit::Failed,
        Exit::Interrupted,
        Exit::RolledBack,
        Exit::PartiallyRolledBack,
        Exit::Locked,
        Exit::JournalDamaged,
        Exit::Drift,
        Exit::NotVisible,
        Exit::Stopped,
    ];

    #[test]
    fn the_codes_are_the_published_ones() {
        let codes: Vec<u8> = ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 130]);
    }

    #[test]
    fn help_and_documents_name_every_code() {
        let page = include_str!("../../../docs/exit-codes.md");
        for exit in ALL {
            assert!(page.contains(&format!("| {} |", exit.code())), "docs/exit-codes.md lacks {exit:?}");
            let in_help =
                crate::environment::HELP.lines().any(|line| line.trim_start().starts_with(&exit.code().to_string()));
            assert!(in_help, "--help lacks {exit:?}");
        }
    }
}
