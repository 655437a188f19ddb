//! The interface: `/jobs/imports` and `/jobs/deletions`.

use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::StatusCode;
use axum::http::header::HeaderName;
use serde_json::Value;
use uuid::Uuid;

use crate::adt::answer::{Refusal, Reply};
use crate::adt::call::{Call, Version};
use crate::adt::change::Change;
use crate::adt::instance::{Done, Instance};
use crate::adt::state::State;
use crate::adt::{limits, page, twin};

use super::record::{Family, Job, Progress, Status, Work};
use super::runner::Runner;

/// Minutes that a deletion may take: by default, at least, at most.
const TIMEOUT: (i64, i64, i64) = (12 * 60, 15, 24 * 60);

/// Answers a call below `/jobs`.
pub(in crate::adt) fn answer(
    instance: &Arc<RwLock<Instance>>,
    runner: &Arc<Runner>,
    call: &Call<'_>,
    path: &[&str],
) -> Result<Reply, Refusal> {
    let read = || instance.read().unwrap_or_else(PoisonError::into_inner);
    let write = || instance.write().unwrap_or_else(PoisonError::into_inner);
    refuse_version(call, path)?;
    match (call.method.as_str(), path) {
        ("GET", ["imports"]) => list(&read(), call, Family::Imports),
        ("GET", ["imports", id]) => get(&read(), Family::Imports, id),
        ("DELETE", ["imports", id]) => delete(&mut write(), id),
        ("POST", ["imports", id, "cancel"]) => cancel(&mut write(), id),
        ("PUT", ["imports", id]) => {
            let reply = import(&mut write(), runner, call, id)?;
            runner.start(Arc::downgrade(instance), Family::Imports, id);
            Ok(reply)
        }
        ("GET", ["deletions"]) => list(&read(), call, Family::Deletions),
        ("GET", ["deletions", id]) => get(&read(), Family::Deletions, id),
        ("POST", ["deletions"]) => {
            let id = call.header("operation-id").map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
            let reply = deletion(&mut write(), call, &id)?;
            runner.start(Arc::downgrade(instance), Family::Deletions, &id);
            Ok(reply)
        }
        (method, path) => Err(Refusal::not_implemented(format_args!("{method} /jobs/{}", path.join("/")))),
    }
}

/// Imports came with 2023-06-30, deletions with 2023-10-31; before, there is no such resource.
fn refuse_version(call: &Call<'_>, path: &[&str]) -> Result<(), Refusal> {
    let since = match path.first() {
        Some(&"deletions") => Version::V2023_10_31,
        _ => Version::V2023_06_30,
    };
    if call.version >= since { Ok(()) } else { Err(call.unsupported_version()) }
}

fn list(instance: &Instance, call: &Call<'_>, family: Family) -> Result<Reply, Refusal> {
    let (now, after) = (instance.now(), page::start(call).to_owned());
    let jobs = instance.state.jobs.range((Bound::Excluded((family, after)), Bound::Unbounded));
    let jobs = jobs.take_while(|((of, _), _)| *of == family).filter(|(_, job)| !job.is_purged(now));
    let entries = jobs.map(|((_, id), job)| (id.clone(), job.document(id)));
    Ok(Reply::document(page::page(call, limits::LIST_PAGE, entries)?))
}

fn get(instance: &Instance, family: Family, id: &str) -> Result<Reply, Refusal> {
    Ok(Reply::document(find(instance, family, id)?.document(id)))
}

fn import(instance: &mut Instance, runner: &Runner, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    twin::check_id(id)?;
    let blobs = runner.blobs().ok_or_else(|| Refusal::not_implemented("import jobs without blob storage"))?;
    let body = call.json()?.unwrap_or_default();
    let uri = |member: &str| {
        let uri = body.get(member).and_then(Value::as_str);
        let uri = uri.ok_or_else(|| Refusal::argument(format!("The {member} field is required.")))?;
        if blobs.names_blob(uri) { Ok(uri.to_owned()) } else { Err(bad_uri(uri)) }
    };
    let (input, output) = (uri("inputBlobUri")?, uri("outputBlobUri")?);
    if input == output {
        return Err(Refusal::argument("The inputBlobUri and the outputBlobUri must name two different blobs."));
    }
    if find(instance, Family::Imports, id).is_ok() {
        let message = format!("A job with the ID {id} exists already. Please use another ID.");
        return Err(Refusal::new(StatusCode::CONFLICT, "JobIdAlreadyExists", message).without_code_header());
    }
    refuse_second(&instance.state, "import")?;
    let work = Work::Import { input, output, progress: Progress::default() };
    Ok(Reply::created(add(instance, Family::Imports, id, work)?))
}

