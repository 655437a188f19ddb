//! Verifying: is a stream whole, and does every record stand where it should?
//!
//! It works on raw lines, so it serves the store, a copy and an export alike, and it reports the first record that
//! does not hold.

use serde::{Deserialize, Serialize};

use crate::base::Base;
use crate::check::{Checked, Depth, Sound};
use crate::event::Digest;
use crate::merkle::{Hash, Tree};
use crate::record::{Head, Record, VERSION, genesis};
use crate::state::StreamState;

/// What a whole stream amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The first record that is left; 0 unless the stream was pruned.
    pub first: u64,
    /// How many records were ever appended to it.
    pub records: u64,
    /// The root of the Merkle tree over all of them.
    pub root: Hash,
    /// The newest one; absent when there is none.
    pub head: Option<Head>,
}

/// The first record that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("record {seq}: {kind}")]
pub struct Damage {
    /// The place in the stream where the damage shows.
    pub seq: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DamageKind {
    /// It is not a record at all.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// What the parser said.
        reason: String,
    },
    /// A newer version wrote it.
    #[error("it is of format {found}, newer than {VERSION}")]
    NewerFormat {
        /// Its version.
        found: u32,
    },
    /// Its contents are not what its hash says.
    #[error("its contents do not match its hash")]
    BadHash,
    /// Its hash is right, but its bytes are not in the canonical form.
    #[error("it is not in canonical form")]
    NotCanonical,
    /// It belongs to another stream.
    #[error("it belongs to the stream {found:?}")]
    ForeignStream {
        /// That stream.
        found: String,
    },
    /// The record that should stand here is gone.
    #[error("it is missing, record {found} stands in its place")]
    Missing {
        /// The sequence number of the record found instead.
        found: u64,
    },
    /// A record that belongs elsewhere in the stream stands here.
    #[error("record {found} stands in its place, out of order")]
    Reordered {
        /// The sequence number of the record found instead.
        found: u64,
    },
    /// It does not follow the record before it.
    #[error("it does not follow the record before it")]
    BadPrev,
    /// It is not a legal transition.
    #[error("it is not legal here: {reason}")]
    IllegalTransition {
        /// What forbids it.
        reason: String,
    },
    /// The stream ends before a head that is known to have existed.
    #[error("the stream ends before it, and record {} is known to have existed", known.seq)]
    Truncated {
        /// The known head.
        known: Head,
    },
    /// The stream ends before the size of a checkpoint.
    #[error("the stream ends before it, and a checkpoint covers {size} records")]
    Short {
        /// The checkpoint's size.
        size: u64,
    },
    /// The records up to here are not those that a checkpoint covers, though they agree with each other.
    #[error("the records up to it are not the {size} that the checkpoint with the root {root} covers")]
    OtherRoot {
        /// The checkpoint's size.
        size: u64,
        /// The checkpoint's root.
        root: Hash,
    },
    /// What a checkpoint covers was pruned: it takes the export to check it.
    #[error(
        "the records before {first} were pruned, so that a checkpoint of {first} or more, or their export, is needed"
    )]
    Pruned {
        /// The first record that is left.
        first: u64,
    },
    /// What stands for the pruned records is not what the record of the prune says.
    #[error("what stands for the pruned records does not hold: {reason}")]
    BadBase {
        /// What is wrong with it.
        reason: String,
    },
    /// The index of the runs tells other runs than the records do.
    #[error("the index of the runs says something else than the records up to it")]
    OtherIndex,
    /// The stream holds another record than the known one at that place.
    #[error("it is not the record that is known to stand there")]
    Rewritten {
        /// The known head.
        known: Head,
    },
}

/// What is known about a stream from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Records that are known to have stood in it.
    pub heads: Vec<Head>,
    /// Roots that are known of its first so many records: from signed checkpoints.
    pub roots: Vec<(u64, Hash)>,
}

