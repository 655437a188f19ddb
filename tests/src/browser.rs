//! A browser that nobody here wrote, looking at the pages that we make: the system's Chromium, driven by Playwright.
//!
//! What drives it is installed as other packages from npm are (`tests/browser/package-lock.json`);
//! the browser itself is never downloaded. Where one of them is not to be had the tests are skipped and say so; not so under
//! CI.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    node,
    python::{start, target},
    twinctl::wait,
};

/// The set of packages that drive it.
const SET: &str = "browser";

/// The names under which systems install Chromium.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Chromium, and what drives it.
#[derive(Debug)]
pub struct Browser {
    chromium: PathBuf,
    modules: PathBuf,
}

impl Browser {
    /// The browser, with its driver installed now if need be; `None`, with the reason on standard error, when that cannot be.
    ///
    /// # Panics
    /// When it cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn installed() -> Option<Self> {
        match find() {
            Ok(browser) => Some(browser),
            Err(reason) => {
                assert!(env::var_os("CI").is_none(), "under CI there must be a browser: {reason}");
                let _ = writeln!(std::io::stderr(), "skipped: a browser is not to be had: {reason}");
                None
            }
        }
    }

    /// Runs one of the scripts beside the tests on a page; pictures go into `folder`. What the script found.
    ///
    /// # Panics
    /// When the script fails or does not end in time.
    #[must_use]
    pub fn look(&self, script: &str, page: &Path, folder: &Path) -> Value {
        let mut command = Command::new("node");
        command
            .arg(node::scripts(SET).join(script))
            .args([&self.chromium, page, folder])
            .env("NODE_PATH", &self.modules);
        wait(start(&mut command, Stdio::null()).expect("node starts")).code(0).json()
    }
}

/// The folder for what a test leaves to look at.
///
/// # Panics
/// When the target folder is not writable.
#[must_use]
pub fn pictures(test: &str) -> PathBuf {
    let folder = target().join("pictures").join(test);
    fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}

fn find() -> Result<Browser, String> {
    let chromium = NAMES.iter().find_map(|name| on_path(name)).ok_or("there is no chromium")?;
    Ok(Browser { chromium, modules: node::modules(SET)? })
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}
