//! The program that function apps run: for the local cloud this very executable, which is also the functions' host when it
//! is started under that name; for the real ones a lean build for their machines.

use std::{
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use functions::package::Handler;

use crate::{environment, exit::Exit, failure::Failure};

/// The build for real clouds, beside this executable.
const FOR_CLOUDS: &str = "twin-functions-x86_64-linux";

/// The running executable, also after its file was replaced by a newer build.
const OURSELVES: &str = "/proc/self/exe";

/// How a 64-bit executable for Linux on x86-64 begins, and where its machine stands (ELF specification, `e_ident` and
/// `e_machine`).
const ELF_64: [u8; 5] = [0x7f, b'E', b'L', b'F', 2];
const MACHINE: usize = 18;
const X86_64: u8 = 62;

/// What apps in the local cloud run.
pub(crate) fn for_local() -> Handler {
    let own = || if Path::new(OURSELVES).exists() { OURSELVES.into() } else { executable() };
    Handler::file(environment::text(environment::FUNCTIONS).map_or_else(own, PathBuf::from))
}

/// What functions on real clouds run.
pub(crate) fn for_clouds() -> Handler {
    Handler::file(path_for_clouds())
}

/// A failure, before anything is begun, when the program for real clouds is missing or for other machines.
pub(crate) fn demand_for_clouds() -> Result<(), Failure> {
    let path = path_for_clouds();
    let failure = |why: String| {
        Failure::new(Exit::Error, format!("use {} as the functions' program", path.display()))
            .because(why)
            .code("no-functions-program")
    };
    match head(&path) {
        Ok(head) if head.starts_with(&ELF_64) && head[MACHINE] == X86_64 => Ok(()),
        Ok(_) => Err(failure("it is no program for Linux on x86-64".into())),
        Err(error) => Err(failure(error.to_string())),
    }
}

fn path_for_clouds() -> PathBuf {
    let beside = || executable().with_file_name(FOR_CLOUDS);
    environment::text(environment::FUNCTIONS).map_or_else(beside, PathBuf::from)
}

/// Where this executable lies; a system that does not tell has none beside which anything could lie.
fn executable() -> PathBuf {
    env::current_exe().unwrap_or_default()
}

fn head(path: &Path) -> io::Result<[u8; MACHINE + 1]> {
    let mut head = [0; MACHINE + 1];
    fs::File::open(path)?.read_exact(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_program_can_be_read() {
        assert_eq!(for_local().digest().unwrap().len(), 64);
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn programs_for_clouds_are_known_by_their_head() {
        let head = head(&executable()).unwrap();
        assert!(head.starts_with(&ELF_64) && head[MACHINE] == X86_64);
    }

    #[test]
    fn a_missing_program_for_clouds_comes_with_the_command_that_builds_it() {
        let failure = demand_for_clouds().unwrap_err();
        assert_eq!(failure.code.as_deref(), Some("no-functions-program"));
        assert!(failure.hint.is_some_and(|hint| hint.contains("just package")));
    }
}