/// Verifies raw lines against the name of their stream, and against what is known from elsewhere.
///
/// # Errors
/// The first [`Damage`], or what the source of the lines failed with.
pub fn verify<L, E>(
    stream: &str,
    lines: impl IntoIterator<Item = Result<L, E>>,
    known: &Known,
) -> Result<Report, Failure<E>>
where
    L: AsRef<str> + Sync,
{
    fold(stream, None, lines.into_iter(), Depth::Everything, known).map(|fold| fold.report())
}

/// Verifies an export: the lines of one stream from its first record on, whichever stream that is.
///
/// # Errors
/// As [`verify`].
pub fn verify_export<L, E>(
    lines: impl IntoIterator<Item = Result<L, E>>,
    known: &Known,
) -> Result<(String, Report), Failure<E>>
where
    L: AsRef<str> + Sync,
{
    let mut lines = lines.into_iter().peekable();
    let first = lines.peek().and_then(|line| line.as_ref().ok()).map(|line| parse(line.as_ref()));
    let bad = |kind| Damage { seq: 0, kind };
    let stream = match first {
        Some(record) => record.map_err(bad)?.stream,
        None => String::new(),
    };
    let report = verify(&stream, lines, known)?;
    Ok((stream, report))
}

/// Checks lines and folds them, from what a prune left (or from nothing) on.
pub(crate) fn fold<L, E>(
    stream: &str,
    base: Option<&Base>,
    lines: impl Iterator<Item = Result<L, E>>,
    depth: Depth,
    known: &Known,
) -> Result<Fold, Failure<E>>
where
    L: AsRef<str> + Sync,
{
    let fold = fold_part(stream, base, lines, depth, known)?;
    fold.ends(base, known)?;
    Ok(fold)
}

/// The same without a look at what comes before and after.
pub(crate) fn fold_part<L, E>(
    stream: &str,
    base: Option<&Base>,
    lines: impl Iterator<Item = Result<L, E>>,
    depth: Depth,
    known: &Known,
) -> Result<Fold, Failure<E>>
where
    L: AsRef<str> + Sync,
{
    let mut fold = Fold::from(base)?;
    let mut lines = Checked::new(lines, depth).peekable();
    fold.meets(known)?;
    while let Some(line) = lines.next() {
        let line = line.map_err(Failure::Source)?;
        let next = lines.peek().and_then(|line| line.as_ref().ok()?.as_ref().ok()).map(|sound| sound.record.seq);
        fold.take(stream, line, next, base)?;
        fold.meets(known)?;
    }
    Ok(fold)
}

/// What lines have added up to so far.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) state: StreamState,
    pub(crate) tree: Tree,
    first: u64,
    /// Whether a record was met that says what stands for the pruned ones.
    confirmed: bool,
}

impl Fold {
    fn from(base: Option<&Base>) -> Result<Self, Damage> {
        let Some(base) = base else {
            return Ok(Self { state: StreamState::default(), tree: Tree::default(), first: 0, confirmed: false });
        };
        let state = base.state().map_err(|reason| Damage { seq: base.size(), kind: DamageKind::BadBase { reason } })?;
        Ok(Self { state, tree: base.tree().clone(), first: base.size(), confirmed: false })
    }

    /// The sequence number that is due.
    pub(crate) fn due(&self) -> u64 {
        self.state.head.as_ref().map_or(0, |head| head.seq + 1)
    }

    fn take(
        &mut self,
        stream: &str,
        line: Result<Sound, DamageKind>,
        next: Option<u64>,
        base: Option<&Base>,
    ) -> Result<(), Damage> {
        let seq = self.due();
        let bad = |kind| Damage { seq, kind };
        let Sound { record, leaf } = line.map_err(bad)?;
        placed(&record, stream, self.state.head.as_ref(), next).map_err(bad)?;
        self.state.apply(&record).map_err(|illegal| bad(DamageKind::IllegalTransition { reason: illegal.reason }))?;
        if let (Some(said), Some(base)) = (&self.state.pruned, base.filter(|_| !self.confirmed)) {
            self.confirmed = base.confirmed(said).map_err(|reason| bad(DamageKind::BadBase { reason }))?;
        }
        if let Some(leaf) = leaf {
            self.tree.append(leaf);
        }
        Ok(())
    }

