//! The documents hold: their examples run, their links resolve, every error code has its page.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tests::twinctl::{Ran, Sandbox, command, repository, run};

/// What stands behind a command that is meant to end with another code than 0.
const EXITS: &str = "# exits with ";

/// Every document for users and contributors.
fn documents() -> Vec<PathBuf> {
    let root = repository();
    let mut documents = Vec::new();
    for folder in ["", "docs", "docs/errors", "examples/factory"] {
        let entries = fs::read_dir(root.join(folder)).expect("the repository can be read");
        documents.extend(
            entries
                .map(|entry| entry.expect("the repository can be read").path())
                .filter(|path| path.extension() == Some("md".as_ref())),
        );
    }
    documents.sort();
    documents
}

fn name(document: &Path) -> String {
    document.strip_prefix(repository()).expect("documents are the repository's").display().to_string()
}

/// The lines of a document outside its fenced blocks, or those inside blocks of a language.
fn lines(text: &str, language: Option<&str>) -> Vec<String> {
    let mut inside: Option<&str> = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), inside) {
            (Some(opened), None) => inside = Some(opened.trim()),
            (Some(_), Some(_)) => inside = None,
            (None, inside) if inside == language => lines.push(line.to_owned()),
            (None, _) => {}
        }
    }
    lines
}

/// A command of a document and the code that it is to end with.
fn example(line: &str) -> Option<(Vec<String>, i32)> {
    let words = line.trim().strip_prefix("$ twinctl ")?;
    let (words, code) = match words.split_once(EXITS) {
        Some((words, code)) => (words, code.trim().parse().expect("an exit code is a number")),
        None => (words, 0),
    };
    assert!(!words.contains(['"', '\'', '|', '>', '$']), "examples are plain words: {words}");
    Some((words.split_whitespace().map(str::to_owned).collect(), code))
}

/// A folder with the examples, as a checkout has it.
fn checkout() -> Sandbox {
    let sandbox = Sandbox::empty();
    let copied = Command::new("cp")
        .args(["-R".as_ref(), repository().join("examples").as_os_str(), sandbox.project().as_os_str()])
        .status()
        .expect("the system has cp");
    assert!(copied.success());
    for entry in fs::read_dir(sandbox.project().join("examples")).expect("the repository can be read") {
        let state = entry.expect("the repository can be read").path().join(".twinctl");
        if state.exists() {
            fs::remove_dir_all(state).expect("the copy is ours");
        }
    }
    sandbox
}

fn execute(sandbox: &Sandbox, words: &[String]) -> Ran {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The clouds' folder is the sandbox's, so that it is stopped with it; the rest is as a reader has it.
    let mut command = command(&words);
    command.current_dir(sandbox.project()).env("TWINCTL_CLOUD_DIR", sandbox.cloud());
    run(command)
}

/// Runs every example of a document in order and returns how many there were.
fn execute_all(document: &Path) -> usize {
    let text = fs::read_to_string(document).expect("the repository can be read");
    let lines = lines(&text, Some("console"));
    let examples: Vec<_> = lines.iter().filter_map(|line| example(line)).collect();
    if examples.is_empty() {
        return 0;
    }
    let sandbox = checkout();
    for (words, code) in &examples {
        let ran = execute(&sandbox, words);
        assert_eq!(ran.code, *code, "{}: twinctl {}: {ran:#?}", name(document), words.join(" "));
    }
    examples.len()
}

#[test]
fn the_examples_in_the_documents_run() {
    let run: usize = documents().iter().map(|document| execute_all(document)).sum();
    eprintln!("{run} commands of the documents were run");
    assert!(run >= 15, "only {run} commands were found");
}

/// The targets of a line's links.
fn links(line: &str) -> Vec<&str> {
    line.match_indices("](").filter_map(|(at, _)| line[at + 2..].split(')').next()).collect()
}

