//! Running an import.

use std::collections::VecDeque;
use std::io::Read;

use crate::adt::instance::Instance;
use crate::adt::ticks::Ticks;

use super::blobs::{BlobError, Blobs};
use super::entry::{Entry, Form};
use super::finding::Finding;
use super::input::{LINE_BYTES, Line, Lines};
use super::log::Log;
use super::record::{Failure, Job, Progress, Status, Work};
use super::seat::{Seat, Stop};
use super::section::Section;
use super::turn::{Item, Turn};
use super::{TURN, models};

/// Lines looked through before the job looks whether to go on.
const LOOK: u64 = 4096;
/// Bytes of the log, or of the input, that are gathered at most.
const GATHERED: usize = 256 * 1024;

/// An import that runs.
#[derive(Debug)]
struct Import<'a> {
    seat: &'a Seat,
    blobs: &'a dyn Blobs,
    input: &'a str,
    output: &'a str,
    progress: Progress,
    log: Log,
}

/// Imports what is left to import, and writes down how it ends.
pub(super) fn run(seat: &Seat, blobs: &dyn Blobs, input: &str, output: &str, progress: Progress) {
    let log = match begin(seat, blobs, output, progress) {
        Ok((log, progress)) => Import { seat, blobs, input, output, progress, log },
        Err(Stop::Left) => return,
        Err(Stop::Cancelled) => return seat.end(Status::Cancelled, None, |_| ()),
        Err(Stop::Failed(failure)) => return seat.end(Status::Failed, Some(failure), |_| ()),
    };
    log.run();
}

/// Opens the log as far as the job got with it, and has the job running.
fn begin(seat: &Seat, blobs: &dyn Blobs, output: &str, mut progress: Progress) -> Result<(Log, Progress), Stop> {
    let opened = blobs.append(output, progress.log).map_err(|error| stop("OutputBlobNotAccessible", &error))?;
    let mut log = Log::new(opened, &seat.id);
    if progress.log.is_none() {
        progress.log = Some(log.length());
        commit(seat, &progress)?;
    }
    if !progress.is_started {
        log.status("Started", &seat.runner.now().of_twin());
        progress.log = Some(log.flush().map_err(|error| Stop::of("OutputBlobNotAccessible", &error))?);
        progress.is_started = true;
        commit(seat, &progress)?;
    }
    Ok((log, progress))
}

/// Writes down how far the job is.
fn commit(seat: &Seat, progress: &Progress) -> Result<(), Stop> {
    seat.turn(|instance, job| {
        let job = with(job, progress.clone(), instance.now());
        instance.commit_turn(vec![seat.record(job)], 0).map_err(|error| Stop::of("InternalServerError", &error))
    })
}

/// The job's record with its progress.
fn with(job: Job, reached: Progress, now: Ticks) -> Job {
    let work = match job.work {
        Work::Import { input, output, .. } => Work::Import { input, output, progress: reached },
        other @ Work::Deletion { .. } => other,
    };
    Job { work, status: Status::Running, acted: now, ..job }
}