    /// Checks the newest record, and the root that it makes, against what is known of them.
    fn meets(&self, known: &Known) -> Result<(), Damage> {
        let Some(head) = &self.state.head else { return Ok(()) };
        let bad = |kind| Err(Damage { seq: head.seq, kind });
        if let Some(known) = known.heads.iter().find(|known| known.seq == head.seq && known.hash != head.hash) {
            return bad(DamageKind::Rewritten { known: known.clone() });
        }
        let size = self.tree.size();
        match known.roots.iter().find(|(of, _)| *of == size) {
            Some((_, root)) if *root != self.tree.root() => bad(DamageKind::OtherRoot { size, root: *root }),
            _ => Ok(()),
        }
    }

    /// Checks that nothing that is known lies behind the end, or before the beginning.
    fn ends(&self, base: Option<&Base>, known: &Known) -> Result<(), Damage> {
        let records = self.due();
        known.heads.iter().try_for_each(|known| reaches(Some(known), records))?;
        let bad = |kind| Err(Damage { seq: records, kind });
        if let Some((size, _)) = known.roots.iter().find(|(size, _)| *size > records) {
            return bad(DamageKind::Short { size: *size });
        }
        if let Some((size, _)) = known.roots.iter().find(|(size, _)| *size < self.first) {
            return Err(Damage { seq: *size, kind: DamageKind::Pruned { first: self.first } });
        }
        match base {
            Some(_) if !self.confirmed => {
                bad(DamageKind::BadBase { reason: "no record says that they were pruned".to_owned() })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn report(self) -> Report {
        Report { first: self.first, records: self.due(), root: self.tree.root(), head: self.state.head }
    }
}

/// Why a verification did not end in a report.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The stream is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The lines could not be had.
    #[error("the records could not be read")]
    Source(#[source] E),
}

/// Checks that a stream of so many records reaches a head that is known to have existed.
pub(crate) fn reaches(known: Option<&Head>, records: u64) -> Result<(), Damage> {
    match known {
        Some(known) if known.seq >= records => {
            Err(Damage { seq: records, kind: DamageKind::Truncated { known: known.clone() } })
        }
        _ => Ok(()),
    }
}

/// The record in a line, whatever its hash.
pub(crate) fn parse(line: &str) -> Result<Record, DamageKind> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    serde_json::from_str(line)
        .map_err(|error| match serde_json::from_str::<Version>(line) {
            Ok(Version { v }) if v > VERSION => DamageKind::NewerFormat { found: v },
            _ => DamageKind::Unreadable { reason: error.to_string() },
        })
        .and_then(|record: Record| match record.v {
            v if v > VERSION => Err(DamageKind::NewerFormat { found: v }),
            _ => Ok(record),
        })
}

/// Checks that a record stands where it should; `next` is the place that the line after it states.
pub(crate) fn placed(record: &Record, stream: &str, head: Option<&Head>, next: Option<u64>) -> Result<(), DamageKind> {
    if record.stream != stream {
        return Err(DamageKind::ForeignStream { found: record.stream.clone() });
    }
    let (found, due) = (record.seq, head.map_or(0, |head| head.seq + 1));
    if found != due {
        let swapped = found < due || next.is_some_and(|next| next < found);
        return Err(if swapped { DamageKind::Reordered { found } } else { DamageKind::Missing { found } });
    }
    let prev: Digest = head.map_or_else(|| genesis(stream), |head| head.hash.clone());
    if record.prev == prev { Ok(()) } else { Err(DamageKind::BadPrev) }
}
