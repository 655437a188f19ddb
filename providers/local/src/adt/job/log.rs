//! The log of an import, in its output blob.

use std::io;

use serde::Serialize;
use serde_json::{Value, json};

use super::blobs::Output;
use super::finding::Finding;
use super::section::Section;

/// How grave a line of the log is.
#[derive(Clone, Copy, Debug, Serialize)]
enum Level {
    Info,
    Error,
}

/// A line, its members in the documented order.
#[derive(Debug, Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    #[serde(rename = "jobId")]
    job: &'a str,
    #[serde(rename = "jobType")]
    kind: &'a str,
    #[serde(rename = "logType")]
    level: Level,
    details: Value,
}

/// The log being written; lines are gathered, then written together.
#[derive(Debug)]
pub(super) struct Log {
    output: Output,
    job: String,
    text: Vec<u8>,
}

impl Log {
    /// The log of a job.
    pub(super) fn new(output: Output, job: &str) -> Self {
        Self { output, job: job.to_owned(), text: Vec::new() }
    }

    /// The job has this status.
    pub(super) fn status(&mut self, status: &str, at: &str) {
        self.line(level(status), json!({"status": status}), at);
    }

    /// A section has this status; with how many entities were refused.
    pub(super) fn section(&mut self, section: Section, status: &str, refused: u64, at: &str) {
        let mut details = json!({"section": section.name(), "status": status});
        if refused > 0 {
            details["errorCount"] = refused.into();
        }
        self.line(level(status), details, at);
    }

    /// Something is wrong with a line of the input.
    pub(super) fn finding(&mut self, section: Section, line: u64, finding: &Finding, at: &str) {
        let details =
            json!({"section": section.name(), "line": line, "exceptionType": finding.code, "message": finding.message});
        self.line(Level::Error, details, at);
    }

    /// Something ends the job.
    pub(super) fn failure(&mut self, code: &str, message: &str, at: &str) {
        self.line(Level::Error, json!({"exceptionType": code, "message": message}), at);
    }

    /// Writes what was gathered, and returns how many bytes the blob has then.
    pub(super) fn flush(&mut self) -> io::Result<u64> {
        if !self.text.is_empty() {
            self.output.bytes.write_all(&self.text)?;
            self.output.length += self.text.len() as u64;
            self.text.clear();
        }
        Ok(self.output.length)
    }

    /// How many bytes the blob has, without what waits to be written.
    pub(super) fn length(&self) -> u64 {
        self.output.length
    }

    /// How many bytes wait to be written.
    pub(super) fn pending(&self) -> usize {
        self.text.len()
    }

    fn line(&mut self, level: Level, details: Value, at: &str) {
        let line = Line { timestamp: at, job: &self.job, kind: "Import", level, details };
        serde_json::to_writer(&mut self.text, &line).expect("text and JSON are written into memory");
        self.text.push(b'\n');
    }
}

fn level(status: &str) -> Level {
    if status == "Failed" { Level::Error } else { Level::Info }
}
