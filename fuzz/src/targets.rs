//! What the fuzz targets do with an input, and what comes of it in one line. The corpus is replayed through the same code
//! by a test of the functions.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use functions::{
    answer::Answer,
    call::{Call, Handler, What},
    dispatcher::{Dispatcher, Next},
    function::Function,
    history::{History, Range, Stored},
    host::{azure::invocation, lambda::event},
    hot_reader::{HotReader, Source},
    item::Item,
    persister::Persister,
    settings::{
        AdtPusher, AdtUpdater, ArchiveWriter, ColdWriter, Dispatcher as DispatcherSettings, Environment, Error,
        HotReader as HotReaderSettings, HotWriter, Ingestion, Persister as PersisterSettings, Secret,
    },
    storage::Store,
};
use serde_json::Value;

const TOKEN: &str = "a-token";

/// The body of a POST to a function: the envelope, or a bare body.
pub fn envelope(input: &[u8]) -> String {
    let what = What::Post { token: Some(Secret::new(TOKEN)), body: input.to_vec() };
    answer(&persister(), what)
}

/// Events as Event Grid delivers them: one, or a list.
pub fn event_grid(input: &[u8]) -> String {
    let events = match serde_json::from_slice(input) {
        Ok(Value::Array(events)) => events,
        Ok(event) => vec![event],
        Err(_) => return "no JSON".into(),
    };
    dispatched(events)
}

/// The body of an invocation by the Functions host, read for either trigger.
pub fn invocation(input: &[u8]) -> String {
    let http = match invocation::post(input) {
        Ok(post) => {
            let shown = if post.token.is_some() { "a token" } else { "no token" };
            format!("{} with {shown} and {} bytes", post.method, post.body.len())
        }
        Err(error) => error.to_string(),
    };
    let events = invocation::events(input).map_or_else(|error| error.to_string(), dispatched);
    format!("{http} | {events}")
}

/// The event of an invocation by Lambda's runtime, read by a function with storage and by the reader.
pub fn lambda(input: &[u8]) -> String {
    let outcome = |function: Function, handler: &dyn Handler| match event::read(function, input) {
        event::Event::Url(Ok(what)) => format!("a request: {}", answer(handler, what)),
        event::Event::Url(Err(answer)) => format!("a request: {}", answer.code.name()),
        event::Event::Direct(Ok(what)) => answer(handler, what),
        event::Event::Direct(Err(answer)) => answer.code.name().to_owned(),
    };
    let reader = HotReader::new(Some(Secret::new(TOKEN)), Source::Own(Arc::new(Anything)));
    format!("{} | {}", outcome(Function::Persister, &persister()), outcome(Function::HotReader, &reader))
}

/// An environment, `NAME=value` per line, as each function reads it.
pub fn settings(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let values: BTreeMap<String, String> = pairs.map(|(name, value)| (name.into(), value.into())).collect();
    let environment = Environment::new(&values, Path::new("/nowhere"));
    let read: [(&str, Option<Error>); 9] = [
        ("adt-pusher", AdtPusher::from_app_settings(environment).err()),
        ("adt-updater", AdtUpdater::from_app_settings(environment).err()),
        ("archive-writer", ArchiveWriter::from_app_settings(environment).err()),
        ("cold-writer", ColdWriter::from_app_settings(environment).err()),
        ("dispatcher", DispatcherSettings::from_app_settings(environment).err()),
        ("hot-reader", HotReaderSettings::from_app_settings(environment).err()),
        ("hot-writer", HotWriter::from_app_settings(environment).err()),
        ("ingestion", Ingestion::from_app_settings(environment).err()),
        ("persister", PersisterSettings::from_app_settings(environment).err()),
    ];
    let problems = read.into_iter().filter_map(|(function, error)| Some(format!("{function} {}", problem(&error?))));
    let problems: Vec<String> = problems.collect();
    if problems.is_empty() { "all read".into() } else { problems.join(", ") }
}

fn problem(error: &Error) -> String {
    let kind = match error {
        Error::Missing(_) => "misses",
        Error::Malformed { .. } => "cannot read",
        Error::Unreadable { .. } => "has no file for",
    };
    format!("{kind} {}", error.name())
}

fn dispatched(events: Vec<Value>) -> String {
    answer(&Dispatcher::new(Next::Persister(Arc::new(persister()))), What::Events(events))
}

fn persister() -> Persister {
    Persister::new(Some(Secret::new(TOKEN)), Arc::new(Anything), None, Arc::default())
}

/// The code of the answer, and the place that it names. Its text must not hold what was sent.
fn answer(function: &dyn Handler, what: What) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("it takes no resources");
    let deadline = Instant::now() + Duration::from_secs(60);
    let Answer { code, details, .. } = runtime.block_on(function.call(Call { what, deadline }));
    match details.get("at").and_then(Value::as_str) {
        Some(at) => format!("{} at {at:?}", code.name()),
        None => code.name().to_owned(),
    }
}

/// Storage that takes anything; the document is made all the same.
struct Anything;

#[async_trait]
impl Store for Anything {
    async fn store(&self, item: &Item, _: Instant) -> Result<(), Answer> {
        assert_eq!(item.document()["id"], item.id);
        Ok(())
    }
}

/// Storage with one item, which is within every range.
#[async_trait]
impl History for Anything {
    async fn page(&self, range: &Range, _: Instant) -> Result<Vec<Stored>, Answer> {
        if range.after.is_some() {
            return Ok(Vec::new());
        }
        let values = [("temperature".to_owned(), 21.5.into())].into_iter().collect();
        Ok(vec![Stored { id: range.from.clone(), time: "2026-11-23T10:15:30Z".into(), values }])
    }
}
