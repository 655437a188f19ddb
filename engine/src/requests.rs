//! The clouds' own ids of requests, for whoever asks a cloud's support about a step later.
//!
//! An environment's clients tell of each request that may change something ([`note`]), from within the call of a step;
//! the engine puts the ids on the record of the step's end. A task-local value connects the two, so that neither steps nor
//! clients hand anything through.

use std::sync::{Arc, Mutex, PoisonError};

/// The most ids that a record holds: bulk steps make thousands of requests, and the last ones tell where they got to.
const MOST: usize = 16;

tokio::task_local! {
    static OF_STEP: Requests;
}

/// The ids of one step's requests, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

/// Notes the id of a request that a cloud has answered. Outside of a step's call it is nobody's.
pub fn note(id: &str) {
    // Nobody's: a command asks the cloud by itself.
    let _ = OF_STEP.try_with(|requests| requests.add(id));
}

impl Requests {
    /// Runs a step's call; what is noted meanwhile is the step's.
    pub(crate) async fn of<T>(&self, call: impl Future<Output = T>) -> T {
        OF_STEP.scope(self.clone(), call).await
    }

    /// The ids so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, id: &str) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() == MOST {
            ids.remove(0);
        }
        ids.push(id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_go_to_the_step_that_is_at_work_also_when_steps_take_turns() {
        let (one, other) = (Requests::default(), Requests::default());
        let call = async |name: &str| {
            for number in 0..3 {
                note(&format!("{name}-{number}"));
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(one.of(call("one")), other.of(call("other")));
        note("nobody's");
        assert_eq!(one.all(), ["one-0", "one-1", "one-2"]);
        assert_eq!(other.all(), ["other-0", "other-1", "other-2"]);
    }

    #[tokio::test]
    async fn of_many_the_last_are_kept() {
        let requests = Requests::default();
        requests.of(async { (0..40).for_each(|number| note(&number.to_string())) }).await;
        assert_eq!((requests.all().len(), requests.all()[15].as_str()), (MOST, "39"));
    }
}