/// The heading's anchor, as the usual renderers make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn broken(document: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let folder = document.parent().expect("a file lies in a folder");
    let file = if path.is_empty() { document.to_owned() } else { folder.join(path) };
    let problem = || Some(format!("{}: {target}", name(document)));
    if !file.exists() {
        return problem();
    }
    if fragment.is_empty() {
        return None;
    }
    let text = fs::read_to_string(&file).expect("the repository can be read");
    let found = lines(&text, None).iter().any(|line| line.starts_with('#') && anchor(line) == fragment);
    if found { None } else { problem() }
}

#[test]
fn every_link_between_documents_resolves() {
    let mut checked = 0;
    let mut problems = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("the repository can be read");
        for line in lines(&text, None) {
            for target in links(&line) {
                checked += 1;
                problems.extend(broken(&document, target));
            }
        }
    }
    assert!(checked > 50, "only {checked} links were found");
    assert!(problems.is_empty(), "links that lead nowhere: {problems:#?}");
}

/// The codes of the command line's table. It is not for others to use, so it is read as text.
fn codes_of_commands() -> BTreeSet<String> {
    let source = fs::read_to_string(repository().join("bin/twinctl/src/codes.rs")).expect("the repository can be read");
    let (_, table) = source.split_once("const CODES: &[Code] = &[").expect("the table is there");
    let (table, _) = table.split_once("];").expect("the table ends");
    let codes = table.split("code(").skip(1).filter_map(|entry| entry.split('"').nth(1));
    codes.map(str::to_owned).collect()
}

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let mut codes = codes_of_commands();
    assert!(codes.len() > 10, "the table of codes was not read: {codes:?}");
    codes.extend(workflows::problem::Code::ALL.iter().map(|code| code.as_str().to_owned()));
    let folder = repository().join("docs/errors");
    let files = fs::read_dir(&folder)
        .expect("the repository can be read")
        .map(|entry| entry.expect("the repository can be read").path());
    let pages = files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let pages: BTreeSet<String> = pages.filter(|page| page != "README").collect();
    assert_eq!(codes, pages);
    let index = fs::read_to_string(folder.join("README.md")).expect("the repository can be read");
    let missing: Vec<_> = pages.iter().filter(|page| !index.contains(&format!("({page}.md)"))).collect();
    assert!(missing.is_empty(), "pages that the index does not list: {missing:?}");
}

#[test]
fn every_exit_code_is_explained() {
    let help = run(command(&["-h"])).code(0).stdout;
    let (_, codes) = help.split_once("Exit codes: ").expect("help lists the exit codes");
    let codes = codes.split(',').filter_map(|part| part.split_whitespace().next());
    let codes: Vec<&str> = codes.filter(|code| code.parse::<i32>().is_ok()).collect();
    assert!(codes.len() >= 11, "{help}");
    let page = fs::read_to_string(repository().join("docs/exit-codes.md")).expect("the repository can be read");
    for code in codes {
        assert!(page.contains(&format!("\n| {code} | ")), "docs/exit-codes.md does not explain {code}");
    }
}

#[test]
fn every_answer_of_the_functions_is_explained() {
    let page = fs::read_to_string(repository().join("docs/functions.md")).expect("the repository can be read");
    for code in functions::answer::Code::ALL {
        let row = format!("\n| `{}` | {} | ", code.name(), code.status());
        assert!(page.contains(&row), "docs/functions.md does not explain {} with its status", code.name());
    }
    for function in functions::function::Function::ALL {
        assert!(page.contains(&format!("`{function}`")), "docs/functions.md does not name {function}");
    }
}

#[test]
fn every_setting_of_the_functions_is_explained() {
    let folder = repository().join("functions/src/settings");
    let read = |file: &str| fs::read_to_string(folder.join(file)).expect("the repository can be read");
    let source = ["functions.rs", "hot.rs", "objects.rs"].map(read).concat();
    // Between quotes: every second part.
    let quoted = source.split('"').skip(1).step_by(2);
    let is_name = |text: &&str| {
        text.contains('_')
            && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let names: std::collections::BTreeSet<&str> = quoted.filter(is_name).collect();
    assert!(names.len() >= 35, "the settings were not read: {names:?}");
    let page = fs::read_to_string(repository().join("docs/functions.md")).expect("the repository can be read");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/functions.md does not explain {name}");
    }
}
