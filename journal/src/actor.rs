//! Who acts: the operating system's view of this process, and the CI run that it belongs to.

use crate::record::Actor;

impl Actor {
    /// The actor that this process is; `environment` looks an environment variable up.
    ///
    /// The user is the one of the process's effective id, as `/etc/passwd` names it (`USER` can be set by anybody).
    #[must_use]
    pub fn current(version: &str, environment: impl Fn(&str) -> Option<String>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let user = passwd_name(uid).or_else(|| environment("USER")).unwrap_or_else(|| format!("uid-{uid}"));
        Self {
            user,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            process: std::process::id(),
            version: version.to_owned(),
            ci: ci_run(environment),
        }
    }
}

fn passwd_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let name_of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    passwd.lines().find_map(name_of)
}

/// The URL or number of the CI run, by the variables that the usual services set.
fn ci_run(environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let github = || {
        Some(format!(
            "{}/{}/actions/runs/{}",
            set("GITHUB_SERVER_URL")?,
            set("GITHUB_REPOSITORY")?,
            set("GITHUB_RUN_ID")?
        ))
    };
    let azure = || {
        let (base, project, build) = (set("SYSTEM_COLLECTIONURI")?, set("SYSTEM_TEAMPROJECT")?, set("BUILD_BUILDID")?);
        Some(format!("{}/{project}/_build/results?buildId={build}", base.trim_end_matches('/')))
    };
    github()
        .or_else(azure)
        .or_else(|| set("CI_JOB_URL"))
        .or_else(|| set("BUILDKITE_BUILD_URL"))
        .or_else(|| set("CIRCLE_BUILD_URL"))
        .or_else(|| set("BUILD_URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_user_the_host_and_the_process() {
        let actor = Actor::current("1.2.3", |_| None);
        assert!(!actor.user.is_empty() && !actor.host.is_empty());
        assert_eq!((actor.process, actor.version.as_str(), actor.ci), (std::process::id(), "1.2.3", None));
    }

    #[test]
    fn names_the_ci_run_by_its_url() {
        let variables = [
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/factory"),
            ("GITHUB_RUN_ID", "42"),
        ];
        let look_up = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let expected = Some("https://github.com/acme/factory/actions/runs/42".to_owned());
        assert_eq!(Actor::current("1", look_up).ci, expected);
        assert_eq!(
            ci_run(|name| (name == "CI_JOB_URL").then(|| "https://gitlab/job/7".to_owned())).as_deref(),
            Some("https://gitlab/job/7")
        );
        assert_eq!(ci_run(|_| Some(String::new())), None);
    }
}
