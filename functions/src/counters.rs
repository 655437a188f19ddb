//! What has happened in this process, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::{answer::Code, function::Function};

/// Counts of calls by function and code, and of pushes that were lost.
#[derive(Debug)]
pub struct Counters {
    calls: [[AtomicU64; Code::ALL.len()]; Function::ALL.len()],
    failed_pushes: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        let calls = std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { calls, failed_pushes: AtomicU64::new(0) }
    }
}

impl Counters {
    /// Counts a call.
    pub fn call(&self, function: Function, code: Code) {
        self.calls[function as usize][code as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a value that was stored and did not reach its twin.
    pub fn failed_push(&self) {
        self.failed_pushes.fetch_add(1, Ordering::Relaxed);
    }

    /// How many calls of a function ended with a code.
    #[must_use]
    pub fn calls(&self, function: Function, code: Code) -> u64 {
        self.calls[function as usize][code as usize].load(Ordering::Relaxed)
    }

    /// How many values were stored and did not reach their twin.
    #[must_use]
    pub fn failed_pushes(&self) -> u64 {
        self.failed_pushes.load(Ordering::Relaxed)
    }

    /// `{"calls": {"adt-pusher": {"updated": 3}}, "failedPushes": 0}`, without what never happened.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut calls = Map::new();
        for function in Function::ALL {
            let codes: Map<String, Value> = Code::ALL
                .iter()
                .map(|code| (code.name().to_owned(), self.calls(function, *code)))
                .filter(|(_, count)| *count > 0)
                .map(|(name, count)| (name, count.into()))
                .collect();
            if !codes.is_empty() {
                calls.insert(function.name().to_owned(), codes.into());
            }
        }
        json!({"calls": calls, "failedPushes": self.failed_pushes()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_and_code_has_a_count_of_its_own() {
        let counters = Counters::default();
        for function in Function::ALL {
            Code::ALL.iter().for_each(|code| counters.call(function, *code));
        }
        counters.call(Function::Persister, Code::TimedOut);
        for function in Function::ALL {
            for code in Code::ALL {
                let twice = function == Function::Persister && code == Code::TimedOut;
                assert_eq!(counters.calls(function, code), if twice { 2 } else { 1 }, "{function} {}", code.name());
            }
        }
    }

    #[test]
    fn what_never_happened_is_left_out() {
        let counters = Counters::default();
        counters.call(Function::AdtPusher, Code::Updated);
        counters.failed_push();
        assert_eq!(counters.to_json(), json!({"calls": {"adt-pusher": {"updated": 1}}, "failedPushes": 1}));
    }
}
