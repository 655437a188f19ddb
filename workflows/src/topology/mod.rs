//! Every decision about what runs where: one pure, total function of the layers' clouds.

use std::fmt;

use functions::function::Function;
use serde::{Deserialize, Serialize};

/// A cloud that a layer can live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Google,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 3] = [Self::Aws, Self::Azure, Self::Google];

    /// The cloud's name in project files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Google => "google",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The cloud of each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Providers {
    /// L1, devices and their hub.
    pub l1: Cloud,
    /// L2, compute.
    pub l2: Cloud,
    /// L3, hot storage.
    pub l3_hot: Cloud,
    /// L3, cold storage.
    pub l3_cold: Cloud,
    /// L3, archive.
    pub l3_archive: Cloud,
    /// L4, the twin.
    pub l4: Cloud,
}

impl Providers {
    /// All layers on one cloud.
    #[must_use]
    pub const fn all(cloud: Cloud) -> Self {
        Self { l1: cloud, l2: cloud, l3_hot: cloud, l3_cold: cloud, l3_archive: cloud, l4: cloud }
    }

    /// Whether any layer lives on the cloud. One that none uses is never authenticated against.
    #[must_use]
    pub fn uses(&self, cloud: Cloud) -> bool {
        [self.l1, self.l2, self.l3_hot, self.l3_cold, self.l3_archive, self.l4].contains(&cloud)
    }
}

/// Who writes live data into the twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// Nobody: the twin asks for it (TwinMaker), or there is no twin.
    None,
    /// Event Grid hands the hub's telemetry to the adt-updater.
    EventGrid,
    /// The persister calls the adt-pusher.
    Pusher,
}

/// The layers that functions belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The receivers at the borders between clouds.
    L0,
    /// Compute.
    L2,
    /// The twin.
    L4,
}

impl Layer {
    /// The layer's name: `l0`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L0 => "l0",
            Self::L2 => "l2",
            Self::L4 => "l4",
        }
    }
}

/// A place where data crosses from one layer to the next over a receiver's URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Border {
    /// The connection's name, `<from>_to_<to>`, for example `aws_l1_to_azure_l2`.
    pub connection: String,
    /// The cloud that the data comes from (for the hot-reader: that asks).
    pub from: Cloud,
    /// The cloud of the receiver.
    pub to: Cloud,
    /// The receiver.
    pub function: Function,
}

/// The functions that one app hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct App {
    /// The cloud.
    pub cloud: Cloud,
    /// The layer.
    pub layer: Layer,
    /// The functions, in the order of their names in [`Function`].
    pub functions: Vec<Function>,
}

/// Everything that follows from the clouds of the layers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Topology {
    /// Who feeds the twin.
    pub feed: Feed,
    /// L1 to L2, when they are on different clouds.
    pub ingestion: Option<Border>,
    /// L2 to hot storage.
    pub hot_writer: Option<Border>,
    /// Hot to cold storage.
    pub cold_writer: Option<Border>,
    /// Cold storage to the archive.
    pub archive_writer: Option<Border>,
    /// L4 asks hot storage: only TwinMaker does.
    pub hot_reader: Option<Border>,
    /// L2 to the twin, exactly when [`Feed::Pusher`] feeds it; both ends may be on Azure.
    pub adt_pusher: Option<Border>,
    /// From the ingestion to the persister, which stand on one cloud and in two apps: no border, and yet a call that shows
    /// a token.
    pub handover: Option<Border>,
    /// The apps that host functions, by cloud and layer; none is empty.
    pub apps: Vec<App>,
}

impl Topology {
    /// Decides everything.
    #[must_use]
    pub fn of(providers: Providers) -> Self {
        let Providers { l1, l2, l3_hot, l3_cold, l3_archive, l4 } = providers;
        let feed = feed(l1, l2, l4);
        let mut topology = Self {
            feed,
            ingestion: border(l1 != l2, (l1, "l1"), (l2, "l2"), Function::Ingestion),
            hot_writer: border(l2 != l3_hot, (l2, "l2"), (l3_hot, "l3hot"), Function::HotWriter),
            cold_writer: border(l3_hot != l3_cold, (l3_hot, "l3hot"), (l3_cold, "l3cold"), Function::ColdWriter),
            archive_writer: border(
                l3_cold != l3_archive,
                (l3_cold, "l3cold"),
                (l3_archive, "l3archive"),
                Function::ArchiveWriter,
            ),
            hot_reader: border(l3_hot != l4 && l4 == Cloud::Aws, (l4, "l4"), (l3_hot, "l3hot"), Function::HotReader),
            adt_pusher: border(feed == Feed::Pusher, (l2, "l2"), (l4, "l4"), Function::AdtPusher),
            handover: border(l1 != l2, (l2, "l0"), (l2, "l2"), Function::Persister),
            apps: Vec::new(),
        };
        topology.apps = apps(providers, &topology);
        topology
    }

