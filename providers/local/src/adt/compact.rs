//! Rewriting an instance's file without what was superseded, while the instance is in use.
//!
//! Live data writes the same twins over and over; the file must not grow with it for ever. The new file is written
//! beside the old one in short turns, so that no request waits for the whole. It holds, in this order: models, routes,
//! endpoints and jobs as they were at one moment; every twin and relationship as it was some time later; every change since
//! that moment. Replaying the changes over later twins ends in the same state, since a change writes a thing whole,
//! whatever was there. Until it is renamed over the old file nothing depends on it, so a kill at any time loses nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, Weak};

use crate::lines::Fresh;

use super::change::Change;
use super::instance::Instance;
use super::name::Name;

/// A file smaller than this, in bytes, is left alone.
pub(super) const FLOOR: u64 = 64 * 1024 * 1024;
/// How many times as large as what is live a file may grow.
const FACTOR: u64 = 4;
/// Twins or relationships written in one turn, while changes wait.
const TURN: usize = 256;
/// How many bytes of changes may be left to copy, while changes wait, when the files are exchanged.
const REST: u64 = 64 * 1024;

/// The length from which on a file is rewritten again that is `length` bytes long now, nothing of it superseded.
pub(super) fn limit(length: u64) -> u64 {
    length.saturating_mul(FACTOR).max(FLOOR)
}

/// Rewrites the file on a thread of its own; [`Instance::exchange`] tells the instance how it ended.
pub(super) fn start(instance: Weak<RwLock<Instance>>) -> io::Result<()> {
    let run = move || {
        let Some(instance) = instance.upgrade() else { return };
        if let Err(error) = rewrite(&instance) {
            tracing::warn!(%error, "an instance's file could not be compacted");
            instance.write().unwrap_or_else(PoisonError::into_inner).postpone();
        }
    };
    std::thread::Builder::new().name("compact".to_owned()).spawn(run).map(drop)
}

/// Writes the new file and puts it in the old one's place.
pub(super) fn rewrite(instance: &RwLock<Instance>) -> io::Result<()> {
    let Some((mut fresh, mut old)) = begin(instance)? else { return Ok(()) };
    twins(instance, &mut fresh)?;
    relationships(instance, &mut fresh)?;
    loop {
        let rest = read(instance).length() - old.stream_position()?;
        if rest <= REST {
            break;
        }
        fresh.copy(&mut (&mut old).take(rest))?;
    }
    instance.write().unwrap_or_else(PoisonError::into_inner).exchange(fresh, &mut old)
}

/// Begins the new file and opens the old one where the changes since will stand; nothing when it was deleted.
fn begin(instance: &RwLock<Instance>) -> io::Result<Option<(Fresh, File)>> {
    let instance = read(instance);
    if instance.is_deleted() {
        return Ok(None);
    }
    let mut fresh = Fresh::beside(instance.path())?;
    instance.state.foundation().try_for_each(|change| fresh.append(&change))?;
    let mut old = File::open(instance.path())?;
    old.seek(SeekFrom::Start(instance.length()))?;
    Ok(Some((fresh, old)))
}

fn twins(instance: &RwLock<Instance>, fresh: &mut Fresh) -> io::Result<()> {
    let mut from = Bound::Unbounded;
    loop {
        let instance = read(instance);
        let mut last = None;
        for (id, twin) in instance.state.twins.range((from, Bound::Unbounded)).take(TURN) {
            fresh.append(&Change::PutTwin(id.clone(), twin.clone()))?;
            last = Some(id.clone());
        }
        let Some(last) = last else { return Ok(()) };
        from = Bound::Excluded(last);
    }
}

fn relationships(instance: &RwLock<Instance>, fresh: &mut Fresh) -> io::Result<()> {
    let mut from: Bound<(Name, Name)> = Bound::Unbounded;
    loop {
        let instance = read(instance);
        let mut last = None;
        for (key, one) in instance.state.relationships.range((from, Bound::Unbounded)).take(TURN) {
            fresh.append(&Change::PutRelationship(key.0.clone(), key.1.clone(), one.clone()))?;
            last = Some(key.clone());
        }
        let Some(last) = last else { return Ok(()) };
        from = Bound::Excluded(last);
    }
}

fn read(instance: &RwLock<Instance>) -> RwLockReadGuard<'_, Instance> {
    instance.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
