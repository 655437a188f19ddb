//! Checks files of models, all as one set, and prints each problem with its place, its rule and what would do.
//!
//! ```sh
//! cargo run -p twinctl-dtdl --example check -- [--language] <file>...
//! ```
//!
//! Azure Digital Twins' rules hold; with `--language` the language's own. Ends with code 1 when there are problems, with 2 when a
//! file cannot be read.

use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, fs};

use dtdl::{Document, Models, Problem, Rules};

/// A file that was given.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

fn main() -> ExitCode {
    let (options, names): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let rules = if options.iter().any(|option| option == "--language") { Rules::Language } else { Rules::Adt };
    let files: io::Result<Vec<File>> =
        names.into_iter().map(|name| Ok(File { text: fs::read_to_string(&name)?, name })).collect();
    let checked = files.and_then(|files| check(rules, &files, &mut io::stdout().lock()));
    match checked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the models of all files are valid together; what is wrong is written.
pub(crate) fn check(rules: Rules, files: &[File], out: &mut dyn Write) -> io::Result<bool> {
    let mut documents = Vec::new();
    // The file of each document: a problem says which document it is in.
    let mut read = Vec::new();
    let mut valid = true;
    for file in files {
        match Document::from_text(&file.text) {
            Ok(document) => {
                documents.push(document);
                read.push(file);
            }
            Err(problems) => {
                valid = false;
                problems.iter().try_for_each(|problem| show(file, problem, out))?;
            }
        }
    }
    match Models::parse(rules, &documents) {
        Ok(models) => writeln!(out, "valid: {} model(s)", models.len())?,
        Err(problems) => {
            valid = false;
            problems.iter().try_for_each(|problem| show(read[problem.document], problem, out))?;
        }
    }
    Ok(valid)
}

fn show(file: &File, problem: &Problem, out: &mut dyn Write) -> io::Result<()> {
    let start = problem.span.as_ref().map_or(0, |span| span.start);
    let (line, column) = place(&file.text, start);
    writeln!(out, "{}:{line}:{column}: {} [{}]", file.name, problem.message, problem.rule)?;
    writeln!(out, "  help: {}", problem.remedy)
}

/// The line and the column of a byte, both from 1, the column in characters.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}
