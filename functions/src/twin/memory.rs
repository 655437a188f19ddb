//! What is remembered of idle twins, within bounds.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::Arc,
};

use tokio::time::Instant;

use super::{known::Known, pace::Pace};

/// What is remembered of one twin.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) known: Option<Known>,
    pub(super) pace: Pace,
    /// Until when the instance wants no more requests on the twin.
    pub(super) closed: Option<Instant>,
}

impl Memory {
    /// Whether forgetting it would send a request that must not be sent yet.
    fn matters(&self, now: Instant) -> bool {
        self.pace.matters(now) || self.closed.is_some_and(|until| until > now)
    }
}

/// Memories of two generations: a twin that is used moves to the young one; when that is full, the old one is forgotten
/// and the young one grows old. So the least recently used go first, without a list to keep in order.
#[derive(Debug)]
pub(super) struct Memories {
    young: HashMap<Arc<str>, Memory>,
    old: HashMap<Arc<str>, Memory>,
    /// How many make a generation full.
    half: usize,
}

impl Memories {
    /// Room for about `capacity` twins.
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// Takes what is remembered of a twin out.
    pub(super) fn take(&mut self, twin: &str) -> Option<(Arc<str>, Memory)> {
        self.young.remove_entry(twin).or_else(|| self.old.remove_entry(twin))
    }

    /// Puts what is known of a twin in, as the most recently used.
    pub(super) fn put(&mut self, twin: Arc<str>, memory: Memory, now: Instant) {
        if self.young.len() >= self.half {
            let young = mem::take(&mut self.young);
            let forgotten = mem::replace(&mut self.old, young);
            // Those that have just been asked are few: the bound holds but for a second's work.
            self.young.extend(forgotten.into_iter().filter(|(_, memory)| memory.matters(now)));
        }
        match self.young.entry(twin) {
            Entry::Occupied(mut entry) => drop(entry.insert(memory)),
            Entry::Vacant(entry) => drop(entry.insert(memory)),
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn put(memories: &mut Memories, twin: usize, memory: Memory, now: Instant) {
        memories.put(twin.to_string().into(), memory, now);
    }

    #[test]
    fn the_least_recently_used_are_forgotten() {
        let now = Instant::now();
        let mut memories = Memories::new(100);
        for twin in 0..1_000 {
            put(&mut memories, twin, Memory::default(), now);
            let (key, memory) = memories.take("0").expect("it is always in use");
            memories.put(key, memory, now);
            assert!(memories.len() <= 100);
        }
        assert!(memories.take("1").is_none());
        assert!((960..1_000).all(|twin| memories.take(&twin.to_string()).is_some()));
    }

    #[test]
    fn a_pace_is_kept_as_long_as_it_matters() {
        let now = Instant::now();
        let mut memories = Memories::new(4);
        let closed = Memory { closed: Some(now + Duration::from_secs(60)), ..Memory::default() };
        put(&mut memories, 0, closed, now);
        (1..100).for_each(|twin| put(&mut memories, twin, Memory::default(), now));
        assert!(memories.take("0").is_some());
    }
}
