//! The chain that goes back: the pusher is told of the instance, and then the persister of the pusher.
//!
//! Each link is a step of its own over one or two settings, so that a crash between any two of them resumes at just that
//! link. No persister pushes before the pusher can write.

use engine::graph::After;
use functions::{
    function::Function,
    settings::{self, Persister, Remote, SecretRef, Setting},
};

use super::{
    On, Twin,
    compute::Compute,
    needs::twin_url,
    site::{At, Site},
};
use crate::{
    steps::{app_settings::AppSettings, aws::settings::Variables},
    topology::{Cloud, Layer},
};

/// Adds the links, where there is a pusher.
pub(super) fn add(site: &mut Site<'_>, on: &On<'_>, compute: &Compute, twin: &Twin, after: After) {
    let (Some(call), Twin::Azure(adt)) = (site.topology.adt_pusher.clone(), twin) else { return };
    let app = compute.app(Layer::L0).expect("the pusher is in L0's app");
    let title = format!("the instance in the settings of {}", on.azure().names.function_app(Layer::L0));
    let told = site.step(At::new("L0", "adt-instance", title, 3), (app, adt.instance), &[after], |(app, adt)| {
        let url = Setting::Plain(twin_url(&adt.host_name).to_string());
        AppSettings::new(app.id, [(settings::ADT_INSTANCE_URL.to_owned(), url)].into())
    });
    let token = site.token(Function::AdtPusher);
    let receiver = compute.receiver(&call);
    let link = move |url| pusher_settings(&Remote { url, token: token.clone() });
    match call.from {
        Cloud::Aws => {
            let lambda = compute.lambda(Function::Persister).expect("the persister is on AWS");
            let title = format!("the pusher in the settings of {}", on.aws().names.function(Function::Persister));
            let at = At::new("L2", "aws-persister-pusher", title, 3);
            site.step(at, (lambda.function, receiver), &[told.into()], move |(function, url)| {
                Variables::new(function.name, link(url))
            });
        }
        _ => {
            let app = compute.app(Layer::L2).expect("the persister is in L2's app");
            let title = format!("the pusher in the settings of {}", on.azure().names.function_app(Layer::L2));
            let at = At::new("L2", "persister-pusher", title, 3);
            site.step(at, (app, receiver), &[told.into()], move |(app, url)| AppSettings::new(app.id, link(url)));
        }
    }
}

/// What of a persister's settings tells it of the pusher.
fn pusher_settings(pusher: &Remote<SecretRef>) -> settings::AppSettings {
    Persister::pusher_settings(pusher)
}
