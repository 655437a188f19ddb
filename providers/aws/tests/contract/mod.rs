//! What every kind of resource must keep to, whichever emulator answers.

pub(crate) mod cases;
pub(crate) mod cut;
mod data;
mod events;
pub(crate) mod gaps;

use std::{io::Write as _, sync::Arc, time::Duration};

use aws::{Aws, Credentials, ErrorKind, Found, Kind, Options, State, Tags};
use serde_json::Value;
use uuid::Uuid;

use crate::emulators::{Emulator, Which};

/// The region of all tests: not the one that S3 treats differently.
pub(crate) const REGION: &str = "eu-central-1";

/// How long a resource may take to settle; emulators need no time, Lambda's states in them a little.
const SETTLE: Duration = Duration::from_secs(30);

/// An emulator with an account of the test's own.
pub(crate) struct World {
    pub(crate) emulator: Arc<Emulator>,
    pub(crate) aws: Aws,
    /// How the handle was made.
    pub(crate) options: Options,
    /// What names end in: nobody else's do.
    pub(crate) suffix: String,
}

/// One resource through its life.
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) wanted: Value,
    /// What it is changed to.
    pub(crate) changed: Value,
}

impl World {
    /// `None`: the emulator is not to be had, and the test is skipped.
    pub(crate) fn on(which: Which) -> Option<Self> {
        Self::in_region(which, REGION)
    }

    /// With IoT TwinMaker where the environment says that it is; `None`: it does not.
    pub(crate) fn with_twin_maker() -> Option<Self> {
        let Ok(url) = std::env::var("TWINCTL_TWIN_MAKER") else {
            let _ = writeln!(std::io::stderr(), "skipped: TWINCTL_TWIN_MAKER does not say where IoT TwinMaker is");
            return None;
        };
        let mut world = Self::on(Which::Ministack)?;
        world.options.twin_maker_endpoint = Some(url.parse().unwrap());
        world.aws = Aws::new(world.options.clone());
        Some(world)
    }

    pub(crate) fn in_region(which: Which, region: &str) -> Option<Self> {
        let emulator = Emulator::of(which)?;
        let random = Uuid::new_v4().as_u128();
        // ministack keeps an account per twelve digits; moto has one for all, so names differ too.
        let access_key = format!("{:012}", random % 1_000_000_000_000);
        let options = Options {
            region: region.into(),
            endpoint: Some(emulator.url.clone()),
            twin_maker_endpoint: None,
            credentials: Credentials::Static { access_key, secret_key: "secret".into() },
            observer: None,
            http_client: gaps::mended(which),
        };
        Some(Self {
            emulator,
            aws: Aws::new(options.clone()),
            options,
            suffix: format!("{:08x}", random % 0xffff_ffff),
        })
    }

    pub(crate) fn name(&self, name: &str) -> String {
        format!("twinctl-{name}-{}", self.suffix)
    }

    pub(crate) async fn create(&self, case: &Case) -> Found {
        self.aws
            .create(case.kind, &case.id, &case.wanted, &mark("first"), Uuid::new_v4())
            .await
            .unwrap_or_else(|error| panic!("failed to create {} {}: {error:?}", case.kind, case.id));
        self.settle(case.kind, &case.id, &case.wanted, &mark("first")).await.0
    }