impl Import<'_> {
    fn run(mut self) {
        let (status, failure) = match self.work() {
            Err(Stop::Left) => return,
            Err(Stop::Cancelled) => (Status::Cancelled, None),
            Err(Stop::Failed(failure)) => {
                let at = self.at();
                self.log.failure(&failure.code, &failure.message, &at);
                (Status::Failed, Some(failure))
            }
            Ok(None) => (Status::Succeeded, None),
            Ok(Some(failure)) => (Status::Failed, Some(failure)),
        };
        let word = match status {
            Status::Cancelled => "Cancelled",
            Status::Failed => "Failed",
            _ => "Succeeded",
        };
        let at = self.at();
        self.log.status(word, &at);
        // The log is the place for what is wrong with the log; the record has its own word for it.
        let failure = match (self.log.flush(), failure) {
            (Err(error), None) if status == Status::Succeeded => {
                Some(Failure::new("OutputBlobNotAccessible", error.to_string()))
            }
            (_, failure) => failure,
        };
        let status = if failure.is_some() { Status::Failed } else { status };
        let progress = self.progress;
        self.seat.end(status, failure, |job| *job = with(job.clone(), progress.clone(), job.acted));
    }

    /// Looks through the input and imports it; says why the job has failed all the same.
    fn work(&mut self) -> Result<Option<Failure>, Stop> {
        if self.progress.etag.is_none()
            && let Some(failure) = self.look_through()?
        {
            return Ok(Some(failure));
        }
        self.import()?;
        let Progress { imported, refused, .. } = self.progress;
        Ok((refused > 0).then(|| {
            let of = imported + refused;
            let message = format!(
                "{refused} of {of} entities could not be imported, {imported} were. The log in {} names each with its line.",
                self.output
            );
            Failure::new("ImportJobFailed", message)
        }))
    }

    /// Looks at the form of every line before any is imported.
    fn look_through(&mut self) -> Result<Option<Failure>, Stop> {
        let input = self.blobs.read(self.input, 0).map_err(|error| stop("InputBlobNotAccessible", &error))?;
        let (mut lines, mut form, mut findings) = (Lines::new(input.bytes, 0, 0), Form::default(), 0_u64);
        loop {
            let found = match lines.next().map_err(|error| Stop::of("InputBlobNotAccessible", &error))? {
                None => break,
                Some(Line::Text(line)) => form.line(line),
                Some(Line::TooLong) => Err(form.too_long(LINE_BYTES)),
            };
            if let Err(finding) = found {
                findings += 1;
                self.report(lines.number, &finding)?;
            }
            if lines.number.is_multiple_of(LOOK) {
                self.seat.go_on()?;
            }
        }
        if let Err(finding) = form.end() {
            findings += 1;
            self.report(lines.number, &finding)?;
        }
        if findings == 0 {
            self.progress.etag = Some(input.etag);
            return Ok(None);
        }
        let at = self.at();
        self.log.section(Section::Models, "Failed", 0, &at);
        let message = format!("{findings} lines of the input are not what they should be. Nothing was imported.");
        Ok(Some(Failure::new("UnsupportedFileFormat", message)))
    }

    fn report(&mut self, line: u64, finding: &Finding) -> Result<(), Stop> {
        let at = self.at();
        self.log.finding(Section::Models, line, finding, &at);
        if self.log.pending() > GATHERED {
            self.log.flush().map_err(|error| Stop::of("OutputBlobNotAccessible", &error))?;
        }
        Ok(())
    }

    /// Imports from where the job is to the end.
    fn import(&mut self) -> Result<(), Stop> {
        let Progress { bytes, lines, .. } = self.progress;
        let input = self.blobs.read(self.input, bytes).map_err(|error| stop("InputBlobNotAccessible", &error))?;
        if self.progress.etag.as_ref() != Some(&input.etag) {
            let message = format!("The blob {} was replaced while the job was running.", self.input);
            return Err(Stop::Failed(Failure::new("InputBlobChanged", message)));
        }
        let mut lines = Lines::new(input.bytes, bytes, lines);
        let mut items = VecDeque::new();
        loop {
            match read(&mut lines, &mut items, self.progress.section)? {
                Next::More => self.entities(&mut items)?,
                Next::Section(section) => {
                    self.entities(&mut items)?;
                    self.enter(Some(section), (lines.bytes, lines.number))?;
                }
                Next::End => {
                    self.entities(&mut items)?;
                    return self.enter(None, (lines.bytes, lines.number));
                }
            }
        }
    }

    /// Leaves the present section and enters the next one.
    fn enter(&mut self, section: Option<Section>, (bytes, lines): (u64, u64)) -> Result<(), Stop> {
        let at = self.at();
        if let Some(left) = self.progress.section {
            let refused = self.progress.refused_in_section;
            self.log.section(left, if refused == 0 { "Succeeded" } else { "Failed" }, refused, &at);
        }
        if let Some(section) = section {
            self.log.section(section, "Started", 0, &at);
        }
        self.progress = Progress { bytes, lines, section, refused_in_section: 0, models: 0, ..self.progress.clone() };
        self.turn(|_, _, _, _| Ok(()))
    }

    fn entities(&mut self, items: &mut VecDeque<Item>) -> Result<(), Stop> {
        match self.progress.section {
            Some(Section::Models) => self.models(std::mem::take(items).into()),
            Some(section) => self.turns(section, items),
            None => Ok(()),
        }
    }

    /// Imports all models of the input. The place in the input is not moved before all are done.
    fn models(&mut self, items: Vec<Item>) -> Result<(), Stop> {
        let mut items = models::ordered(items).into_iter().skip(self.progress.models).peekable();
        while items.peek().is_some() {
            let items: Vec<_> = items.by_ref().take(TURN).collect();
            self.turn(|progress, log, instance, turn| {
                let (count, now) = (items.len(), instance.now());
                let (change, findings) = models::change(&instance.state, items, now);
                progress.models += count;
                progress.refuse(findings.len());
                progress.imported += (count - findings.len()) as u64;
                for (line, finding) in &findings {
                    log.finding(Section::Models, *line, finding, &now.of_twin());
                }
                turn.added = count - findings.len();
                turn.changes.extend(change);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Imports twins or relationships, some in each turn.
    fn turns(&mut self, section: Section, items: &mut VecDeque<Item>) -> Result<(), Stop> {
        while !items.is_empty() {
            self.turn(|progress, log, instance, turn| {
                let now = instance.now();
                for item in items.drain(..items.len().min(TURN)) {
                    let line = item.line;
                    (progress.bytes, progress.lines) = (item.end, line);
                    match turn.add(&instance.state, section, item, now) {
                        Ok(()) => progress.imported += 1,
                        Err(finding) => {
                            progress.refuse(1);
                            log.finding(section, line, &finding, &now.of_twin());
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Does some work while the instance is held, then writes the log, then commits the work with the progress.
    fn turn(
        &mut self,
        work: impl FnOnce(&mut Progress, &mut Log, &Instance, &mut Turn) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Self { seat, progress, log, .. } = self;
        seat.turn(|instance, job| {
            let mut turn = Turn::default();
            work(progress, log, instance, &mut turn)?;
            progress.log = Some(log.flush().map_err(|error| Stop::of("OutputBlobNotAccessible", &error))?);
            let now = instance.now();
            turn.changes.push(seat.record(with(job, progress.clone(), now)));
            instance.commit_turn(turn.changes, turn.added).map_err(|error| Stop::of("InternalServerError", &error))
        })
    }

    /// The present moment, as the log has it.
    fn at(&self) -> String {
        self.seat.runner.now().of_twin()
    }
}

impl Progress {
    fn refuse(&mut self, count: usize) {
        self.refused += count as u64;
        self.refused_in_section += count as u64;
    }
}

/// What comes after the entities that were read.
enum Next {
    More,
    Section(Section),
    End,
}

/// Reads on to the end of a turn or of a section; of models, to the end of the section.
fn read(lines: &mut Lines<impl Read>, items: &mut VecDeque<Item>, section: Option<Section>) -> Result<Next, Stop> {
    let mut size = 0;
    loop {
        let line = lines.next().map_err(|error| Stop::of("InputBlobNotAccessible", &error))?;
        let text = match line {
            None => return Ok(Next::End),
            Some(Line::Text(text)) => text,
            // No such line came through when the form was looked at.
            Some(Line::TooLong) => continue,
        };
        let length = text.len();
        match Entry::read(text) {
            Entry::Section(section) => return Ok(Next::Section(section)),
            Entry::Header => {}
            Entry::Entity(entity) if section.is_some() => {
                items.push_back(Item { line: lines.number, end: lines.bytes, size: length, entity });
            }
            // The header's content.
            Entry::Entity(_) => {}
        }
        size += length;
        let is_full = items.len() >= TURN || size > GATHERED;
        if is_full && section != Some(Section::Models) {
            return Ok(Next::More);
        }
    }
}

fn stop(code: &str, error: &BlobError) -> Stop {
    Stop::of(code, error)
}