fn deletion(instance: &mut Instance, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    twin::check_id(id)?;
    let timeout_minutes = timeout(call)?;
    if find(instance, Family::Deletions, id).is_ok() {
        return Err(Refusal::bad("ValidationFailed", format!("The Operation-Id {id} already exists.")));
    }
    refuse_second(&instance.state, "delete")?;
    let shown = add(instance, Family::Deletions, id, Work::Deletion { timeout_minutes })?;
    let place = call.url(&["jobs", "deletions", id]);
    let reply = Reply::accepted(shown).with(HeaderName::from_static("operation-location"), place);
    Ok(reply.with(HeaderName::from_static("operation-id"), id.to_owned()))
}

fn timeout(call: &Call<'_>) -> Result<i64, Refusal> {
    let (default, least, most) = TIMEOUT;
    let Some(asked) = call.parameter("timeoutInMinutes") else { return Ok(default) };
    let minutes = asked.parse().ok().filter(|minutes| (least..=most).contains(minutes));
    minutes.ok_or_else(|| {
        Refusal::argument(format!("The timeoutInMinutes {asked} is not valid: from {least} to {most} are allowed."))
    })
}

/// Stores a new job, with those forgotten that have been kept long enough.
fn add(instance: &mut Instance, family: Family, id: &str, work: Work) -> Result<Value, Refusal> {
    let now = instance.now();
    let purged = instance.state.jobs.iter().filter(|(_, job)| job.is_purged(now)).map(|(key, _)| key.clone());
    let mut changes: Vec<_> = purged.map(|(family, id)| Change::DeleteJob(family, id)).collect();
    let job = Job::new(work, now);
    let shown = job.document(id);
    changes.push(Change::PutJob(family, id.to_owned(), Box::new(job)));
    let done = match family {
        Family::Imports => Done::new("PutImportJob", format!("jobs/imports/{id}")),
        Family::Deletions => Done::new("PutDeletionJob", format!("jobs/deletions/{id}")),
    };
    instance.commit(Change::Turn(changes), &[done])?;
    Ok(shown)
}

/// A job that has ended stays as it is.
fn cancel(instance: &mut Instance, id: &str) -> Result<Reply, Refusal> {
    let mut job = find(instance, Family::Imports, id)?.clone();
    if job.is_open() && job.status != Status::Cancelling {
        (job.status, job.acted) = (Status::Cancelling, instance.now());
        let done = Done::new("CancelImportJob", format!("jobs/imports/{id}"));
        instance.commit(Change::PutJob(Family::Imports, id.to_owned(), Box::new(job.clone())), &[done])?;
    }
    Ok(Reply::document(job.document(id)))
}

fn delete(instance: &mut Instance, id: &str) -> Result<Reply, Refusal> {
    if find(instance, Family::Imports, id)?.is_open() {
        let message = format!("The job {id} has not ended. Cancel it first.");
        return Err(Refusal::bad("ValidationFailed", message));
    }
    let done = Done::new("DeleteImportJob", format!("jobs/imports/{id}"));
    instance.commit(Change::DeleteJob(Family::Imports, id.to_owned()), &[done])?;
    Ok(Reply::nothing())
}

fn find<'a>(instance: &'a Instance, family: Family, id: &str) -> Result<&'a Job, Refusal> {
    let found = instance.state.jobs.get(&(family, id.to_owned())).filter(|job| !job.is_purged(instance.now()));
    found.ok_or_else(|| {
        let message = format!("There is no job with the ID {id}.");
        Refusal::new(StatusCode::NOT_FOUND, "JobNotFound", message).without_code_header()
    })
}

/// An instance has one bulk job at a time, of whatever kind.
fn refuse_second(state: &State, kind: &str) -> Result<(), Refusal> {
    if state.jobs.values().any(Job::is_open) {
        let message = format!("The maximum number of {kind} jobs allowed has been reached: one bulk job at a time.");
        return Err(Refusal::bad("JobLimitReached", message));
    }
    Ok(())
}

fn bad_uri(uri: &str) -> Refusal {
    Refusal::argument(format!(
        "Azure Storage Blob URI '{uri}' failed validation. It must be https, name a storage account, a container and a blob."
    ))
}
