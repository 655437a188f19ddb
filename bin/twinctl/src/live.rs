//! What `send`, `simulate`, `verify` and `twins` share: the deployment's live side, found in the journal.

use std::path::Path;

use workflows::live::{self, Device, Live, Pace, nearest};

use crate::{
    cli::Global,
    commands::status,
    exit::Exit,
    explain,
    failure::{Failure, Result},
    place::Place,
    runs,
};

/// The live side of a deployment.
pub(crate) struct Opened {
    /// Hub and twins.
    pub(crate) live: Live,
    /// The devices that feed a twin.
    pub(crate) devices: Vec<Device>,
    /// How often and how long to look.
    pub(crate) pace: Pace,
}

/// Opens it for looking at twins. Writes nothing and starts nothing.
pub(crate) async fn twins(global: &Global, project: &Path, tried: &str) -> Result<Opened> {
    open(global, project, tried, false).await
}

/// Opens it for sending, too.
pub(crate) async fn senders(global: &Global, project: &Path, tried: &str) -> Result<Opened> {
    open(global, project, tried, true).await
}

async fn open(global: &Global, project: &Path, tried: &str, sends: bool) -> Result<Opened> {
    let place = Place::new(global, project)?;
    let nothing = || Failure::new(Exit::Error, tried).because("nothing was ever deployed from here").code("no-journal");
    let view = runs::latest(&place, global, tried)?.ok_or_else(nothing)?;
    // What stands counts; while a first run is unfinished, what it is to become.
    let definition = match view.state().definition() {
        Some(digest) => view.definition(digest),
        None => view.last_definition(),
    };
    let definition = definition.map_err(|error| explain::deploy(tried, &error))?;
    let clouds = status::clouds(&place, &definition).await?;
    let live = Live::open(view.state(), &definition, clouds).map_err(|error| explained(tried, &error))?;
    if sends {
        live.demand_hub(&definition).map_err(|error| explained(tried, &error))?;
    }
    Ok(Opened { live, devices: live::devices(&definition), pace: Pace::of(definition.target.kind) })
}

fn explained(tried: &str, error: &live::Error) -> Failure {
    let failure = Failure::of(Exit::Error, tried, error);
    match error {
        live::Error::NotDeployed(_) => failure.code("not-deployed"),
        live::Error::Elsewhere { .. } => failure.code("cloud-not-supported"),
        live::Error::Azure(_) => failure,
    }
}

/// The device with this id.
pub(crate) fn device<'a>(devices: &'a [Device], id: &str, tried: &str) -> Result<&'a Device> {
    let ids = || devices.iter().map(|device| device.id.as_str());
    let unknown = || {
        let failure = Failure::new(Exit::Usage, tried).because(format!("the deployment has no device `{id}`"));
        match nearest(id, ids()) {
            Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
            None if !devices.is_empty() => failure.hint(format!("one of: {}", some(&ids().collect::<Vec<_>>()))),
            None => failure,
        }
        .code("unknown-device")
    };
    devices.iter().find(|device| device.id == id).ok_or_else(unknown)
}

/// The first of many names, so that a message stays readable.
pub(crate) fn some(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(ids: &[&str]) -> Vec<Device> {
        let device = |id: &&str| Device { id: (*id).to_owned(), twin: (*id).to_owned(), measured: Default::default() };
        ids.iter().map(device).collect()
    }

    #[test]
    fn a_misspelt_device_is_answered_with_the_nearest() {
        let devices = devices(&["press-1-controller", "robot-1-controller"]);
        assert_eq!(device(&devices, "robot-1-controller", "send").unwrap().id, "robot-1-controller");
        let failure = device(&devices, "pres-1-controler", "send").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.hint.as_deref(), Some("did you mean `press-1-controller`?"));
        let failure = device(&devices, "zzz", "send").unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("one of: press-1-controller, robot-1-controller"));
    }

    #[test]
    fn many_names_are_cut() {
        let names: Vec<String> = (0..13).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(some(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more");
        assert_eq!(some(&names[..2]), "0, 1");
    }
}
