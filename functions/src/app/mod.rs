//! The functions of one process: built when they are first called, from the process's settings.

mod clients;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use clients::Clients;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler},
    counters::Counters,
    function::Function,
    settings::Environment,
};

/// The functions of one process.
///
/// Nothing is read when it is made: a setting that is missing or malformed fails the calls that need it, each with an
/// answer that names it, and the process lives on. Functions share connections, tokens and the writers of twins.
pub struct App {
    settings: BTreeMap<String, String>,
    root: PathBuf,
    handlers: [OnceLock<Arc<dyn Handler>>; Function::ALL.len()],
    clients: Mutex<Clients>,
    counters: Arc<Counters>,
}

impl App {
    /// An app over the settings in its environment; `root` is the folder of its package.
    #[must_use]
    pub fn new(settings: BTreeMap<String, String>, root: impl Into<PathBuf>) -> Self {
        let counters = Arc::<Counters>::default();
        let clients =
            Mutex::new(Clients::new(Arc::clone(&counters), Environment::new(&settings, Path::new("")).cloud()));
        Self { settings, root: root.into(), handlers: Default::default(), clients, counters }
    }

    /// The same with a function that is there already, whatever the settings say.
    #[must_use]
    pub fn with(self, function: Function, handler: Arc<dyn Handler>) -> Self {
        // An earlier one stays: the app has not been called yet, so there is none.
        let _ = self.handlers[function as usize].set(handler);
        self
    }

    /// Calls a function.
    pub async fn call(&self, function: Function, call: Call) -> Answer {
        let deadline = call.deadline.into();
        let answer = match self.handler(function) {
            Ok(handler) => tokio::time::timeout_at(deadline, handler.call(call)).await.unwrap_or_else(|_| late()),
            Err(answer) => answer,
        };
        self.counters.call(function, answer.code);
        answer
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn handler(&self, function: Function) -> Result<&Arc<dyn Handler>, Answer> {
        let place = &self.handlers[function as usize];
        if let Some(handler) = place.get() {
            return Ok(handler);
        }
        // One builds at a time, so that what is shared is made once.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        match place.get() {
            Some(handler) => Ok(handler),
            None => {
                let built = clients.build(function, &self.settings, &self.root)?;
                Ok(place.get_or_init(|| built))
            }
        }
    }
}

fn late() -> Answer {
    Answer::new(Code::TimedOut, "the function did not finish in time")
}
