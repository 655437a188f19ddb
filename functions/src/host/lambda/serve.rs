//! One invocation after the other, until it is told to stop or the runtime is gone.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::poll;
use tokio::time::sleep;

use super::{
    Options,
    event::{self, Event},
    response::{self, Outcome},
    runtime::{Error, Invocation, Runtime},
};
use crate::{
    answer::{Answer, Code},
    app::App,
    call::{Call, What},
    function::Function,
    host::azure::log,
};

/// The pause before the runtime is asked again after it could not be reached.
const PAUSE: Duration = Duration::from_millis(50);

/// The time of an invocation whose runtime does not say when it ends: Lambda's own default.
const TIME: Duration = Duration::from_secs(3);

/// Serves the invocations of the function that `handler` names, from the runtime at `address` (`host:port`), until `stop`.
/// An invocation that is in flight then is finished first.
///
/// # Errors
/// [`Error`] when the runtime is out of reach for longer than the options say.
pub async fn serve(
    address: String,
    handler: &str,
    app: Arc<App>,
    options: Options,
    stop: impl Future<Output = ()>,
) -> Result<Ended, Error> {
    let mut runtime = Runtime::new(address);
    let Some(function) = Function::from_name(handler) else {
        tracing::error!(handler, "no such function");
        runtime.fail_start("not-found", "the handler names no function of this program").await?;
        return Ok(Ended::NoFunction);
    };
    let mut stop = pin!(stop);
    let mut lost: Option<Instant> = None;
    while poll!(&mut stop).is_pending() {
        let next = tokio::select! {
            biased;
            next = runtime.next() => next,
            () = &mut stop => break,
        };
        match next {
            Ok(invocation) => {
                lost = None;
                finish(&mut runtime, &app, function, options, invocation).await;
            }
            Err(error) => {
                let since = *lost.get_or_insert_with(Instant::now);
                if since.elapsed() > options.patience {
                    return Err(error);
                }
                tracing::warn!(%error, "runtime out of reach");
                sleep(PAUSE).await;
            }
        }
    }
    Ok(Ended::Stopped)
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// The handler names no function.
    NoFunction,
}

/// Does what an invocation asks for, and tells the runtime how it ended.
async fn finish(runtime: &mut Runtime, app: &Arc<App>, function: Function, options: Options, invocation: Invocation) {
    let outcome = outcome(app, function, options, &invocation).await;
    let told = match &outcome {
        Outcome::Done(document) => runtime.respond(&invocation.id, document).await,
        Outcome::Failed { kind, message } => runtime.fail(&invocation.id, kind, message).await,
    };
    match told {
        Ok(200..=299) => {}
        // It came too late, or is too large for Lambda: the invocation has failed by itself then.
        Ok(status) => tracing::error!(status, invocation = invocation.id, "outcome refused"),
        Err(error) => tracing::error!(%error, invocation = invocation.id, "outcome not told"),
    }
}

async fn outcome(app: &Arc<App>, function: Function, options: Options, invocation: &Invocation) -> Outcome {
    let began = Instant::now();
    let deadline = began + time_for(invocation.deadline, options.margin, SystemTime::now());
    let event = event::read(function, &invocation.event);
    let (what, form): (_, fn(&Answer) -> Outcome) = match event {
        Event::Url(what) => (what, response::url),
        Event::Direct(what) => (what, response::direct),
    };
    let answer = match what {
        Ok(what) => call(app, function, what, deadline).await,
        Err(answer) => answer,
    };
    log::call(function, Some(&invocation.id), &answer, began.elapsed());
    form(&answer)
}

/// Calls the function in a task of its own: one that panics takes its invocation with it, and nothing else.
async fn call(app: &Arc<App>, function: Function, what: What, deadline: Instant) -> Answer {
    let app = Arc::clone(app);
    let called = tokio::spawn(async move { app.call(function, Call { what, deadline }).await });
    called.await.unwrap_or_else(|error| {
        tracing::error!(%error, "call broken off");
        Answer::new(Code::Upstream, "the function broke off")
    })
}

/// How long a call may take, so that its outcome still arrives.
fn time_for(deadline: Option<SystemTime>, margin: Duration, now: SystemTime) -> Duration {
    let time = deadline.map_or(TIME, |deadline| deadline.duration_since(now).unwrap_or_default());
    time.saturating_sub(margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_before_its_invocation() {
        let (now, margin) = (SystemTime::now(), Duration::from_millis(500));
        let time = |deadline| time_for(deadline, margin, now);
        assert_eq!(time(Some(now + Duration::from_secs(10))), Duration::from_millis(9_500));
        assert_eq!(time(Some(now + Duration::from_millis(200))), Duration::ZERO);
        assert_eq!(time(Some(now - Duration::from_secs(1))), Duration::ZERO);
        assert_eq!(time(None), Duration::from_millis(2_500));
    }
}
