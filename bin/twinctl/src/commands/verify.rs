//! `twinctl verify`: the proof that live data arrives, device by device and hop by hop.

use workflows::live;

use crate::{
    cli::{Global, Verify},
    exit::Exit,
    failure::{self, Failure},
    live as deployment,
    output::Output,
    render::{self, meter::Meter, time::duration, verify as shown},
};

const TRIED: &str = "verify live data";

/// Verifies.
pub(crate) async fn verify(global: &Global, options: &Verify, output: Output) -> failure::Result {
    let opened = deployment::senders(global, &options.project.project, TRIED).await?;
    if opened.devices.is_empty() {
        return Err(Failure::new(Exit::Error, TRIED).because("no device of the deployment feeds a twin"));
    }
    let timeout = options.timeout.unwrap_or(opened.pace.patience);
    let meter = Meter::start(output);
    meter.note(&format!("one message per device; waiting for twins to follow (at most {})", duration(timeout)));
    let waiting = |left: usize| meter.show(&format!("waiting for {left} of {} twins", opened.devices.len()));
    let report = live::verify(&opened.live, &opened.devices, timeout, opened.pace.look, &waiting).await;
    drop(meter);
    output.data(&report, || shown::text(&report))?;
    for failure in shown::failures(&report) {
        output.say(&render::failure::text(&failure, output.error_color));
    }
    Ok(if report.live { Exit::Done } else { Exit::NotVisible })
}