    /// Waits until the resource is ready, and updates it while it differs, as whoever creates is told to. Gives what is
    /// found in the end and how many updates it took.
    pub(crate) async fn settle(&self, kind: Kind, id: &str, wanted: &Value, tags: &Tags) -> (Found, usize) {
        let mut updates = 0;
        let deadline = tokio::time::Instant::now() + SETTLE;
        loop {
            assert!(tokio::time::Instant::now() < deadline, "{kind} {id} does not settle");
            let found = self.found(kind, id).await.unwrap_or_else(|| panic!("{kind} {id} is there"));
            let differences = kind.differences(wanted, &found.properties).expect("both are documents");
            match &found.state {
                State::Ready if differences.is_empty() && !self.lacks(kind, &found, tags) => return (found, updates),
                State::Ready => {
                    assert!(updates < 3, "{kind} {id} keeps differing in {differences:?}: {found:#?}");
                    match self.update(kind, id, wanted, tags, &found).await {
                        Ok(()) => updates += 1,
                        Err(error) if error.kind() == ErrorKind::NotYet => {}
                        Err(error) => panic!("failed to update {kind} {id}: {error:?}"),
                    }
                }
                State::Busy(_) => {}
                State::Failed(reason) => panic!("{kind} {id} failed: {reason}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn lacks(&self, kind: Kind, found: &Found, tags: &Tags) -> bool {
        self.has_tags(kind) && !found.missing_tags(tags).is_empty()
    }

    fn has_tags(&self, kind: Kind) -> bool {
        kind.has_tags() && gaps::keeps_tags(self.emulator.which, kind)
    }

    /// Tags that cannot be read back would be put for ever.
    async fn update(&self, kind: Kind, id: &str, wanted: &Value, tags: &Tags, found: &Found) -> Result<(), aws::Error> {
        let tags = if self.has_tags(kind) { tags.clone() } else { Tags::new() };
        self.aws.update(kind, id, wanted, &tags, found).await
    }

    async fn found(&self, kind: Kind, id: &str) -> Option<Found> {
        self.aws.get(kind, id).await.unwrap_or_else(|error| panic!("failed to get {kind} {id}: {error:?}"))
    }

    async fn gone(&self, kind: Kind, id: &str) {
        let deadline = tokio::time::Instant::now() + SETTLE;
        while let Some(found) = self.found(kind, id).await {
            assert!(tokio::time::Instant::now() < deadline, "{kind} {id} is still there: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Tags as a deployment of ours writes them.
pub(crate) fn mark(step: &str) -> Tags {
    let tags = [("twinctl-deployment", "contract/factory"), ("twinctl-journal", "j-1"), ("twinctl-step", step)];
    tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The life of one resource: made, made again, claimed by a stranger, changed, marked anew, removed, removed again.
pub(crate) async fn hold(world: &World, case: &Case) {
    let Case { kind, id, wanted, changed } = case;
    let (kind, aws) = (*kind, &world.aws);
    assert_eq!(aws.get(kind, id).await, Ok(None), "{kind} is not there before it is made");
    let made = aws.create(kind, id, wanted, &mark("first"), Uuid::new_v4()).await;
    assert_eq!(made, Ok(()), "{kind} is made");
    let (found, updates) = world.settle(kind, id, wanted, &mark("first")).await;
    let expected = gaps::updates_after_create(world.emulator.which, kind);
    assert_eq!(updates, expected, "{kind} is made in as many steps as are documented");
    assert!(found.attributes.as_object().is_some_and(|all| all.values().all(Value::is_string)), "{found:?}");

    if gaps::takes_repetition(world.emulator.which, kind) {
        let again = aws.create(kind, id, wanted, &mark("first"), Uuid::new_v4()).await;
        assert_eq!(again, Ok(()), "what is ours may be made again");
        assert_eq!(world.settle(kind, id, wanted, &mark("first")).await.1, 0, "which changes nothing");
    }
    if kind.has_tags() && gaps::refuses_strangers(world.emulator.which, kind) {
        let stranger = aws.create(kind, id, changed, &mark("stranger"), Uuid::new_v4()).await;
        let kinds = stranger.expect_err("it is there and not the stranger's").kind();
        assert_eq!(kinds, ErrorKind::Conflict);
        assert_eq!(world.settle(kind, id, wanted, &mark("first")).await.1, 0, "and nothing was changed for it");
    }

    assert_ne!(kind.differences(changed, &found.properties), Ok(vec![]), "the change is one");
    assert_eq!(world.update(kind, id, changed, &mark("first"), &found).await, Ok(()), "{kind} is changed");
    let (found, _) = world.settle(kind, id, changed, &mark("first")).await;
    if world.has_tags(kind) {
        foreign_tags_stay(world, case, &found).await;
    }

    assert_eq!(aws.delete(kind, id).await, Ok(()), "{kind} is removed");
    world.gone(kind, id).await;
    assert_eq!(aws.delete(kind, id).await, Ok(()), "removing what is not there is fine");
}

async fn foreign_tags_stay(world: &World, case: &Case, found: &Found) {
    let foreign: Tags = [("team".to_owned(), "north hall".to_owned())].into();
    let Case { kind, id, changed, .. } = case;
    assert_eq!(world.aws.update(*kind, id, changed, &foreign, found).await, Ok(()));
    let (found, _) = world.settle(*kind, id, changed, &foreign).await;
    assert_eq!(world.aws.update(*kind, id, changed, &mark("second"), &found).await, Ok(()));
    let (found, _) = world.settle(*kind, id, changed, &mark("second")).await;
    assert!(found.missing_tags(&foreign).is_empty(), "the foreign tag of {kind} stays: {found:?}");
}
