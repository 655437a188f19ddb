//! Where a command works: the project, state and cloud folders.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{cli::Global, exit::Exit, failure::Failure};

/// The state folder in the project folder, unless another one is named.
const DEFAULT: &str = ".twinctl";

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
    /// Decides from the options. A project folder that the state is to be found in must be there: a misspelt name would
    /// otherwise look like a project that was never deployed.
    pub(crate) fn new(global: &Global, project: &Path) -> Result<Self, Failure> {
        let place = Self::decide(global, project)?;
        if global.state_dir.is_none() {
            place.demand_project()?;
        }
        Ok(place)
    }

    /// The same for commands that need the local cloud alone.
    pub(crate) fn of_cloud(global: &Global, project: &Path) -> Result<Self, Failure> {
        let place = Self::decide(global, project)?;
        if global.state_dir.is_none() && global.cloud_dir.is_none() {
            place.demand_project()?;
        }
        Ok(place)
    }

    /// A failure unless the project folder is one.
    pub(crate) fn demand_project(&self) -> Result<(), Failure> {
        let why = match std::fs::metadata(&self.project) {
            Ok(about) if about.is_dir() => return Ok(()),
            Ok(_) => "it is not a folder".to_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => "there is no such folder".to_owned(),
            Err(error) => error.to_string(),
        };
        let tried = format!("find the project {}", self.project.display());
        Err(Failure::new(Exit::InvalidProject, tried).because(why).code("no-project"))
    }

    /// A failure when the state folder is there and cannot be read: what cannot be seen is not nothing.
    pub(crate) fn demand_readable_state(&self) -> Result<(), Failure> {
        match std::fs::read_dir(&self.state) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::of(Exit::Error, format!("read the state folder {}", self.state.display()), &error))
            }
            _ => Ok(()),
        }
    }

    fn decide(global: &Global, project: &Path) -> Result<Self, Failure> {
        let project = absolute(project)?;
        let state = match &global.state_dir {
            Some(dir) => absolute(dir)?,
            None => project.join(DEFAULT),
        };
        let cloud = match &global.cloud_dir {
            Some(dir) => absolute(dir)?,
            None => state.join("cloud"),
        };
        Ok(Self { project, state, cloud })
    }

    /// The state folder that is used unless another one is named.
    pub(crate) fn default_state(&self) -> PathBuf {
        self.project.join(DEFAULT)
    }

    /// Whether the project folder holds the project of this twin; a folder that cannot be read holds none.
    pub(crate) fn is_project_of(&self, twin: &str) -> bool {
        let text = std::fs::read_to_string(self.project.join("config.json")).unwrap_or_default();
        let config: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        config["digital_twin_name"] == twin
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
        Place::decide(&cli.global, Path::new("/projects/factory")).unwrap()
    }

    #[test]
    fn everything_lives_in_the_project_by_default() {
        let place = place(&["--color", "never"]);
        assert_eq!(place.state, Path::new("/projects/factory/.twinctl"));
        assert_eq!(place.cloud, Path::new("/projects/factory/.twinctl/cloud"));
    }

    #[test]
    fn a_misspelt_folder_is_not_taken_for_one_without_a_deployment() {
        let nowhere = Path::new("/no/such/project");
        let decided = |arguments: &[&str], of: fn(&Global, &Path) -> Result<Place, Failure>| {
            let cli = Cli::try_parse_from([&["twinctl", "man"], arguments].concat()).unwrap();
            of(&cli.global, nowhere).map(drop).map_err(|failure| failure.exit)
        };
        assert_eq!(decided(&[], Place::new), Err(Exit::InvalidProject));
        assert_eq!(decided(&["--cloud-dir", "/c"], Place::new), Err(Exit::InvalidProject));
        assert_eq!(decided(&["--state-dir", "/s"], Place::new), Ok(()));
        assert_eq!(decided(&[], Place::of_cloud), Err(Exit::InvalidProject));
        assert_eq!(decided(&["--cloud-dir", "/c"], Place::of_cloud), Ok(()));
    }

    #[test]
    fn a_project_is_known_by_its_twin() {
        let folder = tempfile::tempdir().unwrap();
        let cli = Cli::try_parse_from(["twinctl", "man"]).unwrap();
        let place = Place::new(&cli.global, folder.path()).unwrap();
        assert!(!place.is_project_of("factory"));
        std::fs::write(folder.path().join("config.json"), r#"{"digital_twin_name": "factory"}"#).unwrap();
        assert!(place.is_project_of("factory") && !place.is_project_of("plant"));
    }

    #[test]
    fn the_cloud_follows_the_state_unless_told_otherwise() {
        assert_eq!(place(&["--state-dir", "/s"]).cloud, Path::new("/s/cloud"));
        assert_eq!(place(&["--state-dir", "/s", "--cloud-dir", "/c"]).cloud, Path::new("/c"));
    }
}
