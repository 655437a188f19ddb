//! `twinctl journal report`: one run as a page.

use audit::{Proof, report::html};

use super::{Looking, checkpoint, show::timeline, verify::journal_id};
use crate::{
    cli::Report,
    exit::Exit,
    failure::{self, Failure},
};

/// Writes it. The stream is verified first: a report of what does not hold is not to be had.
pub(super) fn report(at: Looking<'_>, options: &Report) -> failure::Result {
    let verified = checkpoint::verified(at)?;
    let timeline = timeline(at, &options.run)?;
    let signed = (!options.unsigned).then(|| checkpoint::sign(at, &verified, None)).transpose()?;
    let proof = Proof {
        stream: at.stream.to_owned(),
        journal: journal_id(at.reader)?.to_string(),
        from: verified.first,
        to: verified.records.saturating_sub(1),
        head: verified.head.map(|head| head.hash.0).unwrap_or_default(),
        root: Some(verified.root.0.iter().map(|byte| format!("{byte:02x}")).collect()),
        checkpoint: signed.map(|signed| signed.note),
        verified: true,
    };
    let page = html(&timeline, &proof);
    match &options.output {
        None => crate::output::raw(&page)?,
        Some(path) => {
            let unwritten = |error| Failure::of(Exit::Error, format!("write {}", path.display()), &error);
            std::fs::write(path, page).map_err(unwritten)?;
            at.output.say(&format!("the run {} is in {}", timeline.run, path.display()));
        }
    }
    Ok(Exit::Done)
}