    /// The borders that there are, in the order in which data crosses them.
    pub fn borders(&self) -> impl Iterator<Item = &Border> {
        [&self.ingestion, &self.hot_writer, &self.cold_writer, &self.archive_writer, &self.hot_reader, &self.adt_pusher]
            .into_iter()
            .flatten()
    }

    /// Every call that shows a token: those over borders, and the handover.
    pub fn calls(&self) -> impl Iterator<Item = &Border> {
        self.borders().chain(&self.handover)
    }

    /// The call that a function receives, with the name of the connection whose token it asks for.
    #[must_use]
    pub fn call(&self, receiver: Function) -> Option<&Border> {
        self.calls().find(|call| call.function == receiver)
    }

    /// The functions of an app; empty when there is no such app.
    #[must_use]
    pub fn functions(&self, cloud: Cloud, layer: Layer) -> &[Function] {
        let app = self.apps.iter().find(|app| app.cloud == cloud && app.layer == layer);
        app.map_or(&[], |app| &app.functions)
    }
}

/// Exactly one feed for every combination.
///
/// With L1 and L2 on Azure the hub's events reach the updater. With either elsewhere they do not, or not alone: without
/// a hub there is nothing to subscribe to, and with L2 elsewhere the persister pushes, so a subscription beside it would
/// write every value twice.
const fn feed(l1: Cloud, l2: Cloud, l4: Cloud) -> Feed {
    match (l4, l1, l2) {
        (Cloud::Aws | Cloud::Google, _, _) => Feed::None,
        (Cloud::Azure, Cloud::Azure, Cloud::Azure) => Feed::EventGrid,
        (Cloud::Azure, _, _) => Feed::Pusher,
    }
}

fn border(crosses: bool, from: (Cloud, &str), to: (Cloud, &str), function: Function) -> Option<Border> {
    let connection = format!("{}_{}_to_{}_{}", from.0, from.1, to.0, to.1);
    crosses.then_some(Border { connection, from: from.0, to: to.0, function })
}

fn apps(providers: Providers, topology: &Topology) -> Vec<App> {
    let mut hosted: Vec<(Cloud, Layer, Function)> =
        topology.borders().map(|border| (border.to, Layer::L0, border.function)).collect();
    hosted.push((providers.l2, Layer::L2, Function::Persister));
    if dispatches(providers) {
        hosted.push((providers.l1, Layer::L2, Function::Dispatcher));
    }
    if providers.l4 == Cloud::Aws {
        // TwinMaker asks a Lambda of its own account, wherever hot storage is.
        hosted.push((Cloud::Aws, Layer::L4, Function::HotReader));
    }
    if topology.feed == Feed::EventGrid {
        hosted.push((Cloud::Azure, Layer::L4, Function::AdtUpdater));
    }
    hosted.sort_unstable();
    hosted
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .map(|chunk| App {
            cloud: chunk[0].0,
            layer: chunk[0].1,
            functions: chunk.iter().map(|hosted| hosted.2).collect(),
        })
        .collect()
}

/// Whether somebody beside the devices' hub must hand its messages on.
///
/// An IoT Hub speaks through Event Grid, whose subscriptions on Azure call functions there, wherever L2 is. A rule of IoT
/// Core calls a Lambda, so it needs none while L2 is on AWS; elsewhere one stands between, because the rule's own HTTP
/// action gives up after seconds, and an invocation of a Lambda is kept and repeated for hours. Pub/Sub pushes to a URL
/// by itself, patiently.
const fn dispatches(providers: Providers) -> bool {
    match (providers.l1, providers.l2) {
        (Cloud::Azure, _) | (Cloud::Aws, Cloud::Azure | Cloud::Google) => true,
        (Cloud::Aws, Cloud::Aws) | (Cloud::Google, _) => false,
    }
}

#[cfg(test)]
mod tests;
