//! `twinctl simulate`: many devices that send, and whether their twins follow.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use uuid::Uuid;
use workflows::live::{self, Counts, Device, Plan};

use crate::{
    cli::{Global, Simulate},
    exit::Exit,
    failure::{self, Failure},
    live as deployment,
    output::Output,
    render::{self, meter::Meter, simulate as shown, time::duration},
    signals,
};

const TRIED: &str = "simulate the devices";

/// How often the counts are drawn on a terminal, and written as lines elsewhere.
const DRAWN: Duration = Duration::from_millis(250);
const WRITTEN: Duration = Duration::from_secs(5);

/// Simulates.
pub(crate) async fn simulate(global: &Global, options: &Simulate, output: Output) -> failure::Result {
    let opened = deployment::senders(global, &options.project.project, TRIED).await?;
    let devices = chosen(opened.devices, &options.devices)?;
    let plan = Plan {
        rate: options.rate,
        duration: options.duration,
        settle: options.settle.unwrap_or(opened.pace.patience),
        look: opened.pace.look,
        seed: options.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0 >> 32),
    };
    let stop = signals::first(output, "no more is sent; waiting for what is on its way (once more stops at once)")?;
    let counts = Arc::new(Counts::default());
    output.say(&format!(
        "{} devices, {} messages per second for {}, seed {}",
        devices.len(),
        plan.rate,
        duration(plan.duration),
        plan.seed
    ));
    let shown = show(output, Arc::clone(&counts), plan.settle);
    let summary = live::simulate(&opened.live, &devices, &plan, &counts, stop).await;
    shown.abort();
    // Whatever it drew is gone when it has ended; how it ended does not matter.
    let _ = shown.await;
    output.data(&summary, || shown::text(&summary))?;
    if let Some(failure) = shown::failure(&summary) {
        output.say(&render::failure::text(&failure, output.error_color));
    }
    Ok(if summary.live { Exit::Done } else { Exit::NotVisible })
}

/// The devices that were named, or all that measure something.
fn chosen(devices: Vec<Device>, wanted: &[String]) -> Result<Vec<Device>, Failure> {
    for id in wanted {
        deployment::device(&devices, id, TRIED)?;
    }
    let wanted: BTreeSet<&String> = wanted.iter().collect();
    let takes_part = |device: &Device| match wanted.is_empty() {
        true => !device.measured.is_empty(),
        false => wanted.contains(&device.id),
    };
    let chosen: Vec<Device> = devices.into_iter().filter(takes_part).collect();
    match chosen.is_empty() {
        true => Err(Failure::new(Exit::Error, TRIED).because("no device of the deployment feeds a twin")),
        false => Ok(chosen),
    }
}

/// Shows the counts until it is aborted.
fn show(output: Output, counts: Arc<Counts>, settle: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        let meter = Meter::start(output);
        let every = if output.terminal { DRAWN } else { WRITTEN };
        loop {
            tokio::time::sleep(every).await;
            let line = shown::counts(&counts, settle);
            match output.terminal {
                true => meter.show(&line),
                false => meter.note(&line),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_devices_are_taken_and_silent_ones_left_out() {
        let silent = Device { id: "a".into(), twin: "a".into(), measured: Default::default() };
        assert!(chosen(vec![silent.clone()], &[]).is_err(), "it has nothing to send");
        assert_eq!(chosen(vec![silent.clone()], &["a".into()]).unwrap().len(), 1);
        assert_eq!(chosen(vec![silent], &["b".into()]).unwrap_err().code.as_deref(), Some("unknown-device"));
    }
}
