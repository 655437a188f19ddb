//! Where the emulator is installed, and how it is.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::VERSION;

/// The executable in a virtual environment.
pub fn executable(venv: &Path) -> PathBuf {
    venv.join("bin/ministack")
}

/// The first of the paths that is a program.
pub fn find(paths: &[PathBuf]) -> Option<&Path> {
    paths.iter().map(PathBuf::as_path).find(|path| is_program(path))
}

/// The command for a shell that installs the expected version into a virtual environment of its own.
///
/// `cryptography` makes the certificates of devices.
pub fn command(venv: &Path) -> String {
    let pip = quoted(&venv.join("bin/pip"));
    format!("python3 -m venv {} && {pip} install 'ministack=={VERSION}' cryptography", quoted(venv))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// A path as one word for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    match text.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+@%".contains(letter)) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_line_for_any_folder() {
        assert_eq!(
            command(Path::new("/home/ann/.local/share/twinctl/ministack")),
            "python3 -m venv /home/ann/.local/share/twinctl/ministack && \
             /home/ann/.local/share/twinctl/ministack/bin/pip install 'ministack==1.5.33' cryptography"
        );
        let odd = command(Path::new("/ann's data"));
        assert!(odd.starts_with(r"python3 -m venv '/ann'\''s data' && '/ann'\''s data/bin/pip' install"), "{odd}");
    }

    #[test]
    fn the_first_program_is_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["missing", "text", "folder", "program"].map(|name| dir.path().join(name)).to_vec();
        std::fs::write(&paths[1], "").unwrap();
        std::fs::create_dir(&paths[2]).unwrap();
        assert_eq!(find(&paths), None);
        std::fs::write(&paths[3], "").unwrap();
        std::fs::set_permissions(&paths[3], PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(find(&paths), Some(paths[3].as_path()));
    }
}
