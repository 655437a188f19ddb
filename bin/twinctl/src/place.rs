//! Where a command works: the project, state and cloud folders.

use std::path::{Path, PathBuf};

use crate::{cli::Global, exit::Exit, failure::Failure};

/// The three folders, absolute, so that a process of ours started elsewhere means the same ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The project's files.
    pub(crate) project: PathBuf,
    /// Journal, locks and keys.
    pub(crate) state: PathBuf,
    /// The local cloud's state.
    pub(crate) cloud: PathBuf,
}

impl Place {
    /// Decides from the options; looks at no file.
    pub(crate) fn new(global: &Global, project: &Path) -> Result<Self, Failure> {
        let project = absolute(project)?;
        let state = match &global.state_dir {
            Some(dir) => absolute(dir)?,
            None => project.join(".twinctl"),
        };
        let cloud = match &global.cloud_dir {
            Some(dir) => absolute(dir)?,
            None => state.join("cloud"),
        };
        Ok(Self { project, state, cloud })
    }

    /// Whether the project folder still holds a project.
    pub(crate) fn has_project(&self) -> bool {
        self.project.join("config.json").exists()
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::of(Exit::Error, format!("find {}", path.display()), &error))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn place(arguments: &[&str]) -> Place {
        let cli = Cli::try_parse_from([&["twinctl", "man"], arguments].concat()).unwrap();
        Place::new(&cli.global, Path::new("/projects/factory")).unwrap()
    }

    #[test]
    fn everything_lives_in_the_project_by_default() {
        let place = place(&["--color", "never"]);
        assert_eq!(place.state, Path::new("/projects/factory/.twinctl"));
        assert_eq!(place.cloud, Path::new("/projects/factory/.twinctl/cloud"));
    }

    #[test]
    fn the_cloud_follows_the_state_unless_told_otherwise() {
        assert_eq!(place(&["--state-dir", "/s"]).cloud, Path::new("/s/cloud"));
        assert_eq!(place(&["--state-dir", "/s", "--cloud-dir", "/c"]).cloud, Path::new("/c"));
    }
}
